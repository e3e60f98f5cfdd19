"""An order request that has passed every local check: what goes on the wire, and how to find it again afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One request of ws-v2 reference section 6, ready to be sent once `token` is added to `params`.

    `cl_ord_ids` and `order_ids` are the ids it names, whether given or made up: by them it is reconciled when its
    outcome is unknown. `deadline` is in Unix seconds, None for the methods that have none. `count` is how many orders
    the request names (a userref counts once); 0 for those that name none.
    """

    method: str
    params: Mapping[str, Any]
    cl_ord_ids: tuple[str, ...] = ()
    order_ids: tuple[str, ...] = ()
    symbol: str | None = None
    deadline: float | None = None
    count: int = 0
