"""Numbers on the command line: ASCII digits, finite, and within what an option may say.

What typer and Python read by themselves is more than people mean: `1_0`, digits of other scripts, `nan` and `inf`.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any, Final, TypeVar

import typer

if TYPE_CHECKING:
    from collections.abc import Callable

N = TypeVar("N", int, float)

LONGEST: Final = 31_536_000.0
"""The most seconds that an option may say, a year: `inf` would be a wait without an end."""

_WHOLE: Final = re.compile(r"[+-]?[0-9]+")
_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def whole(least: int | None = None, most: int | None = None) -> dict[str, Any]:
    """Return what makes a `typer.Option` or `typer.Argument` take a whole number between two bounds, both allowed."""
    return {"min": least, "max": most, "parser": _reader("whole number", _WHOLE, int, least, most)}


def number(least: float | None = None, most: float | None = None) -> dict[str, Any]:
    """Return what makes it take a finite number between two bounds, both allowed."""
    return {"min": least, "max": most, "parser": _reader("number", _NUMBER, float, least, most)}


def seconds() -> dict[str, Any]:
    """Return what makes it take a time to wait: from a tenth of a second to a year."""
    return number(0.1, LONGEST)


def is_plain(text: str) -> bool:
    """Whether a number is written in ASCII digits, with nothing between them."""
    return _NUMBER.fullmatch(text) is not None


def _reader(
    what: str, form: re.Pattern[str], kind: Callable[[str], N], least: N | None, most: N | None
) -> Callable[[str | N], N]:
    """Return the parser of one option; it is given the default too, which is a number already."""
    bounds = {
        (False, False): "; write plain digits",
        (True, False): f" of at least {_shown(least)}",
        (False, True): f" of at most {_shown(most)}",
        (True, True): f" from {_shown(least)} to {_shown(most)}",
    }[least is not None, most is not None]

    def read(given: str | N) -> N:
        if not isinstance(given, str):
            return given
        value = _value(given, form, kind)
        if value is None or (least is not None and value < least) or (most is not None and value > most):
            raise typer.BadParameter(f"{given!r} is no {what}{bounds}")
        return value

    return read


def _value(text: str, form: re.Pattern[str], kind: Callable[[str], N]) -> N | None:
    try:
        value = kind(text) if form.fullmatch(text) else None
        return value if value is not None and math.isfinite(value) else None
    except (ValueError, OverflowError):  # more digits than Python reads, or than fit a float
        return None


def _shown(bound: float | None) -> str:
    return "" if bound is None else f"{bound:.10g}"
