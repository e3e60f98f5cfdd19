"""`Book`: one order book at one instant, as a value.

A book is emitted for every message, and most are looked at once and dropped. So it holds no copy: it looks at the live
lists of its ladder until just before these change, and if somebody still keeps it then, the reducer gives it a copy of
its own (`detach`). Prices and quantities become `Decimal`s when they are read.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from rxkraken.books import measures
from rxkraken.books.faults import MalformedBook
from rxkraken.books.ladder import Ladder, Sides
from rxkraken.books.numbers import check_precision, wire_precision
from rxkraken.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from decimal import Decimal

    from rxkraken.books.measures import BookSide, Level, Number, OrderSide

T = TypeVar("T")

# What a book is made of, as a plain tuple because one is made for every message: sides, checksum, verified,
# timestamp_text, received, epoch, sequence.
Facts = tuple[Sides, int | None, bool, str | None, float, int, int]


class Book:
    """The order book of one symbol after one message. It never changes; read it in any thread, keep it, compare it.

    Prices are in quote currency, quantities in base currency, all exact. `Book.of` makes one by hand.
    """

    __slots__ = ("facts",)

    def __init__(self, facts: Facts) -> None:
        """Tell of `facts`. Users get books from streams and from `reduce_book`, or make one by `Book.of`."""
        self.facts = facts

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

    # What it is

    @property
    def symbol(self) -> str:
        """The market, in Kraken's v2 spelling."""
        return self.facts[0].symbol

    @property
    def depth(self) -> int:
        """How many levels a side were subscribed; a thin market has fewer."""
        return self.facts[0].depth

    @property
    def price_precision(self) -> int:
        """Fraction digits of prices."""
        return self.facts[0].price_precision

    @property
    def qty_precision(self) -> int:
        """Fraction digits of quantities."""
        return self.facts[0].qty_precision

    @property
    def checksum(self) -> int | None:
        """The CRC-32 that came with the message (ws-v2 reference, section 4); None if none came."""
        return self.facts[1]

    @property
    def verified(self) -> bool:
        """Whether that checksum is the one of these levels. It covers the best ten of each side."""
        return self.facts[2]

    @property
    def timestamp_text(self) -> str | None:
        """The engine's time of the message, as it was sent; None if none was."""
        return self.facts[3]

    @property
    def timestamp(self) -> datetime | None:
        """The engine's time of the message, to the microsecond; None if none was sent, or none that can be read."""
        text = self.facts[3]
        try:
            return None if text is None else datetime.fromisoformat(text)
        except ValueError:
            return None

    @property
    def received(self) -> float:
        """The local time of receipt, in seconds since the Unix epoch; 0.0 if not known."""
        return self.facts[4]

    @property
    def epoch(self) -> int:
        """The connection it came over."""
        return self.facts[5]

    @property
    def sequence(self) -> int:
        """Counts the books of this subscription, from 1."""
        return self.facts[6]

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
    def mid(self) -> Decimal | None:
        """Half-way between the best bid and the best ask, exact; None if a side is empty."""
        return self._read(measures.mid)

    @property
    def spread(self) -> Decimal | None:
        """Best ask less best bid, exact; None if a side is empty. Negative if the book is crossed."""
        return self._read(measures.spread)

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

    def detach(self) -> None:
        """Give the book lists of its own. Its reducer calls this before it changes the ladder."""
        sides, checksum, verified, timestamp, received, epoch, sequence = self.facts
        self.facts = (sides.copy(), checksum, verified, timestamp, received, epoch, sequence)

    def facts_of_its_own(self) -> Facts:
        """Return all it knows, with a copy of the sides: for pickling, and for a ladder to start from."""
        copy = self._read(lambda sides: sides.copy())
        _, checksum, verified, timestamp, received, epoch, sequence = self.facts
        return copy, checksum, verified, timestamp, received, epoch, sequence

    def __eq__(self, other: object) -> bool:
        """Whether all levels, and all that is told about them, are equal."""
        if not isinstance(other, Book):
            return NotImplemented
        return self is other or (self._told() == other._told() and self.bids == other.bids and self.asks == other.asks)

    def __hash__(self) -> int:
        """Agree with `__eq__`."""
        return hash(self._told())

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy by value."""
        return Book, (self.facts_of_its_own(),)

    def __repr__(self) -> str:
        """Show the market, its best levels, and whether they are verified."""
        bid, ask = (f"{best.qty:f} @ {best.price:f}" if best else "none" for best in (self.best_bid, self.best_ask))
        state = "verified" if self.verified else "not verified"
        return f"<Book {self.symbol} bid {bid}, ask {ask}, depth {self.depth}, {state}>"

    def _told(self) -> tuple[object, ...]:
        return (self.symbol, self.depth, self.price_precision, self.qty_precision, *self.facts[1:])

    def _read(self, look: Callable[[Sides], T]) -> T:
        """Return what `look` makes of the sides, in whatever thread, while the ladder may be changing.

        The reducer detaches a kept book before it changes anything. So if the facts are the same afterwards, nothing
        changed while we looked; if not, what we saw (an error included) is void, and we now have sides of our own.
        """
        while True:
            facts = self.facts
            try:
                result = look(facts[0])
            except Exception:
                if facts is self.facts:
                    raise
            else:
                if facts is self.facts:
                    return result


def _best_bid(sides: Sides) -> Level | None:
    return measures.best(sides, "bids")


def _best_ask(sides: Sides) -> Level | None:
    return measures.best(sides, "asks")
