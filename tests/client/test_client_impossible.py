"""Streams that can never come: every subscriber is told, the second and the tenth as well as the first."""

from __future__ import annotations

import asyncio

import pytest

import rxkraken as rk
from rxkraken.testing import ScriptedNetwork, outside, run

PUBLIC_ONLY = rk.Endpoints.custom("ws://x/v2")
PRIVATE_ONLY = rk.Endpoints.custom(None, auth="ws://x/auth")
WITHOUT_KEY = {
    "executions": lambda client: client.executions(),
    "open_orders": lambda client: client.open_orders(),
}
OF_V2 = {"balances": lambda client: client.balances(), "level3": lambda client: client.level3("BTC/USD")}
OF_V1 = {"own_trades": lambda client: client.own_trades()}
CASES = [
    *((rk.KrakenClient, name, stream) for name, stream in (WITHOUT_KEY | OF_V2).items()),
    *((rk.KrakenV1Client, name, stream) for name, stream in (WITHOUT_KEY | OF_V1).items()),
]


@pytest.mark.parametrize(("kind", "name", "stream"), CASES, ids=[f"{kind.__name__}-{name}" for kind, name, _ in CASES])
def test_without_a_key_every_subscriber_is_told(kind, name, stream):
    async def main():
        place = rk.Endpoints.custom("ws://x", auth="ws://x/auth", l3="ws://x/l3")
        async with kind(place, outside=outside(ScriptedNetwork())) as client:
            for _ in range(3):
                with pytest.raises(rk.MissingCredentials, match=r"credentials=Credentials\.from_env"):
                    await stream(client).first(timeout=5)

    run(main)


@pytest.mark.parametrize("kind", [rk.KrakenClient, rk.KrakenV1Client])
def test_without_a_host_for_it_every_subscriber_is_told(kind):
    async def main():
        async with kind(PRIVATE_ONLY, outside=outside(ScriptedNetwork())) as client:
            for _ in range(3):
                with pytest.raises(rk.InvalidArgument, match="no public connection"):
                    await client.ticker("BTC/USD").first(timeout=5)

    run(main)


def test_what_is_impossible_for_one_leaves_the_others_alone():
    """A key that is missing has nothing to do with market data."""

    async def main():
        network = ScriptedNetwork()
        async with rk.KrakenClient(PUBLIC_ONLY, outside=outside(network)) as client:
            told, ends = [], []
            client.messages.subscribe(told.append)
            client.ticker("BTC/USD").subscribe(on_error=ends.append)
            with pytest.raises(rk.KrakenError):
                await client.balances().first(timeout=5)
            await asyncio.sleep(0.1)
            network.link.say('{"channel":"heartbeat"}')
            assert (len(told), ends) == (1, [])

    run(main)
