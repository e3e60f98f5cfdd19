"""Kraken's two rate counters as pure models: time comes in as a number of seconds on any steady clock.

The REST counter belongs to an API key, the trading counter to an account and pair and is shared by REST and WebSocket
(rest reference section 5, ws-v2 reference section 6.10). The exchange's own counters decide; these only foresee them.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from rxkraken.errors import InvalidArgument, UnknownSymbol
from rxkraken.symbols import canonical

TierName = Literal["starter", "intermediate", "pro"]
Policy = Literal["wait", "raise", "warn"]
Action = Literal["add", "amend", "edit", "cancel"]


@dataclass(frozen=True, slots=True)
class Tier:
    """What a verification level allows: counter sizes, decays per second, and open orders per pair."""

    name: TierName
    rest_maximum: float
    rest_decay: float
    trading_threshold: float
    trading_decay: float
    open_orders: int


TIERS: Final[Mapping[str, Tier]] = {
    "starter": Tier("starter", 15, 0.33, 60, 1, 60),
    "intermediate": Tier("intermediate", 20, 0.5, 125, 2.34, 80),
    "pro": Tier("pro", 20, 1, 180, 3.75, 225),
}


def tier_of(name: str) -> Tier:
    """Return the tier with this name; `InvalidArgument` naming the tiers for another."""
    if name not in TIERS:
        raise InvalidArgument(f"tier {name!r} is not one of {', '.join(TIERS)}")
    return TIERS[name]


@dataclass(frozen=True, slots=True)
class CounterState:
    """A counter at one moment: its `value`, what it may reach, its decay per second, and when it will be empty."""

    value: float
    maximum: float
    decay: float

    @property
    def remaining(self) -> float:
        """How much more may be charged now."""
        return max(0.0, self.maximum - self.value)

    @property
    def empty_in(self) -> float:
        """Seconds until nothing is left of what was charged."""
        return self.value / self.decay


class Counter:
    """A number that charges raise and time lowers, never below 0."""

    __slots__ = ("_at", "_value", "charged_at", "decay", "maximum")

    def __init__(self, maximum: float, decay: float) -> None:
        """Start empty."""
        self.maximum = maximum
        self.decay = decay
        self._value = 0.0
        self._at: float | None = None
        self.charged_at: float | None = None

    def value(self, now: float) -> float:
        """Return the counter at `now`. A clock that steps back lets nothing decay and brings nothing back."""
        if self._at is not None:
            self._value = max(0.0, self._value - max(0.0, now - self._at) * self.decay)
        self._at = now if self._at is None else max(now, self._at)
        return self._value

    def wait(self, cost: float, now: float) -> float:
        """Return the seconds until `cost` fits; 0 when it fits now. A cost above the maximum fits an empty counter."""
        over = self.value(now) + min(cost, self.maximum) - self.maximum
        return max(0.0, over / self.decay)

    def charge(self, cost: float, now: float) -> None:
        """Add the cost, whether it fits or not: the exchange has counted it."""
        self._value = self.value(now) + cost
        self.charged_at = now

    def set(self, value: float, now: float) -> None:
        """Go on from another value."""
        self.value(now)
        self._value = value

    def fill(self, now: float) -> None:
        """Set it to its maximum: the exchange says it is exceeded, so it knows of calls that this process does not."""
        self._value = max(self.value(now), self.maximum)

    def state(self, now: float) -> CounterState:
        """Return the counter at `now` as a value."""
        return CounterState(self.value(now), self.maximum, self.decay)


# By age: (younger than so many seconds, cost); the fixed part is charged whatever the age is.
_FIXED: Final[Mapping[Action, float]] = {"add": 1, "amend": 1, "edit": 1, "cancel": 0}
_BY_AGE: Final[Mapping[Action, tuple[tuple[float, float], ...]]] = {
    "add": (),
    "amend": ((5, 3), (10, 2), (15, 1)),
    "edit": ((5, 6), (10, 5), (15, 4), (45, 2), (90, 1)),
    "cancel": ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1)),
}


def trading_cost(action: Action, age: float | None = None) -> float:
    """Return what one request adds to its pair's counter.

    `age` is the seconds since the order was placed or last amended; None, for an order of unknown age, charges only
    the fixed part.
    """
    aged = next((cost for limit, cost in _BY_AGE[action] if age is not None and age < limit), 0.0)
    return _FIXED[action] + aged


def batch_add_cost(count: int) -> float:
    """Return what a batch of so many new orders adds: half of one each (ws-v2 reference section 6.10)."""
    return count / 2


@dataclass(slots=True)
class _Known:
    """An order: its market, since when it has its age, and every id it goes by."""

    pair: str
    since: float
    ids: tuple[str, ...]


class TradingLimits:
    """One counter per pair, and the ages of the orders that are known.

    An order may be known by several ids at once, such as its txid and its `cl_ord_id`. One that was never made known
    has no age, and without a pair no counter, so that cancelling it charges nothing here.
    """

    __slots__ = ("_counters", "_orders", "tier")

    def __init__(self, tier: Tier) -> None:
        """Start with empty counters."""
        self.tier = tier
        self._counters: dict[str, Counter] = {}
        self._orders: OrderedDict[str, _Known] = OrderedDict()

    def placed(self, ids: Iterable[str], pair: str, now: float) -> None:
        """Remember an order that was placed at `now`, by all its ids: its age counts from there."""
        order = _Known(market_key(pair), now, tuple(ids))
        for identity in order.ids:
            self._orders[identity] = order
            self._orders.move_to_end(identity)
        while len(self._orders) > _MOST_ORDERS:
            self._orders.popitem(last=False)

    def amended(self, identity: str, now: float) -> None:
        """Remember that an order was amended at `now`; if it is known, its age starts again."""
        known = self._orders.get(identity)
        if known is not None:
            known.since = now

    def forget(self, ids: Iterable[str]) -> None:
        """Forget orders that are done, under all their ids."""
        for identity in ids:
            known = self._orders.get(identity)
            for alias in () if known is None else known.ids:
                self._orders.pop(alias, None)

    def forget_all(self) -> None:
        """Forget every order: all were cancelled."""
        self._orders.clear()

    def pair_of(self, identity: str) -> str | None:
        """Return the market of a known order."""
        known = self._orders.get(identity)
        return None if known is None else known.pair

    def known_pairs(self) -> tuple[str, ...]:
        """Return the markets in which orders are known."""
        return tuple(dict.fromkeys(order.pair for order in self._orders.values()))

    def costs(self, action: Action, ids: Iterable[str], now: float, pair: str | None = None) -> dict[str, float]:
        """Return what one request for each of these orders costs, by pair; `pair` is where unknown orders are."""
        summed: dict[str, float] = {}
        for identity in ids:
            known = self._orders.get(identity)
            market = known.pair if known else pair and market_key(pair)
            if market:
                cost = trading_cost(action, now - known.since if known else None)
                summed[market] = summed.get(market, 0.0) + cost
        return summed

    def wait(self, costs: Mapping[str, float], now: float) -> float:
        """Return the seconds until all these costs, by pair, fit."""
        return max((self._counter(pair).wait(cost, now) for pair, cost in costs.items()), default=0.0)

    def charge(self, costs: Mapping[str, float], now: float) -> None:
        """Charge costs by pair; "the fixed part is charged on receipt even if validation fails"."""
        for pair, cost in costs.items():
            self._counter(pair).charge(cost, now)

    def fill(self, pairs: Iterable[str], now: float) -> None:
        """Set these pairs' counters to their threshold, because the exchange says they are exceeded."""
        for pair in pairs:
            self._counter(pair).fill(now)

    def told(self, pair: str, value: float, now: float) -> None:
        """Take over what the exchange itself says of a pair's counter.

        It may not know yet of what was charged lately: until that has arrived, only a higher value is believed.
        """
        counter = self._counter(pair)
        on_its_way = counter.charged_at is not None and now - counter.charged_at < _ARRIVED
        counter.set(max(value, counter.value(now)) if on_its_way else value, now)

    def retier(self, tier: Tier) -> None:
        """Go on with the counters of another tier."""
        self.tier = tier
        for counter in self._counters.values():
            counter.maximum, counter.decay = tier.trading_threshold, tier.trading_decay

    def state(self, now: float) -> dict[str, CounterState]:
        """Return the counters that are not empty at `now`, by pair."""
        states = {pair: counter.state(now) for pair, counter in self._counters.items()}
        return {pair: state for pair, state in states.items() if state.value > 0}

    def _counter(self, pair: str) -> Counter:
        market = market_key(pair)
        if market not in self._counters:
            self._counters[market] = Counter(self.tier.trading_threshold, self.tier.trading_decay)
        return self._counters[market]


@dataclass(frozen=True, slots=True)
class Charge:
    """What an order request does to the trading counters.

    `costs` gives the cost by pair when it is sent, `settle` learns from its result which orders are young or gone.
    """

    costs: Callable[[TradingLimits, float], Mapping[str, float]]
    settle: Callable[[TradingLimits, float, Any], None]
    # "A batch cancel is still accepted when it passes the threshold" (ws-v2 reference section 6.10).
    always_passes: bool = False


# As long as a request may take to be answered.
_ARRIVED: Final = 10.0
# Orders that fill are never forgotten by a caller who only places them; the oldest ages cost nothing anyway.
_MOST_ORDERS: Final = 10_000


def market_key(pair: str) -> str:
    """Return one name for all spellings of a pair, or the text itself where the rules cannot read it."""
    try:
        return canonical(pair)
    except UnknownSymbol:
        return pair


@dataclass(frozen=True, slots=True)
class LimitsState:
    """Both counters at one moment: the key's REST counter, and the trading counters that are not empty, by pair."""

    tier: Tier
    rest: CounterState
    trading: Mapping[str, CounterState]


class Limits:
    """Both counters of one account. Share one of these between everything that uses the same key."""

    __slots__ = ("rest", "tier", "trading")

    def __init__(self, tier: TierName = "starter") -> None:
        """Start with empty counters of this tier; `InvalidArgument` for a tier that does not exist."""
        self.tier = tier_of(tier)
        self.rest = Counter(self.tier.rest_maximum, self.tier.rest_decay)
        self.trading = TradingLimits(self.tier)

    def learn_threshold(self, threshold: float) -> None:
        """Go on with the tier whose trading counter reaches this far, which is what `executions` tells of an account.

        A threshold of no known tier changes nothing (ws-v2 reference section 5.2, `maxratecount`).
        """
        tier = next((tier for tier in TIERS.values() if tier.trading_threshold == threshold), None)
        if tier is not None and tier is not self.tier:
            self.tier = tier
            self.rest.maximum, self.rest.decay = tier.rest_maximum, tier.rest_decay
            self.trading.retier(tier)

    def state(self, now: float) -> LimitsState:
        """Return everything at `now` as a value."""
        return LimitsState(self.tier, self.rest.state(now), self.trading.state(now))
