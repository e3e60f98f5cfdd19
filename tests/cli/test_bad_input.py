"""Bad input and bad networks on the whole command line: one line with the remedy, the documented code, and an end."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from crowd import Crowd, handles, has_open, until

from rxkraken.cli import main, orders_sending
from rxkraken.trading import desk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.cli.conftest import Venue

COMMAND = [sys.executable, "-m", "rxkraken.cli"]
SECRET = "c2VjcmV0LW9mLXRoaXMtdGVzdA=="
ORDER = "BTC/USD buy limit --qty 0.01 --price 25000"


def told(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    """Run it here; the exit code and what stderr says, which must be one honest line."""
    capsys.readouterr()
    begun = time.monotonic()
    code = main(words)
    assert time.monotonic() - begun < 10, words
    out, err = capsys.readouterr()
    assert "Traceback" not in err
    assert SECRET not in out + err
    return code, err


def one_line(err: str) -> str:
    assert err.startswith("rxkraken: "), err
    assert err.count("\n") == 1, err
    return err


# Every command that goes on, and every one that asks somebody.
WATCHING = (
    "ticker BTC/USD", "spread BTC/USD", "book BTC/USD", "trades BTC/USD", "ohlc BTC/USD", "instruments --follow",
    "status", "level3 BTC/USD", "executions", "balances", "dead-man 60",
)  # fmt: skip
ASKING = (
    "book BTC/USD", "instruments", "executions", "order cancel-all --yes", f"order add {ORDER} --deadline 0.5 --yes",
    "order cancel O1 --yes", "dead-man 60", "rest GET Time", "rest POST Balance", "rest POST CancelAll --yes",
    "token", "doctor --within 0.1", "ws ping", "ws ticker XBT/USD", "ws cancelAll", "ticker BTC/USD --api v1",
    "book BTC/USD --api v1", "executions --api v1",
)  # fmt: skip
# Digits of other scripts, and what Python reads beside them.
ONE = "\N{ARABIC-INDIC DIGIT ONE}"
WRONG = ("inf", "nan", "-1", "1_0", ONE)


@pytest.mark.parametrize(
    ("line", "named", "remedy"),
    [
        ("book 'BTC/U☃D'", "'BTC/U☃D'", "write it as BASE/QUOTE"),
        ("ticker ''", "''", "write it as BASE/QUOTE"),
        ("trades NOPE", "'NOPE'", "write it as BASE/QUOTE"),
        ("level3 NOPE", "'NOPE'", "write it as BASE/QUOTE"),
        (f"order add NOPE {ORDER[8:]} --yes", "'NOPE'", "write it as BASE/QUOTE"),
        ("order edit O1 NOPE --qty 1 --yes", "'NOPE'", "write it as BASE/QUOTE"),
        ("simulate --symbols NOPE", "'NOPE'", "write it as BASE/QUOTE"),
        ("books BTC/USD", "'books'", "--help"),
        ("order fly", "'fly'", "see rxkraken order --help"),
        ("order", "command", "see rxkraken order --help"),
        ("book", "'SYMBOL'", "see rxkraken book --help"),
        ("--nosuch book BTC/USD", "--nosuch", "--help"),
        ("token extra", "extra", "see rxkraken token --help"),
        ("book BTC/USD --depth nan", "'nan'", "write plain digits"),
        ("book BTC/USD --depth 0x10", "'0x10'", "write plain digits"),
        ("book BTC/USD --depth 7", "7", "choose one of 10, 25"),
        (f"book BTC/USD --depth {'9' * 60}", "9" * 60, "choose one of 10, 25"),
        ("level3 BTC/USD --depth 7", "7", "choose one of 10, 100"),
        ("ohlc BTC/USD --interval 7", "7", "choose one of 1, 5"),
        ("ticker BTC/USD --trigger x", "'x'", "'trades', 'bbo'"),
        ("ticker BTC/USD --for -1", "'-1'", "from 0.1 to 31536000"),
        ("ticker BTC/USD --for nan", "'nan'", "from 0.1 to 31536000"),
        *(
            (f"{command} --for {value}", f"'{value}'", "from 0.1 to 31536000")
            for command in WATCHING
            for value in WRONG[: 5 if command == "executions" else 2]
        ),
        *(
            (f"--patience {value} {line}", f"'{value}'", "from 0.1 to 31536000")
            for line in ASKING
            for value in WRONG[:2]
        ),
        ("book BTC/USD --depth 1_0", "'1_0'", "write plain digits"),
        ("demo --seconds inf", "'inf'", "from 0.1 to 31536000"),
        ("ticker BTC/USD --count 1_0", "'1_0'", "of at least 1"),
        ("ticker BTC/USD --count 0", "'0'", "of at least 1"),
        ("ticker BTC/USD --until 2001-01-01T00:00:00Z", "2001-01-01", "that has passed; it is 20"),
        ("ticker BTC/USD --until soon", "soon", "write it as 14:30"),
        ("--patience 0 ticker BTC/USD", "'0'", "from 0.1 to 31536000"),
        ("--patience inf ticker BTC/USD", "'inf'", "from 0.1 to 31536000"),
        ("--endpoints nowhere book BTC/USD", "nowhere", "give live, beta"),
        ("--endpoints public=http://x book BTC/USD", "http://x", "write it as ws://"),
        ("--endpoints public=ws://127.0.0.1:9 token", "URL for rest", "add one: --endpoints rest=URL"),
        ("--endpoints public=ws://127.0.0.1:9 rest GET Time", "URL for rest", "add one: --endpoints rest=URL"),
        ("--endpoints public=ws://127.0.0.1:9 dead-man", "URL for auth", "add one: --endpoints auth=URL"),
        ("--endpoints public=ws://127.0.0.1:9 order cancel-all --yes", "URL for auth", "add one: --endpoints auth=URL"),
        ("--endpoints http://127.0.0.1:9 book BTC/USD", "URL for public", "add one: --endpoints public=URL"),
        ("--endpoints http://127.0.0.1:9 status --api v1", "URL for public", "add one: --endpoints public=URL"),
        ("--endpoints public=ws://127.0.0.1:9 executions", "URL for auth", "add one: --endpoints auth=URL"),
        ("--endpoints auth=ws://127.0.0.1:9 balances", "URL for rest", "add one: --endpoints rest=URL"),
        ("--endpoints beta level3 BTC/USD", "URL for l3", "add one: --endpoints l3=URL"),
        ("--endpoints ws://[::1 book BTC/USD", "ws://[::1", "an IPv6 address in brackets"),
        ("--endpoints ws://[abc] book BTC/USD", "ws://[abc]", "an IPv6 address in brackets"),
        ("--endpoints ws://::1:8080 book BTC/USD", "ws://::1:8080", "an IPv6 address in brackets"),
        ("--endpoints ws://127.0.0.1:99999 book BTC/USD", ":99999", "a port from 1 to 65535"),
        ("--endpoints public=ws://127.0.0.1:x book BTC/USD", ":x", "a port from 1 to 65535"),
        ("--endpoints rest=http://127.0.0.1:0 rest GET Time", "port 0", "a port from 1 to 65535"),
        ("--endpoints 'ws://a b' ws ping", "ws://a b", "a space in it"),
        ("--endpoints ws:// book BTC/USD", "ws://", "write it as ws://host"),
        ("--endpoints live,nowhere book BTC/USD", "live", "give live, beta"),
        ("--simulate --endpoints beta token", "exclude each other", "leave one of them out"),
        ("dead-man nan", "'nan'", "from 5 to 86399"),
        ("dead-man 4", "'4'", "from 5 to 86399"),
        ("dead-man 60 --for -1", "'-1'", "from 0.1 to 31536000"),
        ("dead-man 60 --for inf", "'inf'", "from 0.1 to 31536000"),
        ("doctor --within inf", "'inf'", "from 0.1 to 31536000"),
        ("doctor --within 0", "'0'", "from 0.1 to 31536000"),
        ("order add BTC/USD hold limit --qty 1", "'hold'", "'buy', 'sell'"),
        (f"order add {ORDER} --qty nan --yes", "'nan'", "write plain digits"),
        (f"order add {ORDER} --qty 1_0 --yes", "--qty '1_0'", "write plain digits"),
        (f"order add {ORDER} --qty {ONE} --yes", f"--qty '{ONE}'", "write plain digits"),
        ("order amend O1 --price 1_0 --yes", "--price '1_0'", "write plain digits"),
        ("order edit O1 BTC/USD --trigger-price ' 1' --yes", "--trigger-price ' 1'", "write plain digits"),
        (f"order add {ORDER} --deadline inf --yes", "'inf'", "write plain digits"),
        (f"order add {ORDER} --qty -1 --yes", "-1", "more than 0"),
        (f"order add {ORDER} --qty 0x10 --yes", "'0x10'", "write plain digits"),
        (f"order add {ORDER} --qty '' --yes", "''", "write plain digits"),
        (f"order add {ORDER} --qty {'1' * 99} --yes", "1" * 99, "finite one of usual size"),
        (f"order add {ORDER} --deadline 0 --yes", "deadline=0.0", "0.5 to 60"),
        (f"order add {ORDER} --cl-ord-id ☃ --yes", "'☃'", "printable ASCII"),
        (f"order add {ORDER} --order-userref {'9' * 20} --yes", "9" * 20, "from -2147483648"),
        (f"order add {ORDER} --wait fill --within inf --yes", "'inf'", "from 0.1 to 31536000"),
        (f"order add {ORDER} --wait never --yes", "'never'", "'ack', 'fill'"),
        (f"order add {ORDER}", "add_order", "give --yes"),
        ("order amend '' --price 1 --yes", "''", "give the text Kraken sent"),
        ("order cancel '' --yes", "''", "give the text Kraken sent"),
        ("order cancel --order-userref x --yes", "'x'", "write plain digits"),
        ("order batch BTC/USD '' --yes", "FILE is empty", "name the file"),
        ("order batch BTC/USD / --yes", "/", "Is a directory"),
        ("rest PUT Time", "'PUT'", "'get', 'post'"),
        ("rest GET Ti/me", "'Ti/me'", "begin with Earn/; give it as Kraken writes it"),
        ("rest POST Earn/ --yes", "'Earn/'", "as Kraken writes it"),
        ("rest GET 'Time!'", "'Time!'", "as Kraken writes it"),
        ("rest GET Ticker pair", "'pair'", "write key=value"),
        ("rest GET Ticker pair:=nan", "pair:=nan", "write pair=nan"),
        ("rest GET Time -o /nowhere/x", "/nowhere/x", "name another file"),
        ("rest GET Time -o /", "/: it is a directory", "name another file"),
        ("rest POST CancelAll", "CancelAll", "give --yes"),
        ("verify /nowhere", "/nowhere", "No such file"),
        ("verify /", "/", "Is a directory"),
        ("simulate --rate nan", "'nan'", "from 0 to 10000"),
        ("simulate --port 99999", "'99999'", "from 0 to 65535"),
        ("simulate --serve /nowhere", "/nowhere", "no such file"),
        ("ws --timeout 0 ping", "'0'", "from 0.1 to 31536000"),
        ("ws --timeout inf ping", "'inf'", "from 0.1 to 31536000"),
    ],
)
def test_a_wrong_command_line_is_one_line_that_names_it_and_exit_code_2(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str, named: str, remedy: str
) -> None:
    """Nothing is connected: whoever listens on the discard port would be refused."""
    monkeypatch.setenv("KRAKEN_API_KEY", "key-of-this-test")
    monkeypatch.setenv("KRAKEN_API_SECRET", SECRET)
    words = shlex.split(line)
    here = [] if "--endpoints" in words else ["--endpoints", "ws://127.0.0.1:9"]
    code, err = told(capsys, *here, *words)
    assert (code, named in one_line(err), remedy in err) == (2, True, True), err


PRIVATE = (
    "executions", "level3 BTC/USD", "order cancel-all --yes", f"order add {ORDER} --yes", "dead-man 60",
    "rest POST Balance", "token", "doctor", "ws cancelAll",
)  # fmt: skip


def unreadable(kind: str, folder: Path) -> tuple[Path, str]:
    """A credentials file that is wrong in one way, and what the line must say about it."""
    file = folder / kind
    content, says = {
        "missing": (None, "No such file or directory"),
        "directory": (None, "is not a regular file"),
        "for all": (f"key\n{SECRET}\n".encode(), f"run: chmod 600 {file}"),
        "locked": (f"key\n{SECRET}\n".encode(), "Permission denied"),
        "no text": (b"\xff\xfe\x00\x81\n\x99\x00", "copy "),
        "no secret": (b"key\n", "write them on two lines"),
        "no base64": (b"key\nnot!base64!\n", "copy the whole private key as Kraken shows it"),
    }[kind]
    if kind == "directory":
        file.mkdir()
    if content is not None:
        file.write_bytes(content)
        file.chmod({"for all": 0o644, "locked": 0}.get(kind, 0o600))
    return file, says


@pytest.mark.parametrize("kind", ["missing", "directory", "for all", "locked", "no text", "no secret", "no base64"])
def test_credentials_that_cannot_be_read_are_told_by_every_command_that_needs_them(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, kind: str
) -> None:
    """Exit code 2, the file's name, what to do, and nothing of what the file holds."""
    if kind == "locked" and os.geteuid() == 0:
        pytest.skip("root may read every file")
    file, says = unreadable(kind, tmp_path)
    for line in PRIVATE:
        words = ["--credentials", str(file), "--endpoints", "ws://127.0.0.1:9", *shlex.split(line)]
        code, err = told(capsys, *words)
        assert (code, str(file) in one_line(err), says in err) == (2, True, True), (line, err)
        assert "not!base64!" not in err


@pytest.mark.parametrize("line", [line for line in PRIVATE if not line.startswith(("doctor", "ws"))])
def test_without_a_key_each_says_where_to_put_one(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.delenv("KRAKEN_API_KEY", raising=False)
    monkeypatch.delenv("KRAKEN_API_SECRET", raising=False)
    code, err = told(capsys, "--endpoints", "ws://127.0.0.1:9", *shlex.split(line))
    assert (code, "give --credentials FILE before the command" in one_line(err)) == (2, True)


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "No such file or directory"),
        (b"", "holds no token: one line"),
        (b"two words\n", "holds no token: one line"),
        (b"\xff\xfe\x00", "it is not text"),
        ("directory", "Is a directory"),
    ],
)
def test_a_token_file_that_cannot_be_used_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | str | None, says: str
) -> None:
    """Exit code 1, as Kraken's own client ends."""
    file = tmp_path / "token"
    if content == "directory":
        file.mkdir()
    elif isinstance(content, bytes):
        file.write_bytes(content)
    code, err = told(capsys, "--endpoints", "ws://127.0.0.1:9", "ws", "--token-file", str(file), "cancelAll")
    assert (code, str(file) in one_line(err), says in err) == (1, True, True)
    assert "fill one with: rxkraken token --show" in err


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("foo", "Unknown feed or endpoint 'foo'"),
        ("☃", "Unknown feed or endpoint '☃'"),
        ("''", "Unknown feed or endpoint ''"),
        ("book 10", "book needs at least one symbol"),
        ("ticker ''", "'' is no symbol"),
        ("openOrders ratecounter", "'ratecounter' is not key=value"),
        ("ping nosuch=1", "ping has no parameter 'nosuch'; it has: reqid"),
        ("openOrders reqid=1", "openOrders has no parameter 'reqid'; it has: ratecounter, rebased"),
        ("ownTrades pair=XBT/USD", "ownTrades has no parameter 'pair'; it has: snapshot, consolidate_taker, rebased"),
        ("balances x=1", "balances has no parameter 'x'; it has: snapshot"),
        ("addOrder qty=1", "addOrder has no parameter 'qty'; it has: pair, type, ordertype, volume, price"),
        ("editOrder txid=A", "editOrder has no parameter 'txid'; it has: orderid, pair, volume"),
        ("amendOrder price=1", "amendOrder has no parameter 'price'; it has: txid, cl_ord_id, volume"),
        ("cancelOrder id=A", "cancelOrder has no parameter 'id'; it has: txid, cl_ord_id, reqid"),
        ("cancelAll txid=A", "cancelAll has no parameter 'txid'; it has: reqid"),
        ("cancelAllOrdersAfter seconds=60", "cancelAllOrdersAfter has no parameter 'seconds'; it has: timeout, reqid"),
        ("openOrders token=x", "the token is not given as a parameter"),
        ("ownTrades name=ticker", "write that first, without name="),
        ("addOrder =5", "'=5' is not key=value"),
        ("addOrder pair=A pair=B", "pair is given twice"),
        ("addOrder event=cancelAll", "write that first, without event="),
        ("cancelOrder txid=A,,B", "has an empty id in it"),
        ("cancelAllOrdersAfter timeout=-1", "timeout='-1' is not a whole number"),
        ("ping reqid=0x10", "reqid='0x10' is not a whole number"),
    ],
)
def test_words_that_krakenws_does_not_know_end_with_1_and_its_usage(
    capsys: pytest.CaptureFixture[str], line: str, says: str
) -> None:
    """Here the usage follows, as from Kraken's own client; nothing is sent."""
    code, err = told(capsys, "--endpoints", "ws://127.0.0.1:9", "ws", *shlex.split(line))
    assert (code, says in err.splitlines()[0], "Usage: rxkraken ws" in err) == (1, True, True), err


# What each may end with where nobody answers: 5 certainly had no effect, 4 nobody knows (rxkraken order --help).
CODES = {"order": {4, 5}, "rest POST CancelAll --yes": {4, 5}}
METHODS = {"order add": "add_order", "order cancel": "cancel_order", "order cancel-all": "cancel_all"}


@pytest.fixture
def refusing() -> str:
    """A port on which nobody listens."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return f"ws://127.0.0.1:{unused.getsockname()[1]}"


@pytest.fixture
def silent() -> Iterator[str]:
    """A host that takes connections and never says a word: no upgrade, no answer."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(64)
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}"


@pytest.fixture
def full() -> Iterator[str]:
    """A host whose queue of connections is full: what else comes gets no answer, as from behind a firewall."""
    with socket.socket() as listening, ExitStack() as waiting:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for _ in range(3):
            one = waiting.enter_context(socket.socket())
            one.settimeout(0)
            one.connect_ex(listening.getsockname())
        yield f"ws://127.0.0.1:{listening.getsockname()[1]}"


TOKEN = "token-of-this-test"
GREETING = '{"event":"systemStatus","status":"online","version":"1.9.6","connectionID":1}'


@contextmanager
def host(greeting: str | None = None, answer: Callable[[str], str | None] = lambda _: None) -> Iterator[str]:
    """A host that gives tokens and opens WebSockets, says its greeting, and answers each frame with this, if at all."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="mute host")
    thread.start()

    async def issue(_: web.Request) -> web.Response:
        return web.json_response({"error": [], "result": {"token": TOKEN, "expires": 900}})

    async def listen(request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").casefold() != "websocket":
            await asyncio.sleep(30)
        line = web.WebSocketResponse()
        await line.prepare(request)
        if greeting is not None:
            await line.send_str(greeting)
        async for frame in line:
            if (told := answer(str(frame.data))) is not None:
                await line.send_str(told)
        return line

    async def serve() -> tuple[web.AppRunner, int]:
        app = web.Application()
        app.router.add_post("/0/private/GetWebSocketsToken", issue)
        app.router.add_route("*", "/{path:.*}", listen)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return runner, runner.addresses[0][1]

    async def end(runner: web.AppRunner) -> None:
        await runner.cleanup()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    def wait(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=30)

    runner, port = wait(serve())
    try:
        yield f"ws://127.0.0.1:{port}"
    finally:
        wait(end(runner))
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def mute() -> Iterator[str]:
    """A host that gives tokens and opens WebSockets, and then never says a word."""
    with host() as base:
        yield base


@pytest.mark.parametrize("host", ["refusing", "silent", "full", "mute"])
@pytest.mark.parametrize("line", ASKING)
def test_a_host_that_does_not_answer_is_given_up_in_time_with_what_to_check(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
    host: str,
    line: str,
) -> None:
    """Never a hang, never a traceback: one line, the host or the remedy in it, and a code that is not 0.

    Only an order that was sent has a line before it: that its outcome is looked for, which takes a while.
    """
    if (host, line) == ("mute", "token"):
        pytest.skip("it gives tokens")
    monkeypatch.setenv("KRAKEN_API_KEY", "key-of-this-test")
    monkeypatch.setenv("KRAKEN_API_SECRET", SECRET)
    # A minute for people, in which what was sent is looked for.
    monkeypatch.setattr(orders_sending, "LOOKING_WITHIN", 0.2)
    # Five seconds in which the rules of a market may come before an order goes without them.
    monkeypatch.setattr(desk, "_PATIENCE", 0.2)
    where = request.getfixturevalue(host)
    code, err = told(capsys, "--endpoints", where, "--patience", "0.1", *shlex.split(line))
    *before, last = err.splitlines()
    expected = next((codes for start, codes in CODES.items() if line.startswith(start)), {1})
    assert code in expected, err
    assert re.match(r"rxkraken: (\d checks failed$|.*(check the network|--endpoints|look at the account))", last), err
    assert "await" not in err
    looked_for = rf"rxkraken: {METHODS.get(' '.join(line.split()[:2]))} was sent .*; looking for it, for about a minute"
    assert len(before) == (host == "mute" and line.startswith("order"))
    assert all(re.match(looked_for, other) for other in before), err


def test_a_closed_pipe_in_a_shell_ends_a_command_quietly(venue: Venue) -> None:
    """`| head -1`; 141 says that it met a closed pipe. The exchange has nothing more to say, and notices it as well."""
    commands = [[*COMMAND, "--endpoints", venue.base, "book", "BTC/USD"], [*COMMAND, "simulate"]]
    scripts = [f"set -o pipefail; timeout 30 {shlex.join(command)} | head -1 > /dev/null" for command in commands]
    with ExitStack() as running:
        processes = [
            running.enter_context(subprocess.Popen(["bash", "-c", script], stderr=subprocess.PIPE, text=True))
            for script in scripts
        ]
        ends = [(process.communicate(timeout=50)[1], process.returncode) for process in processes]
    assert ends == [("", 141)] * 2


def test_a_closed_pipe_ends_every_command_quietly(venue: Venue, tmp_path: Path) -> None:
    """Who reads goes away after a line, or after none; whoever was done before ends with 0.

    Those that have nothing more to say notice it too: nobody could read what they will have to say.
    """
    recording = tmp_path / "recording.ndjson"
    recording.write_text('{"channel":"heartbeat"}\n' * 50_000)
    running = {
        "trades BTC/USD --snapshot": {141}, "ws book XBT/USD": {141}, "instruments --follow": {141},
        "dead-man 60": {141}, "demo --plain": {141}, "status": {141}, "executions": {141},
        "instruments": {0, 141}, "rest GET AssetPairs": {0, 141}, f"verify {recording}": {0, 141},
    }  # fmt: skip
    for number in range(len(running)):
        os.mkfifo(tmp_path / f"{number}.out")
    with Crowd(tmp_path, [f"--endpoints {venue.base} {line}" for line in running]) as crowd:
        for number, line in enumerate(running):
            with (tmp_path / f"{number}.out").open(encoding="utf-8") as pipe:
                assert line == "executions" or pipe.readline()
        ends = crowd.ends()
    assert [err for _, err in ends] == [""] * len(running)
    assert all(code in codes for (code, _), codes in zip(ends, running.values(), strict=True)), ends


def test_an_exchange_that_goes_away_is_told_by_whatever_was_running(venue: Venue, tmp_path: Path) -> None:
    """A stream of either API, a feed of `ws`, an order that waits for its fill, and the switch, which was armed."""
    running = {
        "trades BTC/USD": 1,
        "trades BTC/USD --api v1": 1,
        "ws trade XBT/USD": 1,
        f"order add {ORDER} --yes --wait fill --within 1": 6,
        "dead-man 60 --for 2": 1,
    }
    with Crowd(tmp_path, [f"--endpoints {venue.base} --patience 1 {line}" for line in running]) as crowd:
        until(lambda: all(crowd.said(number) for number in range(len(running))))
        asyncio.run_coroutine_threadsafe(venue.simulator.aclose(), venue.loop).result(timeout=30)
        ends = crowd.ends()
    assert [code for code, _ in ends] == list(running.values()), ends
    for _, err in ends:
        assert one_line(err)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="it looks into /proc to see who is ready")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_what_goes_on_cleanly(venue: Venue, silent: str, tmp_path: Path, number: signal.Signals) -> None:
    """The codes are documented: 130 for streams, 0 for what is ended in no other way, and a request says what it was.

    `verify` opens nothing that it would have to close: the system may end it.
    """
    recording = tmp_path / "recording.ndjson"
    os.mkfifo(recording)  # it is as long as its writer likes
    streams = ["ticker", "spread", "book", "trades --snapshot", "ohlc", "level3", "ticker --api v1"]
    here = f"--endpoints {venue.base}"
    running = {
        **{f"{here} {name} BTC/USD": (130, "") for name in streams},
        **{f"{here} {name}": (130, "") for name in ("status", "balances", "instruments --follow", "executions")},
        **{f"{here} {line}": (0, "") for line in ("ws ticker XBT/USD", "dead-man 60", "simulate", "demo --plain")},
        f"{here} order add {ORDER} --yes --wait fill": (130, "interrupted; add_order may have been sent"),
        f"--endpoints {silent} doctor --within 30": (130, "interrupted"),
        f"--endpoints {silent} token": (130, "interrupted"),
        f"verify {recording}": (130 if number is signal.SIGINT else -signal.SIGTERM, ""),
    }
    with recording.open("r+b", buffering=0) as writer, Crowd(tmp_path, list(running)) as crowd:
        writer.write(b'{"channel":"heartbeat"}\n' * 1000)
        for place, (line, pid) in enumerate(zip(running, crowd.pids, strict=True)):
            if line.startswith("verify"):
                until(lambda pid=pid: has_open(pid, recording))
            elif line.endswith(("executions", "token")):
                until(lambda pid=pid: handles(pid, signal.SIGTERM))
            else:
                until(lambda place=place: crowd.said(place))
        crowd.signal(number)
        ends = crowd.ends()
    assert [code for code, _ in ends] == [code for code, _ in running.values()], ends
    for (_, says), (_, err) in zip(running.values(), ends, strict=True):
        assert says in one_line(err) if says else err == ""


@pytest.mark.parametrize(
    ("line", "remedy"),
    [
        ("order cancel-all", "give --yes"),
        ("rest POST CancelAll", "give --yes"),
        ("order batch BTC/USD - --yes", "name a file instead of -"),
    ],
)
def test_a_closed_standard_input_is_no_terminal(line: str, remedy: str) -> None:
    """`<&-` in a shell: nobody can answer, and there is nothing to read."""
    command = shlex.join([*COMMAND, "--simulate", *shlex.split(line)])
    done = subprocess.run(["bash", "-c", f"{command} <&-"], capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, done.stdout, remedy in one_line(done.stderr)) == (2, "", True)


def test_a_closed_standard_output_is_told() -> None:
    """`>&-` in a shell."""
    command = shlex.join([*COMMAND, "--simulate", "status"])
    done = subprocess.run(["bash", "-c", f"{command} >&-"], capture_output=True, text=True, check=False, timeout=50)
    assert (done.returncode, "standard output is closed; send it to a file" in one_line(done.stderr)) == (2, True)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("ws ticker NOPE/USD", "Currency pair not supported NOPE/USD"),
        ("ws book XBT/USD 7", "depth not supported"),
        ("ws ohlc XBT/USD 7", "interval not supported"),
    ],
)
def test_a_feed_that_kraken_refuses_ends_with_1_and_its_words(venue: Venue, line: str, says: str) -> None:
    """What was refused is named; the frames are shown as they came."""
    code, out, err = venue.run(line)
    assert (code, says in one_line(err), says in out) == (1, True, True), err


@pytest.mark.parametrize(("line", "waited"), [("ping", "0.2"), ("cancelAll", "0.2"), ("ticker XBT/USD", "0.3")])
def test_a_host_that_greets_and_falls_silent_is_given_up(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, line: str, waited: str
) -> None:
    """A request within --timeout, a feed within --patience; what was said until then is shown."""
    monkeypatch.setenv("KRAKEN_API_KEY", "key-of-this-test")
    monkeypatch.setenv("KRAKEN_API_SECRET", SECRET)
    with host(GREETING) as base:
        code = main(["--endpoints", base, "--patience", "0.3", "ws", "--timeout", "0.2", *line.split()])
    out, err = capsys.readouterr()
    assert (code, out.splitlines()[0]) == (1, f"WebSocket -> Client: {GREETING}")
    assert f"did not send an answer to {line.partition(' ')[0]} within {waited} s; check the network" in one_line(err)


def test_a_token_that_kraken_repeats_is_hidden_wherever_it_stands(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the frames, and in the words of a refusal, which are told on stderr once more."""
    monkeypatch.setenv("KRAKEN_API_KEY", "key-of-this-test")
    monkeypatch.setenv("KRAKEN_API_SECRET", SECRET)

    def refuse(frame: str) -> str:
        assert TOKEN in frame
        asked = json.loads(frame)["subscription"]
        said = {"event": "subscriptionStatus", "status": "error", "errorMessage": f"what is {TOKEN}?"}
        return json.dumps({**said, "subscription": asked})

    with host(GREETING, refuse) as base:
        code = main(["--endpoints", base, "ws", "openOrders"])
    out, err = capsys.readouterr()
    assert (code, err) == (1, "rxkraken: Kraken refused openOrders: what is <hidden>?; see rxkraken ws --help\n")
    assert (out.count("<hidden>"), TOKEN in out) == (3, False)


def test_a_private_feed_on_the_public_host_shows_no_token(venue: Venue) -> None:
    """There Kraken repeats the request, token and all (ws-v1 reference section 4.4)."""
    there = ",".join([f"auth={venue.base}", f"rest={venue.base.replace('ws', 'http', 1)}"])
    code, out, err = venue.run(f"--endpoints {there} ws openOrders")
    assert (code, "Private data and trading are unavailable" in one_line(err)) == (1, True)
    heard = json.loads(out.splitlines()[-1].removeprefix("WebSocket -> Client: "))
    assert heard["subscription"]["token"] == "<hidden>"


def test_a_feed_that_is_refused_in_part_goes_on_with_the_rest(venue: Venue, tmp_path: Path) -> None:
    """Over `ws` as Kraken's own client does; a stream tells it on stderr too, and ends with 1 in the end."""
    lines = ["ws ticker NOPE/USD XBT/USD", "ticker NOPE/USD BTC/USD --count 3", "ticker NOPE/USD BTC/USD --api v1"]
    with Crowd(tmp_path, [f"--endpoints {venue.base} {line}" for line in lines]) as crowd:
        until(lambda: crowd.said(0).count("\n") > 5 and crowd.said(2).count("\n") > 2)
        os.kill(crowd.pids[0], signal.SIGINT)
        os.kill(crowd.pids[2], signal.SIGINT)
        (feed, stream, v1) = crowd.ends()
    assert feed == (0, "")
    assert "Currency pair not supported NOPE/USD" in crowd.said(0)
    for code, err in (stream, v1):
        assert "NOPE/USD" in one_line(err)
        assert err.endswith("; the markets are listed by: rxkraken instruments\n")
        assert code == (1 if err == stream[1] else 130)
