"""The grammar of Kraken's own WebSocket v1 command-line client: from words to the frame they stand for.

`feed/endpoint [parameters]`: symbols and a bare number for public feeds, `key=value` for the others (ws-v1 reference
section 9.2). Pure; a word that is not understood is a `Misused` with the usage that belongs to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Kind = Literal["status", "public", "private", "trading"]

STATUS: Final = ("ping",)
PUBLIC: Final = ("trade", "book", "ticker", "spread", "ohlc")
PRIVATE: Final = ("openOrders", "ownTrades", "balances")
TRADING: Final = ("addOrder", "editOrder", "amendOrder", "cancelOrder", "cancelAll", "cancelAllOrdersAfter")

EXAMPLES: Final[Mapping[Kind, tuple[str, ...]]] = {
    "status": ("ping",),
    "public": (
        "ticker XBT/USD",
        "trade XBT/USD ETH/USD",
        "spread XBT/EUR",
        "book XBT/USD 10",
        "book XBT/USD ETH/USD 100",
        "ohlc XBT/USD 60",
    ),
    "private": ("openOrders", "openOrders ratecounter=true", "ownTrades", "ownTrades snapshot=false"),
    "trading": (
        "addOrder pair=XBT/USD type=buy ordertype=limit price=5000 volume=0.1",
        "addOrder pair=XBT/USD type=sell ordertype=stop-loss-limit price=9000 price2=8900 volume=0.1 userref=7",
        "addOrder pair=XBT/USD type=buy ordertype=limit price=5000 volume=0.1 close[ordertype]=limit close[price]=9100",
        "editOrder orderid=OHSAUDZ-ASJKGD-EPAFUIH pair=XBT/USD price=5100",
        "amendOrder txid=OHSAUDZ-ASJKGD-EPAFUIH limit_price=5100",
        "cancelOrder txid=OHSAUDZ-ASJKGD-EPAFUIH,OFVXHJ-KPQ3B-VS7ELA reqid=3",
        "cancelAll",
        "cancelAllOrdersAfter timeout=60",
    ),
}
_ALL: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(STATUS, "status"),
    **dict.fromkeys(PUBLIC, "public"),
    **dict.fromkeys(PRIVATE, "private"),
    **dict.fromkeys(TRADING, "trading"),
}
_OPTIONS: Final[Mapping[str, tuple[str, int]]] = {"book": ("depth", 10), "ohlc": ("interval", 1)}
_NUMBER: Final = re.compile(r"[0-9]+")
# Sent as numbers; every other value of a trading request is text (ws-v1 reference section 9.2).
_NUMERIC: Final = frozenset({"reqid", "timeout"})
_LISTS: Final = frozenset({"txid", "cl_ord_id"})
HIDDEN: Final = "<hidden>"
# Fields that the words before them decide, and the token: a shell's history is no place for a secret.
_OURS: Final[Mapping[str, str]] = {
    "event": "event= is the endpoint itself; write that first, without event=",
    "name": "name= is the feed itself; write that first, without name=",
    "token": "the token is not given as a parameter; put it into WS_Token here, or give --token-file",
}


# What each takes (ws-v1 reference sections 2.2, 4.1 and 8); of `balances` none tells, and as in v2 it may have one.
_PARAMETERS: Final[Mapping[str, tuple[str, ...]]] = {
    "ping": ("reqid",),
    "openOrders": ("ratecounter", "rebased"),
    "ownTrades": ("snapshot", "consolidate_taker", "rebased"),
    "balances": ("snapshot",),
    "addOrder": (
        *("pair", "type", "ordertype", "volume", "price", "price2", "leverage", "margin", "reduce_only", "oflags"),
        *("starttm", "expiretm", "deadline", "timeinforce", "userref", "cl_ord_id", "sender_sub_id", "stp_type"),
        *("validate", "close[ordertype]", "close[price]", "close[price2]", "reqid"),
    ),
    "editOrder": ("orderid", "pair", "volume", "price", "price2", "oflags", "newuserref", "validate", "reqid"),
    "amendOrder": (
        *("txid", "cl_ord_id", "volume", "display_volume", "limit_price", "trigger_price", "post_only", "pair"),
        *("deadline", "reqid"),
    ),
    "cancelOrder": ("txid", "cl_ord_id", "reqid"),
    "cancelAll": ("reqid",),
    "cancelAllOrdersAfter": ("timeout", "reqid"),
}


class Misused(Exception):
    """The words make no request; the message is the usage text to print."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A frame without its token, the host it goes to, and whether the answer ends the command."""

    kind: Kind
    frame: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        """The feed or endpoint, as it was typed."""
        subscription: Mapping[str, Any] = self.frame.get("subscription", {})
        return subscription.get("name", self.frame["event"])

    @property
    def is_private(self) -> bool:
        """Whether it goes to the private host, with a token."""
        return self.kind in ("private", "trading")

    @property
    def is_one_shot(self) -> bool:
        """Whether it is a request with an answer, no subscription."""
        return self.kind in ("status", "trading")

    def text(self, token: str | None, *, shown: bool = False) -> str:
        """Write the frame with the token in its place: as it is sent, or as it is `shown`, with the token hidden."""
        frame = dict(self.frame)
        if token is not None:
            word = HIDDEN if shown else token
            if self.kind == "private":
                frame["subscription"] = {**frame["subscription"], "token": word}
            else:
                frame["token"] = word
        return json.dumps(frame, separators=(",", ":"))


class Replies:
    """What Kraken has answered to a wish: whether at all, and its words once nothing of a feed was agreed to.

    A feed is acknowledged pair by pair (ws-v1 reference section 4): it stands as soon as one of them is.
    """

    def __init__(self, wish: Wish) -> None:
        """Count down from the number of symbols; a private feed has one answer."""
        self._wish = wish
        self._left = max(1, len(wish.frame.get("pair", ())))
        self.came = False
        self.refusal: str | None = None

    def hear(self, text: str) -> None:
        """Take a frame into account."""
        try:
            frame: Any = json.loads(text)
        except ValueError:
            return
        if isinstance(frame, list):
            self.came = True  # data, which is better than an answer
            return
        match frame:
            case {"event": "heartbeat" | "systemStatus"}:
                return
            case {"errorMessage": str(said)} if not self.came:
                self._left = self._left - 1 if "pair" in frame else 0
                about = f"{frame['pair']}: " if "pair" in frame else ""
                if self._left <= 0:
                    self.refusal = about + said
                self.came = self._wish.is_one_shot
            case _:
                self.came = True


def read(words: Sequence[str]) -> Wish:
    """Understand a command line; no word at all is a ping."""
    name, *rest = words or ("ping",)
    match _ALL.get(name):
        case None:
            raise Misused(f"Unknown feed or endpoint {name!r}.\n\n{usage()}")
        case "status":
            return Wish("status", {"event": "ping", **_numbers(rest, name)})
        case "public":
            return Wish("public", _public(name, rest))
        case "private":
            return Wish("private", {"event": "subscribe", "subscription": {"name": name, **_literals(rest, name)}})
        case "trading":
            return Wish("trading", {"event": name, **_values(rest, name)})


def usage(kind: Kind | None = None) -> str:
    """Explain the whole grammar, or the part of it that a mistake was made in."""
    kinds: Sequence[Kind] = (kind,) if kind else ("status", "public", "private", "trading")
    lines = ["Usage: rxkraken ws [feed/endpoint] [parameters]", ""]
    names = {"status": STATUS, "public": PUBLIC, "private": PRIVATE, "trading": TRADING}
    for each in kinds:
        lines += [f"{_TITLES[each]}: {' '.join(names[each])}", *(f"  rxkraken ws {line}" for line in EXAMPLES[each])]
    return "\n".join(lines)


_TITLES: Final[Mapping[Kind, str]] = {
    "status": "Connection",
    "public": "Public feeds, with symbols and a depth (book) or interval (ohlc)",
    "private": "Private feeds, with key=value",
    "trading": "Trading endpoints, with key=value",
}


def _public(name: str, words: Sequence[str]) -> dict[str, Any]:
    symbols = [word.upper() for word in words if not _NUMBER.fullmatch(word)]
    numbers = [int(word) for word in words if _NUMBER.fullmatch(word)]
    if not all(symbol.strip() for symbol in symbols):
        raise Misused(f"{name}: '' is no symbol.\n\n{usage('public')}")
    if not symbols:
        raise Misused(f"{name} needs at least one symbol.\n\n{usage('public')}")
    subscription: dict[str, Any] = {"name": name}
    if name in _OPTIONS:
        option, default = _OPTIONS[name]
        subscription[option] = numbers[-1] if numbers else default
    return {"event": "subscribe", "pair": symbols, "subscription": subscription}


def _pairs(words: Sequence[str], name: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for word in words:
        key, equals, value = word.partition("=")
        if not (key and equals and value):
            raise Misused(f"{name}: {word!r} is not key=value.\n\n{usage(_ALL[name])}")
        if key in _OURS:
            raise Misused(f"{name}: {_OURS[key]}.\n\n{usage(_ALL[name])}")
        if key not in _PARAMETERS[name]:
            known = ", ".join(_PARAMETERS[name])
            raise Misused(f"{name} has no parameter {key!r}; it has: {known}.\n\n{usage(_ALL[name])}")
        if any(key == given for given, _ in pairs):
            raise Misused(f"{name}: {key} is given twice; a list is written {key}=a,b.\n\n{usage(_ALL[name])}")
        pairs.append((key, value))
    return pairs


def _literals(words: Sequence[str], name: str) -> dict[str, Any]:
    """Take values as they stand: `true`, `false` and numbers are what they are in JSON, the rest is text."""
    return {key: _literal(value) for key, value in _pairs(words, name)}


def _literal(value: str) -> Any:
    if value in ("true", "false"):
        return value == "true"
    return int(value) if _NUMBER.fullmatch(value) else value


def _numbers(words: Sequence[str], name: str) -> dict[str, Any]:
    return {key: _number(key, value, name) for key, value in _pairs(words, name)}


def _values(words: Sequence[str], name: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for key, value in _pairs(words, name):
        if key in _NUMERIC:
            values[key] = _number(key, value, name)
        elif key in _LISTS and name == "cancelOrder":
            values[key] = value.split(",")
            if not all(values[key]):
                raise Misused(f"{name}: {key}={value!r} has an empty id in it.\n\n{usage(_ALL[name])}")
        else:
            values[key] = value
    return values


def _number(key: str, value: str, name: str) -> int:
    if not _NUMBER.fullmatch(value):
        raise Misused(f"{name}: {key}={value!r} is not a whole number.\n\n{usage(_ALL[name])}")
    return int(value)
