"""The exchange without sockets: what a client is told, and that the markets it is told of agree with each other."""

from __future__ import annotations

import json
from collections import defaultdict
from decimal import Decimal
from zlib import crc32

import pytest

from rxkraken.errors import InvalidArgument, UnknownSymbol
from rxkraken.simulator import FAULTS, Exchange, SymbolSpec, UpgradeRefused
from rxkraken.simulator.mangling import ODD_SHAPES


class Client:
    """Connects, collects what it is sent, and lets time pass."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.texts: list[str] = []
        self.closed: list[tuple[int, str]] = []
        self.connection = exchange.connect("public", self.texts.append, lambda *how: self.closed.append(how))

    def say(self, message, seconds: float = 0.05) -> list[dict]:
        """Send a frame and return the replies that come within a moment."""
        seen = len(self.texts)
        self.connection.receive(message if isinstance(message, str) else json.dumps(message))
        self.wait(seconds)
        return [frame for frame in self.frames(seen) if "method" in frame or "error" in frame]

    def wait(self, seconds: float) -> None:
        self.exchange.advance(self.exchange.now + seconds)

    def frames(self, start: int = 0) -> list[dict]:
        return [json.loads(text, parse_float=Decimal) for text in self.texts[start:]]

    def subscribe(self, channel: str, *symbols: str, **params) -> list[dict]:
        fields = {"channel": channel, **({"symbol": list(symbols)} if symbols else {}), **params}
        return self.say({"method": "subscribe", "params": fields, "req_id": 7})

    def channel(self, name: str, kind: str | None = None) -> list[dict]:
        return [f for f in self.frames() if f.get("channel") == name and kind in (None, f.get("type"))]


@pytest.fixture
def exchange():
    return Exchange(seed=5, symbols=["BTC/USD", "ETH/USD", "GST/EUR"], rate=20)


def test_status_comes_first_and_at_once(exchange):
    """One frame, with a 64-bit id that no double can hold."""
    client = Client(exchange)
    (status,) = client.frames()
    assert status["channel"] == "status"
    assert status["data"][0]["system"] == "online"
    assert 2**63 <= status["data"][0]["connection_id"] < 2**64


def test_each_symbol_is_acked_then_snapshot_then_updates(exchange):
    """One ack a symbol under one req_id; nothing of a symbol before its ack and its snapshot."""
    client = Client(exchange)
    client.subscribe("book", "BTC/USD", "ETH/USD", depth=25)
    client.wait(5)
    order = defaultdict(list)
    for frame in client.frames():
        if frame.get("method") == "subscribe":
            assert (frame["req_id"], frame["success"]) == (7, True)
            assert frame["time_in"] <= frame["time_out"]
            assert frame["result"] == {
                "channel": "book",
                "depth": 25,
                "snapshot": True,
                "symbol": frame["result"]["symbol"],
            }
            order[frame["result"]["symbol"]].append("ack")
        elif frame.get("channel") == "book":
            order[frame["data"][0]["symbol"]].append(frame["type"])
    for told in order.values():
        assert told[:2] == ["ack", "snapshot"]
        assert set(told[2:]) == {"update"}
    assert set(order) == {"BTC/USD", "ETH/USD"}


def test_heartbeats_beat_each_second_or_only_when_idle():
    """From the first subscription on."""
    for mode, least, most in (("always", 9, 10), ("idle", 0, 2)):
        exchange = Exchange(seed=5, symbols=["BTC/USD"], rate=50, heartbeat=mode)
        client = Client(exchange)
        client.wait(5)
        assert client.channel("heartbeat") == []
        client.subscribe("book", "BTC/USD")
        client.wait(10)
        assert least <= len(client.channel("heartbeat")) <= most


def test_an_idle_connection_is_closed_and_a_busy_one_is_not(exchange):
    """A minute without traffic and without subscriptions; a ping or a subscription keeps it."""
    idle, pinging, listening = Client(exchange), Client(exchange), Client(exchange)
    listening.subscribe("ticker", "BTC/USD")
    for _ in range(10):
        pinging.say({"method": "ping"}, 9.0)
    assert idle.closed == [(1000, "no activity")]
    assert pinging.closed == listening.closed == []


@pytest.mark.parametrize(
    ("request_", "error", "method", "symbol"),
    [
        ("not json", "Malformed request", None, None),
        ("[]", "Malformed request", None, None),
        ({"params": {}}, "Method(s) not found", None, None),
        ({"method": "dance"}, "Unsupported event", "dance", None),
        ({"method": "ping", "params": {}}, "Unsupported field: 'params' for the given msg type: ping", "ping", None),
        ({"method": "subscribe"}, "Unsupported event", "subscribe", None),
        ({"method": "subscribe", "params": {"channel": "x"}}, "Subscription name invalid", "subscribe", None),
        ({"method": "subscribe", "params": {"channel": "book"}}, "Symbol(s) not found", "subscribe", None),
        (
            {"method": "subscribe", "params": {"channel": "book", "symbol": "BTC/USD"}},
            "Symbol field must be an array", "subscribe", None,
        ),
        (
            {"method": "subscribe", "params": {"channel": "book", "symbol": ["XBT/USD"]}},
            "Currency pair not supported XBT/USD", "subscribe", "XBT/USD",
        ),
        (
            {"method": "subscribe", "params": {"channel": "book", "symbol": ["BTCUSD"]}},
            "Currency pair not in ISO 4217-A3 format", "subscribe", "BTCUSD",
        ),
        (
            {"method": "subscribe", "params": {"channel": "book", "symbol": ["BTC/USD"], "depth": 11}},
            "Subscription depth not supported", "subscribe", None,
        ),
        (
            {"method": "subscribe", "params": {"channel": "book", "symbol": ["BTC/USD"], "depth": "10"}},
            "Subscription book depth must be an integer", "subscribe", None,
        ),
        (
            {"method": "subscribe", "params": {"channel": "ohlc", "symbol": ["BTC/USD"]}},
            "Subscription ohlc requires interval", "subscribe", None,
        ),
        (
            {"method": "subscribe", "params": {"channel": "ohlc", "symbol": ["BTC/USD"], "interval": 2}},
            "Subscription ohlc interval not supported", "subscribe", None,
        ),
        (
            {"method": "subscribe", "params": {"channel": "ticker", "symbol": ["BTC/USD"], "event_trigger": "x"}},
            "Event(s) not found", "subscribe", None,
        ),
        (
            {"method": "subscribe", "params": {"channel": "trade", "symbol": ["BTC/USD"], "snapshot": 1}},
            "Snapshot field must be a boolean", "subscribe", None,
        ),
        (
            {"method": "subscribe", "params": {"channel": "trade", "symbol": ["BTC/USD"], "depth": 1}},
            "Unsupported field: 'depth' for the given msg type: subscribe", "subscribe", None,
        ),
        (
            {"method": "unsubscribe", "params": {"channel": "trade", "symbol": ["BTC/USD"]}},
            "Subscription Not Found", "subscribe", "BTC/USD",
        ),
        (
            {"method": "subscribe", "params": {"channel": "executions"}},
            "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com", "subscribe", None,
        ),
        (
            {"method": "add_order", "params": {}},
            "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com", "add_order", None,
        ),
    ],
)  # fmt: skip
def test_every_refusal_has_krakens_words(exchange, request_, error, method, symbol):
    """And no `result`; the connection stays."""
    client = Client(exchange)
    if isinstance(request_, dict):
        request_ = {**request_, "req_id": 3}
    (reply,) = client.say(request_)
    assert (reply["error"], reply.get("method"), reply.get("symbol")) == (error, method, symbol)
    assert reply["success"] is False
    assert "result" not in reply
    assert client.closed == []


def test_a_pong_names_neither_success_nor_result(exchange):
    """Section 1.6."""
    (pong,) = Client(exchange).say({"method": "ping", "req_id": 9})
    assert set(pong) == {"method", "req_id", "time_in", "time_out"}


def test_a_second_subscription_of_one_slot_is_refused(exchange):
    """Another depth or the same again; another interval has words of its own; leaving makes room."""
    client = Client(exchange)
    client.subscribe("book", "BTC/USD")
    client.subscribe("ohlc", "BTC/USD", interval=1)
    (again,) = client.subscribe("book", "BTC/USD", depth=25)
    (interval,) = client.subscribe("ohlc", "BTC/USD", interval=5)
    assert again["error"] == "Already subscribed"
    assert interval["error"] == "Already subscribed to one ohlc interval on this symbol"
    (left,) = client.say({"method": "unsubscribe", "params": {"channel": "book", "symbol": ["BTC/USD"]}})
    assert left["result"] == {"channel": "book", "depth": 10, "symbol": "BTC/USD"}
    count = len(client.channel("book"))
    client.wait(5)
    assert len(client.channel("book")) == count
    (back,) = client.subscribe("book", "BTC/USD", depth=25)
    assert back["success"]


def test_a_seed_decides_every_byte():
    """The same seed twice is the same market; another seed is another."""

    def story(seed):
        client = Client(Exchange(seed=seed, symbols=["BTC/USD"], rate=20))
        client.subscribe("book", "BTC/USD")
        client.subscribe("trade", "BTC/USD", snapshot=True)
        client.wait(20)
        return client.texts

    assert story(1) == story(1)
    assert story(1) != story(2)


# --- an independent witness ---


class Naive:
    """A book kept as plainly as possible: a dict a side, sorted when looked at, CRC from exact text."""

    def __init__(self, depth, *, cut=True, digits=None):
        self.depth, self.cut, self.digits = depth, cut, digits
        self.sides = {"bids": {}, "asks": {}}

    def apply(self, frame):
        record = frame["data"][0]
        if frame["type"] == "snapshot":
            self.sides = {"bids": {}, "asks": {}}
        for name, side in self.sides.items():
            for level in record[name]:
                side[level["price"]] = level["qty"]
                if level["qty"] == 0:
                    del side[level["price"]]
            if self.cut:
                for price in self.prices(name)[self.depth :]:
                    del side[price]
        return self.crc() == record["checksum"]

    def prices(self, name):
        return sorted(self.sides[name], reverse=name == "bids")

    def crc(self):
        def digits(number, places):
            exact = str(number) if isinstance(number, int) else format(number, "f")
            text = exact if places is None else format(Decimal(number), f".{places}f")
            return text.replace(".", "").lstrip("0")

        price, qty = self.digits or (None, None)
        best = [(p, self.sides[name][p]) for name in ("asks", "bids") for p in self.prices(name)[:10]]
        return crc32("".join(digits(p, price) + digits(q, qty) for p, q in best).encode())


@pytest.mark.parametrize("depth", [10, 25, 100, 1000])
def test_an_independent_client_accepts_every_checksum(depth):
    """All symbols of the table, for some minutes, at each depth; prices repeat within a message now and then."""
    exchange = Exchange(seed=3, rate=6 if depth < 1000 else 1.5)
    client = Client(exchange)
    client.subscribe("book", *exchange.markets, depth=depth)
    client.wait(120)
    books = defaultdict(lambda: Naive(depth))
    repeated = 0
    for frame in client.channel("book"):
        record = frame["data"][0]
        assert books[record["symbol"]].apply(frame), frame
        assert not (books[record["symbol"]].sides["bids"] and books[record["symbol"]].sides["asks"]) or (
            max(books[record["symbol"]].sides["bids"]) < min(books[record["symbol"]].sides["asks"])
        )
        for name in ("bids", "asks"):
            prices = [level["price"] for level in record[name]]
            repeated += len(prices) != len(set(prices))
    assert set(books) == set(exchange.markets)
    assert repeated > 0
    if depth == 1000:
        assert len(books["BTC/USD"].sides["bids"]) == 1000
    assert len(books["GST/EUR"].sides["bids"]) < 10
    units = [q.scaleb(8) for book in books.values() for side in book.sides.values() for q in side.values()]
    assert max(units) > 2**53


def test_a_client_that_never_cuts_fails():
    """No delete is sent for a level that is pushed out of range (section 4.3)."""
    exchange = Exchange(seed=3, symbols=["BTC/USD"], rate=20)
    client = Client(exchange)
    client.subscribe("book", "BTC/USD")
    client.wait(300)
    frames = client.channel("book")
    careless, careful = Naive(10, cut=False), Naive(10)
    told = [(careless.apply(frame), careful.apply(frame)) for frame in frames]
    assert not all(first for first, _ in told)
    assert all(second for _, second in told)


def test_trades_ticker_candles_and_book_agree():
    """A trade takes what the book showed; ticker and candle are what trades and book say."""
    exchange = Exchange(seed=9, symbols=["BTC/USD"], rate=30)
    client = Client(exchange)
    client.subscribe("book", "BTC/USD", depth=1000)
    client.subscribe("trade", "BTC/USD", snapshot=True)
    client.subscribe("ticker", "BTC/USD", event_trigger="bbo")
    client.subscribe("ohlc", "BTC/USD", interval=1)
    client.wait(180)
    book, last_id, last_price = Naive(1000), None, None
    minutes = defaultdict(list)
    taken = 0
    for frame in client.frames():
        match frame.get("channel"), frame.get("type"):
            case "book", _:
                before = {name: dict(side) for name, side in book.sides.items()}
                book.apply(frame)
            case "trade", kind:
                for trade in frame["data"]:
                    assert last_id is None or trade["trade_id"] == last_id + 1
                    last_id, last_price = trade["trade_id"], trade["price"]
                    if kind == "update":
                        side = before["asks" if trade["side"] == "buy" else "bids"]
                        assert trade["price"] in side  # an iceberg may give more than it showed
                        taken += 1
                    minutes[trade["timestamp"][:16]].append(trade)
            case "ticker", "update":
                tick = frame["data"][0]
                assert (tick["bid"], tick["ask"]) == (book.prices("bids")[0], book.prices("asks")[0])
                assert tick["last"] == last_price
            case "ohlc", "update":
                candle = frame["data"][0]
                trades = minutes[candle["interval_begin"][:16]]
                assert candle["close"] == trades[-1]["price"]
                assert candle["high"] >= max(trade["price"] for trade in trades)
    assert taken > 20
    full = sorted(minutes)[-2]
    candle = [f["data"][0] for f in client.channel("ohlc", "update") if f["data"][0]["interval_begin"][:16] == full][-1]
    trades = minutes[full]
    assert candle["trades"] == len(trades)
    assert candle["volume"] == sum(trade["qty"] for trade in trades)
    assert (candle["open"], candle["low"]) == (trades[0]["price"], min(trade["price"] for trade in trades))
    assert len(client.channel("trade", "snapshot")[0]["data"]) == 50
    assert len(client.channel("ohlc", "snapshot")[0]["data"]) > 1


def test_digits_are_exact_or_as_printed_in_the_manual():
    """`docs` drops trailing zeros, to test padding; increments come in exponent form."""
    exact, docs = (Client(Exchange(seed=1, symbols=["BTC/USD"], rate=0, digits=digits)) for digits in ("exact", "docs"))
    for client in (exact, docs):
        client.subscribe("book", "BTC/USD")
        client.subscribe("instrument")
        client.wait(1)
    text = next(text for text in exact.texts if '"book"' in text and '"bids"' in text)
    levels = json.loads(text, parse_float=str)["data"][0]["bids"]
    assert all(len(level["price"].split(".")[1]) == 1 and len(level["qty"].split(".")[1]) == 8 for level in levels)
    assert Naive(10, digits=(1, 8)).apply(docs.channel("book")[0])
    assert not Naive(10).apply(docs.channel("book")[0])
    assert '"qty_increment":1e-08' in next(text for text in exact.texts if '"instrument"' in text and '"pairs"' in text)


def test_markets_are_chosen_by_name_number_or_specification():
    """A hundred markets; one of your own; a typo is told."""
    assert len(Exchange(symbols=100, rate=0).markets) == 100
    mine = SymbolSpec("ABC/USD", "1.50", 2)
    assert list(Exchange(symbols=[mine, "BTC/USD"], rate=0).markets) == ["ABC/USD", "BTC/USD"]
    for wrong, error in (
        (["NO/PE"], UnknownSymbol), (0, InvalidArgument), ("BTC/USD", InvalidArgument), (True, InvalidArgument),
        ([], InvalidArgument), (["BTC/USD", "BTC/USD"], InvalidArgument),
    ):  # fmt: skip
        with pytest.raises(error):
            Exchange(symbols=wrong)
    for options in ({"rate": -1}, {"rate": float("nan")}, {"heartbeat": "never"}, {"digits": "all"}):
        with pytest.raises(ValueError, match=next(iter(options))):
            Exchange(symbols=["BTC/USD"], **options)
    with pytest.raises(InvalidArgument, match="role='moon'"):
        Exchange(symbols=["BTC/USD"]).connect("moon", print, print)


# --- faults ---


def faulted(name, seconds=3.0, **parameters):
    """A subscribed client, some time, the fault, some more time."""
    exchange = Exchange(seed=5, symbols=["BTC/USD", "ETH/USD"], rate=30)
    client = Client(exchange)
    client.subscribe("instrument")
    client.subscribe("trade", "BTC/USD", "ETH/USD")
    client.subscribe("book", "BTC/USD", "ETH/USD")
    client.wait(2)
    client.seen = len(client.texts)
    exchange.fault(name, **parameters)
    client.wait(seconds)
    return client


def after(client, channel=None):
    return [f for f in client.frames(client.seen) if channel in (None, f.get("channel"))]


def test_connections_end_as_told():
    """With a close frame, without one, with a reset; or they go half-open."""
    assert faulted("drop").closed == [(1001, "CloudFlare WebSocket proxy restarting")]
    assert faulted("drop", code=1006, reason="").closed == [(1006, "")]
    assert faulted("reset").closed == [(-1, "")]
    silent = faulted("silence")
    assert (silent.texts[silent.seen :], silent.closed) == ([], [])
    assert silent.say({"method": "ping"}) == []
    silent.connection.closed()
    assert silent.exchange.connections == {}


def test_lines_stall_and_subscriptions_fall_silent():
    """A stall delivers everything later, in order; a muted book is quiet while heartbeats and the other go on."""
    stalled = faulted("stall", seconds=2.5)
    assert len(stalled.texts) == stalled.seen + len(after(stalled))
    muted = faulted("mute", symbol="BTC/USD", channel="book")
    assert {f["data"][0]["symbol"] for f in after(muted, "book")} == {"ETH/USD"}
    assert len(after(muted, "heartbeat")) == 3
    back = faulted("mute", symbol="BTC/USD", channel="book", seconds=1, after=0.5)
    assert "BTC/USD" in {f["data"][0]["symbol"] for f in after(back, "book")}


def test_messages_are_bent():
    """A wrong checksum, a corrupt level, a lost and a repeated message, new fields and new words, once each."""
    for name in ("wrong_checksum", "corrupt_level", "lose"):
        client = faulted(name, symbol="BTC/USD", **({"channel": "book"} if name == "lose" else {}))
        book = Naive(10)
        results = [book.apply(f) for f in client.channel("book") if f["data"][0]["symbol"] == "BTC/USD"]
        assert not all(results), name
        assert client.exchange.faults[0].symbol == "BTC/USD"
    repeated = faulted("repeat", channel="trade")
    texts = [text for text in repeated.texts if '"trade"' in text and '"update"' in text]
    assert len(texts) == len(set(texts)) + 1
    fields = faulted("unknown_fields", channel="book")
    assert sum("venue" in f for f in after(fields)) == 1
    words = faulted("unknown_values", channel="trade")
    assert any(t["side"] == "new_side" for f in after(words, "trade") for t in f["data"])


def test_acks_come_late_or_never():
    """A swallowed subscribe may or may not have taken effect."""
    exchange = Exchange(seed=5, symbols=["BTC/USD"], rate=30)
    client = Client(exchange)
    exchange.fault("delay_ack", seconds=2)
    assert client.subscribe("book", "BTC/USD") == []
    client.wait(3)
    assert len(client.channel("book")) > 1
    exchange.fault("swallow_ack", method="unsubscribe")
    assert client.say({"method": "unsubscribe", "params": {"channel": "book", "symbol": ["BTC/USD"]}}) == []
    exchange.fault("swallow_ack")
    assert client.subscribe("book", "BTC/USD") == []
    count = len(client.channel("book"))
    client.wait(2)
    assert len(client.channel("book")) == count
    exchange.fault("swallow_ack", data=True)
    assert client.subscribe("book", "BTC/USD") == []
    client.wait(2)
    assert len(client.channel("book")) > count


def test_noise_snapshots_and_refused_upgrades():
    """Frames that are no JSON or no sense, a snapshot in mid-stream, an HTTP status instead of a socket."""
    noisy = faulted("plain_text", text="so long")
    noisy.texts.remove("so long")
    odd = faulted("odd_json", seconds=0)
    assert odd.texts[odd.seen :] == list(ODD_SHAPES.values())
    twice = faulted("duplicate_snapshot", channel="book", symbol="ETH/USD")
    assert [f["data"][0]["symbol"] for f in after(twice, "book") if f["type"] == "snapshot"] == ["ETH/USD"]
    exchange = Exchange(symbols=["BTC/USD"])
    exchange.fault("refuse_upgrade", status=503, times=2)
    for _ in range(2):
        with pytest.raises(UpgradeRefused, match="503"):
            Client(exchange)
    assert Client(exchange).frames()


def test_maintenance_goes_through_its_phases():
    """maintenance, cancel_only, post_only, online: no trade and no new order where there must be none."""
    client = faulted("maintenance", step=1.0, seconds=4)
    assert [f["data"][0]["system"] for f in after(client, "status")] == [
        "maintenance", "cancel_only", "post_only", "online",
    ]  # fmt: skip
    dropped = faulted("maintenance", drop=True)
    assert dropped.closed[0][0] == 1001


@pytest.mark.parametrize(("digits", "expected"), [(None, 2), (0, 0)])
def test_a_change_of_precision_is_announced_and_used(digits, expected):
    """On `instrument`, then in the numbers; trades and candles follow."""
    client = faulted("precision", symbol="BTC/USD", price_precision=digits, seconds=20)
    (pair,) = after(client, "instrument")[0]["data"]["pairs"]
    assert (pair["symbol"], pair["price_precision"]) == ("BTC/USD", expected)
    trades = [t for f in after(client, "trade") for t in f["data"] if t["symbol"] == "BTC/USD"]
    assert trades
    assert all(-t["price"].as_tuple().exponent == expected for t in trades if isinstance(t["price"], Decimal))
    client.subscribe("ohlc", "BTC/USD", interval=60)
    client.wait(1)
    assert client.channel("ohlc", "snapshot")


def test_a_pair_changes_its_status():
    """On `instrument`."""
    client = faulted("pair_status", symbol="ETH/USD")
    assert after(client, "instrument")[0]["data"]["pairs"][0]["status"] == "cancel_only"


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("flood", {}, "drop"),
        ("drop", {"cod": 1}, "code"),
        ("drop", {"code": 7}, "one of 1000"),
        ("mute", {"symbol": "NO/PE"}, "BTC/USD"),
        ("precision", {}, "symbol"),
        ("stall", {"seconds": -1}, "0 or more"),
        ("refuse_upgrade", {"status": 200}, "400 to 599"),
        ("drop", {"after": "soon"}, "seconds from now"),
    ],
)
def test_a_wrong_fault_is_told_what_there_is(exchange, name, parameters, words):
    """The name, the parameter or the value, and what is allowed."""
    with pytest.raises(InvalidArgument, match=words):
        exchange.fault(name, **parameters)


def test_every_fault_describes_itself():
    """For the admin route and the documents."""
    for kind in FAULTS.values():
        described = kind.describe()
        assert described["summary"]
        assert set(described["parameters"]) >= {"after"}
        json.dumps(described)


def test_faults_can_be_scripted_or_drawn_from_a_seed():
    """A script is checked at once and strikes in its order; a seed gives the same bad day twice."""
    exchange = Exchange(seed=5, symbols=["BTC/USD"])
    client = Client(exchange)
    exchange.script([(2.0, "drop", {}), (1.0, "plain_text", {"text": "hi"})])
    client.wait(1.5)
    assert (client.texts[-1], client.closed) == ("hi", [])
    client.wait(1)
    assert [record.name for record in exchange.faults] == ["plain_text", "drop"]
    with pytest.raises(InvalidArgument, match="no fault"):
        exchange.script([(1.0, "flood", {})])

    def bad_day(seed):
        exchange = Exchange(seed=5, symbols=["BTC/USD"], rate=1)
        exchange.random_faults(seed, every=1, count=50)
        exchange.advance(1000)
        return exchange._faults.log, [armed.kind.name for armed in exchange._faults.armed]

    assert bad_day(1) == bad_day(1)
    assert bad_day(1) != bad_day(2)
    with pytest.raises(InvalidArgument, match="every"):
        exchange.random_faults(1, every=0)


def test_answers_keep_the_order_of_the_requests(exchange):
    """An unsubscribe sent right behind its subscribe is answered right behind it."""
    for _ in range(20):
        client = Client(exchange)
        for method in ("subscribe", "unsubscribe"):
            client.connection.receive(
                json.dumps({"method": method, "params": {"channel": "book", "symbol": ["BTC/USD"]}})
            )
        client.wait(1)
        assert [f["method"] for f in client.frames() if "method" in f] == ["subscribe", "unsubscribe"]
        count = len(client.channel("book"))
        client.wait(5)
        assert len(client.channel("book")) == count


def test_coarser_prices_bring_a_new_snapshot():
    """Levels merge, which no update says; every checksum holds all the same."""
    client = faulted("precision", symbol="BTC/USD", price_precision=0, seconds=20)
    book = Naive(10)
    assert all(book.apply(f) for f in after(client, "book")[0:] if f["data"][0]["symbol"] == "BTC/USD")


def test_a_corrupt_level_is_always_one_that_the_checksum_covers():
    """At depth 100 most changes are out of its sight; the fault waits for one that is not."""
    for seed in range(6):
        exchange = Exchange(seed=seed, symbols=["BTC/USD"], rate=30)
        client = Client(exchange)
        client.subscribe("book", "BTC/USD", depth=100)
        client.wait(2)
        exchange.fault("corrupt_level", symbol="BTC/USD")
        client.wait(30)
        book = Naive(100)
        verdicts = [book.apply(frame) for frame in client.channel("book")]
        assert not all(verdicts)
        assert len(exchange.faults) == 1
