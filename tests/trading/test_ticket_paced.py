"""Many requests at once leave at a measured pace; what could not leave in time never does (promise 12)."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

import rxkraken as rk


async def fate(ticket):
    """The error that a ticket ends with, or its result."""
    try:
        return await ticket
    except rk.KrakenError as error:
        return error


def test_a_small_burst_leaves_at_once_and_the_rest_at_the_pace_of_the_settings(play):
    """Ten at once, then twenty a second."""

    async def story(venue):
        started = asyncio.get_running_loop().time()
        await asyncio.gather(*(venue.bid() for _ in range(50)))
        times = [each.time - started for each in venue.exchange.received]
        assert times[9] < 0.1
        assert times[-1] == pytest.approx(40 / 20, abs=0.1)

    play(story)


def test_what_could_not_leave_in_time_was_not_sent_and_never_is(play):
    """Three hundred cancels at once: whoever hears `NotSent` can rely on it, ten seconds later and for ever."""

    async def story(venue):
        ids = [f"OAAAAA-AAAAA-AAA{number:03d}" for number in range(300)]
        tickets = [venue.client.cancel_order(order_id) for order_id in ids]
        outcomes = await asyncio.gather(*(fate(ticket) for ticket in tickets))
        kinds = Counter(type(outcome) for outcome in outcomes)
        await asyncio.sleep(30)
        arrived = {order_id for each in venue.exchange.received for order_id in each.params["order_id"]}
        sent = {
            ticket.request.order_ids[0]
            for ticket, outcome in zip(tickets, outcomes, strict=True)
            if not isinstance(outcome, rk.NotSent)
        }
        assert arrived == sent
        assert kinds[rk.OrderRejected] > 200
        assert kinds[rk.NotSent] > 80

    play(story)


def test_an_order_that_cannot_leave_before_its_deadline_is_not_sent(play):
    """Two hundred orders that are good for two seconds: but for one on its way, none reaches the exchange too late."""

    async def story(venue):
        tickets = [venue.bid(deadline=2) for _ in range(200)]
        outcomes = await asyncio.gather(*(fate(ticket) for ticket in tickets))
        await asyncio.sleep(30)
        kinds = Counter(type(outcome) for outcome in outcomes)
        assert set(kinds) <= {rk.AddOrderResult, rk.NotSent, rk.OutcomeUnknown}
        assert kinds[rk.NotSent] == 200 - len(venue.received)
        assert kinds[rk.OutcomeUnknown] <= 1
        assert 45 <= len(venue.received) <= 55

    play(story)


def test_what_still_waits_when_the_line_is_lost_was_not_sent(play):
    """Of thirty orders some have left, and are unknown; the others never will."""

    async def story(venue):
        tickets = [venue.bid() for _ in range(30)]
        pending = asyncio.gather(*(fate(ticket) for ticket in tickets))
        await asyncio.sleep(0.5)
        venue.fault("drop", code=1006)
        outcomes = await pending
        await asyncio.sleep(60)
        arrived = {own for _, ids, _ in venue.received for own in ids}
        for ticket, outcome in zip(tickets, outcomes, strict=True):
            assert isinstance(outcome, rk.NotSent) == (ticket.cl_ord_id not in arrived)
        assert {type(outcome) for outcome in outcomes} >= {rk.AddOrderResult, rk.NotSent}

    play(story)
