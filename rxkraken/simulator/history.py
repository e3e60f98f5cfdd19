"""What a market remembers: its last trades, and candles by the minute, hour and day from before it opened until now.

Every candle of every interval is a sum over these, so `ohlc`, `trade` and the 24 hours of `ticker` cannot disagree.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from rxkraken.simulator.engine import Side

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random


MINUTE, HOUR, DAY = 60, 3600, 86400
INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)


@dataclass(frozen=True, slots=True)
class Print:
    """One trade as the public sees it. `micros` are microseconds since 1970, numbers are in the market's units."""

    trade_id: int
    side: Side
    price: int
    qty: int
    ord_type: Literal["limit", "market"]
    micros: int


@dataclass(slots=True)
class Candle:
    """One interval: `begin` in seconds since 1970, prices and `volume` in units, `cost` the sum of price times qty."""

    begin: int
    open: int
    high: int
    low: int
    close: int
    volume: int
    cost: int
    trades: int

    @property
    def vwap(self) -> int:
        """The volume-weighted price in units, rounded to the nearest."""
        return (2 * self.cost + self.volume) // (2 * self.volume) if self.volume else self.close

    def add(self, price: int, qty: int) -> None:
        """Take in one trade."""
        self.high = max(self.high, price)
        self.low = min(self.low, price)
        self.close = price
        self.volume += qty
        self.cost += price * qty
        self.trades += 1


def merge(begin: int, parts: Iterable[Candle]) -> Candle | None:
    """The candle that covers these shorter ones, oldest first; None when there are none."""
    whole: Candle | None = None
    for part in parts:
        if whole is None:
            whole = Candle(begin, part.open, part.high, part.low, part.close, part.volume, part.cost, part.trades)
            continue
        whole.high = max(whole.high, part.high)
        whole.low = min(whole.low, part.low)
        whole.close = part.close
        whole.volume += part.volume
        whole.cost += part.cost
        whole.trades += part.trades
    return whole


class Series:
    """Candles of one length, oldest first, as many as are kept; a stretch without trades has none."""

    def __init__(self, length: int, keep: int) -> None:
        """Candles of `length` seconds, reaching `keep` seconds back."""
        self.length = length
        self.keep = keep
        self.candles: deque[Candle] = deque()
        # From here on nothing is missing; an interval that begins earlier cannot be answered whole.
        self.since = 0

    def add(self, second: int, price: int, qty: int) -> bool:
        """Take in one trade; True when it began a new candle."""
        candles = self.candles
        if candles and candles[-1].begin + self.length > second:
            candles[-1].add(price, qty)
            return False
        candles.append(Candle(second - second % self.length, price, price, price, price, qty, price * qty, 1))
        self.forget(second - self.keep)
        return True

    def forget(self, second: int) -> bool:
        """Drop what ended at this second or before; True when something was dropped."""
        before = len(self.candles)
        while self.candles and self.candles[0].begin + self.length <= second:
            self.since = self.candles.popleft().begin + self.length
        return len(self.candles) != before

    def between(self, begin: int, end: int) -> list[Candle]:
        """The candles in this stretch of time, oldest first."""
        found: list[Candle] = []
        for candle in reversed(self.candles):
            if candle.begin < begin:
                break
            if candle.begin < end:
                found.append(candle)
        found.reverse()
        return found


class History:
    """The last trades and the candles of one market."""

    def __init__(self, *, last_trades: int = 1000) -> None:
        """Nothing remembered yet."""
        self.minutes = Series(MINUTE, DAY)
        self.hours = Series(HOUR, 40 * DAY)
        self.days = Series(DAY, 300 * DAY)
        self.trades: deque[Print] = deque(maxlen=last_trades)
        self._day: Candle | None = None
        self._day_floor = 0

    def add(self, trade: Print) -> None:
        """Take in one trade, which is later than all before it."""
        second = trade.micros // 1_000_000
        self.trades.append(trade)
        for series in (self.minutes, self.hours, self.days):
            series.add(second, trade.price, trade.qty)
        if self._day is not None:
            self._day.add(trade.price, trade.qty)

    def candle(self, interval: int, second: int) -> Candle | None:
        """The candle of `interval` minutes that holds this second; None when nothing traded in it."""
        length = interval * MINUTE
        begin = second - second % length
        return merge(begin, self._series(interval).between(begin, begin + length))

    def candles(self, interval: int, second: int, count: int) -> list[Candle]:
        """The candles in the last `count` intervals, oldest first, the running one last; quiet ones are missing."""
        length = interval * MINUTE
        last = second - second % length
        series = self._series(interval)
        begins = [begin for begin in range(last - (count - 1) * length, last + 1, length) if begin >= series.since]
        if not begins:
            return []
        buckets: dict[int, list[Candle]] = {begin: [] for begin in begins}
        for part in series.between(begins[0], last + length):
            buckets[part.begin - part.begin % length].append(part)
        return [candle for begin, parts in buckets.items() if (candle := merge(begin, parts)) is not None]

    def day(self, second: int) -> Candle | None:
        """The last 24 hours to the minute as one candle; None when nothing traded."""
        floor = second // MINUTE
        if floor != self._day_floor or self._day is None:
            self.minutes.forget(second - DAY)
            self._day = merge(second - DAY, self.minutes.candles)
            self._day_floor = floor
        return self._day

    def rescale(self, shift: int) -> None:
        """Express every price in units ten times (`shift` 1) or a tenth (-1) as large, and so on."""

        def scaled(price: int) -> int:
            factor = 10 ** abs(shift)
            return price * factor if shift >= 0 else max(1, (2 * price + factor) // (2 * factor))

        for series in (self.minutes, self.hours, self.days):
            for candle in series.candles:
                candle.open, candle.high = scaled(candle.open), scaled(candle.high)
                candle.low, candle.close = scaled(candle.low), scaled(candle.close)
                candle.cost = candle.cost * 10**shift if shift >= 0 else candle.cost // 10**-shift
        old = list(self.trades)
        self.trades.clear()
        self.trades.extend(Print(t.trade_id, t.side, scaled(t.price), t.qty, t.ord_type, t.micros) for t in old)
        self._day = None

    def _series(self, interval: int) -> Series:
        if interval * MINUTE >= DAY:
            return self.days
        return self.hours if interval * MINUTE >= HOUR else self.minutes


class Past:
    """Makes up what happened before the exchange opened: a walk that ends at the opening price."""

    def __init__(self, rng: Random, *, price: int, tick: int, lot: int, step: float) -> None:
        """`step` is the usual move in a minute, as a share of the price; the rest is in the market's units."""
        self._rng = rng
        self._price = price
        self._tick = tick
        self._lot = lot
        self._step = step
        self._value = float(price)

    def fill(self, history: History, now: int, last_id: int, *, minutes: int = 15) -> None:
        """Put 300 days of candles and the single trades of the last `minutes`, up to `last_id`, into `history`.

        `now` is in whole seconds. Single trades, minutes, hours and days that overlap are sums of each other.
        """
        start = now - now % MINUTE - minutes * MINUTE
        trades = self._prints(start, now, last_id)
        self._candles(history.minutes, start)
        fold(history.minutes.candles, history.hours)
        self._candles(history.hours, start)
        fold(history.hours.candles, history.days)
        self._candles(history.days, start)
        for trade in trades:
            history.add(trade)

    def _prints(self, start: int, now: int, last_id: int) -> list[Print]:
        rng = self._rng
        times = sorted(rng.randrange(start * 1_000_000, now * 1_000_000) for _ in range(6 * (now - start) // MINUTE))
        prices = [self._walk(0.4) for _ in times]
        first_id = last_id - len(times) + 1
        # The walk runs back in time: the last trade is the one nearest to the opening price.
        return [
            Print(first_id + number, _side(rng), price, self._qty(), "limit" if rng.random() < 0.6 else "market", at)
            for number, (at, price) in enumerate(zip(times, reversed(prices), strict=True))
        ]

    def _candles(self, series: Series, start: int) -> None:
        """Put candles in front of what the series has (or before `start`), as far back as it keeps them."""
        scale = (series.length / MINUTE) ** 0.5
        at = series.candles[0].begin if series.candles else start - start % series.length
        while at - series.length >= start - series.keep:
            at -= series.length
            series.candles.appendleft(self._candle(at, series.length, scale))
        series.since = at

    def _candle(self, begin: int, length: int, scale: float) -> Candle:
        close, opened = self._walk(scale * 0.3), self._walk(scale)
        wick = 1 + int(self._step * scale * self._value * self._rng.random())
        high = max(opened, close) + wick - wick % self._tick
        low = max(self._tick, min(opened, close) - (wick - wick % self._tick))
        trades = 1 + int(self._rng.random() * 12 * length / MINUTE)
        volume = sum(self._qty() for _ in range(min(trades, 4))) * max(1, trades // 4)
        middle = (opened + high + low + close) // 4
        return Candle(begin, opened, high, low, close, volume, middle * volume, trades)

    def _walk(self, scale: float) -> int:
        # Drawn back a little at each step, so that 300 days do not lead to zero.
        pull = 0.02 * min(1.0, scale) * (self._price - self._value) / self._price
        self._value *= 1 + self._step * scale * self._rng.gauss(0, 1) + pull
        self._value = min(max(self._value, 0.6 * self._price), 1.6 * self._price)
        units = round(self._value)
        return max(self._tick, units - units % self._tick)

    def _qty(self) -> int:
        return max(1, int(self._lot * self._rng.lognormvariate(-0.7, 1.0)))


def fold(fine: Iterable[Candle], coarse: Series) -> None:
    """Sum finer candles into a coarser series; an incomplete first interval is left out."""
    buckets: dict[int, list[Candle]] = {}
    for candle in fine:
        buckets.setdefault(candle.begin - candle.begin % coarse.length, []).append(candle)
    begins = list(buckets)
    if begins and buckets[begins[0]][0].begin != begins[0]:
        del buckets[begins[0]]
    whole = (merge(begin, parts) for begin, parts in buckets.items())
    coarse.candles.extend(candle for candle in whole if candle is not None)


def _side(rng: Random) -> Side:
    return "buy" if rng.random() < 0.5 else "sell"
