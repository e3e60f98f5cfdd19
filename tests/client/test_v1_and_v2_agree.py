"""Two dialects, one exchange: what `KrakenClient` and `KrakenV1Client` tell of the same market and account agrees."""

from __future__ import annotations

import asyncio

import rxkraken as rk
from rxkraken.simulator import Exchange
from rxkraken.testing import ExchangeHttp, ExchangeNetwork, outside, run
from rxkraken.testing.network import EPOCH

V2 = rk.Endpoints.custom("ws://x/v2", auth="ws://x/auth/v2", l3="ws://x/l3/v2", rest="http://x")
V1 = rk.Endpoints.custom("ws://x/v1", auth="ws://x/v1/auth", rest="http://x")
SYMBOLS = ("BTC/USD", "ETH/USD")


def levels(book):
    """A book as numbers alone."""
    return [(level.price, level.qty) for level in book.bids], [(level.price, level.qty) for level in book.asks]


def terms(trade):
    """A trade without what only one dialect tells."""
    return trade.symbol, trade.side, trade.price, trade.qty, trade.ord_type


def test_books_trades_and_orders_are_the_same_over_both():
    """Side by side on one simulated market: the same books at rest, the same trades, the same account."""

    async def main():
        loop = asyncio.get_running_loop()
        exchange = Exchange(seed=5, symbols=SYMBOLS, rate=5.0, epoch=EPOCH, start=loop.time())
        network = ExchangeNetwork(exchange, loop)
        world = outside(network, http=ExchangeHttp(exchange, loop, network.drive))
        async with (
            rk.KrakenClient(V2, exchange.credentials, outside=world) as new,
            rk.KrakenV1Client(V1, exchange.credentials, outside=world) as old,
        ):
            books, trades, fills, opened = {}, {"new": [], "old": []}, {"new": [], "old": []}, {}
            for name, client in (("new", new), ("old", old)):
                client.book(*SYMBOLS, depth=25).subscribe(
                    lambda book, name=name: books.__setitem__((name, book.symbol), book)
                )
                client.trades(*SYMBOLS).subscribe(trades[name].append)
                client.open_orders().subscribe(lambda orders, name=name: opened.__setitem__(name, orders))
                client.executions(gaps=False).subscribe(
                    lambda item, name=name: fills[name].append(item.exec_id) if item.exec_id else None
                )
            await asyncio.sleep(30)
            resting = await new.add_order("BTC/USD", "buy", "limit", qty="0.01", price="30000")
            other = await old.add_order("ETH/USD", "sell", "limit", qty="0.5", price="9000")
            await new.add_order("BTC/USD", "buy", "market", qty="0.02")
            await old.add_order("BTC/USD", "sell", "market", qty="0.03")
            await asyncio.sleep(30)
            exchange.fault("maintenance", step=60.0)  # the market stands still, so that both are asked the same
            await asyncio.sleep(5)
            return books, trades, fills, opened, {resting.order_id, other.order_id}

    books, trades, fills, opened, orders = run(main)
    for symbol in SYMBOLS:
        assert books["new", symbol].verified
        assert levels(books["new", symbol]) == levels(books["old", symbol])
    assert len(trades["old"]) > 20
    ended = min(len(trades["new"]), len(trades["old"]))
    assert [terms(each) for each in trades["new"][-ended:]] == [terms(each) for each in trades["old"][-ended:]]
    assert set(opened["new"]) == set(opened["old"]) == orders
    for order_id in orders:
        one, two = opened["new"][order_id], opened["old"][order_id]
        same = ("symbol", "side", "order_type", "qty", "limit_price", "cum_qty", "status")
        assert [getattr(one, name) for name in same] == [getattr(two, name) for name in same]
    assert fills["new"]
    assert sorted(fills["new"]) == sorted(fills["old"])
