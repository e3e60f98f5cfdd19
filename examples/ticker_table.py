"""A table of several markets, printed again with each change: one subscription, one row a symbol."""

import asyncio

from reactivex import operators as ops

import rxkraken as rk

SYMBOLS = ["BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD"]


async def main() -> None:
    async with rk.KrakenClient() as client:
        rows = client.ticker(*SYMBOLS, trigger="bbo").pipe(
            ops.scan(lambda table, tick: {**table, tick.symbol: tick}, {}),
            ops.filter(lambda table: len(table) == len(SYMBOLS)),
            ops.take(3),
        )
        async for table in rk.aiter(rows):
            for symbol in SYMBOLS:
                print(f"{symbol:10} {table[symbol].bid:>12} {table[symbol].ask:>12} {table[symbol].change_pct:>7} %")
            print()


asyncio.run(main())
