"""One new order, from the arguments of `add_order` to the object on the wire (ws-v2 reference section 6.1)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

from rxkraken.errors import InvalidOrder
from rxkraken.models.rounding import EXACT
from rxkraken.trading import prices
from rxkraken.trading.prices import SHAPES
from rxkraken.trading.times import expiry, moment, whole_seconds
from rxkraken.trading.values import choice, client_id, extras, flag, number, userref

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rxkraken.trading.market_rules import MarketRules

Side = Literal["buy", "sell"]
TimeInForce = Literal["gtc", "gtd", "ioc", "fok"]
FeePreference = Literal["base", "quote"]
StpType = Literal["cancel_newest", "cancel_oldest", "cancel_both"]

_SIDES: Final = ("buy", "sell")
_TIMES_IN_FORCE: Final = ("gtc", "gtd", "ioc", "fok")
_FLAGS: Final = ("margin", "reduce_only", "post_only", "no_mpp")
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "fee_preference": ("base", "quote"),
    "stp_type": ("cancel_newest", "cancel_oldest", "cancel_both"),
}
# An iceberg shows at least a fifteenth of itself.
_MOST_SLICES: Final = 15


def new_order(fields: Mapping[str, Any], rules: MarketRules, now: float, new_id: Callable[[], str]) -> dict[str, Any]:
    """Return the order as it is sent, without symbol, deadline, validate and token, which belong to the request.

    `fields` are the arguments of `add_order` by their names; None is left out. Raises `InvalidArgument` for a value
    that cannot be read, and `InvalidOrder` for one that the order's type or the market does not allow.
    """
    order_type = choice("order_type", fields.get("order_type"), SHAPES)
    order: dict[str, Any] = {"order_type": order_type, "side": choice("side", fields.get("side"), _SIDES)}
    order |= _amount(order, fields, rules)
    order |= prices.limit_price(order_type, fields.get("price"), fields.get("limit_price_type"), rules)
    order |= prices.triggers(order_type, prices.trigger_fields(fields), rules)
    order |= _times(order_type, fields, now)
    order |= options(fields, _FLAGS)
    if fields.get("conditional") is not None:
        order["conditional"] = prices.conditional(fields["conditional"], rules)
    order |= _identity(fields, new_id)
    _check_options(order, rules)
    _check_minimum(order, rules)
    return extras(order, fields.get("extra"))


def _amount(order: Mapping[str, Any], fields: Mapping[str, Any], rules: MarketRules) -> dict[str, Any]:
    qty, cash = fields.get("qty"), fields.get("cash_order_qty")
    if (qty is None) == (cash is None):
        raise InvalidOrder(
            f"qty={qty!r} and cash_order_qty={cash!r}: give one of them, qty in base or cash in quote units"
        )
    if cash is None:
        may_be_zero = order["order_type"] == "settle-position" or fields.get("reduce_only") is True
        sent = {"order_qty": positive("qty", qty, rules, may_be_zero=may_be_zero)}
        return sent | _display(order["order_type"], fields.get("display_qty"), sent["order_qty"], rules)
    if order["order_type"] != "market" or order["side"] != "buy" or fields.get("margin"):
        raise InvalidOrder(
            f"cash_order_qty={cash!r} is for market buy orders without margin only, and this is a "
            f"{order['order_type']} {order['side']}{' with margin' if fields.get('margin') else ''}; give qty"
        )
    spent = rules.cost("cash_order_qty", number("cash_order_qty", cash))
    if spent <= 0:
        raise InvalidOrder(f"cash_order_qty {spent:f}: give the amount to spend, more than 0")
    return {"cash_order_qty": spent} | _display("market", fields.get("display_qty"), spent, rules)


def positive(name: str, value: Any, rules: MarketRules, *, may_be_zero: bool = False) -> Decimal:
    """Return a quantity on the market's grid; more than 0, but where closing a position allows 0."""
    given = number(name, value)
    fitted = rules.qty(name, given)
    if fitted < 0 or (fitted == 0 and not may_be_zero):
        rounded = "" if fitted == given else f" (rounded to {fitted:f})"
        raise InvalidOrder(f"{name} {given:f}{rounded}: a quantity is more than 0; side says whether to buy or sell")
    return fitted


def _display(order_type: str, value: Any, qty: Decimal, rules: MarketRules) -> dict[str, Any]:
    if (value is not None) != (order_type == "iceberg"):
        if value is None:
            raise InvalidOrder("an iceberg order needs display_qty, the part of it that is shown")
        raise InvalidOrder(f"display_qty={value!r} is for iceberg orders only, and this is a {order_type} order")
    if value is None:
        return {}
    shown = positive("display_qty", value, rules)
    check_display(shown, qty)
    return {"display_qty": shown}


def check_display(shown: Decimal, qty: Decimal) -> None:
    """Refuse to show less than a fifteenth of the order, or more than all of it."""
    if shown > qty:
        raise InvalidOrder(f"display_qty {shown:f} is more than qty {qty:f}; show a part of the order")
    if EXACT.multiply(shown, Decimal(_MOST_SLICES)) < qty:
        least = EXACT.divide(qty, Decimal(_MOST_SLICES))
        raise InvalidOrder(f"display_qty {shown:f} is less than a fifteenth of qty {qty:f}; show at least {least:.10g}")


def _times(order_type: str, fields: Mapping[str, Any], now: float) -> dict[str, Any]:
    force, expires, starts = (fields.get(name) for name in ("time_in_force", "expire_time", "effective_time"))
    sent: dict[str, Any] = {}
    if force is not None:
        sent["time_in_force"] = choice("time_in_force", force, _TIMES_IN_FORCE)
    if force == "fok" and order_type != "limit":
        raise InvalidOrder(f"time_in_force='fok' is for limit orders only, and this is a {order_type} order")
    if (force == "gtd") != (expires is not None):
        raise InvalidOrder(
            f"time_in_force={force!r} and expire_time={expires!r}: time_in_force='gtd' and expire_time go together"
        )
    if starts is not None:
        sent["effective_time"] = whole_seconds(moment("effective_time", starts, now))
    if expires is not None:
        at = expiry(expires, now)
        if starts is not None and moment("effective_time", starts, now) >= at:
            raise InvalidOrder(
                f"the order would expire at {whole_seconds(at)}, before its start {sent['effective_time']}"
            )
        sent["expire_time"] = whole_seconds(at)
    return sent


def options(fields: Mapping[str, Any], flags: tuple[str, ...]) -> dict[str, Any]:
    """Return the booleans and words that were given."""
    sent: dict[str, Any] = {name: flag(name, fields[name]) for name in flags if fields.get(name) is not None}
    words = {name: known for name, known in _WORDS.items() if fields.get(name) is not None}
    return sent | {name: choice(name, fields[name], known) for name, known in words.items()}


def _identity(fields: Mapping[str, Any], new_id: Callable[[], str]) -> dict[str, Any]:
    own, tag, closing = (fields.get(name) for name in ("cl_ord_id", "order_userref", "conditional"))
    sent: dict[str, Any] = {}
    if fields.get("sender_sub_id") is not None:
        sent["sender_sub_id"] = client_id("sender_sub_id", fields["sender_sub_id"])
    if tag is not None:
        sent["order_userref"] = userref("order_userref", tag)
    if own is None:
        return sent if tag is not None or closing is not None else sent | {"cl_ord_id": client_id("new_id()", new_id())}
    other = "order_userref" if tag is not None else "conditional"
    if tag is not None or closing is not None:
        raise InvalidOrder(f"cl_ord_id={own!r} and {other}={fields[other]!r}: an order can have one of them only")
    return sent | {"cl_ord_id": client_id("cl_ord_id", own)}


def _check_options(order: Mapping[str, Any], rules: MarketRules) -> None:
    order_type, limit_priced = order["order_type"], SHAPES[order["order_type"]].limit
    if order.get("post_only") and not limit_priced:
        raise InvalidOrder(f"post_only=True is for orders with a limit price, and this is a {order_type} order")
    if order.get("post_only") and order.get("time_in_force") in ("ioc", "fok"):
        raise InvalidOrder(
            f"post_only=True waits in the book and time_in_force={order['time_in_force']!r} does not; give one of them"
        )
    if order.get("no_mpp") and order_type != "market":
        raise InvalidOrder(f"no_mpp=True is for market orders only, and this is a {order_type} order; leave it out")
    rules.check_margin(margin=bool(order.get("margin")))
    rules.check_status(
        limit_priced=limit_priced,
        post_only=bool(order.get("post_only")),
        margin=bool(order.get("margin")),
        reduce_only=bool(order.get("reduce_only")),
    )


def _check_minimum(order: Mapping[str, Any], rules: MarketRules) -> None:
    # Closing what is left of a position may take less than the minimum.
    if order["order_type"] == "settle-position" or order.get("reduce_only"):
        return
    absolute = not SHAPES[order["order_type"]].trailing or order.get("limit_price_type") == "static"
    price = order.get("limit_price") if absolute else None
    rules.check_minimum(order.get("order_qty"), price, order.get("cash_order_qty"))
