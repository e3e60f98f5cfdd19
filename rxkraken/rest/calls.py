"""The calls that Kraken's REST API has, as data: where each lives, what it costs, and what happens when it fails."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from rxkraken.errors import InvalidArgument

if TYPE_CHECKING:
    from collections.abc import Mapping

Nature = Literal["read", "change", "order"]


@dataclass(frozen=True, slots=True)
class CallSpec:
    """One call, whose `nature` decides what a failure means.

    - `read` changes nothing, so it is made again when that can help;
    - `order` is made once and has three outcomes: a result, `OrderRejected`, or `OutcomeUnknown` (or `NotSent`);
    - `change` moves money or settings: made once like an order, refused with a `RestError`.

    `cost` is what it adds to the key's REST counter; `json` says that its body is JSON and not a form.
    """

    name: str
    private: bool
    nature: Nature = "read"
    cost: float = 1.0
    json: bool = False

    @property
    def path(self) -> str:
        """The path that is requested and, for private calls, signed."""
        return f"/0/{'private' if self.private else 'public'}/{self.name}"


_PUBLIC: Final = ("Time", "SystemStatus", "Assets", "AssetPairs", "Ticker", "OHLC", "Depth", "Trades", "Spread")
_READS: Final = (
    "Balance", "BalanceEx", "TradeBalance", "OpenOrders", "ClosedOrders", "QueryOrders", "OrderAmends", "OpenPositions",
    "TradeVolume", "GetWebSocketsToken", "GetApiKeyInfo", "ExportStatus", "RetrieveExport",
    "DepositMethods", "DepositStatus", "WithdrawMethods", "WithdrawAddresses", "WithdrawInfo", "WithdrawStatus",
    "Earn/Strategies", "Earn/Allocations", "Earn/AllocateStatus", "Earn/DeallocateStatus",
)  # fmt: skip
# "2 for ledger/trade-history calls" (rest reference section 5.1).
_HISTORIES: Final = ("Ledgers", "QueryLedgers", "TradesHistory", "QueryTrades")
# "AddOrder/CancelOrder (and other order actions) do not use this counter" (section 5.1).
_ORDERS: Final = (
    "AddOrder", "AmendOrder", "EditOrder", "CancelOrder", "CancelAll", "CancelAllOrdersAfter",
)  # fmt: skip
# Nested lists need JSON (section 1).
_JSON_ORDERS: Final = ("AddOrderBatch", "CancelOrderBatch")
# DepositAddresses may make a new address, AddExport a report: neither is made twice by itself.
_CHANGES: Final = (
    "DepositAddresses", "Withdraw", "WithdrawCancel", "WalletTransfer", "AddExport", "RemoveExport",
    "CreateSubaccount", "AccountTransfer", "Earn/Allocate", "Earn/Deallocate",
)  # fmt: skip

CALLS: Final[Mapping[str, CallSpec]] = {
    spec.name: spec
    for spec in (
        *(CallSpec(name, private=False, cost=0) for name in _PUBLIC),
        *(CallSpec(name, private=True) for name in _READS),
        *(CallSpec(name, private=True, cost=2) for name in _HISTORIES),
        *(CallSpec(name, private=True, nature="order", cost=0) for name in _ORDERS),
        *(CallSpec(name, private=True, nature="order", cost=0, json=True) for name in _JSON_ORDERS),
        *(CallSpec(name, private=True, nature="change") for name in _CHANGES),
    )
}
_NAME: Final = re.compile(r"[A-Za-z0-9]+(?:/[A-Za-z0-9]+)*")


def spec_of(name: str, *, auth: bool | None = None) -> CallSpec:
    """Return what is known of a call, or for a name that is not in the table what is safe to assume.

    An unknown public call is a read; an unknown private call is a `change` of cost 1, so it is never made twice. For
    an unknown name `auth` must say which it is. Raises `InvalidArgument` when it does not, contradicts the table, or
    when the name is none.
    """
    known = CALLS.get(name)
    if known is not None and auth in (None, known.private):
        return known
    if known is not None:
        raise InvalidArgument(f"{name} is a {'private' if known.private else 'public'} call; leave auth={auth} out")
    if not _NAME.fullmatch(name):
        raise InvalidArgument(f"{name!r} is not the name of a call; give it as Kraken writes it, such as 'AddOrder'")
    if auth is None:
        raise InvalidArgument(f"{name} is not a call this version knows; say auth=True (signed) or auth=False (public)")
    return CallSpec(name, private=auth, nature="change" if auth else "read", cost=1 if auth else 0)
