"""Finds out what became of a request whose answer never came. It reads only; nothing is ever sent again.

Executions are asked first, then REST, again and again until the answer is certain. That an order is nowhere is certain
only after its deadline, from which on the exchange would refuse it, and once REST cannot lag behind any more: "up to
about a minute" (ws-v2 reference section 5.5). Where the executions have been followed without an interruption since
before the request left, they would have told, and a few seconds are enough.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from rxkraken.errors import AuthRefused, ClientClosed, KrakenError, NotPlaced, OutcomeUnknown, PermissionRefused
from rxkraken.logs import logger
from rxkraken.models.orders import (
    AddOrderResult,
    AmendOrderResult,
    BatchAddResult,
    BatchAddRow,
    BatchCancelResult,
    CancelOrderResult,
    CancelOrderRow,
    EditOrderResult,
)
from rxkraken.models.trading import Order
from rxkraken.trading.confirm import shows_change
from rxkraken.trading.history import report_of_order

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rxkraken.models.account import OrderInfo
    from rxkraken.streams.account import ExecutionsFeed
    from rxkraken.trading.desk import Desk
    from rxkraken.trading.request import OrderRequest

log = logger("rxkraken.trading")


@dataclass(frozen=True, slots=True)
class Departure:
    """What was known when a request left `at` (Unix time of the exchange).

    `interruptions` of the executions until then, -1 while they were not followed; `namesakes` are the orders that its
    own ids meant before. Ids may be used again once their order is over.
    """

    at: float
    interruptions: int = -1
    namesakes: frozenset[str] = frozenset()

    def is_namesake(self, order: Order) -> bool:
        """Whether an order cannot be one that the request has placed."""
        over = order.updated.timestamp() if order.is_final and order.updated else self.at
        return order.order_id in self.namesakes or over < self.at - _CLOCKS_APART


class Reconciler:
    """Looks for the orders of one request."""

    def __init__(self, desk: Desk, request: OrderRequest, feed: ExecutionsFeed | None, departure: Departure) -> None:
        """`departure` is what was known when the request left."""
        self._desk = desk
        self._request = request
        self._feed = feed
        self._departure = departure
        self._asked_in_vain = False
        # From when on the exchange can not carry it out any more; what has no deadline is carried out at once or never.
        now = desk.now()
        self._latest = request.deadline or now
        self._since = min(now, self._latest) - _LONGEST_DEADLINE

    async def run(
        self, error: OutcomeUnknown, resolve: Callable[[Any], None], reject: Callable[[Exception], None]
    ) -> None:
        """Look until it is certain, and call one of both."""
        try:
            resolve(await self._find(error))
        except ClientClosed:
            reject(error)
        except (AuthRefused, PermissionRefused) as problem:
            error.add_note(f"this key cannot look for it ({problem}); look at the account")
            reject(error)
        except KrakenError as problem:
            reject(problem)

    async def _find(self, error: OutcomeUnknown) -> Any:
        look = _METHODS.get(self._request.method)
        if look is None or not self._names_all():
            error.add_note("there is nothing by which it could be looked for; look at the account")
            raise error
        pause = _FIRST_PAUSE
        while True:
            certain = self._desk.now() >= self._certain_at()
            result = await look(self, error, certain=certain)
            if result is not None:
                return result
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE, 1.5 * pause)

    def _certain_at(self) -> float:
        feed = self._feed
        followed = feed is not None and feed.is_live and feed.interruptions == self._departure.interruptions
        return self._latest + (_SETTLED if followed else _REST_LAG)

    # --- the methods ------------------------------------------------------------------------------------------------

    async def added(self, error: OutcomeUnknown, *, certain: bool) -> AddOrderResult | None:
        """An order that was to be placed."""
        del error
        order = await self._own(self._request.cl_ord_ids[0], certain=certain)
        if order is not None:
            return AddOrderResult(order.order_id, order.cl_ord_id, order.order_userref)
        return self._nowhere(certain=certain)

    async def batch_added(self, error: OutcomeUnknown, *, certain: bool) -> BatchAddResult | None:
        """Orders of a batch: some may be there and others not."""
        del error
        asked = cast("list[dict[str, Any]]", self._request.params["orders"])
        rows: list[BatchAddRow] = []
        for params in asked:
            own_id = params.get("cl_ord_id")
            order = await self._own(own_id, certain=certain) if own_id is not None else None
            if order is None and not (certain and not self._asked_in_vain):
                return None
            error_text = None if order is not None else ("not placed" if own_id else None)
            order_id = order.order_id if order is not None else None
            rows.append(BatchAddRow(order_id, own_id, params.get("order_userref"), error_text))
        if any(row.placed or row.unknown for row in rows):
            return BatchAddResult(tuple(rows))
        return self._nowhere(certain=certain)

    async def amended(self, error: OutcomeUnknown, *, certain: bool) -> AmendOrderResult | None:
        """A change in place: it shows in the order itself."""
        order = await self._named(certain=certain)
        if order is None:
            return self._nowhere(certain=certain)
        shown = shows_change(self._request.params, order)
        if shown:
            return AmendOrderResult("", order.order_id, order.cl_ord_id)
        if shown is None:
            error.add_note("what it changes does not show in the order; look at the account")
            raise error
        if order.is_final:
            error.add_note(f"the order is {order.status}; whether it was amended before cannot be told")
            raise error
        if order.amended and order.updated and order.updated.timestamp() > self._departure.at:
            error.add_note("the order was changed since; another change may have come over this one")
            raise error
        return self._nowhere(certain=certain)

    async def edited(self, error: OutcomeUnknown, *, certain: bool) -> EditOrderResult | None:
        """A replacement: the old order is gone, and another one names it as its parent."""
        old = self._request.order_ids[0]
        order = await self._named(certain=certain)
        successor = self._successor(old) or await self._surveyed_successor(old)
        if successor is not None:
            return EditOrderResult(successor.order_id, old)
        if order is not None and order.is_final and certain:
            error.add_note(f"the order {old} is {order.status}, and no order that replaces it was found")
            raise error
        return self._nowhere(certain=certain)

    async def cancelled(self, error: OutcomeUnknown, *, certain: bool) -> CancelOrderResult | None:
        """Cancels: each order is over, or it is not."""
        del error
        rows: list[CancelOrderRow] = []
        for order_id, own_id in self._each():
            order = await self._one(order_id, own_id, certain=certain)
            if order is None or not order.is_final:
                if not certain or self._asked_in_vain:
                    return None
                rows.append(CancelOrderRow(order_id, own_id, "still open" if order is not None else "unknown order"))
            else:
                why = None if order.status == "canceled" else f"the order is {order.status}"
                rows.append(CancelOrderRow(order.order_id, order.cl_ord_id, why))
        if not any(row.cancelled for row in rows):
            return self._nowhere(certain=certain)
        return CancelOrderResult(tuple(rows))

    async def batch_cancelled(self, error: OutcomeUnknown, *, certain: bool) -> BatchCancelResult | None:
        """The same, counted."""
        result = await self.cancelled(error, certain=certain)
        return None if result is None else BatchCancelResult(result.count)

    # --- looking ----------------------------------------------------------------------------------------------------

    def _nowhere(self, *, certain: bool) -> None:
        if certain and not self._asked_in_vain:
            raise NotPlaced(f"{self._request.method} never took effect; a new request may be made")

    def _names_all(self) -> bool:
        """Whether there are ids to look for; orders that only a tag names cannot be told from others."""
        named = len(self._request.order_ids) + len(self._request.cl_ord_ids)
        return named > 0 and (self._request.method not in _CANCELS or named == self._request.count)

    def _each(self) -> Iterable[tuple[str | None, str | None]]:
        yield from ((order_id, None) for order_id in self._request.order_ids)
        yield from ((None, own_id) for own_id in self._request.cl_ord_ids)

    async def _named(self, *, certain: bool) -> Order | None:
        order_id, own_id = next(iter(self._each()))
        return await self._one(order_id, own_id, certain=certain)

    async def _own(self, own_id: str, *, certain: bool) -> Order | None:
        return await self._one(None, own_id, certain=certain, only_new=True)

    async def _one(
        self, order_id: str | None, own_id: str | None, *, certain: bool, only_new: bool = False
    ) -> Order | None:
        """Find an order as it is now: the executions' word counts while they are in step with the exchange."""
        known = self._desk.known(order_id, own_id)
        if only_new and known is not None and self._departure.is_namesake(known):
            known = None
        if known is not None and (self._feed is None or self._feed.is_live) and not (certain and not known.is_final):
            return known
        self._asked_in_vain = False
        try:
            info = await self._ask(order_id, own_id)
        except KrakenError as problem:
            self._note_failure(problem)
            return known
        if info is None or (known is not None and known.is_final):
            return known
        found = _as_order(info)
        return None if only_new and self._departure.is_namesake(found) else found

    async def _ask(self, order_id: str | None, own_id: str | None) -> OrderInfo | None:
        return await self._desk.survey.find(self._since, order_id, own_id)

    def _note_failure(self, problem: KrakenError) -> None:
        if isinstance(problem, ClientClosed | AuthRefused | PermissionRefused):
            raise problem  # asking again is of no use
        log.warning("asking for the order failed: %s", problem)
        self._asked_in_vain = True

    def _successor(self, order_id: str) -> Order | None:
        if self._feed is None:
            return None
        return next((order for order in self._feed.table.open.values() if order.parent == order_id), None)

    async def _surveyed_successor(self, order_id: str) -> Order | None:
        try:
            survey = await self._desk.survey.ask(self._since)
        except KrakenError as problem:
            self._note_failure(problem)
            return None
        return next((_as_order(info) for info in survey.orders if info.refid == order_id), None)


def _as_order(info: OrderInfo) -> Order:
    report = report_of_order(info)
    return Order(order_id=info.txid, status=report.status, updated=report.timestamp, **report.changes)


_METHODS: Final[dict[str, Any]] = {
    "add_order": Reconciler.added,
    "batch_add": Reconciler.batch_added,
    "amend_order": Reconciler.amended,
    "edit_order": Reconciler.edited,
    "cancel_order": Reconciler.cancelled,
    "batch_cancel": Reconciler.batch_cancelled,
}
_CANCELS: Final = frozenset({"cancel_order", "batch_cancel"})
_FIRST_PAUSE: Final = 0.25
_LONGEST_PAUSE: Final = 5.0
_SETTLED: Final = 5.0
_REST_LAG: Final = 60.0
_LONGEST_DEADLINE: Final = 60.0
_CLOCKS_APART: Final = 30.0
"""How far the exchange's clock may be from what we take it for; an order that was over before that is another's."""
