"""The token lease (promise 19): one fetch for everyone, fresh when needed, and nothing left over."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import pytest

from rxkraken.errors import ClientClosed, KrakenError, RequestTimeout
from rxkraken.session.lease import TokenLease
from rxkraken.session.world import World
from rxkraken.settings import Settings
from rxkraken.testing import ScriptedNetwork, run


@dataclass
class Holder:
    """A private connection, as far as the lease knows."""

    name: str
    is_open: bool = True
    token_unused: bool = True
    tokens: list[tuple[float, str]] = field(default_factory=list)

    def grant(self, token: str) -> None:
        self.tokens.append((asyncio.get_running_loop().time(), token))


class Desk:
    """Gives out tokens t1, t2, …, one second each; `answers` may hold errors to raise first."""

    def __init__(self, *answers: Exception, expires: float = 900.0) -> None:
        self.answers = list(answers)
        self.expires = expires
        self.asked: list[float] = []
        self.at_a_time = self.most_at_a_time = 0
        self.failures: list[tuple[str, float | None]] = []
        loop = asyncio.get_running_loop()
        world = World(loop, ScriptedNetwork(), None, wall=loop.time, uniform=random.Random(1).uniform, budgets={})
        self.lease = TokenLease(self.fetch, world, Settings(backoff_base=1.0, backoff_max=8.0), self.fail)

    async def fetch(self) -> tuple[str, float]:
        self.asked.append(asyncio.get_running_loop().time())
        self.at_a_time += 1
        self.most_at_a_time = max(self.most_at_a_time, self.at_a_time)
        try:
            await asyncio.sleep(1)
        finally:
            self.at_a_time -= 1
        if self.answers:
            raise self.answers.pop(0)
        return f"t{len(self.asked)}", self.expires

    def fail(self, error: KrakenError, pause: float | None) -> None:
        self.failures.append((str(error), pause))

    async def close(self) -> None:
        task = self.lease.close()
        if task is not None:
            await asyncio.wait([task])


def passing(text: str) -> KrakenError:
    """A failure that a later attempt may not meet."""
    return RequestTimeout(text)


def hopeless(text: str) -> KrakenError:
    """A failure that will be the same next time."""
    error = KrakenError(text)
    assert not error.retryable
    return error


def test_two_connections_that_open_together_share_one_fetch():
    """Single flight: auth and l3 ask at once, REST is asked once, both go on with the same token."""

    async def story():
        desk = Desk()
        auth, l3 = Holder("auth", token_unused=False), Holder("l3", token_unused=False)
        desk.lease.want(auth)
        desk.lease.want(l3)
        await asyncio.sleep(5)
        await desk.close()
        return desk.asked, auth.tokens, l3.tokens, desk.lease.fetched

    assert run(story) == ([0.0], [(1.0, "t1")], [(1.0, "t1")], 1)


def test_who_comes_while_a_token_is_on_its_way_gets_a_fresh_one_after_it():
    """A token that is not used within its time is worth nothing: nobody gets one that was asked before they came."""

    async def story():
        desk = Desk()
        auth, l3 = Holder("auth", token_unused=False), Holder("l3", token_unused=False)
        desk.lease.want(auth)
        await asyncio.sleep(0.5)
        desk.lease.want(l3)
        await asyncio.sleep(5)
        await desk.close()
        return desk.asked, auth.tokens, l3.tokens, desk.most_at_a_time

    assert run(story) == ([0.0, 1.0], [(1.0, "t1")], [(2.0, "t2")], 1)


def test_each_connect_gets_a_fresh_token():
    """Section 5.1: fetch a fresh one for each reconnect."""

    async def story():
        desk = Desk()
        auth = Holder("auth", token_unused=False)
        for _ in range(3):
            desk.lease.want(auth)
            await asyncio.sleep(10)
        await desk.close()
        return auth.tokens

    assert run(story) == [(1.0, "t1"), (11.0, "t2"), (21.0, "t3")]


@pytest.mark.parity("D2-8")
def test_an_unused_token_is_replaced_at_half_its_life():
    """A connection may be open for hours before its first order: the token at hand is never too old to be used."""

    async def story():
        desk = Desk()
        auth = Holder("auth")
        desk.lease.want(auth)
        await asyncio.sleep(1000)
        auth.token_unused = False  # the next look, at 450 s of the third token, finds it used
        await asyncio.sleep(5000)
        await desk.close()
        return auth.tokens

    assert run(story) == [(1.0, "t1"), (452.0, "t2"), (903.0, "t3")]


def test_a_token_that_is_in_use_is_left_alone():
    """It stays valid while the connection is kept (section 5.1)."""

    async def story():
        desk = Desk()
        auth, gone = Holder("auth", token_unused=False), Holder("l3")
        desk.lease.want(auth)
        desk.lease.want(gone)
        await asyncio.sleep(2)
        gone.is_open = False
        await asyncio.sleep(5000)
        await desk.close()
        return desk.asked

    assert run(story) == [0.0]


def test_failures_are_tried_again_with_growing_pauses_and_each_is_told():
    async def story():
        desk = Desk(*(passing(f"down {number}") for number in range(6)))
        auth = Holder("auth", token_unused=False)
        desk.lease.want(auth)
        await asyncio.sleep(100)
        await desk.close()
        return desk, auth.tokens

    desk, tokens = run(story)
    pauses = [pause for _, pause in desk.failures]
    assert [text for text, _ in desk.failures] == [f"down {number}" for number in range(6)]
    assert all(most / 2 <= pause <= most for pause, most in zip(pauses, (1, 2, 4, 8, 8, 8), strict=True))
    assert tokens == [(pytest.approx(sum(pauses) + 7), "t7")]


def test_a_hopeless_failure_ends_the_attempts_and_a_later_wish_begins_new_ones():
    """A key without the permission: told once, not asked again by itself."""

    async def story():
        desk = Desk(hopeless("EGeneral:Permission denied"))
        auth = Holder("auth", token_unused=False)
        desk.lease.want(auth)
        await asyncio.sleep(100)
        told = list(desk.failures)
        desk.lease.want(auth)
        await asyncio.sleep(100)
        await desk.close()
        return told, desk.failures, desk.asked, auth.tokens

    told = [("EGeneral:Permission denied", None)]
    assert run(story) == (told, told, [0.0, 100.0], [(101.0, "t2")])


def test_nobody_asks_for_a_connection_that_is_gone():
    """The connection is lost while attempts fail: it will ask for itself when it is back."""

    async def story():
        desk = Desk(*(passing("down") for _ in range(50)))
        auth = Holder("auth")
        desk.lease.want(auth)
        await asyncio.sleep(1.1)
        auth.is_open = False
        await asyncio.sleep(100)
        asked = len(desk.asked)
        auth.is_open = True
        desk.answers.clear()
        desk.lease.want(auth)
        await asyncio.sleep(10)
        await desk.close()
        return asked, [token for _, token in auth.tokens]

    assert run(story) == (1, ["t2"])


@pytest.mark.parametrize("moment", [0.5, 1.2, 5.0, 900.0])
def test_closing_leaves_nothing_behind(moment):
    """Whether it is fetching, waiting to try again, or only to renew: no task and no timer is left."""

    async def story():
        loop = asyncio.get_running_loop()
        desk = Desk(passing("down"), passing("down"))
        auth = Holder("auth")
        desk.lease.want(auth)
        await asyncio.sleep(moment)
        asked = len(desk.asked)
        await desk.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        timers = [handle for handle in loop._scheduled if not handle.cancelled()]
        await asyncio.sleep(5000)
        return others, timers, len(desk.asked) - asked

    assert run(story) == (set(), [], 0)


def test_a_client_that_closes_meanwhile_is_no_failure():
    async def story():
        desk = Desk(ClientClosed("closed"))
        auth = Holder("auth")
        desk.lease.want(auth)
        await asyncio.sleep(50)
        await desk.close()
        return desk.failures, auth.tokens, len(desk.asked)

    assert run(story) == ([], [], 1)


def test_an_exchange_that_gives_no_token_for_hours_is_asked_for_hours():
    """Two thousand failures: the pause stays at its longest, however long the streak."""

    async def main():
        desk = Desk(*(RequestTimeout("no answer") for _ in range(2000)))
        holder = Holder("auth", token_unused=False)
        desk.lease.want(holder)
        await asyncio.sleep(2001 * 9)
        await desk.close()
        return len(desk.failures), len(holder.tokens)

    assert run(main) == (2000, 1)
