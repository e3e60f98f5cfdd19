"""Prove a recording: every frame through the router, feeds and book reducers that a live client uses.

Nothing here decodes, routes or checks by itself. The verifier stands where a session stands: it is told what the router
understood and what it did not, and counts. After a mismatch a live client would subscribe again, so what follows is not
judged until the next snapshot. Each frame goes to the part of its own WebSocket API, v1 or v2, so that a recording may
hold either, and both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rxkraken.books import MalformedBook
from rxkraken.streams.feed import BookFeed, Feed
from rxkraken.tape.court import Court
from rxkraken.tape.dialect import Dialect, dialect_of, is_request
from rxkraken.tape.findings import Findings
from rxkraken.tape.recorded_v1 import RecordedV1
from rxkraken.tape.recorded_v2 import RecordedV2

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rxkraken.errors import SubscriberFailed
    from rxkraken.models.status import SystemStatus, Unknown
    from rxkraken.protocol.spot_v2 import Reply
    from rxkraken.protocol.topics import Topic
    from rxkraken.tape.precisions import Precision
    from rxkraken.tape.recording import Line
    from rxkraken.tape.report import Report

# An `error` that names a request has refused it unread.
_SUBSCRIBING: Final = frozenset({"subscribe", "unsubscribe", "error"})
_MALFORMED: Final = "malformed "


def verify(lines: Iterable[Line], precision: Callable[[str], Precision] = lambda _: (None, None)) -> Report:
    """Replay a recording's lines through the live pipeline and return what was found; nothing in a line can raise.

    Whether a frame is of WebSocket v1 or v2 is seen from the frame. A book's depth is in v1 that of its channel's name.
    In v2 it is that of the latest recorded subscribe or its ack (ws-v2 reference section 3.2), otherwise the length of
    the snapshot, rounded up to a depth that Kraken offers. `precision` tells the digits of a symbol in v2 where they
    are known; an `instrument` message in the recording overrides it. In v1 the digits of the text serve.
    """
    verifier = Verifier(precision)
    for line in lines:
        verifier.take(line)
    return verifier.report()


class Verifier(Court):
    """Takes a recording line by line; `report()` tells what has been found so far."""

    def __init__(self, precision: Callable[[str], Precision] = lambda _: (None, None)) -> None:
        """`precision` tells the digits of a symbol in v2 where they are known."""
        self._findings = Findings()
        self._at = 0.0
        self._waiting = False
        self._told: dict[Topic, Exception | None] = {}
        v2 = RecordedV2(self, self._findings, self._clock, precision)
        self._parts: dict[Dialect, RecordedV1 | RecordedV2] = {
            "v1": RecordedV1(self, self._findings, self._clock),
            "v2": v2,
        }
        self._dialect: Dialect = "v2"
        self._part: RecordedV1 | RecordedV2 = v2

    def take(self, line: Line) -> None:
        """Judge one line."""
        self._findings.begin(line.number, is_frame=line.problem is None)
        self._waiting = False
        if line.problem is not None:
            self._findings.wrong(line.problem)
        else:
            self._at = self._at if line.at is None else line.at
            self._replay(line.raw)
        self._findings.end()

    def report(self) -> Report:
        """Tell what has been found up to now."""
        return self._findings.report()

    def _replay(self, raw: str) -> None:
        self._dialect = dialect_of(raw, self._dialect)
        self._part = self._parts[self._dialect]
        if self._dialect == "v2" or not is_request(raw):
            self._part.router.receive(raw)

    def _clock(self) -> float:
        return self._at

    # --- what the routers say (rxkraken.session.router.Listener) ----------------------------------------------------

    def on_reply(self, reply: Reply) -> None:
        """Tell of a refused subscription, which is a well-formed answer all the same."""
        if reply.success:
            self._part.on_reply(reply)
        elif reply.method in _SUBSCRIBING:
            of = f" of {reply.symbol}" if reply.symbol else ""
            what = "request" if reply.method == "error" else reply.method
            self._findings.note(f"the exchange refused a {what}{of}: {reply.error}")

    def on_system(self, system: SystemStatus) -> None:
        """Notice another connection, over which nothing is subscribed yet (ws-v2 reference section 1.4)."""
        part = self._part
        if system.connection_id is None or system.connection_id == part.connection_id:
            return
        if part.connection_id is not None:
            part.router.epoch += 1
            part.leave_all()
        part.connection_id = system.connection_id

    def on_unknown(self, unknown: Unknown) -> None:
        """Count what nobody understands; a known channel that broke its promise is an error."""
        if self._findings.is_wrong or (unknown.shape == "malformed book" and self._waiting):
            return  # it has been told already
        if unknown.shape.startswith(_MALFORMED):
            self._findings.wrong(f"{unknown.shape}: {unknown.reason}")
        else:
            self._findings.strange(unknown.reason)

    def on_connection_error(self, text: str) -> None:
        """Count an error that answers no request."""
        self._findings.wrong(f"the exchange said: {text}")

    def on_event(self, event: object) -> None:
        """Refuse what no recording holds: the life of a connection."""
        raise TypeError(f"a recording holds frames, not {event!r}")

    def on_defect(self, error: Exception) -> None:
        """Count a frame that this library failed on."""
        self._findings.wrong(f"a defect of rxkraken: {error!r}")

    # --- what the feeds say (rxkraken.streams.feed.Demand) ----------------------------------------------------------

    def wanted(self, feed: Feed) -> None:
        """Nothing: a recording cannot be asked for more."""

    def unwanted(self, feed: Feed) -> None:
        """Nothing: a recording cannot be asked for less."""

    def distrusted(self, feed: Feed, reason: str) -> None:
        """Tell the message that a book failed on; the updates that then wait for a snapshot are no news."""
        error = feed.book.last_error if isinstance(feed, BookFeed) else None
        self._waiting = error is self._told.get(feed.topic)
        if not self._waiting:
            self._told[feed.topic] = error
            if not isinstance(error, MalformedBook):
                self._findings.note(reason)

    def trusted(self, feed: Feed) -> None:
        """Nothing: the reducer counts."""

    def fail(self, failed: SubscriberFailed) -> None:
        """Never hide that one of the verifier's own subscribers failed."""
        self.on_defect(failed)
