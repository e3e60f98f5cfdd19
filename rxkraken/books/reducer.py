"""One symbol's book out of its messages: snapshot, updates, checksum, and what to do when they don't fit.

`BookReducer` is what a session drives, one for each topic. It knows no clock and does no I/O: the time of receipt and
the connection epoch come in with each message.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast, get_args
from weakref import ref

from rxkraken.books.book import Book
from rxkraken.books.faults import ChecksumMismatch, MalformedBook, NeedExact
from rxkraken.books.keeping import ALONE, COUNTED, references
from rxkraken.books.ladder import Ladder, Sides
from rxkraken.books.numbers import check_precision, decode_exactly, wire_precision
from rxkraken.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.books.value import Facts

Checksum = Literal["verify", "flag", "off"]

# What the hot path raises at a level that is no pair of plain floats.
_IRREGULAR = (NeedExact, KeyError, TypeError, ArithmeticError, AttributeError)


@dataclass(frozen=True, slots=True)
class Counters:
    """What a reducer has seen so far.

    `snapshots` and `updates` were applied; of both, `verified` matched their checksum and `mismatched` did not.
    `malformed` could not be applied. `ignored` came while there was no book to apply them to, or for another symbol.
    """

    snapshots: int = 0
    updates: int = 0
    verified: int = 0
    mismatched: int = 0
    malformed: int = 0
    ignored: int = 0


class Memento(NamedTuple):
    """All a reducer knows apart from its ladder: with the book of that moment, enough to go on from there again."""

    precision: tuple[int | None, int | None]
    sequence: int
    hidden: int
    unverified: int
    rare: Counters
    needs_resync: bool
    last_error: MalformedBook | ChecksumMismatch | None

    @property
    def counters(self) -> Counters:
        """What had been seen."""
        applied = self.sequence + self.hidden
        return replace(self.rare, updates=applied - self.rare.snapshots, verified=self.sequence - self.unverified)


def _nobody() -> Book | None:
    """Stand for the weak reference to a book that is gone."""
    return None


_NO_BOOK = Book((Sides("", 0, 0, 0), None, False, None, 0.0, 0, 0))


class BookReducer:
    """Applies the book messages of one symbol, and returns a `Book` for each that may be shown.

    `checksum` is "verify" (only books that match Kraken's CRC-32 are returned), "flag" (all are, `Book.verified` tells)
    or "off" (all are, none verified, no work spent). Precisions are the pair's `price_precision` and `qty_precision`
    from the `instrument` channel; where one is not known, the digits on the wire serve.

    After a mismatch ("verify") or a malformed message (always) `needs_resync` is true, `last_error` says why, and
    updates are ignored until a snapshot comes.
    """

    __slots__ = (
        "_checks",
        "_decode",
        "_facts",
        "_hidden",
        "_hides",
        "_hot",
        "_ladder",
        "_light",
        "_precision",
        "_rare",
        "_unverified",
        "_watch",
        "depth",
        "last_error",
        "needs_resync",
        "sequence",
        "symbol",
    )  # fmt: skip

    def __init__(
        self,
        symbol: str,
        depth: int = 10,
        *,
        checksum: Checksum = "verify",
        price_precision: int | None = None,
        qty_precision: int | None = None,
        decode: Callable[[str | bytes, Any], Any] = decode_exactly,
    ) -> None:
        """Wait for a snapshot. `decode(text, entry)` decodes an entry once more from its frame's text, exactly."""
        check_options(depth, checksum)
        self.symbol: Final = symbol
        self.depth: Final = depth
        self.sequence = 0
        self.needs_resync = False
        self.last_error: MalformedBook | ChecksumMismatch | None = None
        self._checks: Final = checksum != "off"
        self._hides: Final = checksum == "verify"
        self._decode: Final = decode
        self._precision = _known("price_precision", price_precision), _known("qty_precision", qty_precision)
        self._rare = Counters()  # snapshots, mismatched, malformed, ignored
        self._hidden = 0  # applied, and not shown
        self._unverified = 0  # shown, and not verified
        self._facts: Facts[Sides] | None = None  # of the current book, shown or not
        self._ladder: Ladder | None = None
        self._hot: Ladder | None = None  # the ladder while updates can go to it without a look at their digits
        self._light = _NO_BOOK  # the last book given out, where references are counted
        self._watch: Callable[[], Book | None] = _nobody  # the same, where they are not

    def apply(self, entry: Any, kind: str, raw: str | bytes | None, received: float, epoch: int) -> Book | None:
        """Apply one element of a frame's `data`, and return the book after it, or None if there is none to show.

        `kind` is the frame's "snapshot" or "update"; `raw` its text, decoded again when a number is too large for a
        float (without it such a number makes the book invalid); `received` local seconds since the Unix epoch; `epoch`
        the connection's number. Never raises, whatever `entry` is.
        """
        ladder = self._hot
        if ladder is None or kind != "update":
            return self._apply_cold(entry, kind, raw, received, epoch)
        try:
            if entry["symbol"] != self.symbol:
                return self._apply_cold(entry, kind, raw, received, epoch)
            book = self._light
            if references(book) != ALONE:
                book = self._fresh()
            crc = ladder.change(entry["bids"], entry["asks"])
            timestamp = entry["timestamp"]
            if crc != entry["checksum"] or crc is None:
                return self._conclude(ladder, entry, raw, received, epoch)
        except _IRREGULAR:
            return self._apply_cold(entry, kind, raw, received, epoch)
        self.sequence = sequence = self.sequence + 1
        self._facts = book.facts = (ladder.sides, crc, True, timestamp, received, epoch, sequence)
        return book

    def view(self) -> Book | None:
        """Return the current book, for somebody who comes late; None if there is none that may be shown."""
        facts = self._facts
        return None if facts is None or (self._hides and not facts[2]) else self.tip()

    def tip(self) -> Book | None:
        """Return the book that the next update will change, shown or not; None before a snapshot."""
        if self._facts is None:
            return None
        return self._kept() or self._give(self._facts)

    def reset(self) -> None:
        """Forget the book, as for a new connection or subscription: updates are ignored until a snapshot."""
        self._forget()
        self.needs_resync = False

    def set_precision(self, price_precision: int, qty_precision: int) -> None:
        """Take the pair's precisions from an `instrument` message; books emitted from now on and checksums use them.

        A book with more digits than that cannot be right: then `needs_resync` is set.
        """
        new = check_precision("price_precision", price_precision), check_precision("qty_precision", qty_precision)
        self._precision = new
        if self._ladder is None:
            return
        try:
            self._rescale(self._ladder, *new)
        except MalformedBook as error:
            self._invalidate(error)

    @property
    def counters(self) -> Counters:
        """What has been seen so far."""
        return self.remember().counters

    def remember(self) -> Memento:
        """Return what a twin needs, besides the book, to go on from here."""
        return Memento(
            self._precision, self.sequence, self._hidden, self._unverified, self._rare,
            self.needs_resync, self.last_error,
        )  # fmt: skip

    def recall(self, memento: Memento, tip: Book | None) -> None:
        """Go on from a remembered moment; `tip` is what `tip()` was then."""
        (
            self._precision, self.sequence, self._hidden, self._unverified, self._rare,
            self.needs_resync, self.last_error,
        ) = memento  # fmt: skip
        if tip is not None:
            self._facts = tip.facts_of_its_own()
            self._take(Ladder(self._facts[0], checked=self._checks))

    # Off the hot path

    def _apply_cold(self, entry: Any, kind: str, raw: str | bytes | None, received: float, epoch: int) -> Book | None:
        """Apply any message, looking at all of it."""
        try:
            symbol = _symbol_of(entry)
            if symbol != self.symbol or kind not in {"snapshot", "update"}:
                return self._ignore(f"a {kind} for {symbol} reached the book of {self.symbol}")
            if kind == "snapshot":
                ladder = self._load(entry, raw)
            elif self._ladder is None:
                return self._ignore(None)
            else:
                ladder = self._change(self._ladder, entry, raw)
        except MalformedBook as error:
            return self._invalidate(error)
        return self._conclude(ladder, entry, raw, received, epoch)

    def _load(self, entry: Any, raw: str | bytes | None) -> Ladder:
        """Start a new ladder from a snapshot; the books of the old one keep its lists."""
        self._forget()
        price, qty = self._precision
        if price is None or qty is None:
            shown = wire_precision(self._decode(raw, entry) if raw else entry)
            price, qty = shown[0] if price is None else price, shown[1] if qty is None else qty
        ladder = Ladder(Sides(self.symbol, self.depth, price, qty), checked=self._checks)
        try:
            ladder.load(entry)
        except NeedExact:
            if not raw:
                raise
            ladder.load(self._decode(raw, entry))
        self._take(ladder)
        self._rare = replace(self._rare, snapshots=self._rare.snapshots + 1)
        self.needs_resync = False
        self.last_error = None
        return ladder

    def _change(self, ladder: Ladder, entry: Any, raw: str | bytes | None) -> Ladder:
        """Apply an update that is unusual, or whose digits may exceed those seen on the wire so far."""
        self._detach()
        if None in self._precision:
            ladder = self._widened(ladder, entry, raw)
        try:
            ladder.change_exactly(entry)
        except NeedExact:
            if not raw:
                raise
            ladder.change_exactly(self._decode(raw, entry))
        return ladder

    def _widened(self, ladder: Ladder, entry: Any, raw: str | bytes | None) -> Ladder:
        """Return the ladder with room for the digits of an update, where a precision is not given."""
        sides = ladder.sides
        seen = wire_precision(entry)
        if seen[0] <= sides.price_precision and seen[1] <= sides.qty_precision:
            return ladder
        shown = wire_precision(self._decode(raw, entry)) if raw else seen
        price, qty = self._precision
        return self._rescale(
            ladder,
            max(sides.price_precision, shown[0]) if price is None else price,
            max(sides.qty_precision, shown[1]) if qty is None else qty,
        )

    def _rescale(self, ladder: Ladder, price_precision: int, qty_precision: int) -> Ladder:
        """Go on with the same levels at other precisions; books of the old ladder keep its lists."""
        if (ladder.sides.price_precision, ladder.sides.qty_precision) != (price_precision, qty_precision):
            self._release()
            ladder = ladder.rescaled(price_precision, qty_precision)
            if self._facts is not None:
                _, checksum, verified, timestamp, received, epoch, sequence = self._facts
                self._facts = (ladder.sides, checksum, verified, timestamp, received, epoch, sequence)
        self._take(ladder)
        return ladder

    def _take(self, ladder: Ladder) -> None:
        self._ladder = ladder
        self._hot = None if None in self._precision else ladder

    def _conclude(
        self, ladder: Ladder, entry: Any, raw: str | bytes | None, received: float, epoch: int
    ) -> Book | None:
        """Judge the book that an applied message left, and return it if it may be shown."""
        crc = ladder.crc
        expected = _integer(entry, "checksum")
        verified = crc is not None and crc == expected
        if crc is not None and not verified:
            self._doubt(ladder, entry, expected, raw)
        if self._hides and not verified:
            self._hidden += 1
            if expected is not None:
                self._forget()
                self.needs_resync = True
                return None
        else:
            self.sequence += 1
            self._unverified += not verified
        self._facts = facts = (
            ladder.sides, expected, verified, _text(entry, "timestamp"), received, epoch, self.sequence,
        )  # fmt: skip
        # A book that is still ours was left to nobody before the ladder changed: it may tell of this message.
        book = self._kept() or self._give(facts)
        book.facts = facts
        return None if self._hides and not verified else book

    def _doubt(self, ladder: Ladder, entry: Any, expected: int | None, raw: str | bytes | None) -> None:
        """Say why a book is not verified; if a checksum came, also whether stale precisions explain it."""
        if expected is None:
            self.last_error = MalformedBook(f"a message for {self.symbol} came without a checksum")
            return
        self._rare = replace(self._rare, mismatched=self._rare.mismatched + 1)
        try:
            prices, qtys = wire_precision(self._decode(raw, entry) if raw else entry)
        except MalformedBook:
            prices = qtys = 0
        stale = prices > ladder.sides.price_precision or qtys > ladder.sides.qty_precision
        self.last_error = ChecksumMismatch(self.symbol, expected, ladder.crc, stale_precision=stale)

    def _ignore(self, reason: str | None) -> None:
        self._rare = replace(self._rare, ignored=self._rare.ignored + 1)
        if reason:
            self.last_error = MalformedBook(reason)

    def _invalidate(self, error: MalformedBook) -> None:
        self._rare = replace(self._rare, malformed=self._rare.malformed + 1)
        self.last_error = error
        self._forget()
        self.needs_resync = True

    def _forget(self) -> None:
        """Drop the ladder. A book that somebody keeps needs no copy: nothing will change those lists any more."""
        self._ladder = self._hot = self._facts = None
        self._release()

    # Who keeps the last book

    def _fresh(self) -> Book:
        """Leave the last book to whoever keeps it, with lists of its own, and return one that nobody else has."""
        self._detach()
        return self._give(self._facts or _NO_BOOK.facts_of_its_own())

    def _give(self, facts: Facts[Sides]) -> Book:
        """Return a new book of the ladder, and remember it as the last."""
        if COUNTED:
            self._light = book = Book(facts)
        else:
            book = Book(facts)
            self._watch = ref(book)
        return book

    def _kept(self) -> Book | None:
        """Return the last book, if it still looks at the ladder and somebody may have it."""
        return self._watch() if self._light is _NO_BOOK else self._light

    def _detach(self) -> None:
        kept = self._kept()
        if kept is not None:
            kept.detach()
        self._release()

    def _release(self) -> None:
        """Think no more of the last book: it has lists of its own, or those of a ladder that will not change."""
        self._light = _NO_BOOK
        self._watch = _nobody


def check_options(depth: object, checksum: object) -> None:
    """Raise `InvalidArgument` unless these are a number of levels and a way to treat checksums."""
    if checksum not in get_args(Checksum):
        raise InvalidArgument(f'checksum {checksum!r} must be "verify", "flag" or "off"')
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise InvalidArgument(
            f"depth {depth!r} must be a positive number of levels; Kraken offers 10, 25, 100, 500 and 1000"
        )


def _known(name: str, precision: int | None) -> int | None:
    return None if precision is None else check_precision(name, precision)


def _symbol_of(entry: Any) -> str:
    """Return the symbol of an entry, or raise `MalformedBook`."""
    symbol = cast("dict[str, Any]", entry).get("symbol") if isinstance(entry, dict) else None
    if not isinstance(symbol, str):
        raise MalformedBook("a book entry without a symbol")
    return symbol


def _integer(entry: dict[str, Any], name: str) -> int | None:
    value = entry.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _text(entry: dict[str, Any], name: str) -> str | None:
    value = entry.get(name)
    return value if isinstance(value, str) else None
