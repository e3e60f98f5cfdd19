"""From a raw frame of WebSocket v1 to the feed it belongs to. Arrays are data, objects are events (ws-v1 section 1).

What a router owes is the same in every dialect: nothing a peer sends stops the reader, and nothing is lost silently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from rxkraken.models.status import Message
from rxkraken.protocol import spot_v1, spot_v1_account, spot_v1_surprises, spot_v2
from rxkraken.protocol.json import loads
from rxkraken.protocol.spot_v1_values import symbol_of
from rxkraken.session.router import Router

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rxkraken.protocol.spot_v2_account import Report

_LEAST: Final = 4
_PRIVATE: Final = 3
# What malformed data may raise on its way through a reader.
_BROKEN: Final = (KeyError, TypeError, AttributeError, ValueError, ArithmeticError)


class RouterV1(Router):
    """One connection's routes. The life of it, its tap and its reports are those of every router."""

    __slots__ = ()

    def receive(self, raw: str | bytes) -> None:
        """Take one frame from the link; what is no text goes to the listener's `on_event`."""
        self.heard_at = now = self._clock()
        self.received = now + self.wall_offset
        self.frames += 1
        try:
            self._take(raw)
        except Exception as error:  # noqa: BLE001 - a frame must never stop the reader; this is reported as a defect of ours
            self._listener.on_defect(error)

    def _take(self, raw: str | bytes) -> None:
        if not isinstance(raw, str | bytes):  # pyright: ignore[reportUnnecessaryIsInstance] - the life of the connection
            self._listener.on_event(raw)
            return
        try:
            frame: Any = loads(raw)
        except (ValueError, RecursionError):
            self._unknown("not JSON", raw)
            return
        if self.tap.outlets:
            self.tap.emit(Message(frame, raw, self.connection, self.received, self.epoch))
        if isinstance(frame, dict):
            self._event(cast("dict[str, Any]", frame), raw)
        elif isinstance(frame, list):
            self._array(cast("list[Any]", frame), raw)
        else:
            self._unknown(f"a JSON {type(frame).__name__} instead of an object or an array", raw)

    def _array(self, frame: list[Any], raw: str | bytes) -> None:
        channel, tail = frame[-2:] if len(frame) >= _PRIVATE else (None, None)
        if isinstance(channel, str) and isinstance(tail, dict) and len(frame) == _PRIVATE:
            self._private(channel, frame[0], cast("dict[str, Any]", tail).get("sequence"), raw)
        elif isinstance(channel, str) and isinstance(tail, str) and len(frame) >= _LEAST:
            self._data(channel, tail, frame[1:-2], raw)
        else:
            self._unknown("an array that is no frame", raw)

    # --- events -----------------------------------------------------------------------------------------------------

    def _event(self, frame: dict[str, Any], raw: str | bytes) -> None:
        match frame.get("event"):
            case "heartbeat":
                return
            case "systemStatus":
                self._system_status(frame, raw)
                return
            case _:
                reply = spot_v1.reply(frame)
        if reply is not None:
            self._listener.on_reply(reply)
        elif (text := spot_v1.connection_error(frame)) is not None:
            self._listener.on_connection_error(text)
            self._unknown("an error without a request", raw)
        else:
            self._unknown(f"unknown event {frame.get('event')!r}", raw)

    def _system_status(self, frame: dict[str, Any], raw: str | bytes) -> None:
        try:
            system = spot_v1.system_status(frame)
        except ValueError as error:
            self._malformed("systemStatus", error, raw)
            return
        if system.system not in spot_v2.SYSTEM_STATES:
            self._unknown(f"systemStatus has unknown status {system.system!r}", raw)
        self._listener.on_system(system)

    # --- market data ------------------------------------------------------------------------------------------------

    def _data(self, name: str, pair: str, parts: list[Any], raw: str | bytes) -> None:
        channel, _, option = name.partition("-")
        try:
            symbol = symbol_of(pair)
            if channel == "book":
                self._book_frame(symbol, option, parts, raw)
            elif channel in _READ:
                self._records_frame(channel, symbol, option, parts[0])
            else:
                self._unknown(f"unknown channel {name!r}", raw)
                return
            for payload in parts[0] if channel == "trade" else parts:
                if surprise := spot_v1_surprises.surprise(channel, payload):
                    self._unknown(surprise, raw)
        except _BROKEN as error:
            self._malformed(channel, error, raw)

    def _book_frame(self, symbol: str, depth: str, parts: list[Any], raw: str | bytes) -> None:
        feed = self._books.get(symbol)
        if feed is None or depth != str(feed.book.depth):
            return
        try:
            entry, kind = spot_v1.book(parts, symbol)
        except _BROKEN as error:
            feed.refuse(spot_v1.kind_of_book(parts), f"{type(error).__name__}: {error}")
            raise
        # Every number is exact already, so that nothing has to be read again from the frame's text.
        malformed = feed.receive(entry, kind, "", self.received, self.epoch)
        if malformed is not None:
            self._malformed("book", malformed, raw)
        if kind == "snapshot":
            feed.frames += 1  # it has come, although there is no checksum in it that would let it be shown

    def _records_frame(self, channel: str, symbol: str, option: str, payload: Any) -> None:
        feed: Any = self._records.get((channel, symbol))
        if feed is None or (channel == "ohlc" and option != str(dict(feed.topic.params).get("interval"))):
            return
        match channel:
            case "ohlc":
                records: list[Any] = [(symbol, int(option), payload)]
            case "trade":
                records = [(symbol, row) for row in payload]
            case _:
                records = [(symbol, payload)]
        feed.receive(records, "update", self.received, self.epoch)

    # --- the account ------------------------------------------------------------------------------------------------

    def _private(self, name: str, data: Any, number: Any, raw: str | bytes) -> None:
        channel = _PRIVATE_CHANNELS.get(name)
        if channel is None:
            self._unknown(f"unknown private channel {name!r}", raw)
            return
        feed: Any = self._records.get((channel, None))
        # The first message of a subscription is its snapshot; nothing else marks it (section 7).
        first = number == 1 and not (feed is not None and feed.is_live)
        missing = self.sequence.missing(channel, number, first=first)
        if feed is not None and missing is not None:
            feed.distrust(self.received, missing)
            return
        try:
            reports = self._reports(channel, data, raw)
        except _BROKEN as error:
            self._malformed(name, error, raw)
            return
        if channel == "own_trades":
            self._tell_fills(reports if feed is None or not first else feed.missed(reports))
        if feed is not None:
            feed.receive(reports, _SNAPSHOTS[channel] if first else "update", self.received, self.epoch)

    def _reports(self, channel: str, data: Any, raw: str | bytes) -> list[Report]:
        reports: list[Report] = []
        for name, fields in spot_v1_account.entries(data):
            if channel == "own_trades":
                reports.append(spot_v1_account.own_trade(name, fields))
                surprise = spot_v1_account.surprise_of_trade(fields)
            else:
                reports.append(spot_v1_account.order(name, fields))
                surprise = spot_v1_account.surprise(fields)
            if surprise:
                self._unknown(surprise, raw)
        return reports

    def _tell_fills(self, reports: Sequence[Report]) -> None:
        """Let whoever follows the orders know of their fills, which v1 tells on a channel of their own."""
        orders: Any = self._records.get(("executions", None))
        if orders is not None and reports:
            orders.receive(reports, "update", self.received, self.epoch)


_READ: Final = frozenset({"ticker", "ohlc", "trade", "spread"})
# What was filled meanwhile is not in the list of open orders.
_SNAPSHOTS: Final = {"executions": "orders", "own_trades": "snapshot"}
_PRIVATE_CHANNELS: Final = {wire: channel for channel, wire in spot_v1.CHANNELS.items()}
