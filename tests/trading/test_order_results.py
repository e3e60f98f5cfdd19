"""Every answer that section 6 of the ws-v2 reference prints is read, and so are its reported variants."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from rxkraken.errors import ProtocolViolation
from rxkraken.models.orders import (
    AddOrderResult,
    AmendOrderResult,
    BatchAddResult,
    BatchAddRow,
    BatchCancelResult,
    CancelAllAfterResult,
    CancelAllResult,
    CancelOrderResult,
    CancelOrderRow,
    EditOrderResult,
)
from rxkraken.protocol.json import exact
from rxkraken.trading import results
from rxkraken.trading.parameters import cancel_order
from rxkraken.trading.request import OrderRequest

TIMES = '"time_in":"2023-09-21T14:15:07.197274Z","time_out":"2023-09-21T14:15:07.205301Z"'


def reply(method: str, result: str, *, success: str = "true", more: str = ""):
    """A reply as Kraken writes it, with `result` and further members as text."""
    return exact(f'{{"method":"{method}","req_id":1,"result":{result},"success":{success},{more}{TIMES}}}')


def refusal(method: str, error: str):
    """A reply that says no."""
    return exact(f'{{"error":"{error}","method":"{method}","req_id":1,"success":false,{TIMES}}}')


@pytest.mark.parity("K0-58")
@pytest.mark.parametrize(
    ("result", "ids", "expected"),
    [
        (
            '{"order_id":"AA5JGQ-SBMRC-SCJ7J7","order_userref":100054}',
            (),
            AddOrderResult("AA5JGQ-SBMRC-SCJ7J7", order_userref=100054),
        ),
        (
            '{"order_id":"OPS23M-VS41G-DDE5Z2","cl_ord_id":"client-zero"}',
            ("client-zero",),
            AddOrderResult("OPS23M-VS41G-DDE5Z2", "client-zero"),
        ),
        ('{"order_id":"O1"}', ("made-up",), AddOrderResult("O1", "made-up")),
        (
            '{"order_id":"O1","warnings":["stop_price is deprecated"],"new":{"x":1}}',
            (),
            AddOrderResult("O1", warnings=("stop_price is deprecated",)),
        ),
    ],
)
def test_a_placed_order_has_its_ids(result, ids, expected):
    read = results.add_order_result(reply("add_order", result), OrderRequest("add_order", {}, ids))
    assert read == expected
    assert read.placed


def test_an_order_that_was_only_validated_has_an_empty_id_and_no_other_has():
    """A real one that was acknowledged without its id may be in the market: nothing is known of it."""
    answer = reply("add_order", '{"order_id":""}')
    read = results.add_order_result(answer, OrderRequest("add_order", {"validate": True}, ("mine",)))
    assert (read, read.placed) == (AddOrderResult("", "mine"), False)
    for params in ({}, {"validate": False}):
        with pytest.raises(ProtocolViolation, match="no id"):
            results.add_order_result(answer, OrderRequest("add_order", params, ("mine",)))
        with pytest.raises(ProtocolViolation, match="no id"):
            results.edit_order_result(reply("edit_order", '{"order_id":""}'), OrderRequest("edit_order", params))


@pytest.mark.parity("K0-58")
def test_an_amendment_names_the_order_as_the_request_did():
    asked = OrderRequest("amend_order", {}, ("mine",))
    printed = '{"amend_id":"TTW6PD-RC36L-ZZSWNU","cl_ord_id":"mine"}'
    expected = AmendOrderResult("TTW6PD-RC36L-ZZSWNU", cl_ord_id="mine")
    assert results.amend_order_result(reply("amend_order", printed), asked) == expected
    bare = reply("amend_order", '{"amend_id":"TTW6PD-RC36L-ZZSWNU"}')
    assert results.amend_order_result(bare, asked) == expected
    by_order_id = OrderRequest("amend_order", {}, order_ids=("O1",))
    assert results.amend_order_result(bare, by_order_id) == AmendOrderResult("TTW6PD-RC36L-ZZSWNU", order_id="O1")


@pytest.mark.parity("K0-58")
def test_an_edit_has_the_new_id_and_the_old():
    printed = '{"order_id":"7FIK6B-S15X0-DPJJTH","original_order_id":"K1FF7H-A13AR-Q1S9Z6"}'
    asked = OrderRequest("edit_order", {}, order_ids=("K1FF7H-A13AR-Q1S9Z6",))
    expected = EditOrderResult("7FIK6B-S15X0-DPJJTH", "K1FF7H-A13AR-Q1S9Z6")
    assert results.edit_order_result(reply("edit_order", printed), asked) == expected
    assert results.edit_order_result(reply("edit_order", '{"order_id":"7FIK6B-S15X0-DPJJTH"}'), asked) == expected


def cancelled(member: str):
    """One of the replies to `cancel_order`."""
    return reply("cancel_order", f"{{{member}}}")


UNKNOWN = refusal("cancel_order", "EOrder:Unknown order")


@pytest.mark.parity("K0-58")
def test_each_cancelled_order_has_a_row():
    frames = [cancelled('"order_id":"O1"'), cancelled('"cl_ord_id":"mine","warnings":["w"]')]
    read = results.cancel_order_result(frames, cancel_order("O1", cl_ord_ids="mine"))
    assert read == CancelOrderResult((CancelOrderRow("O1"), CancelOrderRow(cl_ord_id="mine", warnings=("w",))))
    assert (read.count, read.errors) == (2, ())


def test_a_nameless_refusal_is_about_the_order_that_no_other_reply_names():
    frames = [UNKNOWN, cancelled('"order_id":"O1"')]
    by_order_id = results.cancel_order_result(frames, cancel_order(["O1", "O2"]))
    by_own_id = results.cancel_order_result(frames, cancel_order("O1", cl_ord_ids="mine"))
    assert by_order_id.orders[0] == CancelOrderRow("O2", error="EOrder:Unknown order")
    assert by_own_id.orders[0] == CancelOrderRow(cl_ord_id="mine", error="EOrder:Unknown order")
    assert (by_order_id.count, by_order_id.errors) == (1, ("EOrder:Unknown order",))


@pytest.mark.parametrize(
    ("frames", "request_"),
    [
        ([UNKNOWN, UNKNOWN], cancel_order(["O1", "O2"])),
        ([UNKNOWN], cancel_order(["O1", "O2"])),
        ([UNKNOWN, cancelled('"order_id":"O1"')], cancel_order("O1", userrefs=7)),
    ],
)
def test_a_refusal_that_may_be_about_several_orders_stays_nameless(frames, request_):
    read = results.cancel_order_result(frames, request_)
    assert read.orders[0] == CancelOrderRow(error="EOrder:Unknown order")


def test_a_refusal_without_words_is_a_refusal():
    frame = exact(f'{{"method":"cancel_order","success":false,{TIMES}}}')
    assert results.cancel_order_row(frame) == CancelOrderRow(error="unknown error")


@pytest.mark.parity("K0-54")
@pytest.mark.parametrize("count", [0, 1])
def test_cancelling_all_gives_a_count(count):
    frame = reply("cancel_all", f'{{"count":{count},"warnings":["w"]}}')
    assert results.cancel_all_result(frame) == CancelAllResult(count, ("w",))


@pytest.mark.parity("K0-55")
@pytest.mark.parametrize(
    ("trigger", "time"),
    [
        (',"triggerTime":"2023-09-21T15:51:09Z"', datetime(2023, 9, 21, 15, 51, 9, tzinfo=UTC)),
        (',"triggerTime":"2023-09-21T15:51:09"', datetime(2023, 9, 21, 15, 51, 9, tzinfo=UTC)),
        (',"triggerTime":"0"', None),
        (',"triggerTime":0', None),
        (',"triggerTime":""', None),
        (',"triggerTime":null', None),
        ("", None),
    ],
)
def test_the_switch_tells_when_it_fires_or_that_it_is_off(trigger, time):
    read = results.cancel_all_after_result(
        reply("cancel_all_orders_after", f'{{"currentTime":"2023-09-21T15:49:29Z"{trigger}}}')
    )
    assert read == CancelAllAfterResult(datetime(2023, 9, 21, 15, 49, 29, tzinfo=UTC), time)
    assert read.armed == (time is not None)


def asked_for(*ids: str) -> OrderRequest:
    """A batch of orders with these ids; an empty one stands for an order with a userref of 3."""
    rows = [{"cl_ord_id": own} if own else {"order_userref": 3} for own in ids]
    return OrderRequest("batch_add", {"orders": rows}, tuple(filter(None, ids)), count=len(ids))


@pytest.mark.parity("K0-58")
@pytest.mark.parametrize(
    "result",
    [
        '[{"order_id":"O1","cl_ord_id":"a"},{"error":"EOrder:Insufficient funds","status":"error"},{"order_id":"O3"}]',
        """{"orders":[{"success":true,"order_id":"O1"},{"success":false,"error":"EOrder:Insufficient funds"},
        {"success":true,"order_id":"O3","order_userref":3}]}""",
    ],
)
@pytest.mark.parametrize("success", ["true", "false"])
def test_each_order_of_a_batch_has_its_fate_in_either_shape(result, success):
    frame = reply("batch_add", result, success=success)
    read = results.batch_add_result(frame, asked_for("a", "b", ""))
    placed_a, placed_c = BatchAddRow("O1", "a"), BatchAddRow("O3", order_userref=3)
    refused = BatchAddRow(cl_ord_id="b", error="EOrder:Insufficient funds")
    assert read == BatchAddResult((placed_a, refused, placed_c))
    assert (read.placed, read.refused) == ((placed_a, placed_c), (refused,))


def test_an_order_that_the_answer_leaves_out_has_an_unknown_fate():
    frame = reply("batch_add", '[{"order_id":"O1"},{"success":false},7]')
    read = results.batch_add_result(frame, asked_for("a", "b", "c", "d"))
    assert [(row.cl_ord_id, row.placed, row.unknown, row.error) for row in read.orders] == [
        ("a", True, False, None),
        ("b", False, False, "unknown error"),
        ("c", False, True, None),
        ("d", False, True, None),
    ]


def test_more_rows_than_orders_are_kept():
    frame = reply("batch_add", '[{"order_id":"O1"},{"order_id":"O2","warnings":["w"]}]')
    read = results.batch_add_result(frame, asked_for("a"))
    assert read.orders == (BatchAddRow("O1", "a"), BatchAddRow("O2", warnings=("w",)))


def test_a_batch_that_was_only_validated_is_neither_placed_nor_refused_nor_unknown():
    read = results.batch_add_result(reply("batch_add", '[{"order_id":""},{"order_id":""}]'), asked_for("a", "b"))
    assert [(row.placed, row.error, row.unknown) for row in read.orders] == [(False, None, False)] * 2


@pytest.mark.parametrize(
    "frame",
    [refusal("batch_add", "EGeneral:Invalid arguments"), reply("batch_add", "[]"), reply("batch_add", '"text"'),
     reply("batch_add", '{"count":2}')],
)  # fmt: skip
def test_a_refused_batch_has_no_rows(frame):
    assert results.batch_rows(frame) == ()
    with pytest.raises(ProtocolViolation, match="no rows"):
        results.batch_add_result(frame, asked_for("a", "b"))


@pytest.mark.parity("K0-57")
@pytest.mark.parametrize(
    "frame",
    [
        exact(f'{{"method":"batch_cancel","orders_cancelled":2,"req_id":0,"success":true,{TIMES}}}'),
        reply("batch_cancel", '{"count":2}'),
        reply("batch_cancel", '{"count":2}', more='"orders_cancelled":2,'),
    ],
)
def test_both_answers_to_a_batch_of_cancels_give_the_count(frame):
    assert results.batch_cancel_result(frame) == BatchCancelResult(2)


NOTHING = OrderRequest("any", {"orders": [{}]})


@pytest.mark.parametrize(
    "read",
    [
        lambda frame: results.add_order_result(frame, NOTHING),
        lambda frame: results.amend_order_result(frame, NOTHING),
        lambda frame: results.edit_order_result(frame, NOTHING),
        results.cancel_all_result,
        results.batch_cancel_result,
        lambda frame: results.batch_add_result(frame, NOTHING),
    ],
)
@pytest.mark.parametrize("result", ["{}", "null", "[]", '"ok"', '{"order_id":7,"count":true,"amend_id":null}'])
def test_an_answer_without_what_it_is_about_is_a_violation(read, result):
    with pytest.raises(ProtocolViolation):
        read(reply("any", result))


def test_a_time_that_is_none_is_a_violation():
    with pytest.raises(ProtocolViolation, match="triggerTime is no time"):
        results.cancel_all_after_result(reply("cancel_all_orders_after", '{"triggerTime":"soon"}'))


def test_results_are_values():
    row = BatchAddRow("O1", "a")
    assert replace(row, order_id="O2") == BatchAddRow("O2", "a")
    assert hash(BatchAddResult((row,))) == hash(BatchAddResult((BatchAddRow("O1", "a"),)))
