"""The client over loopback: one session, signed calls, retries, limits, and an orderly end."""

from __future__ import annotations

import asyncio
import socket
from decimal import Decimal

import aiohttp
import pytest
from aiohttp import web

from rxkraken.credentials import Credentials
from rxkraken.errors import (
    AuthRefused,
    ClientClosed,
    InvalidArgument,
    LinkLost,
    MissingCredentials,
    NonceRejected,
    PermissionRefused,
    RateLimited,
    RequestTimeout,
    RestError,
    RestUnavailable,
    RestUnreadable,
)
from rxkraken.protocol.nonce import NonceSource
from rxkraken.rest import Limits, RestClient, Retry
from rxkraken.settings import Endpoints, Settings

TIME = {"unixtime": 1762820224, "rfc1123": "Tue, 11 Nov 25 00:17:04 +0000"}


async def hangs(_seen):
    await asyncio.Event().wait()


def gateway(status: int, text: str = "<html><title>Bad gateway</title></html>", **headers: str):
    async def reply(_seen):
        return web.Response(status=status, text=text, content_type="text/html", headers=headers)

    return reply


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


# -- sending


@pytest.mark.parity("K2-03")
async def test_a_public_call_is_a_get_without_any_key(kraken, client):
    kraken.reply("Ticker", {})
    await client.ticker(["BTC/USD", "ETHUSD"], extra={"asset_class": "tokenized_asset"})
    (seen,) = kraken.seen
    assert (seen.method, seen.path, seen.body) == ("GET", "/0/public/Ticker", "")
    assert seen.query == {"pair": "XBTUSD,ETHUSD", "asset_class": "tokenized_asset"}
    assert seen.headers["User-Agent"].startswith("rxkraken/")
    assert not {"API-Key", "API-Sign"} & set(seen.headers)


async def test_private_calls_are_signed_posts_with_growing_nonces(kraken, client):
    """The fake exchange verifies key, signature and nonce by its own arithmetic."""
    kraken.reply("Balance", {"ZUSD": "171288.6158"})
    assert [await client.balance() for _ in range(3)] == [{"ZUSD": Decimal("171288.6158")}] * 3
    assert kraken.refused == []
    nonces = [int(seen.params["nonce"]) for seen in kraken.seen]
    assert nonces == [1_700_000_000_000_000_000 + step for step in range(3)]
    assert {(seen.method, seen.headers["Content-Type"]) for seen in kraken.seen} == {
        ("POST", "application/x-www-form-urlencoded; charset=utf-8")
    }


async def test_json_bodies_are_signed_as_they_are_sent(kraken, client):
    kraken.reply("CancelOrderBatch", {"count": 2})
    assert (await client.cancel_order_batch(["O1", 77], cl_ord_ids=["mine"])).count == 2
    (seen,) = kraken.seen
    assert seen.headers["Content-Type"] == "application/json"
    assert seen.params == {"nonce": "1700000000000000000", "orders": ["O1", 77], "cl_ord_ids": ["mine"]}
    assert kraken.refused == []


@pytest.mark.parity("K2-01")
@pytest.mark.parity("K2-13")
async def test_any_call_can_be_made_by_its_name(kraken, client):
    """Known names know how they are sent; unknown ones are told. Results are exact."""
    kraken.reply("AddOrder", {"descr": {"order": "x"}})
    kraken.reply("Depth", '{"error":[],"result":{"p":0.10}}')
    kraken.reply("BrandNew", {"fresh": 1})
    assert await client.request("AddOrder", {"validate": True}, auth=True) == {"descr": {"order": "x"}}
    assert str((await client.request("Depth", {"pair": "XBTUSD"}))["p"]) == "0.10"
    assert await client.request("BrandNew", {"a": [1, {"b": Decimal("0.50")}]}, auth=True, json=True) == {"fresh": 1}
    assert await client.request("BrandNew", auth=False, method="POST") == {"fresh": 1}
    assert [(seen.method, seen.path) for seen in kraken.seen] == [
        ("POST", "/0/private/AddOrder"),
        ("GET", "/0/public/Depth"),
        ("POST", "/0/private/BrandNew"),
        ("POST", "/0/public/BrandNew"),
    ]
    assert kraken.seen[2].params["a"] == [1, {"b": "0.50"}]


@pytest.mark.parity("K2-09")
async def test_an_answer_can_be_had_unjudged(kraken, client):
    """No exception for Kraken's errors, warnings or odd pages: status, bytes and strings as they came."""
    kraken.reply("AddOrder", ["EOrder:Insufficient funds", "WDatabase:No change"])
    kraken.reply("Time", gateway(502))
    refused = await client.answer("AddOrder", {"pair": "XBTUSD"})
    assert (refused.status, refused.errors, refused.warnings, refused.result) == (
        200, ("EOrder:Insufficient funds",), ("WDatabase:No change",), None,
    )  # fmt: skip
    page = await client.answer("Time")
    assert (page.status, page.is_kraken, page.body[:6]) == (502, False, b"<html>")


@pytest.mark.parity("K1-26")
async def test_the_one_time_password_is_in_the_signed_body(kraken, make_client):
    codes = iter(["111111", "222222"])
    key = Credentials("8lYcVlqJ4lvfLmNBMEkFMhmF8sdvMO7qcS0vTNGrfNWLZoEXAMPLEKEY", kraken.secret, lambda: next(codes))
    client = make_client(credentials=key)
    kraken.reply("Balance", {})
    await client.balance()
    await client.balance()
    assert [seen.params["otp"] for seen in kraken.seen] == ["111111", "222222"]
    assert kraken.refused == []


@pytest.mark.parity("D0-8")
@pytest.mark.parity("K2-14")
async def test_one_session_is_opened_for_all_calls_and_closed_with_the_client(kraken, credentials, time):
    kraken.reply("Time", TIME)
    kraken.reply("Balance", {})
    opened: list[aiohttp.ClientSession] = []

    def factory():
        opened.append(aiohttp.ClientSession())
        return opened[-1]

    client = RestClient(credentials, endpoints=Endpoints.custom(rest=kraken.url), session=factory, clock=time)
    assert opened == []
    async with client:
        for _ in range(3):
            await client.time()
            await client.balance()
        assert len(opened) == 1
        assert not opened[0].closed
    assert opened[0].closed
    assert client.closed


async def test_a_session_that_was_given_stays_open(kraken):
    kraken.reply("Time", TIME)
    async with aiohttp.ClientSession() as session:
        async with RestClient(endpoints=Endpoints.custom(rest=kraken.url), session=session) as client:
            assert (await client.time()).unixtime == 1762820224
        assert not session.closed


async def test_a_base_url_may_end_with_a_slash(kraken, make_client):
    kraken.reply("Time", TIME)
    assert await make_client(endpoints=Endpoints.custom(rest=kraken.url + "/")).time()


@pytest.mark.parity("K2-06")
async def test_a_proxy_gets_the_calls_when_there_is_one(kraken, make_client):
    """The exchange's name is never looked up: the proxy is asked for it."""
    kraken.reply("Time", TIME)
    settings = Settings(proxy=kraken.url)
    client = make_client(settings=settings, endpoints=Endpoints.custom(rest="http://exchange.test"))
    assert (await client.time()).unixtime == 1762820224
    assert kraken.seen[0].headers["Host"] == "exchange.test"


@pytest.mark.parity("K2-05")
async def test_a_connection_that_kraken_drops_between_calls_is_made_anew(make_client, time):
    """Each connection serves one answer, promises to stay, and is closed. Nothing is lost and nothing tried twice."""
    served: list[bytes] = []
    gone = asyncio.Queue()

    async def once(reader, writer):
        served.append(await reader.readuntil(b"nonce=17000000000000000" + b"0%d" % len(served)))
        body = b'{"error":[],"result":{}}'
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()
        await writer.wait_closed()
        gone.put_nowait(None)

    server = await asyncio.start_server(once, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = make_client(endpoints=Endpoints.custom(rest=f"http://127.0.0.1:{port}"))
    async with server:
        for _ in range(3):
            assert await client.balance() == {}
            await gone.get()
            for _turn in range(5):  # the client's side hears of it in the loop's next turn
                await asyncio.sleep(0)
    assert (len(served), time.slept) == (3, [])


# -- once


@pytest.mark.parity("K0-61")
async def test_a_call_is_sent_when_first_wanted_and_once_for_all(kraken, client):
    """Making it sends nothing; awaiting twice, together or later, and subscribing, is one request."""
    kraken.reply("Time", TIME)
    call = client.time()
    await asyncio.sleep(0)
    assert (kraken.seen, repr(call)) == ([], "<RestCall Time, not sent>")
    together = await asyncio.gather(call, call)
    later = await call
    emitted: list[object] = []
    ended = asyncio.Event()
    call.observable().subscribe(emitted.append, on_completed=ended.set)
    await ended.wait()
    assert [*together, later, *emitted] == [later] * 4
    assert (len(kraken.seen), repr(call)) == (1, "<RestCall Time, answered>")


async def test_an_error_is_the_same_for_everybody(kraken, client):
    kraken.reply("Balance", ["EGeneral:Permission denied"])
    call = client.balance()
    errors: list[Exception] = []
    call.observable().subscribe(on_error=errors.append)
    with pytest.raises(PermissionRefused) as first:
        await call
    with pytest.raises(PermissionRefused) as second:
        await call
    assert first.value is second.value
    assert errors == [first.value]
    assert (len(kraken.seen), repr(call)) == (1, "<RestCall Balance, failed>")


async def test_a_read_that_nobody_waits_for_is_given_up(kraken, client):
    """The last one to leave ends it; one who stays keeps it; asking again sends it again."""
    kraken.reply("Time", hangs, TIME)
    call = client.time()
    first, second = asyncio.ensure_future(_result(call)), asyncio.ensure_future(_result(call))
    await kraken.arrived.wait()
    first.cancel()
    await asyncio.wait([first])
    assert repr(call) == "<RestCall Time, under way>"
    second.cancel()
    await asyncio.wait([second])
    assert (await call).unixtime == 1762820224
    assert len(kraken.seen) == 2


async def _result(call):
    return await call


async def test_a_disposed_subscription_hears_nothing(kraken, client):
    kraken.reply("Time", hangs)
    heard: list[object] = []
    subscription = client.time().observable().subscribe(heard.append, heard.append, lambda: heard.append("end"))
    await kraken.arrived.wait()
    subscription.dispose()
    subscription.dispose()
    await asyncio.sleep(0)
    assert heard == []


async def test_a_subscriber_of_a_finished_call_can_leave_again(kraken, client):
    kraken.reply("Time", TIME)
    call = client.time()
    await call
    heard: list[object] = []
    call.observable().subscribe(heard.append).dispose()
    await asyncio.sleep(0)
    assert heard == []


def test_without_an_event_loop_the_error_says_what_to_do():
    errors: list[Exception] = []
    RestClient().time().observable().subscribe(on_error=errors.append)
    assert [str(error) for error in errors] == [
        "Time needs a running event loop: await it, or subscribe inside a coroutine"
    ]


def test_another_event_loop_is_refused():
    client = RestClient(endpoints=Endpoints.custom(rest=f"http://127.0.0.1:{free_port()}"), retry=Retry.never())

    with asyncio.Runner() as its_own:
        with pytest.raises(LinkLost):
            its_own.run(_result(client.time()))
        other = asyncio.new_event_loop()
        with pytest.raises(InvalidArgument, match="another event loop"):
            other.run_until_complete(_result(client.time()))
        other.close()
        its_own.run(client.aclose())


# -- order of private calls


@pytest.mark.parity("K2-26")
async def test_private_calls_go_one_by_one_so_that_nonces_arrive_in_order(kraken, client):
    """Fifteen at once: not one is refused for its nonce, and never two are under way."""
    under_way = 0

    async def slow(_seen):
        nonlocal under_way
        under_way += 1
        assert under_way == 1
        await asyncio.sleep(0)
        under_way -= 1
        return {}

    kraken.reply("Balance", slow)
    await asyncio.gather(*(client.balance() for _ in range(15)))
    assert (len(kraken.seen), kraken.refused) == (15, [])


async def test_without_serial_private_calls_overlap(kraken, make_client):
    both = asyncio.Event()
    inside: list[str] = []

    async def meets(seen):
        inside.append(seen.name)
        if len(inside) == 2:
            both.set()
        await both.wait()
        return {}

    kraken.reply("Balance", meets)
    # Two connections may swap the order of the nonces; the fake exchange here has the widest window.
    kraken.last_nonce = -1
    kraken._check = lambda _seen, _raw: None
    client = make_client(serial=False)
    await asyncio.gather(client.balance(), client.balance())
    assert len(inside) == 2


async def test_a_public_call_does_not_wait_for_private_ones(kraken, client):
    kraken.reply("Balance", hangs)
    kraken.reply("Time", TIME)
    stuck = asyncio.ensure_future(_result(client.balance()))
    assert (await client.time()).unixtime == 1762820224
    stuck.cancel()
    await asyncio.wait([stuck])


# -- failures and retries


async def test_a_gateway_s_trouble_is_tried_again(kraken, client, time):
    kraken.reply("Time", gateway(502), gateway(520), "half an ans", TIME)
    assert (await client.time()).unixtime == 1762820224
    assert (len(kraken.seen), time.slept) == (4, [0.25, 0.5, 1.0])


async def test_patience_ends(kraken, client, time):
    kraken.reply("Time", gateway(502))
    with pytest.raises(RestUnavailable, match="HTTP 502 with the page 'Bad gateway'") as caught:
        await client.time()
    assert (caught.value.status, len(kraken.seen)) == (502, 4)
    assert caught.value.__notes__ == ["in the REST call Time"]


@pytest.mark.parametrize(
    ("reply", "error", "requests"),
    [
        (["EAPI:Invalid key"], AuthRefused, 1),
        (["EGeneral:Permission denied"], PermissionRefused, 1),
        (["EGeneral:Invalid arguments:asset"], RestError, 1),
        (["EService:Unavailable"], RestUnavailable, 4),
        (["EAPI:Rate limit exceeded"], RateLimited, 4),
        (["EGeneral:Temporary lockout"], RateLimited, 1),
        (["EAPI:Invalid nonce"], NonceRejected, 2),
        ("<html>", RestUnreadable, 4),
        (gateway(403), RestError, 1),
        ({"unexpected": "shape"}, RestUnreadable, 4),
        ({"error": [], "result": [1]}, RestUnreadable, 4),
    ],
)
async def test_each_failure_of_a_read_is_its_error_and_is_retried_only_if_that_helps(
    kraken, client, reply, error, requests
):
    kraken.reply("Balance", reply)
    with pytest.raises(error) as caught:
        await client.balance()
    assert type(caught.value) is error
    assert len(kraken.seen) == requests


async def test_notes_say_what_usually_helps(kraken, client):
    kraken.reply("Balance", ["EAPI:Invalid nonce"])
    with pytest.raises(NonceRejected) as caught:
        await client.balance()
    assert caught.value.__notes__ == [
        "in the REST call Balance",
        "this key is used by another program, or was used with larger nonces: make one key for each program",
    ]


async def test_a_nonce_that_came_too_late_is_replaced_by_a_larger_one(kraken, client, time):
    kraken.reply("Balance", ["EAPI:Invalid nonce"], {})
    assert await client.balance() == {}
    assert time.slept == [0.0]


async def test_throttling_waits_until_the_time_kraken_names(kraken, client, time):
    kraken.reply("Balance", ["EService: Throttled: 1700000012"], {})
    await client.balance()
    assert time.slept == [12.25]


async def test_a_gateway_s_retry_after_is_kept(kraken, client, time):
    async def limited(_seen):
        return web.Response(status=429, headers={"Retry-After": "7"})

    kraken.reply("Time", limited, TIME)
    await client.time()
    assert time.slept == [7.25]


@pytest.mark.parity("K2-04")
async def test_a_call_that_is_not_answered_times_out(kraken, make_client):
    client = make_client(settings=Settings(request_timeout=0.02), retry=Retry.never())
    kraken.reply("Time", hangs)
    with pytest.raises(RequestTimeout, match=r"Time was not answered within 0\.02 s"):
        await client.time()
    with pytest.raises(RequestTimeout, match=r"within 0\.01 s"):
        await client.but(timeout=0.01).time()


@pytest.mark.parity("K0-60")
async def test_a_view_shares_everything_but_its_patience(kraken, client):
    kraken.reply("Time", ["EService:Busy"])
    kraken.reply("Balance", {})
    impatient = client.but(retry=Retry.never())
    with pytest.raises(RestUnavailable):
        await impatient.time()
    assert len(kraken.seen) == 1
    await impatient.balance()
    assert client.limits == impatient.limits
    assert client.limits.rest.value == 1
    await impatient.aclose()
    assert client.closed
    with pytest.raises(InvalidArgument, match="timeout=0"):
        client.but(timeout=0)


async def test_nobody_listening_is_a_lost_link(make_client, time):
    client = make_client(endpoints=Endpoints.custom(rest=f"http://127.0.0.1:{free_port()}"))
    with pytest.raises(LinkLost, match=r"no connection to 127\.0\.0\.1") as caught:
        await client.time()
    assert isinstance(caught.value.__cause__, aiohttp.ClientConnectorError)
    assert time.slept == [0.25, 0.5, 1.0]


async def test_a_connection_that_breaks_is_a_lost_link(kraken, make_client):
    """The server hangs up in the middle of its answer."""

    async def hang_up(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    client = make_client(endpoints=Endpoints.custom(rest=f"http://127.0.0.1:{port}"), retry=Retry.never())
    async with server:
        with pytest.raises(LinkLost, match=r"the connection to 127\.0\.0\.1 failed"):
            await client.time()


async def test_signed_calls_are_not_carried_elsewhere_by_a_redirect(kraken, client):
    async def elsewhere(_seen):
        return web.Response(status=307, headers={"Location": f"{kraken.url}/0/private/Withdraw"})

    kraken.reply("Balance", elsewhere)
    with pytest.raises(RestError, match=r"HTTP 307.*check the endpoint's rest URL"):
        await client.balance()
    assert kraken.names() == ["Balance"]


async def test_warnings_are_logged_and_the_result_given(kraken, client, caplog):
    kraken.reply("Balance", {"error": ["WDatabase:No change"], "result": {"ZUSD": "1"}})
    assert await client.balance() == {"ZUSD": Decimal(1)}
    assert [record.getMessage() for record in caplog.records if record.name == "rxkraken.rest"] == [
        "Balance: Kraken warns: WDatabase:No change"
    ]


# -- arguments


async def test_what_is_wrong_before_sending_is_said_at_once(kraken, client, make_client):
    anonymous = make_client(credentials=None)
    with pytest.raises(MissingCredentials, match="Balance is a private call and needs an API key"):
        anonymous.balance()
    with pytest.raises(InvalidArgument, match="leave nonce out"):
        client.request("Balance", {"nonce": 1})
    with pytest.raises(InvalidArgument, match="those are POST"):
        client.request("Balance", method="GET")
    with pytest.raises(InvalidArgument, match="Balance is a private call; leave auth=False out"):
        client.request("Balance", auth=False)
    with pytest.raises(InvalidArgument, match="say auth=True"):
        client.request("BrandNew")
    for name in ("", "../etc", "Add Order", "/0/public/Time", "Time?x=1"):
        with pytest.raises(InvalidArgument, match="is not the name of a call"):
            client.request(name, auth=False)
    with pytest.raises(InvalidArgument, match="no rest URL"):
        RestClient(endpoints=Endpoints.custom("wss://x/v2"))
    with pytest.raises(InvalidArgument, match="on_rest_limit='sleep' is not one of wait, raise, warn"):
        make_client(on_rest_limit="sleep")
    with pytest.raises(InvalidArgument, match="a set, which cannot be sent"):
        await client.request("Balance", {"x": {1}})
    assert kraken.seen == []


def test_a_client_can_be_looked_at(credentials):
    assert repr(RestClient()) == "<RestClient https://api.kraken.com, no key>"
    assert repr(RestClient(credentials)) == (
        "<RestClient https://api.kraken.com, Credentials(key='8lYc...', secret=<hidden>)>"
    )


# -- limits


@pytest.mark.parity("K0-66")
async def test_calls_wait_for_room_in_the_key_s_counter(kraken, client, time):
    """Starter: 15 at once, then one each 1/0.33 s; history calls count two; orders and public calls none."""
    kraken.reply("Balance", {})
    kraken.reply("TradesHistory", {"trades": {}})
    kraken.reply("CancelAll", {"count": 0})
    kraken.reply("Time", TIME)
    for _ in range(13):
        await client.balance()
    await client.trades_history()
    await client.cancel_all()
    await client.time()
    assert (time.slept, client.limits.rest.value) == ([], 15)
    await client.balance()
    assert time.slept == [pytest.approx(1 / 0.33, abs=1e-5)]


async def test_waiting_calls_do_not_hold_up_orders(kraken, make_client):
    """Orders do not use the counter, and need not queue behind those that do."""
    released = asyncio.Event()

    async def wait_long(_seconds):
        await released.wait()

    limits = Limits()
    limits.rest.fill(1_700_000_000.0)
    client = make_client(limits=limits, sleep=wait_long)
    kraken.reply("Balance", {})
    kraken.reply("CancelAll", {"count": 0})
    waiting = asyncio.ensure_future(_result(client.balance()))
    assert (await client.cancel_all()).count == 0
    assert kraken.names() == ["CancelAll"]
    waiting.cancel()
    await asyncio.wait([waiting])


async def test_the_policy_raise_sends_nothing(kraken, make_client):
    client = make_client(on_rest_limit="raise", retry=Retry.never())
    kraken.reply("Balance", {})
    for _ in range(15):
        await client.balance()
    with pytest.raises(RateLimited, match=r"the REST rate counter has room again in 3\.03 s") as caught:
        await client.balance()
    assert caught.value.wait == pytest.approx(1 / 0.33)
    assert len(kraken.seen) == 15


async def test_the_policy_warn_only_logs(kraken, make_client, caplog):
    client = make_client(on_rest_limit="warn")
    kraken.reply("Balance", {})
    for _ in range(16):
        await client.balance()
    assert len(kraken.seen) == 16
    assert ["sending it all the same" in record.getMessage() for record in caplog.records] == [True]


async def test_a_refusal_corrects_the_counter(kraken, make_client):
    """Another program used up the key's counter: from then on this one waits as well."""
    client = make_client(retry=Retry.never())
    kraken.reply("Balance", ["EAPI:Rate limit exceeded"])
    with pytest.raises(RateLimited):
        await client.balance()
    assert client.limits.rest.remaining == 0


# -- the end


async def test_closing_ends_reads_and_refuses_new_calls(kraken, client):
    kraken.reply("Time", hangs)
    waiting = asyncio.ensure_future(_result(client.time()))
    await kraken.arrived.wait()
    await client.aclose()
    await client.aclose()
    with pytest.raises(ClientClosed, match="before the answer came"):
        await waiting
    with pytest.raises(ClientClosed, match="so Time was not sent"):
        await client.time()


async def test_closing_a_client_that_did_nothing_does_nothing():
    client = RestClient()
    await client.aclose()
    assert client.closed


async def test_closing_from_inside_a_subscriber_works(kraken, client):
    kraken.reply("Time", TIME)
    closing = asyncio.get_running_loop().create_future()
    client.time().observable().subscribe(lambda _time: closing.set_result(asyncio.ensure_future(client.aclose())))
    await (await closing)
    assert client.closed


async def test_two_clients_of_one_key_share_its_nonces(kraken, make_client):
    """Without `nonces` of its own, each client draws from the process's counter of the key."""
    kraken.reply("Balance", {})
    first, second = make_client(nonces=None), make_client(nonces=None)
    for _ in range(3):
        await first.balance()
        await second.balance()
    assert kraken.refused == []


async def test_a_key_with_a_higher_last_nonce_is_told_in_plain_words(kraken, make_client):
    kraken.last_nonce = 2**63
    kraken.reply("Balance", {})
    with pytest.raises(NonceRejected):
        await make_client(nonces=NonceSource()).balance()
    assert kraken.refused == ["EAPI:Invalid nonce"] * 2
