"""The simulated market writes level 3 without knowing this package's reader; every one of its messages verifies."""

from __future__ import annotations

from decimal import Decimal

import pytest
import ujson

from rxkraken.books import Book3Reducer, Counters
from rxkraken.simulator.instruments import choose
from rxkraken.simulator.level3 import OrderView
from rxkraken.simulator.market import Market
from rxkraken.simulator.wire import Calendar, exact_text


class Ear:
    """Listens to a market, and hands everything about orders to one view."""

    latest = None
    view: OrderView | None = None

    def traded(self, trade) -> None:
        """Trades are not level 3."""

    def level_changed(self, *change) -> None:
        """Levels are not level 3."""

    def order_added(self, order) -> None:
        if self.view is not None:
            self.view.note(order)

    order_modified = order_added

    def order_removed(self, order, reason) -> None:
        self.order_added(order)


@pytest.mark.parametrize("digits", ["given", "from the wire"])
@pytest.mark.parametrize("depth", [10, 100])
@pytest.mark.parametrize("symbol", ["BTC/USD", "PEPE/USD"])
def test_every_message_of_a_simulated_market_verifies(symbol, depth, digits):
    (spec,) = choose([symbol])
    calendar = Calendar(start=0.0, epoch=1_767_225_600.0)
    market = Market(spec, ear := Ear(), seed=5, now=0.0, calendar=calendar)
    view = ear.view = OrderView(market.engine, depth, calendar, exact_text)
    known = {"price_precision": spec.price_precision, "qty_precision": spec.qty_precision} if digits == "given" else {}
    reducer = Book3Reducer(symbol, depth, **known)
    texts = [view.snapshot(spec, 0.0)]
    for step in range(1, 1500):
        market.step(step / 100, "online")
        if (text := view.update(spec, step / 100)) is not None:
            texts.append(text)
    for text in texts:
        frame = ujson.loads(text)
        reducer.apply(frame["data"][0], frame["type"], text, 1.0, 1)
    assert len(texts) > 500
    assert reducer.counters == Counters(snapshots=1, updates=len(texts) - 1, verified=len(texts))
    book = reducer.view()
    shown = [
        [(level.price, [(order.order_id, order.qty) for order in level.orders]) for level in levels]
        for levels in (book.bids, book.asks)
    ]
    assert shown == [
        [
            (
                Decimal(level.price).scaleb(-spec.price_precision),
                [(each, Decimal(order.visible).scaleb(-spec.qty_precision)) for each, order in level.orders.items()],
            )
            for level in ladder.top(depth)
        ]
        for ladder in (market.engine.bids, market.engine.asks)
    ]
