"""Every fault that makes sense strikes WebSocket v1 too, by the same names and with the same meaning."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from zlib import crc32

import pytest

from rxkraken.simulator.connections import UpgradeRefused
from rxkraken.simulator.exchange import Exchange
from rxkraken.simulator.mangling import ODD_SHAPES
from rxkraken.simulator.v1_mangling import V1_ODD


class Client:
    """A v1 connection that keeps texts, and judges the checksums of one book of depth 10."""

    def __init__(self, exchange: Exchange, role: str = "v1") -> None:
        self.exchange = exchange
        self.texts: list[str] = []
        self.closed: list[tuple[int, str]] = []
        self.seen = 0
        self.connection = exchange.connect(
            role, self.texts.append, lambda code, reason: self.closed.append((code, reason))
        )
        self.token, _ = exchange.issue_token(exchange.credentials.key)

    def ask(self, message: dict[str, Any], *, seconds: float = 0.2) -> list[Any]:
        self.seen = len(self.texts)
        self.connection.receive(json.dumps(message))
        return self.wait(seconds)

    def wait(self, seconds: float) -> list[Any]:
        before = len(self.texts)
        self.exchange.advance(self.exchange.now + seconds)
        return [json.loads(text) for text in self.texts[before:]]

    def subscribe(self, name: str, pair: str | None = "XBT/USD", **options: object) -> list[Any]:
        wish = {"event": "subscribe", "subscription": {"name": name, **options}}
        return self.ask({**wish, "pair": [pair]} if pair else wish)

    def verdicts(self) -> list[bool]:
        """Whether each update's checksum fits, following the book from its first snapshot on."""
        sides: dict[str, dict[str, str]] = {"a": {}, "b": {}}
        fits: list[bool] = []
        for frame in (json.loads(text) for text in self.texts):
            if not isinstance(frame, list) or frame[-2:] != ["book-10", "XBT/USD"]:
                continue
            for part in frame[1:-2]:
                for side, sign in (("a", 1), ("b", -1)):
                    if f"{side}s" in part:
                        sides[side] = {}
                    for row in [*part.get(f"{side}s", []), *part.get(side, [])]:
                        sides[side].pop(row[0], None)
                        if Decimal(row[1]):
                            sides[side][row[0]] = row[1]
                    kept = sorted(sides[side], key=lambda price, sign=sign: sign * Decimal(price))[:10]
                    if part is frame[-3]:
                        sides[side] = {price: sides[side][price] for price in kept}
            if "c" in frame[-3]:
                levels = [text for side in sides.values() for level in side.items() for text in level]
                digits = "".join(text.replace(".", "").lstrip("0") for text in levels)
                fits.append(crc32(digits.encode()) == int(frame[-3]["c"]))
        return fits


@pytest.fixture
def client():
    """One that has the book, the trades and the ticker of XBT/USD."""
    made = Client(Exchange(seed=6, symbols=["BTC/USD", "ETH/USD"], rate=40))
    for name in ("book", "trade", "ticker"):
        made.subscribe(name)
    return made


def frames(told: list[Any], channel: str) -> list[Any]:
    return [frame for frame in told if isinstance(frame, list) and frame[-2] == channel]


@pytest.mark.parametrize(
    ("fault", "closed"),
    [
        ({"name": "drop"}, (1001, "CloudFlare WebSocket proxy restarting")),
        ({"name": "drop", "code": 1006, "reason": ""}, (1006, "")),
        ({"name": "reset"}, (-1, "")),
    ],
)
def test_connections_end_as_told(client, fault, closed):
    client.exchange.fault(**fault)
    assert (client.wait(3), client.closed) == ([], [closed])
    assert not client.exchange.connections


def test_lines_go_dead_or_stall(client):
    assert client.wait(1)
    client.exchange.fault("stall", seconds=2)
    assert client.wait(1.9) == []
    assert len(frames(client.wait(0.2), "book-10")) > 10
    assert all(client.verdicts())
    client.exchange.fault("silence")
    assert client.wait(10) == []
    assert client.ask({"event": "ping"}) == []


def test_subscriptions_fall_silent_while_everything_else_goes_on(client):
    client.exchange.fault("mute", channel="book", symbol="BTC/USD", seconds=3)
    quiet = client.wait(2.9)
    assert not frames(quiet, "book-10")
    assert frames(quiet, "ticker")
    assert {"event": "heartbeat"} in quiet
    assert frames(client.wait(3), "book-10")


@pytest.mark.parametrize("name", ["wrong_checksum", "corrupt_level", "lose"])
def test_a_book_that_was_tampered_with_does_not_verify(client, name):
    assert all(client.verdicts())
    client.exchange.fault(name, symbol="BTC/USD", **({"channel": "book"} if name == "lose" else {}))
    client.wait(5)
    verdicts = client.verdicts()
    assert not all(verdicts)
    assert verdicts.count(False) == 1 if name == "wrong_checksum" else verdicts.count(False) >= 1
    (struck,) = client.exchange.faults
    assert (struck.name, struck.channel, struck.symbol) == (name, "book", "BTC/USD")


def test_messages_come_twice_or_with_news_in_them(client):
    client.exchange.fault("repeat", channel="trade")
    trades = [str(frame) for frame in frames(client.wait(10), "trade")]
    assert len(trades) == len(set(trades)) + 1
    client.exchange.fault("unknown_values", channel="trade")
    assert [row[3] for frame in frames(client.wait(10), "trade") for row in frame[1]].count("x") >= 1
    client.exchange.fault("unknown_fields", channel="book")
    assert sum("flags" in part for frame in frames(client.wait(10), "book-10") for part in frame[1:-2]) >= 1
    client.exchange.fault("unknown_fields", channel="trade")
    assert sum("new" in frame[1] for frame in frames(client.wait(10), "trade")) == 1
    client.exchange.fault("unknown_values", channel="ticker")
    client.wait(5)
    assert [record.name for record in client.exchange.faults] == [
        "repeat", "unknown_values", "unknown_fields", "unknown_fields",
    ]  # fmt: skip


def test_acks_come_late_or_never():
    client = Client(Exchange(seed=6, symbols=["BTC/USD"], rate=40))
    client.exchange.fault("delay_ack", seconds=2)
    assert client.subscribe("book") == []
    assert len(frames(client.wait(3), "book-10")) > 10
    client.exchange.fault("swallow_ack", method="unsubscribe")
    assert not [
        frame
        for frame in client.ask({"event": "unsubscribe", "pair": ["XBT/USD"], "subscription": {"name": "book"}})
        if isinstance(frame, dict)
    ]
    assert frames(client.wait(2), "book-10") == []
    client.exchange.fault("swallow_ack")
    assert client.subscribe("book") == []
    assert frames(client.wait(2), "book-10") == []
    client.exchange.fault("swallow_ack", data=True)
    client.subscribe("book")
    assert frames(client.wait(2), "book-10")
    client.exchange.fault("swallow_ack", method="ping")
    assert {"event": "pong"} not in client.ask({"event": "ping"})


def test_noise_is_noise_in_both_dialects():
    quiet = Client(Exchange(seed=6, symbols=["BTC/USD"], rate=0))
    quiet.seen = len(quiet.texts)
    quiet.exchange.fault("plain_text", text="so long")
    quiet.exchange.fault("odd_json")
    quiet.exchange.fault("odd_json", shape="null")
    assert quiet.texts[quiet.seen :] == ["so long", *ODD_SHAPES.values(), *V1_ODD, "null"]


def test_a_snapshot_comes_in_mid_stream(client):
    client.exchange.fault("duplicate_snapshot", channel="book", symbol="BTC/USD")
    client.wait(1)
    told = frames([json.loads(text) for text in client.texts], "book-10")
    assert ["as" in frame[1] for frame in told].count(True) == 2
    assert all(client.verdicts())


def test_upgrades_are_refused():
    exchange = Exchange(symbols=["BTC/USD"])
    exchange.fault("refuse_upgrade", status=503)
    with pytest.raises(UpgradeRefused, match="503"):
        Client(exchange)
    assert json.loads(Client(exchange).texts[0])["event"] == "systemStatus"


def test_maintenance_goes_through_its_phases(client):
    client.exchange.fault("maintenance", step=1.0)
    told = client.wait(3.5)
    statuses = [frame["status"] for frame in told if isinstance(frame, dict) and frame["event"] == "systemStatus"]
    assert statuses == ["maintenance", "cancel_only", "post_only", "online"]
    late = Client(client.exchange)
    assert json.loads(late.texts[0])["status"] == "online"


# --- accounts -------------------------------------------------------------------------------------------------------


@pytest.fixture
def trader():
    """One that follows its orders and trades."""
    made = Client(Exchange(seed=6, symbols=["BTC/USD"], rate=0), "v1-auth")
    for name in ("openOrders", "ownTrades"):
        made.subscribe(name, None, token=made.token)
    return made


def order(trader: Client, **fields: object) -> dict[str, Any]:
    wish = {
        "event": "addOrder",
        "pair": "XBT/USD",
        "ordertype": "limit",
        "type": "buy",
        "volume": "0.1",
        "price": "80000",
    }
    return {**wish, "token": trader.token, **fields}


def test_a_lost_answer_leaves_an_order_that_the_channel_tells_of(trader):
    trader.exchange.fault("lose_ack", method="add_order")
    told = trader.ask(order(trader))
    assert {frame[1] for frame in told} == {"openOrders"}
    assert len(trader.exchange.accounts["demo"].open_orders) == 1
    trader.exchange.fault("late_response", method="cancel_all", seconds=2)
    told = trader.ask({"event": "cancelAll", "token": trader.token}, seconds=1)
    assert all(not isinstance(frame, dict) or frame["event"] == "heartbeat" for frame in told)
    assert {"count": 1, "event": "cancelAllStatus", "status": "ok"} in trader.wait(3)


@pytest.mark.parametrize(("name", "placed"), [("cut_before", 0), ("cut_after", 1)])
def test_a_cut_leaves_it_open_whether_an_order_was_placed(trader, name, placed):
    trader.exchange.fault(name)
    assert trader.ask({"event": "ping"}) == [{"event": "pong"}]
    assert trader.ask(order(trader)) == []
    assert trader.closed == [(1006, "")]
    assert len(trader.exchange.accounts["demo"].open_orders) == placed


def test_a_gap_in_the_sequence_shows(trader):
    trader.exchange.fault("sequence_gap")
    told = trader.ask(order(trader))
    assert [frame[2]["sequence"] for frame in frames_of(told, "openOrders")] == [3]
    trader.exchange.fault("duplicate_execution")
    told = trader.ask(order(trader))
    assert [frame[2]["sequence"] for frame in frames_of(told, "openOrders")] == [4, 4, 5]


def frames_of(told: list[Any], channel: str) -> list[Any]:
    return [frame for frame in told if isinstance(frame, list) and frame[1] == channel]


def test_new_words_and_fields_come_in_orders_and_trades_too(trader):
    trader.exchange.fault("unknown_values", channel="executions", times=2)
    entries = [entry for frame in frames_of(trader.ask(order(trader)), "openOrders") for entry in frame[0][0].values()]
    assert [entry["status"] for entry in entries] == ["new_status", "new_status"]
    trader.exchange.fault("unknown_fields", channel="executions")
    entries = [entry for frame in frames_of(trader.ask(order(trader)), "openOrders") for entry in frame[0][0].values()]
    assert ["flags" in entry for entry in entries] == [True, False]


def test_tokens_are_forgotten_but_subscriptions_go_on(trader):
    trader.exchange.fault("invalidate_token")
    (answer,) = trader.ask(order(trader))
    assert (answer["errorMessage"], answer["event"]) == ("ESession:Invalid session", "addOrderStatus")
    fresh = Client(trader.exchange, "v1-auth")
    trader.seen = len(trader.texts)
    fresh.ask(order(fresh))
    assert len(frames_of([json.loads(text) for text in trader.texts[trader.seen :]], "openOrders")) == 2


@pytest.mark.parametrize(
    ("name", "error"),
    [("rate_limit", "EOrder:Rate limit exceeded"), ("cancel_only", "EService:Market in cancel_only mode")],
)
def test_orders_are_refused_for_a_while(trader, name, error):
    trader.exchange.fault(name, seconds=5)
    refused = [frame for frame in trader.ask(order(trader)) if isinstance(frame, dict)]
    assert error in [frame.get("errorMessage") for frame in refused]
    trader.wait(6)
    assert "ok" in [frame.get("status") for frame in trader.ask(order(trader)) if isinstance(frame, dict)]


def test_any_fault_may_strike_at_any_time_and_nothing_raises():
    exchange = Exchange(seed=6, symbols=["BTC/USD", "ETH/USD"], rate=20)
    exchange.random_faults(seed=3, every=1.0, private=True)
    for _ in range(150):
        if len(exchange.connections) < 4:
            try:
                made, mine = Client(exchange), Client(exchange, "v1-auth")
            except UpgradeRefused:
                exchange.advance(exchange.now + 1)
                continue
            for name, pair in (("*", "XBT/USD"), ("book", "ETH/USD")):
                wish = {"event": "subscribe", "pair": [pair], "subscription": {"name": name}}
                made.connection.receive(json.dumps(wish))
            wish = {"event": "subscribe", "subscription": {"name": "*", "token": mine.token}}
            for message in (wish, order(mine, ordertype="market", volume="0.01"), order(mine)):
                mine.connection.receive(json.dumps(message))
        exchange.advance(exchange.now + 2)
    assert len({record.name for record in exchange.faults}) > 20
