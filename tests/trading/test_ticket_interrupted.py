"""The life of an order through lost lines, lost frames and late subscribers (promises 13 and 14)."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

import rxkraken as rk

RANKS = {"pending_new": 0, "new": 1, "partially_filled": 2, "filled": 3, "canceled": 3, "expired": 3}


def statuses(seen):
    """The statuses that were told, with the error or the completion that ended them; each once in a row."""
    words = [
        item.status if isinstance(item, rk.Order) else item if isinstance(item, str) else type(item) for item in seen
    ]
    return [word for place, word in enumerate(words) if place == 0 or word != words[place - 1]]


def never_back(seen):
    """Whether statuses and fills only ever grow."""
    orders = [item for item in seen if isinstance(item, rk.Order)]
    ranks = [RANKS[order.status] for order in orders]
    filled = [order.cum_qty for order in orders]
    return ranks == sorted(ranks) and filled == sorted(filled)


@pytest.fixture
def follow(play):
    """Plays a story of a client that has followed its executions for a while."""

    def perform(story, **options):
        async def followed(venue):
            await venue.client.open_orders().first()
            await story(venue)

        play(followed, **options)

    return perform


async def offline(venue, act):
    """Cut the line, let something happen that nobody hears, and come back."""
    venue.fault("refuse_upgrade", status=503, times=3)
    venue.fault("drop", code=1006)
    await asyncio.sleep(0.1)
    act()
    await asyncio.sleep(60)


# --- the line ---------------------------------------------------------------------------------------------------------


def test_an_order_cancelled_while_nobody_listened_ends_as_cancelled(follow, watch):
    """It is gone from the snapshot; REST tells why."""

    async def story(venue):
        ticket = venue.bid()
        seen = watch(ticket.lifecycle)
        await asyncio.sleep(1)
        await offline(venue, lambda: venue.exchange.desk.cancel_all(venue.exchange.accounts["demo"]))
        assert statuses(seen) == ["pending_new", "new", "canceled", "completed"]
        assert seen[-2].reason == "User requested"

    follow(story)


def test_an_order_filled_while_nobody_listened_ends_as_filled(follow, watch):
    """With what was filled before and after the cut, and the fees of all of it."""

    async def story(venue):
        ticket = venue.top(qty="0.02")
        seen = watch(ticket.lifecycle)
        await ticket
        await asyncio.sleep(1)
        venue.sell("0.005")
        await asyncio.sleep(1)
        await offline(venue, lambda: (venue.sell("0.004"), venue.sell("0.011")))
        truth = venue.orders[0]
        last = seen[-2]
        assert statuses(seen) == ["pending_new", "new", "partially_filled", "filled", "completed"]
        assert never_back(seen)
        assert (last.cum_qty, last.cum_cost) == (truth.cum_qty, truth.cum_cost)
        fees = [fill.fee for fill in venue.exchange.accounts["demo"].fills]
        assert len(fees) == 3
        assert [fee.qty for fee in last.fees] == [sum(fees)]

    follow(story)


def test_an_order_that_only_waited_goes_on_after_the_cut(follow, watch):
    """A snapshot that says nothing new is no state."""

    async def story(venue):
        ticket = venue.top()
        seen = watch(ticket.lifecycle)
        await ticket
        await offline(venue, lambda: None)
        assert statuses(seen) == ["pending_new", "new"]
        assert len(seen) == 2
        venue.sell("0.01")
        await asyncio.sleep(1)
        assert statuses(seen)[2:] == ["partially_filled", "filled", "completed"]

    follow(story)


@pytest.mark.parametrize("fault", ["cut_after", "lose_ack"])
def test_a_life_begins_even_if_the_ack_is_lost(follow, watch, fault):
    """The ticket's outcome is unknown, the life goes on as if it had been answered."""

    async def story(venue):
        ticket = venue.top()
        venue.fault(fault, method="add_order")
        seen = watch(ticket.lifecycle)
        await asyncio.sleep(30)
        assert statuses(seen)[-1] == "new"
        with pytest.raises(rk.OutcomeUnknown):
            await ticket
        venue.sell("0.01")
        await asyncio.sleep(1)
        assert statuses(seen)[-2:] == ["filled", "completed"]
        assert never_back(seen)
        assert venue.methods == ["add_order"]

    follow(story)


@pytest.mark.parametrize(
    "terms", [{"price": "999999", "time_in_force": "ioc"}, {"price": "80000", "time_in_force": "ioc"}]
)
def test_an_order_that_was_over_before_the_line_came_back_is_followed_to_its_end(follow, watch, terms):
    """Cut off at once, filled or expired at once; the snapshot does not list it any more."""

    async def story(venue):
        ticket = venue.bid(**terms)
        venue.fault("cut_after", method="add_order")
        seen = watch(ticket.lifecycle)
        await asyncio.sleep(90)
        truth = venue.orders[0]
        assert statuses(seen)[-2:] == [truth.status, "completed"]
        assert never_back(seen)
        assert seen[-2].cum_qty == truth.cum_qty

    follow(story)


def test_an_order_that_never_arrived_ends_with_not_placed(follow, watch):
    """Certain, some time after its deadline."""

    async def story(venue):
        ticket = venue.bid()
        venue.fault("cut_before", method="add_order")
        seen = watch(ticket.lifecycle)
        await asyncio.sleep(120)
        assert statuses(seen) == [rk.NotPlaced]

    follow(story)


def test_an_order_without_an_id_of_its_own_ends_as_unknown(follow, watch):
    """Nothing can be followed if nobody knows what it is called."""

    async def story(venue):
        ticket = venue.bid(order_userref=7)
        venue.fault("lose_ack", method="add_order")
        seen = watch(ticket.lifecycle)
        await asyncio.sleep(60)
        assert statuses(seen) == [rk.OutcomeUnknown]

    follow(story)


def test_offline_there_is_no_life(follow, watch):
    """`NotSent`, at once."""

    async def story(venue):
        venue.fault("refuse_upgrade", status=503, times=3)
        venue.fault("drop", code=1006)
        await asyncio.sleep(0.01)
        ticket = venue.bid()
        assert statuses(watch(ticket.lifecycle)) == [rk.NotSent]
        await asyncio.sleep(60)
        assert venue.received == []

    follow(story)


# --- frames -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["sequence_gap", "duplicate_execution", "lose", "repeat"])
@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_frames_that_are_lost_or_come_twice_leave_no_trace(follow, watch, fault, at):
    """Whichever message of its life it is; each fill counts once."""

    async def story(venue):
        ticket = venue.top(qty="0.02")
        strike = {"channel": "executions"} if fault != "duplicate_execution" else {}
        steps = [lambda: None, lambda: venue.sell("0.005"), lambda: venue.sell("0.005"), lambda: venue.sell("0.01")]
        seen = []
        for number, step in enumerate(steps):
            if number == at:
                venue.fault(fault, **strike)
            if number == 0:
                seen = watch(ticket.lifecycle)
            step()
            await asyncio.sleep(5)
        venue.bid().subscribe()  # a message after the last one shows that one is missing
        await asyncio.sleep(90)
        assert venue.struck() == [fault]
        assert never_back(seen)
        assert statuses(seen)[-2:] == ["filled", "completed"]
        assert (seen[-2].cum_qty, seen[-2].cum_cost) == (Decimal("0.02"), venue.orders[0].cum_cost)

    follow(story)


def test_an_ack_that_comes_long_after_the_fills_changes_nothing(follow, watch):
    """Four seconds late: the life is over by then."""

    async def story(venue):
        ticket = venue.bid(price="999999", time_in_force="ioc")
        venue.fault("late_response", method="add_order", seconds=4.0)
        seen = watch(ticket.lifecycle)
        await asyncio.sleep(1)
        early = list(seen)
        assert statuses(early)[-2:] == ["filled", "completed"]
        await asyncio.sleep(10)
        assert seen == early
        assert (await ticket).order_id == seen[-2].order_id

    follow(story)


# --- subscribers ------------------------------------------------------------------------------------------------------


def test_late_subscribers_begin_with_the_current_state(follow, watch):
    """In the midst of its life, and after its end."""

    async def story(venue):
        ticket = venue.top(qty="0.02")
        early = watch(ticket.lifecycle)
        await asyncio.sleep(1)
        venue.sell("0.005")
        await asyncio.sleep(1)
        middle = watch(ticket.lifecycle)
        assert middle == early[-1:]
        venue.sell("0.015")
        await asyncio.sleep(1)
        assert middle == early[-len(middle) :]
        assert watch(ticket.lifecycle) == early[-2:] == [ticket.order, "completed"]

    follow(story)


def test_those_who_leave_do_not_end_it_for_others(follow, watch):
    """Nor does leaving cancel the order."""

    async def story(venue):
        ticket = venue.bid()
        left = []
        leave = ticket.lifecycle.subscribe(left.append)
        stays = watch(ticket.lifecycle)
        await asyncio.sleep(1)
        leave.dispose()
        await ticket.cancel()
        await asyncio.sleep(1)
        assert statuses(left) == ["pending_new", "new"]
        assert statuses(stays) == ["pending_new", "new", "canceled", "completed"]

    follow(story)


def test_the_end_of_the_client_completes_it(follow, watch):
    """The order stays; nobody can say how it goes on."""

    async def story(venue):
        ticket = venue.bid()
        seen = watch(ticket.lifecycle)
        await asyncio.sleep(1)
        await venue.client.aclose()
        assert statuses(seen) == ["pending_new", "new", "completed"]
        assert venue.orders[0].status == "new"

    follow(story)


@pytest.mark.parametrize("terms", [{"price": "999999", "time_in_force": "ioc", "qty": "0.5"}, {}])
def test_an_order_is_followed_from_the_very_first_moment_of_a_client(play, watch, terms):
    """Sent before the executions have begun to come: its reports are in their first snapshot, or in none."""

    async def story(venue):
        ticket = venue.bid(**terms)
        seen = watch(ticket.lifecycle)
        await asyncio.sleep(5)
        truth = venue.orders[0]
        assert never_back(seen)
        last = seen[-2] if terms else seen[-1]
        assert (last.status, last.cum_qty, last.cum_cost) == (truth.status, truth.cum_qty, truth.cum_cost)
        assert (seen[-1] == "completed") == bool(terms)

    play(story, ready=False)
