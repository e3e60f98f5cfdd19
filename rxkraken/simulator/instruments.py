"""The markets the simulated exchange lists: their rules as Kraken publishes them, and what their order flow is like."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rxkraken.errors import InvalidArgument, UnknownSymbol
from rxkraken.simulator.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Sequence

PAIR_STATUSES = (
    "online", "cancel_only", "post_only", "limit_only", "reduce_only", "maintenance", "work_in_progress", "delisted",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SymbolSpec:
    """One market: what the `instrument` channel says about it, and how lively it is.

    Prices and quantities are written as text ("0.1") and kept exact. The last block is not on the wire:

    - `price`: where the market starts, and where it is drawn back to in the long run.
    - `lot`: the size of an ordinary order, in base currency.
    - `levels`: how many price levels a side the order flow keeps up; `span`: the share of the price they reach over.
    - `spread`: the usual distance between bid and ask, in ticks; `step`: the usual move of the fair price per market
      event, as a share of the price.
    """

    symbol: str
    price: str
    price_precision: int
    qty_precision: int = 8
    tick: str = ""
    qty_min: str = "0.0001"
    cost_min: str = "0.5"
    cost_precision: int = 5
    status: str = "online"
    marginable: bool = False
    margin_initial: str = ""
    position_limits: tuple[int, int] | None = None
    has_index: bool = True
    lot: str = "1"
    levels: int = 150
    span: str = "0.02"
    spread: int = 2
    step: float = 2e-5

    def __post_init__(self) -> None:
        """Refuse a market that could not exist, naming what is wrong with it."""
        base, slash, quote = self.symbol.partition("/")
        if not (base and slash and quote):
            raise InvalidArgument(f"symbol {self.symbol!r} must be written BASE/QUOTE")
        if not 0 <= self.price_precision <= _MOST_DIGITS or not 0 <= self.qty_precision <= _MOST_DIGITS:
            raise InvalidArgument(f"{self.symbol}: precisions must be 0 to {_MOST_DIGITS} digits")
        if self.units(self.price) < self.tick_units or self.tick_units < 1 or self.lot_units < 1 or self.levels < 1:
            raise InvalidArgument(f"{self.symbol}: price, tick, lot and levels must be above 0 in their own units")
        if self.status not in PAIR_STATUSES:
            raise InvalidArgument(f"{self.symbol}: status {self.status!r} is none of {', '.join(PAIR_STATUSES)}")

    @property
    def base(self) -> str:
        """The currency that is bought and sold."""
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        """The currency that prices are in."""
        return self.symbol.partition("/")[2]

    @property
    def increment(self) -> Decimal:
        """The tick: every price is a multiple of it."""
        return Decimal(self.tick) if self.tick else Decimal(1).scaleb(-self.price_precision)

    @property
    def tick_units(self) -> int:
        """The tick in units of 10^-price_precision."""
        return int(self.increment.scaleb(self.price_precision))

    @property
    def lot_units(self) -> int:
        """An ordinary order in units of 10^-qty_precision."""
        return int(Decimal(self.lot).scaleb(self.qty_precision))

    @property
    def least_units(self) -> int:
        """The smallest order allowed, in units of 10^-qty_precision."""
        return max(1, int(Decimal(self.qty_min).scaleb(self.qty_precision)))

    def units(self, price: str) -> int:
        """A price in units of 10^-price_precision, rounded down to a tick."""
        units = int(Decimal(price).scaleb(self.price_precision))
        return units - units % self.tick_units if self.tick_units else units

    def but(self, **changes: Any) -> SymbolSpec:
        """A copy with other values."""
        return replace(self, **changes)

    def record(self) -> str:
        """The pair as the `instrument` channel shows it (ws-v2 reference section 3.6)."""
        increment = increment_text(self.increment)
        fields = [
            f'"symbol":{dumps(self.symbol)},"base":{dumps(self.base)},"quote":{dumps(self.quote)}',
            f'"status":{dumps(self.status)},"qty_precision":{self.qty_precision}',
            f'"qty_increment":{increment_text(Decimal(1).scaleb(-self.qty_precision))}',
            f'"price_precision":{self.price_precision},"cost_precision":{self.cost_precision}',
            f'"marginable":{dumps(self.marginable)},"has_index":{dumps(self.has_index)}',
            f'"cost_min":{increment_text(Decimal(self.cost_min))}',
            *([f'"margin_initial":{increment_text(Decimal(self.margin_initial))}'] if self.margin_initial else []),
            *self._limits(),
            f'"tick_size":{increment},"price_increment":{increment}',
            f'"qty_min":{increment_text(Decimal(self.qty_min))}',
        ]
        return "{" + ",".join(fields) + "}"

    def _limits(self) -> list[str]:
        if self.position_limits is None:
            return []
        long, short = self.position_limits
        return [f'"position_limit_long":{long},"position_limit_short":{short}']


_MOST_DIGITS = 12


def increment_text(value: Decimal) -> str:
    """An increment as the live `instrument` channel prints it: `1e-08`, `5e-05`, `0.1`, `10.0`, but `1` for one.

    The exchange writes these through a double; for powers of ten and minimums that is the shortest text that reads
    back to the same number, so going through `float` here loses nothing.
    """
    return "1" if value == 1 else repr(float(value))


@dataclass(frozen=True, slots=True)
class Asset:
    """One currency, as the `instrument` channel shows it."""

    id: str
    precision: int
    display: int
    collateral: str = "0.0"
    margin_rate: str = ""

    def record(self) -> str:
        """The asset on the wire; only borrowable ones have a margin rate."""
        rate = f',"margin_rate":{self.margin_rate}' if self.margin_rate else ""
        return (
            f'{{"id":{dumps(self.id)},"status":"enabled","precision":{self.precision},'
            f'"precision_display":{self.display},"borrowable":{dumps(bool(self.margin_rate))},'
            f'"collateral_value":{self.collateral}{rate}}}'
        )


ASSETS = {
    asset.id: asset
    for asset in (
        Asset("USD", 4, 2, "1.0", "0.025"),
        Asset("EUR", 4, 2, "1.0", "0.02"),
        Asset("JPY", 2, 0, "1.0", "0.015"),
        Asset("BTC", 10, 5, "1.0", "0.01"),
        Asset("ETH", 10, 5, "1.0", "0.02"),
        Asset("SOL", 10, 5, "0.9", "0.02"),
        Asset("XRP", 8, 5, "0.0", "0.02"),
        Asset("ADA", 8, 6, "0.9", "0.02"),
        Asset("DOGE", 8, 2, "0.0", "0.02"),
        Asset("LTC", 10, 5, "0.7", "0.02"),
        Asset("USDT", 8, 4, "0.9", "0.02"),
        Asset("SHIB", 5, 0),
        Asset("PEPE", 2, 0),
        Asset("LUNA", 8, 5),
        Asset("GST", 10, 5),
    )
}

_MAJOR: dict[str, Any] = {"marginable": True, "margin_initial": "0.2"}
_MINOR: dict[str, Any] = {"marginable": True, "margin_initial": "0.33"}

# The rules are the published ones of these pairs; the prices are of the right magnitude.
MARKETS = {
    spec.symbol: spec
    for spec in (
        SymbolSpec("BTC/USD", "84250.3", 1, lot="0.12", levels=1150, span="0.03", position_limits=(300, 240), **_MAJOR),
        SymbolSpec(
            "BTC/EUR", "77610.5", 1, cost_min="0.45", lot="0.09", levels=300, position_limits=(130, 100), **_MAJOR
        ),
        SymbolSpec(
            "ETH/USD", "2950.12", 2, qty_min="0.002", lot="1.8", levels=300, position_limits=(2700, 1700), **_MAJOR
        ),
        SymbolSpec(
            "ETH/BTC", "0.03502", 5, qty_min="0.002", cost_min="0.00002", cost_precision=10, lot="1.2", levels=130,
            span="0.06", spread=1, position_limits=(1000, 600), **_MAJOR,
        ),
        SymbolSpec(
            "SOL/USD", "142.35", 2, qty_min="0.05", lot="14", levels=200, span="0.03", marginable=True,
            margin_initial="0.25", position_limits=(37000, 24000),
        ),
        SymbolSpec(
            "XRP/USD", "2.10345", 5, qty_min="10.0", cost_precision=8, lot="1400", levels=200,
            position_limits=(2000000, 1200000), **_MAJOR,
        ),
        SymbolSpec(
            "ADA/USD", "0.654321", 6, qty_min="10.0", cost_precision=6, lot="2600", levels=200, spread=20,
            position_limits=(1400000, 1200000), **_MINOR,
        ),
        SymbolSpec(
            "DOGE/USD", "0.1654321", 7, qty_min="60.0", cost_precision=9, lot="9000", levels=200, spread=60,
            position_limits=(10700000, 6100000), **_MAJOR,
        ),
        SymbolSpec(
            "LTC/USD", "88.15", 2, qty_min="0.05", lot="11", levels=150, span="0.04", position_limits=(5300, 3600),
            **_MINOR,
        ),
        SymbolSpec(
            "USDT/USD", "0.99985", 5, qty_min="10.0", cost_precision=8, lot="15000", levels=120, span="0.004",
            spread=1, step=4e-6, marginable=True, margin_initial="0.5", position_limits=(3200000, 4600000),
        ),
        SymbolSpec("EUR/USD", "1.08512", 5, qty_min="0.5", lot="4000", levels=120, span="0.006", spread=2, step=6e-6),
        SymbolSpec(
            "ADA/BTC", "0.00000777", 8, qty_min="10.0", cost_min="0.00002", cost_precision=9, lot="1800", levels=110,
            span="0.2", spread=1, step=2e-4, position_limits=(430000, 260000), **_MINOR,
        ),
        SymbolSpec("BTC/JPY", "13104250", 0, cost_min="50", cost_precision=3, lot="0.02", levels=150, spread=900),
        SymbolSpec("SHIB/USD", "0.00001234", 8, 5, qty_min="500000.0", lot="60000000", levels=110, span="0.15",
                   spread=1, step=1e-4),
        SymbolSpec("PEPE/USD", "0.000009876", 9, 5, qty_min="3000000.0", lot="90000000", levels=120, span="0.03",
                   spread=4, step=4e-5, has_index=False),
        SymbolSpec("LUNA/USD", "0.00006543", 8, qty_min="45000.0", lot="70000000", levels=110, span="0.03", spread=3,
                   step=6e-5, has_index=False),
        SymbolSpec("GST/EUR", "2.415", 3, qty_min="400.0", cost_min="0.45", lot="900", levels=6, span="0.06",
                   spread=12, step=1e-4, has_index=False),
    )
}  # fmt: skip


def choose(symbols: int | Sequence[str | SymbolSpec] | None) -> tuple[SymbolSpec, ...]:
    """The markets to list: all of the table, these names of it or your own, or a number of them.

    A number takes the table first and continues with made-up markets (`S0018/USD`, ...), for tests of scale.
    """
    match symbols:
        case None:
            return tuple(MARKETS.values())
        case bool():
            raise InvalidArgument(f"symbols={symbols!r} must be names, SymbolSpec values or a number of markets")
        case int():
            return _first(symbols)
        case str():
            raise InvalidArgument(f"symbols={symbols!r} must be a list of names: [{symbols!r}]")
        case _:
            return _named(symbols)


def _first(count: int) -> tuple[SymbolSpec, ...]:
    if count < 1:
        raise InvalidArgument(f"symbols={count} is no number of markets; at least 1")
    known = tuple(MARKETS.values())
    return known[:count] + tuple(synthetic(number) for number in range(len(known) + 1, count + 1))


def synthetic(number: int) -> SymbolSpec:
    """A made-up market: light, with two to six price digits, different for each number."""
    digits = 2 + number % 5
    price = Decimal(1 + number * 37 % 900) * Decimal("1.07")
    return SymbolSpec(f"S{number:04d}/USD", f"{price:.{digits}f}", digits, lot="25", levels=25)


def _named(symbols: Sequence[str | SymbolSpec]) -> tuple[SymbolSpec, ...]:
    chosen: dict[str, SymbolSpec] = {}
    for item in symbols:
        spec = item if isinstance(item, SymbolSpec) else MARKETS.get(item)
        if spec is None:
            raise UnknownSymbol(item, hint=f"the simulator lists {', '.join(MARKETS)}, or give it a SymbolSpec")
        if spec.symbol in chosen:
            raise InvalidArgument(f"symbols names {spec.symbol} twice")
        chosen[spec.symbol] = spec
    if not chosen:
        raise InvalidArgument("symbols is empty; an exchange needs at least one market")
    return tuple(chosen.values())


def assets_of(specs: Sequence[SymbolSpec]) -> tuple[Asset, ...]:
    """The currencies that these markets trade, each once, in order of appearance."""
    codes = dict.fromkeys(code for spec in specs for code in (spec.base, spec.quote))
    return tuple(ASSETS.get(code) or Asset(code, 8, 5) for code in codes)
