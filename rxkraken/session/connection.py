"""One connection: it joins the pipeline from link to router, the conversation on it, and those who wait for either.

Invariants: texts leave in the order in which the conversation gave them; its events are handled in the order in which
they came, also when handling one brings the next; whoever asks gets an answer or an error, on a closed connection too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactivex.disposable import SerialDisposable

from rxkraken.account.sequence import SequenceCheck
from rxkraken.errors import LinkLost, NotSent, RequestTimeout
from rxkraken.logs import logger
from rxkraken.models.status import Status
from rxkraken.session import events as said
from rxkraken.session.answers import Answers
from rxkraken.session.conversation import Conversation
from rxkraken.session.deliveries import Deliveries
from rxkraken.session.driver import Driver
from rxkraken.session.link import Opened
from rxkraken.session.reconnecting import Connecting, Lost, reconnecting
from rxkraken.session.server_clock import ServerClock
from rxkraken.session.speech import SPOT_V2

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from rxkraken.models.status import Message, State, SystemStatus, Unknown
    from rxkraken.protocol.spot_v2 import Reply
    from rxkraken.protocol.topics import Topic
    from rxkraken.session.answers import Answer
    from rxkraken.session.host import Host
    from rxkraken.session.speech import Speech
    from rxkraken.session.world import World
    from rxkraken.settings import Settings
    from rxkraken.streams.feed import Feed
    from rxkraken.streams.hub import Hub

log = logger("rxkraken.session")


class Connection:
    """A session with the exchange that heals itself. It opens with `start` and ends with `close`."""

    def __init__(  # noqa: PLR0917 - all of it is given by the pool, in one place
        self,
        name: str,
        url: str,
        tls: ssl.SSLContext | None,
        settings: Settings,
        world: World,
        host: Host,
        tap: Hub[Message],
        *,
        private: bool = False,
        speech: Speech = SPOT_V2,
    ) -> None:
        """Open nothing yet. A `private` connection asks its host for a token whenever it has none."""
        self.name = name
        self.private = private
        self.url = url
        self.state: State = "idle"
        self.system: SystemStatus | None = None
        self.router = speech.router(name, world.clock, self, tap)
        self._deliveries = Deliveries(self.router, settings, world.wall, self._tell)
        self.conversation = Conversation(
            settings, ids=world.ids, frames=self._deliveries.frames_of, dialect=speech.dialect
        )
        self._tls = tls
        self._settings = settings
        self._world = world
        self._host = host
        self._pipeline = SerialDisposable()
        self._send: Callable[[str], None] | None = None
        self._abandon: Callable[[str], None] | None = None
        self._answers = Answers()
        self._driver = Driver(world.loop, self._turn)
        self._when_ready: list[Callable[[Exception | None], None]] = []
        self._clock = ServerClock()
        self._end: Exception = LinkLost("the connection is closed")

    # --- life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Connect, and keep connecting."""
        budget = self._world.budget(self.url, self._settings)
        link = self._world.network.connect(self.url, self._tls)
        source = link.pipe(reconnecting(self._settings, self._world.loop, budget, self._world.uniform))
        frames_and_events: Any = self.router.receive
        self._pipeline.disposable = source.subscribe(frames_and_events, self._on_fatal)

    def close(self, reason: Exception | None = None) -> None:
        """End the connection; unanswered requests fail. `reason` is told to those who wanted to use it."""
        lost = LinkLost("the client closed the connection")
        self._pipeline.dispose()
        self._finally(reason or lost)
        self._hang_up(lost)
        self.settle(self._end)

    def _finally(self, reason: Exception) -> None:
        """Be closed for good: who asks from now on is told the reason."""
        self.state = "closed"
        self._end = reason
        self._driver.stop()

    # --- what is wanted -------------------------------------------------------------------------------------------

    @property
    def feeds(self) -> dict[Topic, Feed]:
        """The feeds that are served here, by topic."""
        return self._deliveries.feeds

    def attach(self, feed: Feed, *, snapshot: bool) -> None:
        """Subscribe a feed's topic here, or keep it if it was about to be left."""
        self._deliveries.attach(feed)
        self.conversation.want(feed.topic, snapshot=snapshot)
        self.poke()

    def release(self, feed: Feed) -> None:
        """Leave a feed's topic after the linger."""
        self.conversation.unwant(feed.topic, self._world.loop.time())
        self.poke()

    def leave_all(self) -> None:
        """Leave every topic at once."""
        self.conversation.leave_all(self._world.loop.time())
        self.poke()

    @property
    def is_open(self) -> bool:
        """Whether there is a socket to speak on."""
        return self._send is not None

    def renew(self, feed: Feed) -> None:
        """Fetch a feed's topic anew."""
        self.conversation.renew(feed.topic, self._world.loop.time())
        self.poke()

    def verified(self, feed: Feed) -> None:
        """Note that a feed's book is good again."""
        self.conversation.verified(feed.topic, self._world.loop.time())
        self._deliveries.verified(feed.topic)

    def request(self, raw: Mapping[str, Any], answer: Answer) -> int:
        """Send any request; `answer` gets the reply, or the error in its stead, and the seconds it took."""
        req_id = self.conversation.request(raw, self._world.loop.time())
        self._expect(req_id, answer)
        return req_id

    def order(
        self,
        method: str,
        params: Mapping[str, Any],
        timeout: float,
        several: bool,  # noqa: FBT001 - as above
        answer: Answer,
        *,
        leave_within: float | None = None,
    ) -> int:
        """Send a private request, its token included; `answer` gets each reply, or the error in their stead.

        `NotSent` says that the connection ended before the request left, or that it could not leave within so many
        seconds. With `several`, answers come until `finish`.
        """
        now = self._world.loop.time()
        was_poked = self._driver.is_poked
        req_id = self.conversation.order(
            method, params, now, timeout=timeout, several=several, leave_within=leave_within
        )
        self._expect(req_id, answer, several=several, never=NotSent(f"the connection is {self.state}"))
        # Not in the next turn but now: an order should not wait for whatever else the loop has to do. But it does not
        # overtake what was asked before it, such as the executions that are to tell of it.
        if was_poked:
            self.conversation.tick(now)
        self.conversation.flush_orders(now)
        self._flush()
        return req_id

    def finish(self, req_id: int) -> None:
        """Wait for no more answers to a request."""
        self._answers.forget(req_id)
        self.conversation.forget(req_id)

    def when_ready(self, callback: Callable[[Exception | None], None]) -> None:
        """Call back once there is a socket with a token to speak on, or with the error that prevents it."""
        if self.is_ready:
            callback(None)
        elif self.state == "closed":
            callback(self._end)
        else:
            self._when_ready.append(callback)

    def abandon(self, reason: str) -> None:
        """Give the socket up, if there is one; what follows is what follows any loss."""
        if self._abandon is not None:
            self._abandon(reason)

    @property
    def is_ready(self) -> bool:
        """Whether a private request can leave now."""
        return self._send is not None and (not self.private or self.conversation.token is not None)

    @property
    def token_unused(self) -> bool:
        """Whether the token at hand was not accepted for anything yet."""
        return not self.conversation.token_used

    def grant(self, token: str) -> None:
        """Go on with this token."""
        if self._send is not None:
            self.conversation.grant(token)
            self.poke()  # before those who waited: what was subscribed to is asked first
            self.settle(None)

    def settle(self, error: Exception | None) -> None:
        """Tell everyone who waits for the connection to be ready."""
        waiting, self._when_ready = self._when_ready, []
        for callback in waiting:
            callback(error)

    def tell_token_failure(self, reason: str, retry_in: float | None) -> None:
        """Say on `status` that there is no token; None for `retry_in` means that there will be none."""
        self._tell("lost" if self._send is None else "online", f"no token: {reason}", retry_in=retry_in)

    def ping(self, answer: Answer) -> int:
        """Send a ping; `answer` gets the pong and the round trip in seconds."""
        req_id = self.conversation.ping(self._world.loop.time())
        self._expect(req_id, answer)
        return req_id

    def _expect(self, req_id: int, answer: Answer, *, several: bool = False, never: Exception | None = None) -> None:
        self._answers.expect(req_id, answer, several=several)
        if self.state == "closed":
            self.conversation.forget(req_id)
            # Not before the caller knows the request's id.
            self._world.loop.call_soon(self._answers.give, req_id, never or self._end)
        self.poke()

    def poke(self) -> None:
        """Take a turn soon: many changes of one moment make one turn, and one batch of requests."""
        self._driver.poke()

    @property
    def server_time(self) -> float:
        """The Unix time on the exchange, as far as its replies have shown; our own until then."""
        return self._clock.time(self._world.loop.time(), self._world.wall())

    def tell_time(self, text: str) -> None:
        """Learn what time it is on the exchange, where its replies do not tell (WebSocket v1)."""
        self._clock.see(text, self._world.loop.time(), self._world.wall())

    # --- the pipeline ---------------------------------------------------------------------------------------------

    def on_event(self, event: object) -> None:
        """Follow the connection's life, which the router hands over."""
        match event:
            case Opened(send, abandon):
                self._on_opened(send, abandon)
            case Lost(error, retry_in):
                self._hang_up(error)
                self.settle(error)
                self._tell("lost", str(error), retry_in=retry_in)
            case _:
                assert isinstance(event, Connecting)  # noqa: S101 - the operator emits nothing else
                self._tell("connecting", f"attempt {event.attempt}")

    def _on_opened(self, send: Callable[[str], None], abandon: Callable[[str], None]) -> None:
        self._send, self._abandon = send, abandon
        self.router.epoch += 1
        self.router.heard_at = now = self._world.loop.time()
        self.conversation.opened(now)
        self.router.sequence = SequenceCheck()
        self._tell("online")
        if self.private:
            self._host.on_token_wanted(self)
            self.conversation.probe(now)  # its pong tells the exchange's time, which deadlines need
        else:
            self.settle(None)
        self.poke()

    def _on_fatal(self, error: Exception) -> None:
        self._finally(error)
        self._hang_up(error if isinstance(error, LinkLost) else LinkLost(str(error)))
        self.settle(error)
        self._tell("closed", str(error))
        self._host.on_fatal(self, error)

    def _hang_up(self, error: LinkLost) -> None:
        self._send = self._abandon = None
        for req_id in self.conversation.lost():
            self._answers.give(req_id, error)
        self._deliveries.interrupt(str(error))
        self._drain_events()

    # --- turns ----------------------------------------------------------------------------------------------------

    def _turn(self) -> float | None:
        now = self._world.loop.time()
        self.router.wall_offset = self._world.wall() - now
        self.conversation.heard(self.router.heard_at)
        self.conversation.tick(now)
        self._flush()
        self._drain_events()
        return self.conversation.deadline(now)

    def _flush(self) -> None:
        outbox, self.conversation.outbox = self.conversation.outbox, []
        if self._send is not None:
            for text in outbox:
                self._send(text)

    def _drain_events(self) -> None:
        # One by one: whoever drains within an event's handling goes on with those that came before.
        while self.conversation.events:
            self._on_event(self.conversation.events.pop(0))

    def _on_event(self, event: said.Event) -> None:
        match event:
            case said.Answered(req_id, reply, seconds):
                self._answers.give(req_id, reply, seconds)
            case said.TimedOut(req_id):
                self._answers.give(req_id, RequestTimeout("no reply in time"))
            case said.Unsent(req_id, why):
                self._answers.give(req_id, NotSent(why))
            case said.TokenRefused():
                self._host.on_token_wanted(self)
            case said.Stray(reply):
                log.debug("%s: a reply nobody waits for: %s", self.name, reply.method)
            case said.Dead(reason):
                self.abandon(reason)
            case _:
                feed = self.feeds.get(event.topic)
                if feed is not None:
                    self._on_feed_event(feed, event)

    def _on_feed_event(self, feed: Feed, event: said.TopicEvent) -> None:
        if isinstance(event, said.Live) and feed.topic.channel == "trade":
            # Kraken's last 50 trades fill an interruption; the first subscription need not ask for them.
            self.conversation.keep_snapshot(feed.topic, snapshot=True)
        self._deliveries.follow(feed, event)
        match event:
            case said.Refused(_, text):
                self._host.on_refused(feed, text)
            case said.Left():
                self._host.on_left(self, feed)
            case _:
                pass

    def _tell(self, state: State, reason: str = "", topic: Topic | None = None, retry_in: float | None = None) -> None:
        if topic is None and self.state != "closed":
            self.state = state
        self._host.on_status(
            Status(
                state=state,
                connection=self.name,
                epoch=self.router.epoch,
                at=self._world.wall(),
                reason=reason,
                channel=topic.channel if topic else None,
                symbol=topic.symbol if topic else None,
                retry_in=retry_in,
            )
        )

    # --- what the router hears --------------------------------------------------------------------------------------

    def on_reply(self, reply: Reply) -> None:
        """Hand a response to the conversation."""
        for warning in reply.warnings:
            log.debug("%s: Kraken warns: %s", self.name, warning)
        if self.private:
            self._clock.see(reply.frame.get("time_out"), self._world.loop.time(), self._world.wall())
        if reply.rate_threshold is not None:
            self._host.on_rate_threshold(reply.rate_threshold)
        self.conversation.replied(reply, self._world.loop.time())
        self._drain_events()  # at once: a status must not come after the data that it announces
        self.poke()

    def on_system(self, system: SystemStatus) -> None:
        """Note the engine's state; a change of it is told."""
        before, self.system = self.system, system
        self._host.on_system(self, system)
        if system.system == "maintenance":
            self._tell("maintenance", system.system)
        elif self.state == "maintenance" or (before is not None and before.system != system.system):
            self._tell("online", system.system)

    def on_unknown(self, unknown: Unknown) -> None:
        """Pass on what nobody understands."""
        self._host.on_unknown(unknown)

    def on_connection_error(self, text: str) -> None:
        """Log an error without a request; the exchange usually closes the connection after it."""
        log.warning("%s: Kraken says: %s", self.name, text)

    def on_defect(self, error: Exception) -> None:
        """Pass on a contained failure of ours."""
        self._host.on_defect(error)
