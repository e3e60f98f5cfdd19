"""`rxkraken ws` against the simulator: what Kraken's own client prints and how it ends (parity rows K4-02 to K4-16)."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys

import pytest

from rxkraken.cli import krakenws

COMMAND = [sys.executable, "-m", "rxkraken.cli"]
HEARD = "WebSocket -> Client: "
SAID = "Client -> WebSocket: "


def begin(venue, line, *before, folder=None, **environment):
    """Start the command as a process of its own, pointed at the exchange."""
    words = [*COMMAND, "--endpoints", venue.base, *before, "ws", *shlex.split(line)]
    return subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder, env={**os.environ, **environment}
    )


def read_until(process, ending):
    """Read lines until one of them holds this."""
    lines = []
    while not lines or ending not in lines[-1]:
        line = process.stdout.readline()
        assert line, (lines, process.stderr.read())
        lines.append(line.rstrip("\n"))
    return lines


def finish(process):
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parity("K4-02")
@pytest.mark.parity("K4-03")
@pytest.mark.parity("K4-13")
@pytest.mark.parity("K4-16")
def test_the_greeting_comes_first_then_what_was_asked_and_the_answer(venue):
    """Nothing at all is a ping, which ends by itself."""
    code, out, err = venue.run("ws --timeout 0.5")
    assert (code, err) == (0, "")
    greeting, said, heard = out.splitlines()
    assert json.loads(greeting.removeprefix(HEARD))["event"] == "systemStatus"
    assert said == SAID + '{"event":"ping"}'
    assert heard == HEARD + '{"event":"pong"}'


@pytest.mark.parity("K4-04")
@pytest.mark.parity("K4-07")
@pytest.mark.parity("K4-15")
@pytest.mark.parametrize("line", [line for kind in ("public", "private") for line in krakenws.EXAMPLES[kind]])
def test_a_feed_goes_on_until_it_is_interrupted(venue, line):
    """Every feed of the usage text; Ctrl-C is a good end."""
    process = begin(venue, line.replace("XBT/EUR", "XBT/USD"))
    lines = read_until(process, '"status":"subscribed"')
    assert json.loads(lines[1].removeprefix(SAID))["event"] == "subscribe"
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert (code, err) == (0, "")


@pytest.mark.parity("K4-09")
@pytest.mark.parity("K4-13")
@pytest.mark.parametrize("line", krakenws.EXAMPLES["trading"])
def test_a_trading_endpoint_is_answered_and_ends(venue, line):
    """The ids of the examples are nobody's; the others do what they say."""
    code, out, err = venue.run(f"ws --timeout 0.5 {line}")
    assert (code, err) == (0, "")
    said = next(row for row in out.splitlines() if row.startswith(SAID))
    assert '"token":"<hidden>"' in said
    event = json.loads(said.removeprefix(SAID))["event"]
    answers = [json.loads(row.removeprefix(HEARD)) for row in out.splitlines() if row.startswith(HEARD)]
    assert any(answer.get("event") == f"{event}Status" for answer in answers)
    token = venue.simulator.exchange.accounts["demo"].keys[0]
    assert token.secret not in out


@pytest.mark.parity("K4-12")
def test_the_token_may_lie_in_a_file_here(venue, tmp_path):
    """`WS_Token`, as Kraken's client wants it, or any file that is named."""
    exchange = venue.simulator.exchange
    token, _ = venue.do(lambda: exchange.issue_token(exchange.accounts["demo"].keys[0]))
    for name, option in (("WS_Token", ""), ("other", "--token-file other")):
        file = tmp_path / name
        file.write_text(token + "\n")
        file.chmod(0o600)
        keyless = {"KRAKEN_API_KEY": "", "KRAKEN_API_SECRET": ""}
        code, out, err = finish(begin(venue, f"--timeout 0.5 {option} cancelAll", folder=tmp_path, **keyless))
        assert (code, err) == (0, "")
        assert '"event":"cancelAllStatus","status":"ok"' in out
        assert token not in out
        file.unlink()


def test_a_token_that_others_may_read_is_used_with_a_warning(venue, tmp_path):
    """It says what to do."""
    exchange = venue.simulator.exchange
    token, _ = venue.do(lambda: exchange.issue_token(exchange.accounts["demo"].keys[0]))
    (tmp_path / "WS_Token").write_text(token)
    (tmp_path / "WS_Token").chmod(0o644)
    code, _, err = finish(begin(venue, "--timeout 0.5 cancelAll", folder=tmp_path))
    assert code == 0
    assert "chmod 600 WS_Token" in err


@pytest.mark.parity("K4-06")
@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("foo", "Unknown feed or endpoint 'foo'"),
        ("ticker", "ticker needs at least one symbol"),
        ("cancelOrder OABC", "'OABC' is not key=value"),
        ("--token-file /nowhere/token cancelAll", "cannot read the token file /nowhere/token: No such file"),
    ],
)
def test_bad_input_ends_with_one_and_says_what_helps(venue, line, told):
    """As Kraken's client ends, with the usage where it helps."""
    code, out, err = venue.run(f"ws {line}")
    assert (code, out) == (1, "")
    assert told in err


def test_without_any_token_nothing_is_sent(venue, tmp_path, monkeypatch):
    """No file, no key."""
    monkeypatch.delenv("KRAKEN_API_KEY")
    monkeypatch.delenv("KRAKEN_API_SECRET")
    monkeypatch.chdir(tmp_path)
    code, out, err = venue.run("ws cancelAll")
    assert (code, out) == (1, "")
    assert "put one into WS_Token here, give --token-file, or set an API key" in err


@pytest.mark.parity("K4-15")
def test_a_host_that_refuses_is_told_in_one_line(capsys):
    """Nobody listens on the discard port."""
    from rxkraken.cli import main  # noqa: PLC0415 - this one needs no exchange

    assert main(["--endpoints", "ws://127.0.0.1:9", "ws", "ping"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("rxkraken: the connection failed: ")
    assert err.count("\n") == 1


@pytest.mark.parity("K4-15")
def test_an_exchange_that_goes_away_ends_the_feed_with_one(venue):
    """The reason is told."""
    process = begin(venue, "ticker XBT/USD")
    read_until(process, '"status":"subscribed"')
    venue.fault("drop")
    code, _, err = finish(process)
    assert code == 1
    assert "the connection failed" in err


@pytest.mark.parity("K4-14")
def test_json_before_the_command_writes_a_frame_a_line(venue):
    """For programs: who spoke, and the frame as it was."""
    code, out, _ = venue.run("--json ws --timeout 0.5 ping reqid=7")
    assert code == 0
    frames = [json.loads(line) for line in out.splitlines()]
    assert [frame["from"] for frame in frames] == ["websocket", "client", "websocket"]
    assert frames[2]["frame"] == {"event": "pong", "reqid": 7}


def test_a_closed_pipe_ends_the_feed_quietly(venue):
    """`rxkraken ws book XBT/USD | head`."""
    process = begin(venue, "book XBT/USD")
    read_until(process, '"status":"subscribed"')
    process.stdout.close()
    assert process.wait(timeout=30) == 141
    assert process.stderr.read() == ""
    process.stderr.close()
