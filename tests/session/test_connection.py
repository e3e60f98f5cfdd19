"""One connection between its router, its conversation and its owner: what is told, in which order, and to whom."""

from __future__ import annotations

import asyncio

import pytest

import rxkraken as rk
from rxkraken.errors import ConnectForbidden
from rxkraken.session.world import World
from rxkraken.testing import ScriptedNetwork, run


def client_on(network: ScriptedNetwork) -> rk.KrakenClient:
    return rk.KrakenClient(outside=lambda loop, _: World(loop, network, budgets={}, wall=loop.time))


@pytest.mark.parametrize(
    "ask", [lambda client: client.ping(), lambda client: client.send({"method": "ping"})], ids=["ping", "send"]
)
def test_who_asks_on_a_connection_that_can_never_work_is_told_why(ask):
    """The place is forbidden: a question asked later fails like those that were waiting, and nobody waits for ever."""

    async def main():
        network = ScriptedNetwork(accept=False)
        client = client_on(network)
        early = asyncio.ensure_future(client.ping())
        await asyncio.sleep(0.1)
        network.link.refuse(ConnectForbidden(403))
        await asyncio.wait([early])
        try:
            async with asyncio.timeout(60):
                await ask(client)
        except Exception as error:  # noqa: BLE001 - which one it is, is the question
            return type(early.exception()), type(error)
        finally:
            await client.aclose()

    assert run(main) == (ConnectForbidden, ConnectForbidden)


def test_what_a_silence_spoils_is_told_before_the_loss_that_ends_it():
    """Acknowledged, then silent: snapshot and heartbeats are missed in one turn, and the loss comes last."""

    async def main():
        network, told = ScriptedNetwork(), []
        client = client_on(network)
        client.status.subscribe(lambda status: told.append(status.state))
        client.ticker("BTC/USD").subscribe()
        while not network.links or not network.link.requests("subscribe"):
            await asyncio.sleep(0)
        for request in network.link.requests("subscribe"):
            result = {"channel": request["params"]["channel"], "symbol": "BTC/USD"}
            network.link.say({"method": "subscribe", "req_id": request["req_id"], "success": True, "result": result})
        await asyncio.sleep(10.5)
        await client.aclose()
        return told

    told = run(main)
    after = told[told.index("lost") + 1 :]
    assert (told.count("lost"), "resyncing" in told, after[:1]) == (1, True, ["connecting"]), told
