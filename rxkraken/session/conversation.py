"""What must be said on one connection, and by when. Sans I/O: time comes in as a number, text goes out as a list.

The conversation joins the table of what is subscribed, the table of what was requested, the watch over the peer and
the token. Callers say what is wanted, what was heard and what time it is; it fills `outbox` with requests to send and
`events` with what its owner must know, and `deadline()` says when to call `tick` again. After a lost connection
everything wanted is asked anew from the same table, so a resubscription is complete or reported.

Invariant: every request that leaves is in the request table, and every topic that it names waits in the subscription
table for its answer. Sources: ws-v2 reference sections 1.3, 1.5, 1.6 and 2.2.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from rxkraken.protocol import spot_v2
from rxkraken.session.events import Answered, Dead, Stray, TimedOut, TokenRefused, Unsent
from rxkraken.session.grant import Grant
from rxkraken.session.pacing import TokenBucket
from rxkraken.session.pulse import Pulse
from rxkraken.session.requests import Request, RequestTable, by_symbol
from rxkraken.session.subscriptions import SubscriptionTable
from rxkraken.session.turns import Turns, chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rxkraken.protocol.dialect import Dialect
    from rxkraken.protocol.spot_v2 import Reply
    from rxkraken.protocol.topics import Topic
    from rxkraken.session.events import Event
    from rxkraken.session.subscriptions import Stage
    from rxkraken.settings import Settings


class Conversation:
    """One connection's side of the talk with the exchange."""

    def __init__(
        self,
        settings: Settings,
        *,
        ids: Iterator[int],
        frames: Callable[[Topic], int],
        dialect: Dialect = spot_v2,
    ) -> None:
        """`ids` gives process-wide request ids; `frames` tells how many frames of a topic were of use so far."""
        general = TokenBucket(settings.subscribe_rate, settings.subscribe_burst)
        self.outbox: list[str] = []
        self.events: list[Event] = []
        self._settings = settings
        self._ids = ids
        self._dialect = dialect
        self._turns = Turns(settings, general)
        self._topics = SubscriptionTable(settings, frames=frames, tell=self._tell)
        self._requests = RequestTable(general, TokenBucket(settings.order_rate, settings.order_burst))
        self._pulse = Pulse(settings)
        self._grant = Grant()
        self._open = False
        self._next_look = 0.0
        self._due = math.inf

    # --- what is wanted -------------------------------------------------------------------------------------------

    def want(self, topic: Topic, *, snapshot: bool = True) -> None:
        """Subscribe to a topic, or keep it if it was about to be left."""
        self._topics.want(topic, snapshot=snapshot)

    def unwant(self, topic: Topic, now: float) -> None:
        """Leave a topic after the linger, so that short-lived subscribers do not flap the wire."""
        self._topics.unwant(topic, now + self._settings.linger)

    def leave_all(self, now: float) -> None:
        """Leave every topic without lingering."""
        self._topics.leave_all(now)

    def keep_snapshot(self, topic: Topic, *, snapshot: bool) -> None:
        """Choose whether the next subscribe of a topic asks for a snapshot."""
        self._topics.keep_snapshot(topic, snapshot=snapshot)

    def renew(self, topic: Topic, now: float) -> None:
        """Fetch a topic anew because its data cannot be trusted: unsubscribe, await the ack, wait, subscribe."""
        self._topics.renew(topic, now)
        self._say_goodbye()

    def verified(self, topic: Topic, now: float) -> None:
        """Note that a topic's data is good again; a streak of failures ends once it has been for a while."""
        self._topics.verified(topic, now)

    def request(self, raw: Mapping[str, Any], now: float, *, timeout: float | None = None) -> int:
        """Queue any request; its reply, or its time-out, comes back as an event under the id returned."""
        req_id = next(self._ids)
        patience = timeout or self._settings.request_timeout
        text = self._dialect.request(raw, req_id)
        self._requests.wait(Request(req_id, "request", text, patience, give_up_at=now + patience))
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
        req_id, token = next(self._ids), self.token
        text = self._dialect.private_request(method, params, req_id, token)
        leave_by = math.inf if leave_within is None else now + leave_within
        self._requests.wait(
            Request(
                req_id, "order", text, timeout,
                give_up_at=now + timeout, token=token, several=several, leave_by=leave_by,
            )
        )  # fmt: skip
        return req_id

    def ping(self, now: float) -> int:
        """Queue a ping; its pong comes back as an event. Pings are not paced: they measure."""
        request = self._ping("ping")
        request.give_up_at = now + request.patience
        self._requests.wait(request)
        return request.req_id

    def probe(self, now: float) -> None:
        """Ping for ourselves, now: nobody waits for the pong, but it must come."""
        self._pulse.pinged(now)
        self.outbox.append(self._requests.send(self._ping("probe"), now))

    def forget(self, req_id: int) -> None:
        """Stop waiting for a reply; what has not left yet does not leave any more."""
        self._requests.forget(req_id)

    def grant(self, token: str) -> None:
        """Take a token: what is private may be asked from now on."""
        self._grant.give(token)

    # --- what happened --------------------------------------------------------------------------------------------

    def opened(self, now: float) -> None:
        """Start over on a new connection: everything wanted will be asked."""
        self._open = True
        self._pulse.opened(now)
        self._next_look = now + _LOOK
        self._topics.restart()

    def lost(self) -> list[int]:
        """Forget everything said on the connection; returns the requests that will never be answered."""
        self._open = False
        self._grant.withdraw()
        self.outbox.clear()
        orphans: list[int] = []
        for request in self._requests.clear():
            match request.kind:
                case "order" if not request.has_left:
                    self._tell(Unsent(request.req_id))
                case "order" | "request" | "ping":
                    orphans.append(request.req_id)
                case "subscribe" | "unsubscribe" | "probe":
                    pass  # nobody waits for these but ourselves
        self._topics.restart()
        return orphans

    def heard(self, now: float) -> None:
        """Note that the peer said anything at all."""
        self._pulse.heard(now)

    def replied(self, reply: Reply, now: float) -> None:
        """Take a response; correlation is by `req_id` alone (a failed unsubscribe says it is a subscribe)."""
        request = self._requests.find(reply.req_id)
        if request is None:
            self._tell(Stray(reply))
            return
        if self._grant.judge(request.token, reply):
            self._tell(TokenRefused())
        topics = self._requests.answered(request, reply)
        if topics is None:
            self._tell(Stray(reply))
            return
        match request.kind:
            case "subscribe":
                for topic in topics:
                    self._topics.answered(topic, request.req_id, reply, now)
                self._say_goodbye()
            case "unsubscribe":
                for topic in topics:
                    self._topics.left(topic, request.req_id)
            case "request" | "order" | "ping":
                self._tell(Answered(request.req_id, reply, now - request.sent_at))
            case "probe":
                pass

    # --- what time it is ------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Do whatever is due."""
        self._topics.let_go(now)
        if not self._open:
            self._expire(now)
            return
        self._forgive_ourselves(now)
        self._judge_peer(now)
        self._expire(now)
        if now >= self._next_look:
            self._next_look = now + _LOOK
            self._topics.look(now)
        self._say_goodbye()
        self._ask(now)
        self.outbox.extend(self._requests.departures(now))
        self.flush_orders(now)

    def flush_orders(self, now: float) -> None:
        """Put the orders that may leave now into the outbox."""
        if self._open:
            texts, late = self._requests.order_departures(now)
            self.outbox.extend(texts)
            for req_id in late:
                self._tell(Unsent(req_id, _TOO_LATE))

    def deadline(self, now: float) -> float | None:
        """When `tick` must be called next, if nothing else happens before."""
        self._due = min(self._deadlines(now))
        return None if math.isinf(self._due) else self._due

    def _deadlines(self, now: float) -> Iterator[float]:
        yield self._requests.expires_at()
        yield self._topics.lets_go_at()
        if self._open:
            for topic, not_before in self._topics.wishes(private=self.token is not None):
                yield max(not_before, self._turns.ready_at(topic, now))
            yield self._requests.departs_at(now)
            yield self._next_look
            yield self._pulse.dead_at()
            yield self._pulse.ping_at()

    # --- how things are -------------------------------------------------------------------------------------------

    @property
    def token(self) -> str | None:
        """The token at hand; None while nothing private can be said."""
        return self._grant.token

    @property
    def token_used(self) -> bool:
        """Whether Kraken has accepted the latest token for anything yet."""
        return self._grant.used

    @property
    def busy(self) -> bool:
        """Whether any request is unanswered."""
        return self._requests.busy

    def table(self) -> dict[Topic, Stage]:
        """Tell how far each topic has got."""
        return self._topics.stages()

    def holds(self, slot: tuple[str, str | None]) -> Topic | None:
        """Tell which topic occupies the one place that a connection has for this channel and symbol."""
        return self._topics.holds(slot)

    def __len__(self) -> int:
        """How many topics are in the table."""
        return len(self._topics)

    # --- saying it ------------------------------------------------------------------------------------------------

    def _tell(self, event: Event) -> None:
        self.events.append(event)

    def _ask(self, now: float) -> None:
        for batch in self._topics.to_ask(now, private=self.token is not None):
            for topics in self._turns.split(batch.topics):
                if self._turns.take(topics[0], now):
                    self._subscribe(topics, now, snapshot=batch.snapshot)

    def _subscribe(self, topics: Sequence[Topic], now: float, *, snapshot: bool) -> None:
        req_id, token = next(self._ids), self._token_for(topics)
        text = self._dialect.subscribe(topics, req_id, snapshot=snapshot, token=token)
        self.outbox.append(self._requests.send(self._about("subscribe", req_id, text, topics, token), now))
        self._topics.asked(topics, req_id)

    def _say_goodbye(self) -> None:
        for batch in self._topics.to_leave():
            for topics in chunks(batch.topics, self._settings.symbols_per_request):
                req_id, token = next(self._ids), self._token_for(topics)
                text = self._dialect.unsubscribe(topics, req_id, token=token)
                self._requests.wait(self._about("unsubscribe", req_id, text, topics, token))
                self._topics.leaving(topics, req_id)

    def _about(
        self, kind: Literal["subscribe", "unsubscribe"], req_id: int, text: str, topics: Sequence[Topic],
        token: str | None,
    ) -> Request:  # fmt: skip
        return Request(req_id, kind, text, self._settings.request_timeout, topics=by_symbol(topics), token=token)

    def _token_for(self, topics: Sequence[Topic]) -> str | None:
        return self.token if topics[0].private else None

    def _ping(self, kind: Literal["ping", "probe"]) -> Request:
        req_id = next(self._ids)
        return Request(req_id, kind, self._dialect.ping(req_id), self._settings.ping_timeout)

    # --- what did not come in time --------------------------------------------------------------------------------

    def _expire(self, now: float) -> None:
        for request in self._requests.expire(now):
            match request.kind:
                case "subscribe":
                    for topic in request.topics.values():
                        self._topics.unanswered(topic, request.req_id, now)
                case "unsubscribe":
                    for topic in request.topics.values():
                        self._topics.left(topic, request.req_id)
                case "order" if not request.has_left:
                    self._tell(Unsent(request.req_id, _TOO_LATE))
                case "order" | "request" | "ping":
                    self._tell(TimedOut(request.req_id))
                case "probe":
                    self._tell(Dead(f"no pong within {self._settings.ping_timeout:g} s"))

    def _judge_peer(self, now: float) -> None:
        # Compared as in `_deadlines`: with floats, `now - heard >= timeout` may not hold yet at `heard + timeout`.
        if now >= self._pulse.dead_at():
            self._tell(Dead(f"nothing heard for {self._settings.silence_timeout:g} s"))
        elif now >= self._pulse.ping_at():
            self.probe(now)

    def _forgive_ourselves(self, now: float) -> None:
        # A loop that was blocked past our deadline has frames waiting unread: nobody else is to blame for that.
        if now - self._due > _LATE:
            self._pulse.forgive(now, _GRACE)
            self._requests.forgive(now + _GRACE)
            self._next_look = max(self._next_look, now + _GRACE)


_LOOK = 1.0
_LATE = 0.5
_GRACE = 1.0
_TOO_LATE = "too many requests were to leave before it"
