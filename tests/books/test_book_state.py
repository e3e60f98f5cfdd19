"""`reduce_book` as a pure function: with `ops.scan`, with a shared seed, over and over from old states."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
import reactivex as rx
import ujson
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as ops
from reactivex.subject import Subject

from rxkraken.books import BookState, ChecksumMismatch, Counters, reduce_book
from rxkraken.errors import InvalidArgument


def frames_of(plain, count: int = 12) -> list[str]:
    """A snapshot and updates that insert, change, delete and push out."""
    model = plain.book(3, 1, 8)
    updates = [
        (
            plain.at(f"{100 + number % 4}.0 x {number}", f"{101 + number % 3}.0 x 0"),
            plain.at(f"{110 - number % 5}.5 x 1"),
        )
        for number in range(1, count)
    ]
    first = model.frame("snapshot", plain.at("100.0 x 1", "99.0 x 2"), plain.at("110.0 x 3"))
    return [first, *(model.frame("update", *update) for update in updates)]


SEED = BookState.empty("BTC/USD", depth=3, price_precision=1, qty_precision=8)


def test_it_folds_text_dicts_and_exact_dicts_alike(plain):
    frames = frames_of(plain)
    folds = []
    for decode in (str, str.encode, ujson.loads, lambda raw: json.loads(raw, parse_float=Decimal)):
        state = SEED
        for raw in frames:
            state = reduce_book(state, decode(raw), received=5.0, epoch=2)
        folds.append((state.book, state.counters, state.verified, state.epoch, state.error))
    assert folds[0][1:] == (Counters(snapshots=1, updates=11, verified=12), True, 2, None)
    assert all(fold == folds[0] for fold in folds)
    assert (folds[0][0].received, folds[0][0].epoch) == (5.0, 2)


def test_subscribers_that_share_a_seed_do_not_disturb_each_other(plain):
    """`scan` gives each subscriber the very same seed object; late ones start from it while others are far ahead."""
    frames = Subject()
    books = frames.pipe(ops.scan(reduce_book, SEED), ops.map(lambda state: state.book))
    early, late = [], []
    books.subscribe(early.append)
    sent = frames_of(plain)
    for raw in sent[:6]:
        frames.on_next(raw)
    books.subscribe(late.append)
    for raw in sent:
        frames.on_next(raw)
    alone = rx.of(*sent).pipe(ops.scan(reduce_book, SEED), ops.map(lambda state: state.book), ops.to_list()).run()
    assert late == alone
    assert early[:6] == alone[:6]
    assert [plain.levels(book) for book in early[6:]] == [plain.levels(book) for book in alone]
    assert SEED.book is None
    assert SEED.counters == Counters()


def test_a_cold_stream_replays_from_the_same_seed(plain):
    books = rx.of(*frames_of(plain)).pipe(ops.scan(reduce_book, SEED), ops.map(lambda state: state.book), ops.to_list())
    assert books.run() == books.run()


@given(path=st.lists(st.integers(0, 11), max_size=25))
def test_any_old_state_can_be_taken_up_again(plain, path):
    """States are values: going back to any earlier one, in any order, gives what it gave the first time."""
    frames = frames_of(plain)
    states = [SEED]
    for raw in frames:
        states.append(reduce_book(states[-1], raw))
    told = [(state.book, state.counters) for state in states]
    for number in path:
        again = reduce_book(states[number], frames[number])
        assert (again.book, again.counters) == told[number + 1]
    assert [(state.book, state.counters) for state in states] == told


def test_every_state_of_a_fold_keeps_its_book(plain):
    states = [SEED]
    levels = []
    for raw in frames_of(plain):
        states.append(reduce_book(states[-1], raw))
        levels.append(plain.levels(states[-1].book))
    assert [plain.levels(state.book) for state in states[1:]] == levels


def test_an_old_state_that_could_not_be_shown_goes_on_rightly(plain):
    """A message without a checksum leaves a state without a book, and yet with one underneath; twice is once."""
    model = plain.book(3, 1, 8)
    first = reduce_book(SEED, model.frame("snapshot", plain.at("100.0 x 1"), []))
    silent = ujson.loads(model.frame("update", plain.at("99.0 x 1"), []))
    del silent["data"][0]["checksum"]
    hidden = reduce_book(first, silent)
    assert (hidden.book, hidden.needs_resync, hidden.verified) == (None, False, False)
    last = model.frame("update", plain.at("98.0 x 1"), [])
    shown = [reduce_book(hidden, last).book for _ in range(3)]
    assert shown[0].verified
    assert shown == [shown[0]] * 3


@pytest.mark.parametrize(
    "message",
    [
        '{"channel":"heartbeat"}',
        '{"method":"subscribe","result":{"channel":"book"},"success":true}',
        '{"channel":"book","type":"update","data":{}}',
        '{"channel":"book","type":"mystery","data":[{"symbol":"BTC/USD"}]}',
        '{"channel":"book","type":"snapshot","data":[7,null,{"symbol":7}]}',
        '{"channel":"trade","type":"snapshot","data":[{"symbol":"BTC/USD"}]}',
        "not JSON",
        b"\xff\xfe",
        "",
        "[" * 100_000,
        None,
        7,
        [],
        {"channel": ["book"]},
    ],
)
def test_what_is_no_book_message_leaves_the_state_as_it_is(plain, message):
    state = reduce_book(SEED, frames_of(plain)[0])
    assert reduce_book(state, message) is state
    assert reduce_book(BookState.empty(), message).symbol is None


def test_other_symbols_pass_by(plain):
    """A stream of several symbols: a state follows one, given or the first with a snapshot."""
    other = plain.book(3, 1, 8, symbol="ETH/USD")
    state = reduce_book(BookState.empty(depth=3), other.frame("update", plain.at("5.0 x 1"), []))
    assert state.symbol is None
    state = reduce_book(state, other.frame("snapshot", plain.at("5.0 x 1"), []))
    assert (state.symbol, state.verified) == ("ETH/USD", True)
    assert reduce_book(state, frames_of(plain)[0]) is state
    assert reduce_book(SEED, other.frame("snapshot", plain.at("5.0 x 1"), [])) is SEED


def test_a_mismatch_takes_the_book_away_until_a_snapshot(plain):
    frames = frames_of(plain)
    state = reduce_book(SEED, frames[0])
    state = reduce_book(state, frames[2])  # one was lost
    assert (state.book, state.verified, state.needs_resync) == (None, False, True)
    assert isinstance(state.error, ChecksumMismatch)
    assert "checksum" in repr(state)
    state = reduce_book(state, frames[3])
    assert state.counters == Counters(snapshots=1, updates=1, verified=1, mismatched=1, ignored=1)
    state = reduce_book(state, frames[0])
    assert (state.verified, state.needs_resync, state.error) == (True, False, None)


@pytest.mark.parametrize(("checksum", "verified"), [("flag", [True, False, False]), ("off", [False, False, False])])
def test_the_other_ways_to_treat_checksums(plain, checksum, verified):
    frames = frames_of(plain)
    state = BookState.empty("BTC/USD", 3, 1, 8, checksum)
    states = [state := reduce_book(state, raw) for raw in (frames[0], frames[2], frames[3])]
    assert [each.book.verified for each in states] == verified


def test_states_show_themselves():
    assert repr(SEED) == "<BookState BTC/USD: waiting for a snapshot>"
    assert (SEED.depth, SEED.epoch, SEED.error, SEED.needs_resync) == (3, 0, None, False)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [({"depth": -1}, "depth -1"), ({"checksum": "no"}, "'no'"), ({"price_precision": 1.0}, "price_precision 1.0")],
)
def test_a_wrong_option_is_named_at_once(arguments, named):
    with pytest.raises(InvalidArgument, match=named):
        BookState.empty("BTC/USD", **arguments)
