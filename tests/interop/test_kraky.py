"""kraky, a WebSocket v1 client that others wrote, subscribes and trades on the simulator.

`tox -e interop-v1`: it wants an older websockets than the other clients do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter

import pytest

pytest.importorskip("kraky", reason="tox -e interop-v1 brings it")

from kraky import KrakyWsClient

from rxkraken.simulator import Simulator

PAIRS = ["XBT/USD", "ETH/USD"]


class Listener:
    """A client on one host of the simulator, and everything that its handler was given."""

    def __init__(self, url: str) -> None:
        self.client = KrakyWsClient(url)
        self.events: list[dict] = []
        self.frames: Counter[str] = Counter()
        self._running = asyncio.ensure_future(self.client.connect(self.handle))

    async def handle(self, message) -> None:
        """Take a message, as the documentation of kraky has it: events are objects, data are arrays."""
        if isinstance(message, dict):
            self.events.append(message)
        else:
            self.frames[next(part for part in message if isinstance(part, str))] += 1

    async def until(self, ready) -> None:
        """Look until something has come."""
        async with asyncio.timeout(30):
            while not ready():
                await asyncio.sleep(0.05)

    async def event(self, name: str) -> dict:
        """Wait for an event of this name and take it."""
        await self.until(lambda: any(each["event"] == name for each in self.events))
        found = next(each for each in self.events if each["event"] == name)
        self.events.remove(found)
        return found

    async def close(self) -> None:
        """End the connection and the task that keeps it."""
        await self.client.disconnect()
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running


@pytest.mark.leaves("kraky's connection ends a moment after it was told to")
async def test_kraky_gets_every_public_feed():
    """Acks for each pair, snapshots and updates; a refusal does not disturb the rest."""
    async with Simulator(seed=1, symbols=["BTC/USD", "ETH/USD"], rate=50) as exchange:
        listener = Listener(exchange.v1_endpoints.public)
        for name in ("ticker", "trade", "spread", "book", "ohlc"):
            await listener.client.subscribe({"name": name}, PAIRS)
        feeds = ("ticker", "trade", "spread", "book-10", "ohlc-1")
        await listener.until(lambda: all(listener.frames[feed] > 3 for feed in feeds))
        acks = [each for each in listener.events if each["event"] == "subscriptionStatus"]
        assert sorted({each["pair"] for each in acks}) == sorted(PAIRS)
        assert {each["status"] for each in acks} == {"subscribed"}
        await listener.client.ping(reqid=7)
        assert (await listener.event("pong"))["reqid"] == 7
        await listener.close()


@pytest.mark.leaves("kraky's connection ends a moment after it was told to")
async def test_kraky_places_sees_edits_and_cancels_an_order():
    """With a token of the demo account; the exchange has the order that kraky was told of."""
    async with Simulator(seed=1, symbols=["BTC/USD"], rate=0) as exchange:
        account = exchange.accounts["demo"]
        token, _ = exchange.exchange.issue_token(account.keys[0])
        listener = Listener(exchange.v1_endpoints.auth)
        await listener.client.subscribe({"name": "openOrders", "token": token})
        await listener.client.subscribe({"name": "ownTrades", "token": token})
        await listener.until(lambda: listener.frames["openOrders"] and listener.frames["ownTrades"])
        await listener.client.add_order(token, "XBT/USD", "buy", "limit", 0.01, price=30000.0, reqid=1)
        placed = await listener.event("addOrderStatus")
        assert (placed["status"], placed["reqid"]) == ("ok", 1)
        await listener.until(lambda: listener.frames["openOrders"] > 1)
        await listener.client.edit_order(token, placed["txid"], "XBT/USD", volume=0.02, price=30001.0, reqid=2)
        edited = await listener.event("editOrderStatus")
        assert (edited["status"], edited["originaltxid"]) == ("ok", placed["txid"])
        (order,) = account.open_orders
        assert (order.order_id, str(order.qty)) == (edited["txid"], "0.02")
        await listener.client.cancel_order(token, [edited["txid"]], reqid=3)
        assert (await listener.event("cancelOrderStatus"))["status"] == "ok"
        assert account.open_orders == []
        await listener.client.add_order(token, "XBT/USD", "buy", "market", 0.01, reqid=4)
        assert (await listener.event("addOrderStatus"))["status"] == "ok"
        await listener.until(lambda: listener.frames["ownTrades"] > 1)
        await listener.close()
