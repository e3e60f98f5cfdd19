"""The spot WebSocket v1 dialect: topics to requests, events to replies, arrays to models (ws-v1 reference 1 to 5).

Everything inside speaks as v2 does: canonical symbols, this library's names of channels and methods, v2's shape of
replies. V1's spellings (`XBT/USD`, `reqid`, `subscriptionStatus`) exist on the wire and in this module only.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

from rxkraken.models.market import Candle, Ticker
from rxkraken.models.market_v1 import Spread, TradeV1
from rxkraken.models.rounding import EXACT
from rxkraken.models.status import SystemStatus
from rxkraken.protocol import spot_v1_orders
from rxkraken.protocol.json import dumps
from rxkraken.protocol.spot_v1_values import elements, moment, number, object_of, shown, symbol_of, text, whole
from rxkraken.protocol.spot_v2 import Malformed, Reply
from rxkraken.symbols import to_v1

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rxkraken.protocol.topics import Topic

CHANNELS: Final[Mapping[str, str]] = {"executions": "openOrders", "own_trades": "ownTrades"}
"""The names that v1 has for channels of this library, where they differ."""
# What else a topic carries are options of v2 only.
_OPTIONS: Final = frozenset({"depth", "interval", "ratecounter", "consolidate_taker"})
_LONGEST: Final = 80
_SIDES: Final[Mapping[Any, str]] = {"b": "buy", "s": "sell"}
_ORD_TYPES: Final[Mapping[Any, str]] = {"m": "market", "l": "limit"}
_CHECKSUM: Final = re.compile(r"[0-9]{1,10}")

VERB: Final = "event"
NUMBER: Final = "reqid"

# --- requests ---------------------------------------------------------------------------------------------------------


def subscribe(topics: Sequence[Topic], req_id: int, *, snapshot: bool, token: str | None = None) -> str:
    """Ask for topics that differ in their pairs only; `pair` is always an array (section 4.1).

    Only `ownTrades` lets one choose whether it begins with a snapshot.
    """
    first = topics[0]
    options = {name: value for name, value in first.params if name in _OPTIONS}
    extra = {"snapshot": snapshot} if first.channel == "own_trades" else {}
    return _request("subscribe", topics, req_id, options | extra, token)


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


def split(raw: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """Return the event of any request and its other fields, beside which the token goes."""
    return raw["event"], {name: value for name, value in raw.items() if name != "event"}


def private_request(method: str, params: Mapping[str, Any], req_id: int, token: str | None) -> str:
    """Encode an order request, given in the words of v2, with the token beside its fields (section 8).

    An event that is no method of ours goes out with its fields as they are. Raises `InvalidOrder` for what v1 has no
    words for.
    """
    if spot_v1_orders.is_method(method):
        params, method = spot_v1_orders.fields_of(method, params), spot_v1_orders.event_of(method)
    frame = {"event": method, "reqid": req_id, **params}
    return dumps(frame if token is None else {**frame, "token": token})


def ping(req_id: int) -> str:
    """Ask for a pong (section 2.2)."""
    return dumps({"event": "ping", "reqid": req_id})


# --- replies ----------------------------------------------------------------------------------------------------------


def reply(frame: Mapping[str, Any]) -> Reply | None:
    """Read an answer to a request: a pong, a `…Status` or an `error` with a `reqid`; None for any other event.

    Never raises. A refused subscription does not say whether it was asked for or left: its method is "subscribe".
    """
    req_id = _number_of(frame.get("reqid"))
    method = _method(frame, req_id)
    if method is None:
        return None
    error = _refusal(frame)
    in_v2_words: dict[str, Any] = {"method": method, "success": error is None, "req_id": req_id}
    if error is None:
        in_v2_words["result"] = spot_v1_orders.result_of(frame)
    else:
        in_v2_words["error"] = error
    details: Any = frame.get("subscription")
    threshold: Any = cast("dict[str, Any]", details).get("maxratecount") if isinstance(details, dict) else None
    return Reply(
        method=method,
        success=error is None,
        req_id=req_id,
        symbol=_symbol_or_none(frame.get("pair")),
        error=error,
        warnings=(),
        frame=in_v2_words,
        rate_threshold=_number_of(threshold),
        wire=frame,
    )


_METHODS: Final[Mapping[str, str]] = {
    "pong": "pong",
    **{f"{event}Status": method for method, event in spot_v1_orders.EVENTS.items()},
}


def _method(frame: Mapping[str, Any], req_id: int | None) -> str | None:
    match frame.get("event"):
        case "subscriptionStatus":
            return "unsubscribe" if frame.get("status") == "unsubscribed" else "subscribe"
        case "error" if req_id is not None:
            return "error"
        case str(event):
            return _METHODS.get(event)
        case _:
            return None


def _refusal(frame: Mapping[str, Any]) -> str | None:
    error = frame.get("errorMessage")
    if error is None and frame.get("event") != "error" and frame.get("status") != "error":
        return None
    return _words(error) if error else "refused without a reason"


def _number_of(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _words(value: Any) -> str:
    return value if isinstance(value, str) else shown(value)


def connection_error(frame: Mapping[str, Any]) -> str | None:
    """Find the text of an error that belongs to no request (sections 1 and 2.4)."""
    error = frame.get("errorMessage", frame.get("Error"))
    return None if error is None else _words(error)


def system_status(frame: Mapping[str, Any]) -> SystemStatus:
    """Read `systemStatus`; `connectionID` is there on the first one only (section 2.1)."""
    return SystemStatus(
        system=text(frame.get("status"), "status"),
        api_version="v1",
        version=_words(frame.get("version", "")),
        connection_id=_number_of(frame.get("connectionID")),
    )


# --- market data ------------------------------------------------------------------------------------------------------


def _symbol_or_none(pair: Any) -> str | None:
    try:
        return symbol_of(pair)
    except Malformed:
        return None


def ticker(record: Any, received: float, epoch: int) -> Ticker:
    """Read a ticker: `(symbol, payload)`. The 24 hours are the second of each pair of numbers (section 5.1).

    `change` and `change_pct` (two digits, as in v2) are computed from the price of 24 hours ago, which v1 sends in
    their stead; there is no `timestamp`. What only v1 has is left out: the sums since midnight (`v`, `p`, `t`, `l`,
    `h`, `o`), the whole lots of the best prices (`a`, `b`), and the volume of the last trade (`c`).
    """
    symbol, payload = record
    sums = object_of(payload, "ticker")
    last, opened = number(_at(sums, "c", 0), "c"), number(_at(sums, "o", 1), "o")
    change = EXACT.subtract(last, opened)
    percent = EXACT.multiply(EXACT.divide(change, opened), Decimal(100)) if opened else Decimal(0)
    return Ticker(
        symbol=symbol,
        bid=number(_at(sums, "b", 0), "b"),
        bid_qty=number(_at(sums, "b", 2), "b"),
        ask=number(_at(sums, "a", 0), "a"),
        ask_qty=number(_at(sums, "a", 2), "a"),
        last=last,
        volume=number(_at(sums, "v", 1), "v"),
        vwap=number(_at(sums, "p", 1), "p"),
        low=number(_at(sums, "l", 1), "l"),
        high=number(_at(sums, "h", 1), "h"),
        change=change,
        change_pct=EXACT.quantize(percent, Decimal("0.01")),
        trades=whole(_at(sums, "t", 1), "t"),
        timestamp=None,
        received=received,
        epoch=epoch,
    )


def candle(record: Any, received: float, epoch: int, *, snapshot: bool) -> Candle:
    """Read a candle: `(symbol, interval, row)`; it begins one interval before the end that v1 tells (section 5.2)."""
    symbol, interval, row = record
    _, end, opened, high, low, close, vwap, volume, count, *_ = elements(row, "ohlc", 9)
    try:
        begins = moment(end, "etime") - timedelta(minutes=interval)
    except OverflowError as error:
        raise Malformed(f"a candle of {interval} minutes that ends at {shown(end)}") from error
    return Candle(
        symbol=symbol,
        interval=interval,
        interval_begin=begins,
        open=number(opened, "open"),
        high=number(high, "high"),
        low=number(low, "low"),
        close=number(close, "close"),
        vwap=number(vwap, "vwap"),
        volume=number(volume, "volume"),
        trades=whole(count, "count"),
        snapshot=snapshot,
        received=received,
        epoch=epoch,
    )


def trade(record: Any, received: float, epoch: int) -> TradeV1:
    """Read a trade: `(symbol, row)`. Words newer than this version are kept as they are (section 5.3)."""
    symbol, row = record
    price, qty, time, side, ord_type, misc, *_ = elements(row, "trade", 6)
    side, ord_type = text(side, "side"), text(ord_type, "orderType")
    return TradeV1(
        symbol=symbol,
        side=_SIDES.get(side, side),
        price=number(price, "price"),
        qty=number(qty, "volume"),
        ord_type=_ORD_TYPES.get(ord_type, ord_type),
        trade_id=None,
        misc=_words(misc),
        timestamp=moment(time, "time"),
        received=received,
        epoch=epoch,
    )


def spread(record: Any, received: float, epoch: int) -> Spread:
    """Read a spread: `(symbol, row)` (section 5.4)."""
    symbol, row = record
    bid, ask, time, bid_qty, ask_qty, *_ = elements(row, "spread", 5)
    return Spread(
        symbol=symbol,
        bid=number(bid, "bid"),
        ask=number(ask, "ask"),
        timestamp=moment(time, "timestamp"),
        bid_qty=number(bid_qty, "bidVolume"),
        ask_qty=number(ask_qty, "askVolume"),
        received=received,
        epoch=epoch,
    )


def book(parts: Sequence[Any], symbol: str) -> tuple[dict[str, Any], str]:
    """Read the objects of one book frame as an entry of v2's `book`, numbers exact, and whether it is a snapshot.

    Rows apply in the order they come in, republished ones like any other. Only an update carries a checksum, in its
    last object (section 5.5).
    """
    entry: dict[str, Any] = {"symbol": symbol, "asks": [], "bids": []}
    newest = ""
    for part in parts:
        changes = object_of(part, "book")
        for side, keys in (("asks", ("as", "a")), ("bids", ("bs", "b"))):
            for key in keys:
                for row in elements(changes.get(key, []), key):
                    price, qty, time, *_ = elements(row, key, 3)
                    entry[side].append({"price": number(price, key), "qty": number(qty, key)})
                    newest = max(newest, text(time, "timestamp"))
        if "c" in changes:
            entry["checksum"] = _checksum(changes["c"])
    if newest:
        entry["timestamp"] = moment(newest, "timestamp").isoformat().replace("+00:00", "Z")
    return entry, kind_of_book(parts)


def kind_of_book(parts: Sequence[Any]) -> str:
    """Whether a book frame is a "snapshot" or an "update", however broken the rest of it is."""
    return "snapshot" if any("as" in part or "bs" in part for part in parts if isinstance(part, dict)) else "update"


# --- values -----------------------------------------------------------------------------------------------------------


def _checksum(value: Any) -> int:
    if not isinstance(value, str) or not _CHECKSUM.fullmatch(value):
        raise Malformed(f"checksum {shown(value)} is not a whole number in a text")
    return int(value)


def _at(sums: Mapping[str, Any], name: str, place: int) -> Any:
    return elements(sums.get(name), name, place + 1)[place]
