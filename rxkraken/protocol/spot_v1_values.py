"""The values of the spot WebSocket v1 dialect: numbers and times that are texts, and pairs in their old spelling.

Everything raises `spot_v2.Malformed`, naming the field, and nothing else (ws-v1 reference section 1).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, cast

from rxkraken.errors import UnknownSymbol
from rxkraken.protocol.spot_v2 import Malformed
from rxkraken.symbols import canonical

# No price, quantity or count has more digits: a text of a million digits must not become a number.
_NUMBER: Final = re.compile(r"-?[0-9]{1,24}(?:\.[0-9]{0,24})?")
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}")
# With one digit more, seconds could be beyond the last year of the calendar.
_SECONDS: Final = re.compile(r"([0-9]{1,11})(?:\.([0-9]{0,18}))?")
_OFFSET: Final = re.compile(r"([-+#]?)([0-9].*?)(%?)", re.DOTALL)
_MICROSECONDS: Final = 6
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_SHOWN: Final = 60


def number(value: Any, name: str) -> Decimal:
    """Read a number with every digit kept; it is a text, also where it is 0."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return Decimal(value)
    raise Malformed(f"field {name}={shown(value)} is not a number in a text")


def amount(value: Any, name: str) -> Decimal:
    """Read a number that may be 0, which comes as `0.00000000` and would print as 0E-8."""
    return number(value, name) or Decimal(0)


def whole(value: Any, name: str) -> int:
    """Read a count or a tag. The documentation types some as texts (sections 5.2 and 7.1)."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    raise Malformed(f"field {name}={shown(value)} is not a whole number")


def text(value: Any, name: str) -> str:
    """Read a text that says something."""
    if not isinstance(value, str) or not value:
        raise Malformed(f"field {name}={shown(value)} is not text")
    return value


def flag(value: Any, name: str) -> bool:
    """Read a boolean."""
    if not isinstance(value, bool):
        raise Malformed(f"field {name}={shown(value)} is neither true nor false")
    return value


def object_of(value: Any, name: str) -> dict[str, Any]:
    """Read an object."""
    if not isinstance(value, dict):
        raise Malformed(f"field {name}={shown(value)} is not an object")
    return cast("dict[str, Any]", value)


def elements(value: Any, name: str, least: int = 0) -> list[Any]:
    """Read an array of at least so many elements."""
    if not isinstance(value, list):
        raise Malformed(f"field {name}={shown(value)} is not an array")
    row = cast("list[Any]", value)
    if len(row) < least:
        raise Malformed(f"field {name} has {len(row)} elements, not {least}")
    return row


def moment(value: Any, name: str) -> datetime:
    """Read seconds since 1970 to the microsecond, which a float would blur."""
    found = _SECONDS.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Malformed(f"field {name}={shown(value)} is not a time in seconds")
    fraction = (found[2] or "")[:_MICROSECONDS].ljust(_MICROSECONDS, "0")
    return _BEGINNING + timedelta(seconds=int(found[1]), microseconds=int(fraction))


def optional_moment(value: Any, name: str) -> datetime | None:
    """Read a time; null, an empty text and `0.000000` say that there is none (section 7.1)."""
    at = moment(value, name) if value else None
    return None if at == _BEGINNING else at


def offset(value: Any, name: str) -> tuple[Decimal, str]:
    """Read a price and its type: `+`, `-` or `#` make it an offset in "quote", with `%` in "pct" (section 8.1).

    Which way `#` points depends on the order; its number is without a sign.
    """
    found = _OFFSET.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Malformed(f"field {name}={shown(value)} is neither a price nor an offset")
    sign, digits, percent = found.groups()
    size = number(f"-{digits}" if sign == "-" else digits, name)
    return size, "pct" if percent else "quote" if sign else "static"


def symbol_of(pair: Any) -> str:
    """Return the canonical name of a pair: `XBT/USD` is `BTC/USD`."""
    try:
        return canonical(text(pair, "pair"))
    except UnknownSymbol as error:
        raise Malformed(f"pair {shown(pair)} is no market") from error


def shown(value: Any) -> str:
    """Return a short text for any value; a number of a million digits and a deep list have none of their own."""
    if isinstance(value, str | bool | float | None):
        return repr(value[:_LONGEST_SHOWN] if isinstance(value, str) else value)
    return f"something of type {type(value).__name__}"
