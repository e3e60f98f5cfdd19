"""A book of orders is a value: exact, comparable, and the same for ever, in any thread and however it is kept."""

from __future__ import annotations

import copy
import pickle
import sys
import threading
from collections import deque
from datetime import UTC, datetime
from decimal import Decimal, localcontext

import pytest
import ujson

from rxkraken.books import Book3Reducer, ChecksumMismatch, Level3, OrderBook3, QueuePosition, RestingOrder, engine
from rxkraken.errors import InvalidArgument

BIDS = ["A 66788.0 0.12440000", "B 66788.0 2.00000000", "C 66785.0 1.00000000"]
ASKS = ["X 66788.1 1.50000000", "Y 66789.0 0.50000000"]
AT = "2026-01-01T00:00:01.123456789Z"


def text(kind: str, bids=(), asks=(), checksum: object = 1) -> str:
    """A frame of orders written as "A 100.0 1", in an update as "add A 100.0 1"."""
    sides = ([entry(*each.split()) for each in side] for side in (bids, asks))
    bids, asks = (",".join(side) for side in sides)
    return (
        f'{{"channel":"level3","type":"{kind}","data":[{{"symbol":"BTC/USD","checksum":{checksum},'
        f'"bids":[{bids}],"asks":[{asks}]}}]}}'
    )


def entry(*words: str) -> str:
    *event, order_id, price, qty = words
    head = f'"event":"{event[0]}",' if event else ""
    return f'{{{head}"order_id":"{order_id}","limit_price":{price},"order_qty":{qty},"timestamp":"{AT}"}}'


def apply(reducer: Book3Reducer, raw: str, received: float = 1.5, epoch: int = 3) -> OrderBook3 | None:
    frame = ujson.loads(raw)
    return reducer.apply(frame["data"][0], frame["type"], raw, received, epoch)


def of(bids=(), asks=(), digits: dict | None = None, received: float = 1.5) -> OrderBook3:
    reducer = Book3Reducer("BTC/USD", checksum="off", **(digits or {"price_precision": 1, "qty_precision": 8}))
    return apply(reducer, text("snapshot", bids, asks), received)


@pytest.fixture
def book() -> OrderBook3:
    return of(BIDS, ASKS)


def test_it_shows_levels_and_orders_with_the_digits_of_the_pair(book):
    first = RestingOrder("A", Decimal("66788.0"), Decimal("0.1244"), AT)
    second = RestingOrder("B", Decimal("66788.0"), Decimal(2), AT)
    assert book.best_bid == Level3(Decimal("66788.0"), Decimal("2.1244"), (first, second))
    assert (book.bids[0], book.best_ask) == (book.best_bid, book.asks[0])
    assert [[str(level.price), str(level.qty)] for level in book.asks] == [each.split()[1:] for each in ASKS]
    assert (book.order("A"), book.order("Z")) == (first, None)
    assert (book.side_of("B"), book.side_of("Y"), book.side_of("Z")) == ("bids", "asks", None)
    assert (book.mid, book.spread) == (Decimal("66788.05"), Decimal("0.1"))


def test_an_order_tells_its_time(book):
    assert book.order("A").timestamp == datetime(2026, 1, 1, 0, 0, 1, 123456, tzinfo=UTC)
    assert RestingOrder("A", Decimal(1), Decimal(1)).timestamp is None
    assert RestingOrder("A", Decimal(1), Decimal(1), "soon").timestamp is None
    assert (book.timestamp, book.timestamp_text) == (None, None)


def test_a_place_in_the_queue_counts_what_goes_before(book):
    assert book.queue_position("A") == QueuePosition(0, Decimal(0), Decimal("2.1244"), 0)
    assert book.queue_position("B") == QueuePosition(1, Decimal("0.1244"), Decimal("2.1244"), 0)
    assert book.queue_position("C") == QueuePosition(0, Decimal(0), Decimal(1), 1)
    assert book.queue_position("Y") == QueuePosition(0, Decimal(0), Decimal("0.5"), 1)
    assert book.queue_position("Z") is None


def test_an_empty_side_has_no_middle():
    for book in (of(), of(BIDS), of((), ASKS)):
        assert (book.mid, book.spread) == (None, None)
    assert (of().best_bid, of().best_ask, of().bids, of().to_book().bids) == (None, None, (), ())


def test_it_turns_into_rows_for_a_table(book):
    rows = book.to_dicts()
    assert rows[1] == {
        "symbol": "BTC/USD", "side": "bid", "level": 1, "place": 2,
        "order_id": "B", "price": Decimal("66788.0"), "qty": Decimal(2),
    }  # fmt: skip
    assert [(row["side"], row["level"], row["place"]) for row in rows] == [
        ("bid", 1, 1), ("bid", 1, 2), ("bid", 2, 1), ("ask", 1, 1), ("ask", 2, 1),
    ]  # fmt: skip


def test_it_shows_itself(book):
    assert repr(book) == (
        "<OrderBook3 BTC/USD bid 2.12440000 @ 66788.0 (2), ask 1.50000000 @ 66788.1 (1), depth 10, not verified>"
    )
    assert repr(of()) == "<OrderBook3 BTC/USD bid none, ask none, depth 10, not verified>"


def test_equality_is_by_value_and_by_place(book):
    same, later = of(BIDS, ASKS), of(BIDS, ASKS, received=1.6)
    assert book == same
    assert hash(book) == hash(same)
    assert {book, same} == {book}
    assert book not in (later, of([BIDS[1], BIDS[0], BIDS[2]], ASKS), of(BIDS), "a book", None)


@pytest.mark.parametrize("how", [copy.copy, copy.deepcopy, lambda book: pickle.loads(pickle.dumps(book))])
def test_copies_and_pickles_are_equal(book, how):
    twin = how(book)
    assert (twin, twin.to_dicts(), twin.queue_position("B")) == (book, book.to_dicts(), book.queue_position("B"))


def test_what_it_tells_cannot_be_set(book):
    with pytest.raises(AttributeError):
        book.verified = True
    with pytest.raises(AttributeError):
        book.note = "mine"


@pytest.mark.parametrize("counted", [True, False], ids=["references counted", "weak references"])
def test_what_is_kept_never_changes_and_what_is_not_costs_no_copy(monkeypatch, counted):
    if not counted:
        monkeypatch.setattr(engine, "COUNTED", False)
        monkeypatch.setattr(engine, "references", lambda _: -1)
    detached = []
    original = OrderBook3.detach
    monkeypatch.setattr(OrderBook3, "detach", lambda book: (detached.append(book.sequence), original(book)))
    reducer = Book3Reducer("BTC/USD", checksum="off", price_precision=1, qty_precision=8)
    kept, rows = {}, {}
    apply(reducer, text("snapshot", BIDS, ASKS))
    for number in range(2, 30):
        changes = [f"add N{number} 66788.0 {number}", f"modify B 66788.0 {number % 4 + 1}", f"delete N{number - 3} 1 1"]
        book = apply(reducer, text("update", changes))
        rows[number] = book.to_dicts()
        if number % 5 == 0:
            kept[number] = book
        del book
    assert {number: book.to_dicts() for number, book in kept.items()} == {number: rows[number] for number in kept}
    assert all(book.order(f"N{number}").qty == number for number, book in kept.items())
    assert detached == [5, 10, 15, 20, 25]


def test_a_late_subscriber_gets_a_value_like_any_other():
    reducer = Book3Reducer("BTC/USD", checksum="off", price_precision=1, qty_precision=8)
    assert reducer.view() is None
    apply(reducer, text("snapshot", BIDS, ASKS))
    view = reducer.view()
    assert (view.received, view.epoch, view.sequence, reducer.view() is view) == (1.5, 3, 1, True)
    before = view.to_dicts()
    apply(reducer, text("update", ["delete A 66788.0 1"]))
    apply(reducer, text("snapshot", ["Q 1.0 1"]))
    assert (view.to_dicts(), view == of(BIDS, ASKS)) == (before, True)


def test_a_reader_in_another_thread_sees_one_whole_message():
    """Every message gives all orders one quantity of its own: a book that mixed two messages would show two."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    reducer = Book3Reducer("BTC/USD", 50, checksum="off", price_precision=0, qty_precision=0)
    frames = [
        text("update" if qty > 1 else "snapshot", (), [f"add O{at} {at} {qty}" for at in range(100, 150)])
        for qty in range(1, 7)
    ] + [text("update", (), [f"delete O{at} {at} 1" for at in range(101, 150)])]
    decoded = [(ujson.loads(raw), raw) for raw in frames]
    shared: deque = deque(maxlen=1)
    wrong, looks, done = [], [0], threading.Event()

    def read() -> None:
        while not done.is_set():
            if shared:
                book = shared[0]
                levels, order = book.asks, book.order("O100")
                looks[0] += 1
                if {level.qty for level in levels} != {order.qty} or book.asks != levels:
                    wrong.append((levels, order))

    reader = threading.Thread(target=read)
    reader.start()
    rounds = 0
    while looks[0] < 300 and rounds < 3000:
        for frame, raw in decoded:
            shared.append(reducer.apply(frame["data"][0], frame["type"], raw, 1.0, 1))
        rounds += 1
    done.set()
    reader.join()
    sys.setswitchinterval(interval)
    assert looks[0] > 0
    assert not wrong


def test_a_look_that_met_a_change_is_repeated():
    """The change comes in the middle of the look: the error it causes is void, and the book shows what it was."""
    reducer = Book3Reducer("BTC/USD", checksum="off", price_precision=1, qty_precision=8)
    book = apply(reducer, text("snapshot", BIDS))
    attempts = []

    def look(queues):
        attempts.append(len(queues.bid_keys))
        if len(attempts) == 1:
            apply(reducer, text("update", ["delete C 66785.0 1"]))
            return queues.bid_keys[1]
        return queues.bid_keys.copy()

    assert book._read(look) == [-667880, -667850]
    assert attempts == [2, 2]
    with pytest.raises(ZeroDivisionError):
        book._read(lambda queues: 1 / 0)


def test_quantities_beyond_floats_are_exact():
    raw = text("snapshot", ["L 0.00007434 301727260.79999999", "M 0.00007434 5"])
    book = apply(Book3Reducer("BTC/USD", checksum="off", price_precision=8, qty_precision=8), raw)
    assert (book.order("L").qty, book.best_bid.qty) == (Decimal("301727260.79999999"), Decimal("301727265.79999999"))
    assert book.to_book().best_bid.qty == Decimal("301727265.79999999")


@pytest.mark.parametrize("kind", ["snapshot", "update"])
def test_without_text_a_number_beyond_floats_is_an_error(kind):
    reducer = Book3Reducer("BTC/USD", checksum="off", price_precision=1, qty_precision=8)
    apply(reducer, text("snapshot", BIDS))
    (record,) = ujson.loads(text(kind, ["add L 1.0 301727260.79999999"]))["data"]
    assert reducer.apply(record, kind, None, 1.0, 1) is None
    assert (reducer.needs_resync, "order_qty 301727260.8" in str(reducer.last_error)) == (True, True)


def test_no_decimal_context_reaches_the_numbers():
    with localcontext(prec=2):
        book = of(["L 66788.1 301727260.79999999"], ASKS)
        assert (str(book.best_bid.qty), str(book.mid)) == ("301727260.79999999", "66788.10")


def test_digits_that_are_not_given_grow_with_the_wire():
    reducer = Book3Reducer("BTC/USD", checksum="off")
    coarse = apply(reducer, text("snapshot", ["A 100.0 1.0"]))
    fine = apply(reducer, text("update", ["add B 100.25 0.125"]))
    assert ((coarse.price_precision, coarse.qty_precision), (fine.price_precision, fine.qty_precision)) == (
        (1, 1), (2, 3),
    )  # fmt: skip
    assert [str(coarse.best_bid.qty), str(fine.order("A").price), str(fine.order("A").qty)] == [
        "1.0",
        "100.00",
        "1.000",
    ]


def test_more_digits_than_any_market_has_are_malformed():
    reducer = Book3Reducer("BTC/USD")
    assert apply(reducer, text("snapshot", ["A 100.0 1e-30"])) is None
    assert "30 fraction digits" in str(reducer.last_error)


def test_a_precision_that_arrives_later_is_used_from_then_on():
    reducer = Book3Reducer("BTC/USD", checksum="off")
    before = apply(reducer, text("snapshot", ["A 100.0 1.0"]))
    reducer.set_precision(2, 8)
    view = reducer.view()
    assert (str(before.best_bid.price), str(view.best_bid.price), str(view.best_bid.qty)) == (
        "100.0", "100.00", "1.00000000",
    )  # fmt: skip
    reducer.set_precision(2, 8)
    assert reducer.view() is view
    reducer.set_precision(0, 0)
    assert (str(reducer.view().best_bid.price), reducer.needs_resync) == ("100", False)


def test_a_coarser_precision_than_the_book_has_asks_for_a_new_one():
    reducer = Book3Reducer("BTC/USD", checksum="off")
    reducer.set_precision(1, 8)
    apply(reducer, text("snapshot", BIDS))
    reducer.set_precision(1, 2)
    assert (reducer.needs_resync, reducer.view()) == (True, None)
    assert "more digits than the new precision" in str(reducer.last_error)


@pytest.mark.parametrize("raw", [True, False], ids=["with text", "without"])
def test_a_mismatch_says_when_stale_precisions_explain_it(raw):
    reducer = Book3Reducer("BTC/USD", price_precision=1, qty_precision=2)
    frame = text("snapshot", ["A 100.0 1.005"])
    reducer.apply(ujson.loads(frame)["data"][0], "snapshot", frame if raw else None, 1.0, 1)
    assert isinstance(reducer.last_error, ChecksumMismatch)
    assert reducer.last_error.stale_precision


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"checksum": "maybe"}, "'maybe'.*\"verify\""),
        ({"depth": 0}, "depth 0"),
        ({"price_precision": 40}, "price_precision 40"),
        ({"qty_precision": -1}, "qty_precision -1"),
    ],
)
def test_a_wrong_option_is_named(arguments, named):
    with pytest.raises(InvalidArgument, match=named):
        Book3Reducer("BTC/USD", **arguments)
