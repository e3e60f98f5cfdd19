"""The simulator over real sockets: where it is, how it disturbs, what it plays, and that it leaves nothing."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
from decimal import Decimal

import aiohttp
import pytest
import trustme

import rxkraken as rk
from rxkraken.errors import InvalidArgument
from rxkraken.rest import RestClient

SUBSCRIBE = {"method": "subscribe", "params": {"channel": "book", "symbol": ["BTC/USD"]}, "req_id": 1}


async def test_a_client_plugs_in_over_tls_as_well():
    """`tls_endpoints`, with the context that trusts the certificate in the settings."""
    authority = trustme.CA()
    server, client = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.create_default_context()
    authority.issue_cert("localhost").configure_cert(server)
    authority.configure_trust(client)
    async with (
        rk.Simulator(symbols=["BTC/USD"], tls=server) as exchange,
        rk.KrakenClient(exchange.tls_endpoints, settings=rk.Settings(ssl=client)) as kraken,
    ):
        assert (await kraken.book("BTC/USD").first(timeout=5)).verified
        assert exchange.tls_endpoints.public.startswith("wss://localhost:")
    async with rk.Simulator(symbols=["BTC/USD"]) as plain:
        assert plain.tls_endpoints is None


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"name": "drop", "code": 1012, "reason": "later"}, aiohttp.WSMsgType.CLOSE),
        ({"name": "drop", "code": 1006}, aiohttp.WSMsgType.CLOSED),
        ({"name": "reset"}, aiohttp.WSMsgType.CLOSED),
    ],
)
async def test_sockets_end_in_every_way(fault, kind):
    """A close frame with code and reason, a cut, a reset; the other client stays."""
    async with rk.Simulator(symbols=["BTC/USD"]) as exchange, aiohttp.ClientSession() as http:
        first, other = await http.ws_connect(exchange.url), await http.ws_connect(exchange.url)
        for socket in (first, other):
            assert (await socket.receive_json())["channel"] == "status"
        exchange.fault(**fault, connection=1)
        message = await first.receive()
        assert message.type in (kind, aiohttp.WSMsgType.ERROR)
        if kind is aiohttp.WSMsgType.CLOSE:
            assert (message.data, message.extra) == (1012, "later")
        await other.send_json({"method": "ping", "req_id": 4})
        assert (await other.receive_json())["req_id"] == 4
        await other.close()


async def test_faults_go_over_http_too():
    """The table, an injection, the log, the state; nonsense is told what is right."""
    async with rk.Simulator(symbols=["BTC/USD"]) as exchange, aiohttp.ClientSession() as http:
        async with http.get(f"{exchange.admin_url}/faults") as answer:
            assert {row["name"] for row in (await answer.json())["table"]} >= {"drop", "silence"}
        socket = await http.ws_connect(exchange.url)
        await socket.receive()
        await socket.send_json(SUBSCRIBE)
        await socket.receive()
        async with http.get(f"{exchange.admin_url}/state") as answer:
            state = await answer.json()
        assert (state["symbols"], state["connections"][0]["subscriptions"]) == (["BTC/USD"], ["book BTC/USD"])
        async with http.post(f"{exchange.admin_url}/faults", json={"name": "plain_text", "text": "hi"}) as answer:
            assert answer.status == 200
        while (await socket.receive()).data != "hi":
            pass
        assert exchange.faults[0].name == "plain_text"
        for body in ({"name": "flood"}, {"x": 1}, [], {"name": "drop", "code": 5}):
            async with http.post(f"{exchange.admin_url}/faults", json=body) as answer:
                assert answer.status == 400
                assert (await answer.json())["error"]
        await socket.close()


async def test_one_simulator_serves_every_role_and_rest():
    """Each has its place below one address, and its words to begin with."""
    async with rk.Simulator(symbols=["BTC/USD"]) as exchange, aiohttp.ClientSession() as http:
        base = exchange.url.removesuffix("/v2")
        places = exchange.endpoints
        assert (places.public, places.auth, places.l3, places.rest) == (
            f"{base}/v2", f"{base}/auth/v2", f"{base}/l3/v2", base.replace("ws:", "http:"),
        )  # fmt: skip
        for url in (places.public, places.auth, places.l3):
            socket = await http.ws_connect(url)
            assert (await socket.receive_json())["channel"] == "status"
            await socket.close()
        async with http.get(f"{places.rest}/0/public/SystemStatus") as answer:
            assert (await answer.json())["result"]["status"] == "online"


async def test_an_account_trades_over_rest_and_everybody_can_see_what_it_did():
    """Through the client, by loopback; the state that others see has no secrets."""
    async with (
        rk.Simulator(symbols=["BTC/USD"], rate=0) as exchange,
        RestClient(exchange.credentials, endpoints=exchange.endpoints) as rest,
        aiohttp.ClientSession() as http,
    ):
        placed = await rest.add_order("BTC/USD", "buy", "limit", "0.5", price="84240.5")
        bids = (await rest.depth("BTC/USD", count=500)).bids
        await rest.cancel_all()
        async with http.get(f"{exchange.admin_url}/state") as answer:
            text = await answer.text()
        (account,) = json.loads(text)["accounts"]
        assert (account["name"], account["open_orders"], account["balances"]["BTC"]) == ("demo", [], "50")
        assert all(key.key not in text and key.secret not in text for key in exchange.accounts["demo"].keys)
        assert any(level.price == Decimal("84240.5") for level in bids)
        assert exchange.accounts["demo"].orders[placed.txid[0]].status == "canceled"
        assert [(each.method, each.via, each.outcome) for each in exchange.received] == [
            ("add_order", "rest", "accepted"),
            ("cancel_all", "rest", "accepted"),
        ]


async def test_a_half_open_line_answers_no_protocol_ping_either():
    """Before the fault a pong comes, after it nothing."""
    async with rk.Simulator(symbols=["BTC/USD"]) as exchange, aiohttp.ClientSession() as http:
        socket = await http.ws_connect(exchange.url, autoping=False)
        await socket.receive()
        await socket.ping(b"1")
        assert (await socket.receive()).type is aiohttp.WSMsgType.PONG
        exchange.fault("silence")
        await socket.ping(b"2")
        with pytest.raises(TimeoutError):
            await socket.receive(timeout=0.2)
        await socket.close()


async def test_faults_can_be_planned():
    """A script and a seed, over real sockets too."""
    async with rk.Simulator(symbols=["BTC/USD"]) as exchange, aiohttp.ClientSession() as http:
        exchange.random_faults(1, every=1000)
        exchange.script([(0.01, "plain_text", {"text": "hi"})])
        socket = await http.ws_connect(exchange.url)
        while (await socket.receive()).data != "hi":
            pass
        await socket.close()


async def test_upgrades_are_refused_with_their_status():
    """429, as a front end does."""
    async with rk.Simulator(symbols=["BTC/USD"]) as exchange, aiohttp.ClientSession() as http:
        exchange.fault("refuse_upgrade", status=429)
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await http.ws_connect(exchange.url)
        assert refused.value.status == 429
        await (await http.ws_connect(exchange.url)).close()


async def test_a_client_that_never_reads_is_cut_and_others_are_not_held_up(monkeypatch):
    """Its outbox is bounded."""
    monkeypatch.setattr("rxkraken.simulator.sockets._MOST_WAITING", 50)
    async with rk.Simulator(symbols=["BTC/USD"]) as exchange, aiohttp.ClientSession() as http:
        deaf, other = await http.ws_connect(exchange.url), await http.ws_connect(exchange.url)
        for socket in (deaf, other):
            await socket.receive()
        connection = exchange.exchange.connections[1]
        for _ in range(60):
            connection.send("x" * 1000)
        async with asyncio.timeout(5):
            while 1 in exchange.exchange.connections:
                await asyncio.sleep(0)
        await other.send_json({"method": "ping"})
        assert (await other.receive_json())["method"] == "pong"
        await other.close()


async def test_closing_twice_and_using_it_too_early():
    """Before the start there is nothing to point at; the end comes once."""
    exchange = rk.Simulator(symbols=["BTC/USD"])
    for use in (lambda: exchange.url, lambda: exchange.exchange):
        with pytest.raises(InvalidArgument, match="not started"):
            use()
    await exchange.start()
    async with aiohttp.ClientSession() as http:
        socket = await http.ws_connect(exchange.url)
        await socket.receive()
        await exchange.aclose()
        await exchange.aclose()
        assert (await socket.receive()).data == 1001


# --- a recording as the market ---


async def test_a_recording_is_played_to_a_real_client(captures):
    """Every frame, verified, at once with pace 0."""
    path = captures / "spot-v2" / "ethusd-book25.ndjson"
    frames = [json.loads(line)[1] for line in path.read_text().splitlines()]
    books = [raw for raw in frames if raw.startswith('{"channel":"book"')]
    async with rk.Simulator(serve=path, pace=0) as exchange, rk.KrakenClient(exchange.endpoints) as client:
        seen = []
        client.book("ETH/USD", depth=25).subscribe(seen.append)
        async with asyncio.timeout(20):
            while len(seen) < len(books):
                await asyncio.sleep(0)
        assert all(book.verified for book in seen)
        with pytest.raises(rk.SubscriptionRejected, match="BTC/USD"):
            await client.book("BTC/USD").first(timeout=5)
        assert await client.ping() > 0
        with pytest.raises(InvalidArgument, match="recording"):
            exchange.fault("drop")


async def test_a_recording_keeps_its_pace_and_can_be_left(tmp_path):
    """Half a second at pace 10 is a twentieth; unsubscribing ends it; frames without times come steadily."""
    path = tmp_path / "tape.ndjson.gz"
    trade = '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","trade_id":%d}]}'
    lines = [json.dumps([at, trade % number]) for number, at in enumerate((10.0, 10.5, 11.0))]
    lines += [trade % 9, '{"channel":"heartbeat"}']
    path.write_bytes(gzip.compress("\n".join(lines).encode()))
    async with rk.Simulator(serve=path, pace=10) as exchange, aiohttp.ClientSession() as http:
        socket = await http.ws_connect(exchange.url)
        assert (await socket.receive_json())["channel"] == "status"
        started = asyncio.get_running_loop().time()
        await socket.send_str("nonsense")
        await socket.send_json({"method": "dance"})
        await socket.send_json({"method": "subscribe", "params": {"channel": "trade", "symbol": ["BTC/USD"]}})
        seen = []
        while len(seen) < 4:
            frame = await socket.receive_json()
            if frame.get("channel") == "trade":
                seen.append(frame["data"][0]["trade_id"])
        assert seen == [0, 1, 2, 9]
        assert 0.09 < asyncio.get_running_loop().time() - started < 3
        again = {"method": "subscribe", "params": {"channel": "trade", "symbol": ["BTC/USD"]}}
        for message, error in (
            (again, "Already subscribed"),
            ({"method": "subscribe", "params": [1]}, "Unsupported event"),
            ({"method": "subscribe", "params": {"channel": "trade", "symbol": 5}}, "Symbol field must be an array"),
            ({"method": "unsubscribe", "params": {"channel": "ticker", "symbol": ["BTC/USD"]}}, "not supported"),
        ):
            await socket.send_json(message)
            while "error" not in (reply := await socket.receive_json()):
                pass
            assert error in reply["error"]
        for route in ("state", "faults"):
            async with http.get(f"{exchange.admin_url}/{route}") as answer:
                assert answer.status == 200
        await socket.send_json({"method": "unsubscribe", "params": {"channel": "trade", "symbol": ["BTC/USD"]}})
        while (await socket.receive_json()).get("method") != "unsubscribe":
            pass
        while (await socket.receive_json()).get("channel") != "heartbeat":
            pass
        await socket.close()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("not json", "line 1 is no JSON"),
        ("[1, 2]", "line 1: expected"),
        ('{"channel":"heartbeat"}', "no channel frames"),
    ],
)
async def test_a_recording_that_cannot_be_served_is_told_by_line(tmp_path, content, words):
    """When it starts; and options of the live market make no sense with it."""
    path = tmp_path / "bad.ndjson"
    path.write_text(content)
    with pytest.raises(InvalidArgument, match=words):
        await rk.Simulator(serve=path).start()
    with pytest.raises(InvalidArgument, match="leave out digits"):
        rk.Simulator(serve=path, digits="docs")
    with pytest.raises(InvalidArgument, match="pace"):
        await rk.Simulator(serve=path, pace=-1).start()
