"""`reduce_book3` as a pure function: it folds what `Book3Reducer` emits, from any state, any number of times."""

from __future__ import annotations

import json
import zlib
from decimal import Decimal

import pytest
import reactivex as rx
import ujson
from hypothesis import given
from hypothesis import strategies as st
from reactivex import operators as ops

from rxkraken.books import Book3Reducer, Book3State, BookState, ChecksumMismatch, Counters, reduce_book, reduce_book3

SEED = Book3State.empty("BTC/USD", price_precision=1, qty_precision=0)


def frame(kind: str, bids: list[str], crc_of: str, *, symbol: str = "BTC/USD", seconds: int = 0) -> str:
    """A frame of bids such as "add A 100.0 2"; `crc_of` is the text of the book after it (section 4.2)."""
    orders = ",".join(
        f'{{"event":"{event}","order_id":"{name}","limit_price":{price},"order_qty":{qty},'
        f'"timestamp":"2026-01-01T00:00:{seconds:02}Z"}}'
        for event, name, price, qty in (bid.split() for bid in bids)
    )
    return (
        f'{{"channel":"level3","type":"{kind}","data":[{{"symbol":"{symbol}","bids":[{orders}],"asks":[],'
        f'"checksum":{zlib.crc32(crc_of.encode())},"timestamp":"2026-01-01T00:00:{seconds:02}.5Z"}}]}}'
    )


FRAMES = [
    frame("snapshot", ["add A 100.0 2.0", "add B 100.0 3.0"], "1000210003"),
    frame("update", ["add C 99.5 1.0"], "10002100039951", seconds=1),
    frame("update", ["modify A 100.0 1.0"], "10001100039951", seconds=2),  # a smaller quantity keeps its place
    frame("update", ["modify A 100.0 5.0"], "10003100059951", seconds=3),  # a larger one goes to the back
    frame("update", ["delete B 100.0 3.0"], "100059951", seconds=4),
    frame("update", ["add D 100.5 4.0"], "10054100059951", seconds=5),
]
# The same, but that the smaller quantity lost its place: "try the other strategy" (ws-v2 reference section 3.3).
BY_TIME = [*FRAMES[:2], frame("update", ["modify A 100.0 1.0"], "10003100019951", seconds=2)]
BY_TIME += [frame("update", ["add E 100.0 7.0"], "1000310001100079951", seconds=3)]
BY_TIME += [frame("update", ["modify B 100.0 2.0"], "1000110007100029951", seconds=4)]


def fold(frames, seed=SEED) -> list[Book3State]:
    """The states after each frame."""
    return rx.of(*frames).pipe(ops.scan(reduce_book3, seed), ops.to_list()).run()


@pytest.mark.parametrize("frames", [FRAMES, BY_TIME], ids=["in order of arrival", "in order of time"])
def test_it_folds_what_the_reducer_emits(frames):
    reducer = Book3Reducer("BTC/USD", price_precision=1, qty_precision=0)
    emitted = [reducer.apply(ujson.loads(raw)["data"][0], ujson.loads(raw)["type"], raw, 0.0, 0) for raw in frames]
    states = fold(frames)
    assert [state.book for state in states] == emitted
    assert [state.verified for state in states] == [True] * len(frames)
    assert states[-1].counters == Counters(snapshots=1, updates=len(frames) - 1, verified=len(frames))


def test_it_folds_text_dicts_and_exact_dicts_alike():
    folds = []
    for decode in (str, str.encode, ujson.loads, lambda raw: json.loads(raw, parse_float=Decimal)):
        state = SEED
        for raw in FRAMES:
            state = reduce_book3(state, decode(raw), received=5.0, epoch=2)
        folds.append((state.book, state.counters, state.epoch, state.error))
    assert folds == [folds[0]] * 4
    assert (folds[0][0].received, folds[0][0].epoch, folds[0][0].best_bid.price) == (5.0, 2, Decimal("100.5"))


@given(path=st.lists(st.integers(0, 4), max_size=25), frames=st.sampled_from([FRAMES[:5], BY_TIME]))
def test_any_old_state_can_be_taken_up_again(path, frames):
    """States are values, whichever order their levels are in: what an old one gave once, it always gives."""
    states = [SEED, *fold(frames)]
    told = [(state.book, state.counters) for state in states]
    for number in path:
        again = reduce_book3(states[number], frames[number])
        assert (again.book, again.counters) == told[number + 1]
    assert [(state.book, state.counters) for state in states] == told


def test_a_lost_message_takes_the_book_away_until_a_snapshot():
    states = fold([FRAMES[0], FRAMES[2], FRAMES[3], FRAMES[0]])
    assert [(state.book is None, state.needs_resync) for state in states] == [
        (False, False), (True, True), (True, True), (False, False),
    ]  # fmt: skip
    assert isinstance(states[1].error, ChecksumMismatch)
    assert states[3].counters == Counters(snapshots=2, updates=1, verified=2, mismatched=1, ignored=1)


def test_each_fold_takes_messages_of_its_own_channel_and_symbol():
    other = frame("snapshot", ["add A 100.0 2.0"], "10002", symbol="ETH/USD")
    assert reduce_book3(SEED, other) is SEED
    assert reduce_book3(Book3State.empty(price_precision=1, qty_precision=0), other).symbol == "ETH/USD"
    levels = BookState.empty("BTC/USD")
    assert reduce_book(levels, FRAMES[0]) is levels
    assert reduce_book3(SEED, FRAMES[0].replace("level3", "book")) is SEED


def test_states_show_themselves():
    assert repr(SEED) == "<Book3State BTC/USD: waiting for a snapshot>"
    assert repr(fold(FRAMES)[-1]).startswith("<Book3State BTC/USD: <OrderBook3 BTC/USD bid 4 @ 100.5 (1)")
