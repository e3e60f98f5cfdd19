"""Order tickets for blocking code: send now, wait later, find out for certain, follow the order, change it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from rxkraken.models.orders import AddOrderResult
from rxkraken.streams.policies import Fail
from rxkraken.sync.stream import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.errors import SubscriberFailed
    from rxkraken.models.orders import AmendOrderResult, CancelOrderResult
    from rxkraken.models.trading import Order
    from rxkraken.sync.background import Background
    from rxkraken.trading.request import OrderRequest
    from rxkraken.trading.ticket import OrderTicket as AsyncOrderTicket
    from rxkraken.trading.ticket import Ticket as AsyncTicket

T = TypeVar("T")


class Ticket(Generic[T]):
    """One order request and its one outcome. Nothing is sent before `send()` or `result()`, and nothing twice."""

    def __init__(
        self, background: Background, ticket: AsyncTicket[T], report: Callable[[SubscriberFailed], None]
    ) -> None:
        """Hold a ticket that lives on the loop of `background`."""
        self._background = background
        self._ticket = ticket
        self._report = report

    @property
    def request(self) -> OrderRequest:
        """What goes on the wire, without the token."""
        return self._ticket.request

    @property
    def begun(self) -> bool:
        """Whether the request was made."""
        return self._ticket.begun

    def send(self) -> Self:
        """Send the request if nobody has, and do not wait: `result()` or `resolve()` tell later what became of it."""
        self._background.call(lambda: self._ticket.subscribe(_unused, _unused))
        return self

    def result(self, *, timeout: float | None = None) -> T:
        """Send the request if nobody has, and wait for the exchange's answer.

        Raises `OrderRejected`, `NotSent` or `OutcomeUnknown`. A `TimeoutError` after `timeout` seconds, or Ctrl-C, ends
        the waiting and not the request.
        """
        return self._wait(lambda: self._ticket, timeout)

    def resolve(self, *, timeout: float | None = None) -> T:
        """Find out for certain: the result, or what is certain instead (see `rk.Ticket.resolve`).

        Sends the request if nobody has; otherwise nothing is sent, ever. `NotPlaced` says that it never took effect.
        """
        return self._wait(self._ticket.resolve, timeout)

    def _wait(self, make: Callable[[], Any], timeout: float | None) -> Any:
        return self._background.wait(make, what=f"waiting for {self.request.method}", timeout=timeout)

    def __repr__(self) -> str:
        """Name the request and how far it is."""
        return f"<rxkraken.sync.{repr(self._ticket)[1:]}"


class OrderTicket(Ticket[AddOrderResult]):
    """The ticket of `add_order`, and through it the order itself."""

    @property
    def cl_ord_id(self) -> str | None:
        """The id the order is sent with; None where Kraken allows none beside `order_userref` or `conditional`."""
        return self._order_ticket.cl_ord_id

    @property
    def order(self) -> Order | None:
        """The order as it is known now; None before anything is."""
        return self._background.call(lambda: self._order_ticket.order)

    @property
    def lifecycle(self) -> Stream[Order]:
        """Everything that happens to the order: its `Order` after each change, the final one last, then the end.

        Using it sends the order, if nobody has. A state stream: late ones begin with the current state. Errors:
        `OrderRejected`, `NotSent`, `NotPlaced`, and `SubscriptionRejected` if the key may not see orders.
        """
        name = f"lifecycle {self.cl_ord_id or ''}".rstrip()
        return Stream(self._background, self._order_ticket.lifecycle, Fail(), name=name, report=self._report)

    def cancel(self, *, timeout: float | None = None) -> CancelOrderResult:
        """Cancel this order, once it is acknowledged. Raises as `client.cancel_order` does."""
        return self._wait(self._order_ticket.cancel, timeout)

    def amend(self, *, timeout: float | None = None, **changes: Any) -> AmendOrderResult:
        """Change this order in place, once it is acknowledged; `changes` are the arguments of `amend_order`."""
        return self._wait(lambda: self._order_ticket.amend(**changes), timeout)

    @property
    def _order_ticket(self) -> AsyncOrderTicket:
        return cast("AsyncOrderTicket", self._ticket)


def _unused(_: object) -> None:
    """Drop the outcome here: whoever asks for it later gets it."""
