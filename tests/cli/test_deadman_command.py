"""`rxkraken dead-man`: armed while it runs, disarmed when it ends, and honest about what it could not do."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import subprocess
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from rxkraken.cli import deadman
from rxkraken.cli.exits import Ended
from rxkraken.errors import LinkLost
from rxkraken.models.trading import Armed, Tripped

if TYPE_CHECKING:
    from tests.cli.conftest import Venue

NOON = datetime(2026, 8, 2, 12, 0, 0, tzinfo=UTC)


def records(out: str) -> list[dict[str, Any]]:
    """The lines of JSON."""
    return [json.loads(line) for line in out.splitlines()]


def timeouts(venue: Venue) -> list[int]:
    """What the exchange was told, in order."""
    return [r.params["timeout"] for r in venue.simulator.received if r.method == "cancel_all_orders_after"]


def test_it_arms_refreshes_and_disarms(venue: Venue) -> None:
    """Each confirmation is a line with the moment at which it would fire; the last word to the exchange is 0."""
    code, out, err = venue.run("dead-man 5 --for 2.2")
    told = records(out)
    assert (code, err) == (0, "")
    assert [record["type"] for record in told] == ["armed", "armed", "disarmed"]
    assert told[0]["seconds"] == 5
    assert told[0]["trigger_time"] < told[1]["trigger_time"]
    assert timeouts(venue)[:2] == [5, 5]
    assert set(timeouts(venue)[2:]) == {0}


def test_ctrl_c_disarms_it(venue: Venue) -> None:
    command = [sys.executable, "-m", "rxkraken.cli", "--endpoints", venue.base, "dead-man", "60"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["type"] == "armed"
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, err, records(out)) == (0, "", [{"type": "disarmed"}])
    assert timeouts(venue)[0] == 60
    assert timeouts(venue)[-1] == 0


def test_it_disarms_when_nobody_reads_it_any_more(venue: Venue) -> None:
    """A closed pipe ends it as quietly as every command, and the switch is off all the same."""
    command = [sys.executable, "-m", "rxkraken.cli", "--endpoints", venue.base, "dead-man", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert (process.wait(30), process.stderr.read()) == (141, "")
    assert timeouts(venue)[-1] == 0


@pytest.mark.parametrize("seconds", ["4", "86400", "soon"])
def test_seconds_that_cannot_be_are_a_usage_error(venue: Venue, seconds: str) -> None:
    code, out, err = venue.run(f"dead-man {seconds}")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert timeouts(venue) == []


def test_a_key_that_may_not_do_this_is_exit_code_3(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    venue.do(lambda: venue.simulator.exchange.add_key("demo", permissions=["websockets", "query_open_orders"]))
    key = venue.simulator.accounts["demo"].keys[-1]
    monkeypatch.setenv("KRAKEN_API_KEY", key.key)
    monkeypatch.setenv("KRAKEN_API_SECRET", key.secret)
    code, out, err = venue.run("dead-man 60")
    assert (code, out) == (3, "")
    assert "ermission denied" in err


class Switching:
    """A client whose switch is played by hand."""

    def __init__(self, *states: Any, disarm: Exception | None = None) -> None:
        """`states` come at the subscription."""
        self._states = states
        self._disarm = disarm
        self.calls: list[int] = []

    def dead_mans_switch(self, seconds: int) -> Switching:
        self.calls.append(seconds)
        return self

    def subscribe(self, on_next: Any, on_error: Any) -> Switching:
        for state in self._states:
            on_error(state) if isinstance(state, Exception) else on_next(state)
        return self

    def dispose(self) -> None:
        self.calls.append(-1)

    async def cancel_all_orders_after(self, timeout: int) -> None:  # noqa: ASYNC109 - Kraken's name
        self.calls.append(timeout)
        if self._disarm is not None:
            raise self._disarm


def played(client: Switching, *, for_people: bool = True) -> deadman._Run:
    """Run it for a moment against such a client."""
    run = deadman._Run(deadman._as_text if for_people else deadman._as_json, 15)
    asyncio.run(run.guard(client, 60, asyncio.Event(), 0.01))  # type: ignore[arg-type]
    return run


def test_a_switch_that_tripped_is_told_and_remembered(capsys: pytest.CaptureFixture[str]) -> None:
    """It may be armed again afterwards; the orders are gone all the same."""
    armed = Armed(NOON, NOON, 60)
    client = Switching(armed, Tripped(1.0, "not refreshed for 60 s: no reply in time"), armed)
    assert played(client).tripped
    assert capsys.readouterr().out.splitlines() == [
        "armed: cancels every order at 2026-08-02T12:00:00+00:00 unless it is refreshed",
        "TRIPPED: not refreshed for 60 s: no reply in time; take every order of the account as cancelled",
        "armed: cancels every order at 2026-08-02T12:00:00+00:00 unless it is refreshed",
        "disarmed",
    ]
    assert client.calls == [60, -1, 0]
    played(Switching(Tripped(1.0, "why")), for_people=False)
    assert json.loads(capsys.readouterr().out) == {"type": "tripped", "since": 1.0, "reason": "why"}


def test_a_tripped_switch_is_exit_code_7(venue: Venue, monkeypatch: pytest.MonkeyPatch) -> None:
    async def tripped(self: Any, *_: object) -> None:
        self.tripped = True

    monkeypatch.setattr(deadman._Run, "guard", tripped)
    code, out, err = venue.run("dead-man 60")
    assert (code, out) == (7, "")
    assert "take every order of the account as cancelled" in err


def test_a_connection_lost_for_longer_than_the_time_trips_the_switch(venue: Venue) -> None:
    """The exchange cancels the orders, and the command says so: at once, and with exit code 7 in the end."""
    assert venue.run("order add BTC/USD buy limit --qty 0.01 --price 25000 --cl-ord-id mine-1 --yes")[0] == 0
    command = [sys.executable, "-m", "rxkraken.cli", "--endpoints", venue.base, "dead-man", "5"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["type"] == "armed"
        venue.fault("refuse_upgrade", status=503, times=1000)
        venue.fault("drop")
        told = [json.loads(process.stdout.readline())]
        while told[-1]["type"] == "armed":
            told.append(json.loads(process.stdout.readline()))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert told[-1]["type"] == "tripped"
    assert told[-1]["reason"].startswith("not refreshed for 5 s: ")
    assert (process.returncode, err.splitlines()[-1]) == (
        7, "rxkraken: the switch tripped while this ran: take every order of the account as cancelled",
    )  # fmt: skip
    assert json.loads(venue.run("rest POST OpenOrders")[1]) == {"open": {}}


def test_a_switch_that_cannot_be_disarmed_is_a_failure() -> None:
    """The line says when everything will be cancelled."""
    with pytest.raises(Ended, match=r"cancels every order at 2026-08-02T12:00:00\+00:00: gone") as told:
        played(Switching(Armed(NOON, NOON, 60), disarm=LinkLost("gone")))
    assert told.value.code == 1


def test_every_example_of_the_help_runs(venue: Venue) -> None:
    """For a moment: what runs until Ctrl-C is ended, and what runs an hour is shortened."""
    examples = re.findall(r"^ +(rxkraken dead-man.*?) *$", venue.run("dead-man --help")[1], re.MULTILINE)
    assert examples == ["rxkraken dead-man 60", "rxkraken dead-man 60 --for 3600"]
    for example in examples:
        line = example.removeprefix("rxkraken ").replace("--for 3600", "")
        code, out, err = venue.run(line + " --for 0.5")
        assert (code, err, records(out)[-1]) == (0, "", {"type": "disarmed"})
