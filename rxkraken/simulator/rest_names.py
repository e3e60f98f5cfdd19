"""REST's names of assets and pairs, and the listed markets by every name they have (rest reference section 3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

_OLD = {"BTC": "XBT", "DOGE": "XDG"}
_CRYPTO = frozenset(("XBT", "ETH", "LTC", "XRP", "XDG", "XLM", "XMR", "ZEC", "ETC", "REP", "MLN"))
_FIAT = frozenset(("USD", "EUR", "GBP", "JPY", "CAD", "AUD"))


def asset_altname(code: str) -> str:
    """`XBT` for BTC, `USD` for USD."""
    return _OLD.get(code, code)


def asset_id(code: str) -> str:
    """`XXBT` for BTC, `ZUSD` for USD; newer assets have no prefix: `SOL`."""
    name = asset_altname(code)
    if name in _CRYPTO:
        return f"X{name}"
    return f"Z{name}" if name in _FIAT else name


def pair_altname(symbol: str) -> str:
    """`XBTUSD` for BTC/USD."""
    return wsname(symbol).replace("/", "")


def wsname(symbol: str) -> str:
    """`XBT/USD` for BTC/USD."""
    base, _, quote = symbol.partition("/")
    return f"{asset_altname(base)}/{asset_altname(quote)}"


def pair_id(symbol: str) -> str:
    """`XXBTZUSD` for BTC/USD; `XBTUSDT` where one side has no prefix."""
    base, _, quote = symbol.partition("/")
    if {asset_altname(base), asset_altname(quote)} <= _CRYPTO | _FIAT:
        return asset_id(base) + asset_id(quote)
    return pair_altname(symbol)


class Directory:
    """The listed markets and their assets by id, altname and, for pairs, wsname."""

    def __init__(self, symbols: Iterable[str]) -> None:
        """Index these v2 symbols."""
        self._symbols = {
            name: symbol for symbol in symbols for name in (pair_id(symbol), pair_altname(symbol), wsname(symbol))
        }
        codes = dict.fromkeys(code for symbol in self._symbols.values() for code in symbol.split("/"))
        self._codes = {name: code for code in codes for name in (asset_id(code), asset_altname(code))}

    def symbol(self, name: str) -> str | None:
        """The v2 symbol of a pair, or None when it is not listed."""
        return self._symbols.get(name)

    def code(self, name: str) -> str | None:
        """The v2 code of an asset, or None when nothing listed trades it."""
        return self._codes.get(name)
