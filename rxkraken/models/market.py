"""Public market data, one value per wire record: exact numbers, UTC times, and where and when it was received.

Every value ends with two fields: `received`, the local time of arrival in seconds since the Unix epoch, and `epoch`,
the number of the connection it came through (it grows by one at each reconnect).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Ticker:
    """The top of the book and the rolling 24 hours of one market (ws-v2 reference section 3.1).

    Always a whole record, never a delta. `change_pct` is in percent; `timestamp` and `trades` are missing on older
    servers.
    """

    symbol: str
    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal
    last: Decimal
    volume: Decimal
    vwap: Decimal
    low: Decimal
    high: Decimal
    change: Decimal
    change_pct: Decimal
    trades: int | None
    timestamp: datetime | None
    received: float
    epoch: int


@dataclass(frozen=True, slots=True)
class Trade:
    """One execution (ws-v2 reference section 3.5). `side` and `ord_type` are the taker's.

    `trade_id` counts the trades of a market; it is None over WebSocket v1 only, which numbers none.
    """

    symbol: str
    side: str
    price: Decimal
    qty: Decimal
    ord_type: str
    trade_id: int | None
    timestamp: datetime
    received: float
    epoch: int


@dataclass(frozen=True, slots=True)
class Candle:
    """The state of one interval (ws-v2 reference section 3.4).

    It is final once a later `interval_begin` arrives; intervals without trades are absent. `interval` is in minutes.
    `snapshot` is true for the history that Kraken sends when the subscription starts.
    """

    symbol: str
    interval: int
    interval_begin: datetime
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    vwap: Decimal
    volume: Decimal
    trades: int
    snapshot: bool
    received: float
    epoch: int


@dataclass(frozen=True, slots=True)
class Asset:
    """One currency (ws-v2 reference section 3.6)."""

    id: str
    status: str
    precision: int
    precision_display: int
    borrowable: bool
    collateral_value: Decimal
    margin_rate: Decimal | None
    multiplier: Decimal | None


@dataclass(frozen=True, slots=True)
class Instrument:
    """One market's rules (ws-v2 reference section 3.6): digits, increments, minimums, status."""

    symbol: str
    base: str
    quote: str
    status: str
    price_precision: int
    qty_precision: int
    price_increment: Decimal
    qty_increment: Decimal
    qty_min: Decimal
    cost_precision: int
    cost_min: Decimal
    marginable: bool
    margin_initial: Decimal | None
    position_limit_long: int | None
    position_limit_short: int | None
    has_index: bool


@dataclass(frozen=True, slots=True)
class Instruments:
    """Everything that is traded, after the latest change. `changed` names the assets and symbols of that change."""

    pairs: Mapping[str, Instrument]
    assets: Mapping[str, Asset]
    changed: tuple[str, ...]
    received: float
    epoch: int
