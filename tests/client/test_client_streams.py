"""The life of streams over a scripted connection, in virtual time: the promises of the README, one after the other."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import threading
import zlib
from decimal import Decimal

import pytest
import reactivex as rx
from reactivex import operators as ops

import rxkraken as rk
from rxkraken.errors import LinkLost
from rxkraken.session.link import Opened
from rxkraken.testing import ScriptedNetwork, outside, run


def ack(request, symbol, **fields):
    """The exchange's yes to one symbol of a request."""
    result = {"channel": request["params"]["channel"], "symbol": symbol, **fields}
    return {"method": request["method"], "req_id": request["req_id"], "result": result, "success": True}


def refuse(request, symbol, text):
    """The exchange's no."""
    return {"error": text, "method": request["method"], "req_id": request["req_id"], "success": False, "symbol": symbol}


def book(symbol, bid, *, kind="update", qty="1.00000000", right=True):
    """A book message of one bid at whole dollars; `right` chooses whether its checksum holds."""
    crc = zlib.crc32(f"{bid}0{qty.replace('.', '').lstrip('0')}".encode())
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{symbol}","bids":[{{"price":{bid}.0,"qty":{qty}}}],'
        f'"asks":[],"checksum":{crc if right else crc ^ 1},"timestamp":"2026-01-01T00:00:00.000000Z"}}]}}'
    )


def trade(symbol, *ids, kind="update"):
    """A trade message."""
    record = {"symbol": symbol, "side": "buy", "price": 1.5, "qty": 2.25, "ord_type": "market"}
    data = [{**record, "trade_id": number, "timestamp": "2026-01-01T00:00:00.000000Z"} for number in ids]
    return {"channel": "trade", "type": kind, "data": data}


def tick(symbol, bid):
    """A ticker message."""
    names = ("bid_qty", "ask", "ask_qty", "last", "volume", "vwap", "low", "high", "change", "change_pct")
    return {"channel": "ticker", "type": "update", "data": [{"symbol": symbol, "bid": bid, **dict.fromkeys(names, 1)}]}


def table(*symbols):
    """An instrument snapshot."""
    rules = {
        "status": "online", "price_precision": 1, "qty_precision": 8, "price_increment": 0.1, "qty_increment": 1e-8,
        "qty_min": 1e-4, "cost_precision": 5, "cost_min": "0.5",
    }  # fmt: skip
    pairs = [{"symbol": name, "base": name.split("/")[0], "quote": name.split("/")[1], **rules} for name in symbols]
    return {"channel": "instrument", "type": "snapshot", "data": {"assets": [], "pairs": pairs}}


class Stage:
    """A client, a network played by hand, and what the exchange would answer if told to be friendly."""

    def __init__(self, **changes):
        self.network = ScriptedNetwork()
        self.client = rk.KrakenClient(settings=rk.Settings(**changes), outside=outside(self.network))
        self.statuses: list[rk.Status] = []
        self.errors: list[Exception] = []
        self.unknown: list[rk.Unknown] = []
        self._answered: dict[int, int] = {}

    async def __aenter__(self):
        await self.client.start()
        self.client.status.subscribe(self.statuses.append)
        self.client.errors.subscribe(self.errors.append)
        self.client.unknown.subscribe(self.unknown.append)
        return self

    async def __aexit__(self, *_):
        for link in self.network.links:
            if not link.closed:
                link.lose("the scene is over")
        await self.client.aclose()

    @property
    def link(self):
        return self.network.link

    async def settle(self, seconds=0.001):
        """Answer every request with yes, and every ping, for some virtual seconds."""
        end = asyncio.get_running_loop().time() + seconds
        while True:
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            for link in self.network.links:
                self._answer(link)
            if asyncio.get_running_loop().time() >= end:
                return
            await asyncio.sleep(min(0.25, max(1e-6, end - asyncio.get_running_loop().time())))

    def _answer(self, link):
        done = self._answered.setdefault(id(link), 0)
        for request in link.sent[done:]:
            if link.closed:
                break
            if request["method"] == "ping":
                link.say({"method": "pong", "req_id": request["req_id"]})
            elif request["method"] in ("subscribe", "unsubscribe"):
                for symbol in request["params"].get("symbol", [None]):
                    link.say(ack(request, symbol) if symbol else ack(request, None))
        self._answered[id(link)] = len(link.sent)

    def wire(self, link=None):
        """What was asked of the exchange about markets, as (method, channel, symbols)."""
        return [
            (frame["method"], frame["params"]["channel"], frame["params"].get("symbol"))
            for frame in (link or self.link).sent
            if frame["method"] != "ping" and frame["params"]["channel"] != "instrument"
        ]

    def states(self, **wanted):
        return [s.state for s in self.statuses if all(getattr(s, name) == value for name, value in wanted.items())]


def scene(story, **changes):
    """Play one story on a fresh stage, in virtual time."""

    async def main():
        async with Stage(**changes) as stage:
            await story(stage)

    run(main)


# --- promise 1: one wire subscription, shared, with linger ---


def test_equal_calls_share_one_wire_subscription():
    """Three subscribers of two spellings: one request; all get the same items."""

    async def story(stage):
        seen = [[], [], []]
        for number, spelling in enumerate(["BTC/USD", "xbt/usd", "XXBTZUSD"]):
            stage.client.book(spelling).subscribe(seen[number].append)
        await stage.settle()
        stage.link.say(book("BTC/USD", 100, kind="snapshot"), book("BTC/USD", 100, qty="2.00000000"))
        assert stage.wire() == [("subscribe", "book", ["BTC/USD"])]
        assert [len(items) for items in seen] == [2, 2, 2]
        assert seen[0] == seen[1] == seen[2]

    scene(story)


def test_the_last_to_leave_unsubscribes_after_a_linger():
    """Half a second; a `take(1)` loop does not flap the wire."""

    async def story(stage):
        for number in range(5):
            stage.client.trades("BTC/USD").pipe(ops.take(1)).subscribe()
            await stage.settle(0.1)
            stage.link.say(trade("BTC/USD", number))
        assert stage.wire() == [("subscribe", "trade", ["BTC/USD"])]
        await stage.settle(0.3)
        assert len(stage.wire()) == 1
        await stage.settle(0.5)
        assert stage.wire()[1:] == [("unsubscribe", "trade", ["BTC/USD"])]
        assert [row.channel for row in stage.client.subscriptions] == ["instrument"]

    scene(story)


def test_a_second_depth_opens_a_connection_that_closes_when_empty():
    """Kraken allows one depth of a symbol on a connection (promise 1)."""

    async def story(stage):
        shallow, deep = [], []
        stage.client.book("BTC/USD").subscribe(shallow.append)
        leave = stage.client.book("BTC/USD", depth=25).subscribe(deep.append)
        await stage.settle()
        assert len(stage.network.links) == 2
        stage.network.links[1].say(book("BTC/USD", 100, kind="snapshot"))
        assert (len(shallow), len(deep)) == (0, 1)
        leave.dispose()
        await stage.settle(1)
        assert stage.network.links[1].closed
        assert not stage.network.links[0].closed
        assert {row.connection for row in stage.client.subscriptions} == {"public"}

    scene(story)


# --- promise 2: state and events ---


def test_late_subscribers_get_the_current_state_and_no_event():
    """Book, ticker, status and instruments at once; trades from then on."""

    async def story(stage):
        for stream in (stage.client.book("BTC/USD"), stage.client.ticker("BTC/USD"), stage.client.trades("BTC/USD")):
            stream.subscribe()
        await stage.settle()
        stage.link.say(table("BTC/USD"), book("BTC/USD", 100, kind="snapshot"))
        stage.link.say(tick("BTC/USD", 99), trade("BTC/USD", 5))
        assert (await stage.client.book("BTC/USD").first()).best_bid.price == 100
        assert (await stage.client.ticker("BTC/USD").first()).bid == 99
        assert list((await stage.client.instruments().first()).pairs) == ["BTC/USD"]
        assert (await stage.client.status.first()).state == "subscribed"
        late = []
        stage.client.trades("BTC/USD").subscribe(late.append)
        assert late == []
        stage.link.say(trade("BTC/USD", 6))
        assert [item.trade_id for item in late] == [6]

    scene(story)


def test_nothing_from_before_a_disconnect_is_given_as_current():
    """Between the loss and the next snapshot a late subscriber gets nothing."""

    async def story(stage):
        stage.client.book("BTC/USD").subscribe()
        stage.client.ticker("BTC/USD").subscribe()
        await stage.settle()
        stage.link.say(book("BTC/USD", 100, kind="snapshot"), tick("BTC/USD", 99))
        stage.link.lose()
        late = []
        stage.client.book("BTC/USD").subscribe(late.append)
        stage.client.ticker("BTC/USD").subscribe(late.append)
        assert late == []
        await stage.settle(1)
        stage.link.say(book("BTC/USD", 200, kind="snapshot"))
        assert [(item.best_bid.price, item.epoch) for item in late] == [(200, 2)]

    scene(story)


# --- promises 3 and 4: faults do not end a stream, and are visible to who asks ---


def test_a_gap_stands_in_order_among_the_items():
    """Only for subscribers that asked; with its epoch, its beginning and its end."""

    async def story(stage):
        plain, marked, ends = [], [], []
        stage.client.book("BTC/USD").subscribe(plain.append, ends.append, lambda: ends.append("done"))
        stage.client.book("BTC/USD", gaps=True).subscribe(marked.append, ends.append, lambda: ends.append("done"))
        await stage.settle()
        stage.link.say(book("BTC/USD", 100, kind="snapshot"))
        await stage.settle(2)
        stage.link.lose("a cut")
        await stage.settle(3)
        stage.link.say(book("BTC/USD", 101, kind="snapshot"))
        assert [type(item).__name__ for item in plain] == ["Book", "Book"]
        assert [type(item).__name__ for item in marked] == ["Book", "Gap", "Book"]
        gap = marked[1]
        assert (gap.symbol, gap.epoch, gap.reason, gap.since) == ("BTC/USD", 2, "a cut", marked[0].received)
        assert gap.until == marked[2].received
        assert ends == []
        assert stage.states(connection="public", channel=None) == [
            "connecting", "online", "lost", "connecting", "online",
        ]  # fmt: skip

    scene(story)


def test_trades_resume_without_a_hole_or_a_duplicate():
    """The renewed subscription asks for Kraken's last trades: those seen are dropped, what is missing is counted."""

    async def story(stage):
        seen = []
        stage.client.trades("BTC/USD", gaps=True).subscribe(seen.append)
        await stage.settle()
        assert stage.link.last("subscribe")["params"]["snapshot"] is False
        stage.link.say(trade("BTC/USD", 1, 2), trade("BTC/USD", 2))
        for first, missed in ((2, 0), (9, 3)):
            stage.link.lose()
            await stage.settle(60)
            assert stage.link.last("subscribe")["params"]["snapshot"] is True
            stage.link.say(trade("BTC/USD", *range(first, first + 4), kind="snapshot"))
            gap = next(item for item in reversed(seen) if isinstance(item, rk.Gap))
            assert gap.missed == missed
        assert [item.trade_id for item in seen if isinstance(item, rk.Trade)] == [1, 2, 3, 4, 5, 9, 10, 11, 12]

    scene(story)


def test_an_exchange_that_counts_its_trades_anew_is_believed():
    """Ids lower than ever seen on a new connection are a new count, not fifty duplicates."""

    async def story(stage):
        seen = []
        stage.client.trades("BTC/USD").subscribe(seen.append)
        await stage.settle()
        stage.link.say(trade("BTC/USD", 900))
        stage.link.lose()
        await stage.settle(1)
        stage.link.say(trade("BTC/USD", 1, 2, kind="snapshot"), trade("BTC/USD", 3))
        assert [item.trade_id for item in seen] == [900, 1, 2, 3]

    scene(story)


def test_history_comes_only_to_those_who_ask():
    """`snapshot=True` lets the first subscription's trades through."""

    async def story(stage):
        seen = []
        stage.client.trades("BTC/USD", snapshot=True).subscribe(seen.append)
        await stage.settle()
        stage.link.say(trade("BTC/USD", 1, 2, kind="snapshot"), trade("BTC/USD", 3))
        assert [item.trade_id for item in seen] == [1, 2, 3]

    scene(story)


def test_candles_repeat_nothing_after_a_reconnect():
    """History is let through once; afterwards only what is newer or has changed."""

    def candles(kind, *pairs):
        record = dict.fromkeys(("interval", "open", "high", "low", "vwap", "volume", "trades"), 1)
        data = [
            {**record, "symbol": "BTC/USD", "close": close, "interval_begin": f"2026-01-01T00:{minute:02}:00Z"}
            for minute, close in pairs
        ]
        return {"channel": "ohlc", "type": kind, "timestamp": "2026-01-01T00:00:00Z", "data": data}

    async def story(stage):
        seen = []
        stage.client.ohlc("BTC/USD").subscribe(seen.append)
        await stage.settle()
        stage.link.say(candles("snapshot", (1, 5), (2, 6)), candles("update", (2, 7)))
        stage.link.lose()
        await stage.settle(1)
        stage.link.say(candles("snapshot", (1, 5), (2, 7), (3, 8)), candles("update", (3, 8)))
        assert [(item.interval_begin.minute, item.close, item.snapshot) for item in seen] == [
            (1, 5, True), (2, 6, True), (2, 7, False), (3, 8, True),
        ]  # fmt: skip
        assert stage.unknown == []

    scene(story)


# --- promise 5: subscribers cannot harm each other ---


def test_a_failing_subscriber_ends_alone_and_is_named(caplog):
    """The others get every item, in order; the report points at this file."""

    async def story(stage):
        before, after = [], []
        stage.client.trades("BTC/USD").subscribe(before.append)
        stage.client.trades("BTC/USD").subscribe(lambda item: 1 / 0)
        stage.client.trades("BTC/USD").pipe(ops.map(lambda item: item.nonsense)).subscribe()
        stage.client.trades("BTC/USD").subscribe(after.append)
        await stage.settle()
        stage.link.say(trade("BTC/USD", 1, 2), trade("BTC/USD", 3))
        assert [item.trade_id for item in before] == [item.trade_id for item in after] == [1, 2, 3]
        assert [type(error.error) for error in stage.errors] == [ZeroDivisionError, AttributeError]
        assert all(error.subscribed_at.startswith(__file__) for error in stage.errors)
        assert not stage.link.closed

    with caplog.at_level(logging.ERROR, "rxkraken"):
        scene(story)
    assert "ZeroDivisionError" in caplog.text


def test_a_subscriber_of_errors_that_fails_is_only_logged(caplog):
    """Telling it on `errors` would never end."""

    async def story(stage):
        stage.client.errors.subscribe(lambda error: 1 / 0)
        stage.client.trades("BTC/USD").subscribe(lambda item: {}["x"])
        await stage.settle()
        stage.link.say(trade("BTC/USD", 1))
        assert len(stage.errors) == 1

    scene(story)
    assert "ZeroDivisionError" in caplog.text


def test_emissions_from_inside_an_emission_keep_their_order():
    """A subscriber that makes the exchange speak again: everybody sees the same order."""

    async def story(stage):
        first, second = [], []

        def speak_again(item):
            first.append(item.trade_id)
            if item.trade_id == 1:
                stage.link.say(trade("BTC/USD", 2))

        stage.client.trades("BTC/USD").subscribe(speak_again)
        stage.client.trades("BTC/USD").subscribe(lambda item: second.append(item.trade_id))
        await stage.settle()
        stage.link.say(trade("BTC/USD", 1))
        assert first == second == [1, 2]

    scene(story)


def test_leaving_from_inside_an_item_is_safe():
    """One that disposes itself, and the one after it still gets the item."""

    async def story(stage):
        seen, leaving = [], []
        stream = stage.client.trades("BTC/USD")
        subscription = stream.subscribe(lambda item: (leaving.append(item), subscription.dispose()))
        stream.subscribe(seen.append)
        await stage.settle()
        stage.link.say(trade("BTC/USD", 1), trade("BTC/USD", 2))
        assert (len(leaving), len(seen)) == (1, 2)

    scene(story)


def test_streams_start_no_thread_and_time_operators_follow_the_loop():
    """Promise 6: `client.scheduler` is virtual where the loop is."""

    async def story(stage):
        threads = threading.active_count()
        seen = []
        scheduler = stage.client.scheduler
        stage.client.trades("BTC/USD").pipe(
            ops.buffer_with_time(10, scheduler=scheduler), ops.map(len), ops.take(2)
        ).subscribe(seen.append)
        await stage.settle()
        stage.link.say(trade("BTC/USD", 1), trade("BTC/USD", 2))
        await stage.settle(20.5)
        assert seen == [2, 0]
        assert threading.active_count() == threads
        later = []
        scheduler.schedule_absolute(scheduler.now + scheduler.to_timedelta(5), lambda *_: later.append(scheduler.now))
        await stage.settle(6)
        assert len(later) == 1

    scene(story, silence_timeout=60)


# --- promise 7: books ---


def test_a_wrong_checksum_renews_that_book_alone():
    """It is not emitted, not current, unsubscribed, awaited, asked again; ETH never notices."""

    async def story(stage):
        btc, eth = [], []
        stage.client.book("BTC/USD").subscribe(btc.append)
        stage.client.book("ETH/USD").subscribe(eth.append)
        await stage.settle()
        stage.link.say(table("BTC/USD", "ETH/USD"))
        stage.link.say(book("BTC/USD", 100, kind="snapshot"), book("ETH/USD", 10, kind="snapshot"))
        stage.link.say(book("BTC/USD", 101, right=False), book("BTC/USD", 102))
        late = []
        stage.client.book("BTC/USD").subscribe(late.append)
        assert (len(btc), late) == (1, [])
        await stage.settle(2)
        assert stage.wire()[1:] == [("unsubscribe", "book", ["BTC/USD"]), ("subscribe", "book", ["BTC/USD"])]
        stage.link.say(book("BTC/USD", 103, kind="snapshot"), book("ETH/USD", 10, qty="2.00000000"))
        assert [item.best_bid.price for item in btc] == [100, 103]
        assert len(eth) == 2
        assert all(item.verified for item in btc + eth)
        assert stage.states(symbol="BTC/USD") == ["subscribed", "resyncing", "subscribed", "online"]
        assert stage.states(symbol="ETH/USD") == ["subscribed"]

    scene(story)


def test_flagged_books_come_unverified_and_unchecked_ones_cost_nothing():
    """`checksum="flag"` shows what failed; `"off"` does not look."""

    async def story(stage):
        flagged, unchecked = [], []
        stage.client.book("BTC/USD", checksum="flag").subscribe(flagged.append)
        stage.client.book("ETH/USD", checksum="off").subscribe(unchecked.append)
        await stage.settle()
        stage.link.say(book("BTC/USD", 100, kind="snapshot"), book("BTC/USD", 101, right=False))
        stage.link.say(book("ETH/USD", 100, kind="snapshot", right=False), book("ETH/USD", 101, right=False))
        assert [item.verified for item in flagged] == [True, False]
        assert [item.verified for item in unchecked] == [False, False]
        assert stage.states(state="resyncing", symbol="ETH/USD") == []

    scene(story)


def test_a_change_of_digits_is_taken_over_by_open_books():
    """An `instrument` update for a subscribed pair replaces the precision of its checksum (section 3.6)."""

    async def story(stage):
        seen = []
        stage.client.book("BTC/USD").subscribe(seen.append)
        await stage.settle()
        stage.link.say(table("BTC/USD"), book("BTC/USD", 100, kind="snapshot"))
        finer = table("BTC/USD")
        finer["type"] = "update"
        finer["data"]["pairs"][0]["price_precision"] = 2
        stage.link.say(finer)
        crc = zlib.crc32(b"10050" + b"300000000" + b"10000" + b"100000000")
        stage.link.say(
            '{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[{"price":100.50,"qty":3.00000000}],'
            f'"asks":[],"checksum":{crc},"timestamp":"2026-01-01T00:00:00.000000Z"}}]}}'
        )
        assert [str(item.best_bid.price) for item in seen] == ["100.0", "100.50"]

    scene(story)


# --- promise 10: slow consumers ---


def test_a_consumer_that_sleeps_a_minute_disturbs_nobody():
    """No reconnect, no late ack, bounded memory: it wakes to the newest book (D0-1)."""

    async def story(stage):
        got = []

        async def sleepy():
            async for item in stage.client.book("BTC/USD"):
                got.append(item.best_bid.price)
                await asyncio.sleep(60)

        task = asyncio.create_task(sleepy())
        await stage.settle()
        stage.link.say(table("BTC/USD", "ETH/USD"), book("BTC/USD", 1, kind="snapshot"))
        price = 1
        for second in range(59):
            await stage.settle(1)
            for _ in range(20):
                price += 1
                stage.link.say(book("BTC/USD", price, kind="snapshot"))
            if second == 30:
                asked = asyncio.get_running_loop().time()
                stage.client.ticker("ETH/USD").subscribe()
                await stage.settle(0.01)
                assert stage.states(symbol="ETH/USD") == ["subscribed"]
                assert asyncio.get_running_loop().time() - asked < 1
        await stage.settle(3)
        task.cancel()
        assert len(stage.network.links) == 1
        assert got == [1, price]

    scene(story)


def test_policies_decide_what_waits():
    """latest, conflate, buffer with its Overflow, and error."""

    async def story(stage):
        stream = stage.client.trades("BTC/USD", "ETH/USD")
        pulls = {
            "latest": stream.pull("latest"), "conflate": stream.pull(rk.conflate()), "default": stream.__aiter__(),
            "buffer": stream.pull(rk.buffer(3)), "error": stream.pull(rk.fail(3)),
        }  # fmt: skip
        await stage.settle()
        stage.link.say(trade("BTC/USD", 1, 2), trade("ETH/USD", 7), trade("BTC/USD", 3), trade("ETH/USD", 8))

        async def take(name, count):
            return [getattr(item, "trade_id", item) async for item in rx_take(pulls[name], count)]

        async def rx_take(items, count):
            for _ in range(count):
                yield await anext(items)

        assert await take("latest", 1) == [8]
        assert await take("conflate", 2) == [3, 8]
        assert await take("default", 5) == [1, 2, 7, 3, 8]
        assert await take("buffer", 4) == [rk.Overflow(2), 7, 3, 8]
        assert await take("error", 3) == [1, 2, 7]
        with pytest.raises(rk.Overflowed, match="more than 3 items"):
            await anext(pulls["error"])
        for items in pulls.values():
            await items.aclose()
        with pytest.raises(rk.InvalidArgument, match="'newest' is not known"):
            stream.pull("newest")
        with pytest.raises(rk.InvalidArgument, match="size=0"):
            rk.buffer(0)

    scene(story)


def test_breaking_out_of_a_loop_unsubscribes():
    """The dropped iterator is noticed; the wire subscription ends after the linger."""

    async def story(stage):
        async def one():
            async for item in stage.client.trades("BTC/USD"):
                return item
            return None

        task = asyncio.create_task(one())
        await stage.settle()
        stage.link.say(trade("BTC/USD", 1))
        assert (await task).trade_id == 1
        gc.collect()
        await stage.settle(1)
        assert stage.wire()[-1] == ("unsubscribe", "trade", ["BTC/USD"])

    scene(story)


@pytest.mark.leaves("RxPY's thread ends by itself, a moment later")
def test_any_observable_can_be_pulled_even_across_threads():
    """`rk.aiter` of a piped stream; items from another thread are brought to the loop; errors come through."""

    async def main():
        assert [item async for item in rk.aiter(rx.of(1, 2, 3), policy="buffer")] == [1, 2, 3]
        source = rx.of(1, 2, 3).pipe(ops.observe_on(rx.scheduler.NewThreadScheduler()))
        assert [item async for item in rk.aiter(source)] == [1, 2, 3]
        with pytest.raises(ZeroDivisionError):
            async for _ in rk.aiter(rx.throw(ZeroDivisionError())):
                pass
        with pytest.raises(LookupError):
            await rk.streams.stream.first(rx.empty())
        async with rk.aiter(rx.never()) as items:
            waiting = asyncio.ensure_future(anext(items, "end"))
            await asyncio.sleep(0)
        assert await waiting == "end"

    asyncio.run(main())


# --- promise 16: reconnecting ---


def test_the_pause_doubles_up_to_its_maximum_with_full_jitter():
    """Never longer than 0.5, 1, 2, ... 30 s; the attempts go on for ever by default."""

    async def story(stage):
        stage.network.accept = False
        stage.client.ticker("BTC/USD").subscribe()
        for _ in range(12):
            await asyncio.sleep(0)
            while not stage.network.links or stage.link.closed:
                await asyncio.sleep(1)
            stage.link.refuse(LinkLost("nobody there"))
        pauses = [status.retry_in for status in stage.statuses if status.state == "lost"]
        ceilings = [min(30, 0.5 * 2**number) for number in range(12)]
        assert all(0 <= pause <= ceiling for pause, ceiling in zip(pauses, ceilings, strict=True))
        assert len(set(pauses)) == 12
        assert max(pauses) > 8

    scene(story)


@pytest.mark.parametrize("code", [1008])
def test_a_policy_close_is_fatal(code):
    """Connecting again would be refused again: the streams end with the error, and so does the next one."""

    async def story(stage):
        ends = []
        stage.client.ticker("BTC/USD").subscribe(on_error=ends.append)
        await stage.settle()
        stage.link.lose("policy", code=code)
        stage.client.book("BTC/USD").subscribe(on_error=ends.append)
        await stage.settle(100)
        assert [type(error) for error in ends] == [LinkLost, LinkLost]
        assert len(stage.network.links) == 1
        assert stage.client.state == "closed"

    scene(story)


def test_attempts_can_be_limited():
    """`max_attempts=3`: then `RetriesExhausted`, with the last failure as its cause."""

    async def story(stage):
        stage.network.accept = False
        ends = []
        stage.client.ticker("BTC/USD").subscribe(on_error=ends.append)
        for _ in range(3):
            await asyncio.sleep(5)
            stage.link.refuse(rk.ConnectRefused(500))
        await asyncio.sleep(60)
        assert [type(error) for error in ends] == [rk.RetriesExhausted]
        assert isinstance(ends[0].__cause__, rk.ConnectRefused)
        assert len(stage.network.links) == 3

    scene(story, max_attempts=3)


# --- promise 18: outcomes ---


def test_one_refused_symbol_leaves_the_others_running():
    """It is told on `errors` and `status`; the stream fails only when no symbol is left."""

    async def story(stage):
        seen, ends = [], []
        stage.client.trades("BTC/USD", "ETJ/USD").subscribe(seen.append, ends.append)
        stage.client.trades("ETJ/USD").subscribe(seen.append, ends.append)
        await asyncio.sleep(0.01)
        stage.link.say(table("BTC/USD", "ETH/USD"))
        request = stage.link.last("subscribe")
        stage.link.say(ack(request, "BTC/USD"), refuse(request, "ETJ/USD", "Currency pair not supported ETJ/USD"))
        stage.link.say(trade("BTC/USD", 1))
        assert [item.trade_id for item in seen] == [1]
        assert [type(error) for error in ends] == [rk.SubscriptionRejected]
        assert (ends[0].symbol, ends[0].text) == ("ETJ/USD", "Currency pair not supported ETJ/USD")
        assert ends[0].suggestions[0] == "ETH/USD"
        assert "did you mean ETH/USD" in str(ends[0])
        assert stage.errors == ends
        assert stage.states(symbol="ETJ/USD") == ["rejected"]
        with pytest.raises(rk.UnknownSymbol, match="did you mean ETH/USD"):
            stage.client.trades("ETJ/USD")
        stage.client.trades("AAPLx/USD")

    scene(story)


def test_a_stream_of_refused_symbols_only_fails():
    """With the last refusal."""

    async def story(stage):
        ends = []
        stage.client.trades("AB/USD", "CD/USD").subscribe(on_error=ends.append)
        await asyncio.sleep(0.01)
        request = stage.link.last("subscribe")
        stage.link.say(*(refuse(request, name, "no") for name in ("AB/USD", "CD/USD")))
        assert [error.symbol for error in ends] == ["CD/USD"]

    scene(story)


# --- promise 20: the unknown ---


@pytest.mark.parametrize(
    ("raw", "shape"),
    [
        ("CloudFlare WebSocket proxy restarting", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        ("[1,2]", "a JSON list instead of an object"),
        ("42", "a JSON int instead of an object"),
        ("null", "a JSON NoneType instead of an object"),
        ("[" * 5000 + "]" * 5000, "not JSON"),
        ('{"channel":"weather","data":[]}', "unknown channel 'weather'"),
        ('{"channel":["book"]}', "unknown channel ['book']"),
        ('{"Error":"Exceeded msg rate"}', "an error without a request"),
        ('{"error":{"message":"full","name":"rate"}}', "an error without a request"),
        ("{}", "an object with nothing"),
        ('{"channel":"ticker","type":"update","data":null}', "malformed ticker"),
        ('{"channel":"ticker","type":"correction","data":[]}', "malformed ticker"),
        ('{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD"}]}', "malformed trade"),
        ('{"channel":"book","type":"update"}', "malformed book"),
        ('{"channel":"status","type":"update","data":[]}', "malformed status"),
        ('{"channel":"status","type":"update","data":[{"system":"dreaming"}]}', "status has unknown system 'dreaming'"),
        ('{"channel":"heartbeat","mood":"good"}', "heartbeat frame has unknown field mood"),
        ('{"channel":"instrument","type":"update","data":7}', "malformed instrument"),
    ],
)
def test_what_nobody_understands_is_reported_and_stops_nothing(raw, shape):
    """Delivered on `unknown` with its whole text, logged once per shape; the next item comes."""

    async def story(stage):
        seen = []
        stage.client.trades("BTC/USD").subscribe(seen.append)
        stage.client.ticker("BTC/USD").subscribe(seen.append)
        await stage.settle()
        stage.link.say(raw, raw, trade("BTC/USD", 1))
        assert [unknown.shape for unknown in stage.unknown] == [shape, shape]
        assert stage.unknown[0].raw == (raw if isinstance(raw, str) else raw.decode(errors="replace"))
        assert len(seen) == 1
        assert not stage.link.closed

    scene(story)


def test_unknown_fields_and_words_do_not_cost_the_item():
    """The item comes all the same, and the surprise is told."""

    async def story(stage):
        seen = []
        stage.client.trades("BTC/USD").subscribe(seen.append)
        stage.client.book("BTC/USD").subscribe(seen.append)
        await stage.settle()
        odd = trade("BTC/USD", 1)
        odd["data"][0] |= {"side": "hold", "venue": "moon"}
        stage.link.say(odd, book("BTC/USD", 1, kind="snapshot").replace('"asks"', '"mood":1,"asks"'))
        assert [getattr(item, "side", "book") for item in seen] == ["hold", "book"]
        assert [unknown.shape for unknown in stage.unknown] == [
            "trade has unknown field venue", "book has unknown field mood",
        ]  # fmt: skip

    scene(story)


def test_each_kind_of_surprise_is_logged_once(caplog):
    """A thousand of them are one line."""

    async def story(stage):
        stage.client.trades("BTC/USD").subscribe()
        await stage.settle()
        stage.link.say(*["what?"] * 1000)
        assert len(stage.unknown) == 1000

    with caplog.at_level(logging.WARNING, "rxkraken"):
        scene(story)
    assert caplog.text.count("not understood") == 1


def test_every_decoded_frame_can_be_had():
    """`messages`, with the text it came from."""

    async def story(stage):
        frames = []
        stage.client.messages.subscribe(frames.append)
        stage.client.trades("BTC/USD").subscribe()
        await stage.settle()
        frames.clear()
        stage.link.say('{"channel":"heartbeat"}', '{"method":"pong"}', "noise")
        assert [(item.frame, item.raw) for item in frames] == [
            ({"channel": "heartbeat"}, '{"channel":"heartbeat"}'), ({"method": "pong"}, '{"method":"pong"}'),
        ]  # fmt: skip

    scene(story)


# --- requests ---


def test_ping_and_send_are_requests_done_once():
    """Cold until looked at, one frame however many look, the outcome replayed, the caller's dict untouched."""

    async def story(stage):
        request = {"method": "probe", "params": {"price": Decimal("0.00000001")}, "req_id": 1}
        reply = stage.client.send(request)
        assert "not sent" in repr(reply)
        await asyncio.sleep(0.01)
        assert stage.network.links == []
        first = asyncio.ensure_future(reply)
        seen = []
        reply.subscribe(seen.append)
        await asyncio.sleep(0.01)
        (sent,) = stage.link.requests("probe")
        assert sent["params"] == {"price": 1e-8}
        assert sent["req_id"] != 1
        assert request["req_id"] == 1
        stage.link.say({"method": "probe", "success": True, "req_id": sent["req_id"], "result": {"x": 1}})
        assert (await first)["result"] == {"x": 1}
        reply.subscribe(seen.append)
        assert len(seen) == 2
        assert len(stage.link.requests("probe")) == 1

        ping = asyncio.ensure_future(stage.client.ping())
        await asyncio.sleep(0.25)
        stage.link.say({"method": "pong", "req_id": stage.link.last("ping")["req_id"]})
        assert await ping == pytest.approx(0.25)

    scene(story)


def test_requests_fail_with_a_reason():
    """Refused, unanswered, cut off, closed, nonsense."""

    async def story(stage):
        refused = asyncio.ensure_future(stage.client.send({"method": "a"}))
        await asyncio.sleep(0.01)
        req_id = stage.link.last("a")["req_id"]
        stage.link.say({"method": "a", "success": False, "error": "Unsupported event", "req_id": req_id})
        with pytest.raises(rk.RequestRejected, match="Unsupported event"):
            await refused
        silent = asyncio.ensure_future(stage.client.send({"method": "b"}))
        await stage.settle(11)
        with pytest.raises(rk.RequestTimeout):
            await silent
        cut = asyncio.ensure_future(stage.client.ping())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        stage.link.lose("cut")
        with pytest.raises(rk.LinkLost, match="cut"):
            await cut
        with pytest.raises(rk.InvalidArgument, match="method"):
            stage.client.send({"params": {}})
        errors = []
        late = stage.client.ping()
        await stage.client.aclose()
        late.subscribe(on_error=errors.append)
        late.subscribe(on_error=errors.append)
        assert [type(error) for error in errors] == [rk.ClientClosed, rk.ClientClosed]

    scene(story, silence_timeout=30)


# --- promise 21: the end ---


def test_closing_unsubscribes_completes_and_is_idempotent():
    """Every stream completes, the wire is left in order, a second close does nothing, a later subscribe fails."""

    async def story(stage):
        ends = []
        for stream in (stage.client.book("BTC/USD"), stage.client.status, stage.client.errors, stage.client.unknown):
            stream.subscribe(on_completed=lambda: ends.append("done"))
        await stage.settle()
        closing = asyncio.ensure_future(stage.client.aclose())
        await stage.settle(0.5)
        await closing
        await stage.client.aclose()
        assert ends == ["done"] * 4
        assert stage.wire()[-1] == ("unsubscribe", "book", ["BTC/USD"])
        assert stage.link.closed
        assert stage.client.state == "closed"
        late = []
        stage.client.book("BTC/USD").subscribe(on_error=late.append)
        stage.client.status.subscribe(late.append, on_completed=lambda: late.append("done"))
        assert isinstance(late[0], rk.ClientClosed)
        assert [getattr(item, "state", item) for item in late[1:]] == ["closed", "done"]

    scene(story)


def test_closing_is_bounded_when_nobody_answers():
    """A dead peer costs `close_timeout`, not more."""

    async def story(stage):
        stage.client.book("BTC/USD").subscribe()
        await asyncio.sleep(0.01)
        before = asyncio.get_running_loop().time()
        await stage.client.aclose()
        assert asyncio.get_running_loop().time() - before <= 3.1

    scene(story)


def test_closing_from_inside_a_subscriber():
    """A subscriber starts the close; nothing deadlocks, no task is left."""

    async def story(stage):
        closing = []
        stage.client.trades("BTC/USD").subscribe(
            lambda item: closing.append(asyncio.ensure_future(stage.client.aclose()))
        )
        await stage.settle()
        stage.link.say(trade("BTC/USD", 1))
        await stage.settle(4)
        assert closing[0].done()
        assert len(asyncio.all_tasks()) == 1

    scene(story)


# --- use and misuse ---


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda c: c.book("BTC/USD", depth=20), ["depth=20", "10, 25, 100, 500, 1000"]),
        (lambda c: c.book("BTC/USD", depth=True), ["depth=True"]),
        (lambda c: c.book("BTC/USD", depth=10.0), ["depth=10.0"]),
        (lambda c: c.book("BTC/USD", checksum="no"), ["checksum='no'", "'verify', 'flag', 'off'"]),
        (lambda c: c.ohlc("BTC/USD", interval=2), ["interval=2", "21600"]),
        (lambda c: c.ticker("BTC/USD", trigger="x"), ["trigger='x'", "'bbo'"]),
        (lambda c: c.trades("BTC/USD", snapshot=1), ["snapshot=1"]),
        (lambda c: c.trades("BTC/USD", gaps="yes"), ["gaps='yes'"]),
        (lambda c: c.trades(), ["no symbol", "BTC/USD"]),
        (lambda c: c.trades(["BTC/USD"]), ["separate arguments"]),
        (lambda c: c.trades("nonsense"), ["nonsense", "BASE/QUOTE"]),
        (lambda c: c.instruments(include_tokenized_assets=1), ["include_tokenized_assets=1"]),
        (lambda c: c.instruments(execution_venue="moon"), ["execution_venue='moon'", "international"]),
        (lambda c: rk.KrakenClient("wss://x"), ["endpoints='wss://x'"]),
    ],
)
def test_a_wrong_argument_is_named_at_the_call(call, words):
    """A ValueError with the value and what is allowed, before anything is opened."""
    with pytest.raises(ValueError) as caught:
        call(rk.KrakenClient())
    assert all(word in str(caught.value) for word in words)


def test_a_client_belongs_to_one_running_loop():
    """Outside a loop, in another one, and blocking the one it has: each is told how to do it."""
    client = rk.KrakenClient(outside=outside(ScriptedNetwork()))
    errors = []
    client.ticker("BTC/USD").subscribe(on_error=errors.append)
    assert "async def main" in str(errors[0])
    with pytest.raises(RuntimeError, match="no event loop"):
        client.ticker("BTC/USD").run()

    async def start():
        await client.start()
        with pytest.raises(RuntimeError, match="would block"):
            client.ticker("BTC/USD").run()

    run(start)
    with pytest.raises(RuntimeError, match="another event loop"):
        run(client.start)
    assert client.state == "idle"
    assert client.connection_id is None
    assert client.subscriptions == []


def test_the_public_role_must_exist():
    """Endpoints without a public URL cannot serve a ticker."""

    async def main():
        ends = []
        client = rk.KrakenClient(rk.Endpoints.custom(auth="wss://a/v2"), outside=outside(ScriptedNetwork()))
        client.ticker("BTC/USD").subscribe(on_error=ends.append)
        assert "no public connection" in str(ends[0])
        await client.aclose()

    run(main)


def test_the_state_of_engine_and_connection_is_known():
    """`status` frames move `system_status`, `connection_id`, `state` and the status stream."""

    async def story(stage):
        def say(system):
            data = [{"system": system, "api_version": "v2", "version": "2.0.10", "connection_id": 18125794168470749634}]
            stage.link.say({"channel": "status", "type": "update", "data": data})

        stage.client.ticker("BTC/USD").subscribe()
        await stage.settle()
        say("online")
        assert stage.client.connection_id == 18125794168470749634
        assert stage.client.state == "online"
        say("maintenance")
        assert (stage.client.state, stage.client.system_status.system) == ("maintenance", "maintenance")
        say("post_only")
        say("online")
        assert stage.client.state == "online"
        assert [status.reason for status in stage.statuses[-3:]] == ["maintenance", "post_only", "online"]
        assert "online" in repr(stage.client)

    scene(story)


def test_a_defect_of_ours_is_reported_and_contained(monkeypatch, caplog):
    """Even a bug in a reducer does not stop the reader."""

    async def story(stage):
        seen = []
        stage.client.trades("BTC/USD").subscribe(seen.append)
        stage.client.ticker("BTC/USD").subscribe(seen.append)
        await stage.settle()
        with monkeypatch.context() as patch:
            patch.setattr("rxkraken.protocol.spot_v2.trade", lambda *_: 1 / 0)
            stage.link.say(trade("BTC/USD", 1))
        stage.link.say(tick("BTC/USD", 5))
        assert len(seen) == 1
        assert isinstance(stage.errors[0].__cause__, ZeroDivisionError)

    scene(story)


def test_the_scripted_link_hands_over_what_the_real_one_does():
    """`Opened` first, then texts; `abandon` ends it."""
    network = ScriptedNetwork()
    items, ends = [], []
    network.connect("ws://x", None).subscribe(items.append, ends.append)
    assert isinstance(items[0], Opened)
    items[0].send(json.dumps({"method": "ping"}))
    network.link.say("a", {"b": 1})
    assert items[1:] == ["a", '{"b": 1}']
    items[0].abandon("enough")
    assert [str(error) for error in ends] == ["enough"]
    assert network.link.sent == [{"method": "ping"}]
