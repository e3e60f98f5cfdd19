"""A small REST exchange on loopback, written from the rest reference alone, and a client with a clock of its own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import itertools
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import pytest
import pytest_asyncio
from aiohttp import web

from rxkraken.credentials import Credentials
from rxkraken.protocol.nonce import NonceSource
from rxkraken.rest import RestClient
from rxkraken.settings import Endpoints, Settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

KEY = "8lYcVlqJ4lvfLmNBMEkFMhmF8sdvMO7qcS0vTNGrfNWLZoEXAMPLEKEY"
SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="


@dataclass
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str
    params: dict[str, Any]

    @property
    def name(self) -> str:
        return self.path.split("/", 3)[-1]


@dataclass
class FakeKraken:
    """Answers each call with what was put in `replies` for its name; the last one is repeated.

    A dict is a result, a list of strings an error array, text a body as it is, a function is awaited.
    """

    url: str = ""
    replies: dict[str, list[Any]] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    secret: str = SECRET
    refused: list[str] = field(default_factory=list)
    last_nonce: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    def reply(self, name: str, *replies: Any) -> None:
        self.replies[name] = list(replies)

    def names(self) -> list[str]:
        return [request.name for request in self.seen]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        raw = await request.read()
        seen = _seen(request, raw.decode())
        self.seen.append(seen)
        self.arrived.set()
        if seen.path.startswith("/0/private/") and (problem := self._check(seen, raw)):
            self.refused.append(problem)
            return _response([problem])
        waiting = self.replies.get(seen.name, [["EGeneral:Unknown method"]])
        answer = waiting.pop(0) if len(waiting) > 1 else waiting[0]
        return _response(await answer(seen) if callable(answer) else answer)

    def _check(self, seen: Seen, raw: bytes) -> str | None:
        """The rules of section 2, done by hand: signature over the raw body, nonce above the last one."""
        nonce = str(seen.params.get("nonce", ""))
        digest = hashlib.sha256(nonce.encode() + raw).digest()
        mac = hmac.new(base64.b64decode(self.secret), seen.path.encode() + digest, hashlib.sha512)
        if seen.headers.get("API-Key") != KEY:
            return "EAPI:Invalid key"
        if seen.headers.get("API-Sign") != base64.b64encode(mac.digest()).decode():
            return "EAPI:Invalid signature"
        if int(nonce) <= self.last_nonce:
            return "EAPI:Invalid nonce"
        self.last_nonce = int(nonce)
        return None


def _seen(request: web.Request, body: str) -> Seen:
    is_json = request.content_type == "application/json"
    params = json.loads(body) if is_json else dict(parse_qsl(body, keep_blank_values=True, strict_parsing=bool(body)))
    return Seen(request.method, request.path, dict(request.query), dict(request.headers), body, params)


def _response(answer: Any) -> web.StreamResponse:
    match answer:
        case web.StreamResponse():
            return answer
        case dict() if "error" in answer:
            return web.json_response(answer)
        case dict():
            return web.json_response({"error": [], "result": answer})
        case list():
            return web.json_response({"error": answer})
        case str():
            return web.Response(text=answer, content_type="application/json")
    raise AssertionError(answer)


@dataclass
class Time:
    """Both clocks, moved only by the sleeps that somebody asks for."""

    now: float = 1_700_000_000.0
    slept: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(round(seconds, 6))
        self.now += seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def credentials() -> Credentials:
    return Credentials(KEY, SECRET)


@pytest_asyncio.fixture
async def kraken() -> AsyncIterator[FakeKraken]:
    fake = FakeKraken()
    app = web.Application()
    app.router.add_route("*", "/0/{visibility}/{name:.+}", fake.handle)
    # A handler that a test leaves hanging is not waited for.
    runner = web.AppRunner(app, shutdown_timeout=0.05, handler_cancellation=True)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    await runner.cleanup()


@pytest_asyncio.fixture
async def make_client(
    kraken: FakeKraken, time: Time, credentials: Credentials
) -> AsyncIterator[Callable[..., RestClient]]:
    """Make clients of the fake exchange, with fixed chance (0.5), made-up ids id-1, id-2, ..., and the test's clock."""
    made: list[RestClient] = []

    def make(**options: Any) -> RestClient:
        numbers = itertools.count(1)
        given = {
            "credentials": credentials,
            "endpoints": Endpoints.custom(rest=kraken.url),
            "clock": time,
            "monotonic": time,
            "sleep": time.sleep,
            "random": lambda: 0.5,
            "nonces": NonceSource(),
            "new_id": lambda: f"id-{next(numbers)}",
        }
        made.append(RestClient(**(given | options)))
        return made[-1]

    yield make
    for client in made:
        await client.aclose()


@pytest.fixture
def expires(monkeypatch: pytest.MonkeyPatch) -> Callable[[Seen], Awaitable[None]]:
    """A reply that never comes: as the request arrives, the time that the client gave it is over."""
    limits: list[asyncio.Timeout] = []
    make = asyncio.timeout

    def remembered(delay: float | None) -> asyncio.Timeout:
        made = make(delay)
        if delay == Settings().request_timeout:
            limits.append(made)
        return made

    async def reply(_seen: Seen) -> None:
        limits[-1].reschedule(asyncio.get_running_loop().time())
        await asyncio.Event().wait()

    monkeypatch.setattr(asyncio, "timeout", remembered)
    return reply


@pytest.fixture
def client(make_client: Callable[..., RestClient]) -> RestClient:
    return make_client()
