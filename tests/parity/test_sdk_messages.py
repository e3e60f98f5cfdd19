"""What python-kraken-sdk's WebSocket clients did about messages and subscriptions, and what does it here."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal

import pytest

import rxkraken as rk
from rxkraken.testing import run

D = Decimal


@pytest.mark.parity("K2-36")
def test_messages_go_to_a_function_to_a_method_or_to_a_coroutine(place):
    """There one overrode `on_message` or gave a coroutine as `callback`; here both kinds may be as many as wanted."""

    class Bot:
        def __init__(self):
            self.seen = []

        def on_message(self, message):
            self.seen.append(message.raw)

    async def main():
        async with place() as here:
            bot, pushed, pulled = Bot(), [], []

            async def callback():
                pulled.extend([message.raw async for message in here.client.messages])

            here.client.messages.subscribe(bot.on_message)
            here.client.messages.subscribe(lambda message: pushed.append(message.raw))
            task = asyncio.create_task(callback())
            await asyncio.sleep(0)
            await here.client.ticker("BTC/USD").first()
            await here.client.aclose()
            await task
            return bot.seen, pushed, pulled

    seen, pushed, pulled = run(main)
    assert seen == pushed == pulled
    assert len([text for text in seen if "ticker" in str(text)]) >= 2


@pytest.mark.parity("K2-38")
def test_what_needs_a_key_says_so_where_it_is_asked(place):
    """There it was a `KrakenAuthenticationError` from `send_message`."""

    async def main():
        async with place(credentials=None) as here:
            with pytest.raises(rk.MissingCredentials, match="need an API key"):
                await here.client.open_orders().first()
            with pytest.raises(rk.MissingCredentials, match="need an API key"):
                await here.client.add_order("BTC/USD", "buy", "limit", qty="0.01", price="20000")
            return here.wire.opened

    assert run(main) == []


CANCEL_ALL = {
    "v1": {"event": "cancelAll", "reqid": 1},
    "v2": {"method": "cancel_all", "req_id": 1},
}


@pytest.mark.parity("K2-38")
def test_any_private_request_goes_out_with_the_token_and_returns_its_own_answer(place):
    """There the token was written into the caller's own dict, and the answer had to be found among the messages."""

    async def main():
        async with place() as here:
            request = dict(CANCEL_ALL[here.dialect])
            reply = await here.client.send(request, private=True)
            frames = [each.frame for each in here.sent(request.get("event") or request["method"])]
            return here.dialect, request, reply, frames

    dialect, request, reply, [frame] = run(main)
    assert request == CANCEL_ALL[dialect]
    token = frame["token"] if dialect == "v1" else frame["params"]["token"]
    assert token
    if dialect == "v1":
        assert (reply["event"], reply["status"], reply["count"]) == ("cancelAllStatus", "ok", 0)
    else:
        assert (reply["method"], reply["success"], reply["result"]) == ("cancel_all", True, {"count": 0})
    assert token not in repr(reply)


@pytest.mark.parity("K2-38")
def test_any_public_request_returns_its_own_answer_in_the_words_of_its_dialect(place):
    async def main():
        async with place(credentials=None) as here:
            verb = "event" if here.dialect == "v1" else "method"
            pong = await here.client.send({verb: "ping"})
            with pytest.raises(rk.InvalidArgument, match=verb):
                here.client.send({"command": "ping"})
            with pytest.raises(rk.MissingCredentials):
                await here.client.send(CANCEL_ALL[here.dialect], private=True)
            with pytest.raises(rk.RequestRejected):
                await here.client.send({verb: "nonsense"})
            return pong[verb]

    assert run(main) == "pong"


@pytest.mark.parity("K2-39")
@pytest.mark.parity("K2-40")
def test_each_subscription_is_told_when_it_is_live_refused_and_gone(place):
    """There the outcome came to the callback, among everything else, if somebody looked for it."""

    async def main():
        async with place() as here:
            failures = []
            leaving = here.client.ticker("BTC/USD", "NOT/REAL").subscribe(lambda _: None)
            here.client.ticker("NOT/REAL").subscribe(on_error=failures.append)
            await here.client.ticker("BTC/USD").first()
            await asyncio.sleep(1)
            live = [(row.symbol, row.state) for row in here.client.subscriptions if row.channel == "ticker"]
            leaving.dispose()
            await asyncio.sleep(2)
            gone = [row for row in here.client.subscriptions if row.channel == "ticker"]
            told = [(each.symbol, each.state) for each in here.statuses if each.channel == "ticker"]
            left = [topic for each in here.sent("unsubscribe") for topic in each.topics]
            return live, gone, sorted(told), [type(each) for each in failures], left

    live, gone, told, failures, left = run(main)
    assert (live, gone) == ([("BTC/USD", "live")], [])
    assert told == [("BTC/USD", "subscribed"), ("NOT/REAL", "rejected")]
    assert failures == [rk.SubscriptionRejected]
    assert left in ([("ticker", "XBT/USD")], [("ticker", "BTC/USD")])


@pytest.mark.parity("K2-39")
@pytest.mark.parametrize(
    ("ask", "told"),
    [
        (lambda client: client.ticker(), "no symbol given"),
        (lambda client: client.ticker(["BTC/USD"]), "give separate arguments"),
        (lambda client: client.book("BTC/USD", depth=7), "depth=7"),
        (lambda client: client.ohlc("BTC/USD", interval=2), "interval=2"),
    ],
)
def test_a_wrong_subscription_is_refused_at_the_call_with_one_kind_of_error(place, ask, told):
    """There it was an AttributeError, a TypeError or a ValueError."""

    async def main():
        async with place() as here:
            with pytest.raises(rk.InvalidArgument, match=told):
                ask(here.client)
            return here.wire.opened

    assert run(main) == []


@pytest.mark.parity("K2-41")
def test_the_table_of_subscriptions_can_be_read_at_any_time_and_is_a_copy(place):
    """There it raised a `ConnectionError` while there was no connection."""

    async def main():
        async with place() as here:
            before = here.client.subscriptions
            here.client.ticker("BTC/USD").subscribe(lambda _: None)
            here.client.ticker("BTC/USD").subscribe(lambda _: None)
            here.client.open_orders().subscribe(lambda _: None)
            await asyncio.sleep(5)
            rows = {(row.channel, row.symbol): row for row in here.client.subscriptions}
            here.client.subscriptions.clear()
            kept = len(here.client.subscriptions) == len(rows)
            here.cut(here.public)
            await asyncio.sleep(0.01)
            lost = next(row for row in here.client.subscriptions if row.channel == "ticker")
            ticker = rows["ticker", "BTC/USD"]
            private = {
                row.connection for row in rows.values() if row.channel in ("openOrders", "open_orders", "executions")
            }
            return before, kept, (ticker.state, ticker.subscribers, ticker.connection), private, lost.state

    before, kept, ticker, private, lost = run(main)
    assert (before, kept) == ([], True)
    assert ticker == ("live", 2, "public")
    assert private == {"auth"}
    assert lost in ("wanted", "idle")


@pytest.mark.parity("K2-42")
def test_each_channel_has_a_method_that_knows_its_host(old_place, new_place):
    """There two lists of names, to be overridden, said what is public and what is private."""
    hosts = rk.Endpoints.custom("ws://x/v2", auth="ws://x/auth/v2", l3="ws://x/l3/v2", rest="http://x")

    async def asked(here, *streams):
        for name, *arguments in streams:
            getattr(here.client, name)(*arguments).subscribe(lambda _: None)
        await asyncio.sleep(5)
        return {(each.topics[0][0], each.url.removeprefix("ws://x")) for each in here.sent("subscribe")}

    async def main():
        market = [(name, "BTC/USD") for name in ("ticker", "book", "ohlc", "trades")]
        async with old_place() as old, new_place(endpoints=hosts) as new:
            return (
                await asked(old, *market, ("spread", "BTC/USD"), ("open_orders",), ("own_trades",)),
                await asked(new, *market, ("instruments",), ("level3", "BTC/USD"), ("executions",), ("balances",)),
            )

    old, new = run(main)
    assert old == {
        *((name, "/v1") for name in ("ticker", "book", "ohlc", "trade", "spread")),
        ("openOrders", "/v1/auth"), ("ownTrades", "/v1/auth"),
    }  # fmt: skip
    assert new == {
        *((name, "/v2") for name in ("ticker", "book", "ohlc", "trade", "instrument")),
        ("executions", "/auth/v2"), ("balances", "/auth/v2"), ("level3", "/l3/v2"),
    }  # fmt: skip


@pytest.mark.parity("K2-43")
def test_a_token_can_be_had_and_is_renewed_without_being_asked_for(place):
    async def main():
        async with place(rate=0) as here:
            answer = await here.client.rest.get_websockets_token()
            await here.client.open_orders().first()
            here.fault("invalidate_token")
            await asyncio.sleep(1200)
            placed = await here.client.add_order("BTC/USD", "buy", "limit", qty="0.01", price="20000")
            return answer, placed.order_id, [order.order_id for order in here.account.open_orders]

    answer, order_id, open_orders = run(main)
    assert (len(answer.token) > 20, answer.expires) == (True, 900)
    assert answer.token not in repr(answer)
    assert open_orders == [order_id]


@pytest.mark.parity("K2-44")
def test_orders_over_v1_are_rounded_checked_timed_edited_and_cancelled(old_place):
    """`truncate` is `rounding`, exact; `newuserref` is `order_userref`; `timeout=0` calls the switch off."""

    async def main():
        async with old_place() as here:
            client = here.client
            given = {"qty": "0.29", "price": "20000.06", "rounding": "down", "deadline": 20}
            checked = await client.add_order("BTC/USD", "buy", "limit", **given, validate=True)
            nothing = len(here.account.open_orders)
            placed = await client.add_order("BTC/USD", "buy", "limit", **given)
            first = here.sent("addOrder")[-1].frame
            await client.edit_order(placed.order_id, "BTC/USD", qty="0.3", order_userref=9)
            edited = here.sent("editOrder")[-1].frame
            off = await client.cancel_all_orders_after(0)
            count = (await client.cancel_all()).count
            return checked.order_id, nothing, first, edited["newuserref"], off.trigger_time, count

    checked, nothing, first, userref, off, count = run(main)
    assert (checked, nothing, userref, off, count) == ("", 0, "9", None, 1)
    assert (D(first["volume"]), first["price"]) == (D("0.29"), "20000.0")
    assert first["deadline"].endswith("Z")


@pytest.mark.parity("K2-48")
def test_subscriptions_that_differ_in_depth_or_interval_stay_apart(place):
    """There a second interval took the place of the first in what was asked again."""

    async def main():
        async with place(rate=20.0) as here:
            candles, books = Counter(), Counter()
            for interval in (1, 5):
                here.client.ohlc("BTC/USD", interval=interval).subscribe(
                    lambda item, interval=interval: candles.update([(interval, item.interval, item.epoch)])
                )
            for depth in (10, 25):
                here.client.book("BTC/USD", depth=depth).subscribe(
                    lambda item, depth=depth: books.update([(depth, len(item.bids), item.epoch)])
                )
            await asyncio.sleep(10)
            here.cut(here.public)
            await asyncio.sleep(30)
            return candles, books

    candles, books = run(main)
    assert candles.keys() == {(interval, interval, epoch) for interval in (1, 5) for epoch in (1, 2)}
    assert books.keys() == {(depth, depth, epoch) for depth in (10, 25) for epoch in (1, 2)}


@pytest.mark.parity("K2-48")
def test_equal_subscriptions_are_one_on_the_wire_and_are_asked_again_as_one(place):
    async def main():
        async with place() as here:
            for spelling in ("BTC/USD", "XBT/USD", "btcusd"):
                here.client.ticker(spelling).subscribe(lambda _: None)
            await asyncio.sleep(5)
            here.cut(here.public)
            await asyncio.sleep(30)
            return [
                [topic for each in here.sent("subscribe", number) for topic in each.topics if topic[0] == "ticker"]
                for number in (1, 2)
            ]

    first, second = run(main)
    assert first == second
    assert len(first) == 1
