"""One request on the wire: its answers counted, and sent anew only where Kraken refused the token, not the request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from rxkraken.errors import NotSent, OutcomeUnknown
from rxkraken.protocol.spot_v2 import Reply
from rxkraken.session.grant import is_refused_token

if TYPE_CHECKING:
    from rxkraken.session.connection import Connection
    from rxkraken.trading.desk import Desk
    from rxkraken.trading.request import OrderRequest

Frames = Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class _Part:
    """One message of a request. `named` is the id it is about; with `several` nobody knows how many answers come."""

    params: Mapping[str, Any]
    named: Mapping[str, str] = field(default_factory=dict[str, str])
    several: bool = False
    frames: list[Mapping[str, Any]] = field(default_factory=list[Mapping[str, Any]])
    errors: list[Exception] = field(default_factory=list[Exception])
    renewed: bool = False
    quiet: asyncio.TimerHandle | None = None


class Sent:
    """Sends a request and calls `done` once: with the replies, or with the error that is its outcome.

    `cancel_order` goes out as one message for each order, since a refusal does not say which order it is about
    (ws-v2 reference section 6.5).
    """

    def __init__(
        self, desk: Desk, connection: Connection, request: OrderRequest, done: Callable[[Frames | Exception], None]
    ) -> None:
        """Send nothing yet."""
        self._desk = desk
        self._connection = connection
        self._request = request
        self._done = done
        self._parts = _parts(request)
        self._left = len(self._parts)

    def go(self) -> None:
        """Send it."""
        for part in self._parts:
            self._send(part)

    def _send(self, part: _Part) -> None:
        timeout, deadline = self._desk.settings.request_timeout, self._request.deadline
        # After its deadline the exchange would refuse it, in words that leave open whether it had before.
        leave_within = None if deadline is None else deadline - self._desk.now()
        req_id = 0

        def answer(reply: Reply | Exception, seconds: float) -> None:
            del seconds
            if isinstance(reply, Reply) and is_refused_token(reply.error) and not part.renewed:
                # Refused at the door: it did nothing. It is the one case in which a request is sent again, once.
                part.renewed = True
                self._connection.finish(req_id)
                closed = NotSent("the client was closed before there was a new token")
                self._desk.start(self._send_again(part), lambda: self._settle(part, closed))
            elif part.several:
                self._collect(part, reply, req_id)
            else:
                self._settle(part, reply)

        req_id = self._connection.order(
            self._request.method, part.params, timeout, part.several, answer, leave_within=leave_within
        )

    async def _send_again(self, part: _Part) -> None:
        try:
            await self._desk.wait_ready(self._connection)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the outcome of this request
            self._settle(part, NotSent(f"there is no new token: {error}"))
            return
        self._send(part)

    def _collect(self, part: _Part, reply: Reply | Exception, req_id: int) -> None:
        """Gather the answers to a tag that any number of orders may carry, until no more come for a while."""
        if isinstance(reply, Exception) and not part.frames:
            self._settle(part, reply)
            return
        error = self._desk.judge(self._request, reply)
        if error is not None:
            part.errors.append(error)
        if part.quiet is not None:
            part.quiet.cancel()
        if isinstance(reply, Exception):  # cut off in the midst of the answers: there may have been more of them
            self._finish()
            return
        part.frames.append(reply.frame)

        def enough() -> None:
            self._connection.finish(req_id)
            self._finish()

        part.quiet = self._desk.world.loop.call_later(_QUIET, enough)

    def _settle(self, part: _Part, reply: Reply | Exception) -> None:
        error = self._desk.judge(self._request, reply)
        if error is None and isinstance(reply, Reply):
            part.frames.append(reply.frame)
        elif error is not None:
            part.errors.append(error)
            refusal = reply.frame if isinstance(reply, Reply) else {"success": False, "error": str(error)}
            part.frames.append({**part.named, **refusal})
        self._finish()

    def _finish(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._done(self._outcome())

    def _outcome(self) -> Frames | Exception:
        errors = [error for part in self._parts for error in part.errors]
        frames = [frame for part in self._parts for frame in part.frames]
        # What is not known weighs most; a refusal is the outcome only if nothing was accepted beside it.
        unknown = next((error for error in errors if isinstance(error, OutcomeUnknown)), None)
        if unknown is not None:
            return unknown
        if errors and not any(frame.get("success") is True for frame in frames):
            return errors[0]
        return frames


def _parts(request: OrderRequest) -> list[_Part]:
    if request.method != "cancel_order":
        return [_Part(request.params)]
    parts = [
        _Part({name: [identity]}, {name: identity})
        for name in ("order_id", "cl_ord_id")
        for identity in request.params.get(name, ())
    ]
    tags = request.params.get("order_userref", ())
    return [*parts, *(_Part({"order_userref": [tag]}, several=True) for tag in tags)]


_QUIET: Final = 0.5
