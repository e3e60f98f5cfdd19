"""What the order tests share: a market, and `add_order` with the time, the ids and the market filled in."""

from __future__ import annotations

import itertools
from dataclasses import replace
from decimal import Decimal
from functools import partial

import pytest

from rxkraken.models.market import Instrument
from rxkraken.trading.parameters import add_order, amend_order, batch_add, edit_order

# 2026-03-01T12:00:00Z
NOW = 1_772_366_400.0
BTCUSD = Instrument(
    symbol="BTC/USD",
    base="BTC",
    quote="USD",
    status="online",
    price_precision=1,
    qty_precision=8,
    price_increment=Decimal("0.1"),
    qty_increment=Decimal("1e-08"),
    qty_min=Decimal("5e-05"),
    cost_precision=5,
    cost_min=Decimal("0.5"),
    marginable=True,
    margin_initial=Decimal("0.2"),
    position_limit_long=300,
    position_limit_short=240,
    has_index=True,
)


@pytest.fixture
def now() -> float:
    """Noon of 1 March 2026, in Unix seconds."""
    return NOW


@pytest.fixture
def btcusd() -> Instrument:
    """The rules of BTC/USD, as the `instrument` channel told them in 2026."""
    return BTCUSD


@pytest.fixture
def market():
    """BTC/USD with some rules changed: `market(status="post_only")`."""
    return partial(replace, BTCUSD)


@pytest.fixture
def new_id():
    """Ids that count: id-1, id-2, ..."""
    return partial(next, map("id-{}".format, itertools.count(1)))


@pytest.fixture
def add(new_id):
    """`add_order` on BTC/USD at noon, with its rules known."""
    return partial(add_order, "BTC/USD", now=NOW, new_id=new_id, instrument=BTCUSD)


@pytest.fixture
def add_blind(new_id):
    """`add_order` at noon, with no market's rules known."""
    return partial(add_order, now=NOW, new_id=new_id)


@pytest.fixture
def batch(new_id):
    """`batch_add` on BTC/USD at noon, with its rules known."""
    return partial(batch_add, "BTC/USD", now=NOW, new_id=new_id, instrument=BTCUSD)


@pytest.fixture
def amend():
    """`amend_order` at noon, with the rules of BTC/USD known."""
    return partial(amend_order, now=NOW, instrument=BTCUSD)


@pytest.fixture
def edit():
    """`edit_order` of an order on BTC/USD at noon, with its rules known."""
    return partial(edit_order, symbol="BTC/USD", now=NOW, instrument=BTCUSD)
