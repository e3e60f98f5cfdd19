"""The auth host without sockets: who may listen, what `executions` and `balances` say, and in which order."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from rxkraken.errors import InvalidArgument
from rxkraken.simulator.exchange import Exchange


class Trader:
    """Connects to the auth host with a token, and collects what it is told."""

    def __init__(self, exchange: Exchange, key=None, role: str = "auth") -> None:
        self.exchange = exchange
        self.texts: list[str] = []
        self.closed: list[tuple[int, str]] = []
        self.token, self.expires = exchange.issue_token(key or exchange.credentials.key)
        self.connection = exchange.connect(role, self.texts.append, lambda *how: self.closed.append(how))

    def ask(self, method: str, seconds: float = 0.1, **params) -> list[dict]:
        """Send a request with the token and return its replies, times left out."""
        return self.raw({"method": method, "params": {"token": self.token, **params}, "req_id": 7}, seconds)

    def raw(self, message: dict, seconds: float = 0.1) -> list[dict]:
        seen = len(self.texts)
        self.connection.receive(json.dumps(message))
        self.wait(seconds)
        replies = [frame for frame in self.frames(seen) if "method" in frame]
        for reply in replies:
            assert reply.pop("time_in") <= reply.pop("time_out")
        return replies

    def wait(self, seconds: float) -> None:
        self.exchange.advance(self.exchange.now + seconds)

    def frames(self, start: int = 0) -> list[dict]:
        return [json.loads(text, parse_float=Decimal) for text in self.texts[start:]]

    def channel(self, name: str) -> list[dict]:
        return [frame for frame in self.frames() if frame.get("channel") == name]

    def events(self) -> list[dict]:
        """Every entry of `executions` updates."""
        return [entry for frame in self.channel("executions") if frame["type"] == "update" for entry in frame["data"]]


def refused(error: str, method: str = "subscribe", **more) -> list[dict]:
    return [{"method": method, "success": False, "error": error, "req_id": 7, **more}]


@pytest.fixture
def exchange():
    """A market that stands still unless an account moves it."""
    return Exchange(seed=5, symbols=["BTC/USD", "ETH/USD"], rate=0)


@pytest.fixture
def trader(exchange):
    return Trader(exchange)


def limit(qty="0.1", price="80000.0", **more) -> dict:
    return {"order_type": "limit", "side": "buy", "symbol": "BTC/USD", "order_qty": float(qty),
            "limit_price": float(price), **more}  # fmt: skip


def test_a_private_subscription_is_acked_then_snapshotted_and_counted_from_one(trader):
    """The ack names the account's threshold and the four deprecated fields; both counters start at 1."""
    (ack,) = trader.ask("subscribe", channel="executions", snap_trades=True)
    assert ack == {
        "method": "subscribe", "success": True, "req_id": 7,
        "result": {
            "channel": "executions", "maxratecount": 180, "snapshot": True, "snap_orders": True, "snap_trades": True,
            "warnings": [
                "cancel_reason is deprecated, use reason",
                "stop_price is deprecated, use triggers.price",
                "trigger is deprecated use triggers.reference",
                "triggered_price is deprecated use triggers.last_price",
            ],
        },
    }  # fmt: skip
    (ack,) = trader.ask("subscribe", channel="balances")
    assert ack["result"] == {"channel": "balances", "snapshot": True}
    assert trader.channel("executions") == [{"channel": "executions", "type": "snapshot", "data": [], "sequence": 1}]
    (balances,) = trader.channel("balances")
    assert (balances["type"], balances["sequence"]) == ("snapshot", 1)
    assert {entry["asset"]: entry["balance"] for entry in balances["data"]}["USD"] == 1_000_000
    assert trader.ask("subscribe", channel="balances") == refused("Already subscribed")


@pytest.mark.parametrize(
    ("token", "error", "more"),
    [
        (None, "Token(s) not found", {}),
        ("never issued", "ESession:Invalid session", {"status": "error"}),
    ],
)
def test_a_request_without_a_good_token_is_refused_and_the_socket_stays(trader, token, error, more):
    """Subscriptions and orders alike; nothing is placed."""
    for method, params in (("subscribe", {"channel": "executions"}), ("add_order", limit())):
        fields = {**params, **({"token": token} if token else {})}
        assert trader.raw({"method": method, "params": fields, "req_id": 7}) == refused(error, method, **more)
    assert trader.closed == []
    assert trader.exchange.accounts["demo"].orders == {}
    assert trader.exchange.received == []


def test_a_token_must_be_used_within_900_seconds_and_then_lives_with_its_connection(exchange):
    """An unused one expires; one in use does not, until the connection that used it is gone."""
    late, early = Trader(exchange), Trader(exchange)
    assert late.expires == 900
    early.ask("subscribe", channel="balances")
    early.wait(901)
    late = Trader(exchange)
    assert late.raw({"method": "subscribe", "params": {"channel": "balances", "token": early.token}, "req_id": 7})[0][
        "success"
    ]
    unused, _ = exchange.issue_token(exchange.credentials.key)
    late.wait(901)
    late.token = unused
    assert late.ask("cancel_all") == refused("ESession:Invalid session", "cancel_all", status="error")
    for trader in (late, early):
        trader.connection.closed()
    again = Trader(exchange)
    again.token = early.token
    assert again.ask("cancel_all") == refused("ESession:Invalid session", "cancel_all", status="error")


def test_a_key_does_only_what_it_is_permitted(exchange):
    """Listening without trading, and the other way round."""
    reader = Trader(exchange, exchange.add_key("demo", permissions=["query_funds", "websockets"]).key)
    assert reader.ask("subscribe", channel="balances")[0]["success"]
    assert reader.ask("subscribe", channel="executions") == refused("EGeneral:Permission denied")
    assert reader.ask("add_order", **limit()) == refused("EGeneral:Permission denied", "add_order")
    assert reader.ask("cancel_all") == refused("EGeneral:Permission denied", "cancel_all")
    writer = Trader(exchange, exchange.add_key("demo", permissions=["modify_orders"]).key)
    assert writer.ask("add_order", **limit())[0]["success"]
    assert writer.ask("subscribe", channel="balances") == refused("EGeneral:Permission denied")


def test_each_host_serves_its_own_channels_and_methods(exchange):
    """Public data is not on the auth host, private data and trading on no other."""
    auth, public = Trader(exchange), Trader(exchange, role="public")
    assert auth.raw(
        {"method": "subscribe", "params": {"channel": "ticker", "symbol": ["BTC/USD"]}, "req_id": 7}
    ) == refused("Subscription name invalid")
    host = "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
    assert public.ask("subscribe", channel="executions") == refused(host)
    assert public.ask("add_order", **limit()) == refused(host, "add_order")
    assert auth.raw({"method": "ping", "req_id": 7}) == [{"method": "pong", "req_id": 7}]


def test_unknown_parameters_and_wrong_types_of_a_subscription_are_refused(trader):
    assert trader.ask("subscribe", channel="executions", colour="red") == refused(
        "Unsupported field: 'colour' for the given msg type: subscribe"
    )
    assert trader.ask("subscribe", channel="balances", snapshot=1) == refused("Snapshot field must be a boolean")


def test_unsubscribing_ends_the_channel_and_subscribing_again_counts_from_one(trader):
    """The ack names the channel only; without a subscription the refusal says `subscribe`."""
    trader.ask("subscribe", channel="executions")
    assert trader.ask("unsubscribe", channel="executions") == [
        {"method": "unsubscribe", "success": True, "req_id": 7, "result": {"channel": "executions"}}
    ]
    assert trader.ask("unsubscribe", channel="executions") == refused("Subscription Not Found")
    trader.ask("add_order", **limit())
    trader.ask("subscribe", channel="executions")
    assert [frame["sequence"] for frame in trader.channel("executions")] == [1, 1]
    assert trader.events() == []


def test_a_resting_order_is_told_sparsely_from_pending_to_its_end(trader):
    """Only `pending_new` says what the order is."""
    trader.ask("subscribe", channel="executions")
    (reply,) = trader.ask("add_order", **limit(cl_ord_id="mine"))
    order_id = reply["result"]["order_id"]
    assert reply["result"] == {"order_id": order_id, "cl_ord_id": "mine"}
    trader.ask("amend_order", cl_ord_id="mine", order_qty=0.05)
    trader.ask("cancel_order", cl_ord_id=["mine"])
    pending, new, amended, canceled = trader.events()
    common = {"order_id": order_id, "order_userref": 0}
    times = [entry.pop("timestamp") for entry in (pending, new, amended, canceled)]
    assert times == sorted(times)
    nothing = {"cum_qty": Decimal("0E-8"), "cum_cost": 0, "avg_price": Decimal("0.0")}
    assert pending == {
        **common, "symbol": "BTC/USD", "side": "buy", "order_type": "limit", "time_in_force": "GTC",
        "order_qty": Decimal("0.10000000"), "limit_price": Decimal("80000.0"), "limit_price_type": "static",
        "fee_ccy_pref": "fciq", "stop_price": 0, "cl_ord_id": "mine", "cum_cost": 0, "fee_usd_equiv": 0,
        "exec_type": "pending_new", "order_status": "pending_new",
    }  # fmt: skip
    assert new == {**common, "exec_type": "new", "order_status": "new"}
    assert amended == {
        **common, **nothing, "order_qty": Decimal("0.05000000"), "limit_price": Decimal("80000.0"),
        "limit_price_type": "static", "reason": "User requested", "amended": True, "exec_type": "amended",
        "order_status": "new",
    }  # fmt: skip
    assert canceled == {
        **common, **nothing, "fee_usd_equiv": 0, "cancel_reason": "User requested", "reason": "User requested",
        "exec_type": "canceled", "order_status": "canceled",
    }  # fmt: skip
    assert [frame["sequence"] for frame in trader.channel("executions")] == [1, 2, 3, 4, 5]


def test_every_fill_is_partially_filled_and_the_end_is_told_apart(trader):
    """A market order through several levels: trades, then `filled`; numbers of the trades add up to it."""
    trader.ask("subscribe", channel="executions")
    trader.ask("add_order", order_type="market", side="buy", symbol="BTC/USD", order_qty=3.0)
    kinds = [(entry["exec_type"], entry["order_status"]) for entry in trader.events()]
    trades = [entry for entry in trader.events() if entry["exec_type"] == "trade"]
    assert len(trades) > 2
    assert kinds == [
        ("pending_new", "pending_new"), ("new", "new"), *[("trade", "partially_filled")] * len(trades),
        ("filled", "filled"),
    ]  # fmt: skip
    last = trader.events()[-1]
    assert last["cum_qty"] == trades[-1]["cum_qty"] == sum(trade["last_qty"] for trade in trades) == 3
    assert last["cum_cost"] == sum(trade["cost"] for trade in trades)
    assert {trade["liquidity_ind"] for trade in trades} == {"t"}
    assert [trade["trade_id"] for trade in trades] == sorted({trade["trade_id"] for trade in trades})


def test_a_fill_makes_two_ledger_records_that_share_its_execution_id(trader):
    """One message per asset; each balance is the one before plus the amount minus the fee."""
    trader.ask("subscribe", channel="executions")
    trader.ask("subscribe", channel="balances")
    trader.ask("add_order", order_type="market", side="buy", symbol="BTC/USD", order_qty=0.01)
    (trade,) = [entry for entry in trader.events() if entry["exec_type"] == "trade"]
    snapshot, *updates = trader.channel("balances")
    assert [frame["sequence"] for frame in updates] == [2, 3]
    paid, got = [entry for frame in updates for entry in frame["data"]]
    assert paid["ref_id"] == got["ref_id"] == trade["exec_id"]
    assert (paid["asset"], got["asset"]) == ("USD", "BTC")
    assert -paid["amount"] == trade["cost"].quantize(Decimal("0.0001"), "ROUND_DOWN")
    assert [{"asset": "USD", "qty": paid["fee"]}] == trade["fees"]
    before = {entry["asset"]: entry["balance"] for entry in snapshot["data"]}
    for record in (paid, got):
        assert record["balance"] == before[record["asset"]] + record["amount"] - record["fee"]
    assert (got["amount"], got["fee"]) == (Decimal("0.01"), 0)


def test_the_snapshot_tells_open_orders_and_the_last_fifty_fills(trader):
    """Orders whole with their state, fills with the state of theirs."""
    trader.ask("add_order", order_type="market", side="buy", symbol="BTC/USD", order_qty=0.01)
    trader.ask("add_order", **limit(order_userref=9))
    (ack,) = trader.ask("subscribe", channel="executions", snap_trades=True)
    assert ack["success"]
    (snapshot,) = trader.channel("executions")
    order, fill = snapshot["data"]
    assert (snapshot["sequence"], order["order_status"], order["order_userref"]) == (1, "new", 9)
    assert (order["symbol"], order["order_qty"], order["cum_qty"]) == ("BTC/USD", Decimal("0.1"), 0)
    assert (fill["exec_type"], fill["order_status"], fill["last_qty"]) == ("trade", "filled", Decimal("0.01"))
    other = Trader(trader.exchange)
    other.ask("subscribe", channel="executions", snap_orders=False, snap_trades=False)
    other.ask("add_order", **limit())
    assert [(frame["type"], frame["sequence"]) for frame in other.channel("executions")] == [
        ("update", 1), ("update", 2),
    ]  # fmt: skip


def test_options_of_the_subscription_add_the_rate_counter_and_leave_transitions_out(trader):
    """`ratecounter` adds what the pair's counter says, `order_status` false leaves beginnings and ends."""
    counting, essential = Trader(trader.exchange), Trader(trader.exchange)
    counting.ask("subscribe", channel="executions", ratecounter=True)
    essential.ask("subscribe", channel="executions", order_status=False)
    trader.ask("add_order", **limit(cl_ord_id="x"))
    trader.ask("amend_order", cl_ord_id="x", order_qty=0.2)
    trader.ask("cancel_order", cl_ord_id=["x"])
    assert [entry["ratecount"] for entry in counting.events()] == [1, 1, 5, 12]
    assert [entry["exec_type"] for entry in essential.events()] == ["new", "canceled"]


def test_accounts_do_not_hear_of_each_other(exchange):
    """Two accounts trade with each other: each hears its own side, with the same trade id."""
    exchange.add_account("other", balances={"USD": 500_000, "BTC": 5}, tier="starter")
    mine, theirs = Trader(exchange), Trader(exchange, exchange.add_key("other").key)
    assert mine.ask("subscribe", channel="executions")[0]["result"]["maxratecount"] == 180
    assert theirs.ask("subscribe", channel="executions")[0]["result"]["maxratecount"] == 60
    best = exchange.markets["BTC/USD"].engine.bids.best.price + 1
    mine.ask("add_order", **limit(price=best / 10))
    theirs.ask("add_order", **{**limit(price=best / 10), "side": "sell"})
    maker, taker = ([e for e in each.events() if e["exec_type"] == "trade"] for each in (mine, theirs))
    assert [(e["side"], e["liquidity_ind"]) for e in maker + taker] == [("buy", "m"), ("sell", "t")]
    assert maker[0]["trade_id"] == taker[0]["trade_id"]
    assert maker[0]["exec_id"] != taker[0]["exec_id"]


def test_a_connection_without_a_private_subscription_is_closed_when_nothing_is_asked(exchange):
    """A minute, as on the public host; a subscription keeps it open."""
    idle, pinging, listening = Trader(exchange), Trader(exchange), Trader(exchange)
    listening.ask("subscribe", channel="balances")
    for _ in range(10):
        pinging.raw({"method": "ping"}, 9.0)
    assert idle.closed == [(1000, "no activity")]
    assert pinging.closed == listening.closed == []


def test_answers_and_executions_travel_on_their_own(trader):
    """Either may come first; the messages of one channel keep their order."""
    trader.ask("subscribe", channel="executions")
    firsts = set()
    for _ in range(30):
        seen = len(trader.texts)
        trader.ask("add_order", **limit("0.01"))
        kinds = [frame.get("method") or frame["channel"] for frame in trader.frames(seen)]
        firsts.add(next(kind for kind in kinds if kind != "heartbeat"))
    assert firsts == {"add_order", "executions"}
    sequences = [frame["sequence"] for frame in trader.channel("executions")]
    assert sequences == list(range(1, 62))


def test_a_deposit_is_one_ledger_record(trader):
    trader.ask("subscribe", channel="balances")
    trader.exchange.deposit("demo", "USD", "12.5")
    trader.wait(0.1)
    (record,) = trader.channel("balances")[-1]["data"]
    assert (record["type"], record["asset"], record["amount"]) == ("deposit", "USD", Decimal("12.5"))
    assert record["balance"] == Decimal("1000012.5")


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (lambda exchange: exchange.deposit("nobody", "USD", 1), "there is no account 'nobody'"),
        (lambda exchange: exchange.deposit("demo", "USD", "much"), "cannot be paid in"),
        (lambda exchange: exchange.add_account("demo", balances={}), "is taken"),
        (lambda exchange: exchange.add_account("market", balances={}), "is taken"),
        (lambda exchange: exchange.add_account("x", balances={"USD": -1}), "0 or more"),
        (lambda exchange: exchange.add_account("x", balances={}, tier="gold"), "starter, intermediate, pro"),
        (lambda exchange: exchange.add_key("demo", permissions=["fly"]), "query_funds"),
        (lambda exchange: exchange.issue_token("unknown"), "add_key"),
        (lambda exchange: Exchange(batch_cancel="x"), '"live" or "docs"'),
    ],
)
def test_a_wrong_argument_is_told_what_is_allowed(exchange, wrong, words):
    with pytest.raises(InvalidArgument, match=words):
        wrong(exchange)


def test_a_seed_decides_every_byte():
    """Keys, tokens, ids, amounts and times."""

    def day() -> list[str]:
        exchange = Exchange(seed=11, symbols=["BTC/USD"], rate=20)
        trader = Trader(exchange)
        for channel in ("executions", "balances"):
            trader.ask("subscribe", channel=channel)
        for price in ("84200", "84300", "84260"):
            trader.ask("add_order", 2.0, **limit(price=price))
        trader.ask("cancel_all")
        return [exchange.credentials.key, trader.token, *trader.texts]

    assert day() == day()
