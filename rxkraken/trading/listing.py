"""The rules of markets where the WebSocket tells none: from REST's `AssetPairs` (rest reference section 6.2).

What is kept are increments, minimums and names. The status of a market is not: nobody would tell when it changes, and
an order must not be refused here for what was so an hour ago.
"""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from rxkraken.errors import ClientClosed, KrakenError, UnknownSymbol
from rxkraken.logs import logger
from rxkraken.models.market import Instrument, Instruments
from rxkraken.symbols import canonical, to_v1

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rxkraken.models.rest_market import AssetPair
    from rxkraken.rest import RestClient
    from rxkraken.session.world import World
    from rxkraken.streams.directory import Directory

log = logger("rxkraken.trading")

# Increments are changed a few times a year, and a new market is no emergency.
_RENEWED_AFTER: Final = 3600.0
_ASKED_AGAIN_AFTER: Final = 60.0


class Listing:
    """Keeps a directory filled from REST, from the first need until the client is closed."""

    def __init__(self, rest: Callable[[], RestClient], world: World, directory: Directory) -> None:
        """Ask nothing yet."""
        self._rest = rest
        self._world = world
        self._directory = directory
        self._task: asyncio.Task[None] | None = None
        self._failed_before = False

    def begin(self) -> None:
        """Ask for the table, and again every hour. Does nothing where that has begun."""
        if self._task is None:
            self._task = self._world.loop.create_task(self._keep(), name="rxkraken listing")

    async def aclose(self) -> None:
        """Ask no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _keep(self) -> None:
        while True:
            pause = _RENEWED_AFTER if await self._ask() else _ASKED_AGAIN_AFTER
            await asyncio.sleep(pause)

    async def _ask(self) -> bool:
        try:
            pairs = await self._rest().asset_pairs()
        except ClientClosed:
            return False
        except KrakenError as error:
            level = logging.DEBUG if self._failed_before else logging.WARNING
            log.log(level, "the rules of the markets could not be asked; only the exchange checks orders: %s", error)
            self._failed_before = True
            self._directory.expect_nothing()
            return False
        self._failed_before = False
        # Books go by the digits that come with them, so no feed has to hear of this.
        self._directory.update(instruments_of(pairs.values(), self._world.wall()), feeds=())
        return True


def instruments_of(pairs: Iterable[AssetPair], received: float) -> Instruments:
    """Make the table of v2's `instrument` channel out of REST's, as far as REST tells it; `status` is empty."""
    listed: dict[str, Instrument] = {}
    for pair in pairs:
        try:
            symbol = canonical(pair.wsname)
        except UnknownSymbol:
            continue  # dark pools have no name for the WebSocket
        if symbol in listed and pair.wsname != to_v1(symbol):
            continue  # two names of ours for one: orders go to the one that v1 is sent
        listed[symbol] = _instrument(symbol, pair)
    return Instruments(listed, {}, tuple(listed), received, 0)


def _instrument(symbol: str, pair: AssetPair) -> Instrument:
    base, quote = symbol.split("/")
    return Instrument(
        symbol=symbol,
        base=base,
        quote=quote,
        status="",
        price_precision=pair.pair_decimals,
        qty_precision=pair.lot_decimals,
        price_increment=pair.tick_size or Decimal(1).scaleb(-pair.pair_decimals),
        qty_increment=Decimal(1).scaleb(-pair.lot_decimals),
        qty_min=pair.ordermin or Decimal(0),
        # Where REST tells no digits of a cost, none is wrong.
        cost_precision=_ANY_DIGITS if pair.cost_decimals is None else pair.cost_decimals,
        cost_min=pair.costmin or Decimal(0),
        marginable=bool(pair.leverage_buy or pair.leverage_sell),
        margin_initial=None,
        position_limit_long=pair.long_position_limit,
        position_limit_short=pair.short_position_limit,
        has_index=False,
    )


_ANY_DIGITS: Final = 18
