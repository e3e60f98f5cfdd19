"""Orders, fills and balances of the account as its streams tell them: complete values, although the wire is sparse.

Every value that a frame caused ends with `received`, the local time of arrival in seconds since the Unix epoch, and
`epoch`, the number of the connection it came through. What REST had to fill in after an interruption carries the time
and epoch of that repair.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Context, Decimal

_ZERO = Decimal(0)
# Wide enough for any sum of fills, and independent of the context that the program has set.
_EXACT = Context(prec=60)

FINAL_STATUSES = frozenset({"filled", "canceled", "expired"})
"""The `Order.status` values after which nothing more can happen to an order."""


@dataclass(frozen=True, slots=True)
class Fee:
    """So much of an asset."""

    asset: str
    qty: Decimal


@dataclass(frozen=True, slots=True)
class Trigger:
    """What sets a stop, take-profit or trailing order off (ws-v2 reference sections 5.2 and 6.1).

    `price` is a price or an offset, as `price_type` says ("static", "pct", "quote"); `reference` is "last" or "index";
    `status` is "untriggered" or "triggered". The other prices are told by the exchange while it watches.
    """

    price: Decimal | None = None
    price_type: str | None = None
    reference: str | None = None
    status: str | None = None
    actual_price: Decimal | None = None
    peak_price: Decimal | None = None
    last_price: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Contingent:
    """The closing order that each fill of the primary one creates (ws-v2 reference section 6.1, `conditional`)."""

    order_type: str | None = None
    trigger_price: Decimal | None = None
    trigger_price_type: str | None = None
    limit_price: Decimal | None = None
    limit_price_type: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One order after the latest thing that happened to it.

    `status` is "pending_new", "new", "partially_filled", "filled", "canceled" or "expired", or a word that Kraken added
    since. `fees` are those of the fills that were seen, summed by asset. `amended` says that the user changed it.
    `updated` is the exchange's time of the latest change. What nobody has told yet is None.
    """

    order_id: str
    cl_ord_id: str | None = None
    order_userref: int | None = None
    symbol: str | None = None
    side: str | None = None
    order_type: str | None = None
    status: str = "pending_new"
    qty: Decimal | None = None
    cash_order_qty: Decimal | None = None
    display_qty: Decimal | None = None
    display_qty_remain: Decimal | None = None
    limit_price: Decimal | None = None
    limit_price_type: str | None = None
    trigger: Trigger | None = None
    contingent: Contingent | None = None
    time_in_force: str | None = None
    post_only: bool | None = None
    reduce_only: bool | None = None
    margin: bool | None = None
    effective_time: datetime | None = None
    expire_time: datetime | None = None
    fee_preference: str | None = None
    sender_sub_id: str | None = None
    cum_qty: Decimal = _ZERO
    cum_cost: Decimal = _ZERO
    avg_price: Decimal | None = None
    fees: tuple[Fee, ...] = ()
    fee_usd_equiv: Decimal | None = None
    amended: bool = False
    reason: str | None = None
    parent: str | None = None
    updated: datetime | None = None

    @property
    def is_final(self) -> bool:
        """Whether it is filled, cancelled or expired."""
        return self.status in FINAL_STATUSES

    @property
    def remaining(self) -> Decimal | None:
        """What is still to be filled, in base units; None for an order sized in quote currency."""
        return None if self.qty is None else _EXACT.subtract(self.qty, self.cum_qty)


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """One event in the life of an order, and the whole order after it (ws-v2 reference section 5.2).

    `exec_type` is "pending_new", "new", "trade", "filled", "iceberg_refill", "canceled", "expired", "amended",
    "restated", "status", or a word that Kraken added since. The fields from `exec_id` to `fees` belong to a "trade":
    `liquidity` is "m" for maker and "t" for taker, `cost` is in quote currency. `snapshot` marks what was the case
    before the stream began; `repaired` what was fetched after an interruption. `rate_count` is the trading counter of
    the pair, where the exchange tells it.
    """

    exec_type: str
    order: Order
    timestamp: datetime | None = None
    exec_id: str | None = None
    trade_id: int | None = None
    last_qty: Decimal | None = None
    last_price: Decimal | None = None
    cost: Decimal | None = None
    liquidity: str | None = None
    fees: tuple[Fee, ...] = ()
    reason: str | None = None
    rate_count: Decimal | None = None
    snapshot: bool = False
    repaired: bool = False
    received: float = 0.0
    epoch: int = 0

    @property
    def order_id(self) -> str:
        """Kraken's id of the order."""
        return self.order.order_id

    @property
    def cl_ord_id(self) -> str | None:
        """The client's id of the order, if it has one."""
        return self.order.cl_ord_id

    @property
    def symbol(self) -> str | None:
        """The market."""
        return self.order.symbol

    @property
    def side(self) -> str | None:
        """What the order does: "buy" or "sell"."""
        return self.order.side

    @property
    def status(self) -> str:
        """The order's status after this event."""
        return self.order.status


@dataclass(frozen=True, slots=True)
class OpenOrders(Mapping[str, Order]):
    """The open orders of the account by `order_id`, after the latest event."""

    orders: Mapping[str, Order]
    received: float
    epoch: int

    def __getitem__(self, order_id: str) -> Order:
        """Look an order up by Kraken's id."""
        return self.orders[order_id]

    def __iter__(self) -> Iterator[str]:
        """Every `order_id`, in the order in which they became known."""
        return iter(self.orders)

    def __len__(self) -> int:
        """How many orders are open."""
        return len(self.orders)

    def of(self, symbol: str) -> tuple[Order, ...]:
        """The open orders of one market."""
        return tuple(order for order in self.orders.values() if order.symbol == symbol)

    def by_cl_ord_id(self, cl_ord_id: str) -> Order | None:
        """The open order with this client's id."""
        return next((order for order in self.orders.values() if order.cl_ord_id == cl_ord_id), None)


@dataclass(frozen=True, slots=True)
class Wallet:
    """What lies in one place: `type` is "spot" or "earn", `id` such as "main", "flex" or "bonded"."""

    type: str
    id: str
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Balance:
    """The total of one asset over its wallets. Open orders hold part of it; this channel does not say how much."""

    asset: str
    balance: Decimal
    asset_class: str = "currency"
    wallets: tuple[Wallet, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerChange:
    """One ledger record: `balance` after it is the old one + `amount` - `fee` (ws-v2 reference section 5.3).

    `ref_id` names the cause; for a trade it is the fill's `exec_id`.
    """

    ledger_id: str
    ref_id: str | None = None
    timestamp: datetime | None = None
    type: str = ""
    subtype: str | None = None
    category: str | None = None
    asset: str
    asset_class: str = "currency"
    wallet_type: str | None = None
    wallet_id: str | None = None
    amount: Decimal
    fee: Decimal = _ZERO
    balance: Decimal


@dataclass(frozen=True, slots=True)
class Balances(Mapping[str, Balance]):
    """Every asset of the account by name ("BTC", "USD"), after the latest message.

    `changes` are the ledger records of that message; a snapshot has none. A fill comes as two messages, one an asset.
    """

    assets: Mapping[str, Balance]
    changes: tuple[LedgerChange, ...] = ()
    snapshot: bool = False
    received: float = 0.0
    epoch: int = 0

    def __getitem__(self, asset: str) -> Balance:
        """Look an asset up."""
        return self.assets[asset]

    def __iter__(self) -> Iterator[str]:
        """Every asset."""
        return iter(self.assets)

    def __len__(self) -> int:
        """How many assets there are."""
        return len(self.assets)

    def total(self, asset: str) -> Decimal:
        """How much of an asset there is, 0 if there was never any."""
        held = self.assets.get(asset)
        return _ZERO if held is None else held.balance


@dataclass(frozen=True, slots=True)
class Armed:
    """The exchange confirmed the dead man's switch: without another word it cancels every order at `trigger_time`."""

    current_time: datetime | None
    trigger_time: datetime | None
    seconds: int
    received: float = field(default=0.0, compare=False)


@dataclass(frozen=True, slots=True)
class Tripped:
    """The dead man's switch could not be refreshed in time: assume that the exchange has cancelled every order."""

    since: float
    reason: str
