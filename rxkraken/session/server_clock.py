"""How far the exchange's clock is from ours, by the times in its replies (ws-v2 reference section 2.2).

Every order carries a deadline, which the exchange judges by its own clock: on a machine whose clock is some seconds
off every order would be too late, or could be carried out long after it was wanted.
"""

from __future__ import annotations

import logging
from collections import deque
from datetime import UTC, datetime

log = logging.getLogger("rxkraken.session")


class ServerClock:
    """Keeps the latest samples. A reply is always late, never early, so that the largest offset is the best one."""

    __slots__ = ("_samples", "_warned", "offset")

    def __init__(self) -> None:
        """Trust our own clock until there is something to compare it with."""
        self.offset = 0.0
        self._samples: deque[float] = deque(maxlen=_SAMPLES)
        self._warned = False

    def see(self, time_out: object, now: float) -> None:
        """Take a reply's `time_out` that arrived `now` (Unix seconds); what is no time is ignored."""
        if not isinstance(time_out, str):
            return
        try:
            moment = datetime.fromisoformat(time_out)
        except ValueError:
            return
        told = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        self._samples.append(told - now)
        self.offset = max(self._samples)
        if abs(self.offset) > _WORTH_A_WORD and not self._warned:
            self._warned = True
            log.warning("this clock is %.1f s off the exchange's; deadlines go by that", -self.offset)


_SAMPLES = 16
_WORTH_A_WORD = 1.0
