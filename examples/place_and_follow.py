"""Place an order on a practice exchange and follow it: resting, moved to where it trades, filled."""

import asyncio

import rxkraken as rk


async def main() -> None:
    async with rk.Simulator() as exchange, rk.KrakenClient(exchange.endpoints, exchange.credentials) as client:
        book = await client.book("BTC/USD").first()
        ticket = client.add_order("BTC/USD", "buy", "limit", qty="0.01", price=book.best_bid.price - 500)
        async for order in rk.aiter(ticket.lifecycle, policy="error"):  # subscribing sends it, once
            print(f"{order.status:17} {order.cum_qty:f} of {order.qty:f} at {order.limit_price}")
            if order.status == "new" and not order.amended:
                top = (await client.book("BTC/USD").first()).best_ask.price
                await ticket.amend(price=top + 100)
        print("average price", ticket.order.avg_price)


asyncio.run(main())
