"""What a stream command shows in a terminal, as a value: a headline, a table or ladders, and the connection's story."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from rxkraken.cli.ladder import clock, colored_story, counted, story_panel
from rxkraken.models.status import Gap, Overflow, Status

if TYPE_CHECKING:
    from collections.abc import Sequence

Rows = Mapping[str, Any]
Body = Callable[[Rows, int, bool], RenderableType]

_STORY_KEPT: Final = 8
_FRAME_LINES: Final = 7
_LEAST_LINES: Final = 3
_DATA_IS_OLD: Final = frozenset({"connecting", "lost", "closed"})


@dataclass(frozen=True, slots=True)
class View:
    """How one channel is shown.

    `rows` gives what an item changes, by key: a later one with the same key replaces the earlier one. With `newest`
    rows are events: each is one more, newest first. The latest `kept` rows are remembered. `body` draws them in a
    number of lines; its last argument says whether they are current. With `whole` the picture that stays after the
    end shows every row, however many lines the terminal has.
    """

    title: str
    rows: Callable[[Any], Mapping[str, Any]]
    body: Body
    newest: bool = False
    kept: int = 5_000
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that is on the screen. `current` is false from the loss of a connection until the next item."""

    view: View
    rows: Rows = field(default_factory=dict[str, Any])
    story: tuple[tuple[str, str], ...] = ()
    state: str = "connecting"
    current: bool = False
    items: int = 0


def reduce_sheet(sheet: Sheet, item: Any) -> Sheet:
    """Return the sheet after one more item: data, a status, or a gap."""
    match item:
        case Status():
            return _after_status(sheet, item)
        case Gap():
            missed = "nothing missed" if item.missed == 0 else f"{item.missed or 'unknown'} missed"
            line = f"{clock(item.until)}  {item.symbol or 'stream':<14} interrupted, {missed}: {item.reason}"
            return replace(sheet, story=((line, "yellow"), *sheet.story)[:_STORY_KEPT])
        case Overflow():
            line = f"{counted(item.dropped, 'item')} dropped: the terminal is slower than the market"
            return replace(sheet, story=((line, "yellow"), *sheet.story)[:_STORY_KEPT])
        case _:
            return replace(sheet, rows=_with(sheet, item), current=True, items=sheet.items + 1)


def _with(sheet: Sheet, item: Any) -> Rows:
    view, more = sheet.view, sheet.view.rows(item)
    if not view.newest:
        rows = {**sheet.rows, **more}
        return rows if len(rows) <= view.kept else dict(list(rows.items())[-view.kept :])
    numbered = {f"{sheet.items}.{key}": row for key, row in more.items()}
    kept = list(sheet.rows.items())[: view.kept - len(numbered)]
    return {**numbered, **dict(kept)}


def _after_status(sheet: Sheet, status: Status) -> Sheet:
    line = colored_story(status)
    noted = sheet if line is None else replace(sheet, story=(line, *sheet.story)[:_STORY_KEPT])
    if status.channel is not None or status.state == "idle":
        return noted
    return replace(noted, state=status.state, current=sheet.current and status.state not in _DATA_IS_OLD)


def draw_sheet(sheet: Sheet, *, height: int = 32) -> RenderableType:
    """Return the whole picture, for a terminal of this many lines."""
    style = "green" if sheet.current else "yellow"
    told = counted(sheet.items, "item")
    line = Text.assemble(("rxkraken ", "bold"), (sheet.view.title, "bold cyan"), "   ", ("● ", style), sheet.state)
    line.append(f" · {told}")
    line.no_wrap, line.overflow = True, "ellipsis"
    lines = max(_LEAST_LINES, height - _FRAME_LINES)
    return Group(line, sheet.view.body(sheet.rows, lines, sheet.current), story_panel(sheet.story))


def draw_last(sheet: Sheet, *, height: int) -> RenderableType:
    """Return the picture that stays after the end."""
    rows = len(sheet.rows) + _FRAME_LINES + _LEAST_LINES if sheet.view.whole else 0
    return draw_sheet(sheet, height=max(height, rows))


def table_body(*columns: str, cut_first: Sequence[str] = (), latest_first: bool = False) -> Body:
    """Draw rows that are sequences of cells; a column whose name begins with `>` is aligned to the right.

    Where the terminal is narrow, the columns `cut_first`, which come last, give way: a price of which a part is missing
    is worse than none, and rich alone would shorten every column a little. `latest_first` is for rows whose keys begin
    with a time.
    """

    def body(rows: Rows, lines: int, current: bool) -> RenderableType:  # noqa: FBT001 - the shape of every body
        table = Table(box=None, expand=True, padding=(0, 2, 0, 0), header_style="dim", pad_edge=False)
        for name in (*columns, *cut_first):
            # A column that may be broken is made narrower first; its texts are cut all the same.
            header = Text(name.lstrip(">"), no_wrap=True, overflow="ellipsis")
            table.add_column(header, justify="right" if name.startswith(">") else "left", no_wrap=name in columns)
        keys = sorted(rows, reverse=True) if latest_first else list(rows)
        for key in keys[: max(1, lines - _LEAST_LINES)]:
            table.add_row(*map(_unbroken, rows[key]))
        if not rows:
            table.add_row(Text("nothing yet", style="dim"))
        return Panel(table, border_style="blue" if current else "dim", style="" if current else "dim")

    return body


def _unbroken(cell: Text | str | int | None) -> Text:
    text = cell if isinstance(cell, Text) else Text("" if cell is None else str(cell))
    text.no_wrap, text.overflow = True, "ellipsis"
    return text
