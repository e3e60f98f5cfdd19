"""Reads what a client sends, and finds the words Kraken refuses it with.

The texts are those of ws-v2 reference sections 2.6 and 6.11. Where the reference does not know the wording of a case,
the nearest text it does know is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from rxkraken.simulator.connections import Wants
from rxkraken.simulator.feeds import DEPTHS, Channel, Topic
from rxkraken.simulator.history import INTERVALS
from rxkraken.simulator.level3 import LEVEL3_DEPTHS
from rxkraken.simulator.rejections import NO_TOKEN
from rxkraken.simulator.wire import loads

if TYPE_CHECKING:
    from collections.abc import Collection

Method = Literal["subscribe", "unsubscribe"]
TRIGGERS = ("trades", "bbo")
TRADING = frozenset({
    "add_order", "amend_order", "edit_order", "cancel_order", "cancel_all", "cancel_all_orders_after", "batch_add",
    "batch_cancel",
})  # fmt: skip
ACCOUNT_CHANNELS = frozenset({"executions", "balances", "level3"})
PRIVATE_CHANNELS = frozenset({"executions", "balances"})
LEVEL3_SYMBOLS = 200

MALFORMED = "Malformed request"
NO_METHOD = "Method(s) not found"
UNSUPPORTED_EVENT = "Unsupported event"
BAD_CHANNEL = "Subscription name invalid"
WRONG_HOST = "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
NO_SYMBOLS = "Symbol(s) not found"
SYMBOL_NO_ARRAY = "Symbol field must be an array"
BAD_DEPTH = "Subscription depth not supported"
DEPTH_NO_INTEGER = "Subscription book depth must be an integer"
BAD_INTERVAL = "Subscription ohlc interval not supported"
NO_INTERVAL = "Subscription ohlc requires interval"
BAD_TRIGGER = "Event(s) not found"
NO_PAIR_FORM = "Currency pair not in ISO 4217-A3 format"
ALREADY = "Already subscribed"
ALREADY_OHLC = "Already subscribed to one ohlc interval on this symbol"
NOT_SUBSCRIBED = "Subscription Not Found"
# The reference knows that a connection takes no more, not what Kraken says then.
TOO_MANY_SYMBOLS = f"EGeneral:Invalid arguments:At most {LEVEL3_SYMBOLS} level3 symbols per connection"


def unsupported_field(name: str, kind: str) -> str:
    """The refusal of a field that this kind of message does not have."""
    return f"Unsupported field: '{name}' for the given msg type: {kind}"


def unsupported_pair(symbol: str) -> str:
    """The refusal of a symbol that is not listed; `XBT/USD` and `btc/usd` are none."""
    return f"Currency pair not supported {symbol}"


def not_boolean(field: str) -> str:
    """The refusal of another type where a boolean belongs; Kraken capitalises the field."""
    return f"{field.capitalize()} field must be a boolean"


@dataclass(frozen=True, slots=True)
class Ping:
    """An application ping."""

    req_id: int | None


@dataclass(frozen=True, slots=True)
class Wish:
    """A subscribe or unsubscribe that is well-formed. An `instrument` wish has one topic without a symbol.

    `refused` are the symbols that are not listed, each with Kraken's text; `echo` is what an ack repeats; `token` is
    there on the hosts that ask for one, and not checked yet.
    """

    method: Method
    topics: tuple[Topic, ...]
    refused: tuple[tuple[str, str], ...]
    snapshot: bool
    echo: dict[str, Any]
    warnings: tuple[str, ...]
    req_id: int | None
    token: str | None = None
    wants: Wants | None = None


@dataclass(frozen=True, slots=True)
class Guarded:
    """A trading request, or a subscription to a channel of an account: nothing of it is checked before its token."""

    method: str
    params: dict[str, Any]
    req_id: int | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is refused as a whole, with one answer."""

    text: str
    method: str | None
    req_id: int | None


Request = Ping | Wish | Guarded | Refusal


class _Refused(Exception):
    """Carries the text of a refusal out of the checks below."""


def read(text: str, listed: Collection[str], role: str = "public") -> Request:
    """What a frame asks of the host in this role. Never raises: whatever cannot be read is a `Refusal`."""
    try:
        message = loads(text)
    except (ValueError, RecursionError):
        return Refusal(MALFORMED, None, None)
    if not isinstance(message, dict):
        return Refusal(MALFORMED, None, None)
    return _read_object(cast("dict[str, Any]", message), listed, role)


def _read_object(message: dict[str, Any], listed: Collection[str], role: str) -> Request:
    method, req_id = message.get("method"), _integer(message.get("req_id"))
    named = method if isinstance(method, str) else None
    try:
        match method:
            case "ping":
                _only(message, ("method", "req_id"), "ping")
                return Ping(req_id)
            case "subscribe" | "unsubscribe":
                _only(message, ("method", "params", "req_id"), method)
                params = message.get("params")
                if role == "auth" and _channel(params) in PRIVATE_CHANNELS:
                    return Guarded(method, cast("dict[str, Any]", params), req_id)
                return _wish(method, params, req_id, listed, role)
            case str() if method in TRADING and role == "auth":
                _only(message, ("method", "params", "req_id"), method)
                params = message.get("params", {})
                if not isinstance(params, dict):
                    raise _Refused(UNSUPPORTED_EVENT)  # noqa: TRY301 -- the caller below turns it into an answer
                return Guarded(method, cast("dict[str, Any]", params), req_id)
            case str() if method in TRADING:
                raise _Refused(WRONG_HOST)  # noqa: TRY301 -- the caller below turns it into an answer
            case str():
                raise _Refused(UNSUPPORTED_EVENT)  # noqa: TRY301 -- the caller below turns it into an answer
            case _:
                raise _Refused(NO_METHOD)  # noqa: TRY301 -- the caller below turns it into an answer
    except _Refused as refusal:
        return Refusal(str(refusal), named, req_id)


def _channel(params: Any) -> Any:
    name = cast("dict[str, Any]", params).get("channel") if isinstance(params, dict) else None
    return name if isinstance(name, str) else None


def _wish(method: Method, params: Any, req_id: int | None, listed: Collection[str], role: str) -> Wish:
    if not isinstance(params, dict):
        raise _Refused(UNSUPPORTED_EVENT)
    fields = cast("dict[str, Any]", params)
    shape = _shape(fields.get("channel"), role)
    _only(fields, ("channel", "snapshot", *shape.fields), method)
    snapshot = fields.get("snapshot", shape.snapshot)
    if not isinstance(snapshot, bool):
        raise _Refused(not_boolean("snapshot"))
    token = _token(fields) if "token" in shape.fields else None
    option, echo = shape.option(fields)
    symbols, refused = _symbols(fields, listed) if "symbol" in shape.fields else ([""], [])
    if method == "subscribe":
        echo = {**echo, "snapshot": snapshot}
    return Wish(
        method,
        tuple(Topic(shape.channel, symbol, option) for symbol in symbols),
        tuple(refused),
        snapshot,
        {"channel": shape.channel, **echo},
        shape.warnings if method == "subscribe" else (),
        req_id,
        token,
    )


def _shape(channel: Any, role: str) -> _Shape:
    if channel is None:
        raise _Refused(UNSUPPORTED_EVENT)
    shape = _SHAPES.get(channel) if isinstance(channel, str) else None
    if shape is not None and shape.role == role:
        return shape
    # The text is older than level 3's own host and does not name it; on the auth host it would send clients in circles.
    elsewhere = isinstance(channel, str) and channel in ACCOUNT_CHANNELS and role != "auth"
    raise _Refused(WRONG_HOST if elsewhere else BAD_CHANNEL)


def _token(fields: dict[str, Any]) -> str:
    token = fields.get("token")
    if not isinstance(token, str) or not token:
        raise _Refused(NO_TOKEN)
    return token


def _symbols(fields: dict[str, Any], listed: Collection[str]) -> tuple[list[str], list[tuple[str, str]]]:
    names = fields.get("symbol")
    if names is not None and not isinstance(names, list):
        raise _Refused(SYMBOL_NO_ARRAY)
    if not names:
        raise _Refused(NO_SYMBOLS)
    good: list[str] = []
    bad: list[tuple[str, str]] = []
    for name in cast("list[Any]", names):
        if isinstance(name, str) and name in listed:
            good.append(name)
        else:
            paired = isinstance(name, str) and "/" in name
            bad.append((str(name), unsupported_pair(name) if paired else NO_PAIR_FORM))
    return good, bad


def _only(fields: dict[str, Any], known: tuple[str, ...], kind: str) -> None:
    for name in fields:
        if name not in known:
            raise _Refused(unsupported_field(name, kind))


def _integer(value: Any) -> int | None:
    # A req_id that is no integer does not come back usable (ws-v2 reference section 2.1): it is left out.
    return value if isinstance(value, int) and not isinstance(value, bool) else None


# One shape per channel of market data: its parameters, its option, and what its acks say.

Option = tuple[int | str | None, dict[str, Any]]


def _no_option(_fields: dict[str, Any]) -> Option:
    return None, {}


def _depth(fields: dict[str, Any], depths: tuple[int, ...] = DEPTHS) -> Option:
    depth = fields.get("depth", depths[0])
    if _integer(depth) is None:
        raise _Refused(DEPTH_NO_INTEGER)
    if depth not in depths:
        raise _Refused(BAD_DEPTH)
    return depth, {"depth": depth}


def _depth_of_orders(fields: dict[str, Any]) -> Option:
    depth, echo = _depth(fields, LEVEL3_DEPTHS)
    # "`depth` may also be in the ack" (ws-v2 reference section 3.3): here, if it was in the request.
    return depth, echo if "depth" in fields else {}


def _interval(fields: dict[str, Any]) -> Option:
    interval = fields.get("interval")
    if interval is None:
        raise _Refused(NO_INTERVAL)
    if _integer(interval) is None or interval not in INTERVALS:
        raise _Refused(BAD_INTERVAL)
    return interval, {"interval": interval}


def _trigger(fields: dict[str, Any]) -> Option:
    trigger = fields.get("event_trigger", TRIGGERS[0])
    if trigger not in TRIGGERS:
        raise _Refused(BAD_TRIGGER)
    return trigger, {"event_trigger": trigger}


@dataclass(frozen=True, slots=True)
class _Shape:
    """The parameters of a channel: which fields it has besides `channel` and `snapshot`, and how to read its option."""

    channel: Channel
    fields: tuple[str, ...]
    option: Callable[[dict[str, Any]], Option]
    snapshot: bool = True
    warnings: tuple[str, ...] = ()
    role: str = "public"


_SHAPES: dict[str, _Shape] = {
    shape.channel: shape
    for shape in (
        _Shape("book", ("symbol", "depth"), _depth),
        _Shape("level3", ("symbol", "depth", "token"), _depth_of_orders, role="l3"),
        _Shape("ticker", ("symbol", "event_trigger"), _trigger),
        _Shape("trade", ("symbol",), _no_option, snapshot=False),
        _Shape("ohlc", ("symbol", "interval"), _interval, warnings=("timestamp is deprecated, use interval_begin",)),
        _Shape(
            "instrument",
            ("include_tokenized_assets", "execution_venue"),
            _no_option,
            warnings=("tick_size is deprecated, use price_increment",),
        ),
    )
}
