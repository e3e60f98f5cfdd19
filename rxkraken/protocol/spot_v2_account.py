"""The account channels of the spot WebSocket v2 dialect: sparse records to reports (ws-v2 reference section 5).

A report holds what one record really says, under the names of `Order` and with exact numbers; merging it into what is
known already is the business of `rxkraken.account`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, cast

from rxkraken.models.trading import Balance, Contingent, Fee, LedgerChange, Trigger, Wallet
from rxkraken.protocol.spot_v2 import Malformed

_ZERO: Final = Decimal(0)
EXEC_TYPES: Final = frozenset(
    {"pending_new", "new", "trade", "filled", "iceberg_refill", "canceled", "expired", "amended", "restated", "status"}
)
ORDER_STATUSES: Final = frozenset({"pending_new", "new", "partially_filled", "filled", "canceled", "expired"})


@dataclass(frozen=True, slots=True)
class FillReport:
    """One fill of an order. Ids and liquidity may be missing on some servers."""

    exec_id: str
    trade_id: int | None
    qty: Decimal
    price: Decimal
    cost: Decimal | None
    liquidity: str | None
    fees: tuple[Fee, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """One record of `executions`, or its like from REST: which order, what happened, and what is known of it now.

    `changes` maps names of `Order` fields to the values that the record carries; names that it lacks are unchanged.
    """

    order_id: str
    exec_type: str
    status: str
    timestamp: datetime | None
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    fill: FillReport | None = None
    reason: str | None = None
    rate_count: Decimal | None = None


def execution(record: Mapping[str, Any]) -> Report:
    """Read one record of `executions`. `order_id`, `exec_type` and `order_status` must be there, all else may be."""
    changes: dict[str, Any] = {}
    for wire, value in record.items():
        if value is not None and wire in _FIELDS:
            name, read = _FIELDS[wire]
            changes[name] = read(value, wire)
    if "stop_price" in record:
        _take_deprecated(record, changes)
    if "order_userref" in changes and changes["order_userref"] == 0:
        changes["order_userref"] = None  # section 7, quirk 30: orders without one show 0
    if changes.get("avg_price") == 0:
        del changes["avg_price"]
    reason = record.get("reason", record.get("cancel_reason"))
    return Report(
        order_id=_text(record.get("order_id"), "order_id"),
        exec_type=_text(record.get("exec_type"), "exec_type"),
        status=_text(record.get("order_status"), "order_status"),
        timestamp=None if record.get("timestamp") is None else _time(record["timestamp"], "timestamp"),
        changes=changes,
        fill=_fill(record),
        reason=reason if isinstance(reason, str) and reason else None,
        rate_count=_rate_count(record),
    )


def surprise(record: Mapping[str, Any]) -> str | None:
    """Name what this version does not know about an `executions` record: fields, then words; None if all is known."""
    if unknown := record.keys() - _KNOWN:
        return f"executions has unknown field {', '.join(sorted(unknown))}"
    if record.get("exec_type") not in EXEC_TYPES:
        return f"executions has unknown exec_type {record.get('exec_type')!r}"
    if record.get("order_status") not in ORDER_STATUSES:
        return f"executions has unknown order_status {record.get('order_status')!r}"
    return None


def balance(record: Mapping[str, Any]) -> Balance:
    """Read one asset of a `balances` snapshot (section 5.3)."""
    wallets = record.get("wallets")
    return Balance(
        asset=_text(record.get("asset"), "asset"),
        balance=_number(record.get("balance"), "balance"),
        asset_class=str(record.get("asset_class", "currency")),
        wallets=tuple(_wallet(item) for item in cast("list[Any]", wallets)) if isinstance(wallets, list) else (),
    )


def ledger_change(record: Mapping[str, Any]) -> LedgerChange:
    """Read one ledger record of a `balances` update (section 5.3)."""
    stamp = record.get("timestamp")
    return LedgerChange(
        ledger_id=_text(record.get("ledger_id"), "ledger_id"),
        ref_id=_optional_text(record.get("ref_id")),
        timestamp=None if stamp is None else _time(stamp, "timestamp"),
        type=str(record.get("type", "")),
        subtype=_optional_text(record.get("subtype")),
        category=_optional_text(record.get("category")),
        asset=_text(record.get("asset"), "asset"),
        asset_class=str(record.get("asset_class", "currency")),
        wallet_type=_optional_text(record.get("wallet_type")),
        wallet_id=_optional_text(record.get("wallet_id")),
        amount=_number(record.get("amount"), "amount"),
        fee=_number(record.get("fee", 0), "fee"),
        balance=_number(record.get("balance"), "balance"),
    )


def _wallet(record: Any) -> Wallet:
    if not isinstance(record, dict):
        raise Malformed(f"field wallets holds {record!r}, which is no object")
    fields = cast("dict[str, Any]", record)
    return Wallet(str(fields.get("type", "")), str(fields.get("id", "")), _number(fields.get("balance"), "balance"))


def _fill(record: Mapping[str, Any]) -> FillReport | None:
    if record.get("exec_id") is None or record.get("last_qty") is None:
        return None
    trade_id = record.get("trade_id")
    return FillReport(
        exec_id=_text(record["exec_id"], "exec_id"),
        trade_id=trade_id if isinstance(trade_id, int) else None,
        qty=_number(record["last_qty"], "last_qty"),
        price=_number(record.get("last_price"), "last_price"),
        cost=None if record.get("cost") is None else _number(record["cost"], "cost"),
        liquidity=_optional_text(record.get("liquidity_ind")),
        fees=_fees(record.get("fees")),
    )


def _fees(value: Any) -> tuple[Fee, ...]:
    if not isinstance(value, list):
        return ()
    rows = [cast("dict[str, Any]", row) for row in cast("list[Any]", value) if isinstance(row, dict)]
    return tuple(Fee(_text(row.get("asset"), "asset"), _number(row.get("qty"), "qty")) for row in rows)


def _rate_count(record: Mapping[str, Any]) -> Decimal | None:
    # Name and place of this field are not documented for v2; v1 calls it `ratecount` (section 5.2).
    for name in _RATE_COUNTS:
        if record.get(name) is not None:
            return _number(record[name], "ratecount")
    return None


def _take_deprecated(record: Mapping[str, Any], changes: dict[str, Any]) -> None:
    # Older servers send only the twins of `triggers` (section 5.2); a price of 0 means that there is no trigger.
    price = record.get("stop_price")
    if "trigger" not in changes and price:
        changes["trigger"] = Trigger(
            price=_number(price, "stop_price"), reference=_optional_text(record.get("trigger"))
        )


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise Malformed(f"field {name}={value!r} is not text")
    return value


def _optional_text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _number(value: Any, name: str) -> Decimal:
    if isinstance(value, Decimal):
        return value or _ZERO  # `0.00000000` would print as 0E-8
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    raise Malformed(f"field {name}={value!r} is not a number")


def _integer(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed(f"field {name}={value!r} is not a whole number")
    return value


def _flag(value: Any, name: str) -> bool:
    if not isinstance(value, bool):
        raise Malformed(f"field {name}={value!r} is neither true nor false")
    return value


def _time(value: Any, name: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except (TypeError, ValueError) as error:
        raise Malformed(f"field {name}={value!r} is not a time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _lower(value: Any, name: str) -> str:
    # Requests say `gtc`, executions `GTC` (section 7, quirk 29): one spelling, that of the requests.
    return _text(value, name).lower()


def _trigger(value: Any, name: str) -> Trigger:
    fields = _object(value, name)
    return Trigger(
        price=_maybe_number(fields, "price"),
        price_type=_optional_text(fields.get("price_type")),
        reference=_optional_text(fields.get("reference")),
        status=_optional_text(fields.get("status")),
        actual_price=_maybe_number(fields, "actual_price"),
        peak_price=_maybe_number(fields, "peak_price"),
        last_price=_maybe_number(fields, "last_price"),
    )


def _contingent(value: Any, name: str) -> Contingent:
    fields = _object(value, name)
    return Contingent(
        order_type=_optional_text(fields.get("order_type")),
        trigger_price=_maybe_number(fields, "trigger_price"),
        trigger_price_type=_optional_text(fields.get("trigger_price_type")),
        limit_price=_maybe_number(fields, "limit_price"),
        limit_price_type=_optional_text(fields.get("limit_price_type")),
    )


def _maybe_number(fields: Mapping[str, Any], name: str) -> Decimal | None:
    return None if fields.get(name) is None else _number(fields[name], name)


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"field {name}={value!r} is not an object")
    return cast("dict[str, Any]", value)


_FIELDS: Final[Mapping[str, tuple[str, Callable[[Any, str], Any]]]] = {
    "cl_ord_id": ("cl_ord_id", _text),
    "order_userref": ("order_userref", _integer),
    "symbol": ("symbol", _text),
    "side": ("side", _text),
    "order_type": ("order_type", _text),
    "order_qty": ("qty", _number),
    "cash_order_qty": ("cash_order_qty", _number),
    "display_qty": ("display_qty", _number),
    "display_qty_remain": ("display_qty_remain", _number),
    "limit_price": ("limit_price", _number),
    "limit_price_type": ("limit_price_type", _text),
    "triggers": ("trigger", _trigger),
    "contingent": ("contingent", _contingent),
    "time_in_force": ("time_in_force", _lower),
    "post_only": ("post_only", _flag),
    "reduce_only": ("reduce_only", _flag),
    "margin": ("margin", _flag),
    "effective_time": ("effective_time", _time),
    "expire_time": ("expire_time", _time),
    "fee_ccy_pref": ("fee_preference", _text),
    "sender_sub_id": ("sender_sub_id", _text),
    "cum_qty": ("cum_qty", _number),
    "cum_cost": ("cum_cost", _number),
    "avg_price": ("avg_price", _number),
    "fee_usd_equiv": ("fee_usd_equiv", _number),
    "amended": ("amended", _flag),
    "ord_ref_id": ("parent", _text),
}
_RATE_COUNTS: Final = ("ratecount", "ratecounter", "rate_count")
_KNOWN: Final = frozenset(_FIELDS) | frozenset(_RATE_COUNTS) | frozenset(
    {
        "order_id", "exec_type", "order_status", "timestamp", "exec_id", "trade_id", "last_qty", "last_price", "cost",
        "liquidity_ind", "fees", "reason", "no_mpp", "margin_borrow", "liquidated", "position_status", "ext_ord_id",
        "ext_exec_id", "user", "cancel_reason", "stop_price", "trigger", "triggered_price",
    }
)  # fmt: skip
