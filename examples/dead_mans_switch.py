"""An order that cannot outlive its program: a switch the exchange holds, and a cancel on the way out."""

import asyncio

import rxkraken as rk


async def main() -> None:
    async with rk.Simulator() as exchange, rk.KrakenClient(exchange.endpoints, exchange.credentials) as client:
        switch = client.dead_mans_switch(60)
        switch.subscribe(lambda state: print("switch:", state), lambda error: print("no switch:", error))
        await switch.first(timeout=10)  # no order before the switch is armed
        book = await client.book("BTC/USD").first()
        try:
            ack = await client.add_order("BTC/USD", "buy", "limit", qty="0.01", price=book.best_bid.price - 500)
            print("resting:", ack.order_id)
            await asyncio.sleep(1)  # the program's work; if it dies here, the exchange cancels within 60 s
        finally:
            print("cancelled on the way out:", (await client.cancel_all()).count)


asyncio.run(main())
