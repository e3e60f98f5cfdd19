"""Tickets at the end of a client (promise 21): what was sent is waited for, for a while; nothing new leaves."""

from __future__ import annotations

import asyncio

import rxkraken as rk


async def fate(ticket):
    """The error that a ticket ends with, or its result."""
    try:
        return await ticket
    except rk.KrakenError as error:
        return error


def test_closing_waits_for_the_answers_to_what_was_sent(play, watch):
    """Sent in the same turn as the client was closed: the ack comes through."""

    async def story(venue):
        tickets = [venue.bid() for _ in range(3)]
        seen = [watch(ticket) for ticket in tickets]
        await venue.client.aclose()
        assert [items[-1] for items in seen] == ["completed"] * 3
        assert [ticket.result.order_id for ticket in tickets] == [order.order_id for order in venue.orders]

    play(story)


def test_closing_does_not_wait_for_ever(play, watch):
    """An answer that never comes leaves the outcome unknown, some seconds later."""

    async def story(venue):
        ticket = venue.bid()
        venue.fault("lose_ack", method="add_order")
        seen = watch(ticket)
        started = asyncio.get_running_loop().time()
        await venue.client.aclose()
        assert asyncio.get_running_loop().time() - started <= 2 * venue.client.settings.close_timeout
        assert [type(item) for item in seen] == [rk.OutcomeUnknown]

    play(story)


def test_every_ticket_that_waited_has_an_outcome_after_the_client_is_closed(play, watch):
    """For the rules, for a token, for the ack of another, for its turn: nobody is left waiting."""

    async def story(venue):
        order = venue.bid()
        tickets = [order, order.amend(qty="0.02"), order.cancel(), *(venue.bid() for _ in range(40))]
        seen = [watch(ticket) for ticket in tickets]
        resolved = [watch(ticket.resolve()) for ticket in tickets]
        lives = [watch(ticket.lifecycle) for ticket in tickets if isinstance(ticket, rk.OrderTicket)]
        await venue.client.aclose()
        arrived = {own for method, ids, _ in venue.received for own in ids if method == "add_order"}
        for ticket, items in zip(tickets, seen, strict=True):
            assert items[-1] == "completed" or isinstance(items[-1], rk.NotSent | rk.OutcomeUnknown)
            if isinstance(ticket, rk.OrderTicket):
                assert isinstance(items[-1], rk.NotSent) == (ticket.cl_ord_id not in arrived)
        assert all(items for items in resolved)
        assert all(items for items in lives)

    play(story)


def test_tickets_before_and_after_a_short_life_of_a_client(play, watch):
    """Nothing is connected yet when it is closed: not sent, and certain."""

    async def story(venue):
        early = venue.bid()
        seen = watch(early)
        await venue.client.aclose()
        late = await fate(venue.bid())
        assert [type(item) for item in (*seen, late)] == [rk.NotSent, rk.NotSent]
        assert venue.received == []

    play(story, ready=False)


def test_results_outlive_the_client(play, watch):
    """They are replayed; what needs the exchange says that the client is closed."""

    async def story(venue):
        ticket = venue.bid()
        result = await ticket
        await venue.client.aclose()
        assert watch(ticket) == watch(ticket.resolve()) == [result, "completed"]
        assert type(await fate(ticket.cancel())) is rk.NotSent
        ending = watch(ticket.lifecycle)[-1]
        assert ending == "completed" or isinstance(ending, rk.ClientClosed)

    play(story)
