"""Streams pushed to callbacks: on which thread, in which order, what waits, and what becomes of failures."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor

import pytest
from reactivex import operators as ops

import rxkraken as rk


class Log(list):
    """What callbacks were told, and the names of the threads that told it."""

    def __init__(self):
        super().__init__()
        self.threads = set()
        self.over = threading.Event()

    def note(self, item):
        self.append(item)
        self.threads.add(threading.current_thread().name)

    def failed(self, error):
        self.note(error)
        self.over.set()

    def done(self):
        self.note("done")
        self.over.set()


@pytest.fixture
def failures(client):
    """What is told on `client.errors`, and a way to wait for the next of it."""
    with client.errors.pull(timeout=30) as pull:
        yield pull


@pytest.mark.parity("K3-02")
def test_callbacks_run_on_the_clients_own_thread_unless_told_otherwise(client, source):
    log = Log()
    subscription = client.stream(source.subject).subscribe(log.note, log.failed, log.done)
    source.push(1, 2)
    source.complete()
    assert (log, log.threads, subscription.is_disposed) == ([1, 2, "done"], {"rxkraken sync"}, True)


@pytest.mark.parity("K3-02")
def test_an_executor_gets_everything_in_order_and_one_at_a_time(client, source):
    log = Log()
    busy = threading.Lock()

    def note(item):
        assert busy.acquire(blocking=False)
        log.note(item)
        busy.release()

    with ThreadPoolExecutor(4, thread_name_prefix="mine") as pool:
        client.stream(source.subject).subscribe(note, log.failed, log.done, thread=pool)
        source.push(*range(500))
        source.complete()
        assert log.over.wait(30)
    assert log == [*range(500), "done"]
    assert {name.rsplit("_")[0] for name in log.threads} == {"mine"}


def test_a_function_may_have_the_jobs_done_wherever_it_wants(client, source):
    jobs, log = deque(), Log()
    client.stream(source.subject).subscribe(log.note, log.failed, log.done, thread=jobs.append)
    source.push(1, 2)
    assert (log, len(jobs)) == ([], 1)
    jobs.popleft()()
    assert (log, len(jobs), log.threads) == ([1, 2], 0, {threading.current_thread().name})
    source.push(3)
    source.fail(ZeroDivisionError())
    jobs.popleft()()
    assert (log[:3], type(log[3]), len(jobs)) == ([1, 2, 3], ZeroDivisionError, 0)


def test_a_long_backlog_gives_others_their_turn(client, source):
    jobs, log = deque(), Log()
    client.stream(source.subject).subscribe(log.note, thread=jobs.append)
    source.push(*range(100))
    turns = []
    while jobs:
        jobs.popleft()()
        turns.append(len(log))
    assert turns == [64, 100]


def test_what_waits_for_another_thread_is_kept_by_a_policy(client, source):
    jobs, newest, two = deque(), Log(), Log()
    stream = client.stream(source.subject)
    stream.subscribe(newest.note, thread=jobs.append, policy="latest")
    stream.subscribe(two.note, thread=jobs.append, policy=rk.buffer(2))
    source.push(1, 2, 3)
    while jobs:
        jobs.popleft()()
    assert (newest, two) == ([3], [rk.Overflow(1), 2, 3])
    with pytest.raises(rk.InvalidArgument, match="give a thread as well"):
        stream.subscribe(print, policy="latest")
    with pytest.raises(rk.InvalidArgument, match=r"thread='main' cannot run callbacks.*call_soon_threadsafe"):
        stream.subscribe(print, thread="main")


@pytest.mark.parametrize("elsewhere", [False, True])
def test_disposing_ends_it_also_from_inside_the_callback(client, source, elsewhere):
    jobs, log = deque(), Log()

    def note(item):
        log.note(item)
        subscription.dispose()

    subscription = client.stream(source.subject).subscribe(
        note, log.failed, log.done, thread=jobs.append if elsewhere else None
    )
    source.push(1, 2)
    while jobs:
        jobs.popleft()()
    source.push(3)
    source.complete()
    assert (log, source.listeners, subscription.is_disposed, list(jobs)) == ([1], 0, True, [])


def test_leaving_the_block_disposes(client, source):
    log = Log()
    with client.stream(source.subject).subscribe(log.note, on_completed=log.done):
        source.push(1)
    source.push(2)
    assert (log, source.listeners) == ([1], 0)


@pytest.mark.parametrize("elsewhere", [False, True])
def test_a_callback_that_raises_ends_alone_and_is_reported_with_its_line(client, source, failures, elsewhere, caplog):
    log = Log()
    stream = client.stream(source.subject)
    with ThreadPoolExecutor(1) as pool:
        stream.subscribe(lambda item: 1 / item, thread=pool if elsewhere else None)
        stream.subscribe(log.note)
        source.push(0, 5)
        failure = next(failures)
    assert isinstance(failure, rk.SubscriberFailed)
    assert isinstance(failure.error, ZeroDivisionError)
    assert (failure.stream, failure.subscribed_at.rsplit(":")[0]) == ("Subject", __file__)
    assert (log, source.listeners, len(caplog.records)) == ([0, 5], 1, 1)


def test_an_error_that_nobody_takes_is_reported(client, source, failures):
    client.stream(source.subject).subscribe(print)
    source.fail(LookupError("nobody"))
    assert isinstance(next(failures).error, LookupError)


@pytest.mark.parametrize("last", ["on_error", "on_completed"])
def test_a_last_callback_that_raises_is_reported(client, source, failures, last):
    client.stream(source.subject).subscribe(**{last: lambda *_: 1 / 0})
    if last == "on_error":
        source.fail(LookupError())
    else:
        source.complete()
    assert isinstance(next(failures).error, ZeroDivisionError)


def test_an_executor_that_was_shut_down_ends_the_subscription_and_is_reported(client, source, failures):
    pool = ThreadPoolExecutor(1)
    subscription = client.stream(source.subject).subscribe(print, thread=pool)
    pool.shutdown()
    source.push(1)
    assert "after shutdown" in str(next(failures).error)
    assert (subscription.is_disposed, source.listeners) == (True, 0)


def test_an_executor_that_cancels_its_jobs_ends_the_subscription_and_is_reported(client, source, failures):
    held = threading.Event()
    pool = ThreadPoolExecutor(1)
    pool.submit(held.wait)
    client.stream(source.subject).subscribe(print, thread=pool)
    source.push(1)
    pool.shutdown(wait=False, cancel_futures=True)
    held.set()
    assert "cancelled its jobs" in str(next(failures).error)
    pool.shutdown()


def test_a_failure_after_the_end_is_logged(client, source, caplog):
    jobs = deque()
    client.stream(source.subject).subscribe(lambda item: 1 / item, thread=jobs.append)
    source.push(0)
    client.close()
    with caplog.at_level(logging.ERROR, "rxkraken"):
        jobs.popleft()()
    assert "division by zero" in caplog.text


@pytest.mark.parametrize("elsewhere", [False, True])
def test_closing_the_client_completes_even_what_would_never_end(client, source, elsewhere):
    jobs, log = deque(), Log()
    client.stream(source.subject).subscribe(log.note, log.failed, log.done, thread=jobs.append if elsewhere else None)
    source.push(1)
    client.close()
    while jobs:
        jobs.popleft()()
    assert log == [1, "done"]


def test_operators_run_on_the_clients_thread_with_its_scheduler(client, source):
    composed = source.subject.pipe(ops.buffer_with_time(0.01, scheduler=client.scheduler), ops.filter(bool))
    pull = client.stream(composed).pull(timeout=30)
    source.push(1, 2)
    assert next(pull) == [1, 2]
    pull.close()


async def test_a_running_loop_gets_the_callbacks_by_its_own_door():
    """As in a notebook: the client has a loop of its own beside the one that runs here."""
    loop, arrived = asyncio.get_running_loop(), asyncio.Event()
    seen = []
    with rk.sync.KrakenClient() as client:

        def note(status):
            seen.append((status.state, asyncio.get_running_loop() is loop))
            arrived.set()

        client.status.subscribe(note, thread=loop.call_soon_threadsafe)
        await asyncio.wait_for(arrived.wait(), 30)
    await asyncio.sleep(0)
    assert seen[0] == ("idle", True)
