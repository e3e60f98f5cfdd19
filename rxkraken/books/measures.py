"""What the sides of a book say, computed in whole units: levels, volumes, and what an order would cost.

Results are `Decimal`s made from text, so that no decimal context rounds them; only quotients are rounded, to 28 digits.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Literal

from rxkraken.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rxkraken.books.ladder import Sides

Number = Decimal | int | str | float
BookSide = Literal["bids", "asks"]
OrderSide = Literal["buy", "sell"]

_QUOTIENTS = Context(prec=28, rounding=ROUND_HALF_EVEN, traps=[])  # for the two results that are no finite decimals
_LARGEST_EXPONENT = 40


@dataclass(frozen=True, slots=True)
class Level:
    """One price level: the price in quote currency, and the quantity in base currency resting there."""

    price: Decimal
    qty: Decimal


def decimal(units: int, digits: int) -> Decimal:
    """Return units of 10^-digits as a `Decimal`; made from text, which no decimal context rounds."""
    return Decimal(f"{units}E-{digits}")


def from_number(name: str, value: Number) -> Decimal:
    """Return the number that is meant: a float by its shortest text, so 0.1 means 0.1."""
    try:
        number = Decimal(repr(value) if isinstance(value, float) else value)
    except (ArithmeticError, TypeError, ValueError) as error:
        raise InvalidArgument(f"{name} {value!r} is not a number; give a Decimal, an int, or text") from error
    if not number.is_finite() or abs(number.adjusted()) > _LARGEST_EXPONENT:
        raise InvalidArgument(f"{name} {value!r} is not the size of a price or quantity")
    return number


def exactly(name: str, value: Number) -> Fraction:
    """Return a number given by a user for exact computation."""
    return Fraction(from_number(name, value))


def level_dicts(pairs: Iterable[tuple[Number, Number]]) -> list[dict[str, Decimal]]:
    """Return (price, quantity) pairs as the levels of a message."""
    return [{"price": from_number("price", price), "qty": from_number("qty", qty)} for price, qty in pairs]


def levels(sides: Sides, side: BookSide, count: int | None = None) -> tuple[Level, ...]:
    """Return the best `count` levels of a side, or all."""
    prices, qtys = sides.price_precision, sides.qty_precision
    return tuple(Level(decimal(price, prices), decimal(qty, qtys)) for price, qty in islice(walk(sides, side), count))


def best(sides: Sides, side: BookSide) -> Level | None:
    """Return the best level of a side; None if it is empty."""
    keys, qtys = sides.lists(side)
    if not keys:
        return None
    price, qty = sides.price_units(keys[0]), sides.qty_units(qtys[0])
    return Level(decimal(price, sides.price_precision), decimal(qty, sides.qty_precision))


def microprice(sides: Sides) -> Decimal | None:
    """Return the best prices, each weighted by the quantity on the other side; None if a side is empty."""
    bid, ask = next(walk(sides, "bids"), None), next(walk(sides, "asks"), None)
    if bid is None or ask is None or not bid[1] + ask[1]:
        return None
    weighted = decimal(bid[0] * ask[1] + ask[0] * bid[1], sides.price_precision)
    return _QUOTIENTS.divide(weighted, Decimal(bid[1] + ask[1]))


def imbalance(sides: Sides, count: int) -> Decimal | None:
    """Return (bid volume - ask volume) / their sum over the best `count` levels; None if there is no volume."""
    bids, asks = (sum(qty for _, qty in islice(walk(sides, side), count)) for side in ("bids", "asks"))
    return _QUOTIENTS.divide(Decimal(bids - asks), Decimal(bids + asks)) if bids + asks else None


def volume_at(sides: Sides, side: BookSide, price: Fraction) -> Decimal:
    """Return the quantity resting at a price; 0 if there is none."""
    wanted = price * 10**sides.price_precision
    return decimal(sum(qty for at, qty in walk(sides, side) if at == wanted), sides.qty_precision)


def volume_to(sides: Sides, side: BookSide, price: Fraction) -> Decimal:
    """Return the quantity resting at a price or better."""
    sign = -1 if side == "bids" else 1
    limit = sign * price * 10**sides.price_precision
    within = takewhile(lambda level: sign * level[0] <= limit, walk(sides, side))
    return decimal(sum(qty for _, qty in within), sides.qty_precision)


def cost(sides: Sides, side: OrderSide, qty: Fraction) -> Decimal | None:
    """Return the cost of taking a quantity from the best level on; None if there is not so much."""
    rest = qty * 10**sides.qty_precision
    total = Fraction(0)
    for price, available in walk(sides, _taken_by(side)):
        taken = min(rest, Fraction(available))
        total += price * taken
        rest -= taken
        if not rest:
            return _from_fraction(total, sides.price_precision + sides.qty_precision)
    return None


def walk(sides: Sides, side: BookSide) -> Iterator[tuple[int, int]]:
    """Return price and quantity of each level in units, best first."""
    keys, qtys = sides.lists(side)
    return ((sides.price_units(key), sides.qty_units(qty)) for key, qty in zip(keys, qtys, strict=True))


def _taken_by(side: OrderSide) -> BookSide:
    """Return the side of the book that an order takes from."""
    match side:
        case "buy":
            return "asks"
        case "sell":
            return "bids"
        case _:
            raise InvalidArgument(f'side {side!r} must be "buy" or "sell"')


def _from_fraction(value: Fraction, digits: int) -> Decimal:
    """Return value * 10^-digits; exactly, since the denominator of a decimal number divides a power of ten."""
    power = 0
    while value.denominator != 1:
        value *= 10
        power += 1
    return decimal(int(value), digits + power)
