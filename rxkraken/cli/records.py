"""What a stream emits, as lines of JSON: one object a line, every digit kept.

Numbers are JSON numbers with the digits that Kraken sent, trailing zeros included; read them with
`json.loads(line, parse_float=Decimal)`. Times of the exchange are ISO 8601 text in UTC; `received` is the local time of
arrival in seconds since the Unix epoch. What is not known is left out. `type` says what a line is; the lines of both
WebSocket APIs have the same names, and each API's own fields: a trade has a `trade_id` over v2 and a `misc` over v1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, cast

from rxkraken.books import Book, OrderBook3
from rxkraken.models.market import Candle, Instruments, Ticker, Trade
from rxkraken.models.market_v1 import TradeV1
from rxkraken.models.rounding import EXACT
from rxkraken.models.status import Gap, Overflow, Status, SystemStatus
from rxkraken.models.trading import Balances, Execution
from rxkraken.protocol.json import dumps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rxkraken.models.market_v1 import Spread as SpreadV1


@dataclass(frozen=True, slots=True)
class Spread:
    """The best bid and ask of one market after one of them changed, and what lies between; of either API."""

    symbol: str
    bid: Decimal
    bid_qty: Decimal
    ask: Decimal
    ask_qty: Decimal
    spread: Decimal
    timestamp: datetime | None
    received: float
    epoch: int

    @classmethod
    def of(cls, item: Ticker | SpreadV1) -> Spread:
        """Take it from a ticker, or from what v1 tells on a channel of its own."""
        between = EXACT.subtract(item.ask, item.bid)
        top = (item.bid, item.bid_qty, item.ask, item.ask_qty)
        return cls(item.symbol, *top, between, item.timestamp, item.received, item.epoch)


_TYPES: Final[Mapping[type, str]] = {
    Ticker: "ticker", Spread: "spread", Trade: "trade", TradeV1: "trade", Candle: "candle", Execution: "execution",
    Gap: "gap", Overflow: "overflow", Status: "status", SystemStatus: "system",
}  # fmt: skip


def json_line(value: Any) -> str:
    """Return any value made of models, mappings, sequences and numbers as one line of JSON, every digit kept."""
    return dumps(plain(value))


def records(item: Any) -> Iterator[dict[str, Any]]:
    """Return the objects that tell of one item of a stream; most items are one, a table of instruments is many."""
    match item:
        case Book() | OrderBook3():
            yield _book(item)
        case Instruments():
            for kind, table in (("pair", item.pairs), ("asset", item.assets)):
                yield from ({"type": kind, **plain(entry)} for name, entry in table.items() if name in item.changed)
        case Balances():
            yield _balances(item)
        case _:
            yield {"type": _TYPES[type(item)], **plain(item)}


def plain(value: Any) -> Any:
    """Return a value as JSON has it; numbers stay `Decimal`, and what is None in a model is left out."""
    match value:
        case datetime():
            return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        case Mapping():
            return {str(key): plain(item) for key, item in cast("Mapping[Any, Any]", value).items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in cast("Iterable[Any]", value)]
        case _ if is_dataclass(value) and not isinstance(value, type):
            told = ((field.name, getattr(value, field.name)) for field in fields(value))
            # The exchange's own text of a time is more exact than a `datetime`.
            return {name.removesuffix("_text"): plain(item) for name, item in told if item is not None}
        case _:
            return value


def _book(book: Book | OrderBook3) -> dict[str, Any]:
    told = {"timestamp": book.timestamp_text, "checksum": book.checksum}
    return {
        "type": "book" if isinstance(book, Book) else "level3",
        "symbol": book.symbol,
        "bids": plain(book.bids),
        "asks": plain(book.asks),
        "verified": book.verified,
        **{name: value for name, value in told.items() if value is not None},
        "received": book.received,
        "epoch": book.epoch,
    }


def _balances(item: Balances) -> dict[str, Any]:
    return {
        "type": "balances",
        "balances": {asset: held.balance for asset, held in item.assets.items()},
        "changes": plain(item.changes),
        "snapshot": item.snapshot,
        "received": item.received,
        "epoch": item.epoch,
    }
