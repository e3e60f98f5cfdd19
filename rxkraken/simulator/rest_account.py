"""The private REST calls about money, fees and the key itself (rest reference sections 7 and 8.1)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rxkraken.simulator.rest_names import asset_id, pair_id
from rxkraken.simulator.rest_wire import Params, as_list, as_text, fixed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rxkraken.simulator.accounts import ApiKey
    from rxkraken.simulator.rest_listing import Venue

_ZERO = Decimal(0)
_MONTH = 30 * 86400
_DIGITS = 4


def _balance(venue: Venue, key: ApiKey, params: Params) -> Any:
    del params
    return {asset_id(code): fixed(amount, venue.precision(code)) for code, amount in key.account.balances.items()}


def _balance_ex(venue: Venue, key: ApiKey, params: Params) -> Any:
    del params
    account = key.account
    return {
        asset_id(code): {
            "balance": fixed(amount, venue.precision(code)),
            "hold_trade": fixed(account.held(code), venue.precision(code)),
        }
        for code, amount in account.balances.items()
    }


def _trade_balance(venue: Venue, key: ApiKey, params: Params) -> Any:
    """The account's worth at last prices. There are no positions, so what concerns them is 0 and `ml` is missing."""
    target = venue.code(as_text(params, "asset") or "ZUSD")
    worth = sum((_worth(venue, code, amount, target) for code, amount in key.account.balances.items()), _ZERO)
    holds = (order.reserved() for order in key.account.open_orders)
    unfilled = sum((_worth(venue, code, amount, target) for code, amount in holds), _ZERO)
    total, nothing = fixed(worth, _DIGITS), fixed(_ZERO, _DIGITS)
    positions = dict.fromkeys(("m", "n", "c", "v"), nothing)
    return {"eb": total, "tb": total, **positions, "e": total, "mf": total, "uv": fixed(unfilled, _DIGITS)}


def _worth(venue: Venue, code: str, amount: Decimal, target: str) -> Decimal:
    """An amount in another asset: by a market of both, or by way of a common currency; 0 by none."""
    direct = _rate(venue, code, target)
    ways = ((_rate(venue, code, common), _rate(venue, common, target)) for common in _COMMON)
    rates = (
        [direct] if direct is not None else [there * on for there, on in ways if there is not None and on is not None]
    )
    return amount * rates[0] if rates else _ZERO


def _rate(venue: Venue, code: str, target: str) -> Decimal | None:
    if code == target:
        return Decimal(1)
    markets = venue.exchange.markets
    there, back = markets.get(f"{code}/{target}"), markets.get(f"{target}/{code}")
    if there is not None:
        return Decimal(there.last_price).scaleb(-there.spec.price_precision)
    return None if back is None else 1 / Decimal(back.last_price).scaleb(-back.spec.price_precision)


_DOLLAR = "USD"
_COMMON = (_DOLLAR, "BTC", "EUR")


def _trade_volume(venue: Venue, key: ApiKey, params: Params) -> Any:
    since = venue.exchange.now - _MONTH
    recent = (fill for fill in key.account.fills if fill.time > since)
    volume = sum((_worth(venue, fill.symbol.partition("/")[2], fill.cost, _DOLLAR) for fill in recent), _ZERO)
    result: dict[str, Any] = {"currency": "ZUSD", "volume": fixed(volume, _DIGITS)}
    names = as_list(params, "pair")
    if names is not None:
        ids = [pair_id(venue.symbol(name)) for name in names]
        result["fees"] = {each: _fee("0.40") for each in ids}
        result["fees_maker"] = {each: _fee("0.25") for each in ids}
    return result


def _fee(percent: str) -> dict[str, Any]:
    """The exchange charges every account the fees of its first step, so there is no next one."""
    rate = fixed(Decimal(percent), _DIGITS)
    return {"fee": rate, "minfee": rate, "maxfee": rate, "nextfee": None, "nextvolume": None, "tiervolume": "0.0000"}


def _websockets_token(venue: Venue, key: ApiKey, params: Params) -> Any:
    del params
    token, expires = venue.exchange.issue_token(key)
    return {"token": token, "expires": expires}


def _key_info(venue: Venue, key: ApiKey, params: Params) -> Any:
    """What the references name of it (section 2.4), and what every key has."""
    del venue, params
    return {
        "api_key_name": key.account.name,
        "api_key": key.key,
        "nonce": str(key.last_nonce),
        "nonce_window": key.nonce_window,
        "permissions": sorted(permission.replace("_", "-") for permission in key.permissions),
    }


MONEY: Mapping[str, Callable[[Venue, ApiKey, Params], Any]] = {
    "Balance": _balance,
    "BalanceEx": _balance_ex,
    "TradeBalance": _trade_balance,
    "TradeVolume": _trade_volume,
    "GetWebSocketsToken": _websockets_token,
    "GetApiKeyInfo": _key_info,
}
