"""Every typed call: how it is sent, and what becomes of the examples of the rest reference."""

from __future__ import annotations

import inspect
import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from rxkraken.errors import InvalidArgument, RestError, RestUnreadable
from rxkraken.models import account as a
from rxkraken.models import rest_market as m
from rxkraken.rest import RestClient, Retry
from rxkraken.rest.account import AccountCalls
from rxkraken.rest.caller import pair_name
from rxkraken.rest.calls import CALLS, spec_of
from rxkraken.rest.funding import FundingCalls
from rxkraken.rest.market import MarketCalls
from rxkraken.rest.trading import TradingCalls

D = Decimal
XBTUSD = {
    "a": ["30300.10000", "1", "1.000"],
    "b": ["30300.00000", "1", "1.000"],
    "c": ["30303.20000", "0.00067643"],
    "v": ["4083.67001100", "4412.73601799"],
    "p": ["30706.77771", "30689.13205"],
    "t": [34619, 38907],
    "l": ["29868.30000", "29868.30000"],
    "h": ["31631.00000", "31631.00000"],
    "o": "30502.80000",
}


async def answered(kraken, call, name, result):
    kraken.reply(name, result)
    return await call


def sent(kraken) -> dict[str, object]:
    seen = kraken.seen[-1]
    return {name: value for name, value in {**seen.query, **seen.params}.items() if name != "nonce"}


# -- public


async def test_time(kraken, client):
    time = {"unixtime": 1762820224, "rfc1123": "Tue, 11 Nov 25 00:17:04 +0000"}
    assert await answered(kraken, client.time(), "Time", time) == m.ServerTime(**time)


async def test_system_status(kraken, client):
    status = {"status": "online", "timestamp": "2025-11-11T00:17:10Z"}
    assert await answered(kraken, client.system_status(), "SystemStatus", status) == m.ExchangeStatus(
        status="online", timestamp=datetime(2025, 11, 11, 0, 17, 10, tzinfo=UTC)
    )


async def test_assets(kraken, client):
    row = {"aclass": "currency", "altname": "XBT", "decimals": 10, "display_decimals": 5, "collateral_value": 1}
    call = client.assets(["XBT", "USD"], aclass="currency", asset_version=1)
    assert await answered(kraken, call, "Assets", {"XXBT": {**row, "status": "enabled"}}) == {
        "XXBT": m.AssetInfo(name="XXBT", **(row | {"collateral_value": D(1)}), status="enabled")
    }
    assert sent(kraken) == {"asset": "XBT,USD", "aclass": "currency", "assetVersion": "1"}


@pytest.mark.parity("K2-16")
async def test_asset_pairs_of_a_real_answer(kraken, client, recording):
    """Five pairs as the exchange described them in 2026: every member has a field."""
    kraken.reply("AssetPairs", recording("reference/assetpairs-2026-five.json").read_text())
    pairs = await client.asset_pairs(["SOL/USD", "DOGE/USD"], country_code="DE")
    assert sent(kraken) == {"pair": "SOLUSD,XDGUSD", "country_code": "DE"}
    assert (len(pairs), [pair.extra for pair in pairs.values()]) == (5, [{}] * 5)
    sol = pairs["SOLUSD"]
    assert (sol.name, sol.wsname, sol.pair_decimals, sol.lot_decimals, sol.ordermin, sol.costmin, sol.tick_size) == (
        "SOLUSD", "SOL/USD", 2, 8, D("0.06"), D("0.5"), D("0.01"),
    )  # fmt: skip
    assert sol.fees[1] == m.FeeStep(volume=D(10000), percent=D("0.35"))
    assert str(sol.fees_maker[10].percent) == "0.0"


async def test_asset_pairs_of_an_old_answer(kraken, client, recording):
    """86 pairs under the old naming: fields that did not exist then are None; every altname is what we send."""
    kraken.reply("AssetPairs", recording("reference/assetpairs-86.json").read_text())
    pairs = await client.asset_pairs()
    assert (len(pairs), sent(kraken)) == (86, {})
    assert {pair.tick_size for pair in pairs.values()} == {None}
    plain = [pair for name, pair in pairs.items() if not name.endswith(".d")]
    assert [pair_name(pair.name) for pair in plain] == [pair.altname for pair in plain]
    assert [pair_name(pair.wsname) for pair in plain if pair.wsname] == [pair.altname for pair in plain if pair.wsname]


@pytest.mark.parity("K2-18")
@pytest.mark.parity("D2-4")
@pytest.mark.parametrize("number", ["0.29", "1.13", "4.35", "8.7"])
def test_rounding_to_a_market_is_exact(number):
    """Numbers that a float cannot hold stay themselves at two decimals, in every direction."""
    pair = market(tick_size=D("0.01"), lot_decimals=2)
    for rounding in ("nearest", "down", "up"):
        assert pair.round_price(D(number), rounding) == D(number)
        assert pair.round_volume(D(number), rounding) == D(number)


@pytest.mark.parametrize(
    ("rounding", "price", "volume"), [("nearest", "2.65", "0.124"), ("down", "2.65", "0.123"), ("up", "2.70", "0.124")]
)
def test_rounding_goes_where_it_is_told(rounding, price, volume):
    pair = market(tick_size=D("0.05"), lot_decimals=3)
    assert str(pair.round_price(D("2.67"), rounding)) == price
    assert str(pair.round_volume(D("0.1239"), rounding)) == volume


def test_a_market_without_a_tick_size_rounds_to_its_decimals():
    assert str(market(tick_size=None, pair_decimals=1).round_price(D("37500.16"))) == "37500.2"


def test_a_shortfall_says_what_is_missing():
    pair = market(ordermin=D("0.0001"), costmin=D("0.5"))
    assert [pair.shortfall(D(volume), price and D(price)) for volume, price in (
        ("0.0001", None), ("0.00009", None), ("0.0001", "4999"), ("0.0001", "5000"),
    )] == [
        None,
        "volume 0.00009 is below the minimum of 0.0001 XXBT for XBTUSD",
        "volume x price = 0.4999 is below the minimum cost of 0.5 ZUSD",
        None,
    ]  # fmt: skip
    assert market(ordermin=None, costmin=None).shortfall(D(0), D(0)) is None


def market(**fields) -> m.AssetPair:
    known = {"altname": "XBTUSD", "base": "XXBT", "quote": "ZUSD", "pair_decimals": 1, "lot_decimals": 8}
    return m.AssetPair(**(known | fields))


async def test_ticker(kraken, client):
    assert await answered(kraken, client.ticker("btc-usd"), "Ticker", {"XXBTZUSD": XBTUSD}) == {
        "XXBTZUSD": m.TickerInfo(
            pair="XXBTZUSD",
            ask=m.TickerQuote(price=D("30300.10000"), whole_lot_volume=D(1), lot_volume=D("1.000")),
            bid=m.TickerQuote(price=D("30300.00000"), whole_lot_volume=D(1), lot_volume=D("1.000")),
            last=m.LastTrade(price=D("30303.20000"), volume=D("0.00067643")),
            volume=m.DayPair(today=D("4083.67001100"), last_24h=D("4412.73601799")),
            vwap=m.DayPair(today=D("30706.77771"), last_24h=D("30689.13205")),
            trades=m.DayPair(today=D(34619), last_24h=D(38907)),
            low=m.DayPair(today=D("29868.30000"), last_24h=D("29868.30000")),
            high=m.DayPair(today=D("31631.00000"), last_24h=D("31631.00000")),
            open=D("30502.80000"),
        )
    }
    assert sent(kraken) == {"pair": "XBTUSD"}


async def test_ohlc(kraken, client):
    row = [1688671200, "30306.1", "30306.2", "30305.7", "30305.7", "30306.1", "3.39243896", 23]
    result = {"XXBTZUSD": [row, [1688671260, *row[1:]]], "last": 1688672160}
    history = await answered(kraken, client.ohlc("XXBTZUSD", interval=5, since=7), "OHLC", result)
    first = m.OhlcRow(
        time=1688671200, open=D("30306.1"), high=D("30306.2"), low=D("30305.7"), close=D("30305.7"),
        vwap=D("30306.1"), volume=D("3.39243896"), count=23,
    )  # fmt: skip
    assert (history.pair, history.rows[0], history.last) == ("XXBTZUSD", first, 1688672160)
    assert history.committed == (first,)
    assert sent(kraken) == {"pair": "XBTUSD", "interval": "5", "since": "7"}


async def test_depth(kraken, client):
    result = {"XXBTZUSD": {"asks": [["30384.10000", "2.059", 1688671659]], "bids": [["30297.0", "1.115", 1688671636]]}}
    assert await answered(kraken, client.depth("BTC/USD", count=1), "Depth", result) == m.Depth(
        pair="XXBTZUSD",
        asks=(m.DepthLevel(price=D("30384.10000"), volume=D("2.059"), time=1688671659),),
        bids=(m.DepthLevel(price=D("30297.0"), volume=D("1.115"), time=1688671636),),
    )
    assert sent(kraken) == {"pair": "XBTUSD", "count": "1"}


async def test_trades_keep_the_digits_of_their_time(kraken, client):
    """The time is a JSON number beyond a float's precision."""
    body = (
        '{"error":[],"result":{"XXBTZUSD":[["30243.40000","0.34507674",1688669597.827736912,"b","m","",61044952],'
        '["30243.30000","1",1688669598.1,"s","l","x"],["1","2",3,"?","!"]],"last":"1688671969993150842"}}'
    )
    trades = await answered(kraken, client.trades("BTC/USD", since="1688669597", count=3), "Trades", body)
    assert trades == m.RecentTrades(
        pair="XXBTZUSD",
        rows=(
            m.RecentTrade(
                price=D("30243.40000"), volume=D("0.34507674"), time=D("1688669597.827736912"), side="buy",
                ordertype="market", misc="", trade_id=61044952,
            ),
            m.RecentTrade(
                price=D("30243.30000"), volume=D(1), time=D("1688669598.1"), side="sell", ordertype="limit", misc="x"
            ),
            m.RecentTrade(price=D(1), volume=D(2), time=D(3), side="?", ordertype="!"),
        ),
        last=1688671969993150842,
    )  # fmt: skip


async def test_spread(kraken, client):
    result = {"XXBTZUSD": [[1688671834, "30292.10000", "30297.50000"]], "last": 1688672106}
    assert await answered(kraken, client.spread("BTC/USD"), "Spread", result) == m.RecentSpreads(
        pair="XXBTZUSD",
        rows=(m.SpreadRow(time=1688671834, bid=D("30292.10000"), ask=D("30297.50000")),),
        last=1688672106,
    )


@pytest.mark.parametrize(
    ("name", "make", "result"),
    [
        ("OHLC", lambda c: c.ohlc("BTC/USD"), {"last": 5}),
        ("OHLC", lambda c: c.ohlc("BTC/USD"), {"XXBTZUSD": []}),
        ("OHLC", lambda c: c.ohlc("BTC/USD"), {"XXBTZUSD": 5, "last": 5}),
        ("Depth", lambda c: c.depth("BTC/USD"), {}),
        ("Depth", lambda c: c.depth("BTC/USD"), {"XXBTZUSD": {"asks": []}}),
        ("Trades", lambda c: c.trades("BTC/USD"), {"XXBTZUSD": [[1]], "last": "5"}),
        ("Balance", lambda c: c.balance(), {"ZUSD": "a lot"}),
        ("OpenOrders", lambda c: c.open_orders(), {}),
        ("OpenOrders", lambda c: c.open_orders(), {"open": {"O": {}}}),
        ("ClosedOrders", lambda c: c.closed_orders(), {"closed": {}, "count": "many"}),
        ("GetWebSocketsToken", lambda c: c.get_websockets_token(), {"expires": 900}),
    ],
)
async def test_answers_of_another_shape_are_unreadable(kraken, make_client, name, make, result):
    kraken.reply(name, result)
    with pytest.raises(RestUnreadable, match="the answer has an unexpected shape"):
        await make(make_client(retry=Retry.never()))


# -- private, reading


@pytest.mark.parity("K2-19")
async def test_balances(kraken, client):
    """Numbers may come as text or as numbers; available = balance + credit - credit_used - hold_trade."""
    body = '{"error":[],"result":{"ZUSD":{"balance":"25435.21","hold_trade":"8249.76"},"XXBT":{"balance":1.2435,'
    body += '"hold_trade":0.8423,"credit":"0.5","credit_used":"0.1"}}}'
    balances = await answered(kraken, client.balance_ex(), "BalanceEx", body)
    assert balances["ZUSD"] == a.ExtendedBalance(asset="ZUSD", balance=D("25435.21"), hold_trade=D("8249.76"))
    assert [str(balances[asset].available) for asset in ("ZUSD", "XXBT")] == ["17185.45", "0.8012"]
    result = {"ZUSD": "171288.6158", "XXBT": "1011.1908877900", "ETH2.S": "198.3970800000"}
    plain = await answered(kraken, client.balance(), "Balance", result)
    assert {asset: str(amount) for asset, amount in plain.items()} == result


async def test_trade_balance(kraken, client):
    result = dict.fromkeys(("eb", "tb", "m", "n", "c", "v", "e", "mf", "uv"), "1.5")
    balance = await answered(kraken, client.trade_balance("ZEUR"), "TradeBalance", result)
    assert (balance.eb, balance.uv, balance.ml, sent(kraken)) == (D("1.5"), D("1.5"), None, {"asset": "ZEUR"})


OPEN = {
    "refid": "None",
    "userref": 45326,
    "status": "open",
    "opentm": 1688665899.5699,
    "starttm": 0,
    "expiretm": 0,
    "descr": {
        "pair": "XBTUSD",
        "type": "buy",
        "ordertype": "limit",
        "price": "14500.0",
        "price2": "0",
        "leverage": "5:1",
        "order": "buy 0.27500000 XBTUSD @ limit 14500.0 with 5:1 leverage",
        "close": "",
    },
    "vol": "0.27500000",
    "vol_exec": "0.00000000",
    "cost": "0.00000",
    "fee": "0.00000",
    "price": "0.00000",
    "stopprice": "0.00000",
    "limitprice": "0.00000",
    "misc": "",
    "oflags": "fciq",
}


async def test_open_orders(kraken, client):
    call = client.open_orders(trades=True, cl_ord_id="mine")
    (order,) = (await answered(kraken, call, "OpenOrders", {"open": {"OB5VMB-B4U2U-DK2WRW": OPEN}})).values()
    assert (order.txid, order.status, order.refid, order.userref, order.opentm) == (
        "OB5VMB-B4U2U-DK2WRW", "open", None, 45326, D("1688665899.5699"),
    )  # fmt: skip
    assert (order.descr.leverage, str(order.vol), order.extra, order.descr.extra) == ("5:1", "0.27500000", {}, {})
    assert sent(kraken) == {"trades": "true", "cl_ord_id": "mine"}


async def test_closed_orders(kraken, client):
    closed = OPEN | {"status": "canceled", "reason": "User requested", "closetm": 1752768899.330147, "refid": None}
    closed |= {"cl_ord_id": "mine", "trades": ["T1", "T2"], "timeinforce": "GTC", "brand_new": 1}
    call = client.closed_orders(start=5, end="OX", ofs=50, closetime="both", without_count=False)
    page = await answered(kraken, call, "ClosedOrders", {"closed": {"O1": closed}, "count": 73})
    order = page.orders["O1"]
    assert page.count == 73
    assert (order.reason, order.closetm, order.cl_ord_id, order.trades, order.time_in_force, order.extra) == (
        "User requested", D("1752768899.330147"), "mine", ("T1", "T2"), "GTC", {"brand_new": 1},
    )  # fmt: skip
    assert sent(kraken) == {"start": "5", "end": "OX", "ofs": "50", "closetime": "both", "without_count": "false"}
    uncounted = await answered(kraken, client.closed_orders(), "ClosedOrders", {"closed": {}})
    assert (dict(uncounted.orders), uncounted.count) == ({}, None)


async def test_query_orders_and_amends(kraken, client):
    orders = await answered(kraken, client.query_orders(["O1", "O2"], trades=False), "QueryOrders", {"O1": OPEN})
    assert (orders["O1"].txid, sent(kraken)) == ("O1", {"txid": "O1,O2", "trades": "false"})
    result = {"count": 1, "amends": [{"amend_id": "T", "amend_type": "original", "limit_price": "61032.8"}]}
    amends = await answered(kraken, client.order_amends("O1"), "OrderAmends", result)
    assert (amends.count, amends.amends[0].limit_price, sent(kraken)) == (1, D("61032.8"), {"order_id": "O1"})
    with pytest.raises(InvalidArgument, match="txid is an empty list"):
        client.query_orders([])


FILL = {
    "ordertxid": "OQCLML-BW3P3-BUCMWZ",
    "postxid": "TKH2SE-M7IF5-CFI7LT",
    "pair": "XXBTZUSD",
    "time": 1688667796.8802,
    "type": "buy",
    "ordertype": "limit",
    "price": "30010.00000",
    "cost": "600.20000",
    "fee": "0.00000",
    "vol": "0.02000000",
    "margin": "0.00000",
    "misc": "",
    "trade_id": 40274859,
    "maker": True,
}


async def test_own_trades(kraken, client):
    call = client.trades_history(type="no position", ledgers=True, start=D("1.5"))
    page = await answered(kraken, call, "TradesHistory", {"trades": {"THVRQM-33VKH-UCI7BS": FILL}, "count": 1})
    fill = page.trades["THVRQM-33VKH-UCI7BS"]
    assert (page.count, fill.txid, fill.time, fill.maker, fill.vol, fill.extra) == (
        1, "THVRQM-33VKH-UCI7BS", D("1688667796.8802"), True, D("0.02"), {},
    )  # fmt: skip
    assert sent(kraken) == {"type": "no position", "ledgers": "true", "start": "1.5"}
    again = await answered(kraken, client.query_trades("T1"), "QueryTrades", {"T1": FILL})
    assert (again["T1"].txid, sent(kraken)) == ("T1", {"txid": "T1"})


async def test_positions_come_one_by_one_or_consolidated(kraken, client):
    row = {"ordertxid": "O", "pair": "XXBTZUSD", "time": 1.5, "type": "buy", "cost": "1", "fee": "2", "vol": "3"}
    positions = await answered(
        kraken, client.open_positions(docalcs=True), "OpenPositions", {"TF5": {**row, "net": "-1"}}
    )
    assert (positions["TF5"].txid, positions["TF5"].net, sent(kraken)) == ("TF5", D(-1), {"docalcs": "true"})
    rows = [{"pair": "XXBTZUSD", "positions": "2", "type": "buy", "cost": "1", "vol": "3"}]
    call = client.open_positions(extra={"consolidation": "market"})
    joined = await answered(kraken, call, "OpenPositions", {"error": [], "result": rows})
    assert (joined["XXBTZUSD"].vol, joined["XXBTZUSD"].extra) == (D(3), {"positions": "2"})


async def test_ledgers(kraken, client):
    row = {
        "refid": "TJKLXF", "time": 1688464484.1787, "type": "trade", "subtype": "", "aclass": "currency",
        "asset": "ZGBP", "amount": "-24.5000", "fee": "0.4900", "balance": "459567.9171",
    }  # fmt: skip
    call = client.ledgers(asset=["ZGBP", "XXBT"], type="trade", ofs=0)
    page = await answered(kraken, call, "Ledgers", {"ledger": {"L4": row}, "count": 1})
    assert (page.count, page.ledger["L4"].amount, page.ledger["L4"].id) == (1, D("-24.5000"), "L4")
    assert sent(kraken) == {"asset": "ZGBP,XXBT", "type": "trade", "ofs": "0"}
    entries = await answered(kraken, client.query_ledgers(["L4"]), "QueryLedgers", {"L4": row})
    assert (entries["L4"], sent(kraken)) == (page.ledger["L4"], {"id": "L4"})


async def test_trade_volume(kraken, client):
    fee = {"fee": "0.1000", "minfee": "0.1", "maxfee": "0.26", "nextfee": None, "nextvolume": None, "tiervolume": "1"}
    result = {
        "currency": "ZUSD",
        "volume": "200709587.4223",
        "fees": {"XXBTZUSD": fee},
        "fees_maker": {"XXBTZUSD": fee},
    }
    volume = await answered(kraken, client.trade_volume(["BTC/USD", "ETH/USD"]), "TradeVolume", result)
    assert (volume.volume, volume.fees["XXBTZUSD"].fee, volume.fees_maker["XXBTZUSD"].nextfee) == (
        D("200709587.4223"), D("0.1000"), None,
    )  # fmt: skip
    assert sent(kraken) == {"pair": "XBTUSD,ETHUSD"}
    plain = await answered(kraken, client.trade_volume(), "TradeVolume", {"currency": "ZUSD", "volume": "0"})
    assert plain == a.TradeVolume(currency="ZUSD", volume=D(0))


@pytest.mark.parity("K0-64")
async def test_websockets_token(kraken, client):
    token = await answered(
        kraken, client.get_websockets_token(), "GetWebSocketsToken", {"token": "abc", "expires": 900}
    )
    assert token == a.WebSocketsToken(token="abc", expires=900)
    assert json.dumps({"token": token.token}) == '{"token": "abc"}'


async def test_api_key_info(kraken, client):
    result = {"api_key_name": "bot", "nonce_window": "0", "permissions": ["query-funds"], "iban": "AA"}
    info = await answered(kraken, client.get_api_key_info(), "GetApiKeyInfo", result)
    assert (info.api_key_name, info.nonce_window, info.permissions, info.extra) == (
        "bot", 0, ("query-funds",), {"iban": "AA"},
    )  # fmt: skip


# -- private, the rest


@pytest.mark.parity("K2-20")
@pytest.mark.parity("K0-61")
@pytest.mark.parametrize(
    ("make", "name", "params"),
    [
        (lambda c: c.deposit_methods("XBT"), "DepositMethods", {"asset": "XBT"}),
        (
            lambda c: c.deposit_addresses("XBT", "Bitcoin", new=True),
            "DepositAddresses",
            {"asset": "XBT", "method": "Bitcoin", "new": "true"},
        ),
        (lambda c: c.deposit_status("XBT"), "DepositStatus", {"asset": "XBT"}),
        (lambda c: c.withdraw_methods(), "WithdrawMethods", {}),
        (
            lambda c: c.withdraw_addresses("XBT", method="Bitcoin"),
            "WithdrawAddresses",
            {"asset": "XBT", "method": "Bitcoin"},
        ),
        (lambda c: c.withdraw_info("XBT", "k", 0.1), "WithdrawInfo", {"asset": "XBT", "key": "k", "amount": "0.1"}),
        (lambda c: c.withdraw("XBT", "k", D("0.10")), "Withdraw", {"asset": "XBT", "key": "k", "amount": "0.10"}),
        (lambda c: c.withdraw_status(), "WithdrawStatus", {}),
        (lambda c: c.withdraw_cancel("XBT", "R"), "WithdrawCancel", {"asset": "XBT", "refid": "R"}),
        (
            lambda c: c.wallet_transfer("XBT", 1),
            "WalletTransfer",
            {"asset": "XBT", "from": "Spot Wallet", "to": "Futures Wallet", "amount": "1"},
        ),
        (lambda c: c.earn_strategies("DOT"), "Earn/Strategies", {"asset": "DOT"}),
        (lambda c: c.earn_allocations(hide_zero=True), "Earn/Allocations", {"hide_zero_allocations": "true"}),
        (lambda c: c.earn_allocate("S", "1.5"), "Earn/Allocate", {"strategy_id": "S", "amount": "1.5"}),
        (lambda c: c.earn_deallocate("S", 1), "Earn/Deallocate", {"strategy_id": "S", "amount": "1"}),
        (lambda c: c.earn_status("S", "allocate"), "Earn/AllocateStatus", {"strategy_id": "S"}),
        (lambda c: c.earn_status("S", "deallocate"), "Earn/DeallocateStatus", {"strategy_id": "S"}),
        (
            lambda c: c.add_export("trades", "all of it", format="CSV", fields=["ordertxid", "time"]),
            "AddExport",
            {"report": "trades", "description": "all of it", "format": "CSV", "fields": "ordertxid,time"},
        ),
        (lambda c: c.export_status("ledgers"), "ExportStatus", {"report": "ledgers"}),
        (lambda c: c.remove_export("E", "delete"), "RemoveExport", {"id": "E", "type": "delete"}),
        (lambda c: c.create_subaccount("u", "u@x.test"), "CreateSubaccount", {"username": "u", "email": "u@x.test"}),
        (
            lambda c: c.account_transfer("XBT", 1, "A", "B"),
            "AccountTransfer",
            {"asset": "XBT", "amount": "1", "from": "A", "to": "B"},
        ),
    ],
)
async def test_the_remaining_calls_give_the_answer_decoded(kraken, client, make, name, params):
    result = await answered(kraken, make(client), name, '{"error":[],"result":[{"fee":0.10}]}')
    assert [str(row["fee"]) for row in result] == ["0.10"]
    assert (kraken.names(), sent(kraken), kraken.refused) == ([name], params, [])


async def test_a_report_comes_as_bytes_and_its_refusal_as_an_error(kraken, client):
    kraken.reply("RetrieveExport", "PK\x03\x04 zip", ["EExport:Not ready"])
    assert await client.retrieve_export("E") == b"PK\x03\x04 zip"
    with pytest.raises(RestError, match="EExport:Not ready"):
        await client.retrieve_export("E")


# -- the table


def test_every_name_of_the_table_has_its_typed_method():
    """Each typed method names its call first in its docstring; together they name the whole table."""
    families = (MarketCalls, AccountCalls, TradingCalls, FundingCalls)
    methods = [method for family in families for name, method in vars(family).items() if not name.startswith("_")]
    documented = " ".join((inspect.getdoc(method) or "").split(": ")[0] for method in methods)
    assert [name for name in CALLS if f"`{name}`" not in documented] == []
    assert all(inspect.getdoc(getattr(RestClient, method.__name__)) for method in methods)


@pytest.mark.parity("K1-25")
def test_calls_cost_what_the_reference_says():
    """Sections 5.1 and 6: public calls nothing, histories two, orders nothing, the rest one."""
    costs = {cost: {name for name, spec in CALLS.items() if spec.cost == cost} for cost in (0, 1, 2)}
    assert costs[2] == {"Ledgers", "QueryLedgers", "TradesHistory", "QueryTrades"}
    assert costs[0] == {name for name, spec in CALLS.items() if not spec.private or spec.nature == "order"}
    assert {name for name, spec in CALLS.items() if spec.json} == {"AddOrderBatch", "CancelOrderBatch"}
    assert {spec.nature for name, spec in CALLS.items() if "Order" in name and name.startswith(("Add", "Cancel"))} == {
        "order"
    }


def test_unknown_names_are_assumed_to_be_the_dangerous_kind():
    assert (spec_of("BrandNew", auth=True).nature, spec_of("BrandNew", auth=True).cost) == ("change", 1)
    assert (spec_of("BrandNew", auth=False).nature, spec_of("Earn/New", auth=False).path) == (
        "read", "/0/public/Earn/New",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("spelling", "sent_as"),
    [
        ("BTC/USD", "XBTUSD"),
        ("XXBTZUSD", "XBTUSD"),
        ("doge-eur", "XDGEUR"),
        ("AAPLx/USD", "AAPLxUSD"),
        ("XBTUSD.d", "XBTUSD.d"),
    ],
)
def test_pairs_go_out_under_the_name_that_rest_takes(spelling, sent_as):
    assert pair_name(spelling) == sent_as
