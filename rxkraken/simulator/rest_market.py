"""The public REST calls about one market, digit by digit as the reference prints them (rest reference section 6.3)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rxkraken.simulator.history import INTERVALS, MINUTE, Candle
from rxkraken.simulator.rest_names import pair_id
from rxkraken.simulator.rest_wire import Params, as_number, as_whole, bad, padded, unix
from rxkraken.simulator.wire import exact_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rxkraken.simulator.engine import Ladder, Level
    from rxkraken.simulator.history import Print
    from rxkraken.simulator.instruments import SymbolSpec
    from rxkraken.simulator.market import Market
    from rxkraken.simulator.rest_listing import Venue

_MOST_CANDLES = 720
_MOST_TRADES = 1000
_MOST_SPREADS = 200


def digits_of(spec: SymbolSpec) -> int:
    """How many decimals REST shows prices and costs with: those of costs, which are more than those of prices."""
    return max(spec.cost_precision, spec.price_precision)


def _ticker(venue: Venue, params: Params) -> Any:
    return {pair_id(market.spec.symbol): _ticker_of(market, venue.second) for market in venue.markets(params)}


def _ticker_of(market: Market, second: int) -> dict[str, Any]:
    spec, history, engine = market.spec, market.history, market.engine
    flat = _quiet(0, market.last_price)
    today = history.candle(1440, second) or flat
    days = (today, history.day(second) or flat)
    last = history.trades[-1] if history.trades else None

    def price(units: int) -> str:
        return padded(units, spec.price_precision, digits_of(spec))

    return {
        "a": _best(engine.asks, spec),
        "b": _best(engine.bids, spec),
        "c": [price(market.last_price), exact_text(last.qty if last else 0, spec.qty_precision)],
        "v": [exact_text(day.volume, spec.qty_precision) for day in days],
        "p": [_vwap(day, spec) for day in days],
        "t": [day.trades for day in days],
        "l": [price(day.low) for day in days],
        "h": [price(day.high) for day in days],
        "o": price(today.open),
    }


def _best(ladder: Ladder, spec: SymbolSpec) -> list[str]:
    level = ladder.best
    price = padded(level.price if level else 0, spec.price_precision, digits_of(spec))
    lots = _lots(level.qty, spec) if level else "0.000"
    return [price, lots.partition(".")[0] if not level else str(max(1, round(Decimal(lots)))), lots]


def _lots(qty: int, spec: SymbolSpec) -> str:
    """A volume in thousandths, as Ticker and Depth show it; never nothing where there is something."""
    thousandths = qty * 1000 // 10**spec.qty_precision
    return exact_text(max(1, thousandths), 3)


def _vwap(candle: Candle, spec: SymbolSpec) -> str:
    digits = digits_of(spec)
    if not candle.volume:
        return padded(candle.close, spec.price_precision, digits)
    cost = candle.cost * 10 ** (digits - spec.price_precision)
    return exact_text((2 * cost + candle.volume) // (2 * candle.volume), digits)


def _ohlc(venue: Venue, params: Params) -> Any:
    market = venue.market(params)
    interval = as_whole(params, "interval") or 1
    if interval not in INTERVALS:
        bad("interval")
    since = as_whole(params, "since") or 0
    candles = market.history.candles(interval, venue.second, _MOST_CANDLES)
    begin = venue.second - venue.second % (interval * MINUTE)
    if not candles or candles[-1].begin != begin:
        # "The last row is the running, uncommitted interval and is always included" (section 6.3).
        candles.append(_quiet(begin, market.last_price))
    committed = candles[-2].begin if len(candles) > 1 else begin - interval * MINUTE
    rows = [_candle_row(candle, market.spec) for candle in candles if candle.begin > since or candle.begin == begin]
    return {pair_id(market.spec.symbol): rows, "last": committed}


def _quiet(begin: int, price: int) -> Candle:
    """An interval in which nothing traded."""
    return Candle(begin, price, price, price, price, 0, 0, 0)


def _candle_row(candle: Candle, spec: SymbolSpec) -> list[Any]:
    prices = (candle.open, candle.high, candle.low, candle.close, candle.vwap)
    texts = [exact_text(price, spec.price_precision) for price in prices]
    return [candle.begin, *texts, exact_text(candle.volume, spec.qty_precision), candle.trades]


def _depth(venue: Venue, params: Params) -> Any:
    market = venue.market(params)
    count = as_whole(params, "count", least=1, most=500) or 100
    engine = market.engine

    def rows(ladder: Ladder) -> list[Any]:
        return [_level_row(venue, market.spec, level) for level in ladder.top(count)]

    return {pair_id(market.spec.symbol): {"asks": rows(engine.asks), "bids": rows(engine.bids)}}


def _level_row(venue: Venue, spec: SymbolSpec, level: Level) -> list[Any]:
    changed = max(order.time for order in level.orders.values())
    price = padded(level.price, spec.price_precision, digits_of(spec))
    return [price, _lots(level.qty, spec), venue.exchange.calendar.seconds(changed)]


def _trades(venue: Venue, params: Params) -> Any:
    market = venue.market(params)
    count = as_whole(params, "count", least=1, most=_MOST_TRADES) or _MOST_TRADES
    since = _nanoseconds(as_number(params, "since", digits=_DIGITS_OF_AN_ID))
    numbered = _numbered(market.history.trades)
    # From a moment on the oldest come first, so that `last` leads on; without one it is the newest that are wanted.
    later = [(at, trade) for at, trade in numbered if since is None or at > since]
    shown = later[-count:] if since is None else later[:count]
    last = shown[-1][0] if shown else since or 0
    rows = [_trade_row(trade, market.spec) for _, trade in shown]
    return {pair_id(market.spec.symbol): rows, "last": str(last)}


def _nanoseconds(value: Decimal | None) -> int | None:
    """The id of a trade as it is, or the nanosecond of a time in seconds."""
    return None if value is None else int(value if value > _SECONDS_END else value * 1_000_000_000)


def _numbered(trades: Iterable[Print]) -> list[tuple[int, Print]]:
    """Trades with their ids in nanoseconds: several in one microsecond get different ones."""
    numbered: list[tuple[int, Print]] = []
    latest = 0
    for trade in trades:
        latest = max(latest + 1, trade.micros * 1000)
        numbered.append((latest, trade))
    return numbered


# A number of seconds below this, of nanoseconds above it.
_SECONDS_END = 1_000_000_000_000
_DIGITS_OF_AN_ID = 20


def _trade_row(trade: Print, spec: SymbolSpec) -> list[Any]:
    return [
        padded(trade.price, spec.price_precision, digits_of(spec)),
        exact_text(trade.qty, spec.qty_precision),
        unix(trade.micros),
        trade.side[0],
        trade.ord_type[0],
        "",
        trade.trade_id,
    ]


def _spread(venue: Venue, params: Params) -> Any:
    market = venue.market(params)
    since = as_whole(params, "since") or 0
    engine, spec = market.engine, market.spec
    rows = [_spread_at(trade, spec) for trade in list(market.history.trades)[1 - _MOST_SPREADS :]]
    if engine.bids.best and engine.asks.best:
        rows.append((venue.second, engine.bids.best.price, engine.asks.best.price))
    shown = [
        [second, *(padded(price, spec.price_precision, digits_of(spec)) for price in prices)]
        for second, *prices in rows
        if second >= since
    ]
    return {pair_id(spec.symbol): shown, "last": venue.second}


def _spread_at(trade: Print, spec: SymbolSpec) -> tuple[int, int, int]:
    """The touch at the time of a trade, not written down: the taker met one side, the other is the usual away."""
    away = max(1, spec.spread) * spec.tick_units
    bid, ask = (trade.price - away, trade.price) if trade.side == "buy" else (trade.price, trade.price + away)
    return trade.micros // 1_000_000, max(bid, spec.tick_units), ask


MARKET: Mapping[str, Callable[[Venue, Params], Any]] = {
    "Ticker": _ticker,
    "OHLC": _ohlc,
    "Depth": _depth,
    "Trades": _trades,
    "Spread": _spread,
}
