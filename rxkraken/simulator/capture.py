"""A recording as the market: subscriptions are answered, and what was recorded for them is played at its own pace.

A recording is lines of `[time, "raw frame"]`, or of raw frames, plain or gzipped. A client gets the frames of the
channel and symbol it asked for, from their first snapshot on; acks and heartbeats are made here.
"""

from __future__ import annotations

import bisect
import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rxkraken.errors import InvalidArgument
from rxkraken.simulator.connections import Connection, Subscription
from rxkraken.simulator.requests import (
    ALREADY,
    NOT_SUBSCRIBED,
    WRONG_HOST,
    Guarded,
    Ping,
    Refusal,
    Wish,
    read,
    unsupported_pair,
)
from rxkraken.simulator.wire import Calendar, dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from rxkraken.simulator.feeds import Topic

_GZIP = b"\x1f\x8b"
_FRAMES_A_SECOND = 20.0
_BEAT = 1.0
_WALL = 1_767_225_600.0

Slot = tuple[str, str]


def read_recording(path: str | Path) -> list[tuple[float | None, str]]:
    """The frames of a recording with their times; lines that hold no frame are an error that names the line."""
    data = Path(path).read_bytes()
    if data.startswith(_GZIP):
        data = gzip.decompress(data)
    return [_line(path, number, line) for number, line in enumerate(data.decode().splitlines(), 1) if line.strip()]


def _line(path: str | Path, number: int, line: str) -> tuple[float | None, str]:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise InvalidArgument(f"{path}, line {number} is no JSON: {error}") from error
    match value:
        case [int() | float() | None as at, str(raw)]:
            return (None if at is None else float(at)), raw
        case dict():
            return None, line
        case _:
            raise InvalidArgument(f'{path}, line {number}: expected [time, "raw frame"] or a raw frame')


class Playback:
    """Serves one recording. Every client has its own reading of it, beginning when it subscribes."""

    def __init__(self, path: str | Path, *, pace: float = 1.0, start: float = 0.0) -> None:
        """Load the recording; `pace` 2.0 plays twice as fast, 0 as fast as it can be taken."""
        if not pace >= 0:
            raise InvalidArgument(f"pace={pace!r} must be 0 (at once) or above")
        self.now = start
        self._calendar = Calendar(start=start, epoch=_WALL)
        self._pace = pace
        self._frames = _by_slot(read_recording(path))
        self._symbols = frozenset(symbol for _, symbol in self._frames if symbol)
        if not self._frames:
            raise InvalidArgument(f"{path} holds no channel frames to serve")
        self._timeline: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._clients = 0

    def advance(self, now: float) -> None:
        """Play everything due up to now."""
        while self._timeline and self._timeline[0][0] <= now:
            self.now, _, action = self._timeline.pop(0)
            action()
        self.now = max(self.now, now)

    def deadline(self) -> float | None:
        """When the next frame is due."""
        return self._timeline[0][0] if self._timeline else None

    def connect(self, role: str, send: Callable[[str], None], close: Callable[[int, str], None]) -> Connection:
        """Accept a client; its first frame is `status`."""
        self._clients += 1
        connection = Connection(self._clients, 1 << 63 | self._clients, role, self, send, close, self.now)
        status = {"version": "2.0.10", "system": "online", "api_version": "v2"}
        status = {**status, "connection_id": connection.connection_id}
        connection.say(dumps({"channel": "status", "type": "update", "data": [status]}))
        self._beat(connection)
        return connection

    def forget(self, connection: Connection) -> None:
        """Stop playing for a client; its planned frames find the connection closed."""
        connection.subscriptions.clear()

    def hear(self, connection: Connection, text: str) -> None:
        """Answer a request, in the words of the exchange."""
        match read(text, self._symbols):
            case Ping(req_id):
                self._say(connection, {"method": "pong", **_id(req_id)})
            case Refusal(error, method, req_id):
                self._refuse(connection, error, method, req_id, "")
            case Guarded(method, _, req_id):
                self._refuse(connection, WRONG_HOST, method, req_id, "")
            case Wish() as wish:
                for symbol, error in wish.refused:
                    self._refuse(connection, error, wish.method, wish.req_id, symbol)
                for topic in wish.topics:
                    self._grant(connection, wish, topic)

    def _grant(self, connection: Connection, wish: Wish, topic: Topic) -> None:
        slot: Slot = (topic.channel, topic.symbol)
        held = slot in connection.subscriptions
        if slot not in self._frames:
            self._refuse(connection, unsupported_pair(topic.symbol), wish.method, wish.req_id, topic.symbol)
        elif held and wish.method == "subscribe":
            self._refuse(connection, ALREADY, wish.method, wish.req_id, topic.symbol)
        elif not held and wish.method == "unsubscribe":
            self._refuse(connection, NOT_SUBSCRIBED, "subscribe", wish.req_id, topic.symbol)
        else:
            result = {**wish.echo, **({"symbol": topic.symbol} if topic.symbol else {})}
            self._say(connection, {"method": wish.method, **_id(wish.req_id), "result": result, "success": True})
            if held:
                del connection.subscriptions[slot]
            else:
                run = connection.subscriptions[slot] = Subscription(topic, connection, snapshot=True)
                self._play(connection, slot, run, iter(self._frames[slot]), None)

    def _refuse(self, connection: Connection, error: str, method: str | None, req_id: int | None, symbol: str) -> None:
        named = {"method": method} if method else {}
        where = {"symbol": symbol} if symbol else {}
        self._say(connection, {"error": error, **named, **_id(req_id), "success": False, **where})

    def _play(
        self,
        connection: Connection,
        key: Slot,
        run: object,
        frames: Iterator[tuple[float | None, str]],
        last: float | None,
    ) -> None:
        frame = next(frames, None)
        if frame is None:
            return
        at, raw = frame
        pause = 0.0
        if last is not None and self._pace:
            pause = (1 / _FRAMES_A_SECOND if at is None else max(0.0, at - last)) / self._pace

        def speak() -> None:
            if connection.open and connection.subscriptions.get(key) is run:
                connection.say(raw)
                self._play(connection, key, run, frames, at if at is not None else 0.0)

        self._at(self.now + pause, speak)

    def _beat(self, connection: Connection) -> None:
        def beat() -> None:
            if connection.open:
                connection.say('{"channel":"heartbeat"}')
                self._beat(connection)

        self._at(self.now + _BEAT, beat)

    def _at(self, when: float, action: Callable[[], None]) -> None:
        self._count += 1
        bisect.insort(self._timeline, (when, self._count, action))

    def _say(self, connection: Connection, fields: dict[str, Any]) -> None:
        at = self._calendar.text(self.now)
        connection.say(dumps({**fields, "time_in": at, "time_out": at}))


def _by_slot(frames: list[tuple[float | None, str]]) -> dict[Slot, list[tuple[float | None, str]]]:
    slots: dict[Slot, list[tuple[float | None, str]]] = {}
    for at, raw in frames:
        try:
            message = json.loads(raw)
            channel, kind, data = message["channel"], message["type"], message["data"]
            symbol = "" if isinstance(data, dict) else data[0]["symbol"]
        except (ValueError, TypeError, KeyError, IndexError):
            continue  # status, heartbeats and replies of then are made anew
        slot = (channel, symbol)
        if slot in slots or kind == "snapshot" or channel in ("trade", "ohlc"):
            slots.setdefault(slot, []).append((at, raw))
    return slots


def _id(req_id: int | None) -> dict[str, int]:
    return {} if req_id is None else {"req_id": req_id}
