"""Reads what a client of WebSocket v1 sends, and finds the words Kraken refuses it with.

The texts are those of ws-v1 reference sections 2 to 4. Where the reference does not know the wording of a case, the
nearest text it does know is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast

from rxkraken.simulator.feeds import DEPTHS, Topic
from rxkraken.simulator.history import INTERVALS
from rxkraken.simulator.wire import loads

if TYPE_CHECKING:
    from collections.abc import Mapping

Method = Literal["subscribe", "unsubscribe"]
Fields = dict[str, Any]

PUBLIC = ("ticker", "ohlc", "trade", "spread", "book")
PRIVATE = ("openOrders", "ownTrades")
EVERYTHING = "*"
TRADING: dict[str, str] = {
    "addOrder": "add_order",
    "amendOrder": "amend_order",
    "editOrder": "edit_order",
    "cancelOrder": "cancel_order",
    "cancelAll": "cancel_all",
    "cancelAllOrdersAfter": "cancel_all_orders_after",
}
"""Each trading event with the name that the exchange, its faults included, has for it."""

MALFORMED = "Malformed request"
NO_EVENT = "Event(s) not found"
BAD_NAME = "Subscription name invalid"
BAD_SUBSCRIPTION = "Subscription field must be an object"
UNSUPPORTED_FIELD = "Subscription object unsupported field"
NO_PAIRS = "Pair(s) not found"
PAIR_NO_ARRAY = "Pair field must be an array"
PAIR_ON_PRIVATE = "Pair field unsupported for this subscription type"
BAD_DEPTH = "Subscription depth not supported"
DEPTH_NO_INTEGER = "Subscription book depth must be an integer"
BAD_INTERVAL = "Subscription ohlc interval not supported"
INTERVAL_NO_INTEGER = "Subscription ohlc interval must be an integer"
ALREADY = "Already subscribed"
NOT_SUBSCRIBED = "Subscription Not Found"
PRIVATE_HERE = "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
# The reference knows only how this sentence begins, and that it names the other host.
PUBLIC_HERE = "Public market data subscriptions are unavailable on this endpoint. Try ws.kraken.com"

_SWITCHES = {"openOrders": ("ratecounter", "rebased"), "ownTrades": ("snapshot", "consolidate_taker", "rebased")}
_OPTIONS = {"book": "depth", "ohlc": "interval"}
_KNOWN = frozenset({
    "name", "depth", "interval", "snapshot", "consolidate_taker", "ratecounter", "rebased", "token",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Ping:
    """An application ping."""

    reqid: int | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """One thing to subscribe to or to leave: its topic, or the `error` why not. `pair` is as the client wrote it."""

    pair: str | None
    topic: Topic | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """A subscribe or unsubscribe: one `Wanted` for each answer. `sent` is the client's `subscription`, token and all.

    `everything` is an unsubscribe of whatever there is; `token` is not checked yet.
    """

    method: Method
    wanted: tuple[Wanted, ...]
    sent: Fields
    reqid: int | None
    token: str | None = None
    everything: bool = False
    by_number: int | None = None


@dataclass(frozen=True, slots=True)
class Trade:
    """A trading request: nothing of it is checked before its token."""

    event: str
    fields: Fields
    reqid: int | None


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that is refused as a whole: `answer` is what its one answer says."""

    answer: Fields


Request = Ping | Wish | Trade | Refusal


class _Refused(Exception):
    """Carries the text of a refusal out of the checks below; `shown` is the subscription that the answer repeats."""

    def __init__(self, text: str, shown: Fields | None = None) -> None:
        self.shown = shown
        super().__init__(text)


def read(text: str, listed: Mapping[str, str], *, private: bool) -> Request:
    """What a frame asks of one of the two hosts; `listed` has the symbol of each pair. Never raises."""
    try:
        message = loads(text)
    except (ValueError, RecursionError):
        message = None
    if not isinstance(message, dict):
        return Refusal({"errorMessage": MALFORMED, "event": "error"})
    fields = cast("Fields", message)
    reqid = fields.get("reqid")
    if reqid is not None and (not isinstance(reqid, int) or isinstance(reqid, bool)):
        return Refusal({"errorMessage": MALFORMED, "event": "error"})
    return _read_fields(fields, reqid, listed, private=private)


def _read_fields(fields: Fields, reqid: int | None, listed: Mapping[str, str], *, private: bool) -> Request:
    event = fields.get("event")
    match event:
        case "ping":
            return Ping(reqid)
        case "subscribe" | "unsubscribe":
            return _read_wish(event, fields, reqid, listed, private=private)
        case str() if event in TRADING and private:
            return Trade(event, {name: value for name, value in fields.items() if name not in _FRAME}, reqid)
        case str() if event in TRADING:
            return Refusal({"errorMessage": PRIVATE_HERE, "event": f"{event}Status", "status": "error", **echo(reqid)})
        case _:
            text = NO_EVENT if event is None else MALFORMED
            return Refusal({"errorMessage": text, "event": "error", **echo(reqid)})


_FRAME = frozenset({"event", "reqid"})


def echo(reqid: int | None) -> Fields:
    """The `reqid` of an answer, if the request had one."""
    return {} if reqid is None else {"reqid": reqid}


def _read_wish(
    method: Method, fields: Fields, reqid: int | None, listed: Mapping[str, str], *, private: bool
) -> Request:
    try:
        return _wish(method, fields, reqid, listed, private=private)
    except _Refused as refused:
        shown = {} if refused.shown is None else {"subscription": refused.shown}
        answer = {"errorMessage": str(refused), "event": "subscriptionStatus", "status": "error"}
        return Refusal({**answer, **shown, **echo(reqid)})


def _wish(method: Method, fields: Fields, reqid: int | None, listed: Mapping[str, str], *, private: bool) -> Wish:
    number = fields.get("channelID")
    if method == "unsubscribe" and isinstance(number, int) and "subscription" not in fields:
        return Wish(method, (), {}, reqid, by_number=number)
    sent = fields.get("subscription")
    if not isinstance(sent, dict):
        raise _Refused(BAD_SUBSCRIPTION)
    subscription = cast("Fields", sent)
    name, shown = subscription.get("name"), without_token(subscription)
    if not isinstance(name, str) or name not in (*PUBLIC, *PRIVATE, EVERYTHING):
        raise _Refused(BAD_NAME, shown)
    if name in PRIVATE and not private:
        # "The wrong-endpoint error does" repeat the token (ws-v1 reference section 4.3).
        raise _Refused(PRIVATE_HERE, _plain(subscription))
    if name in PUBLIC and private:
        raise _Refused(PUBLIC_HERE, _plain(subscription))
    _check_options(name, subscription, shown)
    if private:
        if fields.get("pair") is not None:
            raise _Refused(PAIR_ON_PRIVATE, shown)
        names = PRIVATE if name == EVERYTHING else (name,)
        wanted = tuple(Wanted(None, Topic("executions", "", each)) for each in names)
        token = subscription.get("token")
        return Wish(
            method, wanted, subscription, reqid, token if isinstance(token, str) else "", everything=name == EVERYTHING
        )
    if name == EVERYTHING and method == "unsubscribe":
        return Wish(method, (), subscription, reqid, everything=True)
    return Wish(method, _wanted(name, subscription, fields.get("pair"), listed, shown), subscription, reqid)


def without_token(subscription: Fields) -> Fields:
    """A subscription as answers repeat it."""
    return _plain({name: value for name, value in subscription.items() if name != "token"})


def _plain(fields: Fields) -> Fields:
    """What can be repeated at no risk: neither nested without end nor a number of a billion digits."""
    return {name: value for name, value in fields.items() if value is None or isinstance(value, str | int)}


def _check_options(name: str, sent: Fields, shown: Fields) -> None:
    for field, value in sent.items():
        if field not in _KNOWN:
            raise _Refused(UNSUPPORTED_FIELD, shown)
        if field in ("depth", "interval") and name not in (EVERYTHING, "book" if field == "depth" else "ohlc"):
            raise _Refused(f"Subscription {name} doesn't require {field}", shown)
        if field in ("name", "depth", "interval", "token"):
            continue
        switches = _SWITCHES.get(name, sum(_SWITCHES.values(), ()) if name == EVERYTHING else ())
        if field not in switches or not isinstance(value, bool):
            raise _Refused(UNSUPPORTED_FIELD, shown)


def _wanted(name: str, sent: Fields, pairs: Any, listed: Mapping[str, str], shown: Fields) -> tuple[Wanted, ...]:
    if pairs is not None and not isinstance(pairs, list):
        raise _Refused(PAIR_NO_ARRAY, shown)
    if not pairs:
        raise _Refused(NO_PAIRS, shown)
    names = PUBLIC if name == EVERYTHING else (name,)
    wanted: list[Wanted] = []
    for pair in cast("list[Any]", pairs):
        several = [_one(each, sent, pair, listed) for each in names]
        # A pair that is bad for all channels is refused once.
        wanted += several if several[0].topic is not None or several[0].error != several[-1].error else several[:1]
    return tuple(wanted)


def _one(name: str, sent: Fields, pair: Any, listed: Mapping[str, str]) -> Wanted:
    """One pair of one channel: "one bad pair produces an error reply for that pair only" (reference section 4.4)."""
    written = pair if isinstance(pair, str) else str(pair)
    symbol = listed.get(written) if isinstance(pair, str) else None
    if symbol is None:
        paired = isinstance(pair, str) and pair.count("/") == 1 and all(pair.split("/"))
        text = "Currency pair not supported" if paired else "Currency pair not in ISO 4217-A3 format"
        return Wanted(written, None, f"{text} {written}")
    match name:
        case "book":
            option, error = _choice(sent.get("depth", DEPTHS[0]), DEPTHS, DEPTH_NO_INTEGER, BAD_DEPTH)
        case "ohlc":
            option, error = _choice(sent.get("interval", 1), INTERVALS, INTERVAL_NO_INTEGER, BAD_INTERVAL)
        case _:
            option, error = None, None
    return Wanted(written, None if error else Topic(cast("Any", name), symbol, option), error)


def _choice(value: Any, allowed: tuple[int, ...], no_integer: str, not_supported: str) -> tuple[Any, str | None]:
    if not isinstance(value, int) or isinstance(value, bool):
        return None, no_integer
    return (value, None) if value in allowed else (None, not_supported)


def repeated(topic: Topic) -> Fields:
    """What an ack repeats of a subscription: its name, and the depth or interval that holds now."""
    if topic.channel == "executions":
        return {"name": topic.option}
    option = _OPTIONS.get(topic.channel)
    return {**({option: topic.option} if option else {}), "name": topic.channel}
