"""Orders in the spot WebSocket v1 dialect: requests out of the words of v2, and results into them (ws-v1 section 8).

An order is checked and built once, as v2 has it; what goes on the wire for v1 is the same order in REST's old names,
its numbers and times as texts.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from rxkraken.errors import InvalidOrder
from rxkraken.symbols import to_v1

if TYPE_CHECKING:
    from collections.abc import Mapping

EVENTS: Final[Mapping[str, str]] = {
    "add_order": "addOrder",
    "amend_order": "amendOrder",
    "edit_order": "editOrder",
    "cancel_order": "cancelOrder",
    "cancel_all": "cancelAll",
    "cancel_all_orders_after": "cancelAllOrdersAfter",
}
"""The events of v1 by the methods of this library; its replies are called the same with `Status` behind."""

Fields = dict[str, Any]
_OF_V2_ONLY: Final = frozenset({"batch_add", "batch_cancel"})
_RESULTS: Final[Mapping[str, str]] = {
    "txid": "order_id",
    "originaltxid": "original_order_id",
    "amend_id": "amend_id",
    "cl_ord_id": "cl_ord_id",
    "descr": "descr",
    "count": "count",
    "currentTime": "currentTime",
    "triggerTime": "triggerTime",
}


def is_method(name: str) -> bool:
    """Whether it is a trading method of this library, one that v1 lacks included."""
    return name in EVENTS or name in _OF_V2_ONLY


def event_of(method: str) -> str:
    """Return the event of a method; raises `InvalidOrder` for those that v1 has not."""
    if method not in EVENTS:
        raise InvalidOrder(f"WebSocket v1 has no {method}; send the orders one by one, or use KrakenClient")
    return EVENTS[method]


def fields_of(method: str, params: Mapping[str, Any]) -> Fields:
    """Say a request of ws-v2 reference section 6 in v1's words. Raises `InvalidOrder` for what v1 has no words for."""
    match method:
        case "add_order":
            return _new_order(params)
        case "edit_order":
            return _edition(params)
        case "amend_order":
            return _renamed(params, _AMENDED, "amend_order")
        case "cancel_order":
            return _cancelled(params)
        case _:
            return dict(params)


def result_of(frame: Mapping[str, Any]) -> Fields:
    """Return what a status event says, under the names of v2's results.

    With `validate` there is a description and no order (section 8.1), which v2 says by an empty `order_id`.
    """
    result = {name: frame[wire] for wire, name in _RESULTS.items() if frame.get(wire) is not None}
    return {"order_id": "", **result} if "descr" in result else result


# --- one method each --------------------------------------------------------------------------------------------------


def _new_order(params: Mapping[str, Any]) -> Fields:
    given = dict(params)
    order_type = given.pop("order_type")
    if order_type == "iceberg":
        raise _no_words("add_order", "iceberg orders")
    if given.get("time_in_force") == "fok":
        # Documented for no version of v1: one that ignores it would leave the order in the book.
        raise _no_words("add_order", "time_in_force='fok'")
    flags = _flags(given)
    fields: Fields = {
        "ordertype": order_type,
        "type": given.pop("side"),
        "pair": to_v1(given.pop("symbol")),
        "volume": _volume(given, flags),
        **_prices(given, order_type),
        **_closing(given.pop("conditional", None)),
    }
    if flags:
        fields["oflags"] = ",".join(flags)
    return fields | _renamed(given, _ADDED, "add_order")


def _edition(params: Mapping[str, Any]) -> Fields:
    given = dict(params)
    given.pop("deadline", None)  # section 8.3 has none; v2 sends one with every order
    flags = ["post"] if given.pop("post_only", False) else []
    fields: Fields = {"orderid": given.pop("order_id"), "pair": to_v1(given.pop("symbol"))}
    if "order_qty" in given:
        fields["volume"] = _text(given.pop("order_qty"))
    fields |= _prices(given, "")
    if flags:
        fields["oflags"] = ",".join(flags)
    return fields | _renamed(given, {"order_userref": "newuserref", "validate": "validate"}, "edit_order")


def _cancelled(params: Mapping[str, Any]) -> Fields:
    txids = [*params.get("order_id", ()), *map(str, params.get("order_userref", ()))]
    fields: Fields = {"txid": txids} if txids else {}
    return fields | ({"cl_ord_id": list(params["cl_ord_id"])} if "cl_ord_id" in params else {})


_ADDED: Final[Mapping[str, str]] = {
    "margin": "margin",
    "reduce_only": "reduce_only",
    "time_in_force": "timeinforce",
    "effective_time": "starttm",
    "expire_time": "expiretm",
    "deadline": "deadline",
    "cl_ord_id": "cl_ord_id",
    "order_userref": "userref",
    "sender_sub_id": "sender_sub_id",
    "stp_type": "stp_type",
    "validate": "validate",
    "leverage": "leverage",
    "price2": "price2",
}
_AMENDED: Final[Mapping[str, str]] = {
    "order_id": "txid",
    "cl_ord_id": "cl_ord_id",
    "order_qty": "volume",
    "display_qty": "display_volume",
    "limit_price": "limit_price",
    "trigger_price": "trigger_price",
    "post_only": "post_only",
    "symbol": "pair",
    "deadline": "deadline",
}
_NATIVE: Final = frozenset({"margin", "reduce_only", "post_only"})
_TIMES: Final = frozenset({"starttm", "expiretm"})


def _renamed(params: Mapping[str, Any], names: Mapping[str, str], method: str) -> Fields:
    fields: Fields = {}
    kinds = {name: params[f"{name}_type"] for name in ("limit_price", "trigger_price") if f"{name}_type" in params}
    for name, value in params.items():
        if name.endswith("_price_type"):
            continue
        if name not in names:
            raise _no_words(method, f"{name} (here {value!r})")
        wire = names[name]
        fields[wire] = _relative(value, kinds[name]) if name in kinds else _worded(wire, value)
    return fields


def _no_words(method: str, what: str) -> InvalidOrder:
    return InvalidOrder(f"{method}: WebSocket v1 has no {what}; leave it out, or use KrakenClient")


def _worded(wire: str, value: Any) -> Any:
    if wire == "pair":
        return to_v1(value)
    if wire in _TIMES:
        return str(int(datetime.fromisoformat(value).timestamp()))
    if wire == "timeinforce":
        return str(value).upper()
    return value if wire in _NATIVE else _text(value)


# --- parts of an order ------------------------------------------------------------------------------------------------


def _flags(given: Fields) -> list[str]:
    """Take out of an order what v1 says in its `oflags`."""
    flags: list[str] = []
    if given.pop("post_only", False):
        flags.append("post")
    fee = given.pop("fee_preference", None)
    if fee is not None:
        flags.append("fcib" if fee == "base" else "fciq")
    if given.pop("no_mpp", False):
        flags.append("nompp")
    return flags


def _volume(given: Fields, flags: list[str]) -> str:
    cash = given.pop("cash_order_qty", None)
    if cash is None:
        return _text(given.pop("order_qty"))
    flags.append("viqc")
    return _text(cash)


def _prices(given: Fields, order_type: str) -> Fields:
    """V1's `price` is the trigger where there is one, and the limit price comes second then (section 8.1)."""
    limit, kind = given.pop("limit_price", None), given.pop("limit_price_type", None)
    trigger = given.pop("triggers", None)
    if trigger is None:
        return {} if limit is None else {"price": _text(limit)}
    if trigger.get("reference", "last") != "last":
        raise _no_words("an order", f"trigger reference {trigger['reference']!r}, only the last price")
    fields = {"price": _relative(trigger["price"], trigger.get("price_type", "static"))}
    if limit is not None:
        # An offset in quote currency is v2's default for trailing orders (ws-v2 reference section 6.1).
        default = "quote" if order_type.startswith("trailing") else "static"
        fields["price2"] = _relative(limit, kind or default)
    return fields


def _closing(conditional: Mapping[str, Any] | None) -> Fields:
    """The conditional close: literal bracket keys at the top level."""
    if conditional is None:
        return {}
    close = dict(conditional)
    trigger = {name.removeprefix("trigger_"): close[name] for name in close if name.startswith("trigger_")}
    prices: Fields = {name: close[name] for name in ("limit_price", "limit_price_type") if name in close}
    prices |= {"triggers": trigger} if trigger else {}
    written = {"ordertype": close["order_type"], **_prices(prices, close["order_type"])}
    return {f"close[{name}]": value for name, value in written.items()}


def _relative(value: Decimal, kind: str) -> str:
    """Write a price, an offset (`+1.5`, `-2`) or a percentage (`+1%`), as v1 and REST have them."""
    if kind == "static":
        return _text(value)
    signed = _text(value) if value < 0 else f"+{_text(value)}"
    return f"{signed}%" if kind == "pct" else signed


def _text(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case Decimal():
            return format(value, "f")
        case _:
            return str(value)
