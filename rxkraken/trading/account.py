"""One client's account: its REST client, its streams, its orders and its switch, and what ends with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from reactivex.disposable import Disposable

from rxkraken.account.balances import BalanceReducer
from rxkraken.errors import ClientClosed, InvalidArgument, MissingCredentials, SubscriptionRejected
from rxkraken.rest import RestClient
from rxkraken.streams import channels
from rxkraken.streams.account import BalancesFeed, ExecutionsFeed, ExecutionsView, OpenOrdersView
from rxkraken.streams.backlog import Backlog
from rxkraken.streams.policies import Fail, Latest
from rxkraken.streams.stream import Stream
from rxkraken.trading.desk import Desk
from rxkraken.trading.mending import RestMender
from rxkraken.trading.switch import Switch, checked_seconds

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reactivex.abc import DisposableBase, ObserverBase

    from rxkraken.credentials import Credentials
    from rxkraken.models.orders import CancelAllAfterResult
    from rxkraken.models.trading import Armed, Order, Tripped
    from rxkraken.protocol.topics import Topic
    from rxkraken.rest.limits import Limits
    from rxkraken.session.pool import Pool
    from rxkraken.settings import Endpoints, Settings
    from rxkraken.streams.directory import Directory
    from rxkraken.streams.feed import Feed


class Wanted(NamedTuple):
    """What a subscriber of executions wants to see."""

    snap_orders: bool
    snap_trades: bool
    order_status: bool
    ratecounter: bool


class Account:
    """Everything private of one client. `bind` gives it the world it works in."""

    def __init__(
        self,
        endpoints: Endpoints,
        credentials: Credentials | None,
        *,
        settings: Settings,
        limits: Limits,
        directory: Directory,
        begin: Callable[[], Pool],
    ) -> None:
        """Open nothing yet. `begin` binds the client to the running loop, if it is not yet, and gives its pool."""
        self._begin = begin
        self._endpoints = endpoints
        self._credentials = credentials
        self._settings = settings
        self._limits = limits
        self._directory = directory
        self._rest: RestClient | None = None
        self._pool: Pool | None = None
        self._switch: Switch | None = None
        self._followed: ExecutionsFeed | None = None
        # Since when the key is known not to see its orders, and in which words that was told.
        self._blind: tuple[float, Exception] | None = None

    # --- life -----------------------------------------------------------------------------------------------------

    def bind(self, pool: Pool) -> None:
        """Work on these connections from now on."""
        self._pool = pool
        self._backlog = Backlog(pool.world.loop, pool.on_defect)
        self._mender = RestMender(lambda: self.rest, pool.world.loop, self._settings.request_timeout)
        self.desk = Desk(
            pool.world,
            self._settings,
            connect=lambda: pool.connections.get("auth") or pool.role("auth"),
            connected=lambda: pool.connections.get("auth"),
            follow=self._follow,
            rest=lambda: self.rest,
            directory=self._directory,
            limits=self._limits,
            report=pool.report,
            backlog=self._backlog,
        )
        pool.learn_threshold = self._limits.learn_threshold
        if self._credentials is not None:
            pool.lease_tokens(self._fetch_token)

    def close(self) -> None:
        """Take no new orders."""
        if self._pool is not None:
            self.desk.closing = True
            self._backlog.close()

    async def aclose(self) -> None:
        """End what is still under way, and the REST client last."""
        await self.desk.aclose()
        await self._mender.aclose()
        if self._endpoints.rest is not None:
            await self.rest.aclose()  # even if there was none: a later one would never be closed

    @property
    def rest(self) -> RestClient:
        """The REST client, made when first needed."""
        if self._rest is None:
            world = self._begin().world
            self._rest = RestClient(
                self._credentials,
                endpoints=self._endpoints,
                settings=self._settings,
                session=world.http,
                limits=self._limits,
                on_rest_limit=self._settings.on_rest_limit,
                on_trading_limit=self._settings.on_trading_limit,
                clock=world.wall,
                monotonic=world.loop.time,
                random=lambda: world.uniform(0.0, 1.0),
            )
        return self._rest

    def check_key(self) -> None:
        """Raise `MissingCredentials` if there is no key to trade with."""
        if self._credentials is None:
            raise MissingCredentials("orders need an API key; give credentials=Credentials.from_env()")

    async def _fetch_token(self) -> tuple[str, float]:
        answer = await self.rest.get_websockets_token()
        return answer.token, float(answer.expires)

    # --- streams --------------------------------------------------------------------------------------------------

    def executions(self, wanted: Wanted, *, gaps: bool) -> Stream[Any]:
        """Describe the stream of executions."""
        _check_flags({**wanted._asdict(), "gaps": gaps})

        def attach(observer: ObserverBase[Any], place: str) -> DisposableBase:
            feed = self._executions()
            view = ExecutionsView(observer, **wanted._asdict())
            for event in feed.opening():
                view.on_next(event)
            return feed.subscribe(_as_observer(view), place, gaps=gaps)

        return Stream("executions", attach, Fail())

    def open_orders(self, *, gaps: bool) -> Stream[Any]:
        """Describe the stream of open orders."""
        _check_flags({"gaps": gaps})

        def attach(observer: ObserverBase[Any], place: str) -> DisposableBase:
            feed = self._executions()
            view = OpenOrdersView(observer, feed)
            view.tell()
            return feed.subscribe(_as_observer(view), place, gaps=gaps)

        return Stream("open_orders", attach, Latest())

    def balances(self, *, snapshot: bool, gaps: bool) -> Stream[Any]:
        """Describe the stream of balances."""
        _check_flags({"snapshot": snapshot, "gaps": gaps})

        def attach(observer: ObserverBase[Any], place: str) -> DisposableBase:
            feed = self._find(channels.balances_topic(), self._make_balances)
            whom = observer if snapshot else _as_observer(_OnlyChanges(observer))
            return feed.subscribe(whom, place, gaps=gaps)

        return Stream("balances", attach, Latest())

    def dead_mans_switch(
        self, seconds: int, arm: Callable[[int], Awaitable[CancelAllAfterResult]]
    ) -> Stream[Armed | Tripped]:
        """Describe the dead man's switch, kept armed by `arm`."""
        checked_seconds(seconds)

        def attach(observer: ObserverBase[Any], place: str) -> DisposableBase:
            pool = self._begin()
            if pool.closing:
                observer.on_error(ClientClosed("the client is closed; no switch can be armed"))
                return Disposable()
            if self._switch is None:
                self._switch = Switch(
                    seconds, pool.world, arm=arm, report=pool.report, at_close=pool.before_closing,
                    over=self._forget_switch,
                )  # fmt: skip
            if self._switch.seconds != seconds:
                held = self._switch.seconds
                observer.on_error(InvalidArgument(f"seconds={seconds}: the switch is armed with {held} seconds"))
                return Disposable()
            return self._switch.subscribe(observer, place)

        return Stream(f"dead_mans_switch {seconds}", attach, Latest())

    def known_order(self, order_id: str | None, cl_ord_id: str | None) -> Order | None:
        """Find an order among those that the executions have told of."""
        if self._followed is None:
            return None
        table = self._followed.table
        return table.described(order_id) if order_id else table.find(None, cl_ord_id)

    # --- inside ---------------------------------------------------------------------------------------------------

    def _find(self, topic: Topic, make: Callable[[Pool], Feed]) -> Feed:
        pool = self._begin()
        return pool.feed(topic, lambda: make(pool))

    def _forget_switch(self) -> None:
        self._switch = None

    def _executions(self) -> ExecutionsFeed:
        return cast("ExecutionsFeed", self._find(channels.executions_topic(), self._make_executions))

    def _make_executions(self, pool: Pool) -> ExecutionsFeed:
        topic = channels.executions_topic()
        return ExecutionsFeed(topic, pool, pool.report, self._mender, self._learn, backlog=self._backlog)

    def _make_balances(self, pool: Pool) -> BalancesFeed:
        return BalancesFeed(channels.balances_topic(), pool, pool.report, BalanceReducer())

    def _learn(self, symbol: str, rate_count: float) -> None:
        self._limits.trading.told(symbol, rate_count, self._begin().world.loop.time())

    def _follow(self) -> ExecutionsFeed | None:
        """Follow the executions for as long as the client lives: orders are reconciled by them.

        A key that may not see its orders is tried again now and then, not with every order.
        """
        if self._blind is not None and self._begin().world.loop.time() - self._blind[0] < _BLIND_FOR:
            raise self._blind[1]
        if self._followed is not None and self._pool is not None and not self._pool.closing:
            return self._followed  # asked several times an order; when it ends, `_lost_sight` hears of it
        self._followed = feed = self._executions()
        feed.keep(_as_observer(_Nobody(self._lost_sight)), "rxkraken")
        return feed

    def _lost_sight(self, error: Exception | None) -> None:
        self._followed = None
        is_refusal = isinstance(error, SubscriptionRejected)
        self._blind = (self._begin().world.loop.time(), error) if is_refusal else None


_BLIND_FOR = 60.0


class _OnlyChanges:
    """An observer of balances that does not want to know what they were before."""

    def __init__(self, observer: ObserverBase[Any]) -> None:
        self.on_error = observer.on_error
        self.on_completed = observer.on_completed
        self.dispose = getattr(observer, "dispose", lambda: None)
        self._next = observer.on_next

    def on_next(self, item: Any) -> None:
        if not getattr(item, "snapshot", False):
            self._next(item)


class _Nobody:
    """Keeps a feed going without looking at it."""

    def __init__(self, over: Callable[[Exception | None], None]) -> None:
        self._over = over

    def on_next(self, item: Any) -> None:
        """Look away."""

    def on_error(self, error: Exception) -> None:
        """Follow no more: the key may not see its orders. Placing them may be possible all the same."""
        self._over(error)

    def on_completed(self) -> None:
        """End with the client."""
        self._over(None)


def _as_observer(view: Any) -> ObserverBase[Any]:
    # An observer by its methods; RxPY's base class would put more calls around each item.
    return cast("ObserverBase[Any]", view)


def _check_flags(flags: dict[str, Any]) -> None:
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise InvalidArgument(f"{name}={value!r} is not allowed; choose True or False")
