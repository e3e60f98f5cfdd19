"""The token of order requests: fetched and added unseen, and renewed where Kraken refuses it (D0-5, section 5.1)."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

import rxkraken as rk

INVALID = "ESession:Invalid session"


def test_nobody_has_to_ask_for_a_token(play):
    """The first order of a fresh client: connection, rules and token come by themselves, one token for everything."""

    async def story(venue):
        results = await asyncio.gather(*(venue.bid() for _ in range(5)))
        assert [result.placed for result in results] == [True] * 5
        assert len(venue.received) == 5
        assert len(venue.exchange._keyring._tokens) == 1
        assert venue.network.connects == 2

    play(story, ready=False)


def test_a_refused_token_costs_the_order_nothing(play, watch):
    """Refused at the door, sent again with a new token: the desk receives it once, and nobody notices."""

    async def story(venue):
        await venue.bid()
        venue.fault("invalidate_token")
        tickets = [venue.bid() for _ in range(3)]
        seen = [watch(ticket) for ticket in tickets]
        results = await asyncio.gather(*tickets)
        received = Counter(own for _, ids, _ in venue.received for own in ids)
        assert [received[ticket.cl_ord_id] for ticket in tickets] == [1, 1, 1]
        assert seen == [[result, "completed"] for result in results]
        assert venue.methods == ["add_order"] * 4

    play(story)


@pytest.mark.parametrize("make", ["amend", "cancel", "batch", "switch", "tag"])
def test_each_method_survives_a_refused_token(play, make):
    """Not only new orders."""

    async def story(venue):
        ticket = venue.bid(order_userref=7)
        order_id = (await ticket).order_id
        rows = [{"side": "buy", "order_type": "limit", "qty": "0.01", "price": "80000"}] * 2
        venue.fault("invalidate_token")
        await {
            "amend": lambda: venue.client.amend_order(order_id, qty="0.02"),
            "cancel": lambda: venue.client.cancel_order(order_id),
            "batch": lambda: venue.client.batch_add("BTC/USD", rows),
            "switch": lambda: venue.client.cancel_all_orders_after(60),
            "tag": lambda: venue.client.cancel_order(userrefs=7),
        }[make]()
        assert len(venue.received) == 2
        assert venue.received[1][2] == "accepted"

    play(story)


def test_it_is_sent_again_once_only(scripted):
    """A second refusal of the token is the outcome: `OrderRejected` that may be tried again."""

    async def story(stage):
        seen = stage.watch(stage.bid())
        await stage.settle()
        first = stage.link.last("add_order")
        stage.link.say(stage.refusal("add_order", INVALID, status="error"))
        await stage.settle(1)
        second = stage.link.last("add_order")
        assert seen == []
        assert first["params"].pop("token") != second["params"].pop("token")
        assert first["params"] == second["params"]
        stage.link.say(stage.refusal("add_order", INVALID, status="error"))
        await stage.settle(5)
        assert [(type(error), error.text, error.category, error.retryable) for error in seen] == [
            (rk.OrderRejected, INVALID, "session", True)
        ]
        assert [frame["method"] for frame in stage.sent] == ["add_order"] * 2

    scripted(story)


def test_without_a_new_token_it_was_not_sent(play):
    """It did nothing at the door and could not be sent again: `NotSent`."""

    async def story(venue):
        await venue.bid()
        venue.fault("invalidate_token")
        venue.fault("rest_error", call="GetWebSocketsToken", times=100)
        with pytest.raises(rk.NotSent, match="token"):
            await venue.bid()
        assert venue.methods == ["add_order"]

    play(story)


def test_a_line_that_is_lost_while_the_token_is_fetched_leaves_nothing_unknown(play):
    """The first sending did nothing; the second goes over the new line, or is `NotSent`. Never twice."""

    async def story(venue):
        await venue.bid()
        venue.fault("invalidate_token")
        venue.fault("rest_slow", call="GetWebSocketsToken", seconds=2.0)
        ticket = venue.bid()
        ticket.subscribe(lambda _: None, lambda _: None)
        venue.fault("drop", code=1006, after=1.0)
        await asyncio.sleep(30)
        try:
            assert (await ticket).placed
        except rk.NotSent:
            assert ticket.cl_ord_id not in [order.cl_ord_id for order in venue.orders]
        received = Counter(own for _, ids, _ in venue.received for own in ids)
        assert received[ticket.cl_ord_id] <= 1

    play(story)


def test_two_clients_of_one_key_do_not_disturb_each_other(play):
    """Nonces, tokens, ids and connections are each client's own, but nonces of one key never collide (D0-7)."""

    async def story(venue):
        other = rk.KrakenClient(
            venue.client.endpoints,
            venue.exchange.credentials,
            outside=venue.client._outside,
            limits=venue.client._limits,
        )
        async with other:
            ours = [venue.bid() for _ in range(4)]
            theirs = [other.add_order("BTC/USD", "buy", "limit", qty="0.01", price="80000") for _ in range(4)]
            await asyncio.gather(*ours, *theirs, venue.client.rest.balance(), other.rest.balance())
        own = [ticket.cl_ord_id for ticket in (*ours, *theirs)]
        assert sorted(order.cl_ord_id for order in venue.orders) == sorted(own)
        assert len(set(own)) == 8

    play(story, ready=False)
