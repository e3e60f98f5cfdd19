"""The simulated exchange's REST without sockets: what `RestClient` takes for its HTTP session."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rxkraken.simulator.rest_front import Front

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from rxkraken.simulator import Exchange
    from rxkraken.simulator.rest_wire import Response


class ExchangeHttp:
    """Answers a `RestClient` from an exchange in this process, in the time of the loop.

    The exchange's clock must be the loop's: `drive` brings it up to now and plans when it must be driven again, as
    `ExchangeNetwork.drive` does. Use it as `RestClient(credentials, session=http, endpoints=...)`; any host will do.
    """

    def __init__(
        self,
        exchange: Exchange,
        loop: asyncio.AbstractEventLoop,
        drive: Callable[[], None] | None = None,
        *,
        latency: float = 0.02,
    ) -> None:
        """Answer for this exchange; `latency` is how many seconds each way takes. No `drive`: only calls move time."""
        self.front = Front(exchange)
        self.requests = 0
        self._loop = loop
        self._latency = latency
        self._drive = drive or (lambda: exchange.advance(loop.time()))

    def __call__(self) -> Any:
        """Itself: `RestClient` opens its session by a call."""
        return self

    def request(
        self, method: str, url: Any, *, data: bytes | None = None, headers: Mapping[str, str], **_: Any
    ) -> _Exchange:
        """One request, which goes out when its answer is entered; what only sockets need is taken and not used."""
        return _Exchange(self, method, str(url), headers, bytes(data or b""))

    async def close(self) -> None:
        """Nothing is open."""

    async def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> Response:
        """What the exchange answers, after the time that it takes; `ConnectionResetError` when it drops the line."""
        self.requests += 1
        parts = urlsplit(url)
        await asyncio.sleep(self._latency)
        self._drive()
        response = self.front.answer(method, parts.path, parts.query, headers, body)
        self._drive()
        await asyncio.sleep(self._latency + response.delay)
        if response.cut:
            raise ConnectionResetError("the exchange dropped the connection")
        return response


class NoHttp:
    """Refuses every REST call as a closed port would: a test in virtual time has no real network to wait for."""

    def __call__(self) -> Any:
        """Itself: `RestClient` opens its session by a call."""
        return self

    def request(self, method: str, url: Any, **_: Any) -> Any:
        """Refuse it."""
        raise ConnectionRefusedError(
            f"{method} {url}: this test has no REST; give outside(..., http=ExchangeHttp(...))"
        )

    async def close(self) -> None:
        """Nothing is open."""


class _Exchange:
    """One request and its answer, as aiohttp's context manager gives it."""

    def __init__(self, http: ExchangeHttp, method: str, url: str, headers: Mapping[str, str], body: bytes) -> None:
        self._http = http
        self._request = (method, url, headers, body)

    async def __aenter__(self) -> _Answer:
        return _Answer(await self._http.answer(*self._request))

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        return


class _Answer:
    """An answer, with the names that aiohttp gives its parts."""

    def __init__(self, response: Response) -> None:
        self.status = response.status
        self.content_type = response.content_type
        self.headers: dict[str, str] = {}
        self._body = response.text.encode()

    async def read(self) -> bytes:
        return self._body
