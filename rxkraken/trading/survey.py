"""The account's orders as REST tells them, asked once for everyone who wants to know.

After a lost connection many requests may have an unknown outcome at the same moment. Each of them asking for itself
would use up the rate counter of REST, and with it the token that the connection needs to come back.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rxkraken.models.account import OrderInfo

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.rest import RestClient
    from rxkraken.session.world import World


@dataclass(frozen=True, slots=True)
class Survey:
    """Every open order, and those closed since `since` (Unix time); newest last.

    It is not `complete` if more orders were closed since than it can hold; then the oldest of them are missing.
    """

    orders: tuple[OrderInfo, ...]
    since: float
    asked_at: float
    complete: bool = True

    def find(self, order_id: str | None, cl_ord_id: str | None) -> OrderInfo | None:
        """Find an order by either id; the newest one where a client's id was used again."""
        for order in reversed(self.orders):
            if order.txid == order_id or (cl_ord_id is not None and order.cl_ord_id == cl_ord_id):
                return order
        return None


class Surveyor:
    """Makes surveys, one at a time, and hands each out for a few seconds."""

    def __init__(self, rest: Callable[[], RestClient], world: World) -> None:
        """Ask nothing yet."""
        self._rest = rest
        self._world = world
        self._turn = asyncio.Lock()
        self._latest: Survey | None = None

    async def ask(self, since: float) -> Survey:
        """Return what is true now or was a few seconds ago. Raises what the REST calls raise."""
        async with self._turn:
            latest, now = self._latest, self._world.loop.time()
            if latest is None or now - latest.asked_at > _FRESH or latest.since > since:
                latest = self._latest = await self._look(since)
            return latest

    async def find(self, since: float, order_id: str | None, cl_ord_id: str | None) -> OrderInfo | None:
        """Find an order in a survey, or by itself where that is not complete. Raises what the REST calls raise."""
        survey = await self.ask(since)
        found = survey.find(order_id, cl_ord_id)
        if found is not None or survey.complete:
            return found
        rest = self._rest()
        if order_id is not None:
            return (await rest.query_orders([order_id])).get(order_id)
        closed = (await rest.closed_orders(start=int(since), closetime="close", cl_ord_id=cl_ord_id)).orders
        return next(iter(closed.values()), None)

    async def _look(self, since: float) -> Survey:
        asked_at = self._world.loop.time()
        # Closed ones last: an order that closes in between is found in one of both.
        orders = list((await self._rest().open_orders()).values())
        complete = False
        for page in range(_MOST_PAGES):
            closed = (await self._rest().closed_orders(start=int(since), ofs=page * _PAGE, closetime="close")).orders
            orders.extend(closed.values())
            complete = len(closed) < _PAGE
            if complete:
                break
        orders.sort(key=lambda order: order.opentm)
        return Survey(tuple(orders), since, asked_at, complete)


_FRESH: Final = 5.0
_PAGE: Final = 50
_MOST_PAGES: Final = 20
