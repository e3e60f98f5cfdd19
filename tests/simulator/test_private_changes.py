"""Changing orders on the auth host: triggers, close orders, amends, edits, cancels, batches, timers and limits."""

from __future__ import annotations

from decimal import Decimal

import pytest
from auth_trader import Trader, order

from rxkraken.simulator.exchange import Exchange
from rxkraken.simulator.limits import count

D = Decimal


@pytest.fixture
def exchange():
    """Markets that stand still unless an account moves them."""
    return Exchange(seed=5, symbols=["BTC/USD", "ETH/USD", "PEPE/USD"], rate=0)


@pytest.fixture
def trader(exchange):
    return Trader(exchange)


def sold(trader: Trader, qty="60") -> None:
    """Let somebody sell through the bids, which moves the last price down."""
    exchange = trader.exchange
    if "seller" not in exchange.accounts:
        exchange.add_account("seller", balances={"BTC": 1000, "USD": 100_000_000})
    exchange.desk.add(
        exchange.accounts["seller"],
        {"order_type": "market", "side": "sell", "symbol": "BTC/USD", "order_qty": D(qty)},
    )
    trader.wait(0.1)


def last(trader: Trader) -> Decimal:
    return trader.exchange.markets["BTC/USD"].reference("last")


# --- triggers ---------------------------------------------------------------------------------------------------------


def test_a_stop_waits_outside_the_book_and_fires_when_the_last_price_reaches_it(trader):
    """Untriggered, live, triggered with the price that did it, traded, filled."""
    stop = {"order_type": "stop-loss", "side": "sell", "limit_price": None}
    placed = trader.add(**order(**stop, triggers={"price": last(trader) - 10}))
    assert placed not in trader.exchange.markets["BTC/USD"].engine.orders
    pending = trader.events(placed)[0]
    assert pending["triggers"]["status"] == "untriggered"
    assert (pending["trigger"], pending["stop_price"]) == ("last", last(trader) - 10)
    sold(trader)
    assert trader.story(placed)[:3] == ["pending_new", "new", "status"]
    assert {*trader.story(placed)[3:]} == {"trade", "filled"}
    status = trader.events(placed)[2]
    assert status["triggers"]["status"] == "triggered"
    assert status["triggered_price"] == status["triggers"]["last_price"] <= pending["stop_price"]


def test_a_stop_limit_rests_at_its_limit_once_triggered(trader):
    """Its limit is above the market by then, so it is in the book, unfilled."""
    stop = {"order_type": "stop-loss-limit", "side": "sell", "limit_price": 85_000}
    placed = trader.add(**order(**stop, triggers={"price": -0.01, "price_type": "pct"}))
    sold(trader)
    assert trader.story(placed) == ["pending_new", "new", "status"]
    assert trader.exchange.markets["BTC/USD"].engine.orders[placed].price == 850_000


def test_a_take_profit_buys_when_the_price_has_fallen(trader):
    profit = {"order_type": "take-profit", "side": "buy", "limit_price": None, "order_qty": 0.01}
    placed = trader.add(**order(**profit, triggers={"price": -10, "price_type": "quote"}))
    assert trader.account.orders[placed].is_untriggered
    sold(trader)
    assert trader.account.orders[placed].status == "filled"


def test_a_trailing_stop_follows_the_price_one_way_only(trader):
    """A buy trails a falling price; when the price turns by its distance, it fires."""
    trailing = {"order_type": "trailing-stop", "side": "buy", "limit_price": None, "order_qty": 0.01}
    placed = trader.add(**order(**trailing, triggers={"price": 30, "price_type": "quote"}))
    triggers = trader.account.orders[placed].triggers
    before = triggers.actual_price
    assert before == last(trader) + 30
    sold(trader)
    assert triggers.actual_price == last(trader) + 30 < before
    lowest = triggers.actual_price
    trader.exchange.desk.add(
        trader.exchange.accounts["seller"],
        {"order_type": "market", "side": "buy", "symbol": "BTC/USD", "order_qty": D(90)},
    )
    trader.wait(0.1)
    assert triggers.actual_price == lowest
    assert trader.account.orders[placed].status == "filled"


def test_a_trailing_stop_limit_carries_its_limit_along(trader):
    """`limit_price` is a distance from the trigger price."""
    trailing = {"order_type": "trailing-stop-limit", "side": "buy", "limit_price": 5, "order_qty": 0.01}
    placed = trader.add(**order(**trailing, triggers={"price": 0.1, "price_type": "pct"}))
    waiting = trader.account.orders[placed]
    before = waiting.limit_price
    assert before == waiting.triggers.actual_price + 5
    sold(trader)
    assert waiting.limit_price == waiting.triggers.actual_price + 5 < before


def test_each_fill_of_an_order_with_a_close_order_creates_one(trader):
    """Opposite side, the size of the fill, and the order it came from."""
    close = {"order_type": "stop-loss-limit", "trigger_price": 80_000, "limit_price": 79_900}
    placed = trader.add(**order(order_type="market", limit_price=None, order_qty=0.3, conditional=close))
    fills = trader.account.orders[placed].fills
    closing = [each for each in trader.account.orders.values() if each.ref_id == placed]
    assert len(fills) > 1
    assert [(each.side, each.qty, each.order_type, each.limit_price) for each in closing] == [
        ("sell", fill.qty, "stop-loss-limit", 79_900) for fill in fills
    ]
    assert trader.events(placed)[0]["contingent"] == close
    assert trader.events(closing[0].order_id)[0]["ord_ref_id"] == placed
    assert trader.refusal("amend_order", order_id=placed, order_qty=0.4) == "EOrder:Unknown order"


# --- amend and edit ---------------------------------------------------------------------------------------------------


def rank(trader: Trader, order_id: str) -> int:
    """How many orders of its level are served before an order."""
    engine = trader.exchange.markets["BTC/USD"].engine
    booked = engine.orders[order_id]
    return list(engine.own(booked.side).levels[booked.price].orders).index(order_id)


def test_an_amend_keeps_the_id_and_where_the_rules_allow_it_the_place(trader):
    """Less keeps the place, more loses it, another price goes to the back of that price."""
    first = trader.add(**order(cl_ord_id="first"))
    second = trader.add(**order())
    (reply,) = trader.ask("amend_order", cl_ord_id="first", order_qty=0.05)
    assert reply == {
        "success": True, "result": {"amend_id": reply["result"]["amend_id"], "cl_ord_id": "first"},
    }  # fmt: skip
    assert [rank(trader, each) for each in (first, second)] == [0, 1]
    trader.ask("amend_order", order_id=first, order_qty=0.2)
    assert [rank(trader, each) for each in (first, second)] == [1, 0]
    trader.ask("amend_order", order_id=second, limit_price=80_001)
    assert trader.account.orders[second].limit_price == 80_001
    trader.ask("amend_order", order_id=second, limit_price=80_000)
    assert [rank(trader, each) for each in (first, second)] == [0, 1]
    assert trader.story(first) == ["pending_new", "new", *["amended: User requested"] * 2]


def test_an_amend_that_crosses_trades_unless_it_is_post_only(trader):
    placed = trader.add(**order(order_qty=0.01))
    ask = trader.touch[1]
    assert trader.refusal("amend_order", order_id=placed, limit_price=ask, post_only=True) == "EOrder:Post only order"
    assert trader.account.orders[placed].limit_price == 80_000
    trader.ask("amend_order", order_id=placed, limit_price=ask)
    assert trader.story(placed)[2:] == ["amended: User requested", "trade", "filled"]


def test_an_amend_below_what_is_filled_ends_the_order_at_what_is_filled(trader):
    ask = trader.touch[1]
    there = D(trader.exchange.markets["BTC/USD"].engine.asks.best.qty).scaleb(-8)
    placed = trader.add(**order(limit_price=ask, order_qty=there + 1))
    trader.ask("amend_order", order_id=placed, order_qty=there / 2)
    done = trader.account.orders[placed]
    assert (done.status, done.qty, done.cum_qty) == ("canceled", there, there)
    assert trader.account.held("USD") == 0


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({}, "EGeneral:Invalid arguments"),
        ({"order_id": "O", "cl_ord_id": "a"}, "EGeneral:Invalid arguments"),
        ({"order_id": "OABCDE-12345-FGHIJK"}, "EOrder:Unknown order"),
        ({"cl_ord_id": "mine", "limit_price": 80_000.05}, "EOrder:Tick size check failed"),
        ({"cl_ord_id": "mine", "limit_price": "80000"}, "Limit_price field must be a number_float"),
        ({"cl_ord_id": "mine", "trigger_price": 80_000}, "EGeneral:Invalid arguments:trigger_price"),
        ({"cl_ord_id": "mine", "display_qty": 0.1}, "EGeneral:Invalid arguments:display_qty"),
        ({"cl_ord_id": "mine", "side": "sell"}, "Unsupported field: 'side' for the given msg type: amend order"),
    ],
)
def test_an_amend_that_is_wrong_changes_nothing(trader, fields, error):
    placed = trader.add(**order(cl_ord_id="mine"))
    assert trader.refusal("amend_order", **fields) == error
    assert trader.story(placed) == ["pending_new", "new"]


def test_a_trigger_can_be_moved(trader):
    stop = {"order_type": "stop-loss", "side": "sell", "limit_price": None}
    placed = trader.add(**order(**stop, triggers={"price": 70_000}))
    trader.ask("amend_order", order_id=placed, trigger_price=last(trader) - 10)
    sold(trader)
    assert trader.account.orders[placed].status == "filled"


def test_an_edit_cancels_the_order_and_makes_one_with_a_new_id(trader):
    """The money of the old one counts for the new one."""
    old = trader.add(**order(order_qty=12))
    (reply,) = trader.ask("edit_order", order_id=old, symbol="BTC/USD", limit_price=81_000, order_qty=12.1)
    new = reply["result"]["order_id"]
    assert reply["result"] == {"order_id": new, "original_order_id": old}
    assert new != old
    assert trader.story(old)[-1] == "canceled: User requested"
    assert trader.story(new) == ["pending_new", "new"]
    assert trader.account.held("USD") == D("980100")
    assert trader.refusal("edit_order", order_id=old, symbol="BTC/USD") == "EOrder:Unknown order"


# --- cancels ----------------------------------------------------------------------------------------------------------


def test_a_cancel_is_answered_once_for_each_order(trader):
    """By id, by client id, by tag; what is not there is an unknown order."""
    ids = [trader.add(**order()), trader.add(**order(cl_ord_id="c")), trader.add(**order(order_userref=4))]
    tagged = [ids[2], trader.add(**order(order_userref=4))]
    unknown = {"success": False, "error": "EOrder:Unknown order"}
    replies = trader.ask("cancel_order", order_id=[ids[0], "OABCDE-12345-FGHIJK"], cl_ord_id=["c"], order_userref=[4])
    assert replies == [
        {"success": True, "result": {"order_id": ids[0]}},
        unknown,
        {"success": True, "result": {"cl_ord_id": "c"}},
        *({"success": True, "result": {"order_id": each}} for each in tagged),
    ]
    assert trader.account.open_orders == []
    assert trader.ask("cancel_order", order_id=[ids[0]]) == [unknown]
    assert trader.refusal("cancel_order") == "EGeneral:Invalid arguments"


def test_cancel_all_takes_everything_untriggered_ones_too(trader):
    trader.add(**order())
    trader.add(**order(order_type="stop-loss", side="sell", limit_price=None, triggers={"price": 70_000}))
    trader.add(**order(symbol="ETH/USD", limit_price=2000))
    assert trader.ask("cancel_all") == [{"success": True, "result": {"count": 3}}]
    assert trader.ask("cancel_all") == [{"success": True, "result": {"count": 0}}]
    assert [each for each in trader.story() if each.startswith("canceled")] == ["canceled: User requested"] * 3


@pytest.mark.parametrize(("shape", "told"), [("live", {"orders_cancelled": 2}), ("docs", {"result": {"count": 2}})])
def test_a_batch_cancel_is_answered_once_in_either_shape(shape, told):
    trader = Trader(Exchange(seed=5, symbols=["BTC/USD"], rate=0, batch_cancel=shape))
    ids = [trader.add(**order()), trader.add(**order(cl_ord_id="c"))]
    assert trader.ask("batch_cancel", orders=[ids[0], "OABCDE-12345-FGHIJK"], cl_ord_id=["c"]) == [
        {"success": True, **told}
    ]
    assert trader.refusal("batch_cancel", orders=ids) == "EOrder:Unknown order"
    assert trader.refusal("batch_cancel", orders=ids[:1]) == "EGeneral:Invalid arguments"


def test_the_dead_mans_switch_fires_for_the_whole_account_unless_it_is_renewed(trader):
    """It outlives the connection; disarmed, the trigger time is "0"."""
    assert trader.ask("cancel_all_orders_after", timeout=30) == [
        {"success": True, "result": {"currentTime": "2026-01-01T00:00:00Z", "triggerTime": "2026-01-01T00:00:30Z"}}
    ]
    trader.add(**order())
    trader.wait(25)
    trader.ask("cancel_all_orders_after", timeout=30)
    trader.wait(20)
    assert len(trader.account.open_orders) == 1
    (reply,) = trader.ask("cancel_all_orders_after", timeout=0)
    assert reply["result"]["triggerTime"] == "0"
    trader.wait(60)
    assert len(trader.account.open_orders) == 1
    trader.ask("cancel_all_orders_after", timeout=5)
    trader.connection.closed()
    trader.wait(6)
    assert trader.account.open_orders == []


@pytest.mark.parametrize("timeout", [-1, 86_400, None])
def test_a_timeout_out_of_range_is_refused(trader, timeout):
    fields = {} if timeout is None else {"timeout": timeout}
    assert trader.refusal("cancel_all_orders_after", **fields) == "EGeneral:Invalid arguments"


# --- batches ----------------------------------------------------------------------------------------------------------


def row(**changes) -> dict:
    return order(symbol=None, **changes)


def test_a_batch_places_its_orders_in_their_order(trader):
    (reply,) = trader.ask("batch_add", symbol="BTC/USD", orders=[row(cl_ord_id="a"), row(order_userref=2)])
    ids = list(trader.account.orders)
    assert reply == {
        "success": True,
        "result": [{"order_id": ids[0], "cl_ord_id": "a"}, {"order_id": ids[1], "order_userref": 2}],
    }
    assert trader.exchange.received[0].cl_ord_ids == ("a",)


def test_one_malformed_order_refuses_the_batch_and_a_poor_one_only_itself(trader):
    """Syntax and minimums are everyone's, funds are one's own: the row has an error and the answer no success."""
    for bad, error in (
        (row(limit_price=80_000.05), "EOrder:Tick size check failed"),
        (order(), "Unsupported field: 'symbol' for the given msg type: add order"),
    ):
        assert trader.refusal("batch_add", symbol="BTC/USD", orders=[row(), bad]) == error
    for many in (1, 16):
        assert trader.refusal("batch_add", symbol="BTC/USD", orders=[row()] * many) == "EGeneral:Invalid arguments"
    assert trader.account.orders == {}
    (reply,) = trader.ask("batch_add", symbol="BTC/USD", orders=[row(), row(order_qty=100)])
    (placed,) = trader.account.orders
    assert reply == {"success": False, "result": [{"order_id": placed}, {"error": "EOrder:Insufficient funds"}]}


# --- limits -----------------------------------------------------------------------------------------------------------


def test_the_rate_counter_adds_up_as_the_exchange_s_own_example(exchange):
    """Fifty orders and ten seconds on Intermediate leave 50 - 23.4."""
    account = exchange.add_account("middle", balances={"USD": 1_000_000}, tier="intermediate")
    for _ in range(50):
        exchange.desk.add(account, order(order_qty=D("0.01"), limit_price=D(50_000)))
    exchange.advance(10)
    assert count(account, "BTC/USD", exchange.now) == pytest.approx(26.6)


def test_too_many_requests_on_a_pair_are_refused_until_the_counter_has_decayed(exchange):
    """Sixty on Starter; other pairs have counters of their own; a batch cancel is never refused."""
    exchange.add_account("small", balances={"USD": 1_000_000}, tier="starter")
    trader = Trader(exchange, exchange.add_key("small").key)
    for _ in range(6):
        placed = trader.add(**order(order_qty=0.001))
        trader.ask("cancel_order", order_id=[placed])
    keep = [trader.add(**order(order_qty=0.001)) for _ in range(4)]
    assert trader.ask("cancel_order", order_id=keep[:1]) == [{"success": False, "error": "EOrder:Rate limit exceeded"}]
    trader.add(**order(symbol="ETH/USD", limit_price=2000))
    trader.ask("batch_cancel", orders=keep[:2])
    assert trader.refusal("add_order", **order()) == "EOrder:Rate limit exceeded"
    trader.wait(30)
    trader.add(**order())


def test_a_pair_holds_only_so_many_open_orders_of_an_account(exchange):
    """Sixty on Starter, placed slowly."""
    exchange.add_account("small", balances={"USD": 1_000_000}, tier="starter")
    trader = Trader(exchange, exchange.add_key("small").key)
    for _ in range(60):
        trader.ask("add_order", 1.0, **order(order_qty=0.001))
    assert len(trader.account.open_orders) == 60
    assert trader.refusal("add_order", **order()) == "EOrder:Orders limit exceeded"


def test_orders_follow_the_market_to_coarser_prices(trader):
    """A restated price, and what is reserved fits it."""
    placed = trader.add(**order(limit_price=80_000.3))
    trader.exchange.fault("precision", symbol="BTC/USD", price_precision=0)
    trader.wait(0.1)
    assert trader.account.orders[placed].limit_price == 80_000
    assert trader.story(placed)[-1] == "restated: Price precision changed"
    assert trader.account.held("USD") == 8_000
