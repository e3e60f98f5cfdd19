"""Level 3 of a simulated market: a client that knows nothing but the rules of section 3.3 always has the right book."""

from __future__ import annotations

import json
from decimal import Decimal
from heapq import nlargest, nsmallest
from random import Random
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.simulator.engine import Engine, Order
from rxkraken.simulator.instruments import SymbolSpec, choose
from rxkraken.simulator.level3 import LEVEL3_DEPTHS, OrderView, queue_checksum, queue_text
from rxkraken.simulator.market import Market
from rxkraken.simulator.wire import Calendar, exact_text


class Follower:
    """A book of single orders, kept by the letter of ws-v2 reference section 3.3 and by nothing else."""

    def __init__(
        self, depth: int, price_digits: int, qty_digits: int, *, cut: str = "message", by_time: bool = False
    ) -> None:
        self.depth, self.digits = depth, (price_digits, qty_digits)
        self.cut, self.by_time = cut, by_time
        self.sides: dict[str, dict[Decimal, list[list]]] = {"bids": {}, "asks": {}}
        self.checked = 0

    def take(self, text: str) -> None:
        message = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        assert message["channel"] == "level3"
        (record,) = message["data"]
        if message["type"] == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
        for name in ("bids", "asks"):
            for entry in record[name]:
                self._apply(name, entry, message["type"])
                if self.cut == "entry":
                    self._cut()
        self._cut()
        assert self.checksum() == record["checksum"], (message, self.sides)
        self.checked += 1

    def _apply(self, name: str, entry: dict, kind: str) -> None:
        event = "add" if kind == "snapshot" else entry["event"]
        assert ("event" in entry) == (kind == "update")
        levels, price, qty = self.sides[name], entry["limit_price"], entry["order_qty"]
        assert qty > 0
        queue = levels.setdefault(price, [])
        place = next((place for place, order in enumerate(queue) if order[0] == entry["order_id"]), None)
        row = [entry["order_id"], qty, entry["timestamp"]]
        if event == "add":
            assert not any(order[0] == row[0] for orders in levels.values() for order in orders), "added twice"
            queue.append(row)
        elif event == "delete":
            assert place is not None, "delete of an order that no one knows"
            assert queue.pop(place)[1] == qty, "a delete carries the last known quantity"
        elif event == "modify":
            assert place is not None, "modify of an order that no one knows"
            if qty < queue[place][1]:
                queue[place] = row
            else:
                queue.pop(place)
                queue.append(row)
        if self.by_time:
            queue.sort(key=lambda order: order[2])
        if not queue:
            del levels[price]

    def _cut(self) -> None:
        for name, levels in self.sides.items():
            while len(levels) > self.depth:
                del levels[min(levels) if name == "bids" else max(levels)]

    def _prices(self, name: str, count: int) -> list[Decimal]:
        return nlargest(count, self.sides[name]) if name == "bids" else nsmallest(count, self.sides[name])

    def checksum(self) -> int:
        text = ""
        for name in ("asks", "bids"):
            for price in self._prices(name, 10):
                for _, qty, _ in self.sides[name][price]:
                    for value, digits in zip((price, qty), self.digits, strict=True):
                        text += f"{value:.{digits}f}".replace(".", "").lstrip("0")
        return crc32(text.encode())

    def book(self) -> dict[str, list[tuple[Decimal, list[tuple[str, Decimal]]]]]:
        return {
            name: [
                (price, [(row[0], row[1]) for row in self.sides[name][price]])
                for price in self._prices(name, self.depth)
            ]
            for name in ("bids", "asks")
        }


def truth(engine: Engine, depth: int, price_digits: int, qty_digits: int):
    """The engine's book as a follower at this depth must have it in the end."""
    return {
        ladder.name: [
            (
                Decimal(level.price).scaleb(-price_digits),
                [(order.order_id, Decimal(order.visible).scaleb(-qty_digits)) for order in level.orders.values()],
            )
            for level in ladder.top(depth)
        ]
        for ladder in (engine.bids, engine.asks)
    }


class Ear:
    """Listens to an engine, and hands everything about orders to its views."""

    def __init__(self) -> None:
        self.views: list[OrderView] = []

    def traded(self, trade) -> None:
        """Trades are not level 3."""

    def level_changed(self, *change) -> None:
        """Levels are not level 3."""

    def order_added(self, order) -> None:
        for view in self.views:
            view.note(order)

    order_modified = order_added

    def order_removed(self, order, reason) -> None:
        assert reason
        self.order_added(order)

    @property
    def latest(self):
        raise AssertionError("nobody here asks for the latest trade")


SPEC = SymbolSpec("BTC/USD", price="1000.0", price_precision=1, qty_precision=2)
CALENDAR = Calendar(start=0.0, epoch=1_767_225_600.0)


class Bench:
    """An engine of its own, with a follower that is told everything at once."""

    def __init__(self, depth: int = 10, **options) -> None:
        self.ear = Ear()
        self.engine = Engine(self.ear)
        self.depth, self.now, self.number = depth, 0.0, 0
        self.follower = Follower(depth, 1, 2, **options)
        self.view = OrderView(self.engine, depth, CALENDAR, exact_text)
        self.ear.views.append(self.view)
        self.follower.take(self.view.snapshot(SPEC, 0.0))

    def order(self, side: str, price: int, qty: int, *, display: int = 0, name: str = "", **terms) -> Order:
        self.now += 1.0
        self.number += 1
        order = Order(name or f"O{self.number}", "somebody", side, price, qty, self.now, display=display)
        return self.engine.submit(order, **terms)

    def tell(self) -> list[tuple]:
        """Publish; returns the entries as (event, order id, price, quantity), bids first."""
        text = self.view.update(SPEC, self.now)
        if text is None:
            return []
        self.follower.take(text)
        assert self.follower.book() == truth(self.engine, self.depth, 1, 2)
        (record,) = json.loads(text, parse_float=Decimal)["data"]
        return [
            (entry["event"], entry["order_id"], entry["limit_price"], entry["order_qty"])
            for name in ("bids", "asks")
            for entry in record[name]
        ]


def d(text: str) -> Decimal:
    return Decimal(text)


# --- the checksum against the published vectors ---

VECTOR_BIDS = [
    (449394, [88968699, 45210000, 10000000, 14296323, 25000000, 10292988, 33880000, 128140860]), (449371, [3346877]),
    (449347, [35630000]), (449302, [22734299, 1000000, 5550000, 70000000, 15000000]), (449280, [105240]),
    (449196, [33870000]), (449195, [7610000]), (449120, [35630000]), (449097, [6690000]), (449019, [88982]),
]  # fmt: skip
VECTOR_ASKS = [
    (449395, [452308393, 111261, 100000, 1000000]), (449500, [10334926]), (449530, [64537]), (449550, [250000]),
    (449596, [35630000, 35630000]), (449601, [338072]), (449602, [88967575]), (449670, [314392283]),
    (449785, [6778960]), (449792, [35630000]),
]  # fmt: skip


def checksum_of(asks, bids) -> int:
    return queue_checksum(queue_text(asks), queue_text(bids))


def test_the_checksum_is_the_one_of_the_official_guide():
    """Vector L3-A; two orders swapped, or summed up by level, give the two values that the reference warns of."""
    assert checksum_of(VECTOR_ASKS, VECTOR_BIDS) == 1063832831
    (price, (first, second, *rest)), *others = VECTOR_BIDS
    assert checksum_of(VECTOR_ASKS, [(price, [second, first, *rest]), *others]) == 1399232563
    summed = [[(price, [sum(queue)]) for price, queue in side] for side in (VECTOR_ASKS, VECTOR_BIDS)]
    assert checksum_of(*summed) == 3003167673


def test_the_official_book_goes_on_as_the_reference_works_it_out():
    """Vector L3-S through a real engine and a view: shrink, cancel, join, level gone, level pushed out."""
    spec = SymbolSpec("BTC/USD", price="44939.4", price_precision=1)
    engine = Engine(ear := Ear())
    names: dict[tuple[int, int], str] = {}
    for side, levels in (("buy", VECTOR_BIDS), ("sell", VECTOR_ASKS)):
        for price, queue in levels:
            for qty in queue:
                order = Order(f"{side}{len(engine.orders)}", "guide", side, price, qty, float(len(engine.orders)))
                names.setdefault((price, qty), order.order_id)
                engine.submit(order)
    view = OrderView(engine, 10, CALENDAR, exact_text)
    ear.views.append(view)
    follower = Follower(10, 1, 8)
    follower.take(view.snapshot(spec, 100.0))
    seen = [follower.checksum()]

    def told() -> None:
        follower.take(view.update(spec, 200.0) or "")
        seen.append(follower.checksum())

    engine.amend(names[449394, 10292988], 101.0, qty=5000000)
    told()
    engine.cancel(names[449394, 88968699])
    told()
    engine.submit(Order("OAAAAA-BBBBB-CCCCC1", "guide", "buy", 449394, 50000000, 103.0))
    told()
    engine.cancel(names[449371, 3346877])
    engine.submit(Order("OAAAAA-BBBBB-CCCCC2", "guide", "buy", 449005, 125000000, 104.0))
    told()
    engine.submit(Order("OAAAAA-BBBBB-CCCCC3", "guide", "sell", 449450, 75000000, 105.0))
    told()
    assert seen == [1063832831, 2639871034, 1892088935, 1721160843, 2983697235, 2467961437]


# --- what each event looks like ---


def test_a_fill_with_a_remainder_modifies_and_the_last_fill_deletes():
    """The delete names the quantity that was known last, not zero; what never rested is never told."""
    bench = Bench()
    bench.order("buy", 9990, 100)
    assert bench.tell() == [("add", "O1", d("999.0"), d("1.00"))]
    bench.order("sell", 9990, 30)
    assert bench.tell() == [("modify", "O1", d("999.0"), d("0.70"))]
    bench.order("sell", 9990, 90)
    assert bench.tell() == [("delete", "O1", d("999.0"), d("0.70")), ("add", "O3", d("999.0"), d("0.20"))]
    bench.order("sell", 9995, 5, tif="ioc")
    assert bench.tell() == []


def test_an_amend_down_keeps_the_place_and_an_amend_up_goes_to_the_back():
    """Section 6.3: down is a modify in place, up a modify to the back, another price leaves one queue for another."""
    bench = Bench()
    for qty in (100, 200, 300):
        bench.order("sell", 10010, qty)
    bench.tell()
    bench.engine.amend("O1", 10.0, qty=50)
    assert bench.tell() == [("modify", "O1", d("1001.0"), d("0.50"))]
    bench.engine.amend("O1", 11.0, qty=60)
    assert bench.tell() == [("modify", "O1", d("1001.0"), d("0.60"))]
    assert list(bench.engine.asks.at(0).orders) == ["O2", "O3", "O1"]
    bench.engine.amend("O3", 12.0, price=10020)
    assert bench.tell() == [("delete", "O3", d("1001.0"), d("3.00")), ("add", "O3", d("1002.0"), d("3.00"))]
    bench.engine.amend("O3", 13.0, price=10010)
    assert bench.tell() == [("delete", "O3", d("1002.0"), d("3.00")), ("add", "O3", d("1001.0"), d("3.00"))]
    assert [order_id for order_id, _ in bench.follower.book()["asks"][0][1]] == ["O2", "O1", "O3"]


def test_an_iceberg_shows_its_peak_alone_and_refills_at_the_back():
    """One peak of 0.10 at a time; the next one is a new arrival, whatever its size."""
    bench = Bench()
    bench.order("sell", 10010, 35, display=10, name="berg")
    assert bench.tell() == [("add", "berg", d("1001.0"), d("0.10"))]
    bench.order("buy", 10010, 10)
    refill = [("delete", "berg", d("1001.0"), d("0.10")), ("add", "berg", d("1001.0"), d("0.10"))]
    assert bench.tell() == refill
    bench.order("sell", 10010, 7, name="other")
    bench.order("sell", 10010, 8, name="third")
    bench.tell()
    bench.order("buy", 10010, 4)
    assert bench.tell() == [("modify", "berg", d("1001.0"), d("0.06"))]
    bench.order("buy", 10010, 8)
    assert bench.tell() == [
        ("modify", "other", d("1001.0"), d("0.05")),
        ("delete", "berg", d("1001.0"), d("0.06")),
        ("add", "berg", d("1001.0"), d("0.10")),
    ]
    assert bench.follower.book()["asks"] == [
        (d("1001.0"), [("other", d("0.05")), ("third", d("0.08")), ("berg", d("0.10"))])
    ]
    bench.order("buy", 10010, 23)
    assert bench.tell() == [
        ("delete", "other", d("1001.0"), d("0.05")),
        ("delete", "third", d("1001.0"), d("0.08")),
        ("delete", "berg", d("1001.0"), d("0.10")),
        ("add", "berg", d("1001.0"), d("0.05")),
    ]
    assert bench.follower.book()["asks"] == [(d("1001.0"), [("berg", d("0.05"))])]
    bench.order("buy", 10010, 5)
    assert bench.tell() == [("delete", "berg", d("1001.0"), d("0.05"))]


def test_the_level_that_comes_into_range_is_told_whole_with_the_delete():
    """All its orders, front to back, in the same message, behind the delete and before a level that is inserted."""
    bench = Bench()
    for rank in range(12):
        bench.order("buy", 9990 - rank, 100)
    bench.order("buy", 9980, 50, name="second")
    bench.order("buy", 9980, 25, name="third")
    bench.tell()
    assert len(bench.follower.book()["bids"]) == 10
    bench.engine.cancel("O3")
    into = [("add", "O11", d("998.0"), d("1.00")), ("add", "second", d("998.0"), d("0.50"))]
    into.append(("add", "third", d("998.0"), d("0.25")))
    assert bench.tell() == [("delete", "O3", d("998.8"), d("1.00")), *into]
    bench.order("buy", 9995, 10, name="best")
    assert bench.tell() == [("add", "best", d("999.5"), d("0.10"))]
    bench.engine.cancel("second")
    assert bench.tell() == [], "nothing is said of the orders of a level that was pushed out"
    bench.engine.cancel("best")
    bench.engine.cancel("O1")
    bench.order("buy", 9994, 10, name="insert")
    assert bench.tell() == [
        ("delete", "best", d("999.5"), d("0.10")),
        ("delete", "O1", d("999.0"), d("1.00")),
        ("add", "O11", d("998.0"), d("1.00")),
        ("add", "third", d("998.0"), d("0.25")),
        ("add", "insert", d("999.4"), d("0.10")),
    ]


def test_an_order_that_came_and_went_between_two_messages_is_never_mentioned():
    """And one that was replaced at its price is a delete and an add, though the level never seems to leave."""
    bench = Bench()
    bench.order("buy", 9990, 100)
    bench.tell()
    bench.order("buy", 9991, 100)
    bench.engine.cancel("O2")
    assert bench.tell() == []
    bench.engine.cancel("O1")
    bench.order("buy", 9990, 100)
    assert bench.tell() == [("delete", "O1", d("999.0"), d("1.00")), ("add", "O3", d("999.0"), d("1.00"))]


def test_times_are_nanoseconds_of_joining_the_queue_and_fills_leave_them_alone():
    """Nine digits; a delete carries the moment it happened."""
    bench = Bench()
    bench.now = 0.123456789
    bench.order("buy", 9990, 100)
    bench.tell()
    bench.order("sell", 9990, 40)
    texts = [bench.view.snapshot(SPEC, bench.now), bench.view.update(SPEC, bench.now)]
    bench.engine.cancel("O1")
    texts.append(bench.view.update(SPEC, 7.0))
    records = [json.loads(text)["data"][0] for text in texts]
    assert [(record["timestamp"], record["bids"][0]["timestamp"]) for record in records] == [
        ("2026-01-01T00:00:02.123456789Z", "2026-01-01T00:00:01.123456789Z"),
        ("2026-01-01T00:00:02.123456789Z", "2026-01-01T00:00:01.123456789Z"),
        ("2026-01-01T00:00:07.000000000Z", "2026-01-01T00:00:07.000000000Z"),
    ]
    assert '"limit_price":999.0,"order_qty":1.00,' in texts[0], "numbers have every digit of the pair"


def test_a_late_snapshot_fits_the_next_update():
    """It shows what the others know, so what was noted but not yet told is told to all."""
    bench = Bench()
    bench.order("buy", 9990, 100)
    bench.tell()
    bench.order("buy", 9990, 50)
    late = Follower(10, 1, 2)
    late.take(bench.view.snapshot(SPEC, bench.now))
    assert late.book()["bids"] == [(d("999.0"), [("O1", d("1.00"))])]
    text = bench.view.update(SPEC, bench.now)
    late.take(text)
    assert late.book() == truth(bench.engine, 10, 1, 2)


# --- whole markets ---

MARKETS = ("BTC/USD", "ETH/USD", "GST/EUR")


class Mob:
    """Orders of others in a market, so that queues are long, icebergs refill, and prices change in place."""

    def __init__(self, market: Market, seed: int) -> None:
        self.market, self.chance, self.mine = market, Random(seed), []

    def act(self, now: float) -> None:
        engine, chance = self.market.engine, self.chance
        side = chance.choice(("buy", "sell"))
        ladder, lot = engine.own(side), self.market.spec.lot_units
        price = ladder.at(min(len(ladder) - 1, int(chance.expovariate(0.2)))).price
        order_id = chance.choice(self.mine) if self.mine else ""
        match chance.randrange(10):
            case 0 | 1 | 2 | 3:
                display = lot // 2 if chance.random() < 0.5 else 0
                order = Order(
                    self.market.new_id(), "mob", side, price, lot * chance.randint(1, 5), now, display=display
                )
                if engine.submit(order).state == "resting":
                    self.mine.append(order.order_id)
            case 4 | 5:
                qty = lot * chance.randint(1, 3)
                engine.submit(Order(self.market.new_id(), "mob", side, 0, qty, now, "market"), "ioc")
            case 6:
                engine.amend(order_id, now, qty=lot * chance.randint(1, 5))
            case 7:
                order = engine.orders.get(order_id)
                if order is not None:
                    aim = engine.own(order.side)
                    engine.amend(order_id, now, price=aim.at(chance.randrange(min(12, len(aim)))).price)
            case _:
                engine.cancel(order_id)
        if len(self.mine) > 200:
            self.mine = [each for each in self.mine if each in engine.orders]
            for each in self.mine[:100]:
                engine.cancel(each)


@pytest.mark.parametrize("symbol", MARKETS)
@pytest.mark.parametrize("depth", LEVEL3_DEPTHS)
def test_every_checksum_of_a_busy_market_holds(symbol, depth):
    """Thousands of messages of one to three events, and every copy ends as the engine's book.

    A client may keep the order of arrival or sort each level by time, cut after each message or after each entry.
    """
    (spec,) = choose([symbol])
    digits = (spec.price_precision, spec.qty_precision)
    market = Market(spec, ear := Ear(), seed=3, now=0.0, calendar=CALENDAR)
    view = OrderView(market.engine, depth, CALENDAR, exact_text)
    ear.views.append(view)
    copies = [Follower(depth, *digits), Follower(depth, *digits, by_time=True), Follower(depth, *digits, cut="entry")]
    for copy in copies:
        copy.take(view.snapshot(spec, 0.0))
    mob, chance, now = Mob(market, 1), Random(2), 0.0
    for _ in range(4000 if depth == 10 else 2000):
        for _ in range(chance.choice((1, 1, 1, 2, 3))):
            now += 0.01
            if chance.random() < 0.3:
                mob.act(now)
            else:
                market.step(now, "online")
        if (text := view.update(spec, now)) is not None:
            for copy in copies:
                copy.take(text)
    assert [copy.book() for copy in copies] == [truth(market.engine, depth, *digits)] * 3
    assert copies[0].checked > 1000


ORDERS = st.tuples(
    st.sampled_from(["rest", "rest", "iceberg", "cancel", "shrink", "resize", "move", "take", "tell"]),
    st.sampled_from(["buy", "sell"]),
    st.integers(0, 24),
    st.integers(1, 9),
)


@given(st.lists(ORDERS, max_size=120), st.sampled_from(["message", "entry"]), st.booleans())
def test_no_sequence_of_orders_leads_a_client_astray(events, cut, still):
    """Whatever happens between two messages, also at one moment of the clock, the next one leads to the book."""
    bench = Bench(cut=cut)
    for what, side, rank, qty in events:
        price = 1000 - 1 - rank if side == "buy" else 1000 + rank
        resting = list(bench.engine.orders)
        order_id = resting[rank % len(resting)] if resting else ""
        match what:
            case "rest" | "iceberg":
                bench.order(side, price, qty, display=2 if what == "iceberg" else 0)
            case "take":
                bench.order(side, 1000 + rank if side == "buy" else max(1, 999 - rank), qty, tif="ioc")
            case "cancel":
                bench.engine.cancel(order_id)
            case "tell":
                bench.tell()
            case _ if (order := bench.engine.orders.get(order_id)) is not None:
                if what == "move":
                    bench.engine.amend(order_id, bench.now, price=price)
                else:
                    done = order.qty - order.remaining
                    more = done + (max(1, order.remaining - 1) if what == "shrink" else qty)
                    bench.engine.amend(order_id, bench.now, qty=more)
        bench.now -= still
    bench.tell()
    assert bench.follower.book() == truth(bench.engine, 10, 1, 2)
