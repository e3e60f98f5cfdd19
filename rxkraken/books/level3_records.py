"""Level 3 records as they come from the wire, read into orders: whole numbers, checked field by field.

An order is a plain tuple, since thousands are held and one is made for every change; it never changes itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from rxkraken.books.faults import MalformedBook, NeedExact
from rxkraken.books.numbers import LARGEST_PRECISION, SIDES, fraction_digits, largest_float, levels_of, number, shown
from rxkraken.books.records import OBJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

# order_id, key, quantity, timestamp as sent, checksum text. Key and quantity are in units of 10^-precision; the key is
# the price, negated for bids, so that both sides ascend from their best level and the sign tells the side.
Order = tuple[str, int, int, str | None, bytes]
Change = tuple[str, Order]  # "add", "modify" or "delete", and the order as it is then


class Scale(NamedTuple):
    """The fraction digits of prices and quantities, and what reading floats needs of them."""

    price_precision: int
    qty_precision: int
    price_scale: float
    qty_scale: float
    largest_price: float
    largest_qty: float

    @classmethod
    def of(cls, price_precision: int, qty_precision: int) -> Scale:
        """Return the scale of two precisions."""
        return cls(
            price_precision,
            qty_precision,
            10.0**price_precision,
            10.0**qty_precision,
            largest_float(price_precision),
            largest_float(qty_precision),
        )


def order_of(order_id: str, key: int, qty: int, timestamp: str | None) -> Order:
    """Return an order with its checksum text: price and quantity in units, without separators or leading zeros."""
    return order_id, key, qty, timestamp, b"%d%d" % (abs(key), qty)


def changes_of(entry: Any, scale: Scale, *, snapshot: bool) -> list[Change]:
    """Return all changes of a record: event and order, asks first, each side as it was sent.

    In a snapshot every order is an "add". The order of a "delete" is told by its id alone. Raises `NeedExact` where a
    number was decoded to a float too large to name its decimal, `MalformedBook` where a field makes no sense.
    """
    changes: list[Change] = []
    for side, sign in (("asks", 1), ("bids", -1)):
        # A side that is there and empty is the usual case; only others are worth a closer look.
        if type(entry) is OBJECT and entry.get(side) == []:
            continue
        changes += [_change(each, sign, scale, snapshot) for each in levels_of(entry, side)]
    return changes


def wire_digits(entry: object) -> tuple[int, int]:
    """Return how many fraction digits the prices and the quantities of a record show, at most."""
    prices = fraction_digits(each.get("limit_price") for each in _objects(entry))
    qtys = fraction_digits(each.get("order_qty") for each in _objects(entry))
    if max(prices, qtys) > LARGEST_PRECISION:
        raise MalformedBook(
            f"a number has {max(prices, qtys)} fraction digits; at most {LARGEST_PRECISION} are known to occur"
        )
    return prices, qtys


def instant(timestamp: str | None) -> tuple[str, str]:
    """Return what orders sent times by: fractions have 0 to 9 digits (ws-v2 reference, section 2.4)."""
    whole, _, fraction = (timestamp or "").rstrip("Z").partition(".")
    return whole, fraction.rstrip("0")


def _objects(entry: object) -> Iterator[dict[str, Any]]:
    for side in SIDES:
        for each in levels_of(entry, side):
            if isinstance(each, dict):
                yield cast("dict[str, Any]", each)


def _change(fields: Any, sign: int, scale: Scale, snapshot: bool) -> Change:  # noqa: FBT001 - one call for each order: keywords cost
    if type(fields) is not OBJECT:
        raise MalformedBook(f"an order is {shown(fields)}, not an object")
    order_id = fields.get("order_id")
    if type(order_id) is not str:
        raise MalformedBook(f"order_id {shown(order_id)} is not the id of an order")
    event = "add" if snapshot else fields.get("event")
    if event == "delete":
        return event, (order_id, 0, 0, None, b"")
    if not isinstance(event, str) or event not in {"add", "modify"}:
        raise MalformedBook(f'event {shown(event)} of order {shown(order_id)} is not "add", "modify" or "delete"')
    price, qty = fields.get("limit_price"), fields.get("order_qty")
    if type(price) is float and type(qty) is float and 0 < price <= scale.largest_price and qty <= scale.largest_qty:
        price, qty = round(price * scale.price_scale), round(qty * scale.qty_scale)
    else:
        price = _units("limit_price", price, scale.price_precision)
        qty = _units("order_qty", qty, scale.qty_precision)
    if price <= 0 or qty <= 0:
        name = "limit_price" if price <= 0 else "order_qty"
        raise MalformedBook(f"{name} {shown(fields[name])} of order {shown(order_id)} is not above 0")
    timestamp = fields.get("timestamp")
    return event, order_of(order_id, sign * price, qty, timestamp if type(timestamp) is str else None)


def _units(name: str, value: object, precision: int) -> int:
    """Return a price or quantity in whole units, whatever type it was decoded to."""
    try:
        return round(number(value, precision) * 10**precision)
    except NeedExact as error:
        raise NeedExact(f"{name} {error.reason}") from None
    except MalformedBook as error:
        raise MalformedBook(f"{name}: {error.reason}") from None
