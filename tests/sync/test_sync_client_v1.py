"""The blocking client of v1 against a whole exchange, over real sockets: streams, requests, tickets, the switch."""

from __future__ import annotations

import threading
import time
from decimal import Decimal

import pytest
from reactivex import operators as ops

import rxkraken as rk

PATIENCE = 30.0


def bid(client, **changes):
    """The outcome of an order that rests."""
    given = {"qty": "0.01", "price": "20000"} | changes
    return client.add_order("BTC/USD", "buy", "limit", **given)


# --- streams ----------------------------------------------------------------------------------------------------------


def test_every_stream_gives_its_first_item(trader_v1):
    bid(trader_v1)
    streams = {
        "ticker": trader_v1.ticker("BTC/USD"),
        "book": trader_v1.book("XBT/USD", depth=25),
        "ohlc": trader_v1.ohlc("BTC/USD", interval=5),
        "trades": trader_v1.trades("BTC/USD"),
        "spread": trader_v1.spread("BTC/USD"),
        "open_orders": trader_v1.open_orders(),
        "executions": trader_v1.executions(),
        "status": trader_v1.status,
        "messages": trader_v1.messages,
    }
    assert {name: type(stream.first(timeout=PATIENCE)).__name__ for name, stream in streams.items()} == {
        "ticker": "Ticker",
        "book": "Book",
        "ohlc": "Candle",
        "trades": "TradeV1",
        "spread": "Spread",
        "open_orders": "OpenOrders",
        "executions": "Execution",
        "status": "Status",
        "messages": "Message",
    }
    assert (trader_v1.state, trader_v1.system_status.system) == ("online", "online")
    for silent in (trader_v1.unknown, trader_v1.errors):
        with pytest.raises(TimeoutError):
            silent.first(timeout=0)


@pytest.mark.parity("K3-01")
def test_books_are_iterated_verified_and_break_releases_the_subscription(trader_v1):
    seen = []
    for book in trader_v1.book("BTC/USD", depth=100):
        seen.append((book.symbol, book.verified))
        if len(seen) == 3:
            break
    assert seen == [("BTC/USD", True)] * 3
    end = time.monotonic() + PATIENCE
    while trader_v1.subscriptions:
        assert time.monotonic() < end
        time.sleep(0.01)


def test_the_policy_says_what_waits_while_the_loop_is_busy(trader_v1):
    latest = trader_v1.book("BTC/USD").pull("latest", timeout=PATIENCE)
    everything = trader_v1.book("BTC/USD").pull(rk.buffer(1000), timeout=PATIENCE)
    full = trader_v1.book("BTC/USD").pull(rk.fail(1), timeout=PATIENCE)
    first = [next(everything) for _ in range(5)]  # nobody takes anything from the others meanwhile
    with pytest.raises(rk.Overflowed):
        list(full)
    newest = next(latest)
    assert [book.sequence for book in first] == sorted({book.sequence for book in first})
    assert newest.sequence >= first[-1].sequence
    latest.close()
    everything.close()


def test_a_wait_for_an_item_may_be_limited_and_the_iterator_goes_on_after_it(trader_v1):
    never = trader_v1.messages.observable.pipe(ops.filter(lambda message: "pong" in str(message.frame)))
    with trader_v1.stream(never).pull(timeout=0.01) as pongs:
        with pytest.raises(TimeoutError, match=r"within 0\.01 s"):
            next(pongs)
        trader_v1.ping()
        assert next(pongs).frame["event"] == "pong"


@pytest.mark.parity("K3-06")
def test_an_iteration_outlives_a_lost_connection_and_shows_the_gap(practice, trader_v1):
    with trader_v1.trades("BTC/USD", gaps=True).pull(timeout=PATIENCE) as items:
        first = next(items)
        practice.fault("drop", code=1001)
        gap = next(item for item in items if isinstance(item, rk.Gap))
        after = next(items)
    assert (type(first), gap.symbol, type(after)) == (rk.TradeV1, "BTC/USD", rk.TradeV1)


@pytest.mark.parity("K3-02")
def test_callbacks_get_books_while_the_main_thread_works(trader_v1):
    names, enough = set(), threading.Event()

    def note(book):
        names.add((threading.current_thread().name, book.symbol))
        enough.set()

    with trader_v1.book("BTC/USD").subscribe(note):
        assert trader_v1.ping() > 0
        assert enough.wait(PATIENCE)
    assert names == {("rxkraken sync v1 main", "BTC/USD")}


def test_a_callback_that_raises_is_told_on_errors_with_its_line(trader_v1):
    with trader_v1.errors.pull(timeout=PATIENCE) as failures:
        trader_v1.book("BTC/USD").subscribe(lambda _: 1 / 0)
        failure = next(failures)
    assert (type(failure), type(failure.error)) == (rk.SubscriberFailed, ZeroDivisionError)
    assert "test_sync_client_v1.py" in failure.subscribed_at


def test_without_a_public_connection_market_data_is_refused_and_orders_work(v1_of):
    with v1_of(no_public=True) as client:
        with pytest.raises(rk.InvalidArgument):
            client.book("BTC/USD").first(timeout=PATIENCE)
        assert bid(client).order_id in client.open_orders().first(timeout=PATIENCE)


# --- requests ---------------------------------------------------------------------------------------------------------


def test_every_order_method_returns_its_own_value(trader_v1):
    order_id = bid(trader_v1).order_id
    other = bid(trader_v1, cl_ord_id=None, order_userref=77).order_id
    trader_v1.open_orders().first(timeout=PATIENCE)
    results = [
        trader_v1.amend_order(order_id, qty="0.02"),
        trader_v1.edit_order(other, "BTC/USD", qty="0.03"),
        trader_v1.cancel_order(order_id),
        trader_v1.cancel_all(),
        trader_v1.cancel_all_orders_after(60),
        trader_v1.cancel_all_orders_after(0),
    ]
    assert [type(result).__name__ for result in results] == [
        "AmendOrderResult",
        "EditOrderResult",
        "CancelOrderResult",
        "CancelAllResult",
        "CancelAllAfterResult",
        "CancelAllAfterResult",
    ]
    assert ([row.cancelled for row in results[2].orders], results[3].count) == ([True], 1)


def test_what_goes_wrong_is_raised(trader_v1, v1_of):
    with pytest.raises(rk.OrderRejected, match="Unknown order"):
        trader_v1.cancel_order("OAAAAA-AAAAA-AAAAAA")
    with pytest.raises(rk.InvalidArgument, match="has no qtty"):
        bid(trader_v1, qtty=1)
    with pytest.raises(rk.InvalidArgument, match="depth=20"):
        trader_v1.book("BTC/USD", depth=20)
    with v1_of(key=False) as stranger, pytest.raises(rk.MissingCredentials):
        bid(stranger)


def test_a_fill_reaches_own_trades_and_the_open_orders_end_empty(trader_v1):
    with trader_v1.own_trades(gaps=False).pull(timeout=PATIENCE) as fills:
        placed = trader_v1.add_order("BTC/USD", "buy", "market", qty="0.01")
        filled = Decimal(0)
        for fill in fills:
            if fill.order_id == placed.order_id:
                filled += fill.last_qty
            if filled == Decimal("0.01"):
                break
    assert list(trader_v1.open_orders().first(timeout=PATIENCE)) == []


def test_ping_limits_and_rest_are_plain_calls(trader_v1):
    assert 0 < trader_v1.ping() < PATIENCE
    assert trader_v1.rest.balance()["XXBT"] == Decimal(50)
    assert trader_v1.limits.tier == trader_v1.rest.limits.tier
    assert trader_v1.scheduler is not None


# --- tickets and the switch -------------------------------------------------------------------------------------------


def test_a_ticket_is_sent_once_and_the_life_of_its_order_is_iterated(practice, trader_v1):
    ticket = bid(trader_v1.tickets)
    assert (ticket.begun, ticket.order) == (False, None)
    ticket.send().send()
    assert ticket.result(timeout=PATIENCE) == ticket.resolve(timeout=PATIENCE)
    assert [row.method for row in practice.received if ticket.cl_ord_id in row.cl_ord_ids] == ["add_order"]
    seen = []
    for order in ticket.lifecycle.pull(timeout=PATIENCE):
        seen.append(order.status)
        if order.status == "new":
            assert ticket.cancel(timeout=PATIENCE).orders[0].cancelled
    assert (seen[-2:], ticket.order.status) == (["new", "canceled"], "canceled")


def test_an_unknown_outcome_is_found_out_without_sending_again(practice, v1_of):
    with v1_of(request_timeout=0.5) as client:
        client.cancel_all()  # the connection is there, and the lost answer is the next one
        practice.fault("lose_ack", method="add_order")
        ticket = bid(client.tickets)
        with pytest.raises(rk.OutcomeUnknown):
            ticket.result(timeout=PATIENCE)
        assert ticket.resolve(timeout=PATIENCE).cl_ord_id == ticket.cl_ord_id
    assert [row.method for row in practice.received if ticket.cl_ord_id in row.cl_ord_ids] == ["add_order"]


def test_the_switch_is_armed_in_its_block_and_disarmed_after_it(practice, trader_v1):
    with trader_v1.dead_mans_switch(60) as switch:
        assert isinstance(switch.state, rk.Armed)
        assert switch.state.seconds == 60
    trader_v1.ping()
    trader_v1.close()
    sent = [row.params["timeout"] for row in practice.received if row.method == "cancel_all_orders_after"]
    assert sent == [60, 0]
