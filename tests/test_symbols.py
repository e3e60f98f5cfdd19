"""Symbols: every spelling a person, a REST answer or an old script may use, and the one name it means."""

from __future__ import annotations

import json
import pickle
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.errors import UnknownSymbol
from rxkraken.symbols import Symbols, canonical, to_rest, to_v1

if TYPE_CHECKING:
    from pathlib import Path

LISTED = ("BTC/USD", "BTC/EUR", "ETH/BTC", "ETH/USD", "DOGE/USD", "CHZ/USD", "AAPLx/USD", "USDT/USD", "ETH2.S/ETH")


def listed_names(captures: Path) -> list[str]:
    """Read the 683 canonical names of the captured instrument snapshot."""
    snapshot = json.loads((captures / "reference" / "instrument-snapshot-v2.json").read_text())
    return [pair["symbol"] for pair in snapshot["data"]["pairs"]]


def asset_pairs(captures: Path, name: str) -> dict[str, dict[str, Any]]:
    """Read a captured REST `AssetPairs` answer, with or without its envelope."""
    answer = json.loads((captures / "reference" / name).read_text())
    return answer.get("result", answer)


@pytest.mark.parametrize(
    ("spelling", "expected"),
    [
        ("BTC/USD", "BTC/USD"),
        ("XBT/USD", "BTC/USD"),
        ("xbt/usd", "BTC/USD"),
        ("btc-usd", "BTC/USD"),
        ("btc_usd", "BTC/USD"),
        ("BTC:USD", "BTC/USD"),
        (" btc / usd ", "BTC/USD"),
        ("BTCUSD", "BTC/USD"),
        ("xbtusd", "BTC/USD"),
        ("XXBTZUSD", "BTC/USD"),
        ("XXBT/ZUSD", "BTC/USD"),
        ("XETHXXBT", "ETH/BTC"),
        ("ZEURZUSD", "EUR/USD"),
        ("XDG/USD", "DOGE/USD"),
        ("XDGUSD", "DOGE/USD"),
        ("DOGEUSD", "DOGE/USD"),
        ("USDTZUSD", "USDT/USD"),
        ("BTCPYUSD", "BTC/PYUSD"),
        ("CHZUSD", "CHZ/USD"),
        ("XTZUSD", "XTZ/USD"),
        ("AAPLx/USD", "AAPLx/USD"),
        ("AAPLxUSD", "AAPLx/USD"),
        ("ETH2.S/ETH", "ETH2.S/ETH"),
    ],
)
def test_the_rules_alone_read_every_documented_spelling(spelling: str, expected: str) -> None:
    """Separators, case, old asset codes and run-together keys all lead to the v2 name."""
    assert canonical(spelling) == expected


@pytest.mark.parametrize(
    ("spelling", "because"),
    [
        ("", "it is empty"),
        ("   ", "it is empty"),
        (None, "a symbol is a string, not NoneType"),
        (b"BTC/USD", "a symbol is a string, not bytes"),
        (17, "a symbol is a string, not int"),
        ("BTC", "no quote currency was recognised"),
        ("FOOBAR", "no quote currency was recognised"),
        ("BTC/", "it is not two asset codes"),
        ("a/b/c", "it is not two asset codes"),
        ("é/USD", "it is not two asset codes"),
        ("XBT/BTC", "base and quote are both BTC"),
        ("XBTUSD.d", "dark pool"),
        ("PF_XBTUSD", "that is a futures product"),
        ("FI_XBTUSD_210924", "that is a futures product"),
        ("PF_12345", "that is a futures product"),
    ],
)
def test_what_is_no_market_name_is_refused_with_the_reason(spelling: Any, because: str) -> None:
    """The error names the value and says what to write instead, with the list or without it."""
    with pytest.raises(UnknownSymbol, match=because) as refused:
        canonical(spelling)
    assert refused.value.symbol == spelling
    assert repr(spelling) in str(refused.value)
    with pytest.raises(UnknownSymbol):
        Symbols(LISTED).resolve(spelling)


def test_a_name_with_two_readings_is_not_guessed_until_the_list_settles_it() -> None:
    """`FOOPYUSD` may be FOO in PYUSD or FOOPY in dollars: by rule an error, by list an answer."""
    with pytest.raises(UnknownSymbol, match="several ways") as refused:
        canonical("FOOPYUSD")
    assert sorted(refused.value.suggestions) == ["FOO/PYUSD", "FOOPY/USD"]

    assert Symbols(["FOO/PYUSD", "BTC/USD"]).resolve("FOOPYUSD") == "FOO/PYUSD"
    assert Symbols(["FOOPY/USD", "BTC/USD"]).resolve("foopyusd") == "FOOPY/USD"
    with pytest.raises(UnknownSymbol, match="several markets") as shared:
        Symbols(["FOOPY/USD", "FOO/PYUSD"]).resolve("FOOPYUSD")
    assert shared.value.suggestions == ("FOOPY/USD", "FOO/PYUSD")


def test_a_futures_product_points_to_its_spot_market() -> None:
    """Who mixes up the two exchanges is told the market that was probably meant."""
    with pytest.raises(UnknownSymbol) as refused:
        canonical("PF_XBTUSD")
    assert refused.value.suggestions == ("BTC/USD",)


def test_the_other_directions_write_what_v1_and_rest_expect() -> None:
    """Any spelling goes in; XBT and XDG come out on either side of the slash."""
    assert [to_v1(name) for name in ("BTC/USD", "eth-btc", "DOGEUSD", "SOL/USD")] == [
        "XBT/USD",
        "ETH/XBT",
        "XDG/USD",
        "SOL/USD",
    ]
    assert [to_rest(name) for name in ("XBT/USD", "ETH/BTC", "DOGE/BTC", "AAPLx/USD")] == [
        "XBTUSD",
        "ETHXBT",
        "XDGXBT",
        "AAPLxUSD",
    ]
    with pytest.raises(UnknownSymbol):
        to_v1("nothing")


def test_every_listed_market_is_found_under_every_spelling(captures: Path) -> None:
    """All 683 captured pairs, in each case, with each separator, under new, old and legacy asset codes."""
    names = listed_names(captures)
    symbols = Symbols(names)
    assert len(symbols) == 683

    for name in names:
        old = to_v1(name)
        for form, separator in product((name, old), ("/", "-", "_", ":", " ", "")):
            spelling = form.replace("/", separator)
            assert {symbols.resolve(spelling), symbols.resolve(spelling.lower())} == {name}, spelling
            assert {canonical(spelling), canonical(spelling.lower())} == {name}, spelling
        assert symbols.resolve(to_rest(name)) == name


@pytest.mark.parametrize("answer", ["assetpairs-86.json", "assetpairs-2026-five.json"])
def test_rest_names_agree_with_the_rules_in_both_directions(captures: Path, answer: str) -> None:
    """Key, `altname`, `wsname` and the base and quote of every captured pair mean one market, and lead back."""
    listed = set(listed_names(captures))
    symbols = Symbols(listed)
    lit = {key: pair for key, pair in asset_pairs(captures, answer).items() if pair.get("wsname")}
    assert lit
    for key, pair in lit.items():
        spellings = (key, pair["altname"], pair["wsname"], f"{pair['base']}/{pair['quote']}")
        names = {canonical(spelling) for spelling in spellings}
        assert len(names) == 1, key
        name = names.pop()
        assert (to_v1(name), to_rest(name)) == (pair["wsname"], pair["altname"])
        if name in listed:
            found = {symbols.resolve(spelling) for spelling in (*spellings, f"{pair['base']}{pair['quote']}")}
            assert found == {name}


def test_dark_pool_pairs_are_not_mistaken_for_their_lit_markets(captures: Path) -> None:
    """The captured `.d` pairs have no `wsname`: they are other markets, and no WebSocket serves them."""
    dark = [pair["altname"] for pair in asset_pairs(captures, "assetpairs-86.json").values() if not pair.get("wsname")]
    assert dark
    for altname in dark:
        with pytest.raises(UnknownSymbol, match="dark pool"):
            canonical(altname)


def test_the_list_prefers_the_plain_reading_and_accepts_the_legacy_one() -> None:
    """`CHZUSD` is CHZ in dollars; only a list without it may read a legacy ZUSD after CH."""
    assert Symbols(["CH/USD", "CHZ/USD"]).resolve("CHZUSD") == "CHZ/USD"
    assert Symbols(["CH/USD"]).resolve("CHZUSD") == "CH/USD"
    assert Symbols(LISTED).resolve("aaplxusd") == "AAPLx/USD"
    assert Symbols(LISTED).resolve("aaplx/usd") == "AAPLx/USD"


@pytest.mark.parametrize(
    ("typo", "nearest"),
    [
        ("BTC/USB", "BTC/USD"),
        ("XBTUS", "BTC/USD"),
        ("dogeusdd", "DOGE/USD"),
        ("CHX/USD", "CHZ/USD"),
        ("XBT", "BTC/USD"),
    ],
)
def test_a_typo_is_answered_with_the_nearest_market_first(typo: str, nearest: str) -> None:
    """At most three names, the likeliest first, and all of them exist."""
    symbols = Symbols(LISTED)
    with pytest.raises(UnknownSymbol) as refused:
        symbols.resolve(typo)
    suggestions = refused.value.suggestions
    assert suggestions[0] == nearest
    assert len(suggestions) <= 3
    assert set(suggestions) <= set(LISTED)
    assert nearest in str(refused.value)
    assert pickle.loads(pickle.dumps(refused.value)).suggestions == suggestions


def test_something_far_from_every_market_gets_no_suggestion() -> None:
    """A wrong suggestion is worse than none."""
    with pytest.raises(UnknownSymbol) as refused:
        Symbols(LISTED).resolve("QQQQ/WWWW")
    assert refused.value.suggestions == ()


def test_the_list_reads_like_a_collection() -> None:
    """Length, order, membership of exact names, and a short repr; duplicates count once."""
    symbols = Symbols([*LISTED, "BTC/USD"])
    assert len(symbols) == len(LISTED)
    assert tuple(symbols) == LISTED
    assert "BTC/USD" in symbols
    assert "AAPLx/USD" in symbols
    assert "btc/usd" not in symbols
    assert 5 not in symbols
    assert repr(symbols) == "Symbols(BTC/USD, BTC/EUR, ETH/BTC, ...; 9 markets)"
    assert repr(Symbols([])) == "Symbols(; 0 markets)"


@given(st.text(max_size=24) | st.text(alphabet="XBTZUSDECH/-_. ", max_size=12))
def test_any_text_is_a_canonical_name_or_an_unknown_symbol(text: str) -> None:
    """Nothing else is raised, and what comes out goes in again unchanged, in every direction."""
    symbols = Symbols(LISTED)
    try:
        name = canonical(text)
    except UnknownSymbol as error:
        assert error.symbol == text  # noqa: PT017 - either outcome is right
    else:
        assert canonical(name) == name
        assert canonical(to_v1(name)) == name
    try:
        assert symbols.resolve(text) in symbols
    except UnknownSymbol as error:
        assert error.symbol == text  # noqa: PT017 - either outcome is right
