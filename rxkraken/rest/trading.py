"""The private calls that place, change and cancel orders (rest reference sections 8.3 to 8.7).

None of them is ever sent twice. Each ends in its result, in `OrderRejected` with Kraken's words, in `NotSent` when
nothing left the process, or in `OutcomeUnknown` when it was sent and no answer tells what became of it.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from rxkraken.errors import InvalidArgument
from rxkraken.models.rest_orders import (
    BatchItem,
    BatchPlaced,
    CancelTimer,
    OrderAmended,
    OrderEdited,
    OrderPlaced,
    OrdersCancelled,
)
from rxkraken.rest.build import as_list, as_mapping, build
from rxkraken.rest.caller import Caller, pair_name
from rxkraken.rest.charges import (
    adding,
    adding_batch,
    amending,
    cancelling,
    cancelling_all,
    editing,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from rxkraken.rest.call import RestCall
    from rxkraken.rest.wire import Number, Params

Side = Literal["buy", "sell"]
OrderType = Literal[
    "market", "limit", "iceberg", "stop-loss", "take-profit", "stop-loss-limit", "take-profit-limit", "trailing-stop",
    "trailing-stop-limit", "settle-position",
]  # fmt: skip
_BATCH_ADD: Final = (2, 15)
_MOST_CANCELS: Final = 50


class TradingCalls(Caller):
    """Orders over REST. Each method returns a `RestCall`; nothing is sent before it is awaited or subscribed to.

    Numbers go out with exactly the digits given; `Decimal` and text are best. A `pair` may have any spelling.
    """

    @abstractmethod
    def _new_id(self) -> str:
        """Make up a `cl_ord_id`."""

    def add_order(
        self,
        pair: str,
        side: Side,
        ordertype: OrderType,
        volume: Number,
        *,
        price: Number | None = None,
        price2: Number | None = None,
        displayvol: Number | None = None,
        trigger: Literal["last", "index"] | None = None,
        leverage: int | str | None = None,
        reduce_only: bool | None = None,
        stptype: Literal["cancel-newest", "cancel-oldest", "cancel-both"] | None = None,
        oflags: str | Iterable[str] | None = None,
        timeinforce: Literal["GTC", "IOC", "GTD", "FOK"] | None = None,
        starttm: int | str | None = None,
        expiretm: int | str | None = None,
        close: Mapping[str, Any] | None = None,
        deadline: str | None = None,
        userref: int | None = None,
        cl_ord_id: str | None = None,
        validate: bool | None = None,
        asset_class: str | None = None,
        extra: Params | None = None,
    ) -> RestCall[OrderPlaced]:
        """`AddOrder`: place one order. `side` is Kraken's `type`; prices may be relative text such as `+1.5%`.

        `oflags` are of post, fcib, fciq, nompp, viqc. `close` is the conditional close order, an object with
        `ordertype`, `price` and `price2`. `deadline` is RFC 3339. `validate=True` only checks.

        An order without `userref` and `cl_ord_id` gets a made-up `cl_ord_id`, so that it can be found again when its
        outcome is not known; except with `close`, with which Kraken refuses one.
        """
        _check_side(side)
        _check_ids(cl_ord_id, userref)
        own_id = cl_ord_id or (None if userref is not None or close else self._new_id())
        params = {
            "ordertype": ordertype,
            "type": side,
            "pair": pair_name(pair),
            "volume": volume,
            "price": price,
            "price2": price2,
            "displayvol": displayvol,
            "trigger": trigger,
            "leverage": leverage,
            "reduce_only": reduce_only,
            "stptype": stptype,
            "oflags": oflags if oflags is None or isinstance(oflags, str) else ",".join(oflags),
            "timeinforce": timeinforce,
            "starttm": starttm,
            "expiretm": expiretm,
            "close": close,
            "deadline": deadline,
            "userref": userref,
            "cl_ord_id": own_id,
            "validate": validate,
            "asset_class": asset_class,
        }

        def placed(result: Any) -> OrderPlaced:
            order = build(OrderPlaced, result)
            return replace(order, cl_ord_id=order.cl_ord_id or own_id)

        return self._call(
            "AddOrder", params, placed, extra=extra, charge=adding(pair), identity=_identity(own_id, userref)
        )

    def add_order_batch(
        self,
        pair: str,
        orders: Sequence[Mapping[str, Any]],
        *,
        deadline: str | None = None,
        validate: bool | None = None,
        asset_class: str | None = None,
        extra: Params | None = None,
    ) -> RestCall[BatchPlaced]:
        """`AddOrderBatch`: place 2 to 15 orders on one pair. Each is an object with the fields of `AddOrder`.

        One that breaks a rule refuses the whole batch; one that the engine refuses has an `error` in the result while
        the others are placed. Orders without `userref` and `cl_ord_id` get a made-up `cl_ord_id`.
        """
        least, most = _BATCH_ADD
        if not least <= len(orders) <= most:
            raise InvalidArgument(f"a batch of {len(orders)} orders; a batch has {least} to {most}")
        rows = [self._row(order) for order in orders]
        ids = [row.get("cl_ord_id") for row in rows]
        params = {
            "pair": pair_name(pair),
            "orders": rows,
            "deadline": deadline,
            "validate": validate,
            "asset_class": asset_class,
        }
        known = ", ".join(str(own_id) for own_id in ids if own_id)
        return self._call(
            "AddOrderBatch",
            params,
            lambda result: _batch(result, ids),
            extra=extra,
            charge=adding_batch(pair, len(rows)),
            identity=f"cl_ord_id {known}" if known else "",
        )

    def amend_order(
        self,
        txid: str | None = None,
        *,
        cl_ord_id: str | None = None,
        order_qty: Number | None = None,
        display_qty: Number | None = None,
        limit_price: Number | None = None,
        trigger_price: Number | None = None,
        pair: str | None = None,
        post_only: bool | None = None,
        deadline: str | None = None,
        extra: Params | None = None,
    ) -> RestCall[OrderAmended]:
        """`AmendOrder`: change an open order in place, named by its `txid` or `cl_ord_id`.

        It keeps its id and, where the change allows, its place in the queue. A quantity below what is filled cancels
        the rest.
        """
        order = _one_id("amend_order", txid, cl_ord_id)
        params = {
            "txid": txid,
            "cl_ord_id": cl_ord_id,
            "order_qty": order_qty,
            "display_qty": display_qty,
            "limit_price": limit_price,
            "trigger_price": trigger_price,
            "pair": None if pair is None else pair_name(pair),
            "post_only": post_only,
            "deadline": deadline,
        }
        return self._call(
            "AmendOrder",
            params,
            lambda result: build(OrderAmended, result),
            extra=extra,
            charge=amending(order, pair),
            identity=order,
        )

    def edit_order(
        self,
        txid: str,
        pair: str,
        *,
        volume: Number | None = None,
        displayvol: Number | None = None,
        price: Number | None = None,
        price2: Number | None = None,
        oflags: str | Iterable[str] | None = None,
        userref: int | None = None,
        deadline: str | None = None,
        cancel_response: bool | None = None,
        validate: bool | None = None,
        asset_class: str | None = None,
        extra: Params | None = None,
    ) -> RestCall[OrderEdited]:
        """`EditOrder`: cancel an order and place a changed one with a new txid. `amend_order` is the better choice."""
        params = {
            "txid": txid,
            "pair": pair_name(pair),
            "volume": volume,
            "displayvol": displayvol,
            "price": price,
            "price2": price2,
            "oflags": oflags if oflags is None or isinstance(oflags, str) else ",".join(oflags),
            "userref": userref,
            "deadline": deadline,
            "cancel_response": cancel_response,
            "validate": validate,
            "asset_class": asset_class,
        }
        return self._call(
            "EditOrder",
            params,
            lambda result: build(OrderEdited, result),
            extra=extra,
            charge=editing(txid, pair),
            identity=txid,
        )

    def cancel_order(
        self, txid: str | int | None = None, *, cl_ord_id: str | None = None, extra: Params | None = None
    ) -> RestCall[OrdersCancelled]:
        """`CancelOrder`: cancel the order with this txid or `cl_ord_id`, or all those with this userref (an int)."""
        order = _one_id("cancel_order", txid, cl_ord_id)
        params = {"txid": txid, "cl_ord_id": cl_ord_id}
        return self._call("CancelOrder", params, _cancelled, extra=extra, charge=cancelling((order,)), identity=order)

    def cancel_order_batch(
        self,
        orders: Sequence[str | int] = (),
        *,
        cl_ord_ids: Sequence[str] = (),
        extra: Params | None = None,
    ) -> RestCall[OrdersCancelled]:
        """`CancelOrderBatch`: cancel up to 50 orders, by txids or userrefs (ints), by `cl_ord_ids`, or by both."""
        ids = [*orders, *cl_ord_ids]
        if not 1 <= len(ids) <= _MOST_CANCELS:
            raise InvalidArgument(f"{len(ids)} orders to cancel at once; name 1 to {_MOST_CANCELS}")
        params = {"orders": list(orders) or None, "cl_ord_ids": list(cl_ord_ids) or None}
        charge = cancelling([str(identity) for identity in ids], batch=True)
        return self._call("CancelOrderBatch", params, _cancelled, extra=extra, charge=charge)

    def cancel_all(self, *, extra: Params | None = None) -> RestCall[OrdersCancelled]:
        """`CancelAll`: cancel every open order of the account."""
        return self._call("CancelAll", {}, _cancelled, extra=extra, charge=cancelling_all())

    def cancel_all_orders_after(self, timeout: int, *, extra: Params | None = None) -> RestCall[CancelTimer]:
        """`CancelAllOrdersAfter`: have the exchange cancel everything in `timeout` seconds, unless called again.

        0 switches it off. A managed version over WebSocket is `client.dead_mans_switch`.
        """
        if timeout < 0:
            raise InvalidArgument(f"timeout={timeout!r}: give whole seconds, or 0 to switch the timer off")
        params = {"timeout": timeout}
        return self._call("CancelAllOrdersAfter", params, lambda result: build(CancelTimer, result), extra=extra)

    def _row(self, order: Mapping[str, Any]) -> dict[str, Any]:
        row = dict(order)
        _check_side(row.get("type"))
        _check_ids(row.get("cl_ord_id"), row.get("userref"))
        if row.get("cl_ord_id") is None and row.get("userref") is None and not row.get("close"):
            row["cl_ord_id"] = self._new_id()
        return row


def _batch(result: Any, ids: Sequence[str | None]) -> BatchPlaced:
    rows = as_list(as_mapping(result, "AddOrderBatch").get("orders"), "orders")
    items = [build(BatchItem, row) for row in rows]
    # "Result order = request order" (section 8.4)
    named = [replace(item, cl_ord_id=item.cl_ord_id or own_id) for item, own_id in zip(items, ids, strict=False)]
    return BatchPlaced(orders=(*named, *items[len(named) :]))


def _cancelled(result: Any) -> OrdersCancelled:
    return build(OrdersCancelled, result)


def _check_side(side: object) -> None:
    if side not in ("buy", "sell"):
        raise InvalidArgument(f"side {side!r} is not one of buy, sell")


def _check_ids(cl_ord_id: object, userref: object) -> None:
    if cl_ord_id is not None and userref is not None:
        raise InvalidArgument(f"cl_ord_id={cl_ord_id!r} and userref={userref!r}: an order can have one of them only")


def _one_id(method: str, txid: str | int | None, cl_ord_id: str | None) -> str:
    if (txid is None) == (cl_ord_id is None):
        raise InvalidArgument(f"{method} needs either txid or cl_ord_id; got txid={txid!r}, cl_ord_id={cl_ord_id!r}")
    return str(txid if txid is not None else cl_ord_id)


def _identity(cl_ord_id: str | None, userref: int | None) -> str:
    if cl_ord_id is not None:
        return f"cl_ord_id {cl_ord_id}"
    return "" if userref is None else f"userref {userref}"
