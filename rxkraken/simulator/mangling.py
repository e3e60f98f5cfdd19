"""Frames bent out of shape: what the message faults do to a text, and JSON that makes no sense.

A mangle takes the text of a channel message and returns what is sent instead: several texts, none at all, or `None`
when it does not apply to this message.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, cast

from rxkraken.simulator.wire import dumps, loads

# Whether a price on a side ("bids" or "asks") is one of the best ten, which the checksum covers.
Checked = Callable[[str, Decimal], bool]
Mangle = Callable[[str, Checked], list[str] | None]

SEVERAL = "several"
ODD_SHAPES: dict[str, str] = {
    "array": '["book",{"symbol":"BTC/USD"}]',
    "number": "42",
    "string": '"heartbeat"',
    "null": "null",
    "empty": "{}",
    "error": '{"Error":"Exceeded msg rate"}',
    "error_object": (
        '{"error":{"message":"You have reached maximum capacity for WebSocket connections","hint":"try later",'
        '"name":"WebSocket connection rate error"}}'
    ),
    "no_data": '{"channel":"book","type":"update"}',
    "null_data": '{"channel":"ticker","type":"update","data":null}',
    "text_data": '{"channel":"trade","type":"update","data":"soon"}',
    "odd_channel": '{"channel":["book"],"type":"update","data":[]}',
    "new_channel": '{"channel":"weather","type":"update","data":[{"sun":true}]}',
    "new_type": '{"channel":"trade","type":"correction","data":[{"symbol":"BTC/USD"}]}',
    "new_method": '{"method":"greet","success":true,"result":{}}',
    "deep": "[" * 600 + "]" * 600,
    "cut": '{"channel":"book","type":"upd',
}


def odd_texts(shape: str) -> list[str]:
    """The texts of one odd shape, or of all of them."""
    return list(ODD_SHAPES.values()) if shape == SEVERAL else [ODD_SHAPES[shape]]


def corrupt_level(text: str, checked: Checked) -> list[str] | None:
    """Change the quantity of a level or order that the checksum covers, as a bit flipped on the way would.

    A price may come twice in a message, and the last entry wins: changing an earlier one would change nothing.
    """
    message = loads(text)
    for record in _records(message):
        for name in ("asks", "bids"):
            settled: set[Any] = set()
            for entry in reversed(record.get(name, [])):
                # An entry of level 3 is about an order, and a delete of one has a quantity that counts no more.
                price, qty = ("limit_price", "order_qty") if "order_id" in entry else ("price", "qty")
                about = entry.get("order_id", entry[price])
                counts = entry[qty] and entry.get("event") != "delete"
                if counts and about not in settled and checked(name, Decimal(entry[price])):
                    entry[qty] *= 3
                    return [dumps(message)]
                settled.add(about)
    return None


def wrong_checksum(text: str, _: Checked) -> list[str] | None:
    """Send another checksum than the one that fits."""
    message = loads(text)
    for record in _records(message):
        if "checksum" in record:
            record["checksum"] ^= 1
            return [dumps(message)]
    return None


def lose(text: str, _: Checked) -> list[str] | None:
    """Send nothing in its place."""
    del text
    return []


def repeat(text: str, _: Checked) -> list[str] | None:
    """Send it twice."""
    return [text, text]


def unknown_fields(text: str, _: Checked) -> list[str] | None:
    """Add fields that no one has heard of, to the message and to its records."""
    message = loads(text)
    message["venue"] = "kraken"
    for record in _records(message):
        record["flags"] = {"new": [1, 2.5, None]}
    return [dumps(message)]


def unknown_values(text: str, _: Checked) -> list[str] | None:
    """Put a new word where only a few were known."""
    message = loads(text)
    changed = False
    for record in _records(message):
        for name in ("side", "ord_type", "system", "exec_type", "category"):
            if name in record:
                record[name] = f"new_{name}"
                changed = True
    return [dumps(message)] if changed else None


MANGLES: dict[str, Mangle] = {
    **{
        mangle.__name__: mangle
        for mangle in (corrupt_level, wrong_checksum, lose, repeat, unknown_fields, unknown_values)
    },
    "sequence_gap": lose,
    "duplicate_execution": repeat,
}


def _records(message: dict[str, Any]) -> list[dict[str, Any]]:
    data: Any = message.get("data")
    records = cast("list[Any]", data) if isinstance(data, list) else []
    return [record for record in records if isinstance(record, dict)]
