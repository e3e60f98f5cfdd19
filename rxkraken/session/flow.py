"""Whether one acknowledged subscription is alive: does its data move, and for how long may it pause.

A flow sees nothing but the count of its topic's useful frames. Invariants: what it misses is told at the moment its
patience ends, and never before; its patience grows with the pauses that the market itself makes. Sans I/O.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from rxkraken.settings import Settings

Finding = Literal["empty", "no snapshot", "stale"]


class Flow:
    """The frames of one subscription, counted."""

    __slots__ = ("_asked", "_count", "_is_empty", "_longest_pause", "_moved_at", "_settings")

    def __init__(self, settings: Settings) -> None:
        """Watch nothing before `asked`."""
        self._settings = settings
        self._asked = 0
        self._count = 0
        self._moved_at = 0.0
        self._longest_pause = 0.0
        self._is_empty = False

    def asked(self, count: int) -> None:
        """Start over: the topic was asked for when it had so many frames."""
        self._asked = self._count = count
        self._is_empty = False

    def began(self, now: float) -> None:
        """Expect data from now on: the topic was acknowledged."""
        self._moved_at = now

    def has_data(self, count: int) -> bool:
        """Whether anything has come since it was asked for."""
        return count != self._asked

    def look(self, channel: str, count: int, now: float) -> Finding | None:
        """Compare with the look before, and tell what is missing: the first data, or any since too long."""
        quiet = now - self._moved_at
        if count != self._count:
            self._longest_pause = max(_FADING * self._longest_pause, quiet)
            self._count = count
            self._moved_at = now
            return None
        if count == self._asked and channel in _STARTS_WITH_DATA:
            return "no snapshot" if quiet >= self._settings.request_timeout else None
        if count == self._asked and channel in _MAY_START_EMPTY and not self._is_empty:
            self._is_empty = quiet >= _EMPTY_AFTER
            return "empty" if self._is_empty else None
        return self._staleness(channel, quiet)

    def _staleness(self, channel: str, quiet: float) -> Finding | None:
        factor = _STALE_FACTORS.get(channel)
        # Quiet markets pause for long (section 7, quirk 24), so the patience grows with the longest pause of late.
        if factor is None or quiet < max(factor * self._settings.stale_after, _PATIENCE * self._longest_pause):
            return None
        self._longest_pause = max(self._longest_pause, quiet)
        return "stale"


_PATIENCE = 4.0
_FADING = 0.9
# Their first frame comes right after the ack, however quiet the market is.
_STARTS_WITH_DATA = frozenset({"book", "ticker", "instrument", "level3"})
# Whether an account without orders gets an empty snapshot is not known (section 5.2), so nobody waits for it for long.
_MAY_START_EMPTY = frozenset({"executions", "balances", "own_trades"})
_EMPTY_AFTER = 3.0
# Books and tickers of a living market move all the time; trades and candles only when somebody trades.
_STALE_FACTORS = {"book": 1.0, "ticker": 1.0, "level3": 1.0, "trade": 4.0, "ohlc": 4.0}
