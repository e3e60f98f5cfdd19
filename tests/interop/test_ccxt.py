"""ccxt.pro's `kraken` watches books and its own orders on the simulator, and trades, over WebSocket v2, REST and TLS.

`tox -e interop`. Whatever ccxt does at Kraken over WebSocket it does with version 2, so nothing here needs version 1.
"""

from __future__ import annotations

import asyncio
import ssl
from decimal import Decimal

import ccxt
import ccxt.pro
import pytest
import trustme

from rxkraken.simulator import Simulator

pytestmark = [pytest.mark.timeout(90), pytest.mark.leaves("ccxt leaves the tasks of its sockets to the loop")]


@pytest.fixture
async def exchange(tmp_path):
    """A simulator with TLS, and `trust`, the certificate that its clients have to trust."""
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    authority.cert_pem.write_to_path(str(tmp_path / "trust.pem"))
    async with Simulator(seed=5, symbols=["BTC/USD", "ETH/USD", "DOGE/USD"], rate=20, tls=context) as simulator:
        yield simulator


@pytest.fixture
async def kraken(exchange, tmp_path):
    """The Kraken of ccxt, with every place at the simulator."""
    places, key = exchange.tls_endpoints, exchange.accounts["demo"].keys[0]
    client = ccxt.pro.kraken(
        {
            "apiKey": key.key,
            "secret": key.secret,
            "cafile": str(tmp_path / "trust.pem"),
            "enableRateLimit": False,
            "newUpdates": True,
        }
    )
    client.urls["api"] = {
        "public": places.rest,
        "private": places.rest,
        # The third is the name it keeps its token under; it is never connected to.
        "ws": {"publicV2": places.public, "privateV2": places.auth, "private": places.auth},
    }
    yield client
    await client.close()


async def test_it_loads_the_markets_with_their_digits(exchange, kraken):
    """Symbols, precisions, minimums and fees as `AssetPairs` and `Assets` tell them."""
    markets = await kraken.load_markets()
    assert sorted(markets) == ["BTC/USD", "DOGE/USD", "ETH/USD"]
    for symbol, listed in markets.items():
        spec = exchange.exchange.markets[symbol].spec
        assert listed["active"] is True
        assert Decimal(str(listed["precision"]["price"])) == Decimal(1).scaleb(-spec.price_precision)
        assert Decimal(str(listed["precision"]["amount"])) == Decimal(1).scaleb(-spec.qty_precision)
    assert {*kraken.currencies} >= {"BTC", "ETH", "DOGE", "USD"}


async def test_it_watches_a_book_that_stays_what_the_exchange_has(exchange, kraken):
    """A hundred updates at ten levels, and the last book is the one of the exchange at that moment."""
    for _ in range(100):
        book = await kraken.watch_order_book("BTC/USD", 10)
        assert len(book["bids"]) == len(book["asks"]) == 10
        assert book["bids"][0][0] < book["asks"][0][0]
    engine, spec = exchange.exchange.markets["BTC/USD"].engine, exchange.exchange.markets["BTC/USD"].spec

    def real(ladder):
        scale = (Decimal(1).scaleb(-spec.price_precision), Decimal(1).scaleb(-spec.qty_precision))
        return [[float(level.price * scale[0]), float(level.qty * scale[1])] for level in ladder.top(10)]

    async with asyncio.timeout(30):
        while (book["bids"], book["asks"]) != (real(engine.bids), real(engine.asks)):
            book = await kraken.watch_order_book("BTC/USD", 10)


async def test_it_watches_tickers_trades_and_candles(kraken):
    """Each public channel once: what comes has the numbers that ccxt's own structures are made of."""
    ticker = await kraken.watch_ticker("BTC/USD")
    trades = await kraken.watch_trades("BTC/USD")
    candles = await kraken.watch_ohlcv("BTC/USD", "1m")
    sides = await kraken.watch_bids_asks(["ETH/USD"])
    assert ticker["bid"] < ticker["ask"]
    assert {trade["side"] for trade in trades} <= {"buy", "sell"}
    assert all(trade["cost"] > 0 for trade in trades)
    assert candles[-1][3] <= candles[-1][1] <= candles[-1][2]
    assert sides["ETH/USD"]["bid"] < sides["ETH/USD"]["ask"]


async def test_it_places_sees_and_cancels_an_order_over_websocket(exchange, kraken):
    """`createOrderWs`, `watchOrders`, `fetchOpenOrders` and `cancelOrderWs` are of one mind about one order."""
    statuses = {}
    watching = asyncio.create_task(watch(kraken, statuses))
    placed = await kraken.create_order_ws("BTC/USD", "limit", "buy", 0.1, 1000.5, {"clientOrderId": "from-ccxt"})
    async with asyncio.timeout(10):
        while placed["id"] not in statuses:  # else its end might come before the subscription
            await asyncio.sleep(0.01)
    amended = await kraken.edit_order_ws(placed["id"], "BTC/USD", "limit", "buy", 0.2, 1001)
    listed = await kraken.fetch_open_orders("BTC/USD")
    cancelled = await kraken.cancel_order_ws(placed["id"])
    await watching

    assert amended["id"] == placed["id"]
    assert [(each["id"], each["amount"], each["price"], each["status"]) for each in listed] == [
        (placed["id"], 0.2, 1001.0, "open")
    ]
    assert (cancelled["success"], cancelled["result"]["order_id"]) == (True, placed["id"])
    assert statuses[placed["id"]][0] == "open"
    assert statuses[placed["id"]][-1] == "canceled"
    assert exchange.accounts["demo"].orders[placed["id"]].cl_ord_id == "from-ccxt"


async def watch(kraken, statuses):
    """Note the statuses that each order goes through, until one is cancelled."""
    while "canceled" not in {status for each in statuses.values() for status in each}:
        async with asyncio.timeout(20):
            for order in await kraken.watch_orders():
                statuses.setdefault(order["id"], []).append(order["status"])


async def test_a_market_order_becomes_fills_and_balances(exchange, kraken):
    """`watchMyTrades` and `watchBalance` after an order by REST: the numbers of the account itself."""
    fills = asyncio.create_task(kraken.watch_my_trades("BTC/USD"))
    balance = await kraken.watch_balance()
    before = Decimal(str(balance["BTC"]["total"]))
    placed = await kraken.create_order("BTC/USD", "market", "buy", 0.25)
    mine = [each for each in await fills if each["order"] == placed["id"]]
    async with asyncio.timeout(10):
        while Decimal(str(kraken.balance["spot"]["BTC"]["total"])) == before:  # news that none awaits is only kept
            await asyncio.sleep(0.01)
    order = await kraken.fetch_order(placed["id"], "BTC/USD")
    history = await kraken.fetch_my_trades("BTC/USD")
    funds = await kraken.fetch_balance()

    assert mine
    assert {each["symbol"] for each in mine} == {"BTC/USD"}
    assert (order["status"], order["filled"], order["remaining"]) == ("closed", 0.25, 0.0)
    assert sum(Decimal(str(each["amount"])) for each in history if each["order"] == placed["id"]) == Decimal("0.25")
    assert funds["BTC"]["total"] == float(exchange.accounts["demo"].balances["BTC"])


async def test_orders_by_rest_and_their_refusals_are_understood(exchange, kraken):
    """Orders of several kinds by REST, a batch, and refusals as the exceptions of ccxt, by REST and by WebSocket."""
    limit = await kraken.create_order("ETH/USD", "limit", "buy", 1, 100, {"postOnly": True, "clientOrderId": "mine"})
    stop = await kraken.create_order("BTC/USD", "market", "sell", 0.01, None, {"stopLossPrice": 900})
    batch = await kraken.create_orders(
        [
            {"symbol": "DOGE/USD", "type": "limit", "side": "buy", "amount": 1000, "price": price}
            for price in (0.01, 0.011)
        ]
    )
    listed = {order["id"]: order for order in await kraken.fetch_open_orders()}
    await kraken.cancel_order(limit["id"], "ETH/USD")
    await kraken.cancel_orders([order["id"] for order in batch], "DOGE/USD")
    left = [order["id"] for order in await kraken.fetch_open_orders()]
    await kraken.cancel_all_orders()

    assert {*listed} == {limit["id"], stop["id"], *(order["id"] for order in batch)}
    assert (listed[limit["id"]]["clientOrderId"], listed[limit["id"]]["postOnly"]) == ("mine", True)
    assert (listed[stop["id"]]["type"], listed[stop["id"]]["triggerPrice"]) == ("market", 900.0)
    assert left == [stop["id"]]
    assert not exchange.accounts["demo"].open_orders
    with pytest.raises(ccxt.InsufficientFunds):
        await kraken.create_order("BTC/USD", "limit", "buy", 100_000, 1000)
    # Over WebSocket ccxt looks for the longer text of version 1, so it has no name of its own for the refusal.
    with pytest.raises(ccxt.ExchangeError, match="EOrder:Insufficient funds"):
        await kraken.create_order_ws("BTC/USD", "limit", "buy", 100_000, 1000)
    with pytest.raises(ccxt.OrderNotFound):
        await kraken.cancel_order("OAAAAA-AAAAA-AAAAAA")
    with pytest.raises(ccxt.OrderNotFound):
        await kraken.cancel_order_ws("OAAAAA-AAAAA-AAAAAA")


async def test_market_data_by_rest_is_parsed(exchange, kraken):
    """Every public call of ccxt that the simulator has an answer for."""
    ticker = await kraken.fetch_ticker("BTC/USD")
    tickers = await kraken.fetch_tickers(["BTC/USD", "ETH/USD"])
    book = await kraken.fetch_order_book("BTC/USD", 20)
    candles = await kraken.fetch_ohlcv("BTC/USD", "5m")
    trades = await kraken.fetch_trades("BTC/USD", limit=20)
    status = await kraken.fetch_status()
    now = await kraken.fetch_time()
    assert ticker["symbol"] == "BTC/USD"
    assert ticker["bid"] < ticker["ask"]
    assert ticker["low"] <= ticker["last"] <= ticker["high"]
    assert sorted(tickers) == ["BTC/USD", "ETH/USD"]
    assert len(book["bids"]) == len(book["asks"]) == 20
    assert [level[0] for level in book["bids"]] == sorted((level[0] for level in book["bids"]), reverse=True)
    assert candles
    assert all(row[3] <= min(row[1], row[4]) <= max(row[1], row[4]) <= row[2] for row in candles)
    assert len(trades) == 20
    assert [trade["timestamp"] for trade in trades] == sorted(trade["timestamp"] for trade in trades)
    assert status["status"] == "ok"
    assert abs(now - kraken.milliseconds()) < 5000


async def test_the_account_by_rest_is_parsed(exchange, kraken):
    """Closed orders, fills, ledger and fees after a buy and an order that was amended and cancelled."""
    bought = await kraken.create_order("BTC/USD", "market", "buy", 0.05)
    rested = await kraken.create_order("BTC/USD", "limit", "buy", 0.1, 900)
    await kraken.edit_order(rested["id"], "BTC/USD", "limit", "buy", 0.2, 901)  # an AmendOrder: the id stays
    await kraken.cancel_order(rested["id"], "BTC/USD")
    closed = {order["id"]: order for order in await kraken.fetch_closed_orders("BTC/USD")}
    order = await kraken.fetch_order(bought["id"], "BTC/USD")
    fills = await kraken.fetch_order_trades(bought["id"], "BTC/USD", params={"trades": order["info"]["trades"]})
    ledger = await kraken.fetch_ledger()
    fee = await kraken.fetch_trading_fee("BTC/USD")
    armed = await kraken.cancel_all_orders_after(60_000)
    await kraken.cancel_all_orders_after(0)
    assert {each: (order["status"], order["amount"]) for each, order in closed.items()} == {
        bought["id"]: ("closed", 0.05),
        rested["id"]: ("canceled", 0.2),
    }
    assert Decimal(closed[bought["id"]]["fee"]["cost"]) > 0
    assert sum(Decimal(str(fill["amount"])) for fill in fills) == Decimal("0.05")
    # Beside the trade it holds what the account was opened with.
    assert {entry["currency"] for entry in ledger if entry["type"] == "trade"} == {"BTC", "USD"}
    assert 0 <= fee["maker"] <= fee["taker"] < 0.01
    assert {*armed["result"]} == {"currentTime", "triggerTime"}


async def test_after_a_lost_connection_watching_goes_on(exchange, kraken):
    """The loss is an error of the network; watching again connects anew, and book and orders are those of now."""
    await kraken.watch_order_book("BTC/USD", 10)
    placed = await kraken.create_order_ws("BTC/USD", "limit", "buy", 0.1, 1000.5)
    exchange.fault("drop", code=1001)

    async def watch_on():
        while True:
            await kraken.watch_order_book("BTC/USD", 10)

    with pytest.raises(ccxt.NetworkError):
        await asyncio.wait_for(watch_on(), 10)
    async with asyncio.timeout(10):
        orders = await kraken.watch_orders()
        for _ in range(10):
            book = await kraken.watch_order_book("BTC/USD", 10)
    assert [(order["id"], order["status"]) for order in orders] == [(placed["id"], "open")]
    assert book["bids"][0][0] < book["asks"][0][0]
