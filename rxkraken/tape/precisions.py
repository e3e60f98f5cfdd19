"""The digits of pairs' prices and quantities, as an `instrument` channel tells them (ws-v2 reference section 3.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rxkraken.protocol import spot_v2
from rxkraken.protocol.json import exact

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rxkraken.tape.recording import Line

Precision = tuple[int | None, int | None]
"""Fraction digits of prices and of quantities; `None` where the digits of the wire text shall serve."""


def read_precisions(lines: Iterable[Line]) -> dict[str, Precision]:
    """Return the digits of every pair told by the `instrument` frames of a recording; empty if there are none."""
    found: dict[str, Precision] = {}
    for line in lines:
        try:
            frame = exact(line.raw)
        except (ValueError, RecursionError):
            continue
        found.update(precisions_of(frame))
    return found


def precisions_of(frame: Any) -> dict[str, Precision]:
    """Return the digits of every pair of an `instrument` snapshot or update; empty for any other frame.

    Raises `spot_v2.Malformed` for one whose pairs make no sense.
    """
    match frame:
        case {"channel": "instrument", "data": {"pairs": list()} as data}:
            pairs = spot_v2.instruments(None, data, 0.0, 0).pairs.values()
            return {pair.symbol: (pair.price_precision, pair.qty_precision) for pair in pairs}
        case _:
            return {}
