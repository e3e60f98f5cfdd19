"""The private REST calls that look at orders, fills and the ledger (rest reference section 8.2).

Lists come newest first, 50 at a time. `consolidate_taker` changes nothing here: every fill is told by itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from rxkraken.simulator.rest_names import asset_id
from rxkraken.simulator.rest_orders import amend_object, fill_object, order_object
from rxkraken.simulator.rest_wire import (
    Params,
    Refused,
    as_list,
    as_number,
    as_text,
    as_truth,
    as_whole,
    bad,
    fixed,
    needed,
    unix,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from rxkraken.simulator.accounts import Account, AccountOrder, ApiKey, Fill, LedgerRecord
    from rxkraken.simulator.rest_listing import Venue

T = TypeVar("T")
_PAGE = 50
_MOST_ORDERS = 50
_MOST_FILLS = 20


# --- orders -----------------------------------------------------------------------------------------------------------


def _open_orders(venue: Venue, key: ApiKey, params: Params) -> Any:
    orders = reversed(_chosen(key.account.open_orders, params))
    return {"open": _objects(venue, orders, params)}


def _closed_orders(venue: Venue, key: ApiKey, params: Params) -> Any:
    by = as_text(params, "closetime") or "both"
    if by not in {"open", "close", "both"}:
        bad("closetime")
    closed = [order for order in _chosen(key.account.orders.values(), params) if order.closed is not None]
    closed.sort(key=lambda order: order.closed or 0.0, reverse=True)

    def times(order: AccountOrder) -> tuple[float, ...]:
        ended = order.closed or 0.0
        return {"open": (order.opened,), "close": (ended,), "both": (order.opened, ended)}[by]

    within = _between(venue, key.account, params)
    matching = [order for order in closed if any(within(at) for at in times(order))]
    return {"closed": _objects(venue, _page(matching, params), params), **_count(matching, params)}


def _query_orders(venue: Venue, key: ApiKey, params: Params) -> Any:
    wanted = _ids(params, "txid", _MOST_ORDERS)
    orders = key.account.orders
    if not all(order_id in orders for order_id in wanted):
        raise Refused("EOrder:Unknown order")
    return _objects(venue, _chosen([orders[order_id] for order_id in wanted], params), params)


def _order_amends(venue: Venue, key: ApiKey, params: Params) -> Any:
    """The states of an order, first as it was placed; the reference names the call and not its members."""
    order = key.account.orders.get(needed(params, "order_id"))
    if order is None:
        raise Refused("EOrder:Unknown order")
    spec, calendar = venue.exchange.markets[order.symbol].spec, venue.exchange.calendar
    amends = [amend_object(amend, spec, calendar) for amend in order.amends]
    return {"amends": amends, "count": len(amends)}


def _chosen(orders: Iterable[AccountOrder], params: Params) -> list[AccountOrder]:
    """The orders that the filters `userref` and `cl_ord_id` leave."""
    userref, cl_ord_id = as_whole(params, "userref"), as_text(params, "cl_ord_id")
    return [
        order
        for order in orders
        if userref in {None, order.order_userref} and (cl_ord_id is None or cl_ord_id == order.cl_ord_id)
    ]


def _objects(venue: Venue, orders: Iterable[AccountOrder], params: Params) -> dict[str, Any]:
    trades, calendar = as_truth(params, "trades"), venue.exchange.calendar
    return {
        order.order_id: order_object(order, venue.exchange.markets[order.symbol].spec, calendar, trades=trades)
        for order in orders
    }


# --- fills ------------------------------------------------------------------------------------------------------------


def _trades_history(venue: Venue, key: ApiKey, params: Params) -> Any:
    kind = as_text(params, "type") or "all"
    if kind not in _TRADE_KINDS:
        bad("type")
    # Nothing here is traded on margin, so every fill belongs to no position.
    fills = key.account.fills if kind in {"all", "no position"} else []
    within = _between(venue, key.account, params)
    matching = [fill for fill in reversed(fills) if within(fill.time)]
    with_ledgers = as_truth(params, "ledgers")
    shown = {
        fill.exec_id: {
            **_fill(venue, fill),
            **({"ledgers": _ledgers_of(key.account, fill)} if with_ledgers else {}),
        }
        for fill in _page(matching, params)
    }
    return {"trades": shown, **_count(matching, params)}


_TRADE_KINDS = frozenset({"all", "any position", "closed position", "closing position", "no position"})


def _query_trades(venue: Venue, key: ApiKey, params: Params) -> Any:
    by_id = {fill.exec_id: fill for fill in key.account.fills}
    wanted = _ids(params, "txid", _MOST_FILLS)
    if not all(exec_id in by_id for exec_id in wanted):
        bad("txid")
    return {exec_id: _fill(venue, by_id[exec_id]) for exec_id in wanted}


def _fill(venue: Venue, fill: Fill) -> dict[str, Any]:
    return fill_object(fill, venue.exchange.markets[fill.symbol].spec, venue.exchange.calendar)


def _ledgers_of(account: Account, fill: Fill) -> list[str]:
    return [record.ledger_id for record in account.ledger if record.ref_id == fill.exec_id]


def _open_positions(venue: Venue, key: ApiKey, params: Params) -> Any:
    """Nothing: margin orders open no positions here."""
    del venue, key, params
    return {}


# --- the ledger -------------------------------------------------------------------------------------------------------


def _ledgers(venue: Venue, key: ApiKey, params: Params) -> Any:
    names, kind = as_list(params, "asset"), as_text(params, "type") or "all"
    codes = None if names in (None, ["all"]) else {venue.code(name) for name in names}
    within = _between(venue, key.account, params)
    matching = [
        record
        for record in reversed(key.account.ledger)
        if (codes is None or record.asset in codes) and kind in {"all", record.type} and within(record.time)
    ]
    shown = {record.ledger_id: _record(venue, record) for record in _page(matching, params)}
    return {"ledger": shown, **_count(matching, params)}


def _query_ledgers(venue: Venue, key: ApiKey, params: Params) -> Any:
    by_id = {record.ledger_id: record for record in key.account.ledger}
    wanted = _ids(params, "id", _MOST_FILLS)
    if not all(ledger_id in by_id for ledger_id in wanted):
        bad("id")
    return {ledger_id: _record(venue, by_id[ledger_id]) for ledger_id in wanted}


def _record(venue: Venue, record: LedgerRecord) -> dict[str, Any]:
    digits = venue.precision(record.asset)
    return {
        "refid": record.ref_id,
        "time": unix(venue.exchange.calendar.micros(record.time)),
        "type": record.type,
        "subtype": "",
        "aclass": "currency",
        "asset": asset_id(record.asset),
        "amount": fixed(record.amount, digits),
        "fee": fixed(record.fee, digits),
        "balance": fixed(record.balance, digits),
    }


# --- windows and pages ------------------------------------------------------------------------------------------------


def _between(venue: Venue, account: Account, params: Params) -> Callable[[float], bool]:
    """Whether a time lies after `start` and not after `end`: Unix times, or the ids of something that has one."""
    calendar = venue.exchange.calendar
    start, end = (_micros(venue, account, params, name) for name in ("start", "end"))

    def within(at: float) -> bool:
        micros = calendar.micros(at)
        return (start is None or micros > start) and (end is None or micros <= end)

    return within


def _micros(venue: Venue, account: Account, params: Params, name: str) -> int | None:
    text = as_text(params, name)
    if text is None:
        return None
    known = _time_of(account, text)
    if known is not None:
        return venue.exchange.calendar.micros(known)
    return int(needed(params, name, as_number) * 1_000_000)


def _time_of(account: Account, txid: str) -> float | None:
    if txid in account.orders:
        return account.orders[txid].opened
    fills = (fill.time for fill in account.fills if fill.exec_id == txid)
    records = (record.time for record in account.ledger if record.ledger_id == txid)
    return next(fills, None) or next(records, None)


def _page(rows: list[T], params: Params) -> list[T]:
    skipped = as_whole(params, "ofs", least=0) or 0
    return rows[skipped : skipped + _PAGE]


def _count(rows: list[Any], params: Params) -> dict[str, int]:
    return {} if as_truth(params, "without_count") else {"count": len(rows)}


def _ids(params: Params, name: str, most: int) -> list[str]:
    wanted: list[str] = needed(params, name, as_list)
    return wanted if 1 <= len(wanted) <= most else bad(name)


HISTORY: Mapping[str, Callable[[Venue, ApiKey, Params], Any]] = {
    "OpenOrders": _open_orders,
    "ClosedOrders": _closed_orders,
    "QueryOrders": _query_orders,
    "OrderAmends": _order_amends,
    "TradesHistory": _trades_history,
    "QueryTrades": _query_trades,
    "OpenPositions": _open_positions,
    "Ledgers": _ledgers,
    "QueryLedgers": _query_ledgers,
}
