"""The simulated exchange without sockets: a network whose other end is an `Exchange` on the same clock."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from reactivex import Observable
from reactivex.disposable import Disposable

from rxkraken.errors import ConnectForbidden, ConnectRefused, LinkLost
from rxkraken.session.link import Opened
from rxkraken.simulator.connections import UpgradeRefused

if TYPE_CHECKING:
    import asyncio
    import ssl

    from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase

    from rxkraken.simulator import Exchange
    from rxkraken.simulator.connections import Connection


class ExchangeNetwork:
    """Connects clients to an exchange in this process, frame by frame and in order, as sockets would.

    The exchange's clock must be the loop's. Use it as `KrakenClient(outside=outside(network_of(exchange)))`.
    """

    def __init__(self, exchange: Exchange, loop: asyncio.AbstractEventLoop) -> None:
        """Drive the exchange from now on, whenever something is due there."""
        self.exchange = exchange
        self.links: set[_Link] = set()
        self.connects = 0
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    def connect(self, url: str, tls: ssl.SSLContext | None) -> Observable[Opened | str | bytes]:
        """Describe a connection; subscribing makes it a moment later."""
        del tls

        def subscribe(
            observer: ObserverBase[Opened | str | bytes], scheduler: SchedulerBase | None = None
        ) -> DisposableBase:
            del scheduler
            self.connects += 1
            link = _Link(self, observer)
            self.links.add(link)
            self._loop.call_soon(link.open, _role(url))
            return Disposable(link.leave)

        return Observable(subscribe)

    async def aclose(self) -> None:
        """Hang up everywhere and let the exchange's clock stand."""
        for link in tuple(self.links):
            link.leave()
        if self._timer is not None:
            self._timer.cancel()

    def soon(self, link: _Link) -> None:
        """Deliver what a link has received, after what is running now."""
        self._loop.call_soon(link.deliver)

    def drive(self) -> None:
        """Bring the exchange up to now and come back when it needs to be driven again."""
        self.exchange.advance(self._loop.time())
        if self._timer is not None:
            self._timer.cancel()
        deadline = self.exchange.deadline()
        self._timer = None if deadline is None or not self.links else self._loop.call_at(deadline, self.drive)


class _Link:
    """One connection: what the exchange sends waits here until the loop's next turn."""

    def __init__(self, network: ExchangeNetwork, observer: ObserverBase[Opened | str | bytes]) -> None:
        self._network = network
        self._observer = observer
        self._inbox: deque[str | LinkLost] = deque()
        self._connection: Connection | None = None
        self._left = False

    def open(self, role: str) -> None:
        if self._left:
            return
        self._network.drive()
        try:
            connection = self._network.exchange.connect(role, self._receive, self._end)
        except UpgradeRefused as refusal:
            kind = ConnectForbidden if refusal.status in (401, 403, 404) else ConnectRefused
            self._network.links.discard(self)
            self._observer.on_error(kind(refusal.status))
            return
        self._connection = connection
        self._observer.on_next(Opened(self._send, lambda reason: self._observer.on_error(LinkLost(reason))))
        self._network.drive()

    def leave(self) -> None:
        self._left = True
        self._network.links.discard(self)
        if self._connection is not None:
            self._connection.closed()

    def deliver(self) -> None:
        while self._inbox and not self._left:
            item = self._inbox.popleft()
            if isinstance(item, LinkLost):
                self._observer.on_error(item)
            else:
                self._observer.on_next(item)

    def _send(self, text: str) -> None:
        if self._connection is not None and not self._left:
            self._network.drive()
            self._connection.receive(text)
            self._network.drive()

    def _receive(self, text: str) -> None:
        self._put(text)

    def _end(self, code: int, reason: str) -> None:
        self._put(LinkLost(f"closed by the exchange with code {code}: {reason}", code=code if code > 0 else None))

    def _put(self, item: str | LinkLost) -> None:
        if not self._inbox:
            self._network.soon(self)
        self._inbox.append(item)


def _role(url: str) -> str:
    place = urlsplit(url)
    if place.path.startswith("/v1"):
        return "v1-auth" if "auth" in place.path else "v1"
    return next((role for role in ("auth", "l3") if role in f"{place.hostname}{place.path}"), "public")
