"""Who owns connections and is told what happens on them: an interface, so that a connection need not know the pool."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from rxkraken.models.status import Status, SystemStatus, Unknown
    from rxkraken.session.connection import Connection
    from rxkraken.streams.feed import Feed


class Host(Protocol):
    """The owner of connections, told what happens on them."""

    def on_status(self, status: Status) -> None:
        """A connection's or subscription's state changed."""
        ...

    def on_system(self, connection: Connection, system: SystemStatus) -> None:
        """Kraken told its engine's state."""
        ...

    def on_unknown(self, unknown: Unknown) -> None:
        """Something came that nobody understands."""
        ...

    def on_defect(self, error: Exception) -> None:
        """Something of ours failed and was contained."""
        ...

    def on_refused(self, feed: Feed, text: str) -> None:
        """Kraken refused a topic for good."""
        ...

    def on_left(self, connection: Connection, feed: Feed) -> None:
        """A topic is off the wire and nobody wants it."""
        ...

    def on_fatal(self, connection: Connection, error: Exception) -> None:
        """Connecting again cannot help."""
        ...

    def on_rate_threshold(self, threshold: int) -> None:
        """Kraken told how far the account's trading counters reach."""
        ...

    def on_token_wanted(self, connection: Connection) -> None:
        """A private connection opened, or its token was refused: it needs another one."""
        ...
