"""The WebSocket v2 part of a recording: a feed for each book and record that appears, before the router asks for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from reactivex import Observer

from rxkraken.books import BookReducer
from rxkraken.protocol import spot_v2
from rxkraken.protocol.topics import Topic
from rxkraken.session.speech import SPOT_V2
from rxkraken.streams import channels
from rxkraken.streams.feed import BookFeed
from rxkraken.streams.hub import Hub, Outlet

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.models.market import Instruments
    from rxkraken.models.status import Message
    from rxkraken.protocol.spot_v2 import Reply
    from rxkraken.tape.court import Court
    from rxkraken.tape.findings import Findings
    from rxkraken.tape.precisions import Precision

_DEFAULT_DEPTH: Final = 10
# A candle's interval and a ticker's trigger do not change how a record is read, so any will do.
_TOPICS: Final[dict[str, Callable[[str], Topic]]] = {
    "ticker": lambda symbol: channels.ticker_topic(symbol, "trades"),
    "trade": lambda symbol: channels.trade_topic(symbol, snapshot=True),
    "ohlc": lambda symbol: channels.ohlc_topic(symbol, spot_v2.INTERVALS[0]),
}


class RecordedV2:
    """One connection's worth of feeds, and the router that delivers to them."""

    def __init__(
        self, court: Court, findings: Findings, clock: Callable[[], float], precision: Callable[[str], Precision]
    ) -> None:
        """`precision` tells the digits of a symbol where they are known."""
        self.connection_id: int | None = None
        self._court = court
        self._findings = findings
        self._precision = precision
        self._depths: dict[str, int] = {}
        self._digits: dict[str, Precision] = {}
        self._books: dict[str, BookFeed] = {}
        self._known: set[tuple[str, Any]] = set()
        tap: Hub[Message] = Hub("recording", court.fail)
        tap.add(Outlet(Observer(self._meet), "the recording"))
        self.router = SPOT_V2.router("recording", clock, court, tap)
        self._listen_to_instruments()

    def on_reply(self, reply: Reply) -> None:
        """Learn depths from acks, and from requests that were recorded with them; forget a book that was left."""
        found = reply.frame.get("result") or reply.frame.get("params")
        details = cast("dict[str, Any]", found if isinstance(found, dict) else {})
        if not reply.success or details.get("channel") != "book":
            return
        depth = details.get("depth", _DEFAULT_DEPTH)
        for symbol in _symbols(details.get("symbol")):
            if reply.method == "subscribe" and depth in spot_v2.DEPTHS:
                self._depths[symbol] = depth
            elif reply.method == "unsubscribe" and "result" in reply.frame:
                self._leave(symbol)

    def leave_all(self) -> None:
        """Forget every book: this is another connection."""
        for symbol in self._books:
            self._leave(symbol)

    # --- feeds for what appears ---------------------------------------------------------------------------------------

    def _meet(self, message: Message) -> None:
        """See each frame just before it is routed, and have a feed ready for every book and record in it."""
        channel, data = message.frame.get("channel"), message.frame.get("data")
        if not isinstance(channel, str) or not isinstance(data, list):
            return
        for record in cast("list[Any]", data):
            match record:
                case {"symbol": str(symbol)}:
                    self._meet_record(channel, symbol, message.frame.get("type"), record)
                case _:
                    pass  # the router tells what is wrong with it

    def _meet_record(self, channel: str, symbol: str, kind: Any, record: dict[str, Any]) -> None:
        if channel == "book":
            self._meet_book(symbol, kind, record)
        elif channel in _TOPICS and (channel, symbol) not in self._known:
            self._known.add((channel, symbol))
            topic = _TOPICS[channel](symbol)
            self.router.add(topic, channels.make_feed(topic, self._court, self._court.fail, None))

    def _meet_book(self, symbol: str, kind: Any, record: dict[str, Any]) -> None:
        self._findings.see(symbol, is_snapshot=kind == "snapshot", is_update=kind == "update")
        if kind != "snapshot":
            return
        depth = self._depths.get(symbol) or _depth_of(record)
        feed = self._books.get(symbol)
        if feed is None or feed.book.depth != depth:
            self._open_book(symbol, depth)

    def _open_book(self, symbol: str, depth: int) -> None:
        """Start a book; what its predecessor of another depth proved stays counted."""
        price, qty = self._digits.get(symbol) or self._precision(symbol)
        reducer = BookReducer(symbol, depth, price_precision=price, qty_precision=qty)
        topic = Topic("book", symbol, (("depth", depth),))
        self._findings.follow(symbol, reducer)
        self._books[symbol] = feed = BookFeed(topic, self._court, self._court.fail, reducer)
        self.router.add(topic, feed)

    def _leave(self, symbol: str) -> None:
        """Forget a book that is not subscribed any more: what is still on its way must not be applied."""
        self._depths.pop(symbol, None)
        if (feed := self._books.get(symbol)) is not None:
            feed.reset()

    def _listen_to_instruments(self) -> None:
        topic = channels.instrument_topic()
        feed = channels.make_feed(topic, self._court, self._court.fail, None)
        feed.hub.add(Outlet(Observer(self._learn), "the recording"))
        self.router.add(topic, feed)

    def _learn(self, instruments: Instruments) -> None:
        """Take the digits that the exchange told for its pairs, and for books that are open, at once."""
        for symbol in instruments.changed:
            if (pair := instruments.pairs.get(symbol)) is not None:
                self._digits[symbol] = (pair.price_precision, pair.qty_precision)
                if symbol in self._books:
                    self._books[symbol].book.set_precision(pair.price_precision, pair.qty_precision)


def _symbols(symbol: Any) -> list[str]:
    """Acks name one symbol, requests a list of them (ws-v2 reference section 2.5)."""
    names = cast("list[Any]", symbol if isinstance(symbol, list) else [symbol])
    return [name for name in names if isinstance(name, str)]


def _depth_of(record: dict[str, Any]) -> int:
    """Guess the depth from a snapshot: the longer side, rounded up to what Kraken offers."""
    sides = [cast("list[Any]", side) for side in (record.get("bids"), record.get("asks")) if isinstance(side, list)]
    length = max(map(len, sides), default=0)
    return next((depth for depth in spot_v2.DEPTHS if depth >= length), length)
