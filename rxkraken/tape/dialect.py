"""Which WebSocket API a recorded frame is of: v1 has arrays and events, v2 has objects with a channel or a method."""

from __future__ import annotations

from typing import Any, Final, Literal, cast

from rxkraken.protocol import spot_v1_orders
from rxkraken.protocol.json import loads

Dialect = Literal["v1", "v2"]

_REQUESTS: Final = frozenset({"ping", "subscribe", "unsubscribe", *spot_v1_orders.EVENTS.values()})
_OF_V1: Final = ("event", "errorMessage")
_OF_V2: Final = ("channel", "method")


def dialect_of(raw: str, latest: Dialect) -> Dialect:
    """Tell the API of a frame; what could be of either, or is no JSON, counts to that of the frame before it.

    Every array is v1's data (ws-v1 reference section 1). An object is decoded only if its text could be an event:
    nothing in the market data of v2 has such a name.
    """
    if raw.lstrip().startswith("["):
        return "v1"
    if not _names_any(raw, _OF_V1):
        return "v2" if _names_any(raw, _OF_V2) else latest
    frame = _object(raw)
    if any(name in frame for name in _OF_V2):
        return "v2"
    return "v1" if any(name in frame for name in _OF_V1) else latest


def is_request(raw: str) -> bool:
    """Whether this text of v1 is what a client sent: some recorders keep that among the frames.

    V2 needs no such question: its requests look like its replies, and are read as such.
    """
    event = None if raw.lstrip().startswith("[") else _object(raw).get("event")
    return isinstance(event, str) and event in _REQUESTS


def _names_any(raw: str, names: tuple[str, ...]) -> bool:
    return any(f'"{name}"' in raw for name in names)


def _object(raw: str) -> dict[str, Any]:
    try:
        frame: Any = loads(raw)
    except (ValueError, RecursionError):
        return {}
    return cast("dict[str, Any]", frame) if isinstance(frame, dict) else {}
