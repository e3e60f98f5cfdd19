"""What drives a connection and who waits for it: turns that are never doubled, answers that are given once."""

from __future__ import annotations

import asyncio

import pytest

from rxkraken.errors import RequestTimeout
from rxkraken.protocol import spot_v2
from rxkraken.session.answers import Answers
from rxkraken.session.driver import Driver
from rxkraken.testing import run

PONG = spot_v2.reply({"method": "pong", "req_id": 1})


def turns_of(story, *due: float | None) -> list[float]:
    """When turns were taken; each says when the next is due."""
    wishes = list(due)

    async def main():
        loop, turns = asyncio.get_running_loop(), []
        began = loop.time()

        def turn() -> float | None:
            turns.append(loop.time() - began)
            wish = wishes.pop(0) if wishes else None
            return None if wish is None else began + wish

        await story(Driver(loop, turn))
        return turns

    return run(main)


def test_many_pokes_of_one_moment_are_one_turn():
    async def story(driver: Driver) -> None:
        for _ in range(3):
            driver.poke()
        assert driver.is_poked
        await asyncio.sleep(1)
        assert not driver.is_poked

    assert turns_of(story) == [0.0]


def test_a_turn_that_comes_soon_replaces_the_one_that_was_due():
    """Due at 5, poked at 2, then due at 9: there is no turn at 5."""

    async def story(driver: Driver) -> None:
        driver.poke()
        await asyncio.sleep(2)
        driver.poke()
        await asyncio.sleep(20)

    assert turns_of(story, 5.0, 9.0) == [0.0, 2.0, 9.0]


@pytest.mark.parametrize("poked", [True, False])
def test_no_turn_comes_after_the_stop(poked):
    """Neither the one due, nor one poked before, nor one poked after."""

    async def story(driver: Driver) -> None:
        driver.poke()
        await asyncio.sleep(1)
        if poked:
            driver.poke()
        driver.stop()
        driver.poke()
        await asyncio.sleep(20)

    assert turns_of(story, 5.0) == [0.0]


def test_a_driver_stopped_within_its_turn_arms_nothing():
    async def main():
        loop, turns = asyncio.get_running_loop(), []

        def turn() -> float:
            turns.append(loop.time())
            driver.stop()
            return loop.time() + 1

        driver = Driver(loop, turn)
        driver.poke()
        await asyncio.sleep(5)
        return len(turns)

    assert run(main) == 1


def test_an_answer_is_given_once():
    answers, got = Answers(), []
    answers.expect(1, lambda answer, seconds: got.append((answer, seconds)))
    answers.give(1, PONG, 0.25)
    answers.give(1, PONG, 0.5)
    answers.give(2, PONG)
    assert got == [(PONG, 0.25)]


def test_several_answers_come_until_an_error_or_until_nobody_waits():
    answers, got = Answers(), []
    for req_id in (1, 2):
        answers.expect(req_id, lambda answer, _, req_id=req_id: got.append((req_id, answer)), several=True)
    error = RequestTimeout("no reply in time")
    for answer in (PONG, PONG, error, PONG):
        answers.give(1, answer)
    answers.give(2, PONG)
    answers.forget(2)
    answers.give(2, PONG)
    assert got == [(1, PONG), (1, PONG), (1, error), (2, PONG)]


def test_who_is_answered_may_ask_again_under_the_same_id():
    """It is forgotten before it is called, so what it asks for in its answer is not forgotten with it."""
    answers, got = Answers(), []

    def again(answer, seconds) -> None:
        got.append(seconds)
        answers.expect(1, lambda answer, seconds: got.append(seconds))

    answers.expect(1, again)
    answers.give(1, PONG, 1.0)
    answers.give(1, PONG, 2.0)
    assert got == [1.0, 2.0]
