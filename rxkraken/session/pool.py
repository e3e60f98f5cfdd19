"""All connections of one client, and the one table that says which feed lives on which of them.

A topic goes to the first connection of its role whose slot for that channel and symbol is free; Kraken allows only one
book depth or candle interval of a symbol on a connection, so a second one opens another connection by itself.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Literal

from rxkraken.errors import ClientClosed, InvalidArgument, KrakenError, MissingCredentials, SubscriptionRejected
from rxkraken.logs import logger
from rxkraken.models.status import Status, Subscription
from rxkraken.session.connection import Connection
from rxkraken.session.lease import TokenLease
from rxkraken.session.speech import SPOT_V2
from rxkraken.streams.hub import Hub

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rxkraken.errors import SubscriberFailed
    from rxkraken.models.status import Message, SystemStatus, Unknown
    from rxkraken.protocol.topics import Topic
    from rxkraken.session.lease import Fetch
    from rxkraken.session.speech import Speech
    from rxkraken.session.world import World
    from rxkraken.settings import Endpoints, Settings
    from rxkraken.streams.feed import Feed

log = logger("rxkraken")

Role = Literal["public", "auth", "l3"]


class Pool:
    """Connections by role, feeds by topic, and the hubs that tell what happens on them."""

    def __init__(self, endpoints: Endpoints, settings: Settings, world: World, speech: Speech = SPOT_V2) -> None:
        """Open nothing yet."""
        self.statuses: Hub[Status] = Hub("status", self.report)
        self.errors: Hub[KrakenError] = Hub("errors", self._report_silently)
        self.unknowns: Hub[Unknown] = Hub("unknown", self.report)
        self.messages: Hub[Message] = Hub("messages", self.report)
        self.status = Status("idle", "client", 0, world.wall())
        self.system: SystemStatus | None = None
        self.feeds: dict[Topic, Feed] = {}
        self.connections: dict[str, Connection] = {}
        self.world = world
        self.closing = False
        self.is_closed = False
        self.learn_threshold: Callable[[int], None] = lambda _: None
        self._endpoints = endpoints
        self._speech = speech
        self._settings = settings
        self._fatal: dict[str, Exception] = {}
        self._shapes: set[str] = set()
        self._complaint: Callable[[Feed, str], Exception] = _rejection
        self._lease: TokenLease | None = None
        self._last_words: list[Callable[[], Awaitable[None]]] = []

    def explain_refusals(self, explain: Callable[[Feed, str], Exception]) -> None:
        """Let the client turn Kraken's refusal of a feed into a more helpful error."""
        self._complaint = explain

    def lease_tokens(self, fetch: Fetch) -> None:
        """Let private connections get their tokens from `fetch`."""
        self._lease = TokenLease(fetch, self.world, self._settings, self._on_token_failure)

    def before_closing(self, act: Callable[[], Awaitable[None]]) -> Callable[[], None]:
        """Have something done at an orderly close, while the connections are still open; returns how to undo this."""
        self._last_words.append(act)
        return lambda: self._last_words.remove(act) if act in self._last_words else None

    # --- feeds ----------------------------------------------------------------------------------------------------

    def feed(self, topic: Topic, make: Callable[[], Feed]) -> Feed:
        """Find the shared feed of a topic, or make it."""
        if self.closing:
            raise ClientClosed(f"the client is closed; {topic} cannot be subscribed")
        if topic not in self.feeds:
            self.feeds[topic] = make()
        return self.feeds[topic]

    def wanted(self, feed: Feed) -> None:
        """Put a feed on a connection, opening one if need be."""
        topic = feed.topic
        connection = next((each for each in self.connections.values() if topic in each.feeds), None)
        if connection is None:
            connection = self._connection_for(topic)
        if connection.name in self._fatal:
            self.feeds.pop(topic, None)
            feed.hub.fail(self._fatal[connection.name])
            return
        connection.attach(feed, snapshot=_asks_for_snapshot(topic))

    def unwanted(self, feed: Feed) -> None:
        """Let a feed go after the linger."""
        for connection in self.connections.values():
            if feed.topic in connection.feeds:
                connection.release(feed)

    def distrusted(self, feed: Feed, reason: str) -> None:
        """Have a book fetched anew."""
        log.warning("%s: %s", feed.topic, reason)
        for connection in self.connections.values():
            if feed.topic in connection.feeds:
                connection.renew(feed)

    def trusted(self, feed: Feed) -> None:
        """Note that a book is good again."""
        for connection in self.connections.values():
            if feed.topic in connection.feeds:
                connection.verified(feed)

    def role(self, role: Role) -> Connection:
        """Find the first connection of a role, opening it if need be."""
        if self.closing:
            raise ClientClosed("the client is closed")
        return self.connections.get(role) or self._open(role, role)

    def table(self) -> list[Subscription]:
        """List every subscription and how far it got."""
        rows: list[Subscription] = []
        for connection in self.connections.values():
            stages = connection.conversation.table()
            for topic, feed in connection.feeds.items():
                state = stages.get(topic, "idle") if connection.state in ("online", "maintenance") else "idle"
                params = dict(topic.params)
                rows.append(
                    Subscription(topic.channel, topic.symbol, params, state, len(feed.hub.outlets), connection.name)
                )
        return rows

    def _connection_for(self, topic: Topic) -> Connection:
        role: Role = "l3" if topic.channel == "level3" else "auth" if topic.private else "public"
        number = 1
        while True:
            name = role if number == 1 else f"{role}-{number}"
            connection = self.connections.get(name) or self._open(name, role)
            room = role != "l3" or len(connection.feeds) < _MOST_LEVEL3
            if room and connection.conversation.holds(topic.slot) in (None, topic):
                return connection
            number += 1

    def _open(self, name: str, role: Role) -> Connection:
        url = getattr(self._endpoints, role)
        if url is None:
            raise InvalidArgument(f"these endpoints have no {role} connection; give Endpoints.custom(..., {role}=URL)")
        private = role != "public"
        if private and self._lease is None:
            raise MissingCredentials(
                "account channels, level 3 and orders need an API key; give credentials=Credentials.from_env()"
            )
        connection = Connection(
            name, url, self._endpoints.ssl, self._settings, self.world, self, self.messages,
            private=private, speech=self._speech,
        )  # fmt: skip
        self.connections[name] = connection
        connection.start()
        return connection

    # --- what connections tell --------------------------------------------------------------------------------------

    def on_status(self, status: Status) -> None:
        """Pass a change on; it is also what late subscribers get."""
        self.status = status
        level = logging.INFO if status.state in _ROUTINE else logging.WARNING
        log.log(level, "%s %s%s", status.connection, status.state, f": {status.reason}" if status.reason else "")
        self.statuses.emit(status)

    def on_system(self, connection: Connection, system: SystemStatus) -> None:
        """Remember the engine's state."""
        del connection
        self.system = system

    def on_unknown(self, unknown: Unknown) -> None:
        """Pass a surprise on, and log its kind once."""
        if unknown.shape not in self._shapes and len(self._shapes) < _MOST_SHAPES:
            self._shapes.add(unknown.shape)
            log.warning("not understood: %s", unknown.reason)
        self.unknowns.emit(unknown)

    def on_defect(self, error: Exception) -> None:
        """Report a failure of ours."""
        log.error("a frame made rxkraken fail; it was skipped", exc_info=error)
        problem = KrakenError(f"a frame made rxkraken fail and was skipped: {error!r}")
        problem.__cause__ = error
        self.errors.emit(problem)

    def on_refused(self, feed: Feed, text: str) -> None:
        """End the streams of a topic that Kraken refused, and only those."""
        self.feeds.pop(feed.topic, None)
        error = self._complaint(feed, text)
        log.warning("%s", error)
        if isinstance(error, KrakenError):
            self.errors.emit(error)
        feed.hub.fail(error)

    def on_left(self, connection: Connection, feed: Feed) -> None:
        """Forget a feed that is off the wire, and a further connection that holds nothing any more."""
        if not feed.hub.outlets:
            self.feeds.pop(feed.topic, None)
        if not connection.feeds and connection.name not in ("public", "auth", "l3"):
            del self.connections[connection.name]
            connection.close()

    def on_fatal(self, connection: Connection, error: Exception) -> None:
        """End every stream of a connection that can never work."""
        self._fatal[connection.name] = error
        log.error("%s cannot be reached: %s", connection.name, error)
        if isinstance(error, KrakenError):
            self.errors.emit(error)
        feeds = list(connection.feeds.values())
        connection.feeds.clear()
        for feed in feeds:
            self.feeds.pop(feed.topic, None)
            feed.hub.fail(error)

    def on_rate_threshold(self, threshold: int) -> None:
        """Pass on how far the account's trading counters reach."""
        self.learn_threshold(threshold)

    def on_token_wanted(self, connection: Connection) -> None:
        """Fetch a token for a private connection."""
        if self._lease is not None and not self.is_closed:
            self._lease.want(connection)

    def _on_token_failure(self, error: KrakenError, retry_in: float | None) -> None:
        for connection in [each for each in self.connections.values() if each.private]:
            connection.tell_token_failure(str(error), retry_in)
            connection.settle(error)
            if retry_in is None:
                self._end_private(connection, error)

    def _end_private(self, connection: Connection, error: KrakenError) -> None:
        """End the streams that no token will ever be given for; a later subscriber makes a new attempt."""
        self.errors.emit(error)
        self.connections.pop(connection.name, None)
        feeds = list(connection.feeds.values())
        connection.feeds.clear()
        connection.close(error)
        for feed in feeds:
            self.feeds.pop(feed.topic, None)
            feed.hub.fail(error)

    def report(self, failure: SubscriberFailed) -> None:
        """Tell of a subscriber that failed: on the log and on `errors`."""
        log.error("%s", failure, exc_info=failure.error)
        self.errors.emit(failure)

    def _report_silently(self, failure: SubscriberFailed) -> None:
        # A failing subscriber of `errors` cannot be told on `errors`.
        log.error("%s", failure, exc_info=failure.error)

    # --- the end ----------------------------------------------------------------------------------------------------

    async def aclose(self) -> None:
        """Wait for pending answers, leave every topic, complete every stream, close every socket; bounded in time."""
        self.closing = True
        try:
            async with asyncio.timeout(self._settings.close_timeout):
                for act in list(self._last_words):
                    await act()
                await self._until(lambda each: not each.conversation.busy)
                for connection in self.connections.values():
                    connection.leave_all()
                await self._until(lambda each: not len(each.conversation))
        except TimeoutError:
            log.warning("closing without waiting longer for the exchange's answers")
        self._complete()
        fetching = self._lease.close() if self._lease is not None else None
        if fetching is not None:
            await asyncio.wait([fetching])
        for connection in list(self.connections.values()):
            connection.close()
        await self.world.network.aclose()

    async def _until(self, is_done: Callable[[Connection], bool]) -> None:
        # Connections are driven by frames and timers of their own; a glance now and then is simpler than an event
        # in each of them, and this happens once in a client's life.
        while not all(is_done(each) for each in list(self.connections.values()) if each.is_open):  # noqa: ASYNC110 - see above
            await asyncio.sleep(_GLANCE)

    def _complete(self) -> None:
        for feed in list(self.feeds.values()):
            feed.hub.complete()
        self.feeds.clear()
        self.on_status(Status("closed", "client", self.status.epoch, self.world.wall(), "the client was closed"))
        self.is_closed = True
        for hub in (self.statuses, self.unknowns, self.messages, self.errors):
            hub.complete()


_ROUTINE = frozenset({"idle", "connecting", "online", "subscribed", "closed"})
_MOST_SHAPES = 1000
_GLANCE = 0.01
# Symbols of a level 3 connection (ws-v2 reference section 1.3).
_MOST_LEVEL3 = 200


def _asks_for_snapshot(topic: Topic) -> bool:
    return dict(topic.local).get("snapshot", True) is True


def _rejection(feed: Feed, text: str) -> Exception:
    return SubscriptionRejected(feed.topic.channel, feed.topic.symbol, text)
