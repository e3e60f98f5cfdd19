"""A bid that stays at the best price of level 3 and knows its place in the queue; amended only when it is behind."""

import asyncio

from reactivex import operators as ops

import rxkraken as rk


async def main() -> None:
    async with rk.Simulator(rate=30) as exchange, rk.KrakenClient(exchange.endpoints, exchange.credentials) as client:
        books = client.level3("BTC/USD", depth=100)
        best = (await books.first()).best_bid.price
        ticket = client.add_order("BTC/USD", "buy", "limit", qty="2.5", price=best, post_only=True)
        mine, shown = (await ticket).order_id, None
        async for book in rk.aiter(books.pipe(ops.take(150)), policy="latest"):
            place = book.queue_position(mine)
            if place is not None and place != shown:
                print(f"level {place.rank}, behind {place.ahead} orders of {place.qty_ahead:f} BTC")
                shown = place
            if place is not None and place.rank > 0:
                try:
                    await ticket.amend(price=book.best_bid.price)
                except rk.OrderRejected as error:  # filled meanwhile, or it would have taken
                    print("not moved:", error.text)
        await client.cancel_all()
        print(f"filled {ticket.order.cum_qty:f} of {ticket.order.qty:f}, {ticket.order.status}")


asyncio.run(main())
