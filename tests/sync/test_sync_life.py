"""The life of a blocking client: started, used from many threads, closed from anywhere, forgotten, interrupted."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from contextlib import asynccontextmanager, nullcontext

import pytest

import rxkraken as rk
from rxkraken.sync.background import Background

PATIENCE = 30.0


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "rxkraken sync"]


def test_making_one_starts_nothing_and_closing_it_leaves_nothing():
    client = rk.sync.KrakenClient()
    assert (threads(), client.state, client.subscriptions) == ([], "idle", [])
    with client:
        assert (len(threads()), client.state, client.connection_id, client.system_status) == (1, "idle", None, None)
    assert (threads(), client.state) == ([], "closed")
    client.close()


def test_before_the_start_it_says_how_to_start():
    client = rk.sync.KrakenClient()
    stream = client.book("BTC/USD")  # making one needs nothing
    for use in (
        client.ping,
        stream.first,
        lambda: iter(stream),
        lambda: stream.subscribe(print),
        lambda: client.limits,
    ):
        with pytest.raises(RuntimeError, match=r"not started; use `with rk\.sync\.KrakenClient"):
            use()
    client.close()
    with pytest.raises(rk.ClientClosed):
        client.ping()


def test_after_the_end_it_says_that_it_is_closed():
    client = rk.sync.KrakenClient()
    with client:
        stream = client.book("BTC/USD")
    uses = (
        client.ping,
        stream.first,
        lambda: iter(stream),
        lambda: stream.subscribe(print),
        client.rest.time,
        client.start,
    )
    for use in uses:
        with pytest.raises(rk.ClientClosed, match="make a new one"):
            use()


def test_starting_twice_is_starting_once():
    with rk.sync.KrakenClient() as client:
        assert client.start() is client
        assert len(threads()) == 1


def test_its_repr_tells_its_stage_and_no_secret():
    client = rk.sync.KrakenClient(credentials=rk.Credentials("key-is-here", "c2VjcmV0"))
    stages = [repr(client)]
    with client:
        stages.append(repr(client))
    assert stages == [
        f"<rxkraken.sync.KrakenClient wss://ws.kraken.com/v2 {stage}>" for stage in ("not started", "running")
    ]
    assert repr(client).endswith("closed>")
    assert repr(client.book("XBT/USD")) == "<rxkraken.sync.Stream book BTC/USD>"


def test_wrong_arguments_are_told_at_once():
    with rk.sync.KrakenClient() as client:
        with pytest.raises(rk.InvalidArgument, match="depth=20"):
            client.book("BTC/USD", depth=20)
        with pytest.raises(rk.MissingCredentials):
            client.add_order("BTC/USD", "buy", "limit", qty=1, price=1)
        with pytest.raises(rk.MissingCredentials):
            client.rest.balance()
    with pytest.raises(rk.InvalidArgument, match="settings="):
        rk.sync.KrakenClient(settings={"linger": 1})


def test_a_callback_may_close_the_client(client, source):
    client.stream(source.subject).subscribe(lambda _: client.close())
    (thread,) = threads()
    client._background.post(lambda: source.subject.on_next(1))
    thread.join(PATIENCE)
    assert (threads(), client.state) == ([], "closed")
    client.close()


def test_many_threads_may_close_it_at_once(client):
    closing = [threading.Thread(target=client.close) for _ in range(8)]
    for thread in closing:
        thread.start()
    for thread in closing:
        thread.join(PATIENCE)
    assert (threads(), client.state) == ([], "closed")


def test_what_is_waited_for_when_it_ends_is_answered_with_closed():
    background = Background("ending")
    background.start(nullcontext())

    async def forever():
        background.post(background.close)
        await asyncio.get_running_loop().create_future()

    with pytest.raises(rk.ClientClosed, match="before it could answer"):
        background.wait(forever, what="waiting")
    background.close()
    assert background.stage == "closed"


def test_a_context_that_cannot_be_entered_fails_the_start_and_leaves_no_thread():
    background = Background("failing")

    @asynccontextmanager
    async def broken():
        raise LookupError("cannot")
        yield

    with pytest.raises(LookupError, match="cannot"):
        background.start(broken())
    assert "failing" not in [thread.name for thread in threading.enumerate()]
    with pytest.raises(rk.ClientClosed):
        background.start(broken())


FORGOTTEN = """
import rxkraken as rk
client = rk.sync.KrakenClient().start()
print(client.book("BTC/USD").first(timeout=20).symbol)
client.trades("BTC/USD").subscribe(lambda trade: None, on_completed=lambda: print("completed"))
books = iter(client.book("BTC/USD"))
"""
GUARDED = """
import threading
import rxkraken as rk

def main():
    with rk.sync.KrakenClient() as client:
        for book in client.book("BTC/USD"):
            print(book.symbol)
            raise SystemExit(3)

if __name__ == "__main__":
    try:
        main()
    finally:
        print(len(threading.enumerate()))
"""
# What is started in the background of a shell ignores Ctrl-C, and so would this script.
INTERRUPTED = """
import signal
import rxkraken as rk
from reactivex import operators as ops

signal.signal(signal.SIGINT, signal.default_int_handler)
with rk.sync.KrakenClient() as client:
    client.book("BTC/USD").first(timeout=20)
    never = client.messages.observable.pipe(ops.filter(lambda _: False))
    try:
        print("ready", flush=True)
        for message in client.stream(never):
            pass
    except KeyboardInterrupt:
        print("interrupted")
        raise
    finally:
        print(client.ping() > 0)
"""


def run(practice_source, source, **options):
    command = [sys.executable, "-W", "error", "-c", practice_source + source]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def test_a_script_that_forgets_to_close_ends_by_itself_and_orderly(practice_source):
    with run(practice_source, FORGOTTEN) as process:
        output, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output.split(), complaints) == (0, ["BTC/USD", "completed"], "")


def test_a_script_that_raises_inside_the_loop_ends_with_what_it_raised(practice_source):
    with run(practice_source, GUARDED) as process:
        output, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output.split(), complaints) == (3, ["BTC/USD", "1"], "")


def test_ctrl_c_ends_a_waiting_script_in_good_order(practice_source):
    with run(practice_source, INTERRUPTED) as process:
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGINT)
        output, complaints = process.communicate(timeout=PATIENCE)
    assert (process.returncode, output.split()) == (-signal.SIGINT, ["interrupted", "True"])
    assert complaints.rstrip().endswith("KeyboardInterrupt")
