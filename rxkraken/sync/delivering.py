"""Streams pushed to callbacks: on the client's own thread, or one at a time and in order on another."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from reactivex.disposable import SerialDisposable

from rxkraken.errors import InvalidArgument, SubscriberFailed
from rxkraken.logs import logger
from rxkraken.sync.pulling import Crossing

if TYPE_CHECKING:
    from reactivex import Observable

    from rxkraken.streams.policies import Policy
    from rxkraken.sync.background import Background

T = TypeVar("T")
Scheduler = Executor | Callable[[Callable[[], None]], object]
log = logger("rxkraken")


@dataclass(frozen=True, slots=True)
class Subscriber(Generic[T]):
    """Three callbacks, what they listen to, the line that subscribed them, and whom to tell if they fail."""

    on_next: Callable[[T], object] | None
    on_error: Callable[[Exception], object] | None
    on_completed: Callable[[], object] | None
    stream: str
    place: str
    report: Callable[[SubscriberFailed], None]


class Subscription(Generic[T]):
    """Callbacks that listen to a stream, until `dispose()`, the end of the stream, or one of them raises.

    A context manager: leaving it disposes. Disposing returns at once, from any thread; no callback begins after it.
    """

    def __init__(self, background: Background, subscriber: Subscriber[T]) -> None:
        """Listen to nothing yet."""
        self._background = background
        self._subscriber = subscriber
        self._over = False
        self._leave: Callable[[], object] = _nothing

    def dispose(self) -> None:
        """Leave the stream. It may be called more than once."""
        self._over = True
        self._leave()

    @property
    def is_disposed(self) -> bool:
        """Whether it is over, for whatever reason."""
        return self._over

    def __enter__(self) -> Self:
        """Use as a context manager to leave the stream at a certain point."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the stream."""
        self.dispose()

    # --- where the callbacks run --------------------------------------------------------------------------------------

    def listen_here(self, source: Observable[T]) -> None:
        """Have the callbacks called on the loop's thread, as items come: nothing waits anywhere."""
        subscription = SerialDisposable()
        forget = self._background.at_end(self._complete)

        def subscribe() -> None:
            subscription.disposable = source.subscribe(self._next, self._fail, self._complete)

        def unsubscribe() -> None:
            forget()
            subscription.dispose()

        self._leave = functools.partial(self._background.post, unsubscribe)
        self._enter(lambda: self._background.call(subscribe))

    def listen_on(self, scheduler: Scheduler, source: Observable[T], policy: Policy) -> None:
        """Have the callbacks called by jobs given to `scheduler`, one job at a time; meanwhile items wait."""

        def schedule() -> None:
            if self._over:
                return
            try:
                _give(scheduler, work, self._refused)
            except Exception as error:  # noqa: BLE001 - an executor that was shut down: promise 5, it is reported
                self._refused(error)

        def work() -> None:
            try:
                if self._deliver(crossing, schedule):
                    schedule()
            except BaseException as error:  # sys.exit() or Ctrl-C: that thread's to obey, and nobody would look again
                self._refused(error)
                raise

        crossing = Crossing(self._background, policy, schedule)
        self._leave = crossing.leave
        self._enter(lambda: crossing.enter(source))

    def _deliver(self, crossing: Crossing, waiter: Callable[[], None]) -> bool:
        """Call back with what waits, and tell whether there is more; `waiter` is called when there is again."""
        for _ in range(_AT_ONCE):
            try:
                found = None if self._over else crossing.look(waiter)
            except StopIteration:
                self._complete()
                return False
            except Exception as error:  # noqa: BLE001 - what ended the stream
                self._fail(error)
                return False
            if found is None:
                return False
            self._next(found[0])
        return True

    def _enter(self, subscribe: Callable[[], None]) -> None:
        try:
            subscribe()
        except BaseException:  # what it cannot listen to, or Ctrl-C: nobody gets this to dispose it
            self.dispose()
            raise

    # --- the callbacks ------------------------------------------------------------------------------------------------

    def _next(self, item: T) -> None:
        if self._over or self._subscriber.on_next is None:
            return
        try:
            self._subscriber.on_next(item)
        except BaseException as error:  # noqa: BLE001 - promise 5: it is reported, the rest go on
            self._refused(error)
            self._exit(error)

    def _fail(self, error: Exception) -> None:
        if self._over:
            return
        self.dispose()
        if self._subscriber.on_error is None:
            self._report(error)
        else:
            self._last(functools.partial(self._subscriber.on_error, error))

    def _complete(self) -> None:
        if self._over:
            return
        self.dispose()
        if self._subscriber.on_completed is not None:
            self._last(self._subscriber.on_completed)

    def _last(self, callback: Callable[[], object]) -> None:
        try:
            callback()
        except BaseException as error:  # noqa: BLE001 - promise 5, as in `_next`
            self._report(error)
            self._exit(error)

    def _exit(self, error: BaseException) -> None:
        """Have sys.exit() and Ctrl-C end the thread they came in, unless it is the client's own."""
        if not isinstance(error, Exception | asyncio.CancelledError) and not self._background.is_here:
            raise error

    def _refused(self, error: BaseException) -> None:
        if not self._over:
            self.dispose()
            self._report(error)

    def _report(self, error: BaseException) -> None:
        failure = SubscriberFailed(self._subscriber.stream, self._subscriber.place, error)
        if not self._background.post(functools.partial(self._subscriber.report, failure)):
            log.error("%s", failure, exc_info=error)


def check_scheduler(scheduler: object) -> None:
    """Raise `InvalidArgument` for what can neither take jobs nor be called with them."""
    if not isinstance(scheduler, Executor) and not callable(scheduler):
        allowed = "a concurrent.futures.Executor, or a function that takes a job, such as loop.call_soon_threadsafe"
        raise InvalidArgument(f"thread={scheduler!r} cannot run callbacks; give {allowed}")


def _give(scheduler: Scheduler, job: Callable[[], None], refused: Callable[[BaseException], None]) -> None:
    if not isinstance(scheduler, Executor):
        scheduler(job)
        return

    def done(future: Future[Any]) -> None:
        if future.cancelled():
            refused(RuntimeError("the executor was shut down and cancelled its jobs"))
        elif (error := future.exception()) is not None:  # it could not run the job
            refused(error)

    scheduler.submit(job).add_done_callback(done)


def _nothing() -> None:
    """Leave nothing: nothing was entered."""


# So many items a job, then others have their turn on that thread.
_AT_ONCE = 64
