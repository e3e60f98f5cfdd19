"""What one market allows: increments, minimums, status (ws-v2 reference section 3.6). Breaking it is `InvalidOrder`.

A market that is not known allows everything here: the exchange decides then.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from rxkraken.errors import InvalidArgument, InvalidOrder
from rxkraken.models.market import Instrument
from rxkraken.models.rounding import EXACT, Rounding, is_multiple, on_grid

# What stands in the way of every new order; cancelling is possible (ws-v2 reference section 1.4).
_CLOSED: Final = frozenset(("cancel_only", "maintenance", "work_in_progress", "delisted"))


@dataclass(frozen=True, slots=True)
class MarketRules:
    """One market, and whether numbers beside its grid are moved onto it (`rounding`) or refused (None)."""

    instrument: Instrument | None
    rounding: Rounding | None = None

    def __post_init__(self) -> None:
        """Refuse to round without increments to round to."""
        if self.rounding not in (None, "nearest", "down", "up"):
            raise InvalidArgument(f"rounding={self.rounding!r} is not one of nearest, down, up, None")
        if self.rounding is not None and self.instrument is None:
            raise InvalidArgument(
                f"rounding={self.rounding!r} needs the increments of the market, which are not known yet; "
                f"wait for the instruments, or give numbers on its grid without rounding"
            )

    def price(self, name: str, value: Decimal) -> Decimal:
        """Return a price on the grid of `price_increment`."""
        return value if self.instrument is None else self._fit(name, value, self.instrument.price_increment)

    def offset(self, value: Decimal) -> Decimal:
        """Return a distance in quote currency, rounded if asked for; no rule says that it must be on the grid."""
        if self.instrument is None or self.rounding is None:
            return value
        return on_grid(value, self.instrument.price_increment, self.rounding)

    def qty(self, name: str, value: Decimal) -> Decimal:
        """Return a quantity on the grid of `qty_increment`."""
        return value if self.instrument is None else self._fit(name, value, self.instrument.qty_increment)

    def cost(self, name: str, value: Decimal) -> Decimal:
        """Return an amount of quote currency with `cost_precision` places."""
        if self.instrument is None:
            return value
        return self._fit(name, value, Decimal(1).scaleb(-self.instrument.cost_precision))

    def _fit(self, name: str, value: Decimal, step: Decimal) -> Decimal:
        if step <= 0:
            return value
        if self.rounding is not None:
            return on_grid(value, step, self.rounding)
        if is_multiple(value, step):
            return value
        below, above = on_grid(value, step, "down"), on_grid(value, step, "up")
        raise InvalidOrder(
            f"{name} {value:f} is not a multiple of {step:f} on {self._symbol}; "
            f"nearest are {below:f} and {above:f}, or pass rounding='nearest'"
        )

    @property
    def _symbol(self) -> str:
        return "" if self.instrument is None else self.instrument.symbol

    def check_minimum(self, qty: Decimal | None, price: Decimal | None, cost: Decimal | None) -> None:
        """Refuse less than `qty_min`, and a cost (or quantity times price) of less than `cost_min`; None is unknown."""
        rules = self.instrument
        if rules is None:
            return
        if qty is not None and qty < rules.qty_min:
            raise InvalidOrder(f"qty {qty:f} is below the minimum of {rules.qty_min:f} {rules.base} on {rules.symbol}")
        if cost is not None and cost < rules.cost_min:
            raise InvalidOrder(
                f"cash_order_qty {cost:f} is below the minimum of {rules.cost_min:f} {rules.quote} on {rules.symbol}"
            )
        if qty is None or price is None:
            return
        worth = EXACT.multiply(qty, price)
        if worth < rules.cost_min:
            least = on_grid(EXACT.divide(rules.cost_min, price), rules.qty_increment, "up")
            raise InvalidOrder(
                f"qty {qty:f} at {price:f} costs {worth:f}, below the minimum of {rules.cost_min:f} {rules.quote} "
                f"on {rules.symbol}; at this price it takes at least qty {max(least, rules.qty_min):f}"
            )

    def check_open(self) -> None:
        """Refuse a new order where the market takes none."""
        if self.instrument is not None and self.instrument.status in _CLOSED:
            raise InvalidOrder(f"{self._symbol} is {self.instrument.status}: it takes no new orders now")

    def check_status(self, *, limit_priced: bool, post_only: bool, margin: bool, reduce_only: bool) -> None:
        """Refuse a new order of a kind that the status of the market does not let in."""
        self.check_open()
        rules = self.instrument
        if rules is None:
            return
        if rules.status == "post_only" and not (limit_priced and post_only):
            raise InvalidOrder(f"{rules.symbol} is post_only: it takes limit orders with post_only=True now")
        if rules.status == "limit_only" and not limit_priced:
            raise InvalidOrder(f"{rules.symbol} is limit_only: it takes orders with a limit price now")
        if rules.status == "reduce_only" and margin and not reduce_only:
            raise InvalidOrder(f"{rules.symbol} is reduce_only: margin orders need reduce_only=True now")

    def check_margin(self, *, margin: bool) -> None:
        """Refuse margin where there is none."""
        if margin and self.instrument is not None and not self.instrument.marginable:
            raise InvalidOrder(f"{self._symbol} is not traded on margin; leave margin out")

    def check_reference(self, reference: str | None) -> None:
        """Refuse an index price where there is none."""
        if reference == "index" and self.instrument is not None and not self.instrument.has_index:
            raise InvalidOrder(f"{self._symbol} has no index price; use trigger_reference='last'")
