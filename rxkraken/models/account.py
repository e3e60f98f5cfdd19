"""Answers of the private REST calls that read: balances, orders, trades, positions, ledgers, keys (section 8).

Times are Unix seconds as exact `Decimal`s, as Kraken sends them; 0 where Kraken says unset.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any, Final

from rxkraken.models.rest_base import RestModel

_ZERO: Final = Decimal(0)
# Wide enough for any balance, and independent of the context that the program has set.
_EXACT: Final = Context(prec=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedBalance(RestModel):
    """One asset: what is there, what open orders hold, and the credit line when there is one (section 8.1)."""

    asset: str = ""
    balance: Decimal
    hold_trade: Decimal = _ZERO
    credit: Decimal = _ZERO
    credit_used: Decimal = _ZERO

    @property
    def available(self) -> Decimal:
        """What an order may use: balance + credit - credit_used - hold_trade."""
        with_credit = _EXACT.subtract(_EXACT.add(self.balance, self.credit), self.credit_used)
        return _EXACT.subtract(with_credit, self.hold_trade)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeBalance(RestModel):
    """The margin account in one currency, under Kraken's short names.

    `eb` equivalent balance of all currencies, `tb` trade balance, `m` margin of open positions, `n` unrealised profit,
    `c` cost basis, `v` floating valuation, `e` equity (tb + n), `mf` free margin, `ml` margin level in percent (absent
    without positions), `uv` value of unfilled orders.
    """

    eb: Decimal
    tb: Decimal
    m: Decimal = _ZERO
    n: Decimal = _ZERO
    c: Decimal = _ZERO
    v: Decimal = _ZERO
    e: Decimal = _ZERO
    mf: Decimal = _ZERO
    ml: Decimal | None = None
    uv: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDescription(RestModel):
    """An order in words. `price` and `price2` are text, since they may be relative (`+1.0000%`)."""

    pair: str = ""
    aclass: str | None = None
    type: str = ""
    ordertype: str = ""
    price: str = ""
    price2: str = ""
    leverage: str = "none"
    order: str = ""
    close: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderInfo(RestModel):
    """One order as REST tells it (section 8.2). `status` is pending, open, closed, canceled or expired.

    `price` is the average over the fills; the limit price is in `descr`. Closed orders have `closetm` and `reason`.
    """

    txid: str = ""
    status: str
    refid: str | None = None
    userref: int | None = None
    cl_ord_id: str | None = None
    sender_sub_id: str | None = None
    descr: OrderDescription
    opentm: Decimal = _ZERO
    starttm: Decimal = _ZERO
    expiretm: Decimal = _ZERO
    closetm: Decimal | None = None
    vol: Decimal
    vol_exec: Decimal = _ZERO
    cost: Decimal = _ZERO
    fee: Decimal = _ZERO
    price: Decimal = _ZERO
    stopprice: Decimal = _ZERO
    limitprice: Decimal = _ZERO
    trigger: str | None = None
    margin: bool | None = None
    misc: str = ""
    oflags: str = ""
    time_in_force: str | None = field(default=None, metadata={"wire": "timeinforce"})
    trades: tuple[str, ...] = ()
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPage(RestModel):
    """At most 50 closed orders by txid, newest first; `count` is how many there are in all, when it was counted."""

    orders: Mapping[str, OrderInfo] = field(hash=False)
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeInfo(RestModel):
    """One fill (section 8.2). One that opened a margin position has its `posstatus` and the closed amounts (`c...`)."""

    txid: str = ""
    ordertxid: str
    postxid: str | None = None
    pair: str
    time: Decimal
    type: str
    ordertype: str = ""
    price: Decimal
    cost: Decimal
    fee: Decimal
    vol: Decimal
    margin: Decimal = _ZERO
    leverage: Decimal | None = None
    misc: str = ""
    trade_id: int | None = None
    maker: bool | None = None
    ledgers: tuple[str, ...] = ()
    posstatus: str | None = None
    cprice: Decimal | None = None
    ccost: Decimal | None = None
    cfee: Decimal | None = None
    cvol: Decimal | None = None
    cmargin: Decimal | None = None
    net: Decimal | None = None
    trades: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TradePage(RestModel):
    """At most 50 fills by trade id, newest first; `count` is how many there are in all, where Kraken counts them."""

    trades: Mapping[str, TradeInfo] = field(hash=False)
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionInfo(RestModel):
    """One open margin position. `value` and `net` come when the call asks with `docalcs=True`."""

    txid: str = ""
    ordertxid: str | None = None
    posstatus: str | None = None
    pair: str
    time: Decimal | None = None
    type: str = ""
    ordertype: str | None = None
    cost: Decimal
    fee: Decimal = _ZERO
    vol: Decimal
    vol_closed: Decimal = _ZERO
    margin: Decimal = _ZERO
    value: Decimal | None = None
    net: Decimal | None = None
    terms: str | None = None
    rollovertm: Decimal | None = None
    misc: str = ""
    oflags: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerEntry(RestModel):
    """One movement of one asset; `amount` and `fee` in that asset, `balance` after it."""

    id: str = ""
    refid: str | None = None
    time: Decimal
    type: str
    subtype: str = ""
    aclass: str = ""
    asset: str
    amount: Decimal
    fee: Decimal = _ZERO
    balance: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerPage(RestModel):
    """At most 50 ledger entries by id, newest first; `count` is how many there are in all, where Kraken counts them."""

    ledger: Mapping[str, LedgerEntry] = field(hash=False)
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeInfo(RestModel):
    """The fee of one pair now, in percent, and where the next step lies; the next is absent on the last step."""

    fee: Decimal
    minfee: Decimal | None = None
    maxfee: Decimal | None = None
    nextfee: Decimal | None = None
    nextvolume: Decimal | None = None
    tiervolume: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeVolume(RestModel):
    """The 30-day `volume` in `currency`, and the taker and maker fees by pair id when pairs were asked for."""

    currency: str
    volume: Decimal
    fees: Mapping[str, FeeInfo] = field(default_factory=dict[str, FeeInfo], hash=False)
    fees_maker: Mapping[str, FeeInfo] = field(default_factory=dict[str, FeeInfo], hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAmend(RestModel):
    """One state of an order that was amended; the first is the order as it was placed."""

    amend_id: str = ""
    amend_type: str = ""
    order_qty: Decimal | None = None
    display_qty: Decimal | None = None
    remaining_qty: Decimal | None = None
    limit_price: Decimal | None = None
    trigger_price: Decimal | None = None
    reason: str | None = None
    post_only: bool | None = None
    timestamp: Any = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAmends(RestModel):
    """The amendments of one order, oldest first."""

    amends: tuple[OrderAmend, ...] = ()
    count: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSocketsToken(RestModel):
    """The token that opens private channels. `expires` is how many seconds it may wait to be used (section 7).

    The token is as good as a password for its time, so `repr` does not show it.
    """

    token: str = field(repr=False)
    expires: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKeyInfo(RestModel):
    """What Kraken knows about the key that asked. Members it does not send are None or empty."""

    api_key_name: str | None = None
    api_key: str | None = field(default=None, repr=False)
    nonce: int | None = None
    nonce_window: int | None = None
    permissions: tuple[str, ...] = ()
    valid_until: Any = None
    query_from: Any = None
    query_to: Any = None
    created_time: Any = None
    modified_time: Any = None
    last_used: Any = None
    ip_allowlist: tuple[str, ...] = ()
