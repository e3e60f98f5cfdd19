"""Both rate counters, with the numbers of the references and time passed in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.errors import InvalidArgument
from rxkraken.rest.limits import TIERS, Counter, CounterState, Limits, TradingLimits, batch_add_cost, trading_cost


@pytest.mark.parity("K0-66")
@pytest.mark.parametrize(
    ("tier", "rest", "trading", "orders"),
    [
        ("starter", (15, 0.33), (60, 1), 60),
        ("intermediate", (20, 0.5), (125, 2.34), 80),
        ("pro", (20, 1), (180, 3.75), 225),
    ],
)
def test_tiers_are_those_of_the_reference(tier, rest, trading, orders):
    """Sections 5.1 and 5.2."""
    limits = Limits(tier)
    assert (limits.rest.maximum, limits.rest.decay) == rest
    assert (limits.tier.trading_threshold, limits.tier.trading_decay) == trading
    assert limits.tier.open_orders == orders


def test_an_unknown_tier_names_the_known_ones():
    with pytest.raises(InvalidArgument, match="'gold' is not one of starter, intermediate, pro"):
        Limits("gold")


def test_official_check_value_of_adds_that_decay():
    """50 adds at once, then 10 s, Intermediate: 50 - 23.4 = 26.6 (ws-v2 reference section 6.10)."""
    limits = TradingLimits(TIERS["intermediate"])
    for _ in range(50):
        limits.charge({"BTC/USD": trading_cost("add")}, 0.0)
    assert limits.state(10.0)["BTC/USD"].value == pytest.approx(26.6)


def test_official_check_value_of_an_order_s_life():
    """Add, amend at 7 s, cancel 36 s after the amend: 1 + (1 + 2) + 4 = 8 without decay."""
    limits = TradingLimits(TIERS["starter"])
    total = trading_cost("add")
    limits.placed(("O1", "mine"), "BTC/USD", 0.0)
    total += limits.costs("amend", ("mine",), 7.0)["BTC/USD"]
    limits.amended("mine", 7.0)
    total += limits.costs("cancel", ("O1",), 43.0)["BTC/USD"]
    assert total == 8


def test_a_full_pro_counter_clears_in_48_seconds():
    limits = TradingLimits(TIERS["pro"])
    limits.charge({"BTC/USD": 180}, 0.0)
    assert limits.state(0.0)["BTC/USD"].empty_in == 48
    assert (list(limits.state(47.9)), list(limits.state(48.0))) == (["BTC/USD"], [])


@pytest.mark.parametrize(
    ("action", "costs"),
    [
        ("add", (1, 1, 1, 1, 1, 1, 1)),
        ("amend", (4, 3, 2, 1, 1, 1, 1)),
        ("edit", (7, 6, 5, 3, 2, 1, 1)),
        ("cancel", (8, 6, 5, 4, 2, 1, 0)),
    ],
)
def test_costs_fall_with_the_age_of_the_order(action, costs):
    """Just under each boundary of the table, and from the last one on."""
    assert tuple(trading_cost(action, age) for age in (4.9, 9.9, 14.9, 44.9, 89.9, 299.9, 300)) == costs
    assert tuple(trading_cost(action, age) for age in (0, 5, 10, 15, 45, 90, 300)) == costs


def test_an_order_of_unknown_age_costs_the_fixed_part():
    assert [trading_cost(action) for action in ("add", "amend", "edit", "cancel")] == [1, 1, 1, 0]
    assert batch_add_cost(15) == 7.5


def test_a_counter_says_when_there_is_room():
    """The REST counter of Starter: 15 calls at once, then one each three seconds."""
    counter = Counter(15, 0.33)
    for _ in range(15):
        assert counter.wait(1, 0.0) == 0
        counter.charge(1, 0.0)
    assert counter.wait(1, 0.0) == pytest.approx(1 / 0.33)
    assert counter.wait(2, 0.0) == pytest.approx(2 / 0.33)
    assert counter.wait(1, 2.0) == pytest.approx(1 / 0.33 - 2)
    assert counter.wait(1, 4.0) == 0
    assert counter.state(0.0).remaining == pytest.approx(4 * 0.33)


def test_a_cost_above_the_maximum_waits_for_an_empty_counter():
    counter = Counter(10, 1)
    counter.charge(4, 0.0)
    assert (counter.wait(25, 0.0), counter.wait(25, 4.0)) == (4, 0)


def test_a_refusal_fills_the_counter():
    """The exchange has counted calls that this process does not know of."""
    counter = Counter(15, 0.5)
    counter.charge(3, 0.0)
    counter.fill(0.0)
    assert counter.state(0.0) == CounterState(15, 15, 0.5)
    counter.charge(5, 0.0)
    counter.fill(0.0)
    assert counter.value(0.0) == 20


@given(
    st.lists(st.tuples(st.floats(0, 100), st.floats(0, 20)), max_size=40),
    st.floats(1, 200),
    st.floats(0.1, 5),
)
def test_after_the_wait_there_is_room(steps, maximum, decay):
    """Whatever was charged and whatever the clock did: never negative, and the wait is long enough."""
    counter = Counter(maximum, decay)
    for now, cost in steps:
        counter.charge(cost, now)
        assert counter.value(now) >= 0
    latest = max([now for now, _ in steps], default=0.0)
    wait = counter.wait(1, latest)
    assert counter.wait(1, latest + wait) == pytest.approx(0, abs=1e-6)


def test_pairs_are_counted_apart_and_under_one_name():
    """Every spelling of a pair is the same counter; a name nobody can read is a counter of its own."""
    limits = TradingLimits(TIERS["starter"])
    for spelling in ("BTC/USD", "XBT/USD", "XXBTZUSD", "xbtusd", "ETHUSD", "???"):
        limits.charge({spelling: 1}, 0.0)
    assert {pair: state.value for pair, state in limits.state(0.0).items()} == {"BTC/USD": 4, "ETH/USD": 1, "???": 1}


def test_waiting_is_for_the_slowest_pair():
    limits = TradingLimits(TIERS["starter"])
    limits.charge({"BTC/USD": 60, "ETH/USD": 58}, 0.0)
    assert limits.wait({"BTC/USD": 1, "ETH/USD": 1}, 0.0) == 1
    assert limits.wait({"ETH/USD": 1}, 0.0) == 0
    assert limits.wait({}, 0.0) == 0
    limits.fill(["ETH/USD"], 0.0)
    assert limits.wait({"ETH/USD": 1}, 0.0) == 1


def test_orders_are_known_by_all_their_ids_until_they_are_forgotten():
    limits = TradingLimits(TIERS["starter"])
    limits.placed(("O1", "mine"), "XBT/USD", 0.0)
    limits.placed(("O2",), "ETH/USD", 0.0)
    assert limits.costs("cancel", ("mine", "O2", "stranger"), 1.0) == {"BTC/USD": 8, "ETH/USD": 8}
    assert limits.costs("cancel", ("stranger",), 1.0, "ETHUSD") == {"ETH/USD": 0}
    assert (limits.pair_of("O1"), limits.pair_of("stranger"), limits.known_pairs()) == (
        "BTC/USD", None, ("BTC/USD", "ETH/USD"),
    )  # fmt: skip
    limits.forget(("O1", "stranger"))
    limits.amended("mine", 9.0)
    assert limits.costs("cancel", ("O1", "mine"), 1.0) == {}
    limits.forget_all()
    assert limits.known_pairs() == ()


def test_memory_is_bounded():
    limits = TradingLimits(TIERS["pro"])
    for number in range(10_050):
        limits.placed((f"O{number}",), "BTC/USD", 0.0)
    assert (limits.pair_of("O49"), limits.pair_of("O50")) == (None, "BTC/USD")
