"""The trading counters, which WebSocket and REST share, and what happens when one is full (ws-v2 reference 6.10)."""

from __future__ import annotations

import asyncio
import logging
from decimal import Decimal

import pytest

import rxkraken as rk
from rxkraken.simulator import limits as exchange_limits
from rxkraken.simulator.accounts import Counter

GOOD = {"side": "buy", "order_type": "limit", "qty": "0.01", "price": "80000"}


def now():
    """The virtual time."""
    return asyncio.get_running_loop().time()


def foreseen(venue, symbol="BTC/USD"):
    """The client's own count of a pair."""
    state = venue.client.limits.trading.get(symbol)
    return 0.0 if state is None else state.value


def counted(venue, symbol="BTC/USD"):
    """The exchange's count of a pair."""
    venue.network.drive()
    return exchange_limits.count(venue.exchange.accounts["demo"], symbol, venue.exchange.now)


def fill(venue, room):
    """Let the client believe that others have used the counter of BTC/USD up, but for some room."""
    tier = venue.client.limits.tier
    venue.client._limits.trading.charge({"BTC/USD": tier.trading_threshold - room}, now())


def fill_truly(venue, room):
    """Let it be so."""
    fill(venue, room)
    counters = venue.exchange.accounts["demo"].counters
    counters["BTC/USD"] = Counter(venue.client.limits.tier.trading_threshold - room, now())


async def fate(ticket):
    """The error that a ticket ends with, or its result."""
    try:
        return await ticket
    except rk.KrakenError as error:
        return error


# --- costs ----------------------------------------------------------------------------------------------------------


def test_the_account_s_tier_is_learnt_from_its_executions(play):
    """`maxratecount` comes with the subscription: the demo account is a pro."""

    async def story(venue):
        before = venue.client.limits.tier.name
        await venue.client.open_orders().first()
        assert (before, venue.client.limits.tier.name) == ("starter", "pro")

    play(story)


@pytest.mark.parametrize("age", [0, 6, 12, 30, 60, 200, 400])
@pytest.mark.parametrize("change", ["amend", "edit", "cancel", "batch"])
def test_both_ends_count_the_same(play, change, age):
    """Adding, and each change of an order by its age: what is foreseen is what the exchange counts.

    It tells its counter in whole numbers.
    """

    async def story(venue):
        await venue.client.open_orders().first()
        order_id = (await venue.bid()).order_id
        assert foreseen(venue) == pytest.approx(counted(venue), abs=1.0)
        await asyncio.sleep(age)
        before = counted(venue)
        await {
            "amend": lambda: venue.client.amend_order(order_id, qty="0.02"),
            "edit": lambda: venue.client.edit_order(order_id, "BTC/USD", qty="0.02"),
            "cancel": lambda: venue.client.cancel_order(order_id),
            "batch": lambda: venue.client.batch_add("BTC/USD", [GOOD] * 5),
        }[change]()
        await asyncio.sleep(0.1)
        assert foreseen(venue) == pytest.approx(counted(venue), abs=1.0)
        if change != "cancel" or age < 300:
            assert counted(venue) > before

    play(story)


def test_rest_and_websocket_share_the_counters_and_the_ages_of_orders(play):
    """An order placed over REST is young to a cancel over WebSocket, and the other way round."""

    async def story(venue):
        await venue.client.open_orders().first()
        rest = venue.client.rest
        placed = (await rest.add_order("BTC/USD", "buy", "limit", "0.01", price="80000")).txid[0]
        assert foreseen(venue) == pytest.approx(1, abs=0.3)
        await venue.client.cancel_order(placed)
        assert foreseen(venue) == pytest.approx(1 + 8, abs=0.6)
        order_id = (await venue.bid()).order_id
        await rest.cancel_order(order_id)
        assert foreseen(venue) == pytest.approx(2 * (1 + 8), abs=1.2)
        assert foreseen(venue) == pytest.approx(counted(venue), abs=0.3)
        assert foreseen(venue, "ETH/USD") == 0

    play(story)


def test_pairs_are_counted_apart(play):
    """A full counter of one market does not hinder another."""

    async def story(venue):
        fill(venue, room=0)
        error = await fate(venue.bid())
        other = await venue.client.add_order("ETH/USD", "buy", "limit", qty="0.01", price="2000")
        assert (type(error), other.placed) == (rk.RateLimited, True)

    play(story, settings={"on_trading_limit": "raise"})


def test_what_the_exchange_says_of_its_counter_is_believed(play):
    """Other programs use the account too: the first execution corrects what was foreseen."""

    async def story(venue):
        await venue.client.open_orders().first()
        for _ in range(30):
            venue.network.drive()
            order = {"order_type": "limit", "side": "buy", "symbol": "BTC/USD"}
            demo = venue.exchange.accounts["demo"]
            venue.exchange.desk.add(demo, {**order, "order_qty": Decimal("0.01"), "limit_price": Decimal(80000)})
        await asyncio.sleep(1)
        assert counted(venue) > 20
        await venue.bid()
        await asyncio.sleep(1)
        assert foreseen(venue) == pytest.approx(counted(venue), abs=0.5)

    play(story)


# --- policies -------------------------------------------------------------------------------------------------------


def test_warn_sends_it_all_the_same(play, caplog):
    """The default: the exchange decides, the log tells."""

    async def story(venue):
        fill(venue, room=0)
        with caplog.at_level(logging.WARNING, logger="rxkraken.trading"):
            assert (await venue.bid()).placed
        assert [record.levelname for record in caplog.records] == ["WARNING"]
        assert "add_order: the trading rate counter has room again in" in caplog.text

    play(story)


def test_raise_sends_nothing_and_says_how_long_to_wait(play):
    """`RateLimited` before anything left, and after that many seconds it works."""

    async def story(venue):
        fill(venue, room=0)
        error = await fate(venue.bid())
        assert (type(error), error.category, error.retryable) == (rk.RateLimited, "trading_rate_limit", True)
        assert 0 < error.wait <= 1
        assert venue.received == []
        await asyncio.sleep(error.wait)
        assert (await venue.bid()).placed

    play(story, settings={"on_trading_limit": "raise"})


def test_wait_sends_it_when_there_is_room(play):
    """Ten orders with room for two leave at the pace of the decay, with deadlines of their own times."""

    async def story(venue):
        await venue.client.open_orders().first()
        fill_truly(venue, room=2)
        started = now()
        results = await asyncio.gather(*(venue.bid(deadline=2) for _ in range(10)))
        times = [each.time - started for each in venue.exchange.received]
        assert all(result.placed for result in results)
        assert times[1] < 0.2
        assert times[-1] == pytest.approx(8 / 3.75, abs=0.5)

    play(story, settings={"on_trading_limit": "wait"})


def test_a_burst_is_never_refused_by_an_exchange_that_is_waited_for(play):
    """Eighty orders, and room for forty: what the exchange says of the first ones is old when others have left."""

    async def story(venue):
        await venue.client.open_orders().first()
        fill_truly(venue, room=40)
        tickets = [venue.bid(time_in_force="ioc") for _ in range(80)]
        for ticket in tickets:
            ticket.subscribe(lambda _: None, lambda _: None)
            await asyncio.sleep(0.002)
        outcomes = [type(await fate(ticket)) for ticket in tickets]
        assert set(outcomes) == {rk.AddOrderResult}

    play(story, settings={"on_trading_limit": "wait"}, latency=0.1)


def test_a_wait_ends_with_the_client(play):
    """It never left: `NotSent`."""

    async def story(venue):
        fill(venue, room=-1000)
        waiting = asyncio.ensure_future(fate(venue.bid()))
        await asyncio.sleep(5)
        await venue.client.aclose()
        assert type(await waiting) is rk.NotSent
        assert venue.received == []

    play(story, settings={"on_trading_limit": "wait"})


@pytest.mark.parametrize("policy", ["raise", "wait"])
def test_brakes_are_never_held_back(play, policy):
    """Batch cancels, cancelling everything and the dead man's switch go out whatever the counter says."""

    async def story(venue):
        ids = [(await venue.bid()).order_id for _ in range(2)]
        await venue.bid()
        fill_truly(venue, room=-1000)
        started = now()
        await venue.client.cancel_all_orders_after(60)
        assert (await venue.client.batch_cancel(ids)).count == 2
        assert (await venue.client.cancel_all()).count == 1
        assert now() - started < 1

    play(story, settings={"on_trading_limit": policy})


# --- the exchange says no -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("over", ["websocket", "rest"])
def test_a_refusal_fills_the_counter(play, over):
    """It knows of requests that this process does not: what is foreseen follows, and both ways learn it."""

    async def story(venue):
        await venue.client.open_orders().first()
        venue.fault("rate_limit", seconds=1.0)
        assert foreseen(venue) == 0
        request = (
            venue.bid()
            if over == "websocket"
            else venue.client.rest.add_order("BTC/USD", "buy", "limit", "0.01", price="80000")
        )
        error = await fate(request)
        assert (error.category, error.retryable) == ("trading_rate_limit", True)
        assert foreseen(venue) == pytest.approx(180, abs=0.5)
        await asyncio.sleep(10)
        assert foreseen(venue) == pytest.approx(180 - 37.5, abs=0.5)

    play(story)


def test_a_shared_limits_serves_several_clients(play):
    """Two clients of one key, one count."""
    limits = rk.Limits("pro")

    async def story(venue):
        other = rk.KrakenClient(
            venue.client.endpoints, venue.exchange.credentials, outside=venue.client._outside, limits=limits
        )
        async with other:
            await asyncio.gather(*(venue.bid() for _ in range(3)))
            await other.instruments().first()
            await asyncio.gather(
                *(other.add_order("BTC/USD", "buy", "limit", qty="0.01", price="80000") for _ in range(3))
            )
            assert other.limits == venue.client.limits
            assert foreseen(venue) == pytest.approx(counted(venue), abs=0.5)

    play(story, limits=limits)
