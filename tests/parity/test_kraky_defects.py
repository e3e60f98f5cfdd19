"""What went wrong with kraky, and does not here: neither over WebSocket v1 nor over v2."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

import pytest

import rxkraken as rk
from rxkraken.testing import run

LIMIT = {"qty": "0.01", "price": "20000"}


@pytest.mark.parity("D1-1")
def test_a_drop_makes_each_topic_be_asked_once_and_data_goes_on(place):
    """Kraky asked 54 times in 5 s, and never read again."""

    async def main():
        async with place() as here:
            seen = []
            for stream in (
                here.client.ticker("BTC/USD", "ETH/USD"),
                here.client.book("BTC/USD"),
                here.client.ohlc("BTC/USD"),
            ):
                stream.subscribe(seen.append)
            await asyncio.sleep(10)
            here.cut(here.public)
            before = len(seen)
            await asyncio.sleep(60)
            asked = [Counter(topic for each in here.sent("subscribe", n) for topic in each.topics) for n in (1, 2)]
            return asked, len(here.wire.opened), before, seen

    asked, connections, before, seen = run(main)
    assert connections == 2
    assert asked[0] == asked[1]
    assert set(asked[1].values()) == {1}
    assert {("ticker", symbol) for symbol in ("BTC/USD", "ETH/USD", "XBT/USD")} & set(asked[1])
    after = Counter(type(each).__name__ for each in seen[before:])
    assert min(after["Ticker"], after["Book"], after["Candle"]) > 10


@pytest.mark.parity("D1-2")
def test_an_order_without_a_connection_raises_not_sent(place):
    """Kraky's `add_order` returned None on a closed socket, as it did on an open one."""

    async def main():
        async with place() as here:
            await here.client.open_orders().first()
            here.cut(here.private)
            await asyncio.sleep(0)
            with pytest.raises(rk.NotSent, match="connection"):
                await here.client.add_order("BTC/USD", "buy", "limit", **LIMIT)
            await asyncio.sleep(60)
            await here.client.aclose()
            with pytest.raises(rk.NotSent, match="clos"):
                await here.client.add_order("BTC/USD", "buy", "limit", **LIMIT)
            return here.exchange.received, here.account.open_orders

    assert run(main) == ([], [])


@pytest.mark.parity("D1-3")
def test_what_was_left_stays_left_after_a_drop(place):
    """Kraky's list of subscriptions only grew."""

    async def main():
        async with place() as here:
            left, kept = [], []
            leaving = here.client.ticker("BTC/USD").subscribe(left.append)
            here.client.ticker("ETH/USD").subscribe(kept.append)
            await asyncio.sleep(5)
            leaving.dispose()
            await asyncio.sleep(5)
            counts = len(left), len(kept)
            here.cut(here.public)
            await asyncio.sleep(30)
            again = [topic for each in here.sent("subscribe", 2) for topic in each.topics if topic[0] == "ticker"]
            return again, len(left) - counts[0], len(kept) - counts[1]

    again, late, gone_on = run(main)
    assert (again, late) == ([("ticker", "ETH/USD")], 0)
    assert gone_on > 10


@pytest.mark.parity("D1-4")
def test_a_refusal_reaches_whoever_asked(place):
    """Kraky wrote refusals to its log; its handler never got them, its caller even less."""

    async def main():
        async with place() as here:
            failures, seen = [], []
            here.client.ticker("NOT/REAL").subscribe(seen.append, failures.append)
            here.client.ticker("BTC/USD").subscribe(seen.append)
            with pytest.raises(rk.OrderRejected, match="EOrder:Insufficient funds") as refusal:
                await here.client.add_order("BTC/USD", "buy", "limit", qty="100000", price="20000")
            await asyncio.sleep(5)
            return failures, refusal.value, seen, here.errors

    failures, refusal, seen, errors = run(main)
    assert [(type(each), each.symbol) for each in failures] == [(rk.SubscriptionRejected, "NOT/REAL")]
    assert "NOT/REAL" in failures[0].text
    assert refusal.category == "funds"
    assert {each.symbol for each in seen} == {"BTC/USD"}
    assert rk.OrderRejected not in {type(each) for each in errors}


@pytest.mark.parity("D1-5")
def test_what_a_subscriber_raises_is_told_and_a_cancelled_reader_ends(place):
    """Kraky's `continue` in a `finally` swallowed both."""

    async def main():
        async with place() as here:
            raised, fine = [], []

            def fail(item):
                raised.append(item)
                raise ZeroDivisionError(item.symbol)

            here.client.ticker("BTC/USD").subscribe(fail)
            here.client.ticker("BTC/USD").subscribe(fine.append)

            async def read():
                async for _ in here.client.ticker("ETH/USD"):
                    pass

            reader = asyncio.create_task(read())
            await asyncio.sleep(10)
            reader.cancel()
            await asyncio.wait([reader], timeout=1)
            return reader.cancelled(), len(raised), len(fine), here.errors, len(here.wire.opened)

    cancelled, raised, fine, errors, connections = run(main)
    assert (cancelled, raised, connections) == (True, 1, 1)
    assert fine > 5
    assert [(type(each), type(each.__cause__)) for each in errors] == [(rk.SubscriberFailed, ZeroDivisionError)]
    assert __file__ in errors[0].subscribed_at


@pytest.mark.parity("D1-6")
def test_each_line_is_logged_once_however_many_clients_there_are(place, caplog):
    """Every instance of kraky added a handler, so that n instances wrote each line n times."""

    async def main():
        lines = []
        handlers = [logger.handlers.copy() for logger in (logging.getLogger("rxkraken"), logging.getLogger())]
        async with place() as one, place() as two, place() as three:
            for here in (one, two, three):
                here.client.ticker("BTC/USD").subscribe(lambda _: None)
            await asyncio.sleep(5)
            caplog.clear()
            three.cut(three.public)
            await asyncio.sleep(10)
            lines = [record.getMessage() for record in caplog.records if record.name.startswith("rxkraken")]
        now = [logger.handlers for logger in (logging.getLogger("rxkraken"), logging.getLogger())]
        return lines, now == handlers

    lines, same_handlers = run(main)
    assert same_handlers
    assert lines
    assert set(Counter(lines).values()) == {1}


@pytest.mark.parity("D1-6")
def test_a_closing_order_goes_to_rest_in_brackets_with_nothing_stray(new_place):
    """Kraky sent `close_ordertype` as it was, with its own `args` and `kwargs`."""

    async def main():
        async with new_place() as here:
            closing = {"ordertype": "stop-loss-limit", "price": "18000", "price2": "17900"}
            await here.client.rest.add_order("BTC/USD", "buy", "limit", "0.01", price="20000", close=closing)
            (order,) = here.account.open_orders
            return here.http.calls[-1], order.conditional

    (path, form), conditional = run(main)
    assert path == "/0/private/AddOrder"
    assert form.pop("nonce").isdecimal()
    assert form == {
        "pair": "XBTUSD",
        "type": "buy",
        "ordertype": "limit",
        "volume": "0.01",
        "price": "20000",
        "close[ordertype]": "stop-loss-limit",
        "close[price]": "18000",
        "close[price2]": "17900",
    }
    assert {name: str(value) for name, value in conditional.items() if not name.endswith("_type")} == {
        "trigger_price": "18000",
        "limit_price": "17900",
    }
    assert conditional["order_type"] == "stop-loss-limit"
