"""What a conversation must survive: replies too late, loops that were blocked, queues that are too long."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import pytest

from rxkraken.protocol import spot_v2
from rxkraken.protocol.topics import Topic
from rxkraken.session import events as said
from rxkraken.session.conversation import Conversation
from rxkraken.settings import Settings
from rxkraken.streams.channels import balances_topic

BTC = Topic("book", "BTC/USD", (("depth", 10),))
BALANCES = balances_topic()
OLD_TOKEN = "ESession:Invalid session"


class Talk:
    """An open conversation that hears nothing but what the test says."""

    def __init__(self, *topics: Topic, **changes) -> None:
        self.frames: Counter[Topic] = Counter()
        self.talk = Conversation(Settings(**changes), ids=itertools.count(1), frames=self.frames.__getitem__)
        self.now = 100.0
        for topic in topics:
            self.talk.want(topic)
        self.talk.opened(self.now)

    def turn(self, seconds: float = 0.0, *, heard: bool = True) -> list[dict]:
        """Let time pass; what is sent then, without our own pings, which are answered."""
        self.now += seconds
        if heard:
            self.talk.heard(self.now)
        self.talk.tick(self.now)
        self.talk.deadline(self.now)
        sent = [json.loads(text) for text in self.talk.outbox]
        self.talk.outbox.clear()
        for frame in sent:
            if frame["method"] == "ping":
                self.reply(frame)
        return [frame for frame in sent if frame["method"] != "ping"]

    def reply(self, request: dict, symbol: str | None = None, error: str | None = None) -> None:
        frame = {"method": request["method"], "req_id": request["req_id"], "success": error is None}
        if error is not None:
            frame |= {"error": error} | ({"symbol": symbol} if symbol else {})
        elif request["method"] == "ping":
            frame["method"] = "pong"
        else:
            channel = request.get("params", {}).get("channel")
            frame["result"] = {"channel": channel} | ({"symbol": symbol} if symbol else {})
        self.talk.replied(spot_v2.reply(frame), self.now)

    def events(self) -> list[said.Event]:
        events, self.talk.events = self.talk.events, []
        return events


def test_an_unwanted_topic_whose_subscribe_is_refused_for_the_moment_is_gone():
    """It left while it was asked; nobody would ask it again, and it must not keep its place for ever."""
    talk = Talk(BTC)
    (request,) = talk.turn()
    talk.talk.unwant(BTC, talk.now)
    talk.turn(1.0)
    talk.reply(request, "BTC/USD", "Exceeded msg rate")
    assert talk.events() == [said.Left(BTC)]
    assert talk.talk.table() == {}


def test_only_the_request_made_last_speaks_for_a_topic():
    """The ack of the first subscribe was lost, its data was bad, and it was asked again: the late refusal is old."""
    talk = Talk(BTC)
    (first,) = talk.turn()
    talk.talk.renew(BTC, talk.now)
    (leave,) = talk.turn()
    talk.reply(leave, "BTC/USD")
    (second,) = talk.turn(0.5)
    talk.events()
    talk.reply(first, "BTC/USD", "Subscription book depth not supported")
    assert talk.talk.table() == {BTC: "asked"}
    talk.reply(second, "BTC/USD", "Currency pair not supported BTC/USD")
    assert talk.events() == [said.Refused(BTC, "Currency pair not supported BTC/USD")]


def test_a_first_subscribe_that_times_out_does_not_disturb_the_second():
    """Its ack never came; the topic was left and asked again meanwhile, and that ack is still on its way."""
    talk = Talk(BTC)
    talk.turn()
    talk.turn(9.0)
    talk.talk.renew(BTC, talk.now)
    (leave,) = talk.turn()
    talk.reply(leave, "BTC/USD")
    (second,) = talk.turn(0.5)
    assert talk.turn(0.6) == []
    talk.reply(second, "BTC/USD")
    assert talk.talk.table() == {BTC: "live"}
    assert [type(event) for event in talk.events()] == [said.Renewing, said.Live]


@pytest.mark.parametrize("ask", ["request", "ping"])
def test_a_request_that_timed_out_before_it_left_never_leaves(ask):
    """Whoever asked was told that it failed; no connection was there in time."""
    talk = Talk()
    talk.talk.lost()
    req_id = talk.talk.ping(talk.now) if ask == "ping" else talk.talk.request({"method": "m"}, talk.now)
    talk.turn(10.0)
    assert talk.events() == [said.TimedOut(req_id)]
    talk.talk.opened(talk.now)
    assert talk.turn() == []
    assert talk.events() == []


def test_the_answer_to_an_unsubscribe_is_waited_for_from_when_it_left():
    """Three hundred of them need fifteen seconds to leave: none is taken for done before."""
    topics = [Topic("ohlc", "BTC/USD", (("interval", number),)) for number in range(300)]
    talk = Talk(*topics, linger=0.0)
    waiting = talk.turn()
    while waiting:
        for request in waiting:
            talk.reply(request, "BTC/USD")
        waiting = talk.turn(0.5)
    assert set(talk.talk.table().values()) == {"live"}
    talk.events()
    talk.talk.leave_all(talk.now)
    answered = left = 0
    for _ in range(40):
        requests = talk.turn(0.5)
        left += [type(event) for event in talk.events()].count(said.Left)
        assert left == answered
        for request in requests:
            talk.reply(request, "BTC/USD")
        answered += len(requests)
    assert (answered, talk.talk.table()) == (300, {})


def test_a_blocked_loop_is_forgiven_until_what_waits_was_read():
    """The turn after the pause knows no more than the pause: it must not take the forgiveness back."""
    talk = Talk(BTC)
    heard_at = talk.now
    talk.turn()
    talk.turn(60.0, heard=False)
    talk.talk.heard(heard_at)  # the router has not come to its frames yet
    talk.turn(heard=False)
    assert said.Dead not in [type(event) for event in talk.events()]


def test_a_blocked_loop_does_not_condemn_its_subscriptions():
    """Promise 10: what the book sent while user code slept still waits in the socket."""
    talk = Talk(BTC)
    (request,) = talk.turn()
    talk.reply(request, "BTC/USD")
    for _ in range(5):
        talk.frames[BTC] += 1
        talk.turn(1.0)
    assert talk.turn(60.0) == []
    talk.frames[BTC] += 50
    for _ in range(5):
        assert talk.turn(1.0) == []
    assert talk.events() == [said.Live(BTC)]


def test_a_token_is_not_condemned_by_what_was_sent_with_the_one_before():
    """Two orders left with the old token; the second refusal comes when the new one is here already."""
    talk = Talk()
    talk.talk.grant("T1")
    for _ in range(3):
        talk.talk.order("add_order", {}, talk.now, timeout=5.0, several=False)
    one, two, three = talk.turn()
    talk.reply(one, error=OLD_TOKEN)
    talk.talk.grant("T2")
    talk.reply(two, error=OLD_TOKEN)
    talk.reply(three)
    assert [type(event) for event in talk.events()] == [said.TokenRefused, *[said.Answered] * 3]
    assert (talk.talk.token, talk.talk.token_used) == ("T2", False)


def test_an_exchange_that_is_down_for_hours_is_asked_for_hours():
    """Two thousand refusals that pass: the pause stays at its longest, however long the streak."""
    talk = Talk(BTC)
    for _ in range(2000):
        (request,) = talk.turn(8.0)
        talk.reply(request, "BTC/USD", "EService:Unavailable")
    talk.reply(talk.turn(8.0)[0], "BTC/USD")
    assert talk.events() == [said.Live(BTC)]


def test_a_degraded_topic_is_not_asked_again_before_its_unsubscribe_is_answered():
    """Its last subscriber left and another came: Kraken would refuse a subscribe that overtakes the ack."""
    talk = Talk(BTC, resync_attempts=1, linger=0.0)
    for _ in range(2):
        (request,) = talk.turn(0.5)
        talk.reply(request, "BTC/USD")
        talk.talk.renew(BTC, talk.now)
        (leave,) = talk.turn()
        if said.Degraded(BTC) not in talk.events():
            talk.reply(leave, "BTC/USD")
    talk.talk.unwant(BTC, talk.now)
    talk.turn()
    talk.talk.want(BTC)
    assert talk.turn() == []
    talk.reply(leave, "BTC/USD")
    assert [frame["method"] for frame in talk.turn(1.0)] == ["subscribe"]
