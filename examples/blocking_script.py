"""A script without an event loop, on a practice exchange: trades iterated, an order placed, followed and cancelled."""

import rxkraken as rk

with (
    rk.sync.Simulator() as exchange,
    rk.sync.KrakenClient(exchange.endpoints, exchange.credentials) as client,
    client.dead_mans_switch(60),
):
    top = client.book("BTC/USD").first(timeout=10)
    print("best bid", top.best_bid.price, "best ask", top.best_ask.price)
    for number, trade in enumerate(client.trades("BTC/USD")):
        print(trade.side, trade.qty, trade.price)
        if number == 2:
            break

    ticket = client.tickets.add_order("BTC/USD", "buy", "limit", qty="0.01", price=top.best_bid.price - 5000)
    for order in ticket.lifecycle:
        print(f"{order.status:12} {order.qty:f} at {order.limit_price}")
        if order.status == "new":
            ticket.cancel()
