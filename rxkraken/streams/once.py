"""A request as an observable: cold until somebody looks, done once, its outcome replayed to all who look later."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar, cast

from reactivex import Observable
from reactivex.disposable import Disposable

from rxkraken.streams.hub import Hub, Outlet
from rxkraken.streams.place import place_of_caller

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase

    from rxkraken.errors import SubscriberFailed

T = TypeVar("T")


class _Waiter:
    """Settles a future with an outcome, unless whoever waited has given up."""

    __slots__ = ("_future",)

    def __init__(self, future: asyncio.Future[Any]) -> None:
        self._future = future

    def on_next(self, value: Any) -> None:
        if not self._future.done():
            self._future.set_result(value)

    def on_error(self, error: Exception) -> None:
        if not self._future.done():
            self._future.set_exception(error)

    def on_completed(self) -> None:
        """End with the value, which came before."""


class Once(Observable[T]):
    """Emits one outcome and completes, or fails. The request is made at the first subscribe or await, and never again.

    Leaving early does not undo the request; subscribing later, or `retry()`, observes the same outcome.
    """

    def __init__(
        self,
        name: str,
        start: Callable[[Callable[[T], None], Callable[[Exception], None]], None],
        report: Callable[[SubscriberFailed], None],
    ) -> None:
        """`start(resolve, reject)` makes the request and calls one of both when it is over."""
        super().__init__()
        self._start = start
        self._hub: Hub[T] = Hub(name, report)
        self._begun = False
        self._outcome: tuple[T] | None = None
        self._error: Exception | None = None

    def _subscribe_core(self, observer: ObserverBase[T], scheduler: SchedulerBase | None = None) -> DisposableBase:
        del scheduler
        if self._outcome is not None:
            observer.on_next(self._outcome[0])
            observer.on_completed()
            return Disposable()
        if self._error is not None:
            observer.on_error(self._error)
            return Disposable()
        leave = self._hub.add(Outlet(observer, place_of_caller()))
        if not self._begun:
            self._begun = True
            try:
                self._start(self._resolve, self._reject)
            except Exception as error:  # noqa: BLE001 - whatever it is, everyone gets it: it is not begun again
                self._reject(error)
        return leave

    @property
    def begun(self) -> bool:
        """Whether the request was made."""
        return self._begun

    @property
    def result(self) -> T | None:
        """The outcome, if there is one and it is no failure."""
        return self._outcome[0] if self._outcome is not None else None

    def __await__(self) -> Generator[Any, None, T]:
        """Wait for the outcome. Cancelling the wait does not undo the request."""
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()

        # Straight to the hub: an observer made by RxPY would cost as much again as the rest of the request.
        subscription = self._subscribe_core(cast("ObserverBase[T]", _Waiter(future)))
        try:
            return (yield from future)
        finally:
            subscription.dispose()

    def _resolve(self, value: T) -> None:
        if self._outcome is None and self._error is None:
            self._outcome = (value,)
            self._hub.emit(value)
            self._hub.complete()

    def _reject(self, error: Exception) -> None:
        if self._outcome is None and self._error is None:
            self._error = error
            self._hub.fail(error)

    def __repr__(self) -> str:
        """Name the request and how far it is."""
        state = "done" if self._outcome else "failed" if self._error else "sent" if self._begun else "not sent"
        return f"<{type(self).__name__} {self._hub.name}: {state}>"
