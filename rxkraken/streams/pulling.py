"""Observables pulled with `async for`: a mailbox between the pushing loop and a consumer that takes its time."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from reactivex.disposable import SerialDisposable

from rxkraken.streams.policies import mailbox

if TYPE_CHECKING:
    from reactivex import Observable

    from rxkraken.streams.policies import Mailbox, Policy

T = TypeVar("T")


class _Crossing:
    """Both sides of the hand-over. The source holds this and never the iterator, so a dropped iterator is noticed."""

    def __init__(self, box: Mailbox, loop: asyncio.AbstractEventLoop) -> None:
        self.box = box
        self._loop = loop
        self._thread = threading.get_ident()
        self.ended = False
        self.error: Exception | None = None
        self.waiter: asyncio.Future[None] | None = None
        self.subscription = SerialDisposable()

    def on_next(self, item: Any) -> None:
        if self.ended:
            return
        if threading.get_ident() != self._thread:  # someone piped the stream through a thread
            self._loop.call_soon_threadsafe(self.on_next, item)
            return
        try:
            self.box.put(item)
        except Exception as error:  # noqa: BLE001 - an overflow, or the user's key function: it ends this consumer only
            self.on_error(error)
            self.subscription.dispose()
        else:
            self.wake()

    def on_error(self, error: Exception) -> None:
        if self.error is None:
            self.error = error
        self.on_completed()

    def on_completed(self) -> None:
        if threading.get_ident() != self._thread:
            self._loop.call_soon_threadsafe(self.on_completed)
            return
        self.ended = True
        self.wake()

    def wake(self) -> None:
        waiter, self.waiter = self.waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)


class Pull(Generic[T]):
    """An async iterator over an observable. It subscribes when made and leaves when closed, dropped or ended.

    Use it in `async for`, or in `async with` to leave at a certain point. Everything waiting is delivered before the
    end of the stream, or its error, shows.
    """

    def __init__(self, source: Observable[T], policy: Policy) -> None:
        """Subscribe at once, so nothing between this moment and the first `await` is missed."""
        self._loop = asyncio.get_running_loop()
        self._crossing = crossing = _Crossing(mailbox(policy), self._loop)
        crossing.subscription.disposable = source.subscribe(crossing.on_next, crossing.on_error, crossing.on_completed)

    def __aiter__(self) -> Self:
        """Iterate."""
        return self

    async def __anext__(self) -> T:
        """Wait for the next item. Raises what ended the stream, once everything before it was taken."""
        crossing = self._crossing
        while not len(crossing.box):
            if crossing.ended:
                self._leave()
                if crossing.error is not None:
                    error, crossing.error = crossing.error, None
                    raise error
                raise StopAsyncIteration
            if crossing.waiter is None or crossing.waiter.done():
                crossing.waiter = self._loop.create_future()
            # Two tasks may share one iterator; each waits for the same arrival and then looks again.
            await asyncio.shield(crossing.waiter)
        return crossing.box.get()

    async def aclose(self) -> None:
        """Leave the stream; a task waiting for an item sees the end."""
        self._leave()

    async def __aenter__(self) -> Self:
        """Use as a context manager to leave the stream at a certain point."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Leave the stream."""
        self._leave()

    def __del__(self) -> None:
        """Leave the stream when `break` dropped the iterator."""
        crossing = getattr(self, "_crossing", None)
        if crossing is None or self._loop.is_closed():
            return
        # The collector may run in any thread; subscriptions belong to the loop.
        self._loop.call_soon_threadsafe(crossing.subscription.dispose)

    def _leave(self) -> None:
        self._crossing.subscription.dispose()
        self._crossing.on_completed()
