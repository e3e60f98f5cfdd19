"""Tell a board's items line by line, for pipes and logs: no colour, no cursor, one event a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rxkraken.books import Book
from rxkraken.cli.ladder import clock, counted, story_line
from rxkraken.models.market import Ticker, Trade
from rxkraken.models.status import Status

if TYPE_CHECKING:
    from rxkraken.books import Level
    from rxkraken.cli.board import Board, Item


def plain_line(item: Item) -> str:
    """Return one item as one line that starts with its UTC time."""
    match item:
        case Book():
            return f"{clock(item.received)}  {'book ' + item.symbol:<14} {_top(item)}"
        case Trade():
            what = f"{item.side:<4} {item.qty:,f} @ {item.price:,f}"
            return f"{clock(item.received)}  {'trade ' + item.symbol:<14} {what}"
        case Ticker():
            return f"{clock(item.received)}  {'ticker ' + item.symbol:<14} last {item.last:,f}  {item.change_pct:+f} %"
        case Status():
            return story_line(item)


def _top(book: Book) -> str:
    spread = "one-sided" if book.spread is None else f"spread {book.spread:,f}"
    proof = "verified" if book.verified else "not verified"
    return f"bid {_level(book.best_bid)}  ask {_level(book.best_ask)}  {spread}  {proof}"


def _level(level: Level | None) -> str:
    return "none" if level is None else f"{level.qty:,f} @ {level.price:,f}"


def summary(board: Board, seconds: float) -> str:
    """Return the whole run in one line."""
    verified = board.books - board.unverified
    lost = f"{counted(board.losses, 'connection')} lost"
    recovered = ", recovered" if board.losses and board.current else ""
    books, trades = counted(board.books, "book"), counted(board.traded, "trade")
    return f"{seconds:.1f} s: {books}, {verified:,} verified; {trades}; {lost}{recovered}"
