"""Answers of the REST calls that place, change and cancel orders (rest reference sections 8.3 to 8.7)."""

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from rxkraken.models.rest_base import RestModel


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedDescription(RestModel):
    """What Kraken understood, in its own words; `close` is the conditional close order."""

    order: str = ""
    close: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderPlaced(RestModel):
    """An order was accepted. `txid` is empty when it was only validated.

    `cl_ord_id` is the id that went with it, also when the client made it up.
    """

    txid: tuple[str, ...] = ()
    descr: PlacedDescription = field(default_factory=PlacedDescription)
    cl_ord_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchItem(RestModel):
    """The fate of one order of a batch: either a `txid`, or Kraken's `error` text."""

    txid: str | None = None
    descr: PlacedDescription = field(default_factory=PlacedDescription)
    close: str = ""
    error: str | None = None
    cl_ord_id: str | None = None

    @property
    def accepted(self) -> bool:
        """Whether this order of the batch was taken."""
        return self.error is None


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlaced(RestModel):
    """The fates of a batch, in the order of the request. Some may be refused while others are placed."""

    orders: tuple[BatchItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderAmended(RestModel):
    """An order was changed in place; its id and, where possible, its place in the queue are kept."""

    amend_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEdited(RestModel):
    """An order was cancelled and replaced: `txid` is the new one, `originaltxid` the old."""

    status: str = ""
    txid: str | None = None
    originaltxid: str | None = None
    volume: Decimal | None = None
    price: str | None = None
    price2: str | None = None
    orders_cancelled: int | None = None
    descr: PlacedDescription = field(default_factory=PlacedDescription)
    newuserref: int | None = None
    olduserref: int | None = None
    error_message: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersCancelled(RestModel):
    """How many orders were cancelled; `pending` when the cancelling goes on."""

    count: int
    pending: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelTimer(RestModel):
    """The exchange's dead man's switch: when it will cancel everything, None when it is switched off."""

    current_time: datetime = field(metadata={"wire": "currentTime"})
    trigger_time: datetime | None = field(default=None, metadata={"wire": "triggerTime"})
