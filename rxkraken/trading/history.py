"""What REST tells of orders and fills, in the words of the executions channel, so that both merge alike.

Rest reference section 8.2 against ws-v2 reference section 5.2.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

from rxkraken.errors import UnknownSymbol
from rxkraken.models.trading import Fee
from rxkraken.protocol.spot_v2_account import FillReport, Report
from rxkraken.symbols import canonical

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rxkraken.models.account import OrderInfo, TradeInfo

# REST knows no word for "partially filled", and "closed" is its word for filled.
_STATUSES: Final[Mapping[str, str]] = {"pending": "pending_new", "open": "new", "closed": "filled"}
_LIMIT_FIRST: Final = frozenset({"limit", "iceberg"})


def report_of_order(order: OrderInfo) -> Report:
    """Say what an order is now. Its `exec_type` is the final one, or "status" while it is open."""
    status = _STATUSES.get(order.status, order.status)
    if status == "new" and order.vol_exec > 0:
        status = "partially_filled"
    is_final = status in {"filled", "canceled", "expired"}
    return Report(
        order_id=order.txid,
        exec_type=status if is_final else "status",
        status=status,
        timestamp=_moment(order.closetm or order.opentm),
        changes=_changes(order),
        reason=order.reason or None,
    )


def report_of_fill(trade: TradeInfo) -> Report:
    """Say what one fill was. REST names the fee without its asset: it is the quote currency's, Kraken's default."""
    symbol = symbol_of(trade.pair)
    asset = symbol.partition("/")[2] if symbol else ""
    fill = FillReport(
        exec_id=trade.txid,
        trade_id=trade.trade_id,
        qty=trade.vol,
        price=trade.price,
        cost=trade.cost,
        liquidity=None if trade.maker is None else "m" if trade.maker else "t",
        fees=(Fee(asset, trade.fee),) if asset else (),
    )
    changes: dict[str, Any] = {"side": trade.type, "order_type": trade.ordertype or None, "symbol": symbol}
    return Report(
        order_id=trade.ordertxid,
        exec_type="trade",
        status="partially_filled",
        timestamp=_moment(trade.time),
        changes={name: value for name, value in changes.items() if value is not None},
        fill=fill,
    )


def symbol_of(pair: str) -> str | None:
    """Return the canonical name of a pair in REST's spelling, None where the rules cannot read it."""
    try:
        return canonical(pair)
    except UnknownSymbol:
        return None


def _changes(order: OrderInfo) -> dict[str, Any]:
    flags = order.oflags.split(",")
    changes: dict[str, Any] = {
        "cl_ord_id": order.cl_ord_id,
        "order_userref": order.userref or None,
        "symbol": symbol_of(order.descr.pair),
        "side": order.descr.type or None,
        "order_type": order.descr.ordertype or None,
        "qty": order.vol,
        "cum_qty": order.vol_exec,
        "cum_cost": order.cost,
        "avg_price": order.price or None,
        "limit_price": _limit_price(order),
        "time_in_force": order.time_in_force.lower() if order.time_in_force else None,
        "post_only": True if "post" in flags else None,
        "fee_preference": next((flag for flag in flags if flag in ("fcib", "fciq")), None),
        "margin": order.margin,
        "amended": True if "amended" in order.misc else None,
        "effective_time": _moment(order.starttm),
        "expire_time": _moment(order.expiretm),
        "sender_sub_id": order.sender_sub_id,
        "parent": order.refid,
    }
    return {name: value for name, value in changes.items() if value is not None}


def _limit_price(order: OrderInfo) -> Decimal | None:
    if order.limitprice:
        return order.limitprice
    text = order.descr.price if order.descr.ordertype in _LIMIT_FIRST else ""
    try:
        return Decimal(text) or None if text and text[0].isdigit() else None
    except InvalidOperation:
        return None


def _moment(seconds: Decimal) -> datetime | None:
    return datetime.fromtimestamp(float(seconds), UTC) if seconds else None
