"""python-kraken-sdk places, sees and cancels orders on the simulator, over WebSocket and by signed REST calls.

`tox -e interop`. Its REST clients block, so they run in threads beside the exchange; its WebSocket client needs none.
"""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal

import pytest
from kraken.base_api import SpotAsyncClient
from kraken.exceptions import (
    KrakenInsufficientFundsError,
    KrakenInvalidAPIKeyError,
    KrakenInvalidArgumentsError,
    KrakenInvalidSignatureError,
    KrakenOrderMinimumNotMetError,
    KrakenTickSizeInvalidCheckError,
    KrakenUnknownAssetError,
    KrakenUnknownOrderError,
)
from kraken.spot import Market, SpotWSClient, Trade, User

from rxkraken.simulator import Simulator

pytestmark = [
    pytest.mark.timeout(90),
    pytest.mark.leaves("the SDK's session and executor end with the process"),
]


@pytest.fixture(autouse=True)
def quiet_sdk(caplog):
    """The SDK logs a traceback when it is cancelled, which is how its own `close` ends it."""
    caplog.set_level(logging.CRITICAL, "kraken")


@pytest.fixture
async def exchange():
    async with Simulator(seed=5, symbols=["BTC/USD", "ETH/USD"], rate=10) as simulator:
        yield simulator


class Trader(SpotWSClient):
    """Keeps what comes, and finds in it what a test waits for."""

    def __init__(self, exchange: Simulator, auth: str = "") -> None:
        places, key = exchange.endpoints, exchange.accounts["demo"].keys[0]
        super().__init__(
            key.key,
            key.secret,
            rest_url=places.rest,
            ws_url=places.public.removesuffix("/v2"),  # it adds the version itself
            auth_ws_url=(auth or places.auth).removesuffix("/v2"),
        )
        self.messages: list[dict] = []

    async def on_message(self, message):
        self.messages.append(message)

    async def reply(self, method):
        """The latest answer to `method`, once there is one."""
        return await self.until(lambda message: message.get("method") == method)

    async def report(self, exec_type):
        """The latest report of the executions with this type."""
        message = await self.until(
            lambda message: (
                message.get("channel") == "executions"
                and any(report["exec_type"] == exec_type for report in message["data"])
            )
        )
        return next(report for report in message["data"] if report["exec_type"] == exec_type)

    async def until(self, wanted, seconds=10):
        async with asyncio.timeout(seconds):
            while True:
                for message in reversed(self.messages):
                    if wanted(message):
                        return message
                await asyncio.sleep(0.01)


def rest(exchange, kind):
    """A REST client of the SDK for the demo account."""
    key = exchange.accounts["demo"].keys[0]
    return kind(key.key, key.secret, url=exchange.endpoints.rest)


async def test_an_order_over_websocket_is_seen_in_executions_and_by_rest_and_cancelled(exchange):
    """One order, three views of it: the executions of the SDK, its REST calls, and the exchange's own account."""
    trader, user = Trader(exchange), rest(exchange, User)
    await trader.start()
    await trader.subscribe(params={"channel": "executions", "snap_orders": True, "snap_trades": True})
    await trader.subscribe(params={"channel": "balances"})
    order = {
        "order_type": "limit", "side": "buy", "symbol": "BTC/USD", "order_qty": 0.1, "limit_price": 1000.5,
        "cl_ord_id": "from-the-sdk",
    }  # fmt: skip
    await trader.send_message({"method": "add_order", "params": order, "req_id": 7})
    placed = await trader.reply("add_order")
    order_id = placed["result"]["order_id"]
    new = await trader.report("new")
    await trader.send_message(
        {"method": "amend_order", "params": {"order_id": order_id, "order_qty": 0.2, "limit_price": 1001}}
    )
    amended = await trader.reply("amend_order")
    listed = (await asyncio.to_thread(user.get_open_orders))["open"]
    await trader.send_message({"method": "cancel_order", "params": {"cl_ord_id": ["from-the-sdk"]}})
    cancelled = await trader.reply("cancel_order")
    canceled = await trader.report("canceled")
    closed = (await asyncio.to_thread(user.get_closed_orders))["closed"]
    await trader.close()

    assert (placed["success"], placed["req_id"], placed["result"]["cl_ord_id"]) == (True, 7, "from-the-sdk")
    assert (new["order_id"], new["order_status"], new["cl_ord_id"]) == (order_id, "new", "from-the-sdk")
    assert amended["success"] is True
    assert [*listed] == [order_id]
    assert (listed[order_id]["vol"], listed[order_id]["descr"]["pair"]) == ("0.20000000", "XBTUSD")
    assert Decimal(listed[order_id]["descr"]["price"]) == 1001
    assert (cancelled["success"], cancelled["result"]) == (True, {"cl_ord_id": "from-the-sdk"})
    assert canceled["order_id"] == order_id
    assert closed[order_id]["status"] == "canceled"
    assert exchange.accounts["demo"].orders[order_id].status == "canceled"
    assert [(each.via, each.method, each.outcome) for each in exchange.received] == [
        ("ws", "add_order", "accepted"), ("ws", "amend_order", "accepted"), ("ws", "cancel_order", "accepted"),
    ]  # fmt: skip
    assert not trader.exception_occur


async def test_orders_by_rest_are_placed_edited_and_cancelled(exchange):
    """Every call about orders that the SDK has, one after the other, and what the account makes of them."""
    trade, user = rest(exchange, Trade), rest(exchange, User)

    def story():
        single = trade.create_order("limit", "buy", "XBTUSD", 0.1, price=1000.5, cl_ord_id="single", oflags=["post"])
        trigger = trade.create_order("stop-loss", "sell", "XBTUSD", "0.01", price="900", userref=5)
        checked = trade.create_order("limit", "buy", "ETH/USD", 1, price=100, validate=True)
        exact = trade.create_order("limit", "buy", "XBTUSD", 0.12345678, price=998.1, timeinforce="GTC")
        batch = trade.create_order_batch(
            orders=[
                {"ordertype": "limit", "type": "buy", "volume": 1, "price": 90, "cl_ord_id": "first"},
                {"ordertype": "limit", "type": "buy", "volume": 2, "price": "95.5", "timeinforce": "GTC"},
            ],
            pair="ETH/USD",
        )
        trade.amend_order(cl_ord_id="single", order_qty=0.2, limit_price=1000.4)
        edited = trade.edit_order(exact["txid"][0], "XBTUSD", volume=0.3, price=999)
        resting = user.get_open_orders()["open"]
        counts = [
            trade.cancel_order(single["txid"][0])["count"],
            trade.cancel_order_batch([batch["orders"][0]["txid"], batch["orders"][1]["txid"]])["count"],
            trade.cancel_all_orders()["count"],
        ]
        armed = trade.cancel_all_orders_after_x(timeout=60)
        trade.cancel_all_orders_after_x(timeout=0)
        return single, trigger, checked, edited, resting, counts, armed

    single, trigger, checked, edited, resting, counts, armed = await asyncio.to_thread(story)

    assert single["descr"]["order"] == "buy 0.10000000 XBTUSD @ limit 1000.5"
    assert trigger["descr"]["order"] == "sell 0.01000000 XBTUSD @ stop loss 900.0"
    assert "txid" not in checked
    shown = sorted((each["descr"]["pair"], each["descr"]["price"], each["vol"]) for each in resting.values())
    assert shown == [
        ("ETHUSD", "90.00", "1.00000000"), ("ETHUSD", "95.50", "2.00000000"), ("XBTUSD", "1000.4", "0.20000000"),
        ("XBTUSD", "900.0", "0.01000000"), ("XBTUSD", "999.0", "0.30000000"),
    ]  # fmt: skip
    assert edited["txid"] in resting
    assert resting[trigger["txid"][0]]["userref"] == 5
    assert counts == [1, 2, 2]
    assert {*armed} == {"currentTime", "triggerTime"}
    assert not exchange.accounts["demo"].open_orders


async def test_the_market_and_the_account_by_rest_have_what_the_sdk_reads(exchange):
    """Market data of each kind; a market order becomes balances, trades and ledger entries."""
    market, trade, user = rest(exchange, Market), rest(exchange, Trade), rest(exchange, User)

    def story():
        placed = trade.create_order("market", "buy", "XBTUSD", "0.25", userref=9)["txid"][0]
        return {
            "status": market.get_system_status()["status"],
            "assets": {*market.get_assets()} >= {"XXBT", "XETH", "ZUSD"},
            "pairs": sorted(market.get_asset_pairs()),
            "ticker": sorted(market.get_ticker("XBTUSD")),
            "ohlc": sorted(market.get_ohlc("XBTUSD", interval=5)),
            "book": len(market.get_order_book("XBTUSD", count=7)["XXBTZUSD"]["bids"]),
            "recent": sorted(market.get_recent_trades("XBTUSD")),
            "spreads": sorted(market.get_recent_spreads("XBTUSD")),
            "order": user.get_orders_info([placed], trades=True)[placed],
            "trades": user.get_trades_history(type_="all")["trades"],
            "ledgers": user.get_ledgers_info(asset=["XBT", "USD"])["ledger"],
            "balance": Decimal(user.get_account_balance()["XXBT"]),
            "held": user.get_balances()["XXBT"]["hold_trade"],
            "of_one": user.get_balance("XXBT")["available_balance"],
            "equity": "eb" in user.get_trade_balance(),
            "fees": sorted(user.get_trade_volume(pair="XBTUSD")["fees"]),
            "positions": user.get_open_positions(),
        }

    told = await asyncio.to_thread(story)
    account = exchange.accounts["demo"]
    order, fills = told.pop("order"), told.pop("trades")
    ledgers = told.pop("ledgers")
    assert (order["status"], order["vol_exec"], order["userref"]) == ("closed", "0.25000000", 9)
    assert sorted(order["trades"]) == sorted(fills)
    assert sum(Decimal(fill["vol"]) for fill in fills.values()) == Decimal("0.25")
    assert {entry["asset"] for entry in ledgers.values()} == {"XXBT", "ZUSD"}
    assert told.pop("balance") == account.balances["BTC"]
    assert told.pop("of_one") == pytest.approx(float(account.balances["BTC"]))
    assert Decimal(told.pop("held")) == 0
    assert told == {
        "status": "online", "assets": True, "pairs": ["XETHZUSD", "XXBTZUSD"], "ticker": ["XXBTZUSD"],
        "ohlc": ["XXBTZUSD", "last"], "book": 7, "recent": ["XXBTZUSD", "last"], "spreads": ["XXBTZUSD", "last"],
        "equity": True, "fees": ["XXBTZUSD"], "positions": {},
    }  # fmt: skip


async def test_what_is_refused_has_the_text_that_the_sdk_knows(exchange):
    """Each refusal becomes the SDK's exception of that name: it looks Kraken's own texts up in a table."""
    key = exchange.accounts["demo"].keys[0]
    places = exchange.endpoints
    trade, forged = rest(exchange, Trade), User(key.key, "Zm9yZ2Vk", url=places.rest)
    foreign = User("a-key-of-nobody", key.secret, url=places.rest)
    order = {"ordertype": "limit", "side": "buy", "pair": "XBTUSD", "volume": 1, "price": 1000}
    expected = [
        (KrakenInsufficientFundsError, lambda: trade.create_order(**order | {"volume": 100_000})),
        (KrakenOrderMinimumNotMetError, lambda: trade.create_order(**order | {"volume": "0.00000001"})),
        (KrakenTickSizeInvalidCheckError, lambda: trade.create_order(**order | {"price": "1000.123"})),
        # "Unknown asset pair" begins with "Unknown asset", which comes first in the SDK's table.
        (KrakenUnknownAssetError, lambda: trade.create_order(**order | {"pair": "NOPEUSD"})),
        (KrakenUnknownOrderError, lambda: trade.cancel_order("OAAAAA-AAAAA-AAAAAA")),
        (KrakenInvalidArgumentsError, lambda: trade.create_order(**order | {"ordertype": "guess"})),
        (KrakenInvalidSignatureError, forged.get_account_balance),
        (KrakenInvalidAPIKeyError, foreign.get_account_balance),
    ]

    def raised(call):
        try:
            call()
        except Exception as error:  # noqa: BLE001 - which one it is is the question
            return type(error)
        return None

    assert await asyncio.to_thread(lambda: [raised(call) for _, call in expected]) == [kind for kind, _ in expected]
    assert not exchange.accounts["demo"].orders


async def test_its_asynchronous_client_signs_forms_and_json_alike(exchange):
    """`SpotAsyncClient` sends the same order as a form and as JSON: both signatures hold."""
    key = exchange.accounts["demo"].keys[0]
    order = {"ordertype": "limit", "type": "buy", "pair": "XBTUSD", "volume": "0.1", "price": "1000.5"}
    async with SpotAsyncClient(key.key, key.secret, url=exchange.endpoints.rest) as client:
        told = [
            await client.request("POST", "/0/private/AddOrder", params={**order}, do_json=as_json)
            for as_json in (False, True)
        ]
        listed = (await client.request("POST", "/0/private/OpenOrders"))["open"]
    assert {each["descr"]["order"] for each in told} == {"buy 0.10000000 XBTUSD @ limit 1000.5"}
    assert sorted(listed) == sorted(each["txid"][0] for each in told)


async def test_level_3_is_streamed_to_the_client_that_asks_with_a_token(exchange):
    """A snapshot of orders, then updates; the SDK's own documents say to point it at the level 3 host."""
    trader = Trader(exchange, auth=exchange.endpoints.l3)
    await trader.start()
    await trader.subscribe(params={"channel": "level3", "symbol": ["BTC/USD"], "depth": 10})
    ack = await trader.reply("subscribe")
    snapshot = await trader.until(lambda each: each.get("channel") == "level3" and each["type"] == "snapshot")
    update = await trader.until(lambda each: each.get("channel") == "level3" and each["type"] == "update")
    await trader.close()
    assert (ack["success"], ack["result"]["channel"]) == (True, "level3")
    assert {*snapshot["data"][0]} >= {"symbol", "bids", "asks", "checksum"}
    assert {*snapshot["data"][0]["bids"][0]} >= {"order_id", "limit_price", "order_qty", "timestamp"}
    assert {order["event"] for side in ("bids", "asks") for order in update["data"][0][side]} <= {
        "add", "modify", "delete",
    }  # fmt: skip


async def test_after_a_lost_connection_it_is_told_of_its_orders_again(exchange):
    """The SDK connects anew by itself, with a new token, asks for what it was acknowledged, and sees what is open."""
    trader = Trader(exchange)
    await trader.start()
    await trader.subscribe(params={"channel": "executions", "snap_orders": True, "snap_trades": False})
    await trader.reply("subscribe")
    exchange.fault("drop", code=1001)
    order = {"order_type": "limit", "side": "buy", "symbol": "BTC/USD", "order_qty": 0.1, "limit_price": 1000.5}
    trade = rest(exchange, Trade)
    placed = await asyncio.to_thread(trade.create_order, "limit", "buy", "XBTUSD", 0.1, price=1000.5)
    snapshot = await trader.until(
        lambda each: each.get("channel") == "executions" and each["type"] == "snapshot" and each["data"], seconds=30
    )
    trader.messages.clear()
    await trader.send_message({"method": "add_order", "params": order})
    again = await trader.reply("add_order")
    await trader.close()
    assert [report["order_id"] for report in snapshot["data"]] == placed["txid"]
    assert again["success"] is True
    assert [(each.via, each.outcome) for each in exchange.received] == [("rest", "accepted"), ("ws", "accepted")]
