"""What a client takes from outside: the loop's clock and timers, the wall clock, chance, and the network.

Everything below asks this and nothing else for the time, so a virtual one can stand in for all of it.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rxkraken.session.link import Network
from rxkraken.session.pacing import ConnectBudget

if TYPE_CHECKING:
    from rxkraken.settings import Settings

# Kraken counts connects per address, so all clients of a process share one budget per exchange (promise 16).
_process_budgets: dict[tuple[str, int, float], ConnectBudget] = {}
# Unique in the process, which is more than Kraken asks for: a late reply can never answer another request.
_process_ids = itertools.count(1)


@dataclass(frozen=True, slots=True)
class World:
    """The outside of one client."""

    loop: asyncio.AbstractEventLoop
    network: Network
    # Opens the HTTP session of REST calls; None takes aiohttp's. A function that gives an `aiohttp.ClientSession`.
    http: Callable[[], Any] | None = None
    wall: Callable[[], float] = time.time
    uniform: Callable[[float, float], float] = random.uniform
    ids: Iterator[int] = field(default_factory=lambda: _process_ids)
    budgets: dict[tuple[str, int, float], ConnectBudget] = field(default_factory=lambda: _process_budgets)

    @property
    def clock(self) -> Callable[[], float]:
        """The loop's time, without the call in between where the loop only passes it on: it is read for each frame."""
        plain = type(self.loop).time is asyncio.BaseEventLoop.time
        return time.monotonic if plain else self.loop.time

    def budget(self, url: str, settings: Settings) -> ConnectBudget:
        """Find the connect budget of the exchange behind a URL: one for all hosts of a domain."""
        key = (_exchange_of(url), *settings.connect_budget)
        if key not in self.budgets:
            self.budgets[key] = ConnectBudget(*settings.connect_budget)
        return self.budgets[key]


def _exchange_of(url: str) -> str:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if host == "localhost" or host.replace(".", "").isdigit() or ":" in host:
        return parts.netloc  # an address has no domain: each port may be another simulator
    return ".".join(host.split(".")[-2:])
