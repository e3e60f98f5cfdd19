"""`reduce_book` and `reduce_book3`: books as pure functions, for plain `ops.scan` on any stream of v2 messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar, cast

from rxkraken.books.book import Book
from rxkraken.books.level3 import OrderBook3
from rxkraken.books.level3_reducer import Book3Reducer
from rxkraken.books.numbers import check_precision
from rxkraken.books.records import Checksum, Counters, Memento, check_options
from rxkraken.books.reducer import BookReducer
from rxkraken.protocol.json import loads

if TYPE_CHECKING:
    from rxkraken.books.engine import Engine
    from rxkraken.books.faults import ChecksumMismatch, MalformedBook

B = TypeVar("B", Book, OrderBook3)


@dataclass(frozen=True, slots=True)
class Options:
    """How the reducer of a state is made; see `State.empty`."""

    depth: int
    price_precision: int | None
    qty_precision: int | None
    checksum: Checksum


class State(Generic[B]):
    """What is known of one symbol's book after a message.

    * `symbol`: the market; None until the first snapshot, if it was not given. `depth`: levels a side.
    * `book`: the current book; None before the first snapshot, and from a mismatch or malformed message to the next.
    * `verified`: whether there is a book and it matched Kraken's checksum.
    * `needs_resync`: whether only a new snapshot can help. `error`: what was wrong with the last message that was.
    * `epoch`: the connection of the last message, as it was given with it. `counters`: the messages seen so far.

    A state never changes. A message applied to the latest state moves its ladder on; one applied to an older state (a
    seed that several subscribers share, a replay) works on a copy. So states may be used in any order, any number of
    times.
    """

    __slots__ = ("_memento", "_options", "_reducer", "_tip", "book", "epoch", "symbol")

    _kind: ClassVar[type[Engine[Any, Any, Any]]]

    def __init__(
        self, symbol: str | None, options: Options, reducer: Engine[Any, Any, B] | None = None, epoch: int = 0
    ) -> None:
        """Hold the state that `reducer` is in; users begin with `empty`."""
        self.symbol: Final = symbol
        self.epoch: Final = epoch
        self.book: Final[B | None] = None if reducer is None else reducer.view()
        self._options: Final = options
        self._reducer = reducer
        self._memento: Final[Memento | None] = None if reducer is None else reducer.remember()
        self._tip: Final[B | None] = None if reducer is None else self.book or reducer.tip()

    @classmethod
    def empty(
        cls,
        symbol: str | None = None,
        depth: int = 10,
        price_precision: int | None = None,
        qty_precision: int | None = None,
        checksum: Checksum = "verify",
    ) -> Self:
        """Return the state before any message, the seed for `ops.scan`.

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

    def after(self, message: Any, received: float, epoch: int) -> Self:
        """Return the state after one message, whatever it is; see `reduce_book`."""
        raw = message if isinstance(message, str | bytes) else None
        kind, entries = _entries(message if raw is None else _decoded(raw), self._kind.channel)
        symbol = self.symbol or _first_symbol(kind, entries)
        mine = [entry for entry in entries if entry.get("symbol") == symbol]
        if symbol is None or not mine:
            return self
        reducer = self._take_reducer(symbol)
        for entry in mine:
            reducer.apply(entry, kind, raw, received, epoch)
        return type(self)(symbol, self._options, reducer, epoch)

    def _take_reducer(self, symbol: str) -> Engine[Any, Any, B]:
        # Whoever comes second finds no reducer here any more, and makes one out of what the state remembers.
        reducer, self._reducer = self._reducer, None
        if reducer is None:
            options = self._options
            reducer = self._kind(
                symbol,
                options.depth,
                checksum=options.checksum,
                price_precision=options.price_precision,
                qty_precision=options.qty_precision,
            )
            if self._memento is not None:
                reducer.recall(self._memento, self._tip)
        return reducer

    def __repr__(self) -> str:
        """Show the book, or why there is none."""
        return f"<{type(self).__name__} {self.symbol}: {self.book or self.error or 'waiting for a snapshot'}>"


class BookState(State[Book]):
    """What is known of one symbol's book of price levels. Made by `BookState.empty`, then by `reduce_book`."""

    __slots__ = ()

    _kind = BookReducer


class Book3State(State[OrderBook3]):
    """What is known of one symbol's book of single orders. Made by `Book3State.empty`, then by `reduce_book3`."""

    __slots__ = ()

    _kind = Book3Reducer


def reduce_book(state: BookState, message: Any, *, received: float = 0.0, epoch: int = 0) -> BookState:
    """Return the state after one v2 message: a frame's text, or the dict decoded from it.

    Text is best, since quantities too large for floats are decoded from it once more. A dict does as well if it came
    from `json.loads(text, parse_float=Decimal)`, or if its numbers are small enough. Whatever is no book message of the
    state's symbol leaves the state as it is. `received` and `epoch` go into the book. No message makes it raise.

    Use it as `frames.pipe(ops.scan(rk.books.reduce_book, rk.books.BookState.empty("BTC/USD", depth=10)))`.
    """
    return state.after(message, received, epoch)


def reduce_book3(state: Book3State, message: Any, *, received: float = 0.0, epoch: int = 0) -> Book3State:
    """Return the state after one message of `level3`; in all else it is `reduce_book` (ws-v2 reference, section 3.3).

    Use it as `frames.pipe(ops.scan(rk.books.reduce_book3, rk.books.Book3State.empty("BTC/USD", depth=10)))`.
    """
    return state.after(message, received, epoch)


def _decoded(raw: str | bytes) -> Any:
    try:
        return loads(raw)
    except (ValueError, RecursionError):
        return None


def _entries(frame: Any, channel: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the type and the elements of a message of a channel; no elements for any other message."""
    match frame:
        case {"channel": name, "type": "snapshot" | "update" as kind, "data": list(data)} if name == channel:  # pyright: ignore[reportUnknownVariableType] - decoded JSON
            return kind, [entry for entry in cast("list[Any]", data) if isinstance(entry, dict)]
        case _:
            return "", []


def _first_symbol(kind: str, entries: list[dict[str, Any]]) -> str | None:
    """Return the symbol that a state without one takes from a message."""
    symbols = [entry.get("symbol") for entry in entries] if kind == "snapshot" else []
    return next((symbol for symbol in symbols if isinstance(symbol, str)), None)
