"""Which price goes where: the limit price, trigger and conditional close of each order type (ws-v2 section 6.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

from rxkraken.errors import InvalidArgument, InvalidOrder
from rxkraken.trading.values import choice, number

if TYPE_CHECKING:
    from decimal import Decimal

    from rxkraken.trading.market_rules import MarketRules

OrderType = Literal[
    "limit", "market", "iceberg", "stop-loss", "stop-loss-limit", "take-profit", "take-profit-limit", "trailing-stop",
    "trailing-stop-limit", "settle-position",
]  # fmt: skip
PriceType = Literal["static", "pct", "quote"]
PRICE_TYPES: Final = ("static", "pct", "quote")
REFERENCES: Final = ("last", "index")


class Shape(NamedTuple):
    """The prices of an order type: whether it has a limit price, a trigger, and a trigger that trails the market."""

    limit: bool
    trigger: bool
    trailing: bool


# The table "Which price goes where" of section 6.1
SHAPES: Final[Mapping[str, Shape]] = {
    "limit": Shape(limit=True, trigger=False, trailing=False),
    "market": Shape(limit=False, trigger=False, trailing=False),
    "iceberg": Shape(limit=True, trigger=False, trailing=False),
    "stop-loss": Shape(limit=False, trigger=True, trailing=False),
    "stop-loss-limit": Shape(limit=True, trigger=True, trailing=False),
    "take-profit": Shape(limit=False, trigger=True, trailing=False),
    "take-profit-limit": Shape(limit=True, trigger=True, trailing=False),
    "trailing-stop": Shape(limit=False, trigger=True, trailing=True),
    "trailing-stop-limit": Shape(limit=True, trigger=True, trailing=True),
    "settle-position": Shape(limit=False, trigger=False, trailing=False),
}
_CLOSING: Final = tuple(name for name in SHAPES if name not in ("market", "iceberg", "settle-position"))
_TRIGGER_FIELDS: Final = ("reference", "price", "price_type")
_CONDITIONAL_FIELDS: Final = (
    "order_type", "limit_price", "limit_price_type", "trigger_price", "trigger_price_type",
)  # fmt: skip


def quoted(name: str, value: Any, kind: str | None, rules: MarketRules) -> Decimal:
    """Return a price of some type: `static` and None are absolute, positive and on the grid, the others offsets."""
    given = number(name, value)
    if kind == "pct":
        return given
    if kind == "quote":
        return rules.offset(given)
    fitted = rules.price(name, given)
    if fitted <= 0:
        rounded = "" if fitted == given else f" (rounded to {fitted:f})"
        raise InvalidOrder(
            f"{name} {given:f}{rounded}: a price is more than 0; offsets have a price type, pct or quote"
        )
    return fitted


def limit_price(order_type: str, price: Any, kind: Any, rules: MarketRules, name: str = "price") -> dict[str, Any]:
    """Return `limit_price` and its type as they are sent, after checking that this order type has them."""
    shape = SHAPES[order_type]
    if not shape.limit:
        if price is not None or kind is not None:
            raise InvalidOrder(f"a {order_type} order has no limit price: leave {name} out{_limit_twin(order_type)}")
        return {}
    if price is None:
        raise InvalidOrder(f"a {order_type} order needs a limit price: give {name}")
    if not shape.trailing:
        if kind is not None:
            raise InvalidOrder(
                f"limit_price_type={kind!r} is for trailing-stop-limit orders only; this is {order_type}"
            )
        return {"limit_price": quoted(name, price, "static", rules)}
    # Kraken's default is an offset in quote currency.
    word = None if kind is None else choice("limit_price_type", kind, PRICE_TYPES)
    sent: dict[str, Any] = {"limit_price": quoted(name, price, word or "quote", rules)}
    return sent if word is None else sent | {"limit_price_type": word}


def _limit_twin(order_type: str) -> str:
    twin = {"market": "limit", "settle-position": None}.get(order_type, f"{order_type}-limit")
    trigger = ", give a trigger as trigger_price" if SHAPES[order_type].trigger else ""
    return f"{trigger}, or make it a {twin} order" if twin else trigger


def trigger_fields(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return reference, price and price type, from the three arguments or from one `triggers` mapping."""
    flat = {
        "reference": fields.get("trigger_reference"),
        "price": fields.get("trigger_price"),
        "price_type": fields.get("trigger_price_type"),
    }
    flat = {name: value for name, value in flat.items() if value is not None}
    given = fields.get("triggers")
    if given is None:
        return flat
    if flat:
        raise InvalidArgument(f"triggers={given!r} and trigger_{next(iter(flat))} say the same thing; give one of them")
    return members("triggers", given, _TRIGGER_FIELDS)


def members(name: str, given: Any, known: tuple[str, ...]) -> dict[str, Any]:
    """Return the members of a nested object that are not None, after checking that Kraken knows them."""
    if not isinstance(given, Mapping):
        raise InvalidArgument(f"{name}={given!r} is no mapping; give one with {', '.join(known)}")
    inner = cast("Mapping[str, Any]", given)
    return {choice(f"member of {name}", key, known): value for key, value in inner.items() if value is not None}


def triggers(order_type: str, given: Mapping[str, Any], rules: MarketRules) -> dict[str, Any]:
    """Return `triggers` as it is sent, after checking that this order type has one and that its price fits."""
    shape = SHAPES[order_type]
    if not shape.trigger:
        if given:
            kinds = ", ".join(name for name, other in SHAPES.items() if other.trigger)
            raise InvalidOrder(
                f"a {order_type} order has no trigger: leave trigger_{next(iter(given))} out, or use {kinds}"
            )
        return {}
    if "price" not in given:
        raise InvalidOrder(f"a {order_type} order needs a trigger: give trigger_price")
    return {"triggers": trigger_object(given, rules, trailing=shape.trailing, order_type=order_type)}


def trigger_object(
    given: Mapping[str, Any], rules: MarketRules, *, trailing: bool = False, order_type: str = ""
) -> dict[str, Any]:
    """Return the members of `triggers`, those given and no others; `edit_order` does not know the order's type."""
    sent: dict[str, Any] = {}
    if "reference" in given:
        sent["reference"] = choice("trigger_reference", given["reference"], REFERENCES)
        rules.check_reference(sent["reference"])
    if "price" not in given:
        raise InvalidArgument("triggers need a price: give trigger_price")
    kind = choice("trigger_price_type", given["price_type"], PRICE_TYPES) if "price_type" in given else None
    sent["price"] = trigger_price(given["price"], kind, rules, trailing=trailing, order_type=order_type)
    return sent if kind is None else sent | {"price_type": kind}


def trigger_price(value: Any, kind: str | None, rules: MarketRules, *, trailing: bool, order_type: str) -> Decimal:
    """Return a trigger's price. "Trailing types: positive `pct` or `quote` reversal from the peak"."""
    if trailing and kind not in ("pct", "quote"):
        raise InvalidOrder(
            f"a {order_type} order trails by a distance: give trigger_price_type='pct' (percent) or 'quote' (an amount)"
        )
    price = quoted("trigger_price", value, kind, rules)
    if trailing and price <= 0:
        raise InvalidOrder(f"trigger_price {price:f}: a {order_type} order trails by a distance of more than 0")
    return price


def conditional(given: Any, rules: MarketRules) -> dict[str, Any]:
    """Return the order that each fill creates, flat as Kraken wants it: `limit_price`, `trigger_price`, their types."""
    if isinstance(given, Mapping) and "stop_price" in given:
        raise InvalidArgument("conditional has a stop_price, which Kraken calls deprecated; name it trigger_price")
    inner = members("conditional", given, _CONDITIONAL_FIELDS)
    try:
        return _secondary(inner, rules)
    except InvalidArgument as error:
        raise type(error)(f"conditional: {error}") from None


def _secondary(inner: Mapping[str, Any], rules: MarketRules) -> dict[str, Any]:
    order_type = choice("order_type", inner.get("order_type"), _CLOSING)
    kind = inner.get("limit_price_type")
    sent = {"order_type": order_type} | limit_price(order_type, inner.get("limit_price"), kind, rules, "limit_price")
    trigger = {name.removeprefix("trigger_"): value for name, value in inner.items() if name.startswith("trigger_")}
    for name, value in triggers(order_type, trigger, rules).get("triggers", {}).items():
        sent[f"trigger_{name}"] = value
    return sent
