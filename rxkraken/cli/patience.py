"""When a stream command gives up: the client tries for ever, the person in front of the terminal does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rxkraken.cli.deadline import REMEDY
from rxkraken.errors import LinkLost, RequestTimeout

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from rxkraken.errors import KrakenError
    from rxkraken.models.status import Status
    from rxkraken.settings import Endpoints

_FIRST_TRIES: Final = 3


class Patience:
    """Listens to the statuses of a client and gives up once.

    A connection that never was online may fail three times, or take `seconds`; one that was online may be away for
    `seconds`. Within `seconds` from the start the exchange must have agreed to the `channel`, if one is given; it comes
    over the connection of that `role`.
    """

    def __init__(
        self,
        seconds: float,
        endpoints: Endpoints,
        give_up: Callable[[KrakenError], None],
        loop: asyncio.AbstractEventLoop,
        *,
        channel: str | None = None,
        role: str = "public",
    ) -> None:
        """Start to count."""
        self._seconds = seconds
        self._endpoints = endpoints
        self._give_up = give_up
        self._loop = loop
        self._channel = channel
        self._role = role
        self._failures: dict[str, int] = {}
        self._known: set[str] = set()
        self._reasons: dict[str, str] = {}
        self._timers = {} if channel is None else {channel: loop.call_later(seconds, self._no_answer)}

    def hear(self, status: Status) -> None:
        """Take the next status into account."""
        if status.channel is not None:
            if status.channel == self._channel and status.state in ("subscribed", "rejected"):
                self.content()
            return
        match status.state:
            case "connecting" | "lost":
                self._miss(status)
            case "online" | "maintenance":
                self._known.add(status.connection)
                self._quiet(status.connection)
            case _:
                pass

    def content(self) -> None:
        """Note that there is data: the exchange has agreed."""
        if self._channel is not None:
            self._quiet(self._channel)

    def close(self) -> None:
        """Stop counting."""
        for name in list(self._timers):
            self._quiet(name)

    def _miss(self, status: Status) -> None:
        name = status.connection
        if name not in self._timers:
            self._timers[name] = self._loop.call_later(self._seconds, self._gone, name)
        if status.state == "lost":
            self._reasons[name] = status.reason
            self._failures[name] = self._failures.get(name, 0) + 1
            if name not in self._known and self._failures[name] >= _FIRST_TRIES:
                self._end(LinkLost(f"cannot connect to {self._url(name)} ({status.reason}); {REMEDY}"))

    def _gone(self, name: str) -> None:
        reason = self._reasons.get(name, "no answer")
        verb = "lost" if name in self._known else "no connection to"
        self._end(LinkLost(f"{verb} {self._url(name)} for {self._seconds:g} s ({reason}); {REMEDY}"))

    def _no_answer(self) -> None:
        missing = [name for name in self._timers if name != self._channel]
        if missing:
            self._gone(missing[0])
            return
        where = self._url(self._role)
        what = f"{where} did not agree to send {self._channel} for {self._seconds:g} s"
        self._end(RequestTimeout(f"{what}; {REMEDY}"))

    def _end(self, error: KrakenError) -> None:
        self.close()
        self._give_up(error)

    def _quiet(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _url(self, connection: str) -> str:
        role = connection.partition("-")[0]
        return getattr(self._endpoints, role, None) or role
