"""What happened to connections and subscriptions, as values that sit beside or among the data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = Literal[
    "idle",
    "connecting",
    "online",
    "lost",
    "subscribed",
    "rejected",
    "resyncing",
    "stale",
    "degraded",
    "maintenance",
    "closed",
]
"""What a `Status` says.

- `idle`: no connection was needed so far.
- `connecting`, `online`, `lost`, `closed`: the connection's life; `lost` carries the reason and `retry_in`.
- `maintenance`: Kraken's matching engine says so; `online` again when it is over.
- `subscribed`, `rejected`: the outcome of one symbol's subscription.
- `resyncing`: a book failed its checksum and is fetched anew; `degraded`: it failed too often and stays silent.
- `stale`: a subscription died while others flow; it is being renewed.
"""


@dataclass(frozen=True, slots=True)
class Status:
    """One change of a connection's or subscription's state.

    `connection` names the connection ("public", "public-2", "auth", …); `channel` and `symbol` are set when the change
    concerns one subscription only. `at` is local time in seconds since the Unix epoch.
    """

    state: State
    connection: str
    epoch: int
    at: float
    reason: str = ""
    channel: str | None = None
    symbol: str | None = None
    retry_in: float | None = None


@dataclass(frozen=True, slots=True)
class SystemStatus:
    """What Kraken says of its engine when a connection opens and when that changes (ws-v2 reference section 1.4).

    `system` is `online`, `cancel_only`, `post_only`, `limit_only`, `maintenance`, or something newer: take an unknown
    word as "not online". `connection_id` exceeds 2^53.
    """

    system: str
    api_version: str
    version: str
    connection_id: int | None


@dataclass(frozen=True, slots=True)
class Gap:
    """Items may be missing here: the stream was interrupted from `since` until `until` (seconds since the Unix epoch).

    `epoch` is the connection on which the stream goes on. `missed` counts what is known to be lost: 0 when the
    interruption could be filled completely, `None` when nobody can tell.
    """

    symbol: str | None
    epoch: int
    since: float
    until: float
    reason: str
    missed: int | None = None


@dataclass(frozen=True, slots=True)
class Overflow:
    """A `buffer(n)` consumer fell behind here and `dropped` older items were given up."""

    dropped: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """A frame, or a part of one, that this version does not understand. Nothing else was disturbed by it.

    `shape` tells kinds of surprises apart (each kind is logged once); `raw` is the whole text as received.
    """

    shape: str
    reason: str
    raw: str
    received: float
    epoch: int


@dataclass(frozen=True, slots=True)
class Message:
    """One decoded frame of any kind, with the text it came from. Numbers in `frame` are as ujson reads them."""

    frame: Mapping[str, Any]
    raw: str | bytes
    connection: str
    received: float
    epoch: int


@dataclass(frozen=True, slots=True)
class Subscription:
    """One line of the subscription table: what is wanted and how far it got.

    `state` is `wanted` (to be asked), `asked`, `live`, `leaving`, `degraded` or `idle` (its connection is not open).
    """

    channel: str
    symbol: str | None
    params: Mapping[str, Any]
    state: str
    subscribers: int
    connection: str
