"""A stream for blocking code: iterated, asked for its first item, or listened to with callbacks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Self, TypeVar

from reactivex import operators as ops

from rxkraken.errors import InvalidArgument
from rxkraken.models.trading import Armed, Tripped
from rxkraken.streams.place import place_of_caller
from rxkraken.streams.policies import Latest, as_policy
from rxkraken.sync.background import checked_seconds
from rxkraken.sync.delivering import Subscriber, Subscription, check_scheduler
from rxkraken.sync.pulling import Pull

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactivex import Observable

    from rxkraken.errors import SubscriberFailed
    from rxkraken.streams.policies import Policy
    from rxkraken.sync.background import Background
    from rxkraken.sync.delivering import Scheduler

T = TypeVar("T")


class Stream(Generic[T]):
    """A hot, shared source, seen from blocking code. Making one does nothing; using it, in any of three ways, does.

    - `for item in stream`: pulled, with this stream's default policy for slow consumers (`rxkraken.policies`);
      `stream.pull(policy, timeout=5)` chooses another, and how long to wait for an item.
    - `stream.first(timeout=5)`: one item.
    - `stream.subscribe(print)`: pushed, on the client's thread or another.

    `observable` is the RxPY observable behind it, for operators: compose it, then `client.stream(composed)`.
    """

    def __init__(
        self,
        background: Background,
        source: Observable[T],
        policy: Policy,
        *,
        name: str,
        report: Callable[[SubscriberFailed], None],
    ) -> None:
        """Look at `source`, which lives on the loop of `background`; `report` hears of subscribers that failed."""
        self._background = background
        self._source = source
        self._policy = policy
        self._name = name
        self._report = report

    def __iter__(self) -> Pull[T]:
        """Pull with this stream's default policy."""
        return self.pull()

    def pull(self, policy: Policy | str | None = None, *, timeout: float | None = None) -> Pull[T]:
        """Pull with another policy: `rk.latest()`, `rk.conflate(key)`, `rk.buffer(n)`, `rk.fail(n)`, or its name.

        With `timeout` seconds without an item `next()` raises `TimeoutError`; the iterator may be used further.
        """
        chosen = self._policy if policy is None else as_policy(policy)
        return Pull(self._background, self._source, chosen, timeout=checked_seconds(timeout), name=self._name)

    def first(self, *, timeout: float | None = None) -> T:
        """Wait for one item and leave. A state stream that is live answers at once. Raises `TimeoutError`.

        `LookupError` says that the stream ended before its first item.
        """
        self._background.refuse_to_block(f"waiting for {self._name}")
        one = self._source.pipe(ops.take(1))
        with Pull(self._background, one, Latest(), timeout=checked_seconds(timeout), name=self._name) as items:
            for item in items:
                return item
        raise LookupError(f"{self._name} ended before its first item")

    def subscribe(
        self,
        on_next: Callable[[T], object] | None = None,
        on_error: Callable[[Exception], object] | None = None,
        on_completed: Callable[[], object] | None = None,
        *,
        thread: Scheduler | None = None,
        policy: Policy | str | None = None,
    ) -> Subscription[T]:
        """Have callbacks called for each item, for the error that ends the stream, or at its end.

        By default on the client's own thread, where they must not block. `thread` is a `concurrent.futures.Executor`,
        or a function that has a job done elsewhere, such as `loop.call_soon_threadsafe` or Tk's `root.after_idle`: the
        callbacks are called there one at a time and in order, and a `policy` says what is kept meanwhile.

        A callback that raises, and an error without an `on_error`, end this subscription alone and are told on
        `client.errors` and the log, with the line that subscribed.
        """
        subscriber = Subscriber(on_next, on_error, on_completed, self._name, place_of_caller(), self._report)
        subscription = Subscription(self._background, subscriber)
        if thread is not None:
            check_scheduler(thread)
            subscription.listen_on(thread, self._source, self._policy if policy is None else as_policy(policy))
        elif policy is None:
            subscription.listen_here(self._source)
        else:
            raise InvalidArgument(f"policy={policy!r}: nothing waits on the client's own thread; give a thread as well")
        return subscription

    @property
    def observable(self) -> Observable[T]:
        """The observable behind it, on the client's own thread: compose it, then `client.stream(composed)`."""
        return self._source

    def __repr__(self) -> str:
        """Name the channel, symbols and parameters."""
        return f"<rxkraken.sync.{type(self).__name__} {self._name}>"


class DeadMansSwitch(Stream[Armed | Tripped]):
    """The dead man's switch as a context manager: armed when the block is entered, disarmed when it is left.

    It is a stream too, of `Armed` and `Tripped`, armed for as long as somebody iterates or listens.
    """

    _held: Pull[Armed | Tripped] | None = None
    _state: Armed | Tripped | None = None

    def __enter__(self) -> Self:
        """Arm it; returns when the exchange has confirmed it, and raises what prevents it for good."""
        self._held = held = self.pull(Latest())
        try:
            self._state = next(held)
        except BaseException:
            held.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        """Disarm it, unless somebody else still holds it."""
        if self._held is not None:
            self._held.close()
            self._held = None

    @property
    def state(self) -> Armed | Tripped | None:
        """The latest that is known; None outside of the block. Raises what ended the switch for good."""
        if self._held is None:
            return None
        self._state = self._held.poll() or self._state
        return self._state
