"""Times of an order: given as datetime, text or Unix seconds, sent as RFC 3339 (ws-v2 reference section 6).

The present comes in as a number, in Unix seconds. Everything raises `InvalidArgument`, naming the argument.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from rxkraken.errors import InvalidArgument

Moment = datetime | timedelta | str | int | float
"""A point in time: a datetime with a time zone, a timedelta from now, RFC 3339 text, or Unix seconds."""
Deadline = datetime | timedelta | str | int | float
"""When Kraken must have a request: seconds or a timedelta from now, or a point in time as datetime or RFC 3339 text."""

# "valid from now + 500 ms to now + 60 s", sent with milliseconds
SOONEST: Final = 0.5
LATEST: Final = 60.0
# "at most one month ahead": the longest month, since the exchange has the last word on shorter ones
_LONGEST_LIFE: Final = timedelta(days=31)
# What the clock of this machine and the arithmetic of floats may add to a deadline given as a point in time.
_TOLERANCE: Final = 0.001
_MUCH: Final = 1e12


def deadline(value: Any, now: float, default: float) -> tuple[str, float]:
    """Return the deadline as it is sent, in whole milliseconds, and the same in Unix seconds."""
    given = default if value is None else value
    match given:
        case datetime() | str():
            ahead = moment("deadline", given).timestamp() - now
        case timedelta():
            ahead = given.total_seconds()
        case int() | float() if not isinstance(given, bool) and abs(given) < _MUCH:
            ahead = float(given)
        case _:
            raise InvalidArgument(
                f"deadline={value!r}: give seconds or a timedelta from now, a datetime with a time zone, "
                "or RFC 3339 text"
            )
    if not SOONEST - _TOLERANCE <= ahead <= LATEST + _TOLERANCE:
        raise InvalidArgument(
            f"deadline={given!r} is {ahead:g} seconds from now; Kraken takes {SOONEST:g} to {LATEST:g}, "
            f"such as deadline=5"
        )
    microseconds = round((now + ahead) * 1_000_000)
    # Rounded into what is allowed: neither the least nor the most may be missed by a fraction of a millisecond.
    at = (-(-microseconds // 1000) if ahead < LATEST / 2 else microseconds // 1000) / 1000
    return _from_seconds("deadline", at).isoformat(timespec="milliseconds").removesuffix("+00:00") + "Z", at


def moment(name: str, value: Any, now: float = 0.0) -> datetime:
    """Return the point in time, in UTC; a timedelta counts from `now`."""
    match value:
        case timedelta():
            return _from_now(name, value, now)
        case datetime() if value.tzinfo is None:
            raise InvalidArgument(f"{name}={value!r} has no time zone; write datetime(..., tzinfo=UTC)")
        case datetime():
            return _utc(name, value)
        case str():
            return _read(name, value)
        case int() | float() | Decimal() if not isinstance(value, bool):
            return _from_seconds(name, value)
        case _:
            raise InvalidArgument(
                f"{name}={value!r} is no time; give a datetime with a time zone, a timedelta from now, "
                "RFC 3339 text or Unix seconds"
            )


def _from_now(name: str, delta: timedelta, now: float) -> datetime:
    try:
        return _from_seconds(name, now) + delta
    except OverflowError:
        raise InvalidArgument(f"{name}={delta!r} from now is after the last year") from None


def _from_seconds(name: str, value: Decimal | float) -> datetime:
    try:
        return datetime.fromtimestamp(float(value), UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidArgument(f"{name}={value!r} is no time in Unix seconds; milliseconds are not taken") from None


def _read(name: str, text: str) -> datetime:
    try:
        read = datetime.fromisoformat(text)
    except ValueError:
        read = None
    if read is None or read.tzinfo is None:
        raise InvalidArgument(f"{name}={text!r} is no RFC 3339 time; write it as 2026-01-31T12:00:00Z")
    return _utc(name, read)


def _utc(name: str, at: datetime) -> datetime:
    try:
        return at.astimezone(UTC)
    except OverflowError:
        raise InvalidArgument(f"{name}={at!r} is before the first or after the last year of UTC") from None


def whole_seconds(at: datetime) -> str:
    """Return RFC 3339 text in whole seconds, the fraction cut off (section 6.1: `expire_time`, `effective_time`)."""
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")


def expiry(value: Any, now: float) -> datetime:
    """Return when a `gtd` order expires: in the future, and at most a month ahead (section 6.1)."""
    at = moment("expire_time", value, now).replace(microsecond=0)
    present = moment("now", now)
    if not present < at <= present + _LONGEST_LIFE:
        raise InvalidArgument(
            f"expire_time={value!r} is {whole_seconds(at)}, and now it is {whole_seconds(present)}; "
            f"an order expires in the future and at most one month ahead"
        )
    return at
