"""The only real socket: what a link emits, how each way of losing it is named, and that disposing leaves nothing."""

from __future__ import annotations

import asyncio
import ssl

import pytest
import trustme
from aiohttp import WSMsgType, web

import rxkraken as rk
from rxkraken.errors import ConnectForbidden, ConnectRefused, LinkLost
from rxkraken.session.link import AiohttpNetwork, Opened


class Server:
    """An aiohttp server on loopback whose socket does what a test tells it."""

    def __init__(self, behave, tls=None):
        self.behave = behave
        self.tls = tls
        self.heard: list[str] = []
        self.headers: dict[str, str] = {}

    async def __aenter__(self):
        app = web.Application()
        app.router.add_get("/v2", self.handle)
        self.runner = web.AppRunner(app, shutdown_timeout=2)
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0, ssl_context=self.tls).start()
        port = self.runner.addresses[0][1]
        self.url = f"{'wss' if self.tls else 'ws'}://{'localhost' if self.tls else '127.0.0.1'}:{port}/v2"
        return self

    async def __aexit__(self, *_):
        await self.runner.cleanup()

    async def handle(self, request):
        self.headers = dict(request.headers)
        if isinstance(self.behave, int):
            return web.Response(status=self.behave)
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        await self.behave(self, socket, request)
        return socket


class Listener:
    """Subscribes to a link and waits for its end."""

    def __init__(self, url, tls=None, **changes):
        self.network = AiohttpNetwork(rk.Settings(close_timeout=0.5, **changes))
        self.items, self.ended = [], asyncio.get_running_loop().create_future()
        self.arrived = asyncio.Event()
        self.subscription = self.network.connect(url, tls).subscribe(self.take, self.ended.set_result)

    def take(self, item):
        self.items.append(item)
        self.arrived.set()

    async def item(self):
        async with asyncio.timeout(5):
            await self.arrived.wait()
        self.arrived.clear()
        return self.items[0]

    async def end(self):
        async with asyncio.timeout(5):
            error = await self.ended
        await self.network.aclose()
        return error


async def echo(server, socket, request):
    """Say hello, then repeat what is heard until the client goes."""
    await socket.send_str("hello")
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            server.heard.append(message.data)
            await socket.send_str(message.data)


async def test_it_opens_passes_texts_and_sends_what_is_queued():
    """`Opened` first, then each frame as it came; what is sent arrives in order; the user agent is ours."""
    async with Server(echo) as server:
        listener = Listener(server.url, user_agent="me/1")
        while len(listener.items) < 2:
            await listener.item()
        opened = listener.items[0]
        assert isinstance(opened, Opened)
        for number in range(3):
            opened.send(str(number))
        while len(listener.items) < 5:
            await listener.item()
        texts = [item if isinstance(item, str) else item.decode() for item in listener.items[1:]]
        assert texts == ["hello", "0", "1", "2"]
        assert server.headers["User-Agent"] == "me/1"
        listener.subscription.dispose()
        await listener.network.aclose()
    assert not listener.ended.done()


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1011])
async def test_a_close_frame_is_told_with_its_code_and_reason(code):
    """1008 alone is fatal (section 1.9)."""

    async def bye(server, socket, request):
        await socket.close(code=code, message=b"proxy restarting")

    async with Server(bye) as server:
        error = await Listener(server.url).end()
    assert type(error) is LinkLost
    assert (error.code, error.fatal) == (code, code == 1008)
    assert "proxy restarting" in error.reason


@pytest.mark.parametrize(
    ("status", "kind", "fatal"),
    [
        (401, ConnectForbidden, True),
        (403, ConnectForbidden, True),
        (404, ConnectForbidden, True),
        (429, ConnectRefused, False),
        (503, ConnectRefused, False),
    ],
)
async def test_a_refused_upgrade_is_told_with_its_status(status, kind, fatal):
    """401, 403 and 404 will not change by asking again."""
    async with Server(status) as server:
        error = await Listener(server.url).end()
    assert type(error) is kind
    assert (error.status, error.fatal) == (status, fatal)


async def test_a_cut_connection_and_an_abandoned_one_are_lost():
    """No close frame, or our own verdict: both are `LinkLost` and may be retried."""

    async def cut(server, socket, request):
        request.transport.abort()

    async with Server(cut) as server:
        error = await Listener(server.url).end()
    assert type(error) is LinkLost
    assert not error.fatal

    async with Server(echo) as server:
        listener = Listener(server.url)
        opened = await listener.item()
        opened.abandon("it is silent")
        error = await listener.end()
    assert error.reason == "it is silent"


async def test_nobody_there_and_nobody_answering_end_in_time():
    """A refused connection at once, a dead host within `connect_timeout`."""
    error = await Listener("ws://127.0.0.1:9/v2").end()
    assert "no connection" in error.reason

    async def never(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    error = await Listener(f"ws://127.0.0.1:{port}/v2", connect_timeout=0.05).end()
    assert error.reason == "no connection in time"
    server.close()
    await server.wait_closed()


async def test_big_frames_pass_and_a_flood_leaves_timers_their_turn():
    """Eight mebibytes in one frame; then thousands of frames while a timer fires in between."""
    size = 8 * 1024 * 1024

    async def flood(server, socket, request):
        await socket.send_str("x" * size)
        for _ in range(3000):
            await socket.send_str("y")
        await socket.send_bytes(b"z")
        async for _ in socket:
            pass

    async with Server(flood) as server:
        listener = Listener(server.url)
        turns = 0
        while not listener.items or listener.items[-1] != b"z":
            await asyncio.sleep(0)
            turns += 1
        assert len(listener.items[1]) == size
        assert len(listener.items) == 3003
        assert turns > 10
        listener.subscription.dispose()
        await listener.network.aclose()


async def test_tls_trusts_the_given_context_only():
    """The endpoints' context is used; without it the certificate is refused, which may be retried."""
    authority = trustme.CA()
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(tls)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    async with Server(echo, tls) as server:
        listener = Listener(server.url, trusting)
        assert isinstance(await listener.item(), Opened)
        listener.subscription.dispose()
        await listener.network.aclose()
        error = await Listener(server.url).end()
    assert type(error) is LinkLost


async def test_closing_the_network_closes_what_is_open():
    """A link nobody disposed, and a peer that never answers the close."""

    async def deaf(server, socket, request):
        await asyncio.sleep(0.2)

    async with Server(deaf) as server:
        listener = Listener(server.url)
        await listener.item()
        listener.subscription.dispose()
        async with asyncio.timeout(3):
            await listener.network.aclose()
    assert [task for task in asyncio.all_tasks() if "rxkraken" in task.get_name()] == []
