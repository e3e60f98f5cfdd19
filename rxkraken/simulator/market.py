"""A market that moves by itself: seeded order flow through a real matching engine.

The flow follows a fair price, a random number that wanders and is drawn back to where the market began, so that hours
of simulated time lead neither to zero nor away. Prices and quantities themselves are integers in the market's units.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Literal

from rxkraken.simulator.engine import Engine, Ladder, Order, OrderType, Removal, Side, TimeInForce, Trade
from rxkraken.simulator.history import History, Past, Print

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.simulator.engine import Listener
    from rxkraken.simulator.instruments import SymbolSpec
    from rxkraken.simulator.wire import Calendar

Mode = Literal["online", "cancel_only", "post_only", "maintenance"]
MODES: tuple[Mode, ...] = ("maintenance", "cancel_only", "post_only", "online")

HOUSE = "market"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_PAIRS = [first + second for first in _DIGITS for second in _DIGITS]
_ID_SPACE = 36**16


class OrderIds:
    """Order ids of Kraken's shape (`OABCDE-12345-FGHIJK`), all different, in no visible order."""

    def __init__(self, seed: int) -> None:
        """Start somewhere that depends on the seed alone."""
        self._next = seed * 0x9E3779B97F4A7C15 % _ID_SPACE

    def __call__(self) -> str:
        """The next id."""
        # An odd step that is no multiple of 3 is coprime to 36^16: no id comes twice before all have come.
        self._next = (self._next + 0x5DEECE66D1234567890B) % _ID_SPACE
        return id_text(self._next, "O")


def id_text(number: int, first: str) -> str:
    """Sixteen characters as 6-5-6, the first one being the kind: `O` for orders."""
    text = first
    for _ in range(8):
        number, digit = divmod(number, 1296)
        text += _PAIRS[digit]
    return f"{text[:6]}-{text[6:11]}-{text[11:17]}"


class Market:
    """One market: its book, its memory, and the order flow that keeps both going.

    It is the first listener of its own engine; `listener` hears everything after it.
    """

    def __init__(self, spec: SymbolSpec, listener: Listener, *, seed: int, now: float, calendar: Calendar) -> None:
        """Open the market with a full book; what happened before is made up when somebody first asks."""
        self.spec = spec
        self.engine = Engine(self)
        self.last_price = spec.units(spec.price)
        self.latest: Print
        # Who is told of fills of the orders that are not the house's own.
        self.on_fill: Callable[[Trade, Print], None] | None = None
        self._listener = listener
        self._calendar = calendar
        self._opened = now
        self._seed = f"{seed}:{spec.symbol}"
        self._history: History | None = None
        self._early: list[Print] = []
        self._trade_id = Random(f"{self._seed}:id").randrange(1_000_000, 90_000_000)
        self._opening_id = self._trade_id
        self.new_id = OrderIds(Random(f"{self._seed}:orders").getrandbits(64))
        self.flow = Flow(self, Random(self._seed))
        self.flow.open(now)

    def relay(self, listener: Listener) -> Listener:
        """Tell another listener from now on; returns the one before, for it to pass on to."""
        before, self._listener = self._listener, listener
        return before

    @property
    def history(self) -> History:
        """Trades and candles, including the made-up ones from before the exchange opened."""
        if self._history is None:
            self._history = self._remember()
        return self._history

    def _remember(self) -> History:
        history, spec = History(), self.spec
        past = Past(
            Random(f"{self._seed}:past"),
            price=spec.units(spec.price),
            tick=spec.tick_units,
            lot=spec.lot_units,
            step=spec.step * 15,
        )
        past.fill(history, self._calendar.seconds(self._opened), self._opening_id)
        for trade in self._early:
            history.add(trade)
        self._early.clear()
        return history

    def step(self, now: float, mode: Mode) -> None:
        """Let one thing happen in this market."""
        self.flow.step(now, mode)

    def change_precision(self, spec: SymbolSpec) -> None:
        """Go on with finer or coarser prices; `spec` is the market's new description."""
        shift = spec.price_precision - self.spec.price_precision
        self.history.rescale(shift)
        self.engine.rescale(shift)
        self.spec = spec
        factor = 10 ** abs(shift)
        self.last_price = self.last_price * factor if shift > 0 else max(1, self.last_price // factor)
        self.flow.retune(shift)

    def price(self, units: int) -> Decimal:
        """A price in units, exact."""
        return Decimal(units).scaleb(-self.spec.price_precision)

    def reference(self, name: Literal["last", "index"]) -> Decimal:
        """The price that triggers go by: the last trade, or the index, for which the fair price stands."""
        return self.price(self.last_price if name == "last" else max(1, round(self.flow.fair)))

    # What the engine tells, passed on after taking note of trades.

    def traded(self, trade: Trade) -> None:
        """Number the trade, remember it, and pass it on."""
        self._trade_id += 1
        self.last_price = trade.price
        self.latest = made = Print(
            self._trade_id, trade.side, trade.price, trade.qty, trade.taker.ord_type, self._calendar.micros(trade.time)
        )
        if self._history is None:
            self._early.append(made)
            if len(self._early) > _EARLY:
                self._history = self._remember()
        else:
            self._history.add(made)
        self._listener.traded(trade)
        if self.on_fill is not None and (trade.maker.owner != HOUSE or trade.taker.owner != HOUSE):
            self.on_fill(trade, made)

    def level_changed(self, ladder: Ladder, index: int, price: int, before: int, after: int) -> None:
        """Pass it on."""
        self._listener.level_changed(ladder, index, price, before, after)

    def order_added(self, order: Order) -> None:
        """Pass it on."""
        self._listener.order_added(order)

    def order_modified(self, order: Order) -> None:
        """Pass it on."""
        self._listener.order_modified(order)

    def order_removed(self, order: Order, reason: Removal) -> None:
        """Pass it on."""
        self._listener.order_removed(order, reason)


class Flow:
    """The anonymous rest of the world: makers who quote, cancel and re-quote, takers who hit them."""

    def __init__(self, market: Market, rng: Random) -> None:
        """A flow for this market; every choice comes from `rng`."""
        self._market = market
        self._engine = market.engine
        self._rng = rng
        self._fair = float(market.spec.units(market.spec.price))
        self._home = self._fair
        self._mine: dict[Side, list[Order]] = {"buy": [], "sell": []}

    @property
    def fair(self) -> float:
        """What the market is drawn to right now, in price units."""
        return self._fair

    def open(self, now: float) -> None:
        """Fill both sides of the book: dense at the touch, thinner away from it."""
        spec, tick = self._market.spec, self._market.spec.tick_units
        sides: tuple[tuple[Side, int], ...] = (("buy", -1), ("sell", 1))
        for side, sign in sides:
            distance = max(1, spec.spread // 2)
            for rank in range(spec.levels):
                price = self._on_tick(self._fair) + sign * distance * tick
                if price > 0:
                    self._place(side, price, now)
                ideal = self._reach() * ((rank + 1) / spec.levels) ** 2
                distance = max(distance + 1, int(ideal * (0.7 + 0.6 * self._rng.random())))

    def retune(self, shift: int) -> None:
        """Follow a change of the price unit."""
        self._fair *= 10.0**shift
        self._home *= 10.0**shift
        for side in self._mine:
            self._prune(side)

    def step(self, now: float, mode: Mode) -> None:
        """One event: something is quoted, cancelled, changed or traded, as far as the mode allows."""
        if mode == "maintenance":
            return
        if mode == "cancel_only":
            self._cancel(self._either(), now)
            return
        self._wander()
        if mode == "online" and self._follow(now):
            return
        side = self._wanting()
        if side is not None and self._rng.random() < 0.6:
            self._deepen(side, now)
            return
        self._act(now, may_take=mode == "online")

    def _act(self, now: float, *, may_take: bool) -> None:
        side, roll = self._either(), self._rng.random()
        if roll < 0.12 and may_take:
            self._take(side, now)
        elif roll < 0.48:
            self._quote(side, now)
        elif roll < 0.58:
            self._requote(side, now)
        elif roll < 0.72:
            self._resize(side, now)
        elif roll < 0.76:
            self._iceberg(side, now)
        else:
            self._cancel(side, now)

    def _wander(self) -> None:
        spec = self._market.spec
        pull = _PULL * (self._home - self._fair) / self._home
        self._fair *= 1 + spec.step * self._rng.gauss(0.0, 1.0) + pull
        self._fair = min(max(self._fair, 0.5 * self._home), 2.0 * self._home)

    def _follow(self, now: float) -> bool:
        """When the fair price has run through the best quotes, takers run after it."""
        for side in ("buy", "sell"):
            ladder = self._engine.opposite(side)
            best = ladder.best
            if best is None or (best.price >= self._fair if side == "buy" else best.price <= self._fair):
                continue
            reach = [level for level in ladder.top(_SWEEP) if (level.price - self._fair) * ladder.sign < 0]
            reach = reach[: max(0, len(ladder) - _KEEP)]
            if reach:
                qty = sum(level.qty for level in reach)
                self._send(side, reach[-1].price, qty, now, tif="ioc")
                return True
        return False

    def _take(self, side: Side, now: float) -> None:
        ladder = self._engine.opposite(side)
        if len(ladder) <= _KEEP:
            return
        most = sum(level.qty for level in ladder.top(min(4, len(ladder) - _KEEP)))
        if self._rng.random() < 0.6:
            self._send(side, 0, min(self._size(), most), now, ord_type="market")
            return
        # A marketable limit order: what the touch cannot fill becomes the new touch on the other side.
        self._send(side, ladder.at(0).price, self._size(), now)

    def _quote(self, side: Side, now: float) -> None:
        spec, sign = self._market.spec, -1 if side == "buy" else 1
        away = spec.spread / 2 + self._rng.expovariate(1 / (spec.spread + 0.0005 * self._reach()))
        self._place(side, self._on_tick(self._fair + sign * away * spec.tick_units), now)

    def _deepen(self, side: Side, now: float) -> None:
        """Put an order on a price that nobody quotes yet, so that the book stays as deep as it is meant to be."""
        ladder = self._engine.own(side)
        for _ in range(4):
            away = max(1, int(self._reach() * self._rng.random() ** 2))
            price = self._on_tick(self._fair) + ladder.sign * away * self._market.spec.tick_units
            if price not in ladder.levels:
                self._place(side, price, now)
                return
        worst = ladder.at(-1).price if ladder.keys else self._on_tick(self._fair)
        self._place(side, worst + ladder.sign * self._market.spec.tick_units, now)

    def _iceberg(self, side: Side, now: float) -> None:
        ladder, size = self._engine.own(side), self._size()
        if ladder.keys:
            rank = min(len(ladder) - 1, int(self._rng.expovariate(0.3)))
            self._send(side, ladder.at(rank).price, 4 * size, now, display=size)

    def _requote(self, side: Side, now: float) -> None:
        """Cancel and quote again at the same price: a message that names a price twice (ws-v2 reference section 7)."""
        order = self._near(side)
        if order is not None:
            self._engine.cancel(order.order_id)
            self._place(side, order.price, now)

    def _resize(self, side: Side, now: float) -> None:
        order = self._near(side)
        if order is not None:
            self._engine.amend(order.order_id, now, qty=order.qty - order.remaining + self._size())

    def _cancel(self, side: Side, now: float) -> None:  # noqa: ARG002 -- the same shape as every other action
        ladder, spec = self._engine.own(side), self._market.spec
        if len(ladder) <= _KEEP:
            return
        if len(ladder) > 1.08 * spec.levels + 2:
            # Orders that the market left behind go first.
            order = next(iter(ladder.at(-1).orders.values()))
        else:
            order = self._near(side) if self._rng.random() < 0.5 else self._any(side)
        if order is not None and order.owner == HOUSE:
            self._engine.cancel(order.order_id)

    def _near(self, side: Side) -> Order | None:
        ladder = self._engine.own(side)
        if not ladder.keys:
            return None
        level = ladder.at(min(len(ladder) - 1, int(self._rng.expovariate(0.15))))
        order = next(iter(level.orders.values()))
        return order if order.owner == HOUSE else None

    def _any(self, side: Side) -> Order | None:
        mine = self._mine[side]
        while mine:
            index = self._rng.randrange(len(mine))
            mine[index], mine[-1] = mine[-1], mine[index]
            if mine[-1].state == "resting":
                return mine[-1]
            mine.pop()
        return None

    def _place(self, side: Side, price: int, now: float) -> None:
        """Rest an order at this price, or as near as it can get without trading."""
        ladder = self._engine.opposite(side)
        if ladder.keys:
            tick = self._market.spec.tick_units
            price = min(price, ladder.at(0).price - tick) if side == "buy" else max(price, ladder.at(0).price + tick)
        if price <= 0 or len(self._mine[side]) > _MOST_PER_LEVEL * self._market.spec.levels:
            self._prune(side)
            return
        self._send(side, price, self._size(), now, post_only=True)

    def _send(
        self,
        side: Side,
        price: int,
        qty: int,
        now: float,
        *,
        ord_type: OrderType = "limit",
        tif: TimeInForce = "gtc",
        post_only: bool = False,
        display: int = 0,
    ) -> None:
        order = Order(self._market.new_id(), HOUSE, side, price, qty, now, ord_type, display)
        if self._engine.submit(order, tif, post_only=post_only).state == "resting":
            self._mine[side].append(order)

    def _prune(self, side: Side) -> None:
        """Forget orders that are gone; if there are still too many, cancel the oldest tenth."""
        kept = [order for order in self._mine[side] if order.state == "resting"]
        self._mine[side] = kept
        if len(kept) > _MOST_PER_LEVEL * self._market.spec.levels // 2:
            for order in kept[: len(kept) // 10]:
                self._engine.cancel(order.order_id)

    def _wanting(self) -> Side | None:
        short: list[Side] = [side for side in _SIDES if len(self._engine.own(side)) < self._market.spec.levels]
        return self._rng.choice(short) if short else None

    def _either(self) -> Side:
        return "buy" if self._rng.random() < 0.5 else "sell"

    def _size(self) -> int:
        spec = self._market.spec
        size = max(spec.least_units, int(spec.lot_units * self._rng.lognormvariate(-0.7, 1.1)))
        if self._rng.random() < 0.3:
            step = 10 ** max(0, len(str(size)) - 2)
            size -= size % step
        return size

    def _reach(self) -> int:
        """How many ticks from the touch the levels are spread over."""
        spec = self._market.spec
        return max(spec.levels + 1, int(float(spec.span) * self._fair / spec.tick_units))

    def _on_tick(self, price: float) -> int:
        units = round(price)
        return units - units % self._market.spec.tick_units


# Trades kept aside while nobody asks for the past; then it is made up once and for all.
_EARLY = 5000
_SIDES: tuple[Side, Side] = ("buy", "sell")
# Share of the distance from home that is made up per event: over a day of five events a second it holds the walk.
_PULL = 1e-6
# No taker eats more levels than this at once, and the flow leaves this many standing.
_SWEEP = 12
_KEEP = 2
# The flow's own orders per price level, all in all; beyond it the oldest are cancelled.
_MOST_PER_LEVEL = 6
