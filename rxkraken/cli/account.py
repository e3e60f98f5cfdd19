"""The commands that watch with an API key: `executions`, `balances`, `level3`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

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
from rxkraken.cli.watch import Channel, watch
from rxkraken.client_v1 import KrakenV1Client
from rxkraken.models.status import Gap
from rxkraken.models.trading import Balances, Execution
from rxkraken.symbols import canonical

if TYPE_CHECKING:
    from typing import Any

    from rxkraken.cli.watch import AnyClient
    from rxkraken.client import KrakenClient


@examples("rxkraken --simulate level3 BTC/USD", "rxkraken level3 BTC/USD --depth 100 --count 1 --json")
def level3(
    context: typer.Context,
    symbols: Markets,
    *,
    depth: Annotated[int, typer.Option(metavar="N", help="Price levels a side: 10, 100 or 1000.", **whole())] = 10,
    count: Count = None,
    seconds: For = None,
    until: Until = None,
    as_json: Json = False,
    api: ApiOption = Api.V2,
) -> None:
    """Show books of single orders, each update verified by Kraken's checksum. Needs an API key.

    In a terminal a ladder with how many orders wait at each price; in a pipe, or with --json, one line of JSON a book,
    with every order: `"type":"level3"`.
    """
    need_v2(api, "level3", "watch the book: rxkraken book SYMBOL --api v1")

    def stream(client: KrakenClient) -> rx.Observable[Any]:
        return client.level3(*symbols, depth=depth, gaps=True)

    watch(
        Options.of(context, json=as_json),
        Channel(stream, views.LEVEL3, "level3", role="l3"),
        Limits.of(count, seconds, until),
    )


@examples(
    "rxkraken --simulate executions",
    "rxkraken --credentials ~/.kraken executions BTC/USD --fills",
    "rxkraken executions --no-open --until 17:00 --json",
)
def executions(
    context: typer.Context,
    symbols: SomeMarkets = None,
    *,
    snapshot: Annotated[bool, typer.Option("--open/--no-open", help="Begin with the open orders.")] = True,
    fills: Annotated[bool, typer.Option("--fills", help="Begin with the latest fills too, at most 50.")] = False,
    count: Count = None,
    seconds: For = None,
    until: Until = None,
    as_json: Json = False,
    api: ApiOption = Api.V2,
) -> None:
    """Show everything that happens to the orders of the account: whole and once. Needs an API key.

    Begins with the open orders. In a pipe, or with --json, one line of JSON an event: `"type":"execution"` with the
    whole order after it, and `"type":"gap"` where an interruption was repaired. Over WebSocket v1 it is put together
    from two channels, and the open orders and latest fills come in no certain order.
    """
    wanted = frozenset(map(canonical, symbols or ()))

    def stream(client: AnyClient) -> rx.Observable[Any]:
        if isinstance(client, KrakenV1Client):
            events = _executions_v1(client, snapshot=snapshot, fills=fills)
        else:
            events = client.executions(snap_orders=snapshot, snap_trades=fills)
        return events.pipe(ops.filter(lambda item: _is_of(item, wanted))) if wanted else events

    channel = Channel(stream, views.EXECUTIONS, "executions", role="auth")
    watch(Options.of(context, json=as_json), channel, Limits.of(count, seconds, until), api)


def _executions_v1(client: KrakenV1Client, *, snapshot: bool, fills: bool) -> rx.Observable[Any]:
    """Leave out, or add, what was the case before: v1 itself always tells the open orders, and never the fills."""
    told: rx.Observable[Any] = client.executions()
    events = told if snapshot else told.pipe(ops.filter(_is_new))
    if not fills:
        return events
    before: rx.Observable[Any] = client.own_trades(gaps=False).pipe(ops.filter(lambda fill: fill.snapshot))
    # The fills of before are told to who asks first.
    return rx.merge(before, events)


def _is_new(item: Execution | Gap) -> bool:
    return isinstance(item, Gap) or not item.snapshot


def _is_of(item: Execution | Gap, wanted: frozenset[str]) -> bool:
    return isinstance(item, Gap) or item.symbol in wanted


@examples("rxkraken --simulate balances", "rxkraken balances BTC USD", "rxkraken balances --count 1 --json")
def balances(
    context: typer.Context,
    assets: Annotated[
        list[str] | None, typer.Argument(metavar="ASSET", help="Only these assets, such as BTC; all if not given.")
    ] = None,
    *,
    count: Count = None,
    seconds: For = None,
    until: Until = None,
    as_json: Json = False,
    api: ApiOption = Api.V2,
) -> None:
    """Show the balances of the account, and each change with what caused it. Needs an API key.

    In a pipe, or with --json, one line of JSON a change, with the balances of all assets: `"type":"balances"`.
    """
    need_v2(api, "balances", "ask REST: rxkraken rest POST Balance")
    wanted = frozenset(asset.upper() for asset in assets or ())

    def stream(client: KrakenClient) -> rx.Observable[Any]:
        items = client.balances()
        if not wanted:
            return items
        return items.pipe(ops.map(lambda item: _only(item, wanted)), ops.filter(_tells_something))

    channel = Channel(stream, views.BALANCES, "balances", role="auth")
    watch(Options.of(context, json=as_json), channel, Limits.of(count, seconds, until))


def _only(item: Balances | Gap, wanted: frozenset[str]) -> Balances | Gap:
    """Leave these assets; one that is not there was never held."""
    if isinstance(item, Gap):
        return item
    held = {asset: balance for asset, balance in item.assets.items() if asset.upper() in wanted}
    changes = tuple(change for change in item.changes if change.asset.upper() in wanted)
    return Balances(held, changes, item.snapshot, item.received, item.epoch)


def _tells_something(item: Balances | Gap) -> bool:
    return isinstance(item, Gap) or item.snapshot or bool(item.changes)
