"""The private half at its edges: ids used again, ends in the midst of things, and what is left behind."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from dataclasses import replace
from decimal import Decimal

import pytest

import rxkraken as rk
from rxkraken.simulator import Exchange
from rxkraken.testing import ExchangeHttp, ExchangeNetwork, ScriptedNetwork, outside, run
from rxkraken.testing.network import EPOCH
from rxkraken.trading import mending, survey

ENDPOINTS = rk.Endpoints.custom("ws://x/v2", auth="ws://x/auth/v2", l3="ws://x/l3/v2", rest="http://x")


class Floor:
    """A client of an exchange whose market stands still."""

    def __init__(self, exchange: Exchange, client: rk.KrakenClient, network: ExchangeNetwork, http: ExchangeHttp):
        self.exchange = exchange
        self.client = client
        self.network = network
        self.http = http

    def bid(self, **changes):
        """A ticket for an order that rests."""
        return self.client.add_order("BTC/USD", "buy", "limit", **{"qty": "0.01", "price": "80000", **changes})

    def fault(self, name, **parameters):
        """Bring the exchange up to now and inject a fault."""
        self.network.drive()
        self.exchange.fault(name, **parameters)
        self.network.drive()

    @property
    def orders(self):
        """Id and status of every order of the account, as the exchange knows them."""
        return [(order.order_id, order.status) for order in self.exchange.accounts["demo"].orders.values()]


@pytest.fixture
def play():
    """Plays one story, an async function of a `Floor`, in virtual time; the client is connected when it begins.

    Afterwards nothing of the client may be left on the loop, neither a task nor a timer.
    """

    def perform(story, *, permissions=None, settings=None, **exchange):
        async def main():
            loop = asyncio.get_running_loop()
            market = Exchange(
                start=loop.time(),
                **{"seed": 5, "symbols": ["BTC/USD", "ETH/USD"], "rate": 0, "epoch": EPOCH, **exchange},
            )
            network = ExchangeNetwork(market, loop)
            http = ExchangeHttp(market, loop, network.drive)
            key = market.credentials if permissions is None else market.add_key("demo", permissions=permissions)
            made = rk.KrakenClient(ENDPOINTS, key, rk.Settings(**(settings or {})), outside=outside(network, http=http))
            async with made as client:
                await client.instruments().first()
                await story(Floor(market, client, network, http))
            assert asyncio.all_tasks() == {asyncio.current_task()}
            assert [timer for timer in loop._scheduled if not timer.cancelled()] == []

        run(main)

    return perform


def watch(stream):
    """Subscribe, and return the list of what comes: items, errors, and "completed"."""
    seen = []
    stream.subscribe(seen.append, seen.append, lambda: seen.append("completed"))
    return seen


async def fate(awaitable):
    """Its result or its error; an outcome that never comes is a failure."""
    try:
        async with asyncio.timeout(600):
            return await awaitable
    except rk.KrakenError as error:
        return error


async def used_up(floor, own_id):
    """An order with this id that is over."""
    ticket = floor.bid(cl_ord_id=own_id)
    placed = await ticket
    await ticket.cancel()
    await asyncio.sleep(1)
    return placed.order_id


# --- an id that is used again (promises 12 and 13) --------------------------------------------------------------------


@pytest.mark.parametrize("fault", [None, "late", "lost"])
def test_an_id_that_is_used_again_means_the_new_order(play, fault):
    """Whatever the executions say and when, the life of the new order is not that of its namesake."""

    async def story(floor):
        old = await used_up(floor, "mine")
        if fault == "lost":
            floor.fault("sequence_gap")
        if fault == "late":
            floor.fault("late_response", method="add_order", seconds=1.0)
        ticket = floor.bid(cl_ord_id="mine")
        life = watch(ticket.lifecycle)
        placed = await ticket
        assert ticket.order is None or ticket.order.order_id == placed.order_id
        await asyncio.sleep(10)
        assert {order.order_id for order in life} == {placed.order_id} != {old}
        assert (ticket.order.order_id, ticket.order.status) == (placed.order_id, "new")

    play(story)


@pytest.mark.parametrize("fault", ["cut_before", "cut_after", "lose_ack"])
def test_an_unknown_outcome_is_not_that_of_an_earlier_order_with_the_same_id(play, fault):
    """By the executions and by REST alike."""

    async def story(floor):
        old = await used_up(floor, "mine")
        floor.fault(fault)
        ticket = floor.bid(cl_ord_id="mine")
        assert isinstance(await fate(ticket), rk.OutcomeUnknown)
        result = await fate(ticket.resolve())
        if fault == "cut_before":
            assert isinstance(result, rk.NotPlaced)
            assert floor.orders == [(old, "canceled")]
        else:
            assert floor.orders == [(old, "canceled"), (result.order_id, "new")]

    play(story)


# --- the end in the midst of things (promise 21) ----------------------------------------------------------------------


def test_closing_leaves_no_one_waiting_for_what_only_then_became_unknown(play):
    """The end cuts the line, the answer will not come, and looking for it has not even begun."""

    async def story(floor):
        floor.fault("lose_ack")
        ticket = floor.bid()
        seen, resolved, life = watch(ticket), watch(ticket.resolve()), watch(ticket.lifecycle)
        await asyncio.sleep(0.1)
        await floor.client.aclose()
        await asyncio.sleep(0)
        assert [type(each) for each in (*seen, *resolved)] == [rk.OutcomeUnknown, rk.OutcomeUnknown]
        assert life[-1] == "completed"
        assert isinstance(await fate(ticket.resolve()), rk.OutcomeUnknown)

    play(story)


@pytest.mark.parametrize("pause", [0, 0.01, 0.05, 1])
def test_closing_while_a_new_token_is_fetched_says_that_the_order_was_not_sent(play, pause):
    """Refused at the door, and then there was no time left to knock again."""

    async def story(floor):
        floor.client.executions().subscribe()
        await asyncio.sleep(0.5)
        floor.fault("invalidate_token")
        floor.fault("rest_slow", call="GetWebSocketsToken", seconds=8.0)
        seen = watch(floor.bid())
        await asyncio.sleep(pause)
        await floor.client.aclose()
        await asyncio.sleep(0)
        assert [type(each) for each in seen] == [rk.NotSent]
        assert floor.orders == []

    play(story)


def test_a_rest_client_that_is_first_asked_for_after_the_end_is_closed_too(play):
    """It opens no session that nobody would close."""

    async def main():
        loop = asyncio.get_running_loop()
        market = Exchange(seed=5, symbols=["BTC/USD"], rate=0, epoch=EPOCH, start=loop.time())
        network, http = ExchangeNetwork(market, loop), ExchangeHttp(market, loop)
        async with rk.KrakenClient(ENDPOINTS, market.credentials, outside=outside(network, http=http)) as client:
            pass
        assert isinstance(await fate(client.rest.balance()), rk.ClientClosed)
        assert http.requests == 0

    run(main)


def test_a_ticket_that_is_begun_where_it_cannot_be_sent_keeps_nobody_waiting():
    """Subscribed to without a loop, it has failed for everyone."""
    client = rk.KrakenClient(ENDPOINTS, rk.Credentials("key", "c2VjcmV0"))
    ticket = client.add_order("BTC/USD", "buy", "limit", qty=1, price=1)
    seen = watch(ticket)

    async def main():
        async with asyncio.timeout(1):
            await ticket

    with pytest.raises(RuntimeError, match="no event loop"):
        run(main)
    assert [type(each) for each in seen] == [RuntimeError]


# --- a clock that is set (promise 12) ---------------------------------------------------------------------------------


@pytest.fixture
def play_with_clock():
    """Plays one story, an async function of a `Floor` and of what sets this machine's clock by so many seconds."""

    def perform(story):
        async def main():
            loop = asyncio.get_running_loop()
            market = Exchange(seed=5, symbols=["BTC/USD"], rate=0, epoch=EPOCH, start=loop.time())
            network = ExchangeNetwork(market, loop)
            http = ExchangeHttp(market, loop, network.drive)
            steps = [0.0]

            def world(loop, settings):
                true = outside(network, http=http)(loop, settings)
                return replace(true, wall=lambda: true.wall() + sum(steps))

            async with rk.KrakenClient(ENDPOINTS, market.credentials, outside=world) as client:
                await client.instruments().first()
                await story(Floor(market, client, network, http), steps.append)

        run(main)

    return perform


@pytest.mark.parametrize("step", [-3600, -30, 30, 3600])
def test_a_clock_that_is_set_disturbs_no_deadline(play_with_clock, step):
    """The exchange's time is counted on from its last reply; the order after the step is as good as the one before."""

    async def story(floor, set_clock):
        await floor.bid()
        set_clock(step)
        await floor.bid()
        assert [status for _, status in floor.orders] == ["new", "new"]

    play_with_clock(story)


@pytest.mark.parametrize("step", [-3600, 30, 3600])
def test_a_clock_that_is_set_makes_nothing_certain_sooner_or_later(play_with_clock, step):
    """That an order was not placed is told after its deadline and the lag of REST, in real seconds."""

    async def story(floor, set_clock):
        await floor.bid()
        floor.fault("cut_before")
        started = asyncio.get_running_loop().time()
        ticket = floor.bid(deadline=5)
        assert isinstance(await fate(ticket), rk.OutcomeUnknown)
        set_clock(step)
        assert isinstance(await fate(ticket.resolve()), rk.NotPlaced)
        assert 65 <= asyncio.get_running_loop().time() - started <= 75

    play_with_clock(story)


# --- a key that may place orders but not see them ---------------------------------------------------------------------


def test_a_key_that_may_not_see_its_orders_is_not_asked_with_every_order(play):
    """One refusal a minute is enough; the orders go out all the same."""

    async def story(floor):
        errors = watch(floor.client.errors)
        for _ in range(20):
            assert (await floor.bid()).placed
            await asyncio.sleep(1)
        assert [type(each) for each in errors] == [rk.SubscriptionRejected]
        life = watch(floor.bid().lifecycle)
        await asyncio.sleep(60)
        assert [type(each) for each in life] == [rk.SubscriptionRejected]
        assert (await floor.bid()).placed

    play(story, permissions=["modify_orders", "cancel_orders", "websockets"])


@pytest.mark.parametrize("method", ["add_order", "edit_order"])
def test_what_this_key_cannot_look_for_stays_unknown(play, method):
    """Nothing is asked for ever: the outcome says that somebody else has to look."""

    async def story(floor):
        placed = await floor.bid()
        floor.fault("cut_after", method=method)
        edit = floor.client.edit_order(placed.order_id, "BTC/USD", qty="0.02")
        ticket = edit if method == "edit_order" else floor.bid()
        error = await fate(ticket.resolve())
        assert isinstance(error, rk.OutcomeUnknown)
        assert "this key cannot look for it" in error.__notes__[-1]

    play(story, permissions=["modify_orders", "cancel_orders", "websockets"])


# --- the order of requests --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("warm", [False, True])
def test_an_order_does_not_overtake_the_executions_that_were_subscribed_to_before_it(warm):
    """They are to tell of it as it happens, whether the connection is new or not."""

    async def main():
        loop = asyncio.get_running_loop()
        market = Exchange(seed=5, symbols=["BTC/USD"], rate=0, epoch=EPOCH, start=loop.time())
        network, http = ScriptedNetwork(), ExchangeHttp(market, loop)
        settings = rk.Settings(close_timeout=0.1)
        async with rk.KrakenClient(
            ENDPOINTS, market.credentials, settings, outside=outside(network, http=http)
        ) as client:
            if warm:
                client.balances().subscribe(lambda _: None)
                await asyncio.sleep(1)
            client.executions().subscribe(lambda _: None)
            # An order of no market: it need not wait for rules.
            client.cancel_order(order_ids=["OAAAAA-AAAAA-AAAAAA"]).subscribe(lambda _: None, lambda _: None)
            await asyncio.sleep(1)
            (link,) = (link for link in network.links if "auth" in link.url)
            said = [(frame["method"], frame.get("params", {}).get("channel")) for frame in link.sent]
            assert [each for each in said if each[0] != "ping" and each[1] != "balances"] == [
                ("subscribe", "executions"),
                ("cancel_order", None),
            ]

    run(main)


# --- subscribers that fail (promise 5) --------------------------------------------------------------------------------


@pytest.mark.parametrize("good", [0, 1])
def test_a_follower_of_an_order_that_fails_is_told_nothing_more_and_reported_once(play, good):
    """Whether it fails at the ack or at an execution; another follower sees everything."""

    async def story(floor):
        errors, seen = watch(floor.client.errors), []

        def fail(order):
            seen.append(order.status)
            if len(seen) > good:
                raise ValueError(order.status)

        ticket = floor.client.add_order("BTC/USD", "buy", "market", qty="0.01")
        ticket.lifecycle.subscribe(fail)
        life = watch(ticket.lifecycle)
        await asyncio.sleep(5)
        assert (len(seen), [type(each) for each in errors]) == (good + 1, [rk.SubscriberFailed])
        assert [life[-2].status, life[-1]] == ["filled", "completed"]

    play(story)


# --- more orders than a look at REST holds (promise 12) ---------------------------------------------------------------


@pytest.mark.parametrize("method", ["add_order", "cancel_order"])
def test_among_thousands_of_closed_orders_the_one_in_question_is_still_found(play, monkeypatch, method):
    """One that came and went while nobody listened is asked for by itself where a survey cannot hold them all."""
    monkeypatch.setattr(survey, "_MOST_PAGES", 1)
    monkeypatch.setattr(mending, "_MOST_PAGES", 1)

    async def story(floor):
        account, desk = floor.exchange.accounts["demo"], floor.exchange.desk
        placed = await floor.bid()
        ticket = floor.client.cancel_order(placed.order_id) if method == "cancel_order" else floor.bid()
        floor.fault("refuse_upgrade", status=503, times=4)
        floor.fault("cut_after", method=method)
        assert isinstance(await fate(ticket), rk.OutcomeUnknown)
        floor.network.drive()
        desk.cancel_all(account)
        for _ in range(60):
            desk.add(
                account, {"order_type": "market", "side": "sell", "symbol": "BTC/USD", "order_qty": Decimal("0.01")}
            )
            await asyncio.sleep(0.1)
            floor.network.drive()
        result = await fate(ticket.resolve())
        assert not isinstance(result, Exception)
        rows = result.orders if method == "cancel_order" else [result]
        assert [row.order_id for row in rows] == [floor.orders[0 if method == "cancel_order" else 1][0]]

    play(story)


# --- nothing is left behind (promise 21) ------------------------------------------------------------------------------


def test_orders_that_came_to_nothing_are_not_remembered(play):
    """Refused, or never sent: the account expects no news of them."""

    async def story(floor):
        await floor.bid()
        for _ in range(5):
            assert isinstance(await fate(floor.bid(qty="1000000")), rk.OrderRejected)
        crowd = [watch(floor.bid(deadline=0.5)) for _ in range(60)]
        await asyncio.sleep(60)
        assert rk.NotSent in {type(seen[0]) for seen in crowd}
        assert not floor.client._account._executions().table.expects

    play(story)


@pytest.mark.parametrize("closed", [False, True])
def test_what_is_subscribed_to_at_the_end_or_later_ends_at_once(play, closed):
    """While the client closes, and once it is closed: no stream waits, none begins anything."""

    async def story(floor):
        client = floor.client
        await floor.bid()
        watch(client.dead_mans_switch(30))
        closing = asyncio.ensure_future(client.aclose())
        await (asyncio.shield(closing) if closed else asyncio.sleep(0))
        streams = [
            client.executions(), client.open_orders(), client.balances(), client.level3("BTC/USD"),
            client.dead_mans_switch(30), floor.bid().lifecycle, floor.bid().resolve(), floor.bid(),
        ]  # fmt: skip
        seen = [watch(stream) for stream in streams]
        await closing
        await asyncio.sleep(0)
        assert [type(items[-1]) for items in seen] == [*[rk.ClientClosed] * 6, rk.NotSent, rk.NotSent]

    play(story)


@pytest.mark.parametrize("moment", ["quiet", "unknown", "waiting", "repairing"])
def test_nothing_keeps_a_closed_client_alive(moment, caplog):
    """Whatever was under way, no timer and no task holds on to it."""
    caplog.set_level(logging.CRITICAL, "rxkraken")  # a record keeps its error, and that its frames

    async def main():
        loop = asyncio.get_running_loop()
        market = Exchange(seed=5, symbols=["BTC/USD"], rate=0, epoch=EPOCH, start=loop.time())
        network = ExchangeNetwork(market, loop)
        http = ExchangeHttp(market, loop, network.drive)
        async with rk.KrakenClient(ENDPOINTS, market.credentials, outside=outside(network, http=http)) as client:
            floor = Floor(market, client, network, http)
            for stream in (client.executions(), client.balances(), client.dead_mans_switch(30)):
                watch(stream)
            await floor.bid()
            watch(floor.bid().lifecycle)
            await asyncio.sleep(1)
            match moment:
                case "unknown":
                    floor.fault("lose_ack")
                    watch(floor.bid().resolve())
                case "waiting":
                    floor.fault("invalidate_token")
                    floor.fault("rest_slow", seconds=30.0, times=9)
                    watch(floor.bid().lifecycle)
                case "repairing":
                    floor.fault("rest_slow", seconds=8.0, times=9)
                    floor.fault("drop", code=1006)
                    market.desk.cancel_all(market.accounts["demo"])
                    await asyncio.sleep(3)
                case _:
                    pass
            await asyncio.sleep(0.1)
        alive = weakref.ref(client)
        assert [timer for timer in loop._scheduled if not timer.cancelled()] == []
        del client, floor, stream, market, network, http
        await asyncio.sleep(0)
        gc.collect()
        assert alive() is None

    run(main)
