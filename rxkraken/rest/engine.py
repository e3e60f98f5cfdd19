"""Makes calls: their tasks, their order, both rate limits, retries, and an orderly end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from rxkraken.errors import ClientClosed, InvalidArgument, KrakenError, RateLimited, RestUnreadable
from rxkraken.logs import logger
from rxkraken.rest.answer import RestAnswer, problem
from rxkraken.rest.build import BadShape
from rxkraken.rest.limits import Policy
from rxkraken.rest.outcome import explained, verdict

if TYPE_CHECKING:
    from rxkraken.rest.limits import Limits
    from rxkraken.rest.transport import Plan, Transport

T = TypeVar("T")
_log: Final = logger("rxkraken.rest")


@dataclass(frozen=True, slots=True)
class Tools:
    """Time, chance and waiting, from outside: Unix time, a steady clock, a sleep, and random numbers in [0, 1)."""

    clock: Callable[[], float]
    monotonic: Callable[[], float]
    sleep: Callable[[float], Awaitable[None]]
    random: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Policies:
    """What to do when a counter has no room: wait, raise, or only warn; for each of the two counters."""

    rest: Policy
    trading: Policy


@dataclass(frozen=True, slots=True)
class _Failed:
    error: KrakenError


@dataclass(frozen=True, slots=True)
class _Done(Generic[T]):
    value: T


class Engine:
    """The working half of `RestClient`, shared by all its views."""

    def __init__(
        self, transport: Transport, tools: Tools, limits: Limits, policies: Policies, *, serial: bool, patience: float
    ) -> None:
        """Hold everything. `patience` is how long closing waits for the answers of orders."""
        self.limits = limits
        self.tools = tools
        self._transport = transport
        self._policies = policies
        self._patience = patience
        self._loop: asyncio.AbstractEventLoop | None = None
        self._tasks: dict[asyncio.Task[Any], bool] = {}
        self._closing = False
        # Two private calls under way could arrive in the wrong order, and the later nonce would kill the earlier one.
        self._private_turn = asyncio.Semaphore(1 if serial else _CONCURRENT)
        self._rest_turn = asyncio.Lock()
        self._trading_turn = asyncio.Lock()

    @property
    def closing(self) -> bool:
        """Whether the end has begun: nothing is sent any more."""
        return self._closing

    def start(self, name: str, make: Callable[[], Coroutine[Any, Any, T]], *, interruptible: bool) -> asyncio.Task[T]:
        """Start a call's task on the running loop, and know it until it ends."""
        if self._closing:
            raise ClientClosed(f"the REST client is closed, so {name} was not sent")
        loop = _running_loop(name)
        self._loop = self._loop or loop
        if loop is not self._loop:
            raise InvalidArgument(f"{name}: this REST client works on another event loop; make one for each loop")
        task = loop.create_task(make(), name=f"rxkraken.rest {name}")
        self._tasks[task] = interruptible
        task.add_done_callback(self._tasks.pop)
        return task

    async def aclose(self) -> None:
        """End everything: reads are cancelled, orders get `patience` to be answered, then the session closes."""
        self._closing = True
        for task, interruptible in list(self._tasks.items()):
            if interruptible:
                task.cancel()
        late = await _late(set(self._tasks), self._patience)
        for task in late:
            task.cancel()
        await _late(late, None)
        await self._transport.aclose()

    async def run(self, plan: Plan[T]) -> T:
        """Make a call, a safe one as often as its retry policy allows; return its result or raise its one error."""
        tried = 0
        while True:
            tried += 1
            outcome = await self._attempt(plan)
            if isinstance(outcome, _Done):
                return outcome.value
            delay = self._delay(plan, outcome.error, tried)
            if delay is None:
                raise explained(self._verdict(plan, outcome.error), plan.spec.name)
            _log.warning("%s failed (%s); trying again in %.2f s", plan.spec.name, outcome.error, delay)
            await self.tools.sleep(delay)

    def cut_short(self, plan: Plan[Any]) -> KrakenError:
        """Return what the callers of a call get that closing cut short."""
        return self._verdict(plan, ClientClosed("the REST client was closed before the answer came"))

    def _verdict(self, plan: Plan[Any], error: KrakenError) -> KrakenError:
        return verdict(plan.spec, error, sent=plan.sent, identity=plan.identity)

    def _delay(self, plan: Plan[Any], error: KrakenError, tried: int) -> float | None:
        if plan.spec.nature != "read":
            return None
        return plan.retry.delay(error, tried, chance=self.tools.random(), now=self.tools.clock())

    async def _attempt(self, plan: Plan[T]) -> _Done[T] | _Failed:
        refused = await self._rest_room(plan) or await self._trading_room(plan)
        answer = refused or await self._answered(plan)
        if isinstance(answer, KrakenError):
            return _Failed(answer)
        for warning in answer.warnings:
            _log.warning("%s: Kraken warns: %s", plan.spec.name, warning)
        self._note_exceeded(plan, problem(answer))
        error = plan.judge(answer)
        return self._parsed(plan, answer) if error is None else _Failed(error)

    async def _answered(self, plan: Plan[Any]) -> RestAnswer | KrakenError:
        if not plan.spec.private:
            return await self._transport.exchange(plan)
        async with self._private_turn:
            if self._closing:
                return ClientClosed("the REST client is closing")
            return await self._transport.exchange(plan)

    def _parsed(self, plan: Plan[T], answer: RestAnswer) -> _Done[T] | _Failed:
        try:
            result = plan.parse(answer)
        except BadShape as error:
            return _Failed(RestUnreadable(f"the answer has an unexpected shape: {error}"))
        if plan.charge is not None:
            plan.charge.settle(self.limits.trading, self.tools.monotonic(), result)
        return _Done(result)

    async def _rest_room(self, plan: Plan[Any]) -> KrakenError | None:
        counter, cost = self.limits.rest, plan.spec.cost
        if not cost:
            return None
        async with self._rest_turn:
            refused = await self._room(plan, lambda now: counter.wait(cost, now), self._policies.rest, "REST")
            if refused is None:
                counter.charge(cost, self.tools.monotonic())
        return refused

    async def _trading_room(self, plan: Plan[Any]) -> KrakenError | None:
        charge, trading = plan.charge, self.limits.trading
        if charge is None:
            return None
        async with self._trading_turn:
            policy: Policy = "warn" if charge.always_passes else self._policies.trading
            refused = await self._room(
                plan, lambda now: trading.wait(charge.costs(trading, now), now), policy, "trading"
            )
            if refused is None:
                now = self.tools.monotonic()
                trading.charge(charge.costs(trading, now), now)
        return refused

    async def _room(
        self, plan: Plan[Any], missing: Callable[[float], float], policy: Policy, which: str
    ) -> KrakenError | None:
        while (delay := missing(self.tools.monotonic())) > _MOMENT:
            text = f"{plan.spec.name}: the {which} rate counter has room again in {delay:.2f} s"
            match policy:
                case "raise":
                    return RateLimited(text, wait=delay)
                case "warn":
                    _log.warning("%s; sending it all the same", text)
                    return None
                case "wait":
                    _log.debug("%s; waiting", text)
                    await self.tools.sleep(delay)
        return None

    def _note_exceeded(self, plan: Plan[Any], error: KrakenError | None) -> None:
        now = self.tools.monotonic()
        match error:
            case RateLimited(category="trading_rate_limit") if plan.charge is not None:
                self.limits.trading.fill(plan.charge.costs(self.limits.trading, now), now)
            case RateLimited(category="rate_limit") if plan.spec.private:
                self.limits.rest.fill(now)
            case _:
                pass  # Other errors say nothing about the counters.


_CONCURRENT: Final = 10
# A counter decays in floats: waiting for the last thousandth of a second would only turn in circles.
_MOMENT: Final = 0.001


def _running_loop(name: str) -> asyncio.AbstractEventLoop:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        raise InvalidArgument(f"{name} needs a running event loop: await it, or subscribe inside a coroutine") from None


async def _late(tasks: set[asyncio.Task[Any]], patience: float | None) -> set[asyncio.Task[Any]]:
    others = {task for task in tasks if task is not asyncio.current_task()}
    if not others:
        return set()
    _, late = await asyncio.wait(others, timeout=patience)
    return late
