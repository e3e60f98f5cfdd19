"""The one scheduler for time operators: the event loop's clock, for reading the time and for timers alike.

RxPY's own asyncio scheduler reads the wall clock but sets monotonic timers, so a clock step moves its deadlines; and
its operators without a scheduler start threads.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from reactivex.scheduler.eventloop import AsyncIOScheduler

if TYPE_CHECKING:
    import asyncio


class LoopScheduler(AsyncIOScheduler):
    """Schedules on one event loop, whose time is also its `now`, anchored once to the wall clock."""

    def __init__(self, loop: asyncio.AbstractEventLoop, wall: float) -> None:
        """`wall` is the time in seconds since the Unix epoch at this moment."""
        super().__init__(loop)
        self._anchor = datetime.fromtimestamp(wall, UTC) - timedelta(seconds=loop.time())

    @property
    def now(self) -> datetime:
        """The loop's time as a date in UTC."""
        return self._anchor + timedelta(seconds=self._loop.time())
