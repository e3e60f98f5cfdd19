"""One topic, shared: a reducer's single scan, a hub's many subscribers, and the interruptions between.

A feed is what the router delivers to. It counts its subscribers so that the wire subscription lives as long as they
do, and it keeps promise 2: a value from before an interruption is never given to a late subscriber.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol

from reactivex.disposable import Disposable

from rxkraken.books import MalformedBook
from rxkraken.models.status import Gap
from rxkraken.streams.hub import Hub, Outlet

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from reactivex.abc import DisposableBase, ObserverBase

    from rxkraken.books import Book, Book3Reducer, BookReducer, OrderBook3
    from rxkraken.errors import SubscriberFailed
    from rxkraken.protocol.topics import Topic
    from rxkraken.streams.reducers import Reducer


class Demand(Protocol):
    """Who opens and closes the wire subscription of a feed, and who is told what its book is worth."""

    def wanted(self, feed: Feed) -> None:
        """The first subscriber came."""
        ...

    def unwanted(self, feed: Feed) -> None:
        """The last subscriber left."""
        ...

    def distrusted(self, feed: Feed, reason: str) -> None:
        """A book failed its checksum, or could not be applied, and must be fetched anew."""
        ...

    def trusted(self, feed: Feed) -> None:
        """A book passed its checksum for the first time after it was fetched anew."""
        ...


class Feed(ABC):
    """Subscribers, refcount and interruptions of one topic; subclasses add the scan."""

    __slots__ = ("_demand", "_doubted", "_gap", "_received", "frames", "hub", "topic")

    def __init__(self, topic: Topic, demand: Demand, report: Callable[[SubscriberFailed], None]) -> None:
        """`demand` is told when subscribers come and go; `report` of each that failed."""
        self.topic = topic
        self.hub: Hub[Any] = Hub(str(topic), report)
        self.frames = 0
        self._demand = demand
        self._gap: tuple[float, str] | None = None
        self._received: float | None = None
        self._doubted = False

    def subscribe(self, observer: ObserverBase[Any], place: str, *, gaps: bool) -> DisposableBase:
        """Attach a subscriber; it gets the current value, if this is a state stream and there is one."""
        outlet: Outlet[Any] = Outlet(observer, place, gaps=gaps)
        for item in self.current():
            outlet.on_next(item)
        first = not self.hub.outlets
        self.hub.add(outlet)
        if first:
            self._open(outlet)
        return Disposable(lambda: self._leave(outlet))

    def _open(self, outlet: Outlet[Any]) -> None:
        try:
            self._demand.wanted(self)
        except BaseException:
            # Else the next subscriber would not be the first, and would wait for what nobody has asked for.
            self.hub.remove(outlet)
            raise

    def _leave(self, outlet: Outlet[Any]) -> None:
        had = bool(self.hub.outlets)
        self.hub.remove(outlet)
        if had and not self.hub.outlets:
            self._demand.unwanted(self)

    def interrupt(self, now: float, reason: str) -> None:
        """Note that the stream is broken from here on; the gap is told when it goes on."""
        if self._gap is None and self._received is not None:
            self._gap = (min(self._received, now), reason)
        self.reset()

    def resume(self, received: float, epoch: int, missed: int | None) -> None:
        """Tell the gap before the first item after it."""
        if self._gap is not None:
            since, reason = self._gap
            self._gap = None
            self.hub.mark(Gap(self.topic.symbol, epoch, since, received, reason, missed))

    def distrust(self, now: float, reason: str) -> None:
        """Note that messages were lost, and have the topic asked anew."""
        self._doubted = True
        self.interrupt(now, reason)
        self._demand.distrusted(self, reason)

    def settle(self) -> None:
        """Note that everything is as it should be again, if it was not."""
        if self._doubted:
            self._doubted = False
            self._demand.trusted(self)

    def begin_empty(self, received: float, epoch: int) -> None:  # noqa: B027 - channels that cannot begin empty ignore it
        """Take it that there is nothing to show: the topic was acknowledged and no snapshot followed."""

    @abstractmethod
    def current(self) -> Sequence[Any]:
        """What a late subscriber gets at once."""

    @abstractmethod
    def reset(self) -> None:
        """Forget what cannot be trusted over an interruption."""


class RecordFeed(Feed):
    """The scan of a channel whose records become models one by one: tickers, trades, candles, instruments."""

    __slots__ = ("_reducer",)

    def __init__(
        self, topic: Topic, demand: Demand, report: Callable[[SubscriberFailed], None], reducer: Reducer
    ) -> None:
        """The reducer is this feed's own."""
        super().__init__(topic, demand, report)
        self._reducer = reducer

    def receive(self, records: Sequence[Mapping[str, Any]], kind: str, received: float, epoch: int) -> None:
        """Reduce one frame's records and emit what comes out of it."""
        items = self._reducer.reduce(records, kind, received, epoch)
        self.frames += 1
        if self._gap is not None:
            self.resume(received, epoch, self._reducer.missed)
        self._received = received
        emit = self.hub.emit
        for item in items:
            emit(item)

    def current(self) -> Sequence[Any]:
        """The reducer's state, for state streams."""
        return self._reducer.current()

    def reset(self) -> None:
        """Forget what the reducer cannot trust."""
        self._reducer.reset()


class BookFeed(Feed):
    """The scan of an order book: one reducer, verified, one light value per frame."""

    __slots__ = ("_told", "book")

    def __init__(
        self,
        topic: Topic,
        demand: Demand,
        report: Callable[[SubscriberFailed], None],
        book: BookReducer | Book3Reducer,
    ) -> None:
        """The reducer is this feed's own."""
        super().__init__(topic, demand, report)
        self.book: BookReducer | Book3Reducer = book
        self._told: Exception | None = None

    def receive(self, record: Any, kind: str, raw: str | bytes, received: float, epoch: int) -> MalformedBook | None:
        """Apply one record; emit the book if it can be trusted, ask for a new one if not; returns what is malformed."""
        book = self.book.apply(record, kind, raw, received, epoch)
        if book is None:
            return self._distrust() if self.book.needs_resync else None
        if self._doubted or self._gap is not None:
            self._recover(book, received, epoch)
        self.frames += 1
        self._received = received
        self.hub.emit(book)
        return None

    def refuse(self, kind: str, reason: str) -> None:
        """Ask for a new book, since a message for this one could not be read at all."""
        self.book.refuse(kind, reason)
        if self.book.needs_resync:
            self._distrust()

    def _recover(self, book: Book | OrderBook3, received: float, epoch: int) -> None:
        if self._gap is not None:
            self.resume(received, epoch, None)
        if book.verified:
            self.settle()

    def current(self) -> Sequence[Any]:
        """A fresh view of the book, if it is live and may be shown."""
        book = self.book.view()
        return () if book is None else (book,)

    def reset(self) -> None:
        """Forget every level; updates are ignored until a snapshot comes."""
        self.book.reset()

    def set_precision(self, price_precision: int, qty_precision: int) -> None:
        """Read and check the book with other digits from now on (ws-v2 reference section 3.6)."""
        self.book.set_precision(price_precision, qty_precision)
        if self.book.needs_resync:
            self._distrust()

    def _distrust(self) -> MalformedBook | None:
        error = self.book.last_error
        if error is self._told:
            return None  # what comes until the next snapshot is ignored for the same reason
        self._told = error
        if self._received is not None and self._gap is None:
            self._gap = (self._received, str(error))
        self._doubted = True
        self._demand.distrusted(self, str(error))
        return error if isinstance(error, MalformedBook) else None
