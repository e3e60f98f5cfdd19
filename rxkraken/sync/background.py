"""A thread with an event loop of its own, and the ways to have something done there and to wait for it.

Waiting uses bare locks: a signal that interrupts a thread inside a `Condition` may leave it locked, and the loop would
wait for that lock for ever. What guards state is an `RLock`: a signal's handler may use the client it interrupts.
"""

from __future__ import annotations

import asyncio
import atexit
import functools
import os
import threading
import time
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rxkraken.errors import ClientClosed, InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

T = TypeVar("T")


class Handover(Generic[T]):
    """One outcome on its way from the loop to the thread that waits for it; others may wait beside it."""

    def __init__(self) -> None:
        """Nothing has arrived yet."""
        self.arrived = threading.Lock()
        self.arrived.acquire()
        self.settled = False
        self._value: T | None = None
        self._error: Exception | None = None

    def resolve(self, value: T) -> None:
        """Hand a value over; only the first outcome counts."""
        self._settle(value, None)

    def reject(self, error: Exception) -> None:
        """Hand an error over, to be raised where it is waited for."""
        self._settle(None, error)

    def _settle(self, value: T | None, error: Exception | None) -> None:
        if not self.settled:
            self.settled = True
            self._value, self._error = value, error
            self.arrived.release()

    def wait(self, timeout: float | None = None) -> T:
        """Wait for the outcome. Raises `TimeoutError` after `timeout` seconds."""
        if not acquire(self.arrived, timeout):
            raise TimeoutError(f"no answer within {timeout} s")
        self.arrived.release()  # for others that wait
        error, self._error = self._error, None
        if error is not None:
            try:
                raise error
            finally:
                del error  # its traceback holds this frame, and what the frames below it hold must not outlive it
        return self._value  # pyright: ignore[reportReturnType] - settled without an error, so it is a T


class Background:
    """An event loop in a daemon thread, which holds one asynchronous context open, from `start` to `close`."""

    def __init__(self, name: str, usage: str = "rk.sync.KrakenClient() as client") -> None:
        """Start nothing yet. `name` is the thread's, `usage` what users write after `with`."""
        self._name = name
        self._usage = usage
        self._lock = threading.RLock()
        self._process = 0
        self._ready: Handover[None] = Handover()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._closing = False
        self._ended = False
        self._last: dict[object, Callable[[], None]] = {}

    # --- life -----------------------------------------------------------------------------------------------------

    def start(self, context: AbstractAsyncContextManager[Any]) -> None:
        """Start the thread, enter the context there and return; calling it again waits for that, and does nothing."""
        self.refuse_fork()
        try:
            with self._lock:
                self._launch(context)
            self._ready.wait()
            self._check_open()  # another thread started it, and was told why it failed
        except BaseException:
            self.close()
            raise

    def _launch(self, context: AbstractAsyncContextManager[Any]) -> None:
        self._check_open()
        if self._thread is not None:
            return
        # The loop is there before its thread, so that nobody ever finds one without the other.
        runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._loop = runner.get_loop()
        self._process = os.getpid()
        target = functools.partial(self._run, runner, context)
        # A daemon, so that a script that forgot to close can end: then `close` is called at exit.
        self._thread = threading.Thread(target=target, name=self._name, daemon=True)
        atexit.register(self.close)
        self._thread.start()

    def close(self) -> None:
        """Leave the context and end the thread; returns when it has ended, but at once on the thread itself.

        It may be called more than once, and from any thread. In a process that was forked there is nothing to end.
        """
        if self._is_forked:
            return
        over: Handover[None] = Handover()
        with self._lock:
            self._closing = True
            if self._thread is not None and not self._ended and not self._thread.is_alive():
                self._thread = None  # Ctrl-C came before it had begun; should it begin yet, it ends at once
            thread = self._thread
            if thread is None:
                return
            if not self._ended:
                self._last[over] = lambda: over.resolve(None)
            else:
                over.resolve(None)
        self.post(self._end)
        if self.is_here:
            return
        over.wait()
        thread.join()
        atexit.unregister(self.close)

    def _end(self) -> None:
        if self._stop is not None:
            self._stop.set()

    def _run(self, runner: asyncio.Runner, context: AbstractAsyncContextManager[Any]) -> None:
        try:
            with runner:
                runner.run(self._hold(context))
        except Exception as error:
            if self._ready.settled:
                raise
            self._closing = True
            self._ready.reject(error)
        finally:
            self._ready.reject(ClientClosed("the client ended before it had started"))
            with self._lock:
                self._ended = self._closing = True
                last, self._last = self._last, {}
            for act in last.values():
                act()

    async def _hold(self, context: AbstractAsyncContextManager[Any]) -> None:
        self._stop = asyncio.Event()
        if self._closing:
            self._stop.set()  # it was closed before the loop could be told
        async with context:
            self._ready.resolve(None)
            await self._stop.wait()

    # --- doing things there -----------------------------------------------------------------------------------------

    @property
    def is_here(self) -> bool:
        """Whether the caller is on the loop's own thread."""
        return threading.current_thread() is self._thread

    def read(self, look: Callable[[], T]) -> T:
        """Look at something that belongs to the loop: there, or right here while there is none."""
        self.refuse_fork()
        if self._thread is None or self._ended:
            return look()
        try:
            return self.call(look)
        except ClientClosed:  # it ended at this moment
            return look()

    @property
    def stage(self) -> str:
        """How far its life is, in words."""
        if self._ended or self._is_forked:
            return "closed"
        if self._closing:
            return "closing" if self._thread is not None else "closed"
        return "not started" if self._thread is None else "running"

    def refuse_to_block(self, what: str) -> None:
        """Raise `RuntimeError` on the loop's own thread, which would wait for itself, and as `refuse_fork` does."""
        self.refuse_fork()
        if self.is_here:
            remedy = "in callbacks that block, subscribe with thread=an executor"
            raise RuntimeError(f"{what} would block the thread that has to bring the answer; {remedy}")

    def refuse_fork(self) -> None:
        """Raise `ClientClosed` in a process that was forked from the one it was started in: threads are not copied."""
        if self._is_forked:
            raise ClientClosed(f"this client was started in process {self._process}, before the fork; make a new one")

    @property
    def _is_forked(self) -> bool:
        return self._process not in (0, os.getpid())

    def post(self, act: Callable[[], object]) -> bool:
        """Have something done soon on the loop, and tell whether there is one. Lock-free: `__del__` may call it."""
        if self._loop is None or self._is_forked:
            return False
        try:
            self._loop.call_soon_threadsafe(act)
        except RuntimeError:  # it is closed, and all it held with it
            return False
        return True

    def at_end(self, act: Callable[[], None]) -> Callable[[], None]:
        """Have something done when the loop has ended; returns how to undo this."""
        self.refuse_fork()
        key = object()
        with self._lock:
            self._check()
            self._last[key] = act
        return lambda: self._forget(key)

    def call(self, work: Callable[[], T]) -> T:
        """Do something on the loop that does not wait, and return its result."""
        self.refuse_fork()
        if self.is_here:
            return work()
        handover: Handover[T] = Handover()

        def act() -> None:
            try:
                handover.resolve(work())
            except Exception as error:  # noqa: BLE001 - it is raised where the caller waits
                handover.reject(error)

        try:
            self._submit(handover, act)
            return handover.wait()
        finally:
            self._forget(handover)

    def wait(self, make: Callable[[], Awaitable[T]], *, what: str, timeout: float | None = None) -> T:
        """Await something on the loop, and return its result. Leaving early, by a timeout or Ctrl-C, cancels that wait.

        Raises `TimeoutError` after `timeout` seconds, and `RuntimeError` on the loop's own thread.
        """
        seconds = checked_seconds(timeout)
        self.refuse_to_block(what)
        handover: Handover[T] = Handover()
        tasks: list[asyncio.Task[None]] = []

        def act() -> None:
            tasks.append(asyncio.get_running_loop().create_task(_carry(make, handover)))

        try:
            self._submit(handover, act)
            return handover.wait(seconds)
        finally:
            self._forget(handover)
            if not handover.settled:
                self.post(lambda: [task.cancel() for task in tasks])

    def _submit(self, handover: Handover[Any], act: Callable[[], None]) -> None:
        with self._lock:
            self._check()
            self._last[handover] = lambda: handover.reject(ClientClosed("the client was closed before it could answer"))
        self.post(act)

    def _forget(self, key: object) -> None:
        with self._lock:
            self._last.pop(key, None)

    def _check_open(self) -> None:
        if self._closing:
            raise ClientClosed("this client was closed; make a new one")

    def _check(self) -> None:
        if self._thread is None and not self._closing:
            raise RuntimeError(f"not started; use `with {self._usage}:`, or call start()")
        if self._ended or self._thread is None:
            raise ClientClosed("this client is closed; make a new one")


async def _carry(make: Callable[[], Awaitable[T]], handover: Handover[T]) -> None:
    try:
        handover.resolve(await make())
    except asyncio.CancelledError:
        handover.reject(ClientClosed("the client was closed before it could answer"))
        raise
    except Exception as error:  # noqa: BLE001 - it is raised where the caller waits
        handover.reject(error)


def checked_seconds(timeout: Any) -> float | None:
    """Return a timeout that can be waited for; `InvalidArgument` for everything else."""
    if timeout is None or (isinstance(timeout, int | float) and not isinstance(timeout, bool) and timeout >= 0):
        return timeout
    raise InvalidArgument(f"timeout={timeout!r} is not allowed; give seconds, or None to wait for ever")


def acquire(lock: threading.Lock, timeout: float | None) -> bool:
    """Wait for a lock, at most `timeout` seconds; Ctrl-C interrupts the wait."""
    if threading.current_thread() is not threading.main_thread():  # signals are the main thread's alone
        return lock.acquire(timeout=-1 if timeout is None else min(max(timeout, 0), threading.TIMEOUT_MAX))
    end = None if timeout is None else time.monotonic() + timeout
    while not lock.acquire(timeout=_GLANCE if end is None else min(_GLANCE, max(end - time.monotonic(), 0))):
        if end is not None and time.monotonic() >= end:
            return False
    return True


# Where Ctrl-C may come, the wait is given up now and then for a moment. Windows cannot interrupt it at all; elsewhere
# one that comes just before the thread falls asleep would be noticed with the next item only, or never.
_GLANCE = 0.2
