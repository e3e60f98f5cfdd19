"""Who is let in: the official vectors, and each thing that can be wrong with a signed call, in its order."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from rxkraken.simulator.accounts import PERMISSIONS, Account, ApiKey
from rxkraken.simulator.rest_auth import CALL_LIMITS, Gate, permit, signature
from rxkraken.simulator.rest_wire import Refused

SECRET = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg=="
PATH = "/0/private/Balance"
FORM = "application/x-www-form-urlencoded; charset=utf-8"


@pytest.mark.parametrize(
    ("secret", "path", "body", "expected"),
    [
        (
            SECRET,
            "/0/private/AddOrder",
            "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25",
            "4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==",
        ),
        (
            "cHl0aG9uLWtyYWtlbi1zZGsgdW5pdC10ZXN0IHNlY3JldCB2YWx1ZQ==",
            "/0/private/AddOrder",
            "nonce=1616492376594&ordertype=limit&pair=XBTUSD",
            "Fo+0Uhanvs3F1byZFCjVBMLsCcRE2xLQMDpoA3Q9hawoZ0ZL35AmbknAQBlOIs4baRx9UGhzQH+/CTl9qnyp1w==",
        ),
    ],
)
def test_signatures_are_those_of_the_published_vectors(secret, path, body, expected):
    assert signature(secret, path, "1616492376594", body.encode()) == expected


@pytest.fixture
def key():
    return ApiKey("public", SECRET, Account("me", "starter"), frozenset(PERMISSIONS))


@pytest.fixture
def gate(key):
    return Gate({key.key: key})


def headers(body: bytes, nonce: object, **changed: str) -> dict[str, str]:
    signed = {"api-key": "public", "api-sign": signature(SECRET, PATH, str(nonce), body), "content-type": FORM}
    return signed | changed


def enter(gate, nonce, **params):
    body = urlencode({"nonce": nonce, **params}).encode()
    return gate.enter(PATH, headers(body, nonce), body)


def told(function, *arguments, **named):
    with pytest.raises(Refused) as refused:
        function(*arguments, **named)
    return refused.value.errors


def test_a_signed_form_and_signed_json_are_read_without_nonce_and_password(gate, key):
    key.otp = "123456"
    assert enter(gate, 5, otp="123456", pair="XBTUSD", **{"close[price]": "3"}) == (
        key,
        {"pair": "XBTUSD", "close": {"price": "3"}},
    )
    body = json.dumps({"nonce": "6", "otp": "123456", "orders": ["A", 2]}).encode()
    assert gate.enter(PATH, headers(body, 6, **{"content-type": "application/json"}), body) == (
        key,
        {"orders": ["A", 2]},
    )


def test_what_is_wrong_first_is_told_first(gate, key):
    key.otp = "123456"
    body = b"nonce=0"
    wrong = "x" * 88
    assert told(gate.enter, PATH, headers(body, 0, **{"api-key": "other", "api-sign": wrong}), body) == (
        "EAPI:Invalid key",
    )
    assert told(gate.enter, PATH, headers(body, 0, **{"api-sign": wrong}), body) == ("EAPI:Invalid signature",)
    assert told(gate.enter, PATH, headers(body, 0), body) == ("EAPI:Invalid nonce",)
    assert told(enter, gate, 1, otp="0") == ("EGeneral:Permission denied",)
    assert told(permit, key, ["no such permission"]) == ("EGeneral:Permission denied",)
    assert permit(key, ()) is None


def test_the_very_bytes_are_signed(gate):
    body = b"nonce=7&pair=XBTUSD"
    assert told(gate.enter, PATH, headers(body, 7), b"pair=XBTUSD&nonce=7") == ("EAPI:Invalid signature",)
    assert told(gate.enter, "/0/private/Ledgers", headers(body, 7), body) == ("EAPI:Invalid signature",)


@pytest.mark.parametrize("nonce", ["", "-1", "1.5", "two", str(1 << 64), "²"])
def test_a_nonce_is_an_unsigned_integer_of_64_bits(gate, nonce):
    assert told(enter, gate, nonce) == ("EAPI:Invalid nonce",)


def test_nonces_rise_strictly(gate, key):
    for nonce, fits in ((10, True), (10, False), (9, False), (11, True)):
        if fits:
            enter(gate, nonce)
        else:
            assert told(enter, gate, nonce) == ("EAPI:Invalid nonce",)
    assert key.last_nonce == 11


def test_a_nonce_window_lets_late_ones_in_once(gate, key):
    key.nonce_window = 5
    enter(gate, 100)
    enter(gate, 97)
    assert told(enter, gate, 97) == ("EAPI:Invalid nonce",)
    assert told(enter, gate, 100) == ("EAPI:Invalid nonce",)
    assert told(enter, gate, 95) == ("EAPI:Invalid nonce",)
    enter(gate, 96)
    assert key.last_nonce == 100


def test_bodies_that_cannot_be_read_are_bad_requests(gate):
    for body, kind in ((b"\xff", FORM), (b"a", FORM), (b"[1]", "application/json"), (b"{", "application/json")):
        assert told(gate.enter, PATH, headers(body, "", **{"content-type": kind}), body) == ("EAPI:Bad request",)


@pytest.mark.parametrize("tier", CALL_LIMITS)
def test_the_call_counter_fills_and_decays_as_the_tier_says(gate, key, tier):
    most, decay = CALL_LIMITS[tier]
    key.account.tier = tier
    for _ in range(int(most)):
        gate.charge(key, 1, 0.0)
    assert told(gate.charge, key, 1, 0.0) == ("EAPI:Rate limit exceeded",)
    assert gate.counter(key, 0.0) == most
    assert told(gate.charge, key, 2, 1 / decay) == ("EAPI:Rate limit exceeded",)
    gate.charge(key, 2, 2 / decay + 1e-9)
    gate.charge(key, 0, 2 / decay + 1e-9)
    assert gate.counter(key, 1e6) == 0
