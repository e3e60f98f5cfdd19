"""A connection is cut on purpose: the status stream tells of it, the book goes on, the gap stands among the items."""

import asyncio

import rxkraken as rk


async def main() -> None:
    settings = rk.Settings(backoff_base=0.2)
    async with rk.Simulator() as exchange, rk.KrakenClient(exchange.endpoints, settings=settings) as client:
        client.status.subscribe(lambda status: print("status:", status.state, status.symbol or "", status.reason))
        books = 0
        async for item in client.book("BTC/USD", gaps=True).pull("buffer"):
            if isinstance(item, rk.Gap):
                print(f"gap of {item.until - item.since:.2f} s, now in epoch {item.epoch}: {item.reason}")
                break
            books += 1
            if books == 3:
                exchange.fault("drop", code=1006)
        print("and on it goes:", await client.book("BTC/USD").first(timeout=10))


asyncio.run(main())
