"""The exchange behind real sockets: WebSocket, REST and admin routes over aiohttp, plain and TLS, on loopback.

`Simulator` owns one `Exchange`, or the playback of a recording, and one timer that drives it. Every connection has a
bounded outbox and a writer of its own, so a client that does not read is cut instead of holding up the others.
"""

from __future__ import annotations

import asyncio
import functools
import os
import time
from typing import TYPE_CHECKING, Any, Protocol, Self

from aiohttp import WSCloseCode, web

from rxkraken.errors import InvalidArgument
from rxkraken.settings import Endpoints
from rxkraken.simulator.capture import Playback
from rxkraken.simulator.connections import UpgradeRefused
from rxkraken.simulator.exchange import Exchange
from rxkraken.simulator.faults import FAULTS
from rxkraken.simulator.instruments import choose
from rxkraken.simulator.rest_front import Front
from rxkraken.simulator.sockets import Client

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from rxkraken.credentials import Credentials
    from rxkraken.simulator.accounts import Account, Received
    from rxkraken.simulator.connections import Connection
    from rxkraken.simulator.faults import FaultRecord
    from rxkraken.simulator.instruments import SymbolSpec

_CLOSING = 1.0
_SHOWN_OF_KEY = 4
_HIGHEST_PORT = 65535
# Where each role's WebSocket is. One host serves all of them here, so the path tells them apart.
PATHS = {"public": "/v2", "auth": "/auth/v2", "l3": "/l3/v2"}
V1_PATHS = {"v1": "/", "v1-auth": "/auth"}


class Core(Protocol):
    """What the server needs of whatever it serves."""

    def advance(self, now: float) -> None:
        """Do everything due up to now."""
        ...

    def deadline(self) -> float | None:
        """When `advance` must be called next."""
        ...

    def connect(self, role: str, send: Callable[[str], None], close: Callable[[int, str], None]) -> Connection:
        """Accept a client."""
        ...


class Simulator:
    """A whole exchange for practice. Use it as `async with Simulator() as exchange:`, or `start()` and `aclose()`.

    `exchange.endpoints` plugs into a client; `exchange.fault("drop")` and its like disturb it. The same seed, symbols
    and rate give the same market. With `serve=FILE` a recording is the market, at `pace` times its recorded speed.
    """

    def __init__(
        self,
        seed: int = 0,
        symbols: int | Sequence[str | SymbolSpec] | None = None,
        rate: float = 5.0,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        tls_port: int = 0,
        serve: str | Path | None = None,
        pace: float = 1.0,
        **options: Any,
    ) -> None:
        """Open nothing yet. `options` are those of `Exchange`: `idle_timeout`, `heartbeat`, `digits`, `latency`.

        `host` is a name or an address of this machine, IPv4 or IPv6; `port` 0 takes a free one. With `tls`, a server
        context, the same exchange is served on a second port too. `InvalidArgument` for what can be none of these.
        """
        if serve is not None and options:
            raise InvalidArgument(f"serve={str(serve)!r} plays a recording as it is; leave out {', '.join(options)}")
        self._make: Callable[[float], Core]
        if serve is None:
            specs = choose(symbols)
            self._make = lambda now: Exchange(
                seed=seed, symbols=specs, rate=rate, start=now, epoch=time.time(), **options
            )
        else:
            self._make = lambda now: Playback(serve, pace=pace, start=now)
        self._host = _checked_host(host)
        self._ports = (_checked_port("port", port), _checked_port("tls_port", tls_port))
        self._tls = tls
        self._core: Core | None = None
        self._front: Front | None = None
        self._runner: web.AppRunner | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._clients: set[Client] = set()
        self._urls: list[str] = []

    # --- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> Self:
        """Open the market and listen. `OSError` where this machine cannot listen, naming host and port."""
        self._loop = asyncio.get_running_loop()
        self._core = core = self._make(self._loop.time())
        self._front = Front(core) if isinstance(core, Exchange) else None
        app = web.Application()
        for role, path in {**PATHS, **V1_PATHS}.items():
            app.router.add_get(path, functools.partial(self._websocket, role))
        app.router.add_route("*", "/0/{call:.*}", self._rest)
        app.router.add_get("/admin/faults", self._list_faults)
        app.router.add_post("/admin/faults", self._inject_fault)
        app.router.add_get("/admin/state", self._show_state)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=_CLOSING)
        await self._runner.setup()
        await self._listen("ws", self._ports[0], None)
        if self._tls is not None:
            await self._listen("wss", self._ports[1], self._tls)
        self._drive()
        return self

    async def _listen(self, scheme: str, port: int, tls: ssl.SSLContext | None) -> None:
        assert self._runner is not None  # noqa: S101 -- only `start` calls this
        site = web.TCPSite(self._runner, self._host, port, ssl_context=tls)
        # A certificate is made for a name, and `localhost` is the one that loopback has.
        name = "localhost" if tls is not None and self._host == "127.0.0.1" else self._host
        place = f"[{name}]" if ":" in name else name
        try:
            await site.start()
        except (OSError, UnicodeError) as error:
            await self.aclose()
            number = getattr(error, "errno", None) or 0
            why = os.strerror(number) if number > 0 else getattr(error, "strerror", None) or error
            raise OSError(
                f"cannot serve on host={self._host!r}, port={port}: {why}; "
                "give an address of this machine such as '127.0.0.1' or '::1', and a port that is free, or 0"
            ) from error
        self._urls.append(f"{scheme}://{place}:{self._runner.addresses[-1][1]}")

    async def aclose(self) -> None:
        """Close every connection and stop listening. Calling it again does nothing."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        for client in tuple(self._clients):
            client.close(WSCloseCode.GOING_AWAY, "the simulator is closing")
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        """Start."""
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()

    # --- what people use --------------------------------------------------------------------------------------------

    @property
    def exchange(self) -> Exchange:
        """The exchange itself: its markets, connections and faults."""
        if not isinstance(self._core, Exchange):
            raise InvalidArgument("there is no exchange: the simulator is not started, or plays a recording")
        return self._core

    @property
    def url(self) -> str:
        """Where the public WebSocket is."""
        return f"{self._base(0)}/v2"

    @property
    def admin_url(self) -> str:
        """Where faults can be injected over HTTP: `GET` and `POST /faults`, `GET /state` below it."""
        return f"{self._base(0).replace('ws', 'http', 1)}/admin"

    @property
    def endpoints(self) -> Endpoints:
        """For `KrakenClient(endpoints=...)` and `RestClient(endpoints=...)`; a recording has the public one only."""
        return self._endpoints(0)

    @property
    def v1_endpoints(self) -> Endpoints:
        """The same exchange for clients of WebSocket v1: its public and its private host, and REST."""
        base = self._base(0)
        if self._front is None:
            raise InvalidArgument("a recording is not served over WebSocket v1; use a simulator without `serve`")
        public, auth = (f"{base}{path}" for path in V1_PATHS.values())
        return Endpoints.custom(public, auth=auth, rest=base.replace("ws", "http", 1))

    @property
    def tls_endpoints(self) -> Endpoints | None:
        """The same over TLS, if it was made with `tls`; put the context that trusts it into the settings' `ssl`."""
        return None if self._tls is None else self._endpoints(1)

    @property
    def credentials(self) -> Credentials:
        """The key of the demo account, for `RestClient(credentials, ...)`."""
        return self.exchange.credentials

    @property
    def accounts(self) -> Mapping[str, Account]:
        """Every account by name: its balances, orders, fills and ledger, to look at."""
        return self.exchange.accounts

    @property
    def received(self) -> Sequence[Received]:
        """Every trading request that reached the exchange, over WebSocket or REST, oldest first."""
        return self.exchange.received

    @property
    def faults(self) -> tuple[FaultRecord, ...]:
        """Every fault that really happened so far."""
        return self.exchange.faults

    def fault(self, name: str, **parameters: Any) -> None:
        """Inject a fault, as `Exchange.fault` does; `rxkraken.simulator.FAULTS` lists them."""
        exchange = self.exchange
        exchange.advance(self._loop.time())
        exchange.fault(name, **parameters)
        self._drive()

    def script(self, faults: Iterable[tuple[float, str, dict[str, Any]]]) -> None:
        """Plan faults, each as seconds from now, name and parameters."""
        self.exchange.advance(self._loop.time())
        self.exchange.script(faults)
        self._drive()

    def random_faults(self, seed: int, *, every: float = 20.0, count: int | None = None) -> None:
        """Inject faults drawn from a seed, on average one in `every` seconds, `count` of them or without end."""
        self.exchange.advance(self._loop.time())
        self.exchange.random_faults(seed, every=every, count=count)
        self._drive()

    def _endpoints(self, number: int) -> Endpoints:
        base = self._base(number)
        if self._front is None:
            return Endpoints.custom(f"{base}{PATHS['public']}")
        public, auth, level3 = (f"{base}{path}" for path in PATHS.values())
        return Endpoints.custom(public, auth=auth, l3=level3, rest=base.replace("ws", "http", 1))

    def _base(self, number: int) -> str:
        if not self._urls:
            raise InvalidArgument("the simulator is not started; use `async with Simulator() as exchange:`")
        return self._urls[number]

    # --- the clock --------------------------------------------------------------------------------------------------

    def _drive(self) -> None:
        if self._core is None:
            return
        self._core.advance(self._loop.time())
        if self._timer is not None:
            self._timer.cancel()
        deadline = self._core.deadline()
        self._timer = None if deadline is None else self._loop.call_at(deadline, self._drive)

    # --- routes -----------------------------------------------------------------------------------------------------

    async def _websocket(self, role: str, request: web.Request) -> web.StreamResponse:
        core = self._core
        assert core is not None  # noqa: S101 -- nothing listens before `start`
        client = Client(request, closing=_CLOSING)
        core.advance(self._loop.time())
        try:
            connection = core.connect(role, client.send, client.close)
        except UpgradeRefused as refusal:
            return web.Response(status=refusal.status, text="refused")
        except InvalidArgument as error:
            return web.Response(status=404, text=str(error))
        client.connection = connection
        self._drive()
        self._clients.add(client)
        try:
            async for text in client.frames():
                core.advance(self._loop.time())
                connection.receive(text)
                self._drive()
        finally:
            self._clients.discard(client)
            connection.closed()
        return client.socket

    async def _rest(self, request: web.Request) -> web.StreamResponse:
        front, core = self._front, self._core
        if front is None or core is None:
            raise web.HTTPNotFound(text="a recording has no REST")
        body = await request.read()
        core.advance(self._loop.time())
        answer = front.answer(
            request.method, request.rel_url.raw_path, request.rel_url.raw_query_string, request.headers, body
        )
        self._drive()
        if answer.delay:
            await asyncio.sleep(answer.delay)
        if answer.cut and request.transport is not None:
            request.transport.abort()
        return web.Response(status=answer.status, text=answer.text, content_type=answer.content_type)

    async def _list_faults(self, request: web.Request) -> web.Response:
        del request
        table = [kind.describe() for kind in FAULTS.values()]
        faults = self._core.faults if isinstance(self._core, Exchange) else ()
        return web.json_response({"table": table, "log": [record.describe() for record in faults]})

    async def _inject_fault(self, request: web.Request) -> web.Response:
        try:
            body = await request.json()
            if not isinstance(body, dict) or not isinstance(body.get("name"), str):  # pyright: ignore[reportUnknownMemberType] -- JSON
                raise InvalidArgument('send a JSON object such as {"name": "drop", "code": 1001}')
            name = body.pop("name")  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType] -- JSON
            self.fault(name, **body)  # pyright: ignore[reportUnknownArgumentType] -- JSON, checked against the table
        except ValueError as error:
            return web.json_response({"error": str(error)}, status=400)
        return web.json_response({"injected": name})

    async def _show_state(self, request: web.Request) -> web.Response:
        del request
        exchange = self._core
        if not isinstance(exchange, Exchange):
            return web.json_response({"serves": "a recording", "connections": len(self._clients)})
        connections = [
            {
                "id": each.id,
                "connection_id": str(each.connection_id),
                "subscriptions": [" ".join(slot).strip() for slot in each.subscriptions],
            }
            for each in exchange.connections.values()
        ]
        accounts = [_shown(account) for account in exchange.accounts.values()]
        state = {"now": exchange.now, "system": exchange.system, "symbols": [*exchange.markets]}
        return web.json_response({**state, "connections": connections, "accounts": accounts})


def _checked_host(host: Any) -> str:
    """Return a host that URLs can be made of; whether it is this machine's shows when it listens."""
    if not isinstance(host, str) or not host or any(sign.isspace() or sign in "[]/%" for sign in host):
        raise InvalidArgument(f"host={host!r} is no host; give a name or an address, such as '127.0.0.1' or '::1'")
    return host


def _checked_port(name: str, port: Any) -> int:
    if isinstance(port, bool) or not isinstance(port, int) or not 0 <= port <= _HIGHEST_PORT:
        raise InvalidArgument(f"{name}={port!r} is no port; give 1 to {_HIGHEST_PORT}, or 0 for a free one")
    return port


def _shown(account: Account) -> dict[str, Any]:
    """An account for whoever watches: no secret, and of its keys only how they begin."""
    return {
        "name": account.name,
        "tier": account.tier,
        "balances": {asset: format(amount, "f") for asset, amount in account.balances.items()},
        "open_orders": [order.order_id for order in account.open_orders],
        "keys": [f"{key.key[:_SHOWN_OF_KEY]}..." for key in account.keys],
    }
