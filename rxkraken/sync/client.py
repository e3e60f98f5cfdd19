"""`rk.sync.KrakenClient`: the client for blocking code, with the asynchronous one in a thread behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rxkraken.client import KrakenClient as Async
from rxkraken.sync.background import Background
from rxkraken.sync.common import BlockingClient, BlockingTickets
from rxkraken.sync.wrapping import blocking, order_ticketed, streaming, ticketed

if TYPE_CHECKING:
    from rxkraken.client import Outside
    from rxkraken.credentials import Credentials
    from rxkraken.rest.limits import Limits
    from rxkraken.settings import Endpoints, Settings


class KrakenClient(BlockingClient[Async]):
    """Everything Kraken sends and takes, for code that waits: streams are iterated, requests are plain calls.

    Use it as `with rk.sync.KrakenClient() as client:`, or call `start()` and `close()`. One background thread runs an
    event loop with the asynchronous client in it, so this works in scripts, in notebooks and beside a running loop, and
    may be used from several threads. Whoever forgets to close it has it closed when the interpreter exits.

    Account channels, level 3, orders and most of `rest` need `credentials`.
    """

    def __init__(
        self,
        endpoints: Endpoints | None = None,
        credentials: Credentials | None = None,
        settings: Settings | None = None,
        *,
        validate_only: bool = False,
        limits: Limits | None = None,
        outside: Outside | None = None,
    ) -> None:
        """Check the arguments, which are those of `rxkraken.KrakenClient`; start nothing and open nothing."""
        client = Async(endpoints, credentials, settings, validate_only=validate_only, limits=limits, outside=outside)
        report = client._report  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - two halves of one client
        super().__init__(client, Background("rxkraken sync"), report, "KrakenClient")
        self.settings = client.settings
        """How patient it is."""
        self.tickets = Tickets(self._background, client, report)
        """The order methods once more, returning tickets, for those who want to send now and ask later."""

    # --- streams ------------------------------------------------------------------------------------------------------

    ticker = streaming(Async.ticker)
    book = streaming(Async.book)
    ohlc = streaming(Async.ohlc)
    trades = streaming(Async.trades)
    instruments = streaming(Async.instruments)
    level3 = streaming(Async.level3)
    executions = streaming(Async.executions)
    balances = streaming(Async.balances)
    open_orders = streaming(Async.open_orders)

    # --- requests -----------------------------------------------------------------------------------------------------

    add_order = blocking(Async.add_order)
    batch_add = blocking(Async.batch_add)
    amend_order = blocking(Async.amend_order)
    edit_order = blocking(Async.edit_order)
    cancel_order = blocking(Async.cancel_order)
    batch_cancel = blocking(Async.batch_cancel)
    cancel_all = blocking(Async.cancel_all)
    cancel_all_orders_after = blocking(Async.cancel_all_orders_after)
    ping = blocking(Async.ping)
    send = blocking(Async.send)

    @property
    def connection_id(self) -> int | None:
        """Kraken's own number of the public connection, once it has told it."""
        return self._background.read(lambda: self._client.connection_id)


class Tickets(BlockingTickets[Async]):
    """The order methods of the client, returning tickets: `client.tickets.add_order(...).send()`."""

    add_order = order_ticketed(Async.add_order)
    batch_add = ticketed(Async.batch_add)
    amend_order = ticketed(Async.amend_order)
    edit_order = ticketed(Async.edit_order)
    cancel_order = ticketed(Async.cancel_order)
    batch_cancel = ticketed(Async.batch_cancel)
    cancel_all = ticketed(Async.cancel_all)
    cancel_all_orders_after = ticketed(Async.cancel_all_orders_after)
