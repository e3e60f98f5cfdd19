"""`RestClient`: every REST call of Kraken's spot API, typed, signed, paced, and only once where once matters."""

from __future__ import annotations

import asyncio
import copy
import random as random_module
import time
import uuid
from typing import TYPE_CHECKING, Any, Final, Literal, Self, TypeVar

from rxkraken.errors import InvalidArgument, MissingCredentials
from rxkraken.rest.account import AccountCalls
from rxkraken.rest.answer import problem
from rxkraken.rest.call import RestCall
from rxkraken.rest.calls import spec_of
from rxkraken.rest.engine import Engine, Policies, Tools
from rxkraken.rest.funding import FundingCalls
from rxkraken.rest.limits import Limits
from rxkraken.rest.market import MarketCalls
from rxkraken.rest.retry import Retry
from rxkraken.rest.trading import TradingCalls
from rxkraken.rest.transport import Plan, Transport
from rxkraken.settings import Endpoints, Settings

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType

    from rxkraken.credentials import Credentials
    from rxkraken.errors import RestError
    from rxkraken.protocol.nonce import NonceSource
    from rxkraken.rest.answer import RestAnswer
    from rxkraken.rest.calls import CallSpec
    from rxkraken.rest.limits import Charge, LimitsState, Policy
    from rxkraken.rest.transport import SessionSource
    from rxkraken.rest.wire import Params

T = TypeVar("T")


class RestClient(MarketCalls, AccountCalls, TradingCalls, FundingCalls):
    """Kraken's REST API. Use it with `async with`, or call `aclose()`.

    Every method returns a `RestCall`: nothing is sent before it is awaited or subscribed to, and it is sent once.

    - Reading calls are made again after faults that pass (`retry`); orders and changes never.
    - Private calls go one at a time, because Kraken refuses nonces that arrive in the wrong order (`serial=False` is
      for keys with a nonce window).
    - The key's rate counter is foreseen: with `on_rest_limit="wait"` calls wait until it has room, `"raise"` raises
      `RateLimited`, `"warn"` only logs. `on_trading_limit` is the same for the counters of orders, per pair.
    - Failures are `KrakenError`s: `LinkLost`, `RequestTimeout`, `RestError` and its kinds for calls that read and
      for changes; for orders `OrderRejected`, `NotSent` or `OutcomeUnknown`.

    `session` may be an aiohttp session, which stays yours, or a function that makes one, which is closed with the
    client; without it one is opened for the first call. `clock` is Unix time, `monotonic` a steady clock; these and
    `sleep`, `random`, `new_id` are there to be replaced in tests.
    """

    def __init__(
        self,
        credentials: Credentials | None = None,
        *,
        endpoints: Endpoints | None = None,
        settings: Settings | None = None,
        session: SessionSource = None,
        limits: Limits | None = None,
        on_rest_limit: Policy = "wait",
        on_trading_limit: Policy = "warn",
        retry: Retry | None = None,
        serial: bool = True,
        nonces: NonceSource | None = None,
        clock: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        random: Callable[[], float] = random_module.random,
        new_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        """Check the arguments; open nothing. `InvalidArgument` when the endpoints have no `rest` URL."""
        endpoints = endpoints or Endpoints.live()
        settings = settings or Settings()
        if endpoints.rest is None:
            raise InvalidArgument("these endpoints have no rest URL; give one: Endpoints.custom(rest='https://...')")
        policies = Policies(_policy("on_rest_limit", on_rest_limit), _policy("on_trading_limit", on_trading_limit))
        transport = Transport(
            endpoints.rest,
            settings,
            credentials=credentials,
            nonces=nonces,
            session=session,
            ssl=settings.ssl or endpoints.ssl or True,
            clock=clock,
            monotonic=monotonic,
        )
        tools = Tools(clock, monotonic, sleep, random)
        self._engine = Engine(
            transport, tools, limits or Limits(), policies, serial=serial, patience=settings.close_timeout
        )
        self._credentials = credentials
        self._url = endpoints.rest
        self._retry = retry or Retry()
        self._timeout = settings.request_timeout
        self._make_id = new_id

    async def __aenter__(self) -> Self:
        """Return itself; nothing is opened yet."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close as `aclose` does."""
        await self.aclose()

    async def aclose(self) -> None:
        """Send nothing more, give up reads, wait a little for the answers of orders, close the session. Idempotent."""
        await self._engine.aclose()

    @property
    def closed(self) -> bool:
        """Whether closing has begun."""
        return self._engine.closing

    @property
    def limits(self) -> LimitsState:
        """Both rate counters as they are foreseen now."""
        return self._engine.limits.state(self._engine.tools.monotonic())

    def but(self, *, timeout: float | None = None, retry: Retry | None = None) -> Self:
        """Return a view of the same client, with the same session and counters, that is more or less patient.

        `timeout` is how many seconds one attempt may take, from the moment it is its turn.
        """
        if timeout is not None and not timeout > 0:
            raise InvalidArgument(f"timeout={timeout!r} is not a number of seconds above 0")
        view = copy.copy(self)
        view._timeout = self._timeout if timeout is None else timeout  # noqa: SLF001 - a copy of itself
        view._retry = self._retry if retry is None else retry  # noqa: SLF001 - a copy of itself
        return view

    def request(
        self,
        name: str,
        params: Params | None = None,
        *,
        auth: bool | None = None,
        method: Literal["GET", "POST"] | None = None,
        json: bool | None = None,
    ) -> RestCall[Any]:
        """Make any call by its name, such as `"AddOrder"`: its `result` is decoded, with every number exact.

        `auth` says whether it is signed (`/0/private/`) and is needed only for names that this version does not know.
        `method` replaces GET for public calls, `json` sends a JSON body instead of a form. A nonce, the one-time
        password and the signature are added. Names that are not known to be safe are never retried.
        """
        plan = self._plan(
            spec_of(name, auth=auth), params or {}, lambda answer: answer.result, method=method, json=json
        )
        return self._made(plan)

    def answer(
        self,
        name: str,
        params: Params | None = None,
        *,
        auth: bool | None = None,
        method: Literal["GET", "POST"] | None = None,
        json: bool | None = None,
    ) -> RestCall[RestAnswer]:
        """Make any call, as `request` does, and return the answer unjudged: status, bytes, errors, warnings, result.

        Kraken's errors are no exceptions here. What prevents an answer still is: `LinkLost`, `RequestTimeout`.
        """
        plan = self._plan(spec_of(name, auth=auth), params or {}, lambda answer: answer, method=method, json=json)
        plan.judge = lambda _answer: None
        return self._made(plan)

    def retrieve_export(self, id: str, *, extra: Params | None = None) -> RestCall[bytes]:  # noqa: A002 - Kraken's name
        """`RetrieveExport`: the bytes of a finished report, a zip archive."""
        plan = self._plan(spec_of("RetrieveExport"), {"id": id, **(extra or {})}, lambda answer: answer.body)
        plan.judge = _archive_problem
        return self._made(plan)

    def __repr__(self) -> str:
        """Say where it goes and whether it can sign."""
        key = "no key" if self._credentials is None else repr(self._credentials)
        return f"<RestClient {self._url}, {key}{', closed' if self.closed else ''}>"

    def _call(
        self,
        name: str,
        params: Params,
        parse: Callable[[Any], T],
        *,
        extra: Params | None,
        charge: Charge | None = None,
        identity: str = "",
    ) -> RestCall[T]:
        plan = self._plan(spec_of(name), {**params, **(extra or {})}, lambda answer: parse(answer.result))
        plan.charge = charge
        plan.identity = identity
        return self._made(plan)

    def _plan(
        self,
        spec: CallSpec,
        params: Params,
        parse: Callable[[RestAnswer], T],
        *,
        method: Literal["GET", "POST"] | None = None,
        json: bool | None = None,
    ) -> Plan[T]:
        if spec.private and self._credentials is None:
            raise MissingCredentials(
                f"{spec.name} is a private call and needs an API key: RestClient(Credentials(key, secret))"
            )
        if "nonce" in params:
            raise InvalidArgument("leave nonce out: the client makes one for each call that is sent")
        if spec.private and method == "GET":
            raise InvalidArgument(f"{spec.name} is a private call, and those are POST (rest reference section 1)")
        return Plan(
            spec=spec,
            params=params,
            parse=parse,
            timeout=self._timeout,
            retry=self._retry,
            method=method or ("POST" if spec.private else "GET"),
            json=spec.json if json is None else json,
        )

    def _made(self, plan: Plan[T]) -> RestCall[T]:
        return RestCall(
            plan.spec.name,
            lambda: self._engine.run(plan),
            self._engine,
            interruptible=plan.spec.nature == "read",
            cut_short=lambda: self._engine.cut_short(plan),
        )

    def _new_id(self) -> str:
        return self._make_id()


_POLICIES: Final = ("wait", "raise", "warn")


def _policy(name: str, policy: Policy) -> Policy:
    if policy not in _POLICIES:
        raise InvalidArgument(f"{name}={policy!r} is not one of {', '.join(_POLICIES)}")
    return policy


def _archive_problem(answer: RestAnswer) -> RestError | None:
    # A report comes as it is; only a refusal comes in Kraken's envelope.
    return None if answer.status == _OK and not answer.is_kraken else problem(answer)


_OK: Final = 200
