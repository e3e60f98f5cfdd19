"""Price-time matching of one market: individual orders in integer units, and a listener that sees every change happen.

Prices are in units of 10^-price_precision, quantities in units of 10^-qty_precision; nothing here knows the precision,
the clock or the wire. The listener is called while the ladder is in the very state that the change produced, so a
depth-limited view can tell which level comes into range without keeping a copy of the book.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Side = Literal["buy", "sell"]
OrderType = Literal["limit", "market"]
TimeInForce = Literal["gtc", "ioc", "fok"]
State = Literal["new", "resting", "filled", "cancelled", "refused"]
Removal = Literal["filled", "cancelled", "amended"]
SelfTrade = Literal["", "cancel_newest", "cancel_oldest", "cancel_both"]


@dataclass(slots=True, eq=False)
class Order:
    """One order. `price` is 0 for a market order; `display` above 0 makes an iceberg that shows so much at a time.

    `time` is when it came, and later when it joined the queue it is in.
    """

    order_id: str
    owner: str
    side: Side
    price: int
    qty: int
    time: float
    ord_type: OrderType = "limit"
    display: int = 0
    self_trade: SelfTrade = ""
    prevented: bool = field(default=False, init=False)
    remaining: int = field(init=False)
    visible: int = field(init=False)
    state: State = field(default="new", init=False)

    def __post_init__(self) -> None:
        """Nothing is filled yet, and what shows is the peak of an iceberg or everything."""
        if self.qty <= 0 or (self.ord_type == "limit" and self.price <= 0):
            raise ValueError(f"order {self.order_id} needs a quantity and a limit price above 0, not {self!r}")
        self.remaining = self.qty
        self.show()

    def show(self) -> int:
        """Put the next peak of an iceberg (or the whole order) on view; returns how much shows now."""
        self.visible = min(self.display, self.remaining) if self.display else self.remaining
        return self.visible


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill: so much at the maker's price, between a resting order and the one that came."""

    price: int
    qty: int
    side: Side
    taker: Order
    maker: Order
    time: float


class Level:
    """All orders at one price, first come first served, and their visible sum."""

    __slots__ = ("orders", "price", "qty")

    def __init__(self, price: int) -> None:
        """An empty level; the ladder holds it only while an order is in it."""
        self.price = price
        self.qty = 0
        self.orders: dict[str, Order] = {}


class Ladder:
    """One side of the book, best price first. `keys` are prices, negated on the bid side, so that they ascend."""

    __slots__ = ("keys", "levels", "name", "sign")

    def __init__(self, name: Literal["bids", "asks"]) -> None:
        """An empty side."""
        self.name = name
        self.sign = -1 if name == "bids" else 1
        self.keys: list[int] = []
        self.levels: dict[int, Level] = {}

    def __len__(self) -> int:
        """How many price levels there are."""
        return len(self.keys)

    def at(self, index: int) -> Level:
        """The level at a rank: 0 is the best price."""
        return self.levels[self.keys[index] * self.sign]

    @property
    def best(self) -> Level | None:
        """The best level, or None when the side is empty."""
        return self.at(0) if self.keys else None

    def top(self, count: int) -> Iterator[Level]:
        """The best `count` levels, best first, or as many as there are."""
        sign, levels = self.sign, self.levels
        return (levels[key * sign] for key in self.keys[:count])


class Listener(Protocol):
    """What a market's engine tells, at the moment it happens."""

    def traded(self, trade: Trade) -> None:
        """Two orders matched. The level they met at is reported after the last of its fills."""
        ...

    def level_changed(self, ladder: Ladder, index: int, price: int, before: int, after: int) -> None:
        """The visible quantity at a price changed; `index` is its rank (where it is, or was when `after` is 0)."""
        ...

    def order_added(self, order: Order) -> None:
        """An order entered the book, at the back of its level."""
        ...

    def order_modified(self, order: Order) -> None:
        """An order in the book changed its visible quantity."""
        ...

    def order_removed(self, order: Order, reason: Removal) -> None:
        """An order left the book."""
        ...


class Engine:
    """The book of one market. Every operation runs to its end; the listener hears of each step in order."""

    def __init__(self, listener: Listener) -> None:
        """An empty book."""
        self.bids = Ladder("bids")
        self.asks = Ladder("asks")
        self.orders: dict[str, Order] = {}
        # Resting orders that a self-trade took out of the book; whoever looks after them empties it.
        self.prevented: list[Order] = []
        self._listener = listener

    def submit(self, order: Order, tif: TimeInForce = "gtc", *, post_only: bool = False) -> Order:
        """Match an order, rest what is left of it if it may rest, and return it with its final `state`.

        `refused` means that nothing happened: a post-only order would have taken liquidity, or a fill-or-kill order
        could not be filled whole.
        """
        if order.order_id in self.orders:
            raise ValueError(f"order id {order.order_id} is in the book already")
        if (post_only and self.crosses(order)) or (tif == "fok" and self._fillable(order) < order.qty):
            order.state = "refused"
            return order
        self._match(order)
        if order.remaining == 0:
            order.state = "filled"
        elif order.ord_type == "limit" and tif == "gtc" and not order.prevented:
            self._rest(order)
        else:
            order.state = "cancelled"
        return order

    def cancel(self, order_id: str) -> Order | None:
        """Take an order out of the book; None when it is not there (any more)."""
        order = self.orders.get(order_id)
        if order is not None:
            self._remove(order, "cancelled")
            order.state = "cancelled"
        return order

    def amend(self, order_id: str, now: float, *, qty: int | None = None, price: int | None = None) -> Order | None:
        """Change an order in place; None when it is not in the book.

        A smaller quantity keeps the place in the queue; a larger one or another price goes to the back of it, and a
        price that crosses trades at once (ws-v2 reference section 3.3). A quantity that is filled already cancels.
        """
        order = self.orders.get(order_id)
        if order is None:
            return None
        remaining = order.remaining if qty is None else qty - (order.qty - order.remaining)
        if remaining <= 0:
            return self.cancel(order_id)
        if price in {None, order.price} and remaining <= order.remaining:
            self._shrink(order, remaining)
            return order
        return self._requeue(order, remaining, price or order.price, now)

    def crosses(self, order: Order) -> bool:
        """Whether the order would trade on arrival."""
        best = self.opposite(order.side).best
        return best is not None and _reaches(order, best.price)

    def own(self, side: Side) -> Ladder:
        """The side of the book where such an order rests."""
        return self.bids if side == "buy" else self.asks

    def opposite(self, side: Side) -> Ladder:
        """The side of the book that such an order takes from."""
        return self.asks if side == "buy" else self.bids

    def rescale(self, shift: int) -> None:
        """Express every price in units ten times (`shift` 1) or a tenth (`shift` -1) as large, and so on.

        Coarser units round bids down and asks up, so the book never crosses; levels that meet are merged, the better
        price first in the queue. The listener is not called: whoever asks for this rebuilds its views.
        """
        factor = 10 ** abs(shift)
        for ladder in (self.bids, self.asks):
            orders = [order for level in ladder.top(len(ladder)) for order in level.orders.values()]
            ladder.keys.clear()
            ladder.levels.clear()
            for order in orders:
                coarser = ladder.sign * -(-ladder.sign * order.price // factor)
                order.price = order.price * factor if shift > 0 else coarser
                self._reload(ladder, order)

    def _reload(self, ladder: Ladder, order: Order) -> None:
        if order.price <= 0:
            del self.orders[order.order_id]
            order.state = "cancelled"
            return
        level = ladder.levels.get(order.price)
        if level is None:
            level = ladder.levels[order.price] = Level(order.price)
            ladder.keys.append(order.price * ladder.sign)
        level.orders[order.order_id] = order
        level.qty += order.visible

    def _match(self, taker: Order) -> None:
        ladder = self.opposite(taker.side)
        while taker.remaining and (level := ladder.best) is not None and _reaches(taker, level.price):
            before = level.qty
            while taker.remaining and level.orders and not taker.prevented:
                if taker.self_trade and (own := next(iter(level.orders.values()))).owner == taker.owner:
                    self._prevent(taker, own, level)
                else:
                    self._fill(taker, level)
            self._settle(ladder, 0, level, before)
            if taker.prevented:
                return

    def _prevent(self, taker: Order, own: Order, level: Level) -> None:
        taker.prevented = taker.self_trade != "cancel_oldest"
        if taker.self_trade == "cancel_newest":
            return
        del level.orders[own.order_id], self.orders[own.order_id]
        level.qty -= own.visible
        own.state = "cancelled"
        own.prevented = True
        self.prevented.append(own)
        self._listener.order_removed(own, "cancelled")

    def _fill(self, taker: Order, level: Level) -> None:
        maker = next(iter(level.orders.values()))
        qty = min(taker.remaining, maker.visible)
        taker.remaining -= qty
        taker.visible = taker.remaining
        maker.remaining -= qty
        maker.visible -= qty
        level.qty -= qty
        self._listener.traded(Trade(level.price, qty, taker.side, taker, maker, taker.time))
        if maker.remaining == 0:
            del level.orders[maker.order_id], self.orders[maker.order_id]
            maker.state = "filled"
            self._listener.order_removed(maker, "filled")
            return
        if maker.visible == 0:
            # The next peak of an iceberg is a new order to everyone else: it queues up behind them.
            del level.orders[maker.order_id]
            level.qty += maker.show()
            maker.time = taker.time
            level.orders[maker.order_id] = maker
        self._listener.order_modified(maker)

    def _rest(self, order: Order) -> None:
        ladder = self.own(order.side)
        key = order.price * ladder.sign
        index = bisect_left(ladder.keys, key)
        level = ladder.levels.get(order.price)
        if level is None:
            level = ladder.levels[order.price] = Level(order.price)
            ladder.keys.insert(index, key)
        before = level.qty
        order.state = "resting"
        self.orders[order.order_id] = level.orders[order.order_id] = order
        level.qty += order.show()
        self._listener.order_added(order)
        self._listener.level_changed(ladder, index, order.price, before, level.qty)

    def _remove(self, order: Order, reason: Removal) -> None:
        ladder = self.own(order.side)
        level = ladder.levels[order.price]
        before = level.qty
        del level.orders[order.order_id], self.orders[order.order_id]
        level.qty -= order.visible
        self._listener.order_removed(order, reason)
        self._settle(ladder, bisect_left(ladder.keys, order.price * ladder.sign), level, before)

    def _shrink(self, order: Order, remaining: int) -> None:
        ladder = self.own(order.side)
        level = ladder.levels[order.price]
        before, visible = level.qty, order.visible
        order.qty -= order.remaining - remaining
        order.remaining = remaining
        order.visible = min(visible, remaining)
        level.qty -= visible - order.visible
        if order.visible != visible:
            self._listener.order_modified(order)
            self._settle(ladder, bisect_left(ladder.keys, order.price * ladder.sign), level, before)

    def _requeue(self, order: Order, remaining: int, price: int, now: float) -> Order:
        self._remove(order, "amended")
        order.qty += remaining - order.remaining
        order.remaining, order.price, order.time = remaining, price, now
        order.show()
        return self.submit(order)

    def _settle(self, ladder: Ladder, index: int, level: Level, before: int) -> None:
        if not level.orders:
            del ladder.levels[level.price], ladder.keys[index]
        if level.qty != before or not level.orders:
            self._listener.level_changed(ladder, index, level.price, before, level.qty)

    def _fillable(self, order: Order) -> int:
        levels: Iterable[Level] = self.opposite(order.side).top(len(self.opposite(order.side)))
        reached = (level for level in levels if _reaches(order, level.price))
        return sum(
            resting.remaining
            for level in reached
            for resting in level.orders.values()
            if not order.self_trade or resting.owner != order.owner
        )


def _reaches(order: Order, price: int) -> bool:
    if order.ord_type == "market":
        return True
    return price <= order.price if order.side == "buy" else price >= order.price
