"""One item to many subscribers: in order, at once, and none of them can harm the others.

Stock subjects cost five times as much, starve the subscribers behind a failing one, and reorder what is emitted from
inside an emission. A hub does none of that.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from reactivex.disposable import Disposable

from rxkraken.errors import SubscriberFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactivex.abc import DisposableBase, ObserverBase

T = TypeVar("T")


class Outlet(Generic[T]):
    """One subscriber of a hub: three callbacks, the place that subscribed, and whether it asked for gaps."""

    __slots__ = ("dispose", "gaps", "on_completed", "on_error", "on_next", "place")

    def __init__(self, observer: ObserverBase[T], place: str, *, gaps: bool = False) -> None:
        """Bind the observer's methods once: they are called for every item."""
        self.on_next: Callable[[Any], None] = observer.on_next
        self.on_error = observer.on_error
        self.on_completed = observer.on_completed
        # Observers made by `Observable.subscribe` can be detached from the whole chain that leads to them.
        self.dispose: Callable[[], None] = getattr(observer, "dispose", _nothing)
        self.place = place
        self.gaps = gaps


def _nothing() -> None:
    """Detach nothing: a bare observer has no chain."""


class Hub(Generic[T]):
    """A hot source with guarded subscribers."""

    __slots__ = ("_emitting", "_queue", "_report", "name", "outlets")

    def __init__(self, name: str, report: Callable[[SubscriberFailed], None]) -> None:
        """`report` is told of every subscriber that failed, with the place where it subscribed."""
        self.name = name
        self.outlets: tuple[Outlet[T], ...] = ()
        self._report = report
        self._emitting = False
        self._queue: deque[tuple[Callable[[Any], None], Any]] = deque()

    def emit(self, item: T) -> None:
        """Give an item to every subscriber; from inside an emission, after the one under way."""
        if self._emitting:
            self._queue.append((self.emit, item))
            return
        self._emitting = True
        try:
            for outlet in self.outlets:
                try:
                    outlet.on_next(item)
                except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - promise 5: it is reported, the rest go on
                    self.expel(outlet, error)
        finally:
            self._emitting = False
        if self._queue:
            self._drain()

    def mark(self, item: Any) -> None:
        """Give an item, such as a gap, only to the subscribers that asked for gaps; in order with the others."""
        if self._emitting:
            self._queue.append((self.mark, item))
            return
        self._deliver([outlet for outlet in self.outlets if outlet.gaps], lambda outlet: outlet.on_next(item))

    def fail(self, error: Exception) -> None:
        """End every subscriber with an error."""
        if self._emitting:
            self._queue.append((self.fail, error))
            return
        self._end(lambda outlet: outlet.on_error(error))

    def complete(self, _: None = None) -> None:
        """End every subscriber."""
        if self._emitting:
            self._queue.append((self.complete, None))
            return
        self._end(lambda outlet: outlet.on_completed())

    def add(self, outlet: Outlet[T]) -> DisposableBase:
        """Let a subscriber receive everything from the next item on."""
        self.outlets = (*self.outlets, outlet)
        return Disposable(lambda: self.remove(outlet))

    def remove(self, outlet: Outlet[T]) -> None:
        """Let a subscriber go."""
        self.outlets = tuple(other for other in self.outlets if other is not outlet)

    def expel(self, outlet: Outlet[T], error: BaseException) -> None:
        """End one subscriber that failed, and say so."""
        self.remove(outlet)
        outlet.dispose()
        self._report(SubscriberFailed(self.name, outlet.place, error))

    def _end(self, last: Callable[[Outlet[T]], None]) -> None:
        outlets, self.outlets = self.outlets, ()
        self._deliver(outlets, last)

    def _deliver(self, outlets: Any, action: Callable[[Outlet[T]], None]) -> None:
        self._emitting = True
        try:
            for outlet in outlets:
                try:
                    action(outlet)
                except (Exception, asyncio.CancelledError) as error:  # noqa: BLE001 - promise 5, as in `emit`
                    self.expel(outlet, error)
        finally:
            self._emitting = False
        self._drain()

    def _drain(self) -> None:
        while self._queue and not self._emitting:
            action, argument = self._queue.popleft()
            action(argument)
