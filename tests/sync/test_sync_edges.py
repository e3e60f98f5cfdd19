"""A blocking client where programs are rough: forks, signals, broken executors, `sys.exit()`, Ctrl-C at any line."""

from __future__ import annotations

import asyncio
import inspect
import linecache
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import reactivex as rx
from reactivex.disposable import Disposable

import rxkraken as rk
from rxkraken.sync.background import Background

PATIENCE = 30.0

# --- processes ------------------------------------------------------------------------------------------------------

FORKED = """
import os, signal
import rxkraken as rk

client = rk.sync.KrakenClient().start()
books = iter(client.stream(client.status.observable))
stream = client.trades("BTC/USD")
uses = [client.ping, client.start, stream.first, stream.subscribe]
uses += [books.poll, lambda: next(books), lambda: client.state]
if os.fork() == 0:
    signal.alarm(20)  # a child that hangs is ended
    for use in uses:
        try:
            use()
        except rk.ClientClosed as error:
            told = str(error)
    books.close()
    client.close()
    print(told.replace(str(os.getppid()), "PARENT"), repr(client)[-7:], flush=True)
    with rk.sync.KrakenClient() as another:
        print(another.state, flush=True)
    raise SystemExit(7)
print(os.waitstatus_to_exitcode(os.wait()[1]), client.state, next(books).state)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_process_is_told_so_at_every_use_and_ends_by_itself():
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKED]
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True)
    assert (done.stdout.splitlines(), done.stderr) == (
        [
            "this client was started in process PARENT, before the fork; make a new one closed>",
            "idle",
            "7 idle idle",
        ],
        "",
    )


# --- signals --------------------------------------------------------------------------------------------------------


def test_a_signals_handler_may_use_the_client_that_it_interrupts(client, source):
    """It comes while the interrupted thread holds the client's locks, as `raise_signal` inside them does."""
    pull = client.stream(source.subject).pull()
    states = []

    def handle(*_):
        states.append((client.state, client.subscriptions))
        pull.close()

    before = signal.signal(signal.SIGTERM, handle)
    try:
        with client._background._lock, pull._crossing._lock:
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (states, list(pull), source.listeners) == ([("idle", [])], [], 0)


def _collected(frame):
    """Whether this happens in a `__del__`, where Python prints what is raised."""
    while frame is not None:
        if frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def interrupt(act, line):
    """Do something with Ctrl-C at its nth line inside of the façade; returns whether it got as far."""
    seen = 0

    def enter(frame, *_):
        ours = frame.f_code.co_filename.startswith(package)
        return look if ours and not _collected(frame) else None

    def look(frame, event, _):
        nonlocal seen
        code = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
        # Python looks for signals after calls; between taking a lock and the block that releases it there is none.
        if event == "line" and not code.startswith(("with ", "except", "finally", "raise", "self.close()")):
            seen += 1
            if seen == line:
                sys.settrace(None)
                raise KeyboardInterrupt
        return look

    package = str(Path(inspect.getfile(Background)).parent)
    before = sys.gettrace()
    sys.settrace(enter)
    try:
        act()
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


@pytest.mark.parametrize("elsewhere", [False, True])
def test_ctrl_c_at_any_line_of_subscribing_leaves_no_subscriber(client, source, elsewhere):
    stream = client.stream(source.subject)
    kept, line = [], 1
    while interrupt(lambda: kept.append(stream.subscribe(print, thread=deque().append if elsewhere else None)), line):
        assert source.listeners <= 1  # the turn that unsubscribes
        assert (line, source.listeners) == (line, 0) or line > 60  # from the last line on, the caller nearly had it
        line += 1
    kept.pop().dispose()
    assert line > 20


def test_ctrl_c_at_any_line_of_a_wait_leaves_the_client_as_it_was(client):
    listening, line = [], 1

    def subscribed(observer, _):
        listening.append(observer)
        client._background.post(lambda: observer.on_next(1))  # soon, so that it is waited for
        return Disposable(listening.clear)

    stream = client.stream(rx.create(subscribed))
    while interrupt(lambda: stream.first(timeout=PATIENCE), line):
        client._background.call(lambda: None)
        assert (line, client._background.call(listening.copy), client.state) == (line, [], "idle")
        line += 1
    assert line > 20


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_that_comes_while_a_dropped_iterator_leaves_is_not_lost(client, source):
    stream = client.stream(source.subject)
    pull = stream.pull()
    crossing = pull._crossing
    leave = crossing.leave

    def interrupted():
        crossing.leave = leave
        raise KeyboardInterrupt

    crossing.leave = interrupted
    with pytest.raises(KeyboardInterrupt):  # noqa: PT012 - it comes in the wait
        del pull
        stream.first(timeout=PATIENCE)
    assert source.listeners == 0


def test_ctrl_c_at_any_line_of_the_start_leaves_no_thread():
    line = 1
    while True:
        background = Background("interrupted")
        context = _Entered()
        if not interrupt(lambda: background.start(context), line):  # noqa: B023 - it is called here
            break
        for thread in threading.enumerate():
            if thread.name == "interrupted":
                thread.join(PATIENCE)
        assert (line, background.stage in ("not started", "closed")) == (line, True)
        if background._loop is not None:
            background._loop.close()  # its thread has done so, if there was one
        line += 1
    background.close()
    assert line > 10


def test_after_ctrl_c_at_any_line_of_closing_it_can_be_closed_again():
    line, interrupted = 1, True
    while interrupted:
        background = Background("interrupted")
        background.start(_Entered())
        interrupted = interrupt(background.close, line)
        background.close()
        assert (line, background.stage) == (line, "closed")
        assert "interrupted" not in [thread.name for thread in threading.enumerate()]
        line += 1
    assert line > 5


class _Entered:
    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        return None


# --- starting from several threads ----------------------------------------------------------------------------------


@pytest.mark.parametrize("fails", [False, True])
def test_whoever_starts_second_waits_for_the_first(fails):
    background, entering, go = Background("twice"), threading.Event(), threading.Event()
    outcomes = []

    @asynccontextmanager
    async def slow():
        entering.set()
        await asyncio.to_thread(go.wait, PATIENCE)
        if fails:
            raise LookupError("cannot")
        yield

    def start():
        try:
            background.start(slow())
            outcomes.append(go.is_set())
        except (LookupError, rk.ClientClosed) as error:
            outcomes.append(type(error))

    first, second = threading.Thread(target=start), threading.Thread(target=start)
    first.start()
    entering.wait(PATIENCE)
    second.start()
    go.set()
    first.join(PATIENCE)
    second.join(PATIENCE)
    background.close()
    assert set(outcomes) == ({LookupError, rk.ClientClosed} if fails else {True})


# --- callbacks that cannot run, and those that leave ----------------------------------------------------------------


def _break():
    raise OSError("no such database")


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # Python 3.12 does not like to fork beside threads
@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: ThreadPoolExecutor(1, initializer=_break), "initializer failed"),
        (lambda: ProcessPoolExecutor(1), "pickle"),
    ],
)
def test_an_executor_that_cannot_run_its_jobs_ends_the_subscription_and_is_reported(client, source, make, told):
    with client.errors.pull(timeout=PATIENCE) as failures, make() as pool:
        subscription = client.stream(source.subject).subscribe(print, thread=pool)
        source.push(1)
        assert told in str(next(failures))
        assert (subscription.is_disposed, source.listeners) == (True, 0)


@pytest.mark.parametrize("reason", [SystemExit(3), KeyboardInterrupt()])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_callback_that_exits_ends_alone_and_is_reported(client, source, reason, last, elsewhere):
    """On the client's own thread it ends nothing else; on another it ends what it would end there."""
    jobs = deque()

    def leave(*_):
        raise reason

    callbacks = {"on_completed": leave} if last else {"on_next": leave}
    with client.errors.pull(timeout=PATIENCE) as failures:
        client.stream(source.subject).subscribe(**callbacks, thread=jobs.append if elsewhere else None)
        if last:
            source.complete()
        else:
            source.push(1)
        if elsewhere:
            with pytest.raises(type(reason)):
                jobs.popleft()()
        assert (next(failures).error, source.listeners, client.state) == (reason, 0, "idle")
    assert not jobs


def test_a_callback_that_exits_at_the_end_keeps_nobody_from_the_end(client, source):
    client.stream(source.subject).subscribe(on_completed=sys.exit)
    ended = []
    client.stream(source.subject).subscribe(on_completed=lambda: ended.append(True))
    client.close()
    assert (ended, client.state) == ([True], "closed")


@pytest.mark.parametrize("thread", [None, lambda job: job()])
def test_what_cannot_be_subscribed_is_told_once(client, thread):
    def broken(*_):
        raise LookupError("nothing here")

    told = []
    stream = client.stream(rx.create(broken))
    try:
        stream.subscribe(on_error=told.append, on_completed=lambda: told.append("end"), thread=thread)
    except LookupError as error:
        told.append(error)
    client.close()
    assert [str(each) for each in told] == ["nothing here"]
