"""The only aiohttp WebSocket: a URL as a cold observable.

Subscribing opens the socket. It emits one `Opened`, then every text frame as it is, and ends with `LinkLost` in
`on_error`; it never completes by itself. Disposing closes the socket. What goes wrong in aiohttp is mapped here, in
one place, to the errors of this library.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import aiohttp
from reactivex import Observable
from reactivex.disposable import Disposable

from rxkraken.errors import ConnectForbidden, ConnectRefused, LinkLost
from rxkraken.logs import logger

if TYPE_CHECKING:
    import ssl

    from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase

    from rxkraken.settings import Settings

log = logger("rxkraken.session")


@dataclass(frozen=True, slots=True)
class Opened:
    """The socket is open. `send` queues a text frame and never blocks; `abandon(reason)` gives the link up as lost."""

    send: Callable[[str], None]
    abandon: Callable[[str], None]


class Network(Protocol):
    """Whatever can make connections: aiohttp here, an exchange in the same process in tests."""

    def connect(self, url: str, tls: ssl.SSLContext | None) -> Observable[Opened | str | bytes]:
        """Describe a connection; subscribing makes it."""
        ...

    async def aclose(self) -> None:
        """Wait until every socket is closed."""
        ...


# What aiohttp's sockets are typed as differs between the versions supported, so they are `Any` below.


class AiohttpNetwork:
    """Connections over aiohttp, from one HTTP session that is opened with the first of them."""

    def __init__(self, settings: Settings) -> None:
        """Open nothing yet."""
        self._settings = settings
        self._http: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def connect(self, url: str, tls: ssl.SSLContext | None) -> Observable[Opened | str | bytes]:
        """Describe a connection to `url`; see the module for what it emits."""

        def subscribe(
            observer: ObserverBase[Opened | str | bytes], scheduler: SchedulerBase | None = None
        ) -> DisposableBase:
            del scheduler
            task = asyncio.get_running_loop().create_task(self._run(url, tls, observer), name=f"rxkraken link {url}")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

            def hang_up() -> None:
                task.cancel()

            return Disposable(hang_up)

        return Observable(subscribe)

    async def aclose(self) -> None:
        """Wait, within the settings' `close_timeout`, until every socket is closed, then close the HTTP session."""
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=2 * self._settings.close_timeout)
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks))
        if self._http is not None:
            await self._http.close()
            self._http = None

    async def _run(self, url: str, tls: ssl.SSLContext | None, observer: ObserverBase[Opened | str | bytes]) -> None:
        try:
            async with asyncio.timeout(self._settings.connect_timeout):
                socket = await self._open(url, tls)
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            observer.on_error(_as_link_error(error))
            return
        try:
            await _converse(socket, observer)
        finally:
            await socket.close()

    async def _open(self, url: str, tls: ssl.SSLContext | None) -> Any:
        if self._http is None:
            # No total time-out and no cookies: a socket lives for days, and Kraken's proxy sets a cookie per visit.
            self._http = aiohttp.ClientSession(
                headers={"User-Agent": self._settings.user_agent}, cookie_jar=aiohttp.DummyCookieJar()
            )
        connect: Any = self._http.ws_connect
        return await connect(
            url,
            ssl=tls or self._settings.ssl or True,
            proxy=self._settings.proxy,
            max_msg_size=self._settings.max_frame_size,
            heartbeat=2 * self._settings.ping_interval,
            timeout=_timeout(ws_close=self._settings.close_timeout),
            **_BYTES,
        )


_timeout: Any = aiohttp.ClientWSTimeout  # an attrs class, whose fields a type checker does not see

# Newer versions hand the undecoded text over, which the decoder takes as well as it takes a string.
_BYTES: dict[str, Any] = (
    {"decode_text": False} if "decode_text" in inspect.signature(aiohttp.ClientSession.ws_connect).parameters else {}
)


async def _converse(socket: Any, observer: ObserverBase[Opened | str | bytes]) -> None:
    outgoing: asyncio.Queue[str] = asyncio.Queue()
    writer = asyncio.get_running_loop().create_task(_write(socket, outgoing), name="rxkraken writer")
    try:
        observer.on_next(Opened(outgoing.put_nowait, lambda reason: observer.on_error(LinkLost(reason))))
        lost = await _read(socket, observer)
    finally:
        writer.cancel()
        await asyncio.wait([writer])
    observer.on_error(lost)


async def _write(socket: Any, outgoing: asyncio.Queue[str]) -> None:
    try:
        while True:
            await socket.send_str(await outgoing.get())
    except (aiohttp.ClientError, OSError) as error:
        log.debug("a frame could not be sent: %s", error)  # the reader learns of the lost connection by itself


async def _read(socket: Any, observer: ObserverBase[Opened | str | bytes]) -> LinkLost:
    receive, on_next, text = socket.receive, observer.on_next, aiohttp.WSMsgType.TEXT
    since_pause = 0
    while True:
        message = await receive()
        if message.type is text:
            on_next(message.data)
        elif message.type is aiohttp.WSMsgType.BINARY:
            on_next(bytes(message.data))
        else:
            return _why_it_ended(socket, message)
        since_pause += 1
        if since_pause == _FRAMES_BETWEEN_PAUSES:
            since_pause = 0
            await asyncio.sleep(0)


# `receive` does not suspend while frames are waiting; a flood must not keep timers and other sockets from their turn.
_FRAMES_BETWEEN_PAUSES = 256


def _why_it_ended(socket: Any, message: Any) -> LinkLost:
    match message.type:
        case aiohttp.WSMsgType.CLOSE:
            reason = f": {message.extra}" if message.extra else ""
            return LinkLost(f"closed by the exchange with code {message.data}{reason}", code=message.data)
        case aiohttp.WSMsgType.ERROR:
            return LinkLost(f"the connection failed: {message.data!r}", code=socket.close_code)
        case _:
            return LinkLost(f"the connection ended (code {socket.close_code})", code=socket.close_code)


def _as_link_error(error: Exception) -> LinkLost:
    lost: LinkLost
    match error:
        case aiohttp.WSServerHandshakeError(status=401 | 403 | 404 as status):
            lost = ConnectForbidden(status, error.message)
        case aiohttp.WSServerHandshakeError(status=status):
            lost = ConnectRefused(status, error.message)
        case TimeoutError():
            lost = LinkLost("no connection in time")
        case _:
            lost = LinkLost(f"no connection: {error}")
    lost.__cause__ = error
    return lost
