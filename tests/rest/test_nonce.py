"""Nonces only ever grow, whatever the clock does and however many ask."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.errors import InvalidArgument
from rxkraken.protocol.nonce import NonceSource, nonces_of


@pytest.mark.parity("D0-7")
@pytest.mark.parity("K2-07")
@given(st.lists(st.floats(min_value=0, max_value=1e10), min_size=2, max_size=50))
def test_nonces_grow_through_any_clock(times):
    """The clock jumps, stands still and steps back; every nonce is above the one before."""
    source = NonceSource()
    drawn = [source.next(now) for now in times]
    assert drawn == sorted(set(drawn))


@pytest.mark.parity("K1-27")
def test_a_clock_that_steps_back_makes_the_counter_count_by_ones():
    source = NonceSource(per_second=1000)
    assert [source.next(now) for now in (5.0, 4.0, 5.0, 5.0015, 6.0)] == [5000, 5001, 5002, 5003, 6000]


def test_nonces_are_above_those_of_every_usual_scale():
    """Section 2.4: "the scale may never go down for a key". Other clients use ms, us, and tens of nanoseconds."""
    now = 1_700_000_000.0
    assert NonceSource().next(now) > max(int(now * scale) for scale in (1e3, 1e6, 1e8))
    assert NonceSource().next(now) < 2**64


def test_one_counter_per_key_in_the_whole_process():
    """Two clients with the same key never draw the same nonce, even at the same moment."""
    assert nonces_of("test key A") is nonces_of("test key A")
    assert nonces_of("test key A") is not nonces_of("test key B")


def test_threads_never_draw_the_same_nonce():
    source = NonceSource()
    drawn: list[int] = []

    def draw() -> None:
        for _ in range(200):
            drawn.append(source.next(1.0))  # noqa: PERF401 - interleaving is the point

    threads = [threading.Thread(target=draw) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(drawn) == list(range(1_000_000_000, 1_000_000_000 + 1600))


@pytest.mark.parametrize("now", [float("nan"), float("inf"), -1.0])
def test_a_clock_that_tells_no_time_is_refused(now):
    with pytest.raises(InvalidArgument, match="seconds since 1970"):
        NonceSource().next(now)


def test_a_nonce_beyond_64_bits_is_refused_and_does_not_count():
    source = NonceSource(per_second=10**12)
    with pytest.raises(InvalidArgument, match="64 bits"):
        source.next(1e9)
    assert source.next(0) == 1


@pytest.mark.parametrize("options", [{"per_second": 0}, {"last": -1}, {"last": 2**64}])
def test_a_scale_or_start_that_cannot_be_is_refused(options):
    with pytest.raises(InvalidArgument, match="scale"):
        NonceSource(**options)
