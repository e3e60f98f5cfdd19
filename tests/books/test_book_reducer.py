"""The life of one topic's book: snapshot, updates, mismatch, garbage, resynchronisation, and late subscribers."""

from __future__ import annotations

import copy
import pickle

import pytest
import ujson

from rxkraken.books import Book, BookReducer, ChecksumMismatch, Counters, MalformedBook, engine, reducer
from rxkraken.errors import InvalidArgument


class Stream:
    """A reducer and the model that writes its frames; `last` is the latest book, which nobody else keeps."""

    def __init__(self, plain, checksum="verify", **digits) -> None:
        self.at = plain.at
        self.model = plain.book(10, 1, 8)
        self.reducer = BookReducer(
            "BTC/USD", 10, checksum=checksum, **(digits or {"price_precision": 1, "qty_precision": 8})
        )
        self.time = 0.0

    def send(
        self, kind: str, *, asks=(), checksum: int | None = None, without: str | None = None, **change
    ) -> Book | None:
        """Send a message; `bids` and `asks` are texts of levels."""
        bids, asks = self.at(*change.pop("bids", ())), self.at(*asks)
        raw = self.model.frame(kind, bids, asks, checksum=checksum)
        (entry,) = ujson.loads(raw)["data"]
        entry.update(change)
        entry.pop(without, None)
        self.time += 1.0
        return self.reducer.apply(entry, kind, raw, self.time, 7)

    def start(self) -> Book | None:
        return self.send("snapshot", bids=("100.0 x 1", "99.5 x 2"), asks=("101.0 x 3",))


@pytest.fixture
def stream(plain) -> Stream:
    return Stream(plain)


def test_each_message_makes_one_book_and_says_where_from(stream):
    first = stream.start()
    second = stream.send("update", bids=("100.0 x 0", "99.0 x 4", "99.0 x 5"))
    assert [(book.sequence, book.received, book.epoch, book.verified) for book in (first, second)] == [
        (1, 1.0, 7, True), (2, 2.0, 7, True),
    ]  # fmt: skip
    assert [str(level.qty) for level in second.bids] == ["2.00000000", "5.00000000"]
    assert second.timestamp_text == "2026-08-01T02:53:53.398143Z"
    assert stream.reducer.counters == Counters(snapshots=1, updates=1, verified=2)


def test_updates_before_the_snapshot_are_ignored(stream):
    assert stream.send("update", bids=("100.0 x 1",)) is None
    assert stream.reducer.view() is None
    assert stream.reducer.counters == Counters(ignored=1)
    assert not stream.reducer.needs_resync
    assert stream.start() is not None


def test_a_second_snapshot_replaces_the_book(stream):
    before = stream.start()
    after = stream.send("snapshot", bids=("50.0 x 1",))
    assert ([str(level.price) for level in after.bids], after.asks) == (["50.0"], ())
    assert [str(level.price) for level in before.bids] == ["100.0", "99.5"]
    assert stream.reducer.counters == Counters(snapshots=2, verified=2)


def test_a_mismatch_hides_the_book_until_a_snapshot(stream):
    stream.start()
    wrong = stream.send("update", bids=("100.0 x 5",), checksum=1)
    assert (wrong, stream.reducer.view(), stream.reducer.needs_resync) == (None, None, True)
    error = stream.reducer.last_error
    assert isinstance(error, ChecksumMismatch)
    assert (error.symbol, error.expected, error.stale_precision) == ("BTC/USD", 1, False)
    assert stream.send("update", bids=("100.0 x 6",)) is None
    healed = stream.send("snapshot", bids=("100.0 x 6",))
    assert healed.verified
    assert (stream.reducer.needs_resync, stream.reducer.last_error) == (False, None)
    assert stream.reducer.counters == Counters(snapshots=2, updates=1, verified=2, mismatched=1, ignored=1)


def test_a_snapshot_is_checked_as_well(stream):
    assert stream.send("snapshot", bids=("100.0 x 5",), checksum=1) is None
    assert stream.reducer.needs_resync


def test_flagged_books_go_on_after_a_mismatch(plain):
    """`checksum="flag"` shows every book and says which are right."""
    stream = Stream(plain, "flag")
    books = [
        stream.start(),
        stream.send("update", bids=("100.0 x 5",), checksum=1),
        stream.send("update", bids=("99.5 x 1",)),
    ]
    assert [book.verified for book in books] == [True, False, True]
    assert stream.reducer.view() is books[-1]
    assert not stream.reducer.needs_resync
    assert stream.reducer.counters == Counters(snapshots=1, updates=2, verified=2, mismatched=1)


def test_unchecked_books_are_never_called_verified(plain):
    """`checksum="off"` shows every book; with a right checksum, a wrong one, and none."""
    stream = Stream(plain, "off")
    books = [
        stream.start(),
        stream.send("update", bids=("100.5 x 5",), checksum=1),
        stream.send("update", bids=("99.5 x 1",)),
        stream.send("update", bids=("98.5 x 1",), without="checksum"),
    ]
    assert [book.verified for book in books] == [False] * 4
    assert plain.levels(books[-1]) == plain.levels(stream.model)
    assert stream.reducer.counters == Counters(snapshots=1, updates=3)
    assert stream.reducer.last_error is None


def test_no_checksum_is_not_the_checksum_of_an_unchecked_book(plain):
    """A `null` on the wire is not taken for the checksum that "off" does not compute."""
    stream = Stream(plain, "off")
    stream.start()
    entry = {"symbol": "BTC/USD", "bids": [], "asks": [], "checksum": None, "timestamp": "2026-08-01T02:53:53Z"}
    book = stream.reducer.apply(entry, "update", None, 2.0, 7)
    assert (book.verified, book.checksum) == (False, None)


@pytest.mark.parametrize("raw", [None, "{", '{"data":[7,{"symbol":"BTC/USD"}]}'])
def test_a_mismatch_is_one_whatever_the_text_holds(stream, raw):
    """The text serves to explain the mismatch; where it cannot, the mismatch stands."""
    stream.start()
    entry = {"symbol": "BTC/USD", "bids": [{"price": 100.0, "qty": 5.0}], "asks": [], "checksum": 1}
    assert stream.reducer.apply(entry, "update", raw, 2.0, 7) is None
    assert isinstance(stream.reducer.last_error, ChecksumMismatch)
    assert not stream.reducer.last_error.stale_precision


def test_a_message_without_checksum_is_applied_and_not_shown(stream):
    """It cannot be verified, so it is not emitted; nothing contradicts it either, so the next checksum decides."""
    stream.start()
    assert stream.send("update", bids=("100.0 x 5",), without="checksum") is None
    assert (stream.reducer.view(), stream.reducer.needs_resync) == (None, False)
    assert isinstance(stream.reducer.last_error, MalformedBook)
    book = stream.send("update", bids=("99.5 x 6",))
    assert (book.verified, str(book.best_bid.qty)) == (True, "5.00000000")
    assert stream.reducer.counters == Counters(snapshots=1, updates=2, verified=2)


def test_a_flagged_message_without_checksum_is_shown(plain):
    stream = Stream(plain, "flag")
    stream.start()
    book = stream.send("update", bids=("100.0 x 5",), without="checksum")
    assert (book.verified, book.checksum) == (False, None)


@pytest.mark.parametrize("missing", ["bids", "asks", "timestamp"])
def test_a_missing_side_or_time_is_no_fault(stream, missing):
    """An empty side is sent as an empty array today; a server that leaves it out would say the same."""
    stream.start()
    book = stream.send("update", without=missing)
    assert book.verified


def test_a_book_of_another_symbol_is_refused(stream):
    """It changes nothing, and says what happened."""
    before = stream.start()
    assert stream.send("update", bids=("100.0 x 9",), symbol="ETH/USD") is None
    assert stream.send("snapshot", bids=("100.0 x 9",), symbol="ETH/USD") is None
    assert stream.reducer.view() == before
    assert (stream.reducer.needs_resync, stream.reducer.counters.ignored) == (False, 2)
    assert "ETH/USD reached the book of BTC/USD" in str(stream.reducer.last_error)


def test_an_unknown_kind_of_message_is_ignored(stream):
    before = stream.start()
    assert stream.reducer.apply({"symbol": "BTC/USD"}, "correction", "", 2.0, 1) is None
    assert stream.reducer.view() is before


def test_a_malformed_update_invalidates_the_book(stream):
    """Half of it may have been applied: no more of this book is shown, and what was shown stays as it was."""
    before = stream.start()
    entry = {"symbol": "BTC/USD", "bids": [{"price": 100.0, "qty": 9.0}, {"price": 99.5}], "asks": [], "checksum": 0}
    assert stream.reducer.apply(entry, "update", None, 2.0, 1) is None
    assert (stream.reducer.needs_resync, stream.reducer.view()) == (True, None)
    assert str(before.best_bid.qty) == "1.00000000"
    assert stream.reducer.counters == Counters(snapshots=1, verified=1, malformed=1)


def test_unsorted_and_repeated_levels_of_a_snapshot_are_put_in_order(stream):
    """Kraken lists levels best first; if it ever does not, the book is right all the same."""
    book = stream.send("snapshot", bids=("99.5 x 2", "100.0 x 1", "99.5 x 3"), asks=("101.0 x 0", "102.0 x 4"))
    assert [(str(level.price), int(level.qty)) for level in book.bids] == [("100.0", 1), ("99.5", 3)]
    assert [str(level.price) for level in book.asks] == ["102.0"]


def test_a_snapshot_longer_than_the_depth_is_cut(stream):
    book = stream.send("snapshot", bids=[f"{100 - i}.0 x 1" for i in range(15)])
    assert (len(book.bids), book.verified) == (10, True)


def test_a_crossed_book_is_left_to_the_checksum(stream):
    """Between two messages a book should not be crossed; if Kraken's own checksum covers one, it is Kraken's book."""
    stream.start()
    book = stream.send("update", bids=("102.0 x 1",))
    assert (book.verified, int(book.spread)) == (True, -1)


# Resetting and looking


def test_after_a_reset_only_a_snapshot_helps(stream):
    before = stream.start()
    stream.reducer.reset()
    assert stream.reducer.view() is None
    assert stream.send("update", bids=("100.0 x 5",)) is None
    assert not stream.reducer.needs_resync
    after = stream.start()
    assert (after.sequence, after.verified) == (2, True)
    assert before.sequence == 1


def test_a_reset_clears_the_wish_for_a_snapshot(stream):
    stream.send("snapshot", checksum=1)
    assert stream.reducer.needs_resync
    stream.reducer.reset()
    assert not stream.reducer.needs_resync


@pytest.mark.parametrize("kind", ["snapshot", "update"])
def test_a_late_subscriber_sees_the_current_book(stream, kind):
    """Also when the emitted one is gone; and his book is a value like any other."""
    stream.start()
    if kind == "update":
        stream.send("update", bids=("100.0 x 5",))
    view = stream.reducer.view()
    assert (view.received, view.epoch, view.sequence, view.verified) == (
        (1.0, 7, 1, True) if kind == "snapshot" else (2.0, 7, 2, True)
    )  # fmt: skip
    assert stream.reducer.view() is view
    kept = copy.deepcopy(view)
    stream.send("update", bids=("100.0 x 0",), asks=("100.5 x 8",))
    assert view == kept


@pytest.mark.parametrize("counted", [True, False], ids=["references counted", "weak references"])
def test_what_is_kept_never_changes_and_what_is_not_costs_no_copy(plain, monkeypatch, counted):
    """Both ways to learn whether somebody kept a book: detached when kept, and only then."""
    if not counted:
        monkeypatch.setattr(engine, "COUNTED", False)
        for module in (engine, reducer):
            monkeypatch.setattr(module, "references", lambda _: -1)
    detached = []
    original = Book.detach
    monkeypatch.setattr(Book, "detach", lambda book: (detached.append(book.sequence), original(book)))
    stream = Stream(plain)
    kept, levels = {}, {}
    stream.start()
    for number in range(2, 30):
        book = stream.send("update", bids=(f"{100 + number % 7}.0 x {number}", "100.0 x 0"), asks=("101.0 x 3",))
        levels[number] = plain.levels(book)
        if number % 5 == 0:
            kept[number] = book
        del book
    assert {number: plain.levels(book) for number, book in kept.items()} == {number: levels[number] for number in kept}
    assert detached == [5, 10, 15, 20, 25]


def test_a_frame_or_a_container_or_a_closure_keeps_a_book(stream, plain):
    """However it is held, a held book is detached: in a list, a default argument, a generator, an exception."""
    stream.start()
    holders = []
    for number, hold in enumerate(
        (
            lambda book: [book],
            lambda book: lambda: book,
            lambda book: (each for each in (book,)),
            ValueError,
            lambda book: {"book": (book,)},
            lambda book: book.to_dicts.__self__,
        )
    ):
        holders.append((hold(stream.send("update", bids=(f"100.0 x {number + 1}",))), number + 1))
    (as_list, a), (closure, b), (generator, c), (error, d), (nested, e), (itself, f) = holders
    books = [as_list[0], closure(), next(generator), error.args[0], nested["book"][0], itself]
    assert [int(book.best_bid.qty) for book in books] == [a, b, c, d, e, f]


def test_errors_can_be_pickled(stream):
    """They travel on `status`, perhaps to another process."""
    stream.send("snapshot", checksum=1)
    for error in (stream.reducer.last_error, MalformedBook("bids is not a list of levels")):
        twin = pickle.loads(pickle.dumps(error))
        assert (type(twin), str(twin), vars(twin)) == (type(error), str(error), vars(error))


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"checksum": "maybe"}, "'maybe'.*\"verify\""),
        ({"depth": 0}, "depth 0"),
        ({"depth": True}, "depth True"),
        ({"depth": "10"}, "depth '10'"),
        ({"price_precision": 40}, "price_precision 40"),
        ({"qty_precision": -1}, "qty_precision -1"),
    ],
)
def test_a_wrong_option_is_named(arguments, named):
    with pytest.raises(InvalidArgument, match=named):
        BookReducer("BTC/USD", **arguments)
