"""Executions, balances and open orders of a client, against the simulated exchange in virtual time."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal

import pytest

import rxkraken as rk
from rxkraken.errors import KrakenError
from rxkraken.models.status import Gap
from rxkraken.simulator import Exchange
from rxkraken.testing import ExchangeHttp, ExchangeNetwork, outside, run

D = Decimal
ENDPOINTS = rk.Endpoints.custom("ws://x/v2", auth="ws://x/auth/v2", l3="ws://x/l3/v2", rest="http://x")


class Place:
    """A client, the exchange it is connected to, and a hand on both."""

    def __init__(self, exchange, credentials=None, **settings):
        loop = asyncio.get_running_loop()
        self.exchange = exchange
        self.account = exchange.accounts["demo"]
        self.net = ExchangeNetwork(exchange, loop)
        self.http = ExchangeHttp(exchange, loop, self.net.drive)
        self.client = rk.KrakenClient(
            ENDPOINTS,
            credentials or exchange.credentials,
            rk.Settings(**settings),
            outside=outside(self.net, http=self.http),
        )
        self.unknowns, self.errors, self.statuses = [], [], []

    async def __aenter__(self):
        await self.client.start()
        self.client.unknown.subscribe(lambda item: self.unknowns.append(item.reason))
        self.client.errors.subscribe(self.errors.append)
        self.client.status.subscribe(self.statuses.append)
        return self

    async def __aexit__(self, *_):
        await self.client.aclose()

    def add(self, side="buy", price=None, qty="0.01", **fields):
        """Place an order as another program of the same account does; returns its id. No price: at the market."""
        kind = {"order_type": "market"} if price is None else {"order_type": "limit", "limit_price": D(price)}
        params = {"symbol": "BTC/USD", "side": side, "order_qty": D(qty), **kind, **fields}
        placed = self.exchange.desk.add(self.account, params)
        self.net.drive()
        return placed.order_id

    def cancel(self, *order_ids):
        self.exchange.desk.cancel(self.account, {"order_id": list(order_ids)})
        self.net.drive()

    def fault(self, name, **parameters):
        self.exchange.fault(name, **parameters)
        self.net.drive()

    def cut(self, role="auth"):
        """Cut the connections of one role."""
        for connection in list(self.exchange.connections.values()):
            if connection.role == role:
                self.fault("drop", connection=connection.id, code=1006)

    def true_fills(self):
        """Every fill of the account, as the exchange knows it."""
        return Counter(fill.exec_id for fill in self.account.fills)

    def true_open(self):
        return {order.order_id for order in self.account.open_orders}


def market(seed=1, rate=0.0):
    """An exchange on the loop's clock; without `rate` nobody else trades."""
    start = asyncio.get_running_loop().time()
    return Exchange(seed=seed, symbols=["BTC/USD"], rate=rate, start=start, epoch=1_750_000_000.0)


class Watcher:
    """Keeps everything a stream says."""

    def __init__(self, stream):
        self.items, self.error, self.completed = [], None, False
        self.subscription = stream.subscribe(self.items.append, self._failed, self._over)

    def _failed(self, error):
        self.error = error

    def _over(self):
        self.completed = True

    @property
    def gaps(self):
        return [item for item in self.items if isinstance(item, Gap)]

    @property
    def events(self):
        return [item for item in self.items if not isinstance(item, Gap)]

    @property
    def fills(self):
        return Counter(event.exec_id for event in self.events if event.exec_id is not None)

    def since(self, place=0):
        """What happened, in short: gaps, and who became what."""
        return [
            "gap" if isinstance(item, Gap) else (item.order_id, item.exec_type, item.repaired)
            for item in self.items[place:]
        ]


# --- subscribers ------------------------------------------------------------------------------------------------------


def test_the_first_subscriber_gets_what_is_open_and_then_what_happens():
    async def act():
        async with Place(market()) as place:
            resting = place.add(price="80000")
            await asyncio.sleep(1)
            seen = Watcher(place.client.executions())
            await asyncio.sleep(5)
            before = len(seen.items)
            place.cancel(resting)
            await asyncio.sleep(1)
            return (
                resting,
                [(item.exec_type, item.snapshot) for item in seen.items[:before]],
                seen.items[before:],
                place,
            )

    resting, before, (event,), place = run(act)
    assert before in ([("new", True)], [("pending_new", True)], [("status", True)])
    assert (event.order_id, event.exec_type, event.snapshot, event.symbol) == (resting, "canceled", False, "BTC/USD")
    assert (place.unknowns, place.errors) == ([], [])


def test_a_late_subscriber_gets_what_is_open_now_as_a_snapshot_of_its_own():
    """Promise 2, and what each asked for: fills only with `snap_trades`, orders unless `snap_orders=False`."""

    async def act():
        async with Place(market()) as place:
            first = Watcher(place.client.executions())
            await asyncio.sleep(4)
            gone, open_ = place.add(price="80000"), place.add(price="80001")
            taken = place.add(qty="0.001")
            await asyncio.sleep(1)
            place.cancel(gone)
            await asyncio.sleep(1)
            seen = {
                "default": Watcher(place.client.executions()),
                "trades": Watcher(place.client.executions(snap_trades=True)),
                "nothing": Watcher(place.client.executions(snap_orders=False)),
            }
            await asyncio.sleep(1)
            told = {
                name: [(e.order_id, e.exec_id is not None, e.snapshot) for e in w.items] for name, w in seen.items()
            }
            return told, open_, taken, first, place.net.connects

    told, open_, taken, first, connects = run(act)
    assert told == {
        "default": [(open_, False, True)],
        "trades": [(taken, True, True)] * len(first.fills) + [(open_, False, True)],
        "nothing": [],
    }
    assert connects == 1


def test_open_orders_are_a_mapping_that_follows_every_change():
    """A state stream: one value once in step, one after each change, and the current one for late subscribers."""

    async def act():
        async with Place(market()) as place:
            before = place.add(price="80000")
            await asyncio.sleep(1)
            seen = Watcher(place.client.open_orders())
            await asyncio.sleep(5)
            added = place.add(price="80001")
            await asyncio.sleep(1)
            late = Watcher(place.client.open_orders())
            place.cancel(before)
            await asyncio.sleep(1)
            return before, added, [set(item) for item in seen.items], [set(item) for item in late.items]

    before, added, seen, late = run(act)
    assert seen[0] == {before}
    assert [now for now, last in zip(seen, [None, *seen], strict=False) if now != last] == [
        {before}, {before, added}, {added},
    ]  # fmt: skip
    assert (late[0], late[-1]) == ({before, added}, {added})


def test_order_status_false_leaves_only_beginnings_and_ends():
    async def act():
        async with Place(market()) as place:
            everything = Watcher(place.client.executions(ratecounter=True))
            seen = Watcher(place.client.executions(order_status=False))
            await asyncio.sleep(4)
            place.add(qty="0.01")
            await asyncio.sleep(1)
            return [e.exec_type for e in everything.items], [(e.exec_type, e.rate_count) for e in seen.items]

    everything, seen = run(act)
    assert everything[:3] == ["pending_new", "new", "trade"]
    assert everything[-1] == "filled"
    assert seen == [("new", None), ("filled", None)]


def test_balances_are_current_for_every_subscriber_and_each_fill_changes_two_assets():
    async def act():
        async with Place(market()) as place:
            seen = Watcher(place.client.balances())
            await asyncio.sleep(4)
            changes = Watcher(place.client.balances(snapshot=False))
            place.add(qty="0.01")
            await asyncio.sleep(1)
            late = Watcher(place.client.balances())
            await asyncio.sleep(1)
            true = {asset: amount for asset, amount in place.account.balances.items() if amount}
            return seen.items, changes.items, late.items, true, len(place.account.fills)

    seen, changes, late, true, fills = run(act)
    assert seen[0].snapshot
    assert seen[1:] == changes
    assert len(changes) == 2 * fills
    assert late == [seen[-1]]
    assert {asset: held.balance for asset, held in late[0].items() if held.balance} == true


def test_the_last_subscriber_to_leave_ends_the_subscription():
    async def act():
        async with Place(market()) as place:
            one, two = Watcher(place.client.executions()), Watcher(place.client.open_orders())
            await asyncio.sleep(4)
            one.subscription.dispose()
            await asyncio.sleep(5)
            still = [row.channel for row in place.client.subscriptions if row.connection == "auth"]
            two.subscription.dispose()
            await asyncio.sleep(5)
            after = [row.channel for row in place.client.subscriptions if row.connection == "auth"]
            return still, after, one.completed

    assert run(act) == (["executions"], [], False)


def test_closing_completes_every_stream():
    async def act():
        async with Place(market()) as place:
            seen = [
                Watcher(place.client.executions()),
                Watcher(place.client.open_orders()),
                Watcher(place.client.balances()),
                Watcher(place.client.level3("BTC/USD")),
            ]
            await asyncio.sleep(4)
        return [(each.completed, each.error) for each in seen]

    assert run(act) == [(True, None)] * 4


# --- interruptions ----------------------------------------------------------------------------------------------------


def test_what_happened_during_a_cut_is_told_once_and_in_order_after_the_gap():
    """Filled, cancelled, opened, and opened and closed while offline: all of it, nothing twice, then life goes on."""

    async def act():
        async with Place(market()) as place:
            seen = Watcher(place.client.executions())
            await asyncio.sleep(4)
            kept, gone = place.add(price="80000"), place.add(price="80001")
            before = place.add(qty="0.01")
            await asyncio.sleep(1)
            told = len(seen.items)
            place.cut()
            fresh, passing = place.add(price="80002"), place.add(price="80003")
            filled = place.add(qty="0.05")
            await asyncio.sleep(0.1)
            place.cancel(gone, passing)
            await asyncio.sleep(60)
            repaired = len(seen.items)
            place.cancel(kept)
            await asyncio.sleep(1)
            open_ = set((await place.client.open_orders().first()).keys())
            return place, seen, told, repaired, (kept, gone, before, fresh, passing, filled), open_

    place, seen, told, repaired, (kept, gone, before, fresh, passing, filled), open_ = run(act)
    assert seen.since()[told] == "gap"
    assert seen.items[told].missed == 0
    news = seen.since(told + 1)[: repaired - told - 1]
    assert all(is_repair for _, _, is_repair in news)
    ends = {order_id: kind for order_id, kind, _ in news}
    assert ends == {gone: "canceled", passing: "canceled", filled: "filled", fresh: ends[fresh]}
    assert ends[fresh] in ("new", "pending_new", "status")
    assert seen.since(repaired) == [(kept, "canceled", False)]
    assert seen.fills == place.true_fills()
    assert open_ == place.true_open() == {fresh}
    assert place.errors == []
    del before


def test_more_fills_than_a_snapshot_holds_are_all_found():
    """Section 5.5: sixty fills while offline, fifty in the snapshot; the rest comes from TradesHistory, none twice."""

    async def act():
        async with Place(market()) as place:
            seen = Watcher(place.client.executions())
            await asyncio.sleep(4)
            place.add(qty="0.001")
            await asyncio.sleep(1)
            place.cut()
            for number in range(60):
                place.add(side="buy" if number % 2 else "sell", qty="0.001")
            await asyncio.sleep(0.2)
            during = len(place.true_fills())
            await asyncio.sleep(60)
            place.add(qty="0.001")
            await asyncio.sleep(1)
            open_ = await place.client.open_orders().first()
            return seen, place, during, len(open_)

    seen, place, during, still_open = run(act)
    assert during > 60
    assert seen.fills == place.true_fills()
    assert [gap.missed for gap in seen.gaps] == [0]
    assert still_open == 0
    totals = {event.order_id: event.order.cum_qty for event in seen.events}
    assert totals == {order_id: order.cum_qty for order_id, order in place.account.orders.items()}
    assert {event.order_id: event.status for event in seen.events} == dict.fromkeys(totals, "filled")


def test_an_empty_account_that_gets_no_snapshot_is_in_step_after_a_moment():
    """Section 5.2: whether an empty snapshot is sent is not known."""

    async def act():
        async with Place(market()) as place:
            place.fault("lose", channel="executions")
            seen, open_ = Watcher(place.client.executions()), Watcher(place.client.open_orders())
            await asyncio.sleep(10)
            calm = list(seen.items), [dict(item) for item in open_.items]
            assert [fault.name for fault in place.exchange.faults] == ["lose"]
            order = place.add(price="80000")
            await asyncio.sleep(5)
            return calm, order, set(open_.items[-1]), seen.since()

    calm, order, open_, since = run(act)
    assert calm == ([], [{}])
    assert open_ == {order}
    assert since[0][0] == order


def test_a_missing_message_is_noticed_and_its_content_is_found():
    """A sequence gap: the subscription is renewed, the hole is closed, and nothing that follows overtakes it."""

    async def act():
        async with Place(market()) as place:
            seen = Watcher(place.client.executions())
            await asyncio.sleep(4)
            place.add(price="80000")
            await asyncio.sleep(1)
            place.fault("sequence_gap", channel="executions")
            taken = place.add(qty="0.02")
            await asyncio.sleep(60)
            later = place.add(qty="0.001")
            await asyncio.sleep(1)
            return place, seen, taken, later, [status.state for status in place.statuses]

    place, seen, taken, later, states = run(act)
    assert [gap.missed for gap in seen.gaps] == [0]
    assert seen.fills == place.true_fills()
    final = [event for event in seen.events if event.order_id == taken][-1]
    assert (final.exec_type, final.order.cum_qty) == ("filled", D("0.02"))
    assert [item for item in seen.since() if item[0] == later][-1] == (later, "filled", False)
    assert "resyncing" in states
    assert states[-1] == "online"


def test_a_lost_ledger_record_is_noticed_and_the_balances_are_right_again():
    async def act():
        async with Place(market()) as place:
            seen = Watcher(place.client.balances())
            await asyncio.sleep(4)
            place.fault("sequence_gap", channel="balances")
            place.add(qty="0.02")
            await asyncio.sleep(30)
            return seen, dict(place.account.balances)

    seen, true = run(act)
    assert len(seen.gaps) == 1
    assert {asset: held.balance for asset, held in seen.events[-1].items() if held.balance} == {
        asset: amount for asset, amount in true.items() if amount
    }


def test_a_repeated_message_tells_nothing_twice():
    async def act():
        async with Place(market()) as place:
            seen = Watcher(place.client.executions())
            await asyncio.sleep(4)
            place.fault("duplicate_execution", times=20)
            resting = place.add(price="80000")
            place.add(qty="0.05")
            await asyncio.sleep(1)
            place.cancel(resting)
            await asyncio.sleep(1)
            return place, seen

    place, seen = run(act)
    told = [(event.order_id, event.exec_type, event.exec_id) for event in seen.events]
    assert len(told) == len(set(told))
    assert seen.fills == place.true_fills()
    assert seen.gaps == []


@pytest.mark.parametrize("seed", range(6))
def test_through_a_storm_of_cuts_every_fill_comes_once_and_the_end_is_true(seed):
    """Orders of another program, cuts at random moments: fills exactly once, the open orders and balances right."""

    async def act():
        async with Place(market(seed, rate=5.0)) as place:
            seen, held = Watcher(place.client.executions()), Watcher(place.client.balances())
            open_ = Watcher(place.client.open_orders())
            chance = place.exchange._random
            await asyncio.sleep(4)
            for _ in range(40):
                match chance.choice(["buy", "sell", "rest", "cancel", "cut", "gap", "twice", "token", "wait"]):
                    case "buy" | "sell" as side:
                        place.add(side, qty="0.02")
                    case "rest":
                        place.add(price=str(chance.randint(70000, 84000)))
                    case "cancel" if place.account.open_orders:
                        place.cancel(chance.choice(place.account.open_orders).order_id)
                    case "cut":
                        place.cut()
                    case "gap":
                        place.fault("sequence_gap", channel=chance.choice(["executions", "balances"]))
                    case "twice":
                        place.fault("duplicate_execution")
                    case "token":
                        place.fault("invalidate_token")
                    case _:
                        pass
                await asyncio.sleep(chance.uniform(0, 4))
            place.exchange._faults.armed.clear()
            place.cut()
            await asyncio.sleep(150)
            true = {asset: amount for asset, amount in place.account.balances.items() if amount}
            return place, seen, held.items[-1], open_.items[-1], true, place.true_open()

    place, seen, held, open_, true, true_open = run(act)
    assert seen.fills == place.true_fills()
    assert {gap.missed for gap in seen.gaps} == {0}
    assert {asset: each.balance for asset, each in held.items() if each.balance} == true
    assert set(open_) == true_open
    last = {event.order_id: (event.status, event.order.cum_qty) for event in seen.events}
    assert last == {order_id: (order.status, order.cum_qty) for order_id, order in place.account.orders.items()}
    assert place.errors == []


# --- tokens and permissions -------------------------------------------------------------------------------------------


def token_calls(place):
    """How often a token was asked for."""
    return sum(path.endswith("GetWebSocketsToken") for path in place.paths)


class Counted(Place):
    """A place that notes every REST call."""

    def __init__(self, *args, **settings):
        super().__init__(*args, **settings)
        self.paths = []
        answer = self.http.answer

        async def noting(method, url, headers, body):
            self.paths.append(url)
            return await answer(method, url, headers, body)

        self.http.answer = noting


def test_both_private_connections_share_one_token_and_each_reconnect_takes_a_fresh_one():
    async def act():
        async with Counted(market(rate=2.0)) as place:
            Watcher(place.client.executions())
            Watcher(place.client.balances())
            Watcher(place.client.level3("BTC/USD"))
            await asyncio.sleep(10)
            first = token_calls(place)
            place.cut("auth")
            await asyncio.sleep(30)
            second = token_calls(place)
            place.cut("auth")
            place.cut("l3")
            await asyncio.sleep(2000)
            return first, second, token_calls(place), {row.state for row in place.client.subscriptions}

    first, second, third, states = run(act)
    assert (first, second) == (1, 2)
    assert third in (3, 4)
    assert states == {"live"}


@pytest.mark.parity("D2-8")
def test_the_first_private_request_may_come_hours_after_the_connection():
    """A token lives 900 seconds unused; a connection that waits for its first order has a fresh one all the time."""

    async def act():
        async with Counted(market()) as place:
            seen = Watcher(place.client.executions())
            await asyncio.sleep(1)
            seen.subscription.dispose()
            place.cut()
            await asyncio.sleep(4 * 3600)
            placed = await place.client.add_order("BTC/USD", "buy", "limit", qty="0.01", price="80000")
            return placed.order_id, [order.order_id for order in place.account.open_orders]

    order_id, open_ = run(act)
    assert open_ == [order_id]


@pytest.mark.parity("D2-8")
def test_a_token_that_an_upgrade_has_made_invalid_is_replaced_at_the_next_subscription():
    async def act():
        async with Counted(market()) as place:
            seen = Watcher(place.client.executions())
            await asyncio.sleep(4)
            place.fault("invalidate_token")
            held = Watcher(place.client.balances())
            await asyncio.sleep(10)
            return token_calls(place), len(held.items), held.error, seen.error, seen.gaps

    assert run(act) == (2, 1, None, None, [])


def test_a_key_without_the_permission_ends_the_private_streams_with_its_name():
    """Nothing else suffers; a later subscriber tries again, and finds the permission granted meanwhile."""

    async def act():
        exchange = market(rate=2.0)
        key = exchange.add_key("demo", permissions={"query_funds"})
        async with Counted(exchange, key) as place:
            book = Watcher(place.client.book("BTC/USD"))
            ended = [Watcher(place.client.executions()), Watcher(place.client.balances())]
            await asyncio.sleep(20)
            asked = token_calls(place)
            books = len(book.items)
            made = exchange.keys[key.key]
            object.__setattr__(made, "permissions", exchange.keys[exchange.credentials.key].permissions)
            again = Watcher(place.client.balances())
            await asyncio.sleep(20)
            return ended, asked, len(book.items) > books, again, place.errors

    ended, asked, goes_on, again, errors = run(act)
    assert [type(each.error) for each in ended] == [rk.PermissionRefused] * 2
    assert "Permission denied" in str(ended[0].error)
    assert asked == 1
    assert goes_on
    assert (again.error, len(again.items)) == (None, 1)
    assert [type(error) for error in errors] == [rk.PermissionRefused]


def test_a_key_that_may_not_see_orders_still_sees_balances():
    """The refusal of one channel is the end of that channel alone."""

    async def act():
        exchange = market()
        key = exchange.add_key("demo", permissions={"query_funds", "websockets"})
        async with Place(exchange, key) as place:
            orders, held = Watcher(place.client.executions()), Watcher(place.client.balances())
            await asyncio.sleep(10)
            return orders.error, held.error, len(held.items)

    refused, error, balances = run(act)
    assert isinstance(refused, KrakenError)
    assert "executions" in str(refused)
    assert (error, balances) == (None, 1)


def test_rest_that_is_down_delays_the_token_and_nothing_else():
    async def act():
        async with Counted(market()) as place:
            place.fault("rest_error", call="GetWebSocketsToken", times=9)
            held = Watcher(place.client.balances())
            await asyncio.sleep(200)
            reasons = [status.reason for status in place.statuses if "no token" in status.reason]
            return len(held.items), held.error, bool(reasons)

    assert run(act) == (1, None, True)


# --- level 3 and limits -----------------------------------------------------------------------------------------------


def test_level_3_is_verified_and_fetched_anew_when_it_is_not():
    async def act():
        async with Place(market(rate=5.0)) as place:
            seen = Watcher(place.client.level3("BTC/USD", gaps=True))
            await asyncio.sleep(20)
            calm = len(seen.items), len(seen.gaps)
            place.fault("wrong_checksum", symbol="BTC/USD")
            await asyncio.sleep(20)
            place.cut("l3")
            await asyncio.sleep(20)
            return seen, calm, [(s.channel, s.state) for s in place.statuses]

    seen, (calm, early), statuses = run(act)
    assert (calm > 10, early, len(seen.gaps)) == (True, 0, 2)
    assert all(book.verified for book in seen.events)
    assert ("level3", "resyncing") in statuses
    assert not isinstance(seen.items[-1], Gap)


@pytest.mark.parametrize(("tier", "threshold"), [("starter", 60), ("intermediate", 125), ("pro", 180)])
def test_the_limits_learn_the_tier_from_the_first_subscription(tier, threshold):
    """`maxratecount` of the ack is the account's threshold (section 5.2)."""

    async def act():
        exchange = market()
        exchange.accounts["demo"].tier = tier
        async with Place(exchange) as place:
            Watcher(place.client.executions())
            await asyncio.sleep(4)
            return place.client.limits.tier

    learned = run(act)
    assert (learned.name, learned.trading_threshold) == (tier, threshold)


def test_account_streams_without_a_key_say_what_is_missing():
    async def act():
        loop = asyncio.get_running_loop()
        net = ExchangeNetwork(market(), loop)
        async with rk.KrakenClient(ENDPOINTS, outside=outside(net)) as client:
            seen = [Watcher(client.executions()), Watcher(client.balances()), Watcher(client.level3("BTC/USD"))]
            await asyncio.sleep(1)
            return [each.error for each in seen]

    for error in run(act):
        assert isinstance(error, rk.MissingCredentials)
        assert "credentials=Credentials.from_env()" in str(error)


def test_an_order_filled_before_the_first_snapshot_is_told_as_news():
    """Whoever subscribed before it was sent sees its fill, though the exchange tells of it in a snapshot."""

    async def main():
        loop = asyncio.get_running_loop()
        exchange = Exchange(seed=1, symbols=["BTC/USD"], rate=0.0, epoch=1_750_000_000.0, start=loop.time())
        network = ExchangeNetwork(exchange, loop)
        world = outside(network, http=ExchangeHttp(exchange, loop, network.drive))
        async with rk.KrakenClient(ENDPOINTS, exchange.credentials, outside=world) as client:
            await client.instruments().first()
            seen = []
            client.executions(snap_orders=False).subscribe(seen.append)
            ack = await client.add_order("BTC/USD", "buy", "market", qty="0.01")
            await asyncio.sleep(5)
            return ack.order_id, [(each.order_id, each.exec_type, each.snapshot) for each in seen if each.exec_id]

    order_id, fills = run(main)
    assert fills
    assert set(fills) == {(order_id, "trade", False)}
