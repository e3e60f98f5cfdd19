"""What time it is on the exchange, by the times in its replies (ws-v2 reference section 2.2).

Every order carries a deadline, which the exchange judges by its own clock: on a machine whose clock is some seconds
off every order would be too late, or could be carried out long after it was wanted. It is counted on from there by a
steady clock, since the other one may be set at any moment.
"""

from __future__ import annotations

from collections import deque
from datetime import UTC, datetime

from rxkraken.logs import logger

log = logger("rxkraken.session")


class ServerClock:
    """Keeps the latest samples. A reply is always late, never early, so that the largest offset is the best one."""

    __slots__ = ("_offset", "_samples", "_warned")

    def __init__(self) -> None:
        """Know nothing yet."""
        self._offset: float | None = None
        self._samples: deque[float] = deque(maxlen=_SAMPLES)
        self._warned = False

    def time(self, steady: float, wall: float) -> float:
        """Return the exchange's Unix time; `wall`, our own, until there was something to compare it with."""
        return wall if self._offset is None else steady + self._offset

    def see(self, time_out: object, steady: float, wall: float) -> None:
        """Take a reply's `time_out` that arrived now, by both of our clocks; what is no time is ignored."""
        if not isinstance(time_out, str):
            return
        try:
            moment = datetime.fromisoformat(time_out)
        except ValueError:
            return
        told = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        self._samples.append(told - steady)
        self._offset = max(self._samples)
        off = wall - self.time(steady, wall)
        if abs(off) > _WORTH_A_WORD and not self._warned:
            self._warned = True
            log.warning("this clock is %.1f s off the exchange's; deadlines go by that", off)


_SAMPLES = 16
_WORTH_A_WORD = 1.0
