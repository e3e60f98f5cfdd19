"""One symbol's orders out of its level 3 messages: snapshot, updates, checksum, and what to do when they don't fit.

`Book3Reducer` is to `level3` what `BookReducer` is to `book`, with the same interface: a session drives one for each
topic, and it knows no clock and does no I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast
from weakref import ref

from rxkraken.books.faults import ChecksumMismatch, MalformedBook, NeedExact
from rxkraken.books.keeping import ALONE, COUNTED, references
from rxkraken.books.level3 import OrderBook3
from rxkraken.books.level3_ladder import OrderLadder, Queues
from rxkraken.books.level3_records import OBJECT, Scale, changes_of, wire_digits
from rxkraken.books.numbers import check_precision, decode_exactly
from rxkraken.books.reducer import Checksum, Counters, check_options

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.books.level3_records import Change
    from rxkraken.books.value import Facts


def _nobody() -> OrderBook3 | None:
    """Stand for the weak reference to a book that is gone."""
    return None


_NO_BOOK = OrderBook3((Queues("", 0, 0, 0), None, False, None, 0.0, 0, 0))


class Book3Reducer:
    """Applies the level 3 messages of one symbol, and returns an `OrderBook3` for each that may be shown.

    `depth` counts price levels. `checksum` is "verify" (only books that match Kraken's CRC-32 are returned), "flag"
    (all are, `OrderBook3.verified` tells) or "off" (all are, none verified, no work spent). Precisions are the pair's
    from the `instrument` channel; where one is not known, the digits on the wire serve.

    A queue is in the order of arrival, a "modify" to a smaller quantity keeping its place. If a checksum fails after a
    "modify", levels ordered by the `timestamp` of their orders are tried; if they fit, this book goes on that way until
    its next snapshot (ws-v2 reference, section 3.3: which of the two holds is not confirmed). A checksum covers the
    best ten levels and no ids: deeper queues, and orders of equal quantity in one queue, are as the rules put them.

    After a mismatch ("verify") or a malformed message (always) `needs_resync` is true, `last_error` says why, and
    updates are ignored until a snapshot comes.
    """

    __slots__ = (
        "_checks", "_counts", "_decode", "_facts", "_hides", "_ladder", "_light", "_precision", "_scale", "_watch",
        "depth", "last_error", "needs_resync", "sequence", "symbol",
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
        self._scale = Scale.of(0, 0)  # that of the ladder
        self._counts = dict.fromkeys(("snapshots", "updates", "verified", "mismatched", "malformed", "ignored"), 0)
        self._facts: Facts[Queues] | None = None  # of the current book, shown or not
        self._ladder: OrderLadder | None = None
        self._light = _NO_BOOK  # the last book given out, where references are counted
        self._watch: Callable[[], OrderBook3 | None] = _nobody  # the same, where they are not

    def apply(self, entry: Any, kind: str, raw: str | bytes | None, received: float, epoch: int) -> OrderBook3 | None:
        """Apply one element of a frame's `data`, and return the book after it, or None if there is none to show.

        `kind` is the frame's "snapshot" or "update"; `raw` its text, decoded again when a number is too large for a
        float (without it such a number makes the book invalid); `received` local seconds since the Unix epoch; `epoch`
        the connection's number. Never raises, whatever `entry` is.
        """
        try:
            if type(entry) is not OBJECT or entry.get("symbol") != self.symbol or kind not in {"snapshot", "update"}:
                return self._ignore(f"a {kind} for {_symbol_of(entry)} reached the level3 book of {self.symbol}")
            if kind == "snapshot":
                ladder = self._load(entry, raw)
            elif self._ladder is None:
                return self._ignore(None)
            else:
                ladder = self._change(self._ladder, entry, raw)
        except MalformedBook as error:
            return self._invalidate(error)
        return self._conclude(ladder, entry, raw, received, epoch)

    def view(self) -> OrderBook3 | None:
        """Return the current book, for somebody who comes late; None if there is none that may be shown."""
        facts = self._facts
        return None if facts is None or (self._hides and not facts[2]) else self._kept() or self._give(facts)

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
        return Counters(**self._counts)

    # Applying

    def _load(self, entry: Any, raw: str | bytes | None) -> OrderLadder:
        """Start a new ladder from a snapshot; the books of the old one keep its lists."""
        self._forget()
        price, qty = self._precision
        if price is None or qty is None:
            digits = wire_digits(self._decode(raw, entry) if raw else entry)
            price, qty = digits[0] if price is None else price, digits[1] if qty is None else qty
        self._scale = Scale.of(price, qty)
        ladder = OrderLadder(Queues(self.symbol, self.depth, price, qty), checked=self._checks)
        ladder.load(self._changes(entry, raw, snapshot=True))
        self._ladder = ladder
        self._counts["snapshots"] += 1
        self.needs_resync = False
        self.last_error = None
        return ladder

    def _change(self, ladder: OrderLadder, entry: Any, raw: str | bytes | None) -> OrderLadder:
        """Apply an update; nothing is changed if any of it is malformed."""
        if None in self._precision:
            ladder = self._widened(ladder, entry, raw)
        changes = self._changes(entry, raw, snapshot=False)
        book = self._light
        if references(book) != ALONE:
            self._detach()
        ladder.change(changes)
        self._counts["updates"] += 1
        return ladder

    def _changes(self, entry: Any, raw: str | bytes | None, *, snapshot: bool) -> list[Change]:
        try:
            return changes_of(entry, self._scale, snapshot=snapshot)
        except NeedExact:
            if not raw:
                raise
            return changes_of(self._decode(raw, entry), self._scale, snapshot=snapshot)

    def _widened(self, ladder: OrderLadder, entry: Any, raw: str | bytes | None) -> OrderLadder:
        """Return the ladder with room for the digits of an update, where a precision is not given."""
        queues = ladder.queues
        seen = wire_digits(entry)
        if seen[0] <= queues.price_precision and seen[1] <= queues.qty_precision:
            return ladder
        digits = wire_digits(self._decode(raw, entry)) if raw else seen
        price, qty = self._precision
        return self._rescale(
            ladder,
            max(queues.price_precision, digits[0]) if price is None else price,
            max(queues.qty_precision, digits[1]) if qty is None else qty,
        )

    def _rescale(self, ladder: OrderLadder, price_precision: int, qty_precision: int) -> OrderLadder:
        """Go on with the same orders at other precisions; books of the old ladder keep its lists."""
        queues = ladder.queues
        if (queues.price_precision, queues.qty_precision) != (price_precision, qty_precision):
            self._release()
            self._ladder = ladder = ladder.rescaled(price_precision, qty_precision)
            self._scale = Scale.of(price_precision, qty_precision)
            if self._facts is not None:
                _, checksum, verified, timestamp, received, epoch, sequence = self._facts
                self._facts = (ladder.queues, checksum, verified, timestamp, received, epoch, sequence)
        return ladder

    def _conclude(
        self, ladder: OrderLadder, entry: dict[str, Any], raw: str | bytes | None, received: float, epoch: int
    ) -> OrderBook3 | None:
        """Judge the book that an applied message left, and return it if it may be shown."""
        expected, timestamp = entry.get("checksum"), entry.get("timestamp")
        if type(expected) is not int:
            expected = None
        verified = ladder.crc is not None and (ladder.crc == expected or ladder.sort_by_time(expected))
        if verified:
            self._counts["verified"] += 1
        elif self._checks:
            self._doubt(ladder, entry, expected, raw)
            if self._hides and expected is not None:
                self._forget()
                self.needs_resync = True
                return None
        if verified or not self._hides:
            self.sequence += 1
        text = timestamp if isinstance(timestamp, str) else None
        self._facts = facts = (ladder.queues, expected, verified, text, received, epoch, self.sequence)
        # A book that is still ours was left to nobody before the ladder changed: it may tell of this message.
        book = self._kept() or self._give(facts)
        book.facts = facts
        return book if verified or not self._hides else None

    def _doubt(self, ladder: OrderLadder, entry: Any, expected: int | None, raw: str | bytes | None) -> None:
        """Say why a book is not verified; if a checksum came, also whether stale precisions explain it."""
        if expected is None:
            self.last_error = MalformedBook(f"a level3 message for {self.symbol} came without a checksum")
            return
        self._counts["mismatched"] += 1
        try:
            prices, qtys = wire_digits(self._decode(raw, entry) if raw else entry)
        except MalformedBook:
            prices = qtys = 0
        stale = prices > ladder.queues.price_precision or qtys > ladder.queues.qty_precision
        self.last_error = ChecksumMismatch(self.symbol, expected, ladder.crc, stale_precision=stale)

    def _ignore(self, reason: str | None) -> None:
        self._counts["ignored"] += 1
        if reason:
            self.last_error = MalformedBook(reason)

    def _invalidate(self, error: MalformedBook) -> None:
        self._counts["malformed"] += 1
        self.last_error = error
        self._forget()
        self.needs_resync = True

    def _forget(self) -> None:
        """Drop the ladder. A book that somebody keeps needs no copy: nothing will change those lists any more."""
        self._ladder = self._facts = None
        self._release()

    # Who keeps the last book

    def _give(self, facts: Facts[Queues]) -> OrderBook3:
        """Return a new book of the ladder, and remember it as the last."""
        book = OrderBook3(facts)
        if COUNTED:
            self._light = book
        else:
            self._watch = ref(book)
        return book

    def _kept(self) -> OrderBook3 | None:
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


def _symbol_of(entry: Any) -> str:
    """Return the symbol of an entry, or raise `MalformedBook`."""
    symbol = cast("dict[str, Any]", entry).get("symbol") if isinstance(entry, dict) else None
    if not isinstance(symbol, str):
        raise MalformedBook("a level3 entry without a symbol")
    return symbol


def _known(name: str, precision: int | None) -> int | None:
    return None if precision is None else check_precision(name, precision)
