"""The watches alone: over the peer, over a topic's data, over the token, and over the turns of subscribes."""

from __future__ import annotations

import pytest

from rxkraken.protocol import spot_v2
from rxkraken.protocol.topics import Topic
from rxkraken.session.flow import Flow
from rxkraken.session.grant import Grant
from rxkraken.session.pacing import TokenBucket
from rxkraken.session.pulse import Pulse
from rxkraken.session.turns import Turns
from rxkraken.settings import Settings
from rxkraken.streams.channels import level3_topic

ACCEPTED = spot_v2.reply({"method": "add_order", "req_id": 1, "success": True})
REFUSED = spot_v2.reply({"method": "add_order", "req_id": 1, "success": False, "error": "EAPI:Invalid token"})
ANOTHER = spot_v2.reply({"method": "add_order", "req_id": 1, "success": False, "error": "EOrder:Rate limit"})


# --- the peer ---------------------------------------------------------------------------------------------------------


def test_a_silence_is_pinged_into_halfway_and_once():
    pulse = Pulse(Settings(silence_timeout=10.0, ping_interval=20.0))
    pulse.opened(100.0)
    assert (pulse.ping_at(), pulse.dead_at()) == (105.0, 110.0)
    pulse.pinged(105.0)
    assert (pulse.ping_at(), pulse.dead_at()) == (125.0, 110.0)
    pulse.heard(106.0)
    assert (pulse.ping_at(), pulse.dead_at()) == (111.0, 116.0)


def test_a_peer_that_talks_is_pinged_at_the_interval():
    pulse = Pulse(Settings(silence_timeout=10.0, ping_interval=7.0))
    pulse.opened(100.0)
    for now in range(101, 107):
        pulse.heard(float(now))
    assert pulse.ping_at() == 107.0


def test_what_was_heard_is_never_unheard():
    """Neither by older news nor by a forgiveness that grants less than there is."""
    pulse = Pulse(Settings(silence_timeout=10.0))
    pulse.opened(100.0)
    pulse.forgive(160.0, 1.0)
    assert pulse.dead_at() == 161.0
    pulse.heard(100.0)
    assert pulse.dead_at() == 161.0
    pulse.heard(165.0)
    pulse.forgive(166.0, 1.0)
    assert pulse.dead_at() == 175.0


# --- a topic's data ---------------------------------------------------------------------------------------------------


def flow_at(now: float, **changes) -> Flow:
    """A flow that was asked for with three frames on the count, and acknowledged."""
    flow = Flow(Settings(**changes))
    flow.asked(3)
    flow.began(now)
    return flow


@pytest.mark.parametrize("channel", ["book", "ticker", "instrument", "level3"])
def test_a_snapshot_is_missed_after_the_time_of_a_request(channel):
    flow = flow_at(100.0)
    assert [flow.look(channel, 3, now) for now in (109.9, 110.0)] == [None, "no snapshot"]
    assert not flow.has_data(3)


@pytest.mark.parametrize("channel", ["executions", "balances", "own_trades"])
def test_an_account_is_taken_as_empty_once_for_each_time_it_is_asked(channel):
    flow = flow_at(100.0)
    assert [flow.look(channel, 3, now) for now in (102.9, 103.0, 200.0)] == [None, "empty", None]
    flow.asked(3)
    flow.began(300.0)
    assert flow.look(channel, 3, 303.0) == "empty"


@pytest.mark.parametrize(("channel", "patience"), [("book", 30.0), ("trade", 120.0)])
def test_data_that_stops_is_stale_when_the_channels_patience_ends(channel, patience):
    flow = flow_at(100.0, stale_after=30.0)
    assert flow.look(channel, 4, 101.0) is None
    assert flow.has_data(4)
    assert [flow.look(channel, 4, 101.0 + pause) for pause in (patience - 0.1, patience)] == [None, "stale"]


def test_patience_is_four_times_the_longest_pause_of_late_and_fades():
    flow = flow_at(100.0, stale_after=30.0)
    flow.look("book", 4, 120.0)
    assert [flow.look("book", 4, 120.0 + pause) for pause in (79.9, 80.0)] == [None, "stale"]
    flow = flow_at(100.0, stale_after=30.0)
    flow.look("book", 4, 120.0)
    for step in range(10):
        flow.look("book", 5 + step, 121.0 + step)
    assert flow.look("book", 14, 160.0) == "stale"


def test_an_account_is_never_stale():
    flow = flow_at(100.0)
    flow.look("executions", 4, 101.0)
    assert flow.look("executions", 4, 1e6) is None


# --- the token --------------------------------------------------------------------------------------------------------


def test_a_token_is_used_when_something_sent_with_it_was_accepted():
    grant = Grant()
    grant.give("T1")
    assert not grant.judge("T1", ANOTHER)
    assert not grant.used
    assert not grant.judge("T1", ACCEPTED)
    assert (grant.token, grant.used) == ("T1", True)


def test_a_token_ends_once():
    """The first refusal ends it; what else was sent with it has nothing more to tell."""
    grant = Grant()
    grant.give("T1")
    assert [grant.judge("T1", REFUSED), grant.judge("T1", REFUSED)] == [True, False]
    assert grant.token is None


@pytest.mark.parametrize("reply", [ACCEPTED, REFUSED])
@pytest.mark.parametrize("token", [None, "T1"])
def test_only_what_was_sent_with_the_token_at_hand_tells_of_it(token, reply):
    grant = Grant()
    grant.give("T1")
    grant.give("T2")
    assert not grant.judge(token, reply)
    assert (grant.token, grant.used) == ("T2", False)
    grant.withdraw()
    assert not grant.judge("T2", REFUSED)


# --- turns ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "most"), [(10, 20), (100, 4), (1000, 1)])
def test_a_level_3_request_spends_half_of_a_seconds_budget_at_most(depth, most):
    turns = Turns(Settings(), TokenBucket(20.0, 10))
    topics = [level3_topic(f"S{number}/USD", depth, "verify") for number in range(45)]
    sizes = [len(run) for run in turns.split(topics)]
    assert (sizes[0], sum(sizes)) == (most, 45)


def test_level_3_has_a_pace_of_its_own():
    general = TokenBucket(20.0, 1)
    turns, book, deep = Turns(Settings(), general), Topic("book", "BTC/USD"), level3_topic("BTC/USD", 10, "verify")
    assert [turns.take(deep, 100.0), turns.take(deep, 100.0), turns.take(book, 100.0)] == [True, False, True]
    assert (turns.ready_at(deep, 100.0), turns.ready_at(book, 100.0)) == (100.5, 100.05)
    assert not general.take(100.0)
