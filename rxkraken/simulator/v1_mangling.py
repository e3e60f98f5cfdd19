"""Frames of WebSocket v1 bent out of shape: what the message faults do to a text of arrays.

The same faults as those of v2, with the same names and meaning, on frames such as `[336,{"b":[...],"c":"..."},...]`.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from rxkraken.simulator.mangling import lose, repeat
from rxkraken.simulator.wire import dumps, loads

if TYPE_CHECKING:
    from rxkraken.simulator.mangling import Checked, Mangle

# The names of a side in a snapshot and in an update, and the exchange's own name of it.
_SIDES = (("as", "asks"), ("bs", "bids"), ("a", "asks"), ("b", "bids"))
_PRICE, _QTY = 0, 1
V1_ODD: tuple[str, ...] = (
    "[]",
    "[336]",
    '[336,{"b":[]},"book-10"]',
    '[336,null,"book-10","XBT/USD"]',
    '[336,{"b":[["1.0"]],"c":"soon"},"book-10","XBT/USD"]',
    '[336,{"a":"soon"},{"b":null,"c":7},"book-10","XBT/USD"]',
    '[0,{"sun":true},"weather","XBT/USD"]',
    '[1,[["1.0"]],"trade","XBT/USD"]',
    '[[],"openOrders"]',
    '[[{"OABCDE-ABCDE-ABCDEF":null}],"openOrders",{"sequence":"one"}]',
    '[[null],"ownTrades",{}]',
    '{"event":["heartbeat"]}',
    '{"event":"greet","status":"ok"}',
    '{"event":"subscriptionStatus"}',
    '{"event":"systemStatus","status":7}',
)
"""What v1 clients get of the fault `odd_json` besides the shapes that make no sense in any dialect."""


def corrupt_level(text: str, checked: Checked) -> list[str] | None:
    """Change the volume of a level that the checksum covers; the last row of a price is the one that counts."""
    frame = loads(text)
    for part in _objects(frame):
        for name, side in _SIDES:
            settled: set[str] = set()
            for row in reversed(_rows(part, name)):
                price, qty = row[_PRICE], Decimal(row[_QTY])
                if qty and price not in settled and checked(side, Decimal(price)):
                    row[_QTY] = format(3 * qty, "f")
                    return [dumps(frame)]
                settled.add(price)
    return None


def wrong_checksum(text: str, _: Checked) -> list[str] | None:
    """Send another checksum than the one that fits; a snapshot has none."""
    frame = loads(text)
    for part in _objects(frame):
        if isinstance(part.get("c"), str):
            part["c"] = str(int(part["c"]) ^ 1)
            return [dumps(frame)]
    return None


def unknown_fields(text: str, _: Checked) -> list[str] | None:
    """Add fields that no one has heard of to the objects of a frame; arrays grow at their end."""
    frame = loads(text)
    parts = _objects(frame)
    for part in parts:
        part["flags"] = {"new": [1, "2.5", None]}
    if not parts and isinstance(frame[1], list):
        cast("list[Any]", frame[1]).append("new")
    return [dumps(frame)]


def unknown_values(text: str, _: Checked) -> list[str] | None:
    """Put a new word where only a few were known: the side of a trade, the status or type of an order."""
    frame = loads(text)
    changed = False
    match frame:
        case [_, [[*_], *_] as trades, "trade", _]:
            for trade in cast("list[list[Any]]", trades):
                trade[3] = "x"
                changed = True
        case [[*records], "openOrders" | "ownTrades", _]:
            for entry in (value for record in cast("list[dict[str, Any]]", records) for value in record.values()):
                for name in ("status", "type", "ordertype"):
                    if name in entry:
                        entry[name] = f"new_{name}"
                        changed = True
        case _:
            pass
    return [dumps(frame)] if changed else None


V1_MANGLES: dict[str, Mangle] = {
    "corrupt_level": corrupt_level,
    "wrong_checksum": wrong_checksum,
    "lose": lose,
    "repeat": repeat,
    "unknown_fields": unknown_fields,
    "unknown_values": unknown_values,
    "sequence_gap": lose,
    "duplicate_execution": repeat,
}


def _objects(frame: Any) -> list[dict[str, Any]]:
    """The payload objects of a public frame; of a private one, what it says of each order or trade."""
    parts: list[dict[str, Any]] = [part for part in frame if isinstance(part, dict)]
    if isinstance(frame[0], list):
        records = cast("list[dict[str, dict[str, Any]]]", frame[0])
        return [entry for record in records for entry in record.values()]
    return parts


def _rows(part: dict[str, Any], name: str) -> list[list[Any]]:
    rows = part.get(name)
    # A ticker has an `a` and a `b` too, which are no rows.
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in cast("list[Any]", rows)):
        return []
    return cast("list[list[Any]]", rows)
