"""Books are read in other threads while their ladder goes on."""

from __future__ import annotations

import sys
import threading
from collections import deque

import pytest
import ujson

from rxkraken.books import BookReducer
from rxkraken.books.measures import Level


@pytest.fixture
def restless():
    """Let threads take turns as often as the interpreter can."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(interval)


@pytest.mark.parametrize("depth", [10, 200])
def test_a_reader_in_another_thread_sees_one_whole_message(plain, restless, depth):
    """Every message moves all levels to one quantity of its own: a book that mixed two messages would show two."""
    model = plain.book(depth, 0, 0)
    prices = range(1000, 1000 + depth)
    levels = [[(at, qty) for at in prices] for qty in range(1, 9)]
    books = BookReducer("BTC/USD", depth, checksum="off", price_precision=0, qty_precision=0)
    wire = [model.frame("snapshot" if not number else "update", [], change) for number, change in enumerate(levels)]
    # Every other message empties most of the side, so that a reader may also meet lists of unequal lengths.
    gone = [model.frame("update", [], [(at, 0) for at in prices[1:]])]
    shared: deque = deque(maxlen=1)
    wrong, looks = [], [0]
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            if shared:
                book = shared[0]
                first, again = book.asks, book.asks
                looks[0] += 1
                if first != again or len({level.qty for level in first}) != 1 or book.best_ask != first[0]:
                    wrong.append((first, again))

    readers = [threading.Thread(target=read) for _ in range(2)]
    for reader in readers:
        reader.start()
    rounds = 0
    while looks[0] < 300 and rounds < 3000:
        for raw in wire + gone:
            frame = ujson.loads(raw)
            shared.append(books.apply(frame["data"][0], frame["type"], raw, 1.0, 1))
        rounds += 1
    done.set()
    for reader in readers:
        reader.join()
    assert looks[0] > 0
    assert not wrong
    assert all(isinstance(level, Level) for level in shared[0].asks)


def test_a_look_that_met_a_change_is_repeated(plain):
    """The change comes in the middle of the look: the error it causes is void, and the book shows what it was."""
    model = plain.book(10, 1, 8)
    reducer = BookReducer("BTC/USD", 10, price_precision=1, qty_precision=8)
    frames = [
        model.frame("snapshot", plain.at("100.0 x 1", "99.0 x 2"), []),
        model.frame("update", plain.at("100.0 x 0", "99.0 x 7"), []),
    ]
    book = reducer.apply(ujson.loads(frames[0])["data"][0], "snapshot", frames[0], 1.0, 1)
    attempts = []

    def look(sides):
        attempts.append(len(sides.bid_keys))
        if len(attempts) == 1:
            reducer.apply(ujson.loads(frames[1])["data"][0], "update", frames[1], 2.0, 1)
            return sides.bid_keys[1]
        return [sides.price_units(key) for key in sides.bid_keys]

    assert book._read(look) == [1000, 990]
    assert attempts == [2, 2]


def test_an_error_of_the_look_itself_is_raised(plain):
    reducer = BookReducer("BTC/USD", 10, price_precision=1, qty_precision=8)
    raw = plain.book(10, 1, 8).frame("snapshot", plain.at("100.0 x 1"), [])
    book = reducer.apply(ujson.loads(raw)["data"][0], "snapshot", raw, 1.0, 1)
    with pytest.raises(ZeroDivisionError):
        book._read(lambda sides: 1 / 0)
