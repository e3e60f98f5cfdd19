"""Whatever comes back becomes a result or the one error that says what to do."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.errors import RateLimited, RestError, RestUnavailable, RestUnreadable
from rxkraken.rest.answer import problem, read

CLOUDFLARE = b"<!DOCTYPE html><html><head><title>api.kraken.com | 502: Bad gateway</title></head><body>x</body></html>"


def test_a_result_keeps_every_digit():
    answer = read(200, b'{"error":[],"result":{"p":0.1000,"i":12345678901234567890,"t":1688669597.8277369}}')
    assert problem(answer) is None
    assert answer.result == {
        "p": Decimal("0.1000"),
        "i": 12345678901234567890,
        "t": Decimal("1688669597.8277369"),
    }
    assert str(answer.result["p"]) == "0.1000"


def test_warnings_stand_beside_a_valid_result():
    """Rest reference section 1: "do not raise on them"."""
    answer = read(200, b'{"error":["WDatabase:No change"],"result":{"a":1}}')
    assert (problem(answer), answer.result, answer.warnings) == (None, {"a": 1}, ("WDatabase:No change",))


def test_the_error_array_comes_before_the_status():
    """Unknown public methods were seen as HTTP 404 with Kraken's own words."""
    error = problem(read(404, b'{"error":["EGeneral:Unknown method"]}'))
    assert isinstance(error, RestError)
    assert (error.text, error.category) == ("EGeneral:Unknown method", "arguments")


@pytest.mark.parametrize(
    ("status", "kind", "category", "retryable"),
    [
        (200, RestUnreadable, "unreadable", True),
        (429, RateLimited, "rate_limit", True),
        (500, RestUnavailable, "unavailable", True),
        (502, RestUnavailable, "unavailable", True),
        (520, RestUnavailable, "unavailable", True),
        (530, RestUnavailable, "unavailable", True),
        (401, RestError, "blocked", False),
        (403, RestError, "blocked", False),
        (301, RestError, "http_301", False),
        (404, RestError, "http_404", False),
    ],
)
def test_a_page_instead_of_an_answer_is_named_by_its_title(status, kind, category, retryable):
    error = problem(read(status, CLOUDFLARE, "text/html"))
    assert (type(error), error.category, error.retryable) == (kind, category, retryable)
    assert f"HTTP {status} with the page 'api.kraken.com | 502: Bad gateway'" in str(error)


def test_a_status_is_kept_where_it_matters():
    unavailable = problem(read(503, b""))
    limited = problem(read(429, b"", "", 7.0))
    assert isinstance(unavailable, RestUnavailable)
    assert isinstance(limited, RateLimited)
    assert (unavailable.status, limited.wait) == (503, 7.0)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b'{"error":[],"result":{"token":"tok-secret',
        b'{"result":{}}',
        b"[1,2]",
        b"null",
        b'{"error":[],"result":NaN}',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"error":[],"result":' + b"9" * 5000 + b"}",
    ],
)
def test_what_is_no_answer_is_not_quoted(body):
    """Half an answer could be half a token."""
    error = problem(read(200, body, "application/json"))
    assert type(error) is RestUnreadable
    assert "tok-secret" not in str(error)
    assert f"({len(body)} bytes, application/json)" in str(error)


@pytest.mark.parametrize("given_error", ['"EService:Busy"', '["EService:Busy"]', '["EService:Busy", 5]'])
def test_odd_error_members_are_understood(given_error):
    error = problem(read(200, f'{{"error":{given_error}}}'.encode()))
    assert isinstance(error, RestUnavailable)


@given(st.integers(100, 599), st.one_of(st.binary(), st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["error", "result", "x"]), inner),
).map(lambda value: json.dumps(value).encode())))  # fmt: skip
def test_nothing_that_comes_back_raises(status, body):
    answer = read(status, body)
    error = problem(answer)
    assert error is None or isinstance(error, RestError)
    assert error is not None or (status == 200 and answer.is_kraken)
