"""Orders and fills as REST tells them, and orders in Kraken's own words (rest reference section 8.2)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rxkraken.simulator.rest_market import digits_of
from rxkraken.simulator.rest_names import pair_altname, pair_id
from rxkraken.simulator.rest_wire import fixed, unix

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rxkraken.simulator.accounts import AccountOrder, Amend, Fill
    from rxkraken.simulator.instruments import SymbolSpec
    from rxkraken.simulator.wire import Calendar

STATUSES: Mapping[str, str] = {
    "pending_new": "pending",
    "new": "open",
    "partially_filled": "open",
    "filled": "closed",
    "canceled": "canceled",
    "expired": "expired",
}
_ZERO = Decimal(0)


def order_object(order: AccountOrder, spec: SymbolSpec, calendar: Calendar, *, trades: bool = False) -> dict[str, Any]:
    """An order with all its members; closed ones have `closetm` and `reason`, `trades` lists the ids of its fills."""
    digits = digits_of(spec)
    triggers = order.triggers
    started = triggers is not None and triggers.triggered_at is not None
    return {
        "refid": order.ref_id,
        "userref": order.order_userref,
        **({"cl_ord_id": order.cl_ord_id} if order.cl_ord_id else {}),
        "status": STATUSES[order.status],
        "opentm": _time(calendar, order.opened),
        "starttm": _time(calendar, order.effective_time),
        "expiretm": _time(calendar, order.expire_time),
        "descr": description(order, spec),
        "vol": fixed(order.qty, spec.qty_precision),
        "vol_exec": fixed(order.cum_qty, spec.qty_precision),
        "cost": fixed(order.cum_cost, digits),
        "fee": fixed(_fee(order), digits),
        "price": fixed(order.avg_price, digits),
        "stopprice": fixed(triggers.actual_price if triggers else _ZERO, digits),
        "limitprice": fixed(order.limit_price or _ZERO if started else _ZERO, digits),
        **({"trigger": triggers.reference} if triggers else {}),
        **({"margin": True} if order.margin else {}),
        "misc": _misc(order),
        "oflags": _flags(order),
        "timeinforce": order.time_in_force.upper(),
        **({"trades": [fill.exec_id for fill in order.fills]} if trades and order.fills else {}),
        **({"sender_sub_id": order.sender_sub_id} if order.sender_sub_id else {}),
        **_end(order, calendar),
    }


def amend_object(amend: Amend, spec: SymbolSpec, calendar: Calendar) -> dict[str, Any]:
    """One state of an order that was amended."""
    prices = {"limit_price": amend.limit_price, "trigger_price": amend.trigger_price}
    display = {} if amend.display_qty is None else {"display_qty": fixed(amend.display_qty, spec.qty_precision)}
    return {
        "amend_id": amend.amend_id,
        "amend_type": amend.kind,
        "order_qty": fixed(amend.qty, spec.qty_precision),
        **display,
        "remaining_qty": fixed(amend.remaining, spec.qty_precision),
        **{name: fixed(price, spec.price_precision) for name, price in prices.items() if price is not None},
        "post_only": amend.post_only,
        "timestamp": calendar.micros(amend.time) * 1000,
    }


def _end(order: AccountOrder, calendar: Calendar) -> dict[str, Any]:
    if order.closed is None:
        return {}
    return {"reason": order.reason, "closetm": _time(calendar, order.closed)}


def _time(calendar: Calendar, at: float | None) -> Any:
    return 0 if at is None else unix(calendar.micros(at))


def _fee(order: AccountOrder) -> Decimal:
    """All fees in the quote currency."""
    in_base = order.fees.get(order.base, _ZERO)
    return order.fees.get(order.quote, _ZERO) + in_base * order.avg_price


def _misc(order: AccountOrder) -> str:
    words: list[str] = []
    if order.triggers and order.triggers.triggered_at is not None:
        words.append("touched" if order.order_type.startswith("take-profit") else "stopped")
    if order.closed is not None and 0 < order.cum_qty < order.qty:
        words.append("partial")
    if order.amended:
        words.append("amended")
    return ",".join(words)


def _flags(order: AccountOrder) -> str:
    flags = ["fcib" if order.fee_preference == "base" else "fciq"]
    if order.post_only:
        flags.append("post")
    if order.cash_qty is not None:
        flags.append("viqc")
    return ",".join(flags)


# --- in words ---------------------------------------------------------------------------------------------------------


def description(order: AccountOrder, spec: SymbolSpec) -> dict[str, Any]:
    """The `descr` of an order."""
    price, price2 = _prices(order, spec)
    return {
        "pair": pair_altname(spec.symbol),
        "aclass": "forex",
        "type": order.side,
        "ordertype": order.order_type,
        "price": price or "0",
        "price2": price2 or "0",
        "leverage": _leverage(order, spec),
        "order": in_words(order, spec),
        "close": close_in_words(order.conditional, spec) if order.conditional else "",
    }


def in_words(order: AccountOrder, spec: SymbolSpec) -> str:
    """`buy 1.25000000 XBTUSD @ limit 30010.0`, or `… @ stop loss 24000.0 -> limit 23900.0 with 5:1 leverage`."""
    price, price2 = _prices(order, spec)
    volume = fixed(order.qty or order.cash_qty or _ZERO, spec.qty_precision)
    words = f"{order.side} {volume} {pair_altname(spec.symbol)} @ {_kind(order.order_type, price, price2)}"
    leverage = _leverage(order, spec)
    return words if leverage == "none" else f"{words} with {leverage} leverage"


def close_in_words(close: Mapping[str, Any], spec: SymbolSpec) -> str:
    """`close position @ stop loss 22000.0 -> limit 21000.0`; `close` has the names of WebSocket v2."""
    trigger = close.get("trigger_price", close.get("stop_price"))
    limit = close.get("limit_price")
    first = None if trigger is None else _price(trigger, close.get("trigger_price_type", "static"), spec)
    second = None if limit is None else _price(limit, close.get("limit_price_type", "static"), spec)
    price, price2 = (first, second) if first else (second, None)
    return f"close position @ {_kind(close['order_type'], price, price2)}"


def _kind(order_type: str, price: str | None, price2: str | None) -> str:
    """The order type with its prices: a limit at the end of its name is the second price."""
    name = "limit" if order_type == "iceberg" else order_type
    name = name.removesuffix("-limit").replace("-", " ")
    first = f"{name} {price}" if price else name
    return f"{first} -> limit {price2}" if price2 else first


def _prices(order: AccountOrder, spec: SymbolSpec) -> tuple[str | None, str | None]:
    """Kraken's `price` and `price2`: the trigger and the limit, or the limit alone."""
    limit = None
    if order.limit_offset is not None:
        limit = _price(order.limit_offset, order.limit_price_type, spec)
    elif order.limit_price is not None:
        limit = _price(order.limit_price, "static", spec)
    if order.triggers is None:
        return limit, None
    return _price(order.triggers.price, order.triggers.price_type, spec), limit


def _price(value: Decimal, kind: str, spec: SymbolSpec) -> str:
    match kind:
        case "pct":
            return f"{fixed(Decimal(value), 4) if value < 0 else f'+{fixed(Decimal(value), 4)}'}%"
        case "quote":
            text = fixed(Decimal(value), spec.price_precision)
            return text if value < 0 else f"+{text}"
        case _:
            return fixed(Decimal(value), spec.price_precision)


def _leverage(order: AccountOrder, spec: SymbolSpec) -> str:
    """`margin` of WebSocket v2 means the most leverage that the pair has, at most 5 (ws-v2 reference section 6.1)."""
    if not order.margin or not spec.margin_initial:
        return "none"
    return f"{min(5, int(1 / Decimal(spec.margin_initial)))}:1"


# --- fills ------------------------------------------------------------------------------------------------------------


def fill_object(fill: Fill, spec: SymbolSpec, calendar: Calendar) -> dict[str, Any]:
    """One fill with its members; what concerns margin is zero."""
    digits = digits_of(spec)
    fee = fill.fee * fill.price if fill.fee_asset == spec.base else fill.fee
    return {
        "ordertxid": fill.order_id,
        "postxid": f"T{fill.order_id[1:]}",
        "pair": pair_id(spec.symbol),
        "time": _time(calendar, fill.time),
        "type": fill.side,
        "ordertype": fill.order_type,
        "price": fixed(fill.price, digits),
        "cost": fixed(fill.cost, digits),
        "fee": fixed(fee, digits),
        "vol": fixed(fill.qty, spec.qty_precision),
        "margin": fixed(_ZERO, digits),
        "leverage": "0",
        "misc": "",
        "trade_id": fill.trade_id,
        "maker": fill.liquidity == "m",
    }
