"""A ticket: one order request as an observable. Nothing is sent before somebody looks, and nothing is sent twice.

A ticket emits Kraken's answer and completes, or fails: with `OrderRejected`, with `NotSent`, or with `OutcomeUnknown`
when it was sent and no answer came. `await` works as well. Everyone who subscribes or awaits, early or late, gets the
same; `retry()` observes again and sends nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rxkraken.errors import OutcomeUnknown
from rxkraken.models.orders import AddOrderResult, AmendOrderResult, CancelOrderResult
from rxkraken.streams.once import Once
from rxkraken.trading.lifecycle import follow

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactivex import Observable

    from rxkraken.errors import SubscriberFailed
    from rxkraken.models.trading import Order
    from rxkraken.trading.desk import Desk
    from rxkraken.trading.draft import Draft
    from rxkraken.trading.methods import OrderMethods
    from rxkraken.trading.reconcile import Departure
    from rxkraken.trading.request import OrderRequest

T = TypeVar("T")


class Ticket(Once[T], Generic[T]):
    """One order request and its one outcome. `request` is what goes on the wire, without the token."""

    def __init__(self, desk: Callable[[], Desk], draft: Draft[T], report: Callable[[SubscriberFailed], None]) -> None:
        """Check the arguments now; send at the first subscribe or await, where `desk` is asked for."""
        self.request: OrderRequest = draft.make(None, True)  # noqa: FBT003 - a first look
        self._find_desk = desk
        self._draft = draft
        self._report_failure = report
        self.departure: Departure | None = None
        self._resolution: Once[T] | None = None
        super().__init__(self.request.method, self._begin, report)

    def resolve(self) -> Once[T]:
        """Find out for certain: emits the result and completes, or fails with what is certain instead.

        Sends the request if nobody has; otherwise nothing is sent, ever. An unknown outcome is looked up by the
        request's ids in the executions of the account first, then by REST, until it is certain: at most about a minute
        after the deadline, since REST may lag behind. `NotPlaced` says that the request never took effect. It fails
        with `OutcomeUnknown` where there is nothing to look for.
        """
        if self._resolution is None:
            self._resolution = Once(f"{self.request.method} resolved", self._resolve_now, self._report_failure)
        return self._resolution

    def _begin(self, resolve: Callable[[T], None], reject: Callable[[Exception], None]) -> None:
        desk = self._find_desk()

        def ready(request: OrderRequest) -> None:
            self.request = request
            self.departure = desk.departure(request)

        desk.send(self._draft, ready, resolve, reject)

    def _resolve_now(self, resolve: Callable[[T], None], reject: Callable[[Exception], None]) -> None:
        def failed(error: Exception) -> None:
            if isinstance(error, OutcomeUnknown) and self.departure is not None:
                self._find_desk().reconcile(self.request, self.departure, error, resolve, reject)
            else:
                reject(error)

        self.subscribe(resolve, failed)


class OrderTicket(Ticket[AddOrderResult]):
    """The ticket of `add_order`, and through it the order itself."""

    def __init__(
        self,
        orders: OrderMethods,
        desk: Callable[[], Desk],
        draft: Draft[AddOrderResult],
        report: Callable[[SubscriberFailed], None],
    ) -> None:
        """`orders` makes the tickets of what is done to the order later."""
        super().__init__(desk, draft, report)
        self._orders = orders

    @property
    def cl_ord_id(self) -> str | None:
        """The id the order is sent with; None where Kraken allows none beside `order_userref` or `conditional`."""
        return self.request.cl_ord_ids[0] if self.request.cl_ord_ids else None

    @property
    def order(self) -> Order | None:
        """The order as it is known now; None before anything is."""
        return self._find_desk().order_of(self) if self.begun else None

    @property
    def lifecycle(self) -> Observable[Order]:
        """Everything that happens to the order: its `Order` after each change, the final one last, then completion.

        Subscribing sends the order, if nobody has. A state stream: late subscribers begin with the current state. The
        ack and the executions of the order may come in any order and with anything missing; neither shows. Errors:
        `OrderRejected`, `NotSent`, `NotPlaced` (an unknown outcome is resolved first), and `SubscriptionRejected` if
        the key may place orders but not see them. Source: ws-v2 reference section 5.2.
        """
        return follow(self, self._find_desk)

    def cancel(self) -> Ticket[CancelOrderResult]:
        """Make the ticket that cancels this order; it waits for the order's ack before it is sent (section 6)."""
        return self._orders.cancel_of(self)

    def amend(self, **changes: Any) -> Ticket[AmendOrderResult]:
        """Make the ticket that changes this order in place; `changes` are the arguments of `amend_order`.

        It waits for the order's ack before it is sent (ws-v2 reference section 6).
        """
        return self._orders.amend_of(self, changes)
