"""Orders over WebSocket v1, whose totals and fills come on two channels in any order."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations

import pytest

from rxkraken.account.orders import OrderTable, When
from rxkraken.protocol.spot_v1_account import order, own_trade

WHOLE = {
    "status": "open", "vol": "3.0", "vol_exec": "0.0", "cost": "0.0",
    "descr": {"pair": "XBT/USD", "type": "buy", "ordertype": "limit", "price": "10.0"},
}  # fmt: skip
FILL = {
    "ordertxid": "O1",
    "pair": "XBT/USD",
    "type": "buy",
    "ordertype": "limit",
    "price": "10.0",
    "time": "1692851641.0",
}


def total(qty: int):
    """What `openOrders` says after so much was filled."""
    return order("O1", {"vol_exec": f"{qty}.0", "cost": f"{10 * qty}.0", "avg_price": "10.0"})


def fill(number: int):
    """What `ownTrades` says of one fill."""
    return own_trade(f"T{number}", FILL | {"vol": "1.0", "cost": "10.0", "fee": "0.1"})


@pytest.mark.parametrize("turns", sorted(set(permutations("tttfff"))), ids="".join)
def test_no_fill_is_counted_twice_whichever_channel_is_ahead(turns):
    """Each channel keeps its own order; between the two anything may come first."""
    table = OrderTable()
    table.apply(order("O1", WHOLE), When(1.0, 1))
    counts = {"t": 0, "f": 0}
    for turn in turns:
        counts[turn] += 1
        table.apply((total if turn == "t" else fill)(counts[turn]), When(1.0, 1))
        assert table.open["O1"].cum_qty == max(counts.values())
    merged = table.open["O1"]
    assert (merged.cum_qty, merged.cum_cost, merged.fees[0].qty) == (Decimal(3), Decimal(30), Decimal("0.3"))


@pytest.mark.parametrize("arrival", list(permutations(("0.25", "1.0", "1.75"))), ids="-".join)
@pytest.mark.parametrize("ahead", ["0.25", "1.25", "3.0"])
def test_fills_of_different_sizes_never_come_to_more_than_was_filled(arrival, ahead):
    """A repair tells fills of one moment in any order, whichever of them the total that was told had in it."""
    table = OrderTable()
    table.apply(order("O1", WHOLE), When(1.0, 1))
    table.apply(order("O1", {"vol_exec": ahead, "cost": str(10 * Decimal(ahead)), "avg_price": "10.0"}), When(1.0, 1))
    for size in arrival:
        sized = FILL | {"vol": size, "cost": str(10 * Decimal(size)), "fee": "0.1"}
        table.apply(own_trade(f"T{size}", sized), When(1.0, 1, repaired=True))
        assert Decimal(ahead) <= table.open["O1"].cum_qty <= 3
    merged = table.open["O1"]
    assert (merged.cum_qty, merged.cum_cost, merged.avg_price) == (Decimal(3), Decimal(30), Decimal(10))
