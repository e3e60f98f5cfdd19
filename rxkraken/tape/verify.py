"""Prove a recording: every frame through the router, feeds and book reducers that a live client uses.

Nothing here decodes, routes or checks by itself. The verifier stands where a session stands: it is told what the router
understood and what it did not, makes a feed for each book that appears, and counts. After a mismatch a live client
would subscribe again, so what follows is not judged until the next snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, cast

from reactivex import Observer

from rxkraken.books import BookReducer, MalformedBook
from rxkraken.protocol import spot_v2
from rxkraken.protocol.json import exact
from rxkraken.protocol.topics import Topic
from rxkraken.session.router import Router
from rxkraken.streams import channels
from rxkraken.streams.feed import BookFeed, Feed
from rxkraken.streams.hub import Hub, Outlet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rxkraken.errors import SubscriberFailed
    from rxkraken.models.market import Instruments
    from rxkraken.models.status import Message, SystemStatus, Unknown
    from rxkraken.protocol.spot_v2 import Reply
    from rxkraken.tape.recording import Line

Precision = tuple[int | None, int | None]
"""Fraction digits of prices and of quantities; `None` where the digits of the wire text shall serve."""

_MOST_PROBLEMS: Final = 100
_DEFAULT_DEPTH: Final = 10
# A candle's interval and a ticker's trigger do not change how a record is read, so any will do.
_TOPICS: Final[dict[str, Callable[[str], Topic]]] = {
    "ticker": lambda symbol: channels.ticker_topic(symbol, "trades"),
    "trade": lambda symbol: channels.trade_topic(symbol, snapshot=True),
    "ohlc": lambda symbol: channels.ohlc_topic(symbol, spot_v2.INTERVALS[0]),
}


@dataclass(slots=True)
class BookTally:
    """What became of one symbol's book messages.

    `snapshots` and `updates` were seen, of both `verified` matched their checksum and `mismatched` did not. `resyncs`
    counts how often a live client would have had to subscribe again; updates from there to the next snapshot are
    neither verified nor mismatched.
    """

    snapshots: int = 0
    updates: int = 0
    verified: int = 0
    mismatched: int = 0
    resyncs: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at one line of the recording (counted from 1)."""

    line: int
    text: str


@dataclass(slots=True)
class Report:
    """What a recording holds and what of it could be proven.

    `frames` were read. `unknown` of them hold something this version does not know; `errors` are lines that are no
    frame, frames that break their channel's promise, and errors that answer no request. `problems` tells the first
    hundred of all that in words, mismatches too.
    """

    frames: int = 0
    unknown: int = 0
    errors: int = 0
    books: dict[str, BookTally] = field(default_factory=dict[str, BookTally])
    problems: list[Problem] = field(default_factory=list[Problem])

    @property
    def proven(self) -> bool:
        """Whether no book message failed: none mismatched, none needed a new snapshot."""
        return not any(tally.mismatched or tally.resyncs for tally in self.books.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain values, books by symbol in the order they appeared."""
        names = ("snapshots", "updates", "verified", "mismatched", "resyncs")
        books = {symbol: {name: getattr(tally, name) for name in names} for symbol, tally in self.books.items()}
        return {"frames": self.frames, "unknown": self.unknown, "errors": self.errors, "books": books}


def verify(lines: Iterable[Line], precision: Callable[[str], Precision] = lambda _: (None, None)) -> Report:
    """Replay a recording's lines through the live pipeline and return what was found; nothing in a line can raise.

    `precision` tells the digits of a symbol where they are known; an `instrument` message in the recording overrides
    it. A book's depth is that of the latest recorded subscribe or its ack (ws-v2 reference section 3.2), otherwise the
    length of the snapshot, rounded up to a depth that Kraken offers.
    """
    verifier = Verifier(precision)
    for line in lines:
        verifier.take(line)
    return verifier.report()


class Verifier:
    """Takes a recording line by line; `report()` tells what has been found so far."""

    def __init__(self, precision: Callable[[str], Precision] = lambda _: (None, None)) -> None:
        """`precision` tells the digits of a symbol where they are known."""
        tap: Hub[Message] = Hub("recording", self._fail)
        tap.add(Outlet(Observer(self._meet), "the recording"))
        self._precision = precision
        self._report = Report()
        self._line = 0
        self._at = 0.0
        self._wrong = self._strange = self._waiting = False
        self._told: dict[Topic, Exception | None] = {}
        self._connection_id: int | None = None
        self._depths: dict[str, int] = {}
        self._digits: dict[str, Precision] = {}
        self._books: dict[str, BookFeed] = {}
        self._reducers: dict[str, list[BookReducer]] = {}
        self._known: set[tuple[str, Any]] = set()
        self._router = Router("recording", lambda: self._at, self, tap)
        self._listen_to_instruments()

    def take(self, line: Line) -> None:
        """Judge one line."""
        self._line = line.number
        self._wrong = self._strange = self._waiting = False
        if line.problem is not None:
            self._problem(line.problem)
        else:
            self._at = self._at if line.at is None else line.at
            self._report.frames += 1
            self._router.receive(line.raw)
        self._report.errors += self._wrong
        self._report.unknown += self._strange and not self._wrong

    def report(self) -> Report:
        """Tell what has been found up to now."""
        for symbol, tally in self._report.books.items():
            counters = [reducer.counters for reducer in self._reducers.get(symbol, ())]
            tally.verified = sum(counter.verified for counter in counters)
            tally.mismatched = sum(counter.mismatched for counter in counters)
            tally.resyncs = sum(counter.mismatched + counter.malformed for counter in counters)
        return self._report

    # --- what the router says (rxkraken.session.router.Listener) ----------------------------------------------------

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

    def on_system(self, system: SystemStatus) -> None:
        """Notice another connection, over which nothing is subscribed yet (ws-v2 reference section 1.4)."""
        if system.connection_id is None or system.connection_id == self._connection_id:
            return
        if self._connection_id is not None:
            self._router.epoch += 1
            for symbol in list(self._books):
                self._leave(symbol)
        self._connection_id = system.connection_id

    def on_unknown(self, unknown: Unknown) -> None:
        """Count what nobody understands; a known channel that broke its promise is an error."""
        if self._wrong or (unknown.shape == "malformed book" and self._waiting):
            return  # it has been told already
        if unknown.shape.startswith("malformed "):
            self._problem(f"{unknown.shape}: {unknown.reason}")
        else:
            self._strange = True
            self._note(unknown.reason)

    def on_connection_error(self, text: str) -> None:
        """Count an error that answers no request."""
        self._problem(f"the exchange said: {text}")

    def on_event(self, event: object) -> None:
        """Refuse what no recording holds: the life of a connection."""
        raise TypeError(f"a recording holds frames, not {event!r}")

    def on_defect(self, error: Exception) -> None:
        """Count a frame that this library failed on."""
        self._problem(f"a defect of rxkraken: {error!r}")

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
                self._note(reason)

    def trusted(self, feed: Feed) -> None:
        """Nothing: the reducer counts."""

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
            self._router.add(topic, channels.make_feed(topic, self, self._fail, None))

    def _meet_book(self, symbol: str, kind: Any, record: dict[str, Any]) -> None:
        tally = self._report.books.setdefault(symbol, BookTally())
        tally.updates += kind == "update"
        if kind != "snapshot":
            return
        tally.snapshots += 1
        depth = self._depths.get(symbol) or _depth_of(record)
        feed = self._books.get(symbol)
        if feed is None or feed.book.depth != depth:
            self._open_book(symbol, depth)

    def _open_book(self, symbol: str, depth: int) -> None:
        """Start a book; what its predecessor of another depth proved stays counted."""
        price, qty = self._digits.get(symbol) or self._precision(symbol)
        reducer = BookReducer(symbol, depth, price_precision=price, qty_precision=qty)
        topic = Topic("book", symbol, (("depth", depth),))
        self._reducers.setdefault(symbol, []).append(reducer)
        self._books[symbol] = feed = BookFeed(topic, self, self._fail, reducer)
        self._router.add(topic, feed)

    def _leave(self, symbol: str) -> None:
        """Forget a book that is not subscribed any more: what is still on its way must not be applied."""
        self._depths.pop(symbol, None)
        if (feed := self._books.get(symbol)) is not None:
            feed.reset()

    def _listen_to_instruments(self) -> None:
        topic = channels.instrument_topic()
        feed = channels.make_feed(topic, self, self._fail, None)
        feed.hub.add(Outlet(Observer(self._learn), "the recording"))
        self._router.add(topic, feed)

    def _learn(self, instruments: Instruments) -> None:
        """Take the digits that the exchange told for its pairs, and for books that are open, at once."""
        for symbol in instruments.changed:
            if (pair := instruments.pairs.get(symbol)) is not None:
                self._digits[symbol] = (pair.price_precision, pair.qty_precision)
                if symbol in self._books:
                    self._books[symbol].book.set_precision(pair.price_precision, pair.qty_precision)

    # --- counting -----------------------------------------------------------------------------------------------------

    def _problem(self, text: str) -> None:
        self._wrong = True
        self._note(text)

    def _note(self, text: str) -> None:
        if len(self._report.problems) < _MOST_PROBLEMS:
            self._report.problems.append(Problem(self._line, text))

    def _fail(self, failed: SubscriberFailed) -> None:
        """Never hide that one of the verifier's own subscribers failed."""
        self.on_defect(failed)


def read_precisions(lines: Iterable[Line]) -> dict[str, Precision]:
    """Return the digits of every pair told by the `instrument` frames of a recording; empty if there are none."""
    found: dict[str, Precision] = {}
    for line in lines:
        try:
            frame = exact(line.raw)
        except (ValueError, RecursionError):
            continue
        found.update(precisions_of(frame))
    return found


def precisions_of(frame: Any) -> dict[str, Precision]:
    """Return the digits of every pair of an `instrument` snapshot or update (ws-v2 reference section 3.6)."""
    match frame:
        case {"channel": "instrument", "data": {"pairs": list()} as data}:
            pairs = spot_v2.instruments(None, data, 0.0, 0).pairs.values()
            return {pair.symbol: (pair.price_precision, pair.qty_precision) for pair in pairs}
        case _:
            return {}


def _symbols(symbol: Any) -> list[str]:
    """Acks name one symbol, requests a list of them (ws-v2 reference section 2.5)."""
    names = cast("list[Any]", symbol if isinstance(symbol, list) else [symbol])
    return [name for name in names if isinstance(name, str)]


def _depth_of(record: dict[str, Any]) -> int:
    """Guess the depth from a snapshot: the longer side, rounded up to what Kraken offers."""
    sides = [cast("list[Any]", side) for side in (record.get("bids"), record.get("asks")) if isinstance(side, list)]
    length = max(map(len, sides), default=0)
    return next((depth for depth in spot_v2.DEPTHS if depth >= length), length)
