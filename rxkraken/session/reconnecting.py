"""An operator that never lets a lost link end the stream: it says so, waits, and connects again.

RxPY has no retry with a delay, and `share().retry()` never recovers. This one passes everything of its source on, turns
a lost link into a `Lost` value, and ends only when connecting again cannot help.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from reactivex import Observable
from reactivex.disposable import CompositeDisposable, SerialDisposable

from rxkraken.errors import ConnectRefused, LinkLost, RetriesExhausted
from rxkraken.session.link import Opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from reactivex.abc import DisposableBase, ObserverBase, SchedulerBase

    from rxkraken.session.pacing import ConnectBudget
    from rxkraken.settings import Settings

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Connecting:
    """An attempt begins."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The link is gone, or could not be made; the next attempt begins in `retry_in` seconds."""

    error: LinkLost
    retry_in: float


class Timers(Protocol):
    """The loop's clock and timers, as far as an operator needs them."""

    def time(self) -> float:
        """Seconds on a monotonic clock."""
        ...

    def call_later(self, delay: float, callback: Callable[[], object], /) -> Any:
        """Call back later; the handle has `cancel()`."""
        ...


class Backoff:
    """Full jitter below a doubling ceiling, which falls back only after a connection was stable for a while.

    Sources: ws-v2 reference section 1.9; promise 16 of the design. A busy exchange (503) is left alone for some
    seconds at least, one that says "too many" (429) for as long as the settings allow.
    """

    def __init__(self, settings: Settings, uniform: Callable[[float, float], float]) -> None:
        """`uniform(low, high)` draws the jitter."""
        self.failures = 0
        self._settings = settings
        self._uniform = uniform
        self._opened_at: float | None = None

    def opened(self, now: float) -> None:
        """Note that an attempt succeeded."""
        self._opened_at = now

    def lost(self, now: float, error: LinkLost) -> float:
        """Count a lost connection and tell how long to wait."""
        if self._opened_at is not None and now - self._opened_at >= self._settings.backoff_reset:
            self.failures = 0
        self._opened_at = None
        self.failures += 1
        highest = self._settings.backoff_max
        ceiling = min(highest, self._settings.backoff_base * 2.0 ** min(self.failures - 1, 60))
        match error:
            case ConnectRefused(status=429):
                return self._uniform(highest / 2, highest)
            case ConnectRefused(status=503):
                floor = min(_BUSY_PAUSE, highest)
                return self._uniform(floor, max(floor, ceiling))
            case _:
                return self._uniform(0.0, ceiling)


_BUSY_PAUSE = 5.0


def reconnecting(
    settings: Settings, timers: Timers, budget: ConnectBudget, uniform: Callable[[float, float], float]
) -> Callable[[Observable[Opened | T]], Observable[Opened | Lost | Connecting | T]]:
    """Resubscribe to a link whenever it is lost.

    Emits `Connecting` before each attempt, then what the link emits, then `Lost` with the pause until the next
    attempt. Fails with the `LinkLost` that is `fatal`, or with `RetriesExhausted` after `max_attempts` failures in a
    row. State is born in `subscribe`: each subscriber has its own link.
    """

    def operator(source: Observable[Opened | T]) -> Observable[Opened | Lost | Connecting | T]:
        def subscribe(
            observer: ObserverBase[Opened | Lost | Connecting | T], scheduler: SchedulerBase | None = None
        ) -> DisposableBase:
            backoff = Backoff(settings, uniform)
            link = SerialDisposable()
            timer = SerialDisposable()
            attempts = 0

            def attempt() -> None:
                nonlocal attempts
                attempts += 1
                observer.on_next(Connecting(attempts))
                link.disposable = source.subscribe(on_next, on_error, scheduler=scheduler)

            def attempt_within_budget(delay: float) -> float:
                now = timers.time()
                at = budget.reserve(now, delay)
                timer.disposable = _Cancelling(timers.call_later(at - now, attempt))
                return at - now

            def on_next(item: Opened | T) -> None:
                nonlocal attempts
                if type(item) is Opened:
                    attempts = 0
                    backoff.opened(timers.time())
                observer.on_next(item)

            def on_error(error: Exception) -> None:
                if not isinstance(error, LinkLost) or error.fatal:
                    observer.on_error(error)
                elif settings.max_attempts is not None and attempts >= settings.max_attempts:
                    exhausted = RetriesExhausted(f"gave up after {attempts} failed connects; the last: {error}")
                    exhausted.__cause__ = error
                    observer.on_error(exhausted)
                else:
                    observer.on_next(Lost(error, attempt_within_budget(backoff.lost(timers.time(), error))))

            attempt_within_budget(0.0)
            return CompositeDisposable(timer, link)

        return Observable(subscribe)

    return operator


class _Cancelling:
    """A timer handle as a disposable."""

    def __init__(self, handle: Any) -> None:
        self._handle = handle

    def dispose(self) -> None:
        self._handle.cancel()
