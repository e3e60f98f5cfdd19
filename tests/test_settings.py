"""Settings and endpoints refuse what could not work, and say what would."""

from __future__ import annotations

import math
import pickle
import re

import pytest

import rxkraken as rk
from rxkraken import errors


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("ping_interval", 0, "above 0"),
        ("ping_timeout", -1, "above 0"),
        ("silence_timeout", math.nan, "above 0"),
        ("stale_after", math.inf, "above 0"),
        ("backoff_base", "1", "above 0"),
        ("backoff_max", 0.1, "at least backoff_base"),
        ("backoff_reset", True, "above 0"),
        ("max_attempts", 0, "None for no limit"),
        ("connect_budget", 120, "a pair"),
        ("connect_budget", (0, 600.0), "a pair"),
        ("connect_timeout", None, "above 0"),
        ("request_timeout", 0, "above 0"),
        ("linger", -0.1, "0 or more"),
        ("subscribe_rate", 0, "above 0"),
        ("subscribe_burst", 0, "whole number"),
        ("order_rate", -1, "above 0"),
        ("order_burst", 1.5, "whole number"),
        ("symbols_per_request", 101, "1 to 100"),
        ("resync_base", 0, "above 0"),
        ("resync_max", 0.1, "at least resync_base"),
        ("resync_attempts", 1.5, "whole number"),
        ("close_timeout", 0, "above 0"),
        ("max_frame_size", 1000, "32 MiB"),
        ("proxy", "proxy:8080", "http://host"),
    ],
)
def test_a_wrong_setting_is_named_with_what_is_allowed(name, value, words):
    """At construction, as a ValueError."""
    with pytest.raises(ValueError) as caught:
        rk.Settings(**{name: value})
    assert name in str(caught.value)
    assert words in str(caught.value)


def test_settings_are_changed_by_copy():
    """`but` keeps the rest; an unknown name lists the known ones."""
    settings = rk.Settings().but(linger=0, proxy="http://localhost:3128", max_attempts=3, max_frame_size=2**26)
    assert (settings.linger, settings.ping_interval) == (0, 10.0)
    with pytest.raises(ValueError, match=r"unknown setting lingr.*linger"):
        settings.but(lingr=1)


def test_endpoints_are_complete_urls():
    """Live, beta and custom; a wrong scheme or no host is an error that shows the form."""
    assert rk.Endpoints.live().l3 == "wss://ws-l3.kraken.com/v2"
    assert rk.Endpoints.beta().public == "wss://beta-ws.kraken.com/v2"
    with pytest.raises(ValueError, match=r"endpoint public='http://x'.*wss://host"):
        rk.Endpoints.custom("http://x")
    with pytest.raises(ValueError, match="endpoint rest"):
        rk.Endpoints.custom("ws://x", rest="nowhere")
    for unusable in ("ws://[::1", "ws://h:x", "ws://h:99999", "ws://h:0"):
        with pytest.raises(ValueError, match=re.escape(f"endpoint public={unusable!r} is not a usable URL")):
            rk.Endpoints.custom(unusable)
    assert rk.Endpoints.custom("ws://[::1]:8765/v2").public == "ws://[::1]:8765/v2"


@pytest.mark.parametrize(
    "error",
    [
        errors.UnknownSymbol("FOO", ["BTC/USD"]),
        errors.Overflowed(5),
        errors.SubscriberFailed("book", "a.py:1", ValueError("x")),
        errors.SubscriptionRejected("book", "A/B", "no", ["A/C"]),
    ],
)
def test_errors_survive_a_pickle(error):
    """A worker process may hand them over."""
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is type(error)
    assert str(copy) == str(error)
