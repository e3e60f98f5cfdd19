"""Everything that can go wrong on purpose, as data: a table of faults, those that wait for their moment, and a log.

Faults come in two kinds. Some happen at once (a socket drops, a line goes silent). Others are armed and strike the next
frames that fit (the next checksum of BTC/USD is wrong, the next ack is late). `FAULTS` describes them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from rxkraken.errors import InvalidArgument
from rxkraken.simulator.connections import CLOSE_CODES, CLOUDFLARE
from rxkraken.simulator.instruments import PAIR_STATUSES
from rxkraken.simulator.mangling import ODD_SHAPES, SEVERAL

if TYPE_CHECKING:
    from rxkraken.simulator.connections import Connection, Subscription
    from rxkraken.simulator.mangling import Checked, Mangle

Hook = Literal["now", "message", "ack", "upgrade", "request", "rest"]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a fault: its default, what it may be in words, and the check of it."""

    name: str
    default: Any
    allowed: str
    accepts: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class FaultKind:
    """A fault that can be injected. `hook` says when it strikes: `now`, or on the next message, ack or upgrade."""

    name: str
    summary: str
    hook: Hook
    parameters: tuple[Parameter, ...] = ()

    def describe(self) -> dict[str, Any]:
        """The same as plain data, for the admin route."""
        parameters = {
            parameter.name: {"default": parameter.default, "allowed": parameter.allowed}
            for parameter in (*self.parameters, AFTER)
        }
        return {"name": self.name, "summary": self.summary, "strikes": self.hook, "parameters": parameters}


@dataclass(frozen=True, slots=True)
class FaultRecord:
    """One fault that really happened: when, where, and with which parameters."""

    time: float
    name: str
    parameters: Mapping[str, Any]
    connection: int | None = None
    channel: str | None = None
    symbol: str | None = None

    def describe(self) -> dict[str, Any]:
        """The same as plain data, for the admin route."""
        return {
            "time": self.time, "name": self.name, "parameters": dict(self.parameters),
            "connection": self.connection, "channel": self.channel, "symbol": self.symbol,
        }  # fmt: skip


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _fits_a_close_frame(value: Any) -> bool:
    return isinstance(value, str) and len(value.encode()) <= 123  # noqa: PLR2004 -- RFC 6455 section 5.5


def _one_of(*choices: Any) -> Callable[[Any], bool]:
    return lambda value: value in choices


def _name(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _names(choices: tuple[Any, ...]) -> str:
    return ", ".join(str(choice) for choice in choices)


_PRIVATE = ("executions", "balances")
_CHANNELS = ("book", "level3", "ticker", "trade", "ohlc", "instrument", "spread", *_PRIVATE)
_TRADING = (
    "add_order", "amend_order", "edit_order", "cancel_order", "cancel_all", "cancel_all_orders_after", "batch_add",
    "batch_cancel",
)  # fmt: skip
_METHODS = ("subscribe", "unsubscribe", "ping", *_TRADING)
_DIGITS = tuple(range(13))

AFTER = Parameter("after", 0.0, "seconds from now, 0 or more", _number)
_CONNECTION = Parameter(
    "connection", None, "the id of a connection, or None for every one", lambda value: value is None or _whole(value)
)
_SYMBOL = Parameter("symbol", None, "a symbol such as BTC/USD, or None for any", _name)
_CHANNEL = Parameter("channel", None, f"one of {_names(_CHANNELS)}, or None for any", _one_of(None, *_CHANNELS))
_ONLY_BOOK = (_CONNECTION, _SYMBOL)
_TIMES = Parameter("times", 1, "how many times, at least 1", _whole)
_SECONDS = Parameter("seconds", 1.0, "seconds, 0 or more", _number)
_LASTS = Parameter("seconds", None, "seconds, or None for ever", lambda value: value is None or _number(value))
_TEXT = Parameter("text", CLOUDFLARE, "any text", lambda value: isinstance(value, str))
_METHOD = Parameter("method", "subscribe", f"one of {_names(_METHODS)}", _one_of(*_METHODS))
_TRADE = Parameter("method", "add_order", f"one of {_names(_TRADING)}", _one_of(*_TRADING))
_ANY_TRADE = Parameter("method", None, f"one of {_names(_TRADING)}, or None for any", _one_of(None, *_TRADING))
_OWN = Parameter("channel", "executions", f"one of {_names(_PRIVATE)}", _one_of(*_PRIVATE))
_CALL = Parameter("call", None, "the name of a REST call such as AddOrder, or None for any", _name)
_EFFECT = "True if the call is carried out all the same, or False"
_WANTED_SYMBOL = Parameter("symbol", None, "a listed symbol such as BTC/USD", lambda value: isinstance(value, str))

FAULTS: dict[str, FaultKind] = {
    kind.name: kind
    for kind in (
        FaultKind("drop", "close a connection; 1006 cuts it without a close frame", "now", (
            _CONNECTION,
            Parameter("code", 1001, f"one of {_names(CLOSE_CODES)}", _one_of(*CLOSE_CODES)),
            Parameter("reason", CLOUDFLARE, "a text of at most 123 bytes", _fits_a_close_frame),
        )),
        FaultKind("reset", "reset the TCP connection", "now", (_CONNECTION,)),
        FaultKind("silence", "half-open: send nothing any more, ignore everything", "now", (_CONNECTION,)),
        FaultKind("stall", "hold everything up for a while, then deliver it at once", "now", (_CONNECTION, _SECONDS)),
        FaultKind("mute", "stop subscriptions while heartbeats and everything else go on", "now",
                  (_CONNECTION, _CHANNEL, _SYMBOL, _LASTS)),
        FaultKind("delay_ack", "answer late", "ack", (_CONNECTION, _METHOD, _SYMBOL, _TIMES, _SECONDS)),
        FaultKind("swallow_ack", "never answer; with data=True a subscribe still takes effect", "ack", (
            _CONNECTION, _METHOD, _SYMBOL, _TIMES,
            Parameter("data", False, "True or False", lambda value: isinstance(value, bool)),  # noqa: FBT003 -- the default of a parameter
        )),
        FaultKind("corrupt_level", "change one quantity in a message of a book", "message", (*_ONLY_BOOK, _TIMES)),
        FaultKind("wrong_checksum", "send a checksum that does not fit", "message", (*_ONLY_BOOK, _TIMES)),
        FaultKind("lose", "leave a message out", "message", (_CONNECTION, _CHANNEL, _SYMBOL, _TIMES)),
        FaultKind("repeat", "send a message twice", "message", (_CONNECTION, _CHANNEL, _SYMBOL, _TIMES)),
        FaultKind("unknown_fields", "sprinkle new fields into messages", "message",
                  (_CONNECTION, _CHANNEL, _SYMBOL, _TIMES)),
        FaultKind("unknown_values", "put values that no one has heard of where only a few were known", "message",
                  (_CONNECTION, _CHANNEL, _SYMBOL, _TIMES)),
        FaultKind("plain_text", "send a frame that is not JSON", "now", (_CONNECTION, _TEXT)),
        FaultKind("odd_json", "send JSON of a shape that makes no sense", "now", (
            _CONNECTION,
            Parameter("shape", SEVERAL, f"one of {_names((SEVERAL, *ODD_SHAPES))}", _one_of(SEVERAL, *ODD_SHAPES)),
        )),
        FaultKind("duplicate_snapshot", "send a snapshot in mid-stream", "now", (_CONNECTION, _CHANNEL, _SYMBOL)),
        FaultKind("refuse_upgrade", "answer WebSocket upgrades with an HTTP status", "upgrade", (
            Parameter("status", 429, "an HTTP status from 400 to 599",
                      lambda value: _whole(value) and 400 <= value <= 599),  # noqa: PLR2004 -- the range says itself
            _TIMES,
        )),
        FaultKind("maintenance", "maintenance, cancel_only, post_only, online: one step after the other", "now", (
            Parameter("step", 2.0, "seconds between the steps, 0 or more", _number),
            Parameter("drop", False, "whether connections are closed as well", lambda value: isinstance(value, bool)),  # noqa: FBT003 -- the default of a parameter
        )),
        FaultKind("precision", "announce other price digits on instrument and use them from then on", "now", (
            _WANTED_SYMBOL,
            Parameter("price_precision", None, "digits, 0 to 12, or None for one more", _one_of(None, *_DIGITS)),
        )),
        FaultKind("pair_status", "announce another status of a pair on instrument", "now", (
            _WANTED_SYMBOL,
            Parameter("status", "cancel_only", f"one of {_names(PAIR_STATUSES)}", _one_of(*PAIR_STATUSES)),
        )),
        FaultKind("lose_ack", "carry a trading request out, but lose the answer", "ack",
                  (_CONNECTION, _TRADE, _SYMBOL, _TIMES)),
        FaultKind("late_response", "answer a trading request long after its executions were told", "ack",
                  (_CONNECTION, _TRADE, _SYMBOL, _TIMES, _SECONDS)),
        FaultKind("cut_before", "cut the connection when a trading request comes; it is not carried out", "request",
                  (_CONNECTION, _ANY_TRADE, _TIMES)),
        FaultKind("cut_after", "carry a trading request out, then cut the connection instead of answering", "request",
                  (_CONNECTION, _ANY_TRADE, _TIMES)),
        FaultKind("sequence_gap", "leave a private message out, but count it in `sequence`", "message",
                  (_CONNECTION, _OWN, _TIMES)),
        FaultKind("duplicate_execution", "send a message of executions twice, `sequence` and all", "message",
                  (_CONNECTION, _TIMES)),
        FaultKind("invalidate_token", "forget all tokens, as an upgrade does; subscriptions go on", "now"),
        FaultKind("rate_limit", "refuse every order and change of one with a rate limit", "now", (_SECONDS,)),
        FaultKind("cancel_only", "take nothing but cancels for a while, then be online again", "now", (_LASTS,)),
        FaultKind("rest_error", "answer REST calls with an error page of the gateway", "rest", (
            _CALL,
            Parameter("status", 502, "an HTTP status from 400 to 599",
                      lambda value: _whole(value) and 400 <= value <= 599),  # noqa: PLR2004 -- the range says itself
            Parameter("effect", False, _EFFECT, lambda value: isinstance(value, bool)),  # noqa: FBT003 -- the default of a parameter
            _TIMES,
        )),
        FaultKind("rest_slow", "answer REST calls late", "rest", (_CALL, _SECONDS, _TIMES)),
        FaultKind("rest_cut", "drop the connection instead of answering REST calls", "rest", (
            _CALL,
            Parameter("effect", True, _EFFECT, lambda value: isinstance(value, bool)),  # noqa: FBT003 -- the default of a parameter
            _TIMES,
        )),
        FaultKind("rest_invalid_json", "answer REST calls with half of the JSON", "rest", (_CALL, _TIMES)),
    )
}  # fmt: skip


def check(name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The complete parameters of a fault, or `InvalidArgument` naming what is wrong and what is allowed."""
    kind = FAULTS.get(name)
    if kind is None:
        raise InvalidArgument(f"no fault is called {name!r}; there are: {', '.join(FAULTS)}")
    known = {parameter.name: parameter for parameter in (*kind.parameters, AFTER)}
    for parameter in given:
        if parameter not in known:
            raise InvalidArgument(f"fault {name} has no parameter {parameter!r}; it has: {', '.join(known)}")
    values = {parameter.name: given.get(parameter.name, parameter.default) for parameter in known.values()}
    for parameter in known.values():
        if not parameter.accepts(values[parameter.name]):
            value = values[parameter.name]
            raise InvalidArgument(f"fault {name}: {parameter.name}={value!r} must be {parameter.allowed}")
    return values


@dataclass(slots=True, eq=False)
class Armed:
    """A fault that waits for `left` more frames that fit it."""

    kind: FaultKind
    parameters: dict[str, Any]
    left: int

    def fits(self, connection: Connection, channel: str | None, symbol: str | None) -> bool:
        """Whether a frame of this connection, channel and symbol is meant."""
        wanted = self.parameters
        return (
            wanted.get("connection") in {None, connection.id}
            and wanted.get("channel") in {None, channel}
            and wanted.get("symbol") in {None, symbol}
        )


@dataclass(slots=True)
class Faults:
    """What is armed, and what has happened."""

    armed: list[Armed] = field(default_factory=list[Armed])
    log: list[FaultRecord] = field(default_factory=list[FaultRecord])

    def arm(self, kind: FaultKind, parameters: dict[str, Any]) -> None:
        """Let the fault strike the next frames that fit."""
        self.armed.append(Armed(kind, parameters, parameters["times"]))

    def note(
        self, now: float, name: str, parameters: Mapping[str, Any], *,
        connection: Connection | None = None, subscription: Subscription | None = None, symbol: str | None = None,
    ) -> None:  # fmt: skip
        """Log that it happened."""
        topic = subscription.topic if subscription else None
        reached = subscription.connection if subscription else connection
        self.log.append(
            FaultRecord(
                now, name, parameters, reached.id if reached else None, topic.channel if topic else None,
                (topic.symbol or None) if topic else symbol,
            )
        )  # fmt: skip

    def refusal(self, now: float) -> int | None:
        """The HTTP status that refuses the upgrade at hand, or None."""
        for armed in self._waiting("upgrade"):
            self._strike(armed)
            self.note(now, armed.kind.name, armed.parameters)
            return armed.parameters["status"]
        return None

    def on_ack(self, now: float, connection: Connection, method: str, symbol: str | None) -> Armed | None:
        """The fault that strikes the answer at hand, or None."""
        for armed in self._waiting("ack"):
            if armed.parameters["method"] == method and armed.fits(connection, None, symbol):
                self._strike(armed)
                self.note(now, armed.kind.name, armed.parameters, connection=connection, symbol=symbol)
                return armed
        return None

    def on_request(self, now: float, connection: Connection, method: str) -> str | None:
        """The name of the fault that strikes a trading request on its arrival, or None."""
        for armed in self._waiting("request"):
            if armed.parameters["method"] in {None, method} and armed.fits(connection, None, None):
                self._strike(armed)
                self.note(now, armed.kind.name, armed.parameters, connection=connection)
                return armed.kind.name
        return None

    def on_rest(self, now: float, call: str) -> list[Armed]:
        """The faults that strike a REST call."""
        struck = [armed for armed in self._waiting("rest") if armed.parameters["call"] in {None, call}]
        for armed in struck:
            self._strike(armed)
            self.note(now, armed.kind.name, armed.parameters)
        return struck

    def on_message(
        self, now: float, subscription: Subscription, text: str, checked: Checked, mangles: Mapping[str, Mangle]
    ) -> list[str]:
        """What is sent instead of a channel message: mostly itself."""
        topic, texts = subscription.topic, [text]
        for armed in self._waiting("message"):
            if armed.kind.name == "duplicate_execution" and topic.channel != "executions":
                continue
            if not armed.fits(subscription.connection, topic.channel, topic.symbol):
                continue
            altered = [changed for one in texts if (changed := mangles[armed.kind.name](one, checked)) is not None]
            if not altered:
                continue
            texts = [text for several in altered for text in several]
            self._strike(armed)
            self.note(now, armed.kind.name, armed.parameters, subscription=subscription)
        return texts

    def _waiting(self, hook: Hook) -> list[Armed]:
        return [armed for armed in self.armed if armed.kind.hook == hook]

    def _strike(self, armed: Armed) -> None:
        armed.left -= 1
        if armed.left == 0:
            self.armed.remove(armed)
