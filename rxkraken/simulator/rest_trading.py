"""The private REST calls that place, change and cancel orders (rest reference sections 8.3 to 8.7).

They go to the same desk as WebSocket requests, so ids, rate counters and `executions` are shared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from rxkraken.simulator.rejections import UNKNOWN_ORDER, Rejected
from rxkraken.simulator.rest_fields import amend_fields, edit_fields, in_rest_words, order_fields
from rxkraken.simulator.rest_orders import close_in_words, description, in_words
from rxkraken.simulator.rest_wire import (
    Params,
    Refused,
    as_list,
    as_text,
    as_truth,
    as_whole,
    bad,
    fixed,
    iso,
    needed,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rxkraken.simulator.accounts import Account, AccountOrder, ApiKey
    from rxkraken.simulator.desk import Placed
    from rxkraken.simulator.rest_listing import Venue

_BATCH_ADD = (2, 15)
_MOST_CANCELS = 50


# --- placing ----------------------------------------------------------------------------------------------------------


def _add_order(venue: Venue, key: ApiKey, params: Params) -> Any:
    market = venue.market(params)
    fields = {"symbol": market.spec.symbol, **order_fields(venue, params, market), **_conditions(params)}
    placed = venue.exchange.desk.add(key.account, fields, via="rest")
    txid = {"txid": [placed.order_id]} if placed.order_id else {}
    return {"descr": _words(venue, placed.order), **txid, **_own_id(placed.order)}


def _add_order_batch(venue: Venue, key: ApiKey, params: Params) -> Any:
    market = venue.market(params)
    rows = params.get("orders")
    if not isinstance(rows, list):
        bad("orders")
    given = cast("list[Any]", rows)
    if not _BATCH_ADD[0] <= len(given) <= _BATCH_ADD[1] or not all(isinstance(row, dict) for row in given):
        bad("orders")
    orders = [order_fields(venue, row, market) for row in given]
    fields = {"symbol": market.spec.symbol, "orders": orders, **_conditions(params)}
    outcomes = venue.exchange.desk.add_batch(key.account, fields, via="rest")
    return {"orders": [_row(venue, outcome) for outcome in outcomes]}


def _row(venue: Venue, outcome: Placed | Rejected) -> dict[str, Any]:
    if isinstance(outcome, Rejected):
        return {"error": in_rest_words(outcome.text)}
    words = _words(venue, outcome.order)
    close = words.pop("close", None)
    txid = {"txid": outcome.order_id} if outcome.order_id else {}
    return {**txid, "descr": words, **({"close": close} if close else {}), **_own_id(outcome.order)}


def _conditions(params: Params) -> dict[str, Any]:
    """What an order or a whole batch may come with."""
    deadline, validate = as_text(params, "deadline"), as_truth(params, "validate")
    return {**({"deadline": deadline} if deadline else {}), **({"validate": True} if validate else {})}


def _words(venue: Venue, order: AccountOrder) -> dict[str, Any]:
    spec = venue.exchange.markets[order.symbol].spec
    close = {"close": close_in_words(order.conditional, spec)} if order.conditional else {}
    return {"order": in_words(order, spec), **close}


def _own_id(order: AccountOrder) -> dict[str, Any]:
    return {"cl_ord_id": order.cl_ord_id} if order.cl_ord_id else {}


# --- changing ---------------------------------------------------------------------------------------------------------


def _amend_order(venue: Venue, key: ApiKey, params: Params) -> Any:
    changed = venue.exchange.desk.amend(key.account, amend_fields(params), via="rest")
    return {"amend_id": changed.ref_id}


def _edit_order(venue: Venue, key: ApiKey, params: Params) -> Any:
    market = venue.market(params)
    old = _named(key.account, needed(params, "txid"))
    fields = edit_fields(params, old.order_type, old.side, market)
    old_tag = old.order_userref
    changed = venue.exchange.desk.edit(
        key.account, {"order_id": old.order_id, "symbol": market.spec.symbol, **fields}, via="rest"
    )
    order, words = changed.order, description(changed.order, market.spec)
    tags = {"newuserref": order.order_userref, "olduserref": old_tag} if "order_userref" in fields else {}
    return {
        "status": "ok",
        **({"txid": changed.order_id} if changed.order_id else {}),
        "originaltxid": old.order_id,
        "volume": fixed(order.qty, market.spec.qty_precision),
        "price": words["price"],
        "price2": words["price2"],
        "orders_cancelled": 1 if changed.order_id else 0,
        "descr": _words(venue, order),
        **tags,
    }


def _named(account: Account, name: str) -> AccountOrder:
    """The open order with this id, or the first one with this userref."""
    order = account.orders.get(name)
    if order is None and name.lstrip("-").isdecimal():
        order = next((each for each in account.open_orders if each.order_userref == int(name)), None)
    if order is None:
        raise Rejected(UNKNOWN_ORDER)
    return order


# --- cancelling -------------------------------------------------------------------------------------------------------


def _cancel_order(venue: Venue, key: ApiKey, params: Params) -> Any:
    own_id, txid = as_text(params, "cl_ord_id"), as_text(params, "txid")
    if (own_id is None) == (txid is None):
        bad("txid")
    return _cancel(venue, key.account, {"cl_ord_id": [own_id]} if own_id else _by(txid or ""))


def _by(txid: str) -> dict[str, Any]:
    """An id, or a userref: a tag that several orders may have."""
    return {"order_userref": [int(txid)]} if txid.lstrip("-").isdecimal() else {"order_id": [txid]}


def _cancel(venue: Venue, account: Account, fields: dict[str, Any]) -> Any:
    outcomes = venue.exchange.desk.cancel(account, fields, via="rest")
    done = [outcome for outcome in outcomes if outcome.error is None]
    if not done:
        raise Rejected(outcomes[0].error or UNKNOWN_ORDER)
    return {"count": len(done)}


def _cancel_order_batch(venue: Venue, key: ApiKey, params: Params) -> Any:
    orders, own_ids = as_list(params, "orders") or [], as_list(params, "cl_ord_ids") or []
    count = len(orders) + len(own_ids)
    if not 1 <= count <= _MOST_CANCELS:
        bad("orders")
    if count == 1:
        return _cancel(venue, key.account, {"cl_ord_id": own_ids} if own_ids else _by(orders[0]))
    given = {"orders": orders, "cl_ord_id": own_ids}
    fields = {name: ids for name, ids in given.items() if ids}
    return {"count": venue.exchange.desk.cancel_batch(key.account, fields, via="rest")}


def _cancel_all(venue: Venue, key: ApiKey, params: Params) -> Any:
    del params
    return {"count": venue.exchange.desk.cancel_all(key.account, via="rest")}


def _cancel_all_orders_after(venue: Venue, key: ApiKey, params: Params) -> Any:
    timeout = needed(params, "timeout", as_whole)
    fires = venue.exchange.desk.cancel_all_after(key.account, {"timeout": timeout}, via="rest")
    trigger = "0" if fires is None else iso(venue.exchange.calendar.seconds(fires))
    return {"currentTime": iso(venue.second), "triggerTime": trigger}


def translated(call: Callable[[Venue, ApiKey, Params], Any]) -> Callable[[Venue, ApiKey, Params], Any]:
    """The call with the desk's refusals in REST's words."""

    def made(venue: Venue, key: ApiKey, params: Params) -> Any:
        try:
            return call(venue, key, params)
        except Rejected as rejected:
            raise Refused(in_rest_words(rejected.text)) from None

    return made


TRADING: Mapping[str, Callable[[Venue, ApiKey, Params], Any]] = {
    name: translated(call)
    for name, call in {
        "AddOrder": _add_order,
        "AddOrderBatch": _add_order_batch,
        "AmendOrder": _amend_order,
        "EditOrder": _edit_order,
        "CancelOrder": _cancel_order,
        "CancelOrderBatch": _cancel_order_batch,
        "CancelAll": _cancel_all,
        "CancelAllOrdersAfter": _cancel_all_orders_after,
    }.items()
}
