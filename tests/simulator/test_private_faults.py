"""Faults that strike accounts and orders: lost answers, cut lines, gaps, storms. What was placed is always knowable."""

from __future__ import annotations

import json
from random import Random

import pytest
from auth_trader import Trader, order

from rxkraken.simulator.exchange import Exchange
from rxkraken.simulator.plan import random_fault


@pytest.fixture
def exchange():
    """Markets that stand still unless an account moves them."""
    return Exchange(seed=5, symbols=["BTC/USD", "ETH/USD", "PEPE/USD"], rate=0)


@pytest.fixture
def trader(exchange):
    return Trader(exchange)


def outcome(trader: Trader) -> tuple[list[str | None], int]:
    """What became of the requests, and how many orders there are."""
    return [received.outcome for received in trader.exchange.received], len(trader.account.orders)


def test_a_lost_answer_leaves_the_order_in_the_market(trader):
    """`executions` and the list of what was received know of it."""
    trader.exchange.fault("lose_ack", symbol="BTC/USD")
    assert trader.ask("add_order", **order(cl_ord_id="mine")) == []
    assert outcome(trader) == (["accepted"], 1)
    assert trader.exchange.received[0].cl_ord_ids == ("mine",)
    assert trader.story() == ["pending_new", "new"]
    assert trader.ask("cancel_order", cl_ord_id=["mine"]) == [{"success": True, "result": {"cl_ord_id": "mine"}}]


def test_an_answer_can_come_long_after_its_executions(trader):
    trader.exchange.fault("late_response", seconds=3)
    assert trader.ask("add_order", **order()) == []
    assert trader.story() == ["pending_new", "new"]
    seen = len(trader.texts)
    trader.wait(3.1)
    assert [frame["method"] for frame in trader.frames(seen) if "method" in frame] == ["add_order"]


@pytest.mark.parametrize(("name", "placed"), [("cut_before", 0), ("cut_after", 1)])
def test_a_cut_line_hides_whether_the_order_was_placed(trader, name, placed):
    """Either way the client sees the same: no answer, no close frame."""
    trader.exchange.fault(name)
    assert trader.ask("add_order", **order()) == []
    assert trader.closed == [(1006, "")]
    assert outcome(trader) == (["accepted"] * placed, placed)
    assert [record.name for record in trader.exchange.faults] == [name]


def test_a_request_whose_line_breaks_at_once_is_carried_out_all_the_same(trader):
    """What the exchange has received, it does."""
    body = {"method": "add_order", "params": {"token": trader.token, **order()}}
    trader.connection.receive(json.dumps(body))
    trader.connection.closed()
    trader.wait(0.1)
    assert outcome(trader) == (["accepted"], 1)


def test_a_gap_is_counted_and_a_duplicate_is_not(trader):
    trader.exchange.fault("sequence_gap")
    trader.exchange.fault("duplicate_execution", after=1)
    trader.add(**order())
    trader.wait(1)
    trader.add(**order())
    frames = [frame for frame in trader.frames() if frame.get("channel") == "executions"]
    assert [frame["sequence"] for frame in frames] == [1, 3, 4, 4, 5]
    assert [frame["data"] for frame in frames[2:3]] == [frame["data"] for frame in frames[3:4]]


def test_an_upgrade_forgets_tokens_and_subscriptions_go_on(trader):
    trader.exchange.fault("invalidate_token")
    (refused,) = trader.ask("add_order", **order())
    assert refused == {"success": False, "error": "ESession:Invalid session", "status": "error"}
    trader.token, _ = trader.exchange.issue_token(trader.exchange.credentials.key)
    trader.add(**order())
    assert trader.story() == ["pending_new", "new"]


def test_a_storm_refuses_orders_and_changes_but_no_cancels(trader):
    placed = trader.add(**order())
    trader.exchange.fault("rate_limit", seconds=5)
    storm = {"success": False, "error": "EOrder:Rate limit exceeded"}
    assert trader.ask("add_order", **order()) == [storm]
    assert trader.ask("amend_order", order_id=placed, order_qty=0.2) == [storm]
    assert trader.ask("batch_add", symbol="BTC/USD", orders=[order(symbol=None)] * 2) == [storm]
    assert trader.ask("cancel_order", order_id=[placed])[0]["success"]
    trader.wait(5)
    trader.add(**order())


def test_a_cancel_only_phase_is_announced_and_ends(trader):
    trader.exchange.fault("cancel_only", seconds=2)
    assert trader.ask("add_order", **order())[0]["error"] == "EService:Market in cancel_only mode"
    trader.wait(2)
    trader.add(**order())
    systems = [frame["data"][0]["system"] for frame in trader.frames() if frame.get("channel") == "status"]
    assert systems == ["online", "cancel_only", "online"]


def test_a_snapshot_in_mid_stream_goes_on_counting(trader):
    trader.add(**order())
    trader.exchange.fault("duplicate_snapshot", channel="executions")
    trader.wait(0.1)
    frames = [frame for frame in trader.frames() if frame.get("channel") == "executions"]
    assert [(frame["type"], frame["sequence"]) for frame in frames] == [
        ("snapshot", 1), ("update", 2), ("update", 3), ("snapshot", 4),
    ]  # fmt: skip
    assert [entry["order_status"] for entry in frames[-1]["data"]] == ["new"]


def test_a_swallowed_subscribe_can_still_deliver(exchange):
    """The data comes without the ack."""
    exchange.fault("swallow_ack", method="subscribe", data=True)
    trader = Trader(exchange)
    assert [frame["type"] for frame in trader.frames() if frame.get("channel") == "executions"] == ["snapshot"]
    assert not [frame for frame in trader.frames() if "method" in frame]


def test_random_faults_strike_accounts_only_when_they_are_asked_to(exchange):
    """Without `private` a seed means what it always meant; every fault that is drawn can be injected."""
    own = {"lose_ack", "late_response", "cut_before", "cut_after", "sequence_gap", "duplicate_execution"}
    own |= {"invalidate_token", "rate_limit", "cancel_only"}
    for private in (False, True):
        chance = Random(3)
        drawn = [random_fault(chance, ["BTC/USD"], private=private) for _ in range(500)]
        assert {name for name, _ in drawn} & own == (own if private else set())
        exchange.script((1.0, name, parameters) for name, parameters in drawn)
    exchange.random_faults(3, every=0.1, private=True)
    exchange.advance(100)
    assert {record.name for record in exchange.faults} >= {"invalidate_token", "rate_limit", "cancel_only"}
