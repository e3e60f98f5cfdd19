"""What the blocking clients of both dialects share: their life, what happens to them, and how they see a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Self, TypeVar

from rxkraken.client import KrakenClient
from rxkraken.client_v1 import KrakenV1Client
from rxkraken.streams.policies import Buffer, as_policy
from rxkraken.streams.stream import Stream as AsyncStream
from rxkraken.sync.rest import RestClient
from rxkraken.sync.stream import DeadMansSwitch, Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactivex import Observable

    from rxkraken.errors import KrakenError, SubscriberFailed
    from rxkraken.models.status import Message, State, Status, Subscription, SystemStatus, Unknown
    from rxkraken.rest.limits import LimitsState
    from rxkraken.settings import Endpoints
    from rxkraken.streams.policies import Policy
    from rxkraken.streams.scheduler import LoopScheduler
    from rxkraken.sync.background import Background

T = TypeVar("T")
AnyClient = TypeVar("AnyClient", KrakenClient, KrakenV1Client)


class BlockingClient(Generic[AnyClient]):
    """An asynchronous client in a background thread; each dialect adds its channels, its requests and its tickets."""

    def __init__(
        self, client: AnyClient, background: Background, report: Callable[[SubscriberFailed], None], title: str
    ) -> None:
        """Start nothing yet. `report` tells `client`, on the loop, of a failed subscriber; `title` is for `repr`."""
        self._client = client
        self._background = background
        self._report = report
        self._title = title
        self.endpoints: Endpoints = client.endpoints
        """Where the exchange is."""
        self.rest = RestClient(background, lambda: client.rest)
        """Every REST call of the spot API, blocking: `client.rest.balance()`."""

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

    def stream(self, source: Observable[T], policy: Policy | str | None = None) -> Stream[T]:
        """Look at any observable from here, such as one composed of `client.book("BTC/USD").observable` and others.

        Its operators run on the client's own thread. Without a policy, a stream of the client keeps its own; of others
        10,000 items wait and an `Overflow` marks what had to be dropped.
        """
        own = isinstance(source, AsyncStream)
        name, kept = (source.name, source.policy) if own else (type(source).__name__, Buffer())
        chosen = kept if policy is None else as_policy(policy)
        return Stream(self._background, source, chosen, name=name, report=self._report)

    def dead_mans_switch(self, seconds: int) -> DeadMansSwitch:
        """Have the exchange cancel every order of the account `seconds` after this program was last heard of.

        `with client.dead_mans_switch(60):` arms it, keeps it armed from the background (ws-v2 reference section 6.7,
        ws-v1 reference section 8.6), and disarms it when the block is left. Its `state` is the latest `Armed` or
        `Tripped`. Needs credentials.
        """
        source = self._client.dead_mans_switch(seconds)
        return DeadMansSwitch(self._background, source, source.policy, name=source.name, report=self._report)

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

    def reconnect(self) -> None:
        """Drop every connection now. They come back as after any loss: asked anew, repaired, with a `Gap`.

        For a program that knows of a change before the sockets do, such as another network. Nothing wanted is lost;
        orders that wait for their answer end in `OutcomeUnknown`.
        """
        self._background.call(self._client.reconnect)

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
        place = self.endpoints.public or self.endpoints.auth
        return f"<rxkraken.sync.{self._title} {place} {self._background.stage}>"

    # --- inside -----------------------------------------------------------------------------------------------------

    def _target(self) -> AnyClient:
        return self._client


class BlockingTickets(Generic[AnyClient]):
    """The order methods of a client, returning tickets; each dialect lists its own."""

    def __init__(self, background: Background, client: AnyClient, report: Callable[[SubscriberFailed], None]) -> None:
        """Make tickets of `client`, which lives on the loop of `background`."""
        self._background = background
        self._client = client
        self._report = report

    def _target(self) -> AnyClient:
        return self._client
