"""The ladder of single orders: price levels that are queues, and the checksum of the best ten of each side.

A level is a tuple of orders, front of the queue first, and is replaced as a whole when one of them changes. So a book
that somebody keeps needs a copy of the lists of levels only, however many orders rest in them.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Final

from rxkraken.books.checksum import crc32
from rxkraken.books.faults import MalformedBook
from rxkraken.books.ladder import CHECKSUM_LEVELS
from rxkraken.books.level3_records import Scale, instant, order_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rxkraken.books.level3_records import Change, Order
    from rxkraken.books.measures import BookSide

Queue = tuple["Order", ...]


class Queues:
    """What a book of orders reads: both sides, every order by its id, and what gives their numbers meaning.

    Those of a live ladder change in place; those that `copy` returns never change.
    """

    __slots__ = (
        "_orders", "ask_keys", "ask_queues", "bid_keys", "bid_queues", "by_time", "depth", "modified",
        "price_precision", "qty_precision", "symbol",
    )  # fmt: skip

    def __init__(self, symbol: str, depth: int, price_precision: int, qty_precision: int) -> None:
        """Start with empty sides."""
        self.symbol: Final = symbol
        self.depth: Final = depth
        self.price_precision: Final = price_precision
        self.qty_precision: Final = qty_precision
        self.bid_keys: list[int] = []
        self.bid_queues: list[Queue] = []
        self.ask_keys: list[int] = []
        self.ask_queues: list[Queue] = []
        self._orders: dict[str, Order] | None = {}
        self.by_time = False  # whether every level is ordered by the time of its orders
        self.modified = False  # whether there was a "modify" since the snapshot

    def copy(self) -> Queues:
        """Return the same sides in lists of their own."""
        twin = Queues(self.symbol, self.depth, self.price_precision, self.qty_precision)
        twin.bid_keys, twin.bid_queues = self.bid_keys.copy(), self.bid_queues.copy()
        twin.ask_keys, twin.ask_queues = self.ask_keys.copy(), self.ask_queues.copy()
        twin._orders = None
        twin.by_time, twin.modified = self.by_time, self.modified
        return twin

    @property
    def orders(self) -> dict[str, Order]:
        """Every order by its id; a copy makes this when it is first asked."""
        orders = self._orders
        if orders is None:
            self._orders = orders = {order[0]: order for order in self.every()}
        return orders

    def every(self) -> list[Order]:
        """Return all orders, best level first and front of the queue first, asks before bids."""
        return [order for queues in (self.ask_queues, self.bid_queues) for queue in queues for order in queue]

    def top(self) -> tuple[int, int] | None:
        """Return the best bid price and the best ask price in units; None if a side is empty."""
        return (-self.bid_keys[0], self.ask_keys[0]) if self.bid_keys and self.ask_keys else None

    def lists(self, side: BookSide) -> tuple[list[int], list[Queue]]:
        """Return keys and queues of the "bids" or the "asks"."""
        return (self.bid_keys, self.bid_queues) if side == "bids" else (self.ask_keys, self.ask_queues)


class _Side:
    """The lists of one side of a ladder, and the checksum texts of its best levels."""

    __slots__ = ("depth", "keys", "queues", "texts", "touched", "width")

    def __init__(self, keys: list[int], queues: list[Queue], depth: int, width: int) -> None:
        self.keys: Final = keys
        self.queues: Final = queues
        self.depth: Final = depth
        self.width: Final = min(width, depth)
        self.texts: Final[list[bytes]] = []
        self.touched = True  # whether one of the levels under the checksum changed since it was computed
        self.complete()

    def complete(self) -> None:
        """Make the texts that are missing."""
        self.texts.extend(map(text_of, self.queues[len(self.texts) : self.width]))

    def append(self, order: Order) -> int:
        """Put an order at the back of its level, and return the rank of the level."""
        i = bisect_left(self.keys, order[1])
        if i < len(self.keys) and self.keys[i] == order[1]:
            self.queues[i] += (order,)
            if i < self.width:
                self.texts[i] += order[4]
                self.touched = True
            return i
        self.keys.insert(i, order[1])
        self.queues.insert(i, (order,))
        if i < self.width:
            self.texts.insert(i, order[4])
            del self.texts[self.width :]
            self.touched = True
        return i

    def remove(self, order: Order) -> None:
        """Take an order out, and its level if nothing is left of it."""
        i = bisect_left(self.keys, order[1])
        queue = self.queues[i]
        if len(queue) > 1:
            at = queue.index(order)
            self.set(i, queue[:at] + queue[at + 1 :])
            return
        del self.keys[i], self.queues[i]
        if i < self.width:
            del self.texts[i]
            self.complete()
            self.touched = True

    def replace(self, order: Order, new: Order) -> int:
        """Put another order of the same price in the place of one, and return the rank of the level."""
        i = bisect_left(self.keys, order[1])
        queue = self.queues[i]
        at = queue.index(order)
        self.set(i, (*queue[:at], new, *queue[at + 1 :]))
        return i

    def set(self, i: int, queue: Queue) -> None:
        """Give a level another queue."""
        self.queues[i] = queue
        if i < self.width:
            self.texts[i] = text_of(queue)
            self.touched = True

    def cut(self) -> list[Queue]:
        """Drop the levels beyond the depth, and return them."""
        dropped = self.queues[self.depth :]
        del self.keys[self.depth :], self.queues[self.depth :]
        return dropped


class OrderLadder:
    """Both sides of one book of orders, and the CRC-32 of their best ten levels."""

    __slots__ = ("_asks", "_asks_crc", "_bids", "_bids_text", "_checked", "crc", "scale", "sides")

    def __init__(self, sides: Queues, *, checked: bool) -> None:
        """Work on `sides` from now on; with `checked` false no checksum is kept and `crc` is None."""
        self.sides: Final = sides
        self.scale: Final = Scale.of(sides.price_precision, sides.qty_precision)
        self._checked: Final = checked
        width = CHECKSUM_LEVELS if checked else 0
        self._bids: Final = _Side(sides.bid_keys, sides.bid_queues, sides.depth, width)
        self._asks: Final = _Side(sides.ask_keys, sides.ask_queues, sides.depth, width)
        self._bids_text = b""
        self._asks_crc = 0
        self.crc: int | None = None
        self._compute()

    def load(self, changes: Iterable[Change]) -> int | None:
        """Fill the empty ladder with the orders of a snapshot, and return its checksum."""
        orders = self.sides.orders
        for _, order in changes:
            orders.pop(order[0], None)  # of an order that is listed twice the last one counts, at its place
            orders[order[0]] = order
        levels: dict[int, list[Order]] = {}
        for order in orders.values():
            levels.setdefault(order[1], []).append(order)
        for key in sorted(levels):
            side = self._side(key)
            side.keys.append(key)
            side.queues.append(tuple(levels[key]))
        self._cut()
        for side in (self._asks, self._bids):
            side.complete()
            side.touched = True
        return self._compute()

    def change(self, changes: Iterable[Change]) -> int | None:
        """Apply the changes of one message, cut to depth, and return the new checksum.

        A "modify" to a smaller quantity keeps its place, to a larger one or to another price goes to the back (ws-v2
        reference, section 6.3). A "modify" or "delete" of an unknown order is that of one that was cut, and is
        tolerated (section 3.3). An "add" of a known order replaces it.
        """
        orders = self.sides.orders
        for event, order in changes:
            known = orders.get(order[0])
            if event == "delete":
                if known is not None:
                    del orders[order[0]]
                    self._side(known[1]).remove(known)
                continue
            if event == "modify":
                if known is None:
                    continue
                self.sides.modified = True
            side = self._side(order[1])
            if event == "modify" and known is not None and known[1] == order[1] and order[2] <= known[2]:
                i = side.replace(known, order)
            else:
                if known is not None:
                    self._side(known[1]).remove(known)
                i = side.append(order)
            orders[order[0]] = order
            if self.sides.by_time:
                side.set(i, in_time(side.queues[i]))
        self._cut()
        return self._compute()

    def fits(self, expected: int | None) -> bool:
        """Whether this is the book that Kraken's checksum tells of, if need be with its levels in order of time."""
        return self.crc is not None and (self.crc == expected or self.sort_by_time(expected))

    def sort_by_time(self, expected: int | None) -> bool:
        """Order every level by the time of its orders, from now on, if that gives the `expected` checksum.

        Whether a modified order keeps its place if its `timestamp` is new is not known (ws-v2 reference, section 3.3):
        "if checksums fail after modifies, try the other strategy". Without a "modify" there is no other strategy.
        """
        if self.sides.by_time or not self.sides.modified or not self._checked:
            return False
        asks, bids = (
            b"".join(text_of(in_time(queue)) for queue in side.queues[:CHECKSUM_LEVELS])
            for side in (self._asks, self._bids)
        )
        if crc32(bids, crc32(asks, 0)) != expected:
            return False
        self.sides.by_time = True
        for side in (self._asks, self._bids):
            for i, queue in enumerate(side.queues):
                side.set(i, in_time(queue))
        self._compute()
        return True

    def rescaled(self, price_precision: int, qty_precision: int) -> OrderLadder:
        """Return a new ladder of the same orders at other precisions.

        Raises `MalformedBook` if an order has more digits than a new precision.
        """
        old = self.sides
        ladder = OrderLadder(Queues(old.symbol, old.depth, price_precision, qty_precision), checked=self._checked)
        by_price, by_qty = price_precision - old.price_precision, qty_precision - old.qty_precision
        ladder.load(
            ("add", order_of(order[0], _shifted(order[1], by_price), _shifted(order[2], by_qty), order[3]))
            for order in old.every()
        )
        ladder.sides.by_time, ladder.sides.modified = old.by_time, old.modified
        return ladder

    def _side(self, key: int) -> _Side:
        return self._bids if key < 0 else self._asks

    def _cut(self) -> None:
        """Cut by price level: "no delete is sent" for the orders of a level pushed out (ws-v2 reference, 3.3)."""
        for side in (self._asks, self._bids):
            if len(side.keys) > side.depth:
                orders = self.sides.orders
                for queue in side.cut():
                    for order in queue:
                        del orders[order[0]]

    def _compute(self) -> int | None:
        asks, bids = self._asks, self._bids
        if self._checked and (asks.touched or bids.touched):
            if asks.touched:
                self._asks_crc = crc32(b"".join(asks.texts), 0)
                asks.touched = False
            if bids.touched:
                self._bids_text = b"".join(bids.texts)
                bids.touched = False
            # Asks first, then bids (ws-v2 reference, section 4.1): the bids continue the CRC of the asks.
            self.crc = crc32(self._bids_text, self._asks_crc)
        return self.crc


def text_of(queue: Queue) -> bytes:
    """Return the checksum text of a level."""
    return b"".join([order[4] for order in queue])


def in_time(queue: Queue) -> Queue:
    """Return a level with its orders by their time; those of the same time keep their places."""
    return tuple(sorted(queue, key=lambda order: instant(order[3])))


def _shifted(units: int, digits: int) -> int:
    """Return units of a number with more fraction digits, or with fewer if none is lost."""
    if digits >= 0:
        return units * 10**digits
    whole, rest = divmod(units, 10**-digits)
    if rest:
        raise MalformedBook(f"an order has more digits than the new precision, by {-digits}")
    return whole
