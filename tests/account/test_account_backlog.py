"""News that wait for an answer: only while one is awaited and nobody looks, and never longer than anybody asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from reactivex.observer import Observer

from rxkraken.models.trading import Execution, Order
from rxkraken.protocol import spot_v2_account
from rxkraken.streams.account import ExecutionsFeed, Hole, Mended
from rxkraken.streams.backlog import Backlog
from rxkraken.streams.channels import executions_topic

D = Decimal


class Timer:
    """One timer, which can be cancelled."""

    def __init__(self, due, timers):
        self.due, self._timers = due, timers
        timers.append(self)

    def cancel(self):
        self._timers.remove(self)


class Loop:
    """Keeps what it should do soon or later."""

    def __init__(self):
        self.soon, self.timers, self.delays = [], [], []

    def call_soon(self, work):
        self.soon.append(work)

    def call_later(self, delay, work):
        self.delays.append(delay)
        return Timer(work, self.timers)


class Wire:
    """Wants nothing of the wire."""

    def wanted(self, feed):
        """Want it."""

    unwanted = trusted = wanted


class Desk:
    """A feed with one open order, which is kept going and looked at by nobody, and its backlog."""

    def __init__(self):
        self.loop, self.defects, self.holes, self.answers = Loop(), [], [], []
        self.backlog = Backlog(self.loop, self.defects.append)
        self.feed = ExecutionsFeed(
            executions_topic(), Wire(), pytest.fail, self.mend, lambda *_: None, backlog=self.backlog
        )
        self.seen = []
        self.feed.keep(Observer(), "the desk")
        self.now = 100.0
        self.hear("O1", "pending_new", kind="snapshot", symbol="BTC/USD", side="buy", order_qty=D(1))

    def mend(self, hole, done, late):
        self.holes.append(hole)
        self.answers.append(done)

    def hear(self, order_id, exec_type, *, kind="update", **fields):
        self.now += 1
        stamp = (datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=self.now)).isoformat()
        named = {"order_id": order_id, "exec_type": exec_type, "order_status": exec_type, "timestamp": stamp}
        self.feed.receive([spot_v2_account.execution(named | fields)], kind, self.now, 1)

    @property
    def merged(self):
        """What the table says without being asked in the way that makes it look first."""
        return self.feed._table.get("O1").status


def test_news_are_merged_at_once_while_no_answer_is_awaited():
    desk = Desk()
    desk.hear("O1", "new")
    assert (desk.merged, desk.loop.timers, desk.loop.soon) == ("new", [], [])


def test_news_wait_for_the_answer_and_for_those_who_awaited_it():
    desk = Desk()
    desk.backlog.begin()
    desk.hear("O1", "new")
    assert desk.merged == "pending_new"
    desk.backlog.over()
    assert desk.merged == "pending_new"
    (clear,) = desk.loop.soon
    clear()
    assert (desk.merged, desk.loop.timers) == ("new", [])


def test_news_do_not_wait_for_an_answer_that_takes_its_time():
    desk = Desk()
    desk.backlog.begin()
    desk.hear("O1", "new")
    desk.hear("O1", "canceled")
    (timer,) = desk.loop.timers
    assert (desk.merged, desk.loop.delays) == ("pending_new", [0.002])
    timer.due()
    assert (desk.merged, desk.loop.timers) == ("canceled", [])
    desk.backlog.over()
    assert desk.loop.soon == []


@pytest.mark.parametrize(
    "look",
    [
        lambda feed: feed.table.get("O1").status,
        lambda feed: feed.is_live and feed._table.get("O1").status,
        lambda feed: feed.opening()[-1].status,
        lambda feed: feed.reset() or feed._table.get("O1").status,
        lambda feed: feed.subscribe(Observer(), "here", gaps=False) and feed._table.get("O1").status,
        lambda feed: feed.watch(Observer(), "here") and feed._table.get("O1").status,
    ],
)
def test_whoever_asks_finds_everything_that_came(look):
    desk = Desk()
    desk.backlog.begin()
    desk.hear("O1", "new")
    assert look(desk.feed) == "new"
    assert desk.loop.timers == []


@pytest.mark.parametrize("attach", [ExecutionsFeed.watch, lambda *args: ExecutionsFeed.subscribe(*args, gaps=False)])
def test_whoever_looks_is_told_at_once_and_only_of_what_comes_after(attach):
    desk, seen = Desk(), []
    desk.backlog.begin()
    desk.hear("O1", "new")
    attach(desk.feed, Observer(seen.append), "here")
    assert seen == []
    desk.hear("O1", "canceled")
    assert [event.exec_type for event in seen if isinstance(event, Execution)] == ["canceled"]


def test_news_about_a_stranger_that_waited_are_asked_for_and_told_in_order():
    desk = Desk()
    desk.backlog.begin()
    desk.hear("O9", "new")
    desk.hear("O1", "canceled")
    assert desk.holes == []
    assert (desk.feed.is_live, desk.holes, desk.merged) == (False, [Hole(None, ("O9",))], "pending_new")
    desk.answers[0](Mended((), complete=True))
    assert (desk.feed.is_live, desk.merged) == (True, "canceled")


def test_what_an_ack_says_is_learned_after_the_news_that_came_before_it_and_before_those_after_it():
    desk = Desk()
    desk.backlog.begin()
    desk.backlog.begin()
    desk.hear("O1", "new")
    desk.backlog.add(lambda: desk.feed.table.introduce(Order(order_id=f"after {desk.merged}", symbol="ETH/USD")))
    desk.hear("after new", "new")
    desk.backlog.over()
    desk.loop.soon.pop()()
    assert (list(desk.feed.table.open), desk.holes) == (["O1", "after new"], [])
    assert desk.feed.table.get("after new").symbol == "ETH/USD"


def test_what_an_ack_says_is_known_to_those_whom_it_is_told():
    desk = Desk()
    desk.backlog.begin()
    desk.backlog.add(lambda: desk.feed.table.introduce(Order(order_id="O2", symbol="ETH/USD")))
    assert desk.feed.table.described("O2").symbol == "ETH/USD"
    desk.backlog.over()
    assert (desk.loop.soon, desk.loop.timers) == ([], [])


def test_a_snapshot_comes_after_the_news_before_it():
    desk = Desk()
    desk.backlog.begin()
    desk.hear("O1", "canceled")
    desk.hear("O2", "new", kind="snapshot", symbol="BTC/USD")
    assert (desk.merged, desk.holes, list(desk.feed.table.open)) == ("canceled", [], ["O2"])


def test_a_failure_of_waiting_work_is_reported_and_the_rest_is_done():
    desk, done = Desk(), []
    error = RuntimeError("a bug")

    def fail():
        raise error

    desk.backlog.put(fail)
    desk.backlog.put(lambda: done.append("the rest"))
    desk.backlog.clear()
    assert (desk.defects, done) == ([error], ["the rest"])


def test_nothing_waits_any_more_once_the_backlog_is_closed():
    desk = Desk()
    desk.backlog.begin()
    desk.hear("O1", "new")
    desk.backlog.close()
    assert (desk.merged, desk.loop.timers) == ("new", [])
    desk.hear("O1", "canceled")
    assert (desk.merged, desk.loop.timers) == ("canceled", [])
