"""What Kraken's own samples showed: a loop of a few lines, callbacks beside other work, and when to take which."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

import rxkraken as rk

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "sync.md"
CLIENTS = pytest.mark.parametrize(
    ("kind", "endpoints"), [(rk.sync.KrakenClient, "endpoints"), (rk.sync.KrakenV1Client, "v1_endpoints")]
)


@pytest.fixture
def exchange():
    """A busy simulator."""
    with rk.sync.Simulator(seed=1, symbols=["BTC/USD", "ETH/USD"], rate=50) as simulator:
        yield simulator


@pytest.mark.parity("K3-01")
@pytest.mark.parity("K3-03")
@CLIENTS
def test_four_lines_watch_several_markets(exchange, kind, endpoints):
    """Connect, say what is wanted, loop: as long as with a bare socket, and the numbers are numbers."""
    seen = {}
    with kind(getattr(exchange, endpoints)) as client:
        for ticker in client.ticker("BTC/USD", "ETH/USD"):
            seen[ticker.symbol] = ticker.bid < ticker.ask
            if len(seen) == 2:
                break
    assert seen == {"BTC/USD": True, "ETH/USD": True}


@pytest.mark.parity("K3-02")
@pytest.mark.parity("K3-04")
@CLIENTS
def test_market_data_comes_to_a_callback_while_the_main_thread_works(exchange, kind, endpoints):
    """In a thread that nobody had to start; it goes on over a lost connection without an `on_open`."""
    before, after = threading.Event(), threading.Event()
    newest, threads = {}, set()

    def keep(book):
        newest[book.symbol] = book
        threads.add(threading.current_thread())
        (before if book.epoch == 1 else after).set()

    settings = rk.Settings(backoff_base=0.05)
    with kind(getattr(exchange, endpoints), settings=settings) as client, client.book("BTC/USD").subscribe(keep, print):
        assert before.wait(30)
        exchange.fault("drop", code=1006)
        assert after.wait(30)
    assert newest["BTC/USD"].verified
    assert len(threads) == 1
    assert threading.current_thread() not in threads


@pytest.mark.parity("K3-05")
def test_the_guide_says_when_to_loop_and_when_to_give_callbacks():
    """A table: what a program is like, and what to take."""
    (section,) = re.findall(
        r"^## Two ways to use it\n(.*?)^## ", GUIDE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL
    )
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in section.splitlines() if line[:1] == "|"]
    assert rows[0] == ["your program", "take"]
    taken = " ".join(row[1] for row in rows[2:])
    assert all(way in taken for way in ("the loop", "callbacks", "thread=", "rk.KrakenClient"))
