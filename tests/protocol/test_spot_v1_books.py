"""Books of WebSocket v1: the vectors of section 6 of its reference, and every recorded book, verify level by level."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from rxkraken.books import BookReducer
from rxkraken.protocol import spot_v1
from rxkraken.protocol.spot_v1_surprises import surprise
from rxkraken.protocol.spot_v1_values import symbol_of
from rxkraken.protocol.spot_v2 import Malformed


class Books:
    """A reducer for each market, fed with the frames of a depth."""

    def __init__(self, depth: int = 10, checksum: str = "verify") -> None:
        self._depth, self._checksum = depth, checksum
        self.reducers: dict[str, BookReducer] = {}

    def take(self, frame: list):
        """Apply a frame; returns the book to show, if any."""
        *parts, _, pair = frame[1:]
        assert [surprise("book", part) for part in parts] == [None] * len(parts)
        entry, kind = spot_v1.book(parts, symbol_of(pair))
        symbol = entry["symbol"]
        if symbol not in self.reducers:
            self.reducers[symbol] = BookReducer(symbol, self._depth, checksum=self._checksum)
        return self.reducers[symbol].apply(entry, kind, "", 1.0, 1)

    def counts(self) -> tuple[int, int, int, int]:
        """Snapshots, updates, verified and wrong ones of all markets."""
        each = [reducer.counters for reducer in self.reducers.values()]
        return (
            sum(one.snapshots for one in each),
            sum(one.updates for one in each),
            sum(one.verified for one in each),
            sum(one.mismatched + one.malformed + one.ignored for one in each),
        )


def levels(text: str) -> list[list[str]]:
    """The rows of `price/volume, price/volume`."""
    return [[*level.strip().split("/"), "1582905487.684110"] for level in text.split(",")]


def snapshot(asks: list[list[str]], bids: list[list[str]], pair: str = "XBT/USD") -> list:
    """A snapshot frame."""
    return [0, {"as": asks, "bs": bids}, "book-10", pair]


def test_the_official_example_verifies_and_deeper_levels_do_not_count():
    """Vector A, with the official update whose levels lie outside the best ten."""
    asks = [[f"0.05{n:03}", "0.00000500", "1582905487.684110"] for n in range(5, 55, 5)]
    bids = [
        [f"0.0{n}", "0.00000500", "1582905487.439814"]
        for n in (5000, 4995, 4990, 4980, 4975, 4970, 4965, 4960, 4955, 4950)
    ]
    books = Books(1000)
    assert books.take(snapshot(asks, bids)) is None
    update = (
        '[0,{"a":[["0.05120","0.00000500","1582905486.493008"],["0.05275","0.00000500","1582905486.493034"]]},'
        '{"b":[["0.04765","0.00000500","1582905486.493008"],["0.04940","0.00000500","1582905486.493034"]],'
        '"c":"974947235"},"book-1000","BTC/USD"]'
    )
    book = books.take(json.loads(update))
    assert (book.verified, book.checksum, len(book.asks), len(book.bids)) == (True, 974947235, 12, 12)


def test_a_removal_of_an_unknown_price_changes_nothing():
    """Vector B: the second update removes an ask's price from the bids."""
    asks = levels(
        "5541.30000/2.50700000,5541.80000/0.33000000,5542.70000/0.64700000,5544.30000/2.50700000,5545.80000/0.33000000,"
        "5546.70000/0.64700000,5547.70000/0.64700000,5548.30000/2.50700000,5549.80000/0.33000000,5550.70000/0.64700000"
    )
    bids = levels(
        "5541.20000/1.52900000,5539.90000/0.30000000,5539.50000/5.00000000,5538.20000/1.52900000,5537.90000/0.30000000,"
        "5536.50000/5.00000000,5535.20000/1.52900000,5534.90000/0.30000000,5533.50000/5.00000000,5532.50000/5.00000000"
    )
    books = Books()
    books.take(snapshot(asks, bids))
    changed = levels("5541.30000/2.50700000,5542.50000/0.40100000")
    first = books.take([0, {"a": changed, "c": "4187525586"}, "book-10", "XBT/USD"])
    second = books.take([0, {"b": levels("5541.30000/0.00000000"), "c": "4187525586"}, "book-10", "XBT/USD"])
    assert (first.checksum, second.checksum, second.best_bid.price) == (4187525586, 4187525586, Decimal("5541.2"))
    assert books.counts() == (1, 2, 2, 0)


def test_a_frame_of_two_objects_applies_in_order_and_is_judged_at_its_end():
    """Vector D: the same price several times, levels that come back, a book that is crossed for an instant."""
    asks = levels(
        "27130.20000/0.13243893,27131.50000/0.02131985,27135.80000/0.00260000,27139.40000/0.01092708,"
        "27139.80000/0.00100000,27141.40000/0.00260000,27144.90000/0.26405691,27145.00000/0.37500000,"
        "27148.30000/1.11187080,27148.40000/0.00270000"
    )
    bids = levels(
        "27130.10000/25.71678313,27130.00000/0.37595516,27129.60000/0.17304017,27129.50000/0.03683743,"
        "27129.40000/0.73674865,27128.90000/0.02403718,27128.70000/0.24316559,27128.60000/0.35007478,"
        "27126.20000/0.00246122,27126.10000/2.17030906"
    )
    frame = (
        '[336,{"a":[["27130.20000","0.01237956","1693415479.752899"],["27130.20000","0.01075407","1693415479.752996"],'
        '["27130.20000","0.01028228","1693415479.753044"],["27130.20000","0.00028228","1693415479.753084"],'
        '["27130.20000","0.00000000","1693415479.753121"],["27149.00000","0.73687080","1693415470.713655","r"],'
        '["27131.50000","0.00000000","1693415479.753159"],["27149.50000","0.00141360","1693415201.455575","r"],'
        '["27135.80000","0.00000000","1693415479.753200"],["27150.30000","0.13818621","1693415470.640610","r"]]},'
        '{"b":[["27136.00000","4.25513312","1693415479.752884"]],"c":"2366297588"},"book-10","XBT/USD"]'
    )
    books = Books()
    books.take(snapshot(asks, bids))
    book = books.take(json.loads(frame))
    assert (book.checksum, book.verified) == (2366297588, True)
    assert (book.best_ask.price, book.best_bid.price, book.bids[-1].price) == (
        Decimal("27139.4"), Decimal("27136.0"), Decimal("27126.2"),
    )  # fmt: skip
    assert book.timestamp_text == "2023-08-30T17:11:19.753200Z"


@pytest.mark.parametrize(
    ("asks", "bids", "checksum"),
    [
        ("10.0/1.50000000,10.1/0.25000000", "9.9/3.00000000", 2620212464),
        ("45000/0.00100000", "", 1034518803),
    ],
)
def test_thin_books_verify(asks, bids, checksum):
    books = Books()
    books.take(snapshot(levels(asks), levels(bids) if bids else []))
    book = books.take([0, {"b": [], "c": str(checksum)}, "book-10", "XBT/USD"])
    assert (book.verified, book.checksum) == (True, checksum)


@pytest.mark.parametrize(
    ("name", "depth", "markets", "updates"),
    [
        pytest.param("xbtusd-book10", 10, 1, 979, id="XBT/USD, vector C and on"),
        pytest.param("xdgusd-seven-decimals", 10, 1, 14, id="XDG/USD, nine price digits"),
        pytest.param("lunaeur-big-quantities", 10, 1, 1, id="LUNA/EUR, quantities beyond floats"),
        pytest.param("gsteur-thin", 10, 1, 1, id="GST/EUR, fewer than ten bids"),
        pytest.param("ten-pairs-book1000", 1000, 10, 4269, id="ten pairs at depth 1000"),
    ],
)
def test_every_recorded_book_verifies(frames, name, depth, markets, updates):
    """Each update has its checksum, and the book after it matches; a snapshot has none."""
    books = Books(depth)
    for raw in frames(f"spot-v1/{name}.ndjson"):
        frame = json.loads(raw)
        if isinstance(frame, list):
            book = books.take(frame)
            assert (book is None) == ("as" in frame[1])
    assert books.counts() == (markets, updates, updates, 0)


@pytest.mark.parametrize(
    "part",
    [
        {"a": [["1.0", "2.0"]]},
        {"a": [["one", "2.0", "1582905487.684110"]]},
        {"a": [["1.0", "nan", "1582905487.684110"]]},
        {"a": [["1_0", "2.0", "1582905487.684110"]]},
        {"a": [[1.0, 2.0, "1582905487.684110"]]},
        {"a": [["1.0", "2.0", "yesterday"]]},
        {"a": {"1.0": "2.0"}},
        {"a": [], "c": 974947235},
        {"a": [], "c": "9" * 5000},
        ["a"],
    ],
    ids=str,
)
def test_a_frame_that_makes_no_sense_is_malformed(part):
    with pytest.raises(Malformed):
        spot_v1.book([part], "BTC/USD")
