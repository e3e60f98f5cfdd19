"""What the client knows of the exchange's markets: symbols that exist, digits of prices, and nearest names for typos.

It follows the `instrument` channel for as long as the client lives. Until the first snapshot is here, symbols are read
by rule alone and books take their digits from the wire.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rxkraken.errors import SubscriptionRejected, UnknownSymbol
from rxkraken.streams.feed import BookFeed
from rxkraken.symbols import Symbols, canonical

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rxkraken.models.market import Instrument, Instruments
    from rxkraken.streams.feed import Feed


class Directory:
    """The latest instruments, and whoever waits for the first ones."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self.instruments: Instruments | None = None
        self._symbols: Symbols | None = None
        self._waiting: list[Callable[[], None]] = []
        self._is_expected = True

    def expect_nothing(self) -> None:
        """Have nobody wait: where this client is connected, no table will come."""
        self._is_expected = False
        self.release()

    def update(self, instruments: Instruments, feeds: Iterable[Feed]) -> None:
        """Take a new table; open books take over changed precisions, and whoever waited goes on."""
        if self.instruments is None or instruments.pairs.keys() != self.instruments.pairs.keys():
            self._symbols = Symbols(instruments.pairs)
        self.instruments = instruments
        changed = frozenset(instruments.changed)
        for feed in feeds:
            if isinstance(feed, BookFeed) and feed.topic.symbol in changed:
                pair = instruments.pairs[feed.topic.symbol]
                feed.set_precision(pair.price_precision, pair.qty_precision)
        self.release()

    def release(self) -> None:
        """Let everyone who waits for the first table go on, with it or without."""
        waiting, self._waiting = self._waiting, []
        for callback in waiting:
            callback()

    def when_known(self, callback: Callable[[], None]) -> None:
        """Call back once the first table is here (or will not come in time); at once if it is."""
        if self.instruments is not None or not self._is_expected:
            callback()
        else:
            self._waiting.append(callback)

    def get(self, symbol: str) -> Instrument | None:
        """Look a market's rules up."""
        return None if self.instruments is None else self.instruments.pairs.get(symbol)

    def resolve(self, spelling: str) -> str:
        """Find the canonical symbol. Raises `UnknownSymbol` with the nearest names."""
        if self._symbols is None:
            return canonical(spelling)
        try:
            return self._symbols.resolve(spelling)
        except UnknownSymbol:
            # Tokenized assets are not in the default table (ws-v2 reference section 3.6); Kraken will know.
            symbol = canonical(spelling)
            if symbol.split("/", maxsplit=1)[0].endswith("x"):
                return symbol
            raise

    def explain(self, feed: Feed, text: str) -> SubscriptionRejected:
        """Say what Kraken refused and which markets look like it."""
        symbol = feed.topic.symbol
        near = self._symbols.suggest(symbol) if self._symbols is not None and symbol is not None else ()
        return SubscriptionRejected(feed.topic.channel, symbol, text, [name for name in near if name != symbol])
