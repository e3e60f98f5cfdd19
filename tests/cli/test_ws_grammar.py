"""The grammar of Kraken's own command-line client, word for word (parity rows K4-01 to K4-12)."""

from __future__ import annotations

import json

import pytest

from rxkraken.cli import krakenws
from rxkraken.cli.krakenws import Misused

pytestmark = pytest.mark.parity("K4-01")


@pytest.mark.parity("K4-02")
@pytest.mark.parity("K4-04")
@pytest.mark.parity("K4-05")
@pytest.mark.parity("K4-07")
@pytest.mark.parity("K4-08")
@pytest.mark.parity("K4-09")
@pytest.mark.parity("K4-10")
@pytest.mark.parity("K4-11")
@pytest.mark.parametrize(
    ("line", "frame"),
    [
        ("", {"event": "ping"}),
        ("ping", {"event": "ping"}),
        ("ping reqid=42", {"event": "ping", "reqid": 42}),
        ("ticker xbt/usd", {"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "ticker"}}),
        (
            "trade XBT/USD eth/usd",
            {"event": "subscribe", "pair": ["XBT/USD", "ETH/USD"], "subscription": {"name": "trade"}},
        ),
        ("book XBT/USD", {"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "book", "depth": 10}}),
        (
            "book 100 XBT/USD ETH/USD",
            {"event": "subscribe", "pair": ["XBT/USD", "ETH/USD"], "subscription": {"name": "book", "depth": 100}},
        ),
        ("ohlc XBT/USD", {"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "ohlc", "interval": 1}}),
        (
            "ohlc XBT/USD 60",
            {"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "ohlc", "interval": 60}},
        ),
        ("spread XBT/USD 7", {"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "spread"}}),
        ("openOrders", {"event": "subscribe", "subscription": {"name": "openOrders", "token": "T"}}),
        (
            "openOrders ratecounter=true",
            {"event": "subscribe", "subscription": {"name": "openOrders", "ratecounter": True, "token": "T"}},
        ),
        (
            "ownTrades snapshot=false",
            {"event": "subscribe", "subscription": {"name": "ownTrades", "snapshot": False, "token": "T"}},
        ),
        ("balances", {"event": "subscribe", "subscription": {"name": "balances", "token": "T"}}),
        (
            "addOrder pair=XBT/USD type=buy ordertype=limit price=5000 volume=0.1 reqid=7",
            {
                "event": "addOrder", "pair": "XBT/USD", "type": "buy", "ordertype": "limit", "price": "5000",
                "volume": "0.1", "reqid": 7, "token": "T",
            },
        ),
        (
            "addOrder pair=XBT/USD close[ordertype]=limit close[price]=9100",
            {"event": "addOrder", "pair": "XBT/USD", "close[ordertype]": "limit", "close[price]": "9100", "token": "T"},
        ),
        ("cancelOrder txid=A,B,C", {"event": "cancelOrder", "txid": ["A", "B", "C"], "token": "T"}),
        ("cancelAll", {"event": "cancelAll", "token": "T"}),
        ("cancelAllOrdersAfter timeout=60", {"event": "cancelAllOrdersAfter", "timeout": 60, "token": "T"}),
    ],
)  # fmt: skip
def test_words_become_the_frame_they_stand_for(line, frame):
    """Symbols in capitals, a bare number as depth or interval wherever it stands, text but for reqid and timeout."""
    wish = krakenws.read(line.split())
    assert json.loads(wish.text("T" if wish.is_private else None)) == frame


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("tickers XBT/USD", "Unknown feed or endpoint 'tickers'"),
        ("ticker", "ticker needs at least one symbol"),
        ("book 10", "book needs at least one symbol"),
        ("addOrder limit", "addOrder: 'limit' is not key=value"),
        ("addOrder price=", "addOrder: 'price=' is not key=value"),
        ("cancelAllOrdersAfter timeout=soon", "cancelAllOrdersAfter: timeout='soon' is not a whole number"),
        ("ping reqid=x", "ping: reqid='x' is not a whole number"),
    ],
)
def test_a_mistake_is_answered_with_the_usage_it_needs(line, told):
    """What is wrong comes first, then how it is written."""
    with pytest.raises(Misused) as misuse:
        krakenws.read(line.split())
    assert str(misuse.value).startswith(told)
    assert "Usage: rxkraken ws [feed/endpoint] [parameters]" in str(misuse.value)


@pytest.mark.parity("K4-14")
def test_the_token_is_sent_and_never_shown():
    """Kraken's client printed it in clear (row K4-14)."""
    for line in ("openOrders", "cancelAll"):
        wish = krakenws.read(line.split())
        assert "SECRET" in wish.text("SECRET")
        assert "SECRET" not in wish.text("SECRET", shown=True)
        assert "<hidden>" in wish.text("SECRET", shown=True)
        assert "SECRET" not in repr(wish)


def test_every_example_of_the_usage_text_is_understood():
    """A usage text that is wrong is worse than none."""
    lines = [line for examples in krakenws.EXAMPLES.values() for line in examples]
    assert all(krakenws.read(line.split()) for line in lines)
    assert all(f"rxkraken ws {line}" in krakenws.usage() for line in lines)
