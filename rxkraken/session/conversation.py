"""What must be said on one connection, and by when. Sans I/O: time comes in as a number, text goes out as a list.

The conversation owns the subscription table. Callers say what is wanted, what was heard and what time it is; it fills
`outbox` with requests to send and `events` with what its owner must know, and `deadline()` says when to call `tick`
again. After a lost connection everything wanted is asked anew from the same table, so a resubscription is complete or
reported. Sources: ws-v2 reference sections 1.3, 1.5, 1.6, 2.2, 2.6 and quirks 4 to 10 of section 7.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from rxkraken.protocol import spot_v2
from rxkraken.protocol.spot_v2 import Reply
from rxkraken.protocol.topics import Topic
from rxkraken.session.pacing import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from rxkraken.protocol.dialect import Dialect
    from rxkraken.settings import Settings

Stage = Literal["wanted", "asked", "live", "leaving", "degraded"]


@dataclass(frozen=True, slots=True)
class Live:
    """Kraken acknowledged this topic; its data follows or already flows."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class Refused:
    """Kraken refused this topic for good; it is not asked again."""

    topic: Topic
    text: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No ack, or no first data, in time; the topic is being asked again."""

    topic: Topic
    what: str


@dataclass(frozen=True, slots=True)
class Left:
    """The topic is off the wire and nobody wants it."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class Renewing:
    """The topic is being unsubscribed and subscribed again; what still arrives for it is old."""

    topic: Topic
    why: Literal["stale", "resync", "unanswered"]


@dataclass(frozen=True, slots=True)
class Leaving:
    """Nobody wants the topic any more and it is being unsubscribed; what still arrives for it is old."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class Degraded:
    """The topic was renewed as often as allowed without success and stays silent until the next connection."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply to a request made with `request`, `order` or `ping`, and how long it took."""

    req_id: int
    reply: Reply
    seconds: float


@dataclass(frozen=True, slots=True)
class TimedOut:
    """A request made with `request`, `order` or `ping` got no reply in time, or not all."""

    req_id: int


@dataclass(frozen=True, slots=True)
class Unsent:
    """The connection, or the time for it, ended before a request made with `order` left: it never will."""

    req_id: int
    why: str = "the connection ended before the request left"


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """Kraken does not take the token any more; nothing private is asked before there is another one."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """The topic was acknowledged and nothing followed: there is nothing to show (ws-v2 reference section 5.2)."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class Stray:
    """A reply that nobody waits for."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Dead:
    """The connection must be given up: it is silent, or its ping was not answered."""

    reason: str


TopicEvent = Live | Refused | Unanswered | Left | Renewing | Leaving | Degraded | Quiet
Event = TopicEvent | Answered | TimedOut | Unsent | TokenRefused | Stray | Dead


@dataclass(slots=True)
class _Entry:
    """One line of the subscription table."""

    topic: Topic
    stage: Stage = "wanted"
    wanted: bool = True
    snapshot: bool = True
    not_before: float = 0.0
    leave_at: float | None = None
    # Renewals after bad data, in a row, and whether the one under way is such a renewal.
    failures: int = 0
    verified_since: float | None = None
    refusals: int = 0
    # Liveness: frames counted when it was asked and at the last look, when it last moved, and how long it may pause.
    count_asked: int = 0
    taken_as_empty: bool = False
    count: int = 0
    moved_at: float = 0.0
    longest_pause: float = 0.0


@dataclass(slots=True)
class _Pending:
    """A request on the wire and who waits for its replies."""

    kind: Literal["subscribe", "unsubscribe", "request", "ping", "probe"]
    sent_at: float
    deadline: float
    entries: dict[str | None, _Entry] = field(default_factory=dict[str | None, _Entry])
    several: bool = False
    leave_by: float | None = None


class Conversation:
    """The subscription table and the request table of one connection."""

    def __init__(
        self,
        settings: Settings,
        *,
        ids: Iterator[int],
        frames: Callable[[Topic], int],
        dialect: Dialect = spot_v2,
    ) -> None:
        """`ids` gives process-wide request ids; `frames` tells how many frames of a topic were of use so far."""
        self.outbox: list[str] = []
        self.events: list[Event] = []
        self.token: str | None = None
        self.token_used = False
        self._settings = settings
        self._ids = ids
        self._dialect = dialect
        self._frames = frames
        self._bucket = TokenBucket(settings.subscribe_rate, settings.subscribe_burst)
        # Orders are paced as well, but they never wait behind subscriptions.
        self._level3_bucket = TokenBucket(_LEVEL3_RATE, 1)
        self._order_bucket = TokenBucket(settings.order_rate, settings.order_burst)
        self._entries: dict[Topic, _Entry] = {}
        self._pending: dict[int, _Pending] = {}
        self._queue: list[tuple[int, str, bool]] = []
        self._orders: list[tuple[int, str]] = []
        self._open = False
        self._heard_at = 0.0
        self._pinged_at = 0.0
        self._next_look = 0.0
        self._due = math.inf

    # --- what is wanted -------------------------------------------------------------------------------------------

    def want(self, topic: Topic, *, snapshot: bool = True) -> None:
        """Subscribe to a topic, or keep it if it was about to be left."""
        entry = self._entries.get(topic)
        if entry is None:
            entry = self._entries[topic] = _Entry(topic, snapshot=snapshot)
        entry.wanted = True
        entry.leave_at = None

    def unwant(self, topic: Topic, now: float) -> None:
        """Leave a topic after the linger, so that short-lived subscribers do not flap the wire."""
        entry = self._entries.get(topic)
        if entry is not None:
            entry.leave_at = now + self._settings.linger

    def leave_all(self, now: float) -> None:
        """Leave every topic without lingering."""
        for entry in self._entries.values():
            entry.leave_at = now

    def keep_snapshot(self, topic: Topic, *, snapshot: bool) -> None:
        """Choose whether the next subscribe of a topic asks for a snapshot."""
        if topic in self._entries:
            self._entries[topic].snapshot = snapshot

    def renew(self, topic: Topic, now: float) -> None:
        """Fetch a topic anew because its data cannot be trusted: unsubscribe, await the ack, wait, subscribe."""
        entry = self._entries.get(topic)
        if entry is None or entry.stage not in ("live", "asked"):
            return
        if entry.verified_since is not None and now - entry.verified_since >= self._settings.resync_max:
            entry.failures = 0
        entry.verified_since = None
        entry.failures += 1
        if entry.failures > self._settings.resync_attempts:
            self.events.append(Degraded(topic))
            entry.stage = "degraded"
            self._say_goodbye([entry], now)
            return
        pause = min(self._settings.resync_max, self._settings.resync_base * 2 ** (entry.failures - 1))
        entry.not_before = now + pause
        self._cycle(entry, now, "resync")

    def verified(self, topic: Topic, now: float) -> None:
        """Note that a topic's data is good again; a streak of failures ends once it has been for a while."""
        entry = self._entries.get(topic)
        if entry is not None and entry.verified_since is None:
            entry.verified_since = now

    def request(self, raw: Mapping[str, Any], now: float, *, timeout: float | None = None) -> int:
        """Queue any request; its reply, or its time-out, comes back as an event under the id returned."""
        req_id = next(self._ids)
        text = self._dialect.request(raw, req_id)
        self._pending[req_id] = _Pending("request", now, now + (timeout or self._settings.request_timeout))
        self._queue.append((req_id, text, True))
        return req_id

    def order(
        self,
        method: str,
        params: Mapping[str, Any],
        now: float,
        *,
        timeout: float,
        several: bool,
        leave_within: float | None = None,
    ) -> int:
        """Queue a private request with the token in it; with `several` more than one reply may come.

        Its replies, its time-out, or that it never left come back as events under the id returned. After
        `leave_within` seconds it must not leave any more.
        """
        req_id = next(self._ids)
        text = self._dialect.private_request(method, params, req_id, self.token)
        leave_by = None if leave_within is None else now + leave_within
        self._pending[req_id] = _Pending("request", now, now + timeout, several=several, leave_by=leave_by)
        self._orders.append((req_id, text))
        return req_id

    def grant(self, token: str) -> None:
        """Take a token: what is private may be asked from now on."""
        self.token = token
        self.token_used = False

    def ping(self, now: float) -> int:
        """Queue a ping; its pong comes back as an event. Pings are not paced: they measure."""
        return self._ping(now, "ping")

    def probe(self, now: float) -> None:
        """Ping for ourselves, now: nobody waits for the pong, but it must come."""
        self._ping(now, "probe")

    def forget(self, req_id: int) -> None:
        """Stop waiting for a reply."""
        self._pending.pop(req_id, None)
        self._queue = [item for item in self._queue if item[0] != req_id]
        self._orders = [item for item in self._orders if item[0] != req_id]

    # --- what happened --------------------------------------------------------------------------------------------

    def opened(self, now: float) -> None:
        """Start over on a new connection: everything wanted will be asked."""
        self._open = True
        self._heard_at = self._pinged_at = now
        self._next_look = now + _LOOK
        for entry in list(self._entries.values()):
            self._restart(entry)

    def lost(self) -> list[int]:
        """Forget everything said on the connection; returns the requests that will never be answered."""
        self._open = False
        self.token = None
        unsent = {req_id for req_id, _ in self._orders}
        asked = [req_id for req_id, pending in self._pending.items() if pending.kind in ("request", "ping")]
        orphans = [req_id for req_id in asked if req_id not in unsent]
        self.events.extend(Unsent(req_id) for req_id in asked if req_id in unsent)
        self._pending.clear()
        self._queue.clear()
        self._orders.clear()
        self.outbox.clear()
        for entry in list(self._entries.values()):
            self._restart(entry)
        return orphans

    def heard(self, now: float) -> None:
        """Note that the peer said anything at all."""
        self._heard_at = now

    def replied(self, reply: Reply, now: float) -> None:
        """Take a response; correlation is by `req_id` alone (a failed unsubscribe says it is a subscribe)."""
        pending = self._pending.get(reply.req_id) if reply.req_id is not None else None
        if pending is None or reply.req_id is None:
            self.events.append(Stray(reply))
            return
        self._judge_token(pending, reply)
        match pending.kind:
            case "subscribe" | "unsubscribe":
                self._answered(pending, reply, now)
                if not pending.entries:
                    del self._pending[reply.req_id]
            case "request" | "ping":
                if not pending.several:
                    del self._pending[reply.req_id]
                self.events.append(Answered(reply.req_id, reply, now - pending.sent_at))
            case "probe":
                del self._pending[reply.req_id]

    # --- what time it is ------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Do whatever is due."""
        self._let_go(now)
        if not self._open:
            self._expire(now)
            return
        self._forgive_ourselves(now)
        self._judge_liveness(now)
        self._expire(now)
        self._look_for_stale(now)
        self._ask(now)
        self._flush(now)

    def deadline(self, now: float) -> float | None:
        """When `tick` must be called next, if nothing else happens before."""
        self._due = min(self._deadlines(now), default=math.inf)
        return None if math.isinf(self._due) else self._due

    def _deadlines(self, now: float) -> Iterator[float]:
        room_at = self._bucket.ready_at(now)
        level3_room_at = self._level3_bucket.ready_at(now)
        for pending in self._pending.values():
            yield pending.deadline
        for entry in self._entries.values():
            if entry.leave_at is not None:
                yield entry.leave_at
            if self._open and entry.stage == "wanted" and entry.wanted and self._may_ask(entry):
                yield max(entry.not_before, level3_room_at if entry.topic.channel == "level3" else room_at)
        if self._open:
            if self._queue:
                yield room_at
            if self._orders:
                yield self._order_bucket.ready_at(now)
            yield self._next_look
            yield self._heard_at + self._settings.silence_timeout
            yield self._next_probe()

    def table(self) -> dict[Topic, Stage]:
        """Tell how far each topic has got."""
        return {topic: entry.stage for topic, entry in self._entries.items()}

    def holds(self, slot: tuple[str, str | None]) -> Topic | None:
        """Tell which topic occupies the one place that a connection has for this channel and symbol."""
        return next((topic for topic in self._entries if topic.slot == slot), None)

    def __contains__(self, topic: Topic) -> bool:
        """Whether the topic is in the table, wanted or on its way out."""
        return topic in self._entries

    def __len__(self) -> int:
        """How many topics are in the table."""
        return len(self._entries)

    def __iter__(self) -> Iterator[Topic]:
        """Every topic in the table."""
        return iter(tuple(self._entries))

    @property
    def busy(self) -> bool:
        """Whether any request is unanswered."""
        return any(pending.kind != "probe" for pending in self._pending.values())

    # --- replies --------------------------------------------------------------------------------------------------

    def _judge_token(self, pending: _Pending, reply: Reply) -> None:
        private = pending.kind == "request" or any(entry.topic.private for entry in pending.entries.values())
        if not private or self.token is None:
            return
        if reply.success:
            self.token_used = True
        elif is_refused_token(reply.error):
            self.token = None
            self.events.append(TokenRefused())

    def _answered(self, pending: _Pending, reply: Reply, now: float) -> None:
        if reply.symbol in pending.entries:
            entries = [pending.entries.pop(reply.symbol)]
        elif reply.success and len(pending.entries) > 1:
            self.events.append(Stray(reply))
            return
        else:
            # A refusal without a symbol concerns the whole request (ws-v2 reference section 2.6).
            entries = list(pending.entries.values())
            pending.entries.clear()
        for entry in entries:
            if pending.kind == "subscribe":
                self._subscribe_answered(entry, reply, now)
            else:
                self._off_the_wire(entry)

    def _subscribe_answered(self, entry: _Entry, reply: Reply, now: float) -> None:
        if entry.stage != "asked":
            return
        if reply.success:
            self._alive(entry, now)
        elif reply.error is not None and reply.error.startswith("Already subscribed") and "one ohlc" not in reply.error:
            # It is active, but no snapshot will come: unsubscribe, await the ack, subscribe (section 7, quirk 10).
            self._cycle(entry, now, "unanswered")
        elif _is_passing(reply.error or ""):
            entry.refusals += 1
            entry.stage = "wanted"
            entry.not_before = now + self._pause(entry.refusals)
        else:
            del self._entries[entry.topic]
            self.events.append(Refused(entry.topic, reply.error or "refused without a reason"))

    def _alive(self, entry: _Entry, now: float) -> None:
        entry.stage = "live"
        entry.refusals = 0
        entry.moved_at = now
        self.events.append(Live(entry.topic))
        if not entry.wanted:
            self._leave([entry], now)

    def _off_the_wire(self, entry: _Entry) -> None:
        if entry.stage != "leaving":
            return
        if entry.wanted:
            entry.stage = "wanted"
        else:
            self._drop(entry)

    def _pause(self, attempt: int) -> float:
        return min(self._settings.resync_max, self._settings.resync_base * 2 ** (attempt - 1))

    # --- leaving and renewing -------------------------------------------------------------------------------------

    def _let_go(self, now: float) -> None:
        due = [entry for entry in self._entries.values() if entry.leave_at is not None and entry.leave_at <= now]
        leaving: dict[tuple[Any, ...], list[_Entry]] = defaultdict(list)
        for entry in due:
            entry.leave_at = None
            entry.wanted = False
            match entry.stage:
                case "live":
                    leaving[_kind_of(entry)].append(entry)
                case "wanted" | "degraded":
                    self._drop(entry)
                case "asked" | "leaving":
                    pass  # its answer is on the way and decides
        for entries in leaving.values():
            self._leave(entries, now)

    def _leave(self, entries: list[_Entry], now: float) -> None:
        for entry in entries:
            entry.stage = "leaving"
            self.events.append(Leaving(entry.topic))
        self._say_goodbye(entries, now)

    def _cycle(self, entry: _Entry, now: float, why: Literal["stale", "resync", "unanswered"]) -> None:
        entry.stage = "leaving"
        self.events.append(Renewing(entry.topic, why))
        self._say_goodbye([entry], now)

    def _say_goodbye(self, entries: list[_Entry], now: float) -> None:
        for chunk in _chunks(entries, self._settings.symbols_per_request):
            req_id = next(self._ids)
            text = self._dialect.unsubscribe([entry.topic for entry in chunk], req_id, token=self._token_for(chunk[0]))
            waiting = {entry.topic.symbol: entry for entry in chunk}
            self._pending[req_id] = _Pending("unsubscribe", now, now + self._settings.request_timeout, waiting)
            self._queue.append((req_id, text, True))

    def _drop(self, entry: _Entry) -> None:
        del self._entries[entry.topic]
        self.events.append(Left(entry.topic))

    def _restart(self, entry: _Entry) -> None:
        if not entry.wanted:
            self._drop(entry)
            return
        entry.stage = "wanted"
        entry.not_before = 0.0
        entry.failures = entry.refusals = 0
        entry.verified_since = None

    # --- asking ---------------------------------------------------------------------------------------------------

    def _ask(self, now: float) -> None:
        groups: dict[tuple[Any, ...], list[_Entry]] = defaultdict(list)
        for entry in self._entries.values():
            if entry.stage == "wanted" and entry.wanted and entry.not_before <= now and self._may_ask(entry):
                groups[_kind_of(entry)].append(entry)
        for entries in groups.values():
            for chunk in _chunks(entries, min(self._settings.symbols_per_request, _most_symbols(entries[0].topic))):
                self._subscribe(chunk, now)

    def _may_ask(self, entry: _Entry) -> bool:
        return self.token is not None or not entry.topic.private

    def _subscribe(self, entries: list[_Entry], now: float) -> None:
        bucket = self._level3_bucket if entries[0].topic.channel == "level3" else self._bucket
        if not bucket.take(now):
            return
        req_id = next(self._ids)
        first = entries[0]
        topics = [entry.topic for entry in entries]
        token = self._token_for(first)
        self.outbox.append(self._dialect.subscribe(topics, req_id, snapshot=first.snapshot, token=token))
        waiting = {entry.topic.symbol: entry for entry in entries}
        self._pending[req_id] = _Pending("subscribe", now, now + self._settings.request_timeout, waiting)
        for entry in entries:
            entry.stage = "asked"
            entry.taken_as_empty = False
            entry.count_asked = entry.count = self._frames(entry.topic)

    def _token_for(self, entry: _Entry) -> str | None:
        return self.token if entry.topic.private else None

    def _flush(self, now: float) -> None:
        while self._queue and (not self._queue[0][2] or self._bucket.take(now)):
            self.outbox.append(self._queue.pop(0)[1])
        self.flush_orders(now)

    def flush_orders(self, now: float) -> None:
        """Put the orders that may leave now into the outbox."""
        while self._open and self._orders and self._order_bucket.take(now):
            req_id, text = self._orders.pop(0)
            leave_by = self._pending[req_id].leave_by
            if leave_by is not None and now > leave_by:
                self._too_late(req_id)
            else:
                # The answer is waited for from here on, however long the request has waited for its turn.
                pending = self._pending[req_id]
                pending.deadline += now - pending.sent_at
                pending.sent_at = now
                self.outbox.append(text)

    def _too_late(self, req_id: int) -> None:
        self._pending.pop(req_id, None)
        self.events.append(Unsent(req_id, "too many requests were to leave before it"))

    # --- time-outs ------------------------------------------------------------------------------------------------

    def _expire(self, now: float) -> None:
        overdue = [(req_id, pending) for req_id, pending in self._pending.items() if pending.deadline <= now]
        for req_id, pending in overdue:
            del self._pending[req_id]
            match pending.kind:
                case "subscribe":
                    for entry in pending.entries.values():
                        self._ack_missing(entry, now)
                case "unsubscribe":
                    # Whether it is gone is unknown; asking again tells ("Already subscribed" starts another cycle).
                    for entry in pending.entries.values():
                        self._off_the_wire(entry)
                case "request" if any(queued == req_id for queued, _ in self._orders):
                    # It has not left for all its time: from now on it must not.
                    self._orders = [item for item in self._orders if item[0] != req_id]
                    self._too_late(req_id)
                case "request" | "ping":
                    self.events.append(TimedOut(req_id))
                case "probe":
                    self.events.append(Dead(f"no pong within {self._settings.ping_timeout:g} s"))

    def _ack_missing(self, entry: _Entry, now: float) -> None:
        if entry.stage != "asked":
            return
        if self._frames(entry.topic) != entry.count_asked:
            self._alive(entry, now)  # its data came: the ack alone was lost
            return
        self.events.append(Unanswered(entry.topic, "no ack"))
        self._cycle(entry, now, "unanswered")

    # --- liveness -------------------------------------------------------------------------------------------------

    def _judge_liveness(self, now: float) -> None:
        # Written as in `_deadlines`: with floats, `now - heard >= timeout` may not hold yet at `heard + timeout`.
        if now >= self._heard_at + self._settings.silence_timeout:
            self.events.append(Dead(f"nothing heard for {self._settings.silence_timeout:g} s"))
            return
        if now >= self._next_probe():
            self._ping(now, "probe")

    def _next_probe(self) -> float:
        # A ping each interval, and one more halfway into a silence so that a living peer can prove itself.
        doubt = self._heard_at + self._settings.silence_timeout / 2
        routine = self._pinged_at + self._settings.ping_interval
        return routine if self._pinged_at > self._heard_at else min(routine, doubt)

    def _ping(self, now: float, kind: Literal["ping", "probe"]) -> int:
        req_id = next(self._ids)
        self._pending[req_id] = _Pending(kind, now, now + self._settings.ping_timeout)
        if kind == "probe":
            self._pinged_at = now
            self.outbox.append(self._dialect.ping(req_id))
        else:
            self._queue.insert(0, (req_id, self._dialect.ping(req_id), False))
        return req_id

    def _look_for_stale(self, now: float) -> None:
        if now < self._next_look:
            return
        self._next_look = now + _LOOK
        for entry in list(self._entries.values()):
            if entry.stage == "live":
                self._look_at(entry, now)

    def _look_at(self, entry: _Entry, now: float) -> None:
        quiet = now - entry.moved_at
        count = self._frames(entry.topic)
        if count != entry.count:
            entry.longest_pause = max(_FADING * entry.longest_pause, quiet)
            entry.count = count
            entry.moved_at = now
            return
        if count == entry.count_asked and entry.topic.channel in _STARTS_WITH_DATA:
            if quiet >= self._settings.request_timeout:
                self.events.append(Unanswered(entry.topic, "no snapshot"))
                self._cycle(entry, now, "unanswered")
            return
        if count == entry.count_asked and entry.topic.channel in _MAY_START_EMPTY and not entry.taken_as_empty:
            if quiet >= _EMPTY_AFTER:
                entry.taken_as_empty = True
                self.events.append(Quiet(entry.topic))
            return
        factor = _STALE_FACTORS.get(entry.topic.channel)
        # Quiet markets pause for long (section 7, quirk 24), so the patience grows with the longest pause of late.
        if factor is not None and quiet >= max(factor * self._settings.stale_after, _PATIENCE * entry.longest_pause):
            entry.longest_pause = max(entry.longest_pause, quiet)
            self._cycle(entry, now, "stale")

    def _forgive_ourselves(self, now: float) -> None:
        # A loop that was blocked past our deadline has frames waiting unread: the peer is not to blame for that.
        if now - self._due <= _LATE:
            return
        self._heard_at = max(self._heard_at, now - self._settings.silence_timeout + _GRACE)
        for pending in self._pending.values():
            pending.deadline = max(pending.deadline, now + _GRACE)


_LOOK = 1.0
_PATIENCE = 4.0
_FADING = 0.9
_LATE = 0.5
_GRACE = 1.0
# Their first frame comes right after the ack, however quiet the market is.
_STARTS_WITH_DATA = frozenset({"book", "ticker", "instrument", "level3"})
# Whether an account without orders gets an empty snapshot is not known (section 5.2), so nobody waits for it for long.
_MAY_START_EMPTY = frozenset({"executions", "balances", "own_trades"})
_EMPTY_AFTER = 3.0
# Books and tickers of a living market move all the time; trades and candles only when somebody trades.
_STALE_FACTORS = {"book": 1.0, "ticker": 1.0, "level3": 1.0, "trade": 4.0, "ohlc": 4.0}

# Refusals that a later attempt may not meet (ws-v2 reference sections 1.3 and 6.11).
_PASSING = ("Exceeded msg rate", "EService:", "EGeneral:Internal error", "EGeneral:Too many requests", "ESession:")


def _is_passing(text: str) -> bool:
    return text.startswith(_PASSING) or is_refused_token(text)


def is_refused_token(error: str | None) -> bool:
    """Whether a refusal means that the token is not, or no longer, valid (ws-v2 reference section 5.1)."""
    return error is not None and error.startswith(("ESession:Invalid session", "EAPI:Invalid token"))


def _kind_of(entry: _Entry) -> tuple[Any, ...]:
    # What one request can name: topics that differ in nothing but their symbol.
    return entry.topic.channel, entry.topic.params, entry.snapshot, entry.topic.private


def _most_symbols(topic: Topic) -> int:
    if topic.channel != "level3":
        return _MOST_SYMBOLS
    return _LEVEL3_BUDGET // _LEVEL3_COSTS.get(dict(topic.params).get("depth", 0), _LEVEL3_BUDGET)


_MOST_SYMBOLS = 100
# Subscribing to level 3 has a counter of its own: 200 a second, by depth and symbol (section 1.3). A request may spend
# so much of it, and two requests a second leave.
_LEVEL3_COSTS = {10: 5, 100: 25, 1000: 100}
_LEVEL3_BUDGET = 100
_LEVEL3_RATE = 2.0


def _chunks(entries: list[_Entry], size: int) -> Iterable[list[_Entry]]:
    return (entries[start : start + size] for start in range(0, len(entries), size))
