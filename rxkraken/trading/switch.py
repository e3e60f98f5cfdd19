"""The dead man's switch, kept armed: refreshed well before it fires, every ack checked, disarmed in an orderly end.

`cancel_all_orders_after` is account-wide and outlives the connection (ws-v2 reference section 6.7): whoever cannot
refresh it in time must assume that the exchange has cancelled everything.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from reactivex.disposable import Disposable

from rxkraken.errors import ClientClosed, InvalidArgument, KrakenError, NotSent, OrderRejected, RequestTimeout
from rxkraken.logs import logger
from rxkraken.models.trading import Armed, Tripped
from rxkraken.streams.hub import Hub, Outlet

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from reactivex.abc import DisposableBase, ObserverBase

    from rxkraken.errors import SubscriberFailed
    from rxkraken.models.orders import CancelAllAfterResult
    from rxkraken.session.world import World

log = logger("rxkraken.trading")


class Switch:
    """One account's switch, shared by everyone who wants it, for as long as anyone does."""

    def __init__(
        self,
        seconds: int,
        world: World,
        *,
        arm: Callable[[int], Awaitable[CancelAllAfterResult]],
        report: Callable[[SubscriberFailed], None],
        at_close: Callable[[Callable[[], Awaitable[None]]], Callable[[], None]],
        over: Callable[[], None],
    ) -> None:
        """`arm` sends one request; `at_close` has something done at the client's end; `over` hears of the end."""
        self.seconds = seconds
        self.hub: Hub[Any] = Hub("dead_mans_switch", report)
        self._world = world
        self._arm = arm
        self._at_close = at_close
        self._over = over
        self._latest: Armed | Tripped | None = None
        self._may_be_armed = False
        self._task: asyncio.Task[None] | None = None
        self._forget_close: Callable[[], None] = _nothing

    def subscribe(self, observer: ObserverBase[Any], place: str) -> DisposableBase:
        """Keep the switch armed as long as this subscriber stays; it gets the current state at once."""
        if self._latest is not None:
            observer.on_next(self._latest)
        outlet: Outlet[Any] = Outlet(observer, place)
        self.hub.add(outlet)
        if self._task is None:
            self._forget_close = self._at_close(self._end)
            self._task = self._world.loop.create_task(self._keep_armed(), name="rxkraken switch")
        return Disposable(lambda: self._leave(outlet))

    def _leave(self, outlet: Outlet[Any]) -> None:
        self.hub.remove(outlet)
        if not self.hub.outlets and self._task is not None:
            self._forget_close()
            self._over()
            self._task.cancel()

    async def _end(self) -> None:
        """Disarm for an orderly close, and wait until that is certain or has failed."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self.hub.complete()

    async def _keep_armed(self) -> None:
        fires_at: float | None = None
        try:
            while True:
                sent_at = self._world.loop.time()
                before, self._may_be_armed = self._may_be_armed, True
                try:
                    async with asyncio.timeout(None if fires_at is None else max(_LEAST_WAIT, fires_at - sent_at)):
                        result = await self._arm(self.seconds)
                except TimeoutError:
                    fires_at = self._missed(fires_at, RequestTimeout("no reply in time"))
                    continue
                except KrakenError as error:
                    if isinstance(error, InvalidArgument | OrderRejected | NotSent):
                        self._may_be_armed = before
                        # A client that closes ends the switch in good order by itself.
                        if not (error.retryable or isinstance(error.__cause__, ClientClosed)):
                            self._fail(error)
                            return
                    fires_at = self._missed(fires_at, error)
                    await asyncio.sleep(self._pause_after_failure(fires_at))
                    continue
                # Counted from before it was sent: the exchange's own count began later, so ours ends first.
                fires_at = sent_at + self.seconds
                self._tell(Armed(result.current_time, result.trigger_time, self.seconds, self._world.wall()))
                await asyncio.sleep(self.seconds * _REFRESH)
        finally:
            await self._disarm()

    def _missed(self, fires_at: float | None, error: KrakenError) -> float | None:
        log.warning("the dead man's switch was not refreshed: %s", error)
        if fires_at is not None and self._world.loop.time() >= fires_at:
            self._tell(Tripped(self._world.wall(), f"not refreshed for {self.seconds} s: {error}"))
            return None
        return fires_at

    def _pause_after_failure(self, fires_at: float | None) -> float:
        pause = min(_RETRY, self.seconds * _REFRESH / 2)
        if fires_at is None:
            return pause
        return max(0.0, min(pause, fires_at - self._world.loop.time()))

    async def _disarm(self) -> None:
        if not self._may_be_armed:
            return
        try:
            async with asyncio.timeout(_LONGEST_GOODBYE):
                await self._arm(0)
        except (KrakenError, TimeoutError) as error:
            log.warning("the dead man's switch could not be disarmed and will fire: %s", error)

    def _fail(self, error: KrakenError) -> None:
        if isinstance(self._latest, Armed):
            # Nobody can refresh it any more, nor call it off: it will fire.
            self._tell(Tripped(self._world.wall(), f"cannot be refreshed any more: {error}"))
        self._forget_close()
        self._over()
        self._task = None
        self.hub.fail(error)

    def _tell(self, state: Armed | Tripped) -> None:
        self._latest = state
        self.hub.emit(state)


def checked_seconds(seconds: object) -> int:
    """Return the whole seconds of a switch; `InvalidArgument` outside of what Kraken and a network allow."""
    if isinstance(seconds, bool) or not isinstance(seconds, int) or not _LEAST <= seconds <= _MOST:
        raise InvalidArgument(
            f"seconds={seconds!r} is not allowed; give whole seconds from {_LEAST} to {_MOST}, such as 60"
        )
    return seconds


def _nothing() -> None:
    """Undo nothing."""


_LEAST: Final = 5
_MOST: Final = 86_399
# "Practice: timeout 60, renew every 15 to 30 s" (section 6.7).
_REFRESH: Final = 1 / 3
_RETRY: Final = 1.0
_LEAST_WAIT: Final = 0.5
_LONGEST_GOODBYE: Final = 2.0
