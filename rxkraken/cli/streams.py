"""The commands that watch market data: `ticker`, `spread`, `book`, `trades`, `ohlc`, `instruments`, `status`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import reactivex as rx
import typer
from reactivex import operators as ops

from rxkraken.cli import views
from rxkraken.cli.context import Options
from rxkraken.cli.examples import examples
from rxkraken.cli.limits import (
    Api,
    ApiOption,
    Count,
    For,
    Json,
    Limits,
    Markets,
    SomeMarkets,
    Until,
    need_v2,
)
from rxkraken.cli.numbers import whole
from rxkraken.cli.records import Spread
from rxkraken.cli.watch import Channel, watch
from rxkraken.client_v1 import KrakenV1Client
from rxkraken.models.market import Instruments
from rxkraken.models.status import Gap
from rxkraken.protocol import spot_v1, spot_v2
from rxkraken.symbols import Symbols

if TYPE_CHECKING:
    from typing import Any

    from rxkraken.cli.watch import AnyClient
    from rxkraken.client import KrakenClient
    from rxkraken.models.market import Ticker
    from rxkraken.models.market_v1 import Spread as SpreadV1
    from rxkraken.models.status import Message, SystemStatus

_TRADES: Final = "trades"


@examples(
    "rxkraken --simulate ticker BTC/USD ETH/USD",
    "rxkraken ticker BTC/USD --trigger bbo --for 60",
    "rxkraken ticker BTC/USD --count 1 --json",
)
def ticker(
    context: typer.Context,
    symbols: Markets,
    *,
    trigger: Annotated[
        str, typer.Option(help="Tell each trade (trades), or each change of bid or ask (bbo).")
    ] = _TRADES,
    count: Count = None,
    seconds: For = None,
    until: Until = None,
    as_json: Json = False,
    api: ApiOption = Api.V2,
) -> None:
    """Show best bid and ask, last price and rolling 24 hours of markets.

    In a terminal a live table; in a pipe, or with --json, one line of JSON an update: `"type":"ticker"`. WebSocket v1
    lets nobody choose: it tells trades and changes alike.
    """
    if trigger != _TRADES:
        need_v2(api, f"--trigger {trigger}", "leave out --trigger: v1 tells trades and changes of bid and ask alike")
    wanted: Any = trigger  # the client checks it, and says what is allowed

    def stream(client: AnyClient) -> rx.Observable[Any]:
        if isinstance(client, KrakenV1Client):
            return client.ticker(*symbols, gaps=True)
        return client.ticker(*symbols, trigger=wanted, gaps=True)

    watch(
        Options.of(context, json=as_json),
        Channel(stream, views.TICKER, "ticker"),
        Limits.of(count, seconds, until),
        api,
    )


@examples("rxkraken --simulate spread BTC/USD ETH/USD", "rxkraken spread BTC/USD --count 10 --api v1")
def spread(
    context: typer.Context,
    symbols: Markets,
    *,
    count: Count = None,
    seconds: For = None,
    until: Until = None,
    as_json: Json = False,
    api: ApiOption = Api.V2,
) -> None:
    """Show the best bid and ask of markets and what lies between, whenever one of them changes.

    WebSocket v1 has a channel for it. V2 has none: there it is taken from the ticker that tells each change of the best
    bid or ask. In a pipe, or with --json, one line of JSON a change: `"type":"spread"`.
    """

    def stream(client: AnyClient) -> rx.Observable[Any]:
        if isinstance(client, KrakenV1Client):
            return client.spread(*symbols, gaps=True).pipe(ops.map(_spread_of))
        return client.ticker(*symbols, trigger="bbo", gaps=True).pipe(ops.map(_spread_of))

    watch(
        Options.of(context, json=as_json),
        Channel(stream, views.SPREAD, "spread" if api is Api.V1 else "ticker"),
        Limits.of(count, seconds, until),
        api,
    )


def _spread_of(item: Ticker | SpreadV1 | Gap) -> Spread | Gap:
    return item if isinstance(item, Gap) else Spread.of(item)


@examples(
    "rxkraken --simulate book BTC/USD",
    "rxkraken book BTC/USD ETH/USD --depth 25",
    "rxkraken book BTC/USD --count 1 --json",
)
def book(
    context: typer.Context,
    symbols: Markets,
    *,
    depth: Annotated[int, typer.Option(metavar="N", help="Levels a side: 10, 25, 100, 500 or 1000.", **whole())] = 10,
    count: Count = None,
    seconds: For = None,
    until: Until = None,
    as_json: Json = False,
    api: ApiOption = Api.V2,
) -> None:
    """Show order books, each update verified by Kraken's checksum before it is shown.

    In a terminal a ladder for each market; in a pipe, or with --json, one line of JSON a book, with every level, best
    first: `"type":"book"`.
    """

    def stream(client: AnyClient) -> rx.Observable[Any]:
        return client.book(*symbols, depth=depth, gaps=True)

    watch(
        Options.of(context, json=as_json),
        Channel(stream, views.BOOK, "book"),
        Limits.of(count, seconds, until),
        api,
    )


@examples(
    "rxkraken --simulate trades BTC/USD ETH/USD",
    "rxkraken trades BTC/USD --snapshot --count 50",
    "rxkraken trades BTC/USD --until 23:59:59 > trades.ndjson",
)
def trades(
    context: typer.Context,
    symbols: Markets,
    *,
    snapshot: Annotated[bool, typer.Option("--snapshot", help="Begin with the last 50 trades.")] = False,
    count: Count = None,
    seconds: For = None,
    until: Until = None,
    as_json: Json = False,
    api: ApiOption = Api.V2,
) -> None:
    """Show every trade once, in order; what was missed during an interruption is fetched, or counted.

    In a pipe, or with --json, one line of JSON a trade: `"type":"trade"`, and `"type":"gap"` where the stream was
    interrupted, with how many trades are missing. Over WebSocket v1, which numbers no trades and repeats none, that is
    not known, and nothing can be fetched.
    """
    if snapshot:
        need_v2(api, "trades of before", "leave out --snapshot")

    def stream(client: AnyClient) -> rx.Observable[Any]:
        if isinstance(client, KrakenV1Client):
            return client.trades(*symbols, gaps=True)
        return client.trades(*symbols, snapshot=snapshot, gaps=True)

    watch(
        Options.of(context, json=as_json),
        Channel(stream, views.TRADES, "trade"),
        Limits.of(count, seconds, until),
        api,
    )


@examples("rxkraken --simulate ohlc BTC/USD", "rxkraken ohlc BTC/USD ETH/USD --interval 60")
def ohlc(
    context: typer.Context,
    symbols: Markets,
    *,
    interval: Annotated[
        int,
        typer.Option(metavar="N", help="Minutes of a candle: 1, 5, 15, 30, 60, 240, 1440, 10080 or 21600.", **whole()),
    ] = 1,
    count: Count = None,
    seconds: For = None,
    until: Until = None,
    as_json: Json = False,
    api: ApiOption = Api.V2,
) -> None:
    """Show candles: Kraken's history first, then the running candle on each trade.

    In a pipe, or with --json, one line of JSON a candle: `"type":"candle"`. A candle is final when one with a later
    `interval_begin` arrives. WebSocket v1 has no history: there the latest candle is the first.
    """

    def stream(client: AnyClient) -> rx.Observable[Any]:
        return client.ohlc(*symbols, interval=interval, gaps=True)

    watch(
        Options.of(context, json=as_json),
        Channel(stream, views.OHLC, "ohlc"),
        Limits.of(count, seconds, until),
        api,
    )


@examples("rxkraken --simulate instruments", "rxkraken instruments BTC/USD ETH/USD", "rxkraken instruments --follow")
def instruments(
    context: typer.Context,
    symbols: SomeMarkets = None,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on, and show what changes.")] = False,
    count: Count = None,
    seconds: For = None,
    until: Until = None,
    as_json: Json = False,
    api: ApiOption = Api.V2,
) -> None:
    """List what is traded: status, digits, increments and minimums of every market.

    Ends after the list unless --follow is given. In a pipe, or with --json, one line of JSON a market, `"type":"pair"`,
    and, unless markets are named, one an asset: `"type":"asset"`.
    """
    need_v2(api, "instruments", "ask REST: rxkraken rest GET AssetPairs")
    wanted = symbols or []

    def stream(client: KrakenClient) -> rx.Observable[Any]:
        tables = client.instruments()
        return tables.pipe(ops.map(lambda table: _only(table, wanted))) if wanted else tables

    limits = Limits.of(count if follow or count else 1, seconds, until)
    watch(Options.of(context, json=as_json), Channel(stream, views.INSTRUMENTS, "instrument"), limits)


def _only(table: Instruments, wanted: list[str]) -> Instruments:
    """Leave these markets of a table; one that is not there is an error with the nearest names."""
    listed = Symbols(table.pairs)
    pairs = {name: table.pairs[name] for name in map(listed.resolve, wanted)}
    return Instruments(pairs, {}, tuple(name for name in table.changed if name in pairs), table.received, table.epoch)


@examples("rxkraken --simulate status", "rxkraken status --count 3", "rxkraken --endpoints beta status --for 10")
def status(
    context: typer.Context,
    *,
    count: Count = None,
    seconds: For = None,
    until: Until = None,
    as_json: Json = False,
    api: ApiOption = Api.V2,
) -> None:
    """Show what becomes of the connection, and what Kraken says of its engine.

    In a pipe, or with --json, one line of JSON a change: `"type":"status"` for the connection (connecting, online,
    lost), `"type":"system"` for the engine (online, maintenance, cancel_only, post_only, limit_only).
    """
    channel = Channel(_statuses, views.STATUS, None)
    watch(Options.of(context, json=as_json), channel, Limits.of(count, seconds, until), api)


def _statuses(client: AnyClient) -> rx.Observable[Any]:
    # A ping opens the connection. If it is lost, that is what the statuses tell.
    opened: rx.Observable[Any] = client.ping().pipe(ops.ignore_elements(), ops.catch(rx.never()))
    return rx.merge(client.status, client.messages.pipe(ops.flat_map(_systems)), opened)


def _systems(message: Message) -> rx.Observable[SystemStatus]:
    """Read what a message says of the engine, if that is what it is about; v1 sends arrays too."""
    frame: Any = message.frame
    try:
        match frame:
            case {"channel": "status"}:
                return rx.of(spot_v2.system_status(frame.get("data")))
            case {"event": "systemStatus"}:
                return rx.of(spot_v1.system_status(frame))
            case _:
                return rx.empty()
    except spot_v2.Malformed:
        return rx.empty()  # told on `client.unknown`
