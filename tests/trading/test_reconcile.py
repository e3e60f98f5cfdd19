"""`resolve()` (promise 12): what became of a request without an answer, for certain, and without sending it again."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal

import pytest

import rxkraken as rk

GOOD = {"side": "buy", "order_type": "limit", "qty": "0.01", "price": "80000"}
POOR = {**GOOD, "qty": "900"}


def now():
    """The virtual time."""
    return asyncio.get_running_loop().time()


async def fate(ticket):
    """The error that a ticket ends with, or its result."""
    try:
        return await ticket
    except rk.KrakenError as error:
        return error


async def unknown(venue, fault, ticket):
    """Let a fault strike a ticket's request, and see that its outcome is unknown."""
    venue.fault(fault, method=ticket.request.method)
    assert type(await fate(ticket)) is rk.OutcomeUnknown
    return ticket


def never_twice(venue):
    """Whether the desk received each request once: by method and by the ids it names."""
    counted = Counter((each.method, str(each.params)) for each in venue.exchange.received if each.account == "demo")
    return set(counted.values()) <= {1}


# --- placing --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["cut_after", "lose_ack"])
def test_an_order_that_was_placed_is_found(play, fault):
    """Its own id finds it, with the id that Kraken gave it."""

    async def story(venue):
        ticket = await unknown(venue, fault, venue.bid())
        result = await ticket.resolve()
        assert result == rk.AddOrderResult(venue.orders[0].order_id, ticket.cl_ord_id)
        assert type(await fate(ticket)) is rk.OutcomeUnknown  # a ticket does not change its mind
        assert venue.methods == ["add_order"]

    play(story)


def test_executions_answer_before_rest_is_asked(play):
    """While they are followed without a break they know the order; nothing else is asked."""

    async def story(venue):
        ticket = await unknown(venue, "lose_ack", venue.bid())
        asked, started = venue.http.requests, now()
        assert (await ticket.resolve()).placed
        assert (venue.http.requests, now()) == (asked, started)

    play(story)


@pytest.mark.parametrize("end", ["filled", "canceled"])
def test_an_order_that_came_and_went_meanwhile_was_placed(play, end):
    """Cut off, filled or cancelled while nobody listened, and found by REST."""

    async def story(venue):
        ticket = venue.bid(**({"price": "999999", "time_in_force": "ioc"} if end == "filled" else {}))
        venue.fault("refuse_upgrade", status=503, times=4)
        await unknown(venue, "cut_after", ticket)
        await asyncio.sleep(0.05)
        venue.network.drive()
        if end == "canceled":
            venue.exchange.desk.cancel_all(venue.exchange.accounts["demo"])
        result = await ticket.resolve()
        assert venue.orders[0].status == end
        assert result.order_id == venue.orders[0].order_id
        assert never_twice(venue)

    play(story)


@pytest.mark.parametrize("deadline", [0.5, 5, 60])
def test_an_order_that_is_nowhere_was_not_placed_but_not_before_its_deadline(play, deadline):
    """`NotPlaced`: from its deadline on the exchange refuses it, and REST lags behind by a minute at most."""

    async def story(venue):
        started = now()
        ticket = await unknown(venue, "cut_before", venue.bid(deadline=deadline))
        error = await fate(ticket.resolve())
        assert (type(error), error.retryable) == (rk.NotPlaced, True)
        assert deadline <= now() - started <= deadline + 70
        assert venue.received == []

    play(story)


def test_a_new_order_may_be_made_once_it_is_certain(play):
    """With the same id, if the caller wants."""

    async def story(venue):
        ticket = await unknown(venue, "cut_before", venue.bid(cl_ord_id="mine"))
        assert type(await fate(ticket.resolve())) is rk.NotPlaced
        again = await venue.bid(cl_ord_id="mine")
        assert [(order.cl_ord_id, order.order_id) for order in venue.orders] == [("mine", again.order_id)]

    play(story)


def test_an_order_that_was_refused_unheard_was_not_placed(play):
    """Kraken refused it and the refusal was lost: it never took effect."""

    async def story(venue):
        ticket = await unknown(venue, "lose_ack", venue.bid(qty="900"))
        assert type(await fate(ticket.resolve())) is rk.NotPlaced
        assert venue.received == [("add_order", (ticket.cl_ord_id,), "EOrder:Insufficient funds")]

    play(story)


def test_while_rest_cannot_be_asked_nothing_is_certain(play):
    """A gateway that is down for three minutes must not be taken for "there is no such order"."""

    async def story(venue):
        ticket = await unknown(venue, "cut_before", venue.bid(deadline=1))
        venue.fault("rest_error", times=10_000)
        resolution = asyncio.ensure_future(fate(ticket.resolve()))
        await asyncio.sleep(180)
        assert not resolution.done()
        venue.exchange._faults.armed.clear()
        assert type(await resolution) is rk.NotPlaced

    play(story)


def test_everyone_who_resolves_gets_the_same(play, watch):
    """One search however many ask, before and after; cancelling an await does not end it."""

    async def story(venue):
        ticket = await unknown(venue, "cut_after", venue.bid())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(ticket.resolve(), 0.01)
        early = watch(ticket.resolve())
        first, second = await asyncio.gather(ticket.resolve(), ticket.resolve())
        late = watch(ticket.resolve())
        assert first is second
        assert early == late == [first, "completed"]
        assert ticket.resolve() is ticket.resolve()

    play(story)


def test_what_is_certain_needs_no_search(play):
    """A result, a refusal and an order that was never sent resolve to themselves."""

    async def story(venue):
        placed, refused = venue.bid(), venue.bid(qty="900")
        result, error = await placed, await fate(refused)
        asked = venue.http.requests
        assert await placed.resolve() is result
        assert await fate(refused.resolve()) is error
        assert venue.http.requests == asked

    play(story)


@pytest.mark.parametrize(
    "terms", [{"order_userref": 7}, {"conditional": {"order_type": "stop-loss", "trigger_price": "70000"}}]
)
def test_an_order_without_an_id_of_its_own_stays_unknown(play, terms):
    """There is nothing to look for it by; the error says so instead of guessing."""

    async def story(venue):
        ticket = await unknown(venue, "cut_after", venue.bid(**terms))
        error = await fate(ticket.resolve())
        assert type(error) is rk.OutcomeUnknown
        assert "look at the account" in error.__notes__[0]
        assert len(venue.orders) == 1

    play(story)


def test_closing_the_client_ends_the_search(play):
    """Unknown it stays: the error is the one of the ticket."""

    async def story(venue):
        ticket = await unknown(venue, "cut_before", venue.bid())
        resolution = asyncio.ensure_future(fate(ticket.resolve()))
        await asyncio.sleep(1)
        await venue.client.aclose()
        assert await resolution is await fate(ticket)

    play(story)


# --- changing -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["cut_after", "lose_ack"])
@pytest.mark.parametrize("change", [{"qty": "0.02"}, {"price": "79000"}, {"qty": "0.03", "price": "79000"}])
def test_an_amend_that_took_effect_shows_in_the_order(play, change, fault):
    """By the order's id and by one's own."""

    async def story(venue):
        order = venue.bid()
        order_id = (await order).order_id
        ticket = await unknown(venue, fault, venue.client.amend_order(order_id, **change))
        assert (await ticket.resolve()).order_id == order_id
        assert venue.methods == ["add_order", "amend_order"]

    play(story)


def test_an_amend_that_never_arrived_was_not_placed(play):
    """The order is as it was, after the deadline too."""

    async def story(venue):
        order = venue.bid()
        await order
        ticket = await unknown(venue, "cut_before", order.amend(qty="0.02", deadline=2))
        started = now()
        assert type(await fate(ticket.resolve())) is rk.NotPlaced
        assert now() - started > 1
        assert [order.qty for order in venue.orders] == [Decimal("0.01")]

    play(story)


def test_an_amend_of_an_order_that_ended_meanwhile_stays_unknown(play):
    """Filled with the old quantity or the new one? The note says that nobody can tell."""

    async def story(venue):
        order = venue.top()
        await order
        ticket = await unknown(venue, "cut_before", order.amend(qty="0.02"))
        venue.sell("0.01")
        error = await fate(ticket.resolve())
        assert type(error) is rk.OutcomeUnknown
        assert "filled" in error.__notes__[0]

    play(story)


def test_an_amend_that_another_one_came_over_stays_unknown(play):
    """It did take effect, although the order does not show it any more."""

    async def story(venue):
        order = venue.bid()
        await order
        ticket = await unknown(venue, "lose_ack", order.amend(qty="0.02"))
        await order.amend(qty="0.03")
        await asyncio.sleep(1)
        assert type(await fate(ticket.resolve())) is rk.OutcomeUnknown
        assert [order.qty for order in venue.orders] == [Decimal("0.03")]

    play(story)


@pytest.mark.parametrize("fault", ["cut_after", "lose_ack"])
def test_an_edit_that_took_effect_is_found_by_its_parent(play, fault):
    """The new order names the one that it replaces."""

    async def story(venue):
        old = (await venue.bid()).order_id
        ticket = await unknown(venue, fault, venue.client.edit_order(old, "BTC/USD", qty="0.02"))
        result = await ticket.resolve()
        new = next(order for order in venue.orders if order.order_id != old)
        assert (result.order_id, result.original_order_id) == (new.order_id, old)
        assert venue.methods == ["add_order", "edit_order"]

    play(story)


def test_an_edit_that_never_arrived_was_not_placed(play):
    """The old order is still there."""

    async def story(venue):
        old = (await venue.bid()).order_id
        ticket = await unknown(venue, "cut_before", venue.client.edit_order(old, "BTC/USD", qty="0.02", deadline=2))
        assert type(await fate(ticket.resolve())) is rk.NotPlaced
        assert [order.status for order in venue.orders] == ["new"]

    play(story)


# --- cancelling -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["cut_after", "lose_ack"])
def test_a_cancel_that_took_effect_is_seen(play, fault):
    """By the order's end."""

    async def story(venue):
        order_id = (await venue.bid()).order_id
        ticket = await unknown(venue, fault, venue.client.cancel_order(order_id))
        result = await ticket.resolve()
        assert [(row.order_id, row.error) for row in result.orders] == [(order_id, None)]
        assert venue.methods == ["add_order", "cancel_order"]

    play(story)


def test_a_cancel_that_never_arrived_was_not_placed(play):
    """The order is still open; cancelling again is right."""

    async def story(venue):
        order = venue.bid()
        await order
        ticket = await unknown(venue, "cut_before", order.cancel())
        assert type(await fate(ticket.resolve())) is rk.NotPlaced
        assert (await order.cancel()).count == 1

    play(story)


def test_a_cancel_that_lost_a_race_says_how_the_order_ended(play):
    """It was filled: not cancelled, and nothing is left to cancel."""

    async def story(venue):
        first, second = venue.top(), venue.bid()
        ids = [(await first).order_id, (await second).order_id]
        venue.sell("0.01")
        ticket = await unknown(venue, "lose_ack", venue.client.cancel_order(ids))
        result = await ticket.resolve()
        assert [(row.order_id, row.error) for row in result.orders] == [
            (ids[0], "the order is filled"),
            (ids[1], None),
        ]

    play(story)


@pytest.mark.parametrize("fault", ["cut_after", "lose_ack"])
def test_a_batch_cancel_is_counted_afterwards(play, fault):
    """By both kinds of ids."""

    async def story(venue):
        order_id = (await venue.bid()).order_id
        await venue.bid(cl_ord_id="mine")
        ticket = await unknown(venue, fault, venue.client.batch_cancel(order_id, cl_ord_ids="mine"))
        assert await ticket.resolve() == rk.BatchCancelResult(2)
        assert never_twice(venue)

    play(story)


@pytest.mark.parametrize("method", ["cancel_all", "cancel_all_orders_after"])
def test_what_names_no_order_stays_unknown(play, method):
    """These do no harm when they are asked for again."""

    async def story(venue):
        make = getattr(venue.client, method)
        ticket = await unknown(venue, "lose_ack", make(60) if method == "cancel_all_orders_after" else make())
        assert type(await fate(ticket.resolve())) is rk.OutcomeUnknown

    play(story)


# --- what only an answer could have told ------------------------------------------------------------------------------


@pytest.mark.parametrize("change", [{"post_only": True}, {"price": "-1", "limit_price_type": "pct"}])
def test_an_amend_that_does_not_show_stays_unknown(play, change):
    """Whether it took effect cannot be seen in the order, so `NotPlaced` would be a guess."""

    async def story(venue):
        order = venue.bid()
        await order
        ticket = await unknown(venue, "cut_after", order.amend(**change))
        assert type(await fate(ticket.resolve())) is rk.OutcomeUnknown

    play(story)


@pytest.mark.parametrize("method", ["cancel_order", "batch_cancel"])
def test_a_cancel_by_tag_stays_unknown(play, method):
    """How many orders carried the tag nobody can tell: a count of the others would be too small."""

    async def story(venue):
        order_id = (await venue.bid()).order_id
        await venue.bid(order_userref=7)
        ticket = await unknown(venue, "cut_after", getattr(venue.client, method)(order_id, userrefs=7))
        assert type(await fate(ticket.resolve())) is rk.OutcomeUnknown

    play(story)


def test_a_batch_with_an_order_that_cannot_be_found_is_not_called_not_placed(play):
    """One was refused; the one without an id of its own may be there, and is."""

    async def story(venue):
        rows = [POOR, {**GOOD, "order_userref": 7}]
        ticket = await unknown(venue, "lose_ack", venue.client.batch_add("BTC/USD", rows))
        result = await ticket.resolve()
        assert [(row.placed, row.unknown) for row in result.orders] == [(False, False), (False, True)]
        assert len(venue.orders) == 1

    play(story)
