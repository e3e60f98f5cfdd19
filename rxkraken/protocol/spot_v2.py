"""The spot WebSocket v2 dialect: records to models, topics to requests, replies to values (ws-v2 reference 1 to 3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from rxkraken.errors import InvalidArgument
from rxkraken.models.market import Asset, Candle, Instrument, Instruments, Ticker, Trade
from rxkraken.models.status import SystemStatus
from rxkraken.protocol.json import dumps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rxkraken.protocol.topics import Topic

DEPTHS = (10, 25, 100, 500, 1000)
LEVEL3_DEPTHS = (10, 100, 1000)
INTERVALS = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
TRIGGERS = ("trades", "bbo")

BOOK_FIELDS = frozenset({"symbol", "bids", "asks", "checksum", "timestamp"})
FRAME_FIELDS = frozenset({"channel", "type", "data", "timestamp", "sequence"})
SYSTEM_STATES = frozenset({"online", "cancel_only", "post_only", "limit_only", "maintenance"})

_FIELDS: Mapping[str, frozenset[str]] = {
    "ticker": frozenset(
        {"symbol", "bid", "bid_qty", "ask", "ask_qty", "last", "volume", "vwap", "low", "high", "change"}
        | {"change_pct", "trades", "timestamp"}
    ),
    "trade": frozenset({"symbol", "side", "price", "qty", "ord_type", "trade_id", "timestamp"}),
    "ohlc": frozenset(
        {
            "symbol",
            "open",
            "high",
            "low",
            "close",
            "trades",
            "volume",
            "vwap",
            "interval_begin",
            "interval",
            "timestamp",
        }
    ),
}
_ENUMS: Mapping[tuple[str, str], frozenset[str]] = {
    ("trade", "side"): frozenset({"buy", "sell"}),
    ("trade", "ord_type"): frozenset({"limit", "market"}),
}


class Malformed(ValueError):
    """A record lacks what its channel promises; the frame is reported and skipped."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to a request, whichever method (ws-v2 reference section 2.2). `success` is true on a pong.

    `rate_threshold` comes with the ack of `executions` (section 5.2, `maxratecount`). `wire` is the answer as it came,
    where `frame` is it in other words.
    """

    method: str
    success: bool
    req_id: int | None
    symbol: str | None
    error: str | None
    warnings: tuple[str, ...]
    frame: Mapping[str, Any]
    rate_threshold: int | None = None
    wire: Mapping[str, Any] | None = None


def reply(frame: Mapping[str, Any]) -> Reply:
    """Read a response; every field may be missing or odd, as live servers show."""
    result: Any = frame.get("result")
    details: Mapping[str, Any] = cast("Mapping[str, Any]", result) if isinstance(result, dict) else {}
    error = frame.get("error")
    req_id = frame.get("req_id")
    symbol: Any = details.get("symbol", frame.get("symbol"))
    warnings: Any = details.get("warnings") or frame.get("warnings") or ()
    return Reply(
        method=str(frame.get("method")),
        success=bool(frame.get("success", error is None)),
        req_id=req_id if isinstance(req_id, int) else None,
        symbol=symbol if isinstance(symbol, str) else None,
        error=None if error is None else error if isinstance(error, str) else str(error),
        warnings=tuple(str(warning) for warning in warnings) if isinstance(warnings, list | tuple) else (),  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        frame=frame,
        rate_threshold=details["maxratecount"] if isinstance(details.get("maxratecount"), int) else None,
    )


def connection_error(frame: Mapping[str, Any]) -> str | None:
    """Find the text of an error that belongs to the connection: `{"error": …}`, `{"Error": …}`, or an object inside."""
    error = frame.get("error", frame.get("Error"))
    if isinstance(error, dict):
        return str(error.get("message") or error)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
    return None if error is None else str(error)


def subscribe(topics: Sequence[Topic], req_id: int, *, snapshot: bool, token: str | None = None) -> str:
    """Ask for topics that differ in their symbols only. `symbol` is always an array (ws-v2 reference section 2.5)."""
    # `executions` has `snap_orders` and `snap_trades` instead (section 5.2).
    extra = {} if topics[0].channel == "executions" else {"snapshot": snapshot}
    return _request("subscribe", topics, req_id, extra, token)


def unsubscribe(topics: Sequence[Topic], req_id: int, *, token: str | None = None) -> str:
    """Leave topics that differ in their symbols only, repeating their parameters (ws-v2 reference section 3.7)."""
    return _request("unsubscribe", topics, req_id, {}, token)


def _request(method: str, topics: Sequence[Topic], req_id: int, extra: Mapping[str, Any], token: str | None) -> str:
    first = topics[0]
    params: dict[str, Any] = {"channel": first.channel}
    symbols = [topic.symbol for topic in topics if topic.symbol is not None]
    if symbols:
        params["symbol"] = symbols
    if method == "subscribe":
        params.update(first.params, **extra)
    else:
        # `include_tokenized_assets` and its like choose content, they are not part of the identity to leave.
        params.update((name, value) for name, value in first.params if name in _IDENTITY)
    if token is not None:
        params["token"] = token
    return dumps({"method": method, "params": params, "req_id": req_id})


_IDENTITY = frozenset({"depth", "interval", "event_trigger"})


VERB: Final = "method"
NUMBER: Final = "req_id"


def request(raw: Mapping[str, Any], req_id: int) -> str:
    """Encode any request with our own `req_id`; the caller's mapping is left as it was."""
    return dumps({**raw, "req_id": req_id})


def split(raw: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the method of any request and its parameters, where the token goes. Raises `InvalidArgument`."""
    params = raw.get("params", {})
    if not isinstance(params, dict):
        raise InvalidArgument(f"params={params!r}: give a dict")
    return raw["method"], cast("dict[str, Any]", params)


def private_request(method: str, params: Mapping[str, Any], req_id: int, token: str | None) -> str:
    """Encode an account or order request; the token goes into a copy of its parameters (section 5.1)."""
    return dumps({"method": method, "params": {**params, "token": token}, "req_id": req_id})


def ping(req_id: int) -> str:
    """Ask for a pong; a ping takes no params (ws-v2 reference section 1.6)."""
    return dumps({"method": "ping", "req_id": req_id})


def surprise(channel: str, record: Mapping[str, Any]) -> str | None:
    """Name what this version does not know about a record: fields, then enum values. `None` when all is familiar."""
    if fields := record.keys() - _FIELDS[channel]:
        return f"{channel} has unknown field {', '.join(sorted(fields))}"
    for (owner, name), known in _ENUMS.items():
        if owner == channel and record.get(name) not in known:
            return f"{channel} has unknown {name} {record.get(name)!r}"
    return None


def ticker(record: Mapping[str, Any], received: float, epoch: int) -> Ticker:
    """Read one ticker record, decoded with every digit kept."""
    stamp = record.get("timestamp")
    trades = record.get("trades")
    return Ticker(
        symbol=_text(record, "symbol"),
        bid=_number(record, "bid"),
        bid_qty=_number(record, "bid_qty"),
        ask=_number(record, "ask"),
        ask_qty=_number(record, "ask_qty"),
        last=_number(record, "last"),
        volume=_number(record, "volume"),
        vwap=_number(record, "vwap"),
        low=_number(record, "low"),
        high=_number(record, "high"),
        change=_number(record, "change"),
        change_pct=_number(record, "change_pct"),
        trades=None if trades is None else _integer(record, "trades"),
        timestamp=None if stamp is None else _time(record, "timestamp"),
        received=received,
        epoch=epoch,
    )


def trade(record: Mapping[str, Any], received: float, epoch: int) -> Trade:
    """Read one trade record, decoded with every digit kept."""
    return Trade(
        symbol=_text(record, "symbol"),
        side=_text(record, "side"),
        price=_number(record, "price"),
        qty=_number(record, "qty"),
        ord_type=_text(record, "ord_type"),
        trade_id=_integer(record, "trade_id"),
        timestamp=_time(record, "timestamp"),
        received=received,
        epoch=epoch,
    )


def candle(record: Mapping[str, Any], received: float, epoch: int, *, snapshot: bool) -> Candle:
    """Read one candle record. The deprecated `timestamp` is ignored: servers disagree on what it means."""
    return Candle(
        symbol=_text(record, "symbol"),
        interval=_integer(record, "interval"),
        interval_begin=_time(record, "interval_begin"),
        open=_number(record, "open"),
        high=_number(record, "high"),
        low=_number(record, "low"),
        close=_number(record, "close"),
        vwap=_number(record, "vwap"),
        volume=_number(record, "volume"),
        trades=_integer(record, "trades"),
        snapshot=snapshot,
        received=received,
        epoch=epoch,
    )


def instruments(before: Instruments | None, data: Mapping[str, Any], received: float, epoch: int) -> Instruments:
    """Apply an instrument snapshot (`before` is None) or update: complete records of what changed."""
    assets = dict(before.assets) if before else {}
    pairs = dict(before.pairs) if before else {}
    new_assets = [asset(record) for record in data.get("assets") or ()]
    new_pairs = [instrument(record) for record in data.get("pairs") or ()]
    assets.update((item.id, item) for item in new_assets)
    pairs.update((item.symbol, item) for item in new_pairs)
    changed = (*(item.id for item in new_assets), *(item.symbol for item in new_pairs))
    return Instruments(MappingProxyType(pairs), MappingProxyType(assets), changed, received, epoch)


def asset(record: Mapping[str, Any]) -> Asset:
    """Read one asset record."""
    return Asset(
        id=_text(record, "id"),
        status=_text(record, "status"),
        precision=_integer(record, "precision"),
        precision_display=_integer(record, "precision_display"),
        borrowable=bool(record.get("borrowable", False)),
        collateral_value=_number(record, "collateral_value") if "collateral_value" in record else Decimal(0),
        margin_rate=_optional_number(record, "margin_rate"),
        multiplier=_optional_number(record, "multiplier"),
    )


def instrument(record: Mapping[str, Any]) -> Instrument:
    """Read one pair record; `tick_size` is the deprecated twin of `price_increment` and stands in for it."""
    increment = "price_increment" if "price_increment" in record else "tick_size"
    return Instrument(
        symbol=_text(record, "symbol"),
        base=_text(record, "base"),
        quote=_text(record, "quote"),
        status=_text(record, "status"),
        price_precision=_integer(record, "price_precision"),
        qty_precision=_integer(record, "qty_precision"),
        price_increment=_number(record, increment),
        qty_increment=_number(record, "qty_increment"),
        qty_min=_number(record, "qty_min"),
        cost_precision=_integer(record, "cost_precision"),
        cost_min=_number(record, "cost_min"),
        marginable=bool(record.get("marginable", False)),
        margin_initial=_optional_number(record, "margin_initial"),
        position_limit_long=_optional_integer(record, "position_limit_long"),
        position_limit_short=_optional_integer(record, "position_limit_short"),
        has_index=bool(record.get("has_index", False)),
    )


def system_status(data: Any) -> SystemStatus:
    """Read the engine state; only `system` is certain to be there (ws-v2 reference section 1.4)."""
    record = data[0] if isinstance(data, list) and data else None  # pyright: ignore[reportUnknownVariableType]
    if not isinstance(record, dict):
        raise Malformed("status carries no record")
    connection_id = record.get("connection_id")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    return SystemStatus(
        system=_text(record, "system"),  # pyright: ignore[reportUnknownArgumentType]
        api_version=str(record.get("api_version", "v2")),  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        version=str(record.get("version", "")),  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
        connection_id=connection_id if isinstance(connection_id, int) else None,
    )


def _text(record: Mapping[str, Any], name: str) -> str:
    value = record.get(name)
    if not isinstance(value, str):
        raise Malformed(f"field {name}={value!r} is not text")
    return value


def _integer(record: Mapping[str, Any], name: str) -> int:
    value = record.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed(f"field {name}={value!r} is not a whole number")
    return value


def _number(record: Mapping[str, Any], name: str) -> Decimal:
    value = record.get(name)
    if isinstance(value, Decimal):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return Decimal(value)
    # `cost_min` is a string in the documentation and a number on the wire (ws-v2 reference section 3.6).
    if isinstance(value, str) and value.replace(".", "", 1).isascii() and value.replace(".", "", 1).isdigit():
        return Decimal(value)
    raise Malformed(f"field {name}={value!r} is not a number")


def _optional_number(record: Mapping[str, Any], name: str) -> Decimal | None:
    return None if record.get(name) is None else _number(record, name)


def _optional_integer(record: Mapping[str, Any], name: str) -> int | None:
    return None if record.get(name) is None else _integer(record, name)


def _time(record: Mapping[str, Any], name: str) -> datetime:
    value = record.get(name)
    try:
        moment = datetime.fromisoformat(value)  # pyright: ignore[reportArgumentType]
    except (TypeError, ValueError) as error:
        raise Malformed(f"field {name}={value!r} is not a time") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
