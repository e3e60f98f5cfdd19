"""`KrakenClient`: the façade people hold. Channels become streams, requests observables, and it owns their life."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar, overload

from reactivex.disposable import CompositeDisposable

from rxkraken.credentials import Credentials
from rxkraken.errors import InvalidArgument, KrakenError
from rxkraken.rest.limits import Limits
from rxkraken.session.asking import Asking
from rxkraken.session.link import AiohttpNetwork
from rxkraken.session.pool import Pool
from rxkraken.session.speech import SPOT_V2
from rxkraken.session.world import World
from rxkraken.settings import Endpoints, Settings
from rxkraken.streams import channels
from rxkraken.streams.directory import Directory
from rxkraken.streams.hub import Hub, Outlet
from rxkraken.streams.policies import Buffer, Conflate, Latest
from rxkraken.streams.scheduler import LoopScheduler
from rxkraken.streams.stream import Stream
from rxkraken.trading.account import Account, Wanted
from rxkraken.trading.methods import OrderMethods

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reactivex.abc import DisposableBase, ObserverBase

    from rxkraken.books import Book, OrderBook3
    from rxkraken.models.market import Candle, Instrument, Instruments, Ticker, Trade
    from rxkraken.models.status import Gap, Message, State, Status, Subscription, SystemStatus, Unknown
    from rxkraken.models.trading import Armed, Balances, Execution, OpenOrders, Order, Tripped
    from rxkraken.protocol.topics import Topic
    from rxkraken.rest import RestClient
    from rxkraken.rest.limits import LimitsState
    from rxkraken.session.speech import Speech
    from rxkraken.streams.feed import Feed
    from rxkraken.streams.once import Once
    from rxkraken.streams.policies import Policy
    from rxkraken.trading.desk import Desk

    Outside = Callable[[asyncio.AbstractEventLoop, Settings], World]

T = TypeVar("T")


class KrakenClient(OrderMethods):
    """Everything Kraken sends and takes, as observables.

    Use it as `async with KrakenClient() as client:`, or call `start()` and `aclose()`. Connections open when the first
    stream or request needs them, one for each role. Streams may be made, kept and combined before anything is open;
    they are subscribed from inside the event loop that runs the client, and deliver on that loop, never on a thread.

    Every channel method takes `gaps=True` to see interruptions as `Gap` values, in order, among the items.

    Account channels, level 3, orders and most of `rest` need `credentials`. Order methods return tickets: see
    `add_order`.
    """

    _speech: Speech = SPOT_V2

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
        """Open nothing. Without `endpoints` it is the live exchange; `outside` replaces clock and network in tests.

        With `validate_only` every order is only checked by Kraken, and what cannot be checked (amending, cancelling)
        is not sent. `limits` are the account's rate counters; share one `Limits` between clients of the same key.
        """
        _expect("endpoints", endpoints, Endpoints)
        _expect("credentials", credentials, Credentials)
        _expect("settings", settings, Settings)
        self._validate_only = validate_only
        self._limits = limits or Limits()
        self.endpoints = endpoints or Endpoints.live()
        self.settings = settings or Settings()
        self._outside = outside or _real_world
        self._directory = Directory()
        self._bound: Pool | None = None
        self._closing: asyncio.Task[None] | None = None
        self._following = False
        self._asking = Asking(self._bind, self._speech.dialect, self.settings.request_timeout, self._report)
        self._account = Account(
            self.endpoints,
            credentials,
            settings=self.settings,
            limits=self._limits,
            directory=self._directory,
            begin=self._bind,
        )

    # --- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> Self:
        """Bind the client to the running event loop. Nothing is opened yet."""
        self._bind()
        return self

    async def aclose(self) -> None:
        """End everything: wait for pending answers, unsubscribe, complete every stream, close the sockets.

        Takes at most about twice the settings' `close_timeout`. It may be called more than once, from several tasks,
        and from a task started inside a subscriber; every call returns when the client is closed.
        """
        pool = self._bind()
        if self._closing is None:
            self._account.close()
            pool.closing = True
            self._closing = pool.world.loop.create_task(self._close(pool), name="rxkraken close")
        await asyncio.shield(self._closing)

    async def __aenter__(self) -> Self:
        """Start."""
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        """Close."""
        await self.aclose()

    async def _close(self, pool: Pool) -> None:
        self._directory.release()
        try:
            await pool.aclose()
        finally:
            await self._account.aclose()

    # --- channels -------------------------------------------------------------------------------------------------

    @overload
    def ticker(
        self, *symbols: str, trigger: Literal["trades", "bbo"] = ..., gaps: Literal[False] = False
    ) -> Stream[Ticker]: ...
    @overload
    def ticker(
        self, *symbols: str, trigger: Literal["trades", "bbo"] = ..., gaps: Literal[True]
    ) -> Stream[Ticker | Gap]: ...
    def ticker(self, *symbols: str, trigger: Literal["trades", "bbo"] = "trades", gaps: bool = False) -> Stream[Any]:
        """Top of book, last price and rolling 24 hours (ws-v2 reference section 3.1).

        A state stream: a late subscriber gets the current `Ticker` of each symbol at once. Emits on each trade, or with
        `trigger="bbo"` on each change of the best bid or ask. Pulled with `async for`, the newest of each symbol waits.
        """
        return self._stream(symbols, lambda symbol: channels.ticker_topic(symbol, trigger), Conflate(), gaps=gaps)

    @overload
    def book(
        self, *symbols: str, depth: int = ..., checksum: str = ..., gaps: Literal[False] = False
    ) -> Stream[Book]: ...
    @overload
    def book(self, *symbols: str, depth: int = ..., checksum: str = ..., gaps: Literal[True]) -> Stream[Book | Gap]: ...
    def book(self, *symbols: str, depth: int = 10, checksum: str = "verify", gaps: bool = False) -> Stream[Any]:
        """Order books of `depth` levels a side: 10, 25, 100, 500 or 1000 (ws-v2 reference sections 3.2 and 4).

        A state stream: a late subscriber gets the current `Book` of each symbol at once. Emits once for each message of
        the exchange, after its checksum held; a mismatch fetches that book anew and is told on `status`.
        `checksum="flag"` emits books that failed as well, with `verified` false; `"off"` does not check.
        Pulled with `async for`, the newest book of each symbol waits.
        """
        return self._stream(symbols, lambda symbol: channels.book_topic(symbol, depth, checksum), Conflate(), gaps=gaps)

    @overload
    def ohlc(self, *symbols: str, interval: int = ..., gaps: Literal[False] = False) -> Stream[Candle]: ...
    @overload
    def ohlc(self, *symbols: str, interval: int = ..., gaps: Literal[True]) -> Stream[Candle | Gap]: ...
    def ohlc(self, *symbols: str, interval: int = 1, gaps: bool = False) -> Stream[Any]:
        """Candles of `interval` minutes: 1, 5, 15, 30, 60, 240, 1440, 10080 or 21600 (ws-v2 reference section 3.4).

        An event stream: the first subscriber gets Kraken's history (`Candle.snapshot` true), then the running candle
        on each trade; later subscribers get what comes from then on. A candle is final when one with a later
        `interval_begin` arrives. Pulled with `async for`, 10,000 wait and an `Overflow` marks what was dropped.
        """
        return self._stream(symbols, lambda symbol: channels.ohlc_topic(symbol, interval), Buffer(), gaps=gaps)

    @overload
    def trades(self, *symbols: str, snapshot: bool = ..., gaps: Literal[False] = False) -> Stream[Trade]: ...
    @overload
    def trades(self, *symbols: str, snapshot: bool = ..., gaps: Literal[True]) -> Stream[Trade | Gap]: ...
    def trades(self, *symbols: str, snapshot: bool = False, gaps: bool = False) -> Stream[Any]:
        """Every trade once, in order (ws-v2 reference section 3.5).

        An event stream: late subscribers get what comes from then on. With `snapshot=True` the first subscriber gets
        the last 50 trades first. After an interruption those same 50 fill the hole as far as they reach, without a
        duplicate; `Gap.missed` counts the rest. Pulled with `async for`, 10,000 wait and an `Overflow` marks what was
        dropped.
        """

        def topic_of(symbol: str) -> Topic:
            return channels.trade_topic(symbol, snapshot=snapshot)

        return self._stream(symbols, topic_of, Buffer(), gaps=gaps)

    def instruments(
        self, *, include_tokenized_assets: bool = False, execution_venue: str | None = None, gaps: bool = False
    ) -> Stream[Instruments]:
        """Everything that is traded, its digits, increments, minimums and status (ws-v2 reference section 3.6).

        A state stream: the whole table, at once to late subscribers and again on each change.
        """
        topic = channels.instrument_topic(
            include_tokenized_assets=include_tokenized_assets, execution_venue=execution_venue
        )
        return Stream(str(topic), lambda observer, place: self._attach([topic], observer, place, gaps=gaps), Latest())

    # --- the account ------------------------------------------------------------------------------------------------

    @overload
    def level3(
        self, *symbols: str, depth: int = ..., checksum: str = ..., gaps: Literal[False] = False
    ) -> Stream[OrderBook3]: ...
    @overload
    def level3(
        self, *symbols: str, depth: int = ..., checksum: str = ..., gaps: Literal[True]
    ) -> Stream[OrderBook3 | Gap]: ...
    def level3(self, *symbols: str, depth: int = 10, checksum: str = "verify", gaps: bool = False) -> Stream[Any]:
        """Books of single orders, `depth` price levels a side: 10, 100 or 1000 (ws-v2 reference sections 3.3 and 4.2).

        A state stream, verified, renewed and marked like `book`; its checksum covers the order of each queue as well.
        Needs credentials. Pulled with `async for`, the newest book of each symbol waits.
        """

        def topic_of(symbol: str) -> Topic:
            return channels.level3_topic(symbol, depth, checksum)

        return self._stream(symbols, topic_of, Conflate(), gaps=gaps)

    @overload
    def executions(
        self,
        *,
        snap_orders: bool = ...,
        snap_trades: bool = ...,
        order_status: bool = ...,
        ratecounter: bool = ...,
        gaps: Literal[False],
    ) -> Stream[Execution]: ...
    @overload
    def executions(
        self,
        *,
        snap_orders: bool = ...,
        snap_trades: bool = ...,
        order_status: bool = ...,
        ratecounter: bool = ...,
        gaps: Literal[True] = True,
    ) -> Stream[Execution | Gap]: ...
    def executions(
        self,
        *,
        snap_orders: bool = True,
        snap_trades: bool = False,
        order_status: bool = True,
        ratecounter: bool = False,
        gaps: bool = True,
    ) -> Stream[Any]:
        """Everything that happens to the orders of the account, whole and once (ws-v2 reference section 5.2).

        An event stream of `Execution`, each with the complete `order` after it, however little the exchange sent. A
        subscriber that asks for it, early or late, gets the open orders first (`snap_orders`) and the latest fills
        (`snap_trades`, at most 50), marked `snapshot=True`. `order_status=False` leaves only "new", "filled",
        "canceled" and "expired"; `ratecounter=True` fills in `Execution.rate_count`.

        After an interruption the hole is closed from the new snapshot and by REST before anything else is emitted:
        a `Gap` in order among the items (unless `gaps=False`), then what had happened meanwhile, marked `repaired`;
        no fill twice, none missing where `Gap.missed` is 0. Needs credentials. Errors: `SubscriptionRejected`,
        `PermissionRefused` and their like. Pulled with `async for`, 10,000 wait and one more fails with `Overflowed`.
        """
        wanted = Wanted(snap_orders, snap_trades, order_status, ratecounter)
        return self._account.executions(wanted, gaps=gaps)

    @overload
    def balances(self, *, snapshot: bool = ..., gaps: Literal[False]) -> Stream[Balances]: ...
    @overload
    def balances(self, *, snapshot: bool = ..., gaps: Literal[True] = True) -> Stream[Balances | Gap]: ...
    def balances(self, *, snapshot: bool = True, gaps: bool = True) -> Stream[Any]:
        """The balances of the account, every asset in each item (ws-v2 reference section 5.3).

        A state stream: late subscribers get the current `Balances` at once, unless `snapshot=False`, with which only
        changes are emitted. A fill changes two assets, in two items. What open orders hold is not told here: see
        `rest.balance_ex()`. Needs credentials. Pulled with `async for`, the newest waits.
        """
        return self._account.balances(snapshot=snapshot, gaps=gaps)

    @overload
    def open_orders(self, *, gaps: Literal[False] = False) -> Stream[OpenOrders]: ...
    @overload
    def open_orders(self, *, gaps: Literal[True]) -> Stream[OpenOrders | Gap]: ...
    def open_orders(self, *, gaps: bool = False) -> Stream[Any]:
        """The open orders of the account after each change, as one mapping by `order_id`.

        A state stream: late subscribers get the current `OpenOrders` at once; none while an interruption is being
        repaired. Needs credentials. Pulled with `async for`, the newest waits.
        """
        return self._account.open_orders(gaps=gaps)

    def dead_mans_switch(self, seconds: int) -> Stream[Armed | Tripped]:
        """Have the exchange cancel every order of the account `seconds` after this program was last heard of.

        Subscribing arms it (ws-v2 reference section 6.7), and it is refreshed each third of `seconds` (5 to 86,399)
        for as long as anyone is subscribed; the last one to leave disarms it, and so does an orderly close of the
        client. Emits `Armed` after each confirmation, and `Tripped` when it could not be refreshed in time, so that
        all orders must be taken as cancelled; it goes on trying and emits `Armed` again when it succeeds. A state
        stream. One switch at a time: other `seconds` while one is armed are an `InvalidArgument`. Needs credentials.
        """
        return self._account.dead_mans_switch(seconds, self.cancel_all_orders_after)

    @property
    def rest(self) -> RestClient:
        """Every REST call of the spot API. It shares this client's credentials, rate counters, clock and lifetime."""
        self._bind()
        return self._account.rest

    @property
    def limits(self) -> LimitsState:
        """Both rate counters as they are foreseen now: the key's for REST, and those for orders, by pair."""
        return self._limits.state(self._bind().world.loop.time())

    # --- what happens -----------------------------------------------------------------------------------------------

    @property
    def status(self) -> Stream[Status]:
        """Each change of a connection or subscription. A state stream: the latest change comes at once."""
        return self._side_stream("status", lambda pool: pool.statuses, Buffer(), current=lambda pool: [pool.status])

    @property
    def errors(self) -> Stream[KrakenError]:
        """What went wrong beside the data: subscribers that failed, refusals, defects. An event stream."""
        return self._side_stream("errors", lambda pool: pool.errors, Buffer())

    @property
    def unknown(self) -> Stream[Unknown]:
        """Frames, fields and values that this version does not know, with the raw text. An event stream."""
        return self._side_stream("unknown", lambda pool: pool.unknowns, Buffer())

    @property
    def messages(self) -> Stream[Message]:
        """Every decoded frame of every connection, for people who filter themselves. An event stream.

        It opens no connection and subscribes to nothing by itself.
        """
        return self._side_stream("messages", lambda pool: pool.messages, Buffer())

    @property
    def state(self) -> State:
        """How the connections are: the worst of theirs, or "idle" while none was needed."""
        if self._bound is None:
            return "idle"
        if self._bound.closing:
            return "closed"
        states = {connection.state for connection in self._bound.connections.values()}
        worst: State | None = next((state for state in _WORST_FIRST if state in states), None)
        return worst or "idle"

    @property
    def connection_id(self) -> int | None:
        """Kraken's own number of the public connection, once it has told it."""
        system = self._public_system()
        return system.connection_id if system else None

    @property
    def system_status(self) -> SystemStatus | None:
        """The state of Kraken's engine, as last told on the public connection."""
        return self._public_system()

    @property
    def subscriptions(self) -> list[Subscription]:
        """Every subscription: what is wanted, asked, live, and how many subscribers share it."""
        return self._bound.table() if self._bound else []

    @property
    def scheduler(self) -> LoopScheduler:
        """The scheduler for RxPY's time operators: this client's event loop. Their own default would start threads."""
        world = self._bind().world
        return LoopScheduler(world.loop, world.wall())

    # --- requests ---------------------------------------------------------------------------------------------------

    def ping(self) -> Once[float]:
        """Measure the round trip to the exchange on the public connection: emits its seconds and completes.

        Sent at the first subscribe or await. Errors: `RequestTimeout`, `LinkLost`, `ClientClosed`.
        """
        return self._asking.ping()

    def send(self, request: Mapping[str, Any], *, private: bool = False) -> Once[Mapping[str, Any]]:
        """Send any request: emits the reply with the same `req_id` as a dict, and completes.

        The escape hatch for what this library does not offer (ws-v2 reference section 2.1). It goes out on the public
        connection, or with `private=True` on that of the account, with the token in its `params`; no rate counter is
        charged. `req_id` is ours; your mapping is not changed. Subscriptions made this way are not renewed after a
        reconnect; their frames come on `messages`. Errors: `RequestRejected` with Kraken's text, `NotSent`,
        `RequestTimeout` and `LinkLost`, after which it may have been carried out, `ClientClosed`, `MissingCredentials`.
        """
        return self._asking.send(request, private=private)

    def reconnect(self) -> None:
        """Drop every connection now. They come back as after any loss: asked anew, repaired, with a `Gap`.

        For a program that knows of a change before the sockets do, such as another network. Nothing wanted is lost;
        orders that wait for their answer end in `OutcomeUnknown`.
        """
        if self._bound is not None:
            for connection in list(self._bound.connections.values()):
                connection.abandon("the program asked to reconnect")

    def __repr__(self) -> str:
        """Name the endpoint and the state; never credentials."""
        return f"<KrakenClient {self.endpoints.public or self.endpoints.auth} {self.state}>"

    # --- inside -----------------------------------------------------------------------------------------------------

    def _bind(self) -> Pool:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            raise RuntimeError(
                "no event loop is running here; subscribe and await inside `async def main()` under asyncio.run(main())"
            ) from None
        if self._bound is None:
            self._bound = Pool(self.endpoints, self.settings, self._outside(loop, self.settings), self._speech)
            self._bound.explain_refusals(self._directory.explain)
            self._account.bind(self._bound)
        elif self._bound.world.loop is not loop:
            raise RuntimeError("this client belongs to another event loop; make one client for each loop")
        return self._bound

    def _report(self, failure: Any) -> None:
        self._bind().report(failure)

    def _check_may_trade(self) -> None:
        self._account.check_key()

    def _desk(self) -> Desk:
        self._follow_instruments(self._bind())
        return self._account.desk

    def _wall(self) -> float:
        return self._account.desk.now() if self._bound is not None else time.time()

    def _rules(self, symbol: str) -> Instrument | None:
        return self._directory.get(symbol)

    def _known_order(self, order_id: str | None, cl_ord_id: str | None) -> Order | None:
        return self._account.known_order(order_id, cl_ord_id)

    def _stream(
        self, symbols: Sequence[str], topic_of: Callable[[str], Topic], policy: Policy, *, gaps: bool
    ) -> Stream[Any]:
        if not symbols:
            raise InvalidArgument("no symbol given; name at least one, such as 'BTC/USD'")
        if any(isinstance(symbol, list | tuple | set) for symbol in symbols):
            raise InvalidArgument(f"symbols={symbols!r}: give separate arguments, such as ('BTC/USD', 'ETH/USD')")
        if not isinstance(gaps, bool):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise InvalidArgument(f"gaps={gaps!r} is not allowed; choose True or False")
        topics = list(dict.fromkeys(topic_of(self._directory.resolve(symbol)) for symbol in symbols))
        name = f"{topics[0].channel} {' '.join(str(topic.symbol) for topic in topics)}"
        return Stream(name, lambda observer, place: self._attach(topics, observer, place, gaps=gaps), policy)

    def _attach(self, topics: list[Topic], observer: ObserverBase[Any], place: str, *, gaps: bool) -> DisposableBase:
        pool = self._bind()
        self._follow_instruments(pool)
        for topic in topics:
            if topic.symbol is not None:
                self._directory.resolve(topic.symbol)
        feeds = [pool.feed(topic, lambda topic=topic: self._make(pool, topic)) for topic in topics]
        return channels.attach(feeds, observer, place, gaps=gaps)

    def _make(self, pool: Pool, topic: Topic) -> Feed:
        instrument = self._directory.get(topic.symbol) if topic.symbol else None
        return channels.make_feed(topic, pool, pool.report, instrument)

    def _follow_instruments(self, pool: Pool) -> None:
        if self._following or pool.closing:
            return
        self._following = True
        topic = channels.instrument_topic()
        feed = pool.feed(topic, lambda: self._make(pool, topic))
        stream: Stream[Instruments] = Stream(
            "instruments", lambda observer, place: feed.subscribe(observer, place, gaps=False), Latest()
        )
        stream.subscribe(
            lambda table: self._directory.update(table, pool.feeds.values()),
            lambda _: self._directory.release(),
            self._directory.release,
        )

    def _side_stream(
        self,
        name: str,
        hub_of: Callable[[Pool], Hub[T]],
        policy: Policy,
        current: Callable[[Pool], Sequence[T]] = lambda _: (),
    ) -> Stream[T]:
        def attach(observer: ObserverBase[T], place: str) -> DisposableBase:
            pool = self._bind()
            for item in current(pool):
                observer.on_next(item)
            if pool.is_closed:
                observer.on_completed()
                return CompositeDisposable()
            return hub_of(pool).add(Outlet(observer, place))

        return Stream(name, attach, policy)

    def _public_system(self) -> SystemStatus | None:
        connection = self._bound.connections.get("public") if self._bound else None
        return connection.system if connection else None


_WORST_FIRST: tuple[State, ...] = ("closed", "lost", "connecting", "maintenance", "online")


def _real_world(loop: asyncio.AbstractEventLoop, settings: Settings) -> World:
    return World(loop, AiohttpNetwork(settings))


def _expect(name: str, value: object, kind: type) -> None:
    if value is not None and not isinstance(value, kind):
        raise InvalidArgument(f"{name}={value!r} is not allowed; give a rxkraken.{kind.__name__}")
