"""The executions feed between frames and subscribers: what it holds back, whom it asks, and in which order it tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from reactivex.observer import Observer

from rxkraken.models.status import Gap
from rxkraken.models.trading import Execution, Order
from rxkraken.protocol import spot_v2_account
from rxkraken.streams.account import ExecutionsFeed, ExecutionsView, Hole, Mended, OpenOrdersView
from rxkraken.streams.channels import executions_topic

D = Decimal


class Demand:
    """Notes what the feed wants of the wire."""

    def __init__(self):
        self.said = []

    def wanted(self, feed):
        self.said.append("wanted")

    def unwanted(self, feed):
        self.said.append("unwanted")

    def distrusted(self, feed, reason):
        self.said.append(reason)

    def trusted(self, feed):
        self.said.append("trusted")


class Desk:
    """A feed, with a mender that answers when told to, and one subscriber who sees everything."""

    def __init__(self):
        self.demand, self.holes, self.counters = Demand(), [], {}
        self.answers = []
        self.feed = ExecutionsFeed(executions_topic(), self.demand, pytest.fail, self.mend, self.counters.__setitem__)
        self.items, self.views = [], []
        self.now, self.epoch = 100.0, 1
        self.feed.subscribe(self.view(self.items.append), "here", gaps=True)
        watcher = OpenOrdersView(Observer(self.views.append), self.feed)
        self.feed.subscribe(watcher, "here", gaps=False)

    @staticmethod
    def view(take, **changes):
        wanted = {"snap_orders": True, "snap_trades": True, "order_status": True, "ratecounter": True} | changes
        return ExecutionsView(Observer(take), **wanted)

    def mend(self, hole, done, late):
        self.holes.append(hole)
        self.answers.append((done, late))

    def hear(self, *reports, kind="update"):
        self.now += 1
        self.feed.receive(list(reports), kind, self.now, self.epoch)

    def cut(self):
        self.now += 1
        self.epoch += 1
        self.feed.interrupt(self.now, "cut")

    def mended(self, *reports, complete=True, place=-1):
        self.answers[place][0](Mended(reports, complete))

    @property
    def story(self):
        """Gaps by what they missed, events by order, kind and mark."""
        return [
            ("gap", item.missed) if isinstance(item, Gap) else (item.order_id, item.exec_type, mark(item))
            for item in self.items
        ]

    @property
    def open(self):
        return [sorted(view) for view in self.views]


def mark(event):
    return "snapshot" if event.snapshot else "repaired" if event.repaired else "live"


def report(order_id, exec_type, status=None, *, at=0, **fields):
    stamp = (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=at)).isoformat()
    named = {"order_id": order_id, "exec_type": exec_type, "order_status": status or exec_type, "timestamp": stamp}
    return spot_v2_account.execution(named | fields)


def begun(order_id, **fields):
    return report(order_id, "pending_new", symbol="BTC/USD", side="buy", order_type="limit", order_qty=D(1), **fields)


def test_nothing_is_told_before_the_first_snapshot():
    """Frames that overtake it wait, and come after it."""
    desk = Desk()
    desk.hear(report("O1", "new", at=1))
    assert (desk.story, desk.open, list(desk.feed.opening())) == ([], [], [])
    desk.hear(begun("O1"), kind="snapshot")
    assert desk.story == [("O1", "pending_new", "snapshot"), ("O1", "new", "live")]
    assert desk.open[-1] == ["O1"]
    assert desk.holes == []


def test_a_report_about_a_stranger_waits_until_rest_has_said_who_it_is():
    """Section 5.2: fetch the order by REST. What follows waits too, so that nothing is overtaken."""
    desk = Desk()
    desk.hear(begun("O1"), kind="snapshot")
    desk.hear(report("O1", "new", at=1), report("O2", "new", at=1), report("O1", "canceled", at=2))
    desk.hear(begun("O3"))
    assert desk.story == [("O1", "pending_new", "snapshot"), ("O1", "new", "live")]
    assert desk.holes == [Hole(None, ("O2",))]
    desk.mended(report("O2", "status", "new", at=1, symbol="ETH/USD", side="sell", order_qty=D(2)))
    assert desk.story[2:] == [
        ("O2", "status", "repaired"),
        ("O1", "canceled", "live"),
        ("O3", "pending_new", "live"),
    ]
    assert desk.feed.table.get("O2").symbol == "ETH/USD"
    assert desk.open[-1] == ["O2", "O3"]


def test_a_stranger_whom_nobody_knows_is_told_as_bare_as_he_is():
    """And not asked for a second time."""
    desk = Desk()
    desk.hear(kind="snapshot")
    desk.hear(report("O2", "new", at=1))
    desk.mended()
    desk.hear(report("O2", "canceled", at=2))
    assert [(event.exec_type, event.symbol) for event in desk.items] == [("new", None), ("canceled", None)]
    assert len(desk.holes) == 1


def test_the_own_orders_need_not_be_asked_for():
    desk = Desk()
    desk.hear(kind="snapshot")
    desk.feed.table.expect("mine", lambda name: Order(order_id=name, cl_ord_id="mine", symbol="BTC/USD", qty=D(1)))
    desk.hear(report("O1", "new", at=1, cl_ord_id="mine"))
    assert [(event.order_id, event.symbol) for event in desk.items] == [("O1", "BTC/USD")]
    assert desk.holes == []


def test_after_a_cut_everything_waits_for_the_snapshot_and_for_rest():
    """The gap first, then what was found, then what came meanwhile; late subscribers see nothing before that."""
    desk = Desk()
    desk.hear(begun("O1"), begun("O2"), kind="snapshot")
    told = len(desk.items)
    desk.cut()
    assert list(desk.feed.opening()) == []
    desk.hear(begun("O2"), kind="snapshot")
    desk.hear(report("O2", "canceled", at=9))
    assert (desk.story[told:], list(desk.feed.opening())) == ([], [])
    assert [(hole.orders, hole.gone, hole.since) for hole in desk.holes] == [(("O1",), True, 101.0)]
    desk.mended(report("O1", "canceled", at=5))
    assert desk.story[told:] == [("gap", 0), ("O1", "canceled", "repaired"), ("O2", "canceled", "live")]
    assert desk.open[-1] == []
    assert (desk.items[told].since, desk.items[told].epoch) == (101.0, 2)


def test_what_could_not_be_asked_may_be_missing_and_comes_late():
    desk = Desk()
    desk.hear(begun("O1"), kind="snapshot")
    desk.cut()
    desk.hear(kind="snapshot")
    desk.mended(complete=False)
    assert desk.story[1:] == [("gap", None)]
    desk.answers[-1][1]([report("O1", "canceled", at=5)])
    assert desk.story[1:] == [("gap", None), ("O1", "canceled", "repaired")]
    assert desk.open[-1] == []


def test_what_comes_late_while_another_question_is_asked_is_told_with_its_answer():
    """A stranger's report is looked up just then; and a cut in between changes nothing."""
    for cut in (False, True):
        desk = Desk()
        desk.hear(begun("O1"), kind="snapshot")
        desk.cut()
        desk.hear(begun("O1"), kind="snapshot")
        desk.mended(complete=False)
        told = len(desk.story)
        desk.hear(report("O3", "canceled"))
        lost = report("O2", "filled", at=5, symbol="BTC/USD", cum_qty=D(1), order_qty=D(1))
        desk.answers[0][1]([lost])
        assert desk.story[told:] == []
        if cut:
            desk.cut()
            desk.hear(begun("O1"), kind="snapshot")
        desk.mended()
        events = [("O2", "filled", "repaired"), ("O3", "canceled", "live")]
        assert desk.story[told:] == ([("gap", 0), *events[:1]] if cut else events)


def test_strangers_whom_nobody_knows_do_not_pile_up():
    """A thousand are remembered; who is forgotten is asked for once more."""
    desk = Desk()
    desk.hear(kind="snapshot")
    for number in range(1100):
        desk.hear(report(f"O{number}", "amended"))
        desk.mended()
    desk.hear(report("O1099", "restated"))
    assert len(desk.holes) == 1100
    assert len(desk.feed._nameless) == 1000


def test_an_answer_to_the_question_of_an_earlier_interruption_is_too_late():
    """Another cut came meanwhile, and with it another question; only one gap is told, and it spans both."""
    desk = Desk()
    desk.hear(begun("O1"), kind="snapshot")
    desk.cut()
    desk.hear(kind="snapshot")
    desk.cut()
    desk.mended(report("O1", "canceled", at=5), place=0)
    assert desk.story[1:] == []
    desk.hear(kind="snapshot")
    desk.mended(report("O1", "canceled", at=5), place=0)
    assert desk.story[1:] == []
    desk.mended(report("O1", "canceled", at=5), place=1)
    assert desk.story[1:] == [("gap", 0), ("O1", "canceled", "repaired")]
    assert desk.items[1].since == 101.0


def test_doubts_end_once_the_hole_is_closed():
    desk = Desk()
    desk.hear(begun("O1"), kind="snapshot")
    desk.feed.distrust(desk.now, "message 2 is missing before 3")
    desk.hear(begun("O1"), kind="snapshot")
    desk.mended()
    assert desk.demand.said == ["wanted", "message 2 is missing before 3", "trusted"]
    assert desk.story[1:] == [("gap", 0)]


def test_an_order_that_should_have_been_told_is_looked_up_and_told():
    desk = Desk()
    desk.hear(kind="snapshot")
    desk.feed.look_up("O1")
    assert desk.holes == [Hole(None, ("O1",))]
    desk.mended(begun("O1"))
    assert desk.story == [("O1", "pending_new", "repaired")]
    assert desk.open[-1] == ["O1"]


def test_the_rate_counter_is_learned_whether_anyone_looks_or_not():
    desk = Desk()
    shy = []
    desk.feed.subscribe(desk.view(shy.append, ratecounter=False), "here", gaps=False)
    desk.hear(kind="snapshot")
    desk.hear(begun("O1", ratecount=D("12.5")))
    assert desk.counters == {"BTC/USD": 12.5}
    assert [item.rate_count for item in (*desk.items, *shy) if isinstance(item, Execution)] == [D("12.5"), None]


def test_what_is_held_back_is_no_sign_of_life():
    """Else a subscription that is lost would be waited for as long as the one before it goes on to speak."""
    desk = Desk()
    desk.hear(kind="snapshot")
    desk.hear(begun("O1"))
    assert desk.feed.frames == 2
    desk.cut()
    desk.hear(begun("O1"))
    desk.hear(begun("O1"))
    assert desk.feed.frames == 2
    desk.hear(kind="snapshot")
    assert desk.feed.frames == 3
