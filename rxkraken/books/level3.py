"""`OrderBook3`: every resting order of one market at one instant, as a value.

It holds no copy, as `Book` does not: it looks at the live lists of its ladder until just before these change, and if
somebody still keeps it then, the reducer gives it lists of its own (`detach`). Numbers become `Decimal`s when they are
read.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from rxkraken.books.book import Book
from rxkraken.books.level3_ladder import Queues
from rxkraken.books.measures import decimal

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.books.level3_ladder import Queue
    from rxkraken.books.level3_records import Order
    from rxkraken.books.measures import BookSide

T = TypeVar("T")

# What a book is made of, as a plain tuple because one is made for every message: queues, checksum, verified,
# timestamp_text, received, epoch, sequence.
Facts3 = tuple[Queues, int | None, bool, str | None, float, int, int]


@dataclass(frozen=True, slots=True)
class RestingOrder:
    """One order in the book: its limit price in quote currency, its visible remaining quantity in base currency.

    `timestamp_text` is the time at which it entered the book or was last changed there, to the nanosecond, as it was
    sent; None if none was.
    """

    order_id: str
    price: Decimal
    qty: Decimal
    timestamp_text: str | None = None

    @property
    def timestamp(self) -> datetime | None:
        """That time to the microsecond; None if none was sent, or none that can be read."""
        return _instant(self.timestamp_text)


@dataclass(frozen=True, slots=True)
class Level3:
    """One price level: the price, the quantity of all its orders, and these, front of the queue first."""

    price: Decimal
    qty: Decimal
    orders: tuple[RestingOrder, ...]


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Where an order stands: what must go before it is at the front of its level.

    `ahead` orders of `qty_ahead` together are before it at its price; `level_qty` rests there, itself and those behind
    it included. `rank` counts the better price levels of its side: 0 is the best level.
    """

    ahead: int
    qty_ahead: Decimal
    level_qty: Decimal
    rank: int


class OrderBook3:
    """The orders of one symbol after one message. It never changes; read it in any thread, keep it, compare it.

    Prices are in quote currency, quantities in base currency, all exact.
    """

    __slots__ = ("__weakref__", "facts")

    def __init__(self, facts: Facts3) -> None:
        """Tell of `facts`. Users get books from streams."""
        self.facts = facts

    # What it is

    @property
    def symbol(self) -> str:
        """The market, in Kraken's v2 spelling."""
        return self.facts[0].symbol

    @property
    def depth(self) -> int:
        """How many price levels a side were subscribed; a thin market has fewer."""
        return self.facts[0].depth

    @property
    def price_precision(self) -> int:
        """Fraction digits of prices."""
        return self.facts[0].price_precision

    @property
    def qty_precision(self) -> int:
        """Fraction digits of quantities."""
        return self.facts[0].qty_precision

    @property
    def checksum(self) -> int | None:
        """The CRC-32 that came with the message (ws-v2 reference, section 4.2); None if none came."""
        return self.facts[1]

    @property
    def verified(self) -> bool:
        """Whether that checksum is the one of these orders. It covers the best ten levels, and the place in a queue."""
        return self.facts[2]

    @property
    def timestamp_text(self) -> str | None:
        """The engine's time of the message, as it was sent; None if none was."""
        return self.facts[3]

    @property
    def timestamp(self) -> datetime | None:
        """The engine's time of the message, to the microsecond; None if none was sent, or none that can be read."""
        return _instant(self.facts[3])

    @property
    def received(self) -> float:
        """The local time of receipt, in seconds since the Unix epoch; 0.0 if not known."""
        return self.facts[4]

    @property
    def epoch(self) -> int:
        """The connection it came over."""
        return self.facts[5]

    @property
    def sequence(self) -> int:
        """Counts the books of this subscription, from 1."""
        return self.facts[6]

    # The levels

    @property
    def bids(self) -> tuple[Level3, ...]:
        """All bid levels, highest price first."""
        return self._read(lambda queues: _levels(queues, "bids"))

    @property
    def asks(self) -> tuple[Level3, ...]:
        """All ask levels, lowest price first."""
        return self._read(lambda queues: _levels(queues, "asks"))

    @property
    def best_bid(self) -> Level3 | None:
        """The highest bid level; None if there is none."""
        return self._read(lambda queues: _best(queues, "bids"))

    @property
    def best_ask(self) -> Level3 | None:
        """The lowest ask level; None if there is none."""
        return self._read(lambda queues: _best(queues, "asks"))

    @property
    def mid(self) -> Decimal | None:
        """Half-way between the best bid and the best ask, exact; None if a side is empty."""
        top = self._read(_top)
        return None if top is None else decimal(5 * (top[0] + top[1]), self.price_precision + 1)

    @property
    def spread(self) -> Decimal | None:
        """Best ask less best bid, exact; None if a side is empty. Negative if the book is crossed."""
        top = self._read(_top)
        return None if top is None else decimal(top[1] - top[0], self.price_precision)

    # The orders

    def order(self, order_id: str) -> RestingOrder | None:
        """Return an order by its id; None if it does not rest within the depth of the book."""
        return self._read(lambda queues: _known(queues, order_id))

    def side_of(self, order_id: str) -> BookSide | None:
        """Return the side an order rests on, "bids" or "asks"; None if it does not rest within the depth."""
        order = self._read(lambda queues: queues.orders.get(order_id))
        return None if order is None else _side(order)

    def queue_position(self, order_id: str) -> QueuePosition | None:
        """Return where an order stands in its level; None if it does not rest within the depth of the book."""
        return self._read(lambda queues: _position(queues, order_id))

    def to_book(self) -> Book:
        """Return the same market as levels only.

        Its `checksum` is the one Kraken sends on the `book` channel for these levels; it came with no message, so the
        book is not verified.
        """
        queues, _, _, timestamp, received, epoch, sequence = self.facts_of_its_own()
        bids, asks = ([(at.price, at.qty) for at in _levels(queues, side)] for side in ("bids", "asks"))
        return Book.of(
            queues.symbol,
            bids,
            asks,
            depth=queues.depth,
            price_precision=queues.price_precision,
            qty_precision=queues.qty_precision,
            timestamp=timestamp,
            received=received,
            epoch=epoch,
            sequence=sequence,
        )

    # Being a value

    def to_dicts(self) -> list[dict[str, Any]]:
        """Return a dict an order, for a data frame.

        Keys: symbol, side ("bid" or "ask"), level (1 is the best), place (1 is the front), order_id, price, qty.
        """
        bids, asks = self._read(lambda queues: (_levels(queues, "bids"), _levels(queues, "asks")))
        return [
            {
                "symbol": self.symbol, "side": side, "level": rank, "place": place,
                "order_id": order.order_id, "price": order.price, "qty": order.qty,
            }
            for side, levels in (("bid", bids), ("ask", asks))
            for rank, level in enumerate(levels, start=1)
            for place, order in enumerate(level.orders, start=1)
        ]  # fmt: skip

    def detach(self) -> None:
        """Give the book lists of its own. Its reducer calls this before it changes the ladder."""
        queues, checksum, verified, timestamp, received, epoch, sequence = self.facts
        self.facts = (queues.copy(), checksum, verified, timestamp, received, epoch, sequence)

    def facts_of_its_own(self) -> Facts3:
        """Return all it knows, with a copy of the queues."""
        copy = self._read(lambda queues: queues.copy())
        _, checksum, verified, timestamp, received, epoch, sequence = self.facts
        return copy, checksum, verified, timestamp, received, epoch, sequence

    def __eq__(self, other: object) -> bool:
        """Whether all orders, their places, and all that is told about them, are equal."""
        if not isinstance(other, OrderBook3):
            return NotImplemented
        return self is other or (self._told() == other._told() and self._every() == other._every())

    def __hash__(self) -> int:
        """Agree with `__eq__`."""
        return hash(self._told())

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle and copy by value."""
        return OrderBook3, (self.facts_of_its_own(),)

    def __repr__(self) -> str:
        """Show the market, its best levels, and whether they are verified."""
        bid, ask = (
            f"{best.qty:f} @ {best.price:f} ({len(best.orders)})" if best else "none"
            for best in (self.best_bid, self.best_ask)
        )
        state = "verified" if self.verified else "not verified"
        return f"<OrderBook3 {self.symbol} bid {bid}, ask {ask}, depth {self.depth}, {state}>"

    def _told(self) -> tuple[object, ...]:
        return (self.symbol, self.depth, self.price_precision, self.qty_precision, *self.facts[1:])

    def _every(self) -> list[Order]:
        return self._read(lambda queues: queues.every())

    def _read(self, look: Callable[[Queues], T]) -> T:
        """Return what `look` makes of the queues, in whatever thread, while the ladder may be changing.

        The reducer detaches a kept book before it changes anything. So if the facts are the same afterwards, nothing
        changed while we looked; if not, what we saw (an error included) is void, and we now have queues of our own.
        """
        while True:
            facts = self.facts
            try:
                result = look(facts[0])
            except Exception:
                if facts is self.facts:
                    raise
            else:
                if facts is self.facts:
                    return result


def _levels(queues: Queues, side: BookSide) -> tuple[Level3, ...]:
    return tuple(_level(queues, queue) for queue in queues.lists(side)[1])


def _best(queues: Queues, side: BookSide) -> Level3 | None:
    levels = queues.lists(side)[1]
    return _level(queues, levels[0]) if levels else None


def _level(queues: Queues, queue: Queue) -> Level3:
    orders = tuple(_resting(queues, order) for order in queue)
    return Level3(orders[0].price, _total(queues, queue), orders)


def _resting(queues: Queues, order: Order) -> RestingOrder:
    price, qty = decimal(abs(order[1]), queues.price_precision), decimal(order[2], queues.qty_precision)
    return RestingOrder(order[0], price, qty, order[3])


def _total(queues: Queues, orders: Queue) -> Decimal:
    return decimal(sum(order[2] for order in orders), queues.qty_precision)


def _top(queues: Queues) -> tuple[int, int] | None:
    """Return the best bid price and the best ask price in units; None if a side is empty."""
    return (-queues.bid_keys[0], queues.ask_keys[0]) if queues.bid_keys and queues.ask_keys else None


def _known(queues: Queues, order_id: str) -> RestingOrder | None:
    order = queues.orders.get(order_id)
    return None if order is None else _resting(queues, order)


def _side(order: Order) -> BookSide:
    return "bids" if order[1] < 0 else "asks"


def _position(queues: Queues, order_id: str) -> QueuePosition | None:
    order = queues.orders.get(order_id)
    if order is None:
        return None
    keys, levels = queues.lists(_side(order))
    rank = keys.index(order[1])
    queue = levels[rank]
    ahead = queue.index(order)
    return QueuePosition(ahead, _total(queues, queue[:ahead]), _total(queues, queue), rank)


def _instant(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
