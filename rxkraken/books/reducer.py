"""One symbol's book out of its messages, and the short way that almost all updates take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rxkraken.books.book import Book
from rxkraken.books.engine import Engine
from rxkraken.books.faults import NeedExact
from rxkraken.books.keeping import ALONE, references
from rxkraken.books.ladder import Ladder, Sides
from rxkraken.books.numbers import wire_precision

if TYPE_CHECKING:
    from rxkraken.books.value import Facts

# What the hot path raises at a level that is no pair of plain floats.
_IRREGULAR: Final = (NeedExact, KeyError, TypeError, ArithmeticError, AttributeError)


class BookReducer(Engine[Sides, Ladder, Book]):
    """Applies the book messages of one symbol, and returns a `Book` for each that may be shown.

    `checksum` is "verify" (only books that match Kraken's CRC-32 are returned), "flag" (all are, `Book.verified` tells)
    or "off" (all are, none verified, no work spent). Precisions are the pair's `price_precision` and `qty_precision`
    from the `instrument` channel; where one is not known, the digits on the wire serve.

    After a mismatch ("verify") or a malformed message (always) `needs_resync` is true, `last_error` says why, and
    updates are ignored until a snapshot comes.
    """

    __slots__ = ("_hot",)

    channel = "book"

    def apply(self, entry: Any, kind: str, raw: str | bytes | None, received: float, epoch: int) -> Book | None:
        """Do what `Engine.apply` does, in one go for an update of plain floats that matches its checksum."""
        ladder = self._hot
        if ladder is None or kind != "update":
            return super().apply(entry, kind, raw, received, epoch)
        try:
            if entry["symbol"] != self.symbol:
                return super().apply(entry, kind, raw, received, epoch)
            book = self._light
            if book is None or references(book) != ALONE:
                book = self._fresh()
            crc = ladder.change(entry["bids"], entry["asks"])
            timestamp = entry["timestamp"]
            if crc != entry["checksum"] or crc is None:
                return self._conclude(ladder, entry, raw, received, epoch)
        except _IRREGULAR:
            return super().apply(entry, kind, raw, received, epoch)
        self.sequence = sequence = self.sequence + 1
        self._facts = book.facts = (ladder.sides, crc, True, timestamp, received, epoch, sequence)
        return book

    def _fresh(self) -> Book:
        """Leave the last book to whoever keeps it, with lists of its own, and return one that nobody else has."""
        self._detach()
        # Facts are set once the update is applied; if it cannot be, nobody gets this book.
        return self._give(self._facts or _NOTHING)

    def _change(self, ladder: Ladder, entry: Any, raw: str | bytes | None) -> Ladder:
        try:
            levels = ladder.plain(entry)
            if levels is not None:
                self._detach()
                ladder.change(*levels)
                return ladder
        except _IRREGULAR:
            pass  # half of it may be applied: all of it once more, with a look at everything, comes to the same
        return super()._change(ladder, entry, raw)

    def _take(self, ladder: Ladder | None) -> None:
        super()._take(ladder)
        # The ladder while updates can go to it without a look at their digits.
        self._hot = None if None in self._precision else ladder

    def _book_of(self, facts: Facts[Sides]) -> Book:
        return Book(facts)

    def _lists_of(self, price_precision: int, qty_precision: int) -> Sides:
        return Sides(self.symbol, self.depth, price_precision, qty_precision)

    def _ladder_on(self, sides: Sides) -> Ladder:
        return Ladder(sides, checked=self._checks)

    def _load(self, ladder: Ladder, entry: Any) -> None:
        ladder.load(entry)

    def _update(self, ladder: Ladder, entry: Any) -> None:
        self._detach()
        ladder.change_exactly(entry)

    def _digits(self, entry: Any) -> tuple[int, int]:
        return wire_precision(entry)


_NOTHING: Final[Facts[Sides]] = (Sides("", 0, 0, 0), None, False, None, 0.0, 0, 0)
