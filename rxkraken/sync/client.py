"""`rk.sync.KrakenClient`: the client for blocking code, with the asynchronous one in a thread behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeVar

from rxkraken.client import KrakenClient as Async
from rxkraken.streams.policies import Buffer, as_policy
from rxkraken.streams.stream import Stream as AsyncStream
from rxkraken.sync.background import Background
from rxkraken.sync.rest import RestClient
from rxkraken.sync.stream import DeadMansSwitch, Stream
from rxkraken.sync.wrapping import blocking, order_ticketed, streaming, ticketed

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactivex import Observable

    from rxkraken.client import Outside
    from rxkraken.credentials import Credentials
    from rxkraken.errors import KrakenError, SubscriberFailed
    from rxkraken.models.status import Message, State, Status, Subscription, SystemStatus, Unknown
    from rxkraken.rest.limits import Limits, LimitsState
    from rxkraken.settings import Endpoints, Settings
    from rxkraken.streams.policies import Policy
    from rxkraken.streams.scheduler import LoopScheduler

T = TypeVar("T")


class KrakenClient:
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
        self._client = Async(
            endpoints, credentials, settings, validate_only=validate_only, limits=limits, outside=outside
        )
        self._background = Background("rxkraken sync")
        self.endpoints = self._client.endpoints
        self.settings = self._client.settings
        self.rest = RestClient(self._background, lambda: self._client.rest)
        """Every REST call of the spot API, blocking: `client.rest.balance()`."""
        self.tickets = Tickets(self._background, self._client, self._report)
        """The order methods once more, returning tickets, for those who want to send now and ask later."""

    # --- life -----------------------------------------------------------------------------------------------------

    def start(self) -> Self:
        """Start the thread. Nothing is opened yet; connections open when the first stream or request needs them."""
        self._background.start(self._client)
        return self

    def close(self) -> None:
        """End everything: wait for pending answers, unsubscribe, end every stream, close the sockets, end the thread.

        Takes at most about twice the settings' `close_timeout`. It may be called more than once and from any thread; in
        a callback on the client's own thread it returns at once and the end follows.
        """
        self._background.close()

    def __enter__(self) -> Self:
        """Start."""
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

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

    def dead_mans_switch(self, seconds: int) -> DeadMansSwitch:
        """Have the exchange cancel every order of the account `seconds` after this program was last heard of.

        `with client.dead_mans_switch(60):` arms it, keeps it armed from the background (ws-v2 reference section 6.7),
        and disarms it when the block is left. Its `state` is the latest `Armed` or `Tripped`. Needs credentials.
        """
        source = self._client.dead_mans_switch(seconds)
        name, policy = _kept_of(source)
        return DeadMansSwitch(self._background, source, policy, name=name, report=self._report)

    def stream(self, source: Observable[T], policy: Policy | str | None = None) -> Stream[T]:
        """Look at any observable from here, such as one composed of `client.book("BTC/USD").observable` and others.

        Its operators run on the client's own thread. Without a policy, a stream of the client keeps its own; of others
        10,000 items wait and an `Overflow` marks what had to be dropped.
        """
        name, kept = _kept_of(source) if isinstance(source, AsyncStream) else (type(source).__name__, Buffer())
        chosen = kept if policy is None else as_policy(policy)
        return Stream(self._background, source, chosen, name=name, report=self._report)

    @property
    def status(self) -> Stream[Status]:
        """Each change of a connection or subscription. A state stream: the latest change comes at once."""
        return self.stream(self._client.status)

    @property
    def errors(self) -> Stream[KrakenError]:
        """What went wrong beside the data: subscribers that failed, refusals, defects. An event stream."""
        return self.stream(self._client.errors)

    @property
    def unknown(self) -> Stream[Unknown]:
        """Frames, fields and values that this version does not know, with the raw text. An event stream."""
        return self.stream(self._client.unknown)

    @property
    def messages(self) -> Stream[Message]:
        """Every decoded frame of every connection, for people who filter themselves. An event stream."""
        return self.stream(self._client.messages)

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

    # --- what happens -----------------------------------------------------------------------------------------------

    @property
    def limits(self) -> LimitsState:
        """Both rate counters as they are foreseen now: the key's for REST, and those for orders, by pair."""
        return self._background.call(lambda: self._client.limits)

    @property
    def state(self) -> State:
        """How the connections are: the worst of theirs, or "idle" while none was needed."""
        return self._background.read(lambda: self._client.state)

    @property
    def connection_id(self) -> int | None:
        """Kraken's own number of the public connection, once it has told it."""
        return self._background.read(lambda: self._client.connection_id)

    @property
    def system_status(self) -> SystemStatus | None:
        """The state of Kraken's engine, as last told on the public connection."""
        return self._background.read(lambda: self._client.system_status)

    @property
    def subscriptions(self) -> list[Subscription]:
        """Every subscription: what is wanted, asked, live, and how many subscribers share it."""
        return self._background.read(lambda: self._client.subscriptions)

    @property
    def scheduler(self) -> LoopScheduler:
        """The scheduler for time operators in what is composed for `stream`: the loop of the background thread."""
        return self._background.call(lambda: self._client.scheduler)

    def __repr__(self) -> str:
        """Name the endpoint and how far its life is; never credentials. Waits for nothing."""
        return f"<rxkraken.sync.KrakenClient {self.endpoints.public or self.endpoints.auth} {self._background.stage}>"

    # --- inside -----------------------------------------------------------------------------------------------------

    def _target(self) -> Async:
        return self._client

    def _report(self, failure: SubscriberFailed) -> None:
        self._client._report(failure)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - two halves of one client


class Tickets:
    """The order methods of the client, returning tickets: `client.tickets.add_order(...).send()`."""

    def __init__(self, background: Background, client: Async, report: Callable[[SubscriberFailed], None]) -> None:
        """Make tickets of `client`, which lives on the loop of `background`."""
        self._background = background
        self._client = client
        self._report = report

    add_order = order_ticketed(Async.add_order)
    batch_add = ticketed(Async.batch_add)
    amend_order = ticketed(Async.amend_order)
    edit_order = ticketed(Async.edit_order)
    cancel_order = ticketed(Async.cancel_order)
    batch_cancel = ticketed(Async.batch_cancel)
    cancel_all = ticketed(Async.cancel_all)
    cancel_all_orders_after = ticketed(Async.cancel_all_orders_after)

    def _target(self) -> Async:
        return self._client


def _kept_of(source: AsyncStream[Any]) -> tuple[str, Policy]:
    """Find the name and the policy of a stream."""
    return source._name, source._policy  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - this is its other face
