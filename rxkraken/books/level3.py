"""`OrderBook3`: every resting order of one market at one instant, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rxkraken.books.book import Book
from rxkraken.books.level3_ladder import Queues
from rxkraken.books.measures import decimal
from rxkraken.books.value import Value, instant

if TYPE_CHECKING:
    from datetime import datetime

    from rxkraken.books.level3_ladder import Queue
    from rxkraken.books.level3_records import Order
    from rxkraken.books.measures import BookSide


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
        return instant(self.timestamp_text)


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


class OrderBook3(Value[Queues]):
    """The orders of one symbol after one message. It never changes; read it in any thread, keep it, compare it.

    Prices are in quote currency, quantities in base currency, all exact. The checksum (ws-v2 reference, section 4.2)
    covers the orders of the best ten levels of each side and their place in the queue.

    Users get books from streams and from `reduce_book3`.
    """

    __slots__ = ()

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

    def _rows(self) -> object:
        return self._read(lambda queues: queues.every())

    def __repr__(self) -> str:
        """Show the market, its best levels, and whether they are verified."""
        bid, ask = (
            f"{best.qty:f} @ {best.price:f} ({len(best.orders)})" if best else "none"
            for best in (self.best_bid, self.best_ask)
        )
        state = "verified" if self.verified else "not verified"
        return f"<OrderBook3 {self.symbol} bid {bid}, ask {ask}, depth {self.depth}, {state}>"


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
