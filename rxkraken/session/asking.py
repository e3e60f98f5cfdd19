"""Requests of a client that are asked once and answered once: pings, and whatever this library has no method for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rxkraken.errors import InvalidArgument, KrakenError, NotSent, RequestRejected
from rxkraken.streams.once import Once

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rxkraken.errors import SubscriberFailed
    from rxkraken.protocol.dialect import Dialect
    from rxkraken.protocol.spot_v2 import Reply
    from rxkraken.session.connection import Connection
    from rxkraken.session.pool import Pool

    Reject = Callable[[Exception], None]
    Heard = Callable[[Reply | Exception, float], None]


class Asking:
    """Makes such requests. Each is cold until it is looked at, and sent once however many look."""

    def __init__(
        self, begin: Callable[[], Pool], dialect: Dialect, timeout: float, report: Callable[[SubscriberFailed], None]
    ) -> None:
        """`begin` finds the connections of the client, `report` hears of subscribers that failed."""
        self._begin = begin
        self._dialect = dialect
        self._timeout = timeout
        self._report = report

    def ping(self) -> Once[float]:
        """Make a ping of the public connection."""

        def start(resolve: Callable[[float], None], reject: Reject) -> None:
            def heard(reply: Reply | Exception, seconds: float) -> None:
                if isinstance(reply, Exception):
                    reject(reply)
                else:
                    resolve(seconds)

            try:
                self._begin().role("public").ping(heard)
            except KrakenError as error:
                reject(error)

        return Once("ping", start, self._report)

    def send(self, request: Mapping[str, Any], *, private: bool) -> Once[Mapping[str, Any]]:
        """Make any request; raises `InvalidArgument` for what is none."""
        verb, number = self._dialect.VERB, self._dialect.NUMBER
        if not isinstance(request, dict) or not isinstance(request.get(verb), str):
            raise InvalidArgument(f'request {request!r}: give a dict with "{verb}", such as {{"{verb}": "ping"}}')
        copy = {key: value for key, value in request.items() if key != number}
        method, fields = self._dialect.split(copy)

        def start(resolve: Callable[[Mapping[str, Any]], None], reject: Reject) -> None:
            def heard(reply: Reply | Exception, seconds: float) -> None:
                del seconds
                if isinstance(reply, Exception):
                    reject(reply)
                elif not reply.success:
                    reject(RequestRejected(reply.error or "refused without a reason"))
                else:
                    resolve(reply.frame if reply.wire is None else reply.wire)

            try:
                connection = self._begin().role("auth" if private else "public")
                if private:
                    self._send_with_token(connection, method, fields, heard)
                else:
                    connection.request(copy, heard)
            except KrakenError as error:
                reject(error)

        return Once(f"send {method}", start, self._report)

    def _send_with_token(self, connection: Connection, method: str, fields: Mapping[str, Any], heard: Heard) -> None:
        def ready(error: Exception | None) -> None:
            if error is None:
                connection.order(method, fields, self._timeout, False, heard)  # noqa: FBT003 - one answer
            else:
                heard(NotSent(f"nothing was sent: {error}"), 0.0)

        connection.when_ready(ready)
