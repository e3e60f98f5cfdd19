"""What feeds and `status` are told when something befalls a topic, and that a feed's route comes and goes with it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from rxkraken.protocol.topics import Topic
from rxkraken.session import events as said
from rxkraken.session.deliveries import Deliveries
from rxkraken.settings import Settings

BTC, EXECUTIONS = Topic("book", "BTC/USD"), Topic("executions")


@dataclass
class Feed:
    """A feed that notes what it is told."""

    topic: Topic
    frames: int = 7
    told: list[tuple] = field(default_factory=list)

    def interrupt(self, now, reason) -> None:
        self.told.append((now, reason))

    def begin_empty(self, now, epoch) -> None:
        self.told.append((now, "empty", epoch))


@dataclass
class Routes:
    """A router that knows its routes only."""

    epoch: int = 3
    routes: dict[Topic, Feed] = field(default_factory=dict)

    def add(self, topic, feed) -> None:
        self.routes[topic] = feed

    def discard(self, topic) -> None:
        self.routes.pop(topic, None)


def follow(topic: Topic, event) -> tuple[list[tuple], list[tuple], bool]:
    """What the feed is told, what `status` is told, and whether the feed is still served."""
    statuses, routes, feed = [], Routes(), Feed(topic)
    deliveries = Deliveries(
        routes, Settings(), lambda: 50.0, lambda state, reason="", topic=None: statuses.append((state, reason, topic))
    )
    deliveries.attach(feed)
    assert (deliveries.frames_of(topic), routes.routes) == (7, {topic: feed})
    deliveries.follow(feed, event)
    assert routes.routes == deliveries.feeds
    assert {topic for _, _, topic in statuses} <= {topic}
    return feed.told, [status[:2] for status in statuses], topic in deliveries.feeds


@pytest.mark.parametrize(
    ("event", "told", "status"),
    [
        (said.Live(BTC), None, ("subscribed", "")),
        (said.Unanswered(BTC, "no ack"), None, ("resyncing", "no ack; asking again")),
        (said.Renewing(BTC, "stale"), ..., ("stale", "no data while the connection is alive")),
        (said.Renewing(BTC, "unanswered"), ..., ("resyncing", "not answered in time")),
        (said.Renewing(BTC, "resync"), ..., ("resyncing", "the book failed its checksum")),
        (said.Renewing(EXECUTIONS, "resync"), ..., ("resyncing", "a message was missing")),
        (said.Degraded(BTC), "degraded", ("degraded", "given up after 5 attempts in a row")),
        (said.Leaving(BTC), "unsubscribed", None),
    ],
)
def test_what_breaks_a_stream_interrupts_its_feed_and_is_told(event, told, status):
    """`...` stands for the reason that `status` is told."""
    reason = status[1] if told is ... and status else told
    expected = [] if reason is None else [(50.0, reason)]
    assert follow(event.topic, event) == (expected, [status] if status else [], True)


def test_an_account_with_nothing_to_show_begins_empty():
    assert follow(EXECUTIONS, said.Quiet(EXECUTIONS)) == ([(50.0, "empty", 3)], [], True)


def test_a_topic_that_is_gone_or_refused_has_no_feed_and_no_route():
    assert follow(BTC, said.Left(BTC)) == ([], [], False)
    assert follow(BTC, said.Refused(BTC, "no such pair")) == ([], [("rejected", "no such pair")], False)


def test_a_lost_connection_interrupts_every_feed():
    deliveries = Deliveries(Routes(), Settings(), lambda: 50.0, lambda state, reason="", topic=None: None)
    feeds = [Feed(BTC), Feed(EXECUTIONS)]
    for feed in feeds:
        deliveries.attach(feed)
    deliveries.interrupt("cut")
    assert [feed.told for feed in feeds] == [[(50.0, "cut")]] * 2
    assert deliveries.frames_of(Topic("trade")) == 0
