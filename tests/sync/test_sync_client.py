"""The blocking client against a whole exchange, over real sockets: every stream, every request, the switch, faults."""

from __future__ import annotations

import threading
import time
from decimal import Decimal

import pytest

import rxkraken as rk

LIMIT = {"side": "buy", "order_type": "limit", "qty": "0.01", "price": "20000"}
PATIENCE = 30.0


@pytest.fixture
def trader(exchange):
    """A client of the busy exchange, with the key of its demo account."""
    with exchange.client(backoff_base=0.05, linger=0) as started:
        yield started


def bid(client, **changes):
    """The arguments of an order that rests."""
    given = {"qty": "0.01", "price": "20000"} | changes
    return client.add_order("BTC/USD", "buy", "limit", **given)


# --- streams ----------------------------------------------------------------------------------------------------------


def test_every_stream_gives_its_first_item(trader):
    bid(trader)
    streams = {
        "ticker": trader.ticker("BTC/USD"),
        "book": trader.book("XBT/USD"),
        "ohlc": trader.ohlc("BTC/USD"),
        "trades": trader.trades("BTC/USD", snapshot=True),
        "instruments": trader.instruments(),
        "level3": trader.level3("BTC/USD"),
        "executions": trader.executions(),
        "balances": trader.balances(),
        "open_orders": trader.open_orders(),
        "status": trader.status,
        "messages": trader.messages,
    }
    assert {name: type(stream.first(timeout=PATIENCE)).__name__ for name, stream in streams.items()} == {
        "ticker": "Ticker",
        "book": "Book",
        "ohlc": "Candle",
        "trades": "Trade",
        "instruments": "Instruments",
        "level3": "OrderBook3",
        "executions": "Execution",
        "balances": "Balances",
        "open_orders": "OpenOrders",
        "status": "Status",
        "messages": "Message",
    }
    assert (trader.state, trader.system_status.system) == ("online", "online")
    assert trader.connection_id == trader.system_status.connection_id
    with pytest.raises(TimeoutError):
        trader.unknown.first(timeout=0)


@pytest.mark.parity("K3-01")
def test_books_are_iterated_and_the_subscription_is_released_at_break(trader):
    seen = []
    for book in trader.book("BTC/USD"):
        seen.append(book.verified)
        if len(seen) == 3:
            break
    assert seen == [True] * 3
    end = time.monotonic() + PATIENCE
    while any(row.channel == "book" for row in trader.subscriptions):
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.mark.parity("K3-06")
def test_an_iteration_outlives_a_lost_connection_and_shows_the_gap(exchange, trader):
    with trader.trades("BTC/USD", gaps=True).pull(timeout=PATIENCE) as items:
        first = next(items)
        exchange.do(lambda simulator: simulator.fault("drop", code=1001))
        gap = next(item for item in items if isinstance(item, rk.Gap))
        after = next(items)
    assert (type(first), gap.symbol, type(after)) == (rk.Trade, "BTC/USD", rk.Trade)
    assert after.epoch > first.epoch


def test_closing_ends_every_iteration_and_takes_little_time(exchange):
    client = exchange.client().start()
    taken = threading.Event()
    ended = []

    def watch():
        for _ in client.book("BTC/USD"):
            taken.set()
        ended.append("end")

    thread = threading.Thread(target=watch)
    thread.start()
    assert taken.wait(PATIENCE)
    began = time.monotonic()
    client.close()
    thread.join(PATIENCE)
    assert (ended, client.state) == (["end"], "closed")
    assert time.monotonic() - began < 2 * client.settings.close_timeout + 1


def test_a_symbol_that_cannot_work_raises_where_it_is_iterated(trader):
    trader.instruments().first(timeout=PATIENCE)
    with pytest.raises(rk.UnknownSymbol):
        trader.book("BTC/USDD")
    with pytest.raises(rk.SubscriptionRejected):
        list(trader.book("AAPLx/USDD"))


# --- requests ---------------------------------------------------------------------------------------------------------


def test_every_order_method_returns_its_own_value(trader):
    order_id = bid(trader).order_id
    other = bid(trader, cl_ord_id=None, order_userref=77).order_id
    results = [
        trader.batch_add("BTC/USD", [LIMIT, LIMIT]),
        trader.amend_order(order_id, qty="0.02"),
        trader.edit_order(other, "BTC/USD", qty="0.02"),
        trader.cancel_order(order_id),
        trader.batch_cancel([bid(trader).order_id, bid(trader).order_id]),
        trader.cancel_all(),
        trader.cancel_all_orders_after(60),
        trader.cancel_all_orders_after(0),
    ]
    assert [type(result).__name__ for result in results] == [
        "BatchAddResult",
        "AmendOrderResult",
        "EditOrderResult",
        "CancelOrderResult",
        "BatchCancelResult",
        "CancelAllResult",
        "CancelAllAfterResult",
        "CancelAllAfterResult",
    ]
    assert (results[4].count, results[5].count) == (2, 3)


def test_what_goes_wrong_is_raised(trader):
    trader.instruments().first(timeout=PATIENCE)
    with pytest.raises(rk.InvalidOrder, match=r"25000\.123 is not a multiple"):
        bid(trader, price="25000.123")
    with pytest.raises(rk.OrderRejected, match="Unknown order"):
        trader.cancel_order("OAAAAA-AAAAA-AAAAAA")
    with pytest.raises(rk.RequestRejected):
        trader.send({"method": "subscribe", "params": {"channel": "none"}})


def test_ping_send_limits_and_rest_are_plain_calls(trader):
    assert 0 < trader.ping() < PATIENCE
    assert trader.send({"method": "ping"})["method"] == "pong"
    assert trader.rest.balance()["XXBT"] == Decimal(50)
    assert trader.rest.but(timeout=5).request("Time")["unixtime"] == trader.rest.time().unixtime
    assert trader.rest.limits.rest.value > 0
    assert trader.limits.tier == trader.rest.limits.tier


def test_many_threads_share_one_client(trader):
    placed, failed = [], []

    def trade(number):
        try:
            for _ in range(5):
                result = bid(trader, price=str(20000 + number))
                placed.append(result.order_id)
                trader.book("BTC/USD").first(timeout=PATIENCE)
        except Exception as error:  # noqa: BLE001 - the assertion below shows it
            failed.append(error)

    threads = [threading.Thread(target=trade, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (failed, len(set(placed))) == ([], 20)


async def test_it_works_inside_a_running_loop(exchange):
    """As in a notebook: the loop that runs here is not asked for anything."""
    with exchange.client() as client:
        assert client.book("BTC/USD").first(timeout=PATIENCE).symbol == "BTC/USD"
        assert client.ping() > 0


# --- tickets ----------------------------------------------------------------------------------------------------------


def test_a_ticket_is_sent_once_and_its_outcome_kept(exchange, trader):
    before = exchange.do(lambda simulator: len(simulator.received))
    ticket = bid(trader.tickets)
    assert (ticket.begun, ticket.order, ticket.request.method) == (False, None, "add_order")
    ticket.send().send()
    assert ticket.result() == ticket.result() == ticket.resolve()
    assert (ticket.begun, ticket.result().cl_ord_id) == (True, ticket.cl_ord_id)
    assert exchange.do(lambda simulator: len(simulator.received)) == before + 1
    assert repr(ticket) == "<rxkraken.sync.OrderTicket add_order: done>"


def test_the_life_of_an_order_is_iterated_while_it_is_changed(trader):
    ticket = bid(trader.tickets)
    seen = []
    for order in ticket.lifecycle.pull(timeout=PATIENCE):
        seen.append((order.status, order.limit_price))
        if len(seen) == 1:
            ticket.amend(price="21000")
        elif order.limit_price == Decimal(21000) and order.status == "new":
            assert ticket.cancel().orders[0].cancelled
    assert (seen[-1], ticket.order.status) == (("canceled", Decimal(21000)), "canceled")


def test_an_unknown_outcome_is_found_out_without_sending_again(exchange):
    with exchange.client(request_timeout=0.5) as client:
        client.cancel_all()  # the connection is there, and the lost answer is the next one
        exchange.do(lambda simulator: simulator.fault("lose_ack", method="add_order"))
        ticket = bid(client.tickets)
        with pytest.raises(rk.OutcomeUnknown):
            ticket.result()
        assert ticket.resolve().cl_ord_id == ticket.cl_ord_id
    mine = exchange.do(lambda simulator: [row for row in simulator.received if ticket.cl_ord_id in str(row)])
    assert len(mine) == 1


def test_a_wait_that_is_given_up_recalls_nothing(trader):
    ticket = bid(trader.tickets)
    with pytest.raises(TimeoutError):
        ticket.result(timeout=0)
    assert ticket.result().cl_ord_id == ticket.cl_ord_id


def test_the_other_methods_have_tickets_too(trader):
    sent = [trader.tickets.cancel_all().send(), trader.tickets.batch_add("BTC/USD", [LIMIT, LIMIT]).send()]
    assert [type(ticket.result()).__name__ for ticket in sent] == ["CancelAllResult", "BatchAddResult"]


# --- the switch -------------------------------------------------------------------------------------------------------


def switchings(exchange):
    """The seconds of every request for the switch that reached the exchange."""
    received = exchange.do(lambda simulator: list(simulator.received))
    return [row.params["timeout"] for row in received if row.method == "cancel_all_orders_after"]


def test_the_switch_is_armed_in_its_block_and_disarmed_after_it(exchange):
    before = len(switchings(exchange))
    with exchange.client() as client:
        switch = client.dead_mans_switch(60)
        assert switch.state is None
        with switch as entered:
            assert entered is switch
            assert isinstance(switch.state, rk.Armed)
            assert (switch.state.seconds, switchings(exchange)[before:]) == (60, [60])
        assert switch.state is None
    assert switchings(exchange)[before:] == [60, 0]


def test_a_switch_that_cannot_work_does_not_enter_its_block(exchange):
    with exchange.client() as client, pytest.raises(rk.InvalidArgument, match="seconds=1"):
        client.dead_mans_switch(1)
    with rk.sync.KrakenClient(exchange.endpoints) as client, pytest.raises(rk.MissingCredentials):
        client.dead_mans_switch(60).__enter__()
