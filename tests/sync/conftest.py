"""An exchange in a thread of its own, and blocking clients that need none."""

from __future__ import annotations

import asyncio
import signal
import threading

import pytest
from reactivex.subject import Subject

import rxkraken as rk

PATIENCE = 30.0


class Practice:
    """A simulator on the loop of its own thread, to be asked from the test's."""

    def __init__(self, loop):
        self._loop = loop
        self.simulator = self.do(_started)
        self.endpoints, self.credentials = self.simulator.endpoints, self.simulator.credentials

    def do(self, work):
        """Have something done on the exchange's thread."""

        async def act():
            outcome = work() if work is _started else work(self.simulator)
            return await outcome if asyncio.iscoroutine(outcome) else outcome

        return asyncio.run_coroutine_threadsafe(act(), self._loop).result(PATIENCE)

    def client(self, **settings):
        """A blocking client of it, not started yet."""
        return rk.sync.KrakenClient(self.endpoints, self.credentials, rk.Settings(**settings))


def _started():
    return rk.Simulator(seed=3, rate=50).start()


@pytest.fixture
def exchange():
    """A busy exchange of the test's own: its counters of orders begin at zero."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="exchange")
    thread.start()
    try:
        practice = Practice(loop)
        yield practice
        practice.do(lambda simulator: simulator.aclose())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture
def practice():
    """The same exchange as blocking code holds it."""
    with rk.sync.Simulator(seed=3, rate=50) as simulator:
        yield simulator


@pytest.fixture
def v1_of(practice):
    """How to make a client of its WebSocket v1, not started yet; without `key` it knows no account."""

    def make(*, key=True, name="main", no_public=False, **settings):
        return rk.sync.KrakenV1Client(
            practice.v1_endpoints,
            practice.credentials if key else None,
            rk.Settings(backoff_base=0.05, linger=0, **settings),
            name=name,
            no_public=no_public,
        )

    return make


@pytest.fixture
def trader_v1(v1_of):
    """A started client of v1, with the key of the demo account."""
    with v1_of() as started:
        yield started


@pytest.fixture
def ctrl_c():
    """Ctrl-C as in a terminal: what is started in the background of a shell ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def client():
    """A started client that opens nothing, for streams made by hand."""
    with rk.sync.KrakenClient() as started:
        yield started


class Source:
    """A subject on the client's thread: what is pushed has arrived when `push` returns."""

    def __init__(self, client):
        self._background = client._background
        self.subject = Subject()

    def push(self, *items):
        for item in items:
            self._background.call(lambda item=item: self.subject.on_next(item))

    def fail(self, error):
        self._background.call(lambda: self.subject.on_error(error))

    def complete(self):
        self._background.call(self.subject.on_completed)

    @property
    def listeners(self):
        """How many are subscribed, once everything asked before is done."""
        return self._background.call(lambda: len(self.subject.observers))


@pytest.fixture
def source(client):
    """Items by hand."""
    return Source(client)
