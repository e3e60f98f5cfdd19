"""How a connection speaks and listens: a dialect for what is said, and a router for what is heard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from rxkraken.protocol import spot_v1, spot_v2
from rxkraken.protocol.dialect import Dialect
from rxkraken.session.router import Router
from rxkraken.session.router_v1 import RouterV1

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.models.status import Message
    from rxkraken.session.router import Listener
    from rxkraken.streams.hub import Hub


class MakeRouter(Protocol):
    """Makes the router of one connection."""

    def __call__(self, connection: str, clock: Callable[[], float], listener: Listener, tap: Hub[Message], /) -> Router:
        """Tell `listener` of everything that is not data, and `tap` of every decoded frame."""
        ...


@dataclass(frozen=True, slots=True)
class Speech:
    """One WebSocket API as a connection uses it."""

    dialect: Dialect
    router: MakeRouter


SPOT_V2: Final = Speech(spot_v2, Router)
SPOT_V1: Final = Speech(spot_v1, RouterV1)
