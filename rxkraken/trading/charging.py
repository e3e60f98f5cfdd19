"""What an order request over WebSocket does to the trading counters, which REST shares (ws-v2 reference 6.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rxkraken.models.orders import (
    AddOrderResult,
    AmendOrderResult,
    BatchAddResult,
    CancelAllResult,
    CancelOrderResult,
    EditOrderResult,
)
from rxkraken.rest.limits import batch_add_cost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rxkraken.rest.limits import TradingLimits
    from rxkraken.trading.request import OrderRequest


def costs_of(request: OrderRequest, limits: TradingLimits, now: float) -> Mapping[str, float]:
    """Return what the request costs, by pair. A check with `validate` costs as much as the order itself."""
    ids = (*request.order_ids, *request.cl_ord_ids)
    symbol = request.symbol or ""
    match request.method:
        case "add_order":
            costs = {symbol: 1.0}
        case "batch_add":
            costs = {symbol: batch_add_cost(request.count)}
        case "amend_order":
            costs = limits.costs("amend", ids, now, request.symbol)
        case "edit_order":
            costs = limits.costs("edit", ids, now, request.symbol)
        case "cancel_order" | "batch_cancel":
            costs = limits.costs("cancel", ids, now)
        case "cancel_all":
            costs = dict.fromkeys(limits.known_pairs(), 1.0)
        case _:
            costs = {}
    return costs


def settle(request: OrderRequest, result: Any, limits: TradingLimits, now: float) -> None:
    """Learn from a result which orders are young, and which are gone."""
    match result:
        case AddOrderResult() | BatchAddResult():
            for row in result.orders if isinstance(result, BatchAddResult) else [result]:
                if row.order_id:
                    limits.placed([each for each in (row.order_id, row.cl_ord_id) if each], str(request.symbol), now)
        case AmendOrderResult():
            for identity in (*request.order_ids, *request.cl_ord_ids):
                limits.amended(identity, now)
        case EditOrderResult(order_id=order_id) if order_id:
            limits.forget(request.order_ids)
            limits.placed([order_id], str(request.symbol), now)
        case CancelOrderResult(orders=rows):
            gone = [row for row in rows if row.cancelled]
            limits.forget([each for row in gone for each in (row.order_id, row.cl_ord_id) if each])
        case CancelAllResult():
            limits.forget_all()
        case _:
            pass  # What a batch cancel left open is told by `executions` alone.
