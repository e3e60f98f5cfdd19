"""Secret, signature, one-time password and token are nowhere to be found but on the wire.

Every test makes something go wrong (or right) with DEBUG logging on, gathers all that a program could show of it, and
searches that: reprs, logs, errors with tracebacks that print the local variables of every frame, and pickles.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import pickle
import traceback

import aiohttp
import pytest
from aiohttp import web

from rxkraken.credentials import Credentials
from rxkraken.errors import KrakenError
from rxkraken.rest import Retry
from rxkraken.settings import Endpoints

KEY = "8lYcVlqJ4lvfLmNBMEkFMhmF8sdvMO7qcS0vTNGrfNWLZoEXAMPLEKEY"
SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
OTP = "static-otp-password"
TOKEN = "1Dwc4lzSwNWOAwkMdqhssNNFhs1ed606d1WcF3XfEMw"
HALF = f'{{"error":[],"result":{{"token":"{TOKEN}'


class Watch:
    """Gathers what could be seen from outside, and knows what must not be among it."""

    def __init__(self, kraken, caplog) -> None:
        self.kraken = kraken
        self._caplog = caplog
        self.shown: list[str] = []

    def error(self, error: BaseException) -> None:
        """Everything a traceback can print, with the locals of the library's and the HTTP layer's frames."""
        seen: set[int] = set()
        links: list[BaseException | None] = [error]
        while links:
            link = links.pop()
            if link is None or id(link) in seen:
                continue
            seen.add(id(link))
            links += (link.__cause__, link.__context__)
            self.shown += (repr(link), str(link), repr(vars(link)), repr(getattr(link, "__notes__", "")))
            printed = traceback.TracebackException(type(link), link, link.__traceback__, capture_locals=True)
            for frame in printed.stack:
                if "/tests/" not in frame.filename:
                    self.shown.append(f"{frame.filename}: {frame.locals}")
        if isinstance(error, KrakenError):
            self.shown.append(repr(pickle.dumps(error)))

    def found(self) -> list[tuple[str, str]]:
        secret = {"secret": SECRET, "decoded secret": repr(base64.b64decode(SECRET))[2:-1], "otp": OTP, "token": TOKEN}
        for seen in self.kraken.seen:
            if signature := seen.headers.get("API-Sign"):
                secret[f"signature of {seen.name}"] = signature
        # The fake exchange is in the same process; only what the client and the HTTP layer log counts.
        lines = [f"{record.getMessage()} {record.__dict__!r}" for record in self._caplog.records]
        text = [*self.shown, *lines]
        return [(name, line[:300]) for name, value in secret.items() for line in text if value in line]


@pytest.fixture
def watch(kraken, caplog) -> Watch:
    caplog.set_level(logging.DEBUG)
    return Watch(kraken, caplog)


@pytest.fixture
def secretive(make_client):
    return make_client(credentials=Credentials(KEY, SECRET, OTP), retry=Retry.never())


async def hangs(_seen):
    await asyncio.Event().wait()


async def hangs_up(seen):
    raise asyncio.CancelledError


async def redirects(_seen):
    return web.Response(status=302, headers={"Location": "http://elsewhere.test/"})


async def echoes(seen):
    """An exchange, or a proxy, that repeats what it was sent."""
    page = f"<html><title>{seen.headers['API-Sign'][:5]}</title>{seen.headers} {seen.body}</html>"
    return web.Response(status=502, text=page, content_type="text/html")


@pytest.mark.parametrize(
    "reply",
    [
        ["EAPI:Invalid signature"],
        ["EAPI:Invalid nonce"],
        ["EService:Unavailable"],
        HALF,
        f'{{"error":[],"result":{{"token":"{TOKEN}","expires":"never"}}}}',
        f'{{"error":[],"result":["{TOKEN}"]}}',
        "expires",
        hangs_up,
        redirects,
        echoes,
    ],
)
@pytest.mark.parametrize("name", ["GetWebSocketsToken", "AddOrder"])
async def test_no_failure_shows_a_secret(secretive, watch, expires, reply, name):
    kraken = watch.kraken
    kraken.reply(name, expires if reply == "expires" else reply)
    call = (
        secretive.get_websockets_token()
        if name == "GetWebSocketsToken"
        else secretive.add_order("BTC/USD", "buy", "market", 1)
    )
    try:
        result = await call
        watch.shown.append(repr(result))
    except KrakenError as error:
        watch.error(error)
        assert len(watch.shown) > 4
    watch.shown += (repr(call), repr(secretive), repr(vars(secretive)))
    assert kraken.seen
    assert kraken.seen[0].params["otp"] == OTP
    assert watch.found() == []


async def test_no_lost_connection_shows_a_secret(kraken, make_client, watch):
    """The HTTP layer's own frames hold the headers."""
    client = make_client(
        credentials=Credentials(KEY, SECRET, OTP),
        endpoints=Endpoints.custom(rest="http://127.0.0.1:1"),
        retry=Retry.never(),
    )
    with pytest.raises(KrakenError) as caught:
        await client.balance()
    assert isinstance(caught.value.__cause__, aiohttp.ClientError)
    watch.error(caught.value)
    assert watch.found() == []


async def test_a_caller_s_own_time_limit_shows_no_secret(kraken, secretive, watch):
    kraken.reply("Balance", hangs)

    async def impatient():
        async with asyncio.timeout(None) as limit:
            waiting = asyncio.ensure_future(_result(secretive.balance()))
            await kraken.arrived.wait()
            limit.reschedule(asyncio.get_running_loop().time())
            await waiting

    with pytest.raises(TimeoutError) as caught:
        await impatient()
    watch.error(caught.value)
    assert watch.found() == []


async def test_frames_under_way_show_no_secret(kraken, secretive, watch):
    """A debugger, or a fault handler, prints the stacks of running tasks with their local variables."""
    kraken.reply("Balance", hangs)
    waiting = asyncio.ensure_future(_result(secretive.balance()))
    await kraken.arrived.wait()
    frames = [frame for task in asyncio.all_tasks() for frame in _frames(task)]
    watch.shown += [
        f"{frame.f_code.co_filename} {frame.f_locals!r}"
        for frame in frames
        if "/tests/" not in frame.f_code.co_filename
    ]
    assert any("aiohttp/client.py" in line for line in watch.shown)
    assert any("rest/transport.py" in line and "headers" in line for line in watch.shown)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert [(name, line) for name, line in watch.found() if "/site-packages/aiohttp/web" not in line] == []


def _frames(task: asyncio.Task[object]):
    coroutine: object = task.get_coro()
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None)
        if frame is not None:
            yield frame
        coroutine = getattr(coroutine, "cr_await", None)


async def _result(call):
    return await call


@pytest.mark.parity("D2-5")
async def test_the_token_is_given_but_not_shown(kraken, secretive, watch):
    """The replaced client wrote it to its DEBUG log."""
    kraken.reply("GetWebSocketsToken", {"token": TOKEN, "expires": 900})
    lease = await secretive.get_websockets_token()
    assert (lease.token, str(lease.token), lease.expires) == (TOKEN, TOKEN, 900)
    watch.shown += (repr(lease), repr([lease.token]), repr({"params": {"token": lease.token}}))
    assert [record.getMessage() for record in watch._caplog.records if record.name == "rxkraken.rest"] == [
        "GetWebSocketsToken: HTTP 200, 97 bytes, 0.000 s"
    ]
    assert watch.found() == []


async def test_the_search_finds_what_it_searches_for(kraken, secretive, watch):
    """A test that greps must be shown to find."""
    kraken.reply("Balance", {})
    await secretive.balance()
    watch.shown += (f"x{SECRET}", OTP, kraken.seen[0].headers["API-Sign"], f"'{TOKEN}'")
    assert [name for name, _ in watch.found()] == ["secret", "otp", "token", "signature of Balance"]
