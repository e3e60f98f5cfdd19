"""The quick look at the digits of levels agrees with the thorough one, and loses nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
import ujson
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.books import BookReducer
from rxkraken.books.numbers import LARGEST_FLOAT_UNITS, Digits, wire_precision

precisions = st.integers(0, 10)
units = st.integers(1, LARGEST_FLOAT_UNITS)


def level(price, qty):
    return [{"price": price, "qty": qty}]


@given(price=units, qty=units, shown=st.tuples(precisions, precisions), room=st.tuples(precisions, precisions))
def test_floats_are_taken_just_where_their_digits_have_room(price, qty, shown, room):
    levels = level(price / 10 ** shown[0], qty / 10 ** shown[1])
    prices, qtys = wire_precision({"bids": levels, "asks": []})
    taken = Digits(*room).floats(levels)
    # Beyond the safe range a float may need fewer digits than its shortest text shows; the ladder refuses it later.
    if all(
        number * 10**digits <= LARGEST_FLOAT_UNITS
        for number, digits in zip(levels[0].values(), room, strict=True)
    ):  # fmt: skip
        assert (taken is not None) == (prices <= room[0] and qtys <= room[1])
    assert taken is None or taken == levels


@given(price=units, qty=units, shown=st.tuples(precisions, precisions), room=st.tuples(precisions, precisions))
def test_decimals_are_taken_just_where_they_show_all_digits_and_come_back_whole(price, qty, shown, room):
    levels = level(Decimal(f"{price}E-{shown[0]}"), Decimal(f"{qty}E-{shown[1]}"))
    taken = Digits(*room).floats(levels)
    assert (taken is not None) == (shown == room)
    if taken is not None:
        (found,) = taken
        assert (type(found["price"]), type(found["qty"])) == (float, float)
        assert round(found["price"] * 10.0 ** room[0]) == price
        assert round(found["qty"] * 10.0 ** room[1]) == qty


@pytest.mark.parametrize(
    ("price", "qty"),
    [
        (True, 1.0),
        ("1.5", "2"),
        (None, 1.0),
        (Decimal("NaN"), Decimal("1.00")),
        (Decimal("Infinity"), Decimal("1.00")),
        (float("nan"), 1.0),
        (Decimal("1.5"), 2.0),
        (1.25, 1.0),
        (1.5, 0.125),
    ],
)
def test_what_is_unsure_is_left_to_the_thorough_look(price, qty):
    assert Digits(1, 2).floats(level(price, qty)) is None


def test_integers_need_no_digits():
    assert Digits(1, 2).floats(level(7, 3.25)) == level(7, 3.25)


def test_a_book_that_begins_empty_learns_its_digits_from_round_numbers(plain):
    """Decoded, 100.0 and 2.0 tell nothing of the digits that the text has and the checksum is over."""
    model, book = plain.book(10, 1, 8), BookReducer("BTC/USD", 10)
    for kind, bids in (("snapshot", ()), ("update", ("100.0 x 2",)), ("update", ("101.0 x 3",))):
        raw = model.frame(kind, plain.at(*bids), [])
        shown = book.apply(ujson.loads(raw)["data"][0], kind, raw, 0.0, 0)
        assert shown.verified
        assert plain.levels(shown) == plain.levels(model)
    assert (shown.price_precision, shown.qty_precision) == (1, 8)
