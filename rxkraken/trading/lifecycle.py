"""One order from its ack to its end, out of a race: the ack, its executions and a snapshot may come in any order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from reactivex import Observable
from reactivex.disposable import CompositeDisposable, Disposable, SerialDisposable

from rxkraken.models.trading import Execution
from rxkraken.streams.account import Synced
from rxkraken.streams.place import place_of_caller
from rxkraken.trading.seed import as_requested

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase

    from rxkraken.models.orders import AddOrderResult
    from rxkraken.models.trading import Order
    from rxkraken.trading.desk import Desk
    from rxkraken.trading.ticket import OrderTicket


def follow(ticket: OrderTicket, find_desk: Callable[[], Desk]) -> Observable[Order]:
    """Describe the life of a ticket's order; each subscriber gets a follower of its own."""

    def subscribe(observer: ObserverBase[Order], scheduler: SchedulerBase | None = None) -> DisposableBase:
        del scheduler
        follower = _Follower(ticket, find_desk(), observer)
        return follower.start(place_of_caller())

    return Observable(subscribe)


class _Follower:
    """Merges a ticket's outcome and the account's executions into the states of one order."""

    def __init__(self, ticket: OrderTicket, desk: Desk, observer: ObserverBase[Order]) -> None:
        self._ticket = ticket
        self._desk = desk
        self._observer = observer
        self._order_id: str | None = None
        self._told: tuple[object, ...] | None = None
        self._over = False
        self._outcome = SerialDisposable()
        self._executions = SerialDisposable()

    def start(self, place: str) -> DisposableBase:
        """Listen first and send then, so that nothing is missed."""
        self._executions.disposable = self._desk.watch(self, place)
        if not self._over:
            self._outcome.disposable = self._ticket.resolve().subscribe(self._placed, self._failed)
        return CompositeDisposable(self._outcome, self._executions, Disposable(self._stop))

    def _stop(self) -> None:
        self._over = True

    def dispose(self) -> None:
        """Detach from the executions, as the hub asks of a failing subscriber."""
        self._end()

    # --- the ticket -------------------------------------------------------------------------------------------------

    def _placed(self, result: AddOrderResult) -> None:
        if self._over:
            return
        if not result.placed:
            self._complete()  # only validated: there is no order to follow
            return
        self._order_id = result.order_id
        known = self._desk.known(result.order_id, None)
        self._tell(known or as_requested(self._ticket.request, result.order_id))
        self._desk.expect_news(result.order_id)

    def _failed(self, error: Exception) -> None:
        if not self._over:
            self._end()
            self._observer.on_error(error)

    # --- the executions of the account ------------------------------------------------------------------------------

    def on_next(self, item: Any) -> None:
        """Take an event of any order of the account."""
        match item:
            case Execution(order=order) if self._is_ours(order):
                self._tell(order)
            case Synced() if self._order_id is not None:
                known = self._desk.known(self._order_id, None)
                if known is None:
                    self._desk.expect_news(self._order_id)
                else:
                    self._tell(known)
            case _:
                return

    def on_error(self, error: Exception) -> None:
        """Without executions nobody can tell how the order goes on."""
        self._failed(error)

    def on_completed(self) -> None:
        """End with the client."""
        self._complete()

    def _is_ours(self, order: Order) -> bool:
        if self._order_id is not None:
            return order.order_id == self._order_id
        own_id, departure = self._ticket.cl_ord_id, self._ticket.departure
        if own_id is None or order.cl_ord_id != own_id:
            return False
        return departure is not None and not departure.is_namesake(order)

    # --- the subscriber ---------------------------------------------------------------------------------------------

    def _tell(self, order: Order) -> None:
        state = _visible(order)
        if self._over or state == self._told:
            return
        self._order_id = order.order_id
        self._told = state
        try:
            self._observer.on_next(order)
        except BaseException:
            self._end()  # the ticket and the executions both lead here: it has failed for both
            raise
        if order.is_final:
            self._complete()

    def _complete(self) -> None:
        if not self._over:
            self._end()
            self._observer.on_completed()

    def _end(self) -> None:
        self._over = True
        self._outcome.dispose()
        self._executions.dispose()


def _visible(order: Order) -> tuple[object, ...]:
    """Reduce an order to what makes another state: the ack and the first report differ in details only."""
    return (
        order.status, order.qty, order.cum_qty, order.limit_price, order.display_qty, order.trigger, order.fees,
        order.amended, order.reason,
    )  # fmt: skip
