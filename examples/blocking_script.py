"""A script without an event loop: a book iterated, an order placed, followed and cancelled."""

import rxkraken as rk

with rk.sync.KrakenClient(credentials=rk.Credentials.from_env()) as client, client.dead_mans_switch(60):
    for number, book in enumerate(client.book("BTC/USD"), start=1):
        print(book.best_bid.price, book.best_ask.price)
        if number == 3:
            break

    ticket = client.tickets.add_order("BTC/USD", "buy", "limit", qty="0.01", price=book.best_bid.price - 5000)
    for order in ticket.lifecycle:
        print(f"{order.status:12} {order.qty:f} at {order.limit_price}")
        if order.status == "new":
            ticket.cancel()
