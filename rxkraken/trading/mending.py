"""Closes the holes of an executions stream by REST (ws-v2 reference section 5.5).

A snapshot lists what is open and the latest 50 fills. Why an order is gone, what opened and closed in between, and
older fills only REST can tell; and REST may lag behind the streams by up to a minute, so an order that REST still calls
open although the snapshot lacks it is asked about again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from rxkraken.errors import ClientClosed, KrakenError, RestError
from rxkraken.logs import logger
from rxkraken.models.trading import FINAL_STATUSES
from rxkraken.protocol.spot_v2_account import Report
from rxkraken.streams.account import Mended
from rxkraken.trading.history import report_of_fill, report_of_order

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rxkraken.models.account import OrderInfo
    from rxkraken.rest import RestClient
    from rxkraken.streams.account import Hole

log = logger("rxkraken.trading")


@dataclass(frozen=True, slots=True)
class _Found:
    """Reports, and the orders that nothing certain is known of yet."""

    reports: tuple[Report, ...]
    open_ends: tuple[str, ...]
    # Whether nothing was left out: an interruption of days may hold more than is asked for.
    whole: bool


class RestMender:
    """Looks holes up with a `RestClient`; `patience` is how long a stream may be held back meanwhile, in seconds."""

    def __init__(self, rest: Callable[[], RestClient], loop: asyncio.AbstractEventLoop, patience: float) -> None:
        """Ask nothing yet."""
        self._rest = rest
        self._loop = loop
        self._patience = patience
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, hole: Hole, done: Callable[[Mended], None], late: Callable[[Sequence[Report]], None]) -> None:
        """Look a hole up: `done` within the patience, `late` with what took longer."""
        task = self._loop.create_task(self._mend(hole, done, late), name="rxkraken mend")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """Give up whatever is being looked up."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _mend(self, hole: Hole, done: Callable[[Mended], None], late: Callable[[Sequence[Report]], None]) -> None:
        found = await self._first_look(hole)
        if found is None:
            log.warning("what happened during the interruption could not be asked yet; asking again")
            done(Mended((), complete=False))
            await self._follow(hole, late)
        else:
            done(Mended(found.reports, complete=found.whole))
            await self._follow(_only(hole, found.open_ends), late)

    async def _first_look(self, hole: Hole) -> _Found | None:
        try:
            async with asyncio.timeout(self._patience):
                return await self._look(hole)
        except (KrakenError, TimeoutError) as error:
            log.warning("asking by REST failed: %s", error or "no answer in time")
            return None

    async def _follow(self, hole: Hole, late: Callable[[Sequence[Report]], None]) -> None:
        """Ask again, ever more rarely, until nothing is open."""
        pause = _FIRST_PAUSE
        while hole.orders or hole.since is not None or hole.everything:
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, 2 * pause)
            try:
                found = await self._look(hole)
            except ClientClosed:
                return
            except KrakenError as error:
                log.warning("asking by REST failed: %s", error)
                if not error.retryable:
                    return  # the key may not ask: it never will
                continue
            if found.reports:
                late(found.reports)
            hole = _only(hole, found.open_ends)

    async def _look(self, hole: Hole) -> _Found:
        reports: dict[str, Report] = {}
        fills: list[Report] = []
        closed: list[Report] = []
        rest = self._rest()
        if hole.everything:
            reports |= {txid: report_of_order(order) for txid, order in (await rest.open_orders()).items()}
        if hole.since is not None:
            start = int(hole.since) - _MARGIN
            closed = await self._closed_since(start)
            reports |= {report.order_id: report for report in closed}
            if hole.fills:
                fills = await self._fills_since(start)
        # An order that was placed meanwhile may be told by nothing but its fills, which do not say what it is.
        named = dict.fromkeys((*hole.orders, *(fill.order_id for fill in fills)))
        asked = [order_id for order_id in named if order_id not in reports]
        for chunk in (asked[at : at + _MOST_QUERIED] for at in range(0, len(asked), _MOST_QUERIED)):
            orders = await self._query(chunk)
            reports |= {txid: report_of_order(order) for txid, order in orders.items()}
        open_ends = hole.orders if hole.gone else ()
        open_ends = tuple(each for each in open_ends if not _is_closed(reports.get(each)))
        kept = [report for txid, report in reports.items() if txid not in open_ends]
        return _Found((*fills, *kept), open_ends, max(len(closed), len(fills)) < _MOST_PAGES * _PAGE)

    async def _query(self, order_ids: Sequence[str]) -> dict[str, OrderInfo]:
        """Ask for orders by id. Where one unknown id has them all refused, each is asked for by itself."""
        try:
            return await self._rest().query_orders(order_ids)
        except RestError as error:
            if error.category not in _NO_SUCH_ORDER:
                raise
            if len(order_ids) == 1:
                return {}
        found: dict[str, OrderInfo] = {}
        for order_id in order_ids:
            found |= await self._query([order_id])
        return found

    async def _closed_since(self, start: int) -> list[Report]:
        reports: list[Report] = []
        for page in range(_MOST_PAGES):
            orders = (await self._rest().closed_orders(start=start, ofs=page * _PAGE, closetime="close")).orders
            reports.extend(report_of_order(order) for order in orders.values())
            if len(orders) < _PAGE:
                break
        return reports

    async def _fills_since(self, start: int) -> list[Report]:
        reports: list[Report] = []
        for page in range(_MOST_PAGES):
            trades = (await self._rest().trades_history(start=start, ofs=page * _PAGE)).trades
            reports.extend(report_of_fill(trade) for trade in trades.values())
            if len(trades) < _PAGE:
                break
        return reports


def _only(hole: Hole, orders: tuple[str, ...]) -> Hole:
    """Leave of a hole nothing but these orders."""
    return replace(hole, since=None, everything=False, fills=False, orders=orders)


def _is_closed(report: Report | None) -> bool:
    return report is not None and report.status in FINAL_STATUSES


_NO_SUCH_ORDER: Final = frozenset({"unknown_order", "order", "arguments"})
_MARGIN: Final = 5
"""Clocks differ: ask from a little earlier. What was known already is dropped by its id."""
_PAGE: Final = 50
_MOST_PAGES: Final = 40
_MOST_QUERIED: Final = 50
_FIRST_PAUSE: Final = 1.0
_LONGEST_PAUSE: Final = 30.0
