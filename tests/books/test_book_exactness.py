"""Numbers that floats cannot hold, precisions that change or are missing, and contexts that round: all stay exact."""

from __future__ import annotations

import decimal
import json
from decimal import Decimal

import pytest
import ujson
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.books import Book, BookReducer, ChecksumMismatch, MalformedBook
from rxkraken.books.numbers import LARGEST_FLOAT_UNITS, Exact
from rxkraken.errors import InvalidArgument


def feed(reducer: BookReducer, raw: str, *, text: bool = True, exactly: bool = False) -> Book | None:
    frame = json.loads(raw, parse_float=Decimal) if exactly else ujson.loads(raw)
    return reducer.apply(frame["data"][0], frame["type"], raw if text else None, 1.0, 1)


BIG = "301727260.79999999"  # a live LUNA/EUR quantity: its float is a neighbour, 301727260.8
HUGE = "98765432109876.54321"  # a SHIB-like quantity of five digits, beyond 2^53 units


@pytest.mark.parametrize(("qty", "digits"), [(BIG, 8), (HUGE, 5), ("9007199254740993", 0)])
def test_quantities_beyond_floats_are_exact_and_verified(plain, qty, digits):
    """Snapshot, change, a level coming into range and its removal: all with numbers a float would round."""
    model = plain.book(2, 8, digits)
    reducer = BookReducer("BTC/USD", 2, price_precision=8, qty_precision=digits)
    big = (Decimal("0.00007434"), Decimal(qty))
    one = (Decimal("0.00007435"), Decimal(1))
    deep = (Decimal("0.00007433"), Decimal(qty) + 2)
    messages = [
        ("snapshot", [one, big], []),
        ("update", [(one[0], Decimal(2))], []),
        ("update", [(one[0], Decimal(0)), deep], []),
        ("update", [(big[0], Decimal(qty) + 1)], []),
        ("update", [(big[0], Decimal(0)), one], [(Decimal("0.00007436"), Decimal(qty))]),
    ]
    for message in messages:
        book = feed(reducer, model.frame(*message))
        assert book is not None, reducer.last_error
        assert (plain.levels(book), book.verified) == (plain.levels(model), True)


@pytest.mark.parametrize("checksum", ["verify", "flag", "off"])
def test_without_text_a_number_beyond_floats_is_an_error(plain, checksum):
    """A float that may stand for several decimals is not guessed at; the book needs a new snapshot."""
    model = plain.book(10, 8, 8)
    reducer = BookReducer("BTC/USD", 10, checksum=checksum, price_precision=8, qty_precision=8)
    feed(reducer, model.frame("snapshot", plain.at("0.00007434 x 1"), []))
    raw = model.frame("update", plain.at(f"0.00007434 x {BIG}"), [])
    assert feed(reducer, raw, text=False) is None
    assert reducer.needs_resync
    assert isinstance(reducer.last_error, MalformedBook)
    assert "text" in str(reducer.last_error)


def test_a_snapshot_beyond_floats_needs_its_text_as_well(plain):
    raw = plain.book(10, 8, 8).frame("snapshot", plain.at(f"0.00007434 x {BIG}"), [])
    reducer = BookReducer("BTC/USD", 10, price_precision=8, qty_precision=8)
    assert feed(reducer, raw, text=False) is None
    assert (reducer.needs_resync, reducer.counters.malformed) == (True, 1)
    assert feed(reducer, raw).best_bid.qty == Decimal(BIG)


@pytest.mark.parametrize(
    "level",
    [
        pytest.param({"price": True, "qty": 1.5}, id="a boolean"),
        pytest.param({"price": Decimal("sNaN"), "qty": 1.5}, id="a signalling NaN"),
        pytest.param({"price": Decimal("1.0000000000000000001"), "qty": 1.5}, id="nineteen digits"),
        pytest.param({"price": 1e-19, "qty": 1.5}, id="nineteen digits of a float"),
    ],
)
def test_a_snapshot_tells_its_precision_only_by_numbers(level):
    """Where the digits on the wire serve, what is no number, or none that can be, is malformed."""
    reducer = BookReducer("BTC/USD")
    entry = {"symbol": "BTC/USD", "bids": [level], "asks": [], "checksum": 0}
    assert reducer.apply(entry, "snapshot", None, 1.0, 1) is None
    assert isinstance(reducer.last_error, MalformedBook)


def test_decimals_need_no_text(plain):
    """Whoever decodes with `parse_float=Decimal` has lost nothing, and the books of both decodings may be mixed."""
    model = plain.book(10, 1, 8)
    reducer = BookReducer("BTC/USD", 10, price_precision=1, qty_precision=8)
    feed(reducer, model.frame("snapshot", plain.at(f"0.1 x {BIG}", "0.3 x 2"), plain.at("0.7 x 1")), exactly=True)
    for bids, exactly in ((plain.at("0.3 x 3"), False), (plain.at(f"0.1 x {BIG}"), True), (plain.at("0.1 x 0"), False)):
        book = feed(reducer, model.frame("update", bids, []), text=False, exactly=exactly)
        assert book is not None, reducer.last_error
        assert (plain.levels(book), book.verified) == (plain.levels(model), True)


def test_prices_beyond_floats_are_told_apart(plain):
    """Two prices one unit apart, both decoding to one float, are two levels."""
    model = plain.book(10, 2, 0)
    reducer = BookReducer("BTC/USD", 10, price_precision=2, qty_precision=0)
    near = plain.at("90071992547409.93 x 1", "90071992547409.92 x 2")
    book = feed(reducer, model.frame("snapshot", near, plain.at("90071992547409.94 x 3")))
    assert plain.levels(book) == plain.levels(model)
    book = feed(reducer, model.frame("update", plain.at("90071992547409.93 x 0"), []))
    assert plain.levels(book) == plain.levels(model)
    assert str(book.best_bid.price) == "90071992547409.92"


@given(digits=st.integers(0, 18), offset=st.integers(-10, 10))
def test_the_limit_of_floats_is_on_the_safe_side(plain, digits, offset):
    """At the last unit that a float may carry, and around it, the exact quantity comes out."""
    qty = Decimal(f"{LARGEST_FLOAT_UNITS + offset}E-{digits}")
    model = plain.book(10, 0, digits)
    reducer = BookReducer("BTC/USD", 10, price_precision=0, qty_precision=digits)
    for kind in ("snapshot", "update"):
        book = feed(reducer, model.frame(kind, [(Decimal(7), qty)], []))
        assert (book.verified, book.best_bid.qty) == (True, qty)


@given(units=st.integers(1, LARGEST_FLOAT_UNITS), digits=st.integers(0, 18))
def test_every_float_below_the_limit_names_its_decimal(units, digits):
    """The rule the hot path rests on: decode, scale, round gives back the very units."""
    value = float(f"{units}E-{digits}")
    assert round(value * 10.0**digits) == units


def test_an_exact_number_stays_exact_beside_floats():
    number = Exact(Decimal("301727260.79999999"))
    assert round(number * 1e8) == 30172726079999999
    assert number * -1.0 == -number
    assert float(number) != number


def test_no_decimal_context_reaches_the_numbers(plain):
    """With three digits of precision and every trap set, levels, mid and spread are what they were."""
    model = plain.book(10, 1, 8)
    frames = [
        model.frame("snapshot", plain.at("66788.0 x 0.12440000"), plain.at(f"66788.1 x {BIG}")),
        model.frame("update", plain.at("66787.5 x 123456.00000001"), []),
    ]
    with decimal.localcontext() as context:
        context.prec = 3
        context.traps = dict.fromkeys(context.traps, True)
        reducer = BookReducer("BTC/USD", 10, price_precision=1, qty_precision=8)
        fast = [feed(reducer, raw) for raw in frames][-1]
        reducer = BookReducer("BTC/USD", 10)
        exact = [feed(reducer, raw, exactly=True) for raw in frames][-1]
        told = [
            (str(book.best_bid.price), str(book.bids[1].qty), str(book.mid), str(book.spread), str(book.asks[0].qty))
            for book in (fast, exact)
        ]
    assert told == [("66788.0", "123456.00000001", "66788.05", "0.1", BIG)] * 2


# Precisions


def test_whole_prices_arrive_as_integers(plain):
    model = plain.book(10, 0, 2)
    reducer = BookReducer("BTC/USD", 10, price_precision=0, qty_precision=2)
    raw = model.frame("snapshot", plain.at("100 x 1.5"), plain.at("101 x 2"))
    assert '"price":100,' in raw
    book = feed(reducer, raw)
    assert (book.verified, str(book.best_bid.price), str(book.best_bid.qty), str(book.mid)) == (
        True, "100", "1.50", "100.5",
    )  # fmt: skip


def test_missing_precisions_come_from_the_digits_on_the_wire(plain):
    model = plain.book(10, 2, 5)
    reducer = BookReducer("BTC/USD", 10)
    book = feed(reducer, model.frame("snapshot", plain.at("100 x 1.5"), []))
    assert (book.price_precision, book.qty_precision, book.verified) == (2, 5, True)


def test_one_precision_may_be_known_without_the_other(plain):
    model = plain.book(10, 2, 5)
    reducer = BookReducer("BTC/USD", 10, qty_precision=5)
    book = feed(reducer, model.frame("snapshot", plain.at("100 x 1.5"), []))
    assert (book.price_precision, book.qty_precision, book.verified) == (2, 5, True)


def test_wire_digits_grow_when_a_message_has_more(plain):
    """Floats have lost their zeros, and the first book shows few digits; a later message shows the rest."""
    reducer = BookReducer("BTC/USD", 10, checksum="flag")
    model = plain.book(10, 0, 1)
    first = feed(reducer, model.frame("snapshot", plain.at("100 x 1.5"), []), text=False)
    finer = plain.book(10, 1, 3)
    finer.apply(plain.at("100 x 1.5"), [])
    second = feed(reducer, finer.frame("update", plain.at("99.5 x 2.125"), []), text=False)
    assert (first.price_precision, first.qty_precision, str(first.best_bid.qty)) == (0, 1, "1.5")
    assert (second.price_precision, second.qty_precision, str(second.best_bid.qty)) == (1, 3, "1.500")
    assert second.verified


def test_a_changed_precision_changes_checksum_and_digits(plain):
    """An `instrument` update gives the pair more digits: new books have them, old ones keep theirs."""
    old, new = plain.book(10, 1, 4), plain.book(10, 2, 6)
    reducer = BookReducer("BTC/USD", 10, price_precision=1, qty_precision=4)
    before = feed(reducer, old.frame("snapshot", plain.at("100.5 x 1.5"), plain.at("101 x 2")))
    reducer.set_precision(2, 6)
    assert str(reducer.view().best_bid.qty) == "1.500000"
    new.apply(plain.at("100.5 x 1.5"), plain.at("101 x 2"))
    after = feed(reducer, new.frame("update", plain.at("100.51 x 1.000001"), []))
    assert (after.verified, str(after.best_bid.price)) == (True, "100.51")
    assert (str(before.best_bid.price), str(before.best_bid.qty)) == ("100.5", "1.5000")


def test_the_same_precision_again_changes_nothing(plain):
    model = plain.book(10, 1, 4)
    reducer = BookReducer("BTC/USD", 10, price_precision=1, qty_precision=4)
    book = feed(reducer, model.frame("snapshot", plain.at("100.5 x 1.5"), []))
    reducer.set_precision(1, 4)
    assert reducer.view() is book


def test_a_precision_may_arrive_before_and_after_the_snapshot(plain):
    """Without a book there is nothing to rescale; with one of wire digits, the given precision replaces them."""
    model = plain.book(10, 1, 4)
    reducer = BookReducer("BTC/USD", 10)
    reducer.set_precision(1, 4)
    assert feed(reducer, model.frame("snapshot", plain.at("100.5 x 1.5"), [])).verified
    reducer = BookReducer("BTC/USD", 10)
    assert feed(reducer, model.frame("snapshot", plain.at("100.5 x 1.5"), [])).verified
    reducer.set_precision(1, 4)
    assert feed(reducer, model.frame("update", plain.at("100.4 x 1"), [])).verified


def test_a_coarser_precision_than_the_book_has_asks_for_a_new_one(plain):
    model = plain.book(10, 2, 4)
    reducer = BookReducer("BTC/USD", 10, price_precision=2, qty_precision=4)
    book = feed(reducer, model.frame("snapshot", plain.at("100.51 x 1.5"), []))
    reducer.set_precision(1, 4)
    assert (reducer.needs_resync, reducer.view()) == (True, None)
    assert "stale" in str(reducer.last_error)
    assert str(book.best_bid.price) == "100.51"


def test_a_mismatch_says_when_stale_precisions_explain_it(plain):
    """More digits on the wire than in use: the cure is the `instrument` channel, not another snapshot alone."""
    model = plain.book(10, 2, 4)
    reducer = BookReducer("BTC/USD", 10, price_precision=1, qty_precision=4)
    assert feed(reducer, model.frame("snapshot", plain.at("100.51 x 1.5"), [])) is None
    assert isinstance(reducer.last_error, ChecksumMismatch)
    assert reducer.last_error.stale_precision
    reducer.set_precision(2, 4)
    assert feed(reducer, model.frame("snapshot", plain.at("100.51 x 1.5"), [])).verified


def test_too_many_digits_are_noticed_on_the_exact_path(plain):
    model = plain.book(10, 2, 4)
    reducer = BookReducer("BTC/USD", 10, checksum="off", price_precision=1, qty_precision=4)
    assert feed(reducer, model.frame("snapshot", plain.at("100.51 x 1.5"), []), exactly=True) is None
    assert "more than 1 fraction digits" in str(reducer.last_error)


@pytest.mark.parametrize("digits", [-1, 19, 1.5, "2", True, None])
def test_an_impossible_precision_is_refused_with_the_value(digits):
    with pytest.raises(InvalidArgument, match="price_precision"):
        BookReducer("BTC/USD").set_precision(digits, 8)


@pytest.mark.parametrize(
    "number", ["1e999999999", "1e-999999999", "1e9999999999999999999999", "NaN", "Infinity", "9" * 5000]
)
def test_monstrous_numbers_on_the_exact_path_are_malformed(plain, number):
    """A few bytes that would become a gigabyte of digits, or no number at all, make the book invalid, quickly."""
    model = plain.book(10, 1, 8)
    reducer = BookReducer("BTC/USD", 10, price_precision=1, qty_precision=8)
    feed(reducer, model.frame("snapshot", plain.at("100.0 x 1"), []))
    raw = model.frame("update", plain.at("100.0 x 77"), []).replace("77.00000000", number)
    entry = {"symbol": "BTC/USD", "bids": [{"price": 100.0, "qty": 1e300}], "asks": [], "checksum": model.checksum,
             "timestamp": "2026-08-01T02:53:53.398143Z"}  # fmt: skip
    assert reducer.apply(entry, "update", raw, 1.0, 1) is None
    assert isinstance(reducer.last_error, MalformedBook)


def test_the_right_element_of_a_frame_is_decoded_again(plain):
    """Several symbols in one frame: the text's element with the same symbol, checksum and time is the one."""
    model, other = plain.book(10, 1, 8), plain.book(10, 1, 8, symbol="ETH/USD")
    reducer = BookReducer("BTC/USD", 10, price_precision=1, qty_precision=8)
    mine = model.frame("snapshot", plain.at(f"100.0 x {BIG}"), [])
    foreign = other.frame("snapshot", plain.at("100.0 x 3"), [])
    raw = foreign[:-2] + "," + mine[mine.index("[") + 1 :]
    entries = ujson.loads(raw)["data"]
    assert [entry["symbol"] for entry in entries] == ["ETH/USD", "BTC/USD"]
    assert reducer.apply(entries[1], "snapshot", raw, 1.0, 1).best_bid.qty == Decimal(BIG)
