"""What went wrong with python-kraken-sdk's WebSocket clients, and does not here: over WebSocket v1 and over v2."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections import Counter

import pytest

import rxkraken as rk
from rxkraken.testing import run

LIMIT = {"qty": "0.01", "price": "20000"}
CLOSING = {"order_type": "stop-loss-limit", "trigger_price": "18000", "limit_price": "17900"}


@pytest.mark.parity("D2-1")
def test_a_callback_that_raises_costs_no_connection_and_is_told(place):
    """There it tore the socket down: 11 connections in 14 s, and the flag that should have told it stayed False."""

    async def main():
        async with place() as here:
            raised, fine = [], []

            def fail(item):
                raised.append(item)
                raise ZeroDivisionError(type(item).__name__)

            for stream in (here.client.ticker("BTC/USD"), here.client.book("BTC/USD"), here.client.messages):
                stream.subscribe(fail)
            here.client.ticker("BTC/USD").subscribe(fine.append)
            await asyncio.sleep(120)
            return here, len(raised), len(fine)

    here, raised, fine = run(main)
    assert (len(here.wire.opened), raised) == (1, 3)
    assert fine > 30
    assert [type(each) for each in here.errors] == [rk.SubscriberFailed] * 3
    assert all(isinstance(each.__cause__, ZeroDivisionError) for each in here.errors)
    assert "lost" not in [status.state for status in here.statuses]


@pytest.mark.parity("D2-2")
def test_each_request_returns_its_own_answer(place):
    """There every `send_message` returned None, and who had been answered was to be guessed."""

    async def main():
        async with place() as here:
            prices = [20000 + step for step in range(8)]
            tickets = [here.client.add_order("BTC/USD", "buy", "limit", qty="0.01", price=price) for price in prices]
            tickets.insert(3, here.client.add_order("BTC/USD", "buy", "limit", qty="90000", price=20000))
            results = await asyncio.gather(*tickets, return_exceptions=True)
            told = {order.order_id: int(order.limit_price) for order in here.account.open_orders}
            return prices, results, told

    prices, results, told = run(main)
    assert isinstance(results.pop(3), rk.OrderRejected)
    assert [told[result.order_id] for result in results] == prices


@pytest.mark.parity("D2-2")
def test_what_the_caller_gave_stays_as_it_was_and_never_holds_a_token(place):
    """There the token was written into the caller's own dict."""

    async def main():
        async with place() as here:
            closing, extra = dict(CLOSING), {"stp_type": "cancel_both"}
            kept = copy.deepcopy((closing, extra))
            ticket = here.client.add_order("BTC/USD", "buy", "limit", **LIMIT, conditional=closing, extra=extra)
            ids = ["OAAAAA-BBBBB-CCCCCC"]
            with pytest.raises(rk.OrderRejected):
                await here.client.cancel_order(ids)
            await ticket
            (request,) = here.sent("addOrder") or here.sent("add_order")
            token = request.frame.get("token") or request.frame["params"]["token"]
            given = closing, extra, ids, ticket, ticket.request
            return (
                (closing, extra) == kept,
                ids,
                token,
                repr(given),
                json.dumps(dict(ticket.request.params), default=str),
            )

    same, ids, token, shown, params = run(main)
    assert (same, ids) == (True, ["OAAAAA-BBBBB-CCCCCC"])
    assert token
    assert token not in shown
    assert "token" not in params


@pytest.mark.parity("D2-2")
@pytest.mark.parity("K2-38")
def test_any_request_may_be_sent_and_returns_its_answer(new_place):
    """The mapping is not changed, and the refusal is the caller's."""

    async def main():
        async with new_place() as here:
            request = {"method": "subscribe", "params": {"channel": "trade", "symbol": ["BTC/USD"]}, "req_id": 7}
            kept = copy.deepcopy(request)
            answers = await asyncio.gather(
                here.client.send(request),
                here.client.send({"method": "subscribe", "params": {"channel": "trade", "symbol": ["NOT/REAL"]}}),
                return_exceptions=True,
            )
            return request == kept, answers

    same, (answer, refusal) = run(main)
    assert same
    assert (answer["success"], answer["result"]["symbol"]) == (True, "BTC/USD")
    assert isinstance(refusal, rk.RequestRejected)
    assert "NOT/REAL" in str(refusal)


@pytest.mark.parity("D2-3")
@pytest.mark.parametrize("kind", [rk.KrakenClient, rk.KrakenV1Client])
async def test_a_host_that_does_not_answer_is_known_within_the_time_that_was_given(kind):
    """There `start()` was said to wait 10 s and hung for as long as the host did."""

    async def never(reader, writer):
        await reader.read()
        writer.close()

    server = await asyncio.start_server(never, "127.0.0.1", 0)
    dead = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    settings = rk.Settings(connect_timeout=0.05, backoff_base=0.01, backoff_max=0.01, max_attempts=3)
    began = time.monotonic()
    async with kind(rk.Endpoints.custom(dead), settings=settings) as client:
        with pytest.raises(TimeoutError):
            await client.ticker("BTC/USD").first(timeout=0.01)
        with pytest.raises(rk.RetriesExhausted) as failure:
            await client.ticker("BTC/USD").first()
    assert failure.value.__cause__.reason == "no connection in time"
    assert time.monotonic() - began < 5
    server.close()
    await server.wait_closed()


@pytest.mark.parity("D2-3")
@pytest.mark.parametrize("kind", [rk.KrakenClient, rk.KrakenV1Client])
async def test_starting_waits_for_no_host(kind):
    """Nobody listens on the discard port: the first item has a deadline of its own, and why it waits is told."""
    settings = rk.Settings(backoff_base=0.01, backoff_max=0.02)
    async with kind(rk.Endpoints.custom("ws://127.0.0.1:9"), settings=settings) as client:
        states = []
        client.status.subscribe(lambda status: states.append((status.state, status.reason)))
        with pytest.raises(TimeoutError):
            await client.book("BTC/USD").first(timeout=0.2)
    assert any(state == "lost" and "no connection" in reason for state, reason in states)


@pytest.mark.parity("D2-6")
@pytest.mark.parity("K2-50")
def test_what_waits_for_a_slow_consumer_is_bounded_and_says_what_it_dropped(place):
    """There everything was kept for ever: `max_queue=None`."""

    async def main():
        async with place(rate=40.0) as here:
            stream = here.client.trades("BTC/USD")
            pulls = {
                "buffer": stream.pull(rk.buffer(5)),
                "fail": stream.pull(rk.fail(5)),
                "latest": stream.pull("latest"),
            }
            told = []
            stream.subscribe(told.append)
            await asyncio.sleep(60)
            taken = {name: [] for name in pulls}
            for name in ("buffer", "fail"):
                for _ in range(6 if name == "buffer" else 5):
                    taken[name].append(await anext(pulls[name]))
            with pytest.raises(rk.Overflowed, match="more than 5 items"):
                await anext(pulls["fail"])
            taken["latest"].append(await anext(pulls["latest"]))
            total = list(told)
            for pull in pulls.values():
                await pull.aclose()
            return total, taken

    total, taken = run(main)
    assert len(total) > 20
    assert taken["buffer"] == [rk.Overflow(len(total) - 5), *total[-5:]]
    assert taken["fail"] == total[:5]
    assert taken["latest"] == total[-1:]


@pytest.mark.parity("D2-6")
def test_every_stream_has_a_bound_of_its_own_for_who_names_none(place):
    """States keep the newest of each symbol, events ten thousand, an account's events fail rather than be lost."""

    async def main():
        async with place() as here:
            client = here.client
            streams = {
                "ticker": client.ticker("BTC/USD"), "book": client.book("BTC/USD"), "ohlc": client.ohlc("BTC/USD"),
                "trades": client.trades("BTC/USD"), "executions": client.executions(),
                "open_orders": client.open_orders(), "status": client.status, "errors": client.errors,
                "messages": client.messages,
            }  # fmt: skip
            return {name: type(stream.policy) for name, stream in streams.items()}, [
                stream.policy.size for stream in streams.values() if hasattr(stream.policy, "size")
            ]

    policies, sizes = run(main)
    assert policies == {
        "ticker": rk.Conflate, "book": rk.Conflate, "ohlc": rk.Buffer, "trades": rk.Buffer, "executions": rk.Fail,
        "open_orders": rk.Latest, "status": rk.Buffer, "errors": rk.Buffer, "messages": rk.Buffer,
    }  # fmt: skip
    assert Counter(sizes) == {10_000: 6}
