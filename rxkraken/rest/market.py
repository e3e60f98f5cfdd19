"""The public calls (rest reference section 6). No key is needed, and none is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rxkraken.models.rest_market import (
    AssetInfo,
    AssetPair,
    Depth,
    DepthLevel,
    ExchangeStatus,
    OhlcHistory,
    OhlcRow,
    RecentSpreads,
    RecentTrade,
    RecentTrades,
    ServerTime,
    SpreadRow,
    TickerInfo,
)
from rxkraken.rest.build import BadShape, as_int, as_list, as_mapping, build, build_map, build_rows
from rxkraken.rest.caller import Caller, names, pair_name, pair_names

if TYPE_CHECKING:
    from collections.abc import Iterable
    from decimal import Decimal

    from rxkraken.rest.call import RestCall
    from rxkraken.rest.wire import Params


class MarketCalls(Caller):
    """Public market data. Each method returns a `RestCall`; nothing is sent before it is awaited or subscribed to.

    A `pair` may have any spelling. Answers are keyed by Kraken's own id (`XXBTZUSD`), whatever was asked for.
    """

    def time(self, *, extra: Params | None = None) -> RestCall[ServerTime]:
        """`Time`: Kraken's clock."""
        return self._call("Time", {}, lambda result: build(ServerTime, result), extra=extra)

    def system_status(self, *, extra: Params | None = None) -> RestCall[ExchangeStatus]:
        """`SystemStatus`: whether the exchange is open."""
        return self._call("SystemStatus", {}, lambda result: build(ExchangeStatus, result), extra=extra)

    def assets(
        self,
        asset: str | Iterable[str] | None = None,
        *,
        aclass: str | None = None,
        asset_version: int | None = None,
        extra: Params | None = None,
    ) -> RestCall[dict[str, AssetInfo]]:
        """`Assets`: all assets, or those named, by id."""
        params = {"asset": names(asset, "asset"), "aclass": aclass, "assetVersion": asset_version}
        return self._call("Assets", params, lambda result: build_map(AssetInfo, result, "name"), extra=extra)

    def asset_pairs(
        self,
        pair: str | Iterable[str] | None = None,
        *,
        country_code: str | None = None,
        aclass_base: str | None = None,
        asset_version: int | None = None,
        execution_venue: str | None = None,
        extra: Params | None = None,
    ) -> RestCall[dict[str, AssetPair]]:
        """`AssetPairs`: all markets, or those named, by id, with precisions, minimums and fees."""
        params = {
            "pair": pair_names(pair),
            "country_code": country_code,
            "aclass_base": aclass_base,
            "assetVersion": asset_version,
            "execution_venue": execution_venue,
        }
        return self._call("AssetPairs", params, lambda result: build_map(AssetPair, result, "name"), extra=extra)

    def ticker(
        self, pair: str | Iterable[str] | None = None, *, extra: Params | None = None
    ) -> RestCall[dict[str, TickerInfo]]:
        """`Ticker`: best prices, volumes and ranges of these markets, or of all, by id."""
        params = {"pair": pair_names(pair)}
        return self._call("Ticker", params, lambda result: build_map(TickerInfo, result, "pair"), extra=extra)

    def ohlc(
        self, pair: str, *, interval: int = 1, since: int | None = None, extra: Params | None = None
    ) -> RestCall[OhlcHistory]:
        """`OHLC`: up to 720 intervals of so many minutes (1, 5, 15, 30, 60, 240, 1440, 10080, 21600), oldest first.

        The last row is the interval that is still running; `since` is the `last` of an earlier answer.
        """
        params = {"pair": pair_name(pair), "interval": interval, "since": since}
        return self._call("OHLC", params, _ohlc, extra=extra)

    def depth(self, pair: str, *, count: int | None = None, extra: Params | None = None) -> RestCall[Depth]:
        """`Depth`: the order book as it is now, `count` levels a side (1 to 500, Kraken's default is 100)."""
        return self._call("Depth", {"pair": pair_name(pair), "count": count}, _depth, extra=extra)

    def trades(
        self,
        pair: str,
        *,
        since: int | str | Decimal | None = None,
        count: int | None = None,
        extra: Params | None = None,
    ) -> RestCall[RecentTrades]:
        """`Trades`: up to `count` public trades (1 to 1000), oldest first, from `since` on (nanoseconds or seconds)."""
        params = {"pair": pair_name(pair), "since": since, "count": count}
        return self._call("Trades", params, _trades, extra=extra)

    def spread(self, pair: str, *, since: int | None = None, extra: Params | None = None) -> RestCall[RecentSpreads]:
        """`Spread`: recent best bids and asks, oldest first, from `since` (Unix seconds) on."""
        return self._call("Spread", {"pair": pair_name(pair), "since": since}, _spreads, extra=extra)


def _ohlc(result: Any) -> OhlcHistory:
    pair, rows, last = _history(result)
    return OhlcHistory(pair=pair, rows=build_rows(OhlcRow, rows), last=last)


def _spreads(result: Any) -> RecentSpreads:
    pair, rows, last = _history(result)
    return RecentSpreads(pair=pair, rows=build_rows(SpreadRow, rows), last=last)


_SIDES = {"b": "buy", "s": "sell"}
_TYPES = {"m": "market", "l": "limit"}


def _trades(result: Any) -> RecentTrades:
    pair, rows, last = _history(result)
    return RecentTrades(pair=pair, rows=tuple(_trade(row) for row in as_list(rows, "Trades")), last=last)


def _trade(row: Any) -> RecentTrade:
    columns = list(as_list(row, "a trade"))
    if len(columns) > _TYPE_COLUMN:
        columns[_SIDE_COLUMN] = _SIDES.get(str(columns[_SIDE_COLUMN]), columns[_SIDE_COLUMN])
        columns[_TYPE_COLUMN] = _TYPES.get(str(columns[_TYPE_COLUMN]), columns[_TYPE_COLUMN])
    return build(RecentTrade, columns)


_SIDE_COLUMN, _TYPE_COLUMN = 3, 4


def _depth(result: Any) -> Depth:
    pair, book = _one(as_mapping(result, "Depth"))
    sides = as_mapping(book, "Depth of a pair")
    asks, bids = (build_rows(DepthLevel, sides.get(side)) for side in ("asks", "bids"))
    return Depth(pair=pair, asks=asks, bids=bids)


def _history(result: Any) -> tuple[str, Any, int]:
    members = dict(as_mapping(result, "a history"))
    try:
        last = as_int(members.pop("last", None))
    except ValueError as error:
        raise BadShape(f"last {error}") from None
    return (*_one(members), last)


def _one(members: dict[str, Any]) -> tuple[str, Any]:
    # "results are keyed by the id, so look the pair up rather than index by what was sent" (section 3)
    for pair, rows in members.items():
        return pair, rows
    raise BadShape("an answer for one pair names none")
