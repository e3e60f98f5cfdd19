"""Accounts under random trading: money is conserved, and a naive reader of `executions` knows every order.

Two accounts trade on two markets with everybody else and with each other, in every way there is.
"""

from __future__ import annotations

import json
from decimal import Decimal
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from rxkraken.simulator.exchange import Exchange
from rxkraken.simulator.rejections import Rejected

D = Decimal
SYMBOLS = ("BTC/USD", "ETH/BTC")
FUNDS = {"BTC": 3, "USD": 150_000, "ETH": 40}


class Reader:
    """Merges `executions` into orders, last value wins, and adds up `balances`."""

    def __init__(self, exchange: Exchange, key: str) -> None:
        self.orders: dict[str, dict] = {}
        self.balances: dict[str, Decimal] = {}
        self.sequences: dict[str, int] = {"executions": 0, "balances": 0}
        self.fills: dict[str, Decimal] = {}
        token, _ = exchange.issue_token(key)
        connection = exchange.connect("auth", self.take, lambda *_: None)
        for channel in self.sequences:
            connection.receive(
                json.dumps({"method": "subscribe", "params": {"channel": channel, "token": token}, "req_id": 1})
            )
        exchange.advance(exchange.now + 0.1)

    def take(self, text: str) -> None:
        frame = json.loads(text, parse_float=Decimal)
        channel = frame.get("channel")
        if channel not in self.sequences or "method" in frame:
            return
        self.sequences[channel] += 1
        assert frame["sequence"] == self.sequences[channel]
        for entry in frame["data"]:
            if channel == "balances":
                self._balance(entry)
            else:
                self.orders.setdefault(entry["order_id"], {}).update(entry)
                if entry["exec_type"] == "trade":
                    self.fills[entry["exec_id"]] = entry["last_qty"]

    def _balance(self, entry: dict) -> None:
        if "amount" in entry:
            assert entry["balance"] == self.balances[entry["asset"]] + entry["amount"] - entry["fee"]
        self.balances[entry["asset"]] = D(entry["balance"])


class Gambler:
    """Does something with an account, mostly something that makes sense."""

    def __init__(self, exchange: Exchange, name: str, chance: Random) -> None:
        self.exchange = exchange
        self.account = exchange.accounts[name]
        self.chance = chance
        self.refused: dict[str, int] = {}
        self.placed = 0

    def act(self) -> None:
        desk, chance = self.exchange.desk, self.chance
        orders = self.account.open_orders
        try:
            match chance.randrange(10):
                case 0 if orders:
                    desk.cancel(self.account, {"order_id": [chance.choice(orders).order_id]})
                case 1 if orders:
                    self._amend(chance.choice(orders))
                case 2 if orders:
                    order = chance.choice(orders)
                    fields = {"order_id": order.order_id, "symbol": order.symbol, "order_qty": self._qty(order.symbol)}
                    desk.edit(self.account, fields)
                case 3 if chance.random() < 0.1:
                    desk.cancel_all(self.account)
                case _:
                    self.placed += 1
                    desk.add(self.account, self._order())
        except Rejected as rejected:
            self.refused[rejected.text] = self.refused.get(rejected.text, 0) + 1

    def _amend(self, order) -> None:
        fields = {"order_id": order.order_id, "order_qty": self._qty(order.symbol)}
        if order.limit_price is not None and self.chance.random() < 0.5:
            fields["limit_price"] = self._price(order.symbol)
        self.exchange.desk.amend(self.account, fields)

    def _qty(self, symbol: str) -> Decimal:
        most = 2 if symbol == "BTC/USD" else 20
        return D(str(round(self.chance.random() ** 3 * most + 0.002, 8)))

    def _price(self, symbol: str) -> Decimal:
        market = self.exchange.markets[symbol]
        factor = D(str(round(1 + self.chance.gauss(0, 0.0005), 6)))
        tick = market.spec.increment
        return market.reference("last") * factor // tick * tick

    def _order(self) -> dict:
        chance = self.chance
        symbol, side = chance.choice(SYMBOLS), chance.choice(("buy", "sell"))
        kinds = ("limit", "limit", "limit", "market", "iceberg", "stop-loss", "take-profit-limit", "trailing-stop")
        kind = chance.choice(kinds)
        fields = {"order_type": kind, "side": side, "symbol": symbol, "order_qty": self._qty(symbol)}
        if kind in ("limit", "iceberg", "take-profit-limit"):
            fields["limit_price"] = self._price(symbol)
        if kind == "iceberg":
            fields["display_qty"] = D(str(round(float(fields["order_qty"]) / 4, 8)))
        if kind in ("stop-loss", "take-profit-limit"):
            fields["triggers"] = {"price": self._price(symbol), "reference": chance.choice(("last", "index"))}
        if kind == "trailing-stop":
            fields["triggers"] = {"price": D("0.02"), "price_type": "pct"}
        if kind == "limit":
            fields["time_in_force"] = chance.choice(("gtc", "gtc", "ioc", "fok"))
            if chance.random() < 0.3:
                fields["conditional"] = {"order_type": "limit", "limit_price": self._price(symbol)}
        if kind == "market" and side == "buy" and chance.random() < 0.3:
            del fields["order_qty"]
            fields["cash_order_qty"] = D(chance.randint(1, 5000)) if symbol == "BTC/USD" else D("0.01")
        fields["stp_type"] = chance.choice(("cancel_newest", "cancel_oldest", "cancel_both"))
        fields["fee_preference"] = chance.choice(("base", "quote"))
        return fields


def check(exchange: Exchange) -> None:
    """What must hold at every moment."""
    for account in exchange.accounts.values():
        sums: dict[str, Decimal] = {}
        for record in account.ledger:
            sums[record.asset] = sums.get(record.asset, D(0)) + record.amount - record.fee
            assert sums[record.asset] == record.balance
        assert sums == account.balances
        for asset, balance in account.balances.items():
            assert balance >= account.held(asset) >= 0, (account.name, asset)
        for order in account.orders.values():
            assert 0 <= order.cum_qty <= order.qty
            assert order.cum_qty == sum(fill.qty for fill in order.fills)
            assert order.cum_cost == sum(fill.cost for fill in order.fills)
            market = exchange.markets[order.symbol]
            booked = market.engine.orders.get(order.order_id)
            rests = order.is_open and not order.is_untriggered
            assert (booked is not None) == rests
            if booked is not None:
                assert D(booked.remaining).scaleb(-market.spec.qty_precision) == order.remaining
                assert market.price(booked.price) == order.limit_price


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_money_is_conserved_and_a_naive_reader_knows_every_order(seed):
    """After every action and all that came of it; at the end the reader has what the exchange has."""
    chance = Random(seed)
    exchange = Exchange(seed=seed % 100, symbols=SYMBOLS, rate=10)
    readers, gamblers = {}, []
    for name in ("ann", "bob"):
        exchange.add_account(name, balances=FUNDS)
        readers[name] = Reader(exchange, exchange.add_key(name).key)
        gamblers.append(Gambler(exchange, name, chance))
    for _ in range(60):
        chance.choice(gamblers).act()
        exchange.advance(exchange.now + chance.choice((0.01, 0.5, 3)))
        check(exchange)
    # Nothing happens any more, so that nothing is on its way when both sides are compared.
    exchange.fault("maintenance", step=10)
    exchange.advance(exchange.now + 1)
    for name, reader in readers.items():
        account = exchange.accounts[name]
        assert list(reader.orders) == list(account.orders)
        for order_id, told in reader.orders.items():
            order = account.orders[order_id]
            assert (told["order_status"], told.get("cum_qty", 0)) == (order.status, order.cum_qty)
            if not order.conditional or order.limit_price is not None:
                assert told.get("limit_price") == order.limit_price
            if order.cash_qty is None and order.is_open:
                assert told["order_qty"] == order.qty
        assert reader.fills == {fill.exec_id: fill.qty for fill in account.fills}
        assert reader.balances == account.balances


def test_the_random_traders_trade_in_every_way():
    """The model is worth nothing if they are refused all the time."""
    chance = Random(1)
    exchange = Exchange(seed=1, symbols=SYMBOLS, rate=10)
    exchange.add_account("ann", balances=FUNDS)
    gambler = Gambler(exchange, "ann", chance)
    for _ in range(400):
        gambler.act()
        exchange.advance(exchange.now + 2)
    check(exchange)
    ends = {order.status for order in gambler.account.orders.values()}
    types = {order.order_type for order in gambler.account.orders.values() if order.fills}
    assert ends >= {"filled", "canceled", "expired"}
    assert types == {"limit", "market", "iceberg", "stop-loss", "take-profit-limit", "trailing-stop"}
    assert any(order.ref_id and order.fills for order in gambler.account.orders.values())
    assert {fill.liquidity for fill in gambler.account.fills} == {"m", "t"}
    assert sum(gambler.refused.values()) < gambler.placed / 2


VALID = (
    {"method": "add_order", "params": {
        "order_type": "limit", "side": "buy", "symbol": "BTC/USD", "order_qty": 0.1, "limit_price": 80000,
        "time_in_force": "gtd", "expire_time": "2026-01-02T00:00:00Z", "cl_ord_id": "a", "post_only": True,
    }},
    {"method": "add_order", "params": {
        "order_type": "trailing-stop-limit", "side": "sell", "symbol": "BTC/USD", "order_qty": 0.1, "limit_price": 1,
        "limit_price_type": "quote", "triggers": {"price": 1, "price_type": "pct", "reference": "last"},
        "deadline": "2026-01-01T00:00:30Z",
    }},
    {"method": "add_order", "params": {
        "order_type": "market", "side": "buy", "symbol": "BTC/USD", "order_qty": 0.1,
        "conditional": {"order_type": "stop-loss-limit", "trigger_price": 80000, "limit_price": 79000},
    }},
    {"method": "amend_order", "params": {"cl_ord_id": "a", "order_qty": 0.2, "limit_price": 79000}},
    {"method": "edit_order", "params": {
        "order_id": "", "symbol": "BTC/USD", "order_qty": 0.2, "triggers": {"price": 1},
    }},
    {"method": "batch_add", "params": {"symbol": "BTC/USD", "orders": [
        {"order_type": "limit", "side": "buy", "order_qty": 0.1, "limit_price": 70000}] * 2}},
    {"method": "cancel_order", "params": {"order_id": ["O"], "cl_ord_id": ["a"], "order_userref": [1]}},
    {"method": "batch_cancel", "params": {"orders": ["O", "1"], "cl_ord_id": ["a"]}},
    {"method": "cancel_all_orders_after", "params": {"timeout": 60}},
    {"method": "subscribe", "params": {"channel": "executions", "snap_trades": True, "users": "all"}},
    {"method": "unsubscribe", "params": {"channel": "balances"}},
)  # fmt: skip
ODD = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.just([]), st.just({}),
    st.lists(st.integers(-2, 2), max_size=3),
    st.sampled_from([1e308, 1e-300, 10**40, "static", ["x"], [{}], {"price": {}}]),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_no_request_makes_the_exchange_raise_and_each_is_answered(data):
    """One field of a good request is something else, or missing, or one that does not exist."""
    request = json.loads(json.dumps(data.draw(st.sampled_from(VALID))))
    exchange = Exchange(seed=5, symbols=["BTC/USD"], rate=0)
    texts: list[str] = []
    connection = exchange.connect("auth", texts.append, lambda *_: None)
    token, _ = exchange.issue_token(exchange.credentials.key)
    params = request["params"]
    places = [params, *(value for value in params.values() if isinstance(value, dict))]
    places += [row for value in params.values() if isinstance(value, list) for row in value if isinstance(row, dict)]
    place = data.draw(st.sampled_from(places))
    name = data.draw(st.sampled_from([*place, "surprise"]))
    if data.draw(st.booleans()):
        place.pop(name, None)
    else:
        place[name] = data.draw(ODD)
    connection.receive(json.dumps({**request, "params": {"token": token, **params}}))
    exchange.advance(exchange.now + 0.1)
    answers = [frame for text in texts if "time_in" in (frame := json.loads(text))]
    assert answers
    assert all(("error" in answer) != answer["success"] or "result" in answer for answer in answers)
    check(exchange)
