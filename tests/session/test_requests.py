"""The request table alone: what waits, what is on the wire, what is closed, and that nothing is two of these."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from rxkraken.protocol import spot_v2
from rxkraken.protocol.topics import Topic
from rxkraken.session.pacing import TokenBucket
from rxkraken.session.requests import Request, RequestTable, by_symbol

BTC, ETH = Topic("book", "BTC/USD"), Topic("book", "ETH/USD")


def table(*, burst: int = 10, orders: int = 10) -> RequestTable:
    return RequestTable(TokenBucket(1.0, burst), TokenBucket(1.0, orders))


def request(req_id: int, kind="request", **fields) -> Request:
    return Request(req_id, kind, f"text {req_id}", 5.0, **fields)


def reply(req_id: int, symbol: str | None = None, error: str | None = None) -> spot_v2.Reply:
    frame = {"method": "subscribe", "req_id": req_id, "success": error is None, "result": {"symbol": symbol}}
    return spot_v2.reply(frame | ({"error": error} if error else {}))


def test_the_time_for_an_answer_runs_from_when_the_request_left():
    """It waited three seconds for its turn, and has five from then on."""
    requests = table(burst=1)
    requests.wait(request(1))
    requests.wait(request(2))
    assert list(requests.departures(100.0)) == ["text 1"]
    assert requests.departs_at(100.0) == 101.0
    assert list(requests.departures(103.0)) == ["text 2"]
    assert [each.req_id for each in requests.expire(105.0)] == [1]
    assert requests.expires_at() == 108.0
    assert [each.req_id for each in requests.expire(108.0)] == [2]
    assert (requests.busy, requests.expires_at()) == (False, math.inf)


def test_what_is_closed_before_it_left_never_leaves():
    """Given up by its caller, or forgotten."""
    requests = table()
    requests.wait(request(1, give_up_at=105.0))
    requests.wait(request(2, "order"))
    requests.wait(request(3))
    requests.forget(2)
    assert [(each.req_id, each.has_left) for each in requests.expire(105.0)] == [(1, False)]
    assert requests.order_departures(105.0) == ([], [])
    assert list(requests.departures(105.0)) == ["text 3"]


def test_pings_leave_first_and_unpaced_and_orders_wait_for_nobody():
    requests = table(burst=1, orders=1)
    for req_id, kind in enumerate(["unsubscribe", "request", "order", "order", "ping"], start=1):
        requests.wait(request(req_id, kind))
    assert list(requests.departures(100.0)) == ["text 5", "text 1"]
    assert requests.order_departures(100.0) == (["text 3"], [])


def test_an_order_past_its_time_is_told_and_closed():
    requests = table(orders=1)
    requests.wait(request(1, "order"))
    requests.wait(request(2, "order", leave_by=100.5))
    assert requests.order_departures(100.0) == (["text 1"], [])
    assert requests.order_departures(101.0) == ([], [2])
    assert [each.req_id for each in requests.clear()] == [1]


def test_a_reply_before_its_request_left_fits_nothing():
    requests = table()
    requests.wait(request(1))
    assert requests.find(1) is None
    assert requests.find(None) is None


def test_each_topic_of_a_request_is_answered_once_and_the_last_closes_it():
    """One by one, by its symbol; a success that names none of several fits nothing."""
    requests = table()
    asked = request(1, "subscribe", topics=by_symbol([BTC, ETH]))
    requests.send(asked, 100.0)
    assert requests.answered(asked, reply(1)) is None
    assert requests.answered(asked, reply(1, "ETH/USD")) == [ETH]
    assert requests.find(1) is asked
    assert requests.answered(asked, reply(1)) == [BTC]
    assert requests.find(1) is None


def test_a_refusal_without_a_symbol_answers_for_all_that_are_left():
    requests = table()
    asked = request(1, "subscribe", topics=by_symbol([BTC, ETH]))
    requests.send(asked, 100.0)
    assert requests.answered(asked, reply(1, error="Subscription depth not supported")) == [BTC, ETH]
    assert not requests.busy


def test_a_request_with_several_answers_stays_open_until_it_is_forgotten():
    requests = table()
    asked = request(1, "order", several=True)
    requests.send(asked, 100.0)
    assert [requests.answered(asked, reply(1)) for _ in range(3)] == [(), (), ()]
    requests.forget(1)
    assert requests.find(1) is None


def test_nobody_is_busy_for_a_probe():
    requests = table()
    requests.send(request(1, "probe"), 100.0)
    assert (requests.busy, requests.expires_at()) == (False, 105.0)
    requests.forgive(107.0)
    assert requests.expires_at() == 107.0


KINDS = st.sampled_from(["unsubscribe", "request", "order", "ping"])
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), KINDS),
        st.tuples(st.sampled_from(["forget", "answer"]), st.integers(1, 20)),
        st.tuples(st.just("pass"), st.floats(0.0, 4.0)),
        st.tuples(st.just("clear"), st.none()),
    ),
    max_size=40,
)


@given(STEPS)
def test_every_request_is_closed_once_and_leaves_at_most_once_while_it_is_open(steps):
    """Whatever is waited for, answered, forgotten and expired, in any order."""
    requests, now, made = table(burst=2, orders=1), 0.0, 0
    open_ids: set[int] = set()
    left: list[str] = []

    def close(ids) -> None:
        for req_id in ids:
            open_ids.remove(req_id)

    for name, value in steps:
        match name:
            case "wait":
                made += 1
                requests.wait(request(made, value, give_up_at=now + 6.0))
                open_ids.add(made)
            case "forget":
                requests.forget(value)
                open_ids.discard(value)
            case "answer" if (found := requests.find(value)) is not None:
                assert f"text {value}" in left
                requests.answered(found, reply(value))
                close([value])
            case "pass":
                now += value
                close(each.req_id for each in requests.expire(now))
                texts = [*requests.departures(now), *requests.order_departures(now)[0]]
                assert {int(text.split()[1]) for text in texts} <= open_ids
                left += texts
            case "clear":
                close([each.req_id for each in requests.clear()])
                assert open_ids == set()
    assert len(left) == len(set(left))
    assert requests.busy == bool(open_ids)
