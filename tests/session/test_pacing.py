"""Two limits as arithmetic, under any sequence of wishes (ws-v2 reference sections 1.3 and 1.9)."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

import rxkraken as rk
from rxkraken.errors import ConnectForbidden, ConnectRefused, LinkLost
from rxkraken.session.pacing import ConnectBudget, TokenBucket
from rxkraken.session.reconnecting import Backoff
from rxkraken.session.world import World
from rxkraken.testing import ScriptedNetwork, run

PAUSES = st.lists(st.floats(0, 30), min_size=1, max_size=300)


@given(PAUSES, st.integers(1, 6))
def test_no_window_ever_holds_more_connects_than_the_budget(pauses, limit):
    """Whenever they are wished for, and however long each is to wait."""
    budget, now, granted = ConnectBudget(limit, 60.0), 0.0, []
    for number, pause in enumerate(pauses):
        now += pause
        granted.append(budget.reserve(now, delay=pause if number % 3 == 0 else 0.0))
        assert granted[-1] >= now
    granted.sort()
    for first, beyond in zip(granted, granted[limit:], strict=False):
        assert beyond - first >= 60.0 - 1e-9


@given(PAUSES)
def test_a_bucket_never_gives_more_than_its_burst_and_rate(pauses):
    """Ten at once, then twenty a second."""
    bucket, now, taken = TokenBucket(20.0, 10), 0.0, []
    for pause in pauses:
        now += pause / 100
        if bucket.take(now):
            taken.append(now)
        else:
            assert bucket.ready_at(now) > now
            assert bucket.take(bucket.ready_at(now))
            now = bucket.ready_at(now)
            taken.append(now)
    for index, start in enumerate(taken):
        within = [at for at in taken[index:] if at - start < 1.0]
        assert len(within) <= 10 + 20 + 1


def test_two_clients_of_a_process_share_one_budget():
    """Five connects for both together; another exchange has a budget of its own."""

    async def main():
        loop = asyncio.get_running_loop()
        networks = [ScriptedNetwork(), ScriptedNetwork(), ScriptedNetwork()]
        budgets = {}
        settings = rk.Settings(connect_budget=(5, 600.0), backoff_max=0.5)
        urls = ["wss://ws.kraken.com/v2", "wss://ws-auth.kraken.com/v2", "ws://127.0.0.1:9/v2"]
        clients = [
            rk.KrakenClient(
                rk.Endpoints.custom(url),
                settings=settings,
                outside=lambda loop, _, network=network: World(loop, network, budgets=budgets),
            )
            for url, network in zip(urls, networks, strict=True)
        ]
        for network, client in zip(networks, clients, strict=True):
            network.accept = False
            client.ticker("BTC/USD").subscribe(on_error=lambda error: None)
        for _ in range(100):
            await asyncio.sleep(1)
            for network in networks:
                if network.links and not network.link.closed:
                    network.link.refuse(LinkLost("no"))
        counts = [len(network.links) for network in networks]
        assert loop.time() < 200
        for client in clients:
            await client.aclose()
        return counts

    first, second, other = run(main)
    assert first + second == 5
    assert other == 5


def test_pauses_have_floors_and_fall_back_only_after_stability():
    """503 waits five seconds at least, 429 half the maximum; thirty stable seconds start over, ten do not."""
    backoff = Backoff(rk.Settings(), lambda low, high: low)
    assert backoff.lost(0, ConnectRefused(503)) == 5.0
    assert backoff.lost(1, ConnectRefused(429)) == 15.0
    longest = Backoff(rk.Settings(), lambda low, high: high)
    assert [longest.lost(at, LinkLost("x")) for at in range(9)] == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]
    longest.opened(100)
    assert longest.lost(110, LinkLost("x")) == 30
    longest.opened(200)
    assert longest.lost(230, LinkLost("x")) == 0.5


@pytest.mark.parametrize("status", [401, 403, 404])
def test_a_forbidden_connection_is_not_tried_again(status):
    """It ends the streams (promise 16)."""

    async def main():
        network, ends = ScriptedNetwork(accept=False), []
        client = rk.KrakenClient(outside=lambda loop, _: World(loop, network, budgets={}))
        client.ticker("BTC/USD").subscribe(on_error=ends.append)
        await asyncio.sleep(0.1)
        network.link.refuse(ConnectForbidden(status))
        await asyncio.sleep(1000)
        await client.aclose()
        return ends, len(network.links)

    ends, links = run(main)
    assert ([type(error) for error in ends], links) == ([ConnectForbidden], 1)
