"""The WebSocket v1 part of a recording: a feed for each market and channel that appears, before the router asks for it.

A v1 frame names its channel with the depth or the interval, `book-10`, and a connection may hold a market at several of
them, while a router delivers to one. So the feed of each frame is put in place just before the frame is routed.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from reactivex import Observer

from rxkraken.protocol import spot_v1, spot_v2
from rxkraken.protocol.spot_v1_values import symbol_of
from rxkraken.session.speech import SPOT_V1
from rxkraken.streams import channels, channels_v1
from rxkraken.streams.feed import BookFeed, Feed
from rxkraken.streams.hub import Hub, Outlet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rxkraken.models.status import Message
    from rxkraken.protocol.spot_v2 import Reply
    from rxkraken.protocol.topics import Topic
    from rxkraken.tape.court import Court
    from rxkraken.tape.findings import Findings

_TOPICS: Final[dict[str, Callable[[str], Topic]]] = {
    "ticker": partial(channels.ticker_topic, trigger="trades"),
    "trade": partial(channels.trade_topic, snapshot=False),
    "spread": channels_v1.spread_topic,
    **{f"ohlc-{interval}": partial(channels.ohlc_topic, interval=interval) for interval in spot_v2.INTERVALS},
    **{f"book-{depth}": partial(channels.book_topic, depth=depth, checksum="verify") for depth in spot_v2.DEPTHS},
}
# What the router reads as far as somebody wants it: other depths and intervals would pass without a word.
_READ: Final = frozenset(name.partition("-")[0] for name in _TOPICS)


class RecordedV1:
    """One connection's worth of feeds, and the router that delivers to them.

    Books take their digits from the wire alone: v1 pads its numbers otherwise than the instruments say (ws-v1 reference
    section 6).
    """

    def __init__(self, court: Court, findings: Findings, clock: Callable[[], float]) -> None:
        """Know no market yet."""
        self.connection_id: int | None = None
        self._court = court
        self._findings = findings
        self._feeds: dict[tuple[str, str], Feed] = {}
        tap: Hub[Message] = Hub("recording", court.fail)
        tap.add(Outlet(Observer(self._meet), "the recording"))
        self.router = SPOT_V1.router("recording", clock, court, tap)

    def on_reply(self, reply: Reply) -> None:
        """Nothing: frames say their depth, and who leaves is seen from the frame."""

    def leave_all(self) -> None:
        """Forget every book: this is another connection."""
        for feed in self._feeds.values():
            feed.reset()

    # --- feeds for what appears ---------------------------------------------------------------------------------------

    def _meet(self, message: Message) -> None:
        """See each frame just before it is routed, and have a feed ready for what is in it."""
        frame: Any = message.frame
        match frame:
            case [_, *parts, str(channel), str(pair)] if parts:
                self._meet_data(channel, pair, parts)
            case {
                "event": "subscriptionStatus",
                "status": "unsubscribed",
                "channelName": str(channel),
                "pair": str(pair),
            }:
                self._leave(channel, pair)
            case _:
                pass  # it needs no feed

    def _meet_data(self, channel: str, pair: str, parts: Sequence[Any]) -> None:
        if channel not in _TOPICS:
            if channel.partition("-")[0] in _READ:
                self._findings.strange(f"unknown channel {channel!r}")
            return
        try:
            symbol = symbol_of(pair)
        except spot_v2.Malformed:
            return  # the router tells what is wrong with it
        feed = self._feeds.get((channel, symbol)) or self._open(channel, symbol)
        self.router.add(feed.topic, feed)
        if isinstance(feed, BookFeed):
            is_snapshot = spot_v1.kind_of_book(parts) == "snapshot"
            name = _name(channel, symbol)
            self._findings.see(name, is_snapshot=is_snapshot, is_update=not is_snapshot, checked_snapshots=False)

    def _open(self, channel: str, symbol: str) -> Feed:
        feed = channels_v1.make_feed(_TOPICS[channel](symbol), self._court, self._court.fail)
        self._feeds[channel, symbol] = feed
        if isinstance(feed, BookFeed):
            self._findings.follow(_name(channel, symbol), feed.book)
        return feed

    def _leave(self, channel: str, pair: str) -> None:
        """Forget a book that is not subscribed any more: what is still on its way must not be applied."""
        try:
            feed = self._feeds.get((channel, symbol_of(pair)))
        except spot_v2.Malformed:
            return
        if feed is not None:
            feed.reset()


def _name(channel: str, symbol: str) -> str:
    return f"{symbol} {channel}"
