"""The subscription table alone: lines, stages, and that a topic waits for one answer at a time."""

from __future__ import annotations

from collections import Counter

import pytest

from rxkraken.protocol import spot_v2
from rxkraken.protocol.topics import Topic
from rxkraken.session import events as said
from rxkraken.session.subscriptions import SubscriptionTable
from rxkraken.settings import Settings
from rxkraken.streams.channels import balances_topic

BTC, ETH, TRADES = Topic("book", "BTC/USD"), Topic("book", "ETH/USD"), Topic("trade", "BTC/USD")


class Table:
    """A table whose batches are numbered as they are taken."""

    def __init__(self, **changes) -> None:
        self.frames: Counter[Topic] = Counter()
        self.events: list[said.TopicEvent] = []
        self.lines = SubscriptionTable(Settings(**changes), frames=self.frames.__getitem__, tell=self.events.append)
        self.req_id = 0

    def ask(self, now: float = 0.0) -> list[list[Topic]]:
        batches = self.lines.to_ask(now, private=False)
        for batch in batches:
            self.req_id += 1
            self.lines.asked(batch.topics, self.req_id)
        return [list(batch.topics) for batch in batches]

    def leave(self) -> list[list[Topic]]:
        batches = self.lines.to_leave()
        for batch in batches:
            self.req_id += 1
            self.lines.leaving(batch.topics, self.req_id)
        return [list(batch.topics) for batch in batches]

    def answer(self, topic: Topic, error: str | None = None, *, now: float = 0.0, req_id: int | None = None) -> None:
        frame = {"method": "subscribe", "req_id": 1, "success": error is None} | ({"error": error} if error else {})
        self.lines.answered(topic, self.req_id if req_id is None else req_id, spot_v2.reply(frame), now)

    def live(self, topic: Topic) -> None:
        self.lines.want(topic)
        self.ask()
        self.answer(topic)
        self.events.clear()

    def take(self) -> list[said.TopicEvent]:
        events, self.events[:] = list(self.events), []
        return events


def test_a_batch_holds_what_one_request_can_name():
    """Same channel, same parameters, same wish for a snapshot; each topic is in one batch, once."""
    table = Table()
    for topic in (BTC, TRADES, ETH):
        table.lines.want(topic)
    table.lines.want(Topic("book", "SOL/USD"), snapshot=False)
    assert table.ask() == [[BTC, ETH], [TRADES], [Topic("book", "SOL/USD")]]
    assert table.ask() == []


def test_private_topics_are_asked_only_where_private_things_may_be_said():
    table = Table()
    table.lines.want(balances_topic())
    assert (table.lines.to_ask(0.0, private=False), list(table.lines.wishes(private=False))) == ([], [])
    (batch,) = table.lines.to_ask(0.0, private=True)
    assert batch.topics == [balances_topic()]
    assert list(table.lines.wishes(private=True)) == [(balances_topic(), 0.0)]


def test_an_answer_counts_once_and_only_for_the_request_made_last():
    table = Table()
    table.lines.want(BTC)
    table.ask()
    table.answer(BTC, req_id=99)
    assert table.lines.stages() == {BTC: "asked"}
    table.answer(BTC)
    table.answer(BTC, "Currency pair not supported BTC/USD")
    table.answer(ETH)
    assert (table.lines.stages(), table.take()) == ({BTC: "live"}, [said.Live(BTC)])


def test_nothing_is_asked_while_its_unsubscribe_is_unanswered():
    """Whether it leaves because nobody wants it, or to be fetched anew."""
    table = Table()
    for topic in (BTC, ETH):
        table.live(topic)
    table.lines.unwant(BTC, leave_at=5.0)
    assert table.lines.lets_go_at() == 5.0
    table.lines.let_go(5.0)
    table.lines.want(BTC)
    table.lines.renew(ETH, 5.0)
    assert table.leave() == [[BTC], [ETH]]
    assert table.leave() == []
    assert table.ask(100.0) == []
    table.lines.left(BTC, 3)
    table.lines.left(ETH, 4)
    assert table.ask(100.0) == [[BTC, ETH]]
    assert table.take() == [said.Leaving(BTC), said.Renewing(ETH, "resync")]


def test_a_line_that_nobody_wants_goes_as_soon_as_nothing_is_on_the_way():
    """Never asked: at once. Asked: when its answer is here and the unsubscribe is answered."""
    table = Table()
    table.lines.want(ETH)
    table.lines.leave_all(1.0)
    table.lines.let_go(1.0)
    assert table.take() == [said.Left(ETH)]
    table.lines.want(BTC)
    table.ask()
    table.lines.leave_all(1.0)
    table.lines.let_go(1.0)
    assert (table.leave(), len(table.lines)) == ([], 1)
    table.answer(BTC)
    assert table.leave() == [[BTC]]
    table.lines.left(BTC, table.req_id)
    assert (table.take(), len(table.lines)) == ([said.Live(BTC), said.Leaving(BTC), said.Left(BTC)], 0)


def test_a_lost_connection_leaves_what_is_wanted_and_nothing_on_the_way():
    table = Table()
    for topic in (BTC, ETH):
        table.live(topic)
    table.lines.unwant(BTC, leave_at=1.0)
    table.lines.let_go(1.0)
    table.lines.renew(ETH, 1.0)
    table.take()
    table.lines.restart()
    assert (table.leave(), table.take()) == ([], [said.Left(BTC)])
    assert table.ask() == [[ETH]]
    table.answer(ETH, req_id=2)
    assert table.lines.stages() == {ETH: "asked"}


@pytest.mark.parametrize(("frames", "events"), [(1, [said.Live(BTC)]), (0, [said.Unanswered, said.Renewing])])
def test_data_stands_in_for_an_answer_that_does_not_come(frames, events):
    table = Table()
    table.lines.want(BTC)
    table.ask()
    table.frames[BTC] += frames
    table.lines.unanswered(BTC, table.req_id, 10.0)
    assert [event if event in events else type(event) for event in table.take()] == events


def test_a_refusal_that_passes_pauses_and_one_that_does_not_ends():
    table = Table(resync_base=0.5, resync_max=1.0)
    table.lines.want(BTC)
    for now, asked in ((10.0, 0.5), (20.0, 1.0), (30.0, 1.0)):
        table.ask(now)
        table.answer(BTC, "EService:Busy", now=now)
        assert list(table.lines.wishes(private=False)) == [(BTC, now + asked)]
    table.ask(40.0)
    table.answer(BTC, "Currency pair not supported BTC/USD")
    assert (table.take(), len(table.lines)) == ([said.Refused(BTC, "Currency pair not supported BTC/USD")], 0)


def test_a_look_tells_what_is_missing_and_has_the_topic_fetched_anew():
    """Only of what is live: a topic that leaves or waits is not looked at."""
    table = Table()
    account = Topic("executions")
    for topic in (BTC, account, TRADES):
        table.live(topic)
    table.frames[TRADES] += 1
    table.lines.look(1.0)
    table.lines.look(10.0)
    assert table.take() == [
        said.Unanswered(BTC, "no snapshot"), said.Renewing(BTC, "unanswered"), said.Quiet(account),
    ]  # fmt: skip
    assert table.leave() == [[BTC]]
    table.lines.look(121.0)
    assert table.take() == [said.Renewing(TRADES, "stale")]


def test_a_place_is_held_until_the_line_is_gone():
    table = Table()
    table.live(BTC)
    assert (table.lines.holds(("book", "BTC/USD")), table.lines.holds(("book", "ETH/USD"))) == (BTC, None)
    table.lines.leave_all(0.0)
    table.lines.let_go(0.0)
    table.leave()
    assert table.lines.holds(BTC.slot) == BTC
    table.lines.left(BTC, table.req_id)
    assert table.lines.holds(BTC.slot) is None
