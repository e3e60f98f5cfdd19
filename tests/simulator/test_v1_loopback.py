"""WebSocket v1 over real sockets: where it is, and that all dialects are one exchange."""

from __future__ import annotations

import aiohttp
import pytest

import rxkraken as rk
from rxkraken.errors import InvalidArgument
from rxkraken.rest import RestClient


async def until(socket: aiohttp.ClientWebSocketResponse, wanted: str) -> object:
    """The first frame whose event or channel is this one."""
    while True:
        frame = await socket.receive_json(timeout=10)
        if (frame["event"] if isinstance(frame, dict) else frame[-2]) == wanted:
            return frame


async def test_a_v1_client_trades_and_a_rest_client_sees_it():
    async with rk.Simulator(seed=7, symbols=["BTC/USD"], rate=50) as exchange, aiohttp.ClientSession() as http:
        endpoints = exchange.v1_endpoints
        public, private = await http.ws_connect(endpoints.public), await http.ws_connect(endpoints.auth)
        assert (await until(public, "systemStatus"))["version"] == "1.9.1"
        await public.send_json({"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "book"}})
        assert (await until(public, "subscriptionStatus"))["channelName"] == "book-10"
        assert "as" in (await until(public, "book-10"))[1]
        assert "c" in (await until(public, "book-10"))[-3]
        async with RestClient(exchange.credentials, endpoints=endpoints) as rest:
            token = (await rest.get_websockets_token()).token
            order = {"pair": "XBT/USD", "type": "buy", "ordertype": "limit", "price": "50000", "volume": "0.01"}
            await private.send_json({"event": "addOrder", "token": token, "reqid": 1, **order})
            placed = await until(private, "addOrderStatus")
            assert list(await rest.open_orders()) == [placed["txid"]]
        for socket in (public, private):
            await socket.close()


async def test_v1_is_at_the_bare_host_and_not_in_recordings(captures):
    async with rk.Simulator(symbols=["BTC/USD"]) as exchange:
        base = exchange.url.removesuffix("/v2")
        endpoints = exchange.v1_endpoints
        assert (endpoints.public, endpoints.auth, endpoints.l3) == (f"{base}/", f"{base}/auth", None)
        assert endpoints.rest == exchange.endpoints.rest
    async with rk.Simulator(serve=captures / "spot-v2/ethusd-book25.ndjson") as recording:
        with pytest.raises(InvalidArgument, match="recording"):
            _ = recording.v1_endpoints
