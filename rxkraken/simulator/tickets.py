"""From the fields of a request to an order: what they mean together, apart from the market's rules and the money.

ws-v2 reference section 6.1: which price goes where, how offsets count, what excludes what.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Any, Literal, cast

from rxkraken.simulator.accounts import ZERO, AccountOrder, Triggers
from rxkraken.simulator.fields import CONDITIONAL, TRIGGERS, check_object, number
from rxkraken.simulator.rejections import (
    INVALID_ARGUMENTS,
    INVALID_PRICE,
    NO_MARGIN,
    NO_POSITION,
    UNKNOWN_POSITION,
    Rejected,
    invalid,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rxkraken.simulator.engine import Side
    from rxkraken.simulator.market import Market
    from rxkraken.simulator.wire import Calendar

Fields = dict[str, Any]

LIMITED = frozenset({"limit", "iceberg", "stop-loss-limit", "take-profit-limit", "trailing-stop-limit"})
TRIGGERED = frozenset({
    "stop-loss", "stop-loss-limit", "take-profit", "take-profit-limit", "trailing-stop", "trailing-stop-limit",
})  # fmt: skip
TRAILING = frozenset({"trailing-stop", "trailing-stop-limit"})
ORDER_TYPES = frozenset({"limit", "market", "iceberg", "settle-position"}) | TRIGGERED
SECONDARY = (LIMITED | TRIGGERED) - {"iceberg"}
PRICE_TYPES = ("static", "pct", "quote")
DEPRECATED = {
    "stop_price": "stop_price is deprecated, use triggers.price",
    "trigger": "trigger is deprecated use triggers.reference",
}
MOST_GTD = timedelta(days=31).total_seconds()
ICEBERG_PARTS = 15
_MOST_TICKS = 18
_ID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|[!-~]{1,18}")
_CHOICES: dict[str, tuple[str, ...]] = {
    "side": ("buy", "sell"),
    "time_in_force": ("gtc", "gtd", "ioc", "fok"),
    "fee_preference": ("base", "quote"),
    "stp_type": ("cancel_newest", "cancel_oldest", "cancel_both"),
    "limit_price_type": PRICE_TYPES,
}


def warnings_of(fields: Mapping[str, Any]) -> list[str]:
    """What the answer says about deprecated fields."""
    return [text for name, text in DEPRECATED.items() if name in fields]


def draft(fields: Fields, market: Market, calendar: Calendar, now: float) -> AccountOrder:
    """The order that checked fields describe, without an id yet. Raises `Rejected`."""
    order_type = fields.get("order_type")
    if order_type not in ORDER_TYPES or fields.get("side") is None:
        raise Rejected(INVALID_ARGUMENTS)
    if order_type == "settle-position":
        raise Rejected(UNKNOWN_POSITION)
    for name, allowed in _CHOICES.items():
        if fields.get(name, allowed[0]) not in allowed:
            raise invalid(name)
    side: Side = fields["side"]
    order = AccountOrder("", market.spec.symbol, side, order_type, ZERO, now)
    order.time_in_force = fields.get("time_in_force", "gtc")
    order.fee_preference = fields.get("fee_preference", "quote" if side == "buy" else "base")
    order.stp_type = fields.get("stp_type", "cancel_newest")
    order.order_userref = fields.get("order_userref", 0)
    order.sender_sub_id = fields.get("sender_sub_id")
    _flags(order, fields)
    _identity(order, fields)
    _quantity(order, fields)
    _times(order, fields, calendar, now)
    order.triggers = triggers_of(order_type, side, _trigger_fields(fields), market)
    _limit(order, fields, market)
    _conditional(order, fields)
    return order


def triggers_of(order_type: str, side: Side, given: Fields | None, market: Market) -> Triggers | None:
    """What an order of this type waits for, with the price that triggers it from now on."""
    if order_type not in TRIGGERED:
        if given is not None:
            raise invalid("triggers")
        return None
    if given is None:
        raise invalid("triggers")
    check_object(given, TRIGGERS, "triggers")
    price, reference = number(given, "price"), given.get("reference", "last")
    trailing = order_type in TRAILING
    price_type = given.get("price_type", "static")
    if price is None or reference not in ("last", "index") or price_type not in PRICE_TYPES:
        raise invalid("triggers")
    if reference == "index" and not market.spec.has_index:
        raise Rejected(f"{INVALID_ARGUMENTS}:Index unavailable")
    if trailing and (price_type == "static" or price <= 0):
        raise Rejected(INVALID_PRICE)
    now = market.reference(reference)
    # Stops and trailing stops sell into a fall and buy into a rise; take-profits do the opposite.
    rising = (side == "buy") != order_type.startswith("take-profit")
    made = Triggers(reference, price, price_type, ZERO, rising, trailing, now if trailing else None)
    signed = price if not trailing or rising else -price
    made.actual_price = price if price_type == "static" else on_tick(apply(now, signed, price_type), market)
    if made.actual_price <= 0:
        raise Rejected(INVALID_PRICE)
    return made


def trail(order: AccountOrder, price: Decimal, market: Market) -> None:
    """Move a trailing trigger, and the limit that hangs on it, behind a new best price; nothing if it is none."""
    triggers = order.triggers
    if triggers is None or triggers.peak_price is None:
        return
    if price >= triggers.peak_price if triggers.rising else price <= triggers.peak_price:
        return
    triggers.peak_price = price
    signed = triggers.price if triggers.rising else -triggers.price
    triggers.actual_price = on_tick(apply(price, signed, triggers.price_type), market)
    if order.limit_offset is not None:
        limit = apply(triggers.actual_price, order.limit_offset, order.limit_price_type)
        order.limit_price = max(on_tick(limit, market), market.spec.increment)


def apply(base: Decimal, value: Decimal, price_type: str) -> Decimal:
    """A price that is given as itself, as percent of a base, or as a distance from it."""
    match price_type:
        case "pct":
            return base * (1 + value / 100)
        case "quote":
            return base + value
        case _:
            return value


def on_tick(price: Decimal, market: Market) -> Decimal:
    """The tick next to a computed price. Raises `Rejected` for one that is beyond all prices."""
    tick = market.spec.increment
    ticks = price / tick
    if ticks.adjusted() > _MOST_TICKS:
        raise Rejected(INVALID_PRICE)
    return ticks.quantize(Decimal(1), ROUND_HALF_EVEN) * tick


def secondary_fields(order: AccountOrder, qty: Decimal) -> Fields:
    """The close order that a fill of this order creates, as the fields of a request."""
    given = order.conditional or {}
    fields: Fields = {
        "order_type": given["order_type"],
        "side": "sell" if order.side == "buy" else "buy",
        "order_qty": qty,
        "order_userref": order.order_userref,
    }
    for name in ("limit_price", "limit_price_type"):
        if name in given:
            fields[name] = given[name]
    trigger = given.get("trigger_price", given.get("stop_price"))
    if trigger is not None:
        fields["triggers"] = {"price": trigger, "price_type": given.get("trigger_price_type", "static")}
    return fields


def _flags(order: AccountOrder, fields: Fields) -> None:
    order.post_only = fields.get("post_only", False)
    order.margin = fields.get("margin", False)
    order.reduce_only = fields.get("reduce_only", False)
    if order.reduce_only:
        # There are no margin positions here, so there is none to reduce.
        raise Rejected(NO_POSITION)
    if order.margin:
        raise Rejected(NO_MARGIN)
    if order.post_only and (order.order_type not in LIMITED or order.time_in_force in ("ioc", "fok")):
        raise invalid("post_only")


def _identity(order: AccountOrder, fields: Fields) -> None:
    for name in ("cl_ord_id", "sender_sub_id"):
        value = fields.get(name)
        if value is not None and not _ID.fullmatch(value):
            raise invalid(name)
    order.cl_ord_id = fields.get("cl_ord_id")
    if order.cl_ord_id is not None and ("order_userref" in fields or "conditional" in fields):
        raise invalid("cl_ord_id")


def _quantity(order: AccountOrder, fields: Fields) -> None:
    qty, cash = number(fields, "order_qty"), number(fields, "cash_order_qty")
    if cash is not None:
        if qty is not None or order.order_type != "market" or order.side != "buy":
            raise invalid("cash_order_qty")
        order.cash_qty = cash
    elif qty is None:
        raise invalid("order_qty")
    else:
        order.qty = qty
    if (cash if qty is None else qty) <= 0:  # pyright: ignore[reportOptionalOperand] -- one of the two is there
        raise invalid("order_qty")
    display = number(fields, "display_qty")
    if (display is not None) != (order.order_type == "iceberg"):
        raise invalid("display_qty")
    if display is not None and not order.qty / ICEBERG_PARTS <= display <= order.qty:
        raise invalid("display_qty")
    order.display_qty = display


def _times(order: AccountOrder, fields: Fields, calendar: Calendar, now: float) -> None:
    expire, effective = (_moment(fields, name, calendar) for name in ("expire_time", "effective_time"))
    if (expire is not None) != (order.time_in_force == "gtd"):
        raise invalid("expire_time")
    if expire is not None and not 0 < expire - now <= MOST_GTD:
        raise invalid("expire_time")
    if effective is not None and expire is not None and effective >= expire:
        raise invalid("effective_time")
    order.expire_time = expire
    order.effective_time = effective if effective is not None and effective > now else None
    allowed = {"gtd": order.order_type != "market", "fok": order.order_type == "limit"}
    if not allowed.get(order.time_in_force, True):
        raise invalid("time_in_force")


def _moment(fields: Fields, name: str, calendar: Calendar) -> float | None:
    text = fields.get(name)
    if text is None:
        return None
    moment = calendar.reading(text)
    if moment is None:
        raise invalid(name)
    return moment


def _trigger_fields(fields: Fields) -> Fields | None:
    given = cast("Fields | None", fields.get("triggers"))
    old = {new: fields[name] for name, new in (("stop_price", "price"), ("trigger", "reference")) if name in fields}
    return {**old, **(given or {})} if given is not None or old else None


def _limit(order: AccountOrder, fields: Fields, market: Market) -> None:
    price = number(fields, "limit_price")
    if (price is not None) != (order.order_type in LIMITED):
        raise invalid("limit_price")
    if price is None:
        return
    trailing = order.order_type in TRAILING
    kind: Literal["static", "pct", "quote"] = fields.get("limit_price_type", "quote" if trailing else "static")
    if order.triggers is None and kind != "static":
        raise invalid("limit_price_type")
    order.limit_price_type = kind
    if kind != "static":
        base = order.triggers.actual_price if order.triggers else price
        order.limit_offset, price = price, on_tick(apply(base, price, kind), market)
    if price <= 0:
        raise Rejected(INVALID_PRICE)
    order.limit_price = price


def _conditional(order: AccountOrder, fields: Fields) -> None:
    given = cast("Fields | None", fields.get("conditional"))
    if given is None:
        return
    check_object(given, CONDITIONAL, "conditional")
    kind = given.get("order_type")
    trigger = number(given, "trigger_price" if "trigger_price" in given else "stop_price")
    limit = number(given, "limit_price")
    types = (given.get("limit_price_type", "static"), given.get("trigger_price_type", "static"))
    complete = (trigger is not None) == (kind in TRIGGERED) and (limit is not None) == (kind in LIMITED)
    if kind not in SECONDARY or not complete or any(each not in PRICE_TYPES for each in types):
        raise invalid("conditional")
    if (kind in TRAILING and types[1] == "static") or (kind == "limit" and types[0] != "static"):
        raise invalid("conditional")
    order.conditional = given
