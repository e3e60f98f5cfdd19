"""The life of one topic's book of orders: what a message does, what is wrong with it, and what a kept book says."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime
from decimal import Decimal

import pytest
import ujson

from rxkraken.books import Book3Reducer, ChecksumMismatch, Counters, MalformedBook, OrderBook3

DIGITS = {"price_precision": 1, "qty_precision": 8}


class Stream:
    """A reducer, and lists that follow the rules as plainly as they read, for the checksum of each message.

    Orders are texts: "A 100.0 2" in a snapshot, "modify A 100.0 1" in an update.
    """

    def __init__(self, checksum="verify", *, by_time=False, depth=10, qty_digits=8, **digits) -> None:
        self.reducer = Book3Reducer("BTC/USD", depth, checksum=checksum, **(digits or DIGITS))
        self.by_time = by_time
        self.qty_digits = qty_digits
        self.sides: dict[str, list[tuple[str, Decimal, Decimal, int]]] = {}
        self.number = 0

    def send(self, kind: str, *, bids=(), asks=(), checksum: int | None = None, without=None, **change):
        self.number += 1
        if kind == "snapshot":
            self.sides = {"bids": [], "asks": []}
        entries = {
            side: [self.follow(side, text) for text in texts] for side, texts in (("bids", bids), ("asks", asks))
        }
        raw = (
            f'{{"channel":"level3","type":"{kind}","data":[{{"symbol":"BTC/USD",'
            f'"checksum":{self.checksum() if checksum is None else checksum},'
            f'"timestamp":"2026-01-01T00:00:00.123456789Z",'
            f'"bids":[{",".join(entries["bids"])}],"asks":[{",".join(entries["asks"])}]}}]}}'
        )
        (entry,) = ujson.loads(raw)["data"]
        entry.update(change)
        entry.pop(without, None)
        return self.reducer.apply(entry, kind, raw, float(self.number), 7)

    def follow(self, side: str, text: str) -> str:
        event, order_id, price, qty = ("", *text.split()) if len(text.split()) == 3 else text.split()
        orders = self.sides[side]
        new = (order_id, Decimal(price), Decimal(qty), self.number)
        old = next((each for each in orders if each[0] == order_id), None)
        if event == "modify" and old and old[1] == new[1] and new[2] <= old[2]:
            orders[orders.index(old)] = new
        else:
            if old:
                orders.remove(old)
            if event != "delete" and (old or event != "modify"):
                orders.append(new)
        head = f'"event":"{event}",' if event else ""
        return (
            f'{{{head}"order_id":"{order_id}","limit_price":{price},"order_qty":{qty},'
            f'"timestamp":"2026-01-01T00:00:{self.number:02}Z"}}'
        )

    def checksum(self) -> int:
        text = ""
        for side, sign in (("asks", 1), ("bids", -1)):
            in_queue = sorted(self.sides[side], key=lambda order: order[3]) if self.by_time else self.sides[side]
            for _, price, qty, _ in sorted(in_queue, key=lambda order: sign * order[1]):
                text += f"{price:.1f}".replace(".", "").lstrip("0")
                text += f"{qty:.{self.qty_digits}f}".replace(".", "").lstrip("0")
        return zlib.crc32(text.encode())

    def start(self):
        return self.send("snapshot", bids=("A 100.0 2", "B 100.0 1", "C 99.5 3"), asks=("X 100.5 1", "Y 101.0 4"))


def queues(book: OrderBook3) -> str:
    """The ids of the bids, front first, levels by strokes; then the asks."""
    return " ".join(
        "|".join("".join(order.order_id for order in level.orders) for level in levels)
        for levels in (book.bids, book.asks)
    )


@pytest.fixture
def stream() -> Stream:
    return Stream()


def test_each_message_makes_one_book_and_says_where_from(stream):
    first = stream.start()
    second = stream.send("update", bids=("delete C 99.5 3", "add D 100.0 0.5"))
    assert [(book.sequence, book.received, book.epoch, book.verified) for book in (first, second)] == [
        (1, 1.0, 7, True), (2, 2.0, 7, True),
    ]  # fmt: skip
    assert (queues(first), queues(second)) == ("AB|C X|Y", "ABD X|Y")
    assert (second.symbol, second.depth, second.price_precision, second.qty_precision) == ("BTC/USD", 10, 1, 8)
    assert second.timestamp_text == "2026-01-01T00:00:00.123456789Z"
    assert second.timestamp == datetime(2026, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)
    assert stream.reducer.counters == Counters(snapshots=1, updates=1, verified=2)


@pytest.mark.parametrize(
    ("change", "then"),
    [
        ("modify A 100.0 1", "AB|C"),  # less: keeps its place
        ("modify A 100.0 2", "AB|C"),  # the same
        ("modify A 100.0 2.00000001", "BA|C"),  # more: to the back
        ("modify A 99.5 1", "B|CA"),  # another price: to the back there
        ("modify C 100.5 1", "C|AB"),
        ("modify Z 100.0 1", "AB|C"),  # not known: one that was cut
        ("delete Z 100.0 1", "AB|C"),
        ("delete A 100.0 7", "B|C"),  # whatever the quantity it tells
        ("delete C 99.5 3", "AB"),
        ("add A 100.0 1", "BA|C"),  # a known id: replaced
        ("add A 99.0 1", "B|C|A"),
    ],
)
def test_a_change_leaves_each_order_in_its_place(stream, change, then):
    stream.send("snapshot", bids=("A 100.0 2", "B 100.0 1", "C 99.5 3"))
    book = stream.send("update", bids=(change,))
    assert (queues(book), book.verified) == (f"{then} ", True)


def test_an_order_that_comes_back_on_the_other_side_leaves_the_first(stream):
    stream.start()
    stream.sides["bids"] = [order for order in stream.sides["bids"] if order[0] != "A"]
    book = stream.send("update", asks=("add A 100.5 2",))
    assert (queues(book), book.verified, book.side_of("A")) == ("B|C XA|Y", True, "asks")


def test_an_order_that_a_snapshot_lists_twice_counts_once(stream):
    book = stream.send("snapshot", bids=("A 100.0 2", "B 100.0 1", "add A 100.0 3"))
    assert (queues(book), book.verified) == ("BA ", True)


def test_levels_are_cut_after_the_whole_message():
    """A level that is beyond the depth between two entries may be within it after the message."""
    stream = Stream(depth=1, checksum="off", **DIGITS)
    stream.send("snapshot", bids=("A 100.0 2", "B 99.5 1"))
    one = stream.send("update", bids=("add C 99.0 1", "delete A 100.0 2"))
    other = stream.send("update", bids=("add D 99.5 1",))
    assert (queues(one), queues(other)) == ("C ", "D ")
    assert (other.order("C"), other.side_of("C"), other.queue_position("C")) == (None, None, None)


def test_orders_by_time_are_tried_once_a_modify_came_and_kept_until_a_snapshot():
    stream = Stream(by_time=True)
    stream.send("snapshot", bids=("A 100.0 2", "B 100.0 1", "C 100.0 3"))
    shown = [
        queues(stream.send("update", bids=(change,)))
        for change in ("modify A 100.0 1", "modify B 100.0 0.5", "modify C 100.0 2", "add D 100.0 1")
    ]
    assert shown == ["BCA ", "CAB ", "ABC ", "ABCD "]
    assert stream.reducer.counters == Counters(snapshots=1, updates=4, verified=5)
    stream.by_time = False
    stream.send("snapshot", bids=("A 100.0 2", "B 100.0 1"))
    assert queues(stream.send("update", bids=("modify A 100.0 1",))) == "AB "


def test_orders_by_time_are_not_tried_without_a_modify(stream):
    """The order of a snapshot is that of the queue, so there is no other reading of it."""
    stream.send("snapshot", bids=("A 100.0 2",))
    assert stream.send("update", bids=("add B 100.0 1",), checksum=1) is None
    assert (stream.reducer.needs_resync, stream.reducer.counters.mismatched) == (True, 1)


def test_a_mismatch_hides_the_book_until_a_snapshot(stream):
    before = stream.start()
    wrong = stream.send("update", bids=("modify A 100.0 1",), checksum=1)
    error = stream.reducer.last_error
    assert (wrong, stream.reducer.view(), stream.reducer.needs_resync) == (None, None, True)
    assert isinstance(error, ChecksumMismatch)
    assert (error.expected, error.computed, error.stale_precision) == (1, stream.checksum(), False)
    assert stream.send("update", bids=("modify A 100.0 0.5",)) is None
    assert queues(before) == "AB|C X|Y"
    after = stream.start()
    assert (after.sequence, stream.reducer.needs_resync, stream.reducer.last_error) == (2, False, None)
    assert stream.reducer.counters == Counters(snapshots=2, updates=1, verified=2, mismatched=1, ignored=1)


def test_flagged_books_go_on_after_a_mismatch():
    stream = Stream("flag")
    stream.start()
    wrong = stream.send("update", bids=("modify A 100.0 1",), checksum=1)
    assert (wrong.verified, wrong.checksum, queues(wrong)) == (False, 1, "AB|C X|Y")
    assert stream.reducer.view() == wrong
    right = stream.send("update", bids=("modify A 100.0 0.5",))
    assert (right.verified, right.sequence, stream.reducer.needs_resync) == (True, 3, False)
    assert stream.reducer.counters == Counters(snapshots=1, updates=2, verified=2, mismatched=1)


def test_unchecked_books_are_never_called_verified():
    stream = Stream("off")
    books = [stream.start(), stream.send("update", bids=("modify A 100.0 1",)), stream.reducer.view()]
    assert [book.verified for book in books] == [False] * 3
    assert stream.reducer.counters == Counters(snapshots=1, updates=1)


def test_a_message_without_checksum_is_applied_and_not_shown(stream):
    stream.start()
    assert stream.send("update", bids=("delete B 100.0 1",), without="checksum") is None
    assert (stream.reducer.view(), stream.reducer.needs_resync) == (None, False)
    assert queues(stream.send("update", bids=("add D 100.0 1",))) == "AD|C X|Y"


def test_updates_before_a_snapshot_and_after_a_reset_are_ignored(stream):
    stream.sides = {"bids": [], "asks": []}
    assert stream.send("update", bids=("add A 100.0 1",)) is None
    kept = stream.start()
    stream.reducer.reset()
    assert stream.send("update", bids=("add D 100.0 1",)) is None
    assert (stream.reducer.view(), queues(kept)) == (None, "AB|C X|Y")
    assert stream.reducer.counters == Counters(snapshots=1, verified=1, ignored=2)


def test_a_book_of_another_symbol_is_refused(stream):
    before = stream.start()
    assert stream.send("update", bids=("delete B 100.0 1",), symbol="ETH/USD") is None
    assert "ETH/USD" in str(stream.reducer.last_error)
    assert (stream.reducer.view(), stream.reducer.needs_resync) == (before, False)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"order_id": 7}, "order_id something of type int"),
        ({"order_id": None}, "order_id None"),
        ({"event": "fill"}, "event 'fill'"),
        ({"event": []}, "event something of type list"),
        ({"event": None}, "event None"),
        ({"limit_price": None}, "limit_price: None"),
        ({"limit_price": "100.0"}, "limit_price: '100.0'"),
        ({"limit_price": 0.0}, "limit_price 0.0"),
        ({"limit_price": -100.0}, "limit_price -100.0"),
        ({"limit_price": True}, "limit_price: True"),
        ({"limit_price": Decimal("100.05")}, "limit_price: 100.05 has more than 1 fraction digits"),
        ({"limit_price": float("nan")}, "limit_price: nan"),
        ({"order_qty": 0.0}, "order_qty 0.0"),
        ({"order_qty": -1}, "order_qty something of type int of order 'D' is not above 0"),
        ({"order_qty": 1e-9}, "order_qty 1e-09"),
        ({"order_qty": {}}, "order_qty: something of type dict"),
        ({"order_qty": 10**50}, "order_qty: something of type int"),
    ],
)
def test_a_malformed_order_is_named_and_invalidates_the_book(stream, change, named):
    before = stream.start()
    order = {"event": "add", "order_id": "D", "limit_price": 100.0, "order_qty": 1.0, **change}
    good = {"event": "delete", "order_id": "A"}
    entry = {"symbol": "BTC/USD", "checksum": 1, "bids": [good, order], "asks": []}
    assert stream.reducer.apply(entry, "update", None, 9.0, 7) is None
    assert isinstance(stream.reducer.last_error, MalformedBook)
    assert named in str(stream.reducer.last_error)
    assert (stream.reducer.needs_resync, stream.reducer.view()) == (True, None)
    assert (queues(before), stream.reducer.counters.malformed) == ("AB|C X|Y", 1)


@pytest.mark.parametrize("entry", [None, [], {}, {"symbol": 3}, {"symbol": "BTC/USD", "bids": 5}])
def test_what_is_no_record_invalidates_the_book(stream, entry):
    stream.start()
    assert stream.reducer.apply(entry, "update", None, 9.0, 7) is None
    assert (stream.reducer.needs_resync, type(stream.reducer.last_error)) == (True, MalformedBook)
