"""Changes to an order that exists: what `amend_order` and `edit_order` send (ws-v2 reference sections 6.3 and 6.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rxkraken.errors import InvalidArgument
from rxkraken.trading import prices
from rxkraken.trading.order import check_display, options, positive
from rxkraken.trading.prices import PRICE_TYPES, quoted
from rxkraken.trading.values import choice, userref

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rxkraken.trading.market_rules import MarketRules

_EDIT_FLAGS: Final = ("post_only", "reduce_only", "no_mpp")


def amendment(fields: Mapping[str, Any], rules: MarketRules) -> dict[str, Any]:
    """Return what `amend_order` changes. A price without a type is absolute; the order's own type is not known here.

    Neither minimums nor the part that an iceberg shows are checked: both depend on what is filled by then.
    """
    sent = _quantities(fields, rules)
    for name, wire in (("price", "limit_price"), ("trigger_price", "trigger_price")):
        sent |= _price(name, wire, fields.get(name), fields.get(f"{wire}_type"), rules)
    sent |= options(fields, ("post_only",))
    if not sent:
        raise InvalidArgument("amend_order changes nothing; give qty, price, trigger_price, display_qty or post_only")
    return sent


def _price(name: str, wire: str, value: Any, kind: Any, rules: MarketRules) -> dict[str, Any]:
    if value is None:
        if kind is not None:
            raise InvalidArgument(f"{wire}_type={kind!r} without a price: give {name} too")
        return {}
    word = None if kind is None else choice(f"{wire}_type", kind, PRICE_TYPES)
    sent: dict[str, Any] = {wire: quoted(name, value, word, rules)}
    return sent if word is None else sent | {f"{wire}_type": word}


def edition(fields: Mapping[str, Any], rules: MarketRules) -> dict[str, Any]:
    """Return what `edit_order` changes in the order that it places anew."""
    sent = _quantities(fields, rules)
    if fields.get("price") is not None:
        sent["limit_price"] = quoted("price", fields["price"], None, rules)
    given = prices.trigger_fields(fields)
    if given:
        sent["triggers"] = prices.trigger_object(given, rules)
    if "display_qty" in sent and "order_qty" in sent:
        check_display(sent["display_qty"], sent["order_qty"])
    sent |= options(fields, _EDIT_FLAGS)
    if fields.get("order_userref") is not None:
        sent["order_userref"] = userref("order_userref", fields["order_userref"])
    # It is a new order to the market, of a kind that is not known here; the exchange judges the rest.
    rules.check_open()
    rules.check_minimum(None if sent.get("reduce_only") else sent.get("order_qty"), sent.get("limit_price"), None)
    return sent


def _quantities(fields: Mapping[str, Any], rules: MarketRules) -> dict[str, Any]:
    named = (("qty", "order_qty"), ("display_qty", "display_qty"))
    return {wire: positive(name, fields[name], rules) for name, wire in named if fields.get(name) is not None}
