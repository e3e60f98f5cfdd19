"""A consumer that takes its time gets the newest book of each market; nothing piles up, nobody waits for it."""

import asyncio

import rxkraken as rk


async def main() -> None:
    async with rk.KrakenClient() as client:
        books = client.book("BTC/USD", "ETH/USD").pull(rk.conflate(lambda book: book.symbol))
        seen = 0
        async with books:
            async for book in books:
                print(f"{book.symbol} mid {book.mid}, the {book.sequence}th book of this market")
                await asyncio.sleep(0.3)  # much slower than the market
                seen += 1
                if seen == 6:
                    break


asyncio.run(main())
