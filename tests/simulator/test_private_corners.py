"""Orders in odd places: phases that change under them, books that run empty, money that runs out."""

from __future__ import annotations

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


def push(trader: Trader, side: str, qty: str) -> None:
    """Let somebody with deep pockets trade at any price."""
    exchange = trader.exchange
    if "whale" not in exchange.accounts:
        exchange.add_account("whale", balances={"BTC": 10_000, "USD": 1_000_000_000})
    fields = {"order_type": "market", "side": side, "symbol": "BTC/USD", "order_qty": D(qty)}
    exchange.desk.add(exchange.accounts["whale"], fields)
    trader.wait(0.1)


def test_a_book_that_is_bought_empty_fills_again():
    """What is not there cannot be bought; the flow goes on."""
    exchange = Exchange(seed=5, symbols=["BTC/USD"], rate=200)
    trader = Trader(exchange)
    exchange.advance(1)
    there = sum(level.qty for level in exchange.markets["BTC/USD"].engine.asks.levels.values())
    push(trader, "buy", str(D(there).scaleb(-8) + 100))
    whale = exchange.accounts["whale"]
    (order_id,) = whale.orders
    assert whale.orders[order_id].status == "canceled"
    assert whale.orders[order_id].reason == "Insufficient liquidity"
    trader.wait(60)
    assert len(exchange.markets["BTC/USD"].engine.asks) > 20


def test_a_market_order_into_an_empty_book_is_canceled(trader):
    push(trader, "buy", "5000")
    assert trader.exchange.markets["BTC/USD"].engine.asks.best is None
    cash = trader.add(order_type="market", side="buy", symbol="BTC/USD", cash_order_qty=100)
    assert trader.story(cash) == ["pending_new", "new", "canceled: Insufficient liquidity"]
    post = trader.add(**order(post_only=True, limit_price=90_000, order_qty=0.01))
    assert trader.account.orders[post].status == "new"


def test_a_stop_whose_money_is_gone_when_it_fires_is_canceled(trader):
    """It reserved its trigger price; the market has run away from it."""
    ask = trader.touch[1]
    fields = {"order_type": "stop-loss", "side": "buy", "limit_price": None, "order_qty": 11.85}
    placed = trader.add(**order(**fields, triggers={"price": ask + 5}))
    push(trader, "buy", "100")
    assert trader.story(placed) == ["pending_new", "new", "status", "canceled: Insufficient funds"]
    assert trader.account.held("USD") == 0


def test_triggers_wait_for_the_market_to_be_open(trader):
    """In another phase nothing fires; when it is over, the next look does."""
    bid = trader.touch[0]
    fields = {"order_type": "stop-loss", "side": "sell", "limit_price": None, "order_qty": 0.01}
    placed = trader.add(**order(**fields, triggers={"price": bid - 20}))
    trader.exchange.fault("cancel_only", seconds=5)
    trader.exchange.markets["BTC/USD"].last_price = int((bid - 100) * 10)
    trader.exchange._office.floor.look("BTC/USD")
    assert trader.account.orders[placed].is_untriggered
    trader.wait(5.1)
    trader.exchange._office.floor.look("BTC/USD")
    assert trader.account.orders[placed].status == "filled"


def test_an_order_by_the_index_fires_with_the_fair_price():
    """The flow moves the index; the last trade does not matter."""
    exchange = Exchange(seed=5, symbols=["BTC/USD"], rate=50)
    trader = Trader(exchange)
    fields = {"order_type": "trailing-stop", "side": "sell", "limit_price": None, "order_qty": 0.01}
    placed = trader.add(**order(**fields, triggers={"price": 0.01, "price_type": "pct", "reference": "index"}))
    trader.wait(300)
    triggers = trader.account.orders[placed].triggers
    assert trader.account.orders[placed].status == "filled"
    assert triggers.last_price <= triggers.actual_price < triggers.peak_price


def test_a_scheduled_order_finds_the_phase_it_starts_in(trader):
    """Cancelled before its time it never starts; in a phase that does not take it, it is canceled."""
    gone = trader.add(**order(effective_time="2026-01-01T00:00:05Z"))
    late = trader.add(**order(effective_time="2026-01-01T00:00:05Z"))
    trader.ask("cancel_order", order_id=[gone])
    trader.exchange.fault("cancel_only", seconds=60)
    trader.wait(10)
    assert trader.story(gone) == ["pending_new", "canceled: User requested"]
    assert trader.story(late) == ["pending_new", "new", "canceled: Market in cancel_only mode"]


def test_a_close_order_that_cannot_be_paid_is_canceled_at_once(exchange):
    """The fee has eaten a part of what was bought."""
    exchange.add_account("poor", balances={"USD": 10_000})
    trader = Trader(exchange, exchange.add_key("poor").key)
    close = {"order_type": "limit", "limit_price": 90_000}
    fields = {"order_type": "market", "limit_price": None, "order_qty": 0.01, "fee_preference": "base"}
    placed = trader.add(**order(**fields, conditional=close))
    (closing,) = [each for each in trader.account.orders.values() if each.ref_id == placed]
    assert trader.story(closing.order_id) == ["pending_new", "canceled: Insufficient funds"]


def test_prices_that_become_coarser_than_an_order_cancel_it():
    """A price of less than one new unit is no price."""
    exchange = Exchange(seed=5, symbols=["PEPE/USD"], rate=0)
    trader = Trader(exchange)
    fields = {"symbol": "PEPE/USD", "limit_price": D("0.000000009"), "order_qty": 100_000_000}
    placed = trader.add(**order(**fields))
    stop = {**fields, "order_type": "take-profit", "limit_price": None, "triggers": {"price": D("0.000008888")}}
    waiting = trader.add(**order(**stop))
    exchange.fault("precision", symbol="PEPE/USD", price_precision=7)
    trader.wait(0.1)
    assert trader.story(placed) == ["pending_new", "new", "canceled: Price precision changed"]
    assert trader.account.orders[waiting].triggers.actual_price == D("0.0000089")


@pytest.mark.parametrize(
    ("conditional", "accepted"),
    [
        ({"order_type": "stop-loss", "trigger_price": 80_000}, True),
        ({"order_type": "stop-loss", "stop_price": 80_000}, True),
        ({"order_type": "trailing-stop", "trigger_price": 1, "trigger_price_type": "pct"}, True),
        ({"order_type": "trailing-stop", "trigger_price": 1}, False),
        ({"order_type": "iceberg", "limit_price": 80_000}, False),
        ({"order_type": "limit", "limit_price": 1, "limit_price_type": "pct"}, False),
        ({"order_type": "stop-loss-limit", "trigger_price": 80_000}, False),
    ],
)
def test_a_close_order_is_described_whole_or_not_at_all(trader, conditional, accepted):
    fields = order(order_type="market", limit_price=None, order_qty=0.01, conditional=conditional)
    if not accepted:
        assert trader.refusal("add_order", **fields) == "EGeneral:Invalid arguments:conditional"
        return
    placed = trader.add(**fields)
    assert [each.status for each in trader.account.orders.values() if each.ref_id == placed] == ["new"]


def test_an_edit_is_refused_where_it_would_not_replace_the_order(trader):
    """Unknown, of another symbol, with a close order, below what is filled, or only to be checked."""
    placed = trader.add(**order())
    closing = trader.add(**order(conditional={"order_type": "limit", "limit_price": 90_000}))
    edit = {"symbol": "BTC/USD", "order_id": placed}
    assert trader.refusal("edit_order", symbol="BTC/USD") == "EGeneral:Invalid arguments"
    assert trader.refusal("edit_order", **{**edit, "symbol": "ETH/USD"}) == "EGeneral:Invalid arguments:symbol"
    assert trader.refusal("edit_order", **{**edit, "order_id": closing}) == "EOrder:Invalid order"
    assert trader.refusal("amend_order", order_id=closing, order_qty=1) == "EOrder:Invalid order"
    assert trader.refusal("edit_order", **edit, limit_price=90_000, post_only=True) == "EOrder:Post only order"
    (reply,) = trader.ask("edit_order", **edit, order_qty=0.2, validate=True)
    assert reply["result"] == {"order_id": "", "original_order_id": placed}
    assert trader.account.orders[placed].qty == D("0.1")
    assert trader.story(placed) == ["pending_new", "new"]


def test_a_trigger_can_be_edited(trader):
    stop = {"order_type": "stop-loss", "side": "sell", "limit_price": None}
    placed = trader.add(**order(**stop, triggers={"price": 70_000}))
    (reply,) = trader.ask("edit_order", order_id=placed, symbol="BTC/USD", triggers={"price": 71_000})
    edited = trader.account.orders[reply["result"]["order_id"]]
    assert (edited.triggers.actual_price, edited.ref_id) == (71_000, placed)


def test_an_answer_of_a_trading_method_can_be_swallowed_or_late_like_any_other(trader):
    trader.exchange.fault("swallow_ack", method="cancel_all")
    trader.exchange.fault("delay_ack", method="add_order", seconds=2)
    assert trader.ask("add_order", **order()) == []
    assert trader.ask("cancel_all") == []
    assert trader.account.open_orders == []
