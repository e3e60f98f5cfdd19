"""`Book`: one order book at one instant, as a value.

A book is emitted for every message, and most are looked at once and dropped. So it holds no copy: it looks at the live
lists of its ladder until just before these change, and if somebody still keeps it then, the reducer gives it a copy of
its own (`detach`). Prices and quantities become `Decimal`s when they are read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from itertools import takewhile
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from rxkraken.books.faults import MalformedBook
from rxkraken.books.ladder import Ladder, Sides
from rxkraken.books.numbers import check_precision, wire_precision
from rxkraken.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rxkraken.books.numbers import Exact

T = TypeVar("T")
Number = Decimal | int | str | float
BookSide = Literal["bids", "asks"]
OrderSide = Literal["buy", "sell"]

_QUOTIENTS = Context(prec=28, rounding=ROUND_HALF_EVEN)  # for the few results that are no finite decimals


@dataclass(frozen=True, slots=True)
class Level:
    """One price level: the price in quote currency, and the quantity in base currency resting there."""

    price: Decimal
    qty: Decimal


# What a book is made of, as a plain tuple because one is made for every message: sides, checksum, verified,
# timestamp_text, received, epoch, sequence.
Facts = tuple[Sides, int | None, bool, str | None, float, int, int]


class Book:
    """The order book of one symbol after one message. It never changes; read it in any thread, keep it, compare it.

    Prices are in quote currency, quantities in base currency, all exact. `Book.of` makes one by hand.
    """

    __slots__ = ("_facts",)

    def __init__(self, facts: Facts) -> None:
        """Look at the sides in `facts`. Users get books from streams and from `reduce_book`, or make one by `Book.of`."""
        self._facts = facts

    @classmethod
    def of(
        cls,
        symbol: str,
        bids: Iterable[tuple[Number, Number]] = (),
        asks: Iterable[tuple[Number, Number]] = (),
        *,
        depth: int = 10,
        price_precision: int | None = None,
        qty_precision: int | None = None,
        timestamp: str | None = None,
        received: float = 0.0,
        epoch: int = 0,
        sequence: int = 0,
    ) -> Book:
        """Return a book of (price, quantity) pairs, for tests, and for strategies fed by other means.

        Precisions default to the digits of the numbers. The levels may come in any order. The book is not verified; its
        `checksum` is the one Kraken would send for it.
        """
        try:
            entry = {"bids": _level_dicts(bids), "asks": _level_dicts(asks)}
            digits = wire_precision(entry)
            sides = Sides(
                symbol,
                depth,
                digits[0] if price_precision is None else check_precision("price_precision", price_precision),
                digits[1] if qty_precision is None else check_precision("qty_precision", qty_precision),
            )
            checksum = Ladder(sides, checked=True).change_exactly(entry)
        except MalformedBook as error:
            raise InvalidArgument(error.reason) from error
        return cls((sides, checksum, False, timestamp, received, epoch, sequence))

    # What it is

    @property
    def symbol(self) -> str:
        """The market, in Kraken's v2 spelling."""
        return self._facts[0].symbol

    @property
    def depth(self) -> int:
        """How many levels a side were subscribed; a thin market has fewer."""
        return self._facts[0].depth

    @property
    def price_precision(self) -> int:
        """Fraction digits of prices."""
        return self._facts[0].price_precision

    @property
    def qty_precision(self) -> int:
        """Fraction digits of quantities."""
        return self._facts[0].qty_precision

    @property
    def checksum(self) -> int | None:
        """The CRC-32 that came with the message (ws-v2 reference, section 4); None if none came."""
        return self._facts[1]

    @property
    def verified(self) -> bool:
        """Whether that checksum is the one of these levels. It covers the best ten of each side."""
        return self._facts[2]

    @property
    def timestamp_text(self) -> str | None:
        """The engine's time of the message, as it was sent; None if none was."""
        return self._facts[3]

    @property
    def timestamp(self) -> datetime | None:
        """The engine's time of the message, to the microsecond; None if none was sent, or none that can be read."""
        text = self._facts[3]
        try:
            return None if text is None else datetime.fromisoformat(text)
        except ValueError:
            return None

    @property
    def received(self) -> float:
        """The local time of receipt, in seconds since the Unix epoch; 0.0 if not known."""
        return self._facts[4]

    @property
    def epoch(self) -> int:
        """The connection it came over."""
        return self._facts[5]

    @property
    def sequence(self) -> int:
        """Counts the books of this subscription, from 1."""
        return self._facts[6]

    # The levels

    @property
    def bids(self) -> tuple[Level, ...]:
        """All bids, highest price first."""
        return self._read(lambda sides: _levels(sides, sides.bid_keys, sides.bid_qtys))

    @property
    def asks(self) -> tuple[Level, ...]:
        """All asks, lowest price first."""
        return self._read(lambda sides: _levels(sides, sides.ask_keys, sides.ask_qtys))

    @property
    def best_bid(self) -> Level | None:
        """The highest bid; None if there is none."""
        return self._read(_best_bid)

    @property
    def best_ask(self) -> Level | None:
        """The lowest ask; None if there is none."""
        return self._read(_best_ask)

    # What they say

    @property
    def mid(self) -> Decimal | None:
        """Half-way between the best bid and the best ask, exact; None if a side is empty."""
        top = self._read(_top_prices)
        return None if top is None else _decimal(5 * (top[0] + top[1]), self.price_precision + 1)

    @property
    def spread(self) -> Decimal | None:
        """Best ask less best bid, exact; None if a side is empty. Negative if the book is crossed."""
        top = self._read(_top_prices)
        return None if top is None else _decimal(top[1] - top[0], self.price_precision)

    @property
    def microprice(self) -> Decimal | None:
        """The best prices, each weighted by the quantity on the other side, to 28 digits; None if a side is empty."""
        bid, ask = self._read(lambda sides: (next(_walk(sides, "bids"), None), next(_walk(sides, "asks"), None)))
        if bid is None or ask is None:
            return None
        weighted = bid[0] * ask[1] + ask[0] * bid[1]
        return _QUOTIENTS.divide(_decimal(weighted, self.price_precision), Decimal(bid[1] + ask[1]))

    def imbalance(self, levels: int = 10) -> Decimal | None:
        """Return (bid volume - ask volume) / their sum over the best `levels`: 1 is all bids, -1 all asks.

        To 28 digits; None if the book is empty.
        """
        if levels < 1:
            message = f"levels {levels!r} must be at least 1"
            raise InvalidArgument(message)
        bids, asks = self._read(
            lambda sides: (
                sum(sides.qty_units(qty) for qty in sides.bid_qtys[:levels]),
                sum(sides.qty_units(qty) for qty in sides.ask_qtys[:levels]),
            )
        )
        return _QUOTIENTS.divide(Decimal(bids - asks), Decimal(bids + asks)) if bids or asks else None

    def volume_at(self, price: Number, side: BookSide) -> Decimal:
        """Return the quantity resting at exactly this price on `side`; 0 if there is no such level."""
        wanted = _exact("price", price)
        return self._read(
            lambda sides: _decimal(
                sum(qty for at, qty in _walk(sides, side) if at == wanted * 10**sides.price_precision),
                sides.qty_precision,
            )
        )

    def volume_to(self, price: Number, side: BookSide) -> Decimal:
        """Return the quantity resting on `side` at this price or better: what an order limited to it could take."""
        limit = _exact("price", price)
        sign = -1 if side == "bids" else 1

        def total(sides: Sides) -> Decimal:
            scaled = limit * 10**sides.price_precision
            within = takewhile(lambda level: sign * level[0] <= sign * scaled, _walk(sides, side))
            return _decimal(sum(qty for _, qty in within), sides.qty_precision)

        return self._read(total)

    def cost_to_fill(self, side: OrderSide, qty: Number) -> Decimal | None:
        """Return what a market order would pay ("buy") or receive ("sell") in quote currency, before fees; exact.

        None if the visible book holds less than `qty`: the rest of the market is not known, so no number would be true.
        """
        wanted = _exact("qty", qty)
        if wanted <= 0:
            message = f"qty {qty!r} must be positive"
            raise InvalidArgument(message)
        return self._read(lambda sides: _cost(sides, _taken(side), wanted))

    # Being a value

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return a dict a level, for a data frame: symbol, side ("bid" or "ask"), level (1 is the best), price, qty."""
        bids, asks = self._read(
            lambda sides: (
                _levels(sides, sides.bid_keys, sides.bid_qtys),
                _levels(sides, sides.ask_keys, sides.ask_qtys),
            )
        )
        return [
            {"symbol": self.symbol, "side": side, "level": rank, "price": level.price, "qty": level.qty}
            for side, levels in (("bid", bids), ("ask", asks))
            for rank, level in enumerate(levels, start=1)
        ]

    def detach(self) -> None:
        """Give the book lists of its own. Its reducer calls this before it changes the ladder."""
        sides, *rest = self._facts
        self._facts = (sides.copy(), *rest)

    def facts_of_its_own(self) -> Facts:
        """Return all it knows, with a copy of the sides: for pickling, and for a ladder to start from."""
        sides = self._read(lambda sides: sides.copy())
        return (sides, *self._facts[1:])

    def __eq__(self, other: object) -> bool:
        """Whether all levels, and all that is told about them, are equal."""
        if not isinstance(other, Book):
            return NotImplemented
        return self is other or (self._told() == other._told() and self.bids == other.bids and self.asks == other.asks)

    def __hash__(self) -> int:
        """Agree with `__eq__`."""
        return hash(self._told())

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy by value."""
        return Book, (self.facts_of_its_own(),)

    def __repr__(self) -> str:
        """Show the market, its best levels, and whether they are verified."""
        bid, ask = (f"{best.qty:f} @ {best.price:f}" if best else "none" for best in (self.best_bid, self.best_ask))
        state = "verified" if self.verified else "not verified"
        return f"<Book {self.symbol} bid {bid}, ask {ask}, depth {self.depth}, {state}>"

    def _told(self) -> tuple[object, ...]:
        return (self.symbol, self.depth, self.price_precision, self.qty_precision, *self._facts[1:])

    def _read(self, look: Callable[[Sides], T]) -> T:
        """Return what `look` makes of the sides, in whatever thread, while the ladder may be changing.

        The reducer detaches a kept book before it changes anything. So if the facts are the same afterwards, nothing
        changed while we looked; if not, what we saw (an error included) is void, and we now have sides of our own.
        """
        while True:
            facts = self._facts
            try:
                result = look(facts[0])
            except Exception:
                if facts is self._facts:
                    raise
            else:
                if facts is self._facts:
                    return result


def _decimal(units: int, digits: int) -> Decimal:
    """Return units of 10^-digits as a `Decimal`; made from text, which no decimal context rounds."""
    return Decimal(f"{units}E-{digits}")


def _exact(name: str, value: Number) -> Fraction:
    try:
        return Fraction(_from_number(value))
    except (ValueError, OverflowError) as error:
        message = f"{name} {value!r} is not a finite number"
        raise InvalidArgument(message) from error


def _from_number(value: Number) -> Decimal:
    """Take a float by its shortest text: 0.1 means 0.1."""
    try:
        return Decimal(repr(value) if isinstance(value, float) else value)
    except ArithmeticError as error:
        message = f"{value!r} is not a number"
        raise InvalidArgument(message) from error


def _level_dicts(pairs: Iterable[tuple[Number, Number]]) -> list[dict[str, Decimal]]:
    return [{"price": _from_number(price), "qty": _from_number(qty)} for price, qty in pairs]


def _level(sides: Sides, key: float | Exact, qty: float | Exact) -> Level:
    return Level(
        Decimal(f"{sides.price_units(key)}E-{sides.price_precision}"),
        Decimal(f"{sides.qty_units(qty)}E-{sides.qty_precision}"),
    )


def _levels(sides: Sides, keys: list[float | Exact], qtys: list[float | Exact]) -> tuple[Level, ...]:
    return tuple(_level(sides, key, qty) for key, qty in zip(keys, qtys, strict=True))


def _best_bid(sides: Sides) -> Level | None:
    return _level(sides, sides.bid_keys[0], sides.bid_qtys[0]) if sides.bid_keys else None


def _best_ask(sides: Sides) -> Level | None:
    return _level(sides, sides.ask_keys[0], sides.ask_qtys[0]) if sides.ask_keys else None


def _top_prices(sides: Sides) -> tuple[int, int] | None:
    """Return the best bid and the best ask in units, None if a side is empty."""
    if not (sides.bid_keys and sides.ask_keys):
        return None
    return sides.price_units(sides.bid_keys[0]), sides.price_units(sides.ask_keys[0])


def _walk(sides: Sides, side: str) -> Iterator[tuple[int, int]]:
    """Yield price and quantity of each level in units, best first."""
    match side:
        case "bids":
            keys, qtys = sides.bid_keys, sides.bid_qtys
        case "asks":
            keys, qtys = sides.ask_keys, sides.ask_qtys
        case _:
            message = f'side {side!r} must be "bids" or "asks"'
            raise InvalidArgument(message)
    return ((sides.price_units(key), sides.qty_units(qty)) for key, qty in zip(keys, qtys, strict=True))


def _taken(side: str) -> BookSide:
    """Return which side of the book an order takes from."""
    match side:
        case "buy":
            return "asks"
        case "sell":
            return "bids"
        case _:
            message = f'side {side!r} must be "buy" or "sell"'
            raise InvalidArgument(message)


def _cost(sides: Sides, side: BookSide, wanted: Fraction) -> Decimal | None:
    """Return the exact cost of taking `wanted` from the best level on; None if there is not so much."""
    rest = wanted * 10**sides.qty_precision
    cost = Fraction(0)
    for price, qty in _walk(sides, side):
        taken = min(rest, Fraction(qty))
        cost += price * taken
        rest -= taken
        if not rest:
            return _from_fraction(cost, sides.price_precision + sides.qty_precision)
    return None


def _from_fraction(value: Fraction, digits: int) -> Decimal:
    """Return value * 10^-digits exactly; the denominator of `value` divides a power of ten, as its number was decimal."""
    power = 0
    while (value * 10**power).denominator != 1:
        power += 1
    return _decimal(int(value * 10**power), digits + power)
