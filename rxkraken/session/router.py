"""From a raw frame to the feed it belongs to: decode once, look up twice, and survive whatever comes.

This is the hot path. Frames of a known channel go straight to their feed; everything else takes the slow road through
`_uncommon`. Nothing a peer sends, and nothing a bug of ours raises, stops the reader (promise 20).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from rxkraken.account.sequence import SequenceCheck
from rxkraken.logs import logger
from rxkraken.models.status import Message, Unknown
from rxkraken.protocol import spot_v2, spot_v2_account
from rxkraken.protocol.json import exact, loads

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rxkraken.models.status import SystemStatus
    from rxkraken.protocol.spot_v2 import Reply
    from rxkraken.protocol.topics import Topic
    from rxkraken.streams.feed import BookFeed, RecordFeed
    from rxkraken.streams.hub import Hub

log = logger("rxkraken.session")


class Listener(Protocol):
    """Who is told of everything that is not market data."""

    def on_reply(self, reply: Reply) -> None:
        """A response came."""
        ...

    def on_system(self, system: SystemStatus) -> None:
        """The engine's state came."""
        ...

    def on_unknown(self, unknown: Unknown) -> None:
        """Something came that nobody understands."""
        ...

    def on_connection_error(self, text: str) -> None:
        """An error came that belongs to no request."""
        ...

    def on_defect(self, error: Exception) -> None:
        """A frame made this library fail; it was skipped."""
        ...

    def on_event(self, event: object) -> None:
        """Something came that is no frame: the connection's own life."""
        ...


class Router:
    """One connection's routes. `epoch` and `received` describe the frame being delivered."""

    __slots__ = (
        "_books", "_channels", "_clock", "_listener", "_records", "connection", "epoch", "frames", "heard_at",
        "received", "sequence", "tap", "wall_offset",
    )  # fmt: skip

    def __init__(self, connection: str, clock: Callable[[], float], listener: Listener, tap: Hub[Message]) -> None:
        """`clock` is monotonic; `tap` receives every decoded frame if somebody listens."""
        self.connection = connection
        self.epoch = 0
        self.frames = 0
        self.heard_at = clock()
        self.received = 0.0
        self.wall_offset = 0.0
        self.tap = tap
        self.sequence = SequenceCheck()
        self._clock = clock
        self._listener = listener
        self._books: dict[str, BookFeed] = {}
        self._records: dict[tuple[str, str | None], RecordFeed] = {}
        self._channels: dict[str, Callable[[dict[str, Any], str | bytes], None]] = {
            "book": self._book,
            "level3": self._book,
            "heartbeat": self._heartbeat,
            "status": self._status,
            "ticker": self._records_of_symbols,
            "trade": self._records_of_symbols,
            "ohlc": self._records_of_symbols,
            "instrument": self._instrument,
            "executions": self._executions,
            "balances": self._balances,
        }

    def add(self, topic: Topic, feed: Any) -> None:
        """Deliver a topic's frames to a feed from now on."""
        if topic.channel in _BOOKS:
            self._books[str(topic.symbol)] = feed
        else:
            self._records[topic.slot] = feed

    def discard(self, topic: Topic) -> None:
        """Stop delivering a topic's frames."""
        if topic.channel in _BOOKS:
            self._books.pop(str(topic.symbol), None)
        else:
            self._records.pop(topic.slot, None)

    def receive(self, raw: str | bytes) -> None:
        """Take one frame from the link; what is no text goes to the listener's `on_event`.

        Frames come by the thousand and events by the hour, so the frames are not asked first what they are.
        """
        self.heard_at = now = self._clock()
        self.received = now + self.wall_offset
        self.frames += 1
        try:
            try:
                frame = loads(raw)
                route = self._channels[frame["channel"]]
            except (KeyError, TypeError, ValueError, RecursionError):
                self._uncommon(raw)
                return
            if self.tap.outlets:
                self.tap.emit(Message(frame, raw, self.connection, self.received, self.epoch))
            route(frame, raw)
        except Exception as error:  # noqa: BLE001 - a frame must never stop the reader; this is reported as a defect of ours
            self._listener.on_defect(error)

    # --- market data ----------------------------------------------------------------------------------------------

    def _book(self, frame: dict[str, Any], raw: str | bytes) -> None:
        try:
            kind = frame["type"]
            for record in frame["data"]:
                feed = self._books.get(record["symbol"])
                if feed is not None:
                    malformed = feed.receive(record, kind, raw, self.received, self.epoch)
                    if malformed is not None:
                        self._malformed(frame["channel"], malformed, raw)
                if len(record) != _BOOK_FIELDS and (surprise := record.keys() - spot_v2.BOOK_FIELDS):
                    self._unknown(f"{frame['channel']} has unknown field {', '.join(sorted(surprise))}", raw)
        except (KeyError, TypeError, AttributeError) as error:
            self._malformed(frame["channel"], error, raw)
        if len(frame) != _FRAME_FIELDS:
            self._look_for_unknown_frame_fields(frame, raw)

    def _records_of_symbols(self, frame: dict[str, Any], raw: str | bytes) -> None:
        channel = frame["channel"]
        try:
            kind = _kind(frame)
            for symbol, records in _by_symbol(exact(raw)["data"]).items():
                feed = self._records.get((channel, symbol))
                if feed is not None:
                    feed.receive(records, kind, self.received, self.epoch)
                for record in records:
                    if surprise := spot_v2.surprise(channel, record):
                        self._unknown(surprise, raw)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            self._malformed(channel, error, raw)
        if len(frame) != _FRAME_FIELDS:
            self._look_for_unknown_frame_fields(frame, raw)

    def _instrument(self, frame: dict[str, Any], raw: str | bytes) -> None:
        feed = self._records.get(("instrument", None))
        if feed is None:
            return
        try:
            data: Any = exact(raw)["data"]
            # An object, unlike every other channel (ws-v2 reference section 3.6); older recordings show arrays too.
            records: list[Any] = [data] if isinstance(data, dict) else data
            feed.receive(records, _kind(frame), self.received, self.epoch)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            self._malformed("instrument", error, raw)

    # --- the account ------------------------------------------------------------------------------------------------

    def _executions(self, frame: dict[str, Any], raw: str | bytes) -> None:
        feed = self._account_feed("executions", frame, raw)
        if feed is None:
            return
        reports: list[spot_v2_account.Report] = []
        for record in self._account_records(raw):
            try:
                reports.append(spot_v2_account.execution(record))
            except (AttributeError, ValueError) as error:
                self._malformed("executions", error, raw)
                continue
            if surprise := spot_v2_account.surprise(record):
                self._unknown(surprise, raw)
        feed.receive(reports, frame["type"], self.received, self.epoch)

    def _balances(self, frame: dict[str, Any], raw: str | bytes) -> None:
        feed = self._account_feed("balances", frame, raw)
        if feed is not None:
            try:
                feed.receive(self._account_records(raw), frame["type"], self.received, self.epoch)
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                self._malformed("balances", error, raw)

    def _account_feed(self, channel: str, frame: dict[str, Any], raw: str | bytes) -> Any:
        """Find who takes a private message, unless others before it were lost: then all is asked anew."""
        feed: Any = self._records.get((channel, None))
        kind = frame.get("type")
        if kind not in ("snapshot", "update") or not isinstance(frame.get("data"), list):
            self._malformed(channel, spot_v2.Malformed(f"type {kind!r} or data is not what it should be"), raw)
            return None
        missing = self.sequence.missing(channel, frame.get("sequence"), first=kind == "snapshot")
        if feed is not None and missing is not None:
            feed.distrust(self.received, missing)
            return None
        if frame.keys() - spot_v2.FRAME_FIELDS:
            self._look_for_unknown_frame_fields(frame, raw)
        return feed

    def _account_records(self, raw: str | bytes) -> list[dict[str, Any]]:
        return exact(raw)["data"]

    # --- everything else ------------------------------------------------------------------------------------------

    def _heartbeat(self, frame: dict[str, Any], raw: str | bytes) -> None:
        if len(frame) != 1:
            self._look_for_unknown_frame_fields(frame, raw)

    def _status(self, frame: dict[str, Any], raw: str | bytes) -> None:
        try:
            system = spot_v2.system_status(frame.get("data"))
        except ValueError as error:
            self._malformed("status", error, raw)
            return
        if system.system not in spot_v2.SYSTEM_STATES:
            self._unknown(f"status has unknown system {system.system!r}", raw)
        self._listener.on_system(system)

    def _uncommon(self, raw: str | bytes) -> None:
        if not isinstance(raw, str | bytes):  # pyright: ignore[reportUnnecessaryIsInstance] - see `receive`
            self._listener.on_event(raw)
            return
        try:
            decoded: Any = loads(raw)
        except (ValueError, RecursionError):
            self._unknown("not JSON", raw)
            return
        if not isinstance(decoded, dict):
            self._unknown(f"a JSON {type(decoded).__name__} instead of an object", raw)
            return
        frame = cast("dict[str, Any]", decoded)
        if self.tap.outlets:
            self.tap.emit(Message(frame, raw, self.connection, self.received, self.epoch))
        # Replies first: a reply may name its channel too (ws-v2 reference section 2.3).
        if "method" in frame:
            self._listener.on_reply(spot_v2.reply(frame))
        elif "channel" in frame:
            self._unknown(f"unknown channel {frame['channel']!r}", raw)
        elif (text := spot_v2.connection_error(frame)) is not None:
            self._listener.on_connection_error(text)
            self._unknown("an error without a request", raw)
        else:
            self._unknown(f"an object with {', '.join(sorted(frame)) or 'nothing'}", raw)

    def _look_for_unknown_frame_fields(self, frame: dict[str, Any], raw: str | bytes) -> None:
        if surprise := frame.keys() - spot_v2.FRAME_FIELDS:
            self._unknown(f"{frame['channel']} frame has unknown field {', '.join(sorted(surprise))}", raw)

    def _malformed(self, channel: str, error: Exception, raw: str | bytes) -> None:
        self._unknown(f"malformed {channel}", raw, f"{type(error).__name__}: {error}")

    def _unknown(self, shape: str, raw: str | bytes, reason: str = "") -> None:
        text = raw if isinstance(raw, str) else raw.decode(errors="replace")
        self._listener.on_unknown(Unknown(shape[:_LONGEST_SHAPE], reason or shape, text, self.received, self.epoch))


# A connection has books of one kind only: level 3 is served by a host of its own.
_BOOKS = frozenset({"book", "level3"})
_BOOK_FIELDS = len(spot_v2.BOOK_FIELDS)
_FRAME_FIELDS = 3
_LONGEST_SHAPE = 200


def _kind(frame: Mapping[str, Any]) -> str:
    kind = frame.get("type")
    if kind not in ("snapshot", "update"):
        raise spot_v2.Malformed(f"type {kind!r} is neither snapshot nor update")
    return kind


def _by_symbol(data: Any) -> dict[str, list[dict[str, Any]]]:
    if len(data) == 1:
        return {data[0]["symbol"]: data}
    groups: dict[str, list[dict[str, Any]]] = {}
    for record in data:
        groups.setdefault(record["symbol"], []).append(record)
    return groups
