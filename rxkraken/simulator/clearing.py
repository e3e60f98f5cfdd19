"""What a fill does to the two who traded: their orders, fees, balances and ledgers.

Fees are 0.25 % for makers and 0.40 % for takers, in the currency the order prefers if there is enough of it, else in
the one that the fill brings in. Amounts are cut to the digits of their currency, never rounded up.
"""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING, Protocol

from rxkraken.simulator.accounts import ZERO, Account, AccountOrder, Fill, LedgerRecord
from rxkraken.simulator.market import HOUSE, id_text

if TYPE_CHECKING:
    from random import Random

    from rxkraken.simulator.accounts import Liquidity, OrderStatus
    from rxkraken.simulator.engine import Order, Trade
    from rxkraken.simulator.history import Print
    from rxkraken.simulator.instruments import Asset
    from rxkraken.simulator.market import Market

FEES: dict[Liquidity, Decimal] = {"m": Decimal("0.0025"), "t": Decimal("0.0040")}
_OTHER_DIGITS = 8


class Reports(Protocol):
    """Who is told what happens to an account, at the moment it does."""

    def execution(self, account: Account, order: AccountOrder, exec_type: str, fill: Fill | None = None) -> None:
        """An order changed; `exec_type` is the word of the `executions` channel."""
        ...

    def ledger(self, account: Account, record: LedgerRecord) -> None:
        """A balance changed."""
        ...


class Ids:
    """Ids of orders, executions, ledger records and amends, told apart by their first letter."""

    def __init__(self, random: Random) -> None:
        """Draw from `random` alone."""
        self._random = random

    def __call__(self, first: str) -> str:
        """The next id; it begins with `first`."""
        return id_text(self._random.getrandbits(83), first)


class Clearing:
    """Books fills, deposits and the ends of orders. `closing` collects fills whose orders want a close order."""

    def __init__(self, accounts: dict[str, Account], assets: dict[str, Asset], reports: Reports, ids: Ids) -> None:
        """Nothing booked yet."""
        self.closing: list[tuple[Account, AccountOrder, Fill]] = []
        self.accounts = accounts
        self._assets = assets
        self._reports = reports
        self._ids = ids

    def deposit(self, account: Account, asset: str, amount: Decimal, now: float) -> None:
        """Pay in."""
        self._post(account, now, self._ids("R"), "deposit", asset, amount, ZERO)

    def trade(self, market: Market, trade: Trade, made: Print) -> None:
        """Book one fill of the market for whoever is not the house."""
        if trade.taker.owner != HOUSE:
            self._book(market, trade.taker, trade, made, "t")
        if trade.maker.owner != HOUSE:
            self._book(market, trade.maker, trade, made, "m")

    def end(self, account: Account, order: AccountOrder, status: OrderStatus, reason: str | None, now: float) -> None:
        """Close an order, and say so."""
        order.status, order.reason, order.closed = status, reason, now
        account.settle(order)
        self._reports.execution(account, order, status)

    def _book(self, market: Market, resting: Order, trade: Trade, made: Print, liquidity: Liquidity) -> None:
        account = self.accounts[resting.owner]
        order = account.orders[resting.order_id]
        spec = market.spec
        price, qty = market.price(trade.price), Decimal(trade.qty).scaleb(-spec.qty_precision)
        cost = _cut(price * qty, spec.cost_precision)
        order.cum_qty += qty
        order.cum_cost += cost
        order.status = "partially_filled"
        if order.budget is not None:
            order.budget -= cost
        asset, fee = self._fee(account, order, FEES[liquidity], qty, cost)
        fill = Fill(
            self._ids("T"), made.trade_id, order.order_id, order.symbol, order.side, order.order_type, price, qty,
            cost, fee, asset, liquidity, trade.time,
        )  # fmt: skip
        order.fills.append(fill)
        account.fills.append(fill)
        order.fees[asset] = order.fees.get(asset, ZERO) + fee
        self._reports.execution(account, order, "trade", fill)
        paid, got = _legs(order, qty, cost)
        for (name, amount), sign in ((paid, -1), (got, 1)):
            charged = fee if name == asset else ZERO
            self._post(account, trade.time, fill.exec_id, "trade", name, sign * self._cut(name, amount), charged)
        self._after(account, order, resting, fill)

    def _fee(
        self, account: Account, order: AccountOrder, rate: Decimal, qty: Decimal, cost: Decimal
    ) -> tuple[str, Decimal]:
        """The fee and its currency: the preferred one, unless the order pays in it and nothing is left for the fee."""
        amounts = {order.base: qty, order.quote: cost}
        asset = order.base if order.fee_preference == "base" else order.quote
        fee = self._cut(asset, rate * amounts[asset])
        paid, got = _legs(order, qty, cost)
        # The order has let go of what it reserved for this fill by now, and the fill is not booked yet.
        if asset == paid[0] and account.available(asset) < paid[1] + fee:
            asset = got[0]
            fee = self._cut(asset, rate * got[1])
        return asset, fee

    def _after(self, account: Account, order: AccountOrder, resting: Order, fill: Fill) -> None:
        if order.conditional is not None:
            self.closing.append((account, order, fill))
        if resting.remaining == 0:
            self.end(account, order, "filled", None, fill.time)
        elif resting.display and resting.visible == 0:
            self._reports.execution(account, order, "iceberg_refill")

    def _post(  # noqa: PLR0917 -- the columns of a ledger
        self, account: Account, now: float, ref_id: str, kind: str, asset: str, amount: Decimal, fee: Decimal
    ) -> None:
        balance = account.balances.get(asset, ZERO) + amount - fee
        account.balances[asset] = balance
        booked = "deposit" if kind == "deposit" else "trade"
        record = LedgerRecord(self._ids("L"), ref_id, now, booked, asset, amount, fee, balance)
        account.ledger.append(record)
        self._reports.ledger(account, record)

    def _cut(self, asset: str, amount: Decimal) -> Decimal:
        known = self._assets.get(asset)
        return _cut(amount, known.precision if known else _OTHER_DIGITS)


def _legs(order: AccountOrder, qty: Decimal, cost: Decimal) -> tuple[tuple[str, Decimal], tuple[str, Decimal]]:
    """What a fill of this order pays, and what it gets."""
    base, quote = (order.base, qty), (order.quote, cost)
    return (quote, base) if order.side == "buy" else (base, quote)


def _cut(amount: Decimal, digits: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-digits), ROUND_DOWN)
