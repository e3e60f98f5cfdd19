"""Every request that section 6 of the ws-v2 reference prints can be built, and comes out as it is printed there."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from rxkraken.errors import InvalidArgument
from rxkraken.protocol.json import dumps, exact
from rxkraken.simulator.fields import CONDITIONAL, METHODS, ORDER, TRIGGERS, check_fields, check_object
from rxkraken.trading.parameters import (
    amend_order,
    batch_add,
    batch_cancel,
    cancel_all,
    cancel_all_orders_after,
    cancel_order,
    edit_order,
)
from rxkraken.trading.request import OrderRequest

AT_NOON_AND_5 = "2026-03-01T12:00:05.000Z"


def on_the_wire(request: OrderRequest):
    """The parameters after a round trip through JSON, with every digit."""
    return exact(dumps(request.params))


PRINTED = [
    (
        ("BTC/USD", "buy", "limit"),
        {"price": "26500.4", "qty": "1.2", "order_userref": 100054},
        """{"order_type":"limit","side":"buy","limit_price":26500.4,"order_userref":100054,"order_qty":1.2,
        "symbol":"BTC/USD"}""",
    ),
    (
        ("MATIC/USD", "sell", "stop-loss"),
        {"qty": 100, "trigger_reference": "last", "trigger_price": Decimal("-2.0"), "trigger_price_type": "pct"},
        """{"order_type":"stop-loss","side":"sell","order_qty":100,"symbol":"MATIC/USD",
        "triggers":{"reference":"last","price":-2.0,"price_type":"pct"},"cl_ord_id":"id-1"}""",
    ),
    (
        ("BTC/USD", "buy", "limit"),
        {
            "qty": Decimal("1.2"),
            "price": 28440,
            "conditional": {"order_type": "stop-loss-limit", "trigger_price": 28410, "limit_price": 28400},
        },
        """{"order_type":"limit","side":"buy","order_qty":1.2,"symbol":"BTC/USD","limit_price":28440,
        "conditional":{"order_type":"stop-loss-limit","trigger_price":28410,"limit_price":28400}}""",
    ),
    (
        ("MATIC/USD", "buy", "trailing-stop"),
        {"qty": 100, "triggers": {"reference": "last", "price": "1.0", "price_type": "pct"}},
        """{"order_type":"trailing-stop","side":"buy","order_qty":100,"symbol":"MATIC/USD",
        "triggers":{"reference":"last","price":1.0,"price_type":"pct"},"cl_ord_id":"id-1"}""",
    ),
    (
        ("USDC/USD", "buy", "limit"),
        {"price": "0.95", "time_in_force": "ioc", "qty": "5.0", "fee_preference": "quote", "cl_ord_id": "client-zero"},
        """{"order_type":"limit","side":"buy","symbol":"USDC/USD","limit_price":0.95,"time_in_force":"ioc",
        "order_qty":5.0,"fee_preference":"quote","cl_ord_id":"client-zero"}""",
    ),
]


@pytest.mark.parity("K0-50")
@pytest.mark.parametrize(("what", "given", "printed"), PRINTED)
def test_each_printed_order_is_built_digit_by_digit(add_blind, what, given, printed):
    request = add_blind(*what, **given)
    assert on_the_wire(request) == exact(printed) | {"deadline": AT_NOON_AND_5}
    # 5.0 and 5 are equal numbers; the text tells them apart.
    numbers = re.compile(r":(-?[0-9.]+)")
    assert sorted(numbers.findall(dumps({**request.params, "deadline": ""}))) == sorted(numbers.findall(printed))


def test_an_order_says_how_it_is_found_again_and_until_when_it_counts(add, now):
    request = add("buy", "limit", qty="0.01", price="25000", deadline=2.5)
    assert request == OrderRequest(
        method="add_order",
        params={
            "order_type": "limit",
            "side": "buy",
            "order_qty": Decimal("0.01"),
            "limit_price": Decimal(25000),
            "cl_ord_id": "id-1",
            "symbol": "BTC/USD",
            "deadline": "2026-03-01T12:00:02.500Z",
        },
        cl_ord_ids=("id-1",),
        symbol="BTC/USD",
        deadline=now + 2.5,
        count=1,
    )


@pytest.mark.parity("K0-50")
@pytest.mark.parity("D0-5")
def test_every_argument_has_its_place_and_none_is_a_token(add):
    request = add(
        "sell",
        "trailing-stop-limit",
        qty=2,
        price=0,
        limit_price_type="quote",
        trigger_price=Decimal(15),
        trigger_reference="index",
        trigger_price_type="quote",
        time_in_force="gtd",
        margin=True,
        post_only=False,
        reduce_only=False,
        effective_time=1_772_370_000,
        expire_time="2026-03-02T12:00:00+01:00",
        deadline=10,
        cl_ord_id="6d1b345e2b3b4cf48b5b1c7b1a1b9f4e",
        fee_preference="base",
        no_mpp=False,
        stp_type="cancel_both",
        validate=True,
        sender_sub_id="desk 7",
        extra={"shiny_new": "yes"},
    )
    assert request.params == {
        "order_type": "trailing-stop-limit",
        "side": "sell",
        "order_qty": Decimal(2),
        "limit_price": Decimal(0),
        "limit_price_type": "quote",
        "triggers": {"reference": "index", "price": Decimal(15), "price_type": "quote"},
        "time_in_force": "gtd",
        "effective_time": "2026-03-01T13:00:00Z",
        "expire_time": "2026-03-02T11:00:00Z",
        "margin": True,
        "reduce_only": False,
        "post_only": False,
        "no_mpp": False,
        "fee_preference": "base",
        "stp_type": "cancel_both",
        "sender_sub_id": "desk 7",
        "cl_ord_id": "6d1b345e2b3b4cf48b5b1c7b1a1b9f4e",
        "symbol": "BTC/USD",
        "validate": True,
        "deadline": "2026-03-01T12:00:10.000Z",
        "shiny_new": "yes",
    }


def test_an_iceberg_and_an_order_by_cash_have_their_own_fields(add):
    iceberg = add("buy", "iceberg", qty=15, display_qty=1, price="25000.1")
    cash = add("buy", "market", cash_order_qty="100.50")
    assert [iceberg.params["display_qty"], cash.params["cash_order_qty"]] == [Decimal(1), Decimal("100.50")]
    assert "order_qty" not in cash.params


def test_a_symbol_may_be_spelled_in_any_way(add_blind):
    assert add_blind("xbt-usd", "buy", "limit", qty=1, price=1).symbol == "BTC/USD"


def test_rules_of_another_market_are_not_used(add_blind, btcusd):
    with pytest.raises(InvalidArgument, match=r"ETH/USD.*BTC/USD"):
        add_blind("ETH/USD", "buy", "limit", qty=1, price=1, instrument=btcusd)


@pytest.mark.parametrize(
    ("identity", "sent"),
    [
        ({}, {"cl_ord_id": "id-1"}),
        ({"cl_ord_id": "mine"}, {"cl_ord_id": "mine"}),
        ({"order_userref": -7}, {"order_userref": -7}),
        ({"conditional": {"order_type": "limit", "limit_price": 30000}}, {}),
    ],
)
def test_an_order_has_an_id_unless_kraken_refuses_one(add, identity, sent):
    request = add("buy", "limit", qty=1, price=25000, **identity)
    ids = {name: request.params[name] for name in ("cl_ord_id", "order_userref") if name in request.params}
    assert ids == sent
    assert request.cl_ord_ids == ((sent["cl_ord_id"],) if "cl_ord_id" in sent else ())


@pytest.mark.parity("K0-51")
def test_the_printed_amendment_is_built_as_it_is_printed(now):
    own = "2c6be801-1f53-4f79-a0bb-4ea1c95dfae9"
    request = amend_order(cl_ord_id=own, price=490795, qty="1.2", now=now)
    printed = f'{{"cl_ord_id":"{own}","limit_price":490795,"order_qty":1.2}}'
    assert on_the_wire(request) == exact(printed) | {"deadline": AT_NOON_AND_5}
    assert (request.cl_ord_ids, request.order_ids, request.symbol, request.count) == ((own,), (), None, 1)


@pytest.mark.parity("K0-51")
def test_an_amendment_carries_all_that_may_change(amend):
    request = amend(
        "OM5CRX-N2HAL-GFGWE9",
        qty=3,
        price="-0.5",
        limit_price_type="pct",
        trigger_price="25000.1",
        trigger_price_type="static",
        display_qty="0.3",
        post_only=True,
        symbol="BTC/USD",
        extra={"new": 1},
    )
    assert request == OrderRequest(
        "amend_order",
        {
            "order_id": "OM5CRX-N2HAL-GFGWE9",
            "order_qty": Decimal(3),
            "display_qty": Decimal("0.3"),
            "limit_price": Decimal("-0.5"),
            "limit_price_type": "pct",
            "trigger_price": Decimal("25000.1"),
            "trigger_price_type": "static",
            "post_only": True,
            "symbol": "BTC/USD",
            "deadline": AT_NOON_AND_5,
            "new": 1,
        },
        order_ids=("OM5CRX-N2HAL-GFGWE9",),
        symbol="BTC/USD",
        deadline=1_772_366_405.0,
        count=1,
    )


@pytest.mark.parity("K0-52")
def test_the_printed_edit_is_built_as_it_is_printed(now):
    request = edit_order("K1FF7H-A13AR-Q1S9Z6", "USDC/USD", price="0.93", qty="6.1", now=now)
    printed = '{"order_id":"K1FF7H-A13AR-Q1S9Z6","symbol":"USDC/USD","limit_price":0.93,"order_qty":6.1}'
    assert on_the_wire(request) == exact(printed) | {"deadline": AT_NOON_AND_5}
    assert (request.cl_ord_ids, request.order_ids, request.count) == ((), ("K1FF7H-A13AR-Q1S9Z6",), 1)


@pytest.mark.parity("K0-52")
def test_an_edit_carries_all_that_may_change(edit):
    request = edit(
        "O1",
        qty=30,
        price=25000,
        display_qty=2,
        trigger_price=26000,
        trigger_reference="last",
        fee_preference="base",
        order_userref=5,
        post_only=True,
        reduce_only=False,
        no_mpp=False,
        validate=False,
    )
    assert request.params == {
        "order_id": "O1",
        "symbol": "BTC/USD",
        "order_qty": Decimal(30),
        "display_qty": Decimal(2),
        "limit_price": Decimal(25000),
        "triggers": {"reference": "last", "price": Decimal(26000)},
        "post_only": True,
        "reduce_only": False,
        "no_mpp": False,
        "fee_preference": "base",
        "order_userref": 5,
        "validate": False,
        "deadline": AT_NOON_AND_5,
    }


@pytest.mark.parity("K0-53")
def test_orders_are_cancelled_by_three_kinds_of_names():
    first, second = "OM5CRX-N2HAL-GFGWE9", "OLUMT4-UTEGU-ZYM7E9"
    assert cancel_order([first, second]) == OrderRequest(
        "cancel_order", {"order_id": [first, second]}, order_ids=(first, second), count=2
    )
    assert cancel_order(first, cl_ord_ids=["mine"], userrefs=7) == OrderRequest(
        "cancel_order",
        {"order_id": [first], "cl_ord_id": ["mine"], "order_userref": [7]},
        cl_ord_ids=("mine",),
        order_ids=(first,),
        count=3,
    )
    assert cancel_order(name for name in (first, first)).params == {"order_id": [first]}


@pytest.mark.parity("K0-57")
def test_a_batch_is_cancelled_with_tags_written_as_text():
    request = batch_cancel(["IY8YF6-Y6LCR-AMZD7P", "XR6VND-GLY6K-DL33TB"])
    assert request.params == {"orders": ["IY8YF6-Y6LCR-AMZD7P", "XR6VND-GLY6K-DL33TB"]}
    mixed = batch_cancel("O1", cl_ord_ids=["mine"], userrefs=[7, 8])
    assert mixed == OrderRequest(
        "batch_cancel",
        {"orders": ["O1", "7", "8"], "cl_ord_id": ["mine"]},
        cl_ord_ids=("mine",),
        order_ids=("O1",),
        count=4,
    )
    assert batch_cancel(cl_ord_ids=["a", "b"]).params == {"cl_ord_id": ["a", "b"]}


@pytest.mark.parity("K0-54")
@pytest.mark.parity("K0-55")
def test_cancelling_everything_names_no_order():
    assert cancel_all() == OrderRequest("cancel_all", {})
    assert [cancel_all_orders_after(seconds).params for seconds in (0, 100, 86399)] == [
        {"timeout": 0},
        {"timeout": 100},
        {"timeout": 86399},
    ]


@pytest.mark.parametrize("timeout", [-1, 86400, 60.0, True, "60", None])
def test_a_timeout_is_whole_seconds_of_less_than_a_day(timeout):
    with pytest.raises(InvalidArgument, match="0 to 86399"):
        cancel_all_orders_after(timeout)


@pytest.mark.parametrize(
    "ask",
    [
        cancel_order,
        lambda: cancel_order(None),
        lambda: cancel_order(""),
        lambda: cancel_order(7),
        lambda: cancel_order([["O1"]]),
        lambda: cancel_order(userrefs=2**31),
        lambda: cancel_order(cl_ord_ids="x" * 19),
        batch_cancel,
        lambda: batch_cancel("O1"),
        lambda: batch_cancel(["O1", "O1"]),
        lambda: batch_cancel([f"O{n}" for n in range(51)]),
    ],
)
def test_a_cancel_must_name_orders_and_not_too_many(ask):
    with pytest.raises(InvalidArgument):
        ask()


@pytest.mark.parity("K0-56")
def test_the_printed_batch_is_built_as_it_is_printed_and_each_order_gets_an_id(new_id, now):
    row = {"order_type": "limit", "side": "buy", "qty": "5.0", "post_only": True}
    orders = [row | {"price": "0.99", "fee_preference": "quote"}, row | {"price": "0.95", "fee_preference": "base"}]
    request = batch_add("USDC/USD", orders, now=now, new_id=new_id)
    printed = exact(
        '{"symbol":"USDC/USD","orders":[{"order_type":"limit","side":"buy","limit_price":0.99,"order_qty":5.0,'
        '"post_only":true,"fee_preference":"quote","cl_ord_id":"id-1"},{"order_type":"limit","side":"buy",'
        '"limit_price":0.95,"order_qty":5.0,"post_only":true,"fee_preference":"base","cl_ord_id":"id-2"}]}'
    )
    assert on_the_wire(request) == printed | {"deadline": AT_NOON_AND_5}
    assert (request.cl_ord_ids, request.symbol, request.count) == (("id-1", "id-2"), "USDC/USD", 2)


ROW = {"order_type": "limit", "side": "buy", "qty": 1, "price": 25000}


@pytest.mark.parity("K0-56")
def test_a_batch_keeps_what_is_its_own_out_of_the_orders(batch):
    rows = [
        ROW | {"cl_ord_id": "a", "price": "25000.06"},
        ROW | {"order_userref": 3, "rounding": "up", "price": "1.01"},
    ]
    request = batch(rows, validate=True, deadline=1, rounding="nearest", extra={"new": True})
    assert request.params == {
        "symbol": "BTC/USD",
        "orders": [
            {
                "order_type": "limit",
                "side": "buy",
                "order_qty": Decimal(1),
                "limit_price": Decimal("25000.1"),
                "cl_ord_id": "a",
            },
            {
                "order_type": "limit",
                "side": "buy",
                "order_qty": Decimal(1),
                "limit_price": Decimal("1.1"),
                "order_userref": 3,
            },
        ],
        "validate": True,
        "deadline": "2026-03-01T12:00:01.000Z",
        "new": True,
    }
    assert (request.cl_ord_ids, request.count) == (("a",), 2)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([ROW], "2 to 15"),
        (None, "a batch of 0 orders"),
        ([ROW, "limit"], r"orders\[1\]: 'limit' is no order; give a mapping"),
        ([ROW, None], r"orders\[1\]: None is no order"),
        ([ROW, ROW | {"extra": 7}], r"orders\[1\]: extra=7 is no mapping"),
        ([ROW] * 16, "2 to 15"),
        ([ROW, ROW | {"token": "secret"}], r"orders\[1\]: token belongs to the whole batch"),
        ([ROW, ROW | {"symbol": "BTC/USD"}], r"orders\[1\]: symbol belongs"),
        ([ROW, ROW | {"deadline": 5}], r"orders\[1\]: deadline belongs"),
        ([ROW, ROW | {"validate": True}], r"orders\[1\]: validate belongs"),
        ([ROW | {"order_qty": 1}, ROW], r"orders\[0\]: order_qty is called qty"),
        ([ROW | {"pric": 1}, ROW], r"orders\[0\]: argument='pric' is not one of .* did you mean 'price'"),
        ([ROW, ROW, ROW | {"price": "0.05"}], r"orders\[2\]: price 0.05 is not a multiple of 0.1"),
        ([ROW | {"cl_ord_id": "a"}] * 2, "cl_ord_id a is given to several"),
    ],
)
def test_a_batch_says_which_of_its_orders_is_wrong(batch, rows, words):
    with pytest.raises(InvalidArgument, match=words):
        batch(rows)


def test_an_exchange_written_without_this_code_knows_every_field_and_its_type(add, batch, amend, edit):
    every_field = add(
        "sell", "trailing-stop-limit", qty=2, price=0, limit_price_type="quote", trigger_price=15,
        trigger_reference="index", trigger_price_type="quote", time_in_force="gtd", margin=True, post_only=False,
        reduce_only=False, effective_time=1_772_370_000, expire_time=1_772_380_000, cl_ord_id="mine", validate=True,
        fee_preference="base", no_mpp=False, stp_type="cancel_both", sender_sub_id="desk7",
    )  # fmt: skip
    closing = {"order_type": "trailing-stop-limit", "limit_price": 0, "limit_price_type": "pct"}
    closing |= {"trigger_price": 1, "trigger_price_type": "pct"}
    closed = add("buy", "iceberg", qty=2, display_qty=1, price=1, order_userref=1, conditional=closing)
    requests = [
        every_field,
        closed,
        add("buy", "market", cash_order_qty=10),
        batch([ROW, ROW], validate=True),
        amend("O1", qty=1, price=1, limit_price_type="static", trigger_price=1, display_qty=1, post_only=True),
        amend(cl_ord_id="mine", price=1, symbol="BTC/USD"),
        edit("O1", qty=1, price=1, trigger_price=1, fee_preference="base", order_userref=1, validate=True),
        cancel_order("O1", cl_ord_ids="mine", userrefs=7),
        batch_cancel("O1", cl_ord_ids="mine", userrefs=7),
        cancel_all(),
        cancel_all_orders_after(60),
    ]
    for request in requests:
        check_fields(request.method, on_the_wire(request))
    for row in on_the_wire(requests[3])["orders"]:
        check_object(row, ORDER, "order")
    check_object(on_the_wire(every_field)["triggers"], TRIGGERS, "triggers")
    check_object(on_the_wire(closed)["conditional"], CONDITIONAL, "conditional")
    assert {request.method for request in requests} == set(METHODS)
