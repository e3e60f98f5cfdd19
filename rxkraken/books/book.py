"""`Book`: one order book of price levels at one instant, as a value, and what it says of its market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rxkraken.books import measures
from rxkraken.books.faults import MalformedBook
from rxkraken.books.ladder import Ladder, Sides
from rxkraken.books.numbers import check_precision, wire_precision
from rxkraken.books.value import Value
from rxkraken.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from rxkraken.books.measures import BookSide, Level, Number, OrderSide


class Book(Value[Sides]):
    """The order book of one symbol after one message. It never changes; read it in any thread, keep it, compare it.

    Prices are in quote currency, quantities in base currency, all exact. Users get books from streams and from
    `reduce_book`, or make one by `Book.of`.
    """

    __slots__ = ()

    @classmethod
    def of(
        cls,
        symbol: str,
        bids: Iterable[tuple[Number, Number]] = (),
        asks: Iterable[tuple[Number, Number]] = (),
        *,
        depth: int = 10,
        price_precision: int | None = None,
        qty_precision: int | None = None,
        timestamp: str | None = None,
        received: float = 0.0,
        epoch: int = 0,
        sequence: int = 0,
    ) -> Book:
        """Return a book of (price, quantity) pairs, for tests, and for strategies fed by other means.

        Precisions default to the digits of the numbers. The levels may come in any order. The book is not verified; its
        `checksum` is the one Kraken would send for it.
        """
        try:
            entry = {"bids": measures.level_dicts(bids), "asks": measures.level_dicts(asks)}
            digits = wire_precision(entry)
            sides = Sides(
                symbol,
                depth,
                digits[0] if price_precision is None else check_precision("price_precision", price_precision),
                digits[1] if qty_precision is None else check_precision("qty_precision", qty_precision),
            )
            checksum = Ladder(sides, checked=True).change_exactly(entry)
        except MalformedBook as error:
            raise InvalidArgument(error.reason) from error
        return cls((sides, checksum, False, timestamp, received, epoch, sequence))

    # The levels

    @property
    def bids(self) -> tuple[Level, ...]:
        """All bids, highest price first."""
        return self._read(lambda sides: measures.levels(sides, "bids"))

    @property
    def asks(self) -> tuple[Level, ...]:
        """All asks, lowest price first."""
        return self._read(lambda sides: measures.levels(sides, "asks"))

    @property
    def best_bid(self) -> Level | None:
        """The highest bid; None if there is none."""
        return self._read(_best_bid)

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask; None if there is none."""
        return self._read(_best_ask)

    # What they say

    @property
    def microprice(self) -> Decimal | None:
        """The best prices, each weighted by the quantity on the other side, to 28 digits; None if a side is empty."""
        return self._read(measures.microprice)

    def imbalance(self, levels: int = 10) -> Decimal | None:
        """Return (bid volume - ask volume) / their sum over the best `levels`: 1 is all bids, -1 all asks.

        To 28 digits; None if the book is empty.
        """
        if levels < 1:
            raise InvalidArgument(f"levels {levels!r} must be at least 1")
        return self._read(lambda sides: measures.imbalance(sides, levels))

    def volume_at(self, price: Number, side: BookSide) -> Decimal:
        """Return the quantity resting at exactly this price on `side`; 0 if there is no such level."""
        exact = measures.exactly("price", price)
        return self._read(lambda sides: measures.volume_at(sides, side, exact))

    def volume_to(self, price: Number, side: BookSide) -> Decimal:
        """Return the quantity resting on `side` at this price or better: what an order limited to it could take."""
        exact = measures.exactly("price", price)
        return self._read(lambda sides: measures.volume_to(sides, side, exact))

    def cost_to_fill(self, side: OrderSide, qty: Number) -> Decimal | None:
        """Return what a market order would pay ("buy") or receive ("sell") in quote currency, before fees; exact.

        None if the visible book holds less than `qty`: the rest of the market is not known, so no number would be true.
        """
        exact = measures.exactly("qty", qty)
        if exact <= 0:
            raise InvalidArgument(f"qty {qty!r} must be positive")
        return self._read(lambda sides: measures.cost(sides, side, exact))

    # Being a value

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return a dict a level, for a data frame: symbol, side ("bid" or "ask"), level (1 is the best), price, qty."""
        bids, asks = self._read(lambda sides: (measures.levels(sides, "bids"), measures.levels(sides, "asks")))
        return [
            {"symbol": self.symbol, "side": side, "level": rank, "price": level.price, "qty": level.qty}
            for side, levels in (("bid", bids), ("ask", asks))
            for rank, level in enumerate(levels, start=1)
        ]

    def _rows(self) -> object:
        return self.bids, self.asks

    def __repr__(self) -> str:
        """Show the market, its best levels, and whether they are verified."""
        bid, ask = (f"{best.qty:f} @ {best.price:f}" if best else "none" for best in (self.best_bid, self.best_ask))
        state = "verified" if self.verified else "not verified"
        return f"<Book {self.symbol} bid {bid}, ask {ask}, depth {self.depth}, {state}>"


def _best_bid(sides: Sides) -> Level | None:
    return measures.best(sides, "bids")


def _best_ask(sides: Sides) -> Level | None:
    return measures.best(sides, "asks")
