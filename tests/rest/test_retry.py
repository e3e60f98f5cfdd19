"""Which failures of safe calls are tried again, and when."""

from __future__ import annotations

import pytest

from rxkraken.errors import (
    AuthRefused,
    LinkLost,
    NonceRejected,
    RateLimited,
    RequestTimeout,
    RestError,
    RestUnavailable,
    RestUnreadable,
)
from rxkraken.rest.retry import Retry


@pytest.mark.parity("K0-65")
@pytest.mark.parametrize("error", [LinkLost("x"), RequestTimeout("x"), RestUnavailable("x"), RestUnreadable("x")])
def test_passing_faults_are_tried_again_with_full_jitter(error):
    """Doubling from `base`, never above `most`, times a random number."""
    retry = Retry(attempts=8, base=0.5, most=30)
    delays = [retry.delay(error, tried, chance=0.5, now=0) for tried in range(1, 10)]
    assert delays == [0.25, 0.5, 1, 2, 4, 8, 15, 15, None]
    assert retry.delay(error, 1, chance=0.0, now=0) == 0


@pytest.mark.parametrize("error", [RestError("x", category="arguments"), AuthRefused("x"), RestError("?")])
def test_refusals_are_not_tried_again(error):
    assert Retry().delay(error, 1, chance=0.5, now=0) is None


def test_a_nonce_is_tried_once_more_at_once():
    """Section 4: "once, with a fresh larger nonce"."""
    assert [Retry().delay(NonceRejected("x"), tried, chance=0.5, now=0) for tried in (1, 2)] == [0.0, None]


@pytest.mark.parametrize(
    ("error", "delay"),
    [
        (RateLimited("x", wait=5), 5.25),
        (RateLimited("x"), 5.25),
        (RateLimited("x", until=1012.0), 12.25),
        (RateLimited("x", until=900.0), 0.25),
        (RateLimited("x", wait=900), None),
        (RateLimited("x", until=1031.0), None),
    ],
)
def test_asked_waits_are_kept_unless_they_are_longer_than_the_patience(error, delay):
    assert Retry().delay(error, 1, chance=0.5, now=1000.0) == delay


def test_no_second_try():
    assert Retry.never().delay(LinkLost("x"), 1, chance=0.5, now=0) is None


@pytest.mark.parametrize("options", [{"attempts": -1}, {"base": 0}, {"base": 2, "most": 1}])
def test_a_policy_that_cannot_be_is_refused(options):
    with pytest.raises(ValueError, match="attempts is 0 or more"):
        Retry(**options)
