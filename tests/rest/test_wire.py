"""What is sent has exactly the digits, lists and names that were given."""

from __future__ import annotations

import json
from decimal import Decimal
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.errors import InvalidArgument
from rxkraken.rest.wire import form_body, json_body, number_text, query


@pytest.mark.parity("D2-4")
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.29, "0.29"),
        (1.13, "1.13"),
        (4.35, "4.35"),
        (8.7, "8.7"),
        (1e-05, "0.00001"),
        (1e16, "10000000000000000"),
        (Decimal("0.00000001"), "0.00000001"),
        (Decimal("1E+3"), "1000"),
        (Decimal("37500.0"), "37500.0"),
    ],
)
def test_numbers_go_out_with_the_digits_given(value, text):
    """Cutting prices through a float made 0.28 of 0.29."""
    assert number_text("price", value) == text
    assert query({"price": value}) == f"price={text}"
    assert json.loads(json_body({"price": value}, "1")) == {"nonce": "1", "price": text}


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=Decimal("-1e15"), max_value=Decimal("1e15")))
def test_no_decimal_loses_a_digit(number):
    if abs(number.adjusted()) <= 40:
        assert Decimal(number_text("volume", number)) == number


@pytest.mark.parametrize(
    "value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity"), Decimal("1e999999")]
)
def test_numbers_that_cannot_be_sent_are_named(value):
    with pytest.raises(InvalidArgument, match=r"volume=.*not a number that can be sent"):
        number_text("volume", value)


def test_a_form_begins_with_the_nonce_and_equals_the_signed_vector():
    """The body of the official vector (rest reference section 2.1), from its parameters."""
    params = {"ordertype": "limit", "pair": "XBTUSD", "price": 37500, "type": "buy", "volume": Decimal("1.25")}
    body = b"nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25"
    assert form_body(params, "1616492376594") == body


def test_a_json_body_is_compact_and_equals_the_signed_vector():
    params = {"orders": ["OU22CG-KLAF2-FWUDD7", "OUF4EM-FRGI2-MQMWZD"], "cl_ord_ids": None}
    body = b'{"nonce":"1616492376594","orders":["OU22CG-KLAF2-FWUDD7","OUF4EM-FRGI2-MQMWZD"]}'
    assert json_body(params, "1616492376594") == body


@pytest.mark.parity("K2-15")
def test_forms_join_lists_bracket_objects_and_leave_none_out():
    params = {
        "txid": ["A", "B"],
        "validate": True,
        "trades": False,
        "price": None,
        "close": {"ordertype": "limit", "price": Decimal("1.50"), "price2": None},
        "userref": 7,
    }
    assert parse_qsl(form_body(params, "1").decode()) == [
        ("nonce", "1"),
        ("txid", "A,B"),
        ("validate", "true"),
        ("trades", "false"),
        ("close[ordertype]", "limit"),
        ("close[price]", "1.50"),
        ("userref", "7"),
    ]


def test_json_bodies_nest():
    params = {"orders": [{"type": "buy", "volume": Decimal("1.20"), "close": {"price": 1.5, "price2": None}}], "n": 3}
    assert json.loads(json_body(params, "1")) == {
        "nonce": "1",
        "orders": [{"type": "buy", "volume": "1.20", "close": {"price": "1.5"}}],
        "n": 3,
    }


@pytest.mark.parametrize("value", [object(), {1, 2}, b"bytes"])
def test_values_that_cannot_be_sent_are_named(value):
    for encode in (form_body, json_body):
        with pytest.raises(InvalidArgument, match=f"parameter pair is a {type(value).__name__}"):
            encode({"pair": value}, "1")
    with pytest.raises(InvalidArgument, match="nested values need a JSON body"):
        form_body({"orders": [{"type": "buy"}]}, "1")


@given(st.dictionaries(st.text(min_size=1), st.text(min_size=1)))
def test_any_text_arrives_as_it_was_sent(params):
    assert parse_qsl(query(params)) == list(params.items())
    assert json.loads(json_body({"given": params}, "1"))["given"] == params


def test_bodies_are_not_shown():
    """A body holds the one-time password."""
    assert (repr(form_body({"otp": "x"}, "1")), repr(json_body({"otp": "x"}, "1"))) == ("<hidden>", "<hidden>")
