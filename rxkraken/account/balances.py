"""The balances of the account: a snapshot, and ledger records that overwrite one asset each (ws-v2 reference 5.3)."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from decimal import Context
from functools import reduce
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from rxkraken.models.trading import Balance, Balances, LedgerChange, Wallet
from rxkraken.protocol import spot_v2_account

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_MOST_RECORDS: Final = 10_000
# Wide enough for any balance, and independent of the context that the program has set.
_EXACT: Final = Context(prec=60)


class BalanceReducer:
    """Every asset's total. Amounts are absolute, so a snapshot repairs whatever was missed."""

    missed: int | None = 0

    def __init__(self) -> None:
        """Know nothing yet."""
        self._latest: Balances | None = None
        self._seen: OrderedDict[str, None] = OrderedDict()

    def reduce(
        self, records: Sequence[Mapping[str, Any]], kind: str, received: float, epoch: int
    ) -> Sequence[Balances]:
        """Apply one message; an update before the first snapshot waits for it, a repeated record changes nothing."""
        if kind == "snapshot":
            assets = {item.asset: item for item in map(spot_v2_account.balance, records)}
            self._latest = Balances(MappingProxyType(assets), (), True, received, epoch)  # noqa: FBT003 - it is one
            return (self._latest,)
        if self._latest is None:
            return ()
        changes = [change for change in map(spot_v2_account.ledger_change, records) if self._is_news(change)]
        if not changes:
            return ()
        assets = dict(self._latest.assets)
        for change in changes:
            assets[change.asset] = _after(assets.get(change.asset), change)
        self._latest = Balances(MappingProxyType(assets), tuple(changes), False, received, epoch)  # noqa: FBT003 - none
        return (self._latest,)

    def reset(self) -> None:
        """A balance from before an interruption is not current."""
        self._latest = None

    def current(self) -> Sequence[Balances]:
        """The latest balances."""
        return () if self._latest is None else (self._latest,)

    def _is_news(self, change: LedgerChange) -> bool:
        if change.ledger_id in self._seen:
            return False
        self._seen[change.ledger_id] = None
        if len(self._seen) > _MOST_RECORDS:
            self._seen.popitem(last=False)
        return True


def _after(before: Balance | None, change: LedgerChange) -> Balance:
    """Overwrite the total, and the wallet that the record names."""
    # Whether the running balance is the wallet's or the asset's is not known (section 5.3). It is read as the wallet's
    # only where the asset is spread over several, since only then do both differ.
    if before is None or len(before.wallets) <= 1:
        wallets = tuple(replace(wallet, balance=change.balance) for wallet in before.wallets) if before else ()
        return Balance(change.asset, change.balance, change.asset_class, wallets)
    wallets = _in_wallet(before.wallets, change)
    total = reduce(_EXACT.add, (wallet.balance for wallet in wallets))
    return Balance(change.asset, total, change.asset_class, wallets)


def _in_wallet(wallets: tuple[Wallet, ...], change: LedgerChange) -> tuple[Wallet, ...]:
    if not any((wallet.type, wallet.id) == (change.wallet_type, change.wallet_id) for wallet in wallets):
        return (*wallets, Wallet(change.wallet_type or "", change.wallet_id or "", change.balance))
    return tuple(
        replace(wallet, balance=change.balance)
        if (wallet.type, wallet.id) == (change.wallet_type, change.wallet_id) else wallet
        for wallet in wallets
    )  # fmt: skip
