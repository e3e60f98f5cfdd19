"""What python-kraken-sdk's WebSocket clients did about hosts, states and reconnecting, and what does it here."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest

import rxkraken as rk
from rxkraken.testing import run
from rxkraken.testing.network import EPOCH

KINDS = pytest.mark.parametrize("kind", [rk.KrakenClient, rk.KrakenV1Client])


@pytest.mark.parity("K2-30")
def test_both_dialects_live_in_one_program_with_the_same_words(old_place, new_place):
    """Its 3.0 dropped v1; a program that has both says the same to each."""

    async def main():
        async with old_place() as old, new_place() as new:
            seen = []
            for here in (old, new):
                ticker = await here.client.ticker("BTC/USD").first()
                order = await here.client.add_order("BTC/USD", "buy", "limit", qty="0.01", price="20000")
                seen.append((type(ticker), ticker.symbol, type(order), len(here.account.open_orders)))
            return seen

    assert run(main) == [(rk.Ticker, "BTC/USD", rk.AddOrderResult, 1)] * 2


@pytest.mark.parity("K2-31")
def test_one_client_has_public_and_private_connections_or_only_the_private(place):
    async def main():
        roles = []
        async with place() as here:
            await here.client.ticker("BTC/USD").first()
            await here.client.open_orders().first()
            roles.append(
                {connection.role for connection in here.exchange.connections.values()} == {here.public, here.private}
            )
        urls = {"v1": "ws://x/v1/auth", "v2": "ws://x/auth/v2"}
        endpoints = rk.Endpoints.custom(None, auth=urls[here.dialect], rest="http://x")
        async with place(endpoints=endpoints) as here:
            assert list(await here.client.open_orders().first()) == []
            with pytest.raises(rk.InvalidArgument, match="public"):
                await here.client.ticker("BTC/USD").first()
            roles.append({connection.role for connection in here.exchange.connections.values()} == {here.private})
        return roles

    assert run(main) == [True, True]


@pytest.mark.parity("K2-32")
def test_the_beta_hosts_are_a_profile():
    new, old = rk.Endpoints.beta(), rk.Endpoints.beta_v1()
    assert (new.public, new.auth) == ("wss://beta-ws.kraken.com/v2", "wss://beta-ws-auth.kraken.com/v2")
    assert (old.public, old.auth) == ("wss://beta-ws.kraken.com", "wss://beta-ws-auth.kraken.com")


@pytest.mark.parity("K2-33")
def test_each_role_has_a_host_of_its_own_in_one_client(new_place):
    """There level 3 needed a second client, whose private host it took the place of."""
    endpoints = rk.Endpoints.custom("ws://vip/v2", auth="ws://vip/auth/v2", l3="ws://vip/l3/v2", rest="http://vip")

    async def main():
        async with new_place(endpoints=endpoints) as here:
            book = await here.client.level3("BTC/USD").first()
            await here.client.ticker("BTC/USD").first()
            await here.client.balances(gaps=False).first()
            return book.verified, sorted(here.wire.opened)

    verified, opened = run(main)
    assert verified
    assert opened == ["ws://vip/auth/v2", "ws://vip/l3/v2", "ws://vip/v2"]


@pytest.mark.parity("K2-34")
def test_nothing_is_opened_before_it_is_needed_and_nothing_is_left(place):
    """Making, starting and describing streams opens nothing; the block's end closes what was opened."""

    async def main():
        async with place() as here:
            stream = here.client.ticker("BTC/USD")
            await asyncio.sleep(10)
            lazy = here.wire.opened.copy(), here.http.requests
            await stream.first()
            opened = len(here.wire.opened)
        return lazy, opened, len(here.exchange.connections), here.client.state

    assert run(main) == (([], 0), 1, 0, "closed")


@pytest.mark.parity("K2-35")
def test_the_state_can_be_read_and_each_change_of_it_is_told(place):
    """There it was a property, to be looked at again and again."""

    async def main():
        async with place() as here:
            changes, read = [], [here.client.state]
            client = here.client
            client.status.subscribe(lambda status: changes.append((status.state, status.channel, client.state)))
            client.ticker("BTC/USD").subscribe(lambda _: None)
            await asyncio.sleep(5)
            read.append(client.state)
            here.cut(here.public)
            await asyncio.sleep(30)
            read.append(client.state)
            await client.aclose()
            return [*read, client.state], [change for change in changes if change[1] is None]

    read, changes = run(main)
    life = ["idle", "connecting", "online", "lost", "connecting", "online", "closed"]
    assert read == ["idle", "online", "online", "closed"]
    assert [told for told, _, _ in changes] == life
    assert [state for _, _, state in changes] == life


@pytest.mark.parity("K2-37")
def test_what_cannot_be_mended_is_raised_where_the_data_is_awaited(place):
    """There a flag was set, for a loop that slept and looked; here nobody has to look."""

    async def main():
        async with place() as here:
            here.fault("refuse_upgrade", status=403, times=3)
            ends = []
            here.client.ticker("BTC/USD").subscribe(on_error=ends.append)

            async def read():
                async for _ in here.client.ticker("BTC/USD"):
                    raise AssertionError

            for way in (here.client.ticker("BTC/USD").first(), read()):
                with pytest.raises(rk.ConnectForbidden):
                    await way
            return [type(each) for each in ends], len(here.exchange.connections)

    assert run(main) == ([rk.ConnectForbidden], 0)


@pytest.mark.parity("K2-45")
def test_a_program_can_have_every_connection_made_anew(place):
    """There an inner connector's `close_connection()` did it; here what was wanted comes back, and the gap is told."""

    async def main():
        async with place() as here:
            seen, orders = [], []
            here.client.ticker("BTC/USD", gaps=True).subscribe(seen.append)
            here.client.open_orders().subscribe(orders.append)
            await asyncio.sleep(5)
            epochs = {item.epoch for item in seen}
            here.client.reconnect()
            await asyncio.sleep(5)
            gaps = [item for item in seen if isinstance(item, rk.Gap)]
            return epochs, {item.epoch for item in seen}, [gap.reason for gap in gaps], len(here.wire.opened), orders

    before, after, reasons, opened, orders = run(main)
    assert (before, after) == ({1}, {1, 2})
    assert len(reasons) == 1
    assert "asked to reconnect" in reasons[0]
    assert opened == 4
    assert len(orders) >= 2


def test_reconnecting_what_was_never_connected_opens_nothing(place):
    async def main():
        async with place() as here:
            here.client.reconnect()
            await asyncio.sleep(1)
            return here.wire.opened

    assert run(main) == []


@pytest.mark.parity("K2-46")
def test_a_ping_goes_out_every_ten_seconds_and_a_dead_line_is_noticed(place):
    async def main():
        async with place() as here:
            here.client.ticker("BTC/USD").subscribe(lambda _: None)
            await asyncio.sleep(61)
            times = [each.at for each in here.sent("ping")]
            here.fault("silence")
            began = asyncio.get_running_loop().time()
            await asyncio.sleep(60)
            lost = next(status.at - EPOCH for status in here.statuses if status.state == "lost")
            return times, lost - began, here.client.state

    times, noticed, state = run(main)
    assert len(times) == 6
    assert all(9 <= later - earlier <= 11 for earlier, later in pairwise(times))
    assert noticed <= 21
    assert state == "online"


@pytest.mark.parity("K2-47")
def test_attempts_are_limited_if_wanted_and_the_end_is_an_error(place):
    """There the seventh failure was a message among the others; here it ends what waits, with the last failure."""

    async def main():
        async with place(settings={"max_attempts": 7, "backoff_base": 1.0, "backoff_max": 180.0}) as here:
            here.fault("refuse_upgrade", status=502, times=100)
            with pytest.raises(rk.RetriesExhausted) as failure:
                await here.client.ticker("BTC/USD").first()
            pauses = [status.retry_in for status in here.statuses if status.retry_in is not None]
            return pauses, failure.value.__cause__.status, here.net.connects

    pauses, cause, connects = run(main)
    assert (cause, connects) == (502, 7)
    assert len(pauses) == 6
    assert all(pause <= 2**number for number, pause in enumerate(pauses))


@pytest.mark.parity("K2-47")
def test_only_failures_in_a_row_are_counted(place):
    """By default nothing is counted at all, and every connection that held begins anew."""

    async def main():
        async with place(settings={"max_attempts": 3}) as here:
            epochs = set()
            here.client.ticker("BTC/USD").subscribe(lambda item: epochs.add(item.epoch))
            for _ in range(5):
                await asyncio.sleep(60)
                here.fault("refuse_upgrade", status=502, times=1)
                here.cut(here.public)
            await asyncio.sleep(60)
            return len(epochs), here.client.state

    assert run(main) == (6, "online")
    assert rk.Settings().max_attempts is None


@pytest.mark.parity("K2-49")
@KINDS
async def test_the_user_agent_is_a_setting(kind):
    heads = []

    async def refuse(reader, writer):
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    for settings in (rk.Settings(), rk.Settings(user_agent="mine/1")):
        async with kind(rk.Endpoints.custom(url), settings=settings) as client:
            with pytest.raises(rk.ConnectForbidden):
                await client.ticker("BTC/USD").first()
    server.close()
    await server.wait_closed()
    agents = [line.partition(": ")[2] for head in heads for line in head.splitlines() if line.startswith("User-Agent")]
    assert agents == [f"rxkraken/{rk.__version__}", "mine/1"]
