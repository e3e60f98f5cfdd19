"""What an order request says about its order, before the exchange has said anything."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from rxkraken.models.trading import Contingent, Order, Trigger

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rxkraken.trading.request import OrderRequest


def as_requested(request: OrderRequest, order_id: str, row: Mapping[str, Any] | None = None) -> Order:
    """Describe the order of an `add_order` request, or of one `row` of a batch, as it was asked for."""
    params = request.params if row is None else {**request.params, **row}
    return Order(
        order_id=order_id,
        cl_ord_id=params.get("cl_ord_id"),
        order_userref=params.get("order_userref"),
        symbol=params.get("symbol"),
        side=params.get("side"),
        order_type=params.get("order_type"),
        qty=params.get("order_qty"),
        cash_order_qty=params.get("cash_order_qty"),
        display_qty=params.get("display_qty"),
        limit_price=params.get("limit_price"),
        limit_price_type=params.get("limit_price_type"),
        trigger=_trigger(params.get("triggers")),
        contingent=_contingent(params.get("conditional")),
        time_in_force=params.get("time_in_force"),
        post_only=params.get("post_only"),
        reduce_only=params.get("reduce_only"),
        margin=params.get("margin"),
        effective_time=_time(params.get("effective_time")),
        expire_time=_time(params.get("expire_time")),
        fee_preference={"base": "fcib", "quote": "fciq"}.get(str(params.get("fee_preference"))),
        sender_sub_id=params.get("sender_sub_id"),
    )


def descriptions(request: OrderRequest) -> dict[str, Callable[[str], Order]]:
    """Say for each client's id of an `add_order` or `batch_add` how its order is described, given its `order_id`."""
    match request.method:
        case "add_order":
            rows: list[Mapping[str, Any]] = [request.params]
        case "batch_add":
            rows = cast("list[Mapping[str, Any]]", request.params["orders"])
        case _:
            rows = []
    return {
        row["cl_ord_id"]: lambda order_id, row=row: as_requested(request, order_id, row)
        for row in rows
        if row.get("cl_ord_id") is not None
    }


def _trigger(fields: Any) -> Trigger | None:
    if not fields:
        return None
    return Trigger(price=fields.get("price"), price_type=fields.get("price_type"), reference=fields.get("reference"))


def _contingent(fields: Any) -> Contingent | None:
    if not fields:
        return None
    names = ("order_type", "trigger_price", "trigger_price_type", "limit_price", "limit_price_type")
    return Contingent(*(fields.get(name) for name in names))


def _time(text: Any) -> datetime | None:
    return datetime.fromisoformat(text) if isinstance(text, str) else None
