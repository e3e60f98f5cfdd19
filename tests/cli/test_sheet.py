"""The live tables and ladders: a value folded from a stream, and pure functions that draw it to fit."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from rxkraken.books import Book
from rxkraken.cli import views
from rxkraken.cli.sheet import Sheet, draw_last, draw_sheet, reduce_sheet
from rxkraken.models.market import Candle, Instruments, Ticker, Trade
from rxkraken.models.status import Gap, Overflow, Status, SystemStatus
from rxkraken.models.trading import Balance, Balances, Execution, LedgerChange, Order

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.cli.sheet import View

pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX")

NOON = datetime(2026, 8, 2, 12, tzinfo=UTC)
ONE = Decimal("1.0")


def ticker(symbol: str, last: str = "1.0", change: str = "0.5") -> Ticker:
    return Ticker(symbol, *([ONE] * 4), Decimal(last), *([ONE] * 5), Decimal(change), 1, NOON, 1.0, 1)


def trade(number: int) -> Trade:
    return Trade("BTC/USD", "buy", Decimal(number), ONE, "limit", number, NOON, NOON.timestamp(), 1)


def candle(minute: int, close: str) -> Candle:
    begin = NOON + timedelta(minutes=minute)
    return Candle(
        "BTC/USD", 1, begin, ONE, ONE, ONE, Decimal(close), ONE, ONE, 1, snapshot=False, received=1.0, epoch=1
    )  # fmt: skip


def book(symbol: str, levels: int = 10) -> Book:
    return Book.of(symbol, [(100 - n, 1) for n in range(levels)], [(101 + n, 1) for n in range(levels)], depth=100)


def status(state: Any, channel: str | None = None) -> Status:
    return Status(state, "public", 1, NOON.timestamp(), "because", channel)


def sheet_after(view: View, *items: Any) -> Sheet:
    sheet = Sheet(view)
    for item in items:
        sheet = reduce_sheet(sheet, item)
    return sheet


def text(sheet: Sheet, *, width: int = 110, height: int = 30, draw: Callable[..., Any] = draw_sheet) -> str:
    out = Console(file=io.StringIO(), width=width, height=height, record=True, force_terminal=True)
    out.print(draw(sheet, height=height))
    return out.export_text()


def test_a_table_has_one_row_a_market_and_it_is_the_latest() -> None:
    """In the order in which they came; numbers keep their digits."""
    told = text(
        sheet_after(views.TICKER, status("online"), ticker("BTC/USD"), ticker("ETH/USD"), ticker("BTC/USD", "2.50"))
    )
    assert told.index("BTC/USD") < told.index("ETH/USD")
    assert (told.count("BTC/USD"), told.count("2.50"), told.count("+0.5 %")) == (1, 1, 2)
    assert "rxkraken ticker   ● online · 3 items" in told


def test_events_are_newest_first_and_bounded() -> None:
    """Hours of trades cost what a screen of them costs."""
    sheet = sheet_after(views.TRADES, *(trade(number) for number in range(1000)))
    assert (len(sheet.rows), sheet.items) == (200, 1000)
    told = text(sheet)
    assert told.index("999 ") < told.index("998 ")
    assert " 900 " not in told
    few = sheet_after(replace(views.TICKER, kept=2), *(ticker(f"A{n}/USD") for n in range(4)))
    assert list(few.rows) == ["A2/USD", "A3/USD"]


def test_candles_are_newest_on_top_and_the_running_one_is_replaced() -> None:
    """History comes oldest first; each trade tells the running candle anew."""
    told = text(sheet_after(views.OHLC, candle(0, "7.1"), candle(1, "8.1"), candle(1, "9.1")))
    assert told.index("9.1") < told.index("7.1")
    assert "8.1" not in told


def test_what_was_seen_before_a_loss_is_not_current() -> None:
    """Until the next item; gaps and overflows stand in the story."""
    sheet = sheet_after(views.BOOK, status("online"), book("BTC/USD"))
    assert (sheet.current, sheet.state) == (True, "online")
    assert "waiting" not in text(sheet)
    lost = reduce_sheet(sheet, status("lost"))
    assert (lost.current, lost.state) == (False, "lost")
    assert "BTC/USD (waiting for a snapshot)" in text(lost)
    gap = Gap("BTC/USD", 2, 1.0, NOON.timestamp(), "lost", None)
    back = sheet_after(views.BOOK, *[status("online"), book("BTC/USD"), status("lost"), gap, Overflow(3)])
    told = text(reduce_sheet(back, book("BTC/USD")))
    for part in ("interrupted, unknown missed: lost", "3 items dropped", "lost: because"):
        assert part in told
    assert "waiting" not in told
    filled = sheet_after(views.BOOK, replace(gap, missed=0, symbol=None))
    assert "stream         interrupted, nothing missed" in text(filled)


def test_a_subscription_of_its_own_says_nothing_of_the_connection() -> None:
    """A book that is fetched anew is told in the story; one that simply works is not."""
    sheet = sheet_after(views.BOOK, status("online"), status("resyncing", "book"), status("subscribed", "book"))
    assert (sheet.state, len(sheet.story)) == ("online", 2)


def test_every_view_shows_its_items() -> None:
    """The words that matter are there."""
    order = Order(order_id="O1-2-3", symbol="BTC/USD", side="buy", status="filled", qty=ONE, cum_qty=ONE)
    execution = Execution(exec_type="trade", order=order, last_qty=ONE, last_price=Decimal("67000.1"), timestamp=NOON)
    change = LedgerChange(ledger_id="L1", asset="USD", amount=Decimal("-5.5"), balance=ONE, type="trade")
    held = {"USD": Balance("USD", Decimal("1234.50")), "BTC": Balance("BTC", ONE)}
    for view, item, words in [
        (views.EXECUTIONS, execution, ["trade", "filled", "1.0 / 1.0", "1.0 @ 67,000.1", "O1-2-3"]),
        (views.BALANCES, Balances(held, (change,)), ["USD", "1,234.50", "-5.5 trade"]),
        (views.STATUS, SystemStatus("post_only", "v2", "2.0.10", None), ["post_only", "2.0.10"]),
        (views.INSTRUMENTS, Instruments({}, {}, (), 1.0, 1), ["nothing yet", "price step"]),
    ]:
        told = text(sheet_after(view, item), width=140)
        assert all(word in told for word in words), told
    assert "BTC" not in text(sheet_after(views.BALANCES, Balances(held, (change,)))), "only what changed"


@pytest.mark.parametrize(("width", "height"), [(80, 24), (110, 30), (200, 60), (40, 14)])
def test_every_picture_fits_the_terminal(width: int, height: int) -> None:
    """No line is wider, and the picture is not higher."""
    for sheet in (
        Sheet(views.BOOK),
        sheet_after(views.BOOK, book("BTC/USD", 50), book("ETH/USD", 50)),
        sheet_after(views.TRADES, *(trade(number) for number in range(100))),
        sheet_after(views.TICKER, *(ticker(f"A{n}/USD") for n in range(100))),
    ):
        lines = text(sheet, width=width, height=height).splitlines()
        assert max(map(len, lines)) <= width
        assert len(lines) <= height


def test_the_last_picture_of_a_list_is_whole() -> None:
    """It scrolls; what was live did not."""
    sheet = sheet_after(views.TICKER, *(ticker(f"A{n:03}/USD") for n in range(100)))
    assert "A099/USD" not in text(sheet)
    assert "A099/USD" in text(sheet, draw=draw_last)


def test_in_a_terminal_it_is_live_and_ctrl_c_leaves_the_last_picture() -> None:
    """A screen of its own while it runs, exit code 130 after Ctrl-C, no traceback."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100", "LINES": "30"}
    command = [sys.executable, "-m", "rxkraken.cli", "--simulate", "book", "BTC/USD", "ETH/USD"]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        seen = ""
        try:
            while chunk := os.read(ours, 65536):
                seen += chunk.decode(errors="replace")
                if process.poll() is None and seen.count("spread") >= 6 and "\x1b[?1049l" not in seen:
                    process.send_signal(signal.SIGINT)
        except OSError:
            pass  # this is how Linux says that the other end is closed
        finally:
            os.close(ours)
        assert process.wait(30) == 130
    during, _, after = seen.rpartition("\x1b[?1049l")
    assert "\x1b[?1049h" in during
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", after)
    assert all(part in plain for part in ("BTC/USD", "ETH/USD", "spread", "online, connection 1"))
    assert "Traceback" not in seen
