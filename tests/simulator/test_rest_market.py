"""The public REST calls, digit by digit: what the reference prints, and what the markets really hold."""

from __future__ import annotations

import asyncio
import json
import re
from decimal import Decimal

import pytest

import rxkraken as rk
from rxkraken.errors import RestError
from rxkraken.rest import RestClient
from rxkraken.simulator import Exchange
from rxkraken.simulator.rest_front import Front
from rxkraken.testing import ExchangeHttp, run

NAMES = ("XXBTZUSD", "XBTUSD", "XBT/USD")


@pytest.fixture(scope="module")
def exchange():
    made = Exchange(seed=7, symbols=["BTC/USD", "ETH/BTC", "SOL/USD", "DOGE/USD", "BTC/JPY"], rate=5)
    made.advance(90)
    return made


@pytest.fixture
def ask(exchange):
    front = Front(exchange)

    def get(name, query="", *, method="GET"):
        answer = front.answer(method, f"/0/public/{name}", query, {}, b"")
        return answer.status, json.loads(answer.text, parse_float=Decimal)

    return get


def test_the_clock_and_the_phase_are_told_as_printed(ask):
    status, answer = ask("Time")
    assert (status, answer) == (
        200,
        {"error": [], "result": {"unixtime": 1767225690, "rfc1123": "Thu, 01 Jan 26 00:01:30 +0000"}},
    )
    assert ask("SystemStatus")[1]["result"] == {"status": "online", "timestamp": "2026-01-01T00:01:30Z"}


@pytest.mark.parametrize("name", NAMES)
def test_every_spelling_of_a_pair_gives_the_same_market_under_its_id(ask, name):
    for call in ("Ticker", "OHLC", "Depth", "Trades", "Spread", "AssetPairs"):
        assert next(iter(ask(call, f"pair={name}")[1]["result"])) == "XXBTZUSD"


def test_ids_follow_the_rule_of_old_and_new_assets(ask):
    assert list(ask("AssetPairs")[1]["result"]) == ["XXBTZUSD", "XETHXXBT", "SOLUSD", "XXDGZUSD", "XXBTZJPY"]
    assert list(ask("Assets", "asset=XBT,XXDG,SOL,ZUSD")[1]["result"]) == ["XXBT", "ZUSD", "SOL", "XXDG"]
    assert list(ask("Assets", "asset=XBT&assetVersion=1")[1]["result"]) == ["BTC"]
    assert ask("Assets", "aclass=tokenized_asset")[1]["result"] == {}


def test_a_pair_is_told_with_its_rules(ask):
    pair = ask("AssetPairs", "pair=XBTUSD")[1]["result"]["XXBTZUSD"]
    assert pair == {
        "altname": "XBTUSD", "wsname": "XBT/USD", "aclass_base": "currency", "base": "XXBT", "aclass_quote": "currency",
        "quote": "ZUSD", "lot": "unit", "cost_decimals": 5, "pair_decimals": 1, "lot_decimals": 8, "lot_multiplier": 1,
        "leverage_buy": [2, 3, 4, 5], "leverage_sell": [2, 3, 4, 5], "fees": [[0, Decimal("0.4")],
        [10000, Decimal("0.35")]], "fees_maker": [[0, Decimal("0.25")], [10000, Decimal("0.2")]],
        "fee_volume_currency": "ZUSD", "margin_call": 80, "margin_stop": 40, "ordermin": "0.0001", "costmin": "0.5",
        "tick_size": "0.1", "status": "online", "long_position_limit": 300, "short_position_limit": 240,
    }  # fmt: skip
    only = ask("AssetPairs", "pair=XBTUSD&info=margin")[1]["result"]
    assert only == {"XXBTZUSD": {"margin_call": 80, "margin_stop": 40}}


def test_prices_and_volumes_have_the_digits_of_the_reference(ask):
    ticker = ask("Ticker", "pair=XBTUSD")[1]["result"]["XXBTZUSD"]
    shapes = {name: [_shape(each) for each in value] for name, value in ticker.items() if isinstance(value, list)}
    assert shapes == {
        "a": [".5", "int", ".3"], "b": [".5", "int", ".3"], "c": [".5", ".8"], "v": [".8", ".8"], "p": [".5", ".5"],
        "t": ["number", "number"], "l": [".5", ".5"], "h": [".5", ".5"],
    }  # fmt: skip
    assert _shape(ticker["o"]) == ".5"
    (row,) = ask("Depth", "pair=XBTUSD&count=1")[1]["result"]["XXBTZUSD"]["asks"]
    assert [_shape(each) for each in row] == [".5", ".3", "number"]
    assert [_shape(each) for each in ask("OHLC", "pair=XBTUSD")[1]["result"]["XXBTZUSD"][0]] == [
        "number", ".1", ".1", ".1", ".1", ".1", ".8", "number",
    ]  # fmt: skip
    trade = ask("Trades", "pair=XBTUSD&count=1")[1]["result"]["XXBTZUSD"][0]
    assert [_shape(each) for each in trade[:2]] == [".5", ".8"]
    assert (trade[3] in "bs", trade[4] in "ml", trade[5]) == (True, True, "")


def _shape(value):
    if not isinstance(value, str):
        return "number"
    whole, dot, fraction = value.partition(".")
    assert re.fullmatch(r"\d+", whole)
    return f".{len(fraction)}" if dot else "int"


def test_the_book_is_the_one_of_the_market(exchange, ask):
    engine = exchange.markets["BTC/USD"].engine
    book = ask("Depth", "pair=XBTUSD&count=500")[1]["result"]["XXBTZUSD"]
    for side, ladder in (("bids", engine.bids), ("asks", engine.asks)):
        assert [int(Decimal(price) * 10) for price, _, _ in book[side]] == [level.price for level in ladder.top(500)]
        assert all(Decimal(volume) > 0 for _, volume, _ in book[side])


def test_trades_page_from_the_last_one_to_the_newest(exchange, ask):
    everything = ask("Trades", "pair=XBTUSD")[1]["result"]["XXBTZUSD"]
    assert everything[-1][6] == exchange.markets["BTC/USD"].history.trades[-1].trade_id
    seen, since = [], "0"
    while rows := (page := ask("Trades", f"pair=XBTUSD&count=7&since={since}")[1]["result"])["XXBTZUSD"]:
        seen += rows
        since = page["last"]
    assert seen == everything
    assert [row[6] for row in seen] == sorted(row[6] for row in seen)
    assert ask("Trades", f"pair=XBTUSD&since={since}")[1]["result"] == {"XXBTZUSD": [], "last": since}


def test_candles_end_with_the_running_one_and_go_on_from_last(exchange, ask):
    result = ask("OHLC", "pair=XBTUSD&interval=5")[1]["result"]
    rows = result["XXBTZUSD"]
    assert len(rows) <= 720
    assert rows[-1][0] == 1767225600
    assert result["last"] == rows[-2][0]
    assert ask("OHLC", f"pair=XBTUSD&interval=5&since={result['last']}")[1]["result"]["XXBTZUSD"] == rows[-1:]


def test_a_quiet_market_still_has_a_running_candle_and_a_ticker():
    still = Exchange(seed=1, symbols=["BTC/USD"], rate=0)
    still.advance(7200)
    front = Front(still)
    rows = json.loads(front.answer("GET", "/0/public/OHLC", "pair=XBTUSD", {}, b"").text)["result"]["XXBTZUSD"]
    assert rows[-1] == [1767232800, *["84250.3"] * 5, "0.00000000", 0]
    ticker = json.loads(front.answer("GET", "/0/public/Ticker", "", {}, b"").text)["result"]["XXBTZUSD"]
    assert ticker["t"][0] == 0
    assert ticker["o"] == "84250.30000"


def test_spreads_end_with_the_best_prices_of_now(exchange, ask):
    result = ask("Spread", "pair=XBTUSD")[1]["result"]
    engine = exchange.markets["BTC/USD"].engine
    prices = [f"{Decimal(level.price).scaleb(-1):.5f}" for level in (engine.bids.best, engine.asks.best)]
    assert result["XXBTZUSD"][-1] == [result["last"], *prices]
    assert all(Decimal(bid) < Decimal(ask) for _, bid, ask in result["XXBTZUSD"])
    assert ask("Spread", f"pair=XBTUSD&since={result['last']}")[1]["result"]["XXBTZUSD"][-1][0] == result["last"]


@pytest.mark.parametrize(
    ("name", "query", "error"),
    [
        ("Ticker", "pair=NOPE", "EQuery:Unknown asset pair"),
        ("Assets", "asset=NOPE", "EQuery:Unknown asset"),
        ("Depth", "", "EGeneral:Invalid arguments:pair"),
        ("Depth", "pair=XBTUSD&count=501", "EGeneral:Invalid arguments:count"),
        ("Depth", "pair=XBTUSD&count=many", "EGeneral:Invalid arguments:count"),
        ("OHLC", "pair=XBTUSD&interval=7", "EGeneral:Invalid arguments:interval"),
        ("Trades", "pair=XBTUSD&since=now", "EGeneral:Invalid arguments:since"),
        ("AssetPairs", "info=all", "EGeneral:Invalid arguments:info"),
    ],
)
def test_wrong_arguments_are_refused_with_status_200(ask, name, query, error):
    assert ask(name, query) == (200, {"error": [error]})


@pytest.mark.parametrize(("name", "method"), [("Nothing", "GET"), ("Time", "POST"), ("", "GET")])
def test_unknown_calls_and_posts_are_404(ask, name, method):
    assert ask(name, method=method) == (404, {"error": ["EGeneral:Unknown method"]})


def test_the_client_reads_every_public_call_in_virtual_time():
    exchange = Exchange(seed=7, symbols=["BTC/USD", "ETH/USD"])

    async def main():
        loop = asyncio.get_running_loop()
        http = ExchangeHttp(exchange, loop)
        endpoints = rk.Endpoints.custom(rest="http://rest.invalid")
        async with RestClient(session=http, endpoints=endpoints) as rest:
            await asyncio.sleep(60)
            seen = (
                (await rest.time()).unixtime,
                (await rest.system_status()).status,
                (await rest.assets("XBT"))["XXBT"].altname,
                (await rest.asset_pairs("BTC/USD"))["XXBTZUSD"].tick_size,
                set(await rest.ticker()),
                (await rest.ohlc("BTC/USD", interval=60)).rows[-1].time,
                len((await rest.depth("BTC/USD", count=3)).asks),
                len((await rest.trades("BTC/USD", count=5)).rows),
                (await rest.spread("BTC/USD")).rows[-1].bid < (await rest.spread("BTC/USD")).rows[-1].ask,
            )
            with pytest.raises(RestError, match="Unknown asset pair"):
                await rest.depth("NO/SUCH")
            return seen, http.requests, loop.time()

    seen, requests, now = run(main)
    assert seen == (1767225660, "online", "XBT", Decimal("0.1"), {"XXBTZUSD", "XETHZUSD"}, 1767225600, 3, 5, True)
    assert (requests, round(now, 6)) == (11, 60 + 11 * 0.04)


async def test_the_client_reads_the_public_calls_over_loopback():
    async with (
        rk.Simulator(symbols=["BTC/USD"], seed=3) as simulator,
        RestClient(endpoints=simulator.endpoints) as rest,
    ):
        book = await rest.depth("BTC/USD", count=2)
        assert book.bids[0].price < book.asks[0].price
        answer = await rest.answer("Nothing", auth=False)
        assert (answer.status, answer.errors) == (404, ("EGeneral:Unknown method",))
