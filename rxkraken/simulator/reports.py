"""What the private channels say, as data: the sparse entries of `executions` and the ledger records of `balances`.

Each entry carries what the live ones do and no more (ws-v2 reference sections 5.2 and 5.3): after `pending_new` an
update names little but the order's id, and deprecated twins still come.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rxkraken.simulator.accounts import ZERO

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rxkraken.simulator.accounts import Account, AccountOrder, Fill, LedgerRecord, Triggers
    from rxkraken.simulator.instruments import SymbolSpec
    from rxkraken.simulator.market import Market
    from rxkraken.simulator.wire import Calendar

Entry = dict[str, Any]
SNAPSHOT_FILLS = 50
_USD = Decimal("0.00001")


class Writer:
    """Writes entries with the digits of the markets and the times of the calendar."""

    def __init__(self, markets: Mapping[str, Market], calendar: Calendar) -> None:
        """Look the markets up as they are when an entry is written."""
        self._markets = markets
        self._calendar = calendar

    def execution(self, order: AccountOrder, exec_type: str, fill: Fill | None, now: float) -> Entry:
        """One event of an order."""
        spec = self._markets[order.symbol].spec
        head: Entry = {"order_id": order.order_id, "order_userref": order.order_userref}
        tail: Entry = {
            "exec_type": exec_type, "order_status": order.status, "timestamp": self._calendar.text(now),
        }  # fmt: skip
        match exec_type:
            case "pending_new":
                body = {**self._whole(order, spec), "cum_cost": ZERO, "fee_usd_equiv": ZERO}
            case "new":
                body = {}
            case "trade" if fill is not None:
                body = {**self._fill(order, fill, spec), **self._sums(order, spec)}
            case "status" if order.triggers is not None:
                body = self._triggers(order.triggers, spec)
            case "iceberg_refill":
                body = self._display(order, spec)
            case "amended" | "restated":
                body = {**self._sums(order, spec), **self._terms(order, spec), "reason": order.reason}
                if order.amended:
                    body["amended"] = True
            case _:
                body = {**self._sums(order, spec), "fee_usd_equiv": self._usd(order)}
                if order.reason is not None:
                    body |= {"cancel_reason": order.reason, "reason": order.reason}
        return {**head, **body, **tail}

    def open_order(self, order: AccountOrder) -> Entry:
        """An open order as the snapshot shows it; `exec_type` there is unconfirmed, `order_status` is what counts."""
        spec = self._markets[order.symbol].spec
        exec_type = "pending_new" if order.status == "pending_new" else "new"
        entry: Entry = {
            "order_id": order.order_id, "order_userref": order.order_userref, **self._whole(order, spec),
            **self._sums(order, spec), "fee_usd_equiv": self._usd(order), "exec_type": exec_type,
            "order_status": order.status, "timestamp": self._calendar.text(order.touched),
        }  # fmt: skip
        if order.amended:
            entry["amended"] = True
        return entry

    def past_fill(self, order: AccountOrder, fill: Fill) -> Entry:
        """A fill as the snapshot shows it."""
        spec = self._markets[order.symbol].spec
        done = order.cum_qty == order.qty
        return {
            "order_id": order.order_id, "order_userref": order.order_userref, **self._fill(order, fill, spec),
            "exec_type": "trade", "order_status": "filled" if done else "partially_filled",
            "timestamp": self._calendar.text(fill.time),
        }  # fmt: skip

    def ledger(self, record: LedgerRecord) -> Entry:
        """One ledger record."""
        return {
            "ledger_id": record.ledger_id, "ref_id": record.ref_id, "timestamp": self._calendar.text(record.time),
            "type": record.type, "asset": record.asset, "asset_class": "currency", "category": record.type,
            "wallet_type": "spot", "wallet_id": "main", "amount": record.amount, "fee": record.fee,
            "balance": record.balance,
        }  # fmt: skip

    @staticmethod
    def balances(account: Account) -> list[Entry]:
        """Every balance, as the snapshot shows it."""
        return [
            {
                "asset": asset, "asset_class": "currency", "balance": balance,
                "wallets": [{"type": "spot", "id": "main", "balance": balance}],
            }
            for asset, balance in account.balances.items()
        ]  # fmt: skip

    def _whole(self, order: AccountOrder, spec: SymbolSpec) -> Entry:
        """Everything that its owner asked for."""
        entry: Entry = {
            "symbol": order.symbol, "side": order.side, "order_type": order.order_type,
            "time_in_force": order.time_in_force.upper(), **self._terms(order, spec),
            "fee_ccy_pref": "fcib" if order.fee_preference == "base" else "fciq",
        }  # fmt: skip
        if order.triggers is None:
            entry["stop_price"] = ZERO
        else:
            entry |= self._triggers(order.triggers, spec)
        if order.contingent is not None:
            entry["contingent"] = order.contingent
        for name in ("cl_ord_id", "sender_sub_id"):
            if getattr(order, name) is not None:
                entry[name] = getattr(order, name)
        if order.ref_id is not None:
            entry["ord_ref_id"] = order.ref_id
        if order.cash_qty is not None:
            entry["cash_order_qty"] = order.cash_qty
        if order.post_only:
            entry["post_only"] = True
        for name in ("effective_time", "expire_time"):
            if getattr(order, name) is not None:
                entry[name] = self._calendar.text(getattr(order, name))
        return entry

    def _terms(self, order: AccountOrder, spec: SymbolSpec) -> Entry:
        """What an amend can change."""
        # A cash order has no quantity before the book has priced it.
        entry: Entry = {"order_qty": _qty(order.qty, spec)} if order.qty else {}
        if order.limit_price is not None:
            entry |= {"limit_price": _price(order.limit_price, spec), "limit_price_type": order.limit_price_type}
        if order.display_qty is not None:
            entry |= self._display(order, spec)
        return entry

    def _display(self, order: AccountOrder, spec: SymbolSpec) -> Entry:
        booked = self._markets[order.symbol].engine.orders.get(order.order_id)
        shown = Decimal(booked.visible).scaleb(-spec.qty_precision) if booked else order.display_qty or ZERO
        return {"display_qty": _qty(order.display_qty or ZERO, spec), "display_qty_remain": _qty(shown, spec)}

    def _triggers(self, triggers: Triggers, spec: SymbolSpec) -> Entry:
        inner: Entry = {
            "reference": triggers.reference, "price": triggers.price, "price_type": triggers.price_type,
            "actual_price": _price(triggers.actual_price, spec), "status": triggers.status,
        }  # fmt: skip
        entry: Entry = {
            "triggers": inner, "stop_price": _price(triggers.actual_price, spec), "trigger": triggers.reference,
        }  # fmt: skip
        if triggers.peak_price is not None:
            inner["peak_price"] = _price(triggers.peak_price, spec)
        if triggers.last_price is not None and triggers.triggered_at is not None:
            inner["last_price"] = entry["triggered_price"] = _price(triggers.last_price, spec)
            inner["timestamp"] = self._calendar.text(triggers.triggered_at)
        return entry

    def _fill(self, order: AccountOrder, fill: Fill, spec: SymbolSpec) -> Entry:
        return {
            "exec_id": fill.exec_id, "trade_id": fill.trade_id, "symbol": fill.symbol, "side": fill.side,
            "last_qty": _qty(fill.qty, spec), "last_price": _price(fill.price, spec), "liquidity_ind": fill.liquidity,
            "cost": fill.cost, "order_type": order.order_type,
            "fee_usd_equiv": self._in_usd(order, fill.fee_asset, fill.fee),
            "fees": [{"asset": fill.fee_asset, "qty": fill.fee}],
        }  # fmt: skip

    @staticmethod
    def _sums(order: AccountOrder, spec: SymbolSpec) -> Entry:
        return {
            "cum_qty": _qty(order.cum_qty, spec), "cum_cost": order.cum_cost,
            "avg_price": _price(order.avg_price, spec),
        }  # fmt: skip

    def _usd(self, order: AccountOrder) -> Decimal:
        return sum((self._in_usd(order, asset, fee) for asset, fee in order.fees.items()), ZERO)

    def _in_usd(self, order: AccountOrder, asset: str, amount: Decimal) -> Decimal:
        """A fee in dollars, by the last prices of the listed markets; 0 when none of them knows."""
        market = self._markets[order.symbol]
        if asset == order.base:
            asset, amount = order.quote, amount * market.reference("last")
        if asset == "USD":
            return amount.quantize(_USD)
        rate = self._markets.get(f"{asset}/USD")
        return (amount * rate.reference("last")).quantize(_USD) if rate else ZERO


def _price(price: Decimal, spec: SymbolSpec) -> Decimal:
    return price.quantize(Decimal(1).scaleb(-spec.price_precision))


def _qty(qty: Decimal, spec: SymbolSpec) -> Decimal:
    return qty.quantize(Decimal(1).scaleb(-spec.qty_precision))
