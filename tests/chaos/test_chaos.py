"""A thousand faults in virtual time, and what must be true afterwards (design section 2, promises 3, 7, 16 to 18)."""

from __future__ import annotations

import asyncio
import functools
import gc
import random
from collections import Counter
from typing import Any

import pytest
from reactivex import operators as ops

import rxkraken as rk
from rxkraken.simulator import Exchange
from rxkraken.simulator.plan import random_fault
from rxkraken.testing import outside, run
from rxkraken.testing.exchange import ExchangeNetwork

# They prove by what comes out; watching each line of millions would take minutes and show nothing more.
pytestmark = pytest.mark.no_cover
SYMBOLS = ["BTC/USD", "ETH/USD", "SOL/USD", "DOGE/USD", "SHIB/USD", "GST/EUR"]
SECONDS_BETWEEN = 20.0
# The simulator's own memory of trades and candles grows with the hours simulated; the client's must not.
FEW_OBJECTS = 60_000


class Witness:
    """Sees everything a subscriber sees and complains about what must never be seen."""

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.seen: Counter[str] = Counter()
        self.trades: dict[str, tuple[Any, ...]] = {}
        self.complaints: list[str] = []
        self.endings: list[str] = []

    def book(self, book: Any) -> None:
        """A book must be verified, uncrossed and within its depth."""
        self.seen["book"] += 1
        if not book.verified:
            self.complaints.append(f"unverified {book!r}")
        if book.best_bid and book.best_ask and book.best_bid.price >= book.best_ask.price:
            self.complaints.append(f"crossed {book!r}")

    def trade(self, trade: Any) -> None:
        """No trade comes twice or goes back in time; v1 numbers none, and two may be of one moment there."""
        self.seen["trade"] += 1
        place = (trade.timestamp, trade.trade_id or self.seen["trade"])
        if place <= self.trades.get(trade.symbol, place[:0]):
            self.complaints.append(f"duplicate {trade!r}")
        self.trades[trade.symbol] = place

    def other(self, _: Any) -> None:
        """Counted only."""
        self.seen["other"] += 1

    def ended(self, error: Exception | None = None) -> None:
        """No stream may end while the client lives."""
        self.endings.append(repr(error))


V1_PLACE = rk.Endpoints.custom("ws://x/v1")
# V1 differs in its words alone, so that fewer do.
CLIENTS = {
    "v2": (rk.KrakenClient, {("instrument", None, "live")}, 1000),
    "v1": (functools.partial(rk.KrakenV1Client, V1_PLACE), set(), 400),
}


@pytest.mark.parametrize(("client_of", "own", "faults"), CLIENTS.values(), ids=CLIENTS)
def test_a_thousand_faults_leave_no_trace(client_of: Any, own: set[Any], faults: int) -> None:
    """Drops, silences, lies and refusals; afterwards everything wanted is live and nothing wrong was shown."""
    chance = random.Random(20261121)
    exchange = Exchange(seed=7, symbols=SYMBOLS, rate=0.4)
    witness = Witness()
    networks: list[ExchangeNetwork] = []
    connects: list[float] = []

    def network(loop: asyncio.AbstractEventLoop) -> ExchangeNetwork:
        networks.append(ExchangeNetwork(exchange, loop))
        return networks[0]

    async def main() -> tuple[set[tuple[str, str | None, str]], int, int, int, int]:
        loop = asyncio.get_running_loop()
        async with client_of(outside=outside(network, seed=3)) as client:
            attempts = client.status.pipe(ops.filter(lambda status: status.state == "connecting"))
            attempts.subscribe(lambda _: connects.append(loop.time()))
            client.book(*SYMBOLS).subscribe(witness.book, witness.ended, witness.ended)
            client.book("BTC/USD", depth=100).subscribe(witness.book, witness.ended, witness.ended)
            client.trades(*SYMBOLS).subscribe(witness.trade, witness.ended, witness.ended)
            client.ticker(*SYMBOLS).subscribe(witness.other, witness.ended, witness.ended)
            client.ohlc(*SYMBOLS, interval=5).subscribe(witness.other, witness.ended, witness.ended)
            await asyncio.sleep(60)
            tasks_before = len(asyncio.all_tasks())
            gc.collect()
            objects_before = len(gc.get_objects())
            for _ in range(faults):
                name, parameters = random_fault(chance, SYMBOLS)
                exchange.fault(name, **parameters)
                await asyncio.sleep(chance.expovariate(1 / SECONDS_BETWEEN))
            await asyncio.sleep(1500)
            live = {(row.channel, row.symbol, row.state) for row in client.subscriptions}
            counted = sum(witness.seen.values())
            await asyncio.sleep(60)
            assert sum(witness.seen.values()) > counted, "data flows at the end"
            gc.collect()
            objects_after = len(gc.get_objects())
            return live, tasks_before, len(asyncio.all_tasks()), objects_before, objects_after

    live, tasks_before, tasks_after, objects_before, objects_after = run(main)

    wanted = {(channel, symbol, "live") for channel in ("book", "trade", "ticker", "ohlc") for symbol in SYMBOLS}
    assert live == wanted | own
    assert witness.complaints == []
    assert len(witness.endings) == 5, "every stream ended once, when the client was closed"
    assert set(witness.endings) == {"None"}
    busiest = max(sum(1 for at in connects if start <= at < start + 600) for start in connects)
    assert busiest <= 120
    assert tasks_after == tasks_before
    assert objects_after - objects_before < FEW_OBJECTS
    assert len({record.name for record in exchange.faults}) >= 17, "nearly every kind of fault really struck"
    assert networks[0].links == set()
    assert exchange.connections == {}
