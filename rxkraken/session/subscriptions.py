"""The subscription table of one connection: what is wanted, how far each topic has got, what must be asked or left.

    wanted --ask--> asked --ack--> live --nobody wants it, or it must be fetched anew--> leaving --ack--> gone or wanted

Invariants: a topic has one line, and waits for the answer to one request at most, the one made about it last; nothing
is asked while its unsubscribe is unanswered; a line that is not wanted goes as soon as nothing is on the way; a lost
connection leaves only what is wanted. Sans I/O: the conversation makes the requests and says what came of them.
Sources: ws-v2 reference section 2.6 and quirks 4 to 10 of section 7.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rxkraken.protocol.topics import Topic
from rxkraken.session.events import Degraded, Leaving, Left, Live, Quiet, Refused, Renewing, Unanswered
from rxkraken.session.flow import Flow
from rxkraken.session.grant import is_refused_token

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rxkraken.protocol.spot_v2 import Reply
    from rxkraken.session.events import TopicEvent
    from rxkraken.settings import Settings

Stage = Literal["wanted", "asked", "live", "leaving", "degraded"]
Why = Literal["stale", "resync", "unanswered"]


@dataclass(slots=True, eq=False)
class _Entry:
    """One line of the table."""

    topic: Topic
    flow: Flow
    snapshot: bool
    stage: Stage = "wanted"
    wanted: bool = True
    not_before: float = 0.0
    leave_at: float = math.inf
    # The request whose answer decides what comes next.
    req_id: int | None = None
    # Renewals after bad data, in a row, and since when the data has been good again.
    failures: int = 0
    verified_since: float | None = None
    refusals: int = 0

    @property
    def kind(self) -> tuple[Any, ...]:
        """What one request can name: topics that differ in nothing but their symbol."""
        return self.topic.channel, self.topic.params, self.snapshot, self.topic.private


@dataclass(frozen=True, slots=True)
class Batch:
    """Topics for one request: they differ in their symbols only."""

    topics: Sequence[Topic]
    snapshot: bool


class SubscriptionTable:
    """One line a topic. What happens to them is told as it happens."""

    def __init__(
        self, settings: Settings, *, frames: Callable[[Topic], int], tell: Callable[[TopicEvent], None]
    ) -> None:
        """`frames` tells how many frames of a topic were of use so far."""
        self._settings = settings
        self._frames = frames
        self._tell = tell
        self._entries: dict[Topic, _Entry] = {}
        self._to_leave: list[list[_Entry]] = []

    # --- wishes ---------------------------------------------------------------------------------------------------

    def want(self, topic: Topic, *, snapshot: bool = True) -> None:
        """Have a topic asked, or keep it if it was about to be left."""
        entry = self._entries.get(topic)
        if entry is None:
            entry = self._entries[topic] = _Entry(topic, Flow(self._settings), snapshot)
        entry.wanted = True
        entry.leave_at = math.inf

    def unwant(self, topic: Topic, leave_at: float) -> None:
        """Leave a topic then, unless it is wanted again before."""
        if topic in self._entries:
            self._entries[topic].leave_at = leave_at

    def leave_all(self, now: float) -> None:
        """Leave every topic now."""
        for entry in self._entries.values():
            entry.leave_at = now

    def keep_snapshot(self, topic: Topic, *, snapshot: bool) -> None:
        """Choose whether the next subscribe of a topic asks for a snapshot."""
        if topic in self._entries:
            self._entries[topic].snapshot = snapshot

    def renew(self, topic: Topic, now: float) -> None:
        """Leave and ask a topic whose data cannot be trusted; after too many such renewals in a row, only leave it."""
        entry = self._entries.get(topic)
        if entry is None or entry.stage not in ("live", "asked"):
            return
        if entry.verified_since is not None and now - entry.verified_since >= self._settings.resync_max:
            entry.failures = 0
        entry.verified_since = None
        entry.failures += 1
        if entry.failures > self._settings.resync_attempts:
            self._tell(Degraded(topic))
            entry.stage = "degraded"
            self._to_leave.append([entry])
            return
        entry.not_before = now + self._pause(entry.failures)
        self._cycle(entry, "resync")

    def verified(self, topic: Topic, now: float) -> None:
        """Note that a topic's data is good again; a streak of failures ends once it has been for a while."""
        entry = self._entries.get(topic)
        if entry is not None and entry.verified_since is None:
            entry.verified_since = now

    def restart(self) -> None:
        """Forget what was said: another connection begins, on which everything wanted is to be asked."""
        self._to_leave.clear()
        for entry in list(self._entries.values()):
            entry.req_id = None
            if not entry.wanted:
                self._drop(entry)
                continue
            entry.stage = "wanted"
            entry.not_before = 0.0
            entry.failures = entry.refusals = 0
            entry.verified_since = None

    # --- what is to be said ---------------------------------------------------------------------------------------

    def to_ask(self, now: float, *, private: bool) -> list[Batch]:
        """What may be asked now; what is private only if `private`."""
        groups: dict[tuple[Any, ...], list[_Entry]] = defaultdict(list)
        for entry in self._wanting(private=private):
            if entry.not_before <= now:
                groups[entry.kind].append(entry)
        return [_batch(entries) for entries in groups.values()]

    def asked(self, topics: Iterable[Topic], req_id: int) -> None:
        """Note that a subscribe with these topics left."""
        for entry in map(self._entries.__getitem__, topics):
            entry.stage = "asked"
            entry.req_id = req_id
            entry.flow.asked(self._frames(entry.topic))

    def to_leave(self) -> list[Batch]:
        """What is to be unsubscribed; each is told once, and to be followed by `leaving`."""
        groups, self._to_leave = self._to_leave, []
        return [_batch(entries) for entries in groups]

    def leaving(self, topics: Iterable[Topic], req_id: int) -> None:
        """Note that an unsubscribe with these topics was made."""
        for topic in topics:
            if topic in self._entries:
                self._entries[topic].req_id = req_id

    def let_go(self, now: float) -> None:
        """Begin to leave what nobody has wanted for as long as it lingers."""
        groups: dict[tuple[Any, ...], list[_Entry]] = defaultdict(list)
        for entry in [entry for entry in self._entries.values() if entry.leave_at <= now]:
            entry.leave_at = math.inf
            entry.wanted = False
            match entry.stage:
                case "live":
                    groups[entry.kind].append(entry)
                case "degraded" if entry.req_id is not None:
                    entry.stage = "leaving"  # its unsubscribe is not answered yet
                case "wanted" | "degraded":
                    self._drop(entry)
                case "asked" | "leaving":
                    pass  # its answer is on the way and decides
        for entries in groups.values():
            self._leave(entries)

    # --- what came of it ------------------------------------------------------------------------------------------

    def answered(self, topic: Topic, req_id: int, reply: Reply, now: float) -> None:
        """Take the reply to a subscribe, as far as it is about this topic."""
        entry = self._waiting(topic, req_id)
        if entry is None:
            return
        if reply.success:
            self._alive(entry, now)
        elif reply.error is not None and reply.error.startswith("Already subscribed") and "one ohlc" not in reply.error:
            # It is active, but no snapshot will come: unsubscribe, await the ack, subscribe (section 7, quirk 10).
            self._cycle(entry, "unanswered")
        elif _is_passing(reply.error or ""):
            entry.refusals += 1
            entry.not_before = now + self._pause(entry.refusals)
            self._not_on_the_wire(entry)
        else:
            del self._entries[topic]
            self._tell(Refused(topic, reply.error or "refused without a reason"))

    def unanswered(self, topic: Topic, req_id: int, now: float) -> None:
        """Go on without the reply to a subscribe: data stands in for it; without any, leave and ask again."""
        entry = self._waiting(topic, req_id)
        if entry is None:
            return
        if entry.flow.has_data(self._frames(topic)):
            self._alive(entry, now)
            return
        self._tell(Unanswered(topic, "no ack"))
        self._cycle(entry, "unanswered")

    def left(self, topic: Topic, req_id: int) -> None:
        """Go on after an unsubscribe, whatever came of it.

        When nothing did, whether the topic is gone is unknown; asking again tells ("Already subscribed").
        """
        entry = self._waiting(topic, req_id)
        if entry is not None and entry.stage == "leaving":
            self._not_on_the_wire(entry)

    def look(self, now: float) -> None:
        """See whose data has stopped, or never came."""
        for entry in [entry for entry in self._entries.values() if entry.stage == "live"]:
            topic = entry.topic
            match entry.flow.look(topic.channel, self._frames(topic), now):
                case "empty":
                    self._tell(Quiet(topic))
                case "no snapshot":
                    self._tell(Unanswered(topic, "no snapshot"))
                    self._cycle(entry, "unanswered")
                case "stale":
                    self._cycle(entry, "stale")
                case None:
                    pass

    # --- how things are -------------------------------------------------------------------------------------------

    def wishes(self, *, private: bool) -> Iterator[tuple[Topic, float]]:
        """What is to be asked, and not before when."""
        return ((entry.topic, entry.not_before) for entry in self._wanting(private=private))

    def lets_go_at(self) -> float:
        """When the next topic has lingered long enough."""
        return min((entry.leave_at for entry in self._entries.values()), default=math.inf)

    def stages(self) -> dict[Topic, Stage]:
        """Tell how far each topic has got."""
        return {topic: entry.stage for topic, entry in self._entries.items()}

    def holds(self, slot: tuple[str, str | None]) -> Topic | None:
        """Tell which topic occupies the one place that a connection has for this channel and symbol."""
        return next((topic for topic in self._entries if topic.slot == slot), None)

    def __len__(self) -> int:
        """How many topics are in the table."""
        return len(self._entries)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _wanting(self, *, private: bool) -> Iterator[_Entry]:
        for entry in self._entries.values():
            if entry.stage == "wanted" and entry.wanted and (private or not entry.topic.private):
                yield entry

    def _waiting(self, topic: Topic, req_id: int) -> _Entry | None:
        """Find the line that waits for this request, and let it wait no more."""
        entry = self._entries.get(topic)
        if entry is None or entry.req_id != req_id:
            return None
        entry.req_id = None
        return entry

    def _alive(self, entry: _Entry, now: float) -> None:
        entry.stage = "live"
        entry.refusals = 0
        entry.flow.began(now)
        self._tell(Live(entry.topic))
        if not entry.wanted:
            self._leave([entry])

    def _not_on_the_wire(self, entry: _Entry) -> None:
        if entry.wanted:
            entry.stage = "wanted"
        else:
            self._drop(entry)

    def _leave(self, entries: list[_Entry]) -> None:
        for entry in entries:
            entry.stage = "leaving"
            self._tell(Leaving(entry.topic))
        self._to_leave.append(entries)

    def _cycle(self, entry: _Entry, why: Why) -> None:
        entry.stage = "leaving"
        entry.req_id = None
        self._tell(Renewing(entry.topic, why))
        self._to_leave.append([entry])

    def _drop(self, entry: _Entry) -> None:
        del self._entries[entry.topic]
        self._tell(Left(entry.topic))

    def _pause(self, attempt: int) -> float:
        return min(self._settings.resync_max, self._settings.resync_base * 2.0 ** min(attempt - 1, _DOUBLINGS))


# Far beyond any pause, and far from what a float cannot hold.
_DOUBLINGS = 60
# Refusals that a later attempt may not meet (ws-v2 reference sections 1.3 and 6.11).
_PASSING = ("Exceeded msg rate", "EService:", "EGeneral:Internal error", "EGeneral:Too many requests", "ESession:")


def _batch(entries: Sequence[_Entry]) -> Batch:
    return Batch([entry.topic for entry in entries], entries[0].snapshot)


def _is_passing(text: str) -> bool:
    return text.startswith(_PASSING) or is_refused_token(text)
