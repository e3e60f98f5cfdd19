"""The demo as people meet it: in a terminal, in a pipe, and ended by Ctrl-C. Real sockets, a few seconds in all."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rxkraken.cli import demo as demo_module
from rxkraken.cli import main
from rxkraken.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Sequence

COMMAND = [sys.executable, "-m", "rxkraken.cli", "demo"]
TIME = r"\d\d:\d\d:\d\d\.\d{3}"

pty = pytest.importorskip("pty", reason="pseudo-terminals are POSIX")


def start(*options: str) -> subprocess.Popen[str]:
    """Start the demo with its output in a pipe."""
    return subprocess.Popen([*COMMAND, *options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def in_a_terminal(command: Sequence[str], *, columns: int = 100, lines: int = 36) -> tuple[int, str]:
    """Run a command on a pseudo-terminal; its exit code and everything it wrote there."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns), "LINES": str(lines)}
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=environment) as process:
        os.close(theirs)
        chunks: list[bytes] = []
        try:
            while chunk := os.read(ours, 65536):
                chunks.append(chunk)
        except OSError:
            pass  # this is how Linux says that the other end is closed
        finally:
            os.close(ours)
        return process.wait(30), b"".join(chunks).decode()


def test_a_pipe_gets_plain_lines_through_a_disconnect_and_back() -> None:
    """Books, trades, the loss with its reason, the recovery on connection 2, and a line that sums it up."""
    with start("--seconds", "3") as process:
        out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, "")
    *lines, last = out.splitlines()
    assert all(re.match(TIME + "  ", line) and line.isprintable() for line in lines)
    story = [line for line in lines if re.search(r"public  +(online|lost)", line)]
    assert [re.sub(r".*public +(\w+).*", r"\1", line) for line in story] == ["online", "lost", "online"]
    assert "CloudFlare WebSocket proxy restarting" in story[1]
    assert "connection 2" in story[2]
    books = [line for line in lines if re.search(r"  book BTC/USD +bid [\d.,]+ @ [\d.,]+  ask .*  verified$", line)]
    assert len(books) >= 2
    assert any("  trade BTC/USD" in line for line in lines)
    assert re.fullmatch(r"\d\.\d s: (\d+) books, \1 verified; \d+ trades; 1 connection lost, recovered", last)


def test_a_terminal_gets_a_picture_that_stays_after_the_end() -> None:
    """A screen of its own while it runs; then the last picture and the summary remain."""
    code, text = in_a_terminal([*COMMAND, "--seconds", "2", "--symbol", "xbt/eur"])
    assert code == 0
    during, _, after = text.rpartition("\x1b[?1049l")
    assert "\x1b[?1049h" in during
    assert during.count("order book") >= 5
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", after)
    for part in ("BTC/EUR", "order book", "trades", "connection", "spread", "█", "recovered"):
        assert part in plain
    assert re.search(r"2\.\d s: \d+ books, ", plain)
    assert "Traceback" not in text


def test_ctrl_c_ends_it_cleanly() -> None:
    """Everything is closed, the summary is printed, and the exit code is 0: ending it so is how it is meant."""
    with start() as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (0, "")
    assert re.search(r"s: \d+ books?, ", out.splitlines()[-1])


def test_it_ends_when_nobody_reads_it_any_more() -> None:
    """`rxkraken demo | head -1` ends by itself, with a closed pipe's exit code and no complaint."""
    with start() as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (141, "")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--symbol", "nothing"], "--symbol: unknown symbol 'nothing'"),
        (["--symbol", "FOO/BAR"], "--symbol: "),
        (["--seconds", "0"], "--seconds"),
        (["--seconds", "soon"], "--seconds"),
    ],
)
def test_a_wrong_option_is_exit_code_2_and_one_line(
    capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    """Nothing is started; the line names the option and the value."""
    assert main(["demo", *options]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message in err


def test_a_stream_that_can_never_work_ends_the_demo_with_its_reason(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for a market that the exchange does not list: exit code 1 and the exchange's own words."""
    monkeypatch.setattr(demo_module, "_market", lambda symbol, seed: (symbol, Simulator(seed, ["ETH/USD"])))
    assert main(["demo", "--symbol", "BTC/USD", "--seconds", "10"]) == 1
    _, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert "BTC/USD" in err
