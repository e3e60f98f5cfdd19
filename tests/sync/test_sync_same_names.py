"""The blocking clients have whatever the asynchronous ones have, with the same arguments and the same words."""

from __future__ import annotations

import inspect

import pytest

import rxkraken as rk
from rxkraken.rest import RestClient as AsyncRest

# What code that waits does not want, and what it has instead.
NOT_WANTED = {
    "aclose": "`close` waits for the same",
    "amend_of": "tickets call it: `ticket.amend`",
    "cancel_of": "tickets call it: `ticket.cancel`",
}
# What blocking code has besides.
ADDED = {"close", "stream", "tickets"}
PAIRS = [
    pytest.param(rk.sync.KrakenClient, rk.KrakenClient, id="v2"),
    pytest.param(rk.sync.KrakenV1Client, rk.KrakenV1Client, id="v1"),
]
# Written by hand, since what they return here is used in another manner.
OWN_WORDS = {"but", "start", "dead_mans_switch"}
ORDERS = {"add_order", "amend_order", "edit_order", "cancel_order", "cancel_all", "cancel_all_orders_after"}


def public(thing):
    """The public names of a class, or of an object: its attributes as well."""
    return {name for name in dir(thing) if not name.startswith("_")}


@pytest.mark.parametrize(("here", "there"), PAIRS)
def test_nothing_of_the_asynchronous_client_is_missing_and_nothing_unknown_is_added(here, there):
    ours, theirs = public(here()), public(there())
    assert (theirs - ours - NOT_WANTED.keys(), ours - theirs) == (set(), ADDED)


def test_every_name_that_is_not_wanted_exists():
    """A name that was renamed must not stay excused."""
    assert NOT_WANTED.keys() <= public(rk.KrakenClient) | public(rk.KrakenV1Client)


def test_nothing_of_rest_is_missing():
    closing = {"aclose", "closed"}  # it lives and ends with its client
    assert public(AsyncRest) - public(rk.sync.RestClient) - closing == set()


@pytest.mark.parametrize(("here", "there"), PAIRS)
def test_it_is_made_with_the_same_arguments(here, there):
    assert inspect.signature(here).parameters == inspect.signature(there).parameters


def test_each_client_has_tickets_for_each_of_its_order_methods():
    assert public(rk.sync.TicketsV1) == ORDERS
    assert public(rk.sync.Tickets) == ORDERS | {"batch_add", "batch_cancel"}
    assert public(rk.sync.KrakenV1Client) >= ORDERS


@pytest.mark.parametrize(
    ("here", "there"),
    [
        *PAIRS,
        pytest.param(rk.sync.Tickets, rk.KrakenClient, id="tickets"),
        pytest.param(rk.sync.TicketsV1, rk.KrakenV1Client, id="tickets of v1"),
        pytest.param(rk.sync.RestClient, AsyncRest, id="rest"),
    ],
)
def test_each_method_has_the_arguments_and_the_words_of_the_asynchronous_one(here, there):
    shared = [name for name in public(here) & public(there) if inspect.isfunction(getattr(here, name))]
    for name in shared:
        ours, theirs = getattr(here, name), getattr(there, name)
        assert inspect.signature(ours).parameters == inspect.signature(theirs).parameters
        assert name in OWN_WORDS or inspect.getdoc(ours).startswith(inspect.getdoc(theirs))
        assert inspect.getdoc(ours)
    assert shared


@pytest.mark.parametrize(("here", "there"), PAIRS)
def test_each_property_has_words(here, there):
    properties = [name for name in public(here) & public(there) if isinstance(getattr(here, name), property)]
    assert [name for name in properties if not inspect.getdoc(getattr(here, name))] == []
    assert {"status", "errors", "unknown", "messages", "state", "limits"} <= set(properties)


@pytest.mark.parametrize("kind", [rk.KrakenClient, rk.KrakenV1Client])
def test_a_stream_tells_its_name_and_its_policy_and_nobody_can_change_them(kind):
    stream = kind().book("XBT/USD", "ETH/USD")
    assert (stream.name, stream.policy) == ("book BTC/USD ETH/USD", rk.conflate())
    for name in ("name", "policy"):
        with pytest.raises(AttributeError):
            setattr(stream, name, None)
