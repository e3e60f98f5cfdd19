"""`KrakenV1Client` against the simulated exchange in virtual time: channels, account, orders, and old faults."""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal

import pytest

import rxkraken as rk
from rxkraken.client_v1 import KrakenV1Client
from rxkraken.simulator import Exchange
from rxkraken.testing import ExchangeHttp, ExchangeNetwork, ScriptedNetwork, outside, run

D = Decimal
ENDPOINTS = rk.Endpoints.custom("ws://x/v1", auth="ws://x/v1/auth", rest="http://x")


class Place:
    """A v1 client and the exchange it is connected to."""

    def __init__(self, exchange=None, *, endpoints=ENDPOINTS, **options):
        loop = asyncio.get_running_loop()
        self.exchange = exchange or Exchange(seed=1)
        self.account = self.exchange.accounts["demo"]
        self.net = ExchangeNetwork(self.exchange, loop)
        self.http = ExchangeHttp(self.exchange, loop, self.net.drive)
        options.setdefault("credentials", self.exchange.credentials)
        self.client = KrakenV1Client(endpoints, outside=outside(self.net, http=self.http), **options)
        self.unknowns, self.errors, self.statuses = [], [], []

    async def __aenter__(self):
        await self.client.start()
        self.client.unknown.subscribe(lambda item: self.unknowns.append(item.reason))
        self.client.errors.subscribe(self.errors.append)
        self.client.status.subscribe(self.statuses.append)
        return self

    async def __aexit__(self, *_):
        await self.client.aclose()

    def cut(self, role="v1-auth"):
        """Cut the connections of one role."""
        for connection in list(self.exchange.connections.values()):
            if connection.role == role:
                self.fault("drop", connection=connection.id, code=1006)

    def fault(self, name, **parameters):
        self.exchange.fault(name, **parameters)
        self.net.drive()


@pytest.mark.parity("K1-10")
@pytest.mark.parity("K2-30")
def test_every_public_channel_flows_under_canonical_names():
    async def main():
        async with Place() as place:
            client, seen = place.client, {}
            streams = {
                "ticker": client.ticker("XBT/USD"),
                "book": client.book("btcusd", depth=25),
                "ohlc": client.ohlc("BTC/USD", interval=5),
                "trades": client.trades("BTC/USD"),
                "spread": client.spread("BTC/USD"),
            }
            for name, stream in streams.items():
                stream.subscribe(lambda item, name=name: seen.setdefault(name, []).append(item))
            await asyncio.sleep(60)
            assert seen.keys() == streams.keys()
            assert {item.symbol for items in seen.values() for item in items} == {"BTC/USD"}
            assert all(book.verified for book in seen["book"])
            assert len(seen["book"]) > 50
            assert place.unknowns == []
            assert place.errors == []

    run(main)


@pytest.mark.parity("K1-18")
def test_an_order_is_placed_followed_amended_and_cancelled():
    async def main():
        async with Place() as place:
            client = place.client
            bid = (await client.ticker("BTC/USD").first()).bid
            price = (bid * D("0.9")).quantize(D(1))
            ticket = client.add_order("BTC/USD", "buy", "limit", qty="0.01", price=price, post_only=True)
            placed = await ticket
            orders = await client.open_orders().first()
            assert placed.order_id in orders
            order = orders[placed.order_id]
            assert (order.symbol, order.side, order.order_type, order.qty) == ("BTC/USD", "buy", "limit", D("0.01"))
            assert order.limit_price == price
            amended = await client.amend_order(placed.order_id, qty="0.02")
            assert amended.amend_id
            cancelled = await client.cancel_order(placed.order_id)
            assert [row.cancelled for row in cancelled.orders] == [True]
            await asyncio.sleep(1)
            assert list(await client.open_orders().first()) == []
            assert place.unknowns == []

    run(main)


def test_fills_reach_own_trades_and_the_ticket_once():
    async def main():
        async with Place() as place:
            client, fills = place.client, []
            client.own_trades(gaps=False).subscribe(fills.append)
            ticket = client.add_order("BTC/USD", "buy", "market", qty="0.01")
            await ticket
            await asyncio.sleep(5)
            mine = [fill for fill in place.account.fills if fill.order_id == ticket.result.order_id]
            assert mine
            told = [each for each in fills if each.order_id == ticket.result.order_id]
            assert [each.exec_id for each in told] == [fill.exec_id for fill in mine]
            assert sum(each.last_qty for each in told) == D("0.01")

    run(main)


@pytest.mark.parity("D1-4")
@pytest.mark.parity("K1-21")
def test_late_subscribers_of_own_trades_get_the_latest_fills_as_well():
    """Who is first depends on code elsewhere: an order makes the client follow its fills by itself."""

    async def main():
        async with Place() as place:
            client = place.client
            await client.add_order("BTC/USD", "buy", "market", qty="0.01")
            await asyncio.sleep(5)
            late = []
            client.own_trades(gaps=False).subscribe(late.append)
            assert [each.exec_id for each in late] == [fill.exec_id for fill in place.account.fills]
            assert {(each.snapshot, each.repaired) for each in late} == {(True, False)}
            place.cut()
            await asyncio.sleep(10)
            assert len(late) == len(place.account.fills)
            await client.add_order("BTC/USD", "buy", "market", qty="0.01")
            await asyncio.sleep(5)
            assert [each.exec_id for each in late] == [fill.exec_id for fill in place.account.fills]
            assert not late[-1].snapshot

    run(main)


def test_a_rejection_reaches_the_caller():
    async def main():
        async with Place() as place:
            failures = []
            place.client.ticker("NOT/REAL").subscribe(on_error=failures.append)
            with pytest.raises(rk.OrderRejected, match="EOrder"):
                await place.client.add_order("BTC/USD", "buy", "limit", qty="1000000", price="1000")
            await asyncio.sleep(2)
            assert [type(each) for each in failures] == [rk.SubscriptionRejected]

    run(main)


def test_the_markets_are_known_from_rest_though_v1_does_not_tell_them():
    """Typos get the nearest names; numbers beside the grid are refused, or rounded if asked for; minimums hold."""

    async def main():
        async with Place() as place:
            client = place.client
            await client.ticker("BTC/USD").first()
            await asyncio.sleep(1)
            with pytest.raises(rk.UnknownSymbol, match="BTC/USD"):
                client.book("BTC/USF")
            with pytest.raises(rk.InvalidOrder, match=r"nearest are 100\.0 and 100\.1"):
                client.add_order("BTC/USD", "buy", "limit", qty="0.01", price="100.04")
            with pytest.raises(rk.InvalidOrder, match="below the minimum"):
                client.add_order("BTC/USD", "buy", "limit", qty="0.00000001", price="100")
            await client.add_order("BTC/USD", "buy", "limit", qty="0.02", price="20000.04", rounding="nearest")
            assert [order.limit_price for order in place.account.open_orders] == [D("20000.0")]

    run(main)


def test_an_order_that_needs_rounding_waits_for_the_first_rules():
    async def main():
        async with Place() as place:
            await place.client.add_order("BTC/USD", "buy", "limit", qty="0.02", price="20000.04", rounding="down")
            assert [order.limit_price for order in place.account.open_orders] == [D("20000.0")]

    run(main)


def test_without_rest_v1_orders_are_left_to_the_exchange(caplog):
    """Refused rules are told once, and asked for again a minute later."""

    async def main():
        async with Place() as place:
            place.fault("rest_error", call="AssetPairs", times=100)
            with pytest.raises(rk.OrderRejected, match="EOrder:Tick size check failed"):
                await place.client.add_order("BTC/USD", "buy", "limit", qty="0.02", price="20000.04")
            with pytest.raises(rk.InvalidArgument, match="rounding"):
                await place.client.add_order(
                    "BTC/USD", "buy", "limit", qty="0.02", price="20000.04", rounding="nearest"
                )

    run(main)
    assert "rules of the markets could not be asked" in caplog.text


@pytest.mark.parametrize(
    ("kind", "fields", "told"),
    [
        ("limit", {"price": "20000", "time_in_force": "fok"}, "fok"),
        ("limit", {"price": "20000", "extra": {"display_qty": "0.001"}}, "display_qty"),
        ("market", {"extra": {"new_field": 1}}, "new_field"),
    ],
)
def test_what_v1_has_no_words_for_is_refused_where_it_is_asked(kind, fields, told):
    async def main():
        async with Place() as place:
            with pytest.raises(rk.InvalidOrder, match=f"WebSocket v1 has no .*{told}"):
                place.client.add_order("BTC/USD", "buy", kind, qty="0.01", **fields)

    run(main)


def test_an_edit_over_v1_has_no_deadline_so_that_none_is_relied_on():
    """`editOrder` has no such field (ws-v1 reference section 8.3): it may be carried out late."""

    async def main():
        async with Place() as place:
            bid = (await place.client.ticker("BTC/USD").first()).bid
            price = (bid * D("0.9")).quantize(D(1))
            placed = await place.client.add_order("BTC/USD", "buy", "limit", qty="0.01", price=price)
            ticket = place.client.edit_order(placed.order_id, "BTC/USD", qty="0.02")
            assert ticket.request.deadline is None
            assert (await ticket).original_order_id == placed.order_id

    run(main)


def frames(link, event):
    """What the client sent of one kind."""
    return [frame for frame in link.sent if frame.get("event") == event]


def acked(request):
    """The exchange's yes to every pair of a request."""
    status = f"{request['event']}d"
    name = request["subscription"]["name"]
    return [
        {
            "channelID": 1,
            "channelName": name,
            "event": "subscriptionStatus",
            "pair": pair,
            "reqid": request["reqid"],
            "status": status,
            "subscription": {"name": name},
        }
        for pair in request["pair"]
    ]


class Script:
    """A v1 client on connections that the test plays by hand."""

    def __init__(self, **options):
        self.net = ScriptedNetwork()
        self.client = KrakenV1Client(rk.Endpoints.live_v1(), outside=outside(self.net), **options)

    async def __aenter__(self):
        await self.client.start()
        return self

    async def __aexit__(self, *_):
        await self.client.aclose()

    @property
    def link(self):
        return self.net.link

    def acknowledge(self, event="subscribe"):
        for request in frames(self.link, event):
            self.link.say(*acked(request))


SPREAD = [0, ["5698.4", "5700.0", "1542057299.545897", "1.5", "0.5"], "spread", "XBT/USD"]


@pytest.mark.parity("D1-1")
@pytest.mark.parity("K1-05")
@pytest.mark.parity("K3-03")
@pytest.mark.parity("K3-04")
def test_after_a_drop_everything_is_asked_once_and_read_again():
    """D1-1: kraky asked forever after a drop, and never read again."""

    async def main():
        async with Script() as script:
            seen = []
            script.client.spread("BTC/USD", "ETH/USD").subscribe(seen.append)
            await asyncio.sleep(0.1)
            assert frames(script.link, "subscribe")[0]["pair"] == ["XBT/USD", "ETH/USD"]
            script.acknowledge()
            script.link.say(SPREAD)
            script.link.lose()
            await asyncio.sleep(2)
            assert len(script.net.links) == 2
            assert len(frames(script.link, "subscribe")) == 1
            script.acknowledge()
            script.link.say(SPREAD)
            await asyncio.sleep(1)
            assert [(each.symbol, each.bid, each.epoch) for each in seen] == [
                ("BTC/USD", D("5698.4"), 1),
                ("BTC/USD", D("5698.4"), 2),
            ]
            assert len(frames(script.link, "subscribe")) == 1

    run(main)


@pytest.mark.parity("D1-3")
@pytest.mark.parity("K1-11")
def test_what_was_unsubscribed_does_not_come_back_after_a_drop():
    """D1-3: kraky forgot to forget."""

    async def main():
        async with Script() as script:
            subscription = script.client.spread("BTC/USD").subscribe(lambda _: None)
            script.client.spread("ETH/USD").subscribe(lambda _: None)
            await asyncio.sleep(0.1)
            script.acknowledge()
            subscription.dispose()
            await asyncio.sleep(1)
            assert [each["pair"] for each in frames(script.link, "unsubscribe")] == [["XBT/USD"]]
            script.acknowledge("unsubscribe")
            script.link.lose()
            await asyncio.sleep(2)
            assert [each["pair"] for each in frames(script.link, "subscribe")] == [["ETH/USD"]]

    run(main)


@pytest.mark.parity("D1-2")
@pytest.mark.parity("K1-22")
def test_an_order_without_a_connection_is_an_error_that_says_so():
    """D1-2: kraky returned None."""

    async def main():
        async with Place() as place:
            await place.client.open_orders().first()
            place.cut()
            await asyncio.sleep(0)
            with pytest.raises(rk.NotSent, match="connection"):
                await place.client.add_order("BTC/USD", "buy", "market", qty="0.01")
            await place.client.aclose()
            with pytest.raises(rk.NotSent, match="clos"):
                await place.client.add_order("BTC/USD", "buy", "market", qty="0.01")
            assert place.account.fills == []

    run(main)


@pytest.mark.parity("D1-5")
def test_a_failing_subscriber_is_told_and_a_cancelled_task_ends():
    """D1-5: kraky swallowed what its handler raised, and the cancellation of its task."""

    async def main():
        async with Script() as script:
            errors, fine = [], []
            script.client.errors.subscribe(errors.append)

            def fail(item):
                raise RuntimeError(str(item.bid))

            script.client.spread("BTC/USD").subscribe(fail)
            script.client.spread("BTC/USD").subscribe(fine.append)
            await asyncio.sleep(0.1)
            script.acknowledge()
            script.link.say(SPREAD, SPREAD)

            async def forever():
                async for _ in script.client.ticker("BTC/USD"):
                    raise AssertionError

            task = asyncio.create_task(forever())
            await asyncio.sleep(1)
            task.cancel()
            await asyncio.wait([task], timeout=1)
            assert task.cancelled()
            assert [type(each) for each in errors] == [rk.SubscriberFailed]
            assert len(fine) == 2

    run(main)


@pytest.mark.parity("D1-6")
@pytest.mark.parity("K1-03")
@pytest.mark.parity("K1-23")
def test_several_clients_add_no_log_handlers_and_do_not_disturb_each_other():
    """D1-6: each instance of kraky logged everything once more."""

    async def main():
        handlers = len(logging.getLogger("rxkraken").handlers), len(logging.getLogger().handlers)
        async with Script(name="one") as one, Script(name="two") as two:
            seen = []
            one.client.spread("BTC/USD").subscribe(seen.append)
            two.client.spread("BTC/USD").subscribe(lambda _: None)
            await asyncio.sleep(0.1)
            one.acknowledge()
            two.acknowledge()
            two.link.lose()
            one.link.say(SPREAD)
            await asyncio.sleep(0.1)
            assert len(seen) == 1
            assert (len(one.net.links), one.client.state) == (1, "online")
            assert repr(one.client) == "<KrakenV1Client one wss://ws.kraken.com online>"
            assert (len(logging.getLogger("rxkraken").handlers), len(logging.getLogger().handlers)) == handlers

    run(main)


@pytest.mark.parity("K2-31")
def test_without_a_public_connection_market_data_is_refused_and_the_account_works():
    async def main():
        async with Place(no_public=True) as place:
            failures = []
            with pytest.raises(rk.InvalidArgument, match="public"):
                await place.client.ticker("BTC/USD").first()
            assert list(await place.client.open_orders().first()) == []
            assert failures == []
            assert {status.connection for status in place.statuses} <= {"client", "auth"}

    run(main)


@pytest.mark.parametrize("fault", ["sequence_gap", "drop"])
def test_after_an_interruption_every_fill_is_there_once(fault):
    async def main():
        async with Place() as place:
            client, fills, events = place.client, [], []
            client.own_trades(gaps=False).subscribe(fills.append)
            client.executions(gaps=False).subscribe(events.append)
            await asyncio.sleep(2)
            for interrupted in (True, True, False):
                if interrupted:
                    place.cut() if fault == "drop" else place.fault(fault)
                params = {"symbol": "BTC/USD", "side": "buy", "order_type": "market", "order_qty": D("0.01")}
                place.exchange.desk.add(place.account, params)
                place.net.drive()
                await asyncio.sleep(40)
            mine = [fill.exec_id for fill in place.account.fills]
            assert sorted(each.exec_id for each in fills) == sorted(mine)
            told = [each.exec_id for each in events if each.exec_id is not None]
            assert sorted(told) == sorted(mine)

    run(main)


def test_a_book_whose_checksum_fails_is_fetched_anew():
    async def main():
        async with Place() as place:
            books = []
            place.client.book("BTC/USD").subscribe(books.append)
            await asyncio.sleep(10)
            before = len(books)
            place.fault("wrong_checksum")
            await asyncio.sleep(30)
            assert len(books) > before
            assert all(book.verified for book in books)
            assert [status.channel for status in place.statuses if status.state == "resyncing"] == ["book"]

    run(main)


@pytest.mark.parity("K1-20")
def test_the_switch_is_armed_and_disarmed():
    async def main():
        async with Place() as place:
            armed = []
            subscription = place.client.dead_mans_switch(60).subscribe(armed.append)
            await asyncio.sleep(50)
            assert len(armed) >= 2
            assert all((each.trigger_time - each.current_time).total_seconds() == 60 for each in armed)
            subscription.dispose()
            await asyncio.sleep(2)
            result = await place.client.cancel_all_orders_after(0)
            assert result.trigger_time is None

    run(main)


def test_a_conditional_close_is_known_and_what_v1_lacks_is_refused():
    async def main():
        async with Place() as place:
            bid = (await place.client.ticker("BTC/USD").first()).bid
            close = {"order_type": "stop-loss", "trigger_price": (bid * D("0.8")).quantize(D(1))}
            price = (bid * D("0.9")).quantize(D(1))
            ticket = place.client.add_order("BTC/USD", "buy", "limit", qty="0.01", price=price, conditional=close)
            await ticket
            order = (await place.client.open_orders().first())[ticket.result.order_id]
            assert (order.contingent.order_type, order.contingent.trigger_price) == (
                "stop-loss",
                close["trigger_price"],
            )
            with pytest.raises(rk.InvalidArgument, match="display_qty"):
                place.client.add_order("BTC/USD", "buy", "iceberg", qty=1, price=price, display_qty="0.1")

    run(main)


@pytest.mark.parity("K1-24")
def test_a_refused_token_is_renewed_and_the_order_goes_out_once():
    async def main():
        async with Place() as place:
            await place.client.open_orders().first()
            place.fault("invalidate_token")
            ticket = place.client.add_order("BTC/USD", "buy", "market", qty="0.01")
            assert (await ticket).order_id
            await asyncio.sleep(5)
            assert len({fill.order_id for fill in place.account.fills}) == 1

    run(main)


@pytest.mark.parity("K1-17")
@pytest.mark.parity("K1-19")
def test_edit_and_cancel_all_tell_what_they_did():
    async def main():
        async with Place() as place:
            client = place.client
            bid = (await client.ticker("BTC/USD").first()).bid
            price = (bid * D("0.9")).quantize(D(1))
            placed = await client.add_order("BTC/USD", "buy", "limit", qty="0.01", price=price, order_userref=7)
            edited = await client.edit_order(placed.order_id, "BTC/USD", qty="0.02", price=price - 10)
            assert edited.original_order_id == placed.order_id
            assert edited.order_id != placed.order_id
            assert (await client.cancel_all()).count == 1

    run(main)


def test_an_edit_that_would_move_a_trigger_instead_of_the_limit_is_refused():
    """To v1 the first price of a stop-loss-limit order is its trigger, and an unknown order may be one."""

    async def main():
        async with Place() as place:
            client = place.client
            bid = (await client.ticker("BTC/USD").first()).bid
            stop, limit = ((bid * D(part)).quantize(D(1)) for part in ("0.9", "0.89"))
            placed = await client.add_order(
                "BTC/USD", "sell", "stop-loss-limit", qty="0.01", price=limit, trigger_price=stop
            )
            refused = {placed.order_id: "is a stop-loss-limit order", "OAAAAA-BBBBB-CCCCCC": "is not known here"}
            for order_id, told in refused.items():
                with pytest.raises(rk.InvalidOrder, match=told):
                    client.edit_order(order_id, "BTC/USD", price=limit - 1)
            both = await client.edit_order(placed.order_id, "BTC/USD", price=limit - 1, trigger_price=stop - 1)
            assert both.original_order_id == placed.order_id

    run(main)
