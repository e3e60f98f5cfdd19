"""Results of order requests, and states of orders, as lines for people; and what in a result is a failure. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rxkraken.cli.exits import Ended
from rxkraken.cli.orders_outcome import REJECTED, UNKNOWN
from rxkraken.models.orders import (
    AddOrderResult,
    AmendOrderResult,
    BatchAddResult,
    BatchAddRow,
    BatchCancelResult,
    CancelAllResult,
    CancelOrderResult,
    CancelOrderRow,
    EditOrderResult,
)

if TYPE_CHECKING:
    from rxkraken.models.trading import Order

_CHECKED = "valid: Kraken checked it and placed nothing"


def say_result(result: Any) -> str:
    """Say what Kraken took, with every id that came back; a batch has a line for each order."""
    match result:
        case CancelOrderResult(orders=rows):
            return "\n".join(_cancelled(row) for row in rows)
        case BatchAddResult(orders=rows):
            return "\n".join(f"{place}  {_row(row)}" for place, row in enumerate(rows, 1))
        case CancelAllResult(count=count) | BatchCancelResult(count=count):
            return f"cancelled: {count} order{'' if count == 1 else 's'}"
        case _:
            return _say_one(result)


def _say_one(result: AddOrderResult | AmendOrderResult | EditOrderResult) -> str:
    match result:
        case AmendOrderResult(amend_id=amend_id, order_id=order_id, cl_ord_id=own):
            return f"amended: order {order_id or own}, amendment {amend_id}"
        case AddOrderResult(order_id="") | EditOrderResult(order_id=""):
            return _CHECKED
        case AddOrderResult(order_id=order_id, cl_ord_id=own):
            return f"placed: order {order_id}{_own(own)}"
        case EditOrderResult(order_id=order_id, original_order_id=original):
            return f"replaced: order {original} is now order {order_id}"


def say_order(order: Order) -> str:
    """Say how an order stands."""
    size = "" if order.qty is None else f" of {order.qty:f}"
    average = "" if order.avg_price is None else f" at {order.avg_price:f}"
    fees = "".join(f", fee {fee.qty:f} {fee.asset}" for fee in order.fees)
    return f"{order.status}: order {order.order_id}, filled {order.cum_qty:f}{size}{average}{fees}"


def judge(result: Any) -> None:
    """End the command where Kraken refused a part of the request (3), or did not tell of a part (4)."""
    match result:
        case BatchAddResult(orders=rows) if unknown := [row for row in rows if row.unknown]:
            ids = ", ".join(str(row.cl_ord_id) for row in unknown)
            raise Ended(UNKNOWN, f"Kraken did not tell of {len(unknown)} of {len(rows)} orders; look for them by {ids}")
        case BatchAddResult(orders=rows, refused=refused) if refused:
            raise Ended(REJECTED, f"rejected by Kraken: {len(refused)} of {len(rows)} orders; first {refused[0].error}")
        case CancelOrderResult(orders=rows, errors=errors) if errors:
            raise Ended(REJECTED, f"rejected by Kraken: {len(errors)} of {len(rows)} cancels; first {errors[0]}")
        case _:
            return


def _own(cl_ord_id: str | None) -> str:
    return f", cl_ord_id {cl_ord_id}" if cl_ord_id else ""


def _cancelled(row: CancelOrderRow) -> str:
    name = row.order_id or row.cl_ord_id or "one order"
    return f"cancelled: {name}" if row.cancelled else f"not cancelled: {name}: {row.error}"


def _row(row: BatchAddRow) -> str:
    if row.error is not None:
        return f"rejected: {row.error}{_own(row.cl_ord_id)}"
    if row.unknown:
        return f"not told of{_own(row.cl_ord_id)}"
    return f"placed: order {row.order_id}{_own(row.cl_ord_id)}" if row.placed else _CHECKED
