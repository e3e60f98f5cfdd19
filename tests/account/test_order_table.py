"""The order table: sparse reports that overtake each other and repeat still make one whole order, told once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.account.orders import SNAPSHOT_FILLS, OrderTable, When
from rxkraken.models.trading import Execution, Fee, Order
from rxkraken.protocol import spot_v2_account

D = Decimal
EPOCH = datetime(2024, 1, 1, tzinfo=UTC)
LIVE = When(100.0, 1)


def stamp(seconds):
    return (EPOCH + timedelta(seconds=seconds)).isoformat()


def report(order_id, exec_type, status=None, *, at=0, **fields):
    """One record as the exchange sends it, read."""
    named = {"order_id": order_id, "exec_type": exec_type, "order_status": status or exec_type, "timestamp": stamp(at)}
    return spot_v2_account.execution(named | fields)


def begun(order_id, *, at=0, qty="1", price="100", **fields):
    """The report that says everything: `pending_new`."""
    rest = {"symbol": "BTC/USD", "side": "buy", "order_type": "limit", "order_qty": D(qty), "limit_price": D(price)}
    return report(order_id, "pending_new", at=at, cum_cost=D(0), time_in_force="GTC", **rest, **fields)


def fill(order_id, exec_id, qty, price="100", *, at=1, cum=None, **fields):
    """A fill; `cum` is what was filled in all, which snapshots do not say."""
    cost = D(qty) * D(price)
    told = {} if cum is None else {"cum_qty": D(cum), "cum_cost": D(cum) * D(price), "avg_price": D(price)}
    one = {"exec_id": exec_id, "trade_id": 7, "last_qty": D(qty), "last_price": D(price), "cost": cost,
           "liquidity_ind": "m", "fees": [{"asset": "USD", "qty": cost / 100}]}  # fmt: skip
    whose = {"symbol": "BTC/USD", "side": "buy", "order_type": "limit"}
    return report(order_id, "trade", "partially_filled", at=at, **whose, **one, **told, **fields)


def tell(table, *reports, when=LIVE):
    """Apply reports and return what is worth telling."""
    return [event for each in reports if (event := table.apply(each, when)) is not None]


def types(events):
    return [(event.order_id, event.exec_type, event.status) for event in events]


def test_the_four_messages_of_an_order_make_one_whole_order():
    """Section 5.2: `new` and `filled` carry little but the id; every event has the complete order all the same."""
    table = OrderTable()
    events = tell(
        table,
        begun("O1", order_userref=3),
        report("O1", "new", at=1, order_userref=3),
        fill("O1", "E1", "1", at=2, cum="1"),
        report("O1", "filled", at=3, cum_qty=D(1), cum_cost=D(100), avg_price=D(100), order_userref=3),
    )
    assert types(events) == [
        ("O1", "pending_new", "pending_new"),
        ("O1", "new", "new"),
        ("O1", "trade", "partially_filled"),
        ("O1", "filled", "filled"),
    ]
    whole = Order(
        order_id="O1", order_userref=3, symbol="BTC/USD", side="buy", order_type="limit", status="filled", qty=D(1),
        limit_price=D(100), time_in_force="gtc", cum_qty=D(1), cum_cost=D(100), avg_price=D(100),
        fees=(Fee("USD", D(1)),), updated=EPOCH + timedelta(seconds=3),
    )  # fmt: skip
    assert events[-1].order == whole
    assert events[2] == Execution(
        exec_type="trade", order=events[2].order, timestamp=EPOCH + timedelta(seconds=2), exec_id="E1", trade_id=7,
        last_qty=D(1), last_price=D(100), cost=D(100), liquidity="m", fees=(Fee("USD", D(1)),), received=100.0, epoch=1,
    )  # fmt: skip
    assert (dict(table.view()), table.get("O1")) == ({}, whole)


def test_a_sparse_report_changes_what_it_names_and_nothing_else():
    """An amendment names quantity and price; `cl_ord_id`, `post_only` and the rest stay."""
    table = OrderTable()
    (first,) = tell(table, begun("O1", cl_ord_id="mine", post_only=True))
    (second,) = tell(
        table, report("O1", "amended", "new", at=1, order_qty=D(2), limit_price=D(99), amended=True, reason="User")
    )
    assert second.order == replace(
        first.order, status="new", qty=D(2), limit_price=D(99), amended=True, reason="User",
        updated=EPOCH + timedelta(seconds=1),
    )  # fmt: skip
    assert second.order.remaining == D(2)
    assert table.by_cl_ord_id("mine") == second.order


def test_a_repeated_report_is_not_told_twice():
    """Promise: each fill and each change exactly once, however often the frame comes."""
    table = OrderTable()
    story = [
        begun("O1"),
        report("O1", "new", at=1),
        fill("O1", "E1", "0.5", at=2, cum="0.5"),
        report("O1", "amended", "partially_filled", at=3, limit_price=D(99), amended=True),
        report("O1", "canceled", at=4, cum_qty=D("0.5"), reason="User requested"),
    ]
    events = [tell(table, each, each, *story[: number + 1]) for number, each in enumerate(story)]
    assert [len(each) for each in events] == [1, 1, 1, 1, 1]
    assert (table.get("O1").cum_qty, table.get("O1").fees) == (D("0.5"), (Fee("USD", D("0.5")),))
    assert (table.get("O1").limit_price, table.get("O1").status) == (D(99), "canceled")


def test_a_late_fill_is_told_but_does_not_count_twice():
    """The second fill says what was filled in all; the first one, overtaken, adds its fee and nothing else."""
    table = OrderTable()
    tell(table, begun("O1"))
    (second,) = tell(table, fill("O1", "E2", "0.3", at=2, cum="0.5"))
    (first,) = tell(table, fill("O1", "E1", "0.2", at=1, cum="0.2"))
    assert (second.order.cum_qty, first.order.cum_qty, first.exec_id, first.last_qty) == (
        D("0.5"), D("0.5"), "E1", D("0.2"),
    )  # fmt: skip
    assert first.order.fees == (Fee("USD", D("0.5")),)


def test_a_fill_that_comes_after_the_end_of_its_order_is_told():
    table = OrderTable()
    tell(table, begun("O1"), report("O1", "canceled", at=9, cum_qty=D("0.4"), cum_cost=D(40)))
    (late,) = tell(table, fill("O1", "E1", "0.4", at=8, cum="0.4"))
    assert (late.exec_type, late.exec_id, late.status) == ("trade", "E1", "canceled")
    assert dict(table.view()) == {}


def test_nothing_follows_a_final_status():
    """`new` overtaken by `canceled` opens no order again, and a second end is not told."""
    table = OrderTable()
    tell(table, begun("O1"), report("O1", "canceled", at=5, reason="User requested"))
    assert tell(table, report("O1", "new", at=6), report("O1", "filled", at=7), begun("O1", at=8)) == []
    assert (table.get("O1").status, dict(table.view())) == ("canceled", {})


def test_a_late_first_report_still_says_what_the_order_is():
    """`pending_new` after `canceled`: not an event any more, but the closed order is whole."""
    table = OrderTable()
    tell(table, report("O1", "canceled", at=5), begun("O1", at=0))
    assert (table.get("O1").symbol, table.get("O1").qty, table.get("O1").status) == ("BTC/USD", D(1), "canceled")


def test_an_amendment_is_not_undone_by_an_older_report():
    table = OrderTable()
    tell(table, begun("O1"), report("O1", "amended", "new", at=5, limit_price=D(99), order_qty=D(3)))
    tell(table, report("O1", "restated", "new", at=4, limit_price=D(100), order_qty=D(1), display_qty=D("0.1")))
    order = table.get("O1")
    assert (order.limit_price, order.qty, order.display_qty) == (D(99), D(3), D("0.1"))


def test_words_that_are_new_are_passed_on():
    """An unknown `exec_type` with a change, and an unknown `order_status`: told as they come, and never final."""
    table = OrderTable()
    events = tell(table, begun("O1"), report("O1", "nudged", "triggered", at=1, limit_price=D(98)))
    assert types(events) == [("O1", "pending_new", "pending_new"), ("O1", "nudged", "triggered")]
    assert list(table.view()) == ["O1"]


# --- snapshots and interruptions --------------------------------------------------------------------------------------


def test_the_first_snapshot_tells_fills_oldest_first_and_then_what_is_open():
    """Fills of orders that are long gone open nothing; a fill that says "filled" does not end an order that is open."""
    table = OrderTable()
    events = table.load(
        [
            begun("O2", at=5, cum_qty=D("0.4")),
            replace(fill("O2", "E3", "0.4", at=9), status="filled"),
            replace(fill("O1", "E1", "1", at=2), status="filled"),
            fill("O0", "E0", "1", at=1),
        ],
        When(100.0, 1, snapshot=True),
    )
    assert [(event.order_id, event.exec_type, event.exec_id, event.snapshot) for event in events] == [
        ("O0", "trade", "E0", True),
        ("O1", "trade", "E1", True),
        ("O2", "trade", "E3", True),
        ("O2", "pending_new", None, True),
    ]
    assert {order_id: (order.status, order.cum_qty) for order_id, order in table.view().items()} == {
        "O2": ("partially_filled", D("0.4"))
    }


def test_an_open_order_of_a_snapshot_is_known_by_its_status_whatever_its_exec_type():
    """Section 5.2: how open orders look in a snapshot was not found in any capture."""
    words = ["new", "pending_new", "status", "trade"]
    listed = [replace(begun(f"O{number}"), exec_type=word, status="new") for number, word in enumerate(words)]
    table = OrderTable()
    assert len(table.load(listed, When(1.0, 1, snapshot=True))) == 4
    assert list(table.view()) == ["O0", "O1", "O2", "O3"]


def test_a_later_snapshot_is_compared_before_anything_changes():
    table = OrderTable()
    table.load([begun("O1"), begun("O2"), fill("O0", "E0", "1")], When(1.0, 1, snapshot=True))
    before = dict(table.view())
    news = fill("O2", "E1", "0.5", at=7)
    listed = begun("O2", cum_qty=D("0.5"))
    found = table.resume([listed, news, fill("O0", "E0", "1")])
    assert (found.reports, found.vanished, found.reaches_back) == ((news, listed), ("O1",), True)
    assert dict(table.view()) == before
    (event,) = tell(table, *found.reports, when=When(2.0, 2, repaired=True))
    assert (event.exec_id, event.repaired, event.epoch, event.order.cum_qty) == ("E1", True, 2, D("0.5"))


def test_fifty_new_fills_may_not_be_all():
    """`snap_trades` ends at 50: if none of them is known, the hole may reach further back than they do."""
    table = OrderTable()
    table.load([fill("O0", "E0", "1")], When(1.0, 1, snapshot=True))
    fills = [fill("O1", f"F{number}", "1", at=number) for number in range(SNAPSHOT_FILLS)]
    assert not table.resume(fills).reaches_back
    assert table.resume(fills[1:]).reaches_back
    assert table.resume([*fills[1:], fill("O0", "E0", "1")]).reaches_back


def test_what_rest_says_counts_although_it_gives_the_time_of_the_beginning():
    """REST names when an open order was placed, not when it was changed: its state is that of now all the same."""
    table = OrderTable()
    tell(table, begun("O1", at=0), report("O1", "amended", "new", at=50, limit_price=D(99)))
    tell(table, report("O1", "status", "new", at=0, limit_price=D(98)), when=When(2.0, 2, repaired=True))
    assert table.get("O1").limit_price == D(98)


# --- what is known of an order before its first report ----------------------------------------------------------------


def test_the_own_request_says_what_a_sparse_first_report_does_not():
    """With `order_status=False` Kraken's first word may be `new`, without a symbol (section 5.2)."""
    table = OrderTable()
    sparse = report("O1", "new", cl_ord_id="mine")
    assert not table.knows(sparse)
    asked_for = Order(order_id="", cl_ord_id="mine", symbol="ETH/USD", side="sell", qty=D(2))
    table.expect("mine", lambda order_id: replace(asked_for, order_id=order_id))
    assert table.knows(sparse)
    (event,) = tell(table, sparse)
    assert (event.order_id, event.symbol, event.side, event.order.qty) == ("O1", "ETH/USD", "sell", D(2))
    assert table.by_cl_ord_id("mine") is event.order
    assert not table.knows(report("O2", "new", cl_ord_id="mine"))


def test_the_latest_order_with_an_id_is_the_one_that_is_open():
    """A `cl_ord_id` may be used again once its order is over."""
    table = OrderTable()
    tell(table, begun("O1", cl_ord_id="mine"), report("O1", "canceled", at=1))
    assert table.by_cl_ord_id("mine").order_id == "O1"
    tell(table, begun("O2", at=2, cl_ord_id="mine"))
    assert table.by_cl_ord_id("mine").order_id == "O2"
    tell(table, report("O2", "canceled", at=3))
    assert table.by_cl_ord_id("mine").order_id == "O2"
    assert table.by_cl_ord_id("yours") is None


def test_a_view_never_changes():
    table = OrderTable()
    tell(table, begun("O1"))
    view = table.view()
    tell(table, begun("O2"), report("O1", "canceled", at=1))
    assert list(view) == ["O1"]
    with pytest.raises(TypeError):
        view["O3"] = view["O1"]


# --- any order of arrival ---------------------------------------------------------------------------------------------


@st.composite
def lives(draw):
    """A life of one order, as the exchange would tell it in order, and the same with repeats and shuffled."""
    story = [begun("O1", at=0, cl_ord_id="mine"), report("O1", "new", at=1)]
    filled, fills = D(0), draw(st.integers(0, 4))
    for number in range(fills):
        now = 10 * (number + 1)
        if draw(st.booleans()):
            price = D(draw(st.integers(90, 110)))
            status = "partially_filled" if filled else "new"
            story.append(report("O1", "amended", status, at=now, limit_price=price, amended=True, cum_qty=filled))
        qty = D(draw(st.integers(1, 9))) / 100
        filled += qty
        story.append(fill("O1", f"E{number}", str(qty), at=now + draw(st.integers(0, 1)), cum=str(filled)))
    end = draw(st.sampled_from(["filled", "canceled", "expired", None]))
    if end is not None:
        last = {} if end == "filled" else {"reason": "User requested"}
        story.append(report("O1", end, at=100, cum_qty=filled, cum_cost=100 * filled, **last))
    again = draw(st.lists(st.sampled_from(story), max_size=4))
    return story, draw(st.permutations([*story, *again]))


RANKS = {"pending_new": 0, "new": 1, "partially_filled": 2, "filled": 3, "canceled": 3, "expired": 3}


@given(lives())
def test_any_order_of_arrival_ends_in_the_same_order(life):
    """Shuffled and repeated: the same whole order, every fill told once, and a status that never goes back."""
    story, heard = life
    straight, shuffled = OrderTable(), OrderTable()
    tell(straight, *story)
    events = tell(shuffled, *heard)
    assert shuffled.get("O1") == straight.get("O1")
    assert shuffled.view() == straight.view()
    told = [event.exec_id for event in events if event.exec_id is not None]
    assert sorted(told) == sorted(each.fill.exec_id for each in story if each.fill)
    ranks = [RANKS[event.status] for event in events]
    assert ranks == sorted(ranks)
    assert [event.order.cum_qty for event in events] == sorted(event.order.cum_qty for event in events)


def test_a_fill_that_rest_has_counted_before_it_was_told_is_not_counted_again():
    """REST says how much was filled in all; the fills themselves follow in a snapshot, without a sum."""
    table = OrderTable()
    tell(table, begun("O1"), fill("O1", "T1", "0.2", cum="0.2", at=1))
    repaired = When(110.0, 2, repaired=True)
    tell(table, report("O1", "status", "partially_filled", at=2, cum_qty=D("0.5")), when=repaired)
    assert table.get("O1").cum_qty == D("0.5")
    tell(table, fill("O1", "T2", "0.3", at=2), when=repaired)
    assert table.get("O1").cum_qty == D("0.5")
    tell(table, fill("O1", "T3", "0.1", at=3), when=repaired)
    assert table.get("O1").cum_qty == D("0.6")


def test_a_fill_marked_filled_does_not_end_an_order_that_may_have_been_cancelled():
    """In a snapshot "filled" may be said of the fill alone; what became of a known order is asked by REST."""
    table = OrderTable()
    tell(table, begun("O1"))
    seen = table.resume([fill("O1", "T1", "0.2", at=1)])
    assert seen.vanished == ("O1",)
    events = table.catch_up([replace(each, status="filled") for each in seen.reports], When(110.0, 2, repaired=True))
    assert types(events) == [("O1", "trade", "partially_filled")]
    events = table.catch_up([report("O1", "canceled", at=2, cum_qty=D("0.2"))], When(111.0, 2, repaired=True))
    assert types(events) == [("O1", "canceled", "canceled")]
    assert table.get("O1").cum_qty == D("0.2")
