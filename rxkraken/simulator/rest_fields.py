"""From REST's parameters of an order to the fields of WebSocket v2, which the exchange's desk takes.

Rest reference sections 8.3 to 8.6 against ws-v2 reference sections 6.1, 6.3 and 6.4. What REST can say and WebSocket
cannot (relative prices of plain limit orders, times from now) is worked out here.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, cast

from rxkraken.simulator.rest_wire import (
    Params,
    as_list,
    as_number,
    as_text,
    as_truth,
    as_whole,
    bad,
    exact,
    iso,
    needed,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rxkraken.simulator.market import Market

Fields = dict[str, Any]


class Clock(Protocol):
    """Whoever knows the time."""

    @property
    def second(self) -> int:
        """The whole second since 1970 that it is now."""
        ...


_FLAGS = frozenset({"post", "fcib", "fciq", "nompp", "viqc"})
_TRIGGERED = (
    "stop-loss", "take-profit", "stop-loss-limit", "take-profit-limit", "trailing-stop", "trailing-stop-limit",
)  # fmt: skip
_PLAIN = ("limit", "iceberg")
_INT32 = 1 << 31
# Unix seconds with more digits are beyond any calendar.
_DIGITS_OF_TIME = 11
# A change cannot say what kind of order it changes; the order knows.
_NAMES: Mapping[str, str] = {
    "order_type": "ordertype",
    "side": "type",
    "symbol": "pair",
    "order_qty": "volume",
    "cash_order_qty": "volume",
    "display_qty": "displayvol",
    "limit_price": "price",
    "triggers": "price",
    "limit_price_type": "price2",
    "time_in_force": "timeinforce",
    "effective_time": "starttm",
    "expire_time": "expiretm",
    "stp_type": "stptype",
    "order_userref": "userref",
    "conditional": "close",
    "post_only": "oflags",
    "fee_preference": "oflags",
}


def in_rest_words(text: str) -> str:
    """An error text with REST's name of the field that is wrong."""
    head, colon, detail = text.rpartition(":")
    return f"{head}{colon}{_NAMES[detail]}" if detail in _NAMES else text


def order_fields(clock: Clock, params: Params, market: Market) -> Fields:
    """The fields of one order of AddOrder or AddOrderBatch, without the pair."""
    flags = _flags(params)
    order_type, side = needed(params, "ordertype"), needed(params, "type")
    fields: Fields = {"order_type": order_type, "side": side}
    fields["cash_order_qty" if "viqc" in flags else "order_qty"] = needed(params, "volume", as_number)
    fields |= _prices(params, order_type, side, market)
    fields |= _options(params)
    fields |= _of_flags(flags)
    fields |= _times(clock, params)
    close = params.get("close")
    if close:
        fields["conditional"] = _close(cast("Params", close), side) if isinstance(close, dict) else bad("close")
    return fields


def _options(params: Params) -> Fields:
    """What has another name, and nothing more."""
    leverage = (as_text(params, "leverage") or "none").partition(":")[0]
    if leverage != "none" and not leverage.isdecimal():
        bad("leverage")
    told: Fields = {
        "display_qty": as_number(params, "displayvol"),
        "time_in_force": (as_text(params, "timeinforce") or "").lower() or None,
        "stp_type": (as_text(params, "stptype") or "").replace("-", "_") or None,
        "order_userref": as_whole(params, "userref", least=-_INT32, most=_INT32 - 1),
        "cl_ord_id": as_text(params, "cl_ord_id"),
        "sender_sub_id": as_text(params, "sender_sub_id"),
        "margin": leverage not in {"none", "0", "1"} or None,
        "reduce_only": as_truth(params, "reduce_only") or None,
    }
    return {name: value for name, value in told.items() if value is not None}


def _flags(params: Params) -> list[str]:
    flags = as_list(params, "oflags") or []
    return flags if _FLAGS.issuperset(flags) else bad("oflags")


def _of_flags(flags: list[str]) -> Fields:
    fields: Fields = {}
    if "post" in flags:
        fields["post_only"] = True
    if "fcib" in flags or "fciq" in flags:
        fields["fee_preference"] = "base" if "fcib" in flags else "quote"
    return fields


def _times(clock: Clock, params: Params) -> Fields:
    """`starttm` and `expiretm`: 0, `+n` seconds from now, or Unix time."""
    fields: Fields = {}
    for name, field in (("starttm", "effective_time"), ("expiretm", "expire_time")):
        text = as_text(params, name) or "0"
        digits = text.removeprefix("+")
        if not digits.isdecimal() or len(digits) > _DIGITS_OF_TIME:
            bad(name)
        if text != "0":
            fields[field] = iso(int(digits) + (clock.second if text.startswith("+") else 0))
    return fields


# --- prices -----------------------------------------------------------------------------------------------------------


def _prices(params: Params, order_type: str, side: str, market: Market) -> Fields:
    """`price` is the limit of a limit order and the trigger of the others, whose limit is `price2` (section 8.3)."""
    price, price2 = as_text(params, "price"), as_text(params, "price2")
    if order_type in _PLAIN:
        value, kind = relative(price or bad("price"), "price", _sign(order_type, side))
        return {"limit_price": _absolute(value, kind, market)}
    if order_type not in _TRIGGERED:
        return {}
    sign = 1 if order_type.startswith("trailing") else _sign(order_type, side)
    value, kind = relative(price or bad("price"), "price", sign)
    triggers: Fields = {"price": value, "price_type": kind}
    if reference := as_text(params, "trigger"):
        triggers["reference"] = reference
    if not order_type.endswith("-limit"):
        return {"triggers": triggers}
    limit, limit_kind = relative(price2 or bad("price2"), "price2", _sign("stop-loss", side))
    return {"triggers": triggers, "limit_price": limit, "limit_price_type": limit_kind}


def _sign(order_type: str, side: str) -> int:
    """Where `#` points: a stop or the limit behind it runs with the price, the others wait for a better one."""
    ahead = 1 if side == "buy" else -1
    return ahead if order_type.startswith(("stop-loss", "trailing")) else -ahead


def relative(text: str, name: str, sign: int) -> tuple[Decimal, str]:
    """A price and its type: `+`, `-` or `#` and perhaps `%` make it an offset; `#` has the sign that fits the order."""
    offset = text[:1] in {"+", "-", "#"}
    digits = text.lstrip("#").removesuffix("%")
    value = exact(digits, name)
    if text.endswith("%") and not offset:
        bad(name)
    if text.startswith("#"):
        value *= sign
    return value, ("pct" if text.endswith("%") else "quote") if offset else "static"


def _absolute(value: Decimal, kind: str, market: Market) -> Decimal:
    """The price that an offset from the last trade means, on a tick."""
    if kind == "static":
        return value
    last = Decimal(market.last_price).scaleb(-market.spec.price_precision)
    meant = last * (1 + value / 100) if kind == "pct" else last + value
    tick = market.spec.increment
    return (meant / tick).quantize(Decimal(1)) * tick


def _close(close: Params, side: str) -> Fields:
    """The conditional close order: its prices are those of an order of the opposite side."""
    kind: str = needed(close, "ordertype")
    back = "sell" if side == "buy" else "buy"
    fields: Fields = {"order_type": kind}
    price, kind_of_price = relative(needed(close, "price"), "close[price]", _sign(kind, back))
    if kind not in _TRIGGERED:
        return fields | {"limit_price": price}
    fields |= {"trigger_price": price, "trigger_price_type": kind_of_price}
    if kind.endswith("-limit"):
        limit, kind_of_limit = relative(needed(close, "price2"), "close[price2]", _sign("stop-loss", back))
        fields |= {"limit_price": limit, "limit_price_type": kind_of_limit}
    return fields


# --- changes ----------------------------------------------------------------------------------------------------------


def amend_fields(params: Params) -> Fields:
    """The fields of AmendOrder, whose parameters are named like WebSocket's but for `txid`."""
    fields: Fields = {
        "order_id": as_text(params, "txid") or as_text(params, "order_id"),
        "cl_ord_id": as_text(params, "cl_ord_id"),
        "order_qty": as_number(params, "order_qty"),
        "display_qty": as_number(params, "display_qty"),
        "post_only": as_truth(params, "post_only") or None,
        "deadline": as_text(params, "deadline"),
    }
    for name in ("limit_price", "trigger_price"):
        if text := as_text(params, name):
            fields[name], kind = relative(text, name, 1)
            fields[f"{name}_type"] = None if kind == "static" else kind
    return {name: value for name, value in fields.items() if value is not None}


def edit_fields(params: Params, order_type: str, side: str, market: Market) -> Fields:
    """The fields of EditOrder for an order of this type: what is not given stays."""
    flags = _flags(params)
    fields: Fields = {
        "order_qty": as_number(params, "volume"),
        "display_qty": as_number(params, "displayvol"),
        "order_userref": as_whole(params, "userref", least=-_INT32, most=_INT32 - 1),
        "deadline": as_text(params, "deadline"),
        "validate": as_truth(params, "validate") or None,
        "post_only": "post" in flags or None,
    }
    price, price2 = as_text(params, "price"), as_text(params, "price2")
    if price and order_type in _TRIGGERED:
        value, kind = relative(price, "price", 1 if order_type.startswith("trailing") else _sign(order_type, side))
        fields["triggers"] = {"price": value, "price_type": kind}
    elif price:
        fields["limit_price"] = _absolute(*relative(price, "price", _sign(order_type, side)), market)
    if price2 and order_type in _TRIGGERED:
        fields["limit_price"], _ = relative(price2, "price2", _sign("stop-loss", side))
    return {name: value for name, value in fields.items() if value is not None}
