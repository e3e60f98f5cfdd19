"""Random order programs, cut and lied to at every point, and the account that must come out the same on both ends.

Each session is an exchange and a client in virtual time. Programs place, amend, cancel and batch orders while faults
strike; afterwards every ticket has exactly one outcome and tells the truth, the client's view of orders, fills and
balances is the exchange's, and the exchange has received each order at most once (promises 11 to 14).
"""

from __future__ import annotations

import asyncio
import functools
import random
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest

import rxkraken as rk
from rxkraken.simulator import Exchange
from rxkraken.testing import outside, run
from rxkraken.testing.exchange import ExchangeNetwork
from rxkraken.testing.http import ExchangeHttp
from rxkraken.testing.network import EPOCH

# They prove by what comes out; watching each line of millions would take minutes and show nothing more.
pytestmark = pytest.mark.no_cover
SYMBOLS = ("BTC/USD", "ETH/USD")
V2_PLACE = rk.Endpoints.custom("ws://x/v2", auth="ws://x/auth/v2", l3="ws://x/l3/v2", rest="http://x")
V1_PLACE = rk.Endpoints.custom("ws://x/v1", auth="ws://x/v1/auth", rest="http://x")
# V1 has no batches and no balances; all else has to hold over both.
CLIENTS: dict[str, Any] = {
    "v2": functools.partial(rk.KrakenClient, V2_PLACE),
    "v1": functools.partial(rk.KrakenV1Client, V1_PLACE),
}
SESSIONS = {"v2": 40, "v1": 20}
PROGRAMS = 60
METHODS = ("add_order", "amend_order", "cancel_order", "batch_add", "batch_cancel", "edit_order")
PLACING = {"add_order", "batch_add"}


@dataclass
class Life:
    """What a follower of one order has seen."""

    ticket: rk.OrderTicket
    states: list[rk.Order] = field(default_factory=list)
    endings: list[Exception | None] = field(default_factory=list)


class Program:
    """One trader's few minutes: what it sent, and what came of it."""

    def __init__(self, client: Any, exchange: Exchange, chance: random.Random) -> None:
        self.client = client
        self.has_batches = isinstance(client, rk.KrakenClient)
        self.exchange = exchange
        self.chance = chance
        self.symbol = chance.choice(SYMBOLS)
        self.tickets: list[Any] = []
        self.outcomes: list[Counter[str]] = []
        self.lives: list[Life] = []

    async def play(self) -> None:
        """A few steps with pauses in between, some of them none."""
        for _ in range(self.chance.randint(1, 5)):
            batches = 1 if self.has_batches else 0
            steps = (self.add, self.batch, self.amend, self.cancel, self.edit)
            self.chance.choices(steps, (5, batches, 2, 3, 0.5))[0]()
            await asyncio.sleep(self.chance.choice((0, 0, 0.01, 0.3, 2.0)))

    def send(self, ticket: Any) -> None:
        """Subscribe as careless people do, several times, and count what comes."""
        counted: Counter[str] = Counter()
        self.outcomes.append(counted)
        self.tickets.append(ticket)
        if isinstance(ticket, rk.OrderTicket) and self.chance.random() < 0.5:
            life = Life(ticket)
            self.lives.append(life)
            ticket.lifecycle.subscribe(life.states.append, life.endings.append, lambda: life.endings.append(None))
        counted["subscribers"] = self.chance.randint(1, 2)
        for _ in range(counted["subscribers"]):
            ticket.subscribe(
                lambda _: counted.update(["result"]),
                lambda error: counted.update([type(error).__name__]),
                lambda: counted.update(["completed"]),
            )

    def terms(self) -> dict[str, Any]:
        """An order near the market: some fill at once, some rest, some are refused."""
        ladder = self.exchange.markets[self.symbol].engine
        spec = self.exchange.markets[self.symbol].spec
        buying = self.chance.random() < 0.5
        best = (ladder.asks if buying else ladder.bids).best
        away = 1 + self.chance.uniform(-0.004, 0.001) * (1 if buying else -1)
        price = f"{best.price * away / 10**spec.price_precision:.{spec.price_precision}f}"
        qty = f"{self.chance.uniform(0.01, 0.2):.5f}"
        kind = self.chance.choices(("limit", "market", "stop-loss"), (8, 1, 1))[0]
        common: dict[str, Any] = {"side": "buy" if buying else "sell", "order_type": kind, "qty": qty}
        if kind == "limit":
            common["price"] = price
            common["time_in_force"] = self.chance.choices((None, "ioc"), (5, 1))[0]
            if common["time_in_force"] is None:
                common["post_only"] = self.chance.choice((None, True, None))
        if kind == "stop-loss":
            common["trigger_price"] = price
        return common

    def add(self) -> None:
        """Place one order."""
        terms = self.terms()
        side, kind = terms.pop("side"), terms.pop("order_type")
        self.send(self.client.add_order(self.symbol, side, kind, rounding="nearest", **terms))

    def batch(self) -> None:
        """Place several."""
        rows = [{**self.terms(), "rounding": "nearest"} for _ in range(self.chance.randint(2, 4))]
        self.send(self.client.batch_add(self.symbol, rows))

    def mine(self) -> Any:
        """One of the orders placed before, as a ticket."""
        orders = [ticket for ticket in self.tickets if isinstance(ticket, rk.OrderTicket)]
        return self.chance.choice(orders) if orders else None

    def amend(self) -> None:
        """Change one."""
        ticket = self.mine()
        if ticket is not None:
            change = {"qty": f"{self.chance.uniform(0.01, 0.3):.5f}"}
            if self.chance.random() < 0.3 and ticket.request.params.get("limit_price"):
                factor = Decimal(self.chance.choice(("0.999", "1.001")))
                change = {"price": ticket.request.params["limit_price"] * factor, "rounding": "nearest"}
            self.send(ticket.amend(**change))

    def cancel(self) -> None:
        """Cancel one, or all of one's own at once."""
        ticket = self.mine()
        if ticket is None:
            return
        ids = [each.cl_ord_id for each in self.tickets if isinstance(each, rk.OrderTicket)]
        if len(ids) > 1 and self.chance.random() < 0.3:
            cancel = self.client.batch_cancel if self.has_batches else self.client.cancel_order
            self.send(cancel(cl_ord_ids=ids))
        else:
            self.send(ticket.cancel())

    def edit(self) -> None:
        """Replace one."""
        ticket = self.mine()
        if ticket is not None and ticket.result is not None:
            qty = f"{self.chance.uniform(0.01, 0.3):.5f}"
            self.send(self.client.edit_order(ticket.result.order_id, self.symbol, qty=qty))


def strike(exchange: Exchange, chance: random.Random) -> None:
    """One of the things that go wrong with private connections, at a random moment."""
    method = chance.choice(METHODS)
    faults: list[tuple[str, dict[str, Any]]] = [
        ("drop", {"code": 1006}), ("drop", {}), ("reset", {}), ("stall", {"seconds": chance.uniform(0.1, 3)}),
        ("lose_ack", {"method": method}), ("late_response", {"method": method, "seconds": chance.uniform(0.1, 4)}),
        ("cut_before", {"method": method}), ("cut_after", {"method": method}), ("sequence_gap", {}),
        ("duplicate_execution", {}), ("invalidate_token", {}), ("rate_limit", {"seconds": 1.0}),
        ("cancel_only", {"seconds": 2.0}), ("silence", {}), ("rest_error", {}), ("rest_cut", {}), ("rest_slow", {}),
        ("refuse_upgrade", {"status": 503}),
    ]  # fmt: skip
    name, parameters = chance.choice(faults)
    exchange.fault(name, after=chance.choice((0.0, 0.0, chance.uniform(0, 2))), **parameters)


class Witness:
    """Everything the client tells of the account."""

    def __init__(self, client: Any) -> None:
        self.fills: Counter[str] = Counter()
        self.own_trades: Counter[str] = Counter()
        self.final: Counter[str] = Counter()
        self.endings: list[str] = []
        self.open: Any = None
        self.balances: Any = None
        ended = self.ended
        client.open_orders().subscribe(lambda orders: setattr(self, "open", orders), ended, ended)
        if isinstance(client, rk.KrakenClient):
            client.executions(snap_trades=True).subscribe(self.execution, ended, ended)
            client.balances(gaps=False).subscribe(lambda balances: setattr(self, "balances", balances), ended, ended)
        else:
            client.executions().subscribe(self.execution, ended, ended)
            client.own_trades(gaps=False).subscribe(lambda fill: self.own_trades.update([fill.exec_id]), ended, ended)

    def execution(self, item: Any) -> None:
        """Count each fill and each end of an order."""
        if isinstance(item, rk.Execution):
            if item.exec_id is not None:
                self.fills[item.exec_id] += 1
            if item.exec_type in ("filled", "canceled", "expired"):
                self.final[item.order_id] += 1

    def ended(self, error: Exception | None = None) -> None:
        """No stream may end while the client lives."""
        self.endings.append(repr(error))


def truth_of(exchange: Exchange, view: dict[str, Any]) -> dict[str, Any]:
    """The account as the exchange has it, as far as the client has a view of it."""
    account = exchange.accounts["demo"]
    truth: dict[str, Any] = {
        "open": {order.order_id: (order.qty, order.cum_qty, order.limit_price) for order in account.open_orders},
        "fills": {fill.exec_id for fill in account.fills},
        "own_trades": {fill.exec_id for fill in account.fills},
        "balances": {asset: amount for asset, amount in account.balances.items() if amount},
    }
    return {name: truth[name] for name in view}


def view_of(witness: Witness) -> dict[str, Any]:
    """The account as the client has it."""
    view: dict[str, Any] = {
        "open": {each.order_id: (each.qty, each.cum_qty, each.limit_price) for each in witness.open.values()},
        "fills": set(witness.fills),
    }
    if witness.balances is not None:
        view["balances"] = {name: held.balance for name, held in witness.balances.items() if held.balance}
    if witness.own_trades:
        view["own_trades"] = set(witness.own_trades)
    return view


async def certain(ticket: Any) -> str:
    """What finally became of a ticket."""
    try:
        await ticket.resolve()
    except rk.KrakenError as error:
        return type(error).__name__
    return "result"


async def show_what_is_missing(client: Any, exchange: Exchange, network: ExchangeNetwork) -> None:
    """Let one more thing happen on each private channel: a lost message shows by the number of the next one."""
    # V1 has a private channel for fills alone, on which only a fill can happen.
    kinds: list[dict[str, Any]] = [{"order_type": "limit", "qty": 1, "price": 1}]
    if not isinstance(client, rk.KrakenClient):
        kinds.append({"order_type": "market", "qty": "0.001"})
    for kind in kinds:
        for _ in range(20):  # faults that were never struck are waiting still
            if await certain(client.add_order("BTC/USD", "buy", **kind)) == "result":
                break
            await asyncio.sleep(30)
    network.drive()
    exchange.deposit("demo", "USD", 1)
    network.drive()
    await asyncio.sleep(60)
    network.drive()


async def session(exchange: Exchange, api: str, seed: int) -> tuple[Witness, list[Program], list[str], dict[str, Any]]:
    """Many programs, one after the other and side by side, then quiet until everything is certain."""
    chance = random.Random(seed)
    loop = asyncio.get_running_loop()
    network = ExchangeNetwork(exchange, loop)
    http = ExchangeHttp(exchange, loop, network.drive)
    settings = rk.Settings(connect_budget=(100_000, 1.0))
    make = outside(network, http=http, seed=seed)
    async with CLIENTS[api](exchange.credentials, settings, outside=make) as client:
        witness = Witness(client)
        await client.open_orders().first()
        programs: list[Program] = []
        for _ in range(PROGRAMS):
            program = Program(client, exchange, chance)
            programs.append(program)
            playing = asyncio.ensure_future(program.play())
            if chance.random() < 0.5:
                network.drive()
                strike(exchange, chance)
            if chance.random() < 0.7:
                await playing
            await asyncio.sleep(chance.uniform(0, 3))
        await asyncio.sleep(120)
        outcomes = [await certain(ticket) for program in programs for ticket in program.tickets]
        await asyncio.sleep(120)
        await show_what_is_missing(client, exchange, network)
        return witness, programs, outcomes, view_of(witness)


RANKS = {"pending_new": 0, "new": 1, "partially_filled": 2, "filled": 3, "canceled": 3, "expired": 3}


def check_account(exchange: Exchange, witness: Witness, view: dict[str, Any]) -> None:
    """The client's account is the exchange's; nothing was told twice."""
    assert witness.endings == ["None"] * 3  # the client was closed, and nothing ended before
    assert {"open", "fills"} < view.keys()
    assert view == truth_of(exchange, view)
    told = witness.fills | witness.own_trades  # the larger count of both
    assert {exec_id: count for exec_id, count in told.items() if count > 1} == {}
    assert {order_id: count for order_id, count in witness.final.items() if count > 1} == {}
    received = Counter(own for each in exchange.received if each.method in PLACING for own in each.cl_ord_ids)
    assert {own: count for own, count in received.items() if count > 1} == {}


def check_outcome(counted: Counter[str]) -> None:
    """Every subscriber of a ticket saw the same one outcome."""
    subscribers = counted.pop("subscribers")
    completed = counted.pop("completed", 0)
    assert list(counted.values()) == [subscribers], counted
    assert completed == counted.get("result", 0)


def check_life(life: Life, exchange: Exchange, outcome: str) -> None:
    """An order's states never go back, and end where the order ended."""
    ranks = [RANKS[order.status] for order in life.states]
    filled = [order.cum_qty for order in life.states]
    assert ranks == sorted(ranks)
    assert filled == sorted(filled)
    if outcome != "result":
        assert [type(error).__name__ for error in life.endings] == [outcome]
        return
    orders = exchange.accounts["demo"].orders.values()
    truth = next(order for order in orders if order.cl_ord_id == life.ticket.cl_ord_id)
    seen = life.states[-1]
    assert (seen.status, seen.cum_qty, seen.qty) == (truth.status, truth.cum_qty, truth.qty)
    assert life.endings == [None]  # by its final state, or by the end of the client


@pytest.mark.parametrize(("api", "seed"), [(api, seed) for api, count in SESSIONS.items() for seed in range(count)])
def test_both_ends_agree_after_any_program(api: str, seed: int) -> None:
    """Orders, fills and balances are the same; every ticket told the truth, once; no order was received twice."""
    exchange = Exchange(seed=seed, symbols=SYMBOLS, rate=0.5, epoch=EPOCH)
    witness, programs, outcomes, view = run(lambda: session(exchange, api, seed))
    check_account(exchange, witness, view)
    placed = {order.cl_ord_id for order in exchange.accounts["demo"].orders.values()}
    tickets = [ticket for program in programs for ticket in program.tickets]
    became = dict(zip(tickets, outcomes, strict=True))
    for ticket, outcome in became.items():
        if ticket.request.method == "add_order":
            assert (outcome == "result") == (ticket.cl_ord_id in placed), (ticket, outcome)
        assert outcome != "OutcomeUnknown" or ticket.request.method not in PLACING
    for program in programs:
        for counted in program.outcomes:
            check_outcome(counted)
        for life in program.lives:
            check_life(life, exchange, became[life.ticket])
