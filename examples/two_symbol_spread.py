"""What a bitcoin costs in dollars more than in euros, from two verified books."""

import asyncio

import reactivex as rx
from reactivex import operators as ops

import rxkraken as rk


async def main() -> None:
    async with rk.KrakenClient() as client:
        books = rx.combine_latest(client.book("BTC/USD"), client.book("BTC/EUR"))
        spread = books.pipe(ops.map(lambda pair: pair[0].mid - pair[1].mid), ops.distinct_until_changed(), ops.take(5))
        async for difference in rk.aiter(spread):
            print(f"BTC/USD - BTC/EUR: {difference:+.2f}")


asyncio.run(main())
