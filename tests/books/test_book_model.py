"""Any sequence of messages gives the book that a dict, a sort and `Decimal` give; garbage gives no book at all."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest
import ujson
from hypothesis import assume, given
from hypothesis import strategies as st

from rxkraken.books import BookReducer, ChecksumMismatch, MalformedBook


@st.composite
def markets(draw) -> tuple[int, int, int, list[tuple[str, list, list]]]:
    """Depth, digits, and messages whose prices crowd: duplicates, unknown deletes and pushes out of range occur."""
    depth = draw(st.sampled_from([1, 3, 10, 12]))
    price_digits = draw(st.integers(0, 8))
    qty_digits = draw(st.integers(0, 8))
    base = draw(st.integers(1, 10**9))
    largest = draw(st.sampled_from([9, 10**10, 2**51, 2**53 + 10**6, 10**17]))
    price = st.integers(base, base + 30).map(lambda units: Decimal(f"{units}E-{price_digits}"))
    qty = st.integers(0, largest).map(lambda units: Decimal(f"{units}E-{qty_digits}"))
    changes = st.lists(st.tuples(price, st.one_of(st.just(Decimal(0)), qty)), max_size=20)

    def sides():
        return draw(changes), draw(changes)

    kinds = ["snapshot", *draw(st.lists(st.sampled_from(["update"] * 9 + ["snapshot"]), min_size=1, max_size=8))]
    return depth, price_digits, qty_digits, [(kind, *sides()) for kind in kinds]


def exact_loads(raw: str) -> Any:
    return json.loads(raw, parse_float=Decimal)


@pytest.mark.parametrize("decode", [ujson.loads, exact_loads], ids=["floats", "decimals"])
@pytest.mark.parametrize("known", [True, False], ids=["precision known", "precision from the wire"])
@given(market=markets())
def test_every_book_is_the_one_of_the_plain_model(plain, decode, known, market):
    depth, price_digits, qty_digits, messages = market
    model = plain.book(depth, price_digits, qty_digits)
    digits = {"price_precision": price_digits, "qty_precision": qty_digits} if known else {}
    reducer = BookReducer("BTC/USD", depth, **digits)
    seen = []
    for kind, bids, asks in messages:
        raw = model.frame(kind, bids, asks)
        frame = decode(raw)
        book = reducer.apply(frame["data"][0], kind, raw, 1.0, 1)
        assert book is not None, reducer.last_error
        assert (book.verified, plain.levels(book)) == (True, plain.levels(model))
        seen.append((book, plain.levels(model)))
    # Values: each still says what it said, although its ladder went on.
    assert [plain.levels(book) for book, _ in seen] == [levels for _, levels in seen]
    # And so does a late subscriber's.
    assert reducer.view() == seen[-1][0]


@given(market=markets())
def test_books_that_nobody_keeps_are_right_as_well(plain, market):
    """The same without holding on to any book: each is looked at once and dropped, as most are."""
    depth, price_digits, qty_digits, messages = market
    model = plain.book(depth, price_digits, qty_digits)
    reducer = BookReducer("BTC/USD", depth, price_precision=price_digits, qty_precision=qty_digits)
    for kind, bids, asks in messages:
        raw = model.frame(kind, bids, asks)
        frame = ujson.loads(raw)
        assert plain.levels(reducer.apply(frame["data"][0], kind, raw, 1.0, 1)) == plain.levels(model)


@given(market=markets(), wrong=st.integers(1, 2**32 - 1))
def test_a_checksum_of_another_book_is_always_noticed(plain, market, wrong):
    depth, price_digits, qty_digits, messages = market
    model = plain.book(depth, price_digits, qty_digits)
    reducer = BookReducer("BTC/USD", depth, price_precision=price_digits, qty_precision=qty_digits)
    *good, (kind, bids, asks) = messages
    for each in good:
        raw = model.frame(*each)
        reducer.apply(ujson.loads(raw)["data"][0], each[0], raw, 1.0, 1)
    model.frame(kind, bids, asks)
    raw = model.frame(kind, bids, asks, checksum=model.checksum ^ wrong)
    assert reducer.apply(ujson.loads(raw)["data"][0], kind, raw, 1.0, 1) is None
    assert isinstance(reducer.last_error, ChecksumMismatch)
    assert (reducer.needs_resync, reducer.view()) == (True, None)


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.decimals(),
    st.sampled_from([10**400, -1, -0.5, 1e300, 2.0**51, math.inf, math.nan, "0.1", Decimal("1e999999"), 5e-324]),
)  # fmt: skip
junk = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
plausible = st.one_of(junk, st.floats(0.1, 200.0), st.sampled_from([100.0, 99.5, 0.0, 1.0, 101.0]))
levels = st.one_of(
    junk,
    st.lists(
        st.one_of(
            junk,
            st.fixed_dictionaries({}, optional={"price": plausible, "qty": plausible, "more": junk}),
            st.fixed_dictionaries({"price": plausible, "qty": plausible}),
        ),
        max_size=4,
    ),
)
entries = st.one_of(
    junk,
    st.fixed_dictionaries(
        {}, optional={"symbol": st.sampled_from(["BTC/USD", "ETH/USD"]) | junk, "bids": levels, "asks": levels,
                      "checksum": junk, "timestamp": junk},
    ),
    st.fixed_dictionaries({"symbol": st.just("BTC/USD"), "bids": levels, "asks": levels, "checksum": junk}),
)  # fmt: skip


@pytest.mark.parametrize("checksum", ["verify", "flag", "off"])
@pytest.mark.parametrize("known", [True, False], ids=["precision known", "precision from the wire"])
@given(
    messages=st.lists(st.tuples(st.sampled_from(["update", "snapshot", "other"]), entries), min_size=1, max_size=4),
    raw=st.sampled_from([None, "", "{", "[]", '{"data":[]}', '{"data":7}', b"\xff"]),
)
def test_garbage_never_raises_and_never_verifies(plain, checksum, known, messages, raw):
    """Whatever comes, a book is the right one, or not verified, or not shown; and a snapshot heals everything."""
    digits = {"price_precision": 1, "qty_precision": 8} if known else {}
    reducer = BookReducer("BTC/USD", 10, checksum=checksum, **digits)
    model = plain.book(10, 1, 8)
    good = model.frame("snapshot", plain.at("100.0 x 1.00000001", "99.5 x 2"), plain.at("101.0 x 3"))
    reducer.apply(ujson.loads(good)["data"][0], "snapshot", good, 1.0, 1)
    before = plain.levels(model)
    for kind, entry in messages:
        book = reducer.apply(entry, kind, raw, 2.0, 1)
        if book is not None and book.verified:
            assert plain.levels(book) in (before, {"bids": [], "asks": []})
        if reducer.needs_resync:
            assert reducer.view() is None
            assert isinstance(reducer.last_error, MalformedBook | ChecksumMismatch)
    healed = reducer.apply(ujson.loads(good)["data"][0], "snapshot", good, 3.0, 1)
    assert healed is not None
    assert (plain.levels(healed), healed.verified, reducer.needs_resync) == (before, checksum != "off", False)


not_numbers = st.one_of(
    st.none(), st.text(max_size=5), st.lists(st.integers(), max_size=2), st.just({}),
    st.sampled_from([math.nan, math.inf, -math.inf, -1.0, -1, 10**400]),
)  # fmt: skip


@given(market=markets(), place=st.integers(0, 10**6), name=st.sampled_from(["price", "qty"]), value=not_numbers)
def test_one_spoilt_number_spoils_the_book(plain, market, place, name, value):
    """A level with something else where a number belongs makes the book invalid at once, however deep it lies."""
    depth, price_digits, qty_digits, messages = market
    model = plain.book(depth, price_digits, qty_digits)
    reducer = BookReducer("BTC/USD", depth, price_precision=price_digits, qty_precision=qty_digits)
    *good, (kind, bids, asks) = messages
    for each in good:
        raw = model.frame(*each)
        reducer.apply(ujson.loads(raw)["data"][0], each[0], raw, 1.0, 1)
    assume(bids or asks)
    raw = model.frame(kind, bids, asks)
    (entry,) = ujson.loads(raw)["data"]
    levels = entry["bids"] + entry["asks"]
    levels[place % len(levels)][name] = value
    assert reducer.apply(entry, kind, None, 1.0, 1) is None
    assert isinstance(reducer.last_error, MalformedBook)
    assert (reducer.needs_resync, reducer.view()) == (True, None)


@pytest.mark.parametrize("side", ["bids", "asks"])
@pytest.mark.parametrize("kind", ["update", "snapshot"])
@pytest.mark.parametrize(
    "level",
    [
        pytest.param({}, id="empty"),
        pytest.param({"price": 1.0}, id="no qty"),
        pytest.param({"qty": 1.0}, id="no price"),
        pytest.param(None, id="null"),
        pytest.param(7, id="number"),
        pytest.param("price", id="text"),
        pytest.param(["price", "qty"], id="list"),
        pytest.param({"price": {}, "qty": []}, id="nested"),
        pytest.param({"price": 10**5000, "qty": 1}, id="giant"),
    ],
)
def test_a_level_of_another_shape_spoils_the_book(plain, side, kind, level):
    model = plain.book(10, 1, 8)
    reducer = BookReducer("BTC/USD", 10, price_precision=1, qty_precision=8)
    raw = model.frame("snapshot", plain.at("100.0 x 1"), plain.at("101.0 x 3"))
    reducer.apply(ujson.loads(raw)["data"][0], "snapshot", raw, 1.0, 1)
    entry = {"symbol": "BTC/USD", "bids": [], "asks": [], "checksum": model.checksum, side: [level]}
    assert reducer.apply(entry, kind, "", 1.0, 1) is None
    assert isinstance(reducer.last_error, MalformedBook)
    assert reducer.counters.malformed == 1
