"""The demo's board: a value folded from streams, drawn by pure functions, told line by line."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
import reactivex as rx
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as ops
from rich.console import Console

from rxkraken.books import Book
from rxkraken.cli.board import Board, reduce_board
from rxkraken.cli.ladder import bar, draw, story_line
from rxkraken.cli.plain import plain_line, summary
from rxkraken.models.market import Ticker, Trade
from rxkraken.models.status import Status

if TYPE_CHECKING:
    from rxkraken.cli.board import Item
    from rxkraken.models.status import State

NOON = datetime(2026, 8, 2, 12, 0, 0, tzinfo=UTC)
BOOK = Book.of(
    "BTC/USD",
    bids=[("66999.9", "0.51000000"), ("66999.0", "2.00000000")],
    asks=[("67000.1", "1.02000000"), ("67001.0", "4.00000000")],
    received=NOON.timestamp() + 0.25,
    epoch=1,
)


def trade(number: int, side: str = "buy") -> Trade:
    return Trade("BTC/USD", side, Decimal("67000.1"), Decimal("0.00120000"), "limit", number, NOON, NOON.timestamp(), 1)


def ticker() -> Ticker:
    number = Decimal("67000.1")
    return Ticker(
        "BTC/USD", *([number] * 9), number, Decimal("-1.25"), 12, NOON, NOON.timestamp(), 1
    )  # fmt: skip


def status(
    state: State, *, epoch: int = 1, reason: str = "", channel: str | None = None, retry: float | None = None
) -> Status:
    symbol = "BTC/USD" if channel else None
    return Status(state, "public", epoch, NOON.timestamp(), reason, channel, symbol, retry)


def board_after(*items: Item) -> Board:
    """Fold as the demo does: with `scan`, from a seed that is a value."""
    seen: list[Board] = []
    rx.from_iterable(items).pipe(ops.scan(reduce_board, Board("BTC/USD"))).subscribe(seen.append)
    return seen[-1]


def picture(board: Board, *, width: int = 90, height: int = 32) -> str:
    out = Console(file=io.StringIO(), width=width, height=height, record=True, force_terminal=True)
    out.print(draw(board, height=height))
    return out.export_text()


def test_the_board_follows_a_connection_through_its_loss_and_recovery() -> None:
    """What was seen before a disconnect stays on the board, but not as current, until a fresh book is verified."""
    before = board_after(status("connecting"), status("online"), BOOK, trade(1), ticker())
    assert (before.state, before.current, before.books, before.traded, before.losses) == ("online", True, 1, 1, 0)
    assert before.ticker == ticker()

    lost = reduce_board(before, status("lost", reason="closed with 1001", retry=0.4))
    assert (lost.state, lost.current, lost.book, lost.losses) == ("lost", False, BOOK, 1)

    again = reduce_board(lost, status("online", epoch=2))
    assert (again.state, again.current, again.epoch) == ("online", False, 2)

    back = reduce_board(again, BOOK)
    assert (back.current, back.books, back.losses) == (True, 2, 1)
    assert before.books == 1, "a board is a value"


def test_a_subscription_of_its_own_says_nothing_of_the_connection() -> None:
    """A resync of one book is told in the story and leaves the connection's state alone."""
    board = board_after(status("online"), BOOK, status("resyncing", channel="book", reason="checksum"))
    assert (board.state, board.current, len(board.statuses)) == ("online", True, 2)


def test_unverified_books_are_counted_apart() -> None:
    """Nobody is told "verified" of a book that was not."""
    board = board_after(BOOK, BOOK)
    assert (board.books, board.unverified) == (2, 2)
    assert "2 books, 0 verified" in summary(board, 1.0)


def test_the_board_keeps_a_bounded_history() -> None:
    """Hours of trades and statuses cost what a screen of them costs."""
    board = board_after(*(trade(number) for number in range(500)), *(status("online") for _ in range(500)))
    assert (len(board.trades), len(board.statuses), board.traded) == (50, 20, 500)
    assert board.trades[0].trade_id == 499


def test_the_ladder_shows_asks_above_bids_with_the_spread_between() -> None:
    """Best prices meet in the middle; quantities and running totals keep their digits."""
    board = board_after(status("online"), BOOK)
    text = picture(board)
    order = [text.index(price) for price in ("67,001.0", "67,000.1", "spread 0.2", "66,999.9", "66,999.0")]
    assert order == sorted(order)
    assert "5.02000000" in text, "the total of both asks"
    assert "67,000.00" in text, "the mid, exact"
    assert "BTC/USD   ● online · connection 1" in text
    assert re.search(r"12:00:00 +67,000\.1 +0\.00120000", picture(reduce_board(board, trade(7))))
    assert "24 h -1.25 %" in picture(reduce_board(board, ticker()))


def test_what_is_not_current_is_said_so() -> None:
    """Before the first book, and after a loss, the title says that a snapshot is awaited."""
    assert "waiting for a snapshot" in picture(Board("BTC/USD"))
    lost = board_after(status("online"), BOOK, status("lost", reason="closed with 1001", retry=0.44))
    text = picture(lost)
    assert "waiting for a snapshot" in text
    assert "lost, trying again in 0.4 s: closed with 1001" in text
    flooded = board_after(*lost.statuses[::-1], *(status("subscribed", channel="book") for _ in range(10)))
    assert "lost, trying again in 0.4 s: closed with 1001" in picture(flooded), "routine hides no loss"
    assert "66,999.9" in text


@pytest.mark.parametrize(("width", "height"), [(80, 24), (90, 32), (200, 60), (40, 10)])
def test_the_picture_fits_the_terminal(width: int, height: int) -> None:
    """No line is wider than the terminal, and from 24 lines on the picture is not higher."""
    many = Book.of("BTC/USD", [(100 - n, 1) for n in range(10)], [(101 + n, 1) for n in range(10)])
    lines = picture(board_after(status("online"), many, *(trade(n) for n in range(40))), width=width, height=height)
    assert max(map(len, lines.splitlines())) <= width
    assert len(lines.splitlines()) <= max(24, height)


def test_the_picture_does_not_change_its_height_as_it_fills() -> None:
    """An empty, a thin and a full board are equally high: nothing jumps."""
    full = Book.of("BTC/USD", [(100 - n, 1) for n in range(10)], [(101 + n, 1) for n in range(10)])
    one_sided = Book.of("BTC/USD", [(100, 1)])
    boards = [Board("BTC/USD"), board_after(BOOK), board_after(full, trade(1)), board_after(one_sided)]
    assert len({len(picture(board).splitlines()) for board in boards}) == 1
    assert "one-sided" in picture(boards[-1])


@given(st.decimals(0, 10**6, places=8), st.decimals(0, 10**6, places=8))
def test_a_bar_is_as_long_as_its_share(part: Decimal, whole: Decimal) -> None:
    """Never longer than its width; the whole is full, nothing is empty."""
    assert len(bar(part, whole)) <= 10
    assert bar(whole, whole) == ("█" * 10 if whole else "")
    assert bar(Decimal(0), whole) == ""
    assert bar(part, part * 2) == ("█" * 5 if part else "")


@pytest.mark.parametrize(
    ("item", "line"),
    [
        (
            BOOK,
            (
                "12:00:00.250  book BTC/USD   bid 0.51000000 @ 66,999.9  ask 1.02000000 @ 67,000.1"
                "  spread 0.2  not verified"
            ),
        ),
        (Book.of("BTC/USD"), "00:00:00.000  book BTC/USD   bid none  ask none  one-sided  not verified"),
        (trade(1, "sell"), "12:00:00.000  trade BTC/USD  sell 0.00120000 @ 67,000.1"),
        (ticker(), "12:00:00.000  ticker BTC/USD last 67,000.1  -1.25 %"),
        (status("online", epoch=2), "12:00:00.000  public         online, connection 2"),
        (
            status("lost", reason="closed", retry=0.5),
            "12:00:00.000  public         lost, trying again in 0.5 s: closed",
        ),
        (status("stale", channel="book"), "12:00:00.000  book BTC/USD   stale"),
    ],
)
def test_every_item_is_one_plain_line(item: Item, line: str) -> None:
    """Time first, then what it is about, then what happened; no control characters."""
    assert plain_line(item) == line
    assert line.isprintable()


def test_one_line_sums_the_run_up() -> None:
    """Seconds, books, trades, losses, and whether it recovered."""
    lost = board_after(status("online"), BOOK, status("lost"))
    assert summary(lost, 2.04) == "2.0 s: 1 book, 0 verified; 0 trades; 1 connection lost"
    assert summary(reduce_board(lost, BOOK), 2.0).endswith("1 connection lost, recovered")
    assert story_line(status("closed")).endswith("closed")
