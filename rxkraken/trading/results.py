"""From the answers of order methods to results (ws-v2 reference sections 6.1 to 6.9).

A parser reads the reply of a request that succeeded; what it does not know in it is ignored. It raises
`ProtocolViolation` where the answer lacks what it is about: then nothing is known of the order's fate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final, cast

from rxkraken.errors import ProtocolViolation
from rxkraken.models.orders import (
    AddOrderResult,
    AmendOrderResult,
    BatchAddResult,
    BatchAddRow,
    BatchCancelResult,
    CancelAllAfterResult,
    CancelAllResult,
    CancelOrderResult,
    CancelOrderRow,
    EditOrderResult,
)

if TYPE_CHECKING:
    from rxkraken.trading.request import OrderRequest

_NOTHING: Final[Mapping[str, Any]] = {}


def add_order_result(frame: Mapping[str, Any], request: OrderRequest) -> AddOrderResult:
    """Read the reply to `add_order`; the `cl_ord_id` that was sent is kept when the reply leaves it out."""
    result = _result(frame)
    return AddOrderResult(
        order_id=_placed(frame, result, request),
        cl_ord_id=_text(result, "cl_ord_id") or _only(request.cl_ord_ids),
        order_userref=_integer(result, "order_userref"),
        warnings=_warnings(result),
    )


def amend_order_result(frame: Mapping[str, Any], request: OrderRequest) -> AmendOrderResult:
    """Read the reply to `amend_order`; the id that named the order is kept when the reply leaves it out."""
    result = _result(frame)
    return AmendOrderResult(
        amend_id=_required(frame, result, "amend_id"),
        order_id=_text(result, "order_id") or _only(request.order_ids),
        cl_ord_id=_text(result, "cl_ord_id") or _only(request.cl_ord_ids),
        warnings=_warnings(result),
    )


def edit_order_result(frame: Mapping[str, Any], request: OrderRequest) -> EditOrderResult:
    """Read the reply to `edit_order`."""
    result = _result(frame)
    return EditOrderResult(
        order_id=_placed(frame, result, request),
        original_order_id=_text(result, "original_order_id") or _only(request.order_ids),
        warnings=_warnings(result),
    )


def cancel_order_row(frame: Mapping[str, Any]) -> CancelOrderRow:
    """Read one of the replies to `cancel_order`, which comes once for each order, success or failure."""
    result = _result(frame)
    failed = frame.get("success") is not True
    return CancelOrderRow(
        order_id=_text(result, "order_id") or _text(frame, "order_id"),
        cl_ord_id=_text(result, "cl_ord_id") or _text(frame, "cl_ord_id"),
        error=(_text(frame, "error") or "unknown error") if failed else None,
        warnings=_warnings(result),
    )


def cancel_order_result(frames: Sequence[Mapping[str, Any]], request: OrderRequest) -> CancelOrderResult:
    """Read all replies to `cancel_order`. A refusal that names no order is about the one that no other reply names.

    Where several are left, it stays nameless.
    """
    rows = [cancel_order_row(frame) for frame in frames]
    named = {name for row in rows for name in (row.order_id, row.cl_ord_id)}
    nameless = [place for place, row in enumerate(rows) if row.order_id is None and row.cl_ord_id is None]
    left = [("order_id", name) for name in request.order_ids if name not in named]
    left += [("cl_ord_id", name) for name in request.cl_ord_ids if name not in named]
    only_ids = request.count == len(request.order_ids) + len(request.cl_ord_ids)
    if only_ids and len(nameless) == len(left) == 1 and len(rows) == request.count:
        (place,), ((kind, name),) = nameless, left
        row = rows[place]
        ids = {"order_id": row.order_id, "cl_ord_id": row.cl_ord_id} | {kind: name}
        rows[place] = CancelOrderRow(**ids, error=row.error, warnings=row.warnings)
    return CancelOrderResult(tuple(rows))


def cancel_all_result(frame: Mapping[str, Any]) -> CancelAllResult:
    """Read the reply to `cancel_all`."""
    result = _result(frame)
    return CancelAllResult(_count(frame, result.get("count")), _warnings(result))


def cancel_all_after_result(frame: Mapping[str, Any]) -> CancelAllAfterResult:
    """Read the reply to `cancel_all_orders_after`. Disarmed, its `triggerTime` is "0" or absent (section 6.7)."""
    result = _result(frame)
    return CancelAllAfterResult(
        current_time=_time(frame, result, "currentTime"),
        trigger_time=_time(frame, result, "triggerTime"),
        warnings=_warnings(result),
    )


def batch_rows(frame: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """Return the rows of a `batch_add` reply; none when the whole batch was refused.

    The reply may say `success: false` and still have rows of orders that were placed: look here first. The rows are the
    `result` itself, or its `orders` (section 6.8).
    """
    result: Any = frame.get("result")
    if isinstance(result, Mapping):
        result = cast("Mapping[str, Any]", result).get("orders")
    if not isinstance(result, Sequence) or isinstance(result, str):
        return ()
    rows = cast("Sequence[Any]", result)
    return tuple(cast("Mapping[str, Any]", row) if isinstance(row, Mapping) else _NOTHING for row in rows)


def batch_add_result(frame: Mapping[str, Any], request: OrderRequest) -> BatchAddResult:
    """Read the rows of a `batch_add` reply, one for each order of the request and in its order.

    Orders beyond the last row have neither `order_id` nor `error`: their fate is unknown.
    """
    rows = batch_rows(frame)
    if not rows:
        raise ProtocolViolation(f"the reply to batch_add has no rows: {_shape(frame)}")
    asked: Sequence[Mapping[str, Any]] = request.params["orders"]
    pairs = zip_longest(rows, asked, fillvalue=_NOTHING)
    return BatchAddResult(tuple(_batch_row(row, order) for row, order in pairs))


def _batch_row(row: Mapping[str, Any], order: Mapping[str, Any]) -> BatchAddRow:
    refused = row.get("success") is False or row.get("status") == "error"
    error = _text(row, "error") or ("unknown error" if refused else None)
    return BatchAddRow(
        order_id=None if error else _text(row, "order_id"),
        cl_ord_id=_text(row, "cl_ord_id") or _text(order, "cl_ord_id"),
        order_userref=_integer(row, "order_userref") if "order_userref" in row else _integer(order, "order_userref"),
        error=error,
        warnings=_warnings(row),
    )


def batch_cancel_result(frame: Mapping[str, Any]) -> BatchCancelResult:
    """Read the reply to `batch_cancel`: `orders_cancelled` beside a missing `result`, or `result.count`."""
    result = _result(frame)
    return BatchCancelResult(_count(frame, frame.get("orders_cancelled", result.get("count"))), _warnings(result))


def _result(frame: Mapping[str, Any]) -> Mapping[str, Any]:
    result = frame.get("result")
    return cast("Mapping[str, Any]", result) if isinstance(result, Mapping) else _NOTHING


def _required(frame: Mapping[str, Any], result: Mapping[str, Any], name: str) -> str:
    value = _text(result, name)
    if value is None:
        raise ProtocolViolation(f"the reply has no {name}: {_shape(frame)}")
    return value


def _placed(frame: Mapping[str, Any], result: Mapping[str, Any], request: OrderRequest) -> str:
    """Read the id of an order; it is empty where the order was only validated, and nowhere else."""
    order_id = _required(frame, result, "order_id")
    if not order_id and request.params.get("validate") is not True:
        raise ProtocolViolation(f"the reply to an order has no id of it: {_shape(frame)}")
    return order_id


def _shape(frame: Mapping[str, Any]) -> str:
    method, result = frame.get("method"), frame.get("result")
    return f"method {method!r}, success {frame.get('success')!r}, result {result!r}"


def _text(record: Mapping[str, Any], name: str) -> str | None:
    value = record.get(name)
    return value if isinstance(value, str) else None


def _integer(record: Mapping[str, Any], name: str) -> int | None:
    value = record.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _count(frame: Mapping[str, Any], value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise ProtocolViolation(f"the reply has no count: {_shape(frame)}")
    return value


def _warnings(record: Mapping[str, Any]) -> tuple[str, ...]:
    given = record.get("warnings")
    if not isinstance(given, Sequence) or isinstance(given, str):
        return ()
    return tuple(str(text) for text in cast("Sequence[Any]", given))


def _only(ids: Sequence[str]) -> str | None:
    return ids[0] if len(ids) == 1 else None


def _time(frame: Mapping[str, Any], result: Mapping[str, Any], name: str) -> datetime | None:
    text = result.get(name)
    if text in (None, "", "0", 0):
        return None
    try:
        read = datetime.fromisoformat(str(text))
    except ValueError:
        raise ProtocolViolation(f"{name} is no time: {_shape(frame)}") from None
    return read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
