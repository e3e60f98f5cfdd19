"""When a ticket is sent, how often, and who hears of it (promise 11): nothing before somebody looks, once for all."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest
from reactivex import operators as ops

import rxkraken as rk


def test_nothing_is_sent_before_somebody_looks(play):
    """Making a ticket, showing it and asking for its life send nothing; subscribing does."""

    async def story(venue):
        ticket = venue.bid()
        assert (repr(ticket), ticket.order, ticket.begun) == ("<OrderTicket add_order: not sent>", None, False)
        life, resolution = ticket.lifecycle, ticket.resolve()
        await asyncio.sleep(5)
        assert venue.received == []
        assert [ticket.begun, resolution.begun] == [False, False]
        del life
        await ticket
        assert venue.received == [("add_order", (ticket.cl_ord_id,), "accepted")]
        assert repr(ticket) == "<OrderTicket add_order: done>"

    play(story)


@pytest.mark.parametrize("look", ["subscribe", "await", "resolve", "lifecycle"])
def test_each_way_to_look_sends_the_order(play, look):
    """Subscribing, awaiting, resolving and following are all looking."""

    async def story(venue):
        ticket = venue.bid()
        match look:
            case "subscribe":
                ticket.subscribe()
            case "await":
                await ticket
            case "resolve":
                await ticket.resolve()
            case _:
                ticket.lifecycle.subscribe()
        await asyncio.sleep(1)
        assert venue.received == [("add_order", (ticket.cl_ord_id,), "accepted")]
        assert ticket.result is not None

    play(story)


def test_an_order_is_sent_once_however_many_look(play, watch):
    """Subscribers before and after the ack, two awaits, `resolve` and `lifecycle`: one order and one result for all."""

    async def story(venue):
        ticket = venue.bid()
        early = [watch(ticket), watch(ticket.resolve()), watch(ticket)]
        followed = watch(ticket.lifecycle)
        first, second = await asyncio.gather(ticket, ticket)
        late = [watch(ticket), watch(ticket.resolve())]
        await asyncio.sleep(1)
        assert first is second is ticket.result
        assert early + late == [[first, "completed"]] * 5
        assert [order.status for order in followed] == ["pending_new", "new"]
        assert venue.received == [("add_order", (ticket.cl_ord_id,), "accepted")]

    play(story)


def test_a_refusal_is_replayed_and_a_retry_sends_nothing(play, watch):
    """`retry(5)` observes the same refusal five times; the exchange saw one order (D1-4)."""

    async def story(venue):
        ticket = venue.bid(qty="900")
        seen = watch(ticket.pipe(ops.retry(5)))
        await asyncio.sleep(1)
        late = watch(ticket)
        with pytest.raises(rk.OrderRejected) as refused:
            await ticket
        assert seen == late == [refused.value]
        assert refused.value.text == "EOrder:Insufficient funds"
        assert (refused.value.category, refused.value.retryable) == ("funds", False)
        assert venue.received == [("add_order", (ticket.cl_ord_id,), "EOrder:Insufficient funds")]
        assert venue.errors == []

    play(story)


def test_cancelling_an_await_or_leaving_does_not_undo_the_order(play, watch):
    """`wait_for` with too little patience, and a subscription disposed of at once: the order is placed all the same."""

    async def story(venue):
        impatient, left = venue.bid(), venue.bid()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(impatient, 0.001)
        left.subscribe().dispose()
        await asyncio.sleep(1)
        results = [await impatient, await left]
        assert [result.order_id for result in results] == [order.order_id for order in venue.orders]
        assert watch(left) == [results[1], "completed"]
        assert venue.methods == ["add_order", "add_order"]

    play(story)


def test_a_raising_subscriber_hurts_only_itself(play, watch):
    """It is reported with the place where it subscribed; the others get the result (promise 5)."""

    async def story(venue):
        ticket = venue.bid()

        def burst(result):
            raise RuntimeError(f"no room for {result.order_id}")

        ticket.subscribe(burst)
        seen = watch(ticket)
        result = await ticket
        assert seen == [result, "completed"]
        (error,) = venue.errors
        assert isinstance(error, rk.SubscriberFailed)
        assert repr(error.error) == f"RuntimeError('no room for {result.order_id}')"
        assert "test_ticket_sending.py" in error.subscribed_at

    play(story)


def test_a_subscriber_may_act_on_the_result_at_once(play, watch):
    """Subscribe again, cancel the order and place another, all from inside `on_next`."""

    async def story(venue):
        ticket, others, again = venue.bid(), [], []

        def act(result):
            again.append(watch(ticket))
            others.extend([watch(ticket.cancel()), watch(venue.bid())])
            assert result is ticket.result

        ticket.subscribe(act)
        await asyncio.sleep(1)
        assert again == [[ticket.result, "completed"]]
        assert [type(items[0]) for items in others] == [rk.CancelOrderResult, rk.AddOrderResult]
        assert [order.status for order in venue.orders] == ["canceled", "new"]
        assert venue.errors == []

    play(story)


def test_operators_of_rx_compose_orders(play, watch):
    """A ticket is an Observable: the second order leaves when the first is acknowledged, and only then."""

    async def story(venue):
        first, second = venue.bid(), venue.bid(price="79000")
        seen = watch(first.pipe(ops.flat_map(lambda _: second), ops.map(lambda result: result.order_id)))
        assert (first.begun, second.begun) == (True, False)
        await asyncio.sleep(1)
        assert seen == [venue.orders[1].order_id, "completed"]

    play(story)


def test_a_second_ticket_of_the_same_order_is_a_second_order(play):
    """Only a ticket is shared; calling the method again is another wish with an id of its own."""

    async def story(venue):
        first, second = venue.bid(), venue.bid()
        await asyncio.gather(first, second)
        assert first.cl_ord_id != second.cl_ord_id
        assert {order.cl_ord_id for order in venue.orders} == {first.cl_ord_id, second.cl_ord_id}

    play(story)


def test_tickets_of_every_method_wait_to_be_looked_at(play):
    """Eight methods, nothing on the wire; then each is sent exactly once."""

    async def story(venue):
        order_id = (await venue.bid()).order_id
        doomed = [(await venue.bid()).order_id for _ in range(3)]
        client = venue.client
        rows = [{"side": "buy", "order_type": "limit", "qty": "0.01", "price": price} for price in ("70000", "71000")]
        tickets = [
            client.amend_order(order_id, qty="0.02"),
            client.edit_order(order_id, "BTC/USD", qty="0.03"),
            client.cancel_order(doomed[0]),
            client.batch_add("BTC/USD", rows),
            client.batch_cancel(doomed[1:]),
            client.cancel_all_orders_after(60),
            client.cancel_all(),
        ]
        await asyncio.sleep(2)
        assert venue.methods == ["add_order"] * 4
        for ticket in tickets:
            await asyncio.gather(ticket, ticket)
            await ticket
        assert venue.methods[4:] == [ticket.request.method for ticket in tickets]
        assert [outcome for _, _, outcome in venue.received] == ["accepted"] * 11

    play(story)


def test_what_is_sent_is_the_request_and_the_caller_keeps_his_mappings(play):
    """Mappings of the caller are never changed, and no token is to be seen (D0-5, D2-2)."""

    async def story(venue):
        triggers = {"price": "90000", "reference": "last"}
        rows = [
            {"side": "buy", "order_type": "limit", "qty": "0.01", "price": price, "rounding": "down"}
            for price in ("70000.55", "71000")
        ]
        before = (dict(triggers), [dict(row) for row in rows])
        stop = venue.client.add_order("BTC/USD", "sell", "stop-loss", qty="0.01", triggers=triggers)
        batch = venue.client.batch_add("BTC/USD", rows)
        await asyncio.gather(stop, batch)
        assert (triggers, rows) == before
        sent = [each.params for each in venue.exchange.received]
        assert sent[0]["triggers"] == {"price": 90000, "reference": "last"}
        assert [row["limit_price"] for row in sent[1]["orders"]] == [Decimal("70000.5"), 71000]
        for ticket in (stop, batch):
            assert "token" not in ticket.request.params
            assert "token" not in repr(ticket.request)

    play(story)


def test_rules_that_were_not_known_are_applied_before_the_order_leaves(play):
    """A ticket made before anything is connected is rounded, or refused, by the market's rules all the same (D2-4)."""

    async def story(venue):
        rounded = venue.bid(price="80000.123", rounding="down")
        refused = venue.bid(price="80000.123")
        assert rounded.request.params["limit_price"] == Decimal("80000.123")
        await rounded
        with pytest.raises(rk.InvalidOrder, match=r"80000\.123"):
            await refused
        assert rounded.request.params["limit_price"] == Decimal("80000.1")
        assert venue.received == [("add_order", (rounded.cl_ord_id,), "accepted")]
        assert [order.limit_price for order in venue.orders] == [Decimal("80000.1")]

    play(story, ready=False)


def test_rules_that_are_known_speak_at_the_call(play):
    """With the market known a wrong order raises where it is made, and there is no ticket (promise 11)."""

    async def story(venue):
        with pytest.raises(rk.InvalidOrder, match="rounding"):
            venue.bid(price="80000.123")
        with pytest.raises(rk.InvalidArgument, match="float"):
            venue.bid(qty=0.1)
        with pytest.raises(rk.InvalidOrder, match="minimum"):
            venue.bid(qty="0.00001")
        assert venue.received == []

    play(story)
