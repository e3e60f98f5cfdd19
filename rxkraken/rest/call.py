"""A call that is made when somebody wants its answer, and only once however many do."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Generic, Protocol, TypeVar, cast

import reactivex
from reactivex.disposable import Disposable

from rxkraken.logs import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Generator

    from reactivex import Observable, abc

    from rxkraken.errors import KrakenError

T = TypeVar("T")
_log: Final = logger("rxkraken.rest")


class TaskOwner(Protocol):
    """Who starts the tasks of calls, knows them all, and ends them when it is closed."""

    def start(self, name: str, make: Callable[[], Coroutine[Any, Any, T]], *, interruptible: bool) -> asyncio.Task[T]:
        """Start a task on the running loop; raise `ClientClosed` when no more may start."""
        ...


class RestCall(Generic[T]):
    """One REST call, not made yet. `await` it, or subscribe to `observable()`: the first of these sends it.

    It is sent once; everybody who awaits or subscribes, early or late, gets the same result or the same error. A
    reading call that nobody waits for any more is given up; an order call, once begun, runs to its end, so that its
    outcome is still there for whoever asks again.
    """

    __slots__ = ("_cut_short", "_interruptible", "_make", "_owner", "_task", "_waiting", "name")

    def __init__(
        self,
        name: str,
        make: Callable[[], Coroutine[Any, Any, T]],
        owner: TaskOwner,
        *,
        interruptible: bool,
        cut_short: Callable[[], KrakenError],
    ) -> None:
        """Hold what to do. `make` is called when the call is first wanted; `cut_short` says what closing does to it."""
        self.name = name
        self._make = make
        self._owner = owner
        self._interruptible = interruptible
        self._cut_short = cut_short
        self._task: asyncio.Task[T] | None = None
        self._waiting = 0

    def __await__(self) -> Generator[Any, None, T]:
        """Send it if it was not, and return its result; raises what `KrakenError` its documentation names."""
        return self._result().__await__()

    def observable(self) -> Observable[T]:
        """Return the call as a stream: subscribing sends it once, it emits the result and completes, or errors.

        Subscribe on the event loop of the client. Disposing is like no longer awaiting.
        """

        def subscribe(observer: abc.ObserverBase[T], _scheduler: abc.SchedulerBase | None = None) -> abc.DisposableBase:
            task = self._join()
            left = False

            def deliver(done: asyncio.Task[T]) -> None:
                nonlocal left
                if left:
                    return
                left = True
                self._leave()
                error = self._failure(done)
                if error is None:
                    observer.on_next(done.result())
                    observer.on_completed()
                else:
                    observer.on_error(error)

            def dispose() -> None:
                nonlocal left
                if not left:
                    left = True
                    task.remove_done_callback(deliver)
                    self._leave()

            task.add_done_callback(deliver)
            return Disposable(dispose)

        return reactivex.create(subscribe)

    def __repr__(self) -> str:
        """Say which call it is and how far it got; never its parameters, which may be secret."""
        return f"<RestCall {self.name}, {self._progress()}>"

    def _progress(self) -> str:
        match self._task:
            case None:
                return "not sent"
            case task if not task.done():
                return "under way"
            case task:
                return "answered" if self._failure(task) is None else "failed"

    async def _result(self) -> T:
        task = self._join()
        try:
            # Unlike awaiting the task, this leaves it alone when the waiter is cancelled: others may be waiting.
            await asyncio.wait((task,))
        except asyncio.CancelledError:
            self._leave()
            if task.cancelling():
                await asyncio.wait((task,))
            raise
        self._leave()
        error = self._failure(task)
        if error is not None:
            raise error
        return task.result()

    def _join(self) -> asyncio.Task[T]:
        # A read that was given up may be asked for again; an order that was cut short must never be sent again.
        if self._task is None or (self._interruptible and self._task.cancelled()):
            self._task = self._owner.start(self.name, self._make, interruptible=self._interruptible)
            self._task.add_done_callback(self._notice)
        self._waiting += 1
        return self._task

    def _leave(self) -> None:
        self._waiting -= 1
        if self._waiting == 0 and self._interruptible and self._task is not None and not self._task.done():
            self._task.cancel()

    def _notice(self, task: asyncio.Task[T]) -> None:
        error = None if task.cancelled() else task.exception()
        if error is not None and self._waiting == 0:
            _log.warning("%s failed after nobody waited for it any more: %s", self.name, error)

    def _failure(self, task: asyncio.Task[Any]) -> Exception | None:
        if task.cancelled():
            return self._cut_short()
        # KeyboardInterrupt and SystemExit end the loop before anybody can ask the task.
        return cast("Exception | None", task.exception())
