"""Draw a board for a terminal: the order book as a ladder, the trades beside it, the connection's story below."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from rich.console import Group
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rxkraken.books import Level3

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import RenderableType

    from rxkraken.books import Book, Level, OrderBook3
    from rxkraken.cli.board import Board
    from rxkraken.models.market import Trade
    from rxkraken.models.status import Status

_BAR: Final = 10
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_FRAME_LINES: Final = 9
_STORY_LINES: Final = 4
_LEVELS: Final = (3, 10)
_ROUTINE: Final = ("idle", "subscribed")
_COLORS: Final = {
    "online": "green", "subscribed": "green", "connecting": "yellow", "lost": "bold red", "rejected": "bold red",
    "resyncing": "yellow", "stale": "yellow", "degraded": "bold red", "maintenance": "yellow", "closed": "dim",
    "idle": "dim",
}  # fmt: skip


def draw(board: Board, *, height: int = 32) -> RenderableType:
    """Return the whole picture, sized for a terminal of this many lines."""
    levels = max(_LEVELS[0], min(_LEVELS[1], (height - _FRAME_LINES - _STORY_LINES) // 2))
    body = Table.grid(expand=True, padding=(0, 1))
    body.add_column(ratio=3)
    body.add_column(ratio=2)
    ladder = ladder_panel(board.book, levels, current=board.current, title="order book")
    body.add_row(ladder, _trades_panel(board, 2 * levels + 2))
    return Group(_headline(board), body, _story_panel(board.statuses))


def _headline(board: Board) -> RenderableType:
    color = _COLORS.get(board.state, "white")
    line = Text.assemble(("rxkraken ", "bold"), (board.symbol, "bold cyan"), "   ", ("● ", color), (board.state, color))
    line.append(f" · connection {board.epoch} · {counted(board.books - board.unverified, 'verified book')}")
    line.append(f" · {counted(board.traded, 'trade')}")
    if board.ticker is not None:
        line.append(f" · 24 h {board.ticker.change_pct:+f} %")
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def ladder_panel(book: Book | OrderBook3 | None, levels: int, *, current: bool, title: str) -> RenderableType:
    """Return so many levels a side as a ladder, asks above bids; dimmed where it is not `current`."""
    title = title if current else f"{title} (waiting for a snapshot)"
    if book is None:
        empty = "\n" * (2 * levels)
        return Panel(Text(f"\n  nothing yet{empty}", style="dim"), title=title, border_style="dim")
    asks, bids = book.asks[:levels], book.bids[:levels]
    table = Table.grid(expand=True, padding=(0, 1))
    for justify in ("right", "right", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    table.add_row(*(Text(name, style="dim") for name in ("total", "quantity", "price", "")))
    largest = max((level.qty for level in (*asks, *bids)), default=Decimal(1))
    for row in reversed(list(_rows(asks, largest, "red", padded_to=levels))):
        table.add_row(*row)
    table.add_row("", "", *_middle(book))
    for row in _rows(bids, largest, "green", padded_to=levels):
        table.add_row(*row)
    border, style = ("blue", "") if current else ("dim", "dim")
    return Panel(table, title=title, border_style=border, style=style)


def _middle(book: Book | OrderBook3) -> tuple[Text, Text]:
    if book.mid is None or book.spread is None:
        return Text("one-sided", style="yellow"), Text("")
    return Text(f"{book.mid:,f}", style="bold"), Text(f"spread {book.spread:,f}", style="bold")


def _rows(
    levels: Sequence[Level | Level3], largest: Decimal, color: str, *, padded_to: int
) -> Iterable[tuple[Text, ...]]:
    total = Decimal(0)
    for level in levels:
        total += level.qty
        yield (
            Text(f"{total:,f}", style="dim"),
            Text(f"{level.qty:,f}"),
            Text(f"{level.price:,f}", style=color),
            Text(_queue(level) + bar(level.qty, largest), style=color, overflow="crop"),
        )
    for _ in range(padded_to - len(levels)):
        yield (Text(""), Text(""), Text("·", style="dim"), Text(""))


def _queue(level: Level | Level3) -> str:
    """Return how many orders wait there, where that is known."""
    return f"{len(level.orders):>3} " if isinstance(level, Level3) else ""


def bar(part: Decimal, whole: Decimal, width: int = _BAR) -> str:
    """Return a bar of at most `width` characters whose length shows `part` of `whole`, to an eighth of a character."""
    eighths = int(part * width * 8 / whole) if whole else 0
    full, rest = divmod(max(0, min(eighths, width * 8)), 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def _trades_panel(board: Board, rows: int) -> RenderableType:
    table = Table.grid(expand=True, padding=(0, 1))
    for justify in ("left", "right", "right"):
        table.add_column(justify=justify, no_wrap=True)
    for trade in board.trades[:rows]:
        table.add_row(*_trade_row(trade))
    for _ in range(rows - len(board.trades)):
        table.add_row("", "", "")
    return Panel(table, title="trades", border_style="blue")


def _trade_row(trade: Trade) -> tuple[Text, Text, Text]:
    color = "green" if trade.side == "buy" else "red"
    return (
        Text(f"{trade.timestamp:%H:%M:%S}", style="dim"),
        Text(f"{trade.price:,f}", style=color),
        Text(f"{trade.qty:,f}"),
    )


def _story_panel(statuses: Sequence[Status]) -> RenderableType:
    # Subscriptions that simply work would push the story out of the panel.
    return story_panel([line for status in statuses if (line := colored_story(status)) is not None])


def story_panel(told: Sequence[tuple[str, str]]) -> RenderableType:
    """Return the latest lines with their colours, given newest first, shown oldest first."""
    lines = [Text(line, style=color, no_wrap=True, overflow="ellipsis") for line, color in told[:_STORY_LINES][::-1]]
    lines += [Text("")] * (_STORY_LINES - len(lines))
    return Panel(Group(*lines), title="connection", border_style="blue")


def colored_story(status: Status) -> tuple[str, str] | None:
    """Return a status as a line with its colour; None for subscriptions that simply work."""
    return None if status.state in _ROUTINE else (story_line(status), _COLORS.get(status.state, "white"))


def story_line(status: Status) -> str:
    """Return one status as one line: when, which connection or subscription, what happened, and why."""
    about = " ".join(part for part in (status.channel, status.symbol) if part) or status.connection
    what = [status.state]
    what += [f"connection {status.epoch}"] if status.state == "online" else []
    what += [f"trying again in {status.retry_in:.1f} s"] if status.retry_in is not None else []
    return f"{clock(status.at)}  {about:<14} {', '.join(what)}{': ' + status.reason if status.reason else ''}"


def clock(seconds: float) -> str:
    """Return seconds since the Unix epoch as a UTC time of day, to the millisecond."""
    return f"{datetime.fromtimestamp(seconds, UTC):%H:%M:%S.%f}"[:-3]


def counted(number: int, what: str) -> str:
    """Return how many of something there are, in words: `1 trade`, `1,200 trades`."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"
