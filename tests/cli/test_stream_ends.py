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
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

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
    from tests.cli.conftest import Venue

both = pytest.mark.parametrize("api", ["v2", "v1"])
PATHS = {"v2": "/v2", "v1": "/"}
COMMAND = [sys.executable, "-m", "rxkraken.cli"]
REMEDY = "check the network and --endpoints, ask `rxkraken doctor`, or give --patience SECONDS before the command\n"


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


@both
def test_ctrl_c_ends_a_stream_with_130_and_no_word(api: str) -> None:
    """Every line that was written is whole."""
    with start("--simulate", "trades", "BTC/USD", "--api", api) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err) == (130, "")
    assert all(json.loads(line)["type"] == "trade" for line in out.splitlines())


@both
def test_a_closed_pipe_ends_a_stream_with_141_and_no_word(api: str) -> None:
    """`rxkraken trades BTC/USD | head -1` ends by itself."""
    with start("--simulate", "spread", "BTC/USD", "--api", api) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (141, "")


@both
def test_a_refused_connection_is_one_line_within_seconds(capsys: pytest.CaptureFixture[str], api: str) -> None:
    """After three tries; the line says where to and what to do."""
    url = f"ws://127.0.0.1:{refused_port()}{PATHS[api]}"
    begun = time.monotonic()
    assert main(["--endpoints", f"public={url}", "ticker", "BTC/USD", "--api", api]) == 1
    assert time.monotonic() - begun < 10
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"rxkraken: cannot connect to {url} (")
    assert err.endswith(REMEDY)


@pytest.mark.parametrize(
    ("command", "api"),
    [
        (["book", "BTC/USD"], "v2"),
        (["instruments"], "v2"),
        (["status", "--count", "9"], "v2"),
        (["book", "BTC/USD"], "v1"),
        (["spread", "BTC/USD"], "v1"),
        (["status", "--count", "9"], "v1"),
    ],
)
def test_a_dead_host_is_given_up_within_the_patience(
    capsys: pytest.CaptureFixture[str], dead_host: str, command: list[str], api: str
) -> None:
    """It takes the connection and says nothing: never a hang."""
    begun = time.monotonic()
    assert main(["--endpoints", dead_host, "--patience", "0.5", *command, "--api", api]) == 1
    assert time.monotonic() - begun < 10
    _, err = capsys.readouterr()
    assert err == f"rxkraken: no connection to {dead_host}{PATHS[api]} for 0.5 s (no answer); {REMEDY}"


@both
def test_a_dead_rest_host_is_given_up_too(
    capsys: pytest.CaptureFixture[str], venue: Venue, dead_host: str, api: str
) -> None:
    """An account stream needs a token from there; its sockets are fine."""
    there = f"{venue.base},rest={dead_host.replace('ws', 'http', 1)}"
    begun = time.monotonic()
    assert main(["--endpoints", there, "--patience", "0.5", "executions", "--api", api]) == 1
    assert time.monotonic() - begun < 10
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.endswith(REMEDY)


@both
def test_an_exchange_that_goes_away_ends_the_stream_after_the_patience(api: str) -> None:
    """It was there, it is not, and it does not come back: what was seen stays, and one line says why it ends."""
    with start("simulate", "--symbols", "BTC/USD", "--rate", "20") as exchange:
        assert exchange.stdout is not None
        urls = (exchange.stdout.readline() for _ in range(9))
        public = next(line.split()[1] for line in urls if line.startswith("public"))
        try:
            base = public.removesuffix("/v2")
            with start("--endpoints", base, "--patience", "1", "trades", "BTC/USD", "--api", api) as process:
                assert process.stdout is not None
                assert json.loads(process.stdout.readline())["type"] == "trade"
                exchange.kill()
                _, err = process.communicate(timeout=30)
        finally:
            exchange.kill()
    assert process.returncode == 1
    assert re.fullmatch(rf"rxkraken: lost {base}{PATHS[api]} for 1 s \(.+\); {re.escape(REMEDY)}", err)


@both
def test_an_interruption_that_ends_in_time_is_a_line_among_the_items(venue: Venue, api: str) -> None:
    """The stream goes on behind it; over v1 nobody can tell how many trades are missing."""
    with start("--endpoints", venue.base, "trades", "BTC/USD", "--api", api) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["type"] == "trade"
        venue.fault("drop", code=1001)
        told = [json.loads(process.stdout.readline())]
        while told[-1]["type"] != "gap":
            told.append(json.loads(process.stdout.readline()))
        after = json.loads(process.stdout.readline())
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (told[-1]["symbol"], "missed" in told[-1]) == ("BTC/USD", api == "v2")
    assert (after["type"], after["epoch"]) == ("trade", 2)
    assert (process.returncode, err) == (130, "")


@both
@pytest.mark.parametrize("channel", ["ticker", "spread", "book", "trades", "ohlc", "status", "executions"])
def test_every_stream_ends_by_count_and_by_time(venue: Venue, channel: str, api: str) -> None:
    """With exit code 0 and no word, and by the earlier of the two; executions are counted as well."""
    symbols = "" if channel == "status" else "BTC/USD"
    if channel == "executions":
        assert venue.run("order add BTC/USD buy limit --qty 0.01 --price 80000 --yes")[0] == 0
    code, out, err = venue.run(f"{channel} {symbols} --count 1 --for 30 --api {api}")
    assert (code, out.count("\n"), err) == (0, 1, "")
    begun = time.monotonic()
    moment = datetime.now(UTC) + timedelta(seconds=0.5)
    code, out, err = venue.run(f"{channel} {symbols} --until {moment:%Y-%m-%dT%H:%M:%S.%fZ} --for 30 --api {api}")
    assert (code, err) == (0, "")
    assert venue.run(f"{channel} {symbols} --for 0.2 --api {api}")[::2] == (0, "")
    assert time.monotonic() - begun < 15
    assert all(json.loads(line) for line in out.splitlines())


@both
def test_executions_begin_with_what_was_asked_for(venue: Venue, api: str) -> None:
    """The open orders, the latest fills, both, or neither; one order rests here and one is filled."""
    for order in ("buy limit --price 80000", "buy market --wait fill"):
        assert venue.run(f"order add BTC/USD {order} --qty 0.01 --yes")[0] == 0
    for options, expected in [("", {"new"}), ("--fills", {"new", "trade"}), ("--no-open --fills", {"trade"})]:
        told = told_before(venue, f"{options} --api {api}")
        # The market decides in how many fills an order is filled.
        assert {event["exec_type"] for event in told} == expected
        assert len({event["order"]["order_id"] for event in told}) == len(expected)
        assert all(event["snapshot"] for event in told)
    assert told_before(venue, f"--no-open --api {api}") == []


def told_before(venue: Venue, options: str) -> list[dict[str, Any]]:
    """What `executions` tells before the first thing that happens after it: an order of this function."""
    with start("--endpoints", venue.base, "executions", "BTC/USD", *options.split()) as process:
        assert process.stdout is not None
        wanted = {"openOrders", "ownTrades"} if options.endswith("v1") else {"executions"}
        while not wanted <= venue.do(lambda: subscribed(venue)):
            time.sleep(0.02)
        *_, placed = venue.run("order add BTC/USD buy limit --qty 0.01 --price 70000 --yes")[1].splitlines()
        order_id = json.loads(placed)["order_id"]
        told: list[dict[str, Any]] = []
        for line in process.stdout:
            event = json.loads(line)
            if event["order"]["order_id"] == order_id:
                break
            told.append(event)
        process.kill()
    assert venue.run(f"order cancel {order_id} --yes")[0] == 0
    return told


def subscribed(venue: Venue) -> set[str]:
    """The channels that somebody has subscribed to."""
    return {slot[0] for each in venue.simulator.exchange.connections.values() for slot in each.subscriptions}


@both
@pytest.mark.parametrize(("command", "where"), [("ticker BTC/USD", "public"), ("executions", "auth")])
def test_an_exchange_that_never_answers_a_subscription_is_given_up(
    venue: Venue, command: str, where: str, api: str
) -> None:
    """It says hello and sends heartbeats; the line names the connection on which it was asked."""
    venue.fault("swallow_ack", times=100)
    endpoints = venue.simulator.endpoints if api == "v2" else venue.simulator.v1_endpoints
    asked = f"{getattr(endpoints, where)} did not agree to send {command.split(maxsplit=1)[0]} for 2 s"
    assert venue.run(f"--patience 2 {command} --api {api}") == (1, "", f"rxkraken: {asked}; {REMEDY}")


@both
def test_the_status_tells_maintenance_and_an_interruption(venue: Venue, api: str) -> None:
    """The engine's words and the connection's, in the order in which they come."""
    with start("--endpoints", venue.base, "status", "--api", api) as process:
        assert process.stdout is not None
        told = [json.loads(process.stdout.readline()) for _ in range(4)]
        venue.fault("maintenance", step=0.2)
        while [line.get("system") for line in told].count("online") < 2:
            told.append(json.loads(process.stdout.readline()))
        process.kill()
    systems = [line["system"] for line in told if line["type"] == "system"]
    assert systems == ["online", "maintenance", "cancel_only", "post_only", "online"]
    assert {line["api_version"] for line in told if line["type"] == "system"} == {api}


@both
def test_a_key_that_may_not_watch_is_one_line_and_exit_code_1(
    venue: Venue, monkeypatch: pytest.MonkeyPatch, api: str
) -> None:
    """It names what the key lacks."""
    monkeypatch.setenv("KRAKEN_API_SECRET", "Zm9yZ2Vk")
    code, out, err = venue.run(f"executions --api {api}")
    assert (code, out, err.count("\n")) == (1, "", 1)
    assert "Invalid key" in err or "Invalid signature" in err


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
    return Patience(10, endpoints, given_up.append, loop, channel=channel), loop, given_up


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
