"""The best bid and ask of one market, each time they change."""

import asyncio

from reactivex import operators as ops

import rxkraken as rk


async def main() -> None:
    async with rk.KrakenClient() as client:
        top = client.book("XBT/USD").pipe(
            ops.map(lambda book: (book.best_bid, book.best_ask)),
            ops.distinct_until_changed(),
            ops.take(5),
        )
        async for bid, ask in rk.aiter(top):
            print(f"{bid.qty} @ {bid.price}  |  {ask.price} @ {ask.qty}")


asyncio.run(main())
