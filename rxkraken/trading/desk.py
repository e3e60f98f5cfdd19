"""Sends order requests, each at most once, and says what became of them.

The way of a request: the market's rules (waited for if they are not here yet), the connection with its token, the rate
counters, the socket, the answer. Until the socket, a failure is `NotSent`; from there on it is Kraken's refusal, or
`OutcomeUnknown`. ws-v2 reference sections 5.1, 6 and 6.10.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

from reactivex.disposable import Disposable

from rxkraken.errors import (
    ClientClosed,
    InvalidArgument,
    KrakenError,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
)
from rxkraken.logs import logger
from rxkraken.models.orders import AddOrderResult
from rxkraken.protocol.kraken_errors import classify, outcome_unknown
from rxkraken.protocol.spot_v2 import Reply
from rxkraken.trading import results
from rxkraken.trading.charging import costs_of, settle
from rxkraken.trading.confirm import untold
from rxkraken.trading.reconcile import Departure, Reconciler
from rxkraken.trading.seed import as_requested, descriptions
from rxkraken.trading.sent import Sent
from rxkraken.trading.survey import Surveyor

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence

    from reactivex.abc import DisposableBase

    from rxkraken.errors import SubscriberFailed
    from rxkraken.models.market import Instrument
    from rxkraken.models.trading import Order
    from rxkraken.rest import RestClient
    from rxkraken.rest.limits import Limits
    from rxkraken.session.connection import Connection
    from rxkraken.session.world import World
    from rxkraken.settings import Settings
    from rxkraken.streams.account import ExecutionsFeed
    from rxkraken.streams.backlog import Backlog
    from rxkraken.streams.directory import Directory
    from rxkraken.trading.draft import Draft
    from rxkraken.trading.request import OrderRequest
    from rxkraken.trading.ticket import OrderTicket

log = logger("rxkraken.trading")
T = TypeVar("T")


class Desk:
    """One account's orders on one client."""

    def __init__(
        self,
        world: World,
        settings: Settings,
        *,
        connect: Callable[[], Connection],
        connected: Callable[[], Connection | None],
        follow: Callable[[], ExecutionsFeed | None],
        rest: Callable[[], RestClient],
        directory: Directory,
        limits: Limits,
        report: Callable[[SubscriberFailed], None],
        backlog: Backlog,
    ) -> None:
        """Open nothing yet. `connect` opens the private connection, `connected` finds it, `follow` the executions.

        While an answer is awaited, news wait in the `backlog`.
        """
        self.report = report
        self.survey = Surveyor(rest, world)
        self.world = world
        self.settings = settings
        self._connect = connect
        self._connected = connected
        self._follow = follow
        self._directory = directory
        self._limits = limits
        self._backlog = backlog
        self._tasks: set[asyncio.Task[None]] = set()
        self._timers: set[asyncio.TimerHandle] = set()
        self.closing = False

    def now(self) -> float:
        """Tell the Unix time on the exchange's clock, which is the one that judges deadlines."""
        connection = self._connected()
        return self.world.wall() if connection is None else connection.server_time

    # --- sending --------------------------------------------------------------------------------------------------

    def send(
        self,
        draft: Draft[T],
        ready: Callable[[OrderRequest], None],
        resolve: Callable[[T], None],
        reject: Callable[[Exception], None],
    ) -> None:
        """Make the request with the rules and time of now, and send it; at once if nothing has to be waited for."""
        try:
            if draft.refusal is not None:
                raise _not_sent(InvalidArgument(draft.refusal))
            connection = self._open(draft)
            feed = None if self.closing else self._feed()
        except KrakenError as error:
            reject(_not_sent(error))
            return

        def go(rules: Instrument | None) -> float | None:
            if self.closing and not draft.last:
                raise NotSent("nothing was sent: the client is closing")
            request = draft.make(rules, False)  # noqa: FBT003 - not a first look any more
            wait = self._wait_for_room(request)
            if wait is None:
                ready(request)
                _expect(feed, request)
                self._dispatch(connection, request, draft.read, resolve, reject)
            return wait

        instrument = self._rules(draft)
        if connection.is_ready and draft.after is None and (instrument is not None or draft.symbol is None):
            try:
                wait = go(instrument)
            except KrakenError as error:
                reject(error)
                return
            if wait is None:
                return
        unsent = NotSent("the client was closed before the request left")
        self.start(self._prepare(connection, draft, go, reject), lambda: reject(unsent))

    def start(self, work: Coroutine[Any, Any, None], cut_short: Callable[[], None]) -> None:
        """Run some work of ours until it ends; `cut_short` is called if the client is closed before."""
        task = self.world.loop.create_task(work, name="rxkraken order")
        self._tasks.add(task)

        def over(task: asyncio.Task[None]) -> None:
            self._tasks.discard(task)
            # Told here and not by the work itself: what is cancelled in its first moment never runs.
            if task.cancelled():
                cut_short()

        task.add_done_callback(over)

    async def aclose(self) -> None:
        """Give up what is still being prepared or reconciled, and what subscribers begin when they hear of it."""
        self.closing = True
        for timer in self._timers:
            timer.cancel()
        self._timers.clear()
        while self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)

    def _open(self, draft: Draft[Any]) -> Connection:
        if self.closing and not draft.last:
            raise ClientClosed("the client is closing")
        connection = self._connect()
        # Before the first connection there is something to wait for; a lost one is a reason not to trade.
        beginning = connection.router.epoch == 0 and connection.state in ("idle", "connecting")
        if not (connection.is_open or beginning):
            raise NotSent(f"the connection is {connection.state}")
        return connection

    def _rules(self, draft: Draft[Any]) -> Instrument | None:
        return None if draft.symbol is None else self._directory.get(draft.symbol)

    async def _prepare(
        self,
        connection: Connection,
        draft: Draft[Any],
        go: Callable[[Instrument | None], float | None],
        reject: Callable[[Exception], None],
    ) -> None:
        try:
            if draft.after is not None:
                await self._decided(draft.after)
            if draft.symbol is not None and self._rules(draft) is None:
                await self._wait_for(self._directory.when_known)
            await self.wait_ready(connection)
            while (wait := go(self._rules(draft))) is not None:
                await asyncio.sleep(wait)
                await self.wait_ready(connection)
        except InvalidArgument as error:
            reject(error)
        except RateLimited as error:
            reject(error)
        except KrakenError as error:
            reject(_not_sent(error))

    async def _decided(self, ticket: OrderTicket) -> None:
        """Wait until an order is acknowledged, since requests may overtake each other (section 6)."""
        if not ticket.begun:
            raise NotSent("the order it is about was not sent")
        try:
            result = await ticket
        except OutcomeUnknown:
            if ticket.cl_ord_id is None:
                raise
            return  # it may be there: its own id finds it
        except KrakenError as error:
            raise NotSent(f"there is no order: {error}") from error
        if not result.placed:
            raise NotSent("there is no order: it was only validated")

    async def _wait_for(self, register: Callable[[Callable[[], None]], None]) -> None:
        known: asyncio.Future[None] = self.world.loop.create_future()
        register(lambda: None if known.done() else known.set_result(None))
        try:
            async with asyncio.timeout(_PATIENCE):
                await known
        except TimeoutError:
            log.info("the rules of the market are not known; the exchange checks the order")

    async def wait_ready(self, connection: Connection) -> None:
        """Wait for a socket and a token; raises `NotSent`, or what prevents them."""
        if connection.is_ready:
            return
        future: asyncio.Future[None] = self.world.loop.create_future()

        def settled(error: Exception | None) -> None:
            if not future.done():
                future.set_result(None) if error is None else future.set_exception(error)

        connection.when_ready(settled)
        try:
            async with asyncio.timeout(self.settings.request_timeout):
                await future
        except TimeoutError:
            raise NotSent(f"no connection with a token within {self.settings.request_timeout:g} s") from None

    # --- rate counters --------------------------------------------------------------------------------------------

    def _wait_for_room(self, request: OrderRequest) -> float | None:
        """Charge the request; or return for how long it has to wait, or raise, as the policy says."""
        trading, now = self._limits.trading, self.world.loop.time()
        costs = costs_of(request, trading, now)
        missing = trading.wait(costs, now)
        if missing > _MOMENT and request.method not in _ALWAYS_PASS:
            text = f"{request.method}: the trading rate counter has room again in {missing:.2f} s"
            match self.settings.on_trading_limit:
                case "raise":
                    raise RateLimited(text, category="trading_rate_limit", wait=missing)
                case "wait":
                    log.debug("%s; waiting", text)
                    return missing
                case "warn":
                    log.warning("%s; sending it all the same", text)
        trading.charge(costs, now)
        return None

    # --- the wire ---------------------------------------------------------------------------------------------------

    def _dispatch(
        self,
        connection: Connection,
        request: OrderRequest,
        read: Callable[[Sequence[Mapping[str, Any]], OrderRequest], T],
        resolve: Callable[[T], None],
        reject: Callable[[Exception], None],
    ) -> None:
        def conclude(outcome: Sequence[Mapping[str, Any]] | Exception) -> None:
            if isinstance(outcome, Exception):
                self._note_refusal(request, outcome)
                reject(outcome)
                return
            try:
                result = read(outcome, request)
            except KrakenError as error:
                reject(self._unknown(request, str(error), error))
                return
            settle(request, result, self._limits.trading, self.world.loop.time())
            self._backlog.add(partial(self._introduce, request, result))
            resolve(result)

        def done(outcome: Sequence[Mapping[str, Any]] | Exception) -> None:
            try:
                conclude(outcome)
            finally:
                self._backlog.over()

        self._backlog.begin()
        Sent(self, connection, request, done).go()

    def _introduce(self, request: OrderRequest, result: object) -> None:
        """Let the account know what the new order is: reports about it may say little more than its id."""
        feed = self._feed()
        if feed is None:
            return
        if isinstance(result, AddOrderResult) and result.placed and feed.table.get(result.order_id) is None:
            feed.table.introduce(as_requested(request, result.order_id))

        def look() -> None:
            if feed.is_live:
                for order_id in untold(request, result, self.known):
                    feed.look_up(order_id)

        self._soon(look)

    def _note_refusal(self, request: OrderRequest, error: Exception) -> None:
        feed = self._feed()
        if feed is not None and isinstance(error, OrderRejected | NotSent):
            feed.table.expect_no_more(request.cl_ord_ids)
        if isinstance(error, OrderRejected) and error.category == "trading_rate_limit":
            now = self.world.loop.time()
            self._limits.trading.fill(costs_of(request, self._limits.trading, now), now)

    def judge(self, request: OrderRequest, answer: Reply | Exception) -> Exception | None:
        """Say which of the three outcomes an answer is: None for success, else the error."""
        match answer:
            case Reply(success=True):
                return None
            case Reply(error=text):
                text = text or "refused without a reason"
                if request.method == "batch_add" and results.batch_rows(answer.frame):
                    return None  # some orders of the batch may be placed: its rows say which (section 6.8)
                if outcome_unknown(text):
                    return self._unknown(request, text)
                category, retryable = classify(text)
                return OrderRejected(text, category=category, retryable=retryable)
            case NotSent():
                return _not_sent(answer)
            case _:
                return self._unknown(request, str(answer), answer)

    def _unknown(self, request: OrderRequest, why: str, cause: Exception | None = None) -> OutcomeUnknown:
        error = OutcomeUnknown(
            f"{request.method} was sent and its outcome is not known ({why}); "
            "do not send it again: `await ticket.resolve()` finds out",
            request.cl_ord_ids,
        )
        error.__cause__ = cause
        return error

    # --- what tickets ask ---------------------------------------------------------------------------------------------

    def reconcile(
        self,
        request: OrderRequest,
        departure: Departure,
        error: OutcomeUnknown,
        resolve: Callable[[Any], None],
        reject: Callable[[Exception], None],
    ) -> None:
        """Find out what became of a request with an unknown outcome."""
        reconciler = Reconciler(self, request, self._feed(), departure)
        self.start(reconciler.run(error, resolve, reject), lambda: reject(error))

    def departure(self, request: OrderRequest) -> Departure:
        """Note what is known of the account as a request leaves."""
        feed = self._feed()
        if feed is None:
            return Departure(self.now())
        named = (feed.table.by_cl_ord_id(own_id) for own_id in request.cl_ord_ids)
        namesakes = frozenset(order.order_id for order in named if order is not None)
        return Departure(self.now(), feed.interruptions if feed.is_live else -1, namesakes)

    def known(self, order_id: str | None, cl_ord_id: str | None) -> Order | None:
        """Find an order in the executions of the account, by Kraken's id if that is given."""
        feed = self._feed()
        return None if feed is None else feed.table.find(order_id, cl_ord_id)

    def order_of(self, ticket: OrderTicket) -> Order | None:
        """Find the order of a ticket."""
        placed, departure = ticket.result, ticket.departure
        if departure is None:
            return None
        known = self.known(placed.order_id if placed else None, ticket.cl_ord_id)
        return None if known is None or departure.is_namesake(known) else known

    def watch(self, follower: Any, place: str) -> DisposableBase:
        """Let a follower see the events of the account from now on."""
        try:
            feed = self._follow()
        except KrakenError as error:
            follower.on_error(error)
            return Disposable()
        if feed is None:
            return Disposable()
        return feed.watch(follower, place)

    def expect_news(self, order_id: str) -> None:
        """Ask for an order by REST if the executions still do not know it after a while."""

        def look() -> None:
            feed = self._feed()
            if feed is not None and feed.is_live and feed.table.get(order_id) is None:
                feed.look_up(order_id)

        self._soon(look)

    def _soon(self, look: Callable[[], None]) -> None:
        def due() -> None:
            self._timers.discard(timer)
            look()

        if not self.closing:
            timer = self.world.loop.call_later(_SOON, due)
            self._timers.add(timer)

    def _feed(self) -> ExecutionsFeed | None:
        try:
            return self._follow()
        except KrakenError:
            return None


def _expect(feed: ExecutionsFeed | None, request: OrderRequest) -> None:
    if feed is not None:
        for own_id, describe in descriptions(request).items():
            feed.table.expect(own_id, describe)


def _not_sent(error: Exception) -> NotSent:
    if isinstance(error, NotSent):
        return error
    problem = NotSent(f"nothing was sent: {error}")
    problem.retryable = getattr(error, "retryable", False)
    problem.__cause__ = error
    return problem


# How long an order waits for the rules of its market before it goes without our own check of them.
_PATIENCE: Final = 5.0
_SOON: Final = 2.0
# A counter decays in floats: waiting for the last thousandth of a second would only turn in circles.
_MOMENT: Final = 0.001
# "A batch cancel is still accepted when it passes the threshold" (section 6.10); nor is an emergency brake held back.
_ALWAYS_PASS: Final = frozenset({"batch_cancel", "cancel_all", "cancel_all_orders_after"})
