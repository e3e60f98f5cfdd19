"""The type people hold: an RxPY observable that can also be pulled, awaited for its first item, and told a policy."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

from reactivex import Observable
from reactivex import operators as ops

from rxkraken.streams.place import place_of_caller
from rxkraken.streams.policies import as_policy
from rxkraken.streams.pulling import Pull

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase

    from rxkraken.streams.policies import Policy

T_co = TypeVar("T_co", covariant=True)


class Stream(Observable[T_co]):
    """A hot, shared source. Making one does nothing; subscribing to it, in any of three ways, does.

    - `stream.pipe(...).subscribe(...)`: pushed, on the client's event loop, as every RxPY observable.
    - `async for item in stream`: pulled, with this stream's default policy for slow consumers (`rxkraken.policies`);
      `stream.pull(policy)` chooses another.
    - `await stream.first()`: one item.

    Awaiting a stream itself (`await stream`) waits for its last item, as RxPY defines it: data streams end only when
    the client is closed.
    """

    def __init__(
        self,
        name: str,
        attach: Callable[[ObserverBase[T_co], str], DisposableBase],
        policy: Policy,
    ) -> None:
        """`attach` connects an observer, subscribed at the place given, and returns how to leave again."""
        super().__init__()
        self._name = name
        self._attach = attach
        self._policy = policy

    @property
    def name(self) -> str:
        """The channel, symbols and parameters, as `repr` and the errors of subscribers tell them: "book BTC/USD"."""
        return self._name

    @property
    def policy(self) -> Policy:
        """What is kept for a slow consumer that names no policy of its own (`rxkraken.policies`)."""
        return self._policy

    def _subscribe_core(self, observer: ObserverBase[T_co], scheduler: SchedulerBase | None = None) -> DisposableBase:
        del scheduler
        return self._attach(observer, place_of_caller())

    def __aiter__(self) -> Pull[T_co]:
        """Pull with this stream's default policy."""
        return Pull(self, self._policy)

    def pull(self, policy: Policy | str) -> Pull[T_co]:
        """Pull with another policy: `rk.latest()`, `rk.conflate(key)`, `rk.buffer(n)`, `rk.fail(n)`, or its name."""
        return Pull(self, as_policy(policy))

    async def first(self, *, timeout: float | None = None) -> T_co:  # noqa: ASYNC109  # pyright: ignore[reportIncompatibleMethodOverride] - awaitable, unlike RxPY's fluent operator
        """Wait for one item and leave. A state stream that is live answers at once. Raises `TimeoutError`."""
        return await first(self, timeout=timeout)

    def run(self, scheduler: SchedulerBase | None = None) -> T_co:
        """Refuse to block the event loop that would have to deliver the items."""
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return super().run(scheduler)
        remedy = "use `await stream.first()` or `async for`"
        raise RuntimeError(f"{self._name}.run() would block the event loop that feeds it; {remedy}")

    def __repr__(self) -> str:
        """Name the channel, symbols and parameters."""
        return f"<Stream {self._name}>"


async def first(source: Observable[Any], *, timeout: float | None = None) -> Any:  # noqa: ASYNC109 - as above
    """Wait for the first item of any observable and leave it."""
    async with asyncio.timeout(timeout), Pull(source.pipe(ops.take(1)), as_policy("latest")) as items:
        async for item in items:
            return item
    raise LookupError("the stream ended before its first item")


def aiter(source: Observable[T_co], policy: Policy | str | None = None) -> Pull[T_co]:  # noqa: A001 - it is the builtin's idea, used as rk.aiter
    """Pull any observable with `async for`, for example a piped stream.

    Without a policy a buffer of 10,000 items is kept and an `Overflow` marks what had to be dropped.
    """
    return Pull(source, as_policy(policy if policy is not None else "buffer"))
