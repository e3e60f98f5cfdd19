"""A client's id may be used again once its order is over: an order is never taken for its namesake (promise 12)."""

from __future__ import annotations

import asyncio

import pytest

import rxkraken as rk


async def fate(ticket):
    """The error that a ticket ends with, or its result."""
    try:
        return await ticket
    except rk.KrakenError as error:
        return error


async def namesake(venue, *, followed, ago):
    """Place an order called "mine" and cancel it, some seconds ago; return its id."""
    if followed:
        await venue.client.open_orders().first()
    first = venue.bid(cl_ord_id="mine")
    order_id = (await first).order_id
    await first.cancel()
    await asyncio.sleep(ago)
    return order_id


@pytest.mark.parametrize("followed", [True, False])
@pytest.mark.parametrize("ago", [0, 5, 300])
def test_a_second_order_lives_its_own_life(play, watch, followed, ago):
    """Not that of the first, which is over."""

    async def story(venue):
        old = await namesake(venue, followed=followed, ago=ago)
        ticket = venue.bid(cl_ord_id="mine")
        assert ticket.order is None
        seen = watch(ticket.lifecycle)
        assert ticket.order is None or ticket.order.order_id != old
        await asyncio.sleep(1)
        assert [order.status for order in seen] == ["pending_new", "new"]
        assert old not in {order.order_id for order in seen}
        assert ticket.order == seen[-1]

    play(story)


@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "lose_ack"])
@pytest.mark.parametrize("ago", [0, 5, 50, 300])
def test_an_unknown_outcome_is_not_that_of_the_first(play, watch, fault, ago):
    """Found if it was placed; not placed if it was not."""

    async def story(venue):
        old = await namesake(venue, followed=True, ago=ago)
        ticket = venue.bid(cl_ord_id="mine")
        venue.fault(fault, method="add_order")
        seen = watch(ticket.lifecycle)
        outcome = await fate(ticket.resolve())
        await asyncio.sleep(90)
        if fault == "cut_before":
            assert type(outcome) is rk.NotPlaced
            assert seen == [outcome]
        else:
            assert outcome.order_id == venue.orders[1].order_id != old
            assert {order.order_id for order in seen} == {outcome.order_id}

    play(story)


def test_while_the_first_is_open_the_second_is_refused_and_not_found_in_its_place(play):
    """Kraken allows an id once among open orders; if that refusal is lost, nothing was placed."""

    async def story(venue):
        await venue.client.open_orders().first()
        await venue.bid(cl_ord_id="mine")
        refused = await fate(venue.bid(cl_ord_id="mine"))
        venue.fault("lose_ack", method="add_order")
        lost = await fate(venue.bid(cl_ord_id="mine").resolve())
        assert (type(refused), type(lost)) == (rk.OrderRejected, rk.NotPlaced)
        assert len(venue.orders) == 1

    play(story)
