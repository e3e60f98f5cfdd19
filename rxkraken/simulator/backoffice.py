"""Everything behind the counter: accounts and their keys, the desk, the floor, the clearing and the private channels.

The exchange owns one and hands on to it; all of its chance comes from the seed, apart from the markets' own.
"""

from __future__ import annotations

from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Protocol

from rxkraken.errors import InvalidArgument
from rxkraken.simulator.accounts import TIERS, Account
from rxkraken.simulator.clearing import Clearing, Ids
from rxkraken.simulator.desk import Desk
from rxkraken.simulator.floor import Floor
from rxkraken.simulator.floor import World as FloorWorld
from rxkraken.simulator.instruments import assets_of
from rxkraken.simulator.market import HOUSE
from rxkraken.simulator.private import PrivateFeeds
from rxkraken.simulator.private import World as PrivateWorld

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rxkraken.credentials import Credentials
    from rxkraken.simulator.accounts import Tier
    from rxkraken.simulator.keyring import Keyring

DEMO = "demo"
# What the demo account begins with; of every other listed currency it has `_OTHER`.
FUNDS: Mapping[str, str] = {
    "USD": "1000000", "EUR": "500000", "BTC": "50", "ETH": "500", "JPY": "100000000", "SOL": "5000", "LTC": "5000",
    "SHIB": "100000000000", "PEPE": "100000000000", "LUNA": "100000000000",
}  # fmt: skip
_OTHER = "500000"


class World(FloorWorld, PrivateWorld, Protocol):
    """What the back office needs of its exchange."""


class BackOffice:
    """The private half of the exchange, put together."""

    def __init__(self, world: World, keyring: Keyring, seed: int) -> None:
        """Open the demo account."""
        self.accounts: dict[str, Account] = {}
        self.keyring = keyring
        self._world = world
        assets = {asset.id: asset for asset in assets_of([market.spec for market in world.markets.values()])}
        ids = Ids(Random(f"{seed}:ids"))
        self.feeds = PrivateFeeds(world, self.accounts, world.markets, world.calendar)
        self.clearing = Clearing(self.accounts, assets, self.feeds, ids)
        self.floor = Floor(world, self.clearing, self.feeds, ids)
        self.desk = Desk(self.floor)
        demo = self.add_account(DEMO, {asset: FUNDS.get(asset, _OTHER) for asset in {**FUNDS, **assets}}, "pro")
        self.credentials = self.keyring.add(demo, None, None)

    def add_account(self, name: str, balances: Mapping[str, Decimal | int | str], tier: Tier) -> Account:
        """Open an account and pay its balances in."""
        if name in self.accounts or name in ("", HOUSE):
            raise InvalidArgument(f"account name {name!r} is taken; choose another than: {HOUSE}, {self._names()}")
        if tier not in TIERS:
            raise InvalidArgument(f"tier={tier!r} must be one of: {', '.join(TIERS)}")
        amounts = {asset: _amount(asset, amount) for asset, amount in balances.items()}
        account = self.accounts[name] = Account(name, tier)
        for asset, amount in amounts.items():
            self.clearing.deposit(account, asset, amount, self._world.now)
        return account

    def add_key(self, account: Account | str, permissions: Iterable[str] | None, otp: str | None) -> Credentials:
        """Make another key for an account, or for the one of this name."""
        return self.keyring.add(self._owner(account), permissions, otp)

    def deposit(self, account: Account | str, asset: str, amount: Decimal | int | str) -> None:
        """Pay into an account, or into the one of this name."""
        self.clearing.deposit(self._owner(account), asset, _amount(asset, amount), self._world.now)

    def _owner(self, account: Account | str) -> Account:
        owner = self.accounts.get(account) if isinstance(account, str) else account
        if owner is None:
            raise InvalidArgument(f"there is no account {account!r}; there are: {self._names()}")
        return owner

    def _names(self) -> str:
        return ", ".join(self.accounts)


def _amount(asset: str, amount: Decimal | int | str) -> Decimal:
    try:
        exact = Decimal(amount)
    except (ArithmeticError, TypeError, ValueError):
        exact = Decimal("NaN")
    if not exact.is_finite() or exact < 0:
        raise InvalidArgument(f"{amount!r} {asset} cannot be paid in; give an amount of 0 or more")
    return exact
