"""Answers to order requests over WebSocket, one value per method (ws-v2 reference sections 6.1 to 6.9).

An answer means that the exchange's front took the request. What becomes of the order is told by `executions`.
`warnings` is Kraken's advice on deprecated fields.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class AddOrderResult:
    """An order was accepted (section 6.1). `order_id` is empty when it was only validated.

    `cl_ord_id` is the id that went with it, also when the client made it up.
    """

    order_id: str
    cl_ord_id: str | None = None
    order_userref: int | None = None
    warnings: tuple[str, ...] = ()

    @property
    def placed(self) -> bool:
        """Whether there is an order now; false after `validate=True`."""
        return bool(self.order_id)


@dataclass(frozen=True, slots=True)
class AmendOrderResult:
    """An order was changed in place (section 6.3). Of the two ids, the one that the request named is there."""

    amend_id: str
    order_id: str | None = None
    cl_ord_id: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class EditOrderResult:
    """An order was cancelled and replaced (section 6.4): `order_id` is the new one, empty when only validated."""

    order_id: str
    original_order_id: str | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelOrderRow:
    """The answer about one order (section 6.5): cancelled, or Kraken's `error`.

    "Already gone" is an error too, `EOrder:Unknown order`: look at the order's state. A refusal seldom says which order
    it is about; both ids are None then.
    """

    order_id: str | None = None
    cl_ord_id: str | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def cancelled(self) -> bool:
        """Whether this order was cancelled by the request."""
        return self.error is None


@dataclass(frozen=True, slots=True)
class CancelOrderResult:
    """The answers to one cancel request, in the order in which they came (section 6.5)."""

    orders: tuple[CancelOrderRow, ...]

    @property
    def count(self) -> int:
        """How many orders were cancelled."""
        return sum(row.cancelled for row in self.orders)

    @property
    def errors(self) -> tuple[str, ...]:
        """Kraken's texts about those that were not."""
        return tuple(row.error for row in self.orders if row.error is not None)


@dataclass(frozen=True, slots=True)
class CancelAllResult:
    """How many orders were cancelled, untriggered ones included (section 6.6); may be 0."""

    count: int
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CancelAllAfterResult:
    """The exchange's dead man's switch (section 6.7): when it cancels everything, None when it is switched off."""

    current_time: datetime | None
    trigger_time: datetime | None
    warnings: tuple[str, ...] = ()

    @property
    def armed(self) -> bool:
        """Whether the exchange will cancel everything unless it hears of it again."""
        return self.trigger_time is not None


@dataclass(frozen=True, slots=True)
class BatchAddRow:
    """The fate of one order of a batch (section 6.8): an `order_id`, or Kraken's `error` text.

    With neither, the answer did not tell: find out by `cl_ord_id`. A batch that was only validated has empty order ids.
    """

    order_id: str | None = None
    cl_ord_id: str | None = None
    order_userref: int | None = None
    error: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def placed(self) -> bool:
        """Whether there is an order now."""
        return bool(self.order_id)

    @property
    def unknown(self) -> bool:
        """Whether the answer told neither success nor refusal."""
        return self.order_id is None and self.error is None


@dataclass(frozen=True, slots=True)
class BatchAddResult:
    """The fates of a batch, in the order of the request. Some may be refused while others are placed."""

    orders: tuple[BatchAddRow, ...]

    @property
    def placed(self) -> tuple[BatchAddRow, ...]:
        """The orders that were taken."""
        return tuple(row for row in self.orders if row.placed)

    @property
    def refused(self) -> tuple[BatchAddRow, ...]:
        """The orders that the engine refused, each with its `error`."""
        return tuple(row for row in self.orders if row.error is not None)


@dataclass(frozen=True, slots=True)
class BatchCancelResult:
    """How many orders of the batch were cancelled (section 6.9); it may be fewer than were named."""

    count: int
    warnings: tuple[str, ...] = ()
