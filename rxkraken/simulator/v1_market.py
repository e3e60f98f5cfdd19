"""What one market publishes in the words of WebSocket v1: books, tickers, trades, spreads and candles as arrays.

It listens to the market's engine only while somebody has one of its topics open. Prices have the digits that REST
shows, not those of the tick: `27120.00000` for XBT/USD (ws-v1 reference sections 5 and 6).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast
from zlib import crc32

from rxkraken.simulator.feeds import CHECKED, DEPTHS, Topic
from rxkraken.simulator.history import INTERVALS, MINUTE, Candle
from rxkraken.simulator.rest_market import digits_of
from rxkraken.simulator.rest_names import wsname
from rxkraken.simulator.wire import dumps, exact_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Protocol

    from rxkraken.simulator.engine import Ladder, Level, Listener, Order, Removal, Trade
    from rxkraken.simulator.history import Print
    from rxkraken.simulator.market import Market
    from rxkraken.simulator.wire import Calendar

    class World(Protocol):
        """What a market's feed needs of its exchange."""

        now: float
        calendar: Calendar


OPTIONS: dict[str, tuple[int, ...]] = {"book": DEPTHS, "ohlc": INTERVALS}
_BACK = 720
# The numbers of channels within a pair; the reference only knows that they are numbers, and deprecated.
_NUMBERS = {"book": 0, "trade": 8, "spread": 9, "ticker": 10, "ohlc": 11}
_PER_PAIR = 32


def channel_name(topic: Topic) -> str:
    """`book-10`, `ohlc-5`, `ticker`; the private topics have it as their option."""
    match topic.channel:
        case "book" | "ohlc":
            return f"{topic.channel}-{topic.option}"
        case "executions":
            return str(topic.option)
        case _:
            return topic.channel


def channel_id(topic: Topic, pair: int) -> int:
    """The number of a channel of the pair with this number."""
    options = OPTIONS.get(topic.channel)
    rank = options.index(cast("int", topic.option)) if options else 0
    return _PER_PAIR * (pair + 1) + _NUMBERS[topic.channel] + rank


@dataclass(slots=True)
class _Rows:
    """The rows of one depth since its last frame, in the order of events."""

    depth: int
    asks: list[str] = field(default_factory=list[str])
    bids: list[str] = field(default_factory=list[str])

    def clear(self) -> None:
        """Begin the next frame."""
        self.asks = []
        self.bids = []


class V1Feed:
    """The v1 messages of one market."""

    def __init__(self, world: World, market: Market, number: int) -> None:
        """Sleep until the first topic is opened; `number` is the pair's place in the list."""
        self.pair = wsname(market.spec.symbol)
        self.number = number
        self._world = world
        self._market = market
        self._asleep: Listener | None = None
        self._open: dict[Topic, int] = {}
        self._books: dict[int, _Rows] = {}
        self._touched: dict[tuple[str, int], float] = {}
        self._trades: list[Print] = []
        self._top_moved = False

    @property
    def is_awake(self) -> bool:
        """Whether anybody listens."""
        return bool(self._open)

    def open(self, topic: Topic) -> None:
        """One more subscription wants this topic's updates."""
        if self._asleep is None:
            # Between the market and whoever listened so far: a market without v1 clients pays nothing for v1.
            self._asleep = self._market.relay(self)
        self._open[topic] = self._open.get(topic, 0) + 1
        if topic.channel == "book":
            depth = int(topic.option or CHECKED)
            self._books.setdefault(depth, _Rows(depth))

    def close(self, topic: Topic) -> None:
        """One subscription less."""
        self._open[topic] -= 1
        if self._open[topic] == 0:
            del self._open[topic]
            if topic.channel == "book":
                del self._books[int(topic.option or CHECKED)]
        if not self._open and self._asleep is not None:
            self._market.relay(self._asleep)
            self._asleep = None
            self._touched.clear()
            self._trades.clear()
            self._top_moved = False

    # --- what the engine tells ----------------------------------------------------------------------------------------

    def traded(self, trade: Trade) -> None:
        """Keep it for the next frame, and pass it on."""
        self._trades.append(self._market.latest)
        self._next.traded(trade)

    def level_changed(self, ladder: Ladder, index: int, price: int, before: int, after: int) -> None:
        """Write a row for every depth that sees it.

        A level that moves into the depth because another left is a row too, with the time of its own last change and an
        `r` (ws-v1 reference section 5.5); a level that is pushed out is not.
        """
        slot = (ladder.name, price)
        if after:
            self._touched[slot] = self._world.now
        else:
            self._touched.pop(slot, None)
        self._top_moved |= index == 0
        for rows in self._books.values():
            if index >= rows.depth:
                continue
            side = rows.bids if ladder.name == "bids" else rows.asks
            side.append(self._row(price, after, self._world.now))
            if after == 0 and len(ladder) >= rows.depth:
                arriving = ladder.at(rows.depth - 1)
                side.append(self._row(arriving.price, arriving.qty, self._since(ladder, arriving), '","r'))
        self._next.level_changed(ladder, index, price, before, after)

    def order_added(self, order: Order) -> None:
        """Pass it on."""
        self._next.order_added(order)

    def order_modified(self, order: Order) -> None:
        """Pass it on."""
        self._next.order_modified(order)

    def order_removed(self, order: Order, reason: Removal) -> None:
        """Pass it on."""
        self._next.order_removed(order, reason)

    def respecify(self, before: int) -> bool:
        """Drop what was noted in prices of `before` digits; whether levels have merged, or look different now."""
        spec = self._market.spec
        if spec.price_precision == before:
            return False
        self._touched.clear()
        for rows in self._books.values():
            rows.clear()
        return spec.price_precision < before or digits_of(spec) != max(spec.cost_precision, before)

    @property
    def _next(self) -> Listener:
        assert self._asleep is not None  # noqa: S101 -- only an open feed is told anything
        return self._asleep

    # --- frames -------------------------------------------------------------------------------------------------------

    def flush(self) -> Iterator[tuple[Topic, str]]:
        """The frames that came of what happened since the last call, one a topic."""
        trades, self._trades = self._trades, []
        moved, self._top_moved = self._top_moved, False
        for topic in list(self._open):
            parts: list[str] = []
            match topic.channel:
                case "book":
                    parts = self._update(self._books[int(topic.option or CHECKED)])
                case "ticker" if moved or trades:
                    parts = [self._ticker()]
                case "spread" if moved:
                    parts = [self._spread()]
                case "trade" if trades:
                    parts = [self._rows_of(trades)]
                case "ohlc" if trades:
                    parts = self._candle(topic, last=False)
                case _:
                    pass
            if parts:
                yield topic, self._frame(topic, *parts)

    def opening(self, topic: Topic) -> str | None:
        """The first frame of a subscription; None for `trade`, which has no snapshot, and when there is nothing."""
        match topic.channel:
            case "book":
                parts = [self._snapshot(int(topic.option or CHECKED))]
            case "ticker":
                parts = [self._ticker()]
            case "spread":
                parts = [self._spread()]
            case "ohlc":
                parts = self._candle(topic, last=True)
            case _:
                parts = []
        return self._frame(topic, *parts) if parts else None

    def id_of(self, topic: Topic) -> int:
        """The channel's number."""
        return channel_id(topic, self.number)

    def checksum(self) -> int:
        """CRC32 over the digits of the best ten asks, then bids, as they are shown (ws-v1 reference section 6)."""
        engine, scale = self._market.engine, 10**self._padding
        levels = [*engine.asks.top(CHECKED), *engine.bids.top(CHECKED)]
        return crc32("".join(f"{level.price * scale}{level.qty}" for level in levels).encode())

    def _frame(self, topic: Topic, *parts: str) -> str:
        return f'[{self.id_of(topic)},{",".join(parts)},"{channel_name(topic)}","{self.pair}"]'

    def _snapshot(self, depth: int) -> str:
        engine = self._market.engine
        asks, bids = self._levels(engine.asks, depth), self._levels(engine.bids, depth)
        return f'{{"as":[{asks}],"bs":[{bids}]}}'

    def _levels(self, ladder: Ladder, depth: int) -> str:
        return ",".join(self._row(level.price, level.qty, self._since(ladder, level)) for level in ladder.top(depth))

    def _update(self, rows: _Rows) -> list[str]:
        """One object a side that changed, asks first; the checksum is in the last."""
        parts = [f'"{name}":[{",".join(side)}]' for name, side in (("a", rows.asks), ("b", rows.bids)) if side]
        rows.clear()
        if not parts:
            return []
        parts[-1] += f',"c":"{self.checksum()}"'
        return [f"{{{part}}}" for part in parts]

    def _row(self, price: int, qty: int, at: float, mark: str = "") -> str:
        return f'["{self._price(price)}","{self._qty(qty)}","{self._time(at)}{mark}"]'

    def _since(self, ladder: Ladder, level: Level) -> float:
        """When a level changed last; what happened while nobody listened is judged by its youngest order."""
        known = self._touched.get((ladder.name, level.price))
        return max(order.time for order in level.orders.values()) if known is None else known

    def _rows_of(self, trades: Iterable[Print]) -> str:
        rows = (
            [
                self._price(trade.price), self._qty(trade.qty), exact_text(trade.micros, 6), trade.side[0],
                trade.ord_type[0], "",
            ]
            for trade in trades
        )  # fmt: skip
        return dumps(list(rows))

    def _spread(self) -> str:
        bid, ask = self._market.engine.bids.best, self._market.engine.asks.best
        values = [
            self._price(bid.price if bid else 0), self._price(ask.price if ask else 0), self._time(self._world.now),
            self._qty(bid.qty if bid else 0), self._qty(ask.qty if ask else 0),
        ]  # fmt: skip
        return dumps(values)

    def _ticker(self) -> str:
        market, second = self._market, self._world.calendar.seconds(self._world.now)
        history, flat = market.history, _quiet(0, market.last_price)
        days = (history.candle(1440, second) or flat, history.day(second) or flat)
        last = history.trades[-1].qty if history.trades else 0
        values: dict[str, Any] = {
            "a": self._best(market.engine.asks.best),
            "b": self._best(market.engine.bids.best),
            "c": [self._price(market.last_price), self._qty(last)],
            "v": [self._qty(day.volume) for day in days],
            "p": [self._vwap(day) for day in days],
            "t": [day.trades for day in days],
            "l": [self._price(day.low) for day in days],
            "h": [self._price(day.high) for day in days],
            "o": [self._price(day.open) for day in days],
        }
        return dumps(values)

    def _best(self, level: Level | None) -> list[Any]:
        price, qty = (level.price, level.qty) if level else (0, 0)
        return [self._price(price), qty // 10**self._market.spec.qty_precision, self._qty(qty)]

    def _candle(self, topic: Topic, *, last: bool) -> list[str]:
        interval, second = int(topic.option or 1), self._world.calendar.seconds(self._world.now)
        history = self._market.history
        candle = history.candle(interval, second)
        if candle is None and last:
            # "On subscribe the last existing candle is sent even if old" (ws-v1 reference section 5.2).
            candle = next(reversed(history.candles(interval, second, _BACK)), None)
        if candle is None:
            return []
        end = (candle.begin + interval * MINUTE) * 1_000_000
        changed = min(history.trades[-1].micros if history.trades else end, end)
        prices = (candle.open, candle.high, candle.low, candle.close)
        return [
            dumps([
                exact_text(changed, 6), exact_text(end, 6), *map(self._price, prices), self._vwap(candle),
                self._qty(candle.volume), candle.trades,
            ])
        ]  # fmt: skip

    # --- numbers ------------------------------------------------------------------------------------------------------

    @property
    def _padding(self) -> int:
        return digits_of(self._market.spec) - self._market.spec.price_precision

    def _price(self, units: int) -> str:
        return exact_text(units * 10**self._padding, digits_of(self._market.spec))

    def _qty(self, units: int) -> str:
        return exact_text(units, self._market.spec.qty_precision)

    def _time(self, at: float) -> str:
        return exact_text(self._world.calendar.micros(at), 6)

    def _vwap(self, candle: Candle) -> str:
        if not candle.volume:
            return self._price(candle.close)
        cost = candle.cost * 10**self._padding
        return exact_text((2 * cost + candle.volume) // (2 * candle.volume), digits_of(self._market.spec))


def _quiet(begin: int, price: int) -> Candle:
    """An interval in which nothing traded."""
    return Candle(begin, price, price, price, price, 0, 0, 0)
