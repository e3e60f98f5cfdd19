"""The account channels of the spot WebSocket v1 dialect: `openOrders` and `ownTrades` to reports (ws-v1 section 7).

A report is what one entry really says, as for v2; merging is the business of `rxkraken.account`. V1 has two channels
where v2 has one: an entry of `openOrders` tells what an order is, one of `ownTrades` is a fill.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

from rxkraken.models.trading import Contingent, Fee, Trigger
from rxkraken.protocol.spot_v1 import moment, symbol_of
from rxkraken.protocol.spot_v2 import Malformed
from rxkraken.protocol.spot_v2_account import FillReport, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

_STATUSES: Final[Mapping[str, str]] = {
    "pending": "pending_new",
    "open": "new",
    "closed": "filled",
    "canceled": "canceled",
    "expired": "expired",
}
_FINAL: Final = frozenset({"filled", "canceled", "expired"})
_ZERO: Final = Decimal(0)
_KNOWN: Final = frozenset(
    {
        "refid", "userref", "cl_ord_id", "ext_ord_id", "status", "opentm", "starttm", "expiretm", "lastupdated",
        "descr", "vol", "vol_exec", "cost", "fee", "avg_price", "price", "stopprice", "limitprice", "misc", "oflags",
        "timeinforce", "display_volume", "display_volume_remain", "contingent", "margin", "cancel_reason", "amended",
        "amend_reason", "sender_sub_id", "ratecount",
    }
)  # fmt: skip


def entries(data: Any) -> list[tuple[str, dict[str, Any]]]:
    """Return the ids and fields of a private frame's first element, in order."""
    if not isinstance(data, list):
        raise Malformed(f"a private frame holds {data!r}, not a list")
    found: list[tuple[str, dict[str, Any]]] = []
    for item in cast("list[Any]", data):
        if not isinstance(item, dict):
            raise Malformed(f"a private frame holds the entry {item!r}, not an object")
        for name, fields in cast("dict[str, Any]", item).items():
            if not isinstance(fields, dict):
                raise Malformed(f"entry {name!r} is {fields!r}, not an object")
            found.append((name, cast("dict[str, Any]", fields)))
    return found


def order(order_id: str, fields: Mapping[str, Any]) -> Report:
    """Read an entry of `openOrders`: whole the first time, then what changed (section 7.1)."""
    changes = _described(fields.get("descr"))
    for wire, (name, read) in _FIELDS.items():
        value = fields.get(wire)
        if value is not None:
            changes[name] = read(value, wire)
    _complete(fields, changes)
    status = _status(fields, changes)
    stamp = fields.get("lastupdated") or fields.get("opentm")
    reason = fields.get("cancel_reason") or fields.get("amend_reason")
    count = fields.get("ratecount")
    return Report(
        order_id=order_id,
        exec_type=_exec_type(fields, status),
        status=status,
        timestamp=None if stamp is None else moment(stamp, "lastupdated"),
        changes=changes,
        reason=reason if isinstance(reason, str) and reason else None,
        rate_count=None if count is None else _number(str(count), "ratecount"),
    )


def own_trade(trade_id: str, fields: Mapping[str, Any]) -> Report:
    """Read an entry of `ownTrades`, a fill. The fee is named without its asset: the quote currency's (section 7.2)."""
    symbol = symbol_of(fields.get("pair"))
    changes: dict[str, Any] = {"symbol": symbol, "side": _text(fields.get("type"), "type")}
    for wire, (name, read) in _OF_A_FILL.items():
        if fields.get(wire) not in (None, 0):
            changes[name] = read(fields[wire], wire)
    return Report(
        order_id=_text(fields.get("ordertxid"), "ordertxid"),
        exec_type="trade",
        status="partially_filled",
        timestamp=moment(fields.get("time"), "time"),
        changes=changes,
        fill=FillReport(
            exec_id=trade_id,
            trade_id=None,
            qty=_number(fields.get("vol"), "vol"),
            price=_number(fields.get("price"), "price"),
            cost=None if fields.get("cost") is None else _number(fields["cost"], "cost"),
            liquidity=None,
            fees=(Fee(symbol.partition("/")[2], _number(fields.get("fee", "0"), "fee")),),
        ),
    )


def surprise(fields: Mapping[str, Any]) -> str | None:
    """Name what this version does not know about an entry of `openOrders`; None if all is known."""
    if unknown := fields.keys() - _KNOWN:
        return f"openOrders has unknown field {', '.join(sorted(unknown))}"
    status = fields.get("status")
    return f"openOrders has unknown status {status!r}" if status is not None and status not in _STATUSES else None


def _status(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> str:
    told = fields.get("status")
    status = "new" if told is None else _STATUSES.get(_text(told, "status"), str(told))
    filled = bool(changes.get("cum_qty"))
    return "partially_filled" if status == "new" and filled else status


def _exec_type(fields: Mapping[str, Any], status: str) -> str:
    if status in _FINAL:
        return status
    if fields.get("amended") is True or fields.get("amend_reason"):
        return "amended" if fields.get("amended") is True else "restated"
    return status if fields.get("status") in ("pending", "open") and status != "partially_filled" else "status"


def _described(descr: Any) -> dict[str, Any]:
    if not isinstance(descr, dict):
        return {}
    fields = cast("dict[str, Any]", descr)
    order_type = _text(fields.get("ordertype"), "ordertype")
    changes: dict[str, Any] = {
        "symbol": symbol_of(fields.get("pair")),
        "side": _text(fields.get("type"), "type"),
        "order_type": order_type,
    }
    first, second = fields.get("price"), fields.get("price2")
    if order_type in ("limit", "iceberg"):
        return changes | _limit(first)
    if order_type not in ("market", "settle-position"):
        price, kind = _offset(first)
        changes["trigger"] = Trigger(price=price, price_type=kind)
        return changes | _limit(second)
    return changes


def _limit(text: Any) -> dict[str, Any]:
    price, kind = _offset(text)
    if not price:
        return {}
    return {"limit_price": price} if kind == "static" else {"limit_price": price, "limit_price_type": kind}


def _offset(text: Any) -> tuple[Decimal | None, str]:
    """Read a price, or an offset with its sign and perhaps a percent sign (section 8.1)."""
    if text is None or text == "":
        return None, "static"
    word = _text(text, "price")
    kind = "pct" if word.endswith("%") else "quote" if word[0] in "+-" else "static"
    return _number(word.removeprefix("+").removesuffix("%"), "price"), kind


def _complete(fields: Mapping[str, Any], changes: dict[str, Any]) -> None:
    flags = str(fields.get("oflags", "")).split(",")
    if "oflags" in fields:
        changes["post_only"] = "post" in flags
        fee = next((flag for flag in flags if flag in ("fcib", "fciq")), None)
        changes |= {} if fee is None else {"fee_preference": fee}
    if "viqc" in flags and "qty" in changes:
        changes["cash_order_qty"] = changes.pop("qty")
    for name in ("order_userref", "avg_price", "effective_time", "expire_time"):
        if name in changes and not changes[name]:
            del changes[name]  # v1 shows 0 where there is none


def _number(value: Any, name: str) -> Decimal:
    if isinstance(value, str) and value.isascii() and value.replace(".", "", 1).removeprefix("-").isdigit():
        return Decimal(value) or _ZERO
    raise Malformed(f"field {name}={value!r} is not a number in a text")


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise Malformed(f"field {name}={value!r} is not text")
    return value


def _lower(value: Any, name: str) -> str:
    return _text(value, name).lower()


def _integer(value: Any, name: str) -> int:
    if isinstance(value, str) and value.removeprefix("-").isdecimal():
        return int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed(f"field {name}={value!r} is not a whole number")
    return value


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise Malformed(f"field {name}={value!r} is neither true nor false")
    return value


def _time(value: Any, name: str) -> datetime | None:
    return moment(value, name) if _number(value, name) else None


def _contingent(value: Any, name: str) -> Contingent:
    if not isinstance(value, dict):
        raise Malformed(f"field {name}={value!r} is not an object")
    fields = cast("dict[str, Any]", value)
    order_type = fields.get("ordertype")
    first, second = _offset(fields.get("price")), _offset(fields.get("price2"))
    if order_type == "limit":
        return Contingent(order_type, limit_price=first[0], limit_price_type=first[1])
    limit = second if second[0] else (None, None)
    return Contingent(order_type, first[0], first[1], limit[0], limit[1])


_FIELDS: Final[Mapping[str, tuple[str, Callable[[Any, str], Any]]]] = {
    "cl_ord_id": ("cl_ord_id", _text),
    "userref": ("order_userref", _integer),
    "refid": ("parent", _text),
    "vol": ("qty", _number),
    "vol_exec": ("cum_qty", _number),
    "cost": ("cum_cost", _number),
    "avg_price": ("avg_price", _number),
    "starttm": ("effective_time", _time),
    "expiretm": ("expire_time", _time),
    "timeinforce": ("time_in_force", _lower),
    "display_volume": ("display_qty", _number),
    "display_volume_remain": ("display_qty_remain", _number),
    "contingent": ("contingent", _contingent),
    "margin": ("margin", _flag),
    "amended": ("amended", _flag),
    "sender_sub_id": ("sender_sub_id", _text),
}
_OF_A_FILL: Final[Mapping[str, tuple[str, Callable[[Any, str], Any]]]] = {
    "ordertype": ("order_type", _text),
    "cl_ord_id": ("cl_ord_id", _text),
    "userref": ("order_userref", _integer),
}
