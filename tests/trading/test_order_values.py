"""What may be written for a number, a time, a word or an id, and what is answered to anything else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.errors import InvalidArgument
from rxkraken.protocol.json import dumps
from rxkraken.trading import times
from rxkraken.trading.values import client_id, number


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (Decimal("0.10"), "0.10"),
        (Decimal("1e-8"), "0.00000001"),
        ("0.29", "0.29"),
        ("5e-05", "0.00005"),
        (28440, "28440"),
        (0, "0"),
        ("-2.0", "-2.0"),
    ],
)
def test_a_number_keeps_its_digits_and_is_sent_in_plain_ones(given, sent):
    assert dumps(number("qty", given)) == sent


def test_a_float_is_refused_with_the_text_to_write_instead():
    with pytest.raises(InvalidArgument) as caught:
        number("qty", 0.29)
    assert str(caught.value) == 'qty=0.29 is a float, which cannot hold most decimals; write qty="0.29"'


@pytest.mark.parametrize(
    "given",
    [True, False, None, "", "1,5", "0x10", "abc", b"1", [1], "NaN", "inf", Decimal("-Infinity"), Decimal("sNaN"),
     "1e99", "1e-99", 10**40, Decimal("1e999999999"), "1_0", "\u0661", " 1", "1\n", "+", ".", "1e", "1e9999999999"],
)  # fmt: skip
def test_what_is_no_number_is_refused_by_name(given):
    with pytest.raises(InvalidArgument, match="qty="):
        number("qty", given)


@given(st.one_of(st.text(), st.decimals(), st.integers(), st.floats(), st.booleans(), st.none()))
def test_whatever_is_given_is_a_number_or_an_invalid_argument(given):
    try:
        read = number("price", given)
    except InvalidArgument:
        return
    assert read == Decimal(given)
    assert len(dumps(read)) < 70


@pytest.mark.parametrize(
    "given",
    ["6d1b345e-2b3b-4cf4-8b5b-1c7b1a1b9f4e", "6D1B345E2B3B4CF48B5B1C7B1A1B9F4E", "x", "18 characters long"],
)
def test_an_id_has_one_of_three_forms(given):
    assert client_id("cl_ord_id", given) == given


@pytest.mark.parametrize(
    "given",
    ["", "nineteen characters", "6d1b345e-2b3b-4cf4-8b5b-1c7b1a1b9f4", "6d1b345e2b3b4cf48b5b1c7b1a1b9f4g", "é", "a\n",
     7, None],
)  # fmt: skip
def test_any_other_id_is_refused_with_the_three_forms(given):
    with pytest.raises(InvalidArgument, match=r"cl_ord_id=.*36 characters.*32 hex digits.*1 to 18"):
        client_id("cl_ord_id", given)


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (None, "2026-03-01T12:00:05.000Z"),
        (0.5, "2026-03-01T12:00:00.500Z"),
        (60, "2026-03-01T12:01:00.000Z"),
        (datetime(2026, 3, 1, 12, 0, 7, 250000, UTC), "2026-03-01T12:00:07.250Z"),
        (datetime(2026, 3, 1, 14, 0, 7, tzinfo=timezone(timedelta(hours=2))), "2026-03-01T12:00:07.000Z"),
        ("2026-03-01T12:00:30.5Z", "2026-03-01T12:00:30.500Z"),
        ("2026-03-01T13:00:30+01:00", "2026-03-01T12:00:30.000Z"),
        (timedelta(seconds=7, milliseconds=250), "2026-03-01T12:00:07.250Z"),
    ],
)
def test_a_deadline_is_seconds_from_now_or_a_point_in_time(now, given, sent):
    text, at = times.deadline(given, now, 5)
    assert (text, at) == (sent, datetime.fromisoformat(sent).timestamp())


@pytest.mark.parametrize(
    "given",
    [0.4, 0, -1, 61, timedelta(0), timedelta(seconds=61), timedelta.max,
     1_772_366_405, True, "5", "soon", float("nan"), float("inf"), 10**400, [5],
     datetime(2026, 3, 1, 12, 0, 5), datetime(2026, 3, 1, 11, 0, tzinfo=UTC), "2026-03-01T12:02:00Z",  # noqa: DTZ001 - a time without a zone is what is refused
     "2026-03-01T12:00:05"],
)  # fmt: skip
def test_a_deadline_out_of_reach_is_refused(now, given):
    with pytest.raises(InvalidArgument, match="deadline="):
        times.deadline(given, now, 5)


@given(now=st.floats(1.6e9, 2.5e9), ahead=st.floats(0.5, 60))
def test_whole_milliseconds_never_leave_what_kraken_takes(now, ahead):
    text, at = times.deadline(ahead, now, 5)
    # A microsecond is what a float of Unix seconds can tell apart.
    assert 0.5 - 2e-6 <= at - now <= 60 + 2e-6
    assert abs(at - now - ahead) < 0.0011
    assert len(text) == len("2026-03-01T12:00:05.000Z")


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (1_772_370_000, "2026-03-01T13:00:00Z"),
        (1_772_370_000.9, "2026-03-01T13:00:00Z"),
        (Decimal(1_772_370_000), "2026-03-01T13:00:00Z"),
        ("2026-03-01T13:00:00.123456789Z", "2026-03-01T13:00:00Z"),
        (datetime(2026, 3, 1, 13, tzinfo=UTC), "2026-03-01T13:00:00Z"),
        (timedelta(hours=1), "2026-03-01T13:00:00Z"),
    ],
)
def test_a_time_is_sent_in_whole_seconds(now, given, sent):
    assert times.whole_seconds(times.moment("effective_time", given, now)) == sent


@pytest.mark.parametrize(
    "given",
    [True, None, timedelta.max,
     "tomorrow", "2026-03-01", "2026-03-01T13:00:00", 1_772_370_000_000, float("nan"), 1e300, [],
     datetime(2026, 3, 1), datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=2)))],  # noqa: DTZ001 - a time without a zone is what is refused
)  # fmt: skip
def test_what_is_no_time_is_refused_by_name(given):
    with pytest.raises(InvalidArgument, match="effective_time="):
        times.moment("effective_time", given)


def test_an_order_expires_in_the_future_and_within_a_month(now):
    month = timedelta(days=31)
    noon = datetime.fromtimestamp(now, UTC)
    assert times.expiry(noon + month, now) == times.expiry(month, now) == noon + month
    for at in (noon, noon - month, noon + month + timedelta(seconds=1), timedelta(0), -month):
        with pytest.raises(InvalidArgument, match="at most one month ahead"):
            times.expiry(at, now)
