"""Streams pulled from other threads: what waits, what ends it, who is woken, and that leaving is leaving."""

from __future__ import annotations

import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

import rxkraken as rk
from rxkraken.sync import background


def waiting(pull):
    """How many threads wait for an item."""
    return len(pull._crossing._waiters)


def once_waiting(client, pull, act, threads=1):
    """Have something done on the client's thread as soon as so many threads wait in `pull`."""

    def look():
        if waiting(pull) >= threads:
            act()
        else:
            client._background.post(look)

    client._background.post(look)


def test_what_is_pushed_is_pulled_in_order_then_the_end_shows(client, source):
    pull = iter(client.stream(source.subject))
    source.push(1, 2)
    source.complete()
    assert list(pull) == [1, 2]
    assert list(pull) == []
    assert source.listeners == 0


def test_an_error_shows_once_after_everything_before_it(client, source):
    pull = client.stream(source.subject).pull("buffer")
    source.push(1)
    source.fail(ZeroDivisionError("why"))
    assert next(pull) == 1
    with pytest.raises(ZeroDivisionError, match="why"):
        next(pull)
    assert list(pull) == []


def test_a_thread_that_waits_is_woken_by_an_item(client, source):
    pull = iter(client.stream(source.subject))
    once_waiting(client, pull, lambda: source.subject.on_next("now"))
    assert next(pull) == "now"


def test_break_leaves_the_stream(client, source):
    source_stream = client.stream(source.subject)
    pushed = threading.Thread(target=lambda: source.push("a"))
    for number, _ in enumerate(keep_pushing(source_stream, pushed)):
        assert (number, source.listeners) == (0, 1)
        break
    pushed.join()
    assert source.listeners == 0


def keep_pushing(stream, thread):
    """The iterator of a stream, handed over without a name that would keep it."""
    pull = iter(stream)
    thread.start()
    return pull


def test_an_exception_in_the_body_of_the_loop_leaves_the_stream(client, source):
    def body():
        pushed = threading.Thread(target=lambda: source.push("a"))
        for _ in keep_pushing(client.stream(source.subject), pushed):
            pushed.join()
            raise LookupError

    with pytest.raises(LookupError):
        body()
    assert source.listeners == 0


def test_with_leaves_at_its_end_and_a_closed_one_gives_nothing_more(client, source):
    with client.stream(source.subject).pull() as pull:
        source.push(1, 2)
        assert next(pull) == 1
    assert source.listeners == 0
    assert list(pull) == []
    pull.close()


def test_each_policy_keeps_what_it_says(client, source):
    stream = client.stream(source.subject)
    buy, sell, other = (SimpleNamespace(symbol=name, n=n) for n, name in enumerate(("A", "B", "A")))
    pulls = {name: stream.pull(name) for name in ("latest", "conflate", "buffer", "error")}
    pulls["two"] = stream.pull(rk.buffer(2))
    source.push(buy, sell, other)
    source.complete()
    kept = {name: list(pull) for name, pull in pulls.items()}
    everything = [buy, sell, other]
    assert kept == {
        "latest": [other],
        "conflate": [other, sell],
        "buffer": everything,
        "error": everything,
        "two": [rk.Overflow(1), sell, other],
    }


def test_one_too_many_fails_that_consumer_only(client, source):
    full, other = client.stream(source.subject).pull(rk.fail(1)), client.stream(source.subject).pull()
    source.push(1, 2)
    assert next(full) == 1
    with pytest.raises(rk.Overflowed):
        next(full)
    source.push(3)
    source.complete()
    assert list(other) == [1, 2, 3]


def test_a_key_function_that_raises_fails_that_consumer_only(client, source):
    pull = client.stream(source.subject, rk.conflate(lambda item: 1 / item)).pull()
    source.push(1, 0)
    assert next(pull) == 1
    with pytest.raises(ZeroDivisionError):
        next(pull)
    assert source.listeners == 0


def test_a_timeout_tells_and_does_not_end(client, source):
    pull = client.stream(source.subject).pull(timeout=0)
    with pytest.raises(TimeoutError, match=r"no item of Subject within 0 s"):
        next(pull)
    source.push(1)
    assert next(pull) == 1
    assert (waiting(pull), source.listeners) == (0, 1)
    pull.close()


def test_first_takes_one_item_and_leaves(client, source):
    stream = client.stream(source.subject)
    with pytest.raises(TimeoutError):
        stream.first(timeout=0)
    assert source.listeners == 0
    source.complete()
    with pytest.raises(LookupError, match="Subject ended before its first item"):
        stream.first()


@pytest.mark.parametrize("timeout", [-1, "5", True])
def test_a_timeout_must_be_a_number_of_seconds(client, source, timeout):
    with pytest.raises(rk.InvalidArgument, match="give seconds"):
        client.stream(source.subject).pull(timeout=timeout)
    with pytest.raises(rk.InvalidArgument, match="policy='all' is not known"):
        client.stream(source.subject).pull("all")


def test_poll_never_waits(client, source):
    pull = client.stream(source.subject).pull()
    assert pull.poll() is None
    source.push(1)
    assert (pull.poll(), pull.poll(), waiting(pull)) == (1, None, 0)
    source.complete()
    assert (pull.poll(), pull.poll()) == (None, None)


def test_threads_may_share_one_iterator_and_each_item_goes_to_one_of_them(client, source):
    pull = iter(client.stream(source.subject))
    taken = []
    threads = [threading.Thread(target=lambda: taken.extend(pull)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(200):
        source.push(number)
    source.complete()
    for thread in threads:
        thread.join()
    assert sorted(taken) == list(range(200))


def test_closing_the_iterator_ends_the_thread_that_waits_in_it(client, source):
    pull = iter(client.stream(source.subject))
    taken = []
    thread = threading.Thread(target=lambda: taken.extend(pull))
    thread.start()
    once_waiting(client, pull, pull.close)
    thread.join()
    assert (taken, source.listeners) == ([], 0)


def test_closing_the_client_ends_the_thread_that_waits_for_a_stream_that_never_ends(client, source):
    pull = iter(client.stream(source.subject))
    once_waiting(client, pull, client.close)
    assert list(pull) == []


def test_ctrl_c_reaches_the_waiting_main_thread_at_once_and_leaves_the_stream(client, source, ctrl_c):
    pull = iter(client.stream(source.subject))
    once_waiting(client, pull, lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        next(pull)
    assert source.listeners == 0
    assert list(pull) == []


def test_waiting_on_the_clients_own_thread_is_refused_with_the_remedy(client, source):
    stream = client.stream(source.subject)
    for wait in (lambda: next(iter(stream)), stream.first, client.ping):
        with pytest.raises(RuntimeError, match="subscribe with thread=an executor"):
            client._background.call(wait)
    assert source.listeners == 0


class Taken:
    """A lock that comes free after so many attempts, and notes how long each would have waited."""

    def __init__(self, attempts):
        self.waits = []
        self._attempts = attempts

    def acquire(self, timeout):
        self.waits.append(timeout)
        return len(self.waits) == self._attempts


def test_the_main_thread_never_waits_for_long_so_that_no_ctrl_c_is_missed():
    """One that comes between Python's last look at signals and the sleep of the thread interrupts nothing."""
    lock = Taken(3)
    assert background.acquire(lock, None)
    assert lock.waits == [background._GLANCE] * 3


def test_other_threads_get_no_signals_and_wait_in_one_piece():
    lock = Taken(1)
    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(background.acquire, lock, None).result(30)
    assert lock.waits == [-1]


def test_waiting_for_a_lock_ends_with_the_lock_or_with_the_time(monkeypatch):
    monkeypatch.setattr(background, "_GLANCE", 0.001)
    with ThreadPoolExecutor(1) as pool:
        for wait in (background.acquire, lambda *given: pool.submit(background.acquire, *given).result(60)):
            lock = threading.Lock()
            assert wait(lock, None)
            assert not wait(lock, 0.01)
            threading.Timer(0.01, lock.release).start()
            assert wait(lock, 30)
