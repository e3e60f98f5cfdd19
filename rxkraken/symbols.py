"""Any spelling of a spot market in, one canonical name out: `XBT/USD`, `btc-usd`, `XXBTZUSD` are all `BTC/USD`.

Kraken spells a market four ways (rest reference section 3, ws-v2 reference section 2.5):

| form | example | where |
|---|---|---|
| v2 symbol, the canonical one here | `BTC/USD` | WebSocket v2 |
| `wsname` | `XBT/USD` | WebSocket v1 |
| `altname` | `XBTUSD` | REST input, order descriptions |
| key | `XXBTZUSD` | keys of REST results |

`canonical` knows the rules and no list, so it reads a run-together name only where the rules leave one reading.
`Symbols` knows the exchange's list as well, which settles every other case and finds the nearest name for a typo.
"""

from __future__ import annotations

import difflib
import re
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Final

from rxkraken.errors import UnknownSymbol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_TO_V1: Final = {"BTC": "XBT", "DOGE": "XDG"}
_FROM_V1: Final = {old: new for new, old in _TO_V1.items()}
# "legacy 4-letter codes: X + crypto, Z + fiat" (rest reference section 3): a closed list, newer assets have no prefix.
_LEGACY_CRYPTO: Final = ("XBT", "ETH", "LTC", "XRP", "XDG", "XLM", "XMR", "ZEC", "ETC", "REP", "MLN")
_LEGACY_FIAT: Final = ("USD", "EUR", "GBP", "JPY", "CAD", "AUD")
_LEGACY: Final = {f"X{code}": _FROM_V1.get(code, code) for code in _LEGACY_CRYPTO} | {
    f"Z{code}": code for code in _LEGACY_FIAT
}
_FIAT: Final = (*_LEGACY_FIAT, "CHF", "AED")
_STABLE: Final = ("USDT", "USDC", "DAI", "PYUSD", "USDG", "USDR", "USDQ", "EURQ", "EURR", "RLUSD")
_CRYPTO_QUOTES: Final = ("BTC", "XBT", "ETH", "DOT")
_QUOTES: Final = frozenset((*_FIAT, *_STABLE, *_CRYPTO_QUOTES))
_LONGEST_QUOTE: Final = max(map(len, _QUOTES))
_WELL_KNOWN: Final = _QUOTES | frozenset(("DOGE", *_LEGACY_CRYPTO))

_SEPARATORS: Final = re.compile(r"\s*[/\-_:\s]\s*")
_ASSET: Final = re.compile(r"[A-Za-z0-9]{1,16}(?:\.[A-Za-z0-9]{1,8})?")
_FUTURES: Final = re.compile(r"(?:P[FIV]|F[FIV]|OF)_([A-Z0-9]{3,})(?:_\w+)?", re.IGNORECASE)
_TOKENIZED: Final = re.compile(r"[A-Z0-9.]+x")
_MOST_SUGGESTIONS: Final = 3
_FORM: Final = "write it as BASE/QUOTE, for example BTC/USD"


def canonical(spelling: str) -> str:
    """Return the v2 name of a market, by rule alone: `canonical("XXBTZUSD") == "BTC/USD"`.

    Letter case does not matter, except that the small `x` of a tokenized asset is kept (`AAPLxUSD` is `AAPLx/USD`).
    Base and quote may be separated by `/`, `-`, `_`, `:` or a space. A name without a separator is split before a
    currency that Kraken quotes in. Whether the market exists is not asked; `Symbols.resolve` does.

    Raises `UnknownSymbol` when the text is not a market name, when it cannot be split, or when it can be split in two
    ways; the suggestions then hold the possible readings.
    """
    # Every order and every charge of a rate counter asks; the same few names come again and again.
    return _canonical(spelling) if isinstance(spelling, str) else _canonical.__wrapped__(spelling)  # pyright: ignore[reportUnnecessaryIsInstance]


@lru_cache(maxsize=4096)
def _canonical(spelling: str) -> str:
    readings = _readings(spelling)
    if len(readings) == 1:
        return readings[0]
    if readings:
        raise UnknownSymbol(spelling, readings, f"it can be read in several ways, so {_FORM}")
    raise UnknownSymbol(spelling, (), f"no quote currency was recognised at its end, so {_FORM}")


def to_v1(symbol: str) -> str:
    """Return the `wsname` of a market, which WebSocket v1 speaks: `to_v1("BTC/USD") == "XBT/USD"`.

    Any spelling that `canonical` understands is accepted; it raises `UnknownSymbol` as `canonical` does.
    """
    base, quote = canonical(symbol).split("/")
    return f"{_TO_V1.get(base, base)}/{_TO_V1.get(quote, quote)}"


def to_rest(symbol: str) -> str:
    """Return the `altname` of a market, which REST accepts as input: `to_rest("BTC/USD") == "XBTUSD"`.

    REST results are keyed by another name (`XXBTZUSD`), which no rule gives for every market: look the pair up in the
    result instead of indexing by this name (rest reference section 3).
    """
    return to_v1(symbol).replace("/", "")


class Symbols:
    """The markets that exist, by canonical name; immutable. Made from the `instrument` channel's `pairs[].symbol`."""

    __slots__ = ("_by_fold", "_by_key", "_by_name", "_names")

    def __init__(self, symbols: Iterable[str]) -> None:
        """Index the given canonical names by every spelling they may come in."""
        self._names = tuple(dict.fromkeys(symbols))
        self._by_fold = {name.upper(): name for name in self._names}
        self._by_name: dict[str, list[str]] = {}
        self._by_key: dict[str, list[str]] = {}
        for name in self._names:
            base, _, quote = name.upper().partition("/")
            for key in {f"{left}{right}" for left, right in product(_short_names(base), _short_names(quote))}:
                self._by_name.setdefault(key, []).append(name)
            for key in {f"{left}{right}" for left, right in product(_all_names(base), _all_names(quote))}:
                self._by_key.setdefault(key, []).append(name)

    def __contains__(self, symbol: object) -> bool:
        """Whether this very name is a market; `resolve` is the lenient question."""
        return isinstance(symbol, str) and self._by_fold.get(symbol.upper()) == symbol

    def __iter__(self) -> Iterator[str]:
        """Go through the canonical names, in the order they were given."""
        return iter(self._names)

    def __len__(self) -> int:
        """Count the markets."""
        return len(self._names)

    def __repr__(self) -> str:
        """Say how many there are, and the first few."""
        shown = ", ".join(self._names[:_MOST_SUGGESTIONS])
        return f"Symbols({shown}{', ...' if len(self) > _MOST_SUGGESTIONS else ''}; {len(self)} markets)"

    def resolve(self, spelling: str) -> str:
        """Return the canonical name of the listed market that this spelling means.

        Raises `UnknownSymbol` when there is none; its `suggestions` are the nearest listed names, best first, three at
        most. A run-together name that two listed markets share raises as well, and suggests them.
        """
        text = _checked(spelling)
        found = self._with_separator(text, spelling) if _SEPARATORS.search(text) else self._run_together(text)
        match found:
            case [symbol]:
                return symbol
            case []:
                raise UnknownSymbol(spelling, self.suggest(spelling))
            case several:
                raise UnknownSymbol(spelling, several, f"several markets are called that, so {_FORM}")

    def suggest(self, spelling: str) -> tuple[str, ...]:
        """Return the listed markets whose names are nearest to this text, best first; three at most, perhaps none.

        An asset alone (`XBT`) means the first markets it is the base of.
        """
        asset = _plain(spelling.strip())
        if markets := [name for name in self._names if name.upper().startswith(f"{asset.upper()}/")]:
            return tuple(markets[:_MOST_SUGGESTIONS])
        named = {name: [symbol] for name, symbol in self._by_fold.items()} | self._by_name
        # Twice as many as wanted, since `BTC/USD` and `BTCUSD` are two near names of one market.
        near = difflib.get_close_matches(_expanded(spelling), list(named), 2 * _MOST_SUGGESTIONS)
        return tuple(dict.fromkeys(symbol for name in near for symbol in named[name]))[:_MOST_SUGGESTIONS]

    def _with_separator(self, text: str, spelling: str) -> list[str]:
        base, quote = _split(text, spelling)
        name = f"{_plain(base)}/{_plain(quote)}".upper()
        return [self._by_fold[name]] if name in self._by_fold else []

    def _run_together(self, text: str) -> list[str]:
        # `CHZUSD` is CHZ in dollars before it is CH with a legacy ZUSD: the altname is the commoner spelling.
        key = text.upper()
        return self._by_name.get(key) or self._by_key.get(key, [])


def _readings(spelling: str) -> list[str]:
    text = _checked(spelling)
    if _SEPARATORS.search(text):
        base, quote = _split(text, spelling)
        return [_joined(base, quote, spelling)]
    shortest_base = max(1, len(text) - _LONGEST_QUOTE)
    splits = [(text[:at], text[at:]) for at in range(shortest_base, len(text)) if _ASSET.fullmatch(text[:at])]
    # Keys join two legacy codes, except `USDTZUSD`; so a legacy quote counts only after an asset known for certain.
    for is_likely in (_both_legacy, _both_known, _ends_in_quote):
        likely = [split for split in splits if is_likely(split[0].upper(), split[1].upper())]
        if likely:
            return list(dict.fromkeys(_joined(base, quote, spelling) for base, quote in likely))
    return []


def _both_legacy(base: str, quote: str) -> bool:
    return base in _LEGACY and quote in _LEGACY


def _both_known(base: str, quote: str) -> bool:
    return base in _WELL_KNOWN and (quote in _QUOTES or quote in _LEGACY)


def _ends_in_quote(_base: str, quote: str) -> bool:
    return quote in _QUOTES


def _checked(spelling: object) -> str:
    if not isinstance(spelling, str):
        raise UnknownSymbol(spelling, (), f"a symbol is a string, not {type(spelling).__name__}; {_FORM}")
    text = spelling.strip()
    if not text:
        raise UnknownSymbol(spelling, (), f"it is empty; {_FORM}")
    if product_of := _FUTURES.fullmatch(text):
        spot = _readings(product_of[1]) if not product_of[1].isdigit() else []
        raise UnknownSymbol(spelling, spot, "that is a futures product, not a spot market")
    if text.endswith(".d"):
        raise UnknownSymbol(spelling, (), "dark pool pairs are not served over WebSocket; drop the .d")
    return text


def _split(text: str, spelling: str) -> tuple[str, str]:
    match _SEPARATORS.split(text):
        case [base, quote] if _ASSET.fullmatch(base) and _ASSET.fullmatch(quote):
            return base, quote
        case _:
            raise UnknownSymbol(spelling, (), f"it is not two asset codes; {_FORM}")


def _joined(base: str, quote: str, spelling: str) -> str:
    left, right = _plain(base), _plain(quote)
    if left == right:
        raise UnknownSymbol(spelling, (), f"base and quote are both {left}")
    return f"{left}/{right}"


def _plain(code: str) -> str:
    folded = code if _TOKENIZED.fullmatch(code) else code.upper()
    return _LEGACY.get(folded) or _FROM_V1.get(folded, folded)


def _short_names(code: str) -> tuple[str, ...]:
    return (code, _TO_V1[code]) if code in _TO_V1 else (code,)


def _all_names(code: str) -> tuple[str, ...]:
    return (*_short_names(code), *(old for old, new in _LEGACY.items() if new == code))


def _expanded(text: str) -> str:
    """Make a typo comparable: known aliases replaced, and a slash put in where the rules see one."""
    try:
        return canonical(text).upper()
    except UnknownSymbol:
        return text.upper()
