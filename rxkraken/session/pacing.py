"""Two limits as plain arithmetic: how fast requests may leave, and how often a process may connect.

Time is a number that the caller passes in. Sources: ws-v2 reference sections 1.3 and 1.9.
"""

from __future__ import annotations

from bisect import bisect_right, insort


class TokenBucket:
    """`burst` at once, then `rate` a second."""

    def __init__(self, rate: float, burst: int) -> None:
        """Start full."""
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._at = 0.0

    def take(self, now: float) -> bool:
        """Take one if there is one."""
        self._refill(now)
        if self._tokens < 1.0 - _ROUNDING:
            return False
        self._tokens = max(0.0, self._tokens - 1.0)
        return True

    def ready_at(self, now: float) -> float:
        """When the next one can be taken."""
        self._refill(now)
        return now + max(0.0, 1.0 - self._tokens) / self._rate

    def _refill(self, now: float) -> None:
        self._tokens = min(self._burst, self._tokens + max(0.0, now - self._at) * self._rate)
        self._at = max(self._at, now)


# A wait computed from a fraction may come out a rounding error short of a whole token.
_ROUNDING = 1e-6


class ConnectBudget:
    """At most `limit` connects in any window of `window` seconds; Kraken's front end bans above about 150 per 600 s."""

    def __init__(self, limit: int, window: float) -> None:
        """Start unspent."""
        self._limit = limit
        self._window = window
        self._booked: list[float] = []

    def reserve(self, now: float, delay: float = 0.0) -> float:
        """Book a connect after `delay` at the earliest, and tell when it may happen."""
        del self._booked[: bisect_right(self._booked, now - self._window)]
        at = now + delay
        if len(self._booked) >= self._limit:
            at = max(at, self._booked[-self._limit] + self._window)
        insort(self._booked, at)
        return at
