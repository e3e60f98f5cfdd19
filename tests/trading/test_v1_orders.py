"""Orders in the words of WebSocket v1: every parameter of section 8 of its reference, out of the v2 ones."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest

from rxkraken.errors import InvalidOrder
from rxkraken.protocol import spot_v1
from rxkraken.trading import parameters

if TYPE_CHECKING:
    from rxkraken.trading.request import OrderRequest

NOW = 1_772_366_400.0  # 2026-03-01T12:00:00Z
DEADLINE = "2026-03-01T12:00:05.000Z"
# The tables of sections 8.1 to 8.6.
PRINTED_FIELDS = {
    "addOrder": {
        "ordertype", "type", "pair", "volume", "price", "price2", "leverage", "margin", "reduce_only", "oflags",
        "starttm", "expiretm", "deadline", "timeinforce", "userref", "cl_ord_id", "sender_sub_id", "stp_type",
        "validate", "close[ordertype]", "close[price]", "close[price2]",
    },
    "amendOrder": {
        "txid", "cl_ord_id", "volume", "display_volume", "limit_price", "trigger_price", "post_only", "pair",
        "deadline",
    },
    "editOrder": {"orderid", "pair", "volume", "price", "price2", "oflags", "newuserref", "validate"},
    "cancelOrder": {"txid", "cl_ord_id"},
    "cancelAll": set(),
    "cancelAllOrdersAfter": {"timeout"},
}  # fmt: skip


def sent(request: OrderRequest) -> dict:
    """The fields of the frame, without what all frames have; each is one that the reference prints."""
    frame = json.loads(spot_v1.private_request(request.method, request.params, 7, "TOKEN"))
    fields = {name: value for name, value in frame.items() if name not in ("event", "reqid", "token")}
    assert (frame["reqid"], frame["token"]) == (7, "TOKEN")
    assert fields.keys() <= PRINTED_FIELDS[frame["event"]]
    assert not any(value is None or isinstance(value, float) for value in fields.values())
    return fields


def add(order_type: str, side: str = "buy", **given: object) -> dict:
    """What `add_order` sends for one BTC, without the deadline that every order has."""
    given = {"qty": Decimal(1), **given}
    if "cash_order_qty" in given:
        del given["qty"]
    request = parameters.add_order("BTC/USD", side, order_type, now=NOW, new_id=lambda: "id-1", **given)
    fields = sent(request)
    assert fields.pop("deadline") == DEADLINE
    assert (fields.pop("pair"), fields.pop("type"), fields.pop("ordertype")) == ("XBT/USD", side, order_type)
    return fields


def test_the_printed_order_comes_out_as_printed():
    """All values are texts, and the closing order has its literal bracket keys at the top level."""
    fields = add(
        "limit", price=9000, qty="10.123", order_userref=666, post_only=True,
        conditional={"order_type": "limit", "limit_price": 9100},
    )  # fmt: skip
    assert fields == {
        "price": "9000", "volume": "10.123", "userref": "666", "oflags": "post",
        "close[ordertype]": "limit", "close[price]": "9100",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("order_type", "given", "prices"),
    [
        ("market", {}, {}),
        ("limit", {"price": "26500.40"}, {"price": "26500.40"}),
        ("stop-loss", {"trigger_price": 28000}, {"price": "28000"}),
        ("stop-loss", {"trigger_price": "-2.0", "trigger_price_type": "pct"}, {"price": "-2.0%"}),
        ("take-profit", {"trigger_price": 150, "trigger_price_type": "quote"}, {"price": "+150"}),
        ("stop-loss-limit", {"trigger_price": 28410, "price": 28400}, {"price": "28410", "price2": "28400"}),
        ("take-profit-limit", {"trigger_price": 28410, "price": 28400}, {"price": "28410", "price2": "28400"}),
        ("trailing-stop", {"trigger_price": "1.5", "trigger_price_type": "pct"}, {"price": "+1.5%"}),
        (
            "trailing-stop-limit",
            {"trigger_price": 50, "trigger_price_type": "quote", "price": "-10"},
            {"price": "+50", "price2": "-10"},
        ),
        (
            "trailing-stop-limit",
            {"trigger_price": 1, "trigger_price_type": "pct", "price": 0, "limit_price_type": "pct"},
            {"price": "+1%", "price2": "+0%"},
        ),
        (
            "trailing-stop-limit",
            {"trigger_price": 1, "trigger_price_type": "pct", "price": 28400, "limit_price_type": "static"},
            {"price": "+1%", "price2": "28400"},
        ),
    ],
)
def test_prices_and_offsets_stand_where_v1_wants_them(order_type, given, prices):
    """`price` is the limit, or the trigger where there is one; the limit is `price2` then. Offsets have a sign."""
    assert add(order_type, **given) == {"volume": "1", "cl_ord_id": "id-1", **prices}


@pytest.mark.parametrize(
    ("close", "fields"),
    [
        (
            {"order_type": "stop-loss-limit", "trigger_price": 28410, "limit_price": 28400},
            {"close[ordertype]": "stop-loss-limit", "close[price]": "28410", "close[price2]": "28400"},
        ),
        (
            {"order_type": "trailing-stop", "trigger_price": 2, "trigger_price_type": "pct"},
            {"close[ordertype]": "trailing-stop", "close[price]": "+2%"},
        ),
        (
            {"order_type": "trailing-stop-limit", "trigger_price": 2, "trigger_price_type": "pct", "limit_price": "-5"},
            {"close[ordertype]": "trailing-stop-limit", "close[price]": "+2%", "close[price2]": "-5"},
        ),
        (
            {"order_type": "take-profit", "trigger_price": 31000},
            {"close[ordertype]": "take-profit", "close[price]": "31000"},
        ),
    ],
)
def test_closing_orders_have_their_prices_in_the_same_places(close, fields):
    assert add("market", conditional=close) == {"volume": "1", **fields}


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        ({"fee_preference": "base", "no_mpp": True}, {"oflags": "fcib,nompp"}),
        ({"fee_preference": "quote"}, {"oflags": "fciq"}),
        ({"margin": True, "reduce_only": True}, {"margin": True, "reduce_only": True}),
        ({"time_in_force": "ioc"}, {"timeinforce": "IOC"}),
        (
            {"time_in_force": "gtd", "effective_time": NOW + 60, "expire_time": NOW + 3600.9},
            {"timeinforce": "GTD", "starttm": "1772366460", "expiretm": "1772370000"},
        ),
        ({"validate": True}, {"validate": "true"}),
        ({"stp_type": "cancel_oldest"}, {"stp_type": "cancel_oldest"}),
        ({"sender_sub_id": "desk-1"}, {"sender_sub_id": "desk-1"}),
        ({"extra": {"leverage": "3"}}, {"leverage": "3"}),
    ],
)  # fmt: skip
def test_every_other_parameter_has_its_old_name(given, fields):
    assert add("market", **given) == {"volume": "1", "cl_ord_id": "id-1", **fields}


def test_an_order_for_an_amount_of_money_is_a_volume_in_quote_currency():
    assert add("market", cash_order_qty="250.00") == {"volume": "250.00", "oflags": "viqc", "cl_ord_id": "id-1"}


def test_numbers_are_plain_digits():
    """Never an exponent, never through a float."""
    assert add("limit", price="0.00000001", qty="123456789.12345678") == {
        "price": "0.00000001", "volume": "123456789.12345678", "cl_ord_id": "id-1",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("order_type", "given", "named"),
    [
        ("iceberg", {"price": 1, "display_qty": "0.5"}, "iceberg"),
        ("limit", {"price": 1, "time_in_force": "fok"}, "fok"),
        ("stop-loss", {"trigger_price": 1, "trigger_reference": "index"}, "index"),
        ("market", {"extra": {"broker": "x"}}, "broker"),
    ],
)
def test_what_v1_cannot_say_is_refused_and_never_guessed(order_type, given, named):
    with pytest.raises(InvalidOrder, match=f"v1 has no .*{named}"):
        add(order_type, **given)


def test_a_trigger_on_the_last_price_is_what_v1_does_anyway():
    assert add("stop-loss", trigger_price=1, trigger_reference="last") == {
        "volume": "1", "price": "1", "cl_ord_id": "id-1",
    }  # fmt: skip


def test_an_order_is_amended_by_either_id():
    by_id = parameters.amend_order("O1", now=NOW, qty="2.5", price="26500.5", symbol="BTC/USD", post_only=True)
    assert sent(by_id) == {
        "txid": "O1", "volume": "2.5", "limit_price": "26500.5", "pair": "XBT/USD", "post_only": True,
        "deadline": DEADLINE,
    }  # fmt: skip
    offsets = {"price": "-1", "limit_price_type": "pct", "trigger_price": 5, "trigger_price_type": "quote"}
    by_own_id = parameters.amend_order(cl_ord_id="mine", now=NOW, display_qty=1, **offsets)
    assert sent(by_own_id) == {
        "cl_ord_id": "mine", "display_volume": "1", "limit_price": "-1%", "trigger_price": "+5", "deadline": DEADLINE,
    }  # fmt: skip


def test_the_printed_edit_comes_out_as_printed():
    """It has no deadline in v1, and the new tag is called `newuserref`."""
    request = parameters.edit_order("O26VH7-COEPR-YFYXLK", "BTC/USD", now=NOW, price=9000, order_userref=666)
    assert sent(request) == {
        "orderid": "O26VH7-COEPR-YFYXLK", "pair": "XBT/USD", "price": "9000", "newuserref": "666",
    }  # fmt: skip
    more = {"qty": 2, "trigger_price": 8900, "price": 8950, "post_only": True, "validate": True}
    assert sent(parameters.edit_order("O1", "DOGE/USD", now=NOW, **more)) == {
        "orderid": "O1", "pair": "XDG/USD", "volume": "2", "price": "8900", "price2": "8950", "oflags": "post",
        "validate": "true",
    }  # fmt: skip


@pytest.mark.parametrize("given", [{"display_qty": 1}, {"reduce_only": True}, {"no_mpp": True}], ids=str)
def test_an_edit_refuses_what_it_cannot_change(given):
    with pytest.raises(InvalidOrder, match="edit_order: WebSocket v1 has no"):
        sent(parameters.edit_order("O1", "BTC/USD", now=NOW, qty=2, **given))


def test_orders_are_cancelled_by_ids_tags_and_your_ids():
    """Arrays even for one; a tag stands among the ids, as text."""
    assert sent(parameters.cancel_order("O1")) == {"txid": ["O1"]}
    mixed = parameters.cancel_order(["O1", "O2"], cl_ord_ids=["mine"], userrefs=[666])
    assert sent(mixed) == {"txid": ["O1", "O2", "666"], "cl_ord_id": ["mine"]}
    assert sent(parameters.cancel_order(cl_ord_ids="mine")) == {"cl_ord_id": ["mine"]}


def test_what_concerns_all_orders_has_no_more_than_its_timeout():
    assert sent(parameters.cancel_all()) == {}
    assert sent(parameters.cancel_all_orders_after(60)) == {"timeout": 60}


def test_batches_are_refused():
    request = parameters.batch_cancel(["O1", "O2"])
    with pytest.raises(InvalidOrder, match="v1 has no batch_cancel; send the orders one by one"):
        sent(request)
