"""One client's connection as the exchange sees it: what it subscribed to, and the two callbacks that reach it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol

from rxkraken.simulator.feeds import Topic

# Two more ways to end a connection than there are close codes. 1006 is never sent: it means that no close frame came.
CUT = 1006
RESET = -1
CLOSE_CODES = (1000, 1001, CUT, 1008, 1011, 1012)
CLOUDFLARE = "CloudFlare WebSocket proxy restarting"

# The hosts that speak WebSocket v1.
V1_PUBLIC, V1_AUTH = V1_ROLES = ("v1", "v1-auth")

Stage = Literal["asked", "acked", "live", "leaving", "gone"]


class UpgradeRefused(Exception):
    """The exchange answers the WebSocket upgrade with an HTTP status instead."""

    def __init__(self, status: int) -> None:
        """Keep the HTTP status."""
        self.status = status
        super().__init__(f"the upgrade is refused with HTTP {status}")


class Ears(Protocol):
    """What a connection needs of its exchange."""

    now: float

    def hear(self, connection: Connection, text: str) -> None:
        """A frame came from the client."""
        ...

    def forget(self, connection: Connection) -> None:
        """The connection is over."""
        ...


@dataclass(slots=True, eq=False)
class Wants:
    """What a private subscription asked for, whose it is, and how many messages it has had."""

    account: str
    orders: bool = True
    fills: bool = False
    transitions: bool = True
    counter: bool = False
    sequence: int = 0
    sent_until: float = 0.0


@dataclass(slots=True, eq=False)
class Subscription:
    """One topic on one connection, from the request to the end."""

    topic: Topic
    connection: Connection
    snapshot: bool
    stage: Stage = "asked"
    wants: Wants | None = None
    # Silent while everything else goes on: the fault that only a watch-dog per subscription notices.
    muted: bool = False


@dataclass(slots=True, eq=False)
class Connection:
    """A connected client. The adapter calls `receive` for each text frame, and `closed` when the client went away.

    The exchange calls `send` and `close`; after `close` it is done with the connection, and neither is called again.
    """

    id: int
    connection_id: int
    role: str
    exchange: Ears
    send: Callable[[str], None]
    close: Callable[[int, str], None]
    opened: float
    subscriptions: dict[tuple[str, str], Subscription] = field(default_factory=dict[tuple[str, str], Subscription])
    open: bool = True
    silent: bool = False
    beating: bool = False
    answered_until: float = 0.0
    heard_until: float = 0.0
    last_heard: float = field(init=False)
    last_sent: float = field(init=False)
    _held: list[str] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        """Connecting counts as activity."""
        self.last_heard = self.last_sent = self.opened

    @property
    def is_v1(self) -> bool:
        """Whether it speaks WebSocket v1."""
        return self.role in V1_ROLES

    def receive(self, text: str) -> None:
        """A text frame from the client."""
        if self.open and not self.silent:
            self.last_heard = self.exchange.now
            self.exchange.hear(self, text)

    def closed(self) -> None:
        """The client closed the connection, or it broke: the exchange stops sending."""
        if self.open:
            self.open = False
            self.exchange.forget(self)

    def say(self, text: str) -> None:
        """Send a frame, unless the line is dead or held up."""
        if not self.open or self.silent:
            return
        if self._held is not None:
            self._held.append(text)
            return
        self.last_sent = self.exchange.now
        self.send(text)

    def hold(self) -> None:
        """Keep frames back until `release`, as a congested line does."""
        if self._held is None:
            self._held = []

    def release(self) -> None:
        """Let everything go that was held up, in order."""
        held, self._held = self._held or [], None
        for text in held:
            self.say(text)

    def end(self, code: int, reason: str) -> None:
        """Close from the exchange's side."""
        if self.open:
            self.open = False
            self.exchange.forget(self)
            self.close(code, reason)
