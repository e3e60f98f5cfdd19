"""News of the account that wait for a moment, because somebody awaits an answer that comes behind them.

The exchange tells of a new order before it acknowledges it (ws-v2 reference section 5.2). While an answer is awaited
and nobody looks at the news, they are merged after it. Whoever asks what is known has them merged first.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Backlog:
    """What is put off, in the order in which it came. It waits for at most two milliseconds."""

    __slots__ = ("_awaited", "_clearing", "_closed", "_loop", "_on_defect", "_timer", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, on_defect: Callable[[Exception], None]) -> None:
        """`on_defect` is told what work raises; the rest is done all the same."""
        self._loop = loop
        self._on_defect = on_defect
        self._awaited = 0
        self._clearing = False
        self._closed = False
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: deque[Callable[[], None]] = deque()

    @property
    def is_urgent(self) -> bool:
        """Whether an answer is awaited that work should make way for."""
        return self._awaited > 0 and not self._closed

    def begin(self) -> None:
        """Note that an answer is awaited."""
        self._awaited += 1

    def over(self) -> None:
        """Note that it came and was told. What waits is done as soon as those who awaited it have had their turn."""
        self._awaited -= 1
        if self._waiting:
            self._loop.call_soon(self.clear)

    def add(self, work: Callable[[], None]) -> None:
        """Do some work after all that waits already; to be called before an answer is told that will be `over` then."""
        self._waiting.append(work)

    def put(self, work: Callable[[], None]) -> None:
        """Do some work soon, after all that waits already."""
        self._waiting.append(work)
        if self._timer is None:
            self._timer = self._loop.call_later(_AT_MOST, self.clear)

    def clear(self) -> None:
        """Do now what waits; from inside that, nothing: one after the other."""
        if self._clearing or not self._waiting:
            return
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._clearing = True
        while self._waiting:
            try:
                self._waiting.popleft()()
            except Exception as error:  # noqa: BLE001 - promise 20: news never stop their reader; a defect is reported
                self._on_defect(error)
        self._clearing = False

    def close(self) -> None:
        """Do now what waits, and put nothing off any more."""
        self._closed = True
        self.clear()


_AT_MOST: Final = 0.002
