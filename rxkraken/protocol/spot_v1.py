"""The spot WebSocket v1 dialect: topics to requests, events to replies, arrays to models (ws-v1 reference 1 to 5).

Everything inside speaks as v2 does: canonical symbols, this library's names of channels and methods, v2's shape of
replies. V1's spellings (`XBT/USD`, `reqid`, `subscriptionStatus`) exist on the wire and in this module only.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

from rxkraken.errors import UnknownSymbol
from rxkraken.models.market import Candle, Ticker
from rxkraken.models.market_v1 import Spread, TradeV1
from rxkraken.models.rounding import EXACT
from rxkraken.models.status import SystemStatus
from rxkraken.protocol import spot_v1_orders
from rxkraken.protocol.json import dumps
from rxkraken.protocol.spot_v2 import Malformed, Reply
from rxkraken.symbols import canonical, to_v1

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rxkraken.protocol.topics import Topic

CHANNELS: Final[Mapping[str, str]] = {"executions": "openOrders", "own_trades": "ownTrades"}
"""The names that v1 has for channels of this library, where they differ."""
_SIDES: Final[Mapping[Any, str]] = {"b": "buy", "s": "sell"}
_ORD_TYPES: Final[Mapping[Any, str]] = {"m": "market", "l": "limit"}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

# --- requests ---------------------------------------------------------------------------------------------------------


def subscribe(topics: Sequence[Topic], req_id: int, *, snapshot: bool, token: str | None = None) -> str:
    """Ask for topics that differ in their pairs only; `pair` is always an array (section 4.1).

    Only `ownTrades` lets one choose whether it begins with a snapshot.
    """
    first = topics[0]
    extra = {"snapshot": snapshot} if first.channel == "own_trades" else {}
    return _request("subscribe", topics, req_id, {**dict(first.params), **extra}, token)


def unsubscribe(topics: Sequence[Topic], req_id: int, *, token: str | None = None) -> str:
    """Leave topics that differ in their pairs only, repeating depth and interval (section 4.2)."""
    identity = {name: value for name, value in topics[0].params if name in ("depth", "interval")}
    return _request("unsubscribe", topics, req_id, identity, token)


def _request(event: str, topics: Sequence[Topic], req_id: int, options: Mapping[str, Any], token: str | None) -> str:
    channel = topics[0].channel
    subscription: dict[str, Any] = {"name": CHANNELS.get(channel, channel), **options}
    if token is not None:
        subscription["token"] = token
    pairs = [to_v1(topic.symbol) for topic in topics if topic.symbol is not None]
    frame: dict[str, Any] = {"event": event, "reqid": req_id, "subscription": subscription}
    return dumps({**frame, "pair": pairs} if pairs else frame)


def request(raw: Mapping[str, Any], req_id: int) -> str:
    """Encode any request with our own `reqid`; the caller's mapping is left as it was."""
    return dumps({**raw, "reqid": req_id})


def private_request(method: str, params: Mapping[str, Any], req_id: int, token: str | None) -> str:
    """Encode an order request, given in the words of v2, with the token beside its fields (section 8)."""
    event = spot_v1_orders.EVENTS[method]
    return dumps({"event": event, "reqid": req_id, "token": token, **spot_v1_orders.fields_of(method, params)})


def ping(req_id: int) -> str:
    """Ask for a pong (section 2.2)."""
    return dumps({"event": "ping", "reqid": req_id})


# --- replies ----------------------------------------------------------------------------------------------------------


def reply(frame: Mapping[str, Any]) -> Reply | None:
    """Read an answer to a request: a pong, a `…Status` or an `error` with a `reqid`; None for any other event."""
    event = frame.get("event")
    req_id = frame.get("reqid")
    method = _METHODS.get(event) if isinstance(event, str) else None
    if event == "error" and isinstance(req_id, int):
        method = "error"
    if method is None:
        return None
    text = frame.get("errorMessage")
    failed = event == "error" or frame.get("status") == "error" or text is not None
    error = None if not failed else str(text or "refused without a reason")
    details: Any = frame.get("subscription")
    threshold = cast("dict[str, Any]", details).get("maxratecount") if isinstance(details, dict) else None
    in_v2_words: dict[str, Any] = {"method": method, "success": not failed, "req_id": req_id}
    if failed:
        in_v2_words["error"] = error
    else:
        in_v2_words["result"] = spot_v1_orders.result_of(frame)
    return Reply(
        method=method,
        success=not failed,
        req_id=req_id if isinstance(req_id, int) else None,
        symbol=_symbol_or_none(frame.get("pair")),
        error=error,
        warnings=(),
        frame=in_v2_words,
        rate_threshold=threshold if isinstance(threshold, int) else None,
    )


_METHODS: Final[Mapping[str, str]] = {
    "pong": "pong",
    "subscriptionStatus": "subscribe",
    **{f"{event}Status": method for method, event in spot_v1_orders.EVENTS.items()},
}


def connection_error(frame: Mapping[str, Any]) -> str | None:
    """Find the text of an error that belongs to no request (sections 1 and 2.4)."""
    text = frame.get("errorMessage", frame.get("Error"))
    return None if text is None else str(text)


def system_status(frame: Mapping[str, Any]) -> SystemStatus:
    """Read `systemStatus`; `connectionID` is there on the first one only (section 2.1)."""
    connection_id = frame.get("connectionID")
    return SystemStatus(
        system=_text(frame.get("status"), "status"),
        api_version="v1",
        version=str(frame.get("version", "")),
        connection_id=connection_id if isinstance(connection_id, int) else None,
    )


# --- market data ------------------------------------------------------------------------------------------------------


def symbol_of(pair: Any) -> str:
    """Return the canonical symbol of a pair on the wire."""
    try:
        return canonical(pair)
    except UnknownSymbol as error:
        raise Malformed(f"pair {pair!r} is no market") from error


def _symbol_or_none(pair: Any) -> str | None:
    try:
        return None if pair is None else canonical(pair)
    except UnknownSymbol:
        return None


def ticker(record: Any, received: float, epoch: int) -> Ticker:
    """Read a ticker: `(symbol, payload)`. The 24 hours are the second of each pair of numbers (section 5.1).

    `change` and `change_pct` are computed from the price of 24 hours ago, which v1 sends in their stead.
    """
    symbol, payload = record
    fields = cast("Mapping[str, Any]", payload)
    last, opened = _number(_at(fields, "c", 0), "c"), _number(_at(fields, "o", 1), "o")
    change = EXACT.subtract(last, opened)
    percent = EXACT.multiply(EXACT.divide(change, opened), Decimal(100)) if opened else Decimal(0)
    return Ticker(
        symbol=symbol,
        bid=_number(_at(fields, "b", 0), "b"),
        bid_qty=_number(_at(fields, "b", 2), "b"),
        ask=_number(_at(fields, "a", 0), "a"),
        ask_qty=_number(_at(fields, "a", 2), "a"),
        last=last,
        volume=_number(_at(fields, "v", 1), "v"),
        vwap=_number(_at(fields, "p", 1), "p"),
        low=_number(_at(fields, "l", 1), "l"),
        high=_number(_at(fields, "h", 1), "h"),
        change=change,
        change_pct=EXACT.quantize(percent, Decimal("0.01")),
        trades=_integer(_at(fields, "t", 1), "t"),
        timestamp=None,
        received=received,
        epoch=epoch,
    )


def candle(record: Any, received: float, epoch: int, *, snapshot: bool) -> Candle:
    """Read a candle: `(symbol, interval, row)`; it begins one interval before the end that v1 tells (section 5.2)."""
    symbol, interval, row = record
    _, end, opened, high, low, close, vwap, volume, count = _row(row, 9, "ohlc")
    return Candle(
        symbol=symbol,
        interval=interval,
        interval_begin=moment(end, "etime") - timedelta(minutes=interval),
        open=_number(opened, "open"),
        high=_number(high, "high"),
        low=_number(low, "low"),
        close=_number(close, "close"),
        vwap=_number(vwap, "vwap"),
        volume=_number(volume, "volume"),
        trades=_integer(int(count) if isinstance(count, str) and count.isdecimal() else count, "count"),
        snapshot=snapshot,
        received=received,
        epoch=epoch,
    )


def trade(record: Any, received: float, epoch: int) -> TradeV1:
    """Read a trade: `(symbol, row)`. Words newer than this version are kept as they are (section 5.3)."""
    symbol, row = record
    price, qty, time, side, ord_type, misc = _row(row, 6, "trade")
    return TradeV1(
        symbol=symbol,
        side=_SIDES.get(side, str(side)),
        price=_number(price, "price"),
        qty=_number(qty, "volume"),
        ord_type=_ORD_TYPES.get(ord_type, str(ord_type)),
        misc=str(misc),
        timestamp=moment(time, "time"),
        received=received,
        epoch=epoch,
    )


def spread(record: Any, received: float, epoch: int) -> Spread:
    """Read a spread: `(symbol, row)` (section 5.4)."""
    symbol, row = record
    bid, ask, time, bid_qty, ask_qty = _row(row, 5, "spread")
    return Spread(
        symbol=symbol,
        bid=_number(bid, "bid"),
        ask=_number(ask, "ask"),
        timestamp=moment(time, "timestamp"),
        bid_qty=_number(bid_qty, "bidVolume"),
        ask_qty=_number(ask_qty, "askVolume"),
        received=received,
        epoch=epoch,
    )


def book(parts: Sequence[Any], symbol: str) -> tuple[dict[str, Any], str]:
    """Read the objects of one book frame as an entry of v2's `book`, numbers exact, and whether it is a snapshot.

    Rows apply in the order they come in, republished ones like any other. Only an update carries a checksum, in its
    last object (section 5.5).
    """
    entry: dict[str, Any] = {"symbol": symbol, "asks": [], "bids": []}
    kind, newest = "update", ""
    for part in parts:
        fields = _object(part, "book")
        kind = "snapshot" if "as" in fields or "bs" in fields else kind
        for side, keys in (("asks", ("as", "a")), ("bids", ("bs", "b"))):
            for key in keys:
                for row in _list(fields.get(key, []), key):
                    price, qty, time, *_ = _row(row, 3, key)
                    entry[side].append({"price": _number(price, key), "qty": _number(qty, key)})
                    newest = max(newest, str(time))
        if "c" in fields:
            entry["checksum"] = _checksum(fields["c"])
    if newest:
        entry["timestamp"] = moment(newest, "timestamp").isoformat().replace("+00:00", "Z")
    return entry, kind


# --- values -----------------------------------------------------------------------------------------------------------


def moment(text: Any, name: str) -> datetime:
    """Read a time in seconds since 1970, to the microsecond."""
    try:
        return _EPOCH + timedelta(microseconds=int(EXACT.scaleb(_number(text, name), 6)))
    except OverflowError as error:
        raise Malformed(f"field {name}={text!r} is not a time") from error


def _checksum(text: Any) -> int:
    if not isinstance(text, str) or not (text.isascii() and text.isdecimal()):
        raise Malformed(f"checksum {text!r} is not a whole number")
    return int(text)


def _number(text: Any, name: str) -> Decimal:
    if isinstance(text, str) and text.isascii() and text.replace(".", "", 1).removeprefix("-").isdigit():
        return Decimal(text)
    raise Malformed(f"field {name}={text!r} is not a number in a text")


def _integer(value: Any, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise Malformed(f"field {name}={value!r} is not a whole number")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise Malformed(f"field {name}={value!r} is not text")
    return value


def _object(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Malformed(f"{name} is {value!r}, not an object")
    return cast("dict[str, Any]", value)


def _list(value: Any, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise Malformed(f"{name} is {value!r}, not a list")
    return cast("list[Any]", value)


def _row(value: Any, least: int, name: str) -> list[Any]:
    row = _list(value, name)
    if len(row) < least:
        raise Malformed(f"a row of {name} has {len(row)} elements, not {least}")
    return row if name in ("a", "b", "as", "bs") else row[:least]


def _at(fields: Mapping[str, Any], name: str, place: int) -> Any:
    row = _list(fields.get(name), name)
    return row[place] if place < len(row) else None
