"""One symbol's orders out of its level 3 messages.

`Book3Reducer` is to `level3` what `BookReducer` is to `book`, with the same interface.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rxkraken.books.engine import Engine
from rxkraken.books.level3 import OrderBook3
from rxkraken.books.level3_ladder import OrderLadder, Queues
from rxkraken.books.level3_records import changes_of, wire_digits

if TYPE_CHECKING:
    from rxkraken.books.value import Facts


class Book3Reducer(Engine[Queues, OrderLadder, OrderBook3]):
    """Applies the level 3 messages of one symbol, and returns an `OrderBook3` for each that may be shown.

    `depth` counts price levels. `checksum` is "verify" (only books that match Kraken's CRC-32 are returned), "flag"
    (all are, `OrderBook3.verified` tells) or "off" (all are, none verified, no work spent). Precisions are the pair's
    from the `instrument` channel; where one is not known, the digits on the wire serve.

    A queue is in the order of arrival, a "modify" to a smaller quantity keeping its place. If a checksum fails after a
    "modify", levels ordered by the `timestamp` of their orders are tried; if they fit, this book goes on that way until
    its next snapshot (ws-v2 reference, section 3.3: which of the two holds is not confirmed). A checksum covers the
    best ten levels and no ids: deeper queues, and orders of equal quantity in one queue, are as the rules put them.

    After a mismatch ("verify") or a malformed message (always) `needs_resync` is true, `last_error` says why, and
    updates are ignored until a snapshot comes.
    """

    __slots__ = ()

    channel = "level3"

    def _book_of(self, facts: Facts[Queues]) -> OrderBook3:
        return OrderBook3(facts)

    def _lists_of(self, price_precision: int, qty_precision: int) -> Queues:
        return Queues(self.symbol, self.depth, price_precision, qty_precision)

    def _ladder_on(self, sides: Queues) -> OrderLadder:
        return OrderLadder(sides, checked=self._checks)

    def _load(self, ladder: OrderLadder, entry: Any) -> None:
        ladder.load(changes_of(entry, ladder.scale, snapshot=True))

    def _update(self, ladder: OrderLadder, entry: Any) -> None:
        changes = changes_of(entry, ladder.scale, snapshot=False)
        self._detach()
        ladder.change(changes)

    def _digits(self, entry: Any) -> tuple[int, int]:
        return wire_digits(entry)
