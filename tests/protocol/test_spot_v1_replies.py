"""Every event that sections 2 to 4 and 8 of the ws-v1 reference print, read as an answer in the words of v2."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.models.orders import (
    AddOrderResult,
    AmendOrderResult,
    CancelAllAfterResult,
    CancelAllResult,
    CancelOrderRow,
    EditOrderResult,
)
from rxkraken.models.status import SystemStatus
from rxkraken.protocol import spot_v1
from rxkraken.protocol.spot_v2 import Malformed, Reply
from rxkraken.trading import results
from rxkraken.trading.request import OrderRequest


def read(text: str) -> tuple[object, ...]:
    """What a reply says: method, success, request, symbol, error, threshold."""
    reply = spot_v1.reply(json.loads(text))
    assert reply is not None
    return reply.method, reply.success, reply.req_id, reply.symbol, reply.error, reply.rate_threshold


NOT_HERE = "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
NO_PAIR = "Currency pair not in ISO 4217-A3 format XBTUSDT"
PRINTED = [
    ('{"event":"pong","reqid":42}', ("pong", True, 42, None, None, None)),
    (
        (
            '{"channelID":1668,"channelName":"ticker","event":"subscriptionStatus","pair":"WAVES/EUR","status":"subscribed",'
            '"subscription":{"name":"ticker"}}'
        ),
        ("subscribe", True, None, "WAVES/EUR", None, None),
    ),
    (
        (
            '{"channelID":336,"channelName":"book-10","event":"subscriptionStatus","pair":"XBT/USD","status":"subscribed",'
            '"subscription":{"depth":10,"name":"book"}}'
        ),
        ("subscribe", True, None, "BTC/USD", None, None),
    ),
    (
        (
            '{"channelID":10001,"channelName":"ohlc-5","event":"subscriptionStatus","pair":"XBT/EUR","reqid":42,'
            '"status":"unsubscribed","subscription":{"interval":5,"name":"ohlc"}}'
        ),
        ("unsubscribe", True, 42, "BTC/EUR", None, None),
    ),
    (
        (
            '{"channelName":"ownTrades","event":"subscriptionStatus","reqid":3,"status":"subscribed",'
            '"subscription":{"name":"ownTrades"}}'
        ),
        ("subscribe", True, 3, None, None, None),
    ),
    (
        (
            '{"channelName":"openOrders","event":"subscriptionStatus","status":"subscribed",'
            '"subscription":{"maxratecount":180,"name":"openOrders"}}'
        ),
        ("subscribe", True, None, None, None, 180),
    ),
    (
        (
            '{"errorMessage":"Subscription depth not supported","event":"subscriptionStatus","pair":"XBT/USD",'
            '"status":"error","subscription":{"depth":42,"name":"book"}}'
        ),
        ("subscribe", False, None, "BTC/USD", "Subscription depth not supported", None),
    ),
    (
        (
            f'{{"errorMessage":"{NO_PAIR}","event":"subscriptionStatus","pair":"XBTUSDT","reqid":1,"status":"error",'
            '"subscription":{"depth":10,"name":"book"}}'
        ),
        ("subscribe", False, 1, "BTC/USDT", NO_PAIR, None),
    ),
    (
        (
            f'{{"errorMessage":"{NOT_HERE}","event":"subscriptionStatus","status":"error",'
            '"subscription":{"name":"ownTrades","token":"TOKEN"}}'
        ),
        ("subscribe", False, None, None, NOT_HERE, None),
    ),
    (
        '{"errorMessage":"EOrder:Order minimum not met","event":"addOrderStatus","status":"error"}',
        ("add_order", False, None, None, "EOrder:Order minimum not met", None),
    ),
    (
        '{"errorMessage":"Malformed request","event":"error","reqid":4}',
        ("error", False, 4, None, "Malformed request", None),
    ),
]


@pytest.mark.parametrize(
    ("text", "said"), PRINTED, ids=[f"{number} {said[0]}" for number, (_, said) in enumerate(PRINTED)]
)
def test_each_printed_answer_says_what_it_says(text, said):
    assert read(text) == said


def parsed(text: str, method: str, parse, *args: object):
    """A printed answer to an order request, read by the same parsers that read v2's."""
    reply = spot_v1.reply(json.loads(text))
    assert reply is not None
    assert (reply.method, reply.success, reply.error) == (method, True, None)
    return parse(reply.frame, *args)


def test_results_of_order_requests_are_those_of_v2():
    placed = parsed(
        '{"descr":"buy 0.01770000 XBTUSD @ limit 4000","event":"addOrderStatus","status":"ok",'
        '"txid":"ONPNXH-KMKMU-F4MR5V"}',
        "add_order", results.add_order_result, OrderRequest("add_order", {}, ("mine",)),
    )  # fmt: skip
    assert placed == AddOrderResult("ONPNXH-KMKMU-F4MR5V", "mine")
    amended = parsed(
        '{"amend_id":"TGS4UP-DP6E3-YO3KFN","cl_ord_id":"906bcc85","event":"amendOrderStatus","status":"ok"}',
        "amend_order", results.amend_order_result, OrderRequest("amend_order", {}, ("906bcc85",)),
    )  # fmt: skip
    assert amended == AmendOrderResult("TGS4UP-DP6E3-YO3KFN", None, "906bcc85")
    edited = parsed(
        '{"descr":"order edited price = 9000.00000000","event":"editOrderStatus","originaltxid":"O65KZW-J4AW3-VFS74A",'
        '"reqid":3,"status":"ok","txid":"OTI672-HJFAO-XOIPPK"}',
        "edit_order", results.edit_order_result, OrderRequest("edit_order", {}),
    )  # fmt: skip
    assert edited == EditOrderResult("OTI672-HJFAO-XOIPPK", "O65KZW-J4AW3-VFS74A")
    gone = parsed('{"event":"cancelOrderStatus","status":"ok","reqid":9}', "cancel_order", results.cancel_order_row)
    assert gone == CancelOrderRow()
    count = parsed(
        '{"count":2,"event":"cancelAllStatus","reqid":5,"status":"ok"}', "cancel_all", results.cancel_all_result
    )
    assert count == CancelAllResult(2)


def test_an_order_that_was_only_validated_has_no_id():
    checked = parsed(
        '{"descr":"buy 0.01770000 XBTUSD @ limit 4000","event":"addOrderStatus","status":"ok"}',
        "add_order", results.add_order_result, OrderRequest("add_order", {"validate": True}),
    )  # fmt: skip
    assert checked == AddOrderResult("")
    assert not checked.placed


def test_a_refused_cancel_names_its_error_and_no_order():
    refused = spot_v1.reply({"event": "cancelOrderStatus", "status": "error", "errorMessage": "EOrder:Unknown order"})
    assert refused is not None
    assert results.cancel_order_row(refused.frame) == CancelOrderRow(error="EOrder:Unknown order")


def test_the_switch_tells_its_times_and_that_it_is_off():
    armed = '{"currentTime":"2020-12-21T09:37:09Z","event":"cancelAllOrdersAfterStatus","reqid":1608543428050,'
    on = parsed(
        armed + '"status":"ok","triggerTime":"2020-12-21T09:38:09Z"}',
        "cancel_all_orders_after", results.cancel_all_after_result,
    )  # fmt: skip
    off = parsed(armed + '"status":"ok","triggerTime":"0"}', "cancel_all_orders_after", results.cancel_all_after_result)
    now = datetime(2020, 12, 21, 9, 37, 9, tzinfo=UTC)
    assert (on, off) == (CancelAllAfterResult(now, now.replace(minute=38)), CancelAllAfterResult(now, None))


@pytest.mark.parametrize(
    "frame",
    [
        {"event": "heartbeat"},
        {"event": "systemStatus", "status": "online"},
        {"event": "error", "errorMessage": "Malformed request"},
        {"Error": "Exceeded msg rate"},
        {"event": ["pong"]},
        {},
    ],
    ids=str,
)
def test_what_answers_no_request_is_no_reply(frame):
    assert spot_v1.reply(frame) is None


def test_errors_without_a_request_are_the_connections():
    assert spot_v1.connection_error({"event": "error", "errorMessage": "Malformed request"}) == "Malformed request"
    assert spot_v1.connection_error({"Error": "Exceeded msg rate"}) == "Exceeded msg rate"
    assert spot_v1.connection_error({"event": "heartbeat"}) is None


def test_a_refusal_without_words_is_still_one():
    reply = spot_v1.reply({"event": "addOrderStatus", "status": "error", "reqid": 1})
    assert reply is not None
    assert (reply.success, reply.error) == (False, "refused without a reason")


def test_the_first_frame_tells_the_engine_and_the_connection():
    text = '{"connectionID":13688620010177543517,"event":"systemStatus","status":"online","version":"1.9.1"}'
    assert spot_v1.system_status(json.loads(text)) == SystemStatus("online", "v1", "1.9.1", 13688620010177543517)
    with pytest.raises(Malformed, match="status"):
        spot_v1.system_status({"event": "systemStatus"})


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
EVENTS = (
    "pong",
    "subscriptionStatus",
    "systemStatus",
    "error",
    *(f"{name}Status" for name in ("addOrder", "editOrder")),
)
FIELDS = (
    "status",
    "reqid",
    "pair",
    "subscription",
    "errorMessage",
    "txid",
    "descr",
    "version",
    "connectionID",
    "Error",
)


@given(
    st.fixed_dictionaries({}, optional={"event": st.sampled_from(EVENTS) | ANYTHING} | dict.fromkeys(FIELDS, ANYTHING))
)
def test_any_object_is_read_or_malformed(frame):
    """`reply` and `connection_error` never raise; a status that cannot be read is `Malformed` and nothing else."""
    assert isinstance(spot_v1.reply(frame), Reply | None)
    assert isinstance(spot_v1.connection_error(frame), str | None)
    try:
        assert isinstance(spot_v1.system_status(frame), SystemStatus)
    except Malformed as error:
        assert "status" in str(error)  # noqa: PT017 - which of both happens is hypothesis's choice
