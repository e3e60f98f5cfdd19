"""What the parts of a recording owe whoever judges it, besides its findings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rxkraken.session.router import Listener
from rxkraken.streams.feed import Demand

if TYPE_CHECKING:
    from rxkraken.errors import SubscriberFailed


class Court(Listener, Demand, Protocol):
    """Stands where a session stands: hears what routers say, and what feeds do."""

    def fail(self, failed: SubscriberFailed) -> None:
        """One of the subscribers that watch the recording failed."""
        ...
