"""Level 3 of one market: every visible order, depth-limited, and what a client must be told so that its copy follows.

A view remembers what the clients of one depth know, notes which prices the engine touched, and on `update` writes the
difference to the present as one message. ws-v2 reference sections 3.3 and 4.2. Three decisions that they leave open:

* A refilled iceberg goes out as `delete` and `add`. It queues up behind everybody, but its new peak may be smaller than
  what was last known of it, and a `modify` with a smaller quantity keeps its place: the queue would be wrong.
* A changed price goes out as `delete` and `add` as well, because either price may be out of range; a larger quantity at
  the same price is a `modify`, which moves to the back.
* The `timestamp` of an order is the time it joined its queue, and a fill leaves it alone. So clients that sort a level
  by it and clients that keep the order of arrival both have the right queue.
"""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Literal, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rxkraken.simulator.engine import Engine, Ladder, Level, Order
    from rxkraken.simulator.instruments import SymbolSpec
    from rxkraken.simulator.wire import Calendar

Event = Literal["add", "modify", "delete"]
LEVEL3_DEPTHS = (10, 100, 1000)
CHECKED_LEVELS = 10


class Shown(NamedTuple):
    """What clients know of one order besides its id: its visible quantity, and when it joined the queue."""

    qty: int
    time: float


class Entry(NamedTuple):
    """One entry of a message. Snapshots have no `event`; a `delete` carries the last quantity that was shown."""

    event: Event | None
    order_id: str
    price: int
    qty: int
    time: float


Queue = dict[str, Shown]
"""The orders at one price, front first."""


def queue_text(levels: Iterable[tuple[int, Iterable[int]]]) -> str:
    """One side's part of the checksum: levels, best first, each a price and the quantities of its queue, in units.

    The caller passes no more than the best ten.
    """
    # In units the text of an order is simply the digits of two integers: no dot, no leading zeros.
    return "".join([f"{price}{qty}" for price, queue in levels for qty in queue])


def queue_checksum(asks: str, bids: str) -> int:
    """CRC32 of the `queue_text` of both sides (ws-v2 reference section 4.2)."""
    return crc32((asks + bids).encode())


class SideView:
    """One side of a view: the best `depth` price levels as the clients know them."""

    __slots__ = ("_checked", "_keys", "_ladder", "_levels", "depth", "touched")

    def __init__(self, ladder: Ladder, depth: int) -> None:
        """Know what the ladder shows right now."""
        self.depth = depth
        self._ladder = ladder
        self.reload()

    def reload(self) -> None:
        """Begin anew from what the ladder shows right now."""
        self.touched: set[int] = set()
        self._checked: str | None = None
        self._keys = self._ladder.keys[: self.depth]
        self._levels = {level.price: _queue(level) for level in self._ladder.top(self.depth)}

    def entries(self) -> Iterator[Entry]:
        """Everything the clients know, best price first, each queue from its front."""
        for price, queue in self._best(self.depth):
            for order_id, shown in queue.items():
                yield Entry(None, order_id, price, *shown)

    @property
    def checked(self) -> str:
        """The part of the checksum that is about one side."""
        if self._checked is None:
            best = self._best(CHECKED_LEVELS)
            self._checked = queue_text((price, [shown.qty for shown in queue.values()]) for price, queue in best)
        return self._checked

    def changes(self, now: float) -> list[Entry]:
        """What leads from the clients' knowledge to the present, in an order that may be applied entry by entry.

        Deletes first, so that no order is ever in two places, and a client that cuts after each entry never cuts a
        level that it needs; then the levels coming into range, then the rest, best first.
        """
        touched, self.touched = sorted(self.touched, key=self._ladder.sign.__mul__), set()
        if not touched:
            return []
        self._checked = None
        known, ladder = self._levels, self._ladder
        entries: list[Entry] = []
        for price in touched:
            if price in known:
                level = ladder.levels.get(price)
                entries.extend(_departures(price, known[price], level.orders if level else (), now))
        arrivals = self._move_range(touched)
        for price in arrivals:
            entries.extend(Entry("add", order_id, price, *shown) for order_id, shown in known[price].items())
        for price in touched:
            if price in known and price not in arrivals:
                queue = _queue(ladder.levels[price])
                entries.extend(_requeue(price, known[price], queue, ladder.levels[price].orders, now))
                known[price] = queue
        return entries

    def _move_range(self, touched: Iterable[int]) -> list[int]:
        """Forget the levels that fell out of range, learn those that came; returns the latter, far ones first.

        Nothing is said of the orders of a level that a better one pushed out: clients cut them off themselves. A level
        can only come or go where an order did, or at the far end.
        """
        levels, sign, known, before = self._ladder.levels, self._ladder.sign, self._levels, self._keys
        keys = self._keys = self._ladder.keys[: self.depth]
        if keys == before:
            return []
        for price in touched:
            if price not in levels:
                known.pop(price, None)
        for key in before[bisect_right(before, keys[-1]) :] if keys else ():
            known.pop(key * sign, None)
        # Kraken's order: the delete, the level that comes into range, the level that is inserted (section 3.2, rule 6).
        far = bisect_right(keys, before[-1]) if before else 0
        inserted = [price for price in touched if price in levels and price not in known]
        arrived = [key * sign for key in keys[far:]]
        arrived += [price for price in inserted if far and price * sign <= keys[far - 1]]
        for price in arrived:
            known[price] = _queue(levels[price])
        return arrived

    def _best(self, count: int) -> Iterator[tuple[int, Queue]]:
        for key in self._keys[:count]:
            price = key * self._ladder.sign
            yield price, self._levels[price]


class OrderView:
    """All clients of one market at one depth: what they know, and the messages that keep it true."""

    def __init__(self, engine: Engine, depth: int, calendar: Calendar, number: Callable[[int, int], str]) -> None:
        """A view that begins with the present book and writes numbers with `number(units, precision)`."""
        self.bids = SideView(engine.bids, depth)
        self.asks = SideView(engine.asks, depth)
        self._calendar = calendar
        self._number = number

    def note(self, order: Order) -> None:
        """An order entered, left or changed in the book, at its present price."""
        (self.bids if order.side == "buy" else self.asks).touched.add(order.price)

    def reload(self) -> None:
        """Begin anew from the present book: the units have changed, and all clients' books with them."""
        self.bids.reload()
        self.asks.reload()

    def checksum(self) -> int:
        """CRC32 over the orders of the best ten levels, as the clients know them."""
        return queue_checksum(self.asks.checked, self.bids.checked)

    def snapshot(self, spec: SymbolSpec, now: float) -> str:
        """The `snapshot` message: what the clients of this depth know, so that the next update fits behind it."""
        bids, asks = self._text(self.bids.entries(), spec), self._text(self.asks.entries(), spec)
        return (
            f'{{"channel":"level3","type":"snapshot","data":[{{"symbol":"{spec.symbol}","checksum":{self.checksum()},'
            f'"bids":[{bids}],"asks":[{asks}],"timestamp":"{self._calendar.nano_text(now)}"}}]}}'
        )

    def update(self, spec: SymbolSpec, now: float) -> str | None:
        """The `update` message for everything noted since the last one; None if nothing in range is different."""
        bids, asks = self.bids.changes(now), self.asks.changes(now)
        if not bids and not asks:
            return None
        return (
            f'{{"channel":"level3","type":"update","data":[{{"checksum":{self.checksum()},'
            f'"timestamp":"{self._calendar.nano_text(now)}","symbol":"{spec.symbol}",'
            f'"bids":[{self._text(bids, spec)}],"asks":[{self._text(asks, spec)}]}}]}}'
        )

    def _text(self, entries: Iterable[Entry], spec: SymbolSpec) -> str:
        number, digits, precision, stamp = (
            self._number, spec.price_precision, spec.qty_precision, self._calendar.nano_text,
        )  # fmt: skip
        return ",".join(
            f"{{{_EVENT[event]}"
            f'"order_id":"{order_id}","limit_price":{number(price, digits)},"order_qty":{number(qty, precision)},'
            f'"timestamp":"{stamp(time)}"}}'
            for event, order_id, price, qty, time in entries
        )


_EVENT: dict[Event | None, str] = {
    None: "",
    "add": '"event":"add",',
    "modify": '"event":"modify",',
    "delete": '"event":"delete",',
}


def _queue(level: Level) -> Queue:
    return {order_id: Shown(order.visible, order.time) for order_id, order in level.orders.items()}


def _departures(price: int, known: Queue, there: Iterable[str], now: float) -> Iterator[Entry]:
    """Deletes for the orders that are no longer at this price."""
    remaining = set(there)
    return (Entry("delete", each, price, shown.qty, now) for each, shown in known.items() if each not in remaining)


def _requeue(price: int, known: Queue, queue: Queue, orders: dict[str, Order], now: float) -> Iterator[Entry]:
    """What leads from a known queue, departures taken out, to the present one.

    Orders only ever join at the back. So those that kept their place are the head of the present queue, in the order
    they were known in, and all that follow have joined since.
    """
    kept = iter([each for each, before in known.items() if each in queue and _in_place(before, queue[each])])
    staying = True
    for order_id, shown in queue.items():
        before = known.get(order_id)
        staying = staying and next(kept, None) == order_id
        if before is None:
            yield Entry("add", order_id, price, *shown)
        elif staying:
            if shown.qty != before.qty:
                yield Entry("modify", order_id, price, *shown)
        elif shown.qty > before.qty and not orders[order_id].display:
            yield Entry("modify", order_id, price, *shown)
        else:
            yield Entry("delete", order_id, price, before.qty, now)
            yield Entry("add", order_id, price, *shown)


def _in_place(before: Shown, shown: Shown) -> bool:
    return shown.time == before.time and shown.qty <= before.qty
