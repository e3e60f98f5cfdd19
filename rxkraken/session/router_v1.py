"""From a raw frame of WebSocket v1 to the feed it belongs to. Arrays are data, objects are events (ws-v1 section 1).

What a router owes is the same in every dialect: nothing a peer sends stops the reader, and nothing is lost silently.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from rxkraken.account.matching_v1 import Matching
from rxkraken.models.status import Message
from rxkraken.protocol import spot_v1, spot_v1_account, spot_v1_surprises, spot_v2
from rxkraken.protocol.json import loads
from rxkraken.protocol.spot_v1_values import elements, symbol_of
from rxkraken.session.router import Router

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.protocol.spot_v2 import Reply
    from rxkraken.protocol.spot_v2_account import Report
    from rxkraken.session.router import Listener
    from rxkraken.streams.hub import Hub

_LEAST: Final = 4
_PRIVATE: Final = 3
# What malformed data may raise on its way through a reader.
_BROKEN: Final = (KeyError, TypeError, AttributeError, ValueError, ArithmeticError)


class RouterV1(Router):
    """One connection's routes. The life of it, its tap and its reports are those of every router."""

    __slots__ = ("_matching", "_orders")

    def __init__(self, connection: str, clock: Callable[[], float], listener: Listener, tap: Hub[Message]) -> None:
        """Take what every router takes."""
        super().__init__(connection, clock, listener, tap)
        # Whoever follows the orders, and what puts their fills in order with them.
        self._orders: Any = None
        self._matching: Matching | None = None

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
                self._tell_overdue_fills()
                return
            case "systemStatus":
                self._system_status(frame, raw)
                return
            case _:
                reply = spot_v1.reply(frame)
        if reply is not None:
            if reply.method == "unsubscribe" and reply.req_id is None:
                self._end(reply, frame.get("channelName"))
            self._listener.on_reply(reply)
        elif (text := spot_v1.connection_error(frame)) is not None:
            self._listener.on_connection_error(text)
            self._unknown("an error without a request", raw)
        else:
            self._unknown(f"unknown event {frame.get('event')!r}", raw)

    def _end(self, reply: Reply, name: Any) -> None:
        """Have a subscription asked anew that the exchange has ended: it says so once, and nobody asked it to (4.3)."""
        wire, _, option = name.partition("-") if isinstance(name, str) else ("", "", "")
        channel = _PRIVATE_CHANNELS.get(wire, wire)
        symbol = None if wire in _PRIVATE_CHANNELS else reply.symbol
        feed: Any = self._books.get(str(symbol)) if channel == "book" else self._records.get((channel, symbol))
        if feed is not None and option in ("", *(str(value) for _, value in feed.topic.params)):
            self._distrust(channel, feed, "the exchange ended the subscription")

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
        is_live = feed is not None and feed.is_live
        missing = self.sequence.missing(channel, number, first=number == 1 and not is_live)
        if missing is not None:
            self._distrust(channel, feed, missing)
            return
        reports, is_whole = self._reports(channel, data, raw)
        is_numbered = isinstance(number, int)
        if not is_numbered and not (reports and is_whole):
            return
        # The first message of a subscription is its snapshot; nothing else marks it (section 7). Where numbers are left
        # out, the first fills are taken for those of the past: taking past ones for news is worse.
        begins = number == 1 or (channel == "own_trades" and not is_numbered)
        first = begins and not is_live
        if channel == "own_trades":
            self._fills(feed, reports, begins=begins)
            if feed is not None:
                feed.receive(reports, "snapshot" if first else "update", self.received, self.epoch)
        elif feed is not None:
            self._changes(feed, reports, first=first)
        if not is_whole and not first and is_numbered:
            # What it said is found out by other means. A snapshot would say it again in the same words.
            self._distrust(channel, feed, "a message could not be read")

    def _distrust(self, channel: str, feed: Any, why: str) -> None:
        """Have a subscription asked anew, since messages of it were lost; lost fills are lost to the orders as well."""
        if feed is None:
            return
        feed.distrust(self.received, why)
        orders: Any = self._records.get(("executions", None))
        if channel == "own_trades" and orders is not None:
            orders.distrust(self.received, why)

    def _reports(self, channel: str, data: Any, raw: str | bytes) -> tuple[list[Report], bool]:
        """Read what can be read, and tell whether that is all."""
        reports: list[Report] = []
        is_whole = True
        read, surprise_of = _READERS[channel]
        try:
            entries = elements(data, "entries")
        except ValueError as error:
            self._malformed(_NAMES[channel], error, raw)
            return [], False
        for entry in entries:
            try:
                for name, fields in spot_v1_account.entries([entry]):
                    reports.append(read(name, fields))
                    if surprise := surprise_of(fields):
                        self._unknown(surprise, raw)
            except _BROKEN as error:
                self._malformed(_NAMES[channel], error, raw)
                is_whole = False
        return reports, is_whole

    # --- orders and their fills, which v1 tells on channels of their own ---------------------------------------------

    def _match(self) -> Matching | None:
        """Find what puts fills in order with orders, if anybody follows those."""
        orders: Any = self._records.get(("executions", None))
        if orders is None:
            return None
        if self._matching is None or orders is not self._orders:
            self._orders, self._matching = orders, Matching(orders.table)
        return self._matching

    def _changes(self, feed: Any, reports: list[Report], *, first: bool) -> None:
        matching = self._match()
        assert matching is not None  # noqa: S101 - this feed follows the orders
        if first:
            fills = matching.snapshot(reports)
            # What was filled meanwhile is not in the list of open orders.
            feed.receive(reports, "orders", self.received, self.epoch)
            self._tell(fills)
        else:
            # What waits for a snapshot is no sign that one will come: it may be the subscription before that speaks.
            feed.frames += feed.is_live
            self._tell(matching.orders(reports))
            matching.owe(reports, self.heard_at)
        self._tell_overdue_fills()

    def _fills(self, feed: Any, reports: list[Report], *, begins: bool) -> None:
        matching = self._match()
        if matching is None or feed is None:
            return
        if begins and not feed.is_loaded:
            self._tell(matching.past(reports, self.heard_at))
        else:
            # Not everything is news, in an update neither: the exchange may send its snapshot again at any time.
            self._tell(matching.fills(feed.missed(reports, matching.was_passed), self.heard_at))

    def _tell_overdue_fills(self) -> None:
        """Let no fill wait for longer than some seconds; heartbeats come every second (section 2.3)."""
        if self._matching is None or not self._matching.is_waiting or self._matching is not self._match():
            return
        fills, asked = self._matching.overdue(self.heard_at)
        for order_id in asked:
            self._orders.look_up(order_id)
        self._tell(fills)
        own_trades: Any = self._records.get(("own_trades", None))
        if own_trades is not None and own_trades.is_live and self._matching.are_missing(self.heard_at):
            self._distrust("own_trades", own_trades, "a fill was not told")

    def _tell(self, reports: list[Report]) -> None:
        if reports:
            frames = self._orders.frames
            self._orders.receive(reports, "update", self.received, self.epoch)
            self._orders.frames = frames  # fills do not show that `openOrders` is alive


_READ: Final = frozenset({"ticker", "ohlc", "trade", "spread"})
_PRIVATE_CHANNELS: Final = {wire: channel for channel, wire in spot_v1.CHANNELS.items()}
_NAMES: Final = spot_v1.CHANNELS
_READERS: Final = {
    "executions": (spot_v1_account.order, spot_v1_account.surprise),
    "own_trades": (spot_v1_account.own_trade, spot_v1_account.surprise_of_trade),
}
