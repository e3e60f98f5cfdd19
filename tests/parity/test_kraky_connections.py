"""What kraky's WebSocket client did about connections, channels and messages, as `KrakenV1Client` does it."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

import rxkraken as rk
from rxkraken.testing import run
from rxkraken.testing.network import EPOCH


@pytest.mark.parity("K1-01")
def test_each_environment_has_a_name_and_any_url_will_do():
    """Kraky's four names were a host each; here an environment is all of its hosts."""
    live, beta = rk.Endpoints.live_v1(), rk.Endpoints.beta_v1()
    assert (live.public, live.auth) == ("wss://ws.kraken.com", "wss://ws-auth.kraken.com")
    assert (beta.public, beta.auth) == ("wss://beta-ws.kraken.com", "wss://beta-ws-auth.kraken.com")
    own = rk.Endpoints.custom("ws://localhost:1234/v1", auth="ws://localhost:1234/v1/auth")
    assert rk.KrakenV1Client().endpoints == live
    assert rk.KrakenV1Client(own).endpoints == own
    with pytest.raises(ValueError, match=r"endpoint public=.production. is not .*write it as ws://host"):
        rk.Endpoints.custom("production")


@pytest.mark.parity("K1-02")
def test_it_connects_again_by_itself_after_growing_pauses_of_chance(old_place):
    """Kraky slept the same 5 seconds each time; here the pauses are told, below a ceiling, and the data goes on."""

    async def main():
        async with old_place(settings={"backoff_base": 1.0, "backoff_max": 8.0}) as here:
            seen = []
            here.client.ticker("BTC/USD").subscribe(seen.append)
            await asyncio.sleep(5)
            here.fault("refuse_upgrade", status=502, times=5)
            here.cut(here.public)
            await asyncio.sleep(60)
            pauses = [status.retry_in for status in here.statuses if status.state == "lost"]
            return pauses, {item.epoch for item in seen}, here.client.state

    pauses, epochs, state = run(main)
    assert state == "online"
    assert len(epochs) == 2
    assert len(pauses) == 6
    assert all(pause <= ceiling for pause, ceiling in zip(pauses, (1, 2, 4, 8, 8, 8), strict=True))
    assert len(set(pauses)) == len(pauses)


@pytest.mark.parity("K1-03")
def test_clients_have_names_and_connections_of_their_own(old_place):
    """Kraky kept several connections in one client by name; here each client has one, and they share nothing."""

    async def main():
        async with old_place(name="prices") as one, old_place(name="candles") as two:
            one.client.ticker("BTC/USD").subscribe(lambda _: None)
            two.client.ohlc("BTC/USD").subscribe(lambda _: None)
            await asyncio.sleep(5)
            tables = [{(row.channel, row.symbol) for row in here.client.subscriptions} for here in (one, two)]
            await one.client.aclose()
            return [repr(one.client), repr(two.client)], tables, [one.client.state, two.client.state]

    names, tables, states = run(main)
    assert [name.split()[1] for name in names] == ["prices", "candles"]
    assert tables == [{("ticker", "BTC/USD")}, {("ohlc", "BTC/USD")}]
    assert states == ["closed", "online"]


@pytest.mark.parity("K1-04")
def test_one_handler_may_take_every_message_as_it_came(old_place):
    """Objects and arrays, as kraky's handler took them; a handler that is a coroutine pulls them."""

    async def main():
        async with old_place() as here:
            pushed, pulled = [], []

            async def handle():
                pulled.extend([message.frame async for message in here.client.messages])

            here.client.messages.subscribe(lambda message: pushed.append(message.frame))
            task = asyncio.create_task(handle())
            await asyncio.sleep(0)
            here.client.ticker("BTC/USD").subscribe(lambda _: None)
            await asyncio.sleep(10)
            await here.client.aclose()
            await task
            return pushed, pulled

    pushed, pulled = run(main)
    assert pushed == pulled
    events = [frame["event"] for frame in pushed if isinstance(frame, dict)]
    data = [frame for frame in pushed if isinstance(frame, list)]
    assert events[:2] == ["systemStatus", "subscriptionStatus"]
    assert len(data) > 3
    assert {(frame[-2], frame[-1]) for frame in data} == {("ticker", "XBT/USD")}


@pytest.mark.parity("K1-06")
def test_closing_ends_streams_sockets_and_the_table(place):
    """And nothing is connected again."""

    async def main():
        async with place() as here:
            ends = []
            here.client.ticker("BTC/USD").subscribe(on_completed=lambda: ends.append("public"))
            here.client.open_orders().subscribe(on_completed=lambda: ends.append("private"))
            await asyncio.sleep(5)
            await here.client.aclose()
            opened = len(here.wire.opened)
            await asyncio.sleep(60)
            left = len(here.exchange.connections)
            return sorted(ends), here.client.state, left, len(here.wire.opened) - opened

    assert run(main) == (["private", "public"], "closed", 0, 0)


@pytest.mark.parity("K1-07")
def test_what_is_asked_before_there_is_a_connection_leaves_as_soon_as_there_is_one(place):
    """Kraky looked ten times a second; here the first request leaves in the same moment as the connection opens."""

    async def main():
        async with place() as here:
            here.fault("refuse_upgrade", status=502, times=2)
            states = []
            here.client.status.subscribe(lambda status: states.append((status.state, status.at - EPOCH)))
            here.client.ticker("BTC/USD").subscribe(lambda _: None)
            await asyncio.sleep(10)
            order = here.client.add_order("BTC/USD", "buy", "limit", qty="0.01", price="20000")
            order_id = (await order).order_id
            asked = [each.at for each in here.sent("subscribe") if each.topics[0][0] == "ticker"]
            return states, asked, order_id == here.account.open_orders[0].order_id

    states, asked, placed = run(main)
    waits = [at for state, at in states if state == "lost"]
    opened = next(at for state, at in states if state == "online")
    assert len(waits) == 2
    assert asked == [pytest.approx(opened)]
    assert placed


@pytest.mark.parity("K1-08")
def test_requests_leave_in_a_burst_and_then_at_a_rate(old_place):
    """Kraky slept 0.1 s after everything it sent, orders as well; here ten leave at once, and orders wait for none."""

    async def main():
        async with old_place(rate=0.1, symbols=30, settings={"symbols_per_request": 1}) as here:
            await here.client.open_orders().first()
            here.client.ticker(*here.exchange.markets).subscribe(lambda _: None)
            await here.client.add_order("BTC/USD", "buy", "limit", qty="0.01", price="20000")
            await asyncio.sleep(5)
            asked = [each for each in here.sent("subscribe") if each.topics[0][0] == "ticker"]
            return [each.at - asked[0].at for each in asked], here.sent("addOrder")[0].at - asked[0].at

    waits, order = run(main)
    assert len(waits) == 30
    assert waits[:10] == [pytest.approx(0)] * 10
    assert waits[10:] == [pytest.approx(0.05 * (place + 1), abs=0.01) for place in range(20)]
    assert order < 0.05


@pytest.mark.parity("K1-09")
def test_a_ping_may_be_sent_at_any_time_and_gives_the_round_trip(place):
    """Its id is chosen by the client, and its answer found by it."""

    async def main():
        async with place() as here:
            times = await asyncio.gather(*(here.client.ping() for _ in range(3)))
            return times, [each.frame.get("reqid") or each.frame["req_id"] for each in here.sent("ping")]

    times, ids = run(main)
    assert all(0 < seconds < 0.1 for seconds in times)
    assert len(set(ids)) == 3


@pytest.mark.parity("K1-10")
def test_each_option_of_a_v1_subscription_can_be_asked_for(old_place):
    """Name, depth, interval, token, ratecounter: as kraky passed them through, and `snapshot` by what is kept."""

    async def main():
        async with old_place() as here:
            client = here.client
            streams = (
                client.ticker("BTC/USD", "ETH/USD"), client.trades("BTC/USD"), client.spread("BTC/USD"),
                client.book("BTC/USD", depth=100), client.ohlc("BTC/USD", interval=60),
                client.executions(ratecounter=True),
            )  # fmt: skip
            for stream in streams:
                stream.subscribe(lambda _: None)
            await asyncio.sleep(5)
            return [(each.frame.get("pair"), each.frame["subscription"]) for each in here.sent("subscribe")]

    asked = {options["name"]: (pair, options) for pair, options in run(main)}
    private = [asked.pop(name)[1] for name in ("openOrders", "ownTrades")]
    assert asked == {
        "ticker": (["XBT/USD", "ETH/USD"], {"name": "ticker"}),
        "trade": (["XBT/USD"], {"name": "trade"}),
        "spread": (["XBT/USD"], {"name": "spread"}),
        "book": (["XBT/USD"], {"name": "book", "depth": 100}),
        "ohlc": (["XBT/USD"], {"name": "ohlc", "interval": 60}),
    }
    assert len({options["token"] for options in private}) == 1
    assert private[0]["ratecounter"] is True


@pytest.mark.parity("K1-24")
def test_nobody_passes_a_token_and_each_connection_has_a_fresh_one(place):
    """Kraky's caller fetched it and passed it with every call."""

    async def main():
        async with place() as here:
            here.client.open_orders().subscribe(lambda _: None)
            await asyncio.sleep(5)
            here.cut(here.private)
            await asyncio.sleep(30)
            await here.client.add_order("BTC/USD", "buy", "limit", qty="0.01", price="20000")
            asked = Counter(path.rsplit("/")[-1] for path, _ in here.http.calls)
            frames = [each.frame for each in here.wire.sent if each.url.endswith("auth") or "/auth/" in each.url]
            parts = [frame.get("subscription") or frame.get("params") or frame for frame in frames]
            return asked["GetWebSocketsToken"], len({part["token"] for part in parts if "token" in part})

    assert run(main) == (2, 2)
