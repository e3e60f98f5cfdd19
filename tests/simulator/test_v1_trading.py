"""The private host of WebSocket v1: orders go to the one desk there is, and two channels tell what becomes of them."""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from rxkraken.simulator.exchange import Exchange

D = Decimal


class Trader:
    """A v1 client that merges `openOrders`, collects `ownTrades`, and keeps the events."""

    def __init__(self, exchange: Exchange, *channels: str, key: str | None = None, **options: object) -> None:
        self.exchange = exchange
        self.orders: dict[str, dict[str, Any]] = {}
        self.trades: dict[str, dict[str, Any]] = {}
        self.updates: list[dict[str, Any]] = []
        self.sequences: dict[str, list[int]] = {"openOrders": [], "ownTrades": []}
        self.frames: list[Any] = []
        self.connection = exchange.connect("v1-auth", self.take, lambda *_: None)
        self.token, _ = exchange.issue_token(key or exchange.credentials.key)
        for channel in channels:
            self.subscribe(channel, **options)

    def take(self, text: str) -> None:
        frame = json.loads(text)
        self.frames.append(frame)
        if not isinstance(frame, list):
            return
        records, channel, tail = frame
        self.sequences[channel].append(tail["sequence"])
        for record in records:
            for name, entry in record.items():
                if channel == "openOrders":
                    self.updates.append(entry)
                    self.orders.setdefault(name, {}).update(entry)
                else:
                    self.trades[name] = entry

    def ask(self, event: str, **fields: object) -> list[Any]:
        before = len(self.frames)
        self.connection.receive(json.dumps({"event": event, "token": self.token, **fields}))
        self.exchange.advance(self.exchange.now + 0.1)
        return [frame for frame in self.frames[before:] if isinstance(frame, dict) and frame["event"] != "heartbeat"]

    def subscribe(self, channel: str, event: str = "subscribe", **options: object) -> list[Any]:
        subscription = {"name": channel, "token": self.token, **options}
        return self.ask(event, subscription=subscription)

    def add(self, ordertype: str = "limit", side: str = "buy", volume: object = "0.1", **fields: object) -> Any:
        (answer,) = self.ask("addOrder", pair="XBT/USD", ordertype=ordertype, type=side, volume=volume, **fields)
        return answer


@pytest.fixture
def exchange():
    return Exchange(seed=2, symbols=["BTC/USD", "DOGE/USD"], rate=0)


@pytest.fixture
def trader(exchange):
    return Trader(exchange, "openOrders", "ownTrades")


# --- subscriptions --------------------------------------------------------------------------------------------------


def test_private_acks_repeat_no_token_and_snapshots_come_first(exchange):
    trader = Trader(exchange)
    (orders,) = trader.subscribe("openOrders", ratecounter=True)
    (trades,) = trader.subscribe("ownTrades")
    assert orders == {
        "channelName": "openOrders", "event": "subscriptionStatus", "status": "subscribed",
        "subscription": {"maxratecount": 180, "name": "openOrders"},
    }  # fmt: skip
    assert trades["subscription"] == {"name": "ownTrades"}
    assert [frame for frame in trader.frames if isinstance(frame, list)] == [
        [[], "openOrders", {"sequence": 1}], [[], "ownTrades", {"sequence": 1}],
    ]  # fmt: skip
    (again,) = trader.subscribe("openOrders")
    assert again["errorMessage"] == "Already subscribed"
    (left,) = trader.subscribe("openOrders", event="unsubscribe")
    assert (left["channelName"], left["status"]) == ("openOrders", "unsubscribed")
    trader.add(price="80000")
    assert trader.sequences["openOrders"] == [1]


def test_both_private_channels_can_be_had_at_once(exchange):
    trader = Trader(exchange)
    assert [ack["channelName"] for ack in trader.subscribe("*")] == ["openOrders", "ownTrades"]


def test_a_pair_has_no_place_in_a_private_subscription(exchange):
    trader = Trader(exchange)
    subscription = {"name": "openOrders", "token": trader.token}
    (answer,) = trader.ask("subscribe", pair=["XBT/USD"], subscription=subscription)
    assert answer["errorMessage"] == "Pair field unsupported for this subscription type"
    assert answer["subscription"] == {"name": "openOrders"}


def test_tokens_and_permissions_are_looked_at(exchange):
    poor = exchange.add_key("demo", permissions=["websockets", "query_open_orders"])
    trader = Trader(exchange, key=poor.key)
    assert trader.subscribe("openOrders")[0]["status"] == "subscribed"
    for event, fields in (
        ("addOrder", {"pair": "XBT/USD", "ordertype": "market", "type": "buy", "volume": "1"}),
        ("editOrder", {"orderid": "O", "pair": "XBT/USD"}),
        ("amendOrder", {"txid": "O"}),
        ("cancelOrder", {"txid": ["O"]}),
        ("cancelAll", {}),
        ("cancelAllOrdersAfter", {"timeout": 60}),
    ):
        assert trader.ask(event, reqid=9, **fields) == [
            {"errorMessage": "EGeneral:Permission denied", "event": f"{event}Status", "reqid": 9, "status": "error"}
        ]
    trader.token = "wrong"
    assert trader.subscribe("ownTrades")[0]["errorMessage"] == "ESession:Invalid session"
    assert trader.ask("cancelAll")[0]["errorMessage"] == "ESession:Invalid session"
    assert trader.ask("cancelAll", token=None)[0]["status"] == "error"
    assert not exchange.received


# --- placing --------------------------------------------------------------------------------------------------------


def test_a_market_order_lives_as_in_the_reference(trader):
    """Section 7.1 prints the four messages of one."""
    answer = trader.add("market", volume="0.0001", reqid=7)
    assert answer == {
        "descr": "buy 0.00010000 XBTUSD @ market", "event": "addOrderStatus", "reqid": 7, "status": "ok",
        "txid": answer["txid"],
    }  # fmt: skip
    whole, opened, filled, closed = trader.updates
    opening, last = D(whole.pop("opentm")), D(closed.pop("lastupdated"))
    assert opening == last
    assert whole == {
        "avg_price": "0.00000", "cost": "0.00000",
        "descr": {
            "close": None, "leverage": None, "order": "buy 0.00010000 XBT/USD @ market 0.00000",
            "ordertype": "market", "pair": "XBT/USD", "price": "0.00000", "price2": "0.00000", "type": "buy",
        },
        "expiretm": None, "fee": "0.00000", "limitprice": "0.00000", "misc": "", "oflags": "fciq", "refid": None,
        "starttm": None, "status": "pending", "stopprice": "0.00000", "timeinforce": "GTC", "userref": 0,
        "vol": "0.00010000", "vol_exec": "0.00000000",
    }  # fmt: skip
    assert opened == {"status": "open", "userref": 0}
    assert set(filled) == {"vol_exec", "cost", "fee", "avg_price", "userref"}
    assert closed == {**filled, "status": "closed"}
    (trade,) = trader.trades.values()
    assert {key: type(value) for key, value in trade.items()} == {
        **dict.fromkeys(
            ("cost", "fee", "margin", "ordertxid", "ordertype", "pair", "postxid", "price", "time", "type", "vol"), str
        ),
        "userref": int,
    }
    assert (trade["ordertxid"], trade["pair"], trade["type"]) == (answer["txid"], "XBT/USD", "buy")
    assert [trade["cost"], trade["fee"], trade["vol"]] == [filled["cost"], filled["fee"], filled["vol_exec"]]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"price": "80000"}, "buy 0.10000000 XBTUSD @ limit 80000.0"),
        ({"price": 80000.5, "volume": 0.25}, "buy 0.25000000 XBTUSD @ limit 80000.5"),
        ({"ordertype": "stop-loss", "price": "90000"}, "buy 0.10000000 XBTUSD @ stop loss 90000.0"),
        (
            {"ordertype": "stop-loss-limit", "side": "sell", "price": "-2%", "price2": "-10"},
            "sell 0.10000000 XBTUSD @ stop loss -2.0000% -> limit -10.0",
        ),
        (
            {"ordertype": "trailing-stop", "side": "sell", "price": "+1%"},
            "sell 0.10000000 XBTUSD @ trailing stop +1.0000%",
        ),
        ({"price": "80000", "validate": "true"}, "buy 0.10000000 XBTUSD @ limit 80000.0"),
    ],
)
def test_orders_of_every_kind_are_placed_and_described(trader, fields, words):
    answer = trader.add(**fields)
    assert (answer["status"], answer["descr"]) == ("ok", words)
    assert ("txid" in answer) == ("validate" not in fields) == bool(trader.exchange.accounts["demo"].open_orders)


def test_every_parameter_reaches_the_order(trader):
    answer = trader.add(
        price="80000", oflags="post,fcib", userref="666", expiretm="+600", timeinforce="GTD", stp_type="cancel_oldest",
        **{"close[ordertype]": "stop-loss-limit", "close[price]": "75000", "close[price2]": "74000"},
    )  # fmt: skip
    order = trader.exchange.accounts["demo"].orders[answer["txid"]]
    assert (order.post_only, order.fee_preference, order.order_userref) == (True, "base", 666)
    assert (order.time_in_force, order.expire_time, order.stp_type) == (
        "gtd",
        pytest.approx(600, abs=1),
        "cancel_oldest",
    )
    told = trader.orders[answer["txid"]]
    assert (told["oflags"], told["userref"], told["timeinforce"]) == ("fcib,post", 666, "GTD")
    assert D(told["expiretm"]) == trader.exchange.calendar.seconds(0) + 600
    assert told["contingent"] == {
        "oflags": "", "ordertype": "stop-loss-limit", "price": "75000.00000", "price2": "74000.00000",
    }  # fmt: skip
    assert told["descr"]["close"] == "close position @ stop loss 75000.00000 -> limit 74000.00000"
    named = trader.add(price="80000", cl_ord_id="mine")
    assert named["cl_ord_id"] == "mine"
    assert trader.orders[named["txid"]]["cl_ord_id"] == "mine"
    cash = trader.add("market", volume="500", oflags="viqc")
    assert trader.orders[cash["txid"]]["vol"] == "500.00000000"
    assert trader.orders[cash["txid"]]["oflags"] == "fciq,viqc"


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"volume": "0.00000001", "price": "80000"}, "EOrder:Order minimum not met"),
        ({"price": "80000.05"}, "EOrder:Tick size check failed"),
        ({"volume": "1000", "price": "80000"}, "EOrder:Insufficient funds"),
        ({"pair": "BTC/USD", "price": "80000"}, "EQuery:Unknown asset pair"),
        ({"ordertype": "stop-loss-profit", "price": "80000"}, "EGeneral:Invalid arguments"),
        ({"volume": "much", "price": "80000"}, "EGeneral:Invalid arguments:volume"),
        ({}, "EGeneral:Invalid arguments:price"),
        ({"price": "80000", "userref": "x"}, "EGeneral:Invalid arguments:userref"),
        ({"price": "80000", "colour": "red"}, "EGeneral:Invalid arguments:colour"),
        ({"price": "80000", "oflags": "post,blue"}, "EGeneral:Invalid arguments:oflags"),
        ({"price": "99000", "oflags": "post"}, "EOrder:Post only order"),
        ({"price": "80000", "margin": True}, "EOrder:Margin allowance exceeded"),
        ({"price": "80000", "leverage": "2"}, "EOrder:Margin allowance exceeded"),
        ({"price": "80000", "reduce_only": True}, "EOrder:Reduce only:No position exists"),
        ({"price": "80000", "deadline": "2020-01-01T00:00:00Z"}, "EService:Deadline elapsed"),
    ],
)
def test_an_order_that_breaks_a_rule_is_refused_in_krakens_words(trader, fields, error):
    asked = {"pair": "XBT/USD", "ordertype": "limit", "type": "buy", "volume": "0.1", **fields}
    (answer,) = trader.ask("addOrder", reqid=1, **asked)
    assert answer == {"errorMessage": error, "event": "addOrderStatus", "reqid": 1, "status": "error"}
    assert not trader.exchange.accounts["demo"].orders


# --- changing and cancelling ----------------------------------------------------------------------------------------


def test_an_edit_gives_another_order_with_another_id(trader):
    old = trader.add(price="80000", userref="5")["txid"]
    (answer,) = trader.ask(
        "editOrder", orderid=old, pair="XBT/USD", price="79000", volume="0.2", newuserref="6", reqid=3
    )
    assert answer == {
        "descr": "order edited volume = 0.20000000, price = 79000.00000000", "event": "editOrderStatus",
        "originaltxid": old, "reqid": 3, "status": "ok", "txid": answer["txid"],
    }  # fmt: skip
    assert trader.orders[old]["status"] == "canceled"
    new = trader.orders[answer["txid"]]
    assert (new["status"], new["vol"], new["descr"]["price"], new["userref"]) == (
        "open",
        "0.20000000",
        "79000.00000",
        6,
    )
    (by_userref,) = trader.ask("editOrder", orderid="6", pair="XBT/USD", price="78000")
    assert by_userref["originaltxid"] == answer["txid"]
    (unknown,) = trader.ask("editOrder", orderid=old[::-1], pair="XBT/USD", price="78000")
    assert unknown["errorMessage"] == "EOrder:Unknown order"
    (relative,) = trader.ask("editOrder", orderid=by_userref["txid"], pair="XBT/USD", price="-5%", validate=True)
    assert (relative["descr"], "txid" in relative) == ("order edited price = -5%", False)


def test_an_amend_changes_an_order_in_place(trader):
    txid = trader.add(price="80000", cl_ord_id="mine")["txid"]
    (answer,) = trader.ask("amendOrder", cl_ord_id="mine", limit_price="80500.5", volume="0.3", reqid=8)
    assert answer == {
        "amend_id": answer["amend_id"], "cl_ord_id": "mine", "event": "amendOrderStatus", "reqid": 8, "status": "ok",
        "txid": txid,
    }  # fmt: skip
    told = trader.orders[txid]
    assert (told["status"], told["vol"], told["descr"]["price"], told["amended"]) == (
        "open", "0.30000000", "80500.50000", True,
    )  # fmt: skip
    assert "amend_reason" in told
    stop = trader.add("stop-loss", price="90000")["txid"]
    trader.ask("amendOrder", txid=stop, trigger_price="91000")
    assert (trader.orders[stop]["stopprice"], trader.orders[stop]["descr"]["price"]) == ("91000.00000", "91000.00000")
    (refused,) = trader.ask("amendOrder", txid="OABCDE-ABCDE-ABCDEF", limit_price="80000")
    assert refused["errorMessage"] == "EOrder:Unknown order"


def test_each_order_that_a_cancel_names_has_an_answer_of_its_own(trader):
    first, second = trader.add(price="80000")["txid"], trader.add(price="80001")["txid"]
    for price in ("80002", "80003"):
        trader.add(price=price, userref="77")
    trader.add(price="80004", cl_ord_id="mine")
    answers = trader.ask("cancelOrder", txid=[first, "OABCDE-ABCDE-ABCDEF", second, "77"], cl_ord_id=["mine"], reqid=6)
    good = {"event": "cancelOrderStatus", "reqid": 6, "status": "ok"}
    bad = {**good, "errorMessage": "EOrder:Unknown order", "status": "error"}
    key = lambda answer: answer["status"]  # noqa: E731 -- their order is unspecified
    assert sorted(answers, key=key) == sorted([good, bad, good, good, good], key=key)
    assert not trader.exchange.accounts["demo"].open_orders
    assert {order["status"] for order in trader.orders.values()} == {"canceled"}
    assert {order["cancel_reason"] for order in trader.orders.values()} == {"User requested"}
    (nothing,) = trader.ask("cancelOrder", txid=[])
    (no_array,) = trader.ask("cancelOrder", txid=first)
    assert nothing["errorMessage"] == no_array["errorMessage"] == "EGeneral:Invalid arguments:txid"


def test_everything_is_cancelled_at_once_and_counted(trader):
    for price in ("80000", "80001"):
        trader.add(price=price)
    assert trader.ask("cancelAll", reqid=5) == [{"count": 2, "event": "cancelAllStatus", "reqid": 5, "status": "ok"}]


def test_the_dead_mans_switch_is_armed_fires_and_is_disarmed(trader):
    trader.add(price="80000")
    (armed,) = trader.ask("cancelAllOrdersAfter", timeout=60, reqid=5)
    second = trader.exchange.calendar.seconds(0)
    assert armed == {
        "currentTime": "2026-01-01T00:00:01Z", "event": "cancelAllOrdersAfterStatus", "reqid": 5, "status": "ok",
        "triggerTime": "2026-01-01T00:01:01Z",
    }  # fmt: skip
    assert second == 1767225600
    (disarmed,) = trader.ask("cancelAllOrdersAfter", timeout=0)
    assert disarmed["triggerTime"] == "0"
    trader.exchange.advance(90)
    assert len(trader.exchange.accounts["demo"].open_orders) == 1
    trader.ask("cancelAllOrdersAfter", timeout="10")
    trader.exchange.advance(105)
    assert not trader.exchange.accounts["demo"].open_orders
    assert trader.ask("cancelAllOrdersAfter", timeout=-1)[0]["errorMessage"].startswith("EGeneral:Invalid arguments")


# --- what the channels tell -----------------------------------------------------------------------------------------


def test_a_taker_order_is_one_trade_unless_every_fill_is_wanted():
    exchange = Exchange(seed=2, symbols=["BTC/USD"], rate=0)
    together, apart = Trader(exchange, "ownTrades"), Trader(exchange, "ownTrades", consolidate_taker=False)
    together.add("market", volume="3")
    fills = exchange.accounts["demo"].fills
    assert len(fills) > 5
    (trade,) = together.trades.values()
    assert list(apart.trades) == [fill.exec_id for fill in fills]
    assert D(trade["vol"]) == sum(D(each["vol"]) for each in apart.trades.values()) == 3
    assert D(trade["cost"]) == sum(D(each["cost"]) for each in apart.trades.values())
    assert abs(D(trade["price"]) - D(trade["cost"]) / 3) < D("0.00001")
    late = Trader(exchange, "ownTrades")
    late_apart = Trader(exchange, "ownTrades", consolidate_taker=False)
    silent = Trader(exchange, "ownTrades", snapshot=False)
    owned = {"userref", "cl_ord_id"}
    assert late.trades == {name: {key: item for key, item in each.items() if key not in owned}
                           for name, each in together.trades.items()}  # fmt: skip
    assert set(late_apart.trades) == set(apart.trades)
    assert (silent.trades, silent.sequences["ownTrades"]) == ({}, [])


def test_the_counter_is_told_to_those_who_asked(exchange):
    trader = Trader(exchange, "openOrders", ratecounter=True)
    txid = trader.add(price="80000")["txid"]
    trader.ask("cancelOrder", txid=[txid])
    assert [update["ratecount"] for update in trader.updates] == [1, 1, 9]
    assert all("ratecount" not in update for update in Trader(exchange, "openOrders").updates)


def test_a_triggered_stop_and_its_end_are_told():
    exchange = Exchange(seed=2, symbols=["BTC/USD"], rate=0)
    trader = Trader(exchange, "openOrders")
    last = exchange.markets["BTC/USD"].reference("last")
    stop = trader.add("stop-loss-limit", "sell", price=str(last - 5), price2="#40")["txid"]
    assert trader.orders[stop]["stopprice"] == f"{last - 5:.5f}"
    assert (trader.orders[stop]["limitprice"], trader.orders[stop]["misc"]) == ("0.00000", "")
    trader.add("market", "sell", volume="15")
    exchange.advance(exchange.now + 1)
    assert trader.orders[stop]["misc"] == "stopped"
    assert trader.orders[stop]["limitprice"] == f"{last - 45:.5f}"


def test_an_order_that_another_created_names_it():
    exchange = Exchange(seed=2, symbols=["BTC/USD"], rate=0)
    trader = Trader(exchange, "openOrders")
    parent = trader.add("market", volume="0.01", **{"close[ordertype]": "limit", "close[price]": "99000"})["txid"]
    children = [order for order in trader.orders.values() if order["refid"] == parent]
    assert [(child["descr"]["type"], child["descr"]["price"]) for child in children] == [("sell", "99000.00000")]


def test_what_v1_does_v2_and_rest_see_and_the_other_way_round(exchange):
    old = Trader(exchange, "openOrders", "ownTrades")
    events: list[dict] = []
    modern = exchange.connect("auth", lambda text: events.append(json.loads(text, parse_float=D)), lambda *_: None)
    token, _ = exchange.issue_token(exchange.credentials.key)

    def send(method: str, **params: object) -> None:
        modern.receive(json.dumps({"method": method, "params": {**params, "token": token}}))
        exchange.advance(exchange.now + 0.1)

    send("subscribe", channel="executions")
    mine = old.add(price="80000", userref="5")["txid"]
    send("add_order", order_type="limit", side="buy", symbol="BTC/USD", order_qty=0.2, limit_price=80100)
    send("cancel_order", order_id=[mine])
    told = [row for event in events if event.get("channel") == "executions" for row in event["data"]]
    theirs = next(row["order_id"] for row in told if row["order_id"] != mine)
    assert [row["exec_type"] for row in told if row["order_id"] == mine] == ["pending_new", "new", "canceled"]
    assert (old.orders[mine]["status"], old.orders[theirs]["status"]) == ("canceled", "open")
    assert old.orders[theirs]["descr"]["order"] == "buy 0.20000000 XBT/USD @ limit 80100.00000"
    assert [(each.method, each.outcome) for each in exchange.received] == [
        ("add_order", "accepted"), ("add_order", "accepted"), ("cancel_order", "accepted"),
    ]  # fmt: skip


def test_a_naive_reader_knows_every_order_after_random_trading():
    """Whoever merges the updates has what a late subscriber gets whole, and the exchange's own books."""
    exchange, random = Exchange(seed=9, symbols=["BTC/USD"], rate=10), Random(4)
    trader = Trader(exchange, "openOrders")
    trader.subscribe("ownTrades", consolidate_taker=False)
    account = exchange.accounts["demo"]
    for _ in range(120):
        last = exchange.markets["BTC/USD"].reference("last")
        price = str(last + random.randrange(-40, 40))
        names = [order.order_id for order in account.open_orders]
        match random.randrange(6):
            case 0 | 1:
                trader.add("limit", random.choice(["buy", "sell"]), "0.05", price=price)
            case 2:
                trader.add("market", random.choice(["buy", "sell"]), "0.2")
            case 3 if names:
                trader.ask("amendOrder", txid=random.choice(names), limit_price=price, volume="0.07")
            case 4 if names:
                trader.ask("editOrder", orderid=random.choice(names), pair="XBT/USD", price=price, volume="0.06")
            case _ if names:
                trader.ask("cancelOrder", txid=[random.choice(names)])
            case _:
                pass
        exchange.advance(exchange.now + 2 * random.random())
    late = Trader(exchange, "openOrders")
    news = ("lastupdated", "cancel_reason", "amended", "amend_reason")
    still_open = {
        name: {key: item for key, item in order.items() if key not in news}
        for name, order in trader.orders.items()
        if order["status"] in ("pending", "open")
    }
    assert still_open == late.orders
    assert set(still_open) == {order.order_id for order in account.open_orders}
    assert len(trader.orders) == len(account.orders) > 40
    for name, order in account.orders.items():
        told = trader.orders[name]
        assert (D(told["vol_exec"]), D(told["cost"])) == (order.cum_qty, order.cum_cost)
    assert {name: D(trade["vol"]) for name, trade in trader.trades.items()} == {
        fill.exec_id: fill.qty for fill in account.fills
    }
    for sequence in trader.sequences.values():
        assert sequence == list(range(1, len(sequence) + 1))


def test_what_only_v2_can_place_is_told_in_v1s_words(exchange):
    """An iceberg shows its peak and what is left of it; an institution's name goes along."""
    old = Trader(exchange, "openOrders")
    desk, account = exchange.desk, exchange.accounts["demo"]
    placed = desk.add(account, {
        "symbol": "BTC/USD", "order_type": "iceberg", "side": "sell", "order_qty": D(3), "display_qty": D("0.5"),
        "limit_price": exchange.markets["BTC/USD"].reference("last"), "sender_sub_id": "desk-7",
    })  # fmt: skip
    exchange.advance(exchange.now + 0.1)
    told = old.orders[placed.order_id]
    filled = placed.order.cum_qty
    assert (told["display_volume"], told["sender_sub_id"], told["vol"]) == ("0.50000000", "desk-7", "3.00000000")
    assert told["descr"]["ordertype"] == "iceberg"
    rich = exchange.add_account("rich", balances={"USD": 1_000_000})
    desk.add(rich, {"symbol": "BTC/USD", "order_type": "market", "side": "buy", "order_qty": D("0.5")})
    exchange.advance(exchange.now + 0.1)
    assert D(told["vol_exec"]) == filled + D("0.5")
    assert old.orders[placed.order_id]["display_volume_remain"] == "0.50000000"
    desk.amend(account, {"order_id": placed.order_id, "display_qty": D("0.4")})
    old.ask("cancelOrder", txid=[placed.order_id])
    assert (told["display_volume"], told["status"], told["cancel_reason"]) == (
        "0.40000000",
        "canceled",
        "User requested",
    )
    assert placed.order_id in Trader(exchange, "openOrders").orders or not account.open_orders


def test_a_late_subscriber_sees_a_partly_filled_order_whole(exchange):
    trader = Trader(exchange, "openOrders")
    last = exchange.markets["BTC/USD"].reference("last")
    txid = trader.add(volume="10", price=str(last + 1))["txid"]
    (late,) = Trader(exchange, "openOrders").orders.values()
    assert late == {key: item for key, item in trader.orders[txid].items() if key != "lastupdated"}
    assert 0 < D(late["vol_exec"]) < 10
    take = trader.add("take-profit", "sell", "0.1", price=str(last + 400))["txid"]
    assert trader.orders[take]["stopprice"] == f"{last + 400:.5f}"
    trader.ask("cancelOrder", txid=[txid])
    assert trader.orders[txid]["status"] == "canceled"


def test_one_account_hears_nothing_of_another(exchange):
    exchange.add_account("other", balances={"USD": 100_000})
    key = exchange.add_key("other")
    mine, theirs = Trader(exchange, "openOrders", "ownTrades"), Trader(exchange, "openOrders", "ownTrades", key=key.key)
    mine.add("market", volume="0.1")
    placed = theirs.add(price="80000")["txid"]
    assert set(theirs.orders) == {placed}
    assert placed not in mine.orders
    assert theirs.trades == {}
    (refused,) = mine.ask("cancelOrder", txid=[placed])
    assert refused["errorMessage"] == "EOrder:Unknown order"
