"""The rate counter of an account and pair, and the cap on open orders (ws-v2 reference section 6.10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rxkraken.simulator.accounts import Counter
from rxkraken.simulator.rejections import RATE_EXCEEDED, Rejected

if TYPE_CHECKING:
    from rxkraken.simulator.accounts import Account, AccountOrder, Tier


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a tier may do: the counter's threshold, its decay a second, and open orders per pair."""

    threshold: int
    decay: float
    open_orders: int


ALLOWANCES: dict[Tier, Allowance] = {
    "starter": Allowance(60, 1.0, 60),
    "intermediate": Allowance(125, 2.34, 80),
    "pro": Allowance(180, 3.75, 225),
}
# What a change of an order costs by its age: (seconds below which, cost).
AMEND = ((5, 3), (10, 2), (15, 1))
EDIT = ((5, 6), (10, 5), (15, 4), (45, 2), (90, 1))
CANCEL = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))
_A_HAIR = 1e-9


def young(order: AccountOrder, costs: tuple[tuple[int, int], ...], now: float) -> int:
    """What it costs more to change an order because it is young."""
    age = now - order.touched
    return next((cost for limit, cost in costs if age < limit), 0)


def count(account: Account, symbol: str, now: float) -> float:
    """The counter's value now."""
    counter = account.counters.get(symbol)
    if counter is None:
        return 0.0
    return max(0.0, counter.value - ALLOWANCES[account.tier].decay * (now - counter.time))


def charge(account: Account, symbol: str, cost: float, now: float, *, forced: bool = False) -> None:
    """Count a request. Raises `Rejected`, without counting, if it would pass the threshold, unless it is `forced`."""
    value = count(account, symbol, now) + cost
    if not forced and cost and value > ALLOWANCES[account.tier].threshold + _A_HAIR:
        raise Rejected(RATE_EXCEEDED)
    account.counters[symbol] = Counter(value, now)
