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
