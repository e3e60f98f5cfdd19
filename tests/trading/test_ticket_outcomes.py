"""What a ticket says of its request (promise 12): acknowledged, rejected, not known, or never sent."""

from __future__ import annotations

import asyncio

import pytest

import rxkraken as rk
from rxkraken.errors import AuthRefused

LIMIT = {"side": "buy", "order_type": "limit", "qty": "0.01", "price": "80000"}


async def fate(ticket):
    """The error that a ticket ends with, or its result."""
    try:
        return await ticket
    except rk.KrakenError as error:
        return error


def tickets_of(venue, order_id):
    """One ticket of every method that the auth host serves, about this order where one is needed."""
    client = venue.client
    return {
        "add_order": venue.bid(),
        "batch_add": client.batch_add("BTC/USD", [LIMIT, LIMIT]),
        "amend_order": client.amend_order(order_id, qty="0.02"),
        "edit_order": client.edit_order(order_id, "BTC/USD", qty="0.02"),
        "cancel_order": client.cancel_order(order_id),
        "batch_cancel": client.batch_cancel([order_id, "OAAAAA-AAAAA-AAAAAA"]),
        "cancel_all": client.cancel_all(),
        "cancel_all_orders_after": client.cancel_all_orders_after(60),
    }


METHODS = (
    "add_order", "batch_add", "amend_order", "edit_order", "cancel_order", "batch_cancel", "cancel_all",
    "cancel_all_orders_after",
)  # fmt: skip


# --- acknowledged -----------------------------------------------------------------------------------------------------


def test_every_method_is_answered_with_a_value_of_its_own(play):
    """Typed results, one class a method (D2-2)."""

    async def story(venue):
        order_id = (await venue.bid()).order_id
        tickets = tickets_of(venue, order_id)
        seen = {}
        for method, ticket in tickets.items():
            if method in ("cancel_order", "batch_cancel"):
                continue
            seen[method] = type(await ticket).__name__
        last = (await venue.bid(cl_ord_id="mine")).order_id
        cancelled = await venue.client.cancel_order(last)
        assert seen == {
            "add_order": "AddOrderResult",
            "batch_add": "BatchAddResult",
            "amend_order": "AmendOrderResult",
            "edit_order": "EditOrderResult",
            "cancel_all": "CancelAllResult",
            "cancel_all_orders_after": "CancelAllAfterResult",
        }
        assert [(row.order_id, row.cancelled) for row in cancelled.orders] == [(last, True)]

    play(story)


# --- rejected ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("terms", "text", "category"),
    [
        ({"qty": "900"}, "EOrder:Insufficient funds", "funds"),
        ({"price": "999999", "post_only": True}, "EOrder:Post only order", "post_only"),
    ],
)
def test_a_refusal_carries_the_words_of_kraken_and_their_kind(play, terms, text, category):
    """`OrderRejected`, nothing placed, and `resolve()` says the same without asking anybody (D1-4)."""

    async def story(venue):
        ticket = venue.bid(**terms)
        asked = venue.http.requests
        error = await fate(ticket)
        assert (type(error), error.text, error.category) == (rk.OrderRejected, text, category)
        assert await fate(ticket.resolve()) is error
        assert (venue.orders, venue.http.requests) == ([], asked)

    play(story)


def test_orders_that_are_not_there_are_refused_by_each_method(play):
    """Amending, editing and cancelling what is unknown."""

    async def story(venue):
        tickets = tickets_of(venue, "OAAAAA-AAAAA-AAAAAB")
        for method in ("amend_order", "edit_order", "cancel_order", "batch_cancel"):
            error = await fate(tickets[method])
            assert (method, type(error), error.text, error.category) == (
                method, rk.OrderRejected, "EOrder:Unknown order", "unknown_order",
            )  # fmt: skip

    play(story)


def test_a_key_without_the_permission_is_refused_at_the_door(play):
    """The desk never saw the order."""

    async def story(venue):
        await venue.bid()
        key = venue.exchange.keys[venue.exchange.credentials.key]
        key.permissions = key.permissions - {"modify_orders"}
        error = await fate(venue.bid())
        assert (type(error), error.text, error.category) == (
            rk.OrderRejected, "EGeneral:Permission denied", "permission",
        )  # fmt: skip
        assert len(venue.received) == 1

    play(story)


# --- not known --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "lose_ack"])
@pytest.mark.parametrize("method", METHODS)
def test_whatever_was_sent_and_not_answered_is_unknown(play, method, fault):
    """A cut line or ten seconds of silence: whether it was carried out does not change what the ticket says."""

    async def story(venue):
        order_id = (await venue.bid()).order_id
        ticket = tickets_of(venue, order_id)[method]
        venue.fault(fault, method=method)
        started = asyncio.get_running_loop().time()
        error = await fate(ticket)
        took = asyncio.get_running_loop().time() - started
        assert type(error) is rk.OutcomeUnknown
        assert error.cl_ord_ids == ticket.request.cl_ord_ids
        assert "resolve()" in str(error)
        assert (took == pytest.approx(10, abs=0.1)) == (fault == "lose_ack")
        await asyncio.sleep(20)
        assert venue.methods.count(method) == (fault != "cut_before") + (method == "add_order")
        assert venue.struck() == [fault]

    play(story)


@pytest.mark.parametrize("text", ["EService:Unavailable", "EService:Busy", "EService:Deadline elapsed"])
def test_answers_that_leave_it_open_are_unknown(scripted, text):
    """Kraken's own words may mean that the order exists (section 6.11): never `OrderRejected`."""

    async def story(stage):
        ticket = stage.bid()
        seen = stage.watch(ticket)
        await stage.settle()
        stage.link.say(stage.refusal("add_order", text))
        (error,) = seen
        assert type(error) is rk.OutcomeUnknown
        assert text in str(error)
        assert error.cl_ord_ids == (ticket.cl_ord_id,)

    scripted(story)


@pytest.mark.parametrize("result", [None, {}, {"order_id": 7}, []])
def test_an_acceptance_that_cannot_be_read_is_unknown(scripted, result):
    """The order is there, under an id that nobody understood; `resolve()` finds it."""

    async def story(stage):
        seen = stage.watch(stage.bid())
        await stage.settle()
        frame = {"method": "add_order", "req_id": stage.link.last("add_order")["req_id"], "success": True}
        stage.link.say({**frame, "result": result})
        assert [type(error) for error in seen] == [rk.OutcomeUnknown]

    scripted(story)


def test_a_late_ack_does_not_change_an_outcome(play, watch):
    """After ten seconds it is unknown; the answer that comes at twelve is nobody's any more."""

    async def story(venue):
        ticket = venue.bid()
        venue.fault("late_response", method="add_order", seconds=12.0)
        seen = watch(ticket)
        await asyncio.sleep(30)
        assert [type(item) for item in seen] == [rk.OutcomeUnknown]
        assert (await ticket.resolve()).order_id == venue.orders[0].order_id

    play(story)


# --- never sent -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
def test_offline_nothing_is_sent_nor_kept_for_later(play, method):
    """It fails at once, and does not go out when the line is back (D1-2)."""

    async def story(venue):
        order_id = (await venue.bid()).order_id
        tickets = tickets_of(venue, order_id)
        venue.fault("refuse_upgrade", status=503, times=3)
        venue.fault("drop", code=1006)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        before = asyncio.get_running_loop().time()
        error = await fate(tickets[method])
        assert (type(error), error.retryable) == (rk.NotSent, True)
        assert asyncio.get_running_loop().time() == before
        assert await fate(tickets[method].resolve()) is error
        await asyncio.sleep(60)
        assert venue.methods == ["add_order"]
        assert isinstance(await fate(tickets_of(venue, order_id)["cancel_all"]), rk.CancelAllResult)

    play(story)


def test_after_the_client_is_closed_nothing_is_sent(play):
    """`NotSent` says so, with `ClientClosed` as its cause."""

    async def story(venue):
        ticket = venue.bid()
        await venue.client.aclose()
        error = await fate(ticket)
        assert (type(error), type(error.__cause__)) == (rk.NotSent, rk.ClientClosed)
        assert venue.received == []

    play(story)


def test_a_client_that_only_validates_never_changes_anything(play):
    """Orders are checked and not placed; what Kraken cannot only check is not sent."""

    async def story(venue):
        checks = ("add_order", "batch_add")
        tickets = tickets_of(venue, "OAAAAA-AAAAA-AAAAAB")
        assert tickets.pop("edit_order").request.params["validate"] is True
        results = {method: await fate(ticket) for method, ticket in tickets.items()}
        assert {method for method, result in results.items() if type(result) is not rk.NotSent} == set(checks)
        assert (results["add_order"].placed, results["batch_add"].placed) == (False, ())
        assert all("validate_only" in str(results[method]) for method in results if method not in checks)
        assert sorted(venue.methods) == sorted(checks)
        assert all(each.params["validate"] is True for each in venue.exchange.received)
        assert venue.orders == []

    play(story, validate_only=True)


def test_without_credentials_nothing_is_sent(play):
    """There is no account to trade for."""

    async def story(venue):
        client = rk.KrakenClient(venue.client.endpoints, outside=venue.client._outside)
        async with client:
            with pytest.raises(rk.MissingCredentials, match="API key"):
                client.add_order("BTC/USD", "buy", "limit", qty="0.01", price="80000")
        assert venue.exchange.received == []

    play(story)


def test_when_no_token_can_be_had_nothing_is_sent(play):
    """The key is refused for good, or REST is down for longer than a request may take."""

    async def story(venue):
        venue.fault("rest_error", call="GetWebSocketsToken", status=502, times=50)
        error = await fate(venue.bid())
        assert type(error) is rk.NotSent
        assert venue.received == []

    play(story, ready=False)


def test_a_key_that_is_wrong_is_told_as_the_reason(play):
    """`NotSent`, with what REST said as its cause."""

    async def story(venue):
        wrong = rk.Credentials("nobody", "c2VjcmV0")
        client = rk.KrakenClient(venue.client.endpoints, wrong, outside=venue.client._outside)
        async with client:
            error = await fate(client.add_order("BTC/USD", "buy", "limit", qty="0.01", price="80000"))
        assert (type(error), type(error.__cause__), error.retryable) == (rk.NotSent, AuthRefused, False)
        assert venue.received == []

    play(story, ready=False)
