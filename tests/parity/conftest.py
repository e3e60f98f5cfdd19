"""A client of either dialect, the exchange it is connected to in virtual time, and every frame that passes between."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from reactivex import operators as ops

import rxkraken as rk
from rxkraken.session.link import Opened
from rxkraken.simulator import Exchange
from rxkraken.testing import ExchangeHttp, ExchangeNetwork, outside
from rxkraken.testing.network import EPOCH

CLIENTS = {
    "v1": (rk.KrakenV1Client, rk.Endpoints.custom("ws://x/v1", auth="ws://x/v1/auth", rest="http://x")),
    "v2": (rk.KrakenClient, rk.Endpoints.custom("ws://x/v2", auth="ws://x/auth/v2", rest="http://x")),
}


@dataclass(frozen=True)
class Sent:
    """One frame that the client sent: the URL it went to, the number of the connection, and the loop's time."""

    url: str
    connection: int
    at: float
    frame: dict[str, Any]

    @property
    def request(self):
        """What it asks for, whatever the dialect calls that: "subscribe", "addOrder", "add_order"."""
        return self.frame.get("event") or self.frame.get("method")

    @property
    def topics(self):
        """The channel and symbol pairs of a subscribe or unsubscribe request."""
        options = self.frame.get("subscription") or self.frame["params"]
        symbols = self.frame.get("pair") or options.get("symbol") or [None]
        return [(options.get("name") or options["channel"], symbol) for symbol in symbols]


class Wire:
    """A network that writes down what the client sends."""

    def __init__(self, network):
        self._network = network
        self.sent: list[Sent] = []
        self.opened: list[str] = []

    def connect(self, url, tls):
        """Connect as the network does."""

        def tapped(item):
            if not isinstance(item, Opened):
                return item
            self.opened.append(url)
            number = len(self.opened)

            def send(text):
                self.sent.append(Sent(url, number, asyncio.get_running_loop().time(), json.loads(text)))
                item.send(text)

            return Opened(send, item.abandon)

        return self._network.connect(url, tls).pipe(ops.map(tapped))

    async def aclose(self):
        """Close the network."""
        await self._network.aclose()


class Http(ExchangeHttp):
    """REST calls that write down what they send."""

    def __init__(self, *args):
        super().__init__(*args)
        self.calls: list[tuple[str, dict[str, str]]] = []

    async def answer(self, method, url, headers, body):
        """Answer as the exchange does."""
        self.calls.append((urlsplit(url).path, dict(parse_qsl(body.decode()))))
        return await super().answer(method, url, headers, body)


class Place:
    """A client of one dialect and a hand on its exchange; use it as `async with`."""

    def __init__(self, dialect, *, rate=5.0, symbols=("BTC/USD", "ETH/USD"), settings=None, **options):
        loop = asyncio.get_running_loop()
        self.dialect = dialect
        self.exchange = Exchange(seed=1, symbols=symbols, rate=rate, start=loop.time(), epoch=EPOCH)
        self.account = self.exchange.accounts["demo"]
        self.net = ExchangeNetwork(self.exchange, loop)
        self.wire = Wire(self.net)
        self.http = Http(self.exchange, loop, self.net.drive)
        kind, endpoints = CLIENTS[dialect]
        options.setdefault("credentials", self.exchange.credentials)
        options.setdefault("endpoints", endpoints)
        self.client = kind(
            settings=rk.Settings(**(settings or {})), outside=outside(self.wire, http=self.http), **options
        )
        self.errors, self.statuses, self.unknowns = [], [], []

    async def __aenter__(self):
        await self.client.start()
        self.client.errors.subscribe(self.errors.append)
        self.client.status.subscribe(self.statuses.append)
        self.client.unknown.subscribe(lambda item: self.unknowns.append(item.reason))
        return self

    async def __aexit__(self, *_):
        await self.client.aclose()

    @property
    def private(self):
        """The role of the private connection at the exchange."""
        return "v1-auth" if self.dialect == "v1" else "auth"

    @property
    def public(self):
        """The role of the public connection at the exchange."""
        return "v1" if self.dialect == "v1" else "public"

    def fault(self, name, **parameters):
        """Disturb the exchange."""
        self.exchange.fault(name, **parameters)
        self.net.drive()

    def cut(self, role):
        """Cut the connections of one role without a close frame."""
        for connection in list(self.exchange.connections.values()):
            if connection.role == role:
                self.fault("drop", connection=connection.id, code=1006)

    def sent(self, request, connection=None):
        """Every frame of one kind that the client sent, over any connection or this one."""
        return [each for each in self.wire.sent if each.request == request and connection in (None, each.connection)]


@pytest.fixture(params=["v1", "v2"])
def place(request):
    """Open a place of each dialect in turn; it is a context."""
    return partial(Place, request.param)


@pytest.fixture
def old_place():
    """Open a place that speaks WebSocket v1."""
    return partial(Place, "v1")


@pytest.fixture
def new_place():
    """Open a place that speaks WebSocket v2."""
    return partial(Place, "v2")
