"""`KrakenV1Client` when its two account channels race, stutter, break or end: what is told of orders and fills."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

import rxkraken as rk
from rxkraken.client_v1 import KrakenV1Client
from rxkraken.models.rest_market import AssetPair
from rxkraken.simulator import Exchange
from rxkraken.testing import ExchangeHttp, ScriptedNetwork, outside, run
from rxkraken.trading.listing import instruments_of

D = Decimal
ENDPOINTS = rk.Endpoints.custom("ws://x/v1", auth="ws://x/v1/auth", rest="http://x")
ELSEWHERE = "OELSEW-HEREA-AAAAAA"


class Wire:
    """A v1 client on a private connection that the test plays by hand; REST is that of a simulated exchange."""

    def __init__(self, **options):
        loop = asyncio.get_running_loop()
        self.exchange = Exchange(seed=1)
        self.net = ScriptedNetwork()
        self.http = ExchangeHttp(self.exchange, loop, lambda: self.exchange.advance(loop.time()))
        self.client = KrakenV1Client(
            ENDPOINTS, self.exchange.credentials, outside=outside(self.net, http=self.http), **options
        )
        self.events, self.fills, self.errors, self.statuses, self.numbers = [], [], [], [], {}

    async def __aenter__(self):
        await self.client.start()
        self.client.errors.subscribe(self.errors.append)
        self.client.status.subscribe(self.statuses.append)
        return self

    async def __aexit__(self, *_):
        for link in self.net.links:
            if not link.closed:
                link.lose()
        await self.client.aclose()

    @property
    def link(self):
        return self.net.link

    async def follow(self, *, orders=(), trades=()):
        """Follow executions and fills, both from a snapshot."""
        self.client.executions().subscribe(self.events.append)
        self.client.own_trades().subscribe(self.fills.append)
        await self.begin(orders=orders, trades=trades)
        self.events.clear()
        self.fills.clear()

    async def begin(self, *, orders=(), trades=()):
        """Answer every subscription that waits for it, and send the snapshots."""
        await self.pass_time(2)
        self.numbers.clear()
        for name, entries in (("openOrders", orders), ("ownTrades", trades)):
            if self.acknowledge(name):
                self.tell(name, *entries)
        await self.pass_time(2)

    async def renew(self, *, orders=(), trades=()):
        """Play the exchange's part while both are left and asked anew."""
        await self.pass_time(1)
        for name in ("openOrders", "ownTrades"):
            self.acknowledge(name, "unsubscribe")
        await self.begin(orders=orders, trades=trades)

    async def pass_time(self, seconds):
        """Let time pass on a connection that is alive: a heartbeat each second, and a pong for each ping."""
        for _ in range(seconds):
            await asyncio.sleep(1)
            for frame in self.link.sent:
                if frame["event"] == "ping" and "answered" not in frame:
                    frame["answered"] = True
                    self.link.say({"event": "pong", "reqid": frame["reqid"]})
            self.link.say({"event": "heartbeat"})

    def acknowledge(self, name, event="subscribe"):
        """Say yes to the latest request about a channel, if it has not been answered; returns whether there was one."""
        asked = [
            frame for frame in self.link.sent if frame.get("event") == event and frame["subscription"]["name"] == name
        ]
        if not asked or "answered" in asked[-1]:
            return False
        asked[-1]["answered"] = True
        self.link.say(status_of(name, f"{event}d", reqid=asked[-1]["reqid"]))
        return True

    def tell(self, name, *entries, number=None):
        """Send a message of a private channel, with the number that comes next, or another one."""
        number = self.numbers.get(name, 0) + 1 if number is None else number
        self.numbers[name] = number
        self.link.say([list(entries), name, {"sequence": number}])


def status_of(name, status, **fields):
    """What the exchange says of a private subscription."""
    event = {"channelName": name, "event": "subscriptionStatus", "status": status, "subscription": {"name": name}}
    return {**event, **fields}


def whole(order_id=ELSEWHERE, status="pending", **fields):
    """An order as `openOrders` tells it for the first time."""
    descr = {"pair": "XBT/USD", "type": "buy", "ordertype": "limit", "price": "30000.0", "price2": "0", "order": ""}
    entry = {"descr": descr, "status": status, "vol": "0.50000000", "vol_exec": "0.00000000", "userref": 0}
    return {order_id: {**entry, "opentm": "1750000000.000000", **fields}}


def change(order_id=ELSEWHERE, **fields):
    """What changed of an order."""
    return {order_id: {**fields, "userref": 0}}


def fill(trade_id, qty="0.50000000", order_id=ELSEWHERE, time="1750000002.000000"):
    """A fill as `ownTrades` tells it."""
    terms = {"cost": "15000.00000", "fee": "24.00000", "price": "30000.00000", "vol": qty, "margin": "0.00000"}
    about = {"ordertxid": order_id, "ordertype": "limit", "pair": "XBT/USD", "postxid": "T1", "type": "buy"}
    return {trade_id: {**terms, **about, "time": time}}


FILLED = {"vol_exec": "0.50000000", "cost": "15000.00000", "fee": "24.00000", "avg_price": "30000.00000"}


def story(events):
    """What was told, in order: the event, how much was ordered, and how much of it was filled by then."""
    return [(each.exec_type, each.order.qty, each.order.cum_qty) for each in events if isinstance(each, rk.Execution)]


def test_a_fill_that_overtakes_its_order_is_told_after_it_of_the_whole_order():
    """An order placed elsewhere: its fill comes first, on the other channel, and says neither size nor state."""

    async def main():
        async with Wire() as wire:
            await wire.follow()
            wire.tell("ownTrades", fill("T1"))
            wire.tell("openOrders", whole())
            wire.tell("openOrders", change(status="open"))
            wire.tell("openOrders", change(**FILLED))
            wire.tell("openOrders", change(status="closed", lastupdated="1750000002.000000", **FILLED))
            await asyncio.sleep(5)
            half = D("0.5")
            assert story(wire.events) == [
                ("pending_new", half, D(0)),
                ("new", half, D(0)),
                ("trade", half, half),
                ("filled", half, half),
            ]
            assert [each.exec_id for each in wire.fills] == ["T1"]

    run(main)


def test_a_fill_between_pending_and_open_waits_for_open():
    async def main():
        async with Wire() as wire:
            await wire.follow()
            wire.tell("openOrders", whole())
            wire.tell("ownTrades", fill("T1", "0.20000000"))
            await asyncio.sleep(0.1)
            wire.tell("openOrders", change(status="open"))
            await asyncio.sleep(5)
            assert story(wire.events) == [
                ("pending_new", D("0.5"), D(0)),
                ("new", D("0.5"), D(0)),
                ("trade", D("0.5"), D("0.2")),
            ]

    run(main)


def test_a_fill_is_told_before_the_end_of_its_order_though_the_order_is_described_only_then():
    async def main():
        async with Wire() as wire:
            await wire.follow()
            wire.tell("ownTrades", fill("T1"))
            wire.tell("openOrders", whole(status="closed", **FILLED))
            await asyncio.sleep(5)
            assert story(wire.events) == [("trade", D("0.5"), D("0.5")), ("filled", D("0.5"), D("0.5"))]

    run(main)


def test_a_fill_whose_order_nobody_describes_is_told_all_the_same():
    async def main():
        async with Wire() as wire:
            await wire.follow()
            wire.tell("ownTrades", fill("T1"))
            await wire.pass_time(20)
            assert [(each.exec_type, each.exec_id, each.symbol, each.last_qty) for each in wire.events] == [
                ("trade", "T1", "BTC/USD", D("0.5"))
            ]

    run(main)


def test_a_fill_that_waits_for_its_order_survives_the_loss_of_the_connection():
    async def main():
        async with Wire() as wire:
            await wire.follow()
            wire.tell("ownTrades", fill("T1"))
            wire.link.lose()
            await asyncio.sleep(3)
            await wire.begin(trades=[fill("T1")])
            await wire.pass_time(20)
            told = [each for each in wire.events if isinstance(each, rk.Execution)]
            assert [(each.exec_type, each.exec_id) for each in told] == [("trade", "T1")]
            assert [each.exec_id for each in wire.fills if isinstance(each, rk.Execution)] == ["T1"]

    run(main)


def test_fills_of_the_past_are_not_told_again_when_a_message_follows_the_one_that_was_lost():
    """After a gap the old subscription still speaks until it is left; its next message is no snapshot."""

    async def main():
        async with Wire() as wire:
            past = [fill(f"P{number}", order_id="OPASTA-AAAAA-AAAAAA") for number in range(3)]
            await wire.follow(orders=[whole(status="open")], trades=past)
            wire.tell("ownTrades", fill("T2", "0.10000000"), number=3)  # T1, number 2, is lost
            wire.tell("ownTrades", fill("T3", "0.10000000"))
            late = [fill(f"T{number}", "0.10000000") for number in (1, 2, 3)]
            await wire.renew(orders=[whole(status="open")], trades=[*past, *late])
            await wire.pass_time(5)
            told = [each.exec_id for each in wire.events if isinstance(each, rk.Execution) and each.exec_id]
            assert sorted(told) == ["T1", "T2", "T3"]
            assert wire.events[-1].order.cum_qty == D("0.3")
            seen = [each for each in wire.fills if isinstance(each, rk.Execution)]
            assert [(each.exec_id, each.repaired, each.snapshot) for each in seen] == [
                ("T1", True, False),
                ("T2", True, False),
                ("T3", True, False),
            ]
            gaps = [each for each in wire.fills if isinstance(each, rk.Gap)]
            assert [each.missed for each in gaps] == [0]

    run(main)


def test_a_market_that_the_exchange_ends_is_asked_for_again():
    async def main():
        async with Wire() as wire:
            wire.client.spread("BTC/USD").subscribe(lambda _: None)
            wire.client.book("BTC/USD").subscribe(lambda _: None)
            await asyncio.sleep(1)
            for request in [frame for frame in wire.link.sent if frame["event"] == "subscribe"]:
                name = request["subscription"]["name"]
                wire.link.say(status_of(name, "subscribed", reqid=request["reqid"], pair="XBT/USD"))
            ends = {"pair": "XBT/USD", "channelID": 1}
            wire.link.say(status_of("book-25", "unsubscribed", **ends), status_of("ticker", "unsubscribed", **ends))
            await asyncio.sleep(0.1)
            assert "unsubscribe" not in [frame["event"] for frame in wire.link.sent]
            wire.link.say(status_of("book-10", "unsubscribed", **ends), status_of("spread", "unsubscribed", **ends))
            await asyncio.sleep(0.1)
            left = [frame["subscription"]["name"] for frame in wire.link.sent if frame["event"] == "unsubscribe"]
            assert sorted(left) == ["book", "spread"]

    run(main)


def test_a_subscription_that_the_exchange_ends_is_asked_for_again():
    """It says so once, without being asked (ws-v1 reference section 4.3); nothing would ever come after that."""

    async def main():
        async with Wire() as wire:
            await wire.follow()
            for name in ("ownTrades", "openOrders"):
                wire.link.say(status_of(name, "unsubscribed"))
                await wire.renew(trades=[fill("T1", order_id="OOTHER-AAAAA-AAAAAA")])
                assert "answered" in next(frame for frame in reversed(wire.link.sent) if frame["event"] == "subscribe")
            assert [each.exec_id for each in wire.fills if isinstance(each, rk.Execution)] == ["T1"]

    run(main)


def test_a_snapshot_of_fills_that_does_not_come_is_asked_for_again():
    """Of an account that has traded it cannot be empty: going on without it would lose what was filled meanwhile."""

    async def main():
        async with Wire() as wire:
            await wire.follow(trades=[fill("P1", order_id="OPASTA-AAAAA-AAAAAA")])
            wire.link.lose()
            await wire.pass_time(3)
            wire.numbers.clear()
            wire.acknowledge("openOrders")
            wire.tell("openOrders")
            wire.acknowledge("ownTrades")
            await wire.pass_time(6)
            assert wire.fills == []
            assert wire.acknowledge("ownTrades", "unsubscribe")
            await wire.begin(trades=[fill("P1", order_id="OPASTA-AAAAA-AAAAAA"), fill("T1")])
            gap, *told = wire.fills
            assert (type(gap), gap.missed) == (rk.Gap, 0)
            assert [(each.exec_id, each.repaired) for each in told] == [("T1", True)]

    run(main)


def test_a_subscription_that_could_not_be_left_does_not_stand_in_for_the_next():
    """The leaving is refused, the answer to the next subscribe is lost, and the old subscription goes on to speak."""

    async def main():
        async with Wire() as wire:
            await wire.follow(orders=[whole(status="open")])
            wire.tell("ownTrades", fill("T2", "0.10000000"), number=3)
            await wire.pass_time(1)
            for request in [frame for frame in wire.link.sent if frame["event"] == "unsubscribe"]:
                request["answered"] = True
                refused = {"event": "subscriptionStatus", "status": "error", "errorMessage": "ESession:Invalid session"}
                wire.link.say({**refused, "reqid": request["reqid"]})
            await wire.pass_time(2)
            wire.tell("ownTrades", fill("T3", "0.10000000"))
            wire.tell("openOrders", change(vol_exec="0.30000000"))
            for frame in wire.link.sent:
                frame["answered"] = True
            await wire.pass_time(12)
            trades = [fill(f"T{number}", "0.10000000") for number in (1, 2, 3)]
            await wire.renew(orders=[whole(status="open", vol_exec="0.30000000")], trades=trades)
            await wire.pass_time(5)
            told = [each for each in wire.events if isinstance(each, rk.Execution)]
            assert sorted(each.exec_id for each in told if each.exec_id) == ["T1", "T2", "T3"]
            assert told[-1].order.cum_qty == D("0.3")
            seen = [each.exec_id for each in wire.fills if isinstance(each, rk.Execution)]
            assert sorted(seen) == ["T1", "T2", "T3"]

    run(main)


def test_a_snapshot_in_mid_stream_makes_no_news_of_the_past():
    async def main():
        async with Wire() as wire:
            past = [fill(f"P{number}", order_id="OPASTA-AAAAA-AAAAAA") for number in range(3)]
            await wire.follow(orders=[whole(status="open")], trades=past)
            wire.tell("ownTrades", *past)
            wire.tell("ownTrades", *past, fill("T1"))
            await wire.pass_time(20)
            assert [each.exec_id for each in wire.events] == ["T1"]
            assert [each.exec_id for each in wire.fills] == ["T1"]

    run(main)


def test_fills_do_not_hide_that_the_orders_are_not_told_any_more():
    """A subscription whose ack is lost counts as alive when its data comes; fills are the data of another one."""

    async def main():
        async with Wire() as wire:
            wire.client.executions().subscribe(wire.events.append)
            await wire.pass_time(1)
            wire.acknowledge("ownTrades")
            wire.tell("ownTrades")
            wire.tell("ownTrades", fill("T1"))
            await wire.pass_time(15)
            assert wire.acknowledge("openOrders", "unsubscribe")
            await wire.begin(orders=[whole(status="open")])
            assert [each.order_id for each in wire.events] == [ELSEWHERE, ELSEWHERE]
            assert [each.exec_type for each in wire.events] == ["new", "trade"]

    run(main)


def test_an_entry_that_cannot_be_read_costs_no_other_and_is_asked_for_again():
    async def main():
        async with Wire() as wire:
            await wire.follow(orders=[whole(status="open")])
            broken = {"T1": {**fill("T1")["T1"], "vol": None}}
            wire.tell("ownTrades", broken, fill("T2", "0.10000000"))
            await asyncio.sleep(1)
            assert [each.exec_id for each in wire.events] == ["T2"]
            trades = [fill("T1", "0.10000000"), fill("T2", "0.10000000")]
            await wire.renew(orders=[whole(status="open")], trades=trades)
            await wire.pass_time(5)
            told = [each.exec_id for each in wire.events if isinstance(each, rk.Execution) and each.exec_id]
            assert told == ["T2", "T1"]
            assert wire.events[-1].order.cum_qty == D("0.2")

    run(main)


def test_a_snapshot_with_an_entry_that_cannot_be_read_is_taken_without_it():
    async def main():
        async with Wire() as wire:
            opened = []
            wire.client.open_orders().subscribe(opened.append)
            await wire.follow(orders=[{"OODDAA-AAAAA-AAAAAA": {"descr": []}}, whole(status="open")])
            assert [list(each) for each in opened] == [[ELSEWHERE]]

    run(main)


def test_the_fill_of_an_order_sent_here_is_told_though_the_first_snapshot_holds_it():
    """The first order has fills followed: they are asked for at once, and the order may be filled before they come."""

    async def main():
        async with Wire() as wire:
            wire.client.executions(gaps=False).subscribe(wire.events.append)
            await asyncio.sleep(1)
            wire.acknowledge("openOrders")
            wire.tell("openOrders")
            ticket = wire.client.add_order("BTC/USD", "buy", "limit", qty="0.5", price=30000)
            done = asyncio.ensure_future(ticket)
            await asyncio.sleep(1)
            sent = next(frame for frame in wire.link.sent if frame["event"] == "addOrder")
            mine = {"cl_ord_id": sent["cl_ord_id"]}
            wire.tell("openOrders", whole(**mine))
            wire.tell("openOrders", change(status="open", **mine))
            wire.tell("openOrders", change(**FILLED, **mine))
            wire.tell("openOrders", change(status="closed", **FILLED, **mine))
            wire.link.say(
                {"event": "addOrderStatus", "status": "ok", "txid": ELSEWHERE, "descr": "", "reqid": sent["reqid"]}
            )
            assert (await done).order_id == ELSEWHERE
            wire.acknowledge("ownTrades")
            wire.tell("ownTrades", fill("P1", order_id="OPASTA-AAAAA-AAAAAA"), fill("T1"))
            await asyncio.sleep(2)
            assert [each.exec_id for each in wire.events if each.exec_id] == ["T1"]

    run(main)


def test_a_frame_that_makes_no_sense_is_no_snapshot():
    async def main():
        async with Wire() as wire:
            await wire.follow(trades=[fill("P1", order_id="OPASTA-AAAAA-AAAAAA")])
            wire.link.lose()
            await wire.pass_time(2)
            wire.numbers.clear()
            wire.link.say(
                [[None], "ownTrades", {}], [[], "ownTrades", {}], [[{"T9": None}], "ownTrades", {"sequence": "1"}]
            )
            assert wire.fills == []
            await wire.begin(trades=[fill("P1", order_id="OPASTA-AAAAA-AAAAAA"), fill("T1")])
            gap, *told = wire.fills
            assert (type(gap), gap.missed) == (rk.Gap, 0)
            assert [(each.exec_id, each.repaired) for each in told] == [("T1", True)]

    run(main)


def test_what_was_filled_between_the_two_first_snapshots_is_told_and_nothing_older():
    async def main():
        async with Wire() as wire:
            wire.client.executions(gaps=False).subscribe(wire.events.append)
            trades = [fill("P1", "0.20000000"), fill("T1", "0.10000000", time="1750000003.000000")]
            await wire.begin(orders=[whole(status="open", vol_exec="0.20000000")], trades=trades)
            assert [each.exec_id for each in wire.events if each.exec_id] == ["T1"]

    run(main)


def test_a_fill_that_the_first_snapshot_has_counted_already_is_not_counted_again():
    """Its message comes late, after the order was listed with it: the total is what `openOrders` says."""

    async def main():
        async with Wire() as wire:
            await wire.follow(orders=[whole(status="open", vol_exec="0.20000000")])
            wire.tell("ownTrades", fill("T1", "0.20000000"))
            wire.tell("openOrders", change(vol_exec="0.30000000"))
            wire.tell("ownTrades", fill("T2", "0.10000000"))
            await wire.pass_time(1)
            assert [(each.exec_id, each.order.cum_qty) for each in wire.events] == [
                ("T1", D("0.2")),
                (None, D("0.3")),
                ("T2", D("0.3")),
            ]

    run(main)


def test_fills_without_numbers_are_not_taken_for_news_when_they_are_the_past():
    async def main():
        async with Wire() as wire:
            wire.client.executions().subscribe(wire.events.append)
            wire.client.own_trades().subscribe(wire.fills.append)
            await asyncio.sleep(1)
            wire.acknowledge("openOrders")
            wire.tell("openOrders")
            wire.acknowledge("ownTrades")
            wire.link.say([[fill("P1")], "ownTrades", {}])
            await asyncio.sleep(1)
            assert wire.events == []
            assert [each.snapshot for each in wire.fills] == [True]

    run(main)


def test_two_listed_names_of_one_market_leave_the_rules_of_the_one_that_orders_go_to():
    def pair(wsname, decimals):
        return AssetPair(
            altname="XBTUSD", wsname=wsname, base="XXBT", quote="ZUSD", pair_decimals=decimals, lot_decimals=8
        )

    for listed in (("XBT/USD", 1), ("BTC/USD", 3)), (("BTC/USD", 3), ("XBT/USD", 1)):
        pairs = [pair(*each) for each in (*listed, ("", 5), ("?", 5))]
        instruments = instruments_of(pairs, 0.0)
        assert {symbol: each.price_precision for symbol, each in instruments.pairs.items()} == {"BTC/USD": 1}


class Account:
    """One order that is filled bit by bit, and how an unreliable connection tells of it."""

    def __init__(self, wire):
        self.wire = wire
        self.trades = []

    @property
    def order(self):
        return whole(status="open", vol_exec=self.total)

    @property
    def total(self):
        return str(D("0.01") * len(self.trades))

    def happen(self):
        self.trades.append(fill(f"T{len(self.trades)}", "0.01000000", time=f"{1750000001 + len(self.trades)}.000000"))

    def tell_fill(self):
        self.happen()
        self.wire.tell("ownTrades", self.trades[-1])

    def lose_fill(self):
        self.happen()
        self.wire.numbers["ownTrades"] = self.wire.numbers.get("ownTrades", 0) + 1

    def tell_total(self):
        self.wire.tell("openOrders", change(vol_exec=self.total))

    def lose_total(self):
        self.wire.numbers["openOrders"] = self.wire.numbers.get("openOrders", 0) + 1

    def repeat(self):
        for name, entries in (("ownTrades", self.trades[-1:]), ("openOrders", [change(vol_exec=self.total)])):
            self.wire.tell(name, *entries, number=self.wire.numbers.get(name, 1))

    def tell_everything(self):
        self.wire.tell("ownTrades", *self.trades)

    def mumble(self):
        self.wire.link.say(
            '[[null],"ownTrades",{}]', [[{"T0": {}}], "openOrders", {"sequence": None}], "[", [[], 7, {}]
        )

    async def lose_connection(self):
        self.wire.link.lose()
        await self.wire.pass_time(2)

    async def answer(self):
        await self.wire.renew(orders=[self.order], trades=self.trades[-50:])


ACTIONS = [name for name in vars(Account) if name[0] != "_" and name not in {"order", "total", "happen"}]


@settings(max_examples=30)
@given(st.lists(st.sampled_from(ACTIONS), max_size=12))
def test_whatever_is_lost_repeated_or_garbled_every_fill_is_told_once(actions):
    async def main():
        async with Wire() as wire:
            account = Account(wire)
            await wire.follow(orders=[account.order])
            for name in actions:
                done = getattr(account, name)()
                if done is not None:
                    await done
            await account.lose_connection()
            await account.answer()
            await account.answer()
            await wire.pass_time(15)
            mine = sorted(name for trade in account.trades for name in trade)
            for told in (wire.events, wire.fills):
                assert sorted(each.exec_id for each in told if getattr(each, "exec_id", None)) == mine
            orders = await wire.client.open_orders().first()
            assert orders[ELSEWHERE].cum_qty == D(account.total)

    run(main)


def test_a_fill_that_never_comes_is_asked_for_though_no_number_is_missing():
    """The last message of a channel can be lost without a trace in its numbers; the order's total shows it."""

    async def main():
        async with Wire() as wire:
            await wire.follow()
            wire.tell("openOrders", whole())
            wire.tell("openOrders", change(status="open"))
            wire.tell("openOrders", change(**FILLED))
            wire.tell("openOrders", change(status="closed", lastupdated="1750000002.000000", **FILLED))
            await wire.pass_time(2)
            assert wire.fills == []
            await wire.pass_time(3)
            await wire.renew(trades=[fill("T1")])
            assert [each.exec_id for each in wire.fills if isinstance(each, rk.Execution)] == ["T1"]
            told = [each for each in wire.events if isinstance(each, rk.Execution) and each.exec_id]
            assert [(each.exec_id, each.order.cum_qty) for each in told] == [("T1", D("0.5"))]

    run(main)


def test_totals_whose_fills_have_come_ask_for_nothing():
    async def main():
        async with Wire() as wire:
            await wire.follow()
            wire.tell("openOrders", whole())
            wire.tell("openOrders", change(status="open"))
            wire.tell("openOrders", change(**FILLED))
            await wire.pass_time(1)
            wire.tell("ownTrades", fill("T1"))
            asked = len(wire.link.sent)
            await wire.pass_time(9)
            assert [frame["event"] for frame in wire.link.sent[asked:] if frame["event"] != "ping"] == []
            assert [each.exec_id for each in wire.fills] == ["T1"]

    run(main)
