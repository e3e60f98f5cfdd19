"""Orders over REST by the real client, in virtual time: what they say of themselves, and what becomes of them."""

from __future__ import annotations

import asyncio
import json
from decimal import Decimal

import pytest

import rxkraken as rk
from rxkraken.errors import OrderRejected
from rxkraken.rest import RestClient
from rxkraken.simulator import Exchange
from rxkraken.testing import ExchangeHttp, run

QUIET = {"seed": 7, "symbols": ["BTC/USD", "ETH/USD"], "rate": 0}


@pytest.fixture
def exchange():
    return Exchange(**QUIET)


def told(exchange, story):
    """Run a story with a client of the demo account, on the exchange's own clock."""

    async def main():
        loop = asyncio.get_running_loop()
        endpoints = rk.Endpoints.custom(rest="http://rest.invalid")
        async with RestClient(
            exchange.credentials, session=ExchangeHttp(exchange, loop), endpoints=endpoints, monotonic=loop.time
        ) as rest:
            return await story(rest)

    return run(main)


@pytest.mark.parametrize(
    ("order", "words", "close"),
    [
        (
            ("buy", "limit", "1.25", {"price": "30010", "oflags": ["post"]}),
            "buy 1.25000000 XBTUSD @ limit 30010.0",
            "",
        ),
        (("buy", "limit", "0.5", {"price": "-5%"}), "buy 0.50000000 XBTUSD @ limit 80037.8", ""),
        (("buy", "limit", "0.5", {"price": "#50"}), "buy 0.50000000 XBTUSD @ limit 84200.3", ""),
        (("sell", "limit", "0.5", {"price": "+50"}), "sell 0.50000000 XBTUSD @ limit 84300.3", ""),
        (("sell", "market", "1", {}), "sell 1.00000000 XBTUSD @ market", ""),
        (
            ("sell", "iceberg", "3", {"price": "90000.5", "displayvol": "0.5"}),
            "sell 3.00000000 XBTUSD @ limit 90000.5",
            "",
        ),
        (
            ("sell", "stop-loss-limit", "1", {"price": "24000", "price2": "23900", "trigger": "index"}),
            "sell 1.00000000 XBTUSD @ stop loss 24000.0 -> limit 23900.0",
            "",
        ),
        (("sell", "stop-loss", "1", {"price": "#2%"}), "sell 1.00000000 XBTUSD @ stop loss -2.0000%", ""),
        (("sell", "take-profit", "1", {"price": "#2%"}), "sell 1.00000000 XBTUSD @ take profit +2.0000%", ""),
        (("sell", "trailing-stop", "1", {"price": "+1%"}), "sell 1.00000000 XBTUSD @ trailing stop +1.0000%", ""),
        (
            ("sell", "trailing-stop-limit", "1", {"price": "+100.0", "price2": "-5"}),
            "sell 1.00000000 XBTUSD @ trailing stop +100.0 -> limit -5.0",
            "",
        ),
        (
            ("buy", "limit", "1", {"price": "25000.1", "close": {"ordertype": "stop-loss-limit", "price": "22000",
                                                                 "price2": "21000"}}),
            "buy 1.00000000 XBTUSD @ limit 25000.1",
            "close position @ stop loss 22000.0 -> limit 21000.0",
        ),
        (
            ("buy", "limit", "1", {"price": "25000.1", "close": {"ordertype": "take-profit", "price": "#5%"}}),
            "buy 1.00000000 XBTUSD @ limit 25000.1",
            "close position @ take profit +5.0000%",
        ),
        (
            ("buy", "limit", "1", {"price": "25000.1", "close": {"ordertype": "limit", "price": "30000"}}),
            "buy 1.00000000 XBTUSD @ limit 25000.1",
            "close position @ limit 30000.0",
        ),
    ],
)  # fmt: skip
def test_an_order_is_described_in_krakens_words(exchange, order, words, close):
    side, kind, volume, more = order

    async def story(rest):
        checked = await rest.add_order("BTC/USD", side, kind, volume, validate=True, **more)
        placed = await rest.add_order("BTC/USD", side, kind, volume, **more)
        return checked, placed

    checked, placed = told(exchange, story)
    account = exchange.accounts["demo"]
    assert [checked.txid, *(each.descr.order for each in (checked, placed))] == [(), words, words]
    assert placed.descr.close == close
    assert placed.txid == (next(iter(account.orders)),)
    assert [(each.via, each.method, each.outcome) for each in exchange.received] == [
        ("rest", "add_order", "accepted")
    ] * 2


def test_every_option_of_an_order_reaches_the_desk(exchange):
    async def story(rest):
        await rest.add_order(
            "BTC/USD", "buy", "limit", "0.5", price="80000", timeinforce="GTD", expiretm="+60", starttm="+5",
            stptype="cancel-both", oflags="fcib,post", userref=-7, deadline="2026-01-01T00:00:30Z",
        )  # fmt: skip
        await rest.add_order("BTC/USD", "buy", "market", "500", oflags="viqc", cl_ord_id="cash")

    told(exchange, story)
    limit, cash = (each.params for each in exchange.received)
    assert limit == {
        "symbol": "BTC/USD", "order_type": "limit", "side": "buy", "order_qty": Decimal("0.5"),
        "limit_price": Decimal(80000), "time_in_force": "gtd", "expire_time": "2026-01-01T00:01:00Z",
        "effective_time": "2026-01-01T00:00:05Z", "stp_type": "cancel_both", "fee_preference": "base",
        "post_only": True, "order_userref": -7, "deadline": "2026-01-01T00:00:30Z",
    }  # fmt: skip
    assert (cash["cash_order_qty"], cash["cl_ord_id"], "order_qty" in cash) == (Decimal(500), "cash", False)
    first, second = exchange.accounts["demo"].orders.values()
    assert (first.status, second.status) == ("pending_new", "filled")


def test_an_order_lives_and_dies_over_rest(exchange):
    async def story(rest):
        placed = await rest.add_order("BTC/USD", "buy", "limit", "0.5", price="80000", cl_ord_id="mine")
        (txid,) = placed.txid
        seen = [(await rest.open_orders(cl_ord_id="mine"))[txid]]
        amended = await rest.amend_order(cl_ord_id="mine", limit_price="80001.5", order_qty="0.4")
        seen.append((await rest.query_orders(txid))[txid])
        history = await rest.order_amends(txid)
        edited = await rest.edit_order(txid, "BTC/USD", price="80002", volume="0.3", userref=9)
        closed = await rest.closed_orders()
        cancelled = await rest.cancel_order(9)
        fresh = await rest.order_amends(edited.txid)
        return seen, (amended, history, fresh), edited, closed, cancelled, await rest.open_orders()

    (opened, changed), (amended, history, fresh), edited, closed, cancelled, left = told(exchange, story)
    assert (opened.status, opened.vol, opened.descr.price, opened.misc) == ("open", Decimal("0.5"), "80000.0", "")
    assert (changed.status, changed.vol, changed.descr.price, changed.misc) == (
        "open", Decimal("0.4"), "80001.5", "amended",
    )  # fmt: skip
    assert [(each.amend_type, each.order_qty, each.limit_price) for each in history.amends] == [
        ("original", Decimal("0.5"), 80000), ("user", Decimal("0.4"), Decimal("80001.5")),
    ]  # fmt: skip
    assert (history.amends[-1].amend_id, history.count, fresh.count) == (amended.amend_id, 2, 0)
    assert (edited.originaltxid, edited.volume, edited.price, edited.orders_cancelled, edited.newuserref) == (
        opened.txid, Decimal("0.3"), "80002.0", 1, 9,
    )  # fmt: skip
    assert edited.descr.order == "buy 0.30000000 XBTUSD @ limit 80002.0"
    assert list(closed.orders) == [opened.txid]
    assert (closed.orders[opened.txid].status, closed.orders[opened.txid].reason) == ("canceled", "User requested")
    assert (cancelled.count, left) == (1, {})


def test_batches_have_a_fate_for_each_order(exchange):
    async def story(rest):
        batch = await rest.add_order_batch(
            "BTC/USD",
            [
                {"ordertype": "limit", "type": "buy", "volume": "0.1", "price": "70000", "cl_ord_id": "a"},
                {"ordertype": "limit", "type": "buy", "volume": "100", "price": "70001", "cl_ord_id": "b"},
                {"ordertype": "limit", "type": "buy", "volume": "0.2", "price": "70002",
                 "close": {"ordertype": "limit", "price": "90000"}},
            ],
        )  # fmt: skip
        one = await rest.cancel_order_batch(cl_ord_ids=["a"])
        with pytest.raises(OrderRejected, match="EOrder:Unknown order"):
            await rest.cancel_order_batch(cl_ord_ids=["a"])
        with pytest.raises(OrderRejected, match="EOrder:Unknown order"):
            await rest.cancel_order_batch(["OAAAAA-AAAAA-AAAAAA", "OAAAAA-AAAAA-AAAAAB"])
        both = [(await rest.add_order("BTC/USD", "buy", "limit", "0.1", price="70000", userref=3)) for _ in range(2)]
        two = await rest.cancel_order_batch([3], cl_ord_ids=["none"])
        return batch, one, both, two, await rest.cancel_all()

    batch, one, _, two, every = told(exchange, story)
    assert [(item.accepted, item.error, item.descr.order, item.close) for item in batch.orders] == [
        (True, None, "buy 0.10000000 XBTUSD @ limit 70000.0", ""),
        (False, "EOrder:Insufficient funds", "", ""),
        (True, None, "buy 0.20000000 XBTUSD @ limit 70002.0", "close position @ limit 90000.0"),
    ]
    assert (one.count, two.count, every.count) == (1, 2, 1)


def test_the_dead_mans_switch_is_armed_and_disarmed(exchange):
    async def story(rest):
        await rest.add_order("BTC/USD", "buy", "limit", "0.1", price="70000")
        armed = await rest.cancel_all_orders_after(60)
        off = await rest.cancel_all_orders_after(0)
        await asyncio.sleep(120)
        still = len(await rest.open_orders())
        await rest.cancel_all_orders_after(10)
        await asyncio.sleep(11)
        return armed, off, still, len(await rest.open_orders())

    armed, off, still, left = told(exchange, story)
    assert (armed.trigger_time - armed.current_time).total_seconds() == 60
    assert (off.trigger_time, still, left) == (None, 1, 0)


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"ordertype": None}, "EGeneral:Invalid arguments:ordertype"),
        ({"volume": "much"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "0"}, "EGeneral:Invalid arguments:volume"),
        ({"volume": "0.00000001"}, "EOrder:Order minimum not met"),
        ({"price": None}, "EGeneral:Invalid arguments:price"),
        ({"price": "five"}, "EGeneral:Invalid arguments:price"),
        ({"price": "1e30"}, "EGeneral:Invalid arguments:price"),
        ({"price": "#1e30"}, "EGeneral:Invalid arguments:price"),
        ({"volume": "9" * 30}, "EGeneral:Invalid arguments:volume"),
        ({"expiretm": "9" * 12}, "EGeneral:Invalid arguments:expiretm"),
        ({"price": "5%"}, "EGeneral:Invalid arguments:price"),
        ({"price": "70000.05"}, "EOrder:Tick size check failed"),
        ({"ordertype": "stop-loss-limit", "price": "70000"}, "EGeneral:Invalid arguments:price2"),
        ({"oflags": "fast"}, "EGeneral:Invalid arguments:oflags"),
        ({"leverage": "high"}, "EGeneral:Invalid arguments:leverage"),
        ({"leverage": "2:1"}, "EOrder:Margin allowance exceeded"),
        ({"userref": str(1 << 31)}, "EGeneral:Invalid arguments:userref"),
        ({"cl_ord_id": "x" * 19}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"expiretm": "soon"}, "EGeneral:Invalid arguments:expiretm"),
        ({"expiretm": "+60"}, "EGeneral:Invalid arguments:expiretm"),
        ({"timeinforce": "DAY"}, "EGeneral:Invalid arguments:timeinforce"),
        ({"stptype": "cancel-all"}, "EGeneral:Invalid arguments:stptype"),
        ({"reduce_only": "maybe"}, "EGeneral:Invalid arguments:reduce_only"),
        ({"reduce_only": "true"}, "EOrder:Reduce only:No position exists"),
        ({"close": "later"}, "EGeneral:Invalid arguments:close"),
        ({"pair": "NOPE"}, "EQuery:Unknown asset pair"),
        ({"price": "90000", "oflags": "post"}, "EOrder:Post only order"),
        ({"volume": "40"}, "EOrder:Insufficient funds"),
        ({"deadline": "2020-01-01T00:00:00Z"}, "EService:Deadline elapsed"),
    ],
)
def test_refusals_come_in_rests_own_words(exchange, params, error):
    order = {"pair": "XBTUSD", "type": "buy", "ordertype": "limit", "volume": "0.1", "price": "70000"}

    async def story(rest):
        given = {name: value for name, value in (order | params).items() if value is not None}
        return await rest.answer("AddOrder", given)

    answer = told(exchange, story)
    assert (answer.status, answer.errors) == (200, (error,))
    assert not exchange.accounts["demo"].orders


@pytest.mark.parametrize(
    ("name", "params", "error"),
    [
        ("CancelOrder", {}, "EGeneral:Invalid arguments:txid"),
        ("CancelOrder", {"txid": "OAAAAA-AAAAA-AAAAAA"}, "EOrder:Unknown order"),
        ("CancelOrder", {"txid": 5}, "EOrder:Unknown order"),
        ("AmendOrder", {"txid": "OAAAAA-AAAAA-AAAAAA", "limit_price": "1"}, "EOrder:Unknown order"),
        ("AmendOrder", {"limit_price": "1"}, "EGeneral:Invalid arguments"),
        ("OrderAmends", {"order_id": "OAAAAA-AAAAA-AAAAAA"}, "EOrder:Unknown order"),
        ("EditOrder", {"txid": "5", "pair": "XBTUSD"}, "EOrder:Unknown order"),
        ("CancelAllOrdersAfter", {}, "EGeneral:Invalid arguments:timeout"),
        ("CancelAllOrdersAfter", {"timeout": -1}, "EGeneral:Invalid arguments"),
        ("CancelOrderBatch", {}, "EGeneral:Invalid arguments:orders"),
        ("AddOrderBatch", {"pair": "XBTUSD"}, "EGeneral:Invalid arguments:orders"),
        ("AddOrderBatch", {"pair": "XBTUSD", "orders": [{}]}, "EGeneral:Invalid arguments:orders"),
    ],
)
def test_changes_that_make_no_sense_are_refused(exchange, name, params, error):
    answer = told(exchange, lambda rest: rest.answer(name, params))
    assert (answer.status, answer.errors) == (200, (error,))


def test_rest_and_websocket_share_orders_events_and_counters(exchange):
    heard = []

    async def story(rest):
        token = (await rest.get_websockets_token()).token
        connection = exchange.connect("auth", heard.append, lambda code, reason: None)
        params = {"channel": "executions", "token": token, "ratecounter": True}
        connection.receive(json.dumps({"method": "subscribe", "params": params}))
        await asyncio.sleep(1)
        placed = await rest.add_order("BTC/USD", "buy", "limit", "0.1", price="70000", cl_ord_id="mine")
        await asyncio.sleep(1)
        await rest.amend_order(cl_ord_id="mine", order_qty="0.2")
        cancel = {"method": "cancel_order", "params": {"cl_ord_id": ["mine"], "token": token}}
        connection.receive(json.dumps(cancel))
        await asyncio.sleep(1)
        exchange.advance(asyncio.get_running_loop().time())
        return placed.txid[0], (await rest.closed_orders()).orders

    txid, closed = told(exchange, story)
    messages = [json.loads(text) for text in heard]
    entries = [entry for each in messages if each.get("channel") == "executions" for entry in each["data"]]
    assert [(entry["exec_type"], entry["order_id"]) for entry in entries] == [
        (kind, txid) for kind in ("pending_new", "new", "amended", "canceled")
    ]
    assert [(each.via, each.method) for each in exchange.received] == [
        ("rest", "add_order"), ("rest", "amend_order"), ("ws", "cancel_order"),
    ]  # fmt: skip
    assert entries[-1]["ratecount"] > 8
    assert closed[txid].status == "canceled"


def test_stops_are_edited_triggered_and_ended_in_krakens_words(exchange):
    async def story(rest):
        stop = await rest.add_order("BTC/USD", "sell", "stop-loss-limit", "0.1", price="70000", price2="69000")
        edited = await rest.edit_order(stop.txid[0], "BTC/USD", price="71000", price2="70500")
        trail = await rest.add_order("BTC/USD", "sell", "trailing-stop", "0.1", price="+1%")
        trailed = await rest.edit_order(trail.txid[0], "BTC/USD", price="+2%", validate=True)
        touched = await rest.add_order("BTC/USD", "sell", "take-profit", "0.1", price="80000", cl_ord_id="touched")
        stopped = await rest.add_order("BTC/USD", "buy", "stop-loss", "0.1", price="80000", oflags="fcib")
        part = await rest.add_order("BTC/USD", "buy", "limit", "10", price="84256", timeinforce="IOC")
        ids = [each.txid[0] for each in (touched, stopped, part)]
        return edited, trailed, await rest.open_orders(), [(await rest.query_orders(each))[each] for each in ids]

    edited, trailed, left, (touched, stopped, part) = told(exchange, story)
    assert edited.descr.order == "sell 0.10000000 XBTUSD @ stop loss 71000.0 -> limit 70500.0"
    assert (left[edited.txid].stopprice, left[edited.txid].trigger, left[edited.txid].limitprice) == (71000, "last", 0)
    assert (trailed.txid, trailed.price, trailed.orders_cancelled) == (None, "+2.0000%", 0)
    assert [(each.status, each.misc, each.oflags) for each in (touched, stopped)] == [
        ("closed", "touched", "fcib"), ("closed", "stopped", "fcib"),
    ]  # fmt: skip
    assert stopped.fee == pytest.approx(stopped.cost * Decimal("0.004"), rel=Decimal("1e-6"))
    assert (part.status, part.misc, part.time_in_force) == ("expired", "partial", "IOC")
    assert 0 < part.vol_exec < part.vol
