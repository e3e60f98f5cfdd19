"""The text the exchange writes: numbers digit by digit, times from seconds, JSON without a float in it.

Nothing here is shared with the client's decoder: a mistake common to both ends would pass every test.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Digits = Literal["exact", "docs"]
DIGITS: tuple[Digits, ...] = ("exact", "docs")
_EPOCH = datetime.fromtimestamp(0, UTC)


def exact_text(units: int, precision: int) -> str:
    """`units` of 10^-`precision`, with every digit: 667880 at 1 is `66788.0` (ws-v2 reference section 2.4)."""
    if precision == 0:
        return str(units)
    if units < 0:
        return "-" + exact_text(-units, precision)
    text = str(units)
    if len(text) <= precision:
        text = text.zfill(precision + 1)
    return f"{text[:-precision]}.{text[-precision:]}"


def docs_text(units: int, precision: int) -> str:
    """The same number as the printed examples show it, trailing zeros gone: `66788`, `0.567`."""
    text = exact_text(units, precision)
    return text.rstrip("0").rstrip(".") if "." in text else text


_STYLES: Mapping[Digits, Callable[[int, int], str]] = {"exact": exact_text, "docs": docs_text}


def number_style(digits: Digits) -> Callable[[int, int], str]:
    """The function `(units, precision) -> text` of a style: `exact` as on the live wire, `docs` as in the manual."""
    if digits not in _STYLES:
        raise ValueError(f"digits={digits!r} is not a style; choose one of: {', '.join(DIGITS)}")
    return _STYLES[digits]


class Calendar:
    """Turns the exchange's own seconds into the times on the wire.

    `start` is the reading of the exchange's clock at the moment that the calendar calls `epoch` (seconds since 1970).
    """

    def __init__(self, *, start: float, epoch: float) -> None:
        """Fix the one moment that both clocks know."""
        self._offset = round((epoch - start) * 1_000_000)
        self._second = -1
        self._text = ""

    def micros(self, now: float) -> int:
        """Whole microseconds since 1970."""
        return self._offset + round(now * 1_000_000)

    def seconds(self, now: float) -> int:
        """Whole seconds since 1970, rounded down."""
        return self.micros(now) // 1_000_000

    def text(self, now: float) -> str:
        """RFC 3339 with microseconds, as on `book`, `trade` and every response."""
        second, micros = divmod(self.micros(now), 1_000_000)
        return f"{self._whole(second)}.{micros:06d}Z"

    def fine_text(self, now: float) -> str:
        """RFC 3339 with nine digits, as on top of an `ohlc` message."""
        second, micros = divmod(self.micros(now), 1_000_000)
        return f"{self._whole(second)}.{micros:06d}000Z"

    def nano_text(self, now: float) -> str:
        """RFC 3339 with nanoseconds, as on `level3`, where single orders are told apart by their times."""
        second, nanos = divmod(self._offset * 1000 + round(now * 1_000_000_000), 1_000_000_000)
        return f"{self._whole(second)}.{nanos:09d}Z"

    def reading(self, text: str) -> float | None:
        """What the exchange's clock reads at an RFC 3339 time; None when the text is none, or has no zone."""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
        if moment.tzinfo is None:
            return None
        # Whole microseconds: a double holds the seconds since 1970 of this century only to a quarter of one.
        micros = (moment - _EPOCH) // timedelta(microseconds=1)
        return (micros - self._offset) / 1_000_000

    def _whole(self, second: int) -> str:
        if second != self._second:
            self._second = second
            self._text = second_text(second)
        return self._text


def second_text(second: int) -> str:
    """A whole second since 1970 without fraction and zone: `2026-01-01T00:00:00`."""
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def dumps(value: Any) -> str:
    """JSON text with `Decimal`s written as the digits they hold; `json.dumps` would need a float."""
    match value:
        case Decimal():
            return format(value, "f") if value.is_finite() else str(value)
        case dict():
            return "{" + ",".join(f"{json.dumps(str(key))}:{dumps(item)}" for key, item in value.items()) + "}"  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] -- JSON read back
        case list() | tuple():
            return "[" + ",".join(dumps(item) for item in value) + "]"  # pyright: ignore[reportUnknownVariableType] -- JSON read back
        case _:
            return json.dumps(value)


def loads(text: str) -> Any:
    """Decoded JSON with exact numbers: fractions are `Decimal`s. Raises `ValueError` for what is no JSON."""
    return json.loads(text, parse_float=Decimal)
