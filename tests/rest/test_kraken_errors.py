"""Every documented error text has its kind, and texts that nobody knows keep their words."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.errors import (
    AuthRefused,
    ExchangeError,
    KrakenError,
    NonceRejected,
    OrderRejected,
    PermissionRefused,
    RateLimited,
    RestError,
    RestOrderRejected,
    RestUnavailable,
    RestUnreadable,
)
from rxkraken.protocol.kraken_errors import TABLE, classify, is_warning, outcome_unknown, rest_error, throttled_until

# (text, category, retryable, class), from rest reference section 4 and ws-v2 reference section 6.11
DOCUMENTED = [
    ("EGeneral:Invalid arguments", "arguments", False, RestError),
    ("EGeneral:Invalid arguments:ordertype", "arguments", False, RestError),
    ("EGeneral:Invalid arguments:Index unavailable", "arguments", False, RestError),
    ("EAPI:Bad request", "arguments", False, RestError),
    ("EGeneral:Unknown method", "arguments", False, RestError),
    ("EGeneral:Unknown Method", "arguments", False, RestError),
    ("EQuery:Unknown asset pair", "symbol", False, RestError),
    ("EQuery:Unknown asset", "symbol", False, RestError),
    ("EAPI:Invalid key", "auth", False, AuthRefused),
    ("EAPI:Invalid signature", "auth", False, AuthRefused),
    ("EAPI:Invalid nonce", "nonce", True, NonceRejected),
    ("EAPI:Invalid token", "session", True, RestError),
    ("EGeneral:Permission denied", "permission", False, PermissionRefused),
    ("EAccount:Invalid permissions", "permission", False, PermissionRefused),
    ("EAPI:Feature disabled", "permission", False, PermissionRefused),
    ("EAuth:Failed", "account", False, RestError),
    ("EAuth:Account temporary disabled", "account", False, RestError),
    ("EAuth:Account unconfirmed", "account", False, RestError),
    ("EAuth:Rate limit exceeded", "rate_limit", True, RateLimited),
    ("EAuth:Too many requests", "rate_limit", True, RateLimited),
    ("EGeneral:Temporary lockout", "lockout", True, RateLimited),
    ("ESession:Invalid session", "session", True, RestError),
    ("EAPI:Rate limit exceeded", "rate_limit", True, RateLimited),
    ("EGeneral:Too many requests", "rate_limit", True, RateLimited),
    ("EService: Throttled: 1700000012", "throttled", True, RateLimited),
    ("EService:Throttled:1700000012", "throttled", True, RateLimited),
    ("EOrder:Rate limit exceeded", "trading_rate_limit", True, RateLimited),
    ("EOrder:Domain rate limit exceeded", "trading_rate_limit", True, RateLimited),
    ("EOrder:Orders limit exceeded", "order_limit", False, RestError),
    ("EOrder:Scheduled orders limit exceeded", "order_limit", False, RestError),
    ("EOrder:Positions limit exceeded", "order_limit", False, RestError),
    ("EOrder:Insufficient funds", "funds", False, RestError),
    ("EOrder:Insufficient margin", "margin", False, RestError),
    ("EOrder:Margin allowance exceeded", "margin", False, RestError),
    ("EOrder:Margin level too low", "margin", False, RestError),
    ("EOrder:Margin position size exceeded", "margin", False, RestError),
    ("EOrder:Cannot open position", "margin", False, RestError),
    ("EOrder:Cannot open opposing position", "margin", False, RestError),
    ("EOrder:Order minimum not met", "minimum", False, RestError),
    ("EOrder:Cost minimum not met", "minimum", False, RestError),
    ("EOrder:Tick size check failed", "tick_size", False, RestError),
    ("EOrder:Invalid price", "price", False, RestError),
    ("EOrder:Invalid order", "order", False, RestError),
    ("EOrder:Unknown order", "unknown_order", False, RestError),
    ("EOrder:Unknown position", "unknown_position", False, RestError),
    ("EOrder:Post only order", "post_only", False, RestError),
    ("EOrder:Reduce only:No position exists", "reduce_only", False, RestError),
    ("EOrder:Reduce only:Position is closed", "reduce_only", False, RestError),
    ("EOrder:Reduce only:Non-PC", "reduce_only", False, RestError),
    ("ETrade:Invalid request", "trade", False, RestError),
    ("ETrade:Locked", "trade", False, RestError),
    ("ETrade:User Locked", "trade", False, RestError),
    ("EService:Unavailable", "unavailable", True, RestUnavailable),
    ("EService:Busy", "unavailable", True, RestUnavailable),
    ("EGeneral:Internal error", "unavailable", True, RestUnavailable),
    ("EGeneral:Internal error:17", "unavailable", True, RestUnavailable),
    ("EService:Market in cancel_only mode", "market_state", True, RestError),
    ("EService:Market in post_only mode", "market_state", True, RestError),
    ("EService:Market in limit_only mode", "market_state", True, RestError),
    ("EService:Deadline elapsed", "deadline", False, RestError),
    ("EFunding:Unknown withdraw key", "funding", False, RestError),
    ("EEarnings:Below min:(De)allocation operation amount less than minimum", "earn", False, RestError),
    ("EBM:limit exceeded:CAL", "regulatory", False, RestError),
]

FRONT_END = [
    ("Already subscribed", "subscription", False),
    ("Already subscribed to one ohlc interval on this symbol", "subscription", False),
    ("Subscription Not Found", "subscription", False),
    ("Subscription depth not supported", "subscription", False),
    ("Currency pair not supported XBT/USD", "symbol", False),
    ("Symbol(s) not found", "symbol", False),
    ("Symbol field must be an array", "arguments", False),
    ("Token(s) not found", "auth", False),
    ("Unsupported event", "arguments", False),
    ("Unsupported field: 'params' for the given msg type: ping", "arguments", False),
    ("Cash_order_qty field must be a number_float", "arguments", False),
    ("Exceeded msg rate", "rate_limit", True),
]


@pytest.mark.parity("K2-10")
@pytest.mark.parametrize(("text", "category", "retryable", "error"), DOCUMENTED)
def test_each_documented_text_becomes_its_error(text, category, retryable, error):
    assert classify(text) == (category, retryable)
    made = rest_error([text])
    assert (type(made), made.text, made.category, made.retryable) == (error, text, category, retryable)


@pytest.mark.parametrize(("text", "category", "retryable"), FRONT_END)
def test_sentences_of_the_websocket_front_end_are_known_too(text, category, retryable):
    assert classify(text) == (category, retryable)


@pytest.mark.parity("K0-67")
def test_one_root_for_all_of_them():
    made = [rest_error([text]) for text, *_ in DOCUMENTED]
    assert {isinstance(error, KrakenError) and isinstance(error, ExchangeError) for error in made} == {True}


@pytest.mark.parity("K1-28")
def test_unknown_texts_keep_their_words():
    made = rest_error(["EQuantum:Entangled:cat", "EOrder:Insufficient funds"])
    assert type(made) is RestError
    assert (str(made), made.category, made.retryable) == (
        "EQuantum:Entangled:cat; EOrder:Insufficient funds", "unknown", False,
    )  # fmt: skip


@given(st.text())
def test_any_text_has_a_kind_and_nothing_raises(text):
    category, retryable = classify(text)
    assert category
    assert retryable in (True, False)
    assert isinstance(rest_error([text]), RestError)


def test_spacing_and_case_do_not_matter():
    """Section 4: "space varies", and `Unknown method` is "also spelled `Unknown Method`"."""
    for text in ("eorder:insufficient funds", "EOrder : Insufficient  funds", " EOrder:Insufficient funds (USD)"):
        assert classify(text) == ("funds", False)


@pytest.mark.parametrize(("start", "category", "retryable"), TABLE)
def test_no_row_of_the_table_is_shadowed_by_another(start, category, retryable):
    assert classify(start + "x") == (category, retryable)


def test_a_refused_order_is_an_order_rejected_of_the_same_kind():
    error = rest_error(["EOrder:Insufficient funds"], order=True)
    assert type(error) is RestOrderRejected
    assert isinstance(error, OrderRejected)
    assert isinstance(error, RestError)
    assert (error.text, error.category) == ("EOrder:Insufficient funds", "funds")


def test_some_texts_leave_the_outcome_of_an_order_open():
    """ws-v2 section 6.11: "outcome unknown: reconcile by cl_ord_id first"."""
    told = {text: outcome_unknown(text) for text, *_ in DOCUMENTED}
    assert [text for text, open_ in told.items() if open_] == [
        "EService:Unavailable",
        "EService:Busy",
        "EGeneral:Internal error",
        "EGeneral:Internal error:17",
        "EService:Deadline elapsed",
    ]


def test_waits_are_told_where_kraken_tells_them():
    throttled, limited, locked = (
        rest_error([text])
        for text in ("EService: Throttled: 1700000012", "EAPI:Rate limit exceeded", "EGeneral:Temporary lockout")
    )
    assert (throttled.until, limited.wait, locked.wait) == (1700000012.0, 5.0, 900.0)
    assert throttled_until("EService:Throttled") is None


def test_warnings_are_no_errors():
    assert is_warning("WDatabase:No change")
    assert not is_warning("EGeneral:Invalid arguments")


@pytest.mark.parametrize(
    "error",
    [
        rest_error(["EAPI:Rate limit exceeded"]),
        rest_error(["EService:Throttled:1700000012"]),
        rest_error(["EOrder:Insufficient funds"], order=True),
        RestUnavailable("HTTP 502", status=502),
        RestUnreadable("half an answer"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_survive_pickling(error):
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is type(error)
    assert vars(again) == vars(error)
    assert str(again) == str(error)
