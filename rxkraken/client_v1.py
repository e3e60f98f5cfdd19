"""`KrakenV1Client`: WebSocket v1 behind the same machinery, for those who have to stay with it (ws-v1 reference).

The façade is thin: connections, reconnecting, liveness, books, tickets and REST are those of `KrakenClient`; here is
what v1 names differently, what only v1 has, and nothing of what it lacks.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

from rxkraken.core_v1 import CoreV1
from rxkraken.errors import InvalidArgument, InvalidOrder, KrakenError
from rxkraken.settings import Endpoints
from rxkraken.streams import channels, channels_v1
from rxkraken.streams.policies import Buffer, Conflate
from rxkraken.trading.fields import AmendFields, EditFieldsV1, OrderFieldsV1

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rxkraken.books import Book
    from rxkraken.client import Outside
    from rxkraken.credentials import Credentials
    from rxkraken.models.market import Candle, Ticker
    from rxkraken.models.market_v1 import Spread, TradeV1
    from rxkraken.models.orders import (
        AmendOrderResult,
        CancelAllAfterResult,
        CancelAllResult,
        CancelOrderResult,
        EditOrderResult,
    )
    from rxkraken.models.status import Gap, Message, State, Status, Subscription, SystemStatus, Unknown
    from rxkraken.models.trading import Armed, Execution, OpenOrders, Tripped
    from rxkraken.rest import RestClient
    from rxkraken.rest.limits import Limits, LimitsState
    from rxkraken.settings import Settings
    from rxkraken.streams.once import Once
    from rxkraken.streams.scheduler import LoopScheduler
    from rxkraken.streams.stream import Stream
    from rxkraken.trading.order import Side
    from rxkraken.trading.prices import OrderType
    from rxkraken.trading.ticket import OrderTicket, Ticket


class KrakenV1Client:
    """Everything that Kraken's WebSocket v1 sends and takes, as observables; symbols are canonical (`BTC/USD`).

    Use it as `async with KrakenV1Client() as client:`. Streams, gaps, pulling, tickets and their errors are those of
    `KrakenClient`. Clients are independent of each other; make as many as you like, with a `name` for each.
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
        """Open nothing. Without `endpoints` it is the live exchange's v1; see `Endpoints.live_v1` and `beta_v1`.

        With `no_public` no public connection is ever opened, and asking for market data is an `InvalidArgument`.
        """
        self.name = name
        place = endpoints or Endpoints.live_v1()
        self._core = CoreV1(
            replace(place, public=None) if no_public else place,
            credentials,
            settings,
            validate_only=validate_only,
            limits=limits,
            outside=outside,
        )
        self._core.has_key = credentials is not None

    # --- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> Self:
        """Bind the client to the running event loop. Nothing is opened yet."""
        await self._core.start()
        return self

    async def aclose(self) -> None:
        """End everything, as `KrakenClient.aclose` does."""
        await self._core.aclose()

    async def __aenter__(self) -> Self:
        """Start."""
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()

    # --- channels -------------------------------------------------------------------------------------------------

    @overload
    def ticker(self, *symbols: str, gaps: Literal[False] = False) -> Stream[Ticker]: ...
    @overload
    def ticker(self, *symbols: str, gaps: Literal[True]) -> Stream[Ticker | Gap]: ...
    def ticker(self, *symbols: str, gaps: bool = False) -> Stream[Any]:
        """Top of book, last price and rolling 24 hours (ws-v1 reference section 5.1). A state stream.

        `change` is computed from the price of 24 hours ago; `timestamp` is None, since v1 tells none.
        """
        return self._core.stream(symbols, lambda symbol: channels.ticker_topic(symbol, "trades"), Conflate(), gaps=gaps)

    @overload
    def book(
        self, *symbols: str, depth: int = ..., checksum: str = ..., gaps: Literal[False] = False
    ) -> Stream[Book]: ...
    @overload
    def book(self, *symbols: str, depth: int = ..., checksum: str = ..., gaps: Literal[True]) -> Stream[Book | Gap]: ...
    def book(self, *symbols: str, depth: int = 10, checksum: str = "verify", gaps: bool = False) -> Stream[Any]:
        """Order books of `depth` levels a side: 10, 25, 100, 500 or 1000 (section 5.5). A state stream.

        A v1 snapshot has no checksum, so that with `checksum="verify"` the first book comes with the first update;
        `"flag"` emits it at once, with `verified` false.
        """
        return self._core.stream(
            symbols, lambda symbol: channels.book_topic(symbol, depth, checksum), Conflate(), gaps=gaps
        )

    @overload
    def ohlc(self, *symbols: str, interval: int = ..., gaps: Literal[False] = False) -> Stream[Candle]: ...
    @overload
    def ohlc(self, *symbols: str, interval: int = ..., gaps: Literal[True]) -> Stream[Candle | Gap]: ...
    def ohlc(self, *symbols: str, interval: int = 1, gaps: bool = False) -> Stream[Any]:
        """Candles of `interval` minutes: 1, 5, 15, 30, 60, 240, 1440, 10080 or 21600 (section 5.2). An event stream.

        It begins with the latest candle, however old; v1 has no history.
        """
        return self._core.stream(symbols, lambda symbol: channels.ohlc_topic(symbol, interval), Buffer(), gaps=gaps)

    @overload
    def trades(self, *symbols: str, gaps: Literal[False] = False) -> Stream[TradeV1]: ...
    @overload
    def trades(self, *symbols: str, gaps: Literal[True]) -> Stream[TradeV1 | Gap]: ...
    def trades(self, *symbols: str, gaps: bool = False) -> Stream[Any]:
        """Every trade from now on (section 5.3). An event stream; v1 numbers no trades, so that gaps stay open."""
        return self._core.stream(
            symbols, lambda symbol: channels.trade_topic(symbol, snapshot=False), Buffer(), gaps=gaps
        )

    @overload
    def spread(self, *symbols: str, gaps: Literal[False] = False) -> Stream[Spread]: ...
    @overload
    def spread(self, *symbols: str, gaps: Literal[True]) -> Stream[Spread | Gap]: ...
    def spread(self, *symbols: str, gaps: bool = False) -> Stream[Any]:
        """The best bid and ask on each change of one of them (section 5.4). A state stream."""
        return self._core.stream(symbols, channels_v1.spread_topic, Conflate(), gaps=gaps)

    @overload
    def own_trades(self, *, gaps: Literal[False]) -> Stream[Execution]: ...
    @overload
    def own_trades(self, *, gaps: Literal[True] = True) -> Stream[Execution | Gap]: ...
    def own_trades(self, *, gaps: bool = True) -> Stream[Any]:
        """Each fill of the account once; every subscriber gets the last 50 first, marked `snapshot` (section 7.2).

        An event stream of `Execution`s with `exec_type` "trade"; its `order` holds what v1 tells with a fill. After an
        interruption come a `Gap` and the fills that were missed, marked `repaired`. V1 repeats 50 of them; if there may
        have been more, `missed` of the gap is None, and `executions` finds them by REST. Needs credentials.
        """
        return self._core.own_trades(gaps=gaps)

    @overload
    def open_orders(self, *, gaps: Literal[False] = False) -> Stream[OpenOrders]: ...
    @overload
    def open_orders(self, *, gaps: Literal[True]) -> Stream[OpenOrders | Gap]: ...
    def open_orders(self, *, gaps: bool = False) -> Stream[Any]:
        """The open orders of the account after each change, merged from v1's partial updates (section 7.1).

        A state stream. After an interruption it goes on once the hole is closed. Needs credentials.
        """
        return self._core.open_orders(gaps=gaps)

    @overload
    def executions(self, *, ratecounter: bool = ..., gaps: Literal[False]) -> Stream[Execution]: ...
    @overload
    def executions(self, *, ratecounter: bool = ..., gaps: Literal[True] = True) -> Stream[Execution | Gap]: ...
    def executions(self, *, ratecounter: bool = False, gaps: bool = True) -> Stream[Any]:
        """Everything that happens to the orders of the account, merged from `openOrders` and `ownTrades`.

        V1 has no such channel; the events and their repair are those of `KrakenClient.executions`, and a hole in either
        channel is repaired as one in both. A fill is told once, and after its order has come into the market: until
        `openOrders` has said so the fill waits. After 2 s REST is asked, and after 12 s the fill is told of as much as
        is known. What was filled in all, and that an order is over, is told when `openOrders` says it, which may be
        before the last fills.
        """
        return self._core.all_executions(ratecounter=ratecounter, gaps=gaps)

    def dead_mans_switch(self, seconds: int) -> Stream[Armed | Tripped]:
        """Have the exchange cancel every order `seconds` after this program was last heard of (section 8.6)."""
        return self._core.dead_mans_switch(seconds)

    # --- what happens ---------------------------------------------------------------------------------------------

    @property
    def status(self) -> Stream[Status]:
        """Each change of a connection or subscription. A state stream."""
        return self._core.status

    @property
    def errors(self) -> Stream[KrakenError]:
        """What went wrong beside the data: refusals, subscribers that failed, defects. An event stream."""
        return self._core.errors

    @property
    def unknown(self) -> Stream[Unknown]:
        """Frames and values that this version does not know, with the raw text. An event stream."""
        return self._core.unknown

    @property
    def messages(self) -> Stream[Message]:
        """Every decoded frame of every connection; `Message.frame` is a list where v1 sends an array."""
        return self._core.messages

    @property
    def state(self) -> State:
        """How the connections are: the worst of theirs."""
        return self._core.state

    @property
    def system_status(self) -> SystemStatus | None:
        """The state of Kraken's engine, as last told on the public connection."""
        return self._core.system_status

    @property
    def subscriptions(self) -> list[Subscription]:
        """Every subscription: what is wanted, asked, live, and how many subscribers share it."""
        return self._core.subscriptions

    @property
    def scheduler(self) -> LoopScheduler:
        """The scheduler for RxPY's time operators: this client's event loop."""
        return self._core.scheduler

    @property
    def endpoints(self) -> Endpoints:
        """Where the exchange is."""
        return self._core.endpoints

    @property
    def rest(self) -> RestClient:
        """Every REST call of the spot API, with this client's credentials, rate counters, clock and lifetime."""
        return self._core.rest

    @property
    def limits(self) -> LimitsState:
        """Both rate counters as they are foreseen now."""
        return self._core.limits

    def send(self, request: Mapping[str, Any], *, private: bool = False) -> Once[Mapping[str, Any]]:
        """Send any request of v1, such as `{"event": "ping"}`: emits the reply with the same `reqid`, and completes.

        As `KrakenClient.send`; with `private=True` the token is put beside the fields (section 8).
        """
        return self._core.send(request, private=private)

    def reconnect(self) -> None:
        """Drop every connection now. They come back as after any loss: asked anew, repaired, with a `Gap`.

        For a program that knows of a change before the sockets do, such as another network. Nothing wanted is lost;
        orders that wait for their answer end in `OutcomeUnknown`.
        """
        self._core.reconnect()

    def ping(self) -> Once[float]:
        """Measure the round trip to the exchange on the public connection, in seconds."""
        return self._core.ping()

    # --- orders ---------------------------------------------------------------------------------------------------

    def add_order(self, symbol: str, side: Side, order_type: OrderType, **fields: Unpack[OrderFieldsV1]) -> OrderTicket:
        """Place an order (section 8.1); see `OrderFieldsV1`, and `KrakenClient.add_order` for what the ticket does."""
        given: dict[str, Any] = _known("add_order", fields, OrderFieldsV1)
        leverage = given.pop("leverage", None)
        if leverage is not None:
            given["extra"] = {**(given.get("extra") or {}), "leverage": str(leverage)}
        return self._core.add_order(symbol, side, order_type, **given)

    def amend_order(self, order_id: str | None = None, **fields: Unpack[AmendFields]) -> Ticket[AmendOrderResult]:
        """Change an order in place, named by `order_id` or `cl_ord_id` (section 8.2)."""
        return self._core.amend_order(order_id, **_known("amend_order", fields, AmendFields))

    def edit_order(self, order_id: str, symbol: str, **fields: Unpack[EditFieldsV1]) -> Ticket[EditOrderResult]:
        """Cancel an order and place a changed one with a new id (section 8.3). Prefer `amend_order`.

        A `price` without `trigger_price` is taken only for an order that is known to be a plain limit order: to v1 the
        same field is the trigger of every other type. Known are the orders of `open_orders` and those placed here.
        """
        if "price" in fields and "trigger_price" not in fields:
            self._check_is_limit(order_id)
        return self._core.edit_order(order_id, symbol, **_known("edit_order", fields, EditFieldsV1))

    def _check_is_limit(self, order_id: str) -> None:
        order = self._core.known_order(order_id)
        kind = None if order is None else order.order_type
        if kind not in ("limit", "iceberg"):
            told = "is not known here" if kind is None else f"is a {kind} order"
            raise InvalidOrder(
                f"edit_order with price alone: {order_id} {told}, and over v1 this would move the trigger of anything "
                "but a limit order; give trigger_price as well, or use amend_order"
            )

    def cancel_order(
        self,
        order_ids: str | Iterable[str] = (),
        *,
        cl_ord_ids: str | Iterable[str] = (),
        userrefs: int | Iterable[int] = (),
    ) -> Ticket[CancelOrderResult]:
        """Cancel orders by Kraken's ids, your ids, or tags (section 8.4); one request for each of them."""
        return self._core.cancel_order(order_ids, cl_ord_ids=cl_ord_ids, userrefs=userrefs)

    def cancel_all(self) -> Ticket[CancelAllResult]:
        """Cancel every open order of the account (section 8.5)."""
        return self._core.cancel_all()

    def cancel_all_orders_after(self, timeout: int) -> Ticket[CancelAllAfterResult]:
        """Have the exchange cancel everything in `timeout` seconds, unless it is told again; 0 calls it off (8.6)."""
        return self._core.cancel_all_orders_after(timeout)

    def __repr__(self) -> str:
        """Name the client, its endpoint and its state; never credentials."""
        place = self.endpoints.public or self.endpoints.auth
        return f"<KrakenV1Client {self.name} {place} {self.state}>"


def _known(method: str, fields: Any, kind: type) -> dict[str, Any]:
    known = kind.__annotations__
    unknown = sorted(set(fields) - set(known))
    if unknown:
        raise InvalidArgument(f"{method} over WebSocket v1 has no {', '.join(unknown)}; it has {', '.join(known)}")
    return dict(fields)
