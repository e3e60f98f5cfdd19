"""Public market data that only WebSocket v1 has; what v2 has a place for comes as `rxkraken.models.market` has it.

As there, every value has `received` (local Unix time of arrival) and `epoch` (the number of the connection).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from rxkraken.models.market import Trade


@dataclass(frozen=True, slots=True)
class Spread:
    """The best bid and ask with their quantities, on each change of one of them (ws-v1 reference section 5.4)."""

    symbol: str
    bid: Decimal
    ask: Decimal
    timestamp: datetime
    bid_qty: Decimal
    ask_qty: Decimal
    received: float
    epoch: int


@dataclass(frozen=True, slots=True)
class TradeV1(Trade):
    """One execution (ws-v1 reference section 5.3): a `Trade` whose `trade_id` is None, since v1 tells none.

    `side` and `ord_type` are in the words of v2; `misc` is v1's own and usually empty.
    """

    misc: str
