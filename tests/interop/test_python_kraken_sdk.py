"""python-kraken-sdk, written by others against the real exchange, runs against the simulator for a minute.

`tox -e interop`. What it accepts, the real exchange's other clients would accept as well.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import pytest
from kraken.spot import SpotOrderBookClient, SpotWSClient

from rxkraken.simulator import Simulator

SECONDS = 60
# Without LUNA/USD, whose quantities pass 2^53 units: this client formats floats and cannot check them (defect D2-7).
SYMBOLS = ["BTC/USD", "ETH/USD", "SOL/USD", "DOGE/USD", "EUR/USD", "GST/EUR"]


@pytest.fixture(autouse=True)
def quiet_sdk(caplog):
    """The SDK logs a traceback when it is cancelled, which is how its own `close` ends it."""
    caplog.set_level(logging.CRITICAL, "kraken")


class Listener(SpotWSClient):
    """Counts what comes on each channel, and keeps what was refused."""

    def __init__(self, url: str) -> None:
        super().__init__(ws_url=url.removesuffix("/v2"))  # it adds the version itself
        self.messages: Counter[tuple[str, str]] = Counter()
        self.acks: Counter[str] = Counter()
        self.refused: list[dict] = []
        self.trade_ids: dict[str, int] = {}

    async def on_message(self, message):
        if message.get("success") is False:
            self.refused.append(message)
        elif "method" in message:
            self.acks[message["method"]] += 1
        elif "channel" in message:
            self.messages[message["channel"], message.get("type", "")] += 1
        if message.get("channel") == "trade":
            for trade in message["data"]:
                assert trade["trade_id"] > self.trade_ids.get(trade["symbol"], 0)
                self.trade_ids[trade["symbol"]] = trade["trade_id"]


class Books(SpotOrderBookClient):
    """Order books whose pair decimals come from the simulator instead of a REST call to the real exchange."""

    def __init__(self, exchange: Simulator, depth: int) -> None:
        self.WS_URL = exchange.url.removesuffix("/v2")
        super().__init__(depth=depth)
        self._SpotOrderBookClient__market = self
        self.exchange = exchange
        self.updates: Counter[str] = Counter()
        self.mismatches: list[str] = []

    def get_asset_pairs(self, pair):
        spec = self.exchange.exchange.markets[pair].spec
        return {pair: {"pair_decimals": spec.price_precision, "lot_decimals": spec.qty_precision}}

    async def on_book_update(self, pair, message):
        if "error" in message or not self.get(pair)["valid"]:
            self.mismatches.append(pair)
        self.updates[pair] += 1


@pytest.mark.timeout(3 * SECONDS)
@pytest.mark.leaves("the SDK's session and executor end with the process")
async def test_it_listens_and_keeps_books_for_a_minute():
    """Every checksum holds at two depths, every subscription is answered, trades come once and in order."""
    async with Simulator(seed=11, rate=10) as exchange:
        listener, shallow, deep = Listener(exchange.url), Books(exchange, 10), Books(exchange, 100)
        for client in (listener, shallow, deep):
            await client.start()
        await listener.subscribe(params={"channel": "ticker", "symbol": SYMBOLS})
        await listener.subscribe(params={"channel": "trade", "symbol": SYMBOLS, "snapshot": True})
        await listener.subscribe(params={"channel": "ohlc", "symbol": SYMBOLS, "interval": 5})
        await listener.subscribe(params={"channel": "instrument"})
        await shallow.add_book(SYMBOLS)
        await deep.add_book(SYMBOLS)
        await asyncio.sleep(SECONDS)
        for client in (listener, shallow, deep):
            assert not client.exception_occur
            await client.close()

    assert listener.refused == []
    assert listener.acks["subscribe"] == 3 * len(SYMBOLS) + 1
    assert {channel for channel, _ in listener.messages} == {
        "status", "heartbeat", "ticker", "trade", "ohlc", "instrument",
    }  # fmt: skip
    assert listener.messages["heartbeat", ""] >= SECONDS - 5
    for books in (shallow, deep):
        assert books.mismatches == []
        assert all(books.updates[symbol] > SECONDS for symbol in SYMBOLS)
