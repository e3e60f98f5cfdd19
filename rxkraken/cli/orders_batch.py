"""Reads the orders of a batch from a file or standard input: a JSON array, or an object a line. Numbers stay exact."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final, TextIO, cast

from rxkraken.cli.exits import USAGE, Ended
from rxkraken.protocol.json import exact

_SHAPE: Final = "give a JSON array of orders, or one order a line, such as"
_EXAMPLE: Final = '{"side": "buy", "order_type": "limit", "qty": "0.01", "price": "25000"}'


def read_orders(file: str) -> list[dict[str, Any]]:
    """Read the orders in `file`, or standard input for `-`; ends the command with exit code 2 where there are none."""
    if not file:
        raise Ended(USAGE, "FILE is empty; name the file with the orders, or give - for standard input")
    if file == "-" and cast("TextIO | None", sys.stdin) is None:
        raise Ended(USAGE, "standard input is closed; name a file instead of -")
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise Ended(USAGE, f"cannot read {file}: {reason}") from error
    return orders_in(text, "standard input" if file == "-" else file)


def orders_in(text: str, where: str) -> list[dict[str, Any]]:
    """Return the orders that a text holds; `where` names it in errors."""
    if text.lstrip().startswith("["):
        rows = _decoded(text, where)
        return [_order(row, f"{where}, order {place}") for place, row in enumerate(rows, 1)]
    lines = [(place, line) for place, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise Ended(USAGE, f"{where} holds no orders; {_SHAPE} {_EXAMPLE}")
    named = [(f"{where}, line {place}", line) for place, line in lines]
    return [_order(_decoded(line, name), name) for name, line in named]


def _decoded(text: str, where: str) -> Any:
    try:
        return exact(text)
    except (ValueError, RecursionError) as error:
        raise Ended(USAGE, f"{where} is not JSON ({error}); {_SHAPE} {_EXAMPLE}") from error


def _order(row: Any, where: str) -> dict[str, Any]:
    if not isinstance(row, dict):
        raise Ended(USAGE, f"{where} is no order; {_SHAPE} {_EXAMPLE}")
    return cast("dict[str, Any]", row)
