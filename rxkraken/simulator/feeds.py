"""What one market publishes: books at a depth, single orders, tickers, trades and candles, each message written once.

A feed listens to its market's engine. What happens between two calls of `flush` becomes one message per channel, as one
engine event does on the exchange; `snapshot` shows the state at any moment. ws-v2 reference sections 3.1 to 3.5 and 4.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal, NamedTuple
from zlib import crc32

from rxkraken.simulator.history import MINUTE, Candle, Print
from rxkraken.simulator.level3 import OrderView
from rxkraken.simulator.wire import second_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from rxkraken.simulator.engine import Ladder, Order, Removal, Trade
    from rxkraken.simulator.instruments import SymbolSpec
    from rxkraken.simulator.market import Market
    from rxkraken.simulator.wire import Calendar

Channel = Literal["book", "level3", "ticker", "trade", "ohlc", "instrument", "executions", "balances", "spread"]
DEPTHS = (10, 25, 100, 500, 1000)
CHECKED = 10
SNAPSHOT_TRADES = 50
SNAPSHOT_CANDLES = 12


class Topic(NamedTuple):
    """What one subscription is about. `option` is the depth, interval or trigger; None where there is none.

    `spread` is a channel of v1 only, whose private channels are `executions` with their own name as option.
    """

    channel: Channel
    symbol: str = ""
    option: int | str | None = None


@dataclass(slots=True)
class View:
    """What changed inside one depth since the last message: entries as (price, qty), in wire order."""

    depth: int
    bids: list[tuple[int, int]]
    asks: list[tuple[int, int]]

    def note(self, ladder: Ladder, index: int, price: int, after: int) -> None:
        """Take in one change of the full book, at the moment it happened.

        Kraken sends no delete for a level that a better one pushes out of range, and after a delete it sends the level
        that comes into range in the same message (ws-v2 reference section 3.2, rules 4 and 6).
        """
        if index >= self.depth:
            return
        entries = self.bids if ladder.name == "bids" else self.asks
        entries.append((price, after))
        if after == 0 and len(ladder) >= self.depth:
            arriving = ladder.at(self.depth - 1)
            entries.append((arriving.price, arriving.qty))

    def clear(self) -> None:
        """Begin the next message."""
        self.bids = []
        self.asks = []


class Feed:
    """The public messages of one market."""

    def __init__(self, spec: SymbolSpec, calendar: Calendar, number: Callable[[int, int], str]) -> None:
        """A feed that writes numbers with `number(units, precision)`; `attach` gives it its market."""
        self.spec = spec
        self._calendar = calendar
        self._number = number
        self._views: dict[int, View] = {}
        self._order_views: dict[int, OrderView] = {}
        self._trades: list[Print] = []
        self._open: dict[Topic, int] = {}
        self._tops: dict[str, str | None] = {"asks": None, "bids": None}
        self._bbo_moved = False

    def attach(self, market: Market) -> None:
        """Speak for this market. It exists after its feed, because it reports to it from its first order on."""
        self._market = market

    # Who listens: messages are only written for topics that somebody has open.

    def open(self, topic: Topic) -> None:
        """One more subscription wants this topic's updates."""
        self._open[topic] = self._open.get(topic, 0) + 1
        if topic.channel == "book" and topic.option not in self._views:
            depth = _depth(topic)
            self._views[depth] = View(depth, [], [])
        elif topic.channel == "level3" and topic.option not in self._order_views:
            depth = _depth(topic)
            self._order_views[depth] = OrderView(self._market.engine, depth, self._calendar, self._number)

    def close(self, topic: Topic) -> None:
        """One subscription less."""
        self._open[topic] -= 1
        if self._open[topic] == 0:
            del self._open[topic]
            if topic.channel == "book":
                del self._views[_depth(topic)]
            elif topic.channel == "level3":
                del self._order_views[_depth(topic)]

    # What the engine tells.

    def traded(self, trade: Trade) -> None:  # noqa: ARG002 -- the market has numbered and remembered it by now
        """Keep it for the next message."""
        self._trades.append(self._market.latest)

    def level_changed(self, ladder: Ladder, index: int, price: int, before: int, after: int) -> None:  # noqa: ARG002 -- the listener's signature
        """Let every open depth see the change while the book is in the state it left."""
        if index < CHECKED:
            self._tops[ladder.name] = None
            if index == 0:
                self._bbo_moved = True
        for view in self._views.values():
            view.note(ladder, index, price, after)

    def order_added(self, order: Order) -> None:
        """Let every open depth of level 3 take note; at level 2 the level that changed is reported as well."""
        for view in self._order_views.values():
            view.note(order)

    def order_modified(self, order: Order) -> None:
        """The same again."""
        for view in self._order_views.values():
            view.note(order)

    def order_removed(self, order: Order, reason: Removal) -> None:  # noqa: ARG002 -- the listener's signature
        """The same again."""
        for view in self._order_views.values():
            view.note(order)

    def respecify(self, spec: SymbolSpec) -> None:
        """Go on with a new description of the market; what was noted in the old units is dropped."""
        self.spec = spec
        self._tops = {"asks": None, "bids": None}
        for view in self._views.values():
            view.clear()
        for orders in self._order_views.values():
            orders.reload()

    # Messages.

    def flush(self, now: float) -> Iterator[tuple[Topic, str]]:
        """The messages that came of what happened since the last call: the book first, then what traded."""
        trades, self._trades = self._trades, []
        moved, self._bbo_moved = self._bbo_moved, False
        for topic in list(self._open):
            match topic.channel:
                case "book" if (text := self._book_update(_depth(topic), now)) is not None:
                    yield topic, text
                case "level3" if (text := self._order_views[_depth(topic)].update(self.spec, now)) is not None:
                    yield topic, text
                case "ticker" if moved if topic.option == "bbo" else trades:
                    yield topic, self._ticker("update", now)
                case "trade" if trades:
                    yield topic, self._trade_message("update", trades)
                case "ohlc" if trades:
                    yield topic, self._candles(topic, "update", now)
                case _:
                    pass

    def snapshot(self, topic: Topic, now: float) -> str:
        """The state of a topic as its `snapshot` message."""
        match topic.channel:
            case "book":
                return self._book_snapshot(_depth(topic), now)
            case "level3":
                return self._order_views[_depth(topic)].snapshot(self.spec, now)
            case "ticker":
                return self._ticker("snapshot", now)
            case "trade":
                return self._trade_message("snapshot", list(self._market.history.trades)[-SNAPSHOT_TRADES:])
            case _:
                return self._candles(topic, "snapshot", now)

    def checksum(self) -> int:
        """CRC32 of the best ten asks and bids (ws-v2 reference section 4.1)."""
        engine = self._market.engine
        return crc32((self._top(engine.asks) + self._top(engine.bids)).encode())

    def is_checked(self, side: str, price: Decimal) -> bool:
        """Whether a price is one of its side's best ten."""
        engine = self._market.engine
        ladder = engine.bids if side == "bids" else engine.asks
        units = int(price.scaleb(self.spec.price_precision))
        return any(level.price == units for level in ladder.top(CHECKED))

    def _top(self, ladder: Ladder) -> str:
        # In units the checksum text of a level is simply the digits of two integers: no dot, no leading zeros.
        text = self._tops[ladder.name]
        if text is None:
            text = "".join(f"{level.price}{level.qty}" for level in ladder.top(CHECKED))
            self._tops[ladder.name] = text
        return text

    def _book_snapshot(self, depth: int, now: float) -> str:
        engine = self._market.engine
        bids = self._entries((level.price, level.qty) for level in engine.bids.top(depth))
        asks = self._entries((level.price, level.qty) for level in engine.asks.top(depth))
        return self._book("snapshot", bids, asks, now)

    def _book_update(self, depth: int, now: float) -> str | None:
        view = self._views[depth]
        if not view.bids and not view.asks:
            return None
        text = self._book("update", self._entries(view.bids), self._entries(view.asks), now)
        view.clear()
        return text

    def _book(self, kind: str, bids: str, asks: str, now: float) -> str:
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{self.spec.symbol}","bids":[{bids}],'
            f'"asks":[{asks}],"checksum":{self.checksum()},"timestamp":"{self._calendar.text(now)}"}}]}}'
        )

    def _entries(self, entries: Iterable[tuple[int, int]]) -> str:
        number, digits, precision = self._number, self.spec.price_precision, self.spec.qty_precision
        return ",".join(f'{{"price":{number(price, digits)},"qty":{number(qty, precision)}}}' for price, qty in entries)

    def _price(self, units: int) -> str:
        return self._number(units, self.spec.price_precision)

    def _qty(self, units: int) -> str:
        return self._number(units, self.spec.qty_precision)

    def _ticker(self, kind: str, now: float) -> str:
        day = self._market.history.day(self._calendar.seconds(now)) or _flat(self._market.last_price)
        bid, ask, last = self._market.engine.bids.best, self._market.engine.asks.best, self._market.last_price
        # An empty side shows as a price and quantity of zero.
        fields = (
            f'"bid":{self._price(bid.price if bid else 0)},"bid_qty":{self._qty(bid.qty if bid else 0)},'
            f'"ask":{self._price(ask.price if ask else 0)},"ask_qty":{self._qty(ask.qty if ask else 0)},'
            f'"last":{self._price(last)},"volume":{self._qty(day.volume)},"vwap":{self._price(day.vwap)},'
            f'"low":{self._price(day.low)},"high":{self._price(day.high)},"change":{self._price(last - day.open)},'
            f'"change_pct":{percent(last - day.open, day.open)}'
        )
        return (
            f'{{"channel":"ticker","type":"{kind}","data":[{{"symbol":"{self.spec.symbol}",{fields},'
            f'"timestamp":"{self._calendar.text(now)}"}}]}}'
        )

    def _trade_message(self, kind: str, trades: list[Print]) -> str:
        data = ",".join(
            f'{{"symbol":"{self.spec.symbol}","side":"{trade.side}","price":{self._price(trade.price)},'
            f'"qty":{self._qty(trade.qty)},"ord_type":"{trade.ord_type}","trade_id":{trade.trade_id},'
            f'"timestamp":"{second_text(trade.micros // 1_000_000)}.{trade.micros % 1_000_000:06d}Z"}}'
            for trade in trades
        )
        return f'{{"channel":"trade","type":"{kind}","data":[{data}]}}'

    def _candles(self, topic: Topic, kind: Literal["snapshot", "update"], now: float) -> str:
        interval, second = int(topic.option or 1), self._calendar.seconds(now)
        history = self._market.history
        if kind == "snapshot":
            candles = history.candles(interval, second, SNAPSHOT_CANDLES)
        else:
            running = history.candle(interval, second)
            candles = [running] if running else []
        data = ",".join(self._candle(candle, interval) for candle in candles)
        return f'{{"channel":"ohlc","type":"{kind}","timestamp":"{self._calendar.fine_text(now)}","data":[{data}]}}'

    def _candle(self, candle: Candle, interval: int) -> str:
        # `timestamp` is deprecated; live values are the end of the interval (ws-v2 reference section 3.4).
        end = second_text(candle.begin + interval * MINUTE)
        return (
            f'{{"symbol":"{self.spec.symbol}","open":{self._price(candle.open)},"high":{self._price(candle.high)},'
            f'"low":{self._price(candle.low)},"close":{self._price(candle.close)},"trades":{candle.trades},'
            f'"volume":{self._qty(candle.volume)},"vwap":{self._price(candle.vwap)},'
            f'"interval_begin":"{second_text(candle.begin)}.000000000Z","interval":{interval},'
            f'"timestamp":"{end}.000000Z"}}'
        )


def _depth(topic: Topic) -> int:
    return int(topic.option or CHECKED)


def _flat(price: int) -> Candle:
    """A day in which nothing traded."""
    return Candle(0, price, price, price, price, 0, 0, 0)


def percent(change: int, base: int) -> Decimal:
    """A change in percent with two digits (7.17 means 7.17 %)."""
    return (Decimal(100 * change) / Decimal(base)).quantize(Decimal("0.01")) if base else Decimal("0.00")
