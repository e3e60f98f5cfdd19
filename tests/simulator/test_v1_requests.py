"""Both hosts of WebSocket v1 as a client asks them: acks, refusals in Kraken's words, heartbeats; nothing raises."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rxkraken.simulator.exchange import Exchange

PRIVATE_HERE = "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"


class Client:
    """A connection that keeps what it is told."""

    def __init__(self, exchange: Exchange, role: str = "v1") -> None:
        self.exchange = exchange
        self.frames: list[Any] = []
        self.closed: list[tuple[int, str]] = []
        self.connection = exchange.connect(
            role,
            lambda text: self.frames.append(json.loads(text)),
            lambda code, reason: self.closed.append((code, reason)),
        )
        self.token, _ = exchange.issue_token(exchange.credentials.key)

    def ask(self, message: object, *, seconds: float = 0.1) -> list[Any]:
        """Send it, and return what comes in the next moments."""
        before = len(self.frames)
        self.connection.receive(message if isinstance(message, str) else json.dumps(message))
        self.exchange.advance(self.exchange.now + seconds)
        return self.frames[before:]

    def subscribe(self, name: str, *pairs: str, event: str = "subscribe", **options: object) -> list[Any]:
        asked: dict[str, Any] = {"event": event, "subscription": {"name": name, **options}}
        return self.ask({**asked, **({"pair": list(pairs)} if pairs else {})})


@pytest.fixture
def exchange():
    return Exchange(seed=1, symbols=["BTC/USD", "ETH/USD", "DOGE/USD"], rate=0)


def test_the_first_frame_says_how_the_exchange_is(exchange):
    client, private = Client(exchange), Client(exchange, "v1-auth")
    for each in (client, private):
        (status,) = each.frames
        assert status.pop("connectionID") == each.connection.connection_id
        assert status == {"event": "systemStatus", "status": "online", "version": "1.9.1"}


def test_acks_of_a_request_come_one_a_pair_and_before_all_data(exchange):
    client = Client(exchange)
    request = {"event": "subscribe", "reqid": 42, "pair": ["XBT/USD", "XDG/USD", "XBTUSD", "XBT/USDX", "ETH/USD"]}
    frames = client.ask({**request, "subscription": {"name": "ohlc", "interval": 5}})
    shown = {"event": "subscriptionStatus", "reqid": 42}
    good = {**shown, "channelName": "ohlc-5", "status": "subscribed", "subscription": {"interval": 5, "name": "ohlc"}}
    bad = {**shown, "status": "error", "subscription": {"interval": 5, "name": "ohlc"}}
    ids = [frame.pop("channelID") for frame in frames[:5] if "channelID" in frame]
    assert frames[:5] == [
        {**good, "pair": "XBT/USD"},
        {**good, "pair": "XDG/USD"},
        {**bad, "pair": "XBTUSD", "errorMessage": "Currency pair not in ISO 4217-A3 format XBTUSD"},
        {**bad, "pair": "XBT/USDX", "errorMessage": "Currency pair not supported XBT/USDX"},
        {**good, "pair": "ETH/USD"},
    ]
    data = {(frame[0], frame[-2], frame[-1]) for frame in frames[5:]}
    assert data == {
        (number, "ohlc-5", pair) for number, pair in zip(ids, ("XBT/USD", "XDG/USD", "ETH/USD"), strict=True)
    }


def test_every_channel_has_a_number_of_its_own(exchange):
    client = Client(exchange)
    pairs = ("XBT/USD", "ETH/USD", "XDG/USD")
    for depth in (10, 25, 100, 500, 1000):
        client.subscribe("book", *pairs, depth=depth)
    for interval in (1, 5, 15, 30, 60, 240, 1440, 10080, 21600):
        client.subscribe("ohlc", *pairs, interval=interval)
    for name in ("ticker", "trade", "spread"):
        client.subscribe(name, *pairs)
    acks = [frame for frame in client.frames if isinstance(frame, dict) and "channelID" in frame]
    assert len(acks) == len({ack["channelID"] for ack in acks}) == 3 * 17


def test_everything_that_there_is_can_be_had_and_left_at_once(exchange):
    client = Client(exchange)
    acks = [frame for frame in client.subscribe("*", "XBT/USD") if isinstance(frame, dict)]
    names = ["ticker", "ohlc-1", "trade", "spread", "book-10"]
    assert [ack["channelName"] for ack in acks] == names
    (refused,) = client.subscribe("*", "XBT/USDX")
    assert refused["errorMessage"] == "Currency pair not supported XBT/USDX"
    left = client.subscribe("*", event="unsubscribe")
    assert [(each["channelName"], each["status"]) for each in left] == [(name, "unsubscribed") for name in names]
    assert not client.connection.subscriptions
    assert client.subscribe("*", event="unsubscribe")[0]["errorMessage"] == "Subscription Not Found"


def test_depths_of_one_pair_live_side_by_side_and_are_left_one_by_one(exchange):
    client = Client(exchange)
    client.subscribe("book", "XBT/USD")
    client.subscribe("book", "XBT/USD", depth=100)
    (again,) = client.subscribe("book", "XBT/USD", depth=10)
    assert (again["errorMessage"], again["status"]) == ("Already subscribed", "error")
    (left,) = client.subscribe("book", "XBT/USD", event="unsubscribe")
    assert (left["channelName"], left["status"], left["subscription"]) == (
        "book-10", "unsubscribed", {"depth": 10, "name": "book"},
    )  # fmt: skip
    assert list(client.connection.subscriptions) == [("book-100", "BTC/USD")]
    missing = client.subscribe("book", "XBT/USD", "ETH/USD", event="unsubscribe", depth=25)
    assert [(each["errorMessage"], each["pair"]) for each in missing] == [
        ("Subscription Not Found", "XBT/USD"), ("Subscription Not Found", "ETH/USD"),
    ]  # fmt: skip


def test_a_channel_can_be_left_by_its_number(exchange):
    client = Client(exchange)
    ack, *_ = client.subscribe("ticker", "XBT/USD")
    (left,) = client.ask({"event": "unsubscribe", "channelID": ack["channelID"], "reqid": 5})
    assert (left["status"], left["pair"], left["reqid"]) == ("unsubscribed", "XBT/USD", 5)
    (gone,) = client.ask({"event": "unsubscribe", "channelID": ack["channelID"]})
    assert gone == {"errorMessage": "Subscription Not Found", "event": "subscriptionStatus", "status": "error"}


ERRORS: list[tuple[dict[str, Any], str]] = [
    ({"subscription": {"name": "book", "depth": 42}}, "Subscription depth not supported"),
    ({"subscription": {"name": "book", "depth": "10"}}, "Subscription book depth must be an integer"),
    ({"subscription": {"name": "book", "depth": True}}, "Subscription book depth must be an integer"),
    ({"subscription": {"name": "ohlc", "interval": 7}}, "Subscription ohlc interval not supported"),
    ({"subscription": {"name": "ohlc", "interval": None}}, "Subscription ohlc interval must be an integer"),
    ({"subscription": {"name": "spread", "depth": 10}}, "Subscription spread doesn't require depth"),
    ({"subscription": {"name": "book", "interval": 5}}, "Subscription book doesn't require interval"),
    ({"subscription": {"name": "book", "colour": 5}}, "Subscription object unsupported field"),
    ({"subscription": {"name": "ticker", "snapshot": True}}, "Subscription object unsupported field"),
    ({"subscription": {"name": "balances"}}, "Subscription name invalid"),
    ({"subscription": {"name": ["book"]}}, "Subscription name invalid"),
    ({"subscription": {}}, "Subscription name invalid"),
    ({"subscription": "book"}, "Subscription field must be an object"),
    ({"subscription": {"name": "book"}, "pair": "XBT/USD"}, "Pair field must be an array"),
    ({"subscription": {"name": "book"}, "pair": []}, "Pair(s) not found"),
    ({"subscription": {"name": "book"}, "pair": ["XBT/USDX"]}, "Currency pair not supported XBT/USDX"),
    ({"subscription": {"name": "book"}, "pair": ["BTC/USD"]}, "Currency pair not supported BTC/USD"),
    ({"subscription": {"name": "book"}, "pair": ["XBTUSDT"]}, "Currency pair not in ISO 4217-A3 format XBTUSDT"),
    ({"subscription": {"name": "book"}, "pair": [7]}, "Currency pair not in ISO 4217-A3 format 7"),
]


@pytest.mark.parametrize(("fields", "text"), ERRORS)
def test_every_refusal_of_a_subscription_has_krakens_words(exchange, fields, text):
    client = Client(exchange)
    (answer,) = client.ask({"event": "subscribe", "reqid": 3, "pair": ["XBT/USD"], **fields})
    assert (answer["errorMessage"], answer["event"], answer["status"], answer["reqid"]) == (
        text, "subscriptionStatus", "error", 3,
    )  # fmt: skip
    assert not {"channelID", "channelName"} & answer.keys()
    assert client.connection.open


def test_a_refusal_repeats_what_was_asked(exchange):
    client = Client(exchange)
    (answer,) = client.subscribe("book", "XBT/USD", depth=42)
    assert answer == {
        "errorMessage": "Subscription depth not supported", "event": "subscriptionStatus", "pair": "XBT/USD",
        "status": "error", "subscription": {"depth": 42, "name": "book"},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("{", {"errorMessage": "Malformed request", "event": "error"}),
        ("[]", {"errorMessage": "Malformed request", "event": "error"}),
        ('{"event":"ping","reqid":"7"}', {"errorMessage": "Malformed request", "event": "error"}),
        ('{"event":"ping","reqid":true}', {"errorMessage": "Malformed request", "event": "error"}),
        ('{"event":"greet","reqid":7}', {"errorMessage": "Malformed request", "event": "error", "reqid": 7}),
        ('{"reqid":7}', {"errorMessage": "Event(s) not found", "event": "error", "reqid": 7}),
        ('{"event":"ping"}', {"event": "pong"}),
        ('{"event":"ping","reqid":42}', {"event": "pong", "reqid": 42}),
        (
            '{"event":"cancelAll","token":"T","reqid":4}',
            {"errorMessage": PRIVATE_HERE, "event": "cancelAllStatus", "reqid": 4, "status": "error"},
        ),
    ],
)
def test_general_requests_are_answered_in_krakens_words(exchange, text, answer):
    assert Client(exchange).ask(text) == [answer]


def test_each_host_refuses_what_the_other_serves(exchange):
    public, private = Client(exchange), Client(exchange, "v1-auth")
    assert public.subscribe("ownTrades", token="TOKEN") == [
        {
            "errorMessage": PRIVATE_HERE, "event": "subscriptionStatus", "status": "error",
            "subscription": {"name": "ownTrades", "token": "TOKEN"},
        }
    ]  # fmt: skip
    (answer,) = private.subscribe("book", "XBT/USD", depth=10)
    assert answer["status"] == "error"
    assert answer["errorMessage"].startswith("Public market data")
    assert "ws.kraken.com" in answer["errorMessage"]
    assert private.ask({"event": "ping"}) == [{"event": "pong"}]


def test_heartbeats_begin_with_the_first_subscription_whatever_else_flows():
    exchange = Exchange(seed=1, symbols=["BTC/USD"], rate=30)
    client = Client(exchange)
    client.ask({"event": "ping"}, seconds=5)
    assert {"event": "heartbeat"} not in client.frames
    client.subscribe("book", "XBT/USD")
    exchange.advance(exchange.now + 20)
    assert client.frames.count({"event": "heartbeat"}) == 20


def test_a_connection_without_subscriptions_is_closed_after_a_minute_of_silence(exchange):
    quiet, pinging, busy = Client(exchange), Client(exchange), Client(exchange)
    busy.subscribe("ticker", "XBT/USD")
    for _ in range(5):
        pinging.ask({"event": "ping"}, seconds=30)
    assert [client.closed for client in (quiet, pinging, busy)] == [[(1000, "no activity")], [], []]


def test_a_client_that_left_is_told_nothing_more():
    exchange = Exchange(seed=1, symbols=["BTC/USD"], rate=30)
    gone, stays = Client(exchange), Client(exchange)
    gone.subscribe("book", "XBT/USD")
    stays.subscribe("book", "XBT/USD")
    gone.connection.closed()
    told = len(gone.frames)
    exchange.advance(exchange.now + 10)
    assert len(gone.frames) == told
    assert len(stays.frames) > 100
    stays.subscribe("book", "XBT/USD", event="unsubscribe")
    told = len(stays.frames)
    exchange.advance(exchange.now + 10)
    assert stays.frames[told:] == [{"event": "heartbeat"}] * 10


# --- nothing raises -------------------------------------------------------------------------------------------------

SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=12),
    st.sampled_from(["XBT/USD", "TOKEN", "limit", "buy", "1", "+5%", "#3", "-1", "80000", "true", "1e400", "1e-400"]),
)  # fmt: skip
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner))
EVENTS = st.sampled_from([
    "ping", "subscribe", "unsubscribe", "addOrder", "amendOrder", "editOrder", "cancelOrder", "cancelAll",
    "cancelAllOrdersAfter", "systemStatus",
])  # fmt: skip
FIELDS = st.sampled_from([
    "reqid", "pair", "subscription", "channelID", "ordertype", "type", "volume", "price", "price2", "leverage",
    "margin", "reduce_only", "oflags", "starttm", "expiretm", "deadline", "timeinforce", "userref", "cl_ord_id",
    "stp_type", "validate", "close[ordertype]", "close[price]", "txid", "orderid", "newuserref", "timeout",
    "limit_price", "trigger_price", "display_volume", "post_only",
])  # fmt: skip
SUBSCRIPTIONS = st.fixed_dictionaries(
    {"name": st.sampled_from(["book", "ohlc", "ticker", "spread", "trade", "*", "openOrders", "ownTrades"])},
    optional=dict.fromkeys(("depth", "interval", "snapshot", "ratecounter", "consolidate_taker"), VALUES),
)  # fmt: skip
ORDERS = st.fixed_dictionaries(
    {
        "event": st.just("addOrder"), "pair": st.just("XBT/USD"), "type": st.sampled_from(["buy", "sell"]),
        "ordertype": st.sampled_from([
            "limit", "market", "stop-loss", "take-profit-limit", "trailing-stop", "trailing-stop-limit", "iceberg",
            "settle-position", "stop-loss-and-limit",
        ]),
        "volume": st.sampled_from(["0.01", 0.01, 1, "1e-9", "0", "-1", "1e30", "x"]),
    },
    optional={"price": SCALARS, "price2": SCALARS, "oflags": SCALARS, "close[ordertype]": SCALARS,
              "close[price]": SCALARS, "timeinforce": SCALARS, "validate": SCALARS, "userref": SCALARS,
              "expiretm": SCALARS, "starttm": SCALARS, "leverage": SCALARS, "deadline": SCALARS},
)  # fmt: skip
MESSAGES = st.one_of(
    VALUES,
    st.builds(lambda event, rest: {**rest, "event": event}, EVENTS, st.dictionaries(FIELDS, VALUES, max_size=6)),
    st.builds(lambda event, wish: {"event": event, "pair": ["XBT/USD"], "subscription": wish}, EVENTS, SUBSCRIPTIONS),
    st.builds(lambda event, wish: {"event": event, "subscription": wish}, EVENTS, SUBSCRIPTIONS),
    ORDERS,
)


@settings(max_examples=100)
@given(st.lists(st.tuples(MESSAGES, st.booleans()), min_size=1, max_size=8))
def test_no_request_makes_the_exchange_raise_and_each_is_answered(messages):
    exchange = Exchange(seed=1, symbols=["BTC/USD"], rate=5)
    clients = [Client(exchange), Client(exchange, "v1-auth")]
    for message, private in messages:
        client = clients[private]
        if private and isinstance(message, dict):
            holder = message.get("subscription", message)
            (holder if isinstance(holder, dict) else message)["token"] = client.token
        answers = client.ask(message)
        assert any("event" in answer for answer in answers if isinstance(answer, dict))
        assert client.connection.open


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        "[" * 2000 + "]" * 2000,
        '{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"book","depth":%s}}' % ("[" * 900 + "]" * 900),
        '{"event":"subscribe","pair":[%s],"subscription":{"name":"book"}}' % ("[" * 900 + "]" * 900),
        '{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"book","depth":1e999999999}}',
        '{"event":"ping","reqid":' + "9" * 4000 + "}",
        '{"event":"subscribe","pair":["\\ud800/USD"],"subscription":{"name":"book"}}',
        '{"event":"addOrder","token":"T","pair":"XBT/USD","volume":1e999999999}',
    ],
)
def test_texts_made_to_break_parsers_are_refused(exchange, text, private):
    client = Client(exchange, "v1-auth" if private else "v1")
    (answer,) = client.ask(text)
    assert "errorMessage" in answer or answer["event"] == "pong"
    assert client.ask({"event": "ping"}) == [{"event": "pong"}]
