"""From wire records to items, one small state machine per channel. Pure: no hub, no loop, no clock.

A reducer's state is born with its feed and belongs to one topic. `reduce` returns the items of one frame; `reset` says
that the next frame comes over a fresh subscription; `current` is what a late subscriber of a state stream gets.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from rxkraken.protocol import spot_v2

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rxkraken.models.market import Candle, Instruments, Ticker, Trade

    Records = Sequence[Mapping[str, Any]]


class Reducer(Protocol):
    """What a feed needs of a channel's state."""

    missed: int | None
    """How many items the latest interruption lost; `None` when nobody can tell."""

    def reduce(self, records: Records, kind: str, received: float, epoch: int) -> Sequence[Any]:
        """Apply one frame's records of one symbol; returns what to emit, oldest first."""
        ...

    def reset(self) -> None:
        """Forget what cannot be trusted over an interruption."""
        ...

    def current(self) -> Sequence[Any]:
        """What a late subscriber gets at once; nothing for event streams."""
        ...


class TickerReducer:
    """The latest record is the state."""

    def __init__(self, read: Callable[[Any, float, int], Ticker] = spot_v2.ticker) -> None:
        """`read` is the dialect's reader of one record."""
        self.missed: int | None = None
        self._read = read
        self._latest: Ticker | None = None

    def reduce(self, records: Records, kind: str, received: float, epoch: int) -> Sequence[Ticker]:
        """Every record is whole, snapshot or not."""
        del kind
        items = [self._read(record, received, epoch) for record in records]
        self._latest = items[-1] if items else self._latest
        return items

    def reset(self) -> None:
        """A price from before an interruption is not current."""
        self._latest = None

    def current(self) -> Sequence[Ticker]:
        """The latest record."""
        return () if self._latest is None else (self._latest,)


class TradeReducer:
    """Every trade once, by `trade_id`, across interruptions (ws-v2 reference section 3.5).

    The first subscription brings history only if asked for. A renewed one always asks for Kraken's last 50 trades:
    those not seen yet fill the interruption, the others are dropped.
    """

    def __init__(self, *, history: bool) -> None:
        """`history` lets the snapshot of the first subscription through."""
        self.missed: int | None = None
        self._history = history
        self._last_id: int | None = None
        self._resuming = False

    def reduce(self, records: Records, kind: str, received: float, epoch: int) -> Sequence[Trade]:
        """Drop what was seen, count what is missing."""
        trades = [spot_v2.trade(record, received, epoch) for record in records]
        if kind == "snapshot":
            return self._snapshot(trades)
        return self._unseen(trades)

    def reset(self) -> None:
        """Remember the last trade: it is what joins both sides of the interruption."""
        self._resuming = self._last_id is not None

    def current(self) -> Sequence[Trade]:
        """Nothing: trades are events."""
        return ()

    def _snapshot(self, trades: list[Trade]) -> Sequence[Trade]:
        if not trades:
            return ()
        trades.sort(key=_id_of)
        if self._last_id is not None and _id_of(trades[-1]) < self._last_id:
            self._last_id = None  # the exchange counts anew, so nothing of before can be compared
            self._resuming = True
        if self._last_id is None:
            wanted = self._history or self._resuming
            self._last_id = trades[-1].trade_id
            self.missed = None
            self._resuming = False
            return trades if wanted else ()
        self.missed = max(0, _id_of(trades[0]) - self._last_id - 1)
        self._resuming = False
        return self._unseen(trades)

    def _unseen(self, trades: list[Trade]) -> Sequence[Trade]:
        fresh: list[Trade] = []
        for trade in trades:
            number = _id_of(trade)
            if self._last_id is None or number > self._last_id:
                self._last_id = number
                fresh.append(trade)
        return fresh


def _id_of(trade: Trade) -> int:
    return cast("int", trade.trade_id)  # v2 numbers every trade


class ReadCandle(Protocol):
    """Reads one candle record of a dialect."""

    def __call__(self, record: Any, received: float, epoch: int, /, *, snapshot: bool) -> Candle:
        """`snapshot` says that it is history."""
        ...


class CandleReducer:
    """Each state of each candle once: a renewed subscription's history repeats nothing (section 3.4)."""

    def __init__(self, read: ReadCandle = spot_v2.candle) -> None:
        """`read` is the dialect's reader of one record."""
        self.missed: int | None = None
        self._read = read
        self._last: Candle | None = None

    def reduce(self, records: Records, kind: str, received: float, epoch: int) -> Sequence[Candle]:
        """Let through what is newer than, or differs from, the candle seen last."""
        candles = [self._read(record, received, epoch, snapshot=kind == "snapshot") for record in records]
        fresh = [candle for candle in candles if self._is_news(candle)]
        if fresh:
            self._last = fresh[-1]
        return fresh

    def reset(self) -> None:
        """Remember the last candle: history from there on fills the interruption."""

    def current(self) -> Sequence[Candle]:
        """Nothing: candle updates are events."""
        return ()

    def _is_news(self, candle: Candle) -> bool:
        last = self._last
        if last is None or candle.interval_begin > last.interval_begin:
            return True
        return candle.interval_begin == last.interval_begin and _content(candle) != _content(last)


def _content(candle: Candle) -> tuple[Any, ...]:
    return candle.open, candle.high, candle.low, candle.close, candle.volume, candle.trades


class InstrumentReducer:
    """The table of everything traded, kept whole through updates (section 3.6)."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.missed: int | None = None
        self._latest: Instruments | None = None

    def reduce(self, records: Records, kind: str, received: float, epoch: int) -> Sequence[Instruments]:
        """A snapshot replaces the table, an update changes it; an update without a snapshot waits for one."""
        for record in records:
            if kind == "snapshot":
                self._latest = spot_v2.instruments(None, record, received, epoch)
            elif self._latest is not None:
                self._latest = spot_v2.instruments(self._latest, record, received, epoch)
        return self.current()

    def reset(self) -> None:
        """Rules from before an interruption may have changed."""
        self._latest = None

    def current(self) -> Sequence[Instruments]:
        """The table."""
        return () if self._latest is None else (self._latest,)
