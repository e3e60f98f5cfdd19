"""Sends one prepared call and brings back what came: the only place of the REST layer that touches the network."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import aiohttp
from yarl import URL

from rxkraken.errors import KrakenError, LinkLost, MissingCredentials, RequestTimeout, RestError
from rxkraken.logs import logger
from rxkraken.protocol.nonce import NonceSource, nonces_of
from rxkraken.protocol.signing import Hidden, HiddenBytes
from rxkraken.rest.answer import RestAnswer, problem, read
from rxkraken.rest.calls import CallSpec
from rxkraken.rest.limits import Charge
from rxkraken.rest.outcome import without_frames
from rxkraken.rest.retry import Retry
from rxkraken.rest.wire import Params, form_body, json_body, query

if TYPE_CHECKING:
    from rxkraken.credentials import Credentials
    from rxkraken.settings import Settings

T = TypeVar("T")
SessionSource = aiohttp.ClientSession | Callable[[], aiohttp.ClientSession] | None
_log: Final = logger("rxkraken.rest")


@dataclass(slots=True)
class Plan(Generic[T]):
    """One call, ready to be made: what to send, how to read the result, how patient to be.

    `judge` says which answers are failures; `parse` reads the others. `identity` names the order in messages.
    `sent` becomes True before the first byte may have left, and is what tells `NotSent` from `OutcomeUnknown`.
    """

    spec: CallSpec
    params: Params = field(repr=False)
    parse: Callable[[RestAnswer], T] = field(repr=False)
    timeout: float
    retry: Retry
    method: str
    json: bool
    judge: Callable[[RestAnswer], RestError | None] = field(default=problem, repr=False)
    charge: Charge | None = None
    identity: str = ""
    sent: bool = False


@dataclass(frozen=True, slots=True)
class _Request:
    method: str
    url: URL
    headers: dict[str, str]
    body: HiddenBytes | None = None


class Transport:
    """One aiohttp session, opened when first needed, and the key that signs."""

    def __init__(
        self,
        base: str,
        settings: Settings,
        *,
        credentials: Credentials | None,
        nonces: NonceSource | None,
        session: SessionSource,
        ssl: Any,
        clock: Callable[[], float],
        monotonic: Callable[[], float],
    ) -> None:
        """Hold everything; nothing is opened. A session that is given is used and left open, a factory's is closed."""
        self._base = base.rstrip("/")
        self._settings = settings
        self._credentials = credentials
        self._nonces = nonces or (nonces_of(credentials.key) if credentials else None)
        self._source = session
        self._session: aiohttp.ClientSession | None = None
        self._ssl = ssl
        self._clock = clock
        self._monotonic = monotonic

    async def aclose(self) -> None:
        """Close the session when it is this transport's own."""
        session, self._session = self._session, None
        if session is not None and session is not self._source:
            await session.close()

    async def exchange(self, plan: Plan[Any]) -> RestAnswer | KrakenError:
        """Send the call once and return the answer, or the error that kept it away: `LinkLost` or `RequestTimeout`.

        Errors are returned because the frames below hold the signed headers: no traceback may begin in them.
        """
        request = self._signed(plan) if plan.spec.private else self._public(plan)
        began = self._monotonic()
        try:
            async with asyncio.timeout(plan.timeout):
                answer = await self._send(plan, request)
        except TimeoutError as error:
            return _mapped(RequestTimeout(f"{plan.spec.name} was not answered within {plan.timeout:g} s"), error)
        except aiohttp.ClientConnectorError as error:
            plan.sent = False
            return _mapped(LinkLost(f"no connection to {request.url.host}: {error}"), error)
        except (aiohttp.ClientError, OSError) as error:
            what = str(error) or type(error).__name__
            return _mapped(LinkLost(f"the connection to {request.url.host} failed: {what}"), error)
        took = self._monotonic() - began
        _log.debug("%s: HTTP %d, %d bytes, %.3f s", plan.spec.name, answer.status, len(answer.body), took)
        return answer

    def _public(self, plan: Plan[Any]) -> _Request:
        text = query(plan.params)
        url = f"{self._base}{plan.spec.path}{'?' + text if text else ''}"
        return _Request(plan.method, URL(url, encoded=True), {"User-Agent": self._settings.user_agent})

    def _signed(self, plan: Plan[Any]) -> _Request:
        if self._credentials is None or self._nonces is None:
            raise MissingCredentials(f"{plan.spec.name} is a private call and the client has no API key")
        nonce = str(self._nonces.next(self._clock()))
        otp = self._credentials.otp()
        params = plan.params if otp is None else {**plan.params, "otp": otp}
        body = (json_body if plan.json else form_body)(params, nonce)
        headers = {
            "User-Agent": self._settings.user_agent,
            "Content-Type": "application/json" if plan.json else "application/x-www-form-urlencoded; charset=utf-8",
            "API-Key": Hidden(self._credentials.key),
            "API-Sign": self._credentials.sign(plan.spec.path, nonce, body),
        }
        return _Request(plan.method, URL(f"{self._base}{plan.spec.path}", encoded=True), headers, body)

    async def _send(self, plan: Plan[Any], request: _Request) -> RestAnswer:
        session = self._opened()
        # A session that somebody else made does not tell when it begins to write: assume that it has.
        plan.sent = self._source is not None
        async with session.request(
            request.method,
            request.url,
            data=request.body,
            headers=request.headers,
            allow_redirects=False,
            proxy=self._settings.proxy,
            ssl=self._ssl,
            timeout=_NO_TIMEOUT,
            trace_request_ctx=plan,
        ) as response:
            body = await response.read()
            retry_after = _seconds(response.headers.get("Retry-After"))
            return read(response.status, body, response.content_type, retry_after)

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            match self._source:
                case None:
                    self._session = aiohttp.ClientSession(
                        cookie_jar=aiohttp.DummyCookieJar(), trace_configs=[_sending_noticed()]
                    )
                case aiohttp.ClientSession() as given:
                    self._session = given
                case make:
                    self._session = make()
        return self._session


# The plan's own time limit counts, on the loop's clock.
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)


def _sending_noticed() -> aiohttp.TraceConfig:
    """Notice the moment before the first byte of a request leaves: before it, an order was certainly not sent."""
    config = aiohttp.TraceConfig()

    async def about_to_send(_session: aiohttp.ClientSession, context: Any, _params: Any) -> None:
        context.trace_request_ctx.sent = True

    config.on_request_headers_sent.append(about_to_send)
    return config


def _mapped(error: KrakenError, cause: BaseException) -> KrakenError:
    error.__cause__ = without_frames(cause)
    return error


def _seconds(text: str | None) -> float | None:
    return float(text) if text is not None and text.isdecimal() else None
