"""`reduce_book`: books as a pure function, for plain `ops.scan` on any stream of v2 book messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import ujson

from rxkraken.books.numbers import check_precision
from rxkraken.books.reducer import BookReducer, Checksum, Counters, Memento, check_options

if TYPE_CHECKING:
    from rxkraken.books.book import Book
    from rxkraken.books.faults import ChecksumMismatch, MalformedBook


class _Options:
    """How the reducer of a state is made."""

    __slots__ = ("checksum", "price_precision", "qty_precision")

    def __init__(self, checksum: Checksum, price_precision: int | None, qty_precision: int | None) -> None:
        self.checksum: Final[Checksum] = checksum
        self.price_precision: Final = price_precision
        self.qty_precision: Final = qty_precision


class BookState:
    """What is known of one symbol's book after a message. Made by `BookState.empty`, then by `reduce_book`.

    * `symbol`: the market; None until the first snapshot, if it was not given. `depth`: levels a side.
    * `book`: the current `Book`; None before the first snapshot, and after a mismatch or malformed message until the next.
    * `verified`: whether there is a book and it matched Kraken's checksum.
    * `needs_resync`: whether only a new snapshot can help. `error`: what was wrong with the last message that was.
    * `epoch`: the connection of the last message, as given to `reduce_book`. `counters`: the messages seen so far.

    A state never changes. A message applied to the latest state moves its ladder on; one applied to an older state (a
    seed that several subscribers share, a replay) works on a copy, so states may be used in any order, any number of times.
    """

    __slots__ = ("_memento", "_options", "_reducer", "_tip", "book", "depth", "epoch", "symbol")

    def __init__(
        self,
        symbol: str | None,
        depth: int,
        options: _Options,
        reducer: BookReducer | None = None,
        epoch: int = 0,
    ) -> None:
        """Hold the state of `reducer`; users begin with `BookState.empty`."""
        self.symbol: Final = symbol
        self.depth: Final = depth
        self.book: Final[Book | None] = None if reducer is None else reducer.view()
        self.epoch: Final = epoch
        self._options: Final = options
        self._reducer = reducer
        self._memento: Final[Memento | None] = None if reducer is None else reducer.remember()
        self._tip: Final = None if reducer is None else self.book or reducer.tip()

    @classmethod
    def empty(
        cls,
        symbol: str | None = None,
        depth: int = 10,
        price_precision: int | None = None,
        qty_precision: int | None = None,
        checksum: Checksum = "verify",
    ) -> BookState:
        """Return the state before any message, the seed for `ops.scan(reduce_book, seed)`.

        Without a symbol it takes the first one that has a snapshot. `depth` must be the subscribed one. Precisions that are
        not given are taken from the wire, which costs some speed. `checksum` is "verify", "flag" or "off".
        """
        check_options(depth, checksum)
        for name, digits in (("price_precision", price_precision), ("qty_precision", qty_precision)):
            if digits is not None:
                check_precision(name, digits)
        return cls(symbol, depth, _Options(checksum, price_precision, qty_precision))

    @property
    def verified(self) -> bool:
        """Whether there is a book and it matched Kraken's checksum."""
        return self.book is not None and self.book.verified

    @property
    def counters(self) -> Counters:
        """The messages seen so far."""
        return self._memento.counters if self._memento else Counters()

    @property
    def needs_resync(self) -> bool:
        """Whether only a new snapshot can help."""
        return self._memento is not None and self._memento.needs_resync

    @property
    def error(self) -> MalformedBook | ChecksumMismatch | None:
        """What was wrong with the last message that was; None once a snapshot has come."""
        return self._memento.last_error if self._memento else None

    def __repr__(self) -> str:
        """Show the book, or why there is none."""
        return f"<BookState {self.symbol}: {self.book or self.error or 'waiting for a snapshot'}>"

    def _take_reducer(self, symbol: str) -> BookReducer:
        """Return the reducer that is at this state: the very one if nobody has moved it on yet, else a new one."""
        reducer, self._reducer = self._reducer, None
        if reducer is not None:
            return reducer
        options = self._options
        reducer = BookReducer(
            symbol,
            self.depth,
            checksum=options.checksum,
            price_precision=options.price_precision,
            qty_precision=options.qty_precision,
        )
        if self._memento is not None:
            reducer.recall(self._memento, self._tip)
        return reducer


def reduce_book(state: BookState, message: Any, *, received: float = 0.0, epoch: int = 0) -> BookState:
    """Return the state after one v2 message: a frame's text, or the dict decoded from it.

    Text is best, since quantities too large for floats are decoded from it once more; a dict serves as well if it came from
    `json.loads(text, parse_float=Decimal)`, or if its numbers are small enough. Whatever is no book message of the state's
    symbol leaves the state as it is. `received` and `epoch` go into the book. Never raises because of a message.

    Use it as `frames.pipe(ops.scan(rk.books.reduce_book, rk.books.BookState.empty("BTC/USD", depth=10)))`.
    """
    raw = message if isinstance(message, str | bytes) else None
    frame = message if raw is None else _decoded(raw)
    symbol = state.symbol
    reducer: BookReducer | None = None
    for entry in _entries(frame):
        named: object = entry.get("symbol")
        if symbol is None and isinstance(named, str) and frame["type"] == "snapshot":
            symbol = named
        if symbol is not None and (named == symbol or not isinstance(named, str)):
            reducer = reducer or state._take_reducer(symbol)  # noqa: SLF001 - a state and its only maker
            reducer.apply(entry, frame["type"], raw, received, epoch)
    if symbol is None or reducer is None:
        return state
    return BookState(symbol, state.depth, state._options, reducer, epoch)  # noqa: SLF001


def _decoded(raw: str | bytes) -> Any:
    try:
        return ujson.loads(raw)
    except ValueError:
        return None


def _entries(frame: Any) -> list[dict[str, Any]]:
    """Return the elements of a book frame's `data`; nothing for any other message."""
    if not isinstance(frame, dict):
        return []
    fields = cast("dict[str, Any]", frame)
    data = fields.get("data")
    if (
        fields.get("channel") != "book"
        or fields.get("type") not in ("snapshot", "update")
        or not isinstance(data, list)
    ):
        return []
    return [entry for entry in cast("list[Any]", data) if isinstance(entry, dict)]
