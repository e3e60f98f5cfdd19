"""Observables pulled from other threads: a mailbox between the loop that pushes and a `for` that takes its time."""

from __future__ import annotations

import _thread
import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from reactivex.disposable import SerialDisposable

from rxkraken.streams.policies import mailbox
from rxkraken.sync.background import acquire

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactivex import Observable

    from rxkraken.streams.policies import Policy
    from rxkraken.sync.background import Background

T = TypeVar("T")


class Crossing:
    """Both sides of the hand-over. The source holds this and never the iterator, so a dropped iterator is noticed."""

    def __init__(self, background: Background, policy: Policy, waiter: Callable[[], None] | None = None) -> None:
        """`waiter` is called once, when there is something to look for."""
        self._background = background
        self._box = mailbox(policy)
        self._lock = threading.RLock()  # a signal's handler may close what it interrupts
        self._waiters = [] if waiter is None else [waiter]
        self._ended = False
        self._error: Exception | None = None
        self._subscription = SerialDisposable()
        self._forget = background.at_end(self.on_completed)

    def enter(self, source: Observable[Any]) -> None:
        """Subscribe; returns when that is done, so nothing after it is missed."""

        def subscribe() -> None:
            self._subscription.disposable = source.subscribe(self.on_next, self.on_error, self.on_completed)

        self._background.call(subscribe)

    def leave(self) -> bool:
        """Unsubscribe soon, and tell whether the loop is there yet. Takes no lock: it may be called by `__del__`."""
        return self._background.post(self._dispose)

    def _dispose(self) -> None:
        self._forget()
        self._subscription.dispose()

    # --- the side of the source -------------------------------------------------------------------------------------

    def on_next(self, item: Any) -> None:
        """Put an item into the mailbox, from whatever thread it comes."""
        try:
            with self._lock:
                if self._ended:
                    return
                self._box.put(item)
        except Exception as error:  # noqa: BLE001 - an overflow, or the user's key function: it ends this consumer only
            self.on_error(error)
            self.leave()
        else:
            self._wake()

    def on_error(self, error: Exception) -> None:
        """End with an error, after what is waiting."""
        with self._lock:
            if not self._ended:
                self._error = error
        self.on_completed()

    def on_completed(self) -> None:
        """End, after what is waiting."""
        with self._lock:
            self._ended = True
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter()

    # --- the side of the consumer -----------------------------------------------------------------------------------

    def look(self, waiter: Callable[[], None]) -> tuple[Any] | None:
        """Take the next item; if there is none, have `waiter` called once when it is worth looking again.

        Raises what ended the stream, or `StopIteration`, once everything before it was taken.
        """
        with self._lock:
            if len(self._box):
                return (self._box.get(),)
            if not self._ended:
                self._waiters.append(waiter)
                return None
            error, self._error = self._error, None
        if error is not None:
            raise error
        raise StopIteration

    def ignore(self, waiter: Callable[[], None]) -> None:
        """Wait no longer."""
        with self._lock:
            if waiter in self._waiters:
                self._waiters.remove(waiter)


class Pull(Generic[T]):
    """A blocking iterator over a stream. It subscribes when made and leaves when closed, dropped, interrupted or ended.

    Use it in `for`, or in `with` to leave at a certain point. Everything waiting is delivered before the end of the
    stream, or its error, shows. Several threads may share one: each item goes to one of them.
    """

    def __init__(
        self, background: Background, source: Observable[T], policy: Policy, *, timeout: float | None, name: str
    ) -> None:
        """Subscribe at once; `timeout` is how many seconds `next()` waits for an item."""
        self._background = background
        self._timeout = timeout
        self._name = name
        self._closed = False
        self._crossing = Crossing(background, policy)
        self._crossing.enter(source)

    def __iter__(self) -> Self:
        """Iterate."""
        return self

    def __next__(self) -> T:
        """Wait for the next item. Raises what ended the stream, and `TimeoutError`, after which one may go on."""
        self._background.refuse_to_block(f"waiting for {self._name}")
        end = None if self._timeout is None else time.monotonic() + self._timeout
        try:
            while not self._closed:
                gate = threading.Lock()
                gate.acquire()
                found = self._crossing.look(gate.release)
                if found is not None:
                    return found[0]
                if not acquire(gate, None if end is None else end - time.monotonic()):
                    self._crossing.ignore(gate.release)
                    break
        except BaseException:  # the end, an error, or Ctrl-C
            self.close()
            raise
        if self._closed:
            raise StopIteration
        raise TimeoutError(f"no item of {self._name} within {self._timeout} s")

    def poll(self) -> T | None:
        """Take the next item if one is waiting, without waiting for it. Raises what ended the stream, once."""
        self._background.refuse_fork()
        if self._closed:
            return None
        try:
            found = self._crossing.look(_nothing)
        except StopIteration:
            self.close()
            return None
        if found is None:
            self._crossing.ignore(_nothing)
            return None
        return found[0]

    def close(self) -> None:
        """Leave the stream; a thread waiting for an item sees the end. It may be called more than once."""
        if not self._closed:
            self._closed = True
            if self._crossing.leave():  # otherwise the end of the loop has woken everybody
                self._crossing.on_completed()

    def __enter__(self) -> Self:
        """Use as a context manager to leave the stream at a certain point."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the stream."""
        self.close()

    def __del__(self) -> None:
        """Leave the stream when `break` dropped the iterator."""
        crossing = getattr(self, "_crossing", None)
        if crossing is None:
            return
        try:
            # The collector may run in any thread, inside any lock; subscriptions belong to the loop.
            crossing.leave()
        except KeyboardInterrupt:  # raised from here it would be lost, so it comes again
            crossing.leave()
            self._background.post(_interrupt_soon)


def _interrupt_soon() -> None:
    """Have Ctrl-C come again, on the loop, when the `__del__` it came in is over."""
    asyncio.get_running_loop().call_later(0.05, _thread.interrupt_main)


def _nothing() -> None:
    """Wake nobody: who polls does not wait."""
