"""A book is a value: exact, readable in every way a strategy needs, comparable, and the same for ever."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.books import Book, Level
from rxkraken.errors import InvalidArgument

BIDS = [("66788.0", "0.12440000"), ("66787.5", "2.00000000"), ("66785.0", "1.00000000")]
ASKS = [("66788.1", "1.50000000"), ("66789.0", "0.50000000")]


@pytest.fixture
def book() -> Book:
    return Book.of("BTC/USD", BIDS, ASKS, timestamp="2024-05-19T16:45:24.204654Z", received=1.5, epoch=3, sequence=9)


@pytest.fixture
def empty() -> Book:
    return Book.of("BTC/USD")


def test_it_shows_the_levels_with_the_digits_of_the_pair(book):
    assert [(str(level.price), str(level.qty)) for level in book.bids] == BIDS
    assert [(str(level.price), str(level.qty)) for level in book.asks] == ASKS
    assert book.best_bid == Level(Decimal("66788.0"), Decimal("0.1244"))
    assert book.best_ask == Level(Decimal("66788.1"), Decimal("1.5"))
    assert (book.symbol, book.depth, book.price_precision, book.qty_precision) == ("BTC/USD", 10, 1, 8)


def test_it_tells_where_it_came_from(book, empty):
    assert (book.received, book.epoch, book.sequence, book.verified) == (1.5, 3, 9, False)
    assert book.timestamp == datetime(2024, 5, 19, 16, 45, 24, 204654, tzinfo=UTC)
    assert (empty.timestamp, empty.timestamp_text) == (None, None)


@pytest.mark.parametrize("text", ["yesterday", "", "2024-13-01T00:00:00Z"])
def test_a_time_that_cannot_be_read_is_kept_as_text(text):
    book = Book.of("BTC/USD", timestamp=text)
    assert (book.timestamp, book.timestamp_text) == (None, text)


@pytest.mark.parametrize("fraction", ["", ".204", ".204654", ".2046541", ".204654123"])
def test_times_of_any_fraction_are_read(fraction):
    book = Book.of("BTC/USD", timestamp=f"2024-05-19T16:45:24{fraction}Z")
    assert book.timestamp == datetime(2024, 5, 19, 16, 45, 24, int(fraction[1:7].ljust(6, "0")), tzinfo=UTC)


def test_its_measures_are_exact(book):
    assert (book.mid, book.spread) == (Decimal("66788.05"), Decimal("0.1"))
    assert book.microprice == (Decimal("66788.0") * Decimal("1.5") + Decimal("66788.1") * Decimal("0.1244")) / Decimal(
        "1.6244"
    )
    assert book.imbalance() == (Decimal("3.1244") - 2) / Decimal("5.1244")
    assert book.imbalance(1) == (Decimal("0.1244") - Decimal("1.5")) / Decimal("1.6244")


@pytest.mark.parametrize(("bids", "asks", "imbalance"), [([], [], None), (BIDS, [], 1), ([], ASKS, -1)])
def test_an_empty_side_has_no_middle(bids, asks, imbalance):
    book = Book.of("BTC/USD", bids, asks)
    assert (book.mid, book.spread, book.microprice) == (None, None, None)
    assert (book.best_bid is None, book.best_ask is None) == (not bids, not asks)
    assert book.imbalance() == imbalance


@pytest.mark.parametrize(
    ("price", "side", "at", "to"),
    [
        ("66787.5", "bids", "2", "2.1244"),
        (66787.5, "bids", "2", "2.1244"),
        (66786, "bids", "0", "2.1244"),
        ("66788.05", "bids", "0", "0"),
        (Decimal("66788.1"), "asks", "1.5", "1.5"),
        ("66788.15", "asks", "0", "1.5"),
        (70000, "asks", "0", "2"),
    ],
)
def test_volume_at_a_price_and_up_to_it(book, price, side, at, to):
    assert book.volume_at(price, side) == Decimal(at)
    assert book.volume_to(price, side) == Decimal(to)


@pytest.mark.parametrize(
    ("side", "qty", "cost"),
    [
        ("buy", "1.5", "100182.15"),
        ("buy", 2, "133576.65"),
        ("buy", "1.50000000001", "100182.15000066789"),
        ("buy", "2.00000001", None),
        ("sell", "0.1244", "8308.4272"),
        ("sell", 3, "200360.3732"),
        ("sell", 4, None),
    ],
)
def test_the_cost_of_an_order_is_exact_or_unknown(book, side, qty, cost):
    """Beyond the levels that can be seen no number would be true, so there is none."""
    assert book.cost_to_fill(side, qty) == (None if cost is None else Decimal(cost))


@given(
    asks=st.dictionaries(st.integers(1, 10**6), st.integers(1, 10**12), max_size=12),
    units=st.integers(1, 10**13),
)
def test_the_cost_is_that_of_taking_unit_by_unit(asks, units):
    levels = [(f"{price}E-2", f"{qty}E-8") for price, qty in asks.items()]
    book = Book.of("BTC/USD", [], levels, depth=12, price_precision=2, qty_precision=8)
    rest, cost = units, 0
    for price, qty in sorted(asks.items()):
        cost += price * min(rest, qty)
        rest -= min(rest, qty)
    assert book.cost_to_fill("buy", Decimal(f"{units}E-8")) == (None if rest else Decimal(f"{cost}E-10"))


@pytest.mark.parametrize(
    ("call", "named"),
    [
        (lambda book: book.volume_at(1, "bid"), "'bid'.*\"bids\""),
        (lambda book: book.volume_to(1, "sell"), "'sell'.*\"bids\""),
        (lambda book: book.cost_to_fill("bids", 1), "'bids'.*\"buy\""),
        (lambda book: book.cost_to_fill("buy", 0), "qty 0"),
        (lambda book: book.cost_to_fill("buy", "x"), "qty 'x'"),
        (lambda book: book.cost_to_fill("buy", [1]), r"qty \[1\]"),
        (lambda book: book.volume_at(float("nan"), "bids"), "price nan"),
        (lambda book: book.volume_at("1e999999999", "bids"), "price '1e999999999'"),
        (lambda book: book.imbalance(0), "levels 0"),
        (lambda book: Book.of("BTC/USD", [("-1", "1")]), "price"),
        (lambda book: Book.of("BTC/USD", [("1", "-1")]), "qty"),
        (lambda book: Book.of("BTC/USD", [("1", "1")], price_precision=-1), "price_precision -1"),
        (lambda book: Book.of("BTC/USD", [("1.25", "1")], price_precision=1), "more than 1 fraction digits"),
    ],
)
def test_a_wrong_argument_is_named(book, call, named):
    with pytest.raises(InvalidArgument, match=named):
        call(book)


def test_a_book_made_by_hand_sorts_cuts_and_counts_the_checksum(plain):
    """Levels come in any order; what does not fit the depth is cut, as from the wire."""
    book = Book.of("BTC/USD", reversed(BIDS), reversed(ASKS), depth=2)
    model = plain.book(2, 1, 8)
    model.apply([(Decimal(p), Decimal(q)) for p, q in BIDS], [(Decimal(p), Decimal(q)) for p, q in ASKS])
    assert plain.levels(book) == plain.levels(model)
    assert book.checksum == model.checksum


def test_it_turns_into_rows_for_a_table(book):
    rows = book.to_dicts()
    assert rows[0] == {
        "symbol": "BTC/USD", "side": "bid", "level": 1, "price": Decimal("66788.0"), "qty": Decimal("0.1244"),
    }  # fmt: skip
    assert [(row["side"], row["level"]) for row in rows] == [
        ("bid", 1), ("bid", 2), ("bid", 3), ("ask", 1), ("ask", 2),
    ]  # fmt: skip


def test_it_shows_itself(book, empty):
    assert repr(book) == "<Book BTC/USD bid 0.12440000 @ 66788.0, ask 1.50000000 @ 66788.1, depth 10, not verified>"
    assert repr(empty) == "<Book BTC/USD bid none, ask none, depth 10, not verified>"


def test_equality_is_by_value(book):
    same = Book.of("BTC/USD", BIDS, ASKS, timestamp="2024-05-19T16:45:24.204654Z", received=1.5, epoch=3, sequence=9)
    later = Book.of("BTC/USD", BIDS, ASKS, timestamp="2024-05-19T16:45:24.204654Z", received=1.6, epoch=3, sequence=10)
    other = Book.of(
        "BTC/USD", BIDS, ASKS[:1], timestamp="2024-05-19T16:45:24.204654Z", received=1.5, epoch=3, sequence=9
    )
    assert book == same
    assert hash(book) == hash(same)
    assert {book, same} == {book}
    assert book not in (later, other, "a book", None)


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda book: pickle.loads(pickle.dumps(book))])
def test_copies_and_pickles_are_equal(book, how):
    big = Book.of("LUNA/EUR", [("0.00007434", "301727260.79999999")], qty_precision=8)
    for original in (book, big):
        twin = how(original)
        assert twin == original
        assert twin.to_dicts() == original.to_dicts()


def test_what_it_tells_cannot_be_set(book):
    with pytest.raises(AttributeError):
        book.verified = True
    with pytest.raises(AttributeError):
        book.note = "mine"
