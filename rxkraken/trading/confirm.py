"""What the executions must tell after an ack. A message of theirs that is lost last of all leaves no gap to be seen.

Kraken numbers the messages of the account (ws-v2 reference section 5.4), so that a lost one shows when the next one
comes; in a quiet account that may be never. But what an ack has announced can be missed at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rxkraken.models.orders import AddOrderResult, AmendOrderResult, CancelOrderResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from rxkraken.models.trading import Order
    from rxkraken.trading.request import OrderRequest

    Find = Callable[[str | None, str | None], Order | None]


def untold(request: OrderRequest, result: Any, find: Find) -> list[str]:
    """Name the orders, by `order_id`, of which the executions do not show what the result says."""
    return [order_id for order_id in _untold(request, result, find) if order_id]


def _untold(request: OrderRequest, result: Any, find: Find) -> Iterator[str | None]:
    match result:
        case AddOrderResult(order_id=order_id) if order_id:
            yield order_id if find(order_id, None) is None else None
        case AmendOrderResult():
            ids = [(order_id, None) for order_id in request.order_ids] + [(None, own) for own in request.cl_ord_ids]
            for order in (find(*each) for each in ids):
                if order is not None and not order.is_final and not shows_change(request.params, order):
                    yield order.order_id
        case CancelOrderResult(orders=rows):
            for row in rows:
                order = find(row.order_id, row.cl_ord_id) if row.cancelled else None
                yield order.order_id if order is not None and not order.is_final else None
        case _:
            return


def shows_change(params: Mapping[str, Any], order: Order) -> bool | None:
    """Whether an order is as an `amend_order` request wants it to be; None where nothing of that shows in an order."""
    wanted = {"order_qty": order.qty, "display_qty": order.display_qty}
    prices = {"limit_price": order.limit_price, "trigger_price": order.trigger.price if order.trigger else None}
    # An offset becomes a price when it is applied.
    wanted |= {name: price for name, price in prices.items() if params.get(f"{name}_type", "static") == "static"}
    named = [name for name in wanted if name in params]
    return all(params[name] == wanted[name] for name in named) if named else None
