"""What the demo shows, as a value: one reducer over every item that arrives, whichever stream it comes from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from rxkraken.books import Book
from rxkraken.models.market import Ticker, Trade
from rxkraken.models.status import State, Status

Item = Book | Trade | Ticker | Status

_TRADES_KEPT: Final = 50
_STATUSES_KEPT: Final = 20
_OF_A_CONNECTION: Final[frozenset[State]] = frozenset({"connecting", "online", "lost", "maintenance", "closed"})
_WITHOUT_DATA: Final[frozenset[State]] = frozenset({"connecting", "lost", "closed"})


@dataclass(frozen=True, slots=True)
class Board:
    """The latest of everything about one market. `trades` and `statuses` are newest first; the counters only grow.

    `state` is the connection's; `current` is false from the loss of a connection until the next verified book.
    """

    symbol: str
    book: Book | None = None
    current: bool = False
    ticker: Ticker | None = None
    trades: tuple[Trade, ...] = ()
    statuses: tuple[Status, ...] = ()
    state: State = "connecting"
    epoch: int = 0
    books: int = 0
    unverified: int = 0
    traded: int = 0
    losses: int = 0


def reduce_board(board: Board, item: Item) -> Board:
    """Return the board after one more item: a book, a trade, a ticker or a status."""
    match item:
        case Book():
            return replace(
                board, book=item, current=True, books=board.books + 1, unverified=board.unverified + (not item.verified)
            )
        case Trade():
            return replace(board, trades=(item, *board.trades)[:_TRADES_KEPT], traded=board.traded + 1)
        case Ticker():
            return replace(board, ticker=item)
        case Status():
            return _after_status(board, item)


def _after_status(board: Board, status: Status) -> Board:
    noted = replace(board, statuses=(status, *board.statuses)[:_STATUSES_KEPT])
    if status.channel is not None or status.state not in _OF_A_CONNECTION:
        return noted
    return replace(
        noted,
        state=status.state,
        epoch=status.epoch,
        # What was seen before a disconnect is history: it is shown as such until a fresh snapshot has been verified.
        current=board.current and status.state not in _WITHOUT_DATA,
        losses=board.losses + (status.state == "lost"),
    )
