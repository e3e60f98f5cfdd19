"""The fields of trading requests: which each method takes, of which type each is, and what Kraken says otherwise.

Numbers are JSON numbers, never text (ws-v2 reference section 2.4); an unknown field refuses the whole request.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal, cast

from rxkraken.simulator.rejections import Rejected, invalid

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

Fields = dict[str, Any]
Kind = Literal["number", "string", "boolean", "integer", "object", "array"]

ORDER = (
    "order_type", "side", "order_qty", "cash_order_qty", "limit_price", "limit_price_type", "triggers",
    "time_in_force", "expire_time", "effective_time", "margin", "reduce_only", "post_only", "cl_ord_id",
    "order_userref", "conditional", "display_qty", "fee_preference", "no_mpp", "stp_type", "sender_sub_id",
    "stop_price", "trigger",
)  # fmt: skip
METHODS: dict[str, frozenset[str]] = {
    "add_order": frozenset({*ORDER, "symbol", "deadline", "validate"}),
    "amend_order": frozenset({
        "order_id", "cl_ord_id", "order_qty", "limit_price", "limit_price_type", "trigger_price", "trigger_price_type",
        "display_qty", "post_only", "deadline", "symbol",
    }),
    "edit_order": frozenset({
        "order_id", "symbol", "order_qty", "limit_price", "display_qty", "triggers", "fee_preference",
        "order_userref", "post_only", "reduce_only", "deadline", "validate", "no_mpp",
    }),
    "cancel_order": frozenset({"order_id", "cl_ord_id", "order_userref"}),
    "cancel_all": frozenset(),
    "cancel_all_orders_after": frozenset({"timeout"}),
    "batch_add": frozenset({"orders", "symbol", "deadline", "validate"}),
    "batch_cancel": frozenset({"orders", "cl_ord_id"}),
}  # fmt: skip
TRIGGERS = frozenset({"reference", "price", "price_type"})
CONDITIONAL = frozenset({
    "order_type", "limit_price", "limit_price_type", "trigger_price", "trigger_price_type", "stop_price",
})  # fmt: skip

_TYPES: dict[str, Kind] = {
    **dict.fromkeys(
        ("order_qty", "cash_order_qty", "limit_price", "display_qty", "stop_price", "trigger_price", "price"), "number"
    ),
    **dict.fromkeys(("margin", "reduce_only", "post_only", "no_mpp", "validate"), "boolean"),
    **dict.fromkeys(("order_userref", "timeout"), "integer"),
    **dict.fromkeys(("triggers", "conditional"), "object"),
    "orders": "array",
}
# The same names hold lists where orders are cancelled.
_LISTS: dict[str, dict[str, Kind]] = {
    "cancel_order": dict.fromkeys(("order_id", "cl_ord_id", "order_userref"), "array"),
    "batch_cancel": {"cl_ord_id": "array"},
}
# Only the first of these sentences is confirmed.
_SAID: dict[Kind, str] = {
    "number": "a number_float", "boolean": "a boolean", "integer": "an integer", "string": "a string",
    "object": "an object", "array": "an array",
}  # fmt: skip


def check_fields(method: str, fields: Mapping[str, Any]) -> None:
    """Refuse unknown fields and wrong types of a request."""
    check_object(fields, METHODS[method], method.replace("_", " "), _LISTS.get(method, {}))


def check_object(
    fields: Mapping[str, Any], allowed: Collection[str], kind: str, types: Mapping[str, Kind] | None = None
) -> None:
    """Refuse unknown fields and wrong types of an object that is called `kind` in the answer."""
    for name, value in fields.items():
        if name not in allowed:
            raise Rejected(f"Unsupported field: '{name}' for the given msg type: {kind}")
        wanted = (types or {}).get(name) or _TYPES.get(name, "string")
        if not _is(wanted, value):
            raise Rejected(f"{name.capitalize()} field must be {_SAID[wanted]}")


def number(fields: Mapping[str, Any], name: str) -> Decimal | None:
    """A number that was checked, exact; None when it is not there."""
    value = fields.get(name)
    if value is None:
        return None
    exact = Decimal(value)
    digits = len(exact.as_tuple().digits)
    if not exact.is_finite() or not -_MOST_DIGITS <= exact.adjusted() <= _LARGEST or digits > _MOST_DIGITS:
        raise invalid(name)
    return exact


# Beyond it no price and no quantity makes sense, and arithmetic would round.
_MOST_DIGITS = 24
_LARGEST = 14


def _is(kind: Kind, value: Any) -> bool:
    match kind:
        case "number":
            return isinstance(value, int | Decimal) and not isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "boolean":
            return isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "object":
            return isinstance(value, dict)
        case "array":
            return isinstance(value, list) and len(cast("list[Any]", value)) > 0
