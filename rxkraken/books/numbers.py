"""Exact numbers from a wire that decodes to floats.

A price or quantity is a whole number of units of 10^-precision. A float recovers that whole number exactly, by
`round(x * 10**precision)`, as long as it stays below 2^51; LUNA, SHIB and PEPE quantities do not. This module says
which values are safe, decodes the rest of a frame again as `Decimal`, and carries what no float can hold as `Exact`.
Nothing here depends on the caller's decimal context.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, cast

from rxkraken.books.faults import MalformedBook, NeedExact
from rxkraken.errors import InvalidArgument
from rxkraken.protocol.json import exact

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# The error of decoding and of scaling together is below 0.5 units up to here, and a multiple of 0.25; see the module
# docstring. Two units of margin keep the rounding of the limit itself out of the argument.
LARGEST_FLOAT_UNITS = 2**51 - 2
LARGEST_PRECISION = 18  # 10.0**18 is an exact float; Kraken's largest precision is 10
_LARGEST_EXPONENT = 40  # no price or quantity has more digits: a wire "1e999999999" must not become a giant integer

SIDES = ("bids", "asks")
PLAIN: Final = frozenset({float, int})
"""What numbers of the usual size are decoded to; a `bool` is none."""


class Exact(Fraction):
    """A number beyond the safe range of floats. Unlike a `Fraction` it stays exact when multiplied by a float."""

    __slots__ = ()

    def __mul__(self, other: Any) -> Any:
        """Multiply exactly; scales and signs are floats on the hot path."""
        return Exact(Fraction.__mul__(self, Fraction(other)))


def check_precision(name: str, digits: object) -> int:
    """Return `digits` as a count of fraction digits, or raise `InvalidArgument`."""
    if isinstance(digits, bool) or not isinstance(digits, int) or not 0 <= digits <= LARGEST_PRECISION:
        raise InvalidArgument(f"{name} {digits!r} is not a number of fraction digits: give 0 to {LARGEST_PRECISION}")
    return digits


def largest_float(precision: int) -> float:
    """Return the largest float from which a whole number of units of 10^-precision is recovered exactly."""
    return LARGEST_FLOAT_UNITS / 10**precision


def number(value: object, precision: int) -> float | Exact:
    """Return `value` as the one form the ladder keeps it in: a float where that is exact, else an `Exact`.

    Raises `NeedExact` for a float beyond the safe range and `MalformedBook` for what is no number.
    """
    match value:
        case bool():
            pass
        case float() if isfinite(value):
            if abs(value) > largest_float(precision):
                raise NeedExact(f"{value!r} is more than a float holds exactly; the frame's text is needed")
            return value
        case int() if abs(value) < 10**_LARGEST_EXPONENT:
            return _canonical(Exact(value), precision)
        case Decimal() if value.is_finite() and _is_sized(value):
            return _canonical(Exact(value), precision)
        case Exact():
            return _canonical(value, precision)
        case _:
            pass
    raise MalformedBook(f"{shown(value)} is not a price or quantity")


def _is_sized(value: Decimal) -> bool:
    """Whether the digits of `value` are few enough to be a price or quantity."""
    exponent = value.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -_LARGEST_EXPONENT and value.adjusted() <= _LARGEST_EXPONENT


def _canonical(value: Exact, precision: int) -> float | Exact:
    units = Fraction(value) * 10**precision
    if units.denominator != 1:
        raise MalformedBook(
            f"{float(value)!r} has more than {precision} fraction digits: the precision in use is stale"
        )
    return float(value) if abs(units) <= LARGEST_FLOAT_UNITS else value


def levels_of(entry: object, side: str) -> list[Any]:
    """Return the list of levels of one side of a decoded entry; a missing side has no change."""
    levels = cast("Mapping[str, Any]", entry).get(side, []) if isinstance(entry, dict) else None
    if not isinstance(levels, list):
        raise MalformedBook(f"{side} is not a list of levels")
    return cast("list[Any]", levels)


def plain_levels(entry: object, side: str, price_precision: int, qty_precision: int) -> list[dict[str, float | Exact]]:
    """Return the levels of one side with every number in the form the ladder keeps.

    Raises `NeedExact` where it was decoded to floats that are too large, `MalformedBook` where it makes no sense.
    """
    return [
        {"price": number(price, price_precision), "qty": number(qty, qty_precision)}
        for price, qty in (_price_and_qty(level) for level in levels_of(entry, side))
    ]


class Digits:
    """How many fraction digits prices and quantities have: the quick look at levels that show no more than that."""

    __slots__ = ("_price", "_price_step", "_qty", "_qty_step")

    def __init__(self, price_precision: int, qty_precision: int) -> None:
        """Look for levels of these precisions."""
        self._price: Final = price_precision
        self._qty: Final = qty_precision
        self._price_step: Final = Decimal(f"1E-{price_precision}")
        self._qty_step: Final = Decimal(f"1E-{qty_precision}")

    def floats(self, levels: list[Any]) -> list[Any] | None:
        """Return levels with numbers as floats, to be looked at as if they had been decoded so; None if unsure.

        Sure are `Decimal`s with just these digits, as v1 sends all of one pair, and floats and integers that need no
        more. Raises `KeyError`, `TypeError` or `OverflowError` where a level is none.
        """
        plain: list[Any] = []
        for level in levels:
            price, qty = level["price"], level["qty"]
            if type(price) is Decimal and type(qty) is Decimal:
                if not (price.same_quantum(self._price_step) and qty.same_quantum(self._qty_step)):
                    return None
                plain.append({"price": float(price), "qty": float(qty)})
            elif type(price) in PLAIN and type(qty) in PLAIN:
                # The shortest text of a float has one fraction digit at least, and the wire may mean more by it.
                if not (self._price and self._qty and round(price, self._price) == price):
                    return None
                if round(qty, self._qty) != qty:
                    return None
                plain.append(level)
            else:
                return None
        return plain


def shown(value: object) -> str:
    """Return a short text for a value from the wire, whatever it is: a giant integer and a deep list have no `str`."""
    return (
        repr(value)[:60]
        if isinstance(value, str | float | bool | None)
        else f"something of type {type(value).__name__}"
    )


def _price_and_qty(level: object) -> tuple[object, object]:
    if not isinstance(level, dict):
        raise MalformedBook(f"a level is {shown(level)}, not an object with price and qty")
    fields = cast("dict[str, object]", level)
    if "price" not in fields or "qty" not in fields:
        raise MalformedBook(f"a level has the fields {sorted(map(str, fields))[:8]}; price and qty are needed")
    return fields["price"], fields["qty"]


def fraction_digits(values: Iterable[object]) -> int:
    """Return the most fraction digits among decoded numbers; of a float, the digits of its shortest text."""
    most = 0
    for value in values:
        decimal = Decimal(repr(value)) if isinstance(value, float) else value
        exponent = decimal.as_tuple().exponent if isinstance(decimal, Decimal) else 0
        if isinstance(exponent, int):
            most = max(most, -exponent)
    return most


def wire_precision(entry: object) -> tuple[int, int]:
    """Return how many fraction digits the prices and the quantities of an entry show, at most."""
    pairs = [_price_and_qty(level) for side in SIDES for level in levels_of(entry, side)]
    prices = fraction_digits(price for price, _ in pairs)
    qtys = fraction_digits(qty for _, qty in pairs)
    if max(prices, qtys) > LARGEST_PRECISION:
        raise MalformedBook(
            f"a number has {max(prices, qtys)} fraction digits; at most {LARGEST_PRECISION} are known to occur"
        )
    return prices, qtys


def decode_exactly(raw: str | bytes, entry: Mapping[str, Any]) -> dict[str, Any]:
    """Decode the text of a v2 frame once more, numbers as `Decimal`, and return its element that `entry` came from.

    Raises `MalformedBook` if the text is no frame that holds such an element.
    """
    try:
        frame = exact(raw)
    except (ValueError, InvalidOperation, RecursionError) as error:
        raise MalformedBook(f"the frame's text cannot be decoded exactly: {error!r}") from error
    data = cast("dict[str, Any]", frame).get("data") if isinstance(frame, dict) else None
    found = [each for each in cast("list[Any]", data if isinstance(data, list) else []) if _is_twin(each, entry)]
    if len(found) != 1:
        raise MalformedBook(f"the frame's text holds {len(found)} elements like the one to apply; expected one")
    return found[0]


def _is_twin(element: object, entry: Mapping[str, Any]) -> bool:
    if not isinstance(element, dict):
        return False
    fields = cast("dict[str, Any]", element)
    return all(fields.get(name) == entry.get(name) for name in ("symbol", "checksum", "timestamp"))
