"""What users' code sees of the types. Nothing runs here: pyright and mypy read it, in the `types` environment.

Every statement is one that a user would write; `assert_type` holds what the checker must infer for it.
"""

from __future__ import annotations

from decimal import Decimal
from typing import assert_type

from reactivex import Observable
from reactivex import operators as ops

import rxkraken as rk


def channels(client: rk.KrakenClient) -> None:
    """A channel is a stream of its own values; gaps appear in the type only where they were asked for."""
    assert_type(client.ticker("BTC/USD"), rk.Stream[rk.Ticker])
    assert_type(client.ticker("BTC/USD", trigger="bbo", gaps=True), rk.Stream[rk.Ticker | rk.Gap])
    assert_type(client.book("BTC/USD", "ETH/USD", depth=100), rk.Stream[rk.Book])
    assert_type(client.book("BTC/USD", gaps=True), rk.Stream[rk.Book | rk.Gap])
    assert_type(client.ohlc("BTC/USD", interval=5), rk.Stream[rk.Candle])
    assert_type(client.trades("BTC/USD"), rk.Stream[rk.Trade])
    assert_type(client.status, rk.Stream[rk.Status])
    assert_type(client.errors, rk.Stream[rk.KrakenError])


def piped(client: rk.KrakenClient) -> None:
    """The type goes through RxPY's operators, and a stream is an observable wherever one is wanted."""
    middle: Observable[Decimal | None] = client.book("BTC/USD").pipe(ops.map(mid), ops.distinct_until_changed())
    middle.subscribe(print)


def mid(book: rk.Book) -> Decimal | None:
    """The middle of a book."""
    return assert_type(book.mid, Decimal | None)


def book_values(book: rk.Book) -> None:
    """Sides are tuples of levels, best first; a side may be empty."""
    assert_type(book.bids, tuple[rk.Level, ...])
    assert_type(book.best_ask, rk.Level | None)
    for level in book.asks:
        assert_type(level.price, Decimal)
        assert_type(level.qty, Decimal)


async def pulled(client: rk.KrakenClient) -> None:
    """The same stream pulled, and its first item awaited."""
    assert_type(await client.book("BTC/USD").first(), rk.Book)
    async for ticker in client.ticker("BTC/USD"):
        assert_type(ticker, rk.Ticker)
    async for book in rk.aiter(client.book("BTC/USD"), rk.latest()):
        assert_type(book, rk.Book)


async def requested(client: rk.KrakenClient) -> None:
    """A request is awaited for its answer."""
    assert_type(await client.ping(), float)


async def opened() -> None:
    """`async with` gives the client itself, made for any endpoints."""
    async with rk.KrakenClient(endpoints=rk.Endpoints.beta(), settings=rk.Settings(linger=1)) as client:
        assert_type(client, rk.KrakenClient)


# --- blocking code ----------------------------------------------------------------------------------------------------


def iterated(client: rk.sync.KrakenClient) -> None:
    """A `for` gives the stream's own values, and a first item is one of them; gaps come where they were asked for."""
    for book in client.book("BTC/USD"):
        assert_type(book, rk.Book)
    for item in client.trades("BTC/USD", gaps=True).pull(rk.buffer(100), timeout=5):
        assert_type(item, rk.Trade | rk.Gap)
    assert_type(client.ticker("BTC/USD", trigger="bbo"), rk.sync.Stream[rk.Ticker])
    assert_type(client.balances(gaps=False), rk.sync.Stream[rk.Balances])
    assert_type(client.executions(), rk.sync.Stream[rk.Execution | rk.Gap])
    assert_type(client.open_orders().first(timeout=5), rk.OpenOrders)
    assert_type(client.status, rk.sync.Stream[rk.Status])
    assert_type(client.errors.first(), rk.KrakenError)
    middles: Observable[Decimal | None] = client.book("BTC/USD").observable.pipe(ops.map(mid))
    assert_type(client.stream(middles, "latest"), rk.sync.Stream[Decimal | None])
    assert_type(client.ticker("BTC/USD").subscribe(print), rk.sync.Subscription[rk.Ticker])


def called(client: rk.sync.KrakenClient) -> None:
    """A request returns its result, a ticket's when it is asked for it, and REST its own."""
    assert_type(client.ping(), float)
    assert_type(client.add_order("BTC/USD", "buy", "limit", qty="0.01", price=25000), rk.AddOrderResult)
    assert_type(client.cancel_order("OAAAAA-AAAAA-AAAAAA"), rk.CancelOrderResult)
    assert_type(client.tickets.cancel_all(), rk.sync.Ticket[rk.CancelAllResult])
    ticket = assert_type(client.tickets.add_order("BTC/USD", "buy", "market", qty=1), rk.sync.OrderTicket)
    assert_type(ticket.send().result(timeout=5), rk.AddOrderResult)
    assert_type(ticket.lifecycle, rk.sync.Stream[rk.Order])
    assert_type(ticket.order, rk.Order | None)
    assert_type(client.rest.balance(), dict[str, Decimal])
    with client.dead_mans_switch(60) as switch:
        assert_type(switch.state, rk.Armed | rk.Tripped | None)


def iterated_v1(client: rk.sync.KrakenV1Client) -> None:
    """The same of v1, with the values that are its own."""
    for book in client.book("BTC/USD", depth=25):
        assert_type(book, rk.Book)
    for trade in client.trades("BTC/USD").pull("latest", timeout=5):
        assert_type(trade, rk.TradeV1)
    assert_type(client.spread("BTC/USD"), rk.sync.Stream[rk.Spread])
    assert_type(client.own_trades().first(), rk.Execution | rk.Gap)
    assert_type(client.own_trades(gaps=False), rk.sync.Stream[rk.Execution])
    assert_type(client.book("BTC/USD", gaps=True), rk.sync.Stream[rk.Book | rk.Gap])
    assert_type(client.executions(), rk.sync.Stream[rk.Execution | rk.Gap])
    assert_type(client.open_orders(), rk.sync.Stream[rk.OpenOrders])
    assert_type(client.messages, rk.sync.Stream[rk.Message])


def called_v1(client: rk.sync.KrakenV1Client) -> None:
    """Requests of v1, with the keyword arguments that v1 has."""
    assert_type(client.ping(), float)
    assert_type(client.add_order("BTC/USD", "buy", "limit", qty="0.01", price=25000, leverage=2), rk.AddOrderResult)
    assert_type(client.amend_order("OAAAAA-AAAAA-AAAAAA", qty=2), rk.AmendOrderResult)
    assert_type(client.edit_order("OAAAAA-AAAAA-AAAAAA", "BTC/USD", qty=2), rk.EditOrderResult)
    assert_type(client.tickets.add_order("BTC/USD", "buy", "market", qty=1), rk.sync.OrderTicket)
    assert_type(client.tickets.cancel_order(userrefs=7).result(), rk.CancelOrderResult)
    assert_type(client.rest.balance(), dict[str, Decimal])


def blocking_opened() -> None:
    """`with` gives the client itself, and the exchange to practise on."""
    with rk.sync.Simulator() as exchange, rk.sync.KrakenV1Client(exchange.v1_endpoints, name="hedge") as older:
        assert_type(older, rk.sync.KrakenV1Client)
        assert_type(older.name, str)
    with rk.sync.KrakenClient(rk.Endpoints.beta()) as newer:
        assert_type(newer, rk.sync.KrakenClient)
