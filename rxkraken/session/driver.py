"""When a connection takes its turns: as soon as something has changed, and at the latest when something is due.

Invariant: at most one turn is to come soon and at most one later; none comes after `stop`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable


class Driver:
    """The one timer of a connection."""

    def __init__(self, loop: asyncio.AbstractEventLoop, turn: Callable[[], float | None]) -> None:
        """`turn` does what is due and returns when it wants to be called again; None is not before the next `poke`."""
        self._loop = loop
        self._turn = turn
        self._timer: asyncio.TimerHandle | None = None
        self._soon: asyncio.Handle | None = None
        self._stopped = False

    @property
    def is_poked(self) -> bool:
        """Whether a turn is to come soon."""
        return self._soon is not None

    def poke(self) -> None:
        """Take a turn soon: many changes of one moment make one turn, and one batch of requests."""
        if self._soon is None and not self._stopped:
            self._soon = self._loop.call_soon(self._take)

    def stop(self) -> None:
        """Take no more turns."""
        self._stopped = True
        for handle in (self._timer, self._soon):
            if handle is not None:
                handle.cancel()
        self._timer = self._soon = None

    def _take(self) -> None:
        self._soon = None
        due = self._turn()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if due is not None and not self._stopped:
            self._timer = self._loop.call_at(due, self._take)
