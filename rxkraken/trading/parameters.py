"""From the arguments of an order method to a checked `OrderRequest`, one function a method (ws-v2 section 6).

Pure: the time comes in as `now` (Unix seconds), ids from `new_id`, the market's rules as `instrument` (None while they
are not known: increments, minimums and status are then the exchange's to check). Numbers are `Decimal`, int or text;
`rounding` moves them onto the market's grid, None refuses numbers beside it. Nothing that was not given is sent.

Everything raises `InvalidArgument` for a value that cannot be read, and `InvalidOrder` for one that is not allowed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Unpack, cast

from rxkraken.errors import InvalidArgument
from rxkraken.symbols import canonical
from rxkraken.trading import times
from rxkraken.trading.changes import amendment, edition
from rxkraken.trading.fields import Amendment, Edition, NewOrder
from rxkraken.trading.market_rules import MarketRules
from rxkraken.trading.order import Side, new_order
from rxkraken.trading.request import OrderRequest
from rxkraken.trading.values import choice, client_id, extras, flag, kraken_id, several, userref, whole

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rxkraken.models.market import Instrument
    from rxkraken.models.rounding import Rounding
    from rxkraken.trading.prices import OrderType
    from rxkraken.trading.times import Deadline

DEADLINE_AFTER: Final = 5.0
"""Kraken's own default, in seconds: what a request without a deadline gets."""
ROW_FIELDS: Final = ("side", "order_type", *NewOrder.__annotations__, "rounding", "extra")
"""What an order of a batch may have: the arguments of `add_order` but those that belong to the whole batch."""
_OF_THE_BATCH: Final = ("symbol", "deadline", "validate", "token")
_OTHER_NAMES: Final = {"order_qty": "qty", "limit_price": "price", "type": "side", "ordertype": "order_type"}
_BATCH_ADD: Final = (2, 15)
_BATCH_CANCEL: Final = (2, 50)
_LONGEST_TIMEOUT: Final = 86_399


def add_order(
    symbol: str,
    side: Side,
    order_type: OrderType,
    *,
    now: float,
    new_id: Callable[[], str],
    instrument: Instrument | None = None,
    deadline_after: float = DEADLINE_AFTER,
    deadline: Deadline | None = None,
    validate: bool | None = None,
    rounding: Rounding | None = None,
    extra: Mapping[str, Any] | None = None,
    **fields: Unpack[NewOrder],
) -> OrderRequest:
    """`add_order` (section 6.1). `qty` is in base units, `cash_order_qty` in quote units; `price` is the limit price.

    The trigger comes as `trigger_price` with its companions, or as one `triggers` mapping (reference, price,
    price_type). `deadline` is in seconds from now (0.5 to 60), or a point in time; it is always sent. `extra` holds
    fields that Kraken has and this function has not.

    Every order gets a `cl_ord_id`, made by `new_id` if none is given, except with `order_userref` or `conditional`:
    Kraken refuses it beside these. Such an order can not be found for certain when its outcome is unknown: a userref
    is not unique, and with `conditional` alone there is nothing to look for.
    """
    name = _symbol(symbol, instrument)
    kind = {"side": side, "order_type": order_type}
    order = new_order(kind | fields, MarketRules(instrument, rounding), now, new_id)
    limit, at = times.deadline(deadline, now, deadline_after)
    common = {"symbol": name, **_validating(validate), "deadline": limit}
    params = extras(order | common, extra)
    return OrderRequest("add_order", params, _ids(order), symbol=name, deadline=at, count=1)


def batch_add(
    symbol: str,
    orders: Iterable[Mapping[str, Any]],
    *,
    now: float,
    new_id: Callable[[], str],
    instrument: Instrument | None = None,
    deadline_after: float = DEADLINE_AFTER,
    deadline: Deadline | None = None,
    validate: bool | None = None,
    rounding: Rounding | None = None,
    extra: Mapping[str, Any] | None = None,
) -> OrderRequest:
    """`batch_add` (section 6.8): 2 to 15 orders on one market, each a mapping with the arguments of `add_order`.

    `symbol`, `deadline` and `validate` are the batch's and in no order. Each order gets a `cl_ord_id` as in
    `add_order`, and may have a `rounding` of its own. An error names the order by its place, counted from 0.
    """
    given, (least, most) = several(orders), _BATCH_ADD
    if not least <= len(given) <= most:
        raise InvalidArgument(f"a batch of {len(given)} orders; a batch has {least} to {most}")
    name = _symbol(symbol, instrument)

    def checked(order: Mapping[str, Any]) -> dict[str, Any]:
        _check_names(order)
        return new_order(order, MarketRules(instrument, order.get("rounding", rounding)), now, new_id)

    rows = [_in_place(place, checked, order) for place, order in enumerate(given)]
    ids = tuple(row_id for row in rows for row_id in _ids(row))
    twice = sorted({row_id for row_id in ids if ids.count(row_id) > 1})
    if twice:
        raise InvalidArgument(f"cl_ord_id {', '.join(twice)} is given to several orders; each needs one of its own")
    limit, at = times.deadline(deadline, now, deadline_after)
    params = extras({"symbol": name, "orders": rows, **_validating(validate), "deadline": limit}, extra)
    return OrderRequest("batch_add", params, ids, symbol=name, deadline=at, count=len(rows))


def _in_place(
    place: int, checked: Callable[[Mapping[str, Any]], dict[str, Any]], given: Mapping[str, Any]
) -> dict[str, Any]:
    try:
        return checked(given)
    except InvalidArgument as error:
        raise type(error)(f"orders[{place}]: {error}") from None


def _check_names(given: Any) -> None:
    if not isinstance(given, Mapping):
        raise InvalidArgument(f"{given!r} is no order; give a mapping with the arguments of add_order")
    for name in cast("Mapping[str, Any]", given):
        if name in _OF_THE_BATCH:
            raise InvalidArgument(f"{name} belongs to the whole batch; take it out of the order")
        if name in _OTHER_NAMES:
            raise InvalidArgument(f"{name} is called {_OTHER_NAMES[name]} here")
        choice("argument", name, ROW_FIELDS)


def amend_order(
    order_id: str | None = None,
    *,
    cl_ord_id: str | None = None,
    now: float,
    instrument: Instrument | None = None,
    deadline_after: float = DEADLINE_AFTER,
    deadline: Deadline | None = None,
    symbol: str | None = None,
    rounding: Rounding | None = None,
    extra: Mapping[str, Any] | None = None,
    **fields: Unpack[Amendment],
) -> OrderRequest:
    """`amend_order` (section 6.3): change an open order in place, named by one of its two ids.

    `qty` is the new total quantity, what is filled included; less than that cancels the rest. `symbol` is sent when
    given, which only non-crypto markets need. A market's minimums are not checked: less is a way to end an order.
    """
    if (order_id is None) == (cl_ord_id is None):
        raise InvalidArgument(f"order_id={order_id!r} and cl_ord_id={cl_ord_id!r}: name the order by one of them")
    named = _named(order_id, cl_ord_id)
    changed = amendment(fields, MarketRules(instrument, rounding))
    name = None if symbol is None else _symbol(symbol, instrument)
    limit, at = times.deadline(deadline, now, deadline_after)
    common = {"deadline": limit} if name is None else {"symbol": name, "deadline": limit}
    return OrderRequest(
        "amend_order",
        extras(named | changed | common, extra),
        _ids(named),
        () if order_id is None else (order_id,),
        symbol=name or (None if instrument is None else instrument.symbol),
        deadline=at,
        count=1,
    )


def _named(order_id: str | None, cl_ord_id: str | None) -> dict[str, Any]:
    if order_id is not None:
        return {"order_id": kraken_id("order_id", order_id)}
    return {"cl_ord_id": client_id("cl_ord_id", cl_ord_id)}


def edit_order(
    order_id: str,
    symbol: str,
    *,
    now: float,
    instrument: Instrument | None = None,
    deadline_after: float = DEADLINE_AFTER,
    deadline: Deadline | None = None,
    validate: bool | None = None,
    rounding: Rounding | None = None,
    extra: Mapping[str, Any] | None = None,
    **fields: Unpack[Edition],
) -> OrderRequest:
    """`edit_order` (section 6.4): cancel an order and place a changed one with a new id. Prefer `amend_order`.

    It knows no `cl_ord_id`; the new order has none, and loses its place in the queue.
    """
    named = {"order_id": kraken_id("order_id", order_id)}
    name = _symbol(symbol, instrument)
    changed = edition(fields, MarketRules(instrument, rounding))
    limit, at = times.deadline(deadline, now, deadline_after)
    params = extras(named | {"symbol": name} | changed | _validating(validate) | {"deadline": limit}, extra)
    return OrderRequest("edit_order", params, (), (order_id,), symbol=name, deadline=at, count=1)


def cancel_order(
    order_ids: str | Iterable[str] = (),
    *,
    cl_ord_ids: str | Iterable[str] = (),
    userrefs: int | Iterable[int] = (),
) -> OrderRequest:
    """`cancel_order` (section 6.5): by Kraken's ids, your ids, tags, or a mixture. A tag cancels all that carry it.

    Kraken answers once for each order. A single id may be given as it is.
    """
    ids, own, tags = _orders(order_ids, cl_ord_ids, userrefs)
    if not ids and not own and not tags:
        raise InvalidArgument("cancel_order names no order: give order_ids, cl_ord_ids or userrefs; or use cancel_all")
    named = {"order_id": ids, "cl_ord_id": own, "order_userref": tags}
    params = {name: list(values) for name, values in named.items() if values}
    return OrderRequest("cancel_order", params, own, ids, count=len(ids) + len(own) + len(tags))


def batch_cancel(
    order_ids: str | Iterable[str] = (),
    *,
    cl_ord_ids: str | Iterable[str] = (),
    userrefs: int | Iterable[int] = (),
) -> OrderRequest:
    """`batch_cancel` (section 6.9): 2 to 50 orders with one answer, which is how many were cancelled."""
    ids, own, tags = _orders(order_ids, cl_ord_ids, userrefs)
    count = len(ids) + len(own) + len(tags)
    least, most = _BATCH_CANCEL
    if not least <= count <= most:
        raise InvalidArgument(f"{count} different orders to cancel in one batch; name {least} to {most}")
    named = {"orders": [*ids, *map(str, tags)], "cl_ord_id": list(own)}
    return OrderRequest("batch_cancel", {name: value for name, value in named.items() if value}, own, ids, count=count)


def _orders(
    order_ids: str | Iterable[str], cl_ord_ids: str | Iterable[str], userrefs: int | Iterable[int]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]]:
    return (
        tuple(dict.fromkeys(kraken_id("order_ids", value) for value in several(order_ids))),
        tuple(dict.fromkeys(client_id("cl_ord_ids", value) for value in several(cl_ord_ids))),
        tuple(dict.fromkeys(userref("userrefs", value) for value in several(userrefs))),
    )


def cancel_all() -> OrderRequest:
    """`cancel_all` (section 6.6): every open order of the account, untriggered ones included."""
    return OrderRequest("cancel_all", {})


def cancel_all_orders_after(timeout: int) -> OrderRequest:
    """`cancel_all_orders_after` (section 6.7): the exchange cancels everything in `timeout` seconds; 0 disarms it."""
    return OrderRequest("cancel_all_orders_after", {"timeout": whole("timeout", timeout, 0, _LONGEST_TIMEOUT)})


def _symbol(symbol: str, instrument: Instrument | None) -> str:
    if instrument is None:
        return canonical(symbol)
    if symbol != instrument.symbol and canonical(symbol) != instrument.symbol:
        raise InvalidArgument(
            f"symbol={symbol!r} and the rules of {instrument.symbol}: give the rules of the same market"
        )
    return instrument.symbol


def _validating(validate: bool | None) -> dict[str, bool]:  # noqa: FBT001 - the argument of the same name, passed on
    return {} if validate is None else {"validate": flag("validate", validate)}


def _ids(order: Mapping[str, Any]) -> tuple[str, ...]:
    return (order["cl_ord_id"],) if "cl_ord_id" in order else ()
