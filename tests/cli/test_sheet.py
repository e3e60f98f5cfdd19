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
from rxkraken.cli.records import Spread
from rxkraken.cli.sheet import Sheet, draw_last, draw_sheet, reduce_sheet
from rxkraken.models.market import Candle, Instruments, Ticker, Trade
from rxkraken.models.market_v1 import Spread as SpreadV1
from rxkraken.models.market_v1 import TradeV1
from rxkraken.models.status import Gap, Overflow, Status, SystemStatus
from rxkraken.models.trading import Balance, Balances, Execution, LedgerChange, Order

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.cli.sheet import View
    from tests.cli.conftest import Venue

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


def execution(qty: int) -> Execution:
    order = Order(order_id="OABCDE-FGHIJ-KLMNOP", symbol="BTC/USD", side="buy", status="partially_filled",
                  qty=Decimal("100.00000000"), cum_qty=Decimal(f"{qty}.50000000"),
                  limit_price=Decimal("67000.10000"))  # fmt: skip
    return Execution(exec_type="trade", order=order, last_qty=Decimal("1.50000000"), last_price=Decimal("67000.10000"),
                     timestamp=NOON, reason="User requested")  # fmt: skip


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
    spread = SpreadV1("BTC/USD", Decimal("67000.1"), Decimal("67000.4"), NOON, Decimal("1.25"), Decimal("2.5"), 1.0, 1)
    sold = TradeV1("BTC/USD", "sell", Decimal("67000.1"), Decimal("0.75"), "market", None, NOON, 1.0, 1, misc="")
    for view, item, words in [
        (views.SPREAD, Spread.of(spread), ["1.25", "67,000.1", "67,000.4", "2.5", "0.3", "12:00:00.000"]),
        (views.SPREAD, Spread.of(replace(ticker("ETH/USD"), timestamp=None)), ["ETH/USD", "00:00:01.000"]),
        (views.TRADES, sold, ["12:00:00.000", "sell", "67,000.1", "0.75", "market"]),
        (views.EXECUTIONS, execution, ["trade", "filled", "1 / 1", "1 @ 67,000.1", "O1-2-3"]),
        (views.BALANCES, Balances(held, (change,)), ["USD", "1,234.50", "-5.5 trade"]),
        (views.STATUS, SystemStatus("post_only", "v2", "2.0.10", None), ["post_only", "2.0.10"]),
        (views.INSTRUMENTS, Instruments({}, {}, (), 1.0, 1), ["nothing yet", "price step"]),
    ]:
        told = text(sheet_after(view, item), width=140)
        assert all(word in told for word in words), told
    assert "BTC" not in text(sheet_after(views.BALANCES, Balances(held, (change,)))), "only what changed"


@pytest.mark.parametrize("width", [80, 100, 140])
def test_executions_keep_what_was_traded_in_a_narrow_terminal(width: int) -> None:
    """Market, side, event, quantities and prices are whole; status, id and reason give way."""
    told = text(sheet_after(views.EXECUTIONS, execution(7)), width=width)
    row = next(line for line in told.splitlines() if "BTC/USD" in line)
    assert row.split()[1:9] == ["12:00:00.000", "BTC/USD", "buy", "trade", "7.5", "/", "100", "67,000.1"]
    assert "1.5 @ 67,000.1" in row
    assert ("OABCDE-FGHIJ-KLMNOP" in row) == (width >= 140)


def test_prices_are_whole_in_a_narrow_terminal() -> None:
    """Over v1 they have five decimals; a part of a price could be taken for the price."""
    best = [Decimal(price) for price in ("84250.20000", "84250.30000", "84250.40000")]
    tick = replace(ticker("BTC/USD"), bid=best[0], ask=best[1], last=best[2])
    spread = SpreadV1("BTC/USD", best[0], best[1], NOON, Decimal("0.33599162"), Decimal("0.10337298"), 1.0, 1)
    ran = replace(candle(0, "84250.20000"), low=best[0], high=best[2])
    for view, item, words in [
        (views.TICKER, tick, ["84,250.20000", "84,250.30000", "84,250.40000", "+0.5 %"]),
        (views.SPREAD, Spread.of(spread), ["84,250.20000", "84,250.30000", "0.33599162", "0.10337298", "0.10000"]),
        (views.OHLC, ran, ["84,250.40000", "84,250.20000"]),
    ]:
        told = text(sheet_after(view, item), width=80)
        assert [word for word in ("BTC/USD", *words) if word not in told] == []


@pytest.mark.parametrize(("width", "height"), [(80, 24), (110, 30), (200, 60), (40, 14)])
def test_every_picture_fits_the_terminal(width: int, height: int) -> None:
    """No line is wider, and the picture is not higher."""
    for sheet in (
        Sheet(views.BOOK),
        sheet_after(views.BOOK, book("BTC/USD", 50), book("ETH/USD", 50)),
        sheet_after(views.TRADES, *(trade(number) for number in range(100))),
        sheet_after(views.TICKER, *(ticker(f"A{n}/USD") for n in range(100))),
        Sheet(views.EXECUTIONS),
        sheet_after(views.EXECUTIONS, *(execution(number) for number in range(1, 100))),
    ):
        lines = text(sheet, width=width, height=height).splitlines()
        assert max(map(len, lines)) <= width
        assert len(lines) <= height


def test_the_last_picture_of_a_list_is_whole() -> None:
    """It scrolls; what was live did not."""
    sheet = sheet_after(views.TICKER, *(ticker(f"A{n:03}/USD") for n in range(100)))
    assert "A099/USD" not in text(sheet)
    assert "A099/USD" in text(sheet, draw=draw_last)


@pytest.mark.parametrize("api", ["v2", "v1"])
def test_in_a_terminal_it_is_live_and_ctrl_c_leaves_the_last_picture(api: str) -> None:
    """A screen of its own while it runs, exit code 130 after Ctrl-C, no traceback."""
    during, plain, code = in_a_terminal(
        "--simulate", "book", "BTC/USD", "ETH/USD", "--api", api, stop=lambda seen: seen.count("spread") >= 6
    )
    assert code == 130
    assert "\x1b[?1049h" in during
    assert all(part in plain for part in ("BTC/USD", "ETH/USD", "spread", "online, connection 1"))


@pytest.mark.parametrize("api", ["v2", "v1"])
def test_executions_are_a_live_table_and_end_when_enough_was_seen(venue: Venue, api: str) -> None:
    """What rests in the book comes first; a fill that comes while it runs is drawn, and counted to the end."""
    assert venue.run("order add BTC/USD buy limit --qty 0.01 --price 80000 --yes")[0] == 0
    ordered = False

    def order_once(seen: str) -> bool:
        nonlocal ordered
        if "80,000" in seen and not ordered:
            ordered = True
            assert venue.run("order add ETH/USD sell market --qty 0.1 --yes")[0] == 0
        return False

    during, plain, code = in_a_terminal(
        "--endpoints", venue.base, "executions", "--count", "3", "--for", "60", "--api", api, stop=order_once
    )
    assert code == 0
    assert "\x1b[?1049h" in during
    words = ("rxkraken executions", "online · 3 items", "market", "event", "status", "BTC/USD", "ETH/USD", "80,000")
    assert [word for word in words if word not in plain] == []


def in_a_terminal(*arguments: str, stop: Callable[[str], bool]) -> tuple[str, str, int]:
    """Run a command in a terminal, with Ctrl-C when `stop` says so; its live part, the rest as text, the exit code."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "140", "LINES": "30"}
    command = [sys.executable, "-m", "rxkraken.cli", *arguments]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        seen = ""
        try:
            while chunk := os.read(ours, 65536):
                seen += chunk.decode(errors="replace")
                if process.poll() is None and "\x1b[?1049l" not in seen and stop(seen):
                    process.send_signal(signal.SIGINT)
        except OSError:
            pass  # this is how Linux says that the other end is closed
        finally:
            os.close(ours)
        code = process.wait(30)
    during, _, after = seen.rpartition("\x1b[?1049l")
    assert "Traceback" not in seen
    return during, re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", after), code
