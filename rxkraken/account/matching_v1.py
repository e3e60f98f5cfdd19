"""Which fills of WebSocket v1 may be told of their orders by now: its two account channels race each other.

`openOrders` tells what an order is and how far it is, `ownTrades` tells each fill with its price (ws-v1 reference
section 7), and neither waits for the other. A fill of an order that is not in the market yet, as far as was told, waits
for that; for some seconds only, so that none is lost. And a fill that an order's total shows is owed: should it not
come, it was lost, of which the last message of a channel leaves no trace in its numbers. Sans I/O: time comes in as a
number.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rxkraken.models.trading import FINAL_STATUSES
from rxkraken.protocol.spot_v2_account import Report

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rxkraken.account.orders import OrderTable

# An order follows its fill within milliseconds; then REST is asked; then the fill is told of as little as is known.
ASKED_AFTER: Final = 2.0
TOLD_AFTER: Final = 12.0
# And a fill follows what its order says of it as soon.
OWED_FOR: Final = 3.0
_MOST: Final = 10_000
_NOTHING: Final = Decimal(0)
_TOTALS: Final = frozenset({"cum_qty", "cum_cost", "avg_price"})


@dataclass(slots=True, eq=False)
class _Waiting:
    """The fills of one order that is not described yet; those of the past have no bound, and may be no news at all."""

    since: float
    fills: list[Report] = field(default_factory=list[Report])
    is_past: bool = False
    is_asked: bool = False


class Matching:
    """Puts the fills of one account in order with what is told of its orders.

    Everything returned is for the same table, in the order returned. Make a new one for each table.
    """

    def __init__(self, table: OrderTable) -> None:
        """Nothing waits yet."""
        self._table = table
        self._waiting: dict[str, _Waiting] = {}
        # What was filled of the orders of the first snapshot by then; None before it.
        self._listed: dict[str, Decimal] | None = None
        # Orders that were told to be in the market, or over; the table may not have heard of it yet.
        self._begun: OrderedDict[str, None] = OrderedDict()
        # Orders of which something was filled when they were first told of: which fills that were is not known.
        self._uncounted: OrderedDict[str, None] = OrderedDict()
        self._passed: OrderedDict[str, None] = OrderedDict()
        # Orders of which more was filled than was told of, and since when.
        self._owed: dict[str, float] = {}

    # --- orders -----------------------------------------------------------------------------------------------------

    def snapshot(self, reports: Sequence[Report]) -> list[Report]:
        """Take a snapshot of `openOrders`; returns the fills to be told after it."""
        if self._listed is None:
            own = self._table.asked_for()
            listed = [each for each in reports if not {each.order_id, each.changes.get("cl_ord_id")} & own]
            self._listed = {each.order_id: each.changes.get("cum_qty", _NOTHING) for each in listed}
        for report in reports:
            self._note(report)
        return [fill for report in reports for fill in self._released(report.order_id)]

    def orders(self, reports: Iterable[Report]) -> list[Report]:
        """Take an update of `openOrders`; returns it with the fills that waited for it in their places."""
        woven: list[Report] = []
        for report in reports:
            if report.status in _BEFORE_FILLS:
                self._note(report)
                woven += [report, *(self._released(report.order_id) if report.status == "new" else ())]
            else:
                # It says what has been filled, or that all is over: its fills come before that.
                described = [_described(fill, report) for fill in self._released(report.order_id)]
                if not described:
                    self._note(report)
                self._begin(report.order_id)
                woven += [*described, report]
        return woven

    # --- fills ------------------------------------------------------------------------------------------------------

    def fills(self, reports: Iterable[Report], now: float) -> list[Report]:
        """Take fills that are news; returns those that can be told now."""
        told: list[Report] = []
        for report in reports:
            if self._is_begun(report.order_id):
                told.append(self._pass(report))
            else:
                waiting = self._waiting.setdefault(report.order_id, _Waiting(now))
                waiting.fills.append(report)
                if waiting.is_past:
                    waiting.is_past, waiting.since = False, now
        return told

    def past(self, reports: Sequence[Report], now: float) -> list[Report]:
        """Take the first snapshot of `ownTrades`; returns what was filled since orders are followed.

        Fills of orders that nothing is known of stay here: if their orders are news, so are they.
        """
        told: list[Report] = []
        for order_id in dict.fromkeys(report.order_id for report in reports):
            fills = sorted((each for each in reports if each.order_id == order_id), key=_time)
            if self._listed is not None and order_id in self._listed:
                told += map(self._pass, _newest(fills, self._listed[order_id]))
            elif order_id in self._begun:
                told += map(self._pass, fills)
            elif order_id not in self._waiting:
                self._waiting[order_id] = _Waiting(now, fills, is_past=True)
        return told

    def was_passed(self, exec_id: str) -> bool:
        """Whether a fill was let through. The table may have lost it in an interruption, and knows if it has not."""
        return exec_id in self._passed

    @property
    def is_waiting(self) -> bool:
        """Whether any fill waits, or is waited for."""
        return bool(self._waiting or self._owed)

    def owe(self, reports: Iterable[Report], now: float) -> None:
        """Note which of these orders were filled, once the table has heard of it."""
        for report in reports:
            if report.changes.get("cum_qty"):
                self._owed.setdefault(report.order_id, now)

    def are_missing(self, now: float) -> bool:
        """Whether fills have been owed for so long that they must have been lost; says so once."""
        lost = False
        for order_id, since in list(self._owed.items()):
            if self._table.unexplained(order_id) <= 0:
                del self._owed[order_id]
            elif now - since >= OWED_FOR:
                del self._owed[order_id]
                lost = True
        return lost

    def overdue(self, now: float) -> tuple[list[Report], list[str]]:
        """Return the fills that have waited long enough, and the orders that are to be asked for elsewhere."""
        told: list[Report] = []
        asked: list[str] = []
        for order_id, waiting in list(self._waiting.items()):
            waited = now - waiting.since
            if waiting.is_past:
                continue
            if self._is_begun(order_id) or waited >= TOLD_AFTER:
                told += self._released(order_id)
            elif waited >= ASKED_AFTER and not waiting.is_asked:
                waiting.is_asked = True
                asked.append(order_id)
        return told, asked

    # --- inside -----------------------------------------------------------------------------------------------------

    def _is_begun(self, order_id: str) -> bool:
        known = self._table.get(order_id)
        return order_id in self._begun or (known is not None and known.status not in _NOT_YET)

    def _note(self, report: Report) -> None:
        """Remember of an order that it is in the market, and whether it began there partly filled."""
        order_id = report.order_id
        is_first = order_id not in self._begun and self._table.get(order_id) is None
        if is_first and report.changes.get("cum_qty"):
            _add(self._uncounted, order_id)
        if report.status not in _NOT_YET:
            self._begin(order_id)

    def _begin(self, order_id: str) -> None:
        _add(self._begun, order_id)

    def _released(self, order_id: str) -> list[Report]:
        waiting = self._waiting.pop(order_id, None)
        if waiting is None:
            return []
        fills = waiting.fills
        if waiting.is_past and self._listed is not None and order_id in self._listed:
            fills = _newest(fills, self._listed[order_id])
        return [self._pass(fill) for fill in fills]

    def _pass(self, report: Report) -> Report:
        if report.fill is not None:
            _add(self._passed, report.fill.exec_id)
        if report.order_id not in self._uncounted:
            return report
        # Which fills are in the total is not known; a total of nothing is overtaken by any, and changes none.
        return replace(report, changes={**report.changes, "cum_qty": _NOTHING})


_NOT_YET: Final = frozenset({"pending_new"})
_BEFORE_FILLS: Final = frozenset({"pending_new", "new"})


def _described(fill: Report, order: Report) -> Report:
    """Let a fill say what its order is, if that is said only now, but not how far it is."""
    if "symbol" not in order.changes or order.status not in FINAL_STATUSES | {"partially_filled"}:
        return fill
    about: dict[str, Any] = {name: value for name, value in order.changes.items() if name not in _TOTALS}
    return replace(fill, changes={**about, **fill.changes})


def _newest(fills: Sequence[Report], before: Decimal) -> list[Report]:
    """Return the latest fills, without those that make up what was filled `before`."""
    told: list[Report] = []
    surplus = sum((each.fill.qty for each in fills if each.fill is not None), _NOTHING) - before
    for report in reversed(fills):
        if surplus <= 0 or report.fill is None:
            break
        told.insert(0, report)
        surplus -= report.fill.qty
    return told


def _time(report: Report) -> float:
    return report.timestamp.timestamp() if report.timestamp else 0.0


def _add(known: OrderedDict[str, None], name: str) -> None:
    known[name] = None
    if len(known) > _MOST:
        known.popitem(last=False)
