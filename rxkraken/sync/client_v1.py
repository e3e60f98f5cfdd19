"""`rk.sync.KrakenV1Client`: WebSocket v1 for blocking code, with the asynchronous client in a thread behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rxkraken.client_v1 import KrakenV1Client as Async
from rxkraken.sync.background import Background
from rxkraken.sync.common import BlockingClient, BlockingTickets
from rxkraken.sync.wrapping import blocking, order_ticketed, streaming, ticketed

if TYPE_CHECKING:
    from rxkraken.client import Outside
    from rxkraken.credentials import Credentials
    from rxkraken.rest.limits import Limits
    from rxkraken.settings import Endpoints, Settings


class KrakenV1Client(BlockingClient[Async]):
    """Everything that Kraken's WebSocket v1 sends and takes, for code that waits; symbols are canonical (`BTC/USD`).

    Use it as `with rk.sync.KrakenV1Client() as client:`, or call `start()` and `close()`. Life, threads, streams and
    tickets are those of `rk.sync.KrakenClient`. Clients are independent of each other, each with a thread of its own;
    make as many as you like, with a `name` for each.
    """

    def __init__(
        self,
        endpoints: Endpoints | None = None,
        credentials: Credentials | None = None,
        settings: Settings | None = None,
        *,
        name: str = "main",
        no_public: bool = False,
        validate_only: bool = False,
        limits: Limits | None = None,
        outside: Outside | None = None,
    ) -> None:
        """Check the arguments, which are those of `rxkraken.KrakenV1Client`; start nothing and open nothing."""
        client = Async(
            endpoints,
            credentials,
            settings,
            name=name,
            no_public=no_public,
            validate_only=validate_only,
            limits=limits,
            outside=outside,
        )
        background = Background(f"rxkraken sync v1 {name}", usage="rk.sync.KrakenV1Client() as client")
        report = client._core._report  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - two halves of one client
        super().__init__(client, background, report, f"KrakenV1Client {name}")
        self.name = name
        """What this client is called in `repr` and in the name of its thread."""
        self.tickets = TicketsV1(background, client, report)
        """The order methods once more, returning tickets, for those who want to send now and ask later."""

    # --- streams ------------------------------------------------------------------------------------------------------

    ticker = streaming(Async.ticker)
    book = streaming(Async.book)
    ohlc = streaming(Async.ohlc)
    trades = streaming(Async.trades)
    spread = streaming(Async.spread)
    own_trades = streaming(Async.own_trades)
    open_orders = streaming(Async.open_orders)
    executions = streaming(Async.executions)

    # --- requests -----------------------------------------------------------------------------------------------------

    add_order = blocking(Async.add_order)
    amend_order = blocking(Async.amend_order)
    edit_order = blocking(Async.edit_order)
    cancel_order = blocking(Async.cancel_order)
    cancel_all = blocking(Async.cancel_all)
    cancel_all_orders_after = blocking(Async.cancel_all_orders_after)
    ping = blocking(Async.ping)
    send = blocking(Async.send)


class TicketsV1(BlockingTickets[Async]):
    """The order methods of the client of v1, returning tickets: `client.tickets.add_order(...).send()`."""

    add_order = order_ticketed(Async.add_order)
    amend_order = ticketed(Async.amend_order)
    edit_order = ticketed(Async.edit_order)
    cancel_order = ticketed(Async.cancel_order)
    cancel_all = ticketed(Async.cancel_all)
    cancel_all_orders_after = ticketed(Async.cancel_all_orders_after)
