"""Requests about several orders: the fate of each is told (ws-v2 reference sections 6.5, 6.8 and 6.9)."""

from __future__ import annotations

import asyncio

import pytest

import rxkraken as rk

NOWHERE = "OAAAAA-AAAAA-AAAAAB"
UNKNOWN = "EOrder:Unknown order"
GOOD = {"side": "buy", "order_type": "limit", "qty": "0.01", "price": "80000"}
POOR = {**GOOD, "qty": "900"}


async def fate(ticket):
    """The error that a ticket ends with, or its result."""
    try:
        return await ticket
    except rk.KrakenError as error:
        return error


# --- cancel_order ---------------------------------------------------------------------------------------------------


def test_orders_are_cancelled_one_request_each(play):
    """Refusals name no order: so each order has a request of its own, and each row says which it is about."""

    async def story(venue):
        first, second = await venue.bid(), await venue.bid(cl_ord_id="mine")
        ticket = venue.client.cancel_order([NOWHERE, first.order_id], cl_ord_ids=["mine", "yours"])
        result = await ticket
        assert {(row.order_id, row.cl_ord_id, row.error) for row in result.orders} == {
            (first.order_id, None, None),
            (None, "mine", None),
            (NOWHERE, None, UNKNOWN),
            (None, "yours", UNKNOWN),
        }
        assert (result.count, result.errors) == (2, (UNKNOWN, UNKNOWN))
        assert venue.methods == ["add_order"] * 2 + ["cancel_order"] * 4
        assert [order.status for order in venue.orders] == ["canceled", "canceled"]
        assert second.order_id == venue.orders[1].order_id

    play(story)


def test_an_id_that_is_named_twice_is_cancelled_once(play):
    """Duplicates are one wish."""

    async def story(venue):
        order_id = (await venue.bid()).order_id
        result = await venue.client.cancel_order([order_id, order_id])
        assert [(row.order_id, row.error) for row in result.orders] == [(order_id, None)]
        assert venue.methods == ["add_order", "cancel_order"]

    play(story)


def test_when_nothing_was_cancelled_it_is_a_refusal(play):
    """`OrderRejected` with Kraken's text, whether ids or tags were named."""

    async def story(venue):
        tickets = [
            venue.client.cancel_order([NOWHERE, "OAAAAA-AAAAA-AAAAAC"]),
            venue.client.cancel_order(cl_ord_ids="yours"),
            venue.client.cancel_order(userrefs=7),
            venue.client.cancel_order(NOWHERE, userrefs=[7, 8]),
        ]
        for ticket in tickets:
            error = await fate(ticket)
            assert (type(error), getattr(error, "text", None)) == (rk.OrderRejected, UNKNOWN), ticket.request

    play(story)


def test_a_tag_cancels_all_that_carry_it(play):
    """One request, as many rows as there were orders."""

    async def story(venue):
        tagged = [(await venue.bid(order_userref=7)).order_id for _ in range(3)]
        other = (await venue.bid()).order_id
        result = await venue.client.cancel_order(other, userrefs=[7, 8])
        cancelled = {row.order_id for row in result.orders if row.cancelled}
        assert (cancelled, result.count, result.errors) == ({*tagged, other}, 4, (UNKNOWN,))
        assert venue.methods[4:] == ["cancel_order"] * 3
        assert {order.status for order in venue.orders} == {"canceled"}

    play(story)


@pytest.mark.parametrize("text", ["EService:Unavailable", "EService:Busy"])
@pytest.mark.parametrize("named", [{"order_ids": NOWHERE}, {"userrefs": 7}])
def test_a_cancel_that_may_have_worked_is_unknown(scripted, named, text):
    """Whatever names the order, these words do not say that nothing happened."""

    async def story(stage):
        seen = stage.watch(stage.client.cancel_order(**named))
        await stage.settle()
        stage.link.say(stage.refusal("cancel_order", text))
        await stage.settle(1)
        assert [type(error) for error in seen] == [rk.OutcomeUnknown]

    scripted(story)


def test_a_tag_that_was_cut_off_in_the_midst_of_its_answers_is_unknown(scripted):
    """One order is known to be cancelled; how many more there were nobody can tell."""

    async def story(stage):
        seen = stage.watch(stage.client.cancel_order(userrefs=7))
        await stage.settle()
        stage.link.say(stage.acceptance("cancel_order", order_id=NOWHERE))
        stage.link.lose("cut")
        await stage.settle(1)
        assert [type(error) for error in seen] == [rk.OutcomeUnknown]

    scripted(story)


def test_answers_to_a_tag_are_gathered_until_no_more_come(scripted):
    """One every 0.3 seconds: all are counted, and the result comes half a second after the last."""

    async def story(stage):
        seen = stage.watch(stage.client.cancel_order(userrefs=7))
        await stage.settle()
        for number in range(5):
            stage.link.say(stage.acceptance("cancel_order", order_id=f"OAAAAA-AAAAA-AAAAA{number}"))
            await stage.settle(0.3)
        assert seen == []
        await stage.settle(0.3)
        assert [item.count for item in seen[:1]] == [5]

    scripted(story)


def test_one_unknown_among_several_makes_all_unknown(play):
    """What is certain is not lost: `resolve()` gives every row."""

    async def story(venue):
        ids = [(await venue.bid()).order_id for _ in range(3)]
        venue.fault("lose_ack", method="cancel_order")
        ticket = venue.client.cancel_order(ids)
        assert type(await fate(ticket)) is rk.OutcomeUnknown
        result = await ticket.resolve()
        assert [(row.order_id, row.error) for row in result.orders] == [(order_id, None) for order_id in ids]
        assert venue.methods == ["add_order"] * 3 + ["cancel_order"] * 3

    play(story)


# --- batch_cancel ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", ["live", "docs"])
def test_a_batch_cancel_counts_in_both_shapes(play, shape):
    """Live servers answer `orders_cancelled`, the documents `result.count`; ids of all kinds go in one request."""

    async def story(venue):
        first = await venue.bid()
        await venue.bid(cl_ord_id="mine")
        await venue.bid(order_userref=7)
        result = await venue.client.batch_cancel([first.order_id, NOWHERE], cl_ord_ids="mine", userrefs=7)
        assert result == rk.BatchCancelResult(3)
        assert venue.methods == ["add_order"] * 3 + ["batch_cancel"]
        assert {order.status for order in venue.orders} == {"canceled"}

    play(story, batch_cancel=shape)


def test_a_batch_cancel_of_nothing_is_a_refusal(play):
    """None of them is open."""

    async def story(venue):
        error = await fate(venue.client.batch_cancel([NOWHERE, "OAAAAA-AAAAA-AAAAAC"]))
        assert (type(error), error.text) == (rk.OrderRejected, UNKNOWN)

    play(story)


# --- batch_add ------------------------------------------------------------------------------------------------------


def test_a_batch_tells_of_each_order(play):
    """Some are placed, one is refused for its funds; rows stand in the order of the request."""

    async def story(venue):
        rows = [GOOD, {**POOR, "cl_ord_id": "poor"}, {**GOOD, "order_userref": 7}]
        ticket = venue.client.batch_add("BTC/USD", rows)
        result = await ticket
        own = ticket.request.cl_ord_ids
        placed = [order.order_id for order in venue.orders]
        assert [(row.order_id, row.cl_ord_id, row.order_userref, row.error) for row in result.orders] == [
            (placed[0], own[0], None, None),
            (None, "poor", None, "EOrder:Insufficient funds"),
            (placed[1], None, 7, None),
        ]
        assert (len(result.placed), len(result.refused)) == (2, 1)
        assert venue.methods == ["batch_add"]

    play(story)


def test_a_batch_that_is_refused_as_a_whole_is_rejected(play):
    """No row is placed and no rows are told."""

    async def story(venue):
        venue.fault("rate_limit", seconds=5.0)
        error = await fate(venue.client.batch_add("BTC/USD", [GOOD, GOOD]))
        assert (type(error), error.category, error.retryable) == (rk.OrderRejected, "trading_rate_limit", True)
        assert venue.orders == []

    play(story)


def test_a_batch_that_was_cut_off_is_found_order_by_order(play):
    """`resolve()`: two are there, the poor one is not, and nothing is sent again."""

    async def story(venue):
        venue.fault("cut_after", method="batch_add")
        ticket = venue.client.batch_add("BTC/USD", [GOOD, POOR, GOOD])
        assert type(await fate(ticket)) is rk.OutcomeUnknown
        result = await ticket.resolve()
        placed = [order.order_id for order in venue.orders]
        assert [row.order_id for row in result.orders] == [placed[0], None, placed[1]]
        assert [row.error for row in result.orders] == [None, "not placed", None]
        assert venue.methods == ["batch_add"]

    play(story)


def test_a_batch_that_never_arrived_is_not_placed(play):
    """`NotPlaced`, but not before the deadline is over."""

    async def story(venue):
        venue.fault("cut_before", method="batch_add")
        ticket = venue.client.batch_add("BTC/USD", [GOOD, GOOD], deadline=3)
        started = asyncio.get_running_loop().time()
        assert type(await fate(ticket.resolve())) is rk.NotPlaced
        assert asyncio.get_running_loop().time() - started > 3
        assert venue.received == []

    play(story)


# --- edit_order, cancel_all -----------------------------------------------------------------------------------------


def test_an_edit_gives_a_new_order_and_names_the_old_one(play):
    """The old one is cancelled, the new one has its own id."""

    async def story(venue):
        old = (await venue.bid()).order_id
        result = await venue.client.edit_order(old, "BTC/USD", price="79000", qty="0.02")
        assert result.original_order_id == old
        assert result.order_id != old
        told = [(order.order_id, order.status, str(order.limit_price)) for order in venue.orders]
        assert told == [(old, "canceled", "80000"), (result.order_id, "new", "79000")]
        refused = await fate(venue.client.edit_order(old, "BTC/USD", qty="0.03"))
        assert (type(refused), refused.text) == (rk.OrderRejected, UNKNOWN)

    play(story)


def test_cancel_all_counts(play):
    """Zero is an answer too."""

    async def story(venue):
        await asyncio.gather(venue.bid(), venue.bid())
        counts = [(await venue.client.cancel_all()).count, (await venue.client.cancel_all()).count]
        assert counts == [2, 0]

    play(story)
