"""Nonces that only ever grow: one counter per API key in the whole process, whatever the clock does."""

from __future__ import annotations

import math
import threading
from typing import Final

from rxkraken.errors import InvalidArgument

# "The scale may never go down for a key" (rest reference section 2.4). Nanoseconds are above every scale in use
# (milliseconds, microseconds, tens of nanoseconds), so a key that served another client before keeps working.
PER_SECOND: Final = 1_000_000_000
_LARGEST: Final = 2**64 - 1


class NonceSource:
    """The counter of one key. Safe to use from several threads."""

    __slots__ = ("_last", "_lock", "_per_second")

    def __init__(self, *, per_second: int = PER_SECOND, last: int = 0) -> None:
        """Count in units of `1/per_second` s, starting above `last`."""
        if per_second < 1 or not 0 <= last <= _LARGEST:
            raise InvalidArgument(
                f"nonce scale {per_second}, start {last}: the scale is 1 or more, the start below 2^64"
            )
        self._per_second = per_second
        self._last = last
        self._lock = threading.Lock()

    def next(self, now: float) -> int:
        """Return a nonce above every earlier one: `now` (Unix seconds) scaled, or one more than the last.

        A clock that steps back or stands still only makes the counter go up by ones. Raises `InvalidArgument` for a
        `now` that is no time, or beyond the unsigned 64 bits that a nonce has (rest reference section 2.4).
        """
        if not math.isfinite(now) or now < 0:
            raise InvalidArgument(f"the clock says {now!r}; a nonce needs seconds since 1970, 0 or more")
        with self._lock:
            following = max(self._last + 1, int(now * self._per_second))
            if following > _LARGEST:
                raise InvalidArgument(
                    f"nonce {following} does not fit in 64 bits; use a scale below {self._per_second}"
                )
            self._last = following
            return following


_sources: dict[str, NonceSource] = {}
_sources_lock: Final = threading.Lock()


def nonces_of(key: str) -> NonceSource:
    """Return this process's one counter for an API key; every client that signs with the key draws from it."""
    with _sources_lock:
        return _sources.setdefault(key, NonceSource())
