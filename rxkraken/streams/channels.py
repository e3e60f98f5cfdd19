"""Which topics a call means, and which feed serves each: the table of public channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from reactivex.disposable import CompositeDisposable

from rxkraken.books import Book3Reducer, BookReducer
from rxkraken.errors import InvalidArgument
from rxkraken.protocol.spot_v2 import DEPTHS, INTERVALS, LEVEL3_DEPTHS, TRIGGERS
from rxkraken.protocol.topics import Topic
from rxkraken.streams.feed import BookFeed, RecordFeed
from rxkraken.streams.reducers import CandleReducer, InstrumentReducer, TickerReducer, TradeReducer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from reactivex.abc import DisposableBase, ObserverBase

    from rxkraken.errors import SubscriberFailed
    from rxkraken.models.market import Instrument
    from rxkraken.streams.feed import Demand, Feed
    from rxkraken.streams.reducers import Reducer

CHECKSUMS = ("verify", "flag", "off")
VENUES = ("international", "bitnomial-exchange")


def ticker_topic(symbol: str, trigger: str) -> Topic:
    """One ticker; `trigger` is checked."""
    _check("trigger", trigger, TRIGGERS)
    return Topic("ticker", symbol, (("event_trigger", trigger),))


def book_topic(symbol: str, depth: int, checksum: str) -> Topic:
    """One book; `depth` and `checksum` are checked."""
    _check("depth", depth, DEPTHS)
    _check("checksum", checksum, CHECKSUMS)
    return Topic("book", symbol, (("depth", depth),), (("checksum", checksum),))


def level3_topic(symbol: str, depth: int, checksum: str) -> Topic:
    """One book of single orders; `depth` and `checksum` are checked."""
    _check("depth", depth, LEVEL3_DEPTHS, "price levels")
    _check("checksum", checksum, CHECKSUMS)
    return Topic("level3", symbol, (("depth", depth),), (("checksum", checksum),), private=True)


def executions_topic() -> Topic:
    """Every event of the account's orders; what a subscriber wants of it is chosen by its view."""
    params = (("snap_orders", True), ("snap_trades", True), ("order_status", True), ("ratecounter", True))
    return Topic("executions", None, params, private=True)


def balances_topic() -> Topic:
    """The account's balances."""
    return Topic("balances", private=True)


def ohlc_topic(symbol: str, interval: int) -> Topic:
    """One candle series; `interval` is checked."""
    _check("interval", interval, INTERVALS, "minutes")
    return Topic("ohlc", symbol, (("interval", interval),))


def trade_topic(symbol: str, *, snapshot: bool) -> Topic:
    """One market's trades; `snapshot` is checked."""
    _check("snapshot", snapshot, (True, False))
    return Topic("trade", symbol, (), (("snapshot", snapshot),))


def instrument_topic(*, include_tokenized_assets: bool = False, execution_venue: str | None = None) -> Topic:
    """The instrument table; both parameters are checked and sent only if they differ from Kraken's defaults."""
    _check("include_tokenized_assets", include_tokenized_assets, (True, False))
    params: list[tuple[str, Any]] = []
    if include_tokenized_assets:
        params.append(("include_tokenized_assets", True))
    if execution_venue is not None:
        _check("execution_venue", execution_venue, VENUES)
        params.append(("execution_venue", execution_venue))
    return Topic("instrument", None, tuple(params))


def _check(name: str, value: Any, allowed: Sequence[Any], unit: str = "") -> None:
    # `True == 1` and `10.0 == 10`, but neither is what the wire wants.
    if any(value is choice or (type(value) is type(choice) and value == choice) for choice in allowed):
        return
    choices = ", ".join(map(repr, allowed))
    raise InvalidArgument(f"{name}={value!r} is not allowed; choose one of {choices}{' ' + unit if unit else ''}")


def make_feed(
    topic: Topic, demand: Demand, report: Callable[[SubscriberFailed], None], instrument: Instrument | None
) -> Feed:
    """Make the feed of a topic; a book starts with its instrument's precisions if they are known."""
    if topic.channel not in ("book", "level3"):
        return RecordFeed(topic, demand, report, _reducer(topic))
    kind = Book3Reducer if topic.channel == "level3" else BookReducer
    book = kind(
        str(topic.symbol),
        dict(topic.params)["depth"],
        checksum=dict(topic.local)["checksum"],
        price_precision=instrument.price_precision if instrument else None,
        qty_precision=instrument.qty_precision if instrument else None,
    )
    return BookFeed(topic, demand, report, book)


def _reducer(topic: Topic) -> Reducer:
    match topic.channel:
        case "ticker":
            return TickerReducer()
        case "trade":
            return TradeReducer(history=dict(topic.local)["snapshot"])
        case "ohlc":
            return CandleReducer()
        case channel:
            assert channel == "instrument", channel  # noqa: S101 - topics are made in this module only
            return InstrumentReducer()


def attach(feeds: Sequence[Feed], observer: ObserverBase[Any], place: str, *, gaps: bool) -> DisposableBase:
    """Connect one observer to the feeds of all its symbols.

    One refused symbol must not take the others' items away: the stream fails only when no symbol is left, and until
    then the refusal is told on the client's `errors` and `status`.
    """
    if len(feeds) == 1:
        return feeds[0].subscribe(observer, place, gaps=gaps)
    # An observer by its methods; RxPY's base class would make `on_next` a method of its own, one more call an item.
    branch = cast("ObserverBase[Any]", _Branches(observer, len(feeds)))
    return CompositeDisposable([feed.subscribe(branch, place, gaps=gaps) for feed in feeds])


class _Branches:
    """An observer of several feeds that ends with the last of them. Items go to the observer directly."""

    def __init__(self, observer: ObserverBase[Any], count: int) -> None:
        self.on_next = observer.on_next
        self.dispose = getattr(observer, "dispose", lambda: None)
        self._observer = observer
        self._left = count

    def on_error(self, error: Exception) -> None:
        self._left -= 1
        if self._left <= 0:
            self._observer.on_error(error)

    def on_completed(self) -> None:
        self._left -= 1
        if self._left <= 0:
            self._observer.on_completed()
