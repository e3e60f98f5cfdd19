"""What an account sees of itself over REST: money, orders, fills, the ledger, its key; page by page."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from itertools import pairwise

import pytest

import rxkraken as rk
from rxkraken.errors import AuthRefused, PermissionRefused, RateLimited, RestError
from rxkraken.rest import Limits, RestClient, Retry
from rxkraken.simulator import Exchange
from rxkraken.testing import ExchangeHttp, run

QUIET = {"seed": 7, "symbols": ["BTC/USD", "ETH/USD", "BTC/JPY"], "rate": 0}


@pytest.fixture
def exchange():
    return Exchange(**QUIET)


def told(exchange, story, credentials=None, **options):
    """Run a story with a client of the exchange, on the exchange's own clock."""

    async def main():
        loop = asyncio.get_running_loop()
        async with RestClient(
            credentials or exchange.credentials,
            session=ExchangeHttp(exchange, loop),
            endpoints=rk.Endpoints.custom(rest="http://rest.invalid"),
            monotonic=loop.time,
            limits=Limits("pro"),
            retry=Retry.never(),
            **options,
        ) as rest:
            return await story(rest)

    return run(main)


def test_balances_deduct_what_open_orders_hold(exchange):
    async def story(rest):
        before = await rest.balance()
        await rest.add_order("BTC/USD", "buy", "limit", "0.5", price="80000")
        await rest.add_order("BTC/USD", "sell", "limit", "2", price="90000")
        return before, await rest.balance(), await rest.balance_ex()

    before, after, extended = told(exchange, story)
    assert before == after
    assert {name: extended[name].hold_trade for name in ("ZUSD", "XXBT")} == {"ZUSD": 40000, "XXBT": 2}
    assert extended["ZUSD"].available == before["ZUSD"] - 40000


def test_balances_have_the_digits_of_their_asset(exchange):
    answer = told(exchange, lambda rest: rest.answer("Balance"))
    usd, jpy = answer.result["ZUSD"], answer.result["ZJPY"]
    assert [len(text.partition(".")[2]) for text in (usd, jpy, answer.result["XXBT"])] == [4, 2, 10]


def test_the_worth_of_everything_is_told_in_any_asset(exchange):
    async def story(rest):
        await rest.add_order("BTC/USD", "buy", "limit", "1", price="80000")
        return await rest.trade_balance(), await rest.trade_balance("XXBT"), await rest.balance()

    dollars, bitcoin, balance = told(exchange, story)
    price, ether = Decimal("84250.3"), Decimal("2950.12")
    worth = balance["ZUSD"] + balance["XXBT"] * price + balance["XETH"] * ether
    assert dollars.eb - worth == pytest.approx(balance["ZJPY"] / 13104250 * price, abs=Decimal("0.01"))
    assert (dollars.e, dollars.mf, dollars.uv, dollars.ml) == (dollars.tb, dollars.tb, 80000, None)
    assert bitcoin.uv == (80000 / price).quantize(Decimal("0.0001"))
    with pytest.raises(RestError, match="EQuery:Unknown asset"):
        told(exchange, lambda rest: rest.trade_balance("NOPE"))


def test_fills_and_ledger_tell_the_same_story(exchange):
    async def story(rest):
        before = await rest.balance()
        placed = await rest.add_order("BTC/USD", "buy", "market", "0.5")
        return (
            placed.txid[0],
            before,
            await rest.balance(),
            await rest.trades_history(ledgers=True),
            await rest.ledgers(type="trade"),
            await rest.closed_orders(trades=True),
        )

    txid, before, after, trades, ledger, closed = told(exchange, story)
    order = closed.orders[txid]
    fills = trades.trades
    assert (order.status, order.vol_exec, order.trades) == ("closed", Decimal("0.5"), tuple(reversed(list(fills))))
    assert sum(fill.cost for fill in fills.values()) == order.cost
    assert {(fill.ordertxid, fill.pair, fill.type, fill.maker) for fill in fills.values()} == {
        (txid, "XXBTZUSD", "buy", False)
    }
    assert ledger.count == len(ledger.ledger) == 2 * len(fills)
    for fill in fills.values():
        assert {ledger.ledger[each].refid for each in fill.ledgers} == {fill.txid}
    for asset in ("ZUSD", "XXBT"):
        moved = sum(entry.amount - entry.fee for entry in ledger.ledger.values() if entry.asset == asset)
        assert after[asset] - before[asset] == moved

    async def again(rest):
        some = list(fills)[:2]
        queried = await rest.query_trades(some)
        entry = next(iter(ledger.ledger))
        return queried == {each: fills[each] for each in some} or queried, await rest.query_ledgers(entry)

    same, entries = told(exchange, again)
    assert {each: fill.cost for each, fill in same.items()} == {each: fills[each].cost for each in same}
    assert entries == {each: ledger.ledger[each] for each in entries}


def test_closed_orders_come_fifty_a_page_newest_first(exchange):
    async def story(rest):
        for number in range(60):
            placed = await rest.add_order("ETH/USD", "buy", "limit", "1", price="2000", userref=number % 2 + 1)
            await asyncio.sleep(400)
            await rest.cancel_order(placed.txid[0])
        pages = [await rest.closed_orders(ofs=ofs) for ofs in (0, 50, 100)]
        tagged = await rest.closed_orders(userref=1, without_count=True)
        middle = list(pages[0].orders.values())[20]
        later = await rest.closed_orders(start=middle.closetm, closetime="close")
        until = await rest.closed_orders(end=middle.txid, closetime="open")
        return pages, tagged, later, until

    pages, tagged, later, until = told(exchange, story)
    assert [(len(page.orders), page.count) for page in pages] == [(50, 60), (10, 60), (0, 60)]
    times = [order.closetm for page in pages for order in page.orders.values()]
    assert all(newer > older for newer, older in pairwise(times))
    assert (len(tagged.orders), tagged.count, {order.userref for order in tagged.orders.values()}) == (30, None, {1})
    # `start` is exclusive, `end` inclusive (rest reference section 8.2).
    assert (len(later.orders), until.count) == (20, 40)


def test_the_key_tells_of_itself_and_its_token_opens_the_private_channels(exchange):
    async def story(rest):
        return await rest.get_api_key_info(), await rest.get_websockets_token(), await rest.open_positions()

    info, token, positions = told(exchange, story)
    assert (info.api_key, info.api_key_name, info.nonce_window) == (exchange.credentials.key, "demo", 0)
    assert 0 < info.nonce < exchange.keys[exchange.credentials.key].last_nonce
    assert "modify-orders" in info.permissions
    assert (token.expires, len(token.token), positions) == (900, 43, {})


def test_the_month_and_its_fees_are_told(exchange):
    async def story(rest):
        await rest.add_order("BTC/USD", "sell", "market", "0.1")
        volume = await rest.trade_volume("BTC/USD")
        await asyncio.sleep(31 * 86400)
        return volume, await rest.trade_volume()

    recent, later = told(exchange, story)
    assert recent.volume == pytest.approx(8424, abs=10)
    assert (recent.fees["XXBTZUSD"].fee, recent.fees_maker["XXBTZUSD"].fee) == (Decimal("0.4"), Decimal("0.25"))
    assert (later.volume, later.fees) == (0, {})


def test_a_key_may_do_what_it_was_given(exchange):
    reader = exchange.add_key("demo", permissions=("query_open_orders",))

    async def story(rest):
        assert await rest.open_orders() == {}
        for call in (rest.balance, rest.closed_orders, rest.ledgers, rest.get_websockets_token):
            with pytest.raises(PermissionRefused, match="EGeneral:Permission denied"):
                await call()
        answer = await rest.answer("AddOrder", {})
        assert answer.errors == ("EGeneral:Permission denied",)

    told(exchange, story, reader)


def test_a_strange_key_and_a_wrong_secret_are_refused(exchange):
    for credentials, error in (
        (rk.Credentials("unknown", "c2VjcmV0"), "EAPI:Invalid key"),
        (rk.Credentials(exchange.credentials.key, "c2VjcmV0"), "EAPI:Invalid signature"),
    ):
        with pytest.raises(AuthRefused, match=error):
            told(exchange, lambda rest: rest.balance(), credentials)


def test_the_password_of_a_key_is_asked_for(exchange):
    guarded = exchange.add_key("demo", otp="4711")
    secret = exchange.keys[guarded.key].secret
    assert told(exchange, lambda rest: rest.balance(), guarded)["ZUSD"] > 0
    with pytest.raises(PermissionRefused):
        told(exchange, lambda rest: rest.balance(), rk.Credentials(guarded.key, secret))


def test_calls_that_come_too_fast_are_refused_until_the_counter_has_room(exchange):
    async def story(rest):
        for _ in range(10):
            await rest.ledgers()
        with pytest.raises(RateLimited, match="EAPI:Rate limit exceeded"):
            await rest.ledgers()
        await rest.cancel_all()
        await asyncio.sleep(2)
        return (await rest.ledgers()).count

    # The client would wait by itself: it counts as the exchange does.
    assert told(exchange, story, on_rest_limit="warn") > 0
    http = ExchangeHttp(exchange, asyncio.new_event_loop())
    http._loop.close()
    assert http.front.counter(exchange.credentials.key) == 0


@pytest.mark.parametrize(
    ("name", "params", "error"),
    [
        ("QueryOrders", {}, "EGeneral:Invalid arguments:txid"),
        ("QueryOrders", {"txid": "OAAAAA-AAAAA-AAAAAA"}, "EOrder:Unknown order"),
        ("QueryOrders", {"txid": ",".join(["O"] * 51)}, "EGeneral:Invalid arguments:txid"),
        ("QueryTrades", {"txid": "TAAAAA"}, "EGeneral:Invalid arguments:txid"),
        ("QueryLedgers", {"id": "LAAAAA"}, "EGeneral:Invalid arguments:id"),
        ("ClosedOrders", {"closetime": "never"}, "EGeneral:Invalid arguments:closetime"),
        ("ClosedOrders", {"start": "never"}, "EGeneral:Invalid arguments:start"),
        ("ClosedOrders", {"ofs": -1}, "EGeneral:Invalid arguments:ofs"),
        ("TradesHistory", {"type": "some"}, "EGeneral:Invalid arguments:type"),
        ("Ledgers", {"asset": "NOPE"}, "EQuery:Unknown asset"),
        ("OpenOrders", {"userref": "me"}, "EGeneral:Invalid arguments:userref"),
        ("OpenOrders", {"trades": "maybe"}, "EGeneral:Invalid arguments:trades"),
    ],
)
def test_questions_that_make_no_sense_are_refused(exchange, name, params, error):
    answer = told(exchange, lambda rest: rest.answer(name, params))
    assert (answer.status, answer.errors) == (200, (error,))
