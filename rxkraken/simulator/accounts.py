"""Who trades on the simulated exchange: accounts with their money, orders, fills, ledger and API keys. Data only.

Assets have their v2 names (`BTC`, `USD`), money is exact, times are readings of the exchange's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from rxkraken.simulator.engine import Side

Tier = Literal["starter", "intermediate", "pro"]
TIERS: tuple[Tier, ...] = ("starter", "intermediate", "pro")
OrderStatus = Literal["pending_new", "new", "partially_filled", "filled", "canceled", "expired"]
Via = Literal["ws", "rest"]
Liquidity = Literal["m", "t"]

PERMISSIONS = (
    "query_funds", "query_open_orders", "query_closed_orders", "query_ledger", "modify_orders", "cancel_orders",
    "websockets", "add_funds", "withdraw_funds",
)  # fmt: skip
ZERO = Decimal(0)


@dataclass(slots=True, eq=False)
class ApiKey:
    """One API key: `key` is public, `secret` base64 of 64 bytes. `last_nonce` and `nonce_window` are for REST."""

    key: str
    secret: str
    account: Account
    permissions: frozenset[str]
    last_nonce: int = 0
    nonce_window: int = 0
    otp: str | None = None


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution as one of its two sides sees it. `fee` is in `fee_asset`, `cost` in the quote currency."""

    exec_id: str
    trade_id: int
    order_id: str
    symbol: str
    side: Side
    order_type: str
    price: Decimal
    qty: Decimal
    cost: Decimal
    fee: Decimal
    fee_asset: str
    liquidity: Liquidity
    time: float


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """One change of one balance: `balance` afterwards is the one before plus `amount` minus `fee`."""

    ledger_id: str
    ref_id: str
    time: float
    type: Literal["trade", "deposit"]
    asset: str
    amount: Decimal
    fee: Decimal
    balance: Decimal


@dataclass(slots=True, eq=False)
class Triggers:
    """What a stop, take-profit or trailing order waits for.

    `price` is as the client gave it, of `price_type` static, pct or quote; `actual_price` is the price that triggers,
    which moves with `peak_price` for trailing types. `last_price` is the reference price that triggered.
    """

    reference: Literal["last", "index"]
    price: Decimal
    price_type: str
    actual_price: Decimal
    # Whether the reference has to rise to `actual_price`, or to fall to it.
    rising: bool
    trailing: bool = False
    peak_price: Decimal | None = None
    last_price: Decimal | None = None
    triggered_at: float | None = None

    @property
    def status(self) -> Literal["untriggered", "triggered"]:
        """The word on the wire."""
        return "untriggered" if self.triggered_at is None else "triggered"


@dataclass(frozen=True, slots=True)
class Amend:
    """An order as it was after a change: `kind` is `original` for how it was placed, `user` for an amend."""

    amend_id: str
    kind: Literal["original", "user"]
    time: float
    qty: Decimal
    remaining: Decimal
    display_qty: Decimal | None
    limit_price: Decimal | None
    trigger_price: Decimal | None
    post_only: bool


@dataclass(slots=True, eq=False)
class AccountOrder:
    """One order of an account, from its acceptance to its end and after.

    `qty` is in base currency (0 for a cash order until it is priced), `cash_qty` in quote currency. `conditional` is
    the close order as the client described it, `ref_id` the order that this one came from.
    """

    order_id: str
    symbol: str
    side: Side
    order_type: str
    qty: Decimal
    opened: float
    cl_ord_id: str | None = None
    order_userref: int = 0
    cash_qty: Decimal | None = None
    limit_price: Decimal | None = None
    limit_price_type: str = "static"
    limit_offset: Decimal | None = None
    display_qty: Decimal | None = None
    triggers: Triggers | None = None
    time_in_force: Literal["gtc", "gtd", "ioc", "fok"] = "gtc"
    expire_time: float | None = None
    effective_time: float | None = None
    post_only: bool = False
    reduce_only: bool = False
    margin: bool = False
    fee_preference: Literal["base", "quote"] = "quote"
    stp_type: str = "cancel_newest"
    conditional: dict[str, Any] | None = None
    sender_sub_id: str | None = None
    ref_id: str | None = None
    status: OrderStatus = "pending_new"
    cum_qty: Decimal = ZERO
    cum_cost: Decimal = ZERO
    fees: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    # What a buy without a limit price may still spend while it is being filled.
    budget: Decimal | None = None
    reason: str | None = None
    closed: float | None = None
    amended: bool = False
    # When it was created or last amended: what the rate counter calls its age.
    touched: float = field(init=False)
    fills: list[Fill] = field(default_factory=list[Fill])
    # Empty until it is amended; then how it was placed comes first.
    amends: list[Amend] = field(default_factory=list[Amend])

    def __post_init__(self) -> None:
        """A new order is as old as its opening."""
        self.touched = self.opened

    def note(self, amend_id: str, kind: Literal["original", "user"], now: float) -> None:
        """Remember the order as it is now."""
        trigger = self.triggers.actual_price if self.triggers else None
        prices = (self.display_qty, self.limit_price, trigger)
        self.amends.append(Amend(amend_id, kind, now, self.qty, self.remaining, *prices, self.post_only))

    @property
    def is_open(self) -> bool:
        """Whether it can still be filled or cancelled."""
        return self.status in OPEN

    @property
    def is_untriggered(self) -> bool:
        """Whether its trigger has not come yet."""
        return self.triggers is not None and self.triggers.triggered_at is None

    @property
    def remaining(self) -> Decimal:
        """What is not filled yet, in base currency."""
        return self.qty - self.cum_qty

    @property
    def avg_price(self) -> Decimal:
        """Average price of what is filled, 0 when nothing is."""
        return self.cum_cost / self.cum_qty if self.cum_qty else ZERO

    @property
    def base(self) -> str:
        """The currency that is bought or sold."""
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        """The currency of its prices."""
        return self.symbol.partition("/")[2]

    @property
    def contingent(self) -> dict[str, Any] | None:
        """The close order with the names that the `executions` channel uses for it."""
        if self.conditional is None:
            return None
        return {"trigger_price" if name == "stop_price" else name: value for name, value in self.conditional.items()}

    def reserved(self) -> tuple[str, Decimal]:
        """The asset and the amount of it that this order keeps from other orders; nothing once it is closed."""
        asset = self.quote if self.side == "buy" else self.base
        if not self.is_open:
            return asset, ZERO
        if self.side == "sell":
            return asset, self.remaining
        if self.budget is not None:
            return asset, self.budget
        price = self.limit_price
        if price is None:
            price = self.triggers.actual_price if self.triggers else ZERO
        return asset, self.remaining * price


OPEN: frozenset[OrderStatus] = frozenset({"pending_new", "new", "partially_filled"})


@dataclass(slots=True, eq=False)
class Counter:
    """The rate counter of one account and pair: its value at `time`; it decays with time."""

    value: float = 0.0
    time: float = 0.0


@dataclass(slots=True, eq=False)
class Account:
    """One client of the exchange. `orders` holds every order ever accepted, in the order of their creation."""

    name: str
    tier: Tier = "pro"
    balances: dict[str, Decimal] = field(default_factory=dict[str, Decimal])
    orders: dict[str, AccountOrder] = field(default_factory=dict[str, AccountOrder])
    fills: list[Fill] = field(default_factory=list[Fill])
    ledger: list[LedgerRecord] = field(default_factory=list[LedgerRecord])
    keys: list[ApiKey] = field(default_factory=list[ApiKey])
    # One per symbol, made when the first request for it comes.
    counters: dict[str, Counter] = field(default_factory=dict[str, Counter])
    # When the dead man's switch cancels everything; None while it is not armed.
    cancel_at: float | None = None
    _open: dict[str, AccountOrder] = field(default_factory=dict[str, AccountOrder])

    @property
    def open_orders(self) -> list[AccountOrder]:
        """The orders that are not closed, oldest first."""
        return list(self._open.values())

    def keep(self, order: AccountOrder) -> None:
        """Take a new order into the lists."""
        self.orders[order.order_id] = self._open[order.order_id] = order

    def settle(self, order: AccountOrder) -> None:
        """Take an order that is closed now out of the open ones."""
        self._open.pop(order.order_id, None)

    def held(self, asset: str) -> Decimal:
        """What open orders reserve of an asset."""
        reserved = (order.reserved() for order in self._open.values())
        return sum((amount for name, amount in reserved if name == asset), ZERO)

    def available(self, asset: str) -> Decimal:
        """What new orders can use of an asset."""
        return self.balances.get(asset, ZERO) - self.held(asset)


@dataclass(slots=True, eq=False)
class Received:
    """One trading request that reached the desk, as it came but for the token or nonce.

    `cl_ord_ids` are all that it names. `outcome` is None until it is decided, then "accepted" or the error text.
    """

    time: float
    account: str
    via: Via
    method: str
    params: dict[str, Any]
    cl_ord_ids: tuple[str, ...] = ()
    outcome: str | None = None
