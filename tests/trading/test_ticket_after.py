"""What is done to the order of a ticket waits for its ack, since requests may overtake each other (section 6)."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

import rxkraken as rk


def now():
    """The virtual time."""
    return asyncio.get_running_loop().time()


async def fate(ticket):
    """The error that a ticket ends with, or its result."""
    try:
        return await ticket
    except rk.KrakenError as error:
        return error


def test_cancels_and_amends_leave_after_the_ack_of_the_order(play):
    """Sent while the ack is four seconds late; the desk receives them after it."""

    async def story(venue):
        order = venue.bid()
        venue.fault("late_response", method="add_order", seconds=4.0)
        started = now()
        order.subscribe()
        amended = await order.amend(qty="0.02")
        assert now() - started > 4
        cancelled = await order.cancel()
        assert (amended.cl_ord_id, cancelled.count) == (order.cl_ord_id, 1)
        times = [each.time - started for each in venue.exchange.received]
        assert venue.methods == ["add_order", "amend_order", "cancel_order"]
        assert times[0] < 1
        assert 4 < times[1] < times[2]

    play(story)


def test_several_of_them_leave_in_the_order_they_were_asked_for(play):
    """All wait for the same ack."""

    async def story(venue):
        order = venue.bid()
        venue.fault("late_response", method="add_order", seconds=1.0)
        tickets = [order, order.amend(qty="0.02"), order.amend(qty="0.03"), order.cancel()]
        await asyncio.gather(*tickets)
        assert venue.methods == ["add_order", "amend_order", "amend_order", "cancel_order"]
        assert (venue.orders[0].qty, venue.orders[0].status) == (Decimal("0.03"), "canceled")

    play(story)


def test_an_order_without_an_id_of_its_own_is_named_by_the_id_of_its_ack(play):
    """The ack tells it, and it is in time, because it was waited for."""

    async def story(venue):
        order = venue.bid(order_userref=7)
        changes = [order.amend(qty="0.02"), order.cancel()]
        assert order.cl_ord_id is None
        await asyncio.gather(order, *changes)
        order_id = venue.orders[0].order_id
        assert [change.request.order_ids for change in changes] == [(order_id,), (order_id,)]
        assert (venue.orders[0].qty, venue.orders[0].status) == (Decimal("0.02"), "canceled")

    play(story)


@pytest.mark.parametrize("change", ["amend", "cancel"])
def test_an_order_that_nobody_has_sent_cannot_be_changed(play, change):
    """Neither is sent."""

    async def story(venue):
        order = venue.bid()
        error = await fate(order.amend(qty="0.02") if change == "amend" else order.cancel())
        assert (type(error), order.begun, venue.received) == (rk.NotSent, False, [])

    play(story)


@pytest.mark.parametrize("change", ["amend", "cancel"])
@pytest.mark.parametrize("terms", [{"qty": "900"}, {"validate": True}])
def test_an_order_that_does_not_exist_cannot_be_changed(play, change, terms):
    """Refused or only validated: `NotSent` says why."""

    async def story(venue):
        order = venue.bid(**terms)
        order.subscribe(lambda _: None, lambda _: None)
        error = await fate(order.amend(qty="0.02") if change == "amend" else order.cancel())
        assert type(error) is rk.NotSent
        assert "there is no order" in str(error)
        assert venue.methods == ["add_order"]

    play(story)


def test_an_order_whose_outcome_is_unknown_can_be_cancelled_by_its_own_id(play):
    """It may be there: the cancel goes out and finds it."""

    async def story(venue):
        order = venue.bid()
        venue.fault("lose_ack", method="add_order")
        assert type(await fate(order)) is rk.OutcomeUnknown
        assert (await order.cancel()).count == 1
        assert venue.orders[0].status == "canceled"

    play(story)


def test_without_an_id_of_its_own_an_unknown_order_cannot_be_cancelled(play):
    """Nothing names it."""

    async def story(venue):
        order = venue.bid(order_userref=7)
        venue.fault("lose_ack", method="add_order")
        assert type(await fate(order)) is rk.OutcomeUnknown
        assert type(await fate(order.cancel())) is rk.NotSent
        assert venue.methods == ["add_order"]

    play(story)


def test_an_amend_is_held_to_the_rules_of_the_order_s_market(play):
    """At the call if they are known; rounded if that is wished."""

    async def story(venue):
        order = venue.bid()
        await order
        with pytest.raises(rk.InvalidOrder, match="rounding"):
            order.amend(price="80000.123")
        with pytest.raises(rk.InvalidArgument, match="side cannot be amended"):
            order.amend(side="sell")
        with pytest.raises(rk.InvalidArgument, match="changes nothing"):
            order.amend()
        await order.amend(price="80000.123", rounding="up")
        assert venue.orders[0].limit_price == Decimal("80000.2")

    play(story)


def test_an_amend_by_a_bare_id_knows_the_market_of_orders_that_were_told_of(play):
    """The executions say on which market it is."""

    async def story(venue):
        await venue.client.open_orders().first()
        order_id = (await venue.bid()).order_id
        await asyncio.sleep(1)
        with pytest.raises(rk.InvalidOrder, match="rounding"):
            venue.client.amend_order(order_id, price="80000.123")
        await venue.client.amend_order(order_id, price="80000.123", rounding="down")
        assert venue.orders[0].limit_price == Decimal("80000.1")

    play(story)


def test_closing_the_client_ends_what_still_waits(play):
    """The cancel never left: `NotSent`."""

    async def story(venue):
        order = venue.bid()
        venue.fault("lose_ack", method="add_order")
        order.subscribe(lambda _: None, lambda _: None)
        cancel = asyncio.ensure_future(fate(order.cancel()))
        await asyncio.sleep(1)
        await venue.client.aclose()
        assert type(await cancel) is rk.NotSent
        assert venue.methods == ["add_order"]

    play(story)


def test_an_amend_that_names_no_order_is_refused_where_it_is_made(play):
    """Not even an id to be filled in later goes out."""

    async def story(venue):
        with pytest.raises(rk.InvalidArgument, match="name the order by one of them"):
            venue.client.amend_order(price="80000")
        assert venue.methods == []

    play(story)
