"""Neither the API secret, nor a signature, nor a WebSocket token shows anywhere, whatever goes wrong (D2-5)."""

from __future__ import annotations

import asyncio
import base64
import logging
import pickle
import traceback

import pytest

import rxkraken as rk
from rxkraken.errors import KrakenError
from rxkraken.simulator import Exchange
from rxkraken.testing import ExchangeHttp, ExchangeNetwork, outside, run

OTP = "732911-once"
ENDPOINTS = rk.Endpoints.custom("ws://x/v2", auth="ws://x/auth/v2", l3="ws://x/l3/v2", rest="http://x")

# The exchange's own code may know its secrets, and so may a test.
_OTHER_SIDE = ("/tests/", "/rxkraken/simulator/", "/rxkraken/testing/")


class Session:
    """A client whose every word is kept: `shown` is where secrets are looked for, `secrets` what must not be there."""

    def __init__(self):
        loop = asyncio.get_running_loop()
        self.exchange = Exchange(seed=3, symbols=["BTC/USD"], start=loop.time(), epoch=1_750_000_000.0)
        self.credentials = self.exchange.add_key("demo", otp=OTP)
        self.net = ExchangeNetwork(self.exchange, loop)
        http = ExchangeHttp(self.exchange, loop, self.net.drive)
        self.signatures = []
        answer = http.answer

        async def noting(method, url, headers, body):
            self.signatures += [value for name, value in headers.items() if name.lower() == "api-sign"]
            return await answer(method, url, headers, body)

        http.answer = noting
        self.client = rk.KrakenClient(
            ENDPOINTS, self.credentials, rk.Settings(request_timeout=3.0), outside=outside(self.net, http=http)
        )
        self.shown, self.errors, self.tickets = [], [], []

    def __enter__(self):
        for name in ("status", "errors", "unknown", "messages"):
            getattr(self.client, name).subscribe(self.show)
        return self

    def __exit__(self, *_):
        self.show(self.client, self.client.subscriptions, self.client.limits, self.credentials, self.client.rest)

    def show(self, *things):
        """Print things in every way that people print them."""
        for thing in things:
            self.shown += [repr(thing), str(thing)]
            if isinstance(thing, BaseException):
                self.fail(thing)

    def fail(self, error):
        """Look at an error from all sides: its traceback, with the values of variables, and as others receive it."""
        self.errors.append(error)
        whole = traceback.TracebackException.from_exception(error, capture_locals=True)
        own = [frame for frame in whole.stack if not any(place in frame.filename for place in _OTHER_SIDE)]
        self.shown += [*traceback.format_exception(error), *(f"{frame.name} {frame.locals}" for frame in own)]
        self.shown += [repr(vars(error)), repr(error.args)]
        if isinstance(error, KrakenError):
            again = pickle.loads(pickle.dumps(error))
            self.shown += [repr(again), str(again), pickle.dumps(error, protocol=0).decode("latin1")]

    async def attempt(self, ticket):
        """Await a ticket, and keep what comes of it."""
        self.tickets.append(ticket)
        self.show(ticket, ticket.request)
        try:
            self.show(await ticket)
        except KrakenError as error:
            self.show(error)
        self.show(ticket)

    async def attempt_rest(self, call):
        """Await anything else."""
        self.show(call)
        try:
            self.show(await call)
        except KrakenError as error:
            self.show(error)

    def fault(self, name, **parameters):
        self.exchange.fault(name, **parameters)
        self.net.drive()

    @property
    def secrets(self):
        """What must not be seen, by name."""
        secret = self.exchange.keys[self.credentials.key].secret
        named = {"secret": secret, "decoded secret": repr(base64.b64decode(secret))[2:-1], "otp": OTP}
        named |= {f"token {number}": text for number, text in enumerate(self.exchange._keyring._tokens)}
        return named | {f"signature {number}": text for number, text in enumerate(self.signatures)}

    def found(self, *more):
        """The names of the secrets that were seen, and where."""
        lines = [*self.shown, *more]
        return [(name, line) for name, text in self.secrets.items() for line in lines if text in line]


@pytest.fixture
def everything(caplog):
    """Log everything there is, asyncio's own debugging included."""
    caplog.set_level(logging.DEBUG)
    for name in (
        "rxkraken",
        "rxkraken.session",
        "rxkraken.rest",
        "rxkraken.trading",
        "asyncio",
        "aiohttp",
        "reactivex",
    ):
        caplog.set_level(logging.DEBUG, logger=name)
    return caplog


def logged(caplog):
    """Each record as it may be written: its text, its parts, its traceback."""
    formatter = logging.Formatter("%(name)s %(levelname)s %(message)s")
    return [formatter.format(record) for record in caplog.records] + [repr(vars(each)) for each in caplog.records]


@pytest.mark.parity("D2-5")
def test_a_whole_session_with_orders_failures_and_refused_tokens_shows_no_secret(everything):
    """Everything that is logged, shown, raised, emitted or pickled on the way is searched."""

    async def act():
        session = Session()
        with session:
            async with session.client as client:
                streams = (
                    client.executions(ratecounter=True), client.balances(), client.open_orders(),
                    client.level3("BTC/USD"),
                )  # fmt: skip
                for stream in streams:
                    session.show(stream)
                    stream.subscribe(session.show, session.show)
                await asyncio.sleep(5)
                resting = {"qty": "0.01", "price": "60000"}
                placed = client.add_order("BTC/USD", "buy", "limit", **resting)
                await session.attempt(placed)
                await session.attempt(placed.amend(price="60001"))
                await session.attempt(client.add_order("BTC/USD", "buy", "limit", qty="99999", price="60000"))
                await session.attempt(client.cancel_order("OAAAAA-BBBBB-CCCCCC"))

                session.fault("lose_ack", method="add_order")
                lost = client.add_order("BTC/USD", "buy", "limit", **resting)
                await session.attempt(lost)
                await session.attempt_rest(lost.resolve())

                session.fault("invalidate_token")
                await session.attempt(client.add_order("BTC/USD", "buy", "limit", **resting))
                await asyncio.sleep(10)

                session.fault("cut_before")
                await session.attempt(client.add_order("BTC/USD", "buy", "limit", **resting))
                await asyncio.sleep(30)
                session.fault("rate_limit", seconds=2.0)
                await session.attempt(client.add_order("BTC/USD", "buy", "limit", **resting))
                session.fault("plain_text")
                session.fault("odd_json")
                await asyncio.sleep(10)

                session.fault("rest_error", call="GetWebSocketsToken", times=3)
                session.fault("reset")
                await asyncio.sleep(60)
                session.fault("rest_cut", call="GetWebSocketsToken", times=2)
                session.fault("rest_invalid_json", call="Balance", times=5)
                session.fault("reset")
                await asyncio.sleep(60)
                await session.attempt_rest(client.rest.balance())
                await session.attempt_rest(client.rest.get_websockets_token())
                session.show(*session.client._bound.connections.values(), client._bound._lease, client._account)
        return session

    session = run(act)
    assert len([name for name in session.secrets if name.startswith("token")]) >= 5
    assert len(session.signatures) >= 8
    assert {type(error).__name__ for error in session.errors} >= {"OrderRejected", "OutcomeUnknown"}
    assert session.found(*logged(everything)) == []


@pytest.mark.parity("D2-5")
def test_a_key_that_is_refused_shows_no_secret(everything):
    """The wrong password, and then the permission that is missing: the private streams end, and tell nothing."""

    async def act():
        session = Session()
        session.exchange.keys[session.credentials.key].permissions = frozenset({"query_funds"})
        with session:
            async with session.client as client:
                client.executions().subscribe(session.show, session.show)
                await asyncio.sleep(5)
                session.exchange.keys[session.credentials.key].otp = "another"
                client.balances().subscribe(session.show, session.show)
                await session.attempt(client.add_order("BTC/USD", "buy", "limit", qty="0.01", price="60000"))
                await asyncio.sleep(30)
        return session

    session = run(act)
    assert len(session.errors) >= 3
    assert len(session.signatures) >= 2
    assert session.found(*logged(everything)) == []


@pytest.mark.parity("D2-5")
def test_a_subscriber_that_fails_on_private_data_shows_no_secret(everything):
    """Its traceback goes to the log and to `errors`."""

    async def act():
        session = Session()

        def fail(item):
            raise RuntimeError(f"no idea what to do with {item!r}")

        with session:
            async with session.client as client:
                client.balances().subscribe(fail)
                client.executions().subscribe(fail)
                await asyncio.sleep(4)
                await session.attempt(client.add_order("BTC/USD", "buy", "limit", qty="0.01", price="60000"))
                await asyncio.sleep(2)
        return session

    session = run(act)
    assert {type(error).__name__ for error in session.errors} == {"SubscriberFailed"}
    assert session.found(*logged(everything)) == []


def test_the_search_finds_what_it_searches_for(everything):
    """A test that greps must be shown to find."""

    async def act():
        session = Session()
        with session:
            async with session.client as client:
                await client.balances().first()
        return session

    session = run(act)
    assert session.found() == []
    assert [name for name, _ in session.found(*session.secrets.values())] == list(session.secrets)
    logging.getLogger("rxkraken").debug("a slip: %s", session.signatures[0])
    assert {name for name, _ in session.found(*logged(everything))} == {"signature 0"}
