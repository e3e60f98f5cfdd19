"""`reduce_book`: books as a pure function, for plain `ops.scan` on any stream of v2 book messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from rxkraken.books.numbers import check_precision
from rxkraken.books.records import Checksum, Counters, Memento, check_options
from rxkraken.books.reducer import BookReducer
from rxkraken.protocol.json import loads

if TYPE_CHECKING:
    from rxkraken.books.book import Book
    from rxkraken.books.faults import ChecksumMismatch, MalformedBook


@dataclass(frozen=True, slots=True)
class Options:
    """How the reducer of a state is made; see `BookState.empty`."""

    depth: int
    price_precision: int | None
    qty_precision: int | None
    checksum: Checksum

    def reducer(self, symbol: str) -> BookReducer:
        """Return a new reducer."""
        return BookReducer(
            symbol,
            self.depth,
            checksum=self.checksum,
            price_precision=self.price_precision,
            qty_precision=self.qty_precision,
        )


class BookState:
    """What is known of one symbol's book after a message. Made by `BookState.empty`, then by `reduce_book`.

    * `symbol`: the market; None until the first snapshot, if it was not given. `depth`: levels a side.
    * `book`: the current `Book`; None before the first snapshot, and from a mismatch or malformed message to the next.
    * `verified`: whether there is a book and it matched Kraken's checksum.
    * `needs_resync`: whether only a new snapshot can help. `error`: what was wrong with the last message that was.
    * `epoch`: the connection of the last message, as given to `reduce_book`. `counters`: the messages seen so far.

    A state never changes. A message applied to the latest state moves its ladder on; one applied to an older state (a
    seed that several subscribers share, a replay) works on a copy. So states may be used in any order, any number of
    times.
    """

    __slots__ = ("_memento", "_options", "_reducer", "_tip", "book", "epoch", "symbol")

    def __init__(
        self, symbol: str | None, options: Options, reducer: BookReducer | None = None, epoch: int = 0
    ) -> None:
        """Hold the state that `reducer` is in; users begin with `BookState.empty`."""
        self.symbol: Final = symbol
        self.epoch: Final = epoch
        self.book: Final[Book | None] = None if reducer is None else reducer.view()
        self._options: Final = options
        self._reducer = reducer
        self._memento: Final[Memento | None] = None if reducer is None else reducer.remember()
        self._tip: Final[Book | None] = None if reducer is None else self.book or reducer.tip()

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

        Without a symbol it takes the first one that has a snapshot. `depth` must be the subscribed one. Precisions that
        are not given are taken from the wire, which costs some speed. `checksum` is "verify", "flag" or "off".
        """
        check_options(depth, checksum)
        for name, digits in (("price_precision", price_precision), ("qty_precision", qty_precision)):
            if digits is not None:
                check_precision(name, digits)
        return cls(symbol, Options(depth, price_precision, qty_precision, checksum))

    @property
    def depth(self) -> int:
        """How many levels a side are subscribed."""
        return self._options.depth

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

    def after(  # noqa: PLR0917 - called in one place, in the order of `BookReducer.apply`
        self,
        symbol: str,
        kind: str,
        entries: list[dict[str, Any]],
        raw: str | bytes | None,
        received: float,
        epoch: int,
    ) -> BookState:
        """Return the state after some elements of one message of this symbol."""
        # Whoever comes second finds no reducer here any more, and makes one out of what the state remembers.
        reducer, self._reducer = self._reducer, None
        if reducer is None:
            reducer = self._options.reducer(symbol)
            if self._memento is not None:
                reducer.recall(self._memento, self._tip)
        for entry in entries:
            reducer.apply(entry, kind, raw, received, epoch)
        return BookState(symbol, self._options, reducer, epoch)

    def __repr__(self) -> str:
        """Show the book, or why there is none."""
        return f"<BookState {self.symbol}: {self.book or self.error or 'waiting for a snapshot'}>"


def reduce_book(state: BookState, message: Any, *, received: float = 0.0, epoch: int = 0) -> BookState:
    """Return the state after one v2 message: a frame's text, or the dict decoded from it.

    Text is best, since quantities too large for floats are decoded from it once more. A dict does as well if it came
    from `json.loads(text, parse_float=Decimal)`, or if its numbers are small enough. Whatever is no book message of the
    state's symbol leaves the state as it is. `received` and `epoch` go into the book. No message makes it raise.

    Use it as `frames.pipe(ops.scan(rk.books.reduce_book, rk.books.BookState.empty("BTC/USD", depth=10)))`.
    """
    raw = message if isinstance(message, str | bytes) else None
    kind, entries = _entries(message if raw is None else _decoded(raw))
    symbol = state.symbol or _first_symbol(kind, entries)
    mine = [entry for entry in entries if entry.get("symbol") == symbol]
    return state.after(symbol, kind, mine, raw, received, epoch) if symbol and mine else state


def _decoded(raw: str | bytes) -> Any:
    try:
        return loads(raw)
    except (ValueError, RecursionError):
        return None


def _entries(frame: Any) -> tuple[str, list[dict[str, Any]]]:
    """Return the type and the elements of a book message; no elements for any other message."""
    match frame:
        case {"channel": "book", "type": "snapshot" | "update" as kind, "data": list(data)}:  # pyright: ignore[reportUnknownVariableType] - decoded JSON
            return kind, [entry for entry in cast("list[Any]", data) if isinstance(entry, dict)]
        case _:
            return "", []


def _first_symbol(kind: str, entries: list[dict[str, Any]]) -> str | None:
    """Return the symbol that a state without one takes from a message."""
    symbols = [entry.get("symbol") for entry in entries] if kind == "snapshot" else []
    return next((symbol for symbol in symbols if isinstance(symbol, str)), None)
