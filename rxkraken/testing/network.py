"""Networks without sockets: one that a test scripts frame by frame, for use with `KrakenClient(outside=...)`."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING, Any

from reactivex import Observable
from reactivex.disposable import Disposable

from rxkraken.errors import LinkLost
from rxkraken.session.link import Opened
from rxkraken.session.world import World
from rxkraken.testing.http import NoHttp

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import Callable

    from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase

    from rxkraken.session.link import Network
    from rxkraken.settings import Settings

EPOCH = 1_750_000_000.0
"""The wall time, in seconds since the Unix epoch, at which virtual time begins."""


def outside(
    network: Network | Callable[[asyncio.AbstractEventLoop], Network],
    *,
    seed: int = 0,
    http: Callable[[], Any] | None = None,
) -> Callable[[asyncio.AbstractEventLoop, Settings], World]:
    """Make a client live in this network and in the time of its loop, with chance drawn from a seed.

    `http` gives the session of its REST calls, such as an `ExchangeHttp`; without it every call is refused.
    """

    def make(loop: asyncio.AbstractEventLoop, settings: Settings) -> World:
        del settings
        place = network(loop) if callable(network) else network
        chance = random.Random(seed)  # noqa: S311 - jitter, not secrets
        return World(
            loop, place, http or NoHttp(), wall=lambda: EPOCH + loop.time(), uniform=chance.uniform, budgets={}
        )

    return make


class ScriptedLink:
    """One connection that a test plays by hand: what the client sent is in `sent`, `say` answers it."""

    def __init__(self, url: str, observer: ObserverBase[Opened | str | bytes]) -> None:
        """The client connects to `url`."""
        self.url = url
        self.sent: list[dict[str, Any]] = []
        self.closed = False
        self._observer = observer
        self.deliver: Callable[[str | bytes], None] = observer.on_next
        """Hand one raw frame over: what `say` does, without a look at it."""

    def open(self) -> None:
        """Accept the connection."""
        self._observer.on_next(Opened(lambda text: self.sent.append(json.loads(text)), self.lose))

    def say(self, *frames: Any) -> None:
        """Send frames to the client; texts go as they are, everything else as JSON."""
        for frame in frames:
            self._observer.on_next(frame if isinstance(frame, str | bytes) else json.dumps(frame))

    def lose(self, reason: str = "cut", code: int | None = None) -> None:
        """Break the connection."""
        self.closed = True
        self._observer.on_error(LinkLost(reason, code=code))

    def refuse(self, error: LinkLost) -> None:
        """Refuse the connection."""
        self.closed = True
        self._observer.on_error(error)

    def requests(self, method: str) -> list[dict[str, Any]]:
        """Everything the client sent with one method."""
        return [frame for frame in self.sent if frame.get("method") == method]

    def last(self, method: str) -> dict[str, Any]:
        """The latest request with one method."""
        return self.requests(method)[-1]


class ScriptedNetwork:
    """Connections that a test plays by hand; with `accept` false each waits for `open()` or `refuse()`."""

    def __init__(self, *, accept: bool = True) -> None:
        """Hold no connection yet."""
        self.links: list[ScriptedLink] = []
        self.accept = accept

    @property
    def link(self) -> ScriptedLink:
        """The newest connection."""
        return self.links[-1]

    def connect(self, url: str, tls: ssl.SSLContext | None) -> Observable[Opened | str | bytes]:
        """Describe a connection; subscribing adds it to `links`."""
        del tls

        def subscribe(
            observer: ObserverBase[Opened | str | bytes], scheduler: SchedulerBase | None = None
        ) -> DisposableBase:
            del scheduler
            link = ScriptedLink(url, observer)
            self.links.append(link)
            if self.accept:
                link.open()
            return Disposable(lambda: setattr(link, "closed", True))

        return Observable(subscribe)

    async def aclose(self) -> None:
        """Close what is left."""
        for link in self.links:
            link.closed = True
