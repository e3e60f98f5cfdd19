"""Whatever happens on a plain exchange of single orders, its level 3 messages give the view that it has itself."""

from __future__ import annotations

import json
import math
import random
import zlib
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
import ujson
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.books import Book3Reducer, ChecksumMismatch, MalformedBook


@dataclass
class Resting:
    """One order on the plain exchange, in whole units."""

    id: str
    price: int
    qty: int
    at: int


@dataclass
class NaiveExchange:
    """All orders of one market in queue order, and what a subscriber at `depth` is sent of them.

    `moves` tells whether a smaller quantity loses its place, which is the other reading of section 3.3.
    """

    depth: int
    price_digits: int
    qty_digits: int
    base: int
    moves: bool = False
    clock: int = 0
    sides: dict[str, list[Resting]] = field(default_factory=lambda: {"bids": [], "asks": []})
    known: dict[str, set[str]] = field(default_factory=lambda: {"bids": set(), "asks": set()})

    def levels(self, side: str) -> list[list[Resting]]:
        """The levels in view, best first, each in queue order."""
        prices = sorted({order.price for order in self.sides[side]}, reverse=side == "bids")[: self.depth]
        return [[order for order in self.sides[side] if order.price == price] for price in prices]

    def snapshot(self) -> str:
        """The text of a snapshot."""
        entries = {side: [self.wire(order) for level in self.levels(side) for order in level] for side in self.sides}
        return self.frame("snapshot", entries)

    def update(self, happenings) -> str:
        """Let things happen, and return the text of the one message about all of them."""
        entries = {"bids": [], "asks": []}
        for side, what, pick, offset, qty in happenings:
            entries[side] += self.happen(side, what, pick, self.base + (offset if side == "asks" else -offset), qty)
        for side in self.sides:
            for level in self.levels(side):
                if not self.known[side].issuperset(order.id for order in level):
                    entries[side] += [self.wire(order, "add") for order in level]
        return self.frame("update", entries)

    def happen(self, side: str, what: str, pick: int, price: int, qty: int) -> list[str]:
        """Do one thing to one side, and return the entries that tell it to the subscriber."""
        orders, known = self.sides[side], self.known[side]
        self.clock += 1
        if what == "place" or not orders:
            order = Resting(f"O{self.clock}", price, qty, self.clock)
            orders.append(order)
            level = next((level for level in self.levels(side) if order in level), None)
            if level is None or not known.issuperset(other.id for other in level if other is not order):
                return []
            known.add(order.id)
            return [self.wire(order, "add")]
        order = orders[pick % len(orders)]
        if what == "leave":
            orders.remove(order)
            gone = order.id in known
            known.discard(order.id)
            return [self.wire(order, "delete")] if gone else []
        back = self.moves or (what == "move" and price != order.price) or qty > order.qty
        order.price = price if what == "move" else order.price
        order.qty = qty
        if back:
            orders.remove(order)
            orders.append(order)
            order.at = self.clock
        return [self.wire(order, "modify")] if order.id in known else []

    def checksum(self) -> int:
        """The CRC-32 of every order of the ten best levels, asks first, in queue order (section 4.2)."""
        texts = [
            f"{order.price}{order.qty}"
            for side in ("asks", "bids")
            for level in self.levels(side)[:10]
            for order in level
        ]
        return zlib.crc32("".join(texts).encode())

    def frame(self, kind: str, entries, checksum: int | None = None) -> str:
        """The text of a message; after it the subscriber knows what is in view, and nothing else."""
        self.known = {side: {each.id for level in self.levels(side) for each in level} for side in self.sides}
        sent = self.checksum() if checksum is None else checksum
        return (
            f'{{"channel":"level3","type":"{kind}","data":[{{"symbol":"BTC/USD","checksum":{sent},'
            f'"timestamp":"{self.time(self.clock)}","bids":[{",".join(entries["bids"])}],'
            f'"asks":[{",".join(entries["asks"])}]}}]}}'
        )

    def wire(self, order: Resting, event: str | None = None) -> str:
        """One order as Kraken writes it, with every digit of the pair."""
        head = f'"event":"{event}",' if event else ""
        price, qty = self.exact(order)
        return (
            f'{{{head}"order_id":"{order.id}","limit_price":{price:.{self.price_digits}f},'
            f'"order_qty":{qty:.{self.qty_digits}f},"timestamp":"{self.time(order.at)}"}}'
        )

    def time(self, at: int) -> str:
        """A time whose fraction has as many digits as it needs: the text alone does not sort."""
        return f"2026-01-01T00:{at // 600:02}:{at // 10 % 60:02}{f'.{at % 10}' if at % 10 else ''}Z"

    def exact(self, order: Resting) -> tuple[Decimal, Decimal]:
        """Price and quantity."""
        return Decimal(f"{order.price}E-{self.price_digits}"), Decimal(f"{order.qty}E-{self.qty_digits}")

    def view(self) -> dict[str, list]:
        """What the subscriber should see."""
        return {side: [[(o.id, *self.exact(o)) for o in level] for level in self.levels(side)] for side in self.sides}


def seen(book) -> dict[str, list]:
    return {
        side: [[(order.order_id, order.price, order.qty) for order in level.orders] for level in levels]
        for side, levels in (("bids", book.bids), ("asks", book.asks))
    }


def covered(view) -> dict[str, list]:
    """Prices and quantities of what a checksum covers, in its order."""
    return {side: [[each[1:] for each in level] for level in levels[:10]] for side, levels in view.items()}


def exact_loads(raw: str) -> Any:
    return json.loads(raw, parse_float=Decimal)


HAPPENINGS = st.lists(
    st.tuples(
        st.sampled_from(["bids", "asks"]),
        st.sampled_from(["place", "place", "place", "amend", "move", "leave"]),
        st.integers(0, 30),
        st.integers(1, 14),
        st.one_of(st.integers(1, 9), st.integers(1, 10**17)),
    ),
    max_size=12,
)


@st.composite
def stories(draw, **how) -> tuple[NaiveExchange, list[str], list[dict[str, list]]]:
    """An exchange, its messages, and its view after each of them."""
    exchange = NaiveExchange(
        draw(st.sampled_from([1, 3, 10, 12])), draw(st.integers(0, 8)), draw(st.integers(0, 8)), 10**6, **how
    )
    dice = random.Random(draw(st.integers(0, 1000)))
    crowd = [
        (side, "place", 0, dice.randint(1, 14), dice.randint(5, 10**6))
        for side in ("bids", "asks")
        for _ in range(draw(st.sampled_from([0, 2, 20, 40])))
    ]
    exchange.update(crowd)
    texts, views = [exchange.snapshot()], [exchange.view()]
    for happenings in draw(st.lists(HAPPENINGS, min_size=1, max_size=8)):
        texts.append(exchange.update(happenings))
        views.append(exchange.view())
    return exchange, texts, views


def reducer_of(exchange: NaiveExchange, *, known: bool = True, **options) -> Book3Reducer:
    digits = {"price_precision": exchange.price_digits, "qty_precision": exchange.qty_digits} if known else {}
    return Book3Reducer("BTC/USD", exchange.depth, **digits, **options)


def apply(reducer: Book3Reducer, text: str, decode=ujson.loads):
    frame = decode(text)
    return reducer.apply(frame["data"][0], frame["type"], text, 1.0, 1)


@pytest.mark.parametrize("decode", [ujson.loads, exact_loads], ids=["floats", "decimals"])
@pytest.mark.parametrize("known", [True, False], ids=["precision known", "precision from the wire"])
@given(story=stories())
def test_every_book_is_the_view_of_the_plain_exchange(decode, known, story):
    exchange, texts, views = story
    reducer = reducer_of(exchange, known=known)
    books = []
    for text, view in zip(texts, views, strict=True):
        book = apply(reducer, text, decode)
        assert book is not None, reducer.last_error
        assert (book.verified, seen(book)) == (True, view)
        books.append(book)
    # Values: each still says what it said, although its ladder went on.
    assert [seen(book) for book in books] == views
    # And so does a late subscriber's.
    assert reducer.view() == books[-1]
    assert reducer.counters.verified == len(texts)


@given(story=stories())
def test_books_that_nobody_keeps_are_right_as_well(story):
    exchange, texts, views = story
    reducer = reducer_of(exchange)
    assert [seen(apply(reducer, text)) for text in texts] == views


@given(story=stories())
def test_without_checksums_the_books_are_the_same(story):
    exchange, texts, views = story
    books = [apply(reducer, text) for reducer in [reducer_of(exchange, checksum="off")] for text in texts]
    assert [(seen(book), book.verified) for book in books] == [(view, False) for view in views]


@given(story=stories(moves=True))
def test_queues_in_the_order_of_time_are_found_out(story):
    """If a new timestamp costs the place, the checksum says so and the levels it covers are ordered anew.

    It cannot tell orders of the same quantity apart, so quantities are compared here, not ids.
    """
    exchange, texts, views = story
    reducer = reducer_of(exchange)
    for text, view in zip(texts, views, strict=True):
        book = apply(reducer, text)
        assert book is not None, reducer.last_error
        assert (book.verified, covered(seen(book))) == (True, covered(view))
    assert reducer.counters.mismatched == 0


@given(story=stories())
def test_each_order_stands_where_the_plain_exchange_has_it(story):
    exchange, texts, views = story
    reducer = reducer_of(exchange)
    book = [apply(reducer, text) for text in texts][-1]
    places = {
        order_id: (side, ahead, sum(each[2] for each in level[:ahead]), sum(each[2] for each in level), rank)
        for side, levels in views[-1].items()
        for rank, level in enumerate(levels)
        for ahead, (order_id, _, _) in enumerate(level)
    }
    found = {}
    for order_id in places:
        at = book.queue_position(order_id)
        found[order_id] = (book.side_of(order_id), at.ahead, at.qty_ahead, at.level_qty, at.rank)
    assert found == places
    assert {level.price: level.qty for level in book.asks} == {
        level[0][1]: sum(each[2] for each in level) for level in views[-1]["asks"]
    }


@given(story=stories(), wrong=st.integers(1, 2**32 - 1))
def test_a_checksum_of_another_book_is_always_noticed(story, wrong):
    exchange, texts, _ = story
    reducer = reducer_of(exchange)
    for text in texts:
        apply(reducer, text)
    bad = exchange.frame("update", {"bids": [], "asks": []}, checksum=exchange.checksum() ^ wrong)
    assert apply(reducer, bad) is None
    assert isinstance(reducer.last_error, ChecksumMismatch)
    assert (reducer.needs_resync, reducer.view()) == (True, None)
    assert seen(apply(reducer, exchange.snapshot())) == exchange.view()


scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.decimals(),
    st.sampled_from([10**400, -1, -0.5, 1e300, 2.0**51, math.inf, math.nan, "0.1", Decimal("1e999999"), 5e-324]),
)  # fmt: skip
junk = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3)
)
orders = st.fixed_dictionaries(
    {},
    optional={
        "event": st.sampled_from(["add", "modify", "delete"]) | junk,
        "order_id": st.sampled_from(["A", "B", "C"]) | junk,
        "limit_price": st.sampled_from([100.0, 99.5, 101.0]) | junk,
        "order_qty": st.sampled_from([1.0, 0.5]) | junk,
        "timestamp": junk,
    },
)
sides = st.lists(orders | junk, max_size=4) | junk
entries = st.one_of(
    junk,
    st.fixed_dictionaries(
        {}, optional={"symbol": st.sampled_from(["BTC/USD", "ETH/USD"]) | junk, "bids": sides, "asks": sides}
    ),
    st.fixed_dictionaries({"symbol": st.just("BTC/USD"), "bids": sides, "asks": sides, "checksum": junk}),
)


@pytest.mark.parametrize("checksum", ["verify", "flag", "off"])
@pytest.mark.parametrize("known", [True, False], ids=["precision known", "precision from the wire"])
@given(
    messages=st.lists(st.tuples(st.sampled_from(["update", "snapshot", "other"]), entries), min_size=1, max_size=4),
    raw=st.sampled_from([None, "", "{", "[]", '{"data":[]}', '{"data":7}', b"\xff"]),
)
def test_garbage_never_raises_and_a_snapshot_heals_everything(checksum, known, messages, raw):
    exchange = NaiveExchange(10, 1, 8, 1000)
    exchange.update([("bids", "place", 0, 1, 5), ("asks", "place", 0, 1, 7)])
    reducer = reducer_of(exchange, known=known, checksum=checksum)
    before = seen(apply(reducer, exchange.snapshot()))
    for kind, entry in messages:
        book = reducer.apply(entry, kind, raw, 2.0, 1)
        if book is not None and book.verified:
            assert seen(book) in (before, {"bids": [], "asks": []})
        if reducer.needs_resync:
            assert reducer.view() is None
            assert isinstance(reducer.last_error, MalformedBook | ChecksumMismatch)
    healed = apply(reducer, exchange.snapshot())
    assert (seen(healed), reducer.needs_resync, reducer.last_error) == (before, False, None)
