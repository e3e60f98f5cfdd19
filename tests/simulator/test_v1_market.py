"""The public host of WebSocket v1: what it sends is judged by recordings, a naive follower, and v2 side by side.

The follower knows only the rules of the reference.
"""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import pairwise
from zlib import crc32

import pytest

from rxkraken.simulator.exchange import Exchange
from rxkraken.simulator.instruments import SymbolSpec

VECTOR_ASKS = [str(price) for price in range(5005, 5055, 5)]
VECTOR_BIDS = [str(price) for price in range(5000, 4945, -5) if price != 4985]


def checksum(asks: list[tuple[str, str]], bids: list[tuple[str, str]]) -> int:
    """Section 6 of the reference, from the texts as they came."""
    digits = [text.replace(".", "").lstrip("0") for level in [*asks[:10], *bids[:10]] for text in level]
    return crc32("".join(digits).encode())


class Follower:
    """Keeps v1 books as section 5.5 says, and compares each checksum; `cuts=False` leaves out the truncation."""

    def __init__(self, *, cuts: bool = True) -> None:
        self.books: dict[tuple[str, str], dict[str, dict[str, str]]] = {}
        self.cuts = cuts
        self.right = self.wrong = 0
        self.frames: list = []

    def take(self, text: str) -> None:
        frame = json.loads(text)
        self.frames.append(frame)
        if not isinstance(frame, list) or not str(frame[-2]).startswith("book-"):
            return
        name, pair = frame[-2:]
        parts = frame[1:-2]
        if "as" in parts[0]:
            self.books[name, pair] = {
                side: {price: qty for price, qty, _ in parts[0][f"{side}s"]} for side in ("a", "b")
            }
            return
        book = self.books[name, pair]
        for part in parts:
            for side in ("a", "b"):
                for row in part.get(side, []):
                    book[side].pop(row[0], None)
                    if Decimal(row[1]):
                        book[side][row[0]] = row[1]
        self._cut(book, int(name.partition("-")[2]))
        assert [("c" in part) for part in parts] == [False] * (len(parts) - 1) + [True]
        fits = int(parts[-1]["c"]) == checksum(*self.levels(name, pair))
        self.right, self.wrong = self.right + fits, self.wrong + (not fits)

    def levels(self, name: str, pair: str) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        book = self.books[name, pair]
        asks = sorted(book["a"].items(), key=lambda level: Decimal(level[0]))
        return asks, sorted(book["b"].items(), key=lambda level: -Decimal(level[0]))

    def of(self, channel: str) -> list:
        """The data frames of a channel."""
        return [frame for frame in self.frames if isinstance(frame, list) and frame[-2] == channel]

    def _cut(self, book: dict[str, dict[str, str]], depth: int) -> None:
        if not self.cuts:
            return
        for side, sign in (("a", 1), ("b", -1)):
            kept = sorted(book[side], key=lambda price: sign * Decimal(price))[:depth]
            book[side] = {price: book[side][price] for price in kept}


def connect(exchange: Exchange, taker: Follower, *subscriptions: dict, role: str = "v1"):
    connection = exchange.connect(role, taker.take, lambda *_: None)
    for subscription in subscriptions:
        connection.receive(json.dumps({"event": "subscribe", "pair": ["XBT/USD"], "subscription": subscription}))
    return connection


def run(exchange: Exchange, seconds: float) -> None:
    exchange.advance(exchange.now + seconds)


# --- the follower itself, by the reference's vectors and a recording ------------------------------------------------


def test_the_followers_checksum_is_that_of_the_reference():
    asks = [(f"0.0{price}", "0.00000500") for price in VECTOR_ASKS]
    bids = [(f"0.0{price}", "0.00000500") for price in VECTOR_BIDS]
    assert checksum(asks, bids) == checksum([*asks, ("0.05055", "1.0")], [*bids, ("0.04945", "1.0")]) == 974947235
    assert checksum([("10.0", "1.50000000"), ("10.1", "0.25000000")], [("9.9", "3.00000000")]) == 2620212464
    assert checksum([("45000", "0.00100000")], []) == 1034518803


def test_the_follower_follows_the_real_exchange(recording):
    follower, careless = Follower(), Follower(cuts=False)
    for line in recording("spot-v1/xbtusd-book10.ndjson").read_text().splitlines():
        follower.take(json.loads(line)[1])
        careless.take(json.loads(line)[1])
    assert (follower.right, follower.wrong) == (979, 0)
    assert (careless.right, careless.wrong) == (979 - 915, 915)


# --- books ----------------------------------------------------------------------------------------------------------


def test_a_follower_accepts_every_checksum_of_every_depth_and_pair():
    exchange = Exchange(seed=11, symbols=["BTC/USD", "DOGE/USD", "ETH/BTC", "BTC/JPY", "SHIB/USD"], rate=8)
    follower = Follower()
    connection = exchange.connect("v1", follower.take, lambda *_: None)
    pairs = ["XBT/USD", "XDG/USD", "ETH/XBT", "XBT/JPY", "SHIB/USD"]
    for depth in (10, 25, 100, 500, 1000):
        request = {"event": "subscribe", "pair": pairs, "subscription": {"name": "book", "depth": depth}}
        connection.receive(json.dumps(request))
    run(exchange, 60)
    assert follower.wrong == 0
    assert follower.right > 5_000
    assert {pair for _, pair in follower.books} == set(pairs)


def test_a_follower_that_never_cuts_or_ignores_returning_levels_fails():
    exchange = Exchange(seed=11, symbols=["BTC/USD"], rate=20)
    careless, deaf = Follower(cuts=False), Follower()
    for take in (careless.take, lambda text: deaf.take(_without_returns(text))):
        connection = exchange.connect("v1", take, lambda *_: None)
        connection.receive(json.dumps({"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "book"}}))
    run(exchange, 60)
    assert careless.wrong > careless.right
    assert deaf.wrong > deaf.right


def _without_returns(text: str) -> str:
    frame = json.loads(text)
    for part in frame[1:-2] if isinstance(frame, list) else []:
        for side in ("a", "b"):
            if side in part:
                part[side] = [row for row in part[side] if len(row) == 3]
    return json.dumps(frame)


def test_a_book_has_every_kind_of_row_and_frame_that_the_recording_has(recording):
    exchange, follower, real = Exchange(seed=5, symbols=["BTC/USD"], rate=20), Follower(), Follower()
    connect(exchange, follower, {"name": "book", "depth": 10})
    run(exchange, 300)
    for line in recording("spot-v1/xbtusd-book10.ndjson").read_text().splitlines():
        real.take(json.loads(line)[1])

    def kinds(frames: list) -> set:
        return {
            (len(frame), *(tuple((key, type(value).__name__) for key, value in part.items()) for part in frame[1:-2]))
            for frame in frames
        }

    def rows(frames: list) -> set:
        return {
            (len(row), Decimal(row[1]) == 0, *row[3:], *(len(text.partition(".")[2]) for text in row[:3]))
            for frame in frames
            for part in frame[1:-2]
            for side in ("a", "b")
            for row in part.get(side, [])
        }

    assert kinds(follower.of("book-10")) == kinds(real.of("book-10"))
    assert rows(follower.of("book-10")) == rows(real.of("book-10"))


def test_a_returning_level_keeps_the_time_of_its_own_last_change():
    exchange, frames = Exchange(seed=5, symbols=["BTC/USD"], rate=20), []
    connection = exchange.connect("v1", lambda text: frames.append(json.loads(text)), lambda *_: None)
    for depth in (1000, 10):
        request = {"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "book", "depth": depth}}
        connection.receive(json.dumps(request))
    run(exchange, 120)

    def rows(channel: str) -> list[list[str]]:
        parts = [part for frame in frames if channel in frame for part in frame[1:-2]]
        return [row for part in parts for side in ("as", "bs", "a", "b") for row in part.get(side, [])]

    changed = {tuple(row) for row in rows("book-1000") if len(row) == 3}
    returned = [tuple(row[:3]) for row in rows("book-10") if len(row) == 4]
    assert len(returned) > 100
    assert set(returned) <= changed


def test_a_thin_book_shows_what_there_is():
    spec = SymbolSpec("ABC/EUR", "0.0127", 4, qty_min="5", lot="9000", levels=4, span="0.4")
    exchange, follower = Exchange(symbols=[spec], rate=4), Follower()
    connection = exchange.connect("v1", follower.take, lambda *_: None)
    connection.receive('{"event":"subscribe","pair":["ABC/EUR"],"subscription":{"name":"book","depth":25}}')
    run(exchange, 60)
    asks, bids = follower.levels("book-25", "ABC/EUR")
    assert follower.wrong == 0 < follower.right
    assert 0 < len(asks) < 10
    assert 0 < len(bids) < 10
    assert {len(price.partition(".")[2]) for price, _ in [*asks, *bids]} == {5}


# --- the other channels ---------------------------------------------------------------------------------------------


def shape(value: object) -> object:
    """What JSON type everything has, and where a text is a number."""
    match value:
        case dict():
            return {key: shape(item) for key, item in value.items()}
        case list():
            return [shape(item) for item in value]
        case str() if value.replace(".", "", 1).isdecimal():
            return "decimal"
        case _:
            return type(value).__name__


def test_tickers_and_trades_have_the_shapes_of_the_recordings(recording):
    exchange, follower = Exchange(seed=5, symbols=["BTC/USD"], rate=20), Follower()
    connect(exchange, follower, {"name": "ticker"}, {"name": "trade"})
    run(exchange, 60)
    real = Follower()
    for name in ("spot-v1/ten-pairs-ticker.ndjson", "spot-v1/ten-pairs-trade.ndjson"):
        for line in recording(name).read_text().splitlines():
            real.take(json.loads(line)[1])

    def shapes(frames: list) -> list:
        found: list = []
        for frame in frames:
            for part in frame[1] if isinstance(frame[1], list) else [frame[1]]:
                if shape(part) not in found:
                    found.append(shape(part))
        return found

    assert shapes(follower.of("ticker")) == shapes(real.of("ticker"))
    assert shapes(follower.of("trade")) == shapes(real.of("trade"))
    words = {tuple(row[3:]) for frame in follower.of("trade") for row in frame[1]}
    assert words == {(side, kind, "") for side in "bs" for kind in "lm"}


def test_control_frames_are_those_of_the_recordings(recording):
    exchange, follower, real = Exchange(symbols=["BTC/USD"], rate=0), Follower(), Follower()
    connection = exchange.connect("v1", follower.take, lambda *_: None)
    connection.receive('{"event":"ping","reqid":1693415329704}')
    connection.receive('{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"book","depth":10}}')
    run(exchange, 1.5)
    for line in recording("spot-v1/xbtusd-book10.ndjson").read_text().splitlines():
        real.take(json.loads(line)[1])
    ours = [frame for frame in follower.frames if isinstance(frame, dict)]
    theirs = [frame for frame in real.frames if isinstance(frame, dict)][:3]
    for frame in (ours[0], theirs[0]):
        assert frame.pop("connectionID") > 1 << 63
    theirs[2]["channelID"] = ours[2]["channelID"]
    assert [json.dumps(frame) for frame in ours] == [json.dumps(frame) for frame in [*theirs, {"event": "heartbeat"}]]


def test_candles_and_spreads_have_the_shapes_of_the_reference():
    exchange, follower = Exchange(seed=5, symbols=["BTC/USD"], rate=20), Follower()
    connect(exchange, follower, {"name": "ohlc", "interval": 5}, {"name": "spread"})
    run(exchange, 30)
    documented = ["1542057314.748456", "1542057360.435743", "3586.70000", "3586.70000", "3586.60000", "3586.60000",
                  "3586.68894", "0.03373000", 2]  # fmt: skip
    assert {str(shape(frame[1])) for frame in follower.of("ohlc-5")} == {str(shape(documented))}
    for frame in follower.of("ohlc-5"):
        changed, end = Decimal(frame[1][0]), Decimal(frame[1][1])
        assert end % 300 == 0
        assert end - 300 <= changed <= end
    spread = ["5698.40000", "5700.00000", "1542057299.545897", "1.01234567", "0.98765432"]
    assert {str(shape(frame[1])) for frame in follower.of("spread")} == {str(shape(spread))}
    assert all(frame[1] != later[1] for frame, later in pairwise(follower.of("spread")))


def test_the_last_candle_comes_even_if_it_is_old_and_trades_have_no_snapshot():
    exchange, follower = Exchange(seed=5, symbols=["BTC/USD"], rate=0), Follower()
    exchange.advance(3600)
    connect(exchange, follower, {"name": "ohlc"}, {"name": "trade"}, {"name": "ticker"}, {"name": "spread"})
    run(exchange, 5)
    data = [frame for frame in follower.frames if isinstance(frame, list)]
    assert sorted(frame[-2] for frame in data) == ["ohlc-1", "spread", "ticker"]
    (candle,) = follower.of("ohlc-1")
    assert Decimal(candle[1][1]) <= exchange.calendar.seconds(0)
    assert follower.of("ticker")[0][1]["v"][0] == "0.00000000"


# --- v1 and v2 side by side -----------------------------------------------------------------------------------------


class Modern:
    """Whatever v2 says."""

    def __init__(self) -> None:
        self.books: dict[str, dict[Decimal, Decimal]] = {"bids": {}, "asks": {}}
        self.frames: list[dict] = []

    def take(self, text: str) -> None:
        frame = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        self.frames.append(frame)
        if frame.get("channel") != "book":
            return
        for side, sign in (("bids", -1), ("asks", 1)):
            book = self.books[side] if frame["type"] == "update" else {}
            for level in frame["data"][0][side]:
                book.pop(level["price"], None)
                if level["qty"]:
                    book[level["price"]] = level["qty"]
            self.books[side] = {price: book[price] for price in sorted(book, key=lambda price: sign * price)[:100]}

    def data(self, channel: str) -> list[dict]:
        return [row for frame in self.frames if frame.get("channel") == channel for row in frame["data"]]


def test_v1_and_v2_tell_the_same_market():
    exchange, old, new = Exchange(seed=8, symbols=["BTC/USD", "ETH/USD"], rate=20), Follower(), Modern()
    connect(exchange, old, {"name": "book", "depth": 100}, {"name": "trade"}, {"name": "ticker"}, {"name": "ohlc"})
    modern = exchange.connect("public", new.take, lambda *_: None)
    channels = (
        ("book", {"depth": 100}),
        ("trade", {}),
        ("ticker", {"event_trigger": "bbo"}),
        ("ohlc", {"interval": 1}),
    )
    for channel, options in channels:
        params = {"channel": channel, "symbol": ["BTC/USD"], **options}
        modern.receive(json.dumps({"method": "subscribe", "params": params}))
    run(exchange, 120)

    asks, bids = old.levels("book-100", "XBT/USD")
    for ours, theirs in ((asks, new.books["asks"]), (bids, new.books["bids"])):
        assert [(Decimal(price), Decimal(qty)) for price, qty in ours] == list(theirs.items())
    trades = [row for frame in old.of("trade") for row in frame[1]]
    newer = [[row["price"], row["qty"], row["side"][0], row["ord_type"][0]] for row in new.data("trade")]
    assert len(trades) > 50
    assert [[Decimal(row[0]), Decimal(row[1]), row[3], row[4]] for row in trades] == newer[-len(trades) :]
    candle, other = old.of("ohlc-1")[-1][1], new.data("ohlc")[-1]
    assert [Decimal(each) for each in (*candle[2:6], candle[7])] == [
        other[name] for name in ("open", "high", "low", "close", "volume")
    ]
    assert candle[8] == other["trades"]
    ticker, twin = old.of("ticker")[-1][1], new.data("ticker")[-1]
    assert [Decimal(ticker["b"][0]), Decimal(ticker["a"][0])] == [twin["bid"], twin["ask"]]
    assert [Decimal(ticker["b"][2]), Decimal(ticker["a"][2])] == [twin["bid_qty"], twin["ask_qty"]]
    assert ticker["b"][1] == int(twin["bid_qty"])


def test_nothing_changes_for_v2_when_v1_listens_too():
    """The seed decides every byte of v2, whether or not somebody on v1 had the same market open for a while."""

    def told(*, with_v1: bool) -> list[str]:
        texts: list[str] = []
        exchange = Exchange(seed=8, symbols=["BTC/USD"], rate=20, latency=0)
        modern = exchange.connect("public", texts.append, lambda *_: None)
        for channel in ("book", "trade", "ticker"):
            params = {"channel": channel, "symbol": ["BTC/USD"]}
            modern.receive(json.dumps({"method": "subscribe", "params": params}))
        run(exchange, 5)
        if with_v1:
            old = connect(exchange, Follower(), {"name": "book"}, {"name": "trade"}, {"name": "ticker"})
            run(exchange, 20)
            old.closed()
        exchange.advance(60)
        return texts

    assert told(with_v1=False) == told(with_v1=True)


@pytest.mark.parametrize(("digits", "begins_anew"), [(2, False), (5, False), (7, True), (0, True)])
def test_books_begin_anew_only_when_their_texts_change(digits, begins_anew):
    exchange, follower = Exchange(seed=8, symbols=["BTC/USD"], rate=20), Follower()
    connect(exchange, follower, {"name": "book", "depth": 10})
    run(exchange, 10)
    exchange.fault("precision", symbol="BTC/USD", price_precision=digits)
    run(exchange, 60)
    snapshots = [frame for frame in follower.of("book-10") if "as" in frame[1]]
    assert (len(snapshots), follower.wrong) == (2 if begins_anew else 1, 0)
    assert follower.right > 100
