"""`Engine`: the life of one topic's book, whether of levels or of single orders.

Snapshot, updates, checksum, what to do when they don't fit, and who keeps the last book. A session drives one for each
topic. It knows no clock and does no I/O: the time of receipt and the connection epoch come in with each message.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, TypeVar
from weakref import ref

from rxkraken.books.faults import ChecksumMismatch, MalformedBook, NeedExact
from rxkraken.books.keeping import ALONE, COUNTED, references
from rxkraken.books.numbers import check_precision, decode_exactly
from rxkraken.books.records import OBJECT, Checksum, Counters, Memento, check_options
from rxkraken.books.value import Changing, Lists, Value

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.books.value import Facts

S = TypeVar("S", bound=Lists)
L = TypeVar("L", bound=Changing[Any])
B = TypeVar("B", bound=Value[Any])


class Engine(ABC, Generic[S, L, B]):
    """Applies the messages of one symbol, and returns a book for each that may be shown.

    Subclasses say what a book consists of, and how a message changes it.
    """

    __slots__ = (
        "_checks", "_decode", "_facts", "_hidden", "_hides", "_ladder", "_light", "_precision", "_rare", "_unverified",
        "_watch", "depth", "last_error", "needs_resync", "sequence", "symbol",
    )  # fmt: skip

    channel: ClassVar[str]

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
        self._facts: Facts[S] | None = None  # of the current book, shown or not
        self._take(None)
        self._light: B | None = None  # the last book given out, where references are counted
        self._watch: Callable[[], B | None] = _nobody  # the same, where they are not

    def apply(self, entry: Any, kind: str, raw: str | bytes | None, received: float, epoch: int) -> B | None:
        """Apply one element of a frame's `data`, and return the book after it, or None if there is none to show.

        `kind` is the frame's "snapshot" or "update"; `raw` its text, decoded again when a number is too large for a
        float (without it such a number makes the book invalid); `received` local seconds since the Unix epoch; `epoch`
        the connection's number. Never raises, whatever `entry` is.
        """
        try:
            if (
                not isinstance(entry, OBJECT)
                or entry.get("symbol") != self.symbol
                or kind not in ("update", "snapshot")
            ):
                return self._ignore(
                    f"a {kind} for {self._symbol_of(entry)} reached the {self.channel} of {self.symbol}"
                )
            if kind == "snapshot":
                ladder = self._start(entry, raw)
            elif self._ladder is None:
                return self._ignore(None)
            else:
                ladder = self._change(self._ladder, entry, raw)
        except MalformedBook as error:
            return self._invalidate(error)
        return self._conclude(ladder, entry, raw, received, epoch)

    def refuse(self, kind: str, reason: str) -> None:
        """Give the book up for a message that could not even be read as an entry: what it would change is lost."""
        if kind == "snapshot" or self._ladder is not None:
            self._invalidate(MalformedBook(reason))

    def view(self) -> B | None:
        """Return the current book, for somebody who comes late; None if there is none that may be shown."""
        facts = self._facts
        return None if facts is None or (self._hides and not facts[2]) else self.tip()

    def tip(self) -> B | None:
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

    def recall(self, memento: Memento, tip: B | None) -> None:
        """Go on from a remembered moment; `tip` is what `tip()` was then."""
        (
            self._precision, self.sequence, self._hidden, self._unverified, self._rare,
            self.needs_resync, self.last_error,
        ) = memento  # fmt: skip
        if tip is not None:
            facts: Facts[S] = tip.facts_of_its_own()
            self._facts = facts
            self._take(self._ladder_on(facts[0]))

    # What kinds of books differ in

    @abstractmethod
    def _book_of(self, facts: Facts[S]) -> B:
        """Return a new book."""

    @abstractmethod
    def _lists_of(self, price_precision: int, qty_precision: int) -> S:
        """Return empty sides."""

    @abstractmethod
    def _ladder_on(self, sides: S) -> L:
        """Return a ladder that works on these sides."""

    @abstractmethod
    def _load(self, ladder: L, entry: Any) -> None:
        """Fill an empty ladder from a snapshot. Raises `NeedExact` and `MalformedBook`; it may be half filled then."""

    @abstractmethod
    def _update(self, ladder: L, entry: Any) -> None:
        """Leave the last book to whoever keeps it, then apply an update; errors are those of `_load`."""

    @abstractmethod
    def _digits(self, entry: Any) -> tuple[int, int]:
        """Return how many fraction digits the prices and the quantities of an entry show, at most."""

    # Applying

    def _start(self, entry: Any, raw: str | bytes | None) -> L:
        """Start a new ladder from a snapshot; the books of the old one keep its lists."""
        self._forget()
        price, qty = self._precision
        if price is None or qty is None:
            shown = self._digits(self._decode(raw, entry) if raw else entry)
            price, qty = shown[0] if price is None else price, shown[1] if qty is None else qty
        ladder = self._ladder_on(self._lists_of(price, qty))
        try:
            self._load(ladder, entry)
        except NeedExact:
            if not raw:
                raise
            self._load(ladder, self._decode(raw, entry))
        self._take(ladder)
        self._rare = replace(self._rare, snapshots=self._rare.snapshots + 1)
        self.needs_resync = False
        self.last_error = None
        return ladder

    def _change(self, ladder: L, entry: Any, raw: str | bytes | None) -> L:
        """Apply an update, giving the ladder room for its digits where a precision is not given."""
        if None in self._precision:
            ladder = self._widened(ladder, entry, raw)
        try:
            self._update(ladder, entry)
        except NeedExact:
            if not raw:
                raise
            self._update(ladder, self._decode(raw, entry))
        return ladder

    def _widened(self, ladder: L, entry: Any, raw: str | bytes | None) -> L:
        sides: Lists = ladder.sides
        seen = self._digits(entry)
        if seen[0] <= sides.price_precision and seen[1] <= sides.qty_precision:
            return ladder
        shown = self._digits(self._decode(raw, entry)) if raw else seen
        price, qty = self._precision
        return self._rescale(
            ladder,
            max(sides.price_precision, shown[0]) if price is None else price,
            max(sides.qty_precision, shown[1]) if qty is None else qty,
        )

    def _rescale(self, ladder: L, price_precision: int, qty_precision: int) -> L:
        """Go on with the same levels at other precisions; books of the old ladder keep its lists."""
        sides: Lists = ladder.sides
        if (sides.price_precision, sides.qty_precision) != (price_precision, qty_precision):
            self._release()
            ladder = ladder.rescaled(price_precision, qty_precision)
            if self._facts is not None:
                _, checksum, verified, timestamp, received, epoch, sequence = self._facts
                self._facts = (ladder.sides, checksum, verified, timestamp, received, epoch, sequence)
        self._take(ladder)
        return ladder

    def _take(self, ladder: L | None) -> None:
        """Go on with a ladder, or without one."""
        self._ladder: L | None = ladder

    def _conclude(
        self, ladder: L, entry: dict[str, Any], raw: str | bytes | None, received: float, epoch: int
    ) -> B | None:
        """Judge the book that an applied message left, and return it if it may be shown."""
        expected, timestamp = entry.get("checksum"), entry.get("timestamp")
        if type(expected) is not int:
            expected = None
        verified = ladder.fits(expected)
        hidden = self._hides and not verified
        if self._checks and not verified:
            self._doubt(ladder, entry, expected, raw)
        if hidden:
            self._hidden += 1
            if expected is not None:
                self._forget()
                self.needs_resync = True
                return None
        else:
            self.sequence += 1
            self._unverified += not verified
        text = timestamp if isinstance(timestamp, str) else None
        self._facts = facts = (ladder.sides, expected, verified, text, received, epoch, self.sequence)
        # A book that is still ours was left to nobody before the ladder changed: it may tell of this message.
        book = self._kept() or self._give(facts)
        book.facts = facts
        return None if hidden else book

    def _doubt(self, ladder: L, entry: Any, expected: int | None, raw: str | bytes | None) -> None:
        """Say why a book is not verified; if a checksum came, also whether stale precisions explain it."""
        if expected is None:
            self.last_error = MalformedBook(f"a {self.channel} message for {self.symbol} came without a checksum")
            return
        self._rare = replace(self._rare, mismatched=self._rare.mismatched + 1)
        try:
            prices, qtys = self._digits(self._decode(raw, entry) if raw else entry)
        except MalformedBook:
            prices = qtys = 0
        stale = prices > ladder.sides.price_precision or qtys > ladder.sides.qty_precision
        self.last_error = ChecksumMismatch(self.symbol, expected, ladder.crc, stale_precision=stale)

    def _symbol_of(self, entry: Any) -> str:
        """Return the symbol of an entry, or raise `MalformedBook`."""
        symbol = entry.get("symbol") if isinstance(entry, OBJECT) else None
        if not isinstance(symbol, str):
            raise MalformedBook(f"a {self.channel} entry without a symbol")
        return symbol

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
        self._facts = None
        self._take(None)
        self._release()

    # Who keeps the last book

    def _give(self, facts: Facts[S]) -> B:
        """Return a new book of the ladder, and remember it as the last."""
        book = self._book_of(facts)
        if COUNTED:
            self._light = book
        else:
            self._watch = ref(book)
        return book

    def _kept(self) -> B | None:
        """Return the last book, if it still looks at the ladder and somebody may have it."""
        return self._watch() if self._light is None else self._light

    def _detach(self) -> None:
        """Leave the last book to whoever keeps it, if anybody does, with lists of its own."""
        book = self._light
        if references(book) == ALONE:
            return
        kept = self._kept()
        if kept is not None:
            kept.detach()
        self._release()

    def _release(self) -> None:
        """Think no more of the last book: it has lists of its own, or those of a ladder that will not change."""
        self._light = None
        self._watch = _nobody


def _known(name: str, precision: int | None) -> int | None:
    return None if precision is None else check_precision(name, precision)


def _nobody() -> None:
    """Stand for the weak reference to a book that is gone."""
