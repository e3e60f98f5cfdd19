"""What can be subscribed: one topic is one channel of one symbol with one set of parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Topic:
    """The identity of a subscription, on the wire and as a shared stream.

    `params` are those that Kraken sees and that must be repeated when unsubscribing (ws-v2 reference section 3.7);
    `local` are ours (how a book is checked). Two equal topics share one wire subscription.
    """

    channel: str
    symbol: str | None = None
    params: tuple[tuple[str, Any], ...] = ()
    local: tuple[tuple[str, Any], ...] = ()
    private: bool = False

    @property
    def slot(self) -> tuple[str, str | None]:
        """What one connection can hold only once: frames name no more than channel and symbol (section 2.6)."""
        return self.channel, self.symbol

    def __str__(self) -> str:
        """Name it as people do: channel, symbol, and the parameters that tell it from its siblings."""
        details = ", ".join(f"{name}={value}" for name, value in self.params)
        return " ".join(part for part in (self.channel, self.symbol, f"({details})" if details else "") if part)
