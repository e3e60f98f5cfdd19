"""How a stream command ends when something outside ends it: Ctrl-C, a closed pipe, an exchange that is not there."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from rxkraken.cli import main
from rxkraken.cli.patience import Patience
from rxkraken.models.status import Status
from rxkraken.settings import Endpoints

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rxkraken.errors import KrakenError
    from rxkraken.models.status import State

COMMAND = [sys.executable, "-m", "rxkraken.cli"]
REMEDY = "check the network and --endpoints, or give --patience SECONDS\n"


def start(*arguments: str) -> subprocess.Popen[str]:
    """Start a command with its output in a pipe."""
    return subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture
def dead_host() -> Iterator[str]:
    """A host that takes connections and never says a word."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}"


def refused_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return unused.getsockname()[1]


def test_ctrl_c_ends_a_stream_with_130_and_no_word() -> None:
    """Every line that was written is whole."""
    with start("--simulate", "trades", "BTC/USD") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
    assert all(json.loads(line)["type"] == "trade" for line in out.splitlines())


def test_a_closed_pipe_ends_a_stream_with_141_and_no_word() -> None:
    """`rxkraken trades BTC/USD | head -1` ends by itself."""
    with start("--simulate", "ticker", "BTC/USD", "--trigger", "bbo") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (141, "")


def test_a_refused_connection_is_one_line_within_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    """After three tries; the line says where to and what to do."""
    url = f"ws://127.0.0.1:{refused_port()}/v2"
    begun = time.monotonic()
    assert main(["--endpoints", f"public={url}", "ticker", "BTC/USD"]) == 1
    assert time.monotonic() - begun < 10
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"rxkraken: cannot connect to {url} (")
    assert err.endswith(REMEDY)


@pytest.mark.parametrize("command", [["book", "BTC/USD"], ["instruments"], ["status", "--count", "9"]])
def test_a_dead_host_is_given_up_within_the_patience(
    capsys: pytest.CaptureFixture[str], dead_host: str, command: list[str]
) -> None:
    """It takes the connection and says nothing: never a hang."""
    begun = time.monotonic()
    assert main(["--endpoints", dead_host, "--patience", "0.5", *command]) == 1
    assert time.monotonic() - begun < 10
    _, err = capsys.readouterr()
    assert err == f"rxkraken: no connection to {dead_host}/v2 for 0.5 s (no answer); {REMEDY}"


def test_a_dead_rest_host_is_given_up_too(
    capsys: pytest.CaptureFixture[str],
    dead_host: str,
    practice_exchange: Endpoints,
    practice_key: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An account stream needs a token from there; its sockets are fine."""
    for name, value in practice_key.items():
        monkeypatch.setenv(name, value)
    there = f"public={practice_exchange.public},auth={practice_exchange.auth},rest={dead_host.replace('ws', 'http', 1)}"
    begun = time.monotonic()
    assert main(["--endpoints", there, "--patience", "0.5", "executions"]) == 1
    assert time.monotonic() - begun < 10
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.endswith(REMEDY)


def test_an_exchange_that_goes_away_ends_the_stream_after_the_patience() -> None:
    """It was there, it is not, and it does not come back: what was seen stays, and one line says why it ends."""
    with start("simulate", "--symbols", "BTC/USD", "--rate", "20") as exchange:
        assert exchange.stdout is not None
        urls = (exchange.stdout.readline() for _ in range(9))
        public = next(line.split()[1] for line in urls if line.startswith("public"))
        try:
            with start("--endpoints", public.removesuffix("/v2"), "--patience", "1", "trades", "BTC/USD") as process:
                assert process.stdout is not None
                assert json.loads(process.stdout.readline())["type"] == "trade"
                exchange.kill()
                _, err = process.communicate(timeout=30)
        finally:
            exchange.kill()
    assert process.returncode == 1
    assert re.fullmatch(rf"rxkraken: lost {public} for 1 s \(.+\); {re.escape(REMEDY)}", err)


def test_a_key_that_cannot_be_used_is_one_line_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No file, a file that others can read, nothing in it, no variable: each with its remedy, and no secret."""
    monkeypatch.delenv("KRAKEN_API_KEY", raising=False)
    monkeypatch.delenv("KRAKEN_API_SECRET", raising=False)
    missing, open_to_all, empty = (tmp_path / name for name in ("missing", "open", "empty"))
    open_to_all.write_text("key\nc2VjcmV0\n")
    open_to_all.chmod(0o644)
    empty.touch(0o600)
    for options, message in [
        (["--credentials", str(missing)], f"cannot read the credentials file {missing}: No such file or directory"),
        (["--credentials", str(open_to_all)], f"so others may read the secret; run: chmod 600 {open_to_all}"),
        (["--credentials", str(empty)], f"{empty} holds no key and secret; write them on two lines"),
        ([], "KRAKEN_API_KEY and KRAKEN_API_SECRET not set"),
        ([], "or give --credentials FILE before the command, or practise with --simulate"),
    ]:
        assert main([*options, "--endpoints", "ws://127.0.0.1:1", "executions"]) == 2
        out, err = capsys.readouterr()
        assert (out, err.count("\n")) == ("", 1)
        assert message in err
        assert "c2VjcmV0" not in err


def test_verbose_tells_on_stderr_what_happens_underneath(capsys: pytest.CaptureFixture[str]) -> None:
    """The library's log, with time and level; and only while it is asked for."""
    url = f"ws://127.0.0.1:{refused_port()}/v2"
    assert main(["--verbose", "--endpoints", f"public={url}", "ticker", "BTC/USD"]) == 1
    *log, last = capsys.readouterr().err.splitlines()
    assert last.startswith("rxkraken: cannot connect")
    assert any(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \w+ rxkraken", line) for line in log)
    assert main(["--endpoints", f"public={url}", "ticker", "BTC/USD"]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 1


class Loop:
    """A loop whose timers are looked at, and fired by hand."""

    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def call_later(self, seconds: float, call: object, *arguments: object) -> Timer:
        self.timers.append(Timer(seconds, call, arguments))
        return self.timers[-1]


class Timer:
    """One of its timers."""

    def __init__(self, seconds: float, call: object, arguments: tuple[object, ...]) -> None:
        self.seconds, self._call, self._arguments, self.cancelled = seconds, call, arguments, False

    def cancel(self) -> None:
        self.cancelled = True

    def fire(self) -> None:
        assert callable(self._call)
        self._call(*self._arguments)


def patient(channel: str | None = None) -> tuple[Patience, Loop, list[KrakenError]]:
    """A patience of ten seconds, its timers, and what it gave up with."""
    loop = Loop()
    given_up: list[KrakenError] = []
    endpoints = Endpoints.custom("ws://here/v2", auth="ws://there/v2")
    return Patience(10, endpoints, given_up.append, loop, channel), loop, given_up


def status(state: State, connection: str = "public", channel: str | None = None) -> Status:
    return Status(state, connection, 1, 1.0, "because", channel)


def test_a_connection_that_comes_back_in_time_is_waited_for() -> None:
    """However often it is lost; the clock starts anew with each loss."""
    patience, loop, given_up = patient()
    for state in ("connecting", "online", *("lost", "connecting", "lost", "lost", "lost", "connecting", "online") * 3):
        patience.hear(status(state))
    assert [timer.cancelled for timer in loop.timers] == [True] * 4
    patience.hear(status("lost", "auth-2"))
    loop.timers[-1].fire()
    assert [str(error) for error in given_up] == [
        f"no connection to ws://there/v2 for 10 s (because); {REMEDY.rstrip()}"
    ]


def test_an_exchange_that_does_not_agree_to_the_channel_is_given_up() -> None:
    """It is connected, and nothing comes of the subscription; its answer, yes or no, or an item ends the wait."""
    patience, loop, given_up = patient("ticker")
    patience.hear(status("connecting"))
    patience.hear(status("online"))
    loop.timers[0].fire()
    message = f"ws://here/v2 did not agree to send ticker for 10 s; {REMEDY.rstrip()}"
    assert [str(error) for error in given_up] == [message]
    for state in ("subscribed", "rejected"):
        patience, loop, _ = patient("ticker")
        patience.hear(status("subscribed", channel="instrument"))
        assert not loop.timers[0].cancelled
        patience.hear(status(state, channel="ticker"))
        assert loop.timers[0].cancelled


def test_every_command_stops_when_it_is_told_to_by_the_system() -> None:
    """SIGTERM is as clean as Ctrl-C."""
    with start("--simulate", "book", "BTC/USD") as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        os.kill(process.pid, signal.SIGTERM)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
