"""Which feeds a connection serves, and what they and `status` are told when something befalls their topics.

Invariant: a feed that is attached has its route in the router; both go together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rxkraken.session import events as said

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from rxkraken.models.status import State
    from rxkraken.protocol.topics import Topic
    from rxkraken.session.router import Router
    from rxkraken.settings import Settings
    from rxkraken.streams.feed import Feed

    class Tell(Protocol):
        """Says on `status` how a topic fares."""

        def __call__(self, state: State, reason: str = "", topic: Topic | None = None) -> None:
            """`reason` is for people to read."""
            ...


class Deliveries:
    """The feeds of one connection by topic. What becomes of a feed that was let go is for the caller to say."""

    def __init__(self, router: Router, settings: Settings, wall: Callable[[], float], tell: Tell) -> None:
        """`wall` is the Unix time that gaps are dated by."""
        self.feeds: dict[Topic, Feed] = {}
        self._router = router
        self._attempts = settings.resync_attempts
        self._wall = wall
        self._tell = tell

    def attach(self, feed: Feed) -> None:
        """Deliver a topic's frames to this feed."""
        self.feeds[feed.topic] = feed
        self._router.add(feed.topic, feed)

    def detach(self, feed: Feed) -> None:
        """Deliver nothing more to this feed."""
        self._router.discard(feed.topic)
        self.feeds.pop(feed.topic, None)

    def frames_of(self, topic: Topic) -> int:
        """How many frames of a topic were of use so far."""
        feed = self.feeds.get(topic)
        return 0 if feed is None else feed.frames

    def interrupt(self, reason: str) -> None:
        """Tell every feed that the connection is lost."""
        now = self._wall()
        for feed in list(self.feeds.values()):
            feed.interrupt(now, reason)

    def verified(self, topic: Topic) -> None:
        """Say that a topic's data is good again."""
        what = "nothing is missing any more" if topic.channel in _NUMBERED else "the book is verified again"
        self._tell("online", what, topic)

    def follow(self, feed: Feed, event: said.TopicEvent) -> None:
        """Let a feed and `status` know what befell its topic."""
        topic = feed.topic
        match event:
            case said.Quiet():
                feed.begin_empty(self._wall(), self._router.epoch)
            case said.Live():
                self._tell("subscribed", topic=topic)
            case said.Unanswered(_, what):
                self._tell("resyncing", f"{what}; asking again", topic)
            case said.Renewing(_, why):
                reason = _MISSED if why == "resync" and topic.channel in _NUMBERED else _WHY[why]
                feed.interrupt(self._wall(), reason)
                self._tell("stale" if why == "stale" else "resyncing", reason, topic)
            case said.Leaving():
                feed.interrupt(self._wall(), "unsubscribed")
            case said.Degraded():
                feed.interrupt(self._wall(), "degraded")
                self._tell("degraded", f"given up after {self._attempts} attempts in a row", topic)
            case said.Refused(_, text):
                self.detach(feed)
                self._tell("rejected", text, topic)
            case said.Left():
                self.detach(feed)


_WHY = {
    "stale": "no data while the connection is alive",
    "resync": "the book failed its checksum",
    "unanswered": "not answered in time",
}
_MISSED = "a message was missing"
_NUMBERED = frozenset({"executions", "balances", "own_trades"})
