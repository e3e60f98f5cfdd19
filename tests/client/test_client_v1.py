"""`KrakenV1Client` against the simulated exchange in virtual time: channels, account, orders, and old faults."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

import rxkraken as rk
from rxkraken.client_v1 import KrakenV1Client
from rxkraken.simulator import Exchange
from rxkraken.testing import ExchangeHttp, ExchangeNetwork, outside, run

D = Decimal
ENDPOINTS = rk.Endpoints.custom("ws://x/v1", auth="ws://x/v1/auth", rest="http://x")


class Place:
    """A v1 client and the exchange it is connected to."""

    def __init__(self, exchange=None, *, endpoints=ENDPOINTS, **options):
        loop = asyncio.get_running_loop()
        self.exchange = exchange or Exchange(seed=1)
        self.account = self.exchange.accounts["demo"]
        self.net = ExchangeNetwork(self.exchange, loop)
        self.http = ExchangeHttp(self.exchange, loop, self.net.drive)
        options.setdefault("credentials", self.exchange.credentials)
        self.client = KrakenV1Client(endpoints, outside=outside(self.net, http=self.http), **options)
        self.unknowns, self.errors, self.statuses = [], [], []

    async def __aenter__(self):
        await self.client.start()
        self.client.unknown.subscribe(lambda item: self.unknowns.append(item.reason))
        self.client.errors.subscribe(self.errors.append)
        self.client.status.subscribe(self.statuses.append)
        return self

    async def __aexit__(self, *_):
        await self.client.aclose()


def test_every_public_channel_flows_under_canonical_names():
    async def main():
        async with Place() as place:
            client, seen = place.client, {}
            streams = {
                "ticker": client.ticker("XBT/USD"),
                "book": client.book("btcusd", depth=25),
                "ohlc": client.ohlc("BTC/USD", interval=5),
                "trades": client.trades("BTC/USD"),
                "spread": client.spread("BTC/USD"),
            }
            for name, stream in streams.items():
                stream.subscribe(lambda item, name=name: seen.setdefault(name, []).append(item))
            await asyncio.sleep(60)
            assert seen.keys() == streams.keys()
            assert {item.symbol for items in seen.values() for item in items} == {"BTC/USD"}
            assert all(book.verified for book in seen["book"])
            assert len(seen["book"]) > 50
            assert place.unknowns == []
            assert place.errors == []

    run(main)


def test_an_order_is_placed_followed_amended_and_cancelled():
    async def main():
        async with Place() as place:
            client = place.client
            bid = (await client.ticker("BTC/USD").first()).bid
            price = (bid * D("0.9")).quantize(D(1))
            ticket = client.add_order("BTC/USD", "buy", "limit", qty="0.01", price=price, post_only=True)
            placed = await ticket
            orders = await client.open_orders().first()
            assert placed.order_id in orders
            order = orders[placed.order_id]
            assert (order.symbol, order.side, order.order_type, order.qty) == ("BTC/USD", "buy", "limit", D("0.01"))
            assert order.limit_price == price
            amended = await client.amend_order(placed.order_id, qty="0.02")
            assert amended.amend_id
            cancelled = await client.cancel_order(placed.order_id)
            assert [row.cancelled for row in cancelled.orders] == [True]
            await asyncio.sleep(1)
            assert await client.open_orders().first() == {}
            assert place.unknowns == []

    run(main)


def test_fills_reach_own_trades_and_the_ticket_once():
    async def main():
        async with Place() as place:
            client, fills = place.client, []
            client.own_trades(gaps=False).subscribe(fills.append)
            ticket = client.add_order("BTC/USD", "buy", "market", qty="0.01")
            await ticket
            await asyncio.sleep(5)
            mine = [fill for fill in place.account.fills if fill.order_id == ticket.result.order_id]
            assert mine
            told = [each for each in fills if each.order_id == ticket.result.order_id]
            assert [each.exec_id for each in told] == [fill.exec_id for fill in mine]
            assert sum(each.last_qty for each in told) == D("0.01")

    run(main)


def test_a_rejection_reaches_the_caller():
    async def main():
        async with Place() as place:
            with pytest.raises(rk.OrderRejected, match="EOrder"):
                await place.client.add_order("BTC/USD", "buy", "limit", qty="1000000", price="1000")
            failures = []
            place.client.ticker("NOT/REAL").subscribe(on_error=failures.append)
            await asyncio.sleep(2)
            assert [type(each) for each in failures] == [rk.SubscriptionRejected]

    run(main)
