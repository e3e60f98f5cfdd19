"""The private half of a conversation: tokens, orders, level 3's own pace, and accounts with nothing to show."""

from __future__ import annotations

import itertools
import json
from collections import Counter

import pytest

from rxkraken.protocol import spot_v2
from rxkraken.protocol.topics import Topic
from rxkraken.session import events as said
from rxkraken.session.conversation import Conversation
from rxkraken.settings import Settings
from rxkraken.streams.channels import balances_topic, executions_topic, level3_topic

EXECUTIONS = executions_topic()
BALANCES = balances_topic()
FIRST = "T1"
STALE = "ESession:Invalid session"


class Talk:
    """A private conversation with a hand-moved clock."""

    def __init__(self, **changes) -> None:
        self.frames = Counter()
        self.talk = Conversation(Settings(**changes), ids=itertools.count(1), frames=self.frames.__getitem__)
        self.now = 100.0

    def open(self, token=FIRST) -> list[dict]:
        self.talk.opened(self.now)
        if token is not None:
            self.talk.grant(token)
        return self.turn()

    def turn(self, seconds: float = 0.0) -> list[dict]:
        """Let time pass and return what is sent then."""
        self.now += seconds
        self.talk.heard(self.now)
        self.talk.tick(self.now)
        sent, self.talk.outbox = self.talk.outbox, []
        frames = [json.loads(text) for text in sent]
        for ping in frames:
            if ping["method"] == "ping":
                self.talk.replied(spot_v2.reply({"method": "pong", "req_id": ping["req_id"]}), self.now)
        return [frame for frame in frames if frame["method"] != "ping"]

    def events(self) -> list[said.Event]:
        events, self.talk.events = self.talk.events, []
        return events

    def reply(self, request: dict, error: str | None = None, **result) -> spot_v2.Reply:
        frame = {"method": request["method"], "req_id": request["req_id"], "success": error is None}
        channel = request["params"].get("channel")
        frame |= {"error": error} if error else {"result": ({"channel": channel} if channel else {}) | result}
        reply = spot_v2.reply(frame)
        self.talk.replied(reply, self.now)
        return reply

    def order(self, method="add_order", *, timeout=5.0, several=False, **params) -> int:
        return self.talk.order(method, params, self.now, timeout=timeout, several=several)


def test_nothing_private_is_asked_before_there_is_a_token():
    """The socket is open, the token still on its way: no subscription leaves, and none is taken for unanswered."""
    talk = Talk()
    talk.talk.want(EXECUTIONS)
    talk.talk.want(BALANCES)
    assert talk.open(token=None) == []
    assert talk.turn(60) == []
    talk.talk.grant("T1")
    assert [(frame["params"]["channel"], frame["params"]["token"]) for frame in talk.turn()] == [
        ("executions", "T1"),
        ("balances", "T1"),
    ]
    assert talk.events() == []


def test_executions_ask_for_both_snapshots_by_name():
    """Section 5.2: the docs contradict each other about the default of `snap_trades`, so it is said explicitly."""
    talk = Talk()
    talk.talk.want(EXECUTIONS)
    (request,) = talk.open()
    assert request["params"] == {
        "channel": "executions", "token": "T1", "snap_orders": True, "snap_trades": True, "order_status": True,
        "ratecounter": True,
    }  # fmt: skip


def test_a_new_connection_needs_a_new_token():
    talk = Talk()
    talk.talk.want(BALANCES)
    (request,) = talk.open()
    talk.reply(request)
    assert talk.talk.token_used
    talk.talk.lost()
    assert talk.open(token=None) == []
    talk.talk.grant("T2")
    assert not talk.talk.token_used
    assert [frame["params"]["token"] for frame in talk.turn()] == ["T2"]


@pytest.mark.parity("D2-8")
@pytest.mark.parametrize("text", [STALE, "EAPI:Invalid token"])
def test_a_refused_token_is_told_once_and_the_subscription_waits_for_the_next(text):
    """Two channels were asked with it and both are refused: one `TokenRefused`, and nothing is asked meanwhile."""
    talk = Talk()
    talk.talk.want(EXECUTIONS)
    talk.talk.want(BALANCES)
    first, second = talk.open()
    talk.reply(first, text)
    talk.reply(second, text)
    assert talk.events() == [said.TokenRefused()]
    assert talk.turn(5) == []
    talk.talk.grant("T2")
    assert [frame["params"]["token"] for frame in talk.turn(1)] == ["T2", "T2"]
    assert talk.talk.table() == {EXECUTIONS: "asked", BALANCES: "asked"}


def test_another_refusal_of_a_subscription_is_its_end():
    talk = Talk()
    talk.talk.want(EXECUTIONS)
    (request,) = talk.open()
    talk.reply(request, "EGeneral:Permission denied")
    assert talk.events() == [said.Refused(EXECUTIONS, "EGeneral:Permission denied")]
    assert talk.talk.token == "T1"


def test_leaving_a_private_channel_takes_the_token_along():
    """Section 5.2: unsubscribe names channel and token, and none of what subscribe asked for."""
    talk = Talk(linger=0.0)
    talk.talk.want(EXECUTIONS)
    (request,) = talk.open()
    talk.reply(request)
    talk.talk.unwant(EXECUTIONS, talk.now)
    (leave,) = talk.turn()
    assert (leave["method"], leave["params"]) == ("unsubscribe", {"channel": "executions", "token": "T1"})


# --- orders -----------------------------------------------------------------------------------------------------------


def test_an_order_carries_the_token_and_its_answer_comes_back_by_its_id():
    talk = Talk()
    talk.open()
    req_id = talk.order(symbol="BTC/USD", side="buy")
    (request,) = talk.turn()
    assert request == {
        "method": "add_order", "req_id": req_id, "params": {"symbol": "BTC/USD", "side": "buy", "token": "T1"},
    }  # fmt: skip
    talk.now += 0.25
    reply = talk.reply(request, order_id="O1")
    assert talk.events() == [said.Answered(req_id, reply, 0.25)]
    assert talk.talk.token_used
    assert not talk.talk.busy


def test_an_order_that_is_refused_for_its_token_is_answered_and_asks_for_another():
    """Whether it is sent again is not for the conversation to decide."""
    talk = Talk()
    talk.open()
    req_id = talk.order()
    (request,) = talk.turn()
    reply = talk.reply(request, STALE)
    assert talk.events() == [said.TokenRefused(), said.Answered(req_id, reply, 0.0)]
    assert talk.talk.token is None


def test_an_order_without_an_answer_times_out_after_its_own_time():
    talk = Talk()
    talk.open()
    slow, quick = talk.order(timeout=5.0), talk.order(timeout=1.0)
    talk.turn()
    talk.turn(1.0)
    assert talk.events() == [said.TimedOut(quick)]
    talk.turn(4.0)
    assert talk.events() == [said.TimedOut(slow)]


def test_a_cut_tells_orders_that_left_from_those_that_never_did():
    """Eleven at once, ten leave: of one it is certain that nothing happened, of ten it is not."""
    talk = Talk()
    talk.open()
    ids = [talk.order() for _ in range(11)]
    assert [frame["req_id"] for frame in talk.turn()] == ids[:10]
    assert talk.talk.lost() == ids[:10]
    assert talk.events() == [said.Unsent(ids[10])]
    assert talk.open("T2") == []
    assert not talk.talk.busy


def test_orders_do_not_wait_behind_subscriptions():
    """Each has its own pace: forty channels to ask, and the order leaves in the same turn."""
    talk = Talk()
    for number in range(40):
        talk.talk.want(Topic("ohlc", "BTC/USD", (("interval", number),)))
    talk.talk.opened(talk.now)
    talk.talk.grant("T1")
    req_id = talk.order()
    sent = talk.turn()
    assert len(sent) == 11
    assert sent[-1]["req_id"] == req_id


def test_an_order_that_is_forgotten_does_not_leave():
    talk = Talk()
    talk.open()
    req_id = talk.order()
    talk.talk.forget(req_id)
    assert talk.turn() == []
    assert not talk.talk.busy


def test_a_request_with_several_answers_is_open_until_it_is_forgotten():
    """Section 6.5: `cancel_order` of several ids may be answered one by one."""
    talk = Talk()
    talk.open()
    req_id = talk.order("cancel_order", order_id=["O1", "O2"], several=True)
    (request,) = talk.turn()
    replies = [talk.reply(request, order_id="O1"), talk.reply(request, "EOrder:Unknown order")]
    assert talk.events() == [said.Answered(req_id, reply, 0.0) for reply in replies]
    assert talk.talk.busy
    talk.talk.forget(req_id)
    assert not talk.talk.busy


# --- accounts with nothing to show ------------------------------------------------------------------------------------


@pytest.mark.parametrize("topic", [EXECUTIONS, BALANCES])
def test_an_account_with_nothing_to_show_is_taken_as_empty_after_a_moment(topic):
    """Section 5.2: whether an empty snapshot is sent is not known; three seconds are enough, and it is told once."""
    talk = Talk()
    talk.talk.want(topic)
    (request,) = talk.open()
    talk.reply(request)
    for _ in range(2):
        talk.turn(1.0)
    assert talk.events() == [said.Live(topic)]
    for _ in range(60):
        assert talk.turn(1.0) == []
    assert talk.events() == [said.Quiet(topic)]


def test_an_account_that_shows_something_is_never_taken_as_empty_nor_as_stale():
    """Nothing may happen on an account for days."""
    talk = Talk()
    talk.talk.want(EXECUTIONS)
    (request,) = talk.open()
    talk.reply(request)
    talk.frames[EXECUTIONS] += 1
    for _ in range(600):
        assert talk.turn(1.0) == []
    assert talk.events() == [said.Live(EXECUTIONS)]


# --- level 3 ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("depth", "sizes"), [(10, [20, 20, 10]), (100, [4] * 12 + [2]), (1000, [1] * 50)])
def test_level_3_is_asked_within_its_own_budget(depth, sizes):
    """Section 1.3: 200 a second, 5, 25 or 100 a symbol by depth. Two requests of at most 100 leave each second."""
    talk = Talk()
    for number in range(50):
        talk.talk.want(level3_topic(f"S{number}/USD", depth, "verify"))
    sent = [(talk.now, frame) for frame in talk.open()]
    while len(sent) < len(sizes):
        for symbol in sent[-1][1]["params"]["symbol"]:
            talk.reply(sent[-1][1], symbol=symbol)
            talk.frames[level3_topic(symbol, depth, "verify")] += 1
        due = talk.talk.deadline(talk.now)
        sent.extend((talk.now, frame) for frame in talk.turn(max(due - talk.now, 1e-6)))
    assert [len(frame["params"]["symbol"]) for _, frame in sent] == sizes
    assert {frame["params"]["token"] for _, frame in sent} == {"T1"}
    cost = {10: 5, 100: 25, 1000: 100}[depth]
    for at, _ in sent:
        second = [len(frame["params"]["symbol"]) for when, frame in sent if at <= when < at + 0.999]
        assert cost * sum(second) <= 200
