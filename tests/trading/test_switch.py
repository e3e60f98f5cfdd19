"""The dead man's switch (promise 15): armed while somebody wants it, told when it must be assumed to have fired."""

from __future__ import annotations

import asyncio
import itertools

import pytest

import rxkraken as rk


def now():
    """The virtual time."""
    return asyncio.get_running_loop().time()


def armings(venue):
    """What the exchange received for the switch: (seconds since the start, timeout)."""
    name = "cancel_all_orders_after"
    return [(each.time, each.params["timeout"]) for each in venue.exchange.received if each.method == name]


def fires_at(venue):
    """When the exchange will cancel everything; None while the switch is off."""
    venue.network.drive()
    return venue.exchange.accounts["demo"].cancel_at


def test_it_is_armed_by_the_first_subscriber_and_refreshed_in_time(play, watch):
    """Nothing before; then a refresh every third of its time, each confirmed as `Armed`."""

    async def story(venue):
        stream = venue.client.dead_mans_switch(60)
        await asyncio.sleep(5)
        assert armings(venue) == []
        seen = watch(stream)
        await asyncio.sleep(300)
        times = [time for time, _ in armings(venue)]
        pauses = [after - before for before, after in itertools.pairwise(times)]
        assert {timeout for _, timeout in armings(venue)} == {60}
        assert all(19.9 < pause < 20.1 for pause in pauses)
        assert len(seen) == len(times) == 15
        assert all(isinstance(item, rk.Armed) and item.seconds == 60 for item in seen)
        assert {(item.trigger_time - item.current_time).total_seconds() for item in seen} == {60}
        assert fires_at(venue) > now() + 35

    play(story)


def test_it_does_not_fire_while_it_is_wanted(play):
    """An order outlives many times the switch's seconds."""

    async def story(venue):
        venue.client.dead_mans_switch(5).subscribe()
        ticket = venue.bid()
        await ticket
        await asyncio.sleep(600)
        assert venue.orders[0].status == "new"

    play(story)


def test_leaving_disarms_it(play):
    """The last to leave; the orders stay."""

    async def story(venue):
        await venue.bid()
        stays = venue.client.dead_mans_switch(60).subscribe()
        leaves = venue.client.dead_mans_switch(60).subscribe()
        await asyncio.sleep(1)
        leaves.dispose()
        await asyncio.sleep(50)
        assert fires_at(venue) is not None
        stays.dispose()
        await asyncio.sleep(1)
        assert fires_at(venue) is None
        assert armings(venue)[-1][1] == 0
        await asyncio.sleep(600)
        assert venue.orders[0].status == "new"

    play(story)


@pytest.mark.parametrize("turns", [0, 1, 2, 3, 5, 10])
def test_leaving_before_the_first_ack_disarms_it_too(play, turns):
    """It may be armed although nobody has heard so: then nobody would refresh it, and everything be cancelled."""

    async def story(venue):
        leave = venue.client.dead_mans_switch(60).subscribe()
        for _ in range(turns):
            await asyncio.sleep(0)
        leave.dispose()
        await asyncio.sleep(30)
        assert fires_at(venue) is None
        assert [timeout for _, timeout in armings(venue)] in ([], [60, 0])

    play(story)


def test_leaving_while_the_client_connects_disarms_it_too(play):
    """The request may have been waiting for the connection."""

    async def story(venue):
        leave = venue.client.dead_mans_switch(60).subscribe()
        await asyncio.sleep(0.001)
        leave.dispose()
        await asyncio.sleep(30)
        assert fires_at(venue) is None

    play(story, ready=False)


@pytest.mark.parametrize("pause", [0.0, 0.001, 1.0, 20.066])
def test_whoever_comes_as_the_last_one_leaves_finds_it_armed(play, watch, pause):
    """The old one's farewell must not switch the new one off."""

    async def story(venue):
        leave = venue.client.dead_mans_switch(60).subscribe()
        await asyncio.sleep(pause)
        leave.dispose()
        seen = watch(venue.client.dead_mans_switch(60))
        await asyncio.sleep(1)
        assert [type(item).__name__ for item in seen] == ["Armed"]
        assert fires_at(venue) == pytest.approx(now() + 59, abs=0.1)

    play(story)


def test_an_orderly_close_disarms_it_and_completes(play, watch):
    """Leaving `async with` is no accident: the orders stay."""

    async def story(venue):
        await venue.bid()
        seen = watch(venue.client.dead_mans_switch(60))
        await asyncio.sleep(1)
        await venue.client.aclose()
        assert [type(item).__name__ for item in seen] == ["Armed", "str"]
        assert seen[-1] == "completed"
        venue.exchange.advance(now() + 600)
        assert [timeout for _, timeout in armings(venue)] == [60, 0]
        assert venue.orders[0].status == "new"

    play(story)


def test_a_client_that_dies_leaves_it_armed(play):
    """That is what it is for: no refresh, and the exchange cancels everything."""

    async def story(venue):
        await venue.bid()
        venue.client.dead_mans_switch(60).subscribe()
        await asyncio.sleep(1)
        venue.fault("silence")
        venue.fault("refuse_upgrade", status=503, times=100)
        await asyncio.sleep(70)
        venue.network.drive()
        assert venue.orders[0].status == "canceled"

    play(story)


def test_it_tells_when_it_must_have_fired_and_arms_itself_again(play, watch):
    """`Tripped` is told no later than the exchange cancels; when it can be reached again, it is armed again."""

    async def story(venue):
        await venue.bid()
        seen = []
        venue.client.dead_mans_switch(30).subscribe(lambda item: seen.append((now(), item)))
        await asyncio.sleep(1)
        (armed_at, _), fires = seen[0], fires_at(venue)
        venue.fault("refuse_upgrade", status=503, times=6)
        venue.fault("drop", code=1006)
        await asyncio.sleep(200)
        kinds = [type(item).__name__ for _, item in seen]
        assert kinds[:3] == ["Armed", "Tripped", "Armed"]
        assert "Tripped" not in kinds[3:]
        assert armed_at + 29 < seen[1][0] <= fires
        assert "30 s" in seen[1][1].reason
        assert venue.orders[0].status == "canceled"
        assert fires_at(venue) is not None

    play(story, settings={"backoff_base": 20.0, "backoff_max": 20.0})


def test_a_short_interruption_does_not_trip_it(play, watch):
    """It is refreshed again as soon as that is possible."""

    async def story(venue):
        seen = watch(venue.client.dead_mans_switch(30))
        await asyncio.sleep(1)
        for _ in range(5):
            venue.fault("drop", code=1006)
            await asyncio.sleep(17)
        assert {type(item).__name__ for item in seen} == {"Armed"}
        assert fires_at(venue) > now() + 15

    play(story)


@pytest.mark.parametrize("fault", ["lose_ack", "cut_before", "cut_after"])
def test_acks_are_checked_not_assumed(play, watch, fault):
    """A refresh without an ack is tried again well before the switch fires."""

    async def story(venue):
        seen = watch(venue.client.dead_mans_switch(30))
        await asyncio.sleep(1)
        venue.fault(fault, method="cancel_all_orders_after")
        await asyncio.sleep(60)
        assert venue.struck() == [fault]
        assert {type(item).__name__ for item in seen} == {"Armed"}

    play(story)


def test_an_ack_that_never_comes_trips_it(play, watch):
    """Whether the exchange heard the refreshes nobody knows: so it must be assumed that it did not."""

    async def story(venue):
        seen = watch(venue.client.dead_mans_switch(10))
        await asyncio.sleep(1)
        venue.fault("lose_ack", method="cancel_all_orders_after", times=100)
        await asyncio.sleep(30)
        assert [type(item).__name__ for item in seen][:2] == ["Armed", "Tripped"]
        assert [type(item).__name__ for item in seen].count("Armed") == 1

    play(story)


def test_everyone_shares_one_switch_and_late_subscribers_know_its_state(play, watch):
    """Two subscribers, one series of refreshes."""

    async def story(venue):
        early = watch(venue.client.dead_mans_switch(60))
        await asyncio.sleep(50)
        late = watch(venue.client.dead_mans_switch(60))
        assert late == early[-1:]
        await asyncio.sleep(50)
        assert early[-2:] == late[-2:]
        assert len(early) == len(armings(venue)) == 5

    play(story)


def test_a_switch_of_other_seconds_is_refused(play, watch):
    """One account has one switch; after it is left another one may be armed."""

    async def story(venue):
        leave = venue.client.dead_mans_switch(60).subscribe()
        (error,) = watch(venue.client.dead_mans_switch(30))
        assert (type(error), str(error)) == (
            rk.InvalidArgument,
            "seconds=30: the switch is armed with 60 seconds",
        )
        await asyncio.sleep(1)
        leave.dispose()
        seen = watch(venue.client.dead_mans_switch(30))
        await asyncio.sleep(15)
        assert [timeout for _, timeout in armings(venue)][-1] == 30
        assert [item.seconds for item in seen] == [30, 30]
        assert now() + 15 < fires_at(venue) <= now() + 30

    play(story)


@pytest.mark.parametrize("seconds", [0, 4, 86_400, -1, 2.5, "60", True, None])
def test_seconds_that_cannot_be_kept_are_refused_at_the_call(play, seconds):
    """Too short for any network, longer than Kraken takes, or no number of seconds at all."""

    async def story(venue):
        with pytest.raises(rk.InvalidArgument, match="seconds="):
            venue.client.dead_mans_switch(seconds)

    play(story)


def test_a_key_that_may_not_arm_it_ends_the_stream(play, watch):
    """Permission refused: it can never work, and the subscriber hears so at once."""

    async def story(venue):
        key = venue.exchange.keys[venue.exchange.credentials.key]
        key.permissions = key.permissions - {"cancel_orders"}
        (error,) = await soon(watch(venue.client.dead_mans_switch(60)))
        assert (type(error), error.category) == (rk.OrderRejected, "permission")
        key.permissions = key.permissions | {"cancel_orders"}
        (armed,) = await soon(watch(venue.client.dead_mans_switch(60)))
        assert isinstance(armed, rk.Armed)

    play(story)


@pytest.mark.parametrize("lacking", ["credentials", "permission to change anything"])
def test_a_client_that_cannot_trade_ends_the_stream(play, watch, lacking):
    """Trying again every second for ever, in silence, would be a false sense of safety."""

    async def story(venue):
        own = None if lacking == "credentials" else venue.exchange.credentials
        client = rk.KrakenClient(
            venue.client.endpoints, own, outside=venue.client._outside, validate_only=own is not None
        )
        async with client:
            (error,) = await soon(watch(client.dead_mans_switch(60)))
        assert type(error) is (rk.MissingCredentials if own is None else rk.NotSent)

    play(story)


async def soon(seen):
    """What has come within a second."""
    await asyncio.sleep(1)
    return seen


def test_an_armed_switch_that_can_never_be_refreshed_again_is_told_to_have_tripped(play, watch):
    """The key has lost its permission: the exchange will cancel everything, whoever is still there."""

    async def story(venue):
        seen = watch(venue.client.dead_mans_switch(60))
        await asyncio.sleep(1)
        key = venue.exchange.keys[venue.exchange.credentials.key]
        key.permissions = key.permissions - {"cancel_orders", "modify_orders"}
        await asyncio.sleep(30)
        assert [type(each) for each in seen] == [rk.Armed, rk.Tripped, rk.OrderRejected]
        assert "cannot be refreshed any more" in seen[1].reason

    play(story)
