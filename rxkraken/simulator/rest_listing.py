"""The public REST calls about the exchange itself: its time, its status, what it lists (rest reference section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rxkraken.simulator.exchange import Exchange
from rxkraken.simulator.instruments import ASSETS, assets_of
from rxkraken.simulator.rest_names import Directory, asset_altname, asset_id, pair_altname, pair_id, wsname
from rxkraken.simulator.rest_wire import Params, Refused, as_list, as_text, as_whole, bad, iso, needed, rfc1123

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rxkraken.simulator.instruments import Asset, SymbolSpec
    from rxkraken.simulator.market import Market

# Percent by 30-day volume in USD, taker and maker (the example of section 6.2).
FEES = ((0, Decimal("0.4")), (10_000, Decimal("0.35")))
FEES_MAKER = ((0, Decimal("0.25")), (10_000, Decimal("0.2")))

_USUAL_PRECISION = 8


@dataclass(slots=True)
class Venue:
    """What every call works on: the exchange, and the names of what it lists."""

    exchange: Exchange
    directory: Directory

    @classmethod
    def of(cls, exchange: Exchange) -> Venue:
        """The exchange with its names."""
        return cls(exchange, Directory(exchange.markets))

    @property
    def second(self) -> int:
        """The whole second since 1970 that it is now."""
        return self.exchange.calendar.seconds(self.exchange.now)

    def symbol(self, name: str) -> str:
        """The v2 symbol of a pair in any of its REST names; refuses one that is not listed."""
        symbol = self.directory.symbol(name)
        if symbol is None:
            raise Refused("EQuery:Unknown asset pair")
        return symbol

    def code(self, name: str) -> str:
        """The v2 code of an asset; refuses one that nothing listed trades."""
        code = self.directory.code(name)
        if code is None:
            raise Refused("EQuery:Unknown asset")
        return code

    @staticmethod
    def precision(code: str) -> int:
        """How many decimals the books of an asset are kept with."""
        known = ASSETS.get(code)
        return known.precision if known else _USUAL_PRECISION

    def market(self, params: Params) -> Market:
        """The market that the parameter `pair` names."""
        return self.exchange.markets[self.symbol(needed(params, "pair"))]

    def markets(self, params: Params) -> list[Market]:
        """The markets of a comma list `pair`, all without one."""
        names = as_list(params, "pair")
        if names is None:
            return list(self.exchange.markets.values())
        return [self.exchange.markets[self.symbol(name)] for name in names]


# --- the exchange -----------------------------------------------------------------------------------------------------


def _time(venue: Venue, params: Params) -> Any:
    del params
    return {"unixtime": venue.second, "rfc1123": rfc1123(venue.second)}


def _system_status(venue: Venue, params: Params) -> Any:
    del params
    return {"status": venue.exchange.system, "timestamp": iso(venue.second)}


def _assets(venue: Venue, params: Params) -> Any:
    if as_text(params, "aclass") not in {None, "currency"}:
        return {}
    names = as_list(params, "asset")
    wanted = None if names is None else {venue.code(name) for name in names}
    plain = _shows_plain_names(params)
    listed = assets_of([market.spec for market in venue.exchange.markets.values()])
    return {
        asset.id if plain else asset_id(asset.id): _asset(asset, plain=plain)
        for asset in listed
        if wanted is None or asset.id in wanted
    }


def _asset(asset: Asset, *, plain: bool) -> dict[str, Any]:
    collateral = Decimal(asset.collateral)
    return {
        "aclass": "currency",
        "altname": asset.id if plain else asset_altname(asset.id),
        "decimals": asset.precision,
        "display_decimals": asset.display,
        **({"collateral_value": collateral.normalize()} if collateral else {}),
        **({"margin_rate": Decimal(asset.margin_rate)} if asset.margin_rate else {}),
        "status": "enabled",
    }


def _asset_pairs(venue: Venue, params: Params) -> Any:
    only = _INFO.get(as_text(params, "info") or "info")
    if only is None:
        bad("info")
    plain = _shows_plain_names(params)
    pairs = {market.spec.symbol: _pair(market.spec, plain=plain) for market in venue.markets(params)}
    return {
        symbol if plain else pair_id(symbol): {name: value for name, value in pair.items() if not only or name in only}
        for symbol, pair in pairs.items()
    }


def _pair(spec: SymbolSpec, *, plain: bool) -> dict[str, Any]:
    named: Callable[[str], str] = str if plain else asset_id
    leverage = list(range(2, int(1 / Decimal(spec.margin_initial)) + 1)) if spec.marginable else []
    limits = spec.position_limits
    return {
        "altname": pair_altname(spec.symbol),
        "wsname": wsname(spec.symbol),
        "aclass_base": "currency",
        "base": named(spec.base),
        "aclass_quote": "currency",
        "quote": named(spec.quote),
        "lot": "unit",
        "cost_decimals": spec.cost_precision,
        "pair_decimals": spec.price_precision,
        "lot_decimals": spec.qty_precision,
        "lot_multiplier": 1,
        "leverage_buy": leverage,
        "leverage_sell": leverage,
        "fees": FEES,
        "fees_maker": FEES_MAKER,
        "fee_volume_currency": "USD" if plain else "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": _plain(spec.qty_min),
        "costmin": _plain(spec.cost_min),
        "tick_size": format(spec.increment, "f"),
        "status": spec.status,
        **({} if limits is None else {"long_position_limit": limits[0], "short_position_limit": limits[1]}),
    }


_INFO: Mapping[str, tuple[str, ...]] = {
    "info": (),
    "leverage": ("leverage_buy", "leverage_sell"),
    "fees": ("fees", "fees_maker", "fee_volume_currency"),
    "margin": ("margin_call", "margin_stop"),
}


def _shows_plain_names(params: Params) -> bool:
    """`assetVersion=1` returns display names (BTC) instead of legacy codes (section 3)."""
    return as_whole(params, "assetVersion") == 1


def _plain(number: str) -> str:
    return format(Decimal(number), "f").removesuffix(".0")


LISTING: Mapping[str, Callable[[Venue, Params], Any]] = {
    "Time": _time,
    "SystemStatus": _system_status,
    "Assets": _assets,
    "AssetPairs": _asset_pairs,
}
