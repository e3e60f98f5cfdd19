"""`Value`: what a book of levels and a book of single orders are alike in: a look at live lists that never changes.

A book is emitted for every message, and most are looked at once and dropped. So it holds no copy: it looks at the live
lists of its ladder until just before these change, and if somebody still keeps it then, the reducer gives it lists of
its own (`detach`). Numbers become `Decimal`s when they are read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, Protocol, Self, TypeVar

from rxkraken.books.measures import decimal

if TYPE_CHECKING:
    from collections.abc import Callable
    from decimal import Decimal


class Lists(Protocol):
    """Both sides of a book, and what gives their numbers meaning."""

    @property
    def symbol(self) -> str:
        """The market."""
        ...

    @property
    def depth(self) -> int:
        """Levels a side."""
        ...

    @property
    def price_precision(self) -> int:
        """Fraction digits of prices."""
        ...

    @property
    def qty_precision(self) -> int:
        """Fraction digits of quantities."""
        ...

    def copy(self) -> Self:
        """Return the same sides in lists of their own."""
        ...

    def top(self) -> tuple[int, int] | None:
        """Return the best bid price and the best ask price in units of 10^-price_precision; None if a side is empty."""
        ...


S_co = TypeVar("S_co", bound=Lists, covariant=True)


class Changing(Protocol[S_co]):
    """A ladder: the live lists of a book, and the CRC-32 of them."""

    @property
    def sides(self) -> S_co:
        """The lists that its books look at."""
        ...

    @property
    def crc(self) -> int | None:
        """The CRC-32 of the best ten levels of each side; None if none is kept."""
        ...

    def fits(self, expected: int | None) -> bool:
        """Whether this is the book that Kraken's checksum tells of."""
        ...

    def rescaled(self, price_precision: int, qty_precision: int) -> Self:
        """Return a new ladder of the same levels at other precisions."""
        ...


S = TypeVar("S", bound=Lists)
T = TypeVar("T")

# What a book is made of, as a plain tuple because one is made for every message: sides, checksum, verified,
# timestamp_text, received, epoch, sequence.
Facts = tuple[S, int | None, bool, str | None, float, int, int]


class Value(ABC, Generic[S]):
    """A book after one message. It never changes; read it in any thread, keep it, compare it."""

    __slots__ = ("__weakref__", "facts")

    def __init__(self, facts: Facts[S]) -> None:
        """Tell of `facts`."""
        self.facts = facts

    # What it is

    @property
    def symbol(self) -> str:
        """The market, in Kraken's v2 spelling."""
        return self.facts[0].symbol

    @property
    def depth(self) -> int:
        """How many price levels a side were subscribed; a thin market has fewer."""
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
        """Whether that checksum is the one of this book. It covers the best ten levels of each side."""
        return self.facts[2]

    @property
    def timestamp_text(self) -> str | None:
        """The engine's time of the message, as it was sent; None if none was."""
        return self.facts[3]

    @property
    def timestamp(self) -> datetime | None:
        """The engine's time of the message, to the microsecond; None if none was sent, or none that can be read."""
        return instant(self.facts[3])

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

    # What the best prices say

    @property
    def mid(self) -> Decimal | None:
        """Half-way between the best bid and the best ask, exact; None if a side is empty."""
        return self._read(_mid)

    @property
    def spread(self) -> Decimal | None:
        """Best ask less best bid, exact; None if a side is empty. Negative if the book is crossed."""
        return self._read(_spread)

    # Being a value

    def detach(self) -> None:
        """Give the book lists of its own. Its reducer calls this before it changes the ladder."""
        sides, checksum, verified, timestamp, received, epoch, sequence = self.facts
        self.facts = (sides.copy(), checksum, verified, timestamp, received, epoch, sequence)

    def facts_of_its_own(self) -> Facts[S]:
        """Return all it knows, with a copy of the sides: for pickling, and for a ladder to start from."""
        copy = self._read(lambda sides: sides.copy())
        _, checksum, verified, timestamp, received, epoch, sequence = self.facts
        return copy, checksum, verified, timestamp, received, epoch, sequence

    def __eq__(self, other: object) -> bool:
        """Whether all levels or orders, their places, and all that is told about them, are equal."""
        if not isinstance(other, type(self)):
            return NotImplemented
        return self is other or (self._told() == other._told() and self._rows() == other._rows())

    def __hash__(self) -> int:
        """Agree with `__eq__`."""
        return hash(self._told())

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy by value."""
        return type(self), (self.facts_of_its_own(),)

    def _told(self) -> tuple[object, ...]:
        return (self.symbol, self.depth, self.price_precision, self.qty_precision, *self.facts[1:])

    @abstractmethod
    def _rows(self) -> object:
        """All levels or orders, to compare."""

    def _read(self, look: Callable[[S], T]) -> T:
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


def instant(text: str | None) -> datetime | None:
    """Return the time that a message tells, to the microsecond; None if it tells none that can be read."""
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None


def _mid(sides: Lists) -> Decimal | None:
    top = sides.top()
    return None if top is None else decimal(5 * (top[0] + top[1]), sides.price_precision + 1)


def _spread(sides: Lists) -> Decimal | None:
    top = sides.top()
    return None if top is None else decimal(top[1] - top[0], sides.price_precision)
