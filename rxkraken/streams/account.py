"""The account's feeds: executions that come whole and once, balances, and the views that people subscribe to.

After an interruption an executions feed holds everything back until the hole is closed: with what the new snapshot
says, and with what a `Mender` finds by REST (ws-v2 reference section 5.5). Only then it goes on, so that nobody sees a
fill twice, a state go back, or an order that is gone.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

from rxkraken.account.orders import SNAPSHOT_FILLS, OrderTable, Resumption, When
from rxkraken.models.status import Gap
from rxkraken.models.trading import Execution, OpenOrders
from rxkraken.protocol.spot_v2_account import Report
from rxkraken.streams.feed import Feed, RecordFeed
from rxkraken.streams.hub import Outlet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reactivex.abc import DisposableBase, ObserverBase

    from rxkraken.errors import SubscriberFailed
    from rxkraken.protocol.topics import Topic
    from rxkraken.streams.backlog import Backlog
    from rxkraken.streams.feed import Demand


@dataclass(frozen=True, slots=True)
class Hole:
    """What has to be found out after an interruption.

    `since` is when the account was last known for certain (Unix time); None when only `orders` are in question.
    `orders` were open and are not listed any more, or are named by a report that says nothing else about them.
    `gone` says that they cannot be open any more. `fills` asks for the fills since then too, `everything` for whatever
    is open.
    """

    since: float | None
    orders: tuple[str, ...]
    gone: bool = False
    fills: bool = False
    everything: bool = False


@dataclass(frozen=True, slots=True)
class Mended:
    """What was found: reports in any order. `complete` is false when something could not be asked."""

    reports: tuple[Report, ...]
    complete: bool


class Mender(Protocol):
    """Finds out by other means what a stream has missed."""

    def __call__(self, hole: Hole, done: Callable[[Mended], None], late: Callable[[Sequence[Report]], None]) -> None:
        """Look, and call `done` once; never from inside this call. What is found out only afterwards goes to `late`."""
        ...


@dataclass(frozen=True, slots=True)
class Synced:
    """Inside the library only: from here on the table of open orders is that of the exchange."""


class ExecutionsFeed(Feed):
    """One account's executions: an order table, and the events it lets through."""

    __slots__ = (
        "_asked", "_backlog", "_first", "_held", "_keeper", "_learn", "_live", "_loaded", "_mend", "_nameless",
        "_overdue", "_resumption", "_table", "epoch", "interruptions", "recent",
    )  # fmt: skip

    def __init__(
        self,
        topic: Topic,
        demand: Demand,
        report: Callable[[SubscriberFailed], None],
        mend: Mender,
        learn: Callable[[str, float], None],
        *,
        backlog: Backlog | None = None,
    ) -> None:
        """`mend` is asked after interruptions; `learn` is told what the exchange says of a pair's rate counter.

        News that nobody looks at wait in the `backlog` while it is urgent to do something else.
        """
        super().__init__(topic, demand, report)
        self._table = OrderTable()
        self._live = False
        self._backlog = backlog
        self._keeper: tuple[Outlet[Any], ...] | None = None
        self.epoch = 0
        self.interruptions = 0
        self.recent: deque[Execution] = deque(maxlen=SNAPSHOT_FILLS)
        self._mend = mend
        self._learn = learn
        self._loaded = False
        self._held: list[tuple[Sequence[Report], float, int]] = []
        self._asked: Hole | None = None
        self._resumption: Resumption | None = None
        self._first: Sequence[Report] = ()
        # Orders that REST does not know either; their reports are told as bare as they are.
        self._nameless: dict[str, None] = {}
        # What was found out late, while the next question was being asked.
        self._overdue: list[Report] = []

    def receive(self, reports: Sequence[Report], kind: str, received: float, epoch: int) -> None:
        """Take one message's reports; `kind` is "snapshot", "update", or "orders": a snapshot that tells no fills."""
        # What is held back is no sign that the snapshot it waits for will come: the old subscription may speak still.
        self.frames += self._live or kind != "update"
        if kind != "update":
            self.hear_out()
            self._snapshot(reports, received, epoch, tells_fills=kind == "snapshot")
        elif self._backlog is not None and self._backlog.is_urgent and self.hub.outlets == self._keeper:
            self._backlog.put(partial(self._hear, reports, received, epoch))
        else:
            self.hear_out()
            self._hear(reports, received, epoch)
        self._received = received

    def _hear(self, reports: Sequence[Report], received: float, epoch: int) -> None:
        if self._live:
            self._update(reports, received, epoch)
        else:
            self._held.append((reports, received, epoch))

    def hear_out(self) -> None:
        """Merge what waits in the backlog. Whatever tells what is known does so first."""
        if self._backlog is not None:
            self._backlog.clear()

    @property
    def table(self) -> OrderTable:
        """The orders, after everything that came."""
        self.hear_out()
        return self._table

    @property
    def is_live(self) -> bool:
        """Whether the table is in step with the exchange."""
        self.hear_out()
        return self._live

    def subscribe(self, observer: ObserverBase[Any], place: str, *, gaps: bool) -> DisposableBase:
        """Attach a subscriber; it sees what comes from now on."""
        self.hear_out()
        return super().subscribe(observer, place, gaps=gaps)

    def watch(self, observer: ObserverBase[Any], place: str) -> DisposableBase:
        """Attach a subscriber that keeps nothing going."""
        self.hear_out()
        return self.hub.add(Outlet(observer, place))

    def keep(self, keeper: ObserverBase[Any], place: str) -> None:
        """Keep the feed going for one who hears of its end, and does not look at the events."""
        self.subscribe(keeper, place, gaps=False)
        self._keeper = self.hub.outlets[-1:]

    def look_up(self, order_id: str) -> None:
        """Have an order asked by REST that should have been told by now."""
        self._mend(Hole(None, (order_id,)), lambda mended: self._late(mended.reports), self._late)

    def begin_empty(self, received: float, epoch: int) -> None:
        """Begin without a snapshot; what was open before, or may be, is asked by REST."""
        if self.is_live or self._asked is not None:
            return
        self.epoch = epoch
        self._resumption = Resumption((), (), reaches_back=False)
        self._ask(Hole(self._since(), tuple(self.table.open), fills=self._loaded, everything=True), received)

    def current(self) -> Sequence[Any]:
        """Nothing: executions are events. What is open now is given by the views, to those who ask for it."""
        return ()

    def opening(self) -> Sequence[Execution]:
        """The latest fills and the open orders as a new subscriber's snapshot; nothing while that is uncertain."""
        if not self.is_live:
            return ()
        fills = [replace(event, snapshot=True, repaired=False) for event in self.recent]
        orders = [
            Execution(
                exec_type=order.status, order=order, timestamp=order.updated, snapshot=True,
                received=self.last_received, epoch=self.epoch,
            )
            for order in self.table.open.values()
        ]  # fmt: skip
        return (*fills, *orders)

    @property
    def last_received(self) -> float:
        """When the latest message came, in Unix time."""
        return self._received or 0.0

    def reset(self) -> None:
        """Hold everything back until the next snapshot."""
        self.hear_out()
        self.interruptions += 1
        self._live = False
        self._held.clear()
        self._asked = self._resumption = None
        self._first = ()

    # --- live -----------------------------------------------------------------------------------------------------

    def _update(self, reports: Sequence[Report], received: float, epoch: int) -> None:
        for number, report in enumerate(reports):
            if not self._table.knows(report) and report.order_id not in self._nameless:
                # Only REST can tell what this order is (section 5.2); what follows waits, to keep the order of events.
                self._live = False
                self._held.append((reports[number:], received, epoch))
                self._ask(Hole(None, (report.order_id,)), received)
                return
            self._emit(self._table.apply(report, When(received, epoch)))

    def _emit(self, event: Execution | None) -> None:
        if event is None:
            return
        if event.exec_id is not None:
            self.recent.append(event)
        if event.rate_count is not None and event.symbol is not None:
            self._learn(event.symbol, float(event.rate_count))
        self.hub.emit(event)

    # --- snapshots and holes --------------------------------------------------------------------------------------

    def _snapshot(self, reports: Sequence[Report], received: float, epoch: int, *, tells_fills: bool) -> None:
        self.epoch = epoch
        self._asked = None
        if not self._loaded:
            self._first = reports
            if self._table.expects:
                # Orders left before the first snapshot; some may be over already, of which it says little.
                self._ask(Hole(received - _LATELY, ()), received)
            else:
                self._close_hole(Mended((), complete=True), received)
            return
        self._resumption = self._table.resume(reports)
        vanished = self._resumption.vanished
        if self._gap is None and not vanished:
            self._close_hole(Mended((), complete=True), received)
            return
        self._live = False
        fills = not (tells_fills and self._resumption.reaches_back)
        self._ask(Hole(self._since(), vanished, gone=True, fills=fills), received)

    def _since(self) -> float | None:
        return None if self._gap is None else self._gap[0]

    def _ask(self, hole: Hole, received: float) -> None:
        self._asked = hole

        def done(mended: Mended) -> None:
            self.hear_out()
            if self._asked is hole:  # else another interruption came, and with it another question
                self._asked = None
                if not hole.gone:
                    self._leave_nameless(hole, mended)
                self._close_hole(mended, max(received, self.last_received))

        self._mend(hole, done, self._late)

    def _late(self, reports: Sequence[Report]) -> None:
        if not self.is_live:
            self._overdue.extend(reports)
            return
        for event in self.table.catch_up(reports, When(self.last_received, self.epoch, repaired=True)):
            self._emit(event)
        self.hub.emit(Synced())

    def _leave_nameless(self, hole: Hole, mended: Mended) -> None:
        told = {report.order_id for report in mended.reports}
        self._nameless |= dict.fromkeys(order_id for order_id in hole.orders if order_id not in told)
        while len(self._nameless) > _MOST_NAMELESS:
            del self._nameless[next(iter(self._nameless))]

    def _close_hole(self, mended: Mended, received: float) -> None:
        self._loaded = True
        first, self._first = self._first, ()
        overdue, self._overdue = self._overdue, []
        asked_for = self._table.asked_for()
        self._table.introduce_all(mended.reports)
        begun = self._table.load(first, When(received, self.epoch, snapshot=True)) if first else []
        begun = [_as_news(event) if _is_of(event, asked_for) else event for event in begun]
        listed = self._resumption.reports if self._resumption is not None else ()
        self._resumption = None
        events = self._table.catch_up((*overdue, *mended.reports, *listed), When(received, self.epoch, repaired=True))
        self._go_on([*begun, *events], received, self.epoch, 0 if mended.complete else None)

    def _go_on(self, events: Sequence[Execution], received: float, epoch: int, missed: int | None) -> None:
        self._live = True
        self.resume(received, epoch, missed)
        for event in events:
            self._emit(event)
        self.settle()
        self.hub.emit(Synced())
        held, self._held = self._held, []
        for number, (reports, at, held_epoch) in enumerate(held):
            if not self._live:
                self._held.extend(held[number:])
                return
            self._update(reports, at, held_epoch)


_MOST_NAMELESS: Final = 1000


def _is_of(event: Execution, ids: frozenset[str]) -> bool:
    return event.order_id in ids or event.cl_ord_id in ids


def _as_news(event: Execution) -> Execution:
    # An order sent after the stream had begun is no thing of the past, though the first snapshot came after it.
    return replace(event, snapshot=False, repaired=True)


_LATELY: Final = 60.0
"""How old an order can be, at most, that was sent before the first snapshot: its deadline is not later."""


class BalancesFeed(RecordFeed):
    """The account's balances. A snapshot repairs everything that was missed, since amounts are absolute."""

    __slots__ = ()

    def receive(self, records: Sequence[Mapping[str, Any]], kind: str, received: float, epoch: int) -> None:
        """Take one message."""
        super().receive(records, kind, received, epoch)
        if kind == "snapshot":
            self.settle()

    def begin_empty(self, received: float, epoch: int) -> None:
        """An account without any asset."""
        self.receive([], "snapshot", received, epoch)


OPEN_AND_CLOSE: Final = frozenset({"new", "filled", "canceled", "expired"})
"""The `exec_type`s of a stream with `order_status=False` (ws-v2 reference section 5.2)."""


class ExecutionsView:
    """An observer of an executions feed that passes on what one subscriber has asked for."""

    def __init__(
        self,
        observer: ObserverBase[Any],
        *,
        snap_orders: bool,
        snap_trades: bool,
        order_status: bool,
        ratecounter: bool,
    ) -> None:
        """Keep what the subscriber wants to see."""
        self.on_error = observer.on_error
        self.on_completed = observer.on_completed
        self.dispose = getattr(observer, "dispose", _nothing)
        self._next = observer.on_next
        self._orders = snap_orders
        self._trades = snap_trades
        self._order_status = order_status
        self._ratecounter = ratecounter

    def on_next(self, item: Any) -> None:
        """Pass it on, or not."""
        match item:
            case Synced():
                return
            case Execution() if self._is_wanted(item):
                plain = self._ratecounter or item.rate_count is None
                self._next(item if plain else replace(item, rate_count=None))
            case Gap():
                self._next(item)
            case _:
                return

    def _is_wanted(self, event: Execution) -> bool:
        if event.snapshot:
            return self._trades if event.exec_id is not None else self._orders
        return self._order_status or event.exec_type in OPEN_AND_CLOSE


class OpenOrdersView:
    """An observer of an executions feed that emits the open orders whenever they have changed."""

    def __init__(self, observer: ObserverBase[Any], feed: ExecutionsFeed) -> None:
        """Emit nothing before the feed is in step with the exchange."""
        self.on_error = observer.on_error
        self.on_completed = observer.on_completed
        self.dispose = getattr(observer, "dispose", _nothing)
        self._next = observer.on_next
        self._feed = feed
        self._told: Mapping[str, Any] | None = None

    def on_next(self, item: Any) -> None:
        """Look at the table after each event; while a snapshot or a repair is being told, at its end."""
        match item:
            case Synced():
                self.tell(force=True)
            case Execution(snapshot=False, repaired=False):
                self.tell()
            case Gap():
                self._next(item)
            case _:
                return

    def tell(self, *, force: bool = False) -> None:
        """Emit what is open now, if that is news; with `force`, in any case."""
        view = self._feed.table.view()
        if self._feed.is_live and (force or view != self._told):
            self._told = view
            self._next(OpenOrders(view, self._feed.last_received, self._feed.epoch))


def _nothing() -> None:
    """Detach nothing: a bare observer has no chain."""
