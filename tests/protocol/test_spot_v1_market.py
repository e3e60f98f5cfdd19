"""Market data of WebSocket v1: the frames that section 5 of its reference prints, and those that Kraken really sent."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.models.market import Candle, Ticker, Trade
from rxkraken.models.market_v1 import Spread, TradeV1
from rxkraken.protocol import spot_v1
from rxkraken.protocol.spot_v1_surprises import surprise
from rxkraken.protocol.spot_v1_values import elements, flag, moment, number, object_of, offset, symbol_of, text, whole
from rxkraken.protocol.spot_v2 import Malformed

TICKER = (
    '[468,{"a":["56218.30000",0,"0.13690578"],"b":["56119.10000",0,"0.03333108"],"c":["56218.30000","0.01309422"],'
    '"v":["27.65107371","37.46739855"],"p":["56739.22516","56819.12875"],"t":[1300,1955],'
    '"l":["55636.00000","55636.00000"],"h":["57623.00000","57623.00000"],"o":["56737.90000","57093.00000"]},'
    '"ticker","XBT/CHF"]'
)
OHLC = (
    '[42,["1542057314.748456","1542057360.435743","3586.70000","3586.70000","3586.60000","3586.60000","3586.68894",'
    '"0.03373000",2],"ohlc-5","XBT/USD"]'
)
TRADES = (
    '[0,[["5541.20000","0.15850568","1534614057.321597","s","l",""],["6060.00000","0.02455000","1534614057.324998",'
    '"b","l",""]],"trade","XBT/USD"]'
)
SPREAD = '[0,["5698.40000","5700.00000","1542057299.545897","1.01234567","0.98765432"],"spread","XBT/USD"]'


def split(text: str):
    """The symbol and the payload of a frame."""
    _, payload, _, pair = json.loads(text)
    return symbol_of(pair), payload


def test_a_ticker_is_the_rolling_day_with_the_change_that_v2_tells():
    """Whole lots, the volume of the last trade and the sums since midnight have no place in it."""
    assert spot_v1.ticker(split(TICKER), 1.5, 2) == Ticker(
        symbol="BTC/CHF",
        bid=Decimal("56119.10000"),
        bid_qty=Decimal("0.03333108"),
        ask=Decimal("56218.30000"),
        ask_qty=Decimal("0.13690578"),
        last=Decimal("56218.30000"),
        volume=Decimal("37.46739855"),
        vwap=Decimal("56819.12875"),
        low=Decimal("55636.00000"),
        high=Decimal("57623.00000"),
        change=Decimal("-874.70000"),
        change_pct=Decimal("-1.53"),
        trades=1955,
        timestamp=None,
        received=1.5,
        epoch=2,
    )


def test_a_market_that_had_no_price_a_day_ago_has_changed_by_no_percent():
    symbol, payload = split(TICKER)
    first = spot_v1.ticker((symbol, payload | {"o": ["0.00000", "0.00000"]}), 0.0, 1)
    assert (first.change, first.change_pct) == (Decimal("56218.30000"), Decimal(0))


@pytest.mark.parametrize("count", [2, "2"])
def test_a_candle_begins_its_interval_before_its_end(count):
    """And one page of the documentation types the count as text."""
    symbol, payload = split(OHLC)
    assert spot_v1.candle((symbol, 5, [*payload[:-1], count]), 1.5, 2, snapshot=False) == Candle(
        symbol="BTC/USD",
        interval=5,
        interval_begin=datetime(2018, 11, 12, 21, 11, 0, 435743, tzinfo=UTC),
        open=Decimal("3586.70000"),
        high=Decimal("3586.70000"),
        low=Decimal("3586.60000"),
        close=Decimal("3586.60000"),
        vwap=Decimal("3586.68894"),
        volume=Decimal("0.03373000"),
        trades=2,
        snapshot=False,
        received=1.5,
        epoch=2,
    )


def test_each_trade_of_a_frame_speaks_the_words_of_v2():
    symbol, rows = split(TRADES)
    at = datetime(2018, 8, 18, 17, 40, 57, 321597, tzinfo=UTC)
    common = {"symbol": "BTC/USD", "ord_type": "limit", "trade_id": None, "misc": "", "received": 1.5, "epoch": 2}
    assert [spot_v1.trade((symbol, row), 1.5, 2) for row in rows] == [
        TradeV1(side="sell", price=Decimal("5541.20000"), qty=Decimal("0.15850568"), timestamp=at, **common),
        TradeV1(
            side="buy",
            price=Decimal("6060.00000"),
            qty=Decimal("0.02455000"),
            timestamp=at.replace(microsecond=324998),
            **common,
        ),
    ]
    assert issubclass(TradeV1, Trade)  # a trade is a trade, whatever it came through


def test_a_spread_is_both_best_prices_and_what_is_there():
    assert spot_v1.spread(split(SPREAD), 1.5, 2) == Spread(
        symbol="BTC/USD",
        bid=Decimal("5698.40000"),
        ask=Decimal("5700.00000"),
        timestamp=datetime(2018, 11, 12, 21, 14, 59, 545897, tzinfo=UTC),
        bid_qty=Decimal("1.01234567"),
        ask_qty=Decimal("0.98765432"),
        received=1.5,
        epoch=2,
    )


def test_times_keep_every_microsecond():
    """A float of 2021 in seconds would be off by up to one of them."""
    assert moment("1618678142.557535", "time").microsecond == 557535
    assert moment("1618678142", "time") == datetime(2021, 4, 17, 16, 49, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("read", "value"),
    [
        (number, "1e5"), (number, "1_0"), (number, "nan"), (number, "9" * 25), (number, 1.5), (number, "\u0661"),
        (whole, True), (whole, "1.0"), (whole, "9" * 5000), (text, ""), (flag, "true"), (object_of, []),
        (elements, {}), (moment, "-1"), (moment, "9" * 12), (moment, 1618678142), (moment, "1618678142.5s"),
        (offset, "+"), (offset, "1.0%%"), (offset, 5), (offset, "--1"),
    ],
    ids=lambda value: value.__name__ if callable(value) else repr(value)[:16],
)  # fmt: skip
def test_what_is_no_value_of_its_kind_is_malformed_and_named(read, value):
    with pytest.raises(Malformed, match="field spam"):
        read(value, "spam")


@pytest.mark.parametrize("pair", ["XBT", "", None, 5, "XBT/XBT"])
def test_what_is_no_pair_is_malformed(pair):
    with pytest.raises(Malformed, match="pair"):
        symbol_of(pair)


@pytest.mark.parametrize(
    ("channel", "payload", "named"),
    [
        ("ticker", {"a": [], "x": 1, "w": 2}, "ticker has unknown field w, x"),
        ("ohlc", list(range(10)), "ohlc has unknown element 9"),
        ("trade", ["1", "1", "1", "x", "l", ""], "trade has unknown side 'x'"),
        ("trade", ["1", "1", "1", "b", "iceberg", ""], "trade has unknown orderType 'iceberg'"),
        ("trade", ["1", "1", "1", "b", "l", "liquidated"], "trade has unknown misc 'liquidated'"),
        ("spread", ["1", "1", "1", "1", "1", "1"], "spread has unknown element 5"),
        ("book", {"a": [], "q": 1}, "book has unknown field q"),
        ("book", {"a": [["1", "1", "1", "r"], ["1", "1", "1", "z"]]}, "a level of book has unknown element 'z'"),
    ],
)
def test_what_is_new_on_the_wire_is_named(channel, payload, named):
    assert surprise(channel, payload) == named


@pytest.mark.parametrize(
    ("name", "channel", "read", "expected"),
    [
        ("spot-v1/ten-pairs-ticker.ndjson", "ticker", spot_v1.ticker, (10, 18)),
        ("spot-v1/ten-pairs-trade.ndjson", "trade", spot_v1.trade, (2, 10)),
    ],
)
def test_every_recorded_frame_is_familiar(frames, name, channel, read, expected):
    """Each event is an answer or a status, each array holds familiar records, and no market has an old name."""
    markets: Counter[str] = Counter()
    for raw in frames(name):
        frame = json.loads(raw)
        if isinstance(frame, dict):
            known = spot_v1.reply(frame) is not None or frame["event"] in ("heartbeat", "systemStatus")
            assert known, raw
            continue
        symbol, payload = split(raw)
        for record in payload if channel == "trade" else [payload]:
            item = read((symbol, record), 0.0, 1)
            assert (surprise(channel, record), item.symbol) == (None, symbol)
            markets[symbol] += 1
            assert "XBT" not in symbol
    assert (len(markets), markets.total()) == expected


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(["1", "-1.5", "9" * 24]),
    lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.sampled_from("abcvptlhoxs") | st.just("as"), inner),
    max_leaves=20,
)
DIGITS = st.sampled_from(["0", "1.5", "9" * 24 + "." + "9" * 24, "0." + "0" * 23 + "1", "-1", "1618678142.557535", 7])
ROWS = st.lists(DIGITS | ANYTHING, max_size=10)
TICKERS = st.fixed_dictionaries({}, optional=dict.fromkeys("abcvptlho", st.lists(DIGITS, min_size=1, max_size=3)))
PAYLOADS = ANYTHING | ROWS | TICKERS


@given(PAYLOADS, st.sampled_from([0, 1, 5, 21600, 10**9, 10**30]))
def test_any_payload_is_read_or_malformed(payload, interval):
    """Whatever stands where a payload should: there is a record, or `Malformed` and no other error."""
    readers = [
        lambda: spot_v1.ticker(("BTC/USD", payload), 0.0, 1),
        lambda: spot_v1.trade(("BTC/USD", payload), 0.0, 1),
        lambda: spot_v1.spread(("BTC/USD", payload), 0.0, 1),
        lambda: spot_v1.candle(("BTC/USD", interval, payload), 0.0, 1, snapshot=False),
        lambda: spot_v1.book([payload], "BTC/USD"),
    ]
    for read in readers:
        try:
            assert read() is not None
        except Malformed as error:
            assert len(str(error)) < 200  # noqa: PT017 - which of both happens is hypothesis's choice
    for channel in ("ticker", "trade", "spread", "ohlc", "book"):
        assert isinstance(surprise(channel, payload), str | None)
