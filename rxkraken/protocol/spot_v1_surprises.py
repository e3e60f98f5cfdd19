"""What market data over WebSocket v1 holds that this version does not know (ws-v1 reference section 5).

Data is read with or without it; here it is named, so that it can be reported once for each shape.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from rxkraken.protocol.spot_v1_values import shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LENGTHS: Final[Mapping[str, int]] = {"ohlc": 9, "trade": 6, "spread": 5}
# Place, name, and the words that are known to stand there.
_WORDS: Final[Mapping[str, tuple[tuple[int, str, tuple[str, ...]], ...]]] = {
    "trade": ((3, "side", ("b", "s")), (4, "orderType", ("m", "l")), (5, "misc", ("",))),
}
_FIELDS: Final[Mapping[str, frozenset[str]]] = {
    "ticker": frozenset({"a", "b", "c", "v", "p", "t", "l", "h", "o"}),
    "book": frozenset({"a", "b", "as", "bs", "c"}),
}
_LEVEL: Final = 3
_REPUBLISHED: Final = ["r"]


def surprise(channel: str, payload: Any) -> str | None:
    """Name what is unknown in one payload: a ticker, a row of `ohlc`, `trade` or `spread`, or a part of a `book`.

    None if all is familiar. Never raises; what is missing is for those who read the payload to say.
    """
    if isinstance(payload, dict):
        return _unknown_field(channel, cast("dict[str, Any]", payload))
    if isinstance(payload, list):
        return _unknown_place(channel, cast("list[Any]", payload))
    return None


def _unknown_field(channel: str, payload: Mapping[str, Any]) -> str | None:
    unknown = payload.keys() - _FIELDS.get(channel, payload.keys())
    if unknown:
        return f"{channel} has unknown field {', '.join(sorted(unknown))}"
    if channel != "book":
        return None
    sides = [cast("list[Any]", rows) for name, rows in payload.items() if name != "c" and isinstance(rows, list)]
    marks = [cast("list[Any]", row)[_LEVEL:] for rows in sides for row in rows if isinstance(row, list)]
    odd = next((mark for mark in marks if mark and mark != _REPUBLISHED), None)
    return None if odd is None else f"a level of book has unknown element {shown(odd[0])}"


def _unknown_place(channel: str, row: Sequence[Any]) -> str | None:
    known = _LENGTHS.get(channel, len(row))
    if len(row) > known:
        return f"{channel} has unknown element {known}"
    for place, name, words in _WORDS.get(channel, ()):
        if place < len(row) and row[place] not in words:
            return f"{channel} has unknown {name} {shown(row[place])}"
    return None
