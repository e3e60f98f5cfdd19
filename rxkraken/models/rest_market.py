"""Answers of the public REST calls (rest reference section 6)."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from rxkraken.models.rest_base import RestModel
from rxkraken.models.rounding import EXACT, Rounding, on_grid


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerTime(RestModel):
    """Kraken's clock: `unixtime` in whole seconds, `rfc1123` the same as text."""

    unixtime: int
    rfc1123: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeStatus(RestModel):
    """Whether trading is open: `status` is `online`, `maintenance`, `cancel_only` or `post_only`."""

    status: str
    timestamp: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetInfo(RestModel):
    """One asset. `name` is Kraken's id (`XXBT`), `altname` the short name (`XBT`)."""

    name: str = ""
    altname: str
    aclass: str = ""
    decimals: int
    display_decimals: int
    collateral_value: Decimal | None = None
    margin_rate: Decimal | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeStep(RestModel):
    """From this 30-day `volume` on, in the pair's `fee_volume_currency`, the fee is `percent`."""

    volume: Decimal
    percent: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetPair(RestModel):
    """One market: its names, precisions, minimums and fees (section 6.2).

    `name` is the id that keys REST answers (`XXBTZUSD`), `altname` what order descriptions use (`XBTUSD`).
    """

    name: str = ""
    altname: str
    wsname: str = ""
    aclass_base: str = ""
    base: str
    aclass_quote: str = ""
    quote: str
    lot: str = "unit"
    cost_decimals: int | None = None
    pair_decimals: int
    lot_decimals: int
    lot_multiplier: int = 1
    leverage_buy: tuple[int, ...] = ()
    leverage_sell: tuple[int, ...] = ()
    fees: tuple[FeeStep, ...] = ()
    fees_maker: tuple[FeeStep, ...] = ()
    fee_volume_currency: str | None = None
    margin_call: int | None = None
    margin_stop: int | None = None
    ordermin: Decimal | None = None
    costmin: Decimal | None = None
    tick_size: Decimal | None = None
    status: str | None = None
    long_position_limit: int | None = None
    short_position_limit: int | None = None
    execution_venue: str | None = None

    def round_price(self, price: Decimal, rounding: Rounding = "nearest") -> Decimal:
        """Return the price on the market's grid: a multiple of `tick_size`, or `pair_decimals` places without one."""
        step = self.tick_size or Decimal(1).scaleb(-self.pair_decimals)
        return on_grid(price, step, rounding)

    def round_volume(self, volume: Decimal, rounding: Rounding = "down") -> Decimal:
        """Return the volume with `lot_decimals` places; down by default, so that it never costs more than meant."""
        return on_grid(volume, Decimal(1).scaleb(-self.lot_decimals), rounding)

    def shortfall(self, volume: Decimal, price: Decimal | None = None) -> str | None:
        """Say which minimum an order misses (`ordermin`, and `costmin` when there is a price); None for neither."""
        if self.ordermin is not None and volume < self.ordermin:
            return f"volume {volume:f} is below the minimum of {self.ordermin:f} {self.base} for {self.altname}"
        cost = None if price is None else EXACT.multiply(volume, price)
        if cost is not None and self.costmin is not None and cost < self.costmin:
            return f"volume x price = {cost:f} is below the minimum cost of {self.costmin:f} {self.quote}"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class TickerQuote(RestModel):
    """The best price of a side, and the volume there: rounded to whole lots, and exact."""

    price: Decimal
    whole_lot_volume: Decimal
    lot_volume: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class LastTrade(RestModel):
    """The price and volume of the last trade."""

    price: Decimal
    volume: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DayPair(RestModel):
    """A figure since midnight UTC, and over the last 24 hours."""

    today: Decimal
    last_24h: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class TickerInfo(RestModel):
    """One market's ticker, with Kraken's one-letter members spelled out (section 6.3).

    `ask` a, `bid` b, `last` c, `volume` v, `vwap` p, `trades` t, `low` l, `high` h, `open` o (today's opening price).
    """

    pair: str = ""
    ask: TickerQuote = field(metadata={"wire": "a"})
    bid: TickerQuote = field(metadata={"wire": "b"})
    last: LastTrade = field(metadata={"wire": "c"})
    volume: DayPair = field(metadata={"wire": "v"})
    vwap: DayPair = field(metadata={"wire": "p"})
    trades: DayPair = field(metadata={"wire": "t"})
    low: DayPair = field(metadata={"wire": "l"})
    high: DayPair = field(metadata={"wire": "h"})
    open: Decimal = field(metadata={"wire": "o"})


@dataclass(frozen=True, slots=True, kw_only=True)
class OhlcRow(RestModel):
    """One interval that begins at `time` (Unix seconds)."""

    time: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    vwap: Decimal
    volume: Decimal
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OhlcHistory(RestModel):
    """At most 720 intervals, oldest first; give `last` back as `since` to go on from here."""

    pair: str
    rows: tuple[OhlcRow, ...]
    last: int

    @property
    def committed(self) -> tuple[OhlcRow, ...]:
        """The intervals that will not change any more: all but the last, which is still running (section 6.3)."""
        return self.rows[:-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthLevel(RestModel):
    """A price with the volume offered there, changed last at `time` (Unix seconds)."""

    price: Decimal
    volume: Decimal
    time: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Depth(RestModel):
    """A picture of the order book, best first on both sides; it has no checksum, unlike a `book` stream."""

    pair: str
    asks: tuple[DepthLevel, ...]
    bids: tuple[DepthLevel, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentTrade(RestModel):
    """One public trade. `time` is in Unix seconds with all digits Kraken sent; `side` is the taker's."""

    price: Decimal
    volume: Decimal
    time: Decimal
    side: str
    ordertype: str
    misc: str = ""
    trade_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentTrades(RestModel):
    """Public trades, oldest first; give `last` (nanoseconds) back as `since` to go on from here."""

    pair: str
    rows: tuple[RecentTrade, ...]
    last: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadRow(RestModel):
    """The best bid and ask at `time` (Unix seconds)."""

    time: int
    bid: Decimal
    ask: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentSpreads(RestModel):
    """Best prices over the last moments, oldest first; give `last` back as `since` to go on from here."""

    pair: str
    rows: tuple[SpreadRow, ...]
    last: int
