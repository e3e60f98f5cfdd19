"""`rxkraken simulate`: a server that says where it is, serves, and goes when told."""

from __future__ import annotations

import asyncio
import json
import os
import shlex
import signal
import socket
import ssl
import stat
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import trustme

from rxkraken.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def ipv6() -> bool:
    """Whether this machine can listen there."""
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@contextmanager
def simulating(*options: object) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Run the command; gives the process and the URLs that it printed, by name."""
    command = [sys.executable, "-m", "rxkraken.cli", "simulate", *map(str, options)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            urls: dict[str, str] = {}
            assert "rxkraken simulator" in (process.stdout.readline() or process.stderr.read())
            while "admin" not in urls:
                name, _, url = process.stdout.readline().rpartition(" ")
                urls[name.strip()] = url.strip()
            yield process, urls
        finally:
            process.kill()


def printed(process: subprocess.Popen[str], count: int) -> list[str]:
    """What it says after its URLs."""
    assert process.stdout is not None
    return [process.stdout.readline() for _ in range(count)]


def command(*arguments: str, environment: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run another command beside it, with no key of its own but that of the environment given."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("KRAKEN_API_")}
    return subprocess.run(
        [sys.executable, "-m", "rxkraken.cli", *arguments],
        capture_output=True, text=True, check=False, timeout=60, env={**inherited, **(environment or {})},
    )  # fmt: skip


def stopped(process: subprocess.Popen[str], number: signal.Signals) -> tuple[int, str]:
    """Send a signal; the exit code and what was said on standard error."""
    process.send_signal(number)
    _, err = process.communicate(timeout=30)
    return process.returncode, err


async def first_frames(url: str, tls: ssl.SSLContext | None = None) -> list[dict[str, Any]]:
    """Connect, subscribe to a book, and return the frames up to its snapshot, without heartbeats."""
    request = {"method": "subscribe", "params": {"channel": "book", "symbol": ["ETH/USD"]}, "req_id": 1}
    async with aiohttp.ClientSession() as session, session.ws_connect(url, ssl=tls or True) as socket_:
        await socket_.send_json(request)
        frames: list[dict[str, Any]] = []
        while not frames or frames[-1].get("channel") != "book":
            frame = await socket_.receive_json()
            frames += [frame] if frame.get("channel") != "heartbeat" else []
        return frames


def test_it_serves_what_it_prints_until_ctrl_c() -> None:
    """Status first, then the ack, then the snapshot; Ctrl-C ends it with exit code 0 and nothing to complain about."""
    with simulating("--seed", 7, "--symbols", "xbt/usd,ETHUSD") as (process, urls):
        assert urls["public"].startswith("ws://127.0.0.1:")
        assert urls["admin"].startswith("http://127.0.0.1:")
        frames = asyncio.run(first_frames(urls["public"]))
        assert [frame.get("channel", frame.get("method")) for frame in frames] == ["status", "subscribe", "book"]
        assert frames[-1]["data"][0]["symbol"] == "ETH/USD"
        assert stopped(process, signal.SIGINT) == (0, "")


@pytest.mark.skipif(not ipv6(), reason="this machine has no IPv6")
def test_it_serves_ipv6_at_urls_with_brackets() -> None:
    """What it prints can be given to other commands, over v2, v1 and REST."""
    with simulating("--symbols", "BTC/USD", "--host", "::1") as (process, urls):
        base = urls["public"].removesuffix("/v2")
        assert base.startswith("ws://[::1]:")
        lines = ("spread BTC/USD --count 1", "spread BTC/USD --count 1 --api v1", "rest GET Time")
        ends = [command("--endpoints", base, *shlex.split(line)) for line in lines]
        assert stopped(process, signal.SIGINT) == (0, "")
    assert [(done.returncode, done.stderr) for done in ends] == [(0, "")] * 3


def test_it_says_where_v1_is_and_serves_it() -> None:
    """At the paths of Kraken's own hosts: none, and one of its own for what needs a token."""
    with simulating("--symbols", "BTC/USD") as (_, urls):
        base = urls["public"].removesuffix("/v2")
        assert (urls["v1 public"], urls["v1 auth"]) == (f"{base}/", f"{base}/auth")
        done = command("--endpoints", base, "spread", "BTC/USD", "--count", "1", "--api", "v1")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["symbol"] == "BTC/USD"


def test_who_types_what_it_prints_watches_and_trades() -> None:
    """Each line as it stands, in another process; the variables are those of the practice key, and it says so."""
    with simulating("--symbols", "ETH/USD,BTC/USD", "--rate", "20") as (process, urls):
        told = [line.strip() for line in printed(process, 7)]
        assert "practice key that has no value" in told[2]
        environment = dict(line.removeprefix("export ").split("=", 1) for line in told[3:5])
        assert set(environment) == {"KRAKEN_API_KEY", "KRAKEN_API_SECRET"}
        book, executions, order = (shlex.split(told[number])[1:] for number in (1, 5, 6))
        assert book[:2] == ["--endpoints", urls["public"].removesuffix("/v2")]
        watched = command(*book, "--count", "1", environment=environment)
        placed = command(*order, "--yes", "--wait", "fill", environment=environment)
        filled = command(*executions, "--fills", "--count", "1", environment=environment)
    for done in (watched, placed, filled):
        assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(watched.stdout)["symbol"] == "ETH/USD"
    order_id = json.loads(placed.stdout.splitlines()[-1])["order_id"]
    assert json.loads(filled.stdout)["order"]["order_id"] == order_id


def test_the_practice_key_can_be_written_to_a_file_of_its_owner(tmp_path: Path) -> None:
    """Then it is not printed; `--credentials` takes it, over v1 too; the next run writes it anew."""
    file = tmp_path / "practice key"
    for _ in range(2):
        with simulating("--symbols", "BTC/USD", "--write-credentials", file) as (process, _):
            executions, order = (shlex.split(line)[1:] for line in printed(process, 5)[3:])
            assert stat.S_IMODE(file.stat().st_mode) == 0o600
            assert executions[2:4] == order[2:4] == ["--credentials", str(file)]
            placed = command(*order, "--yes", "--wait", "fill")
            filled = command(*executions, "--fills", "--no-open", "--count", "1", "--api", "v1")
        assert [(done.returncode, done.stderr) for done in (placed, filled)] == [(0, "")] * 2
        order_id = json.loads(placed.stdout.splitlines()[-1])["order_id"]
        assert json.loads(filled.stdout)["order"]["order_id"] == order_id


def test_a_file_that_somebody_else_wrote_is_never_replaced(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """It may hold a key that is worth something. Nothing is served, and one line says what to do."""
    file, link = tmp_path / "kraken", tmp_path / "link"
    file.write_text("key\nc2VjcmV0\n")
    link.symlink_to(file)
    for path in (file, link):
        assert main(["simulate", "--write-credentials", str(path)]) == 2
        told = "there is such a file, and it was not written by this command; give another name, or remove it"
        assert capsys.readouterr() == ("", f"rxkraken: --write-credentials {path}: {told}\n")
    assert file.read_text() == "key\nc2VjcmV0\n"
    missing = tmp_path / "missing" / "key"
    assert main(["simulate", "--write-credentials", str(missing)]) == 2
    told = f"rxkraken: --write-credentials {missing}: it cannot be written: No such file or directory\n"
    assert capsys.readouterr() == ("", told)


def test_it_goes_when_the_system_says_so() -> None:
    """SIGTERM, as from a container or a service manager, is as good as Ctrl-C."""
    with simulating() as (process, _):
        assert stopped(process, signal.SIGTERM) == (0, "")


def test_it_serves_tls_with_the_certificate_given(tmp_path: Path) -> None:
    """The `wss` URL works for a client that trusts the authority."""
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1", "localhost")
    chain, key = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain.write_bytes(b"".join(part.bytes() for part in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(key)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with simulating("--tls-cert", chain, "--tls-key", key) as (_, urls):
        assert urls["tls public"].startswith("wss://")
        assert urls["tls v1 auth"] == urls["tls public"].removesuffix("/v2") + "/auth"
        assert asyncio.run(first_frames(urls["tls public"], trusting))[-1]["channel"] == "book"


def test_it_serves_a_recording(captures: Path) -> None:
    """`--serve` sends the recorded market, at the pace asked for."""
    recording = captures / "spot-v2" / "ethusd-book25.ndjson"
    recorded = json.loads(json.loads(recording.read_text().splitlines()[2])[1])
    with simulating("--serve", recording, "--pace", 1000) as (_, urls):
        assert set(urls) == {"public", "admin"}
        assert asyncio.run(first_frames(urls["public"]))[-1]["data"][0]["checksum"] == recorded["data"][0]["checksum"]


def test_a_port_that_is_taken_is_exit_code_1_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """The line says which address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["simulate", "--port", str(port)]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"cannot serve on host='127.0.0.1', port={port}: Address already in use; give" in err


@pytest.mark.parametrize(("host", "why"), [("192.0.2.1", "Cannot assign requested address"), ("no..host", "")])
def test_a_host_that_is_not_this_machine_is_exit_code_1_and_named(
    capsys: pytest.CaptureFixture[str], host: str, why: str
) -> None:
    """With what would do. Why a name cannot be resolved is for the system to say."""
    assert main(["simulate", "--host", host]) == 1
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert f"cannot serve on host='{host}', port=0: {why}" in err
    assert "give an address of this machine such as '127.0.0.1' or '::1'" in err


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--symbols", "nothing"], "--symbols: unknown symbol 'nothing'"),
        (["--symbols", "BTC/USD,FOO/BAR"], "--symbols: "),
        (["--port", "70000"], "--port"),
        (["--host", ""], "host='' is no host; give a name or an address"),
        (["--host", "a b"], "host='a b' is no host; give a name or an address"),
        (["--host", "[::1]"], "host='[::1]' is no host; give a name or an address"),
        (["--rate", "-1"], "--rate"),
        (["--rate", "inf"], "--rate"),
        (["--pace", "-1"], "--pace"),
        (["--serve", "{tmp}/words"], "{tmp}/words"),
        (["--serve", "{tmp}/missing"], "--serve {tmp}/missing: there is no such file"),
        (["--serve", "{tmp}/words", "--write-credentials", "{tmp}/key"], "--write-credentials: a recording has no"),
        (["--tls-key", "{tmp}/key"], "--tls-key needs --tls-cert"),
        (["--tls-cert", "{tmp}/missing"], "--tls-cert {tmp}/missing: no certificate"),
    ],
)
def test_a_wrong_option_is_exit_code_2_and_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, options: list[str], message: str
) -> None:
    """Nothing is started; the line names the option and the value."""
    (tmp_path / "words").write_text("no recording\n")
    assert main(["simulate", *(option.format(tmp=tmp_path) for option in options)]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert message.format(tmp=tmp_path) in err
