"""Which topics a call of the v1 client means, and which feed serves each: the table of v1's channels.

Books come without precisions: v1 pads its numbers otherwise than the instruments say (`27120.00000` for a market of one
decimal), and its checksum is over the digits as sent (ws-v1 reference section 6).
"""

from __future__ import annotations

from collections import OrderedDict, deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from rxkraken.books import BookReducer
from rxkraken.models.trading import Execution, Order
from rxkraken.protocol import spot_v1
from rxkraken.protocol.topics import Topic
from rxkraken.streams.feed import BookFeed, Feed, RecordFeed
from rxkraken.streams.reducers import CandleReducer, TickerReducer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rxkraken.errors import SubscriberFailed
    from rxkraken.protocol.spot_v2_account import Report
    from rxkraken.streams.feed import Demand
    from rxkraken.streams.reducers import Reducer

SNAPSHOT_TRADES: Final = 50
_MOST_FILLS: Final = 100_000


def spread_topic(symbol: str) -> Topic:
    """One market's best prices."""
    return Topic("spread", symbol)


def own_trades_topic() -> Topic:
    """The account's fills, each by itself: merged ones could not be told from those that REST lists."""
    return Topic("own_trades", None, (("consolidate_taker", False),), private=True)


def make_feed(topic: Topic, demand: Demand, report: Callable[[SubscriberFailed], None]) -> Feed:
    """Make the feed of a public topic, or of `own_trades`."""
    match topic.channel:
        case "book":
            depth, checksum = dict(topic.params)["depth"], dict(topic.local)["checksum"]
            return BookFeed(topic, demand, report, BookReducer(str(topic.symbol), depth, checksum=checksum))
        case "own_trades":
            return OwnTradesFeed(topic, demand, report)
        case channel:
            return RecordFeed(topic, demand, report, _REDUCERS[channel]())


class EventReducer:
    """Records that stand for themselves: trades and spreads of v1 have nothing to tell a repeated one by."""

    def __init__(self, read: Callable[[Any, float, int], Any], *, is_state: bool = False) -> None:
        """`is_state` keeps the latest item for late subscribers."""
        self.missed: int | None = None
        self._read = read
        self._is_state = is_state
        self._latest: Any = None

    def reduce(self, records: Sequence[Any], kind: str, received: float, epoch: int) -> Sequence[Any]:
        """Read each."""
        del kind
        items = [self._read(record, received, epoch) for record in records]
        if items and self._is_state:
            self._latest = items[-1]
        return items

    def reset(self) -> None:
        """What was the case before an interruption is not current."""
        self._latest = None

    def current(self) -> Sequence[Any]:
        """The latest item of a state."""
        return () if self._latest is None else (self._latest,)


_REDUCERS: Final[dict[str, Callable[[], Reducer]]] = {
    "ticker": lambda: TickerReducer(spot_v1.ticker),
    "ohlc": lambda: CandleReducer(spot_v1.candle),
    "trade": lambda: EventReducer(spot_v1.trade),
    "spread": lambda: EventReducer(spot_v1.spread, is_state=True),
}


class OwnTradesFeed(Feed):
    """The account's fills, each once; the snapshot of a renewed subscription fills the interruption."""

    __slots__ = ("_held", "_recent", "_seen", "is_live", "is_loaded")

    def __init__(self, topic: Topic, demand: Demand, report: Callable[[SubscriberFailed], None]) -> None:
        """Know no fill yet."""
        super().__init__(topic, demand, report)
        self.is_live = False
        # Whether a snapshot has ever come: from then on what is not known is news.
        self.is_loaded = False
        self._held: list[Report] = []
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._recent: deque[Execution] = deque(maxlen=SNAPSHOT_TRADES)

    def receive(self, reports: Sequence[Report], kind: str, received: float, epoch: int) -> None:
        """Emit what was not seen yet; `snapshot` marks the past, `repaired` what an interruption hid."""
        is_past = kind == "snapshot"
        if not is_past and not self.is_live:
            # The last words of a subscription that is about to be renewed: what was lost before them comes first. They
            # are no sign of life of the next one.
            self._held.extend(reports)
            return
        self.frames += 1
        self.is_loaded = self.is_loaded or is_past
        self._take(reports, received, epoch, is_past=is_past)

    def _take(self, reports: Sequence[Report], received: float, epoch: int, *, is_past: bool) -> None:
        ids = [report.fill.exec_id for report in reports if report.fill is not None]
        reaches_back = len(ids) < SNAPSHOT_TRADES or any(each in self._seen for each in ids)
        repaired = is_past and self._gap is not None
        if self._gap is not None:
            self.resume(received, epoch, 0 if is_past and reaches_back else None)
        self._received = received
        self.is_live = True
        held, self._held = self._held, []
        for report in (*reports, *held):
            if report.fill is not None and report.fill.exec_id not in self._seen:
                event = _event(report, received, epoch, snapshot=is_past and not repaired, repaired=repaired)
                self._remember(report.fill.exec_id, event)
                self.hub.emit(event)
        self.settle()

    def missed(self, reports: Sequence[Report], was_passed: Callable[[str], bool]) -> list[Report]:
        """Return what is news for those who follow the orders, or was hidden from them by an interruption.

        `was_passed` says which fills they were given: what they had put off, an interruption has made them forget.
        """
        fills = ((report.fill.exec_id, report) for report in reports if report.fill is not None)
        return [report for exec_id, report in fills if exec_id not in self._seen or was_passed(exec_id)]

    def begin_empty(self, received: float, epoch: int) -> None:
        """An account that has never traded; of one that has, the snapshot is missing, and is asked for again."""
        if self.is_live:
            return
        if self._seen:
            self.distrust(received, "no snapshot came")
        else:
            self._take((), received, epoch, is_past=True)

    def current(self) -> Sequence[Any]:
        """The fills that a snapshot would tell now; what has been filled stays so over any interruption."""
        return [replace(event, snapshot=True, repaired=False) for event in self._recent]

    def reset(self) -> None:
        """Remember the fills that were told: the next snapshot repeats them."""
        self.is_live = False

    def _remember(self, exec_id: str, event: Execution) -> None:
        self._recent.append(event)
        self._seen[exec_id] = None
        if len(self._seen) > _MOST_FILLS:
            self._seen.popitem(last=False)


def _event(report: Report, received: float, epoch: int, *, snapshot: bool, repaired: bool) -> Execution:
    fill = report.fill
    assert fill is not None  # noqa: S101 - every report of this channel is a fill
    return Execution(
        exec_type="trade",
        order=Order(order_id=report.order_id, status=report.status, **report.changes),
        timestamp=report.timestamp,
        exec_id=fill.exec_id,
        last_qty=fill.qty,
        last_price=fill.price,
        cost=fill.cost,
        fees=fill.fees,
        snapshot=snapshot,
        repaired=repaired,
        received=received,
        epoch=epoch,
    )
