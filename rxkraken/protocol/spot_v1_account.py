"""The account channels of the spot WebSocket v1 dialect: `openOrders` and `ownTrades` to reports (ws-v1 section 7).

A report is what one entry really says, as for v2; merging is the business of `rxkraken.account`. V1 has two channels
where v2 has one: an entry of `openOrders` tells what an order is, one of `ownTrades` is a fill.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from rxkraken.models.trading import Contingent, Fee, Trigger
from rxkraken.protocol.spot_v1_values import (
    amount,
    elements,
    flag,
    moment,
    number,
    object_of,
    offset,
    optional_moment,
    shown,
    symbol_of,
    text,
    whole,
)
from rxkraken.protocol.spot_v2_account import FillReport, Report

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from decimal import Decimal

_STATUSES: Final[Mapping[str, str]] = {
    "pending": "pending_new",
    "open": "new",
    "closed": "filled",
    "canceled": "canceled",
    "expired": "expired",
}
_FINAL: Final = frozenset({"filled", "canceled", "expired"})
_LIMIT_FIRST: Final = frozenset({"limit", "iceberg"})
_PRICELESS: Final = frozenset({"market", "settle-position"})
_FEES_IN: Final = frozenset({"fcib", "fciq"})
_STARTED: Final = frozenset({"stopped", "touched"})
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
    objects = [object_of(item, "entry") for item in elements(data, "entries")]
    return [(name, object_of(fields, "entry")) for item in objects for name, fields in item.items()]


def order(order_id: str, fields: Mapping[str, Any]) -> Report:
    """Read an entry of `openOrders`: whole the first time, then what changed (section 7.1).

    An entry that does not say its status has "pending_new", which changes none: a status never goes back. Its `fee` is
    left out, as `Order.fees` are those of the fills; so are the trigger's `misc` and `stopprice` without a `descr`.
    """
    changes = _described(fields)
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
        order_id=text(order_id, "order id"),
        exec_type=_exec_type(fields, status),
        status=status,
        timestamp=optional_moment(stamp, "lastupdated"),
        changes=changes,
        reason=reason if isinstance(reason, str) else None,
        rate_count=None if count is None else _counted(count),
    )


def own_trade(trade_id: str, fields: Mapping[str, Any]) -> Report:
    """Read an entry of `ownTrades`, a fill. The fee is named without its asset: the quote currency's (section 7.2)."""
    symbol = symbol_of(fields.get("pair"))
    changes: dict[str, Any] = {"symbol": symbol, "side": text(fields.get("type"), "type")}
    for wire, (name, read) in _OF_A_FILL.items():
        if fields.get(wire) not in (None, 0):
            changes[name] = read(fields[wire], wire)
    return Report(
        order_id=text(fields.get("ordertxid"), "ordertxid"),
        exec_type="trade",
        status="partially_filled",
        timestamp=moment(fields.get("time"), "time"),
        changes=changes,
        fill=FillReport(
            exec_id=text(trade_id, "trade id"),
            trade_id=None,
            qty=amount(fields.get("vol"), "vol"),
            price=amount(fields.get("price"), "price"),
            cost=None if fields.get("cost") is None else amount(fields["cost"], "cost"),
            liquidity=None,
            fees=(Fee(symbol.partition("/")[2], amount(fields.get("fee", "0"), "fee")),),
        ),
    )


def surprise(fields: Mapping[str, Any]) -> str | None:
    """Name what this version does not know about an entry of `openOrders`, fields and words; None if all is known."""
    descr: Any = fields.get("descr")
    described = cast("dict[str, Any]", descr).keys() if isinstance(descr, dict) else ()
    unknown = [*(fields.keys() - _KNOWN), *(f"descr.{name}" for name in described if name not in _DESCRIBED)]
    if unknown:
        return f"openOrders has unknown field {', '.join(sorted(unknown))}"
    for name, known in _WORDS.items():
        for word in _listed(fields.get(name)):
            if word not in known:
                return f"openOrders has unknown {name} {shown(word)}"
    return None


def surprise_of_trade(fields: Mapping[str, Any]) -> str | None:
    """Name what this version does not know about an entry of `ownTrades`; None if all is known."""
    unknown = fields.keys() - _OF_TRADES
    return f"ownTrades has unknown field {', '.join(sorted(unknown))}" if unknown else None


def _listed(value: Any) -> list[str]:
    """Return the words of a comma list; what is no text is no word either, and is found elsewhere."""
    return [word for word in value.split(",") if word] if isinstance(value, str) else []


def _status(fields: Mapping[str, Any], changes: Mapping[str, Any]) -> str:
    told = fields.get("status")
    status = None if told is None else _STATUSES.get(text(told, "status"), told)
    if status in (None, "new") and changes.get("cum_qty"):
        return "partially_filled"
    return status or "pending_new"


def _exec_type(fields: Mapping[str, Any], status: str) -> str:
    if status in _FINAL:
        return status
    if fields.get("amended") is True or fields.get("amend_reason"):
        return "amended" if fields.get("amended") is True else "restated"
    return status if fields.get("status") in ("pending", "open") and status != "partially_filled" else "status"


def _described(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Read what an order is: `price` is its trigger if it has one, and then `price2` is its limit (section 8.1)."""
    if fields.get("descr") is None:
        return {}
    descr = object_of(fields["descr"], "descr")
    order_type = text(descr.get("ordertype"), "ordertype")
    changes: dict[str, Any] = {
        "symbol": symbol_of(descr.get("pair")),
        "side": text(descr.get("type"), "type"),
        "order_type": order_type,
    }
    if order_type in _PRICELESS:
        return changes
    limit = _price(descr.get("price" if order_type in _LIMIT_FIRST else "price2"), "price of descr")
    if limit is not None:
        changes["limit_price"], kind = limit
        changes |= {} if kind == "static" else {"limit_price_type": kind}
    return changes if order_type in _LIMIT_FIRST else changes | {"trigger": _trigger(descr, fields)}


def _trigger(descr: Mapping[str, Any], fields: Mapping[str, Any]) -> Trigger:
    price, kind = _price(descr.get("price"), "price of descr") or (None, None)
    now = None if fields.get("stopprice") is None else number(fields["stopprice"], "stopprice")
    misc = None if fields.get("misc") is None else _listed(fields["misc"])
    return Trigger(
        price=price,
        price_type=kind,
        status=None if misc is None else "untriggered" if _STARTED.isdisjoint(misc) else "triggered",
        actual_price=now or None,
    )


def _price(value: Any, name: str) -> tuple[Decimal, str] | None:
    """Read a price or an offset; v1 shows `0.00000` where there is none."""
    found = offset(value, name) if value else None
    return None if found is None or not found[0] else found


def _complete(fields: Mapping[str, Any], changes: dict[str, Any]) -> None:
    """Settle what takes more than one field to know, and drop the zeros that mean nothing."""
    if "avg_price" not in changes and fields.get("price") is not None:
        changes["avg_price"] = number(fields["price"], "price")  # its name before 2022
    if fields.get("limitprice") is not None and (limit := number(fields["limitprice"], "limitprice")):
        changes["limit_price"] = limit  # that of a trailing order once its trigger has come
        changes |= {"limit_price_type": "static"} if "limit_price_type" in changes else {}
    if changes.get("cum_qty") == 0:
        changes.pop("avg_price", None)  # the documentation shows the limit there, of nothing filled
    flags = _listed(fields.get("oflags"))
    if fields.get("oflags") is not None:
        changes["post_only"] = "post" in flags
        fee = next((each for each in flags if each in _FEES_IN), None)
        changes |= {} if fee is None else {"fee_preference": fee}
    if "viqc" in flags and "qty" in changes:
        changes["cash_order_qty"] = changes.pop("qty")
    for name in ("order_userref", "avg_price", "effective_time", "expire_time", "display_qty"):
        if name in changes and not changes[name]:
            del changes[name]  # v1 shows 0 where there is none


def _counted(value: Any) -> Decimal:
    # A number in captures, a text in the documentation (section 7.1).
    return number(str(value) if type(value) is int and abs(value) < _MOST else value, "ratecount")


def _lower(value: Any, name: str) -> str:
    return text(value, name).lower()


def _contingent(value: Any, name: str) -> Contingent:
    given = object_of(value, name)
    order_type = text(given.get("ordertype"), "ordertype of contingent")
    first, second = (_price(given.get(each), f"{each} of contingent") for each in ("price", "price2"))
    limit, trigger = (first, None) if order_type in _LIMIT_FIRST else (second, first)
    return Contingent(
        order_type,
        *(trigger or (None, None)),
        *(limit or (None, None)),
    )


_MOST: Final = 10**9
_FIELDS: Final[Mapping[str, tuple[str, Callable[[Any, str], Any]]]] = {
    "cl_ord_id": ("cl_ord_id", text),
    "userref": ("order_userref", whole),
    "refid": ("parent", text),
    "vol": ("qty", amount),
    "vol_exec": ("cum_qty", amount),
    "cost": ("cum_cost", amount),
    "avg_price": ("avg_price", amount),
    "starttm": ("effective_time", optional_moment),
    "expiretm": ("expire_time", optional_moment),
    "timeinforce": ("time_in_force", _lower),
    "display_volume": ("display_qty", amount),
    "display_volume_remain": ("display_qty_remain", amount),
    "contingent": ("contingent", _contingent),
    "margin": ("margin", flag),
    "amended": ("amended", flag),
    "sender_sub_id": ("sender_sub_id", text),
}
_OF_A_FILL: Final[Mapping[str, tuple[str, Callable[[Any, str], Any]]]] = {
    "ordertype": ("order_type", text),
    "cl_ord_id": ("cl_ord_id", text),
    "userref": ("order_userref", whole),
}
_DESCRIBED: Final = frozenset(
    {"pair", "type", "ordertype", "price", "price2", "leverage", "order", "close", "position", "aclass"}
)
_OF_TRADES: Final = frozenset(_OF_A_FILL) | frozenset(
    {"ordertxid", "postxid", "pair", "time", "type", "price", "cost", "fee", "vol", "margin", "margin_borrow"}
    | {"ext_exec_id"}
)
_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "status": frozenset(_STATUSES),
    "timeinforce": frozenset({"GTC", "IOC", "GTD"}),
    "oflags": _FEES_IN | {"viqc", "nompp", "post"},
    "misc": _STARTED | {"liquidation", "liquidated", "partial", "amended"},
}
