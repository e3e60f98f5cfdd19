"""Trading methods on the auth host: what is refused in which words, and what becomes of what is accepted."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from auth_trader import Trader, order

from rxkraken.simulator.exchange import Exchange

D = Decimal


@pytest.fixture
def exchange():
    """Markets that stand still unless an account moves them."""
    return Exchange(seed=5, symbols=["BTC/USD", "ETH/USD", "PEPE/USD"], rate=0)


@pytest.fixture
def trader(exchange):
    return Trader(exchange)


STOP = {"order_type": "stop-loss", "limit_price": None}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"colour": "red"}, "Unsupported field: 'colour' for the given msg type: add order"),
        ({"leverage": 2}, "Unsupported field: 'leverage' for the given msg type: add order"),
        ({"limit_price": "80000"}, "Limit_price field must be a number_float"),
        ({"order_qty": "0.1"}, "Order_qty field must be a number_float"),
        ({"post_only": 1}, "Post_only field must be a boolean"),
        ({"symbol": "XBT/USD"}, "Currency pair not supported XBT/USD"),
        ({"symbol": None}, "Symbol(s) not found"),
        ({"order_type": "settle-position", "limit_price": None}, "EOrder:Unknown position"),
        ({"order_type": "dance"}, "EGeneral:Invalid arguments"),
        ({"side": None}, "EGeneral:Invalid arguments"),
        ({"order_qty": None}, "EGeneral:Invalid arguments:order_qty"),
        ({"order_qty": -1}, "EGeneral:Invalid arguments:order_qty"),
        ({"order_qty": 0.123456789}, "EGeneral:Invalid arguments:order_qty"),
        ({"order_qty": 10**30}, "EGeneral:Invalid arguments:order_qty"),
        ({"order_qty": 10**20}, "EGeneral:Invalid arguments:order_qty"),
        ({"limit_price": None}, "EGeneral:Invalid arguments:limit_price"),
        ({"limit_price": 80000.05}, "EOrder:Tick size check failed"),
        ({"order_qty": 0.00001}, "EOrder:Order minimum not met"),
        ({"order_qty": 0.0001, "limit_price": 1000}, "EOrder:Cost minimum not met"),
        ({"order_qty": 20}, "EOrder:Insufficient funds"),
        ({"side": "sell", "limit_price": 90000, "order_qty": 51}, "EOrder:Insufficient funds"),
        ({"post_only": True, "limit_price": 90000}, "EOrder:Post only order"),
        ({"post_only": True, "time_in_force": "ioc"}, "EGeneral:Invalid arguments:post_only"),
        ({"reduce_only": True}, "EOrder:Reduce only:No position exists"),
        ({"margin": True}, "EOrder:Margin allowance exceeded"),
        ({"time_in_force": "GTC"}, "EGeneral:Invalid arguments:time_in_force"),
        ({"time_in_force": "gtd"}, "EGeneral:Invalid arguments:expire_time"),
        ({"time_in_force": "gtd", "expire_time": "2020-01-01T00:00:00Z"}, "EGeneral:Invalid arguments:expire_time"),
        ({"time_in_force": "gtd", "expire_time": "2026-03-01T00:00:00Z"}, "EGeneral:Invalid arguments:expire_time"),
        ({"cl_ord_id": "much longer than eighteen"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"cl_ord_id": "a", "order_userref": 1}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"cash_order_qty": 100.0}, "EGeneral:Invalid arguments:cash_order_qty"),
        ({"display_qty": 0.1}, "EGeneral:Invalid arguments:display_qty"),
        ({"order_type": "iceberg", "display_qty": 0.001}, "EGeneral:Invalid arguments:display_qty"),
        ({"deadline": "2025-12-31T23:59:59.000Z"}, "EService:Deadline elapsed"),
        ({"deadline": "2026-01-01T00:02:00.000Z"}, "EGeneral:Invalid arguments:deadline"),
        (STOP, "EGeneral:Invalid arguments:triggers"),
        ({**STOP, "triggers": {"price": 1, "size": 2}}, "Unsupported field: 'size' for the given msg type: triggers"),
        ({**STOP, "triggers": {"price": 80000.05}}, "EOrder:Tick size check failed"),
        ({"order_type": "trailing-stop", "limit_price": None, "triggers": {"price": 5}}, "EOrder:Invalid price"),
        ({"triggers": {"price": 80000}}, "EGeneral:Invalid arguments:triggers"),
        ({"conditional": {"order_type": "limit"}}, "EGeneral:Invalid arguments:conditional"),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused_in_kraken_s_words(trader, changes, error):
    """Nothing is placed, and the request is remembered with its outcome."""
    assert trader.refusal("add_order", **order(**changes)) == error
    assert trader.account.orders == {}
    assert trader.events() == []
    (received,) = trader.exchange.received
    assert (received.account, received.via, received.method, received.outcome) == ("demo", "ws", "add_order", error)
    assert "token" not in received.params


def test_a_pair_without_an_index_cannot_trigger_by_it(trader):
    fields = {"order_type": "stop-loss", "side": "sell", "symbol": "PEPE/USD", "order_qty": 5_000_000}
    trigger = {"reference": "index", "price": -1, "price_type": "pct"}
    assert trader.refusal("add_order", **fields, triggers=trigger) == "EGeneral:Invalid arguments:Index unavailable"


@pytest.mark.parametrize(
    ("status", "fits", "refused"),
    [
        ("cancel_only", None, "EService:Market in cancel_only mode"),
        ("post_only", {"post_only": True}, "EService:Market in post_only mode"),
        ("limit_only", {}, "EService:Market in limit_only mode"),
        ("maintenance", None, "EService:Unavailable"),
        ("reduce_only", None, "EOrder:Reduce only:No position exists"),
    ],
)
def test_a_pair_takes_only_the_orders_of_its_status(trader, status, fits, refused):
    """Cancels go on; what the status does not take is refused by its name."""
    resting = trader.add(**order())
    trader.exchange.fault("pair_status", symbol="BTC/USD", status=status)
    market = {"order_type": "market", "limit_price": None, "order_qty": 0.01}
    assert trader.refusal("add_order", **order(**market)) == refused
    if fits is not None:
        trader.add(**order(**fits))
    assert trader.ask("cancel_order", order_id=[resting]) == [{"success": True, "result": {"order_id": resting}}]


def test_the_phases_of_the_whole_exchange_hold_for_every_pair(trader):
    """Maintenance refuses cancels as well."""
    resting = trader.add(**order())
    trader.exchange.fault("maintenance", step=1.0)
    trader.wait(0.01)
    assert trader.refusal("add_order", **order()) == "EService:Unavailable"
    assert trader.refusal("cancel_order", order_id=[resting]) == "EService:Unavailable"
    trader.wait(1)
    assert trader.refusal("add_order", **order()) == "EService:Market in cancel_only mode"
    trader.ask("cancel_order", order_id=[resting])
    trader.wait(1)
    assert trader.refusal("add_order", **order()) == "EService:Market in post_only mode"
    trader.add(**order(post_only=True))
    trader.wait(1)
    trader.add(**order())


def test_validation_places_nothing_and_returns_an_empty_id(trader):
    assert trader.ask("add_order", **order(validate=True, cl_ord_id="a")) == [
        {"success": True, "result": {"order_id": "", "cl_ord_id": "a"}}
    ]
    assert trader.account.orders == {}
    assert trader.events() == []


def test_deprecated_fields_work_and_are_warned_of(trader):
    (reply,) = trader.ask("add_order", **order(**STOP, stop_price=90000.0, trigger="last"))
    assert reply["result"]["warnings"] == [
        "stop_price is deprecated, use triggers.price", "trigger is deprecated use triggers.reference",
    ]  # fmt: skip
    assert trader.account.orders[reply["result"]["order_id"]].triggers.actual_price == 90000


def test_a_client_order_id_is_unique_among_open_orders_only(trader):
    trader.add(**order(cl_ord_id="one"))
    assert trader.refusal("add_order", **order(cl_ord_id="one")).startswith("EOrder:")
    trader.ask("cancel_order", cl_ord_id=["one"])
    trader.add(**order(cl_ord_id="one"))
    assert [received.cl_ord_ids for received in trader.exchange.received] == [("one",)] * 4


def test_an_order_rests_in_the_book_that_everyone_sees(trader):
    """Public subscribers see the level come and go."""
    texts: list[str] = []
    public = trader.exchange.connect("public", texts.append, lambda *_: None)
    public.receive('{"method":"subscribe","params":{"channel":"book","symbol":["BTC/USD"],"depth":10}}')
    trader.wait(0.1)
    texts.clear()
    bid, ask = trader.touch
    price = (bid + D("0.1")) if ask - bid > D("0.1") else bid
    before = trader.exchange.markets["BTC/USD"].engine.bids.levels.get(int(price * 10))
    qty = D(before.qty).scaleb(-8) if before else D(0)
    placed = trader.add(**order(limit_price=price, order_qty=0.5))
    trader.ask("cancel_order", order_id=[placed])
    updates = [json.loads(text, parse_float=Decimal) for text in texts if '"book"' in text]
    levels = [frame["data"][0]["bids"][0] for frame in updates]
    assert levels == [{"price": price, "qty": qty + D("0.5")}, {"price": price, "qty": qty}]


def test_what_open_orders_reserve_cannot_be_spent_twice(trader):
    """A million dollars: twelve coins at 80000 leave 40000."""
    first = trader.add(**order(order_qty=12))
    assert (trader.account.held("USD"), trader.account.available("USD")) == (960_000, 40_000)
    assert trader.refusal("add_order", **order(order_qty=1)) == "EOrder:Insufficient funds"
    trader.add(**order(order_qty=0.5))
    assert trader.refusal("amend_order", order_id=first, order_qty=13) == "EOrder:Insufficient funds"
    trader.ask("cancel_order", order_id=[first])
    trader.add(**order(order_qty=1))


def test_makers_pay_less_than_takers_and_fees_go_where_the_order_prefers(exchange):
    """0.25 % and 0.40 %; buyers pay in quote and sellers in base currency unless they say otherwise."""
    exchange.add_account("other", balances={"USD": 500_000, "BTC": 5})
    maker, taker = Trader(exchange), Trader(exchange, exchange.add_key("other").key)
    price = maker.touch[0] + D("0.1")
    cost = price * D("0.5")
    for preference in (None, "quote"):
        maker.add(**order(limit_price=price, order_qty=0.5))
        taker.add(**order(limit_price=price, order_qty=0.5, side="sell", fee_preference=preference))
    (made, again), (took, in_quote) = maker.account.fills, taker.account.fills
    cut = cost * D("0.004")
    assert (made.fee, made.fee_asset, made.liquidity) == (cost * D("0.0025") // D("0.0001") * D("0.0001"), "USD", "m")
    assert (took.fee, took.fee_asset, took.liquidity) == (D("0.002"), "BTC", "t")
    assert (in_quote.fee, in_quote.fee_asset) == (cut // D("0.0001") * D("0.0001"), "USD")
    assert again.fee == made.fee
    assert maker.account.balances["BTC"] == 51
    assert taker.account.balances["BTC"] == D("3.998")


def test_a_fee_that_cannot_be_paid_in_the_preferred_currency_is_taken_from_the_other(exchange):
    """Selling everything leaves nothing for a fee in base currency."""
    exchange.add_account("all in", balances={"BTC": 1})
    trader = Trader(exchange, exchange.add_key("all in").key)
    trader.add(**order(order_type="market", limit_price=None, side="sell", order_qty=1))
    assert trader.account.balances["BTC"] == 0
    assert {fill.fee_asset for fill in trader.account.fills} == {"USD"}


def test_a_cash_order_spends_no_more_than_its_cash(trader):
    """The quantity follows from the book; the last increment is never overspent."""
    placed = trader.add(order_type="market", side="buy", symbol="BTC/USD", cash_order_qty=50_000)
    done = trader.account.orders[placed]
    assert done.status == "filled"
    assert 0 <= 50_000 - done.cum_cost < D("0.01")
    assert trader.events(placed)[0]["cash_order_qty"] == 50_000
    assert "order_qty" not in trader.events(placed)[0]


def test_an_immediate_order_takes_what_there_is_and_the_remainder_ends(trader):
    """IOC: one level, then expired; FOK: nothing at all."""
    ask = trader.touch[1]
    there = D(trader.exchange.markets["BTC/USD"].engine.asks.best.qty).scaleb(-8)
    more = {"limit_price": ask, "order_qty": there + 1}
    whole = trader.add(**order(**more, time_in_force="fok"))
    part = trader.add(**order(**more, time_in_force="ioc"))
    assert trader.story(whole) == ["pending_new", "new", "canceled: Fill or kill order could not be filled"]
    assert trader.account.orders[whole].fills == []
    assert trader.story(part)[-1] == "expired: Immediate or cancel order could not be filled"
    assert trader.account.orders[part].cum_qty == there
    assert trader.account.held("USD") == 0


def test_an_order_good_till_date_expires_then_and_not_before(trader):
    placed = trader.add(**order(time_in_force="gtd", expire_time="2026-01-01T00:00:30Z"))
    trader.wait(29.5)
    assert trader.account.orders[placed].is_open
    trader.wait(1)
    assert trader.story(placed) == ["pending_new", "new", "expired: Order expired"]
    assert trader.exchange.markets["BTC/USD"].engine.orders.get(placed) is None


def test_a_scheduled_order_is_pending_until_its_time(trader):
    placed = trader.add(**order(effective_time="2026-01-01T00:00:10Z"))
    trader.wait(5)
    assert trader.story(placed) == ["pending_new"]
    assert placed not in trader.exchange.markets["BTC/USD"].engine.orders
    trader.wait(6)
    assert trader.story(placed) == ["pending_new", "new"]
    assert placed in trader.exchange.markets["BTC/USD"].engine.orders


def test_an_iceberg_shows_its_peak_and_says_when_it_is_refilled(exchange):
    exchange.add_account("other", balances={"USD": 500_000, "BTC": 5})
    trader, other = Trader(exchange), Trader(exchange, exchange.add_key("other").key)
    price = trader.touch[0] + D("0.1")
    placed = trader.add(**order(order_type="iceberg", limit_price=price, order_qty=1, display_qty=0.4))
    assert exchange.markets["BTC/USD"].engine.bids.best.qty == 40_000_000
    other.add(**order(limit_price=price, order_qty=0.5, side="sell"))
    assert trader.story(placed) == ["pending_new", "new", "trade", "iceberg_refill", "trade"]
    assert exchange.markets["BTC/USD"].engine.bids.best.qty == 30_000_000
    refill = trader.events(placed)[3]
    assert (refill["display_qty"], refill["order_status"]) == (D("0.4"), "partially_filled")


@pytest.mark.parametrize(
    ("stp_type", "mine", "newer"),
    [
        ("cancel_newest", "resting", "canceled"),
        ("cancel_oldest", "canceled", "resting"),
        ("cancel_both", "canceled", "canceled"),
    ],
)
def test_an_account_does_not_trade_with_itself(trader, stp_type, mine, newer):
    """The older order, the newer or both are canceled with that reason."""
    price = trader.touch[0] + D("0.1")
    resting = trader.add(**order(limit_price=price))
    coming = trader.add(**order(limit_price=price, side="sell", order_qty=0.05, stp_type=stp_type))
    ends = ["canceled: Self trade prevention"]
    assert trader.story(resting)[2:] == (ends if mine == "canceled" else [])
    assert [each for each in trader.story(coming)[2:] if each != "trade"][-1:] == (ends if newer == "canceled" else [])
    assert all(fill.order_id != resting for fill in trader.account.fills)


def test_the_house_hits_account_orders_and_never_takes_them_away():
    """Under heavy flow an order near the touch is filled by others, one far away stays."""
    exchange = Exchange(seed=5, symbols=["BTC/USD"], rate=50)
    trader = Trader(exchange)
    near = [trader.add(**order(limit_price=trader.touch[0], order_qty=0.01)) for _ in range(5)]
    far = trader.add(**order(limit_price=70_000))
    trader.wait(120)
    states = {trader.account.orders[each].status for each in near}
    assert "filled" in states
    assert states <= {"filled", "partially_filled", "new"}
    assert trader.account.orders[far].status == "new"
    assert far in exchange.markets["BTC/USD"].engine.orders
    assert {fill.liquidity for fill in trader.account.fills} == {"m"}
