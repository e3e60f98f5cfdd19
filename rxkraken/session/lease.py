"""The WebSocket token: one lease for all private connections, fetched when needed and never twice at a time.

A token must be used within 900 s of being issued, and stays valid on a connection that has used it (ws-v2 reference
section 5.1). So every connection gets a fresh one when it opens, another at half its life while it has not been used,
and another when Kraken refuses it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

from rxkraken.errors import ClientClosed, KrakenError
from rxkraken.logs import logger

if TYPE_CHECKING:
    from rxkraken.session.world import World
    from rxkraken.settings import Settings

Fetch = Callable[[], Awaitable[tuple[str, float]]]
log = logger("rxkraken.session")


class Holder(Protocol):
    """A connection that needs a token."""

    name: str

    def grant(self, token: str) -> None:
        """Go on with this token."""
        ...

    @property
    def is_open(self) -> bool:
        """Whether it still wants one."""
        ...

    @property
    def token_unused(self) -> bool:
        """Whether the token it has was not accepted for anything yet."""
        ...


class TokenLease:
    """Fetches tokens by `fetch`, which returns one and the seconds it may wait to be used, or raises `KrakenError`."""

    def __init__(
        self, fetch: Fetch, world: World, settings: Settings, on_failure: Callable[[KrakenError, float | None], None]
    ) -> None:
        """`on_failure` is told of every failed attempt and how long until the next; None when it is hopeless."""
        self.fetched = 0
        self._fetch = fetch
        self._world = world
        self._settings = settings
        self._on_failure = on_failure
        self._waiting: dict[str, Holder] = {}
        self._fetching: asyncio.Task[None] | None = None
        self._renewals: dict[str, asyncio.TimerHandle] = {}

    def want(self, holder: Holder) -> None:
        """Give a fresh token to this connection as soon as there is one."""
        self._forget_renewal(holder)
        self._waiting[holder.name] = holder
        if self._fetching is None:
            self._fetching = self._world.loop.create_task(self._work(), name="rxkraken token")

    def close(self) -> asyncio.Task[None] | None:
        """Fetch nothing more; returns the task that ends with it, if there is one."""
        for handle in self._renewals.values():
            handle.cancel()
        self._renewals.clear()
        self._waiting.clear()
        if self._fetching is not None:
            self._fetching.cancel()
        return self._fetching

    async def _work(self) -> None:
        try:
            failures = 0
            while any(holder.is_open for holder in self._waiting.values()):
                failures = 0 if await self._attempt(failures) else failures + 1
            self._waiting.clear()
        finally:
            self._fetching = None

    async def _attempt(self, failures: int) -> bool:
        wanted = dict(self._waiting)
        try:
            token, expires = await self._fetch()
        except ClientClosed:
            self._waiting.clear()
            return True
        except KrakenError as error:
            await self._fail(error, failures)
            return False
        self.fetched += 1
        for name, holder in wanted.items():
            if self._waiting.get(name) is holder:
                del self._waiting[name]
            holder.grant(token)
            self._renew_at_half(holder, expires)
        return True

    async def _fail(self, error: KrakenError, failures: int) -> None:
        if not error.retryable:
            log.error("no WebSocket token: %s", error)
            self._waiting.clear()
            self._on_failure(error, None)
            return
        settings = self._settings
        most = min(settings.backoff_max, settings.backoff_base * 2.0 ** min(failures, 60))
        pause = self._world.uniform(most / 2, most)
        log.warning("no WebSocket token: %s; trying again in %.1f s", error, pause)
        self._on_failure(error, pause)
        await asyncio.sleep(pause)

    def _renew_at_half(self, holder: Holder, expires: float) -> None:
        def look() -> None:
            self._renewals.pop(holder.name, None)
            if holder.is_open and holder.token_unused:
                self.want(holder)

        self._forget_renewal(holder)
        self._renewals[holder.name] = self._world.loop.call_later(expires / 2, look)

    def _forget_renewal(self, holder: Holder) -> None:
        handle = self._renewals.pop(holder.name, None)
        if handle is not None:
            handle.cancel()
