"""How each channel looks in a terminal: which columns, which rows an item fills, or a ladder for each market."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rich.table import Table
from rich.text import Text

from rxkraken.cli.ladder import clock, ladder_panel
from rxkraken.cli.sheet import View, table_body

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from decimal import Decimal

    from rich.console import RenderableType

    from rxkraken.books import Book, OrderBook3
    from rxkraken.cli.records import Spread
    from rxkraken.cli.sheet import Rows
    from rxkraken.models.market import Candle, Instruments, Ticker, Trade
    from rxkraken.models.status import SystemStatus
    from rxkraken.models.trading import Balances, Execution

_LADDER_FRAME: Final = 4


def _number(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:,f}"


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment:%H:%M:%S.%f}"[:-3]


def _signed(value: Decimal, text: str) -> Text:
    return Text(text, style="green" if value > 0 else "red" if value < 0 else "")


def _sided(side: str | None, text: str | None) -> Text:
    return Text(text or "", style={"buy": "green", "sell": "red"}.get(side or "", ""))


def _ticker(item: Ticker) -> Mapping[str, Any]:
    change = _signed(item.change_pct, f"{item.change_pct:+,f} %")
    top, day = (item.bid, item.ask, item.last), (item.volume, item.vwap, item.low, item.high)
    return {item.symbol: (item.symbol, *map(_number, top), change, *map(_number, day))}


def _spread(item: Spread) -> Mapping[str, Any]:
    numbers = (item.bid_qty, item.bid, item.ask, item.ask_qty, item.spread)
    # Not every exchange tells when it was.
    return {item.symbol: (item.symbol, *map(_number, numbers), _time(item.timestamp) or clock(item.received))}


def _trade(item: Trade) -> Mapping[str, Any]:
    price = _sided(item.side, _number(item.price))
    return {
        "": (_time(item.timestamp), item.symbol, _sided(item.side, item.side), price, _number(item.qty), item.ord_type)
    }


def _candle(item: Candle) -> Mapping[str, Any]:
    numbers = (item.high, item.low, item.close, item.open, item.volume, item.vwap)
    begin = f"{item.interval_begin:%m-%d %H:%M}"
    cells = (begin, item.symbol, *map(_number, numbers), item.trades, f"{item.interval} min")
    # The newest candle stands on top; the one that is running is replaced by each trade.
    return {f"{item.interval_begin.isoformat()} {item.symbol}": cells}


def _plainly(value: Decimal | None) -> str | None:
    """Return a number without the zeros that only fill up its digits: where eight of them stand side by side."""
    text = _number(value)
    return text.rstrip("0").rstrip(".") if text is not None and "." in text else text


def _execution(item: Execution) -> Mapping[str, Any]:
    order = item.order
    fill = None if item.last_qty is None else f"{_plainly(item.last_qty)} @ {_plainly(item.last_price)}"
    size = f"{_plainly(order.cum_qty)} / {_plainly(order.qty) or '?'}"
    side = _sided(item.side, item.side)
    why = item.reason or order.reason
    cells = (_time(item.timestamp), item.symbol, side, item.exec_type, size, _plainly(order.limit_price), fill)
    return {"": (*cells, order.status, item.order_id, why)}


def _balances(item: Balances) -> Mapping[str, Any]:
    latest = {change.asset: change for change in item.changes}
    return {
        asset: (asset, _number(held.balance), _change(latest.get(asset)), clock(item.received))
        for asset, held in item.assets.items()
        if item.snapshot or not latest or asset in latest
    }


def _change(change: Any) -> Text | None:
    return None if change is None else _signed(change.amount, f"{change.amount:+,f} {change.type}")


def _instruments(item: Instruments) -> Mapping[str, Any]:
    changed = set(item.changed)
    return {
        pair.symbol: (
            pair.symbol,
            pair.status,
            *map(_number, (pair.price_increment, pair.qty_increment, pair.qty_min, pair.cost_min)),
            pair.price_precision,
            pair.qty_precision,
        )
        for pair in item.pairs.values()
        if pair.symbol in changed
    }


def _system(item: SystemStatus) -> Mapping[str, Any]:
    style = "green" if item.system == "online" else "bold yellow"
    number = None if item.connection_id is None else str(item.connection_id)
    return {"": (Text(item.system, style=style), item.version, item.api_version, number)}


def _ladders(title: str) -> View:
    def rows(item: Book | OrderBook3) -> Mapping[str, Any]:
        return {item.symbol: item}

    def body(rows: Rows, lines: int, current: bool) -> RenderableType:  # noqa: FBT001 - the shape of every body
        levels = max(1, (lines - _LADDER_FRAME) // 2)
        grid = Table.grid(expand=True, padding=(0, 1))
        books = list(rows.values()) or [None]
        for _ in books:
            grid.add_column(ratio=1)
        deepest = max((max(len(book.bids), len(book.asks)) for book in books if book is not None), default=levels)
        shown = min(levels, max(1, deepest))
        grid.add_row(
            *(ladder_panel(book, shown, current=current, title=book.symbol if book else title) for book in books)
        )
        return grid

    return View(title, rows, body)


TICKER: Final = View(
    "ticker",
    _ticker,
    table_body("market", ">bid", ">ask", ">last", ">24 h", cut_first=(">volume", ">vwap", ">low", ">high")),
    whole=True,
)
SPREAD: Final = View(
    "spread",
    _spread,
    table_body("market", ">bid qty", ">bid", ">ask", ">ask qty", ">spread", cut_first=(">time",)),
    whole=True,
)
TRADES: Final = View(
    "trades", _trade, table_body("time", "market", "side", ">price", ">quantity", "order"), newest=True, kept=200
)
OHLC: Final = View(
    "ohlc",
    _candle,
    table_body(
        *("begin", "market", ">high", ">low", ">close"),
        cut_first=(">open", ">volume", ">vwap", ">trades", ">interval"),
        latest_first=True,
    ),
)
EXECUTIONS: Final = View(
    "executions",
    _execution,
    table_body(
        *("time", "market", "side", "event", ">filled", ">limit", ">fill"), cut_first=("status", "order", "reason")
    ),
    newest=True,
    kept=200,
)
BALANCES: Final = View("balances", _balances, table_body("asset", ">balance", ">change", ">received"), whole=True)
INSTRUMENTS: Final = View(
    "instruments",
    _instruments,
    table_body(
        "market", "status", ">price step", ">qty step", ">least qty", ">least cost", ">price digits", ">qty digits"
    ),
    whole=True,
)
STATUS: Final = View("status", _system, table_body("system", "version", "api", "connection"), newest=True, kept=200)
BOOK: Final = _ladders("book")
LEVEL3: Final = _ladders("level3")
