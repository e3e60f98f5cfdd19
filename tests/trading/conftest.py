"""What the order tests share: a market, `add_order` with everything filled in, and an exchange to send orders to."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest

import rxkraken as rk
from rxkraken.models.market import Instrument
from rxkraken.simulator import Exchange
from rxkraken.testing import ExchangeHttp, ExchangeNetwork, ScriptedNetwork, outside, run
from rxkraken.testing.network import EPOCH
from rxkraken.trading.parameters import add_order, amend_order, batch_add, edit_order

# 2026-03-01T12:00:00Z
NOW = 1_772_366_400.0
BTCUSD = Instrument(
    symbol="BTC/USD",
    base="BTC",
    quote="USD",
    status="online",
    price_precision=1,
    qty_precision=8,
    price_increment=Decimal("0.1"),
    qty_increment=Decimal("1e-08"),
    qty_min=Decimal("5e-05"),
    cost_precision=5,
    cost_min=Decimal("0.5"),
    marginable=True,
    margin_initial=Decimal("0.2"),
    position_limit_long=300,
    position_limit_short=240,
    has_index=True,
)


@pytest.fixture
def now() -> float:
    """Noon of 1 March 2026, in Unix seconds."""
    return NOW


@pytest.fixture
def btcusd() -> Instrument:
    """The rules of BTC/USD, as the `instrument` channel told them in 2026."""
    return BTCUSD


@pytest.fixture
def market():
    """BTC/USD with some rules changed: `market(status="post_only")`."""
    return partial(replace, BTCUSD)


@pytest.fixture
def new_id():
    """Ids that count: id-1, id-2, ..."""
    return partial(next, map("id-{}".format, itertools.count(1)))


@pytest.fixture
def add(new_id):
    """`add_order` on BTC/USD at noon, with its rules known."""
    return partial(add_order, "BTC/USD", now=NOW, new_id=new_id, instrument=BTCUSD)


@pytest.fixture
def add_blind(new_id):
    """`add_order` at noon, with no market's rules known."""
    return partial(add_order, now=NOW, new_id=new_id)


@pytest.fixture
def batch(new_id):
    """`batch_add` on BTC/USD at noon, with its rules known."""
    return partial(batch_add, "BTC/USD", now=NOW, new_id=new_id, instrument=BTCUSD)


@pytest.fixture
def amend():
    """`amend_order` at noon, with the rules of BTC/USD known."""
    return partial(amend_order, now=NOW, instrument=BTCUSD)


@pytest.fixture
def edit():
    """`edit_order` of an order on BTC/USD at noon, with its rules known."""
    return partial(edit_order, symbol="BTC/USD", now=NOW, instrument=BTCUSD)


# --- an exchange and a client, in virtual time ------------------------------------------------------------------------


# Between the best bid and the best ask of BTC/USD, which stand still.
TOP = "84250.3"


class Venue:
    """A client of an exchange whose market stands still, with another trader who can be told to move it."""

    def __init__(self, exchange: Exchange, client: rk.KrakenClient, network: ExchangeNetwork, http: ExchangeHttp):
        self.exchange = exchange
        self.client = client
        self.network = network
        self.http = http
        self.errors: list[Exception] = []
        self.stranger = exchange.add_account("stranger", balances={"USD": 10_000_000, "BTC": 1000})
        client.errors.subscribe(self.errors.append)

    def bid(self, **changes):
        """A ticket for a hundredth of a bitcoin, at a price where it rests."""
        terms = {"qty": "0.01", "price": "80000", **changes}
        return self.client.add_order("BTC/USD", "buy", "limit", **terms)

    def fault(self, name, **parameters):
        """Bring the exchange up to now and inject a fault."""
        self.network.drive()
        self.exchange.fault(name, **parameters)
        self.network.drive()

    def top(self, **changes):
        """A ticket for the same at a price that is the best bid, and the first to be sold to."""
        return self.bid(price=TOP, **changes)

    def sell(self, qty, price=TOP):
        """Let the stranger sell to the best bids, down to this price."""
        order = {"order_type": "limit", "side": "sell", "symbol": "BTC/USD", "time_in_force": "ioc"}
        self.network.drive()
        self.exchange.desk.add(self.stranger, {**order, "order_qty": Decimal(qty), "limit_price": Decimal(price)})
        self.network.drive()

    @property
    def orders(self):
        """Every order the account ever had, as the exchange knows them."""
        return list(self.exchange.accounts["demo"].orders.values())

    @property
    def received(self):
        """What the desk received from this client: method, ids of its own, outcome."""
        mine = [each for each in self.exchange.received if each.account == "demo"]
        return [(each.method, each.cl_ord_ids, each.outcome) for each in mine]

    @property
    def methods(self):
        """The methods of what the desk received from this client."""
        return [method for method, _, _ in self.received]

    def struck(self):
        """The names of the faults that really happened."""
        return [record.name for record in self.exchange.faults]


@pytest.fixture
def play():
    """Plays one story, an async function of a `Venue`, in virtual time.

    The client is connected and knows the rules and its balances before the story begins, unless `ready` is false.
    """

    def perform(story, *, ready=True, settings=None, validate_only=False, limits=None, **exchange):
        async def main():
            loop = asyncio.get_running_loop()
            options = {"seed": 5, "symbols": ["BTC/USD", "ETH/USD"], "rate": 0, "epoch": EPOCH, **exchange}
            market = Exchange(start=loop.time(), **options)
            network = ExchangeNetwork(market, loop)
            http = ExchangeHttp(market, loop, network.drive)
            client = rk.KrakenClient(
                rk.Endpoints.custom("ws://x/v2", auth="ws://x/auth/v2", l3="ws://x/l3/v2", rest="http://x"),
                market.credentials,
                rk.Settings(**(settings or {})),
                validate_only=validate_only,
                limits=limits,
                outside=outside(network, http=http),
            )
            async with client:
                if ready:
                    await client.instruments().first()
                    await client.balances(gaps=False).first()
                await story(Venue(market, client, network, http))

        run(main)

    return perform


@pytest.fixture
def watch():
    """Subscribes to a ticket or a stream, and returns the list of what comes: items, errors, and "completed"."""

    def subscribe(stream):
        seen = []
        stream.subscribe(seen.append, seen.append, lambda: seen.append("completed"))
        return seen

    return subscribe


# --- an order connection that a test plays by hand --------------------------------------------------------------------


class OrderStage:
    """A client whose market rules and token came by hand, so that every frame on its order connection does too."""

    def __init__(self, client: rk.KrakenClient, network: ScriptedNetwork):
        self.client = client
        self.network = network
        self._sequence = 0

    @property
    def link(self):
        """The newest order connection."""
        return [link for link in self.network.links if "auth" in link.url][-1]

    @property
    def sent(self):
        """Everything that was sent with one of the trading methods, over all connections."""
        frames = [frame for link in self.network.links for frame in link.sent]
        return [frame for frame in frames if frame["method"] not in ("subscribe", "unsubscribe", "ping")]

    def bid(self, **changes):
        """A ticket for a hundredth of a bitcoin."""
        return self.client.add_order("BTC/USD", "buy", "limit", **{"qty": "0.01", "price": "80000", **changes})

    def watch(self, stream):
        """Subscribe, and return the list of what comes."""
        seen = []
        stream.subscribe(seen.append, seen.append, lambda: seen.append("completed"))
        return seen

    def refusal(self, method, text, **fields):
        """Kraken's no to the latest request with a method."""
        return {"method": method, "req_id": self.link.last(method)["req_id"], "success": False, "error": text, **fields}

    def acceptance(self, method, **result):
        """Kraken's yes to the latest request with a method."""
        return {"method": method, "req_id": self.link.last(method)["req_id"], "success": True, "result": result}

    def tell(self, *records, kind="update", sequence=None):
        """Executions, as the exchange tells them."""
        self._sequence = 1 if kind == "snapshot" else self._sequence + 1
        number = self._sequence if sequence is None else sequence
        self.link.say({"channel": "executions", "type": kind, "sequence": number, "data": list(records)})

    async def settle(self, seconds=0.001):
        """Let the client act for a while; subscriptions are granted, pings answered, everything else is the test's."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            for _ in range(4):
                await asyncio.sleep(0)
            for link in self.network.links:
                self._grant(link)
            if asyncio.get_running_loop().time() >= end:
                return
            await asyncio.sleep(min(1.0, end - asyncio.get_running_loop().time()))

    def _grant(self, link):
        done = getattr(link, "granted", 0)
        link.granted = len(link.sent)
        for frame in link.sent[done:]:
            head = {"method": frame["method"], "req_id": frame["req_id"]}
            if frame["method"] == "ping":
                link.say({**head, "method": "pong"})
            elif frame["method"] in ("subscribe", "unsubscribe"):
                names = {name: frame["params"][name] for name in ("channel",)}
                link.say({**head, "result": names, "success": True})
                if frame["method"] == "subscribe":
                    self._open(link, frame["params"]["channel"])

    def _open(self, link, channel):
        if channel == "executions":
            self._sequence = 1
            link.say({"channel": "executions", "type": "snapshot", "sequence": 1, "data": []})
        elif channel == "instrument":
            rules = {
                "status": "online", "price_precision": 1, "qty_precision": 8, "price_increment": 0.1,
                "qty_increment": 1e-8, "qty_min": 5e-5, "cost_precision": 5, "cost_min": "0.5",
            }  # fmt: skip
            pairs = [{"symbol": "BTC/USD", "base": "BTC", "quote": "USD", **rules}]
            link.say({"channel": "instrument", "type": "snapshot", "data": {"assets": [], "pairs": pairs}})


@pytest.fixture
def scripted():
    """Plays one story, an async function of an `OrderStage`, in virtual time. REST is that of a standing exchange."""

    def perform(story, **settings):
        async def main():
            loop = asyncio.get_running_loop()
            market = Exchange(start=loop.time(), seed=5, symbols=["BTC/USD"], rate=0, epoch=EPOCH)
            network = ScriptedNetwork()
            client = rk.KrakenClient(
                rk.Endpoints.custom("ws://x/v2", auth="ws://x/auth/v2", rest="http://x"),
                market.credentials,
                rk.Settings(**settings),
                outside=outside(network, http=ExchangeHttp(market, loop)),
            )
            async with client:
                stage = OrderStage(client, network)
                client.instruments().subscribe()
                client.executions().subscribe(lambda _: None, lambda _: None)
                await stage.settle(0.5)
                await story(stage)
                for link in network.links:
                    if not link.closed:
                        link.lose("the scene is over")

        run(main)

    return perform
