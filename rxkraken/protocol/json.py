"""JSON in one place: ujson where it is exact, the standard library where it is not.

ujson reads numbers as floats, which is exact for a book level below 2^51 units and fast. Everything else goes through
`exact`, which keeps every digit (ws-v2 reference section 2.4).
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any, Final

import ujson

loads = ujson.loads
"""Fast decoding; numbers with a fraction become floats. Raises `ValueError` on anything that is not JSON."""


def exact(text: str | bytes) -> Any:
    """Decode with every digit kept: numbers with a fraction become `Decimal`. Raises `ValueError` as `loads` does."""
    return _decode(text if isinstance(text, str) else text.decode(errors="surrogatepass"))


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a JSON number")


# Made once: `json.loads` makes a decoder for each text, which takes longer than reading a short one.
_decode: Final = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant).decode


class _Plain:
    """A number that ujson writes as the digits given: ujson would send a `Decimal` through a float and print `1e-5`."""

    __slots__ = ("_digits",)

    def __init__(self, digits: str) -> None:
        self._digits = digits

    def __json__(self) -> str:
        return self._digits


def dumps(value: Any) -> str:
    """Encode, writing every number in plain decimal digits, never as an exponent (ws-v2 reference section 2.4)."""
    return ujson.dumps(_plain(value), escape_forward_slashes=False, ensure_ascii=False)


def _plain(value: Any) -> Any:
    match value:
        case Decimal():
            return _Plain(_digits(value))
        case float():
            return _Plain(_digits(Decimal(repr(value))))
        case dict():
            return {key: _plain(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType]
        case list() | tuple():
            return [_plain(item) for item in value]  # pyright: ignore[reportUnknownVariableType]
        case _:
            return value


def _digits(number: Decimal) -> str:
    if not number.is_finite():
        raise ValueError(f"{number} cannot be sent: JSON has no such number")
    return format(number, "f")
