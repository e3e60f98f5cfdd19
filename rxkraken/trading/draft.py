"""An order request that can still be made: again with better knowledge, and only once an earlier one is decided."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rxkraken.models.market import Instrument
from rxkraken.trading.request import OrderRequest
from rxkraken.trading.ticket import OrderTicket

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Draft(Generic[T]):
    """What a ticket needs to be sent and understood.

    `make` checks the arguments against the rules of `symbol`'s market; with True it is only a first look, before the
    rules are known and the request leaves. It raises `InvalidArgument` or `InvalidOrder`. `read` makes the result of
    the replies. `after` is the ticket of the order that the request is about, if it has to be acknowledged first.
    `refusal` is why the request may not be sent at all; `last` that it may be sent even while the client is closing.
    """

    make: Callable[[Instrument | None, bool], OrderRequest]
    read: Callable[[Sequence[Mapping[str, Any]], OrderRequest], T]
    symbol: str | None = None
    after: OrderTicket | None = None
    refusal: str | None = None
    last: bool = False
