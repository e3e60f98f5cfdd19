"""The `level3` channel as a client meets it: its host, its token, its answers, and books that stay right."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from zlib import crc32

import pytest

from rxkraken.simulator import Exchange, SymbolSpec


class Client:
    """Connects in a role, collects what it is sent, and lets time pass."""

    def __init__(self, exchange: Exchange, role: str = "l3") -> None:
        self.exchange = exchange
        self.texts: list[str] = []
        self.order_id = self.last = None
        self.connection = exchange.connect(role, self.texts.append, lambda *how: None)
        key = next(iter(exchange.keys.values()))
        self.token = exchange.issue_token(key)[0]

    def say(self, method: str, *symbols: str, seconds: float = 0.05, **params) -> list[dict]:
        """Send a request, with the token unless told, and return the answers without their times."""
        seen = len(self.texts)
        fields = {"channel": "level3", "symbol": list(symbols), "token": self.token, **params}
        fields = {name: value for name, value in fields.items() if value is not None}
        self.connection.receive(json.dumps({"method": method, "params": fields, "req_id": 9}))
        self.exchange.advance(self.exchange.now + seconds)
        frames = [json.loads(text, parse_float=Decimal) for text in self.texts[seen:]]
        return [{n: v for n, v in f.items() if n not in {"time_in", "time_out"}} for f in frames if "method" in f]

    def ask(self, method: str, **params) -> dict:
        """Send a trading request and return its answer; `last` is then its result."""
        seen = len(self.texts)
        self.connection.receive(json.dumps({"method": method, "params": {**params, "token": self.token}}))
        self.exchange.advance(self.exchange.now + 0.05)
        (answer,) = [frame for text in self.texts[seen:] if "method" in (frame := json.loads(text))]
        self.last = answer.get("result")
        return answer

    def records(self) -> list[tuple[str, dict]]:
        frames = [json.loads(text, parse_float=Decimal) for text in self.texts]
        return [(frame["type"], frame["data"][0]) for frame in frames if frame.get("channel") == "level3"]


def replay(records: list[tuple[str, dict]], depth: int) -> dict[str, dict[Decimal, dict[str, Decimal]]]:
    """The book that the records lead to; every checksum is verified, so numbers must come with all their digits."""
    book: dict[str, dict[Decimal, dict[str, Decimal]]] = {}
    for kind, record in records:
        if kind == "snapshot":
            book = {"bids": {}, "asks": {}}
        text = ""
        for name in ("asks", "bids"):
            side, best_first = book[name], name == "bids"
            for entry in record[name]:
                apply(side, entry)
            for price in sorted(side, reverse=best_first)[depth:]:
                del side[price]
            for price in sorted(side, reverse=best_first)[:10]:
                for number in (each for qty in side[price].values() for each in (price, qty)):
                    text += format(Decimal(number), "f").replace(".", "").lstrip("0")
        assert crc32(text.encode()) == record["checksum"]
    return book


def apply(side: dict[Decimal, dict[str, Decimal]], entry: dict) -> None:
    price, order_id, qty = entry["limit_price"], entry["order_id"], entry["order_qty"]
    queue = side.setdefault(price, {})
    before = queue.get(order_id)
    if before is not None and (entry["event"] == "delete" or qty > before):
        del queue[order_id]
    if entry.get("event") != "delete":
        queue[order_id] = qty
    if not queue:
        del side[price]


def engine_book(exchange: Exchange, symbol: str, depth: int) -> dict[str, dict[Decimal, dict[str, Decimal]]]:
    market = exchange.markets[symbol]
    price_unit, qty_unit = (
        Decimal(1).scaleb(-market.spec.price_precision),
        Decimal(1).scaleb(-market.spec.qty_precision),
    )
    return {
        ladder.name: {
            level.price * price_unit: {order.order_id: order.visible * qty_unit for order in level.orders.values()}
            for level in ladder.top(depth)
        }
        for ladder in (market.engine.bids, market.engine.asks)
    }


def queues(book: dict[str, dict[Decimal, dict[str, Decimal]]]) -> dict[str, list[tuple]]:
    """The same with the order of each queue, which dictionaries do not compare."""
    return {name: sorted((price, list(queue.items())) for price, queue in side.items()) for name, side in book.items()}


def symbol_of(answer: dict) -> tuple[bool, str]:
    return answer["success"], answer.get("symbol") or answer["result"]["symbol"]


@pytest.fixture
def exchange():
    return Exchange(seed=8, symbols=["BTC/USD", "ETH/USD"], rate=50)


def test_level_3_is_acked_a_symbol_each_then_snapshot_then_updates(exchange):
    """The ack repeats the depth only when it was asked for; the token is never repeated."""
    client = Client(exchange)
    answers = client.say("subscribe", "BTC/USD", "ETH/USD")
    result = {"channel": "level3", "snapshot": True}
    assert answers == [
        {"method": "subscribe", "req_id": 9, "result": {**result, "symbol": symbol}, "success": True}
        for symbol in ("BTC/USD", "ETH/USD")
    ]
    exchange.advance(exchange.now + 3)
    kinds = [kind for kind, record in client.records() if record["symbol"] == "BTC/USD"]
    assert (kinds[0], set(kinds[1:])) == ("snapshot", {"update"})
    other = Client(exchange)
    (answer,) = other.say("subscribe", "BTC/USD", depth=100, snapshot=False)
    assert answer["result"] == {"channel": "level3", "depth": 100, "snapshot": False, "symbol": "BTC/USD"}
    exchange.advance(exchange.now + 3)
    assert {kind for kind, _ in other.records()} == {"update"}


@pytest.mark.parametrize("depth", [10, 100, 1000])
def test_books_stay_right_for_minutes_and_for_those_who_come_late(depth):
    """Two clients, one late, both end with the very queues of the engine."""
    exchange = Exchange(seed=depth, symbols=["BTC/USD", "ETH/USD"], rate=20)
    early = Client(exchange)
    early.say("subscribe", "BTC/USD", depth=depth, seconds=60)
    late = Client(exchange)
    late.say("subscribe", "BTC/USD", "ETH/USD", depth=depth, seconds=60)
    expected = queues(engine_book(exchange, "BTC/USD", depth))
    for client in (early, late):
        records = [each for each in client.records() if each[1]["symbol"] == "BTC/USD"]
        assert queues(replay(records, depth)) == expected
    assert len(early.records()) > 500


def test_the_token_is_asked_for_and_checked():
    """Missing, unknown and expired ones are refused in Kraken's words; the connection stays up."""
    exchange = Exchange(seed=8, symbols=["BTC/USD", "ETH/USD"], rate=0)
    client = Client(exchange)
    missing = {"error": "Token(s) not found", "method": "subscribe", "req_id": 9, "success": False}
    assert client.say("subscribe", "BTC/USD", token=None) == [missing]
    invalid = {**missing, "error": "ESession:Invalid session", "status": "error"}
    assert client.say("subscribe", "BTC/USD", "ETH/USD", token="made up") == [invalid]
    exchange.advance(exchange.now + 30)
    assert [symbol_of(answer) for answer in client.say("subscribe", "BTC/USD")] == [(True, "BTC/USD")]
    stale = exchange.issue_token(next(iter(exchange.keys.values())))[0]
    exchange.advance(exchange.now + 901)
    assert client.say("subscribe", "ETH/USD", token=stale) == [invalid]
    assert client.say("unsubscribe", "BTC/USD", token=None) == [{**missing, "method": "unsubscribe"}]
    assert [symbol_of(answer) for answer in client.say("subscribe", "ETH/USD")] == [(True, "ETH/USD")], "still in use"


def test_each_host_serves_its_own_channels(exchange):
    """Level 3 nowhere else, and nothing else at level 3's."""
    public = Client(exchange, "public")
    (answer,) = public.say("subscribe", "BTC/USD")
    assert answer["success"] is False
    assert "unavailable on this endpoint" in answer["error"]
    (answer,) = Client(exchange, "auth").say("subscribe", "BTC/USD")
    assert (answer["success"], answer["error"]) == (False, "Subscription name invalid")
    client = Client(exchange)
    for channel in ("book", "ticker", "trade", "ohlc", "instrument", "weather"):
        (answer,) = client.say("subscribe", "BTC/USD", channel=channel)
        assert (answer["success"], answer["error"]) == (False, "Subscription name invalid")
    (answer,) = client.say("add_order", "BTC/USD")
    assert answer["success"] is False
    assert client.records() == []


@pytest.mark.parametrize(
    ("params", "error"),
    [
        ({"depth": 25}, "Subscription depth not supported"),
        ({"depth": "10"}, "Subscription book depth must be an integer"),
        ({"symbol": "BTC/USD"}, "Symbol field must be an array"),
        ({"symbol": []}, "Symbol(s) not found"),
        ({"symbol": ["XBT/USD"]}, "Currency pair not supported XBT/USD"),
        ({"snapshot": 1}, "Snapshot field must be a boolean"),
        ({"interval": 5}, "Unsupported field: 'interval' for the given msg type: subscribe"),
    ],
)
def test_mistakes_are_named(exchange, params, error):
    """In the words of section 6.11, one answer each."""
    (answer,) = Client(exchange).say("subscribe", "BTC/USD", **params)
    assert (answer["success"], answer["error"]) == (False, error)


def test_one_depth_a_symbol_and_the_same_one_to_leave(exchange):
    """A second depth is refused; leaving needs the depth unless it is 10; then it is silent, and can begin again."""
    client = Client(exchange)
    client.say("subscribe", "BTC/USD", depth=100)
    (again,) = client.say("subscribe", "BTC/USD", depth=10)
    assert (again["success"], again["error"]) == (False, "Already subscribed")
    (wrong,) = client.say("unsubscribe", "BTC/USD")
    assert (wrong["error"], wrong["method"]) == ("Subscription Not Found", "subscribe")
    (left,) = client.say("unsubscribe", "BTC/USD", depth=100)
    assert left["result"] == {"channel": "level3", "depth": 100, "symbol": "BTC/USD"}
    seen = len(client.records())
    exchange.advance(exchange.now + 5)
    assert len(client.records()) == seen
    client.say("subscribe", "BTC/USD", depth=10, seconds=5)
    records = client.records()[seen:]
    assert records[0][0] == "snapshot"
    assert queues(replay(records, 10)) == queues(engine_book(exchange, "BTC/USD", 10))


def test_a_connection_takes_two_hundred_symbols():
    """The 201st is refused alone, and there is room again when one is left."""
    specs = [SymbolSpec(f"C{number}/USD", price="10.0", price_precision=1, levels=3) for number in range(201)]
    exchange = Exchange(seed=1, symbols=specs, rate=0)
    client = Client(exchange)
    answers = client.say("subscribe", *(spec.symbol for spec in specs), seconds=10)
    assert [answer["success"] for answer in answers].count(True) == 200
    (refused,) = [answer for answer in answers if not answer["success"]]
    assert refused["symbol"] == "C200/USD"
    assert "200" in refused["error"]
    client.say("unsubscribe", "C0/USD")
    assert [symbol_of(answer) for answer in client.say("subscribe", "C200/USD")] == [(True, "C200/USD")]


def test_faults_reach_level_3_too(exchange):
    """A wrong checksum, a bent quantity, and a snapshot in mid-stream that fits."""
    client = Client(exchange)
    client.say("subscribe", "BTC/USD", seconds=2)
    exchange.fault("duplicate_snapshot", symbol="BTC/USD")
    exchange.advance(exchange.now + 2)
    assert [kind for kind, _ in client.records()].count("snapshot") == 2
    assert queues(replay(client.records(), 10)) == queues(engine_book(exchange, "BTC/USD", 10))
    for fault in ("wrong_checksum", "corrupt_level"):
        fresh = Client(exchange)
        fresh.say("subscribe", "BTC/USD")
        exchange.fault(fault, symbol="BTC/USD", connection=fresh.connection.id)
        exchange.advance(exchange.now + 2)
        with pytest.raises(AssertionError):
            replay(fresh.records(), 10)
    assert [record.name for record in exchange.faults] == ["duplicate_snapshot", "wrong_checksum", "corrupt_level"]


def test_orders_of_accounts_are_in_the_queues_under_their_own_ids(exchange):
    """One joins, shrinks in place, grows to the back, moves and leaves; of an iceberg only the peak is seen."""
    watcher, trader = Client(exchange), Client(exchange, "auth")
    watcher.say("subscribe", "BTC/USD", depth=1000)
    price = float(watcher.records()[0][1]["bids"][0]["limit_price"]) - 200

    def trade(method: str, **params) -> list[tuple]:
        seen = len(watcher.records())
        answer = trader.ask(method, **params)
        assert answer["success"], answer
        orders = [entry for _, record in watcher.records()[seen:] for entry in record["bids"]]
        return [
            (entry["event"], str(entry["order_qty"]), float(entry["limit_price"]) - price)
            for entry in orders
            if entry["order_id"] == (trader.order_id or answer["result"]["order_id"])
        ]

    order = {"symbol": "BTC/USD", "side": "buy", "limit_price": price}
    assert trade("add_order", order_type="limit", order_qty=1.5, **order) == [("add", "1.50000000", 0)]
    trader.order_id = trader.last["order_id"]
    amend = {"order_id": trader.order_id}
    assert trade("amend_order", order_qty=1.0, **amend) == [("modify", "1.00000000", 0)]
    assert trade("amend_order", order_qty=2.0, **amend) == [("modify", "2.00000000", 0)]
    moved = trade("amend_order", order_qty=2.0, limit_price=price - 1, **amend)
    assert moved == [("delete", "2.00000000", 0), ("add", "2.00000000", -1)]
    assert trade("cancel_order", order_id=[trader.order_id]) == [("delete", "2.00000000", -1)]
    trader.order_id = None
    iceberg = trade("add_order", order_type="iceberg", order_qty=1.5, display_qty=0.1, **order)
    assert iceberg == [("add", "0.10000000", 0)]
    assert queues(replay(watcher.records(), 1000)) == queues(engine_book(exchange, "BTC/USD", 1000))


@pytest.mark.parametrize(("digits", "snapshots"), [(2, 1), (0, 2)])
def test_another_precision_leaves_no_wrong_book(exchange, digits, snapshots):
    """Finer prices go on; coarser ones merge levels, so that a new snapshot comes."""
    client = Client(exchange)
    client.say("subscribe", "BTC/USD", seconds=2)
    exchange.fault("precision", symbol="BTC/USD", price_precision=digits)
    exchange.advance(exchange.now + 5)
    records = client.records()
    assert [kind for kind, _ in records].count("snapshot") == snapshots
    if snapshots == 2:
        last = max(place for place, (kind, _) in enumerate(records) if kind == "snapshot")
        assert queues(replay(records[last:], 10)) == queues(engine_book(exchange, "BTC/USD", 10))
    last_text = [text for text in client.texts if '"level3"' in text][-1]
    assert {len(fraction) for fraction in re.findall(r'"limit_price":[0-9]+\.?([0-9]*),', last_text)} == {digits}
