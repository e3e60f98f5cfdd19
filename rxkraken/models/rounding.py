"""Numbers on a market's grid: exact `Decimal` rounding to the multiples of a step, whatever context the program set."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping

Rounding = Literal["nearest", "down", "up"]
"""To the nearest multiple (ties to the even one), to the next lower, or to the next higher."""

# Wide enough for any price or quantity, and independent of the context that the program has set.
EXACT: Final = Context(prec=60)
_MODES: Final[Mapping[str, str]] = {"nearest": ROUND_HALF_EVEN, "down": ROUND_FLOOR, "up": ROUND_CEILING}


def on_grid(value: Decimal, step: Decimal, rounding: Rounding) -> Decimal:
    """Return the multiple of `step` that the rounding leads to, written with the digits of `step`: 0.29 stays 0.29."""
    steps = EXACT.divide(value, step).quantize(Decimal(1), rounding=_MODES[rounding], context=EXACT)
    return EXACT.multiply(steps, step).quantize(step, rounding=ROUND_DOWN, context=EXACT)


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Whether the value is a whole number of steps."""
    return EXACT.remainder(value, step) == 0
