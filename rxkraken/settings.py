"""What a client can be told: where the exchange is, and how patient, eager and careful to be."""

from __future__ import annotations

import math
import ssl as ssl_module
from dataclasses import dataclass, fields, replace
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from rxkraken._version import __version__


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Where each connection role lives: four URLs, and the TLS context to trust there.

    `public` serves market data, `auth` account channels and orders, `l3` the level 3 book, `rest` signed calls
    (ws-v2 reference section 1.1). A role whose URL is `None` is not available there and asking for it is an error.
    """

    public: str | None
    auth: str | None = None
    l3: str | None = None
    rest: str | None = None
    ssl: ssl_module.SSLContext | None = None

    def __post_init__(self) -> None:
        """Refuse a URL that no connection could use, naming it."""
        for name, schemes in (("public", _SOCKET), ("auth", _SOCKET), ("l3", _SOCKET), ("rest", _HTTP)):
            url = getattr(self, name)
            if url is not None:
                _check_url(name, url, schemes)

    @classmethod
    def live(cls) -> Self:
        """The production exchange. Orders sent there are real."""
        return cls(
            public="wss://ws.kraken.com/v2",
            auth="wss://ws-auth.kraken.com/v2",
            l3="wss://ws-l3.kraken.com/v2",
            rest="https://api.kraken.com",
        )

    @classmethod
    def beta(cls) -> Self:
        """Kraken's beta front end. It trades against the production engine: real money all the same."""
        return cls(
            public="wss://beta-ws.kraken.com/v2",
            auth="wss://beta-ws-auth.kraken.com/v2",
            rest="https://api.kraken.com",
        )

    @classmethod
    def live_v1(cls) -> Self:
        """The production exchange's WebSocket v1, for `KrakenV1Client` (ws-v1 reference section 1)."""
        return cls(public="wss://ws.kraken.com", auth="wss://ws-auth.kraken.com", rest="https://api.kraken.com")

    @classmethod
    def beta_v1(cls) -> Self:
        """The beta front end's WebSocket v1. It trades against the production engine: real money all the same."""
        return cls(
            public="wss://beta-ws.kraken.com", auth="wss://beta-ws-auth.kraken.com", rest="https://api.kraken.com"
        )

    @classmethod
    def custom(
        cls,
        public: str | None = None,
        *,
        auth: str | None = None,
        l3: str | None = None,
        rest: str | None = None,
        ssl: ssl_module.SSLContext | None = None,
    ) -> Self:
        """Any other exchange that speaks the same language: a proxy, a VIP host, a simulator."""
        return cls(public=public, auth=auth, l3=l3, rest=rest, ssl=ssl)


_SOCKET = ("ws", "wss")
_HTTP = ("http", "https")


def _check_url(name: str, url: Any, schemes: tuple[str, ...]) -> None:
    if not isinstance(url, str) or not _is_usable(url, schemes):
        expected = " or ".join(f"{scheme}://host[:port]/path" for scheme in schemes)
        raise ValueError(f"endpoint {name}={url!r} is not a usable URL; write it as {expected}")


def _is_usable(url: str, schemes: tuple[str, ...]) -> bool:
    try:
        parts = urlsplit(url)
        # Asking for a port that is none raises as well; 0 is the one that cannot be connected to.
        return parts.scheme in schemes and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Settings:
    """How a client behaves. Every value has a default that is right for the live exchange; all are checked.

    Times are in seconds. Sources: ws-v2 reference sections 1.3 (limits), 1.5 to 1.7 (liveness), 1.9 (reconnecting).

    - `ping_interval`, `ping_timeout`: how often an application ping is sent, and how long its pong may take.
    - `silence_timeout`: no frame of any kind for this long means the connection is dead.
    - `stale_after`: a live subscription quieter than this, while others flow, is suspected (see `rxkraken.session`).
    - `backoff_base`, `backoff_max`, `backoff_reset`: full-jitter exponential reconnect delay, and how long a
      connection must have been stable before the delay starts from the base again.
    - `max_attempts`: consecutive failed connects before giving up; `None` never gives up.
    - `connect_budget`: at most this many connects per this many seconds, for the whole process and per exchange.
    - `connect_timeout`: how long one connection attempt may take.
    - `request_timeout`: how long a subscribe, unsubscribe or other request may go unanswered.
    - `linger`: how long a subscription without subscribers is kept before it is unsubscribed.
    - `subscribe_rate`, `subscribe_burst`, `symbols_per_request`: pacing of requests, a second and at once.
    - `order_rate`, `order_burst`: the same for order requests, which never wait behind others.
    - `resync_base`, `resync_max`, `resync_attempts`: back-off and patience after a checksum mismatch.
    - `close_timeout`: how long `aclose()` may wait for pending answers and closing handshakes.
    - `on_rest_limit`, `on_trading_limit`: what to do when a rate counter has no room: "wait", "raise" or "warn".
    - `max_frame_size`: largest accepted frame in bytes; 0 means no limit.
    - `proxy`, `ssl`, `user_agent`: handed to the HTTP layer.
    """

    ping_interval: float = 10.0
    ping_timeout: float = 10.0
    silence_timeout: float = 10.0
    stale_after: float = 30.0
    backoff_base: float = 0.5
    backoff_max: float = 30.0
    backoff_reset: float = 30.0
    max_attempts: int | None = None
    connect_budget: tuple[int, float] = (120, 600.0)
    connect_timeout: float = 10.0
    request_timeout: float = 10.0
    linger: float = 0.5
    subscribe_rate: float = 20.0
    subscribe_burst: int = 10
    order_rate: float = 20.0
    order_burst: int = 10
    symbols_per_request: int = 100
    resync_base: float = 0.5
    resync_max: float = 8.0
    resync_attempts: int = 5
    close_timeout: float = 3.0
    on_rest_limit: Literal["wait", "raise", "warn"] = "wait"
    on_trading_limit: Literal["wait", "raise", "warn"] = "warn"
    max_frame_size: int = 0
    proxy: str | None = None
    ssl: ssl_module.SSLContext | None = None
    user_agent: str = f"rxkraken/{__version__}"

    def __post_init__(self) -> None:
        """Refuse a setting that could not work, naming the value and what is allowed."""
        for name in _POSITIVE:
            _require(name, getattr(self, name), _is_positive, "a number of seconds (or a rate) above 0")
        for name in _COUNTS:
            _require(name, getattr(self, name), _is_count, "a whole number of at least 1")
        _require("linger", self.linger, _is_pause, "0 or more seconds")
        _require("symbols_per_request", self.symbols_per_request, _MOST_SYMBOLS.__ge__, "1 to 100")
        _require("max_frame_size", self.max_frame_size, _is_frame_size, "0 for no limit, or at least 33554432 (32 MiB)")
        if self.max_attempts is not None:
            _require("max_attempts", self.max_attempts, _is_count, "None for no limit, or at least 1")
        for name in ("on_rest_limit", "on_trading_limit"):
            _require(name, getattr(self, name), _LIMIT_POLICIES.__contains__, f"one of {', '.join(_LIMIT_POLICIES)}")
        _require("connect_budget", self.connect_budget, _is_budget, "a pair (connects, seconds), both above 0")
        _require("backoff_max", self.backoff_max, float(self.backoff_base).__le__, "at least backoff_base")
        _require("resync_max", self.resync_max, float(self.resync_base).__le__, "at least resync_base")
        if self.proxy is not None:
            _check_url("proxy", self.proxy, _HTTP)

    def but(self, **changes: Any) -> Settings:
        """A copy with some values changed; an unknown name is an error that lists the known ones."""
        unknown = sorted(set(changes) - {field.name for field in fields(self)})
        if unknown:
            known = ", ".join(field.name for field in fields(self))
            raise ValueError(f"unknown setting {', '.join(unknown)}; the settings are: {known}")
        return replace(self, **changes)


_POSITIVE = (
    "ping_interval", "ping_timeout", "silence_timeout", "stale_after", "backoff_base", "backoff_max",
    "backoff_reset", "connect_timeout", "request_timeout", "subscribe_rate", "order_rate", "resync_base", "resync_max",
    "close_timeout",
)  # fmt: skip
_COUNTS = ("subscribe_burst", "order_burst", "symbols_per_request", "resync_attempts")
_LIMIT_POLICIES = ("wait", "raise", "warn")
_MOST_SYMBOLS = 100
_LEAST_FRAME_LIMIT = 32 * 1024 * 1024


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_pause(value: Any) -> bool:
    return _is_number(value) and value >= 0


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_frame_size(value: Any) -> bool:
    return _is_number(value) and isinstance(value, int) and (value == 0 or value >= _LEAST_FRAME_LIMIT)


def _is_budget(value: Any) -> bool:
    match value:
        case (connects, seconds):
            return isinstance(value, tuple) and _is_count(connects) and _is_positive(seconds)
        case _:
            return False


def _require(name: str, value: Any, is_allowed: Any, allowed: str) -> None:
    if not is_allowed(value):
        raise ValueError(f"setting {name}={value!r} is not allowed; it must be {allowed}")
