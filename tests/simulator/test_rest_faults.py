"""REST in bad weather: what the exchange does, what the client learns of it, and that orders are never doubled."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

import rxkraken as rk
from rxkraken.errors import LinkLost, OutcomeUnknown, RequestTimeout, RestUnavailable, RestUnreadable
from rxkraken.rest import RestClient, Retry
from rxkraken.simulator import Exchange
from rxkraken.testing import ExchangeHttp, ExchangeNetwork, run

ORDER = ("BTC/USD", "buy", "limit", "0.1")


@pytest.fixture
def exchange():
    return Exchange(seed=7, symbols=["BTC/USD"], rate=0)


def told(exchange, story, **options):
    """Run a story with a client of the demo account, on the exchange's own clock."""

    async def main():
        loop = asyncio.get_running_loop()
        network = ExchangeNetwork(exchange, loop)
        async with RestClient(
            exchange.credentials,
            session=ExchangeHttp(exchange, loop, network.drive),
            endpoints=rk.Endpoints.custom(rest="http://rest.invalid"),
            monotonic=loop.time,
            random=lambda: 0.5,
            **options,
        ) as rest:
            return await story(rest)

    return run(main)


@pytest.mark.parametrize(
    ("fault", "parameters", "error", "words"),
    [
        ("rest_error", {"status": 502}, RestUnavailable, "HTTP 502 with the page '502 Bad Gateway'"),
        ("rest_error", {"status": 520}, RestUnavailable, "520: Web server is returning an unknown error"),
        ("rest_error", {"status": 599}, RestUnavailable, "599 Error"),
        ("rest_slow", {"seconds": 11}, RequestTimeout, "within 10 s"),
        ("rest_cut", {}, LinkLost, "dropped the connection"),
        ("rest_cut", {"effect": False}, LinkLost, "dropped the connection"),
        ("rest_invalid_json", {}, RestUnreadable, "instead of an answer"),
    ],
)
def test_a_call_that_reads_fails_once_or_is_made_again(exchange, fault, parameters, error, words):
    async def once(rest):
        exchange.fault(fault, **parameters)
        with pytest.raises(error, match=words):
            await rest.balance()
        return await rest.balance()

    async def again(rest):
        exchange.fault(fault, times=2, **parameters)
        return await rest.balance()

    assert told(exchange, once, retry=Retry.never()) == told(exchange, again)
    assert [record.name for record in exchange.faults] == [fault] * 3


@pytest.mark.parametrize(
    ("fault", "parameters", "placed"),
    [
        ("rest_error", {}, False),
        ("rest_error", {"effect": True, "status": 504}, True),
        ("rest_slow", {"seconds": 30}, True),
        ("rest_cut", {}, True),
        ("rest_cut", {"effect": False}, False),
        ("rest_invalid_json", {}, True),
    ],
)
def test_an_order_whose_answer_is_lost_is_sent_once_and_can_be_looked_for(exchange, fault, parameters, placed):
    async def story(rest):
        exchange.fault(fault, call="AddOrder", **parameters)
        await rest.balance()
        with pytest.raises(OutcomeUnknown):
            await rest.add_order(*ORDER, price="70000", cl_ord_id="mine")
        return await rest.open_orders(cl_ord_id="mine")

    assert len(told(exchange, story)) == len(exchange.received) == placed


def test_a_slow_answer_comes_late_and_the_market_goes_on():
    exchange = Exchange(seed=7, symbols=["BTC/USD"], rate=5)

    async def story(rest):
        exchange.fault("rest_slow", seconds=4, times=2)
        await rest.time()
        return (await rest.time()).unixtime, asyncio.get_running_loop().time()

    unixtime, now = told(exchange, story)
    # Asked at four seconds and a bit, answered four seconds later.
    assert (unixtime, round(now, 6)) == (1767225604, 8.08)


async def test_faults_reach_a_client_over_loopback():
    async with (
        rk.Simulator(symbols=["BTC/USD"], rate=0) as simulator,
        RestClient(simulator.credentials, endpoints=simulator.endpoints, retry=Retry.never()) as rest,
        aiohttp.ClientSession() as http,
    ):
        simulator.fault("rest_error", status=503, call="Time")
        async with http.get(f"{simulator.endpoints.rest}/0/public/Time") as answer:
            assert (answer.status, answer.content_type) == (503, "text/html")
        simulator.fault("rest_cut", call="AddOrder")
        with pytest.raises(OutcomeUnknown):
            await rest.add_order(*ORDER, price="70000", cl_ord_id="mine")
        simulator.fault("rest_slow", seconds=0.05)
        assert len(await rest.open_orders(cl_ord_id="mine")) == 1
        simulator.fault("rest_invalid_json")
        async with http.get(f"{simulator.endpoints.rest}/0/public/Time") as answer:
            with pytest.raises(json.JSONDecodeError):
                json.loads(await answer.text())
        assert [record.name for record in simulator.faults] == [
            "rest_error", "rest_cut", "rest_slow", "rest_invalid_json",
        ]  # fmt: skip
