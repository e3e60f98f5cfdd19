"""The practice exchange for blocking code: the same simulator, on an event loop in a thread of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from rxkraken.simulator import Simulator as Async
from rxkraken.sync.background import Background

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rxkraken.credentials import Credentials
    from rxkraken.settings import Endpoints
    from rxkraken.simulator.accounts import Account, Received


class Simulator:
    """A whole exchange for practice. Use it as `with rk.sync.Simulator() as exchange:`, or `start()` and `close()`.

    The arguments are those of `rxkraken.Simulator`. `exchange.endpoints` and `exchange.credentials` plug into a client.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        """Check the arguments; open nothing."""
        self._simulator = Async(*arguments, **options)
        self._background = Background("rxkraken simulator", usage="rk.sync.Simulator() as exchange")

    def start(self) -> Self:
        """Start the thread, open the market and listen."""
        self._background.start(self._simulator)
        return self

    def close(self) -> None:
        """Close every connection, stop listening and end the thread. Calling it again does nothing."""
        self._background.close()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    @property
    def url(self) -> str:
        """Where the public WebSocket is."""
        return self._background.read(lambda: self._simulator.url)

    @property
    def endpoints(self) -> Endpoints:
        """For `KrakenClient(endpoints=...)`."""
        return self._background.read(lambda: self._simulator.endpoints)

    @property
    def v1_endpoints(self) -> Endpoints:
        """The same exchange for clients of WebSocket v1."""
        return self._background.read(lambda: self._simulator.v1_endpoints)

    @property
    def credentials(self) -> Credentials:
        """The key of the funded demo account."""
        return self._background.read(lambda: self._simulator.credentials)

    @property
    def accounts(self) -> Mapping[str, Account]:
        """Every account by its name."""
        return self._background.read(lambda: self._simulator.accounts)

    @property
    def received(self) -> tuple[Received, ...]:
        """Every order request that has reached the exchange so far."""
        return self._background.call(lambda: tuple(self._simulator.received))

    def fault(self, name: str, **parameters: Any) -> None:
        """Inject a fault, as `rxkraken.Simulator.fault` does."""
        self._background.call(lambda: self._simulator.fault(name, **parameters))
