"""What each order request does to the trading counters, as data for the engine (ws-v2 reference section 6.10)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rxkraken.models.rest_orders import BatchPlaced, OrderEdited, OrderPlaced
from rxkraken.rest.limits import Charge, TradingLimits, batch_add_cost, trading_cost

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def adding(pair: str) -> Charge:
    """Placing one order: 1; the order is young from then on."""

    def settle(limits: TradingLimits, now: float, result: Any) -> None:
        match result:
            case OrderPlaced(txid=(_, *_) as txid, cl_ord_id=own_id):
                limits.placed([*txid, *([own_id] if own_id else [])], pair, now)
            case _:
                pass  # Only validated: there is no order.

    return Charge(lambda _limits, _now: {pair: trading_cost("add")}, settle)


def adding_batch(pair: str, count: int) -> Charge:
    """Placing several orders: half of one each."""

    def settle(limits: TradingLimits, now: float, result: Any) -> None:
        if isinstance(result, BatchPlaced):
            for item in result.orders:
                if item.txid:
                    limits.placed([item.txid, *([item.cl_ord_id] if item.cl_ord_id else [])], pair, now)

    return Charge(lambda _limits, _now: {pair: batch_add_cost(count)}, settle)


def amending(order: str, pair: str | None) -> Charge:
    """Changing an order in place: 1, and up to 3 for a young one, which is young again after it."""

    def costs(limits: TradingLimits, now: float) -> Mapping[str, float]:
        return limits.costs("amend", (order,), now, pair)

    def settle(limits: TradingLimits, now: float, _result: Any) -> None:
        limits.amended(order, now)

    return Charge(costs, settle)


def editing(order: str, pair: str) -> Charge:
    """Replacing an order: 1, and up to 6 for a young one; the new order is young, the old one gone."""

    def costs(limits: TradingLimits, now: float) -> Mapping[str, float]:
        return limits.costs("edit", (order,), now, pair)

    def settle(limits: TradingLimits, now: float, result: Any) -> None:
        if isinstance(result, OrderEdited) and result.txid:
            limits.forget((order,))
            limits.placed((result.txid,), pair, now)

    return Charge(costs, settle)


def cancelling(orders: Sequence[str], *, batch: bool = False) -> Charge:
    """Cancelling orders: up to 8 for each young one; a batch passes even above the threshold."""

    def costs(limits: TradingLimits, now: float) -> Mapping[str, float]:
        return limits.costs("cancel", orders, now)

    def settle(limits: TradingLimits, _now: float, _result: Any) -> None:
        limits.forget(orders)

    return Charge(costs, settle, always_passes=batch)


def cancelling_all() -> Charge:
    """Cancelling everything: about 1 for each pair that has orders; never held back."""

    def costs(limits: TradingLimits, _now: float) -> Mapping[str, float]:
        return dict.fromkeys(limits.known_pairs(), 1.0)

    def settle(limits: TradingLimits, _now: float, _result: Any) -> None:
        limits.forget_all()

    return Charge(costs, settle, always_passes=True)
