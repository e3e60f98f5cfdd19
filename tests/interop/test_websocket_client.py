"""The two styles that Kraken's own guides show, with the websocket-client package: a blocking loop, and callbacks."""

from __future__ import annotations

import json
import threading

import pytest

import rxkraken as rk

websocket = pytest.importorskip("websocket", reason="tox -e interop-v1 brings it")

SUBSCRIBE = json.dumps({"event": "subscribe", "pair": ["XBT/USD", "ETH/USD"], "subscription": {"name": "ticker"}})


@pytest.fixture
def url():
    """Where WebSocket v1 is spoken."""
    with rk.sync.Simulator(seed=1, symbols=["BTC/USD", "ETH/USD"], rate=50) as exchange:
        yield exchange.v1_endpoints.public


def is_ticker(text):
    frame = json.loads(text)
    return isinstance(frame, list) and frame[-2] == "ticker"


@pytest.mark.parity("K3-01")
def test_a_blocking_loop_of_four_lines(url):
    """Connect, send, receive."""
    socket = websocket.create_connection(url)
    socket.send(SUBSCRIBE)
    seen = set()
    while len(seen) < 2:
        text = socket.recv()
        if is_ticker(text):
            seen.add(json.loads(text)[-1])
    assert seen == {"XBT/USD", "ETH/USD"}
    socket.close()


@pytest.mark.parity("K3-02")
def test_callbacks_in_a_thread_of_their_own(url):
    """`on_open` subscribes, `on_message` works, the main thread does something else."""
    enough = threading.Event()
    ticks = []

    def on_message(socket, text):
        if is_ticker(text):
            ticks.append(text)
        if len(ticks) >= 5:
            enough.set()
            socket.close()

    app = websocket.WebSocketApp(url, on_open=lambda socket: socket.send(SUBSCRIBE), on_message=on_message)
    thread = threading.Thread(target=app.run_forever)
    thread.start()
    assert enough.wait(30)
    thread.join(30)
    assert not thread.is_alive()
