"""Recorded traffic of several years: every book of every complete feed has the checksum that Kraken sent with it."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import NamedTuple

import pytest
import ujson

from rxkraken.books import BookReducer, BookState, Counters, reduce_book


def frames_in(path):
    return [json.loads(line)[1] for line in path.read_text().splitlines()]


def replay(reducer: BookReducer, frames: list[str], decode=ujson.loads) -> list:
    """Every book that comes out of the frames."""
    decoded = [(decode(raw), raw) for raw in frames]
    return [
        reducer.apply(entry, frame["type"], raw, 1.0, 1)
        for frame, raw in decoded
        if frame.get("channel") == "book"
        for entry in frame["data"]
    ]


class Feed(NamedTuple):
    """A complete recording of one book."""

    name: str
    symbol: str
    depth: int
    digits: tuple[int, int]
    snapshots: int
    updates: int

    def frames(self, captures):
        return frames_in(captures / "spot-v2" / f"{self.name}.ndjson")

    def reducer(self, **options) -> BookReducer:
        given = {"price_precision": self.digits[0], "qty_precision": self.digits[1], **options}
        return BookReducer(self.symbol, self.depth, **given)


each_feed = pytest.mark.parametrize(
    "feed",
    [
        Feed("btcusd-book10-float-text", "BTC/USD", 10, (1, 8), 1, 509),
        Feed("btcusd-book10-resubscribed", "BTC/USD", 10, (1, 8), 5, 296),
        Feed("ethusd-book25", "ETH/USD", 25, (2, 8), 1, 1128),
    ],
    ids=lambda feed: feed.name,
)


@each_feed
@pytest.mark.parametrize("known", [True, False], ids=["precision known", "precision from the wire"])
def test_every_recorded_book_verifies(captures, feed, known):
    reducer = feed.reducer() if known else feed.reducer(price_precision=None, qty_precision=None)
    books = replay(reducer, feed.frames(captures))
    assert all(book is not None and book.verified for book in books)
    assert reducer.counters == Counters(feed.snapshots, feed.updates, verified=feed.snapshots + feed.updates)


@each_feed
def test_the_exact_decoding_gives_the_same_books(captures, feed):
    """Decoded as floats or as Decimals, frame by frame, the books are equal as values."""
    frames = feed.frames(captures)
    exactly = replay(feed.reducer(), frames, lambda raw: json.loads(raw, parse_float=Decimal))
    assert replay(feed.reducer(), frames) == exactly


@each_feed
def test_recorded_books_agree_with_the_plain_model(captures, plain, feed):
    reducer = feed.reducer()
    model = plain.book(feed.depth, *feed.digits)
    for raw in feed.frames(captures):
        frame = json.loads(raw, parse_float=Decimal)
        if frame.get("channel") != "book":
            continue
        (entry,) = frame["data"]
        if frame["type"] == "snapshot":
            model = plain.book(feed.depth, *feed.digits)
        model.apply(*([(Decimal(at["price"]), Decimal(at["qty"])) for at in entry[side]] for side in ("bids", "asks")))
        (book,) = replay(reducer, [raw])
        assert plain.levels(book) == plain.levels(model)
        assert book.timestamp_text == entry.get("timestamp")


def test_a_book_that_is_never_cut_fails(captures):
    """Kept at ten times its depth, the feed's checksums stop matching: the cut is no formality."""
    frames = frames_in(captures / "spot-v2" / "btcusd-book10-float-text.ndjson")
    reducer = BookReducer("BTC/USD", 100, checksum="flag", price_precision=1, qty_precision=8)
    books = replay(reducer, frames)
    assert [book.verified for book in books[:61]] == [True] * 60 + [False]
    assert reducer.counters.verified == 60


def test_a_wrong_precision_verifies_nothing(captures):
    """The digits that a float has lost come back with the pair's precision, and with no other."""
    frames = frames_in(captures / "spot-v2" / "btcusd-book10-float-text.ndjson")
    reducer = BookReducer("BTC/USD", 10, checksum="flag", price_precision=1, qty_precision=9)
    replay(reducer, frames)
    assert reducer.counters.verified == 0


def test_a_shortened_example_is_not_taken_for_a_book(captures):
    """An anonymised snapshot is cut short, so its checksum cannot fit, and nothing of it is shown."""
    frames = frames_in(captures / "spot-v2" / "messages-market-data.ndjson")
    (snapshot,) = (raw for raw in frames if '"channel":"book","type":"snapshot"' in raw)
    state = reduce_book(BookState.empty(), snapshot)
    assert (state.book, state.needs_resync, state.counters.mismatched) == (None, True, 1)


@pytest.mark.parametrize(
    ("name", "checksums"),
    [("spot-v2/book-vectors.ndjson", 7), ("spot-v2/book-official-example.ndjson", 1)],
)
def test_single_books_of_other_clients_verify(recording, name, checksums):
    """GST/USD, ETH/BTC, a tokenized stock, USDC/USD: three to six price digits, five to eight of quantity."""
    verified = 0
    state = BookState.empty()
    for raw in frames_in(recording(name)):
        if '"snapshot"' in raw:
            state = BookState.empty()
        state = reduce_book(state, raw)
        verified += state.verified
    assert verified == checksums
