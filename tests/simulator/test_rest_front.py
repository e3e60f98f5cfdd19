"""The REST front as a whole: it answers whatever comes, in JSON, and serves every call it knows."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.rest.calls import CALLS
from rxkraken.simulator import Exchange
from rxkraken.simulator.rest_auth import signature
from rxkraken.simulator.rest_front import TERMS, Front
from rxkraken.simulator.rest_wire import JSON_TYPE

EXCHANGE = Exchange(seed=7, symbols=["BTC/USD", "SHIB/USD"], rate=0)
FRONT = Front(EXCHANGE)
KEY = EXCHANGE.accounts["demo"].keys[0]
NONCES = itertools.count(1)
PUBLIC = [name for name, spec in CALLS.items() if not spec.private]

WORDS = st.sampled_from([
    "XBTUSD", "XXBTZUSD", "SHIBUSD", "ZUSD", "XBT", "", "0", "1", "-1", "+5", "#5%", "-5%", "+1e5%", "1e30", "1e-30",
    "NaN", "Infinity", "9" * 30, "0.1", "70000", "limit", "market", "iceberg", "stop-loss-limit", "trailing-stop",
    "trailing-stop-limit", "take-profit", "buy", "sell", "true", "false", "post", "viqc", "fcib", "GTD", "FOK", "all",
    "+60", "OAAAAA-AAAAA-AAAAAA", "mine", "2:1", "2026-01-01T00:00:30Z", "²", "cancel-both",
])  # fmt: skip
NAMES = st.sampled_from([
    "pair", "asset", "interval", "since", "count", "info", "assetVersion", "ordertype", "type", "volume", "price",
    "price2", "displayvol", "trigger", "leverage", "stptype", "oflags", "timeinforce", "starttm", "expiretm", "userref",
    "cl_ord_id", "validate", "deadline", "txid", "order_id", "order_qty", "limit_price", "trigger_price", "start",
    "end", "ofs", "closetime", "trades", "timeout", "orders", "cl_ord_ids", "close", "id", "reduce_only",
])  # fmt: skip
VALUES = st.recursive(
    WORDS | st.integers(-5, 100_000) | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=5),
    max_leaves=8,
)
ORDER = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.1", "price": "70000"}


def signed(name, params):
    nonce = str(next(NONCES))
    path, body = f"/0/private/{name}", json.dumps({"nonce": nonce, **params}).encode()
    headers = {
        "API-Key": KEY.key,
        "API-Sign": signature(KEY.secret, path, nonce, body),
        "Content-Type": JSON_TYPE,
    }
    # The call counter decays while nobody asks.
    EXCHANGE.advance(EXCHANGE.now + 5)
    return FRONT.answer("POST", path, "", headers, body)


def test_every_call_that_the_client_knows_and_the_reference_describes_is_served():
    """What is not: money in and out, earning, reports, subaccounts; the reference does not tell their answers."""
    described = {name for name, spec in CALLS.items() if spec.private and spec.nature == "order"} | set(TERMS)
    assert {name for name in described if signed(name, {}).status != 200} == set()
    assert set(TERMS) >= {name for name, spec in CALLS.items() if spec.nature == "order"}
    assert {name for name in PUBLIC if FRONT.answer("GET", f"/0/public/{name}", "", {}, b"").status != 200} == set()
    assert signed("Withdraw", {}).status == 404


@given(name=st.sampled_from(sorted(TERMS)), params=st.dictionaries(NAMES, VALUES, max_size=8), base=st.booleans())
def test_no_signed_request_is_too_strange_to_be_answered(name, params, base):
    answer = signed(name, {**(ORDER if base else {}), **params})
    body = json.loads(answer.text)
    assert (answer.status, answer.content_type, bool(body["error"])) == (200, JSON_TYPE, "result" not in body)
    assert all(error.startswith("E") for error in body["error"])


@given(name=st.sampled_from(PUBLIC), params=st.dictionaries(NAMES, WORDS, max_size=4))
def test_no_public_question_is_too_strange_to_be_answered(name, params):
    query = "&".join(f"{key}={value}" for key, value in params.items())
    answer = FRONT.answer("GET", f"/0/public/{name}", query, {}, b"")
    assert answer.status == 200
    assert json.loads(answer.text).keys() in ({"error"}, {"error", "result"})


@given(
    method=st.sampled_from(["GET", "POST", "DELETE"]),
    path=st.text() | st.sampled_from(["/0/private/Balance", "/0/public/Time", "/0/private/", "/0"]),
    query=st.text(),
    headers=st.dictionaries(st.sampled_from(["API-Key", "api-sign", "Content-Type"]), st.text() | st.just(KEY.key)),
    body=st.binary(),
)
def test_no_bytes_are_too_strange_to_be_answered(method, path, query, headers, body):
    answer = FRONT.answer(method, path, query, headers, body)
    assert answer.status in (200, 404)
    assert json.loads(answer.text)


@pytest.mark.parametrize("half", ["public", "private"])
def test_the_wrong_method_is_an_unknown_one(half):
    name, method = ("Time", "POST") if half == "public" else ("Balance", "GET")
    answer = FRONT.answer(method, f"/0/{half}/{name}", "", {}, b"")
    assert (answer.status, json.loads(answer.text)) == (404, {"error": ["EGeneral:Unknown method"]})


def test_a_query_is_part_of_what_is_signed():
    nonce = str(next(NONCES))
    body = f"nonce={nonce}".encode()
    for path, error in (("/0/private/Balance", ["EAPI:Invalid signature"]), ("/0/private/Balance?a=1", [])):
        headers = {"api-key": KEY.key, "api-sign": signature(KEY.secret, path, nonce, body)}
        answer = FRONT.answer("POST", "/0/private/Balance", "a=1", headers, body)
        assert json.loads(answer.text)["error"] == error
