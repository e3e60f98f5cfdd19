"""The orders of the account, merged from sparse reports that race each other, repeat, and sometimes go missing.

Reports name an order by `order_id` and carry little more than what changed (ws-v2 reference section 5.2). The table
keeps every open order and the latest closed ones whole, and lets each fill and each change through exactly once.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from rxkraken.models.trading import FINAL_STATUSES, Execution, Fee, Order
from rxkraken.protocol.spot_v2_account import FillReport, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

_Filled = tuple[Decimal, Decimal]  # a quantity, and what it cost
_EXACT: Final = Context(prec=60)
_MOST_CLOSED: Final = 10_000
_MOST_FILLS: Final = 100_000
# A status never goes back: reports of one order may overtake each other on the way.
_RANK: Final[Mapping[str, int]] = {"pending_new": 0, "new": 1, "partially_filled": 2}
_FINAL_RANK: Final = 3
_STATE: Final = frozenset({"cum_qty", "cum_cost", "avg_price", "fee_usd_equiv", "amended", "display_qty_remain"})
# These never go back either, so that a late report of them cannot do harm.
_GROWING: Final = frozenset({"cum_qty", "cum_cost", "avg_price", "amended"})


@dataclass(frozen=True, slots=True)
class When:
    """Where and when news arrived: local Unix time, connection epoch, and how it is marked."""

    received: float
    epoch: int
    snapshot: bool = False
    repaired: bool = False


@dataclass(frozen=True, slots=True)
class Resumption:
    """What a snapshot after an interruption says: fills and changes not seen yet, and what it leaves open.

    `vanished` are orders that were open and are not any more, without a word why. `reaches_back` is false when the
    snapshot's fills are all new, so that more may have happened before the oldest of them.
    """

    reports: tuple[Report, ...]
    vanished: tuple[str, ...]
    reaches_back: bool


class OrderTable:
    """Every order that is open, the latest that are not, and every fill that was told."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.open: dict[str, Order] = {}
        self._closed: OrderedDict[str, Order] = OrderedDict()
        self._fills: OrderedDict[str, None] = OrderedDict()
        self._expected: dict[str, Callable[[str], Order]] = {}
        self._told: dict[str, dict[str, datetime]] = {}
        self._introduced: OrderedDict[str, Order] = OrderedDict()
        # How much of each order was filled, and for how much, by the fills that came, or before it was seen at all.
        self._accounted: dict[str, _Filled] = {}
        # The order that a client's id means: such an id may be used again once its order is over.
        self._own_ids: dict[str, str] = {}

    # --- looking up -----------------------------------------------------------------------------------------------

    def get(self, order_id: str) -> Order | None:
        """Find an order by Kraken's id, open or lately closed."""
        return self.open.get(order_id) or self._closed.get(order_id)

    def by_cl_ord_id(self, cl_ord_id: str) -> Order | None:
        """Find an order by the client's id: an open one, or else the latest closed one."""
        return self.get(self._own_ids.get(cl_ord_id, ""))

    def find(self, order_id: str | None, cl_ord_id: str | None) -> Order | None:
        """Find an order by Kraken's id if that is given, else by the client's, which may have meant another before."""
        if order_id:
            return self.get(order_id)
        return self.by_cl_ord_id(cl_ord_id) if cl_ord_id else None

    def unexplained(self, order_id: str) -> Decimal:
        """Return how much was filled of an order, as was told of it, without the fills that made it up."""
        order, accounted = self.get(order_id), self._accounted.get(order_id)
        return Decimal(0) if order is None or accounted is None else _EXACT.subtract(order.cum_qty, accounted[0])

    def described(self, order_id: str) -> Order | None:
        """Find what an order is: one that is known, or that was acknowledged and not heard of yet."""
        return self.get(order_id) or self._introduced.get(order_id)

    def view(self) -> Mapping[str, Order]:
        """The open orders, as a value that never changes."""
        return MappingProxyType(dict(self.open))

    # --- our own requests -------------------------------------------------------------------------------------------

    def expect(self, cl_ord_id: str, describe: Callable[[str], Order]) -> None:
        """Remember what an order request says, so that the first report about it need not say it again.

        `describe` makes the order from the `order_id` that it was given.
        """
        self._expected[cl_ord_id] = describe
        while len(self._expected) > _MOST_CLOSED:
            del self._expected[next(iter(self._expected))]

    def expect_no_more(self, cl_ord_ids: Iterable[str]) -> None:
        """Forget what requests said that came to nothing."""
        for own_id in cl_ord_ids:
            self._expected.pop(own_id, None)

    @property
    def expects(self) -> bool:
        """Whether orders were requested that nothing was heard of yet."""
        return bool(self._expected)

    def asked_for(self) -> frozenset[str]:
        """Return the ids, of either kind, of orders that were requested and not heard of yet."""
        return frozenset((*self._expected, *self._introduced))

    def introduce(self, order: Order) -> None:
        """Remember what an order is, without a word about its state; reports about it need not say it again."""
        if self.get(order.order_id) is None:
            self._introduced[order.order_id] = order
            if len(self._introduced) > _MOST_CLOSED:
                self._introduced.popitem(last=False)

    def introduce_all(self, reports: Iterable[Report]) -> None:
        """Introduce every order that reports tell of."""
        for report in reports:
            if report.fill is None:
                self.introduce(_what_it_is(report))

    # --- news -----------------------------------------------------------------------------------------------------

    def knows(self, report: Report) -> bool:
        """Whether there is enough to tell of this report: the order is known, or the report says what it is."""
        changes, order_id = report.changes, report.order_id
        if "symbol" in changes or order_id in self.open or order_id in self._closed or order_id in self._introduced:
            return True
        return changes.get("cl_ord_id") in self._expected

    def apply(self, report: Report, when: When) -> Execution | None:
        """Merge one report; returns the event to emit, or None when everything it says was known."""
        known = self.get(report.order_id)
        before = known or self._request(report) or Order(order_id=report.order_id)
        fill = report.fill
        if fill is not None and not self._is_news(fill):
            fill = None
            if report.exec_type == "trade":
                return None
        accounted = self._account_for(before, fill)
        after = _merged(before, report, fill, accounted, self._told.setdefault(report.order_id, {}), when)
        # What was filled before anything was seen of the order is accounted for. From then on totals may run ahead of
        # their fills: those of REST do, and those of v1, which tells fills on a channel of their own.
        is_first = (known is None or when.snapshot) and not when.repaired
        runs_ahead = is_first and after.cum_qty > accounted[0]
        self._accounted[report.order_id] = (after.cum_qty, after.cum_cost) if runs_ahead else accounted
        self._keep(after)
        if known is not None and fill is None and not _says_news(known, after, report):
            return None
        return _event(report, after, fill, when)

    def load(self, reports: Sequence[Report], when: When) -> list[Execution]:
        """Take the first snapshot: open orders and late fills, each an event, fills first and oldest first."""
        fills, orders = _split(reports)
        events = [event for report in fills if (event := self.apply(report, when)) is not None]
        # A fill of the past says "partially_filled" of orders that are long gone: open is what is listed as open.
        listed = {report.order_id for report in orders}
        for order_id in [known for known in self.open if known not in listed]:
            self._close(order_id)
        events.extend(event for report in orders if (event := self.apply(report, when)) is not None)
        return events

    def resume(self, reports: Sequence[Report]) -> Resumption:
        """Compare a later snapshot with what is known; nothing changes until its reports are applied."""
        fills, orders = _split(reports)
        unseen = [report for report in fills if report.fill is not None and report.fill.exec_id not in self._fills]
        listed = {report.order_id for report in orders}
        vanished = tuple(order_id for order_id in self.open if order_id not in listed)
        reaches_back = len(unseen) < len(fills) or len(fills) < SNAPSHOT_FILLS
        return Resumption((*unseen, *orders), vanished, reaches_back)

    def catch_up(self, reports: Sequence[Report], when: When) -> list[Execution]:
        """Apply what was found out about an interruption: fills in the order of time, then what the orders became."""
        fills, orders = _split(reports)
        told = {report.order_id for report in orders} | self.open.keys()
        self.introduce_all(orders)
        # What an order became is told apart from its fills, as it is live; of an order that nothing else is known of,
        # a fill has to tell it.
        plain = [replace(each, status="partially_filled") if each.order_id in told else each for each in fills]
        orders.sort(key=_moment)
        return [event for report in (*plain, *orders) if (event := self.apply(report, when)) is not None]

    # --- inside ---------------------------------------------------------------------------------------------------

    def _request(self, report: Report) -> Order | None:
        introduced = self._introduced.get(report.order_id)
        if introduced is not None:
            return introduced
        own_id = report.changes.get("cl_ord_id")
        describe = self._expected.get(own_id) if own_id is not None else None
        return None if describe is None else describe(report.order_id)

    def _account_for(self, before: Order, fill: FillReport | None) -> _Filled:
        qty, cost = self._accounted.get(before.order_id) or (before.cum_qty, before.cum_cost)
        if fill is None:
            return qty, cost
        worth = _EXACT.multiply(fill.price, fill.qty) if fill.cost is None else fill.cost
        return _EXACT.add(qty, fill.qty), _EXACT.add(cost, worth)

    def _is_news(self, fill: FillReport) -> bool:
        if fill.exec_id in self._fills:
            return False
        self._fills[fill.exec_id] = None
        if len(self._fills) > _MOST_FILLS:
            self._fills.popitem(last=False)
        return True

    def _keep(self, order: Order) -> None:
        self._introduced.pop(order.order_id, None)
        if order.cl_ord_id is not None:
            self._expected.pop(order.cl_ord_id, None)
            self._name(order, order.cl_ord_id)
        if order.is_final:
            self.open.pop(order.order_id, None)
            self._closed[order.order_id] = order
            if len(self._closed) > _MOST_CLOSED:
                self._forget(*self._closed.popitem(last=False))
        else:
            self._closed.pop(order.order_id, None)
            self.open[order.order_id] = order

    def _name(self, order: Order, own_id: str) -> None:
        before, holder = self.get(order.order_id), self.by_cl_ord_id(own_id)
        if before is not None and before.cl_ord_id == own_id:
            return
        if holder is None or holder.is_final or not order.is_final:
            self._own_ids[own_id] = order.order_id

    def _forget(self, order_id: str, order: Order) -> None:
        del self._told[order_id], self._accounted[order_id]
        if order.cl_ord_id is not None and self._own_ids.get(order.cl_ord_id) == order_id:
            del self._own_ids[order.cl_ord_id]

    def _close(self, order_id: str) -> None:
        self._closed[order_id] = self.open.pop(order_id)


SNAPSHOT_FILLS: Final = 50
"""How many late fills a snapshot carries at most (ws-v2 reference section 5.2, `snap_trades`)."""


def _split(reports: Iterable[Report]) -> tuple[list[Report], list[Report]]:
    # How an open order looks in a snapshot is not known for certain: what carries a fill is a fill, unless it also
    # says how much was ordered; state is read from `order_status`, never from `exec_type` (section 5.2).
    fills: list[Report] = []
    orders: list[Report] = []
    for report in reports:
        is_order = report.fill is None or ("qty" in report.changes and report.status not in FINAL_STATUSES)
        (orders if is_order else fills).append(report)
    # The status of a fill may say "filled" of the fill alone: an order that is listed as open is open.
    still_open = {report.order_id for report in orders if report.status not in FINAL_STATUSES}
    fills = [replace(fill, status="partially_filled") if fill.order_id in still_open else fill for fill in fills]
    fills.sort(key=lambda fill: (_moment(fill), fill.status in FINAL_STATUSES))
    # Nor does any but the last fill end its order; those of one moment are listed in any order.
    last = {fill.order_id: fill for fill in fills}
    fills = [fill if fill is last[fill.order_id] else replace(fill, status="partially_filled") for fill in fills]
    return fills, orders


def _moment(report: Report) -> float:
    return report.timestamp.timestamp() if report.timestamp else 0.0


def _what_it_is(report: Report) -> Order:
    """Keep of a report what does not depend on how far the order is."""
    fixed = {name: value for name, value in report.changes.items() if name not in _STATE}
    return Order(order_id=report.order_id, **fixed)


def _merged(  # noqa: PLR0917 - what was, what is new, and what both mean
    before: Order,
    report: Report,
    fill: FillReport | None,
    accounted: _Filled,
    told: dict[str, datetime],
    when: When,
) -> Order:
    is_state = when.snapshot or when.repaired
    changes = _newest(report.changes, report.timestamp, told, is_state=is_state)
    if fill is not None:
        if "cum_qty" not in changes:
            changes |= _filled(before, fill, accounted)
        changes["fees"] = _sum(before.fees, fill.fees)
    _drop_overtaken(changes, before)
    changes |= _newest({"status": report.status}, report.timestamp, told, is_state=is_state)
    status = changes.get("status", before.status)
    # What is final stays; a status of a lower rank was overtaken, and one of a higher rank counts, however late.
    if before.is_final or _rank(status) < _rank(before.status):
        changes["status"] = before.status
    elif _rank(report.status) > _rank(before.status):
        changes["status"] = report.status
    if report.timestamp is not None and (before.updated is None or report.timestamp >= before.updated):
        changes["updated"] = report.timestamp
    if report.reason is not None and (report.status in FINAL_STATUSES or before.reason is None):
        changes["reason"] = report.reason
    if changes.get("cl_ord_id", before.cl_ord_id) is None:
        changes["cl_ord_id"] = before.cl_ord_id
    return replace(before, **changes)


def _newest(
    changes: Mapping[str, Any], stamp: datetime | None, told: dict[str, datetime], *, is_state: bool
) -> dict[str, Any]:
    """Keep what was not told later already; `told` says when each field was, and learns."""
    # Snapshots and REST say what is the case now, whatever time they give: that of the order's beginning, say.
    kept: dict[str, Any] = {}
    for name, value in changes.items():
        before = told.get(name)
        is_older = before is not None and stamp is not None and stamp < before
        if is_state or not is_older or name in _GROWING:
            kept[name] = value
        if stamp is not None and not is_older:
            told[name] = stamp
    return kept


def _drop_overtaken(changes: dict[str, Any], before: Order) -> None:
    if changes.get("cum_qty", before.cum_qty) < before.cum_qty:
        changes.pop("cum_qty")
        changes.pop("avg_price", None)
    if changes.get("cum_cost", before.cum_cost) < before.cum_cost:
        changes.pop("cum_cost")
    if before.amended:
        changes.pop("amended", None)


def _filled(before: Order, fill: FillReport, accounted: _Filled) -> dict[str, Decimal]:
    # Fills in a snapshot do not say how much was filled in all. And what was filled in all may be told before its
    # fills are: then the fills that are accounted for, this one included, come to no more than that for a while.
    cum_qty, cum_cost = accounted
    if cum_qty <= before.cum_qty:
        return {}
    return {"cum_qty": cum_qty, "cum_cost": cum_cost, "avg_price": _average(fill, cum_qty, cum_cost)}


def _average(fill: FillReport, cum_qty: Decimal, cum_cost: Decimal) -> Decimal:
    """Compute the average price, with four digits more than the fill's own price has."""
    if cum_qty == fill.qty:
        return fill.price
    exponent = fill.price.as_tuple().exponent
    digits = exponent - _MORE_DIGITS if isinstance(exponent, int) else -_MORE_DIGITS
    return _EXACT.quantize(_EXACT.divide(cum_cost, cum_qty), Decimal(1).scaleb(digits))


_MORE_DIGITS: Final = 4
# A later time alone is no news, nor is what the fees are worth in dollars by now.
_NO_NEWS: Final = frozenset({"updated", "fee_usd_equiv"})


def _rank(status: str) -> int:
    # A word that is not known yet is taken as it comes, except that nothing follows a final one.
    return _FINAL_RANK if status in FINAL_STATUSES else _RANK.get(status, 1)


def _sum(fees: tuple[Fee, ...], more: tuple[Fee, ...]) -> tuple[Fee, ...]:
    totals = {fee.asset: fee.qty for fee in fees}
    for fee in more:
        totals[fee.asset] = _EXACT.add(totals.get(fee.asset, Decimal(0)), fee.qty)
    return tuple(Fee(asset, qty) for asset, qty in totals.items())


def _says_news(known: Order, after: Order, report: Report) -> bool:
    if known.is_final:
        return False
    if report.exec_type in {"restated", "status", "iceberg_refill", "amended"} and after.updated != known.updated:
        return True
    changed = (name for name in (*report.changes, "status", "reason") if name not in _NO_NEWS)
    return any(getattr(after, name) != getattr(known, name) for name in changed)


def _event(report: Report, order: Order, fill: FillReport | None, when: When) -> Execution:
    return Execution(
        exec_type=report.exec_type,
        order=order,
        timestamp=report.timestamp,
        exec_id=fill.exec_id if fill else None,
        trade_id=fill.trade_id if fill else None,
        last_qty=fill.qty if fill else None,
        last_price=fill.price if fill else None,
        cost=fill.cost if fill else None,
        liquidity=fill.liquidity if fill else None,
        fees=fill.fees if fill else (),
        reason=report.reason,
        rate_count=report.rate_count,
        snapshot=when.snapshot,
        repaired=when.repaired,
        received=when.received,
        epoch=when.epoch,
    )
