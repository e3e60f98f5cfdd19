"""`ticket.lifecycle` (promise 13): one order from its ack to its end, whatever comes first, late, twice or never."""

from __future__ import annotations

import asyncio
import itertools
from decimal import Decimal

import pytest

import rxkraken as rk
from rxkraken.errors import SubscriptionRejected

RANKS = {"pending_new": 0, "new": 1, "partially_filled": 2, "filled": 3, "canceled": 3, "expired": 3}


def told(seen):
    """What was told, in short: statuses with quantities filled, error names, and "completed"."""
    return [
        f"{item.status} {item.cum_qty.normalize():f}"
        if isinstance(item, rk.Order)
        else item
        if isinstance(item, str)
        else type(item)
        for item in seen
    ]


def last_statuses(seen):
    """The statuses alone, without the one before any news, which comes only if the ack is first."""
    statuses = [item.status if isinstance(item, rk.Order) else item for item in seen]
    return statuses[1:] if statuses[:1] == ["pending_new"] else statuses


def never_back(seen):
    """Whether statuses and fills only ever grow, and nothing follows the final one."""
    orders = [item for item in seen if isinstance(item, rk.Order)]
    ranks = [RANKS[order.status] for order in orders]
    filled = [order.cum_qty for order in orders]
    return ranks == sorted(ranks) and filled == sorted(filled) and ranks.count(3) <= 1


@pytest.fixture
def follow(play):
    """Plays a story of a client that has followed its executions for a while."""

    def perform(story, **options):
        async def followed(venue):
            await venue.client.open_orders().first()
            await story(venue)

        play(followed, **options)

    return perform


# --- the ways of an order -------------------------------------------------------------------------------------------


def test_a_resting_order_is_followed_through_amends_and_fills_to_its_end(follow, watch):
    """Each state once, with all that is known of the order, and completion after the final one."""

    async def story(venue):
        ticket = venue.top(qty="0.03")
        seen = watch(ticket.lifecycle)
        await asyncio.sleep(1)
        await ticket.amend(qty="0.02")
        await asyncio.sleep(1)
        venue.sell("0.005")
        await asyncio.sleep(1)
        venue.sell("0.015")
        await asyncio.sleep(1)
        assert told(seen) == [
            "pending_new 0", "new 0", "new 0", "partially_filled 0.005", "partially_filled 0.02", "filled 0.02",
            "completed",
        ]  # fmt: skip
        assert [order.qty for order in seen[:-1]] == [Decimal(qty) for qty in ["0.03"] * 2 + ["0.02"] * 4]
        first, last = seen[0], seen[-2]
        truth = venue.orders[0]
        for order in (first, last):
            assert (order.order_id, order.cl_ord_id) == (truth.order_id, ticket.cl_ord_id)
            assert (order.symbol, order.side, order.order_type) == ("BTC/USD", "buy", "limit")
            assert order.limit_price == Decimal("84250.3")
        assert (last.avg_price, last.cum_cost) == (Decimal("84250.3"), Decimal("1685.006"))
        assert [(fee.asset, fee.qty > 0) for fee in last.fees] == [("USD", True)]
        assert ticket.order == last

    follow(story)


@pytest.mark.parametrize(
    ("terms", "expected"),
    [
        ({"price": "999999", "time_in_force": "ioc"}, ["new", "filled", "completed"]),
        ({"price": "80000", "time_in_force": "ioc"}, ["new", "expired", "completed"]),
        ({"price": "80000", "post_only": True}, ["new"]),
    ],
)
def test_orders_of_every_temper_end_as_they_should(follow, watch, terms, expected):
    """Filled at once, not filled and gone, resting."""

    async def story(venue):
        seen = watch(venue.bid(**terms).lifecycle)
        await asyncio.sleep(5)
        kept = [status for status, _ in itertools.groupby(last_statuses(seen)) if status != "partially_filled"]
        assert kept == expected
        assert never_back(seen)

    follow(story)


def test_a_market_order_is_filled(follow, watch):
    """No price, and many fills perhaps."""

    async def story(venue):
        seen = watch(venue.client.add_order("BTC/USD", "sell", "market", qty="0.5").lifecycle)
        await asyncio.sleep(2)
        assert told(seen)[-2:] == ["filled 0.5", "completed"]
        assert never_back(seen)

    follow(story)


def test_an_order_that_expires_says_so(follow, watch):
    """Good till a date that comes."""

    async def story(venue):
        expires = 1_750_000_000 + asyncio.get_running_loop().time() + 30
        seen = watch(venue.bid(time_in_force="gtd", expire_time=int(expires)).lifecycle)
        await asyncio.sleep(60)
        assert last_statuses(seen) == ["new", "expired", "completed"]

    follow(story)


def test_a_cancel_tells_its_reason(follow, watch):
    """The final state carries Kraken's words."""

    async def story(venue):
        ticket = venue.bid()
        seen = watch(ticket.lifecycle)
        await ticket.cancel()
        await asyncio.sleep(1)
        assert last_statuses(seen) == ["new", "canceled", "completed"]
        assert seen[-2].reason == "User requested"

    follow(story)


def test_an_order_that_is_only_validated_has_no_life(follow, watch):
    """It completes without a state."""

    async def story(venue):
        ticket = venue.bid(validate=True)
        seen = watch(ticket.lifecycle)
        await asyncio.sleep(5)
        assert (seen, (await ticket).placed, venue.orders) == (["completed"], False, [])

    follow(story)


def test_a_refused_order_ends_with_the_refusal(follow, watch):
    """The same error as the ticket's."""

    async def story(venue):
        ticket = venue.bid(price="999999", post_only=True)
        seen = watch(ticket.lifecycle)
        await asyncio.sleep(1)
        assert seen == watch(ticket)
        assert [error.text for error in seen] == ["EOrder:Post only order"]

    follow(story)


def test_a_key_that_may_not_see_orders_cannot_follow_them(play, watch):
    """It places the order and is told that it cannot see how it goes on."""

    async def story(venue):
        key = venue.exchange.keys[venue.exchange.credentials.key]
        key.permissions = frozenset({"modify_orders", "cancel_orders"})
        ticket = venue.bid()
        seen = watch(ticket.lifecycle)
        await asyncio.sleep(5)
        assert isinstance(seen[-1], SubscriptionRejected)
        assert (await ticket).placed

    play(story)


# --- races, frame by frame ------------------------------------------------------------------------------------------

STAMP = "2025-06-15T15:06:{:02d}.000000Z"


def reports(ticket):
    """What the exchange tells of an order that fills in two parts; sparse, as it does."""
    base = {"order_id": "OAAAAA-AAAAA-AAAAAA", "cl_ord_id": ticket.cl_ord_id, "order_userref": 0}
    terms = {
        "symbol": "BTC/USD", "side": "buy", "order_type": "limit", "order_qty": 0.01, "limit_price": 80000.0,
        "time_in_force": "GTC", "cum_qty": 0, "cum_cost": 0, "fee_usd_equiv": 0,
    }  # fmt: skip
    fill = {"symbol": "BTC/USD", "side": "buy", "order_type": "limit", "last_price": 80000.0, "liquidity_ind": "m"}
    return [
        {**base, **terms, "exec_type": "pending_new", "order_status": "pending_new", "timestamp": STAMP.format(1)},
        {**base, "exec_type": "new", "order_status": "new", "timestamp": STAMP.format(2)},
        {
            **base, **fill, "exec_type": "trade", "order_status": "partially_filled", "timestamp": STAMP.format(3),
            "exec_id": "TAAAAA-AAAAA-AAAAAA", "trade_id": 1, "last_qty": 0.004, "cost": 320.0, "cum_qty": 0.004,
            "cum_cost": 320.0, "avg_price": 80000.0, "fees": [{"asset": "USD", "qty": 0.5}],
        },
        {
            **base, **fill, "exec_type": "trade", "order_status": "filled", "timestamp": STAMP.format(4),
            "exec_id": "TAAAAA-AAAAA-AAAAAB", "trade_id": 2, "last_qty": 0.006, "cost": 480.0, "cum_qty": 0.01,
            "cum_cost": 800.0, "avg_price": 80000.0, "fees": [{"asset": "USD", "qty": 0.7}],
        },
        {"order_id": base["order_id"], "exec_type": "filled", "order_status": "filled", "timestamp": STAMP.format(4)},
    ]  # fmt: skip


WHOLE = ["pending_new 0", "new 0", "partially_filled 0.004", "filled 0.01", "completed"]


@pytest.mark.parametrize("place", range(6))
def test_the_ack_may_come_before_between_or_after_the_executions(scripted, place):
    """The same states wherever it comes: the race is not to be seen."""

    async def story(stage):
        ticket = stage.bid()
        seen = stage.watch(ticket.lifecycle)
        await stage.settle()
        frames = reports(ticket)
        for number in range(len(frames) + 1):
            if number == place:
                stage.link.say(stage.acceptance("add_order", order_id="OAAAAA-AAAAA-AAAAAA"))
            if number < len(frames):
                stage.tell(frames[number])
            await stage.settle()
        assert told(seen) == WHOLE
        assert [(fee.asset, str(fee.qty)) for fee in seen[-2].fees] == [("USD", "1.2")]

    scripted(story)


def test_without_any_ack_the_executions_tell_the_whole_life(scripted):
    """The ack is lost for good; the order is followed by its own id, and the ticket is unknown."""

    async def story(stage):
        ticket = stage.bid()
        seen = stage.watch(ticket.lifecycle)
        await stage.settle()
        for report in reports(ticket):
            stage.tell(report)
        await stage.settle(30)
        assert last_statuses(seen) == ["new", "partially_filled", "filled", "completed"]
        assert never_back(seen)

    scripted(story)


@pytest.mark.parametrize("order", list(itertools.permutations(range(4)))[::3])
def test_executions_may_overtake_each_other(scripted, order):
    """States never go back and the end is the same, whichever comes first."""

    async def story(stage):
        ticket = stage.bid()
        seen = stage.watch(ticket.lifecycle)
        await stage.settle()
        stage.link.say(stage.acceptance("add_order", order_id="OAAAAA-AAAAA-AAAAAA"))
        frames = reports(ticket)
        for number in order:
            stage.tell(frames[number])
        await stage.settle()
        assert told(seen)[-1] == "completed"
        assert never_back(seen)
        last = seen[-2]
        assert (last.status, last.cum_qty) == ("filled", Decimal("0.01"))

    scripted(story)


def test_the_orders_of_others_are_not_its_business(scripted):
    """Executions of other orders of the account, also with no id of their own."""

    async def story(stage):
        ticket = stage.bid()
        seen = stage.watch(ticket.lifecycle)
        await stage.settle()
        for report in reports(ticket):
            stage.tell({**report, "order_id": "OOTHER-OTHER-OTHERO", "cl_ord_id": "other"})
        stage.link.say(stage.acceptance("add_order", order_id="OAAAAA-AAAAA-AAAAAA"))
        await stage.settle()
        assert told(seen) == ["pending_new 0"]

    scripted(story)


def test_an_order_without_an_id_of_its_own_is_followed_from_its_ack_on(scripted):
    """Executions before the ack cannot be told from others'; what they said is known when it comes."""

    async def story(stage):
        ticket = stage.bid(order_userref=7)
        seen = stage.watch(ticket.lifecycle)
        await stage.settle()
        frames = [{**report, "order_userref": 7} for report in reports(ticket)]
        for report in frames:
            report.pop("cl_ord_id", None)
        stage.tell(*frames[:3])
        await stage.settle()
        assert seen == []
        stage.link.say(stage.acceptance("add_order", order_id="OAAAAA-AAAAA-AAAAAA", order_userref=7))
        stage.tell(*frames[3:])
        await stage.settle()
        assert last_statuses(seen) == ["partially_filled", "filled", "completed"]

    scripted(story)
