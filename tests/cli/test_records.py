"""Items as lines of JSON: one object a line, every digit as the exchange sent it."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from rxkraken.books import Book
from rxkraken.cli.records import Spread, json_line, records
from rxkraken.models.market import Asset, Instruments, Ticker, Trade
from rxkraken.models.market_v1 import Spread as SpreadV1
from rxkraken.models.market_v1 import TradeV1
from rxkraken.models.status import Gap, Overflow, Status, SystemStatus
from rxkraken.models.trading import Balance, Balances, Execution, Fee, Order

NOON = datetime(2026, 8, 2, 12, tzinfo=UTC)


def line(item: object) -> str:
    """The only line of an item."""
    (record,) = records(item)
    return json_line(record)


def test_a_trade_is_one_line_with_the_digits_it_came_with() -> None:
    """Trailing zeros are kept, small numbers have no exponent, times are UTC."""
    trade = Trade("BTC/USD", "buy", Decimal("67000.10"), Decimal("1E-8"), "limit", 7, NOON, 1785672000.25, 1)
    assert line(trade) == (
        '{"type":"trade","symbol":"BTC/USD","side":"buy","price":67000.10,"qty":0.00000001,"ord_type":"limit",'
        '"trade_id":7,"timestamp":"2026-08-02T12:00:00.000000Z","received":1785672000.25,"epoch":1}'
    )


def test_a_book_is_its_levels_best_first() -> None:
    """As Kraken writes them, with whether the checksum held."""
    book = Book.of("BTC/USD", [("9.0", "1.50")], [("10.0", "2.00"), ("11.0", "3.00")], received=2.5, epoch=3)
    assert line(book) == (
        '{"type":"book","symbol":"BTC/USD","bids":[{"price":9.0,"qty":1.50}],'
        '"asks":[{"price":10.0,"qty":2.00},{"price":11.0,"qty":3.00}],"verified":false,'
        f'"checksum":{book.checksum},"received":2.5,"epoch":3}}'
    )


def test_a_spread_is_taken_from_a_ticker_exactly() -> None:
    """Ask less bid, with the digits of the prices."""
    one = Decimal("1.0")
    ticker = Ticker(
        "BTC/USD", Decimal("67000.1"), one, Decimal("67000.4"), one, *([one] * 7), None, None, 1.5, 2
    )  # fmt: skip
    assert line(Spread.of(ticker)) == (
        '{"type":"spread","symbol":"BTC/USD","bid":67000.1,"bid_qty":1.0,"ask":67000.4,"ask_qty":1.0,"spread":0.3,'
        '"received":1.5,"epoch":2}'
    )


def test_what_v1_tells_has_the_names_of_v2() -> None:
    """A spread of its own channel, with its time; a trade without an id and with its `misc`."""
    spread = SpreadV1("BTC/USD", Decimal("67000.10000"), Decimal("67000.40000"), NOON, Decimal("1.0"), Decimal("2.0"),
                      1.5, 2)  # fmt: skip
    trade = TradeV1(
        "BTC/USD", "sell", Decimal("67000.10000"), Decimal("0.50000000"), "market", None, NOON, 1.5, 2, misc=""
    )
    assert line(Spread.of(spread)) == (
        '{"type":"spread","symbol":"BTC/USD","bid":67000.10000,"bid_qty":1.0,"ask":67000.40000,"ask_qty":2.0,'
        '"spread":0.30000,"timestamp":"2026-08-02T12:00:00.000000Z","received":1.5,"epoch":2}'
    )
    assert line(trade) == (
        '{"type":"trade","symbol":"BTC/USD","side":"sell","price":67000.10000,"qty":0.50000000,"ord_type":"market",'
        '"timestamp":"2026-08-02T12:00:00.000000Z","received":1.5,"epoch":2,"misc":""}'
    )


def test_only_the_instruments_that_changed_are_told() -> None:
    """One line an asset or pair."""
    assets = {name: Asset(name, "enabled", 8, 5, borrowable=False, collateral_value=Decimal(1),
                          margin_rate=None, multiplier=None) for name in ("BTC", "ETH")}  # fmt: skip
    told = list(records(Instruments({}, assets, ("ETH",), 1.0, 1)))
    assert told == [
        {"type": "asset", "id": "ETH", "status": "enabled", "precision": 8, "precision_display": 5,
         "borrowable": False, "collateral_value": Decimal(1)}
    ]  # fmt: skip


def test_an_execution_tells_the_whole_order() -> None:
    """What is not known is left out, fees are a list."""
    order = Order(order_id="O1", symbol="BTC/USD", fees=(Fee("USD", Decimal("0.10")),))
    record = json.loads(line(Execution(exec_type="new", order=order, received=1.0, epoch=1)))
    assert record["order"] == {
        "order_id": "O1", "symbol": "BTC/USD", "status": "pending_new", "cum_qty": 0, "cum_cost": 0,
        "fees": [{"asset": "USD", "qty": 0.1}], "amended": False,
    }  # fmt: skip


def test_balances_are_one_object_by_asset() -> None:
    """With the ledger records of that message."""
    item = Balances({"BTC": Balance("BTC", Decimal("1.20"))}, (), snapshot=True, received=1.0, epoch=1)
    assert line(item) == (
        '{"type":"balances","balances":{"BTC":1.20},"changes":[],"snapshot":true,"received":1.0,"epoch":1}'
    )


def test_what_happens_beside_the_data_has_lines_too() -> None:
    """Gaps, overflows, statuses and the engine's state."""
    lines = [
        line(Gap("BTC/USD", 2, 1.5, 2.5, "lost", 0)),
        line(Overflow(3)),
        line(Status("online", "public", 1, 1.5)),
        line(SystemStatus("online", "v2", "2.0.10", 2**63 + 1)),
    ]
    assert lines == [
        '{"type":"gap","symbol":"BTC/USD","epoch":2,"since":1.5,"until":2.5,"reason":"lost","missed":0}',
        '{"type":"overflow","dropped":3}',
        '{"type":"status","state":"online","connection":"public","epoch":1,"at":1.5,"reason":""}',
        f'{{"type":"system","system":"online","api_version":"v2","version":"2.0.10","connection_id":{2**63 + 1}}}',
    ]


@given(st.decimals(-(10**12), 10**12, places=8), st.text())
def test_every_number_and_text_comes_back(number: Decimal, text: str) -> None:
    """Exactly, and on one line."""
    written = json_line({"number": number, "text": text})
    assert "\n" not in written
    assert json.loads(written, parse_float=Decimal, parse_int=Decimal) == {"number": number, "text": text}
