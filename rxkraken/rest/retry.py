"""When a safe call is made again, and after how long. Pure: the random number and the time come in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from rxkraken.errors import (
    KrakenError,
    LinkLost,
    NonceRejected,
    RateLimited,
    RequestTimeout,
    RestUnavailable,
    RestUnreadable,
)


@dataclass(frozen=True, slots=True)
class Retry:
    """How stubborn safe calls are: `attempts` more tries, full-jitter delays from `base` doubling up to `most` seconds.

    A wait that Kraken asks for is kept when it is at most `most`; a longer one is left to the caller, as an error.
    `Retry.never()` makes every call once.
    """

    attempts: int = 3
    base: float = 0.5
    most: float = 30.0

    def __post_init__(self) -> None:
        """Refuse what could not work, naming it."""
        if self.attempts < 0 or not 0 < self.base <= self.most:
            raise ValueError(f"{self!r}: attempts is 0 or more, base above 0 and at most `most`")

    @classmethod
    def never(cls) -> Retry:
        """No second try."""
        return cls(attempts=0)

    def delay(self, error: KrakenError, tried: int, *, chance: float, now: float) -> float | None:
        """Return the seconds to wait before try number `tried + 1`, or None when there must be none.

        `tried` counts the tries so far (1 after the first), `chance` is a random number in [0, 1), `now` Unix time.
        """
        jittered: float = min(self.most, self.base * 2 ** (tried - 1)) * chance
        match error:
            case _ if tried > self.attempts:
                return None
            case NonceRejected():
                # "once, with a fresh larger nonce" (rest reference section 4)
                return 0.0 if tried == 1 else None
            case RateLimited():
                asked = _asked(error, now)
                return asked + jittered if asked <= self.most else None
            case LinkLost() | RequestTimeout() | RestUnavailable() | RestUnreadable():
                return jittered
            case _:
                return None


# "EAPI:Rate limit exceeded: back off 5-15 s" (rest reference section 4), also where the answer names no time.
_UNNAMED: Final = 5.0


def _asked(error: RateLimited, now: float) -> float:
    if error.until is not None:
        return max(0.0, error.until - now)
    return _UNNAMED if error.wait is None else error.wait
