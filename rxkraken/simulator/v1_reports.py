"""Orders and fills as the private channels of WebSocket v1 tell them (ws-v1 reference section 7).

An order comes whole once; after that only what changed. Every number and time is a text.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from rxkraken.simulator.accounts import ZERO
from rxkraken.simulator.rest_market import digits_of
from rxkraken.simulator.rest_names import wsname
from rxkraken.simulator.rest_orders import STATUSES, description
from rxkraken.simulator.rest_wire import fixed
from rxkraken.simulator.wire import exact_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rxkraken.simulator.accounts import AccountOrder, Fill
    from rxkraken.simulator.instruments import SymbolSpec
    from rxkraken.simulator.market import Market
    from rxkraken.simulator.wire import Calendar

Entry = dict[str, Any]
SNAPSHOT_TRADES = 50


class V1Writer:
    """Writes entries with the digits of the markets and the times of the calendar."""

    def __init__(self, markets: Mapping[str, Market], calendar: Calendar) -> None:
        """Look the markets up as they are when an entry is written."""
        self._markets = markets
        self._calendar = calendar

    def whole(self, order: AccountOrder) -> Entry:
        """Everything about an order."""
        spec = self._markets[order.symbol].spec
        entry: Entry = {
            **self._sums(order, spec),
            "descr": self._described(order, spec),
            "expiretm": self._time(order.expire_time),
            **self._prices(order, spec),
            "misc": _misc(order),
            "oflags": _flags(order),
            "opentm": self._time(order.opened),
            "refid": order.ref_id,
            "starttm": self._time(order.effective_time),
            "status": STATUSES[order.status],
            "timeinforce": order.time_in_force.upper(),
            **self._owned(order),
            "vol": self._volume(order, spec),
        }
        if order.sender_sub_id is not None:
            entry["sender_sub_id"] = order.sender_sub_id
        if order.conditional is not None:
            entry["contingent"] = _contingent(order.conditional, digits_of(spec))
        if order.display_qty is not None:
            entry |= self._display(order, spec)
        return entry

    def change(self, order: AccountOrder, exec_type: str, now: float) -> Entry:
        """What an event changed; `exec_type` is the word that WebSocket v2 has for it."""
        spec = self._markets[order.symbol].spec
        changed: Entry = {"lastupdated": self._time(now)}
        match exec_type:
            case "pending_new":
                return self.whole(order)
            case "new":
                changed = {"status": STATUSES[order.status]}
            case "trade":
                changed = self._sums(order, spec)
            case "status":
                changed |= {"misc": _misc(order), **self._prices(order, spec)}
            case "iceberg_refill":
                changed |= self._display(order, spec)
            case "amended" | "restated":
                changed |= {"descr": self._described(order, spec), "vol": self._volume(order, spec)}
                changed |= {"oflags": _flags(order), "amend_reason": order.reason or "User requested"}
                changed |= {"amended": True} if order.amended else {}
                changed |= self._prices(order, spec) if order.triggers is not None else {}
                changed |= self._display(order, spec) if order.display_qty is not None else {}
            case _:
                changed |= {"status": STATUSES[order.status], **self._sums(order, spec)}
                changed |= {"cancel_reason": order.reason} if order.reason is not None else {}
        return {**changed, **self._owned(order)}

    def trade(self, order: AccountOrder, fills: Sequence[Fill], *, news: bool) -> tuple[str, Entry]:
        """The trade that these fills of one order are, with its id; `news` has fields that the past has not."""
        spec, first = self._markets[order.symbol].spec, fills[0]
        digits = digits_of(spec)
        volume, cost = sum((fill.qty for fill in fills), ZERO), sum((fill.cost for fill in fills), ZERO)
        fee = sum((fill.fee * fill.price if fill.fee_asset == spec.base else fill.fee for fill in fills), ZERO)
        price = first.price if len(fills) == 1 else cost / volume
        entry: Entry = {
            "cost": fixed(cost, digits),
            "fee": fixed(fee, digits),
            "margin": fixed(ZERO, digits),
            "ordertxid": order.order_id,
            "ordertype": order.order_type,
            "pair": wsname(order.symbol),
            "postxid": f"T{order.order_id[1:]}",
            "price": fixed(price, digits),
            "time": self._time(first.time),
            "type": order.side,
            **(self._owned(order) if news else {}),
            "vol": fixed(volume, spec.qty_precision),
        }
        return first.exec_id, entry

    def past(self, fills: Sequence[Fill], orders: Mapping[str, AccountOrder], *, together: bool) -> list[Entry]:
        """The last trades, oldest first; with `together` the fills of one taker order are one."""
        groups: list[list[Fill]] = []
        for fill in fills:
            if together and groups and same_taking(groups[-1][-1], fill):
                groups[-1].append(fill)
            else:
                groups.append([fill])
        trades = [self.trade(orders[group[0].order_id], group, news=False) for group in groups[-SNAPSHOT_TRADES:]]
        return [{trade_id: entry} for trade_id, entry in trades]

    @staticmethod
    def _owned(order: AccountOrder) -> Entry:
        mine = {"cl_ord_id": order.cl_ord_id} if order.cl_ord_id is not None else {}
        return {**mine, "userref": order.order_userref}

    def _sums(self, order: AccountOrder, spec: SymbolSpec) -> Entry:
        digits = digits_of(spec)
        fee = order.fees.get(order.quote, ZERO) + order.fees.get(order.base, ZERO) * order.avg_price
        return {
            "avg_price": fixed(order.avg_price, digits),
            "cost": fixed(order.cum_cost, digits),
            "fee": fixed(fee, digits),
            "vol_exec": fixed(order.cum_qty, spec.qty_precision),
        }

    @staticmethod
    def _described(order: AccountOrder, spec: SymbolSpec) -> Entry:
        """As REST describes it, but with v1's name of the pair, v1's digits, and null for what there is none of."""
        words = description(order, spec.but(tick=str(spec.increment), price_precision=digits_of(spec)))
        nothing, pair = fixed(ZERO, digits_of(spec)), wsname(order.symbol)
        text = words["order"].replace(f" {words['pair']} ", f" {pair} ", 1)
        return {
            "close": words["close"] or None,
            "leverage": None if words["leverage"] == "none" else words["leverage"],
            "order": f"{text} {nothing}" if order.order_type == "market" else text,
            "ordertype": order.order_type,
            "pair": pair,
            "price": nothing if words["price"] == "0" else words["price"],
            "price2": nothing if words["price2"] == "0" else words["price2"],
            "type": order.side,
        }

    def _display(self, order: AccountOrder, spec: SymbolSpec) -> Entry:
        booked = self._markets[order.symbol].engine.orders.get(order.order_id)
        remains = Decimal(booked.visible).scaleb(-spec.qty_precision) if booked else ZERO
        # Nothing is visible before the order is in the book, and in the moment in which it is refilled.
        remains = remains or min(order.display_qty or ZERO, order.remaining)
        return {
            "display_volume": fixed(order.display_qty or ZERO, spec.qty_precision),
            "display_volume_remain": fixed(remains, spec.qty_precision),
        }

    @staticmethod
    def _prices(order: AccountOrder, spec: SymbolSpec) -> Entry:
        """The price that triggers an order, and the limit of one whose trigger came; of the others nothing."""
        digits, triggers = digits_of(spec), order.triggers
        if triggers is None:
            return {"limitprice": fixed(ZERO, digits), "stopprice": fixed(ZERO, digits)}
        limit = ZERO if triggers.triggered_at is None else order.limit_price or ZERO
        return {"limitprice": fixed(limit, digits), "stopprice": fixed(triggers.actual_price, digits)}

    @staticmethod
    def _volume(order: AccountOrder, spec: SymbolSpec) -> str:
        """In base currency, of an order with `viqc` in quote currency."""
        if order.cash_qty is not None:
            return fixed(order.cash_qty, spec.qty_precision)
        return fixed(order.qty, spec.qty_precision)

    def _time(self, at: float | None) -> str | None:
        return None if at is None else exact_text(self._calendar.micros(at), 6)


def same_taking(before: Fill, fill: Fill) -> bool:
    """Whether both fills are of one order that took them at the same moment."""
    return before.order_id == fill.order_id and before.time == fill.time and before.liquidity == fill.liquidity == "t"


def _misc(order: AccountOrder) -> str:
    words: list[str] = []
    if order.triggers and order.triggers.triggered_at is not None:
        words.append("touched" if order.order_type.startswith("take-profit") else "stopped")
    if order.closed is not None and 0 < order.cum_qty < order.qty:
        words.append("partial")
    return ",".join(words)


def _flags(order: AccountOrder) -> str:
    flags = ["fcib" if order.fee_preference == "base" else "fciq"]
    flags += ["post"] if order.post_only else []
    flags += ["viqc"] if order.cash_qty is not None else []
    return ",".join(flags)


def _contingent(close: Mapping[str, Any], digits: int) -> Entry:
    """The close order: `price` is the trigger if it has one, else the limit."""
    limit, trigger = close.get("limit_price"), close.get("trigger_price", close.get("stop_price"))
    first, second = (limit, None) if trigger is None else (trigger, limit)
    prices = {"price": first, "price2": second}
    shown = {name: fixed(Decimal(ZERO if value is None else value), digits) for name, value in prices.items()}
    return {"oflags": "", "ordertype": close["order_type"], **shown}
