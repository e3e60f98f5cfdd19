"""Orders over REST: exact parameters, never twice, and one of three outcomes."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime
from decimal import Decimal

import aiohttp
import pytest
from aiohttp import web

from rxkraken.errors import (
    AuthRefused,
    ClientClosed,
    InvalidArgument,
    KrakenError,
    LinkLost,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    RequestTimeout,
    RestError,
    RestOrderRejected,
    RestUnavailable,
    UnknownSymbol,
)
from rxkraken.models.rest_orders import (
    BatchItem,
    BatchPlaced,
    CancelTimer,
    OrderAmended,
    OrderEdited,
    OrderPlaced,
    OrdersCancelled,
    PlacedDescription,
)
from rxkraken.rest import Limits
from rxkraken.settings import Endpoints, Settings

PLACED = {
    "descr": {
        "order": "buy 2.12340000 XBTUSD @ limit 25000.1 with 2:1 leverage",
        "close": "close position @ stop loss 22000.0 -> limit 21000.0",
    },
    "txid": ["OUF4EM-FRGI2-MQMWZD"],
}


async def hangs(_seen):
    await asyncio.Event().wait()


async def outcome(call) -> KrakenError:
    with pytest.raises(KrakenError) as caught:
        await call
    return caught.value


def buy(client, **more):
    return client.add_order("BTC/USD", "buy", "limit", "1.25", price=37500, **more)


# -- parameters and results


@pytest.mark.parity("K2-17")
async def test_add_order_sends_every_parameter_and_reads_the_result(kraken, client):
    kraken.reply("AddOrder", PLACED)
    placed = await client.add_order(
        "XBT/USD",
        "buy",
        "stop-loss-limit",
        Decimal("2.12340000"),
        price="+1.5%",
        price2=25000.1,
        displayvol=1,
        trigger="index",
        leverage=2,
        reduce_only=False,
        stptype="cancel-both",
        oflags=["post", "fciq"],
        timeinforce="GTD",
        starttm=0,
        expiretm="+60",
        close={"ordertype": "stop-loss-limit", "price": "22000.0", "price2": "21000.0"},
        deadline="2026-09-25T10:00:00Z",
        userref=7,
        validate=False,
        asset_class="tokenized_asset",
        extra={"newest": "x"},
    )
    assert placed == OrderPlaced(
        txid=("OUF4EM-FRGI2-MQMWZD",), descr=PlacedDescription(**PLACED["descr"]), cl_ord_id=None
    )
    assert kraken.seen[0].params == {
        "nonce": "1700000000000000000",
        "ordertype": "stop-loss-limit",
        "type": "buy",
        "pair": "XBTUSD",
        "volume": "2.12340000",
        "price": "+1.5%",
        "price2": "25000.1",
        "displayvol": "1",
        "trigger": "index",
        "leverage": "2",
        "reduce_only": "false",
        "stptype": "cancel-both",
        "oflags": "post,fciq",
        "timeinforce": "GTD",
        "starttm": "0",
        "expiretm": "+60",
        "close[ordertype]": "stop-loss-limit",
        "close[price]": "22000.0",
        "close[price2]": "21000.0",
        "deadline": "2026-09-25T10:00:00Z",
        "userref": "7",
        "validate": "false",
        "asset_class": "tokenized_asset",
        "newest": "x",
    }


@pytest.mark.parity("D0-7")
async def test_every_order_has_its_own_nonce_and_its_own_id(kraken, client):
    """The replaced client sent every order with the nonce of its import."""
    kraken.reply("AddOrder", PLACED)
    placed = [await buy(client) for _ in range(3)]
    assert [order.cl_ord_id for order in placed] == ["id-1", "id-2", "id-3"]
    assert [seen.params["cl_ord_id"] for seen in kraken.seen] == ["id-1", "id-2", "id-3"]
    assert len({seen.params["nonce"] for seen in kraken.seen}) == 3


async def test_an_id_is_made_up_only_where_kraken_takes_one(kraken, client):
    """Not beside a userref, and not with a conditional close."""
    kraken.reply("AddOrder", PLACED)
    await buy(client, userref=7)
    await buy(client, close={"ordertype": "limit", "price": 40000})
    await buy(client, cl_ord_id="mine")
    assert [seen.params.get("cl_ord_id") for seen in kraken.seen] == [None, None, "mine"]


@pytest.mark.parity("D2-4")
@pytest.mark.parametrize("volume", [0.29, 1.13, 4.35, 8.7])
async def test_volumes_are_not_cut_through_a_float(kraken, client, volume):
    kraken.reply("AddOrder", PLACED)
    await client.add_order("BTC/USD", "sell", "market", volume)
    assert kraken.seen[0].params["volume"] == str(volume)


async def test_a_validated_order_has_no_txid(kraken, client):
    kraken.reply("AddOrder", {"descr": {"order": "buy 1"}, "validation": "ok"})
    checked = await buy(client, validate=True)
    assert (checked.txid, checked.descr.order, checked.extra) == ((), "buy 1", {"validation": "ok"})


async def test_a_batch_tells_the_fate_of_each_order(kraken, client):
    kraken.reply("AddOrderBatch", {"orders": [
        {"txid": "65LRD3-AHGRA-YAH8E5", "descr": {"order": "buy 1.02 XBTUSD @ limit 29000.0"}},
        {"error": "EOrder:Insufficient funds"},
    ]})  # fmt: skip
    orders = [
        {"type": "buy", "ordertype": "limit", "volume": Decimal("1.02"), "price": 29000.5},
        {"type": "sell", "ordertype": "limit", "volume": 1, "price": "40000", "userref": 5},
    ]
    assert await client.add_order_batch("BTC/USD", orders, deadline="soon") == BatchPlaced(
        orders=(
            BatchItem(
                txid="65LRD3-AHGRA-YAH8E5",
                descr=PlacedDescription(order="buy 1.02 XBTUSD @ limit 29000.0"),
                cl_ord_id="id-1",
            ),
            BatchItem(error="EOrder:Insufficient funds"),
        )
    )
    assert kraken.seen[0].params == {
        "nonce": "1700000000000000000",
        "pair": "XBTUSD",
        "orders": [
            {"type": "buy", "ordertype": "limit", "volume": "1.02", "price": "29000.5", "cl_ord_id": "id-1"},
            {"type": "sell", "ordertype": "limit", "volume": 1, "price": "40000", "userref": 5},
        ],
        "deadline": "soon",
    }
    assert [item.accepted for item in (await client.add_order_batch("BTC/USD", orders)).orders] == [True, False]
    assert "cl_ord_id" not in orders[0]


async def test_amend_edit_and_cancels(kraken, client):
    kraken.reply("AmendOrder", {"amend_id": "TGS4UP-DP6E3-YO3KFN"})
    kraken.reply("EditOrder", {
        "status": "ok", "txid": "OFVXHJ-KPQ3B-VS7ELA", "originaltxid": "OHYO67-6LP66-HMQ437", "volume": "0.00030000",
        "price": "19500.0", "price2": "32500.0", "orders_cancelled": 1,
        "descr": {"order": "buy 0.00030000 XXBTZGBP @ limit 19500.0"},
    })  # fmt: skip
    kraken.reply("CancelOrder", {"count": 1, "pending": True})
    kraken.reply("CancelAll", {"count": 4})
    assert await client.amend_order("OX", order_qty="1.5", limit_price=Decimal("2.50"), post_only=True) == OrderAmended(
        amend_id="TGS4UP-DP6E3-YO3KFN"
    )
    assert await client.edit_order("OHYO67-6LP66-HMQ437", "BTC/GBP", volume="0.0003", oflags="post") == OrderEdited(
        status="ok",
        txid="OFVXHJ-KPQ3B-VS7ELA",
        originaltxid="OHYO67-6LP66-HMQ437",
        volume=Decimal("0.00030000"),
        price="19500.0",
        price2="32500.0",
        orders_cancelled=1,
        descr=PlacedDescription(order="buy 0.00030000 XXBTZGBP @ limit 19500.0"),
    )
    assert await client.cancel_order(77) == OrdersCancelled(count=1, pending=True)
    assert await client.cancel_order(cl_ord_id="mine") == OrdersCancelled(count=1, pending=True)
    assert await client.cancel_all() == OrdersCancelled(count=4)
    sent = [{name: value for name, value in seen.params.items() if name != "nonce"} for seen in kraken.seen]
    assert sent == [
        {"txid": "OX", "order_qty": "1.5", "limit_price": "2.50", "post_only": "true"},
        {"txid": "OHYO67-6LP66-HMQ437", "pair": "XBTGBP", "volume": "0.0003", "oflags": "post"},
        {"txid": "77"},
        {"cl_ord_id": "mine"},
        {},
    ]


@pytest.mark.parametrize("trigger", ["2023-03-24T17:42:56Z", "0"])
async def test_the_cancel_timer_says_when_it_goes_off(kraken, client, trigger):
    kraken.reply("CancelAllOrdersAfter", {"currentTime": "2023-03-24T17:41:56Z", "triggerTime": trigger})
    timer = await client.cancel_all_orders_after(60)
    at = datetime(2023, 3, 24, 17, 42, 56, tzinfo=UTC)
    assert timer == CancelTimer(
        current_time=datetime(2023, 3, 24, 17, 41, 56, tzinfo=UTC), trigger_time=None if trigger == "0" else at
    )


def test_what_cannot_be_an_order_is_refused_before_anything_is_sent(client):
    order = {"type": "buy", "ordertype": "market", "volume": 1}
    for wrong, message in [
        (lambda: client.add_order("BTC/USD", "bid", "limit", 1), "side 'bid' is not one of buy, sell"),
        (lambda: buy(client, cl_ord_id="a", userref=1), "can have one of them only"),
        (lambda: client.add_order_batch("BTC/USD", [order]), "a batch of 1 orders; a batch has 2 to 15"),
        (lambda: client.add_order_batch("BTC/USD", [order] * 16), "a batch of 16 orders"),
        (lambda: client.add_order_batch("BTC/USD", [order, {**order, "type": "x"}]), "side 'x'"),
        (client.cancel_order, "needs either txid or cl_ord_id"),
        (lambda: client.cancel_order("O", cl_ord_id="c"), "needs either txid or cl_ord_id"),
        (client.amend_order, "amend_order needs either"),
        (client.cancel_order_batch, "0 orders to cancel at once; name 1 to 50"),
        (lambda: client.cancel_order_batch(["O"] * 51), "51 orders to cancel"),
        (lambda: client.cancel_all_orders_after(-1), "timeout=-1"),
    ]:
        with pytest.raises(InvalidArgument, match=message):
            wrong()
    with pytest.raises(UnknownSymbol):
        client.add_order(" ", "buy", "limit", 1)


# -- outcomes


@pytest.mark.parametrize(
    ("text", "category", "cause"),
    [
        ("EOrder:Insufficient funds", "funds", RestError),
        ("EAPI:Invalid key", "auth", AuthRefused),
        ("EOrder:Rate limit exceeded", "trading_rate_limit", RateLimited),
        ("EService:Market in cancel_only mode", "market_state", RestError),
        ("EMystery:New", "unknown", RestError),
    ],
)
async def test_a_refusal_is_certain_and_never_retried(kraken, client, text, category, cause):
    kraken.reply("AddOrder", [text])
    error = await outcome(buy(client))
    assert type(error) is RestOrderRejected
    assert isinstance(error, OrderRejected)
    assert (error.text, error.category, type(error.__cause__)) == (text, category, cause)
    assert kraken.names() == ["AddOrder"]


async def bad_gateway(_seen):
    return web.Response(status=520, text="<title>Unknown error</title>", content_type="text/html")


@pytest.mark.parametrize(
    ("reply", "cause"),
    [
        (["EService:Unavailable"], RestUnavailable),
        (["EService:Busy"], RestUnavailable),
        (["EGeneral:Internal error"], RestUnavailable),
        (["EService:Deadline elapsed"], RestError),
        (bad_gateway, RestUnavailable),
        ("half an ans", KrakenError),
        ({"error": [], "result": "odd"}, KrakenError),
    ],
)
async def test_an_answer_that_tells_nothing_leaves_the_outcome_open(kraken, client, reply, cause):
    """It is sent once, and the error names the id to look for."""
    kraken.reply("AddOrder", reply)
    error = await outcome(buy(client))
    assert type(error) is OutcomeUnknown
    assert "do not send it again, look for cl_ord_id id-1 with QueryOrders or OpenOrders first" in str(error)
    assert isinstance(error.__cause__, cause)
    assert kraken.names() == ["AddOrder"]


async def test_a_timeout_after_sending_leaves_the_outcome_open(kraken, client, expires):
    kraken.reply("AddOrder", expires)
    error = await outcome(buy(client, userref=7))
    assert type(error) is OutcomeUnknown
    assert "look for userref 7" in str(error)
    assert isinstance(error.__cause__, RequestTimeout)
    assert kraken.names() == ["AddOrder"]


async def test_a_connection_that_cannot_be_made_means_not_sent(make_client):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    error = await outcome(buy(make_client(endpoints=Endpoints.custom(rest=f"http://127.0.0.1:{port}"))))
    assert type(error) is NotSent
    assert isinstance(error.__cause__, LinkLost)
    assert error.retryable


async def test_a_timeout_before_anything_was_written_means_not_sent(make_client, monkeypatch):
    """The name server never answers: no byte has left."""

    async def never(*_args, **_kwargs):
        await asyncio.Event().wait()

    monkeypatch.setattr(aiohttp.TCPConnector, "_resolve_host", never)
    client = make_client(
        settings=Settings(request_timeout=0.02), endpoints=Endpoints.custom(rest="http://nowhere.test")
    )
    error = await outcome(buy(client))
    assert type(error) is NotSent
    assert isinstance(error.__cause__, RequestTimeout)


async def test_with_a_session_of_somebody_else_a_timeout_is_never_called_not_sent(make_client, monkeypatch):
    async def never(*_args, **_kwargs):
        await asyncio.Event().wait()

    monkeypatch.setattr(aiohttp.TCPConnector, "_resolve_host", never)
    async with aiohttp.ClientSession() as session:
        client = make_client(
            session=session,
            settings=Settings(request_timeout=0.02),
            endpoints=Endpoints.custom(rest="http://nowhere.test"),
        )
        assert type(await outcome(buy(client))) is OutcomeUnknown


async def test_a_connection_that_breaks_after_sending_leaves_the_outcome_open(make_client):
    arrived = asyncio.Event()

    async def hang_up(reader, writer):
        await reader.readuntil(b"volume=1.25")
        arrived.set()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        error = await outcome(buy(make_client(endpoints=Endpoints.custom(rest=f"http://127.0.0.1:{port}"))))
    assert arrived.is_set()
    assert type(error) is OutcomeUnknown
    assert isinstance(error.__cause__, LinkLost)


async def test_changes_have_the_same_care_but_are_refused_as_rest_errors(kraken, client):
    """Withdrawals are never made twice either."""
    kraken.reply("Withdraw", ["EFunding:Unknown withdraw key"], bad_gateway)
    refused = await outcome(client.withdraw("XBT", "cold", "1.5"))
    assert (type(refused), refused.category) == (RestError, "funding")
    unknown = await outcome(client.withdraw("XBT", "cold", "1.5"))
    assert type(unknown) is OutcomeUnknown
    assert "look at the account first" in str(unknown)
    assert kraken.names() == ["Withdraw", "Withdraw"]


async def test_an_unknown_private_call_is_never_made_twice(kraken, client):
    kraken.reply("BrandNew", ["EService:Busy"])
    assert type(await outcome(client.request("BrandNew", auth=True))) is OutcomeUnknown
    assert kraken.names() == ["BrandNew"]


async def test_an_order_runs_to_its_end_though_its_caller_left(kraken, client, caplog):
    """Cancelling the wait cannot unsend the order; asking again gives its outcome."""
    go_on = asyncio.Event()

    async def slow(_seen):
        await go_on.wait()
        return PLACED

    kraken.reply("AddOrder", slow)
    call = buy(client)
    waiting = asyncio.ensure_future(_result(call))
    await kraken.arrived.wait()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert repr(call) == "<RestCall AddOrder, under way>"
    go_on.set()
    assert (await call).txid == ("OUF4EM-FRGI2-MQMWZD",)
    assert len(kraken.seen) == 1


async def test_an_order_that_was_cut_short_is_not_sent_again(kraken, client):
    """A program that cancels every task it can find; who asks again learns that the outcome is open."""
    kraken.reply("AddOrder", hangs)
    call = buy(client)
    waiting = asyncio.ensure_future(_result(call))
    await kraken.arrived.wait()
    (task,) = [task for task in asyncio.all_tasks() if task.get_name() == "rxkraken.rest AddOrder"]
    task.cancel()
    assert type(await outcome(waiting)) is OutcomeUnknown
    assert type(await outcome(call)) is OutcomeUnknown
    assert kraken.names() == ["AddOrder"]


async def test_a_failure_that_nobody_waits_for_is_logged(kraken, client, caplog):
    kraken.reply("AddOrder", ["EOrder:Insufficient funds"])
    call = buy(client)
    subscription = call.observable().subscribe()
    subscription.dispose()
    await asyncio.wait([task for task in asyncio.all_tasks() if task.get_name() == "rxkraken.rest AddOrder"])
    assert repr(call) == "<RestCall AddOrder, failed>"
    assert "AddOrder failed after nobody waited for it any more: EOrder:Insufficient funds" in caplog.text


async def _result(call):
    return await call


# -- the end


async def test_closing_waits_for_the_answer_of_an_order(kraken, client):
    go_on = asyncio.Event()

    async def slow(_seen):
        await go_on.wait()
        return PLACED

    kraken.reply("AddOrder", slow)
    waiting = asyncio.ensure_future(_result(buy(client)))
    await kraken.arrived.wait()
    closing = asyncio.ensure_future(client.aclose())
    await asyncio.sleep(0)
    go_on.set()
    await closing
    assert (await waiting).txid == ("OUF4EM-FRGI2-MQMWZD",)


async def test_closing_is_bounded_and_says_what_is_not_known(kraken, make_client):
    """The first order was sent and is cut off, the second was waiting its turn and was not."""
    client = make_client(settings=Settings(close_timeout=0.02))
    kraken.reply("AddOrder", hangs)
    sent = asyncio.ensure_future(_result(buy(client)))
    await kraken.arrived.wait()
    queued = asyncio.ensure_future(_result(buy(client)))
    await asyncio.sleep(0)
    await client.aclose()
    assert type(await outcome(sent)) is OutcomeUnknown
    unsent = await outcome(queued)
    assert type(unsent) is NotSent
    assert isinstance(unsent.__cause__, ClientClosed)
    assert len(kraken.seen) == 1


# -- the trading counters


async def test_orders_charge_their_pair_and_young_ones_cost_more(kraken, make_client, time):
    """Section 5.2: add 1; amend at 7 s 1 + 2; cancel 36 s after it 4. The counter's decay is switched off to see it."""
    kraken.reply("AddOrder", PLACED)
    kraken.reply("AmendOrder", {"amend_id": "T"})
    kraken.reply("CancelOrder", {"count": 1})
    limits = Limits("starter")
    limits.trading.charge({"BTC/USD": 50}, time.now)
    limits.trading._counters["BTC/USD"].decay = 1e-9
    client = make_client(limits=limits)
    await buy(client)
    assert client.limits.trading["BTC/USD"].value == pytest.approx(51)
    time.now += 7
    await client.amend_order(cl_ord_id="id-1", limit_price=1)
    assert client.limits.trading["BTC/USD"].value == pytest.approx(54)
    time.now += 36
    await client.cancel_order("OUF4EM-FRGI2-MQMWZD")
    assert client.limits.trading["BTC/USD"].value == pytest.approx(58)
    await client.cancel_order("OUF4EM-FRGI2-MQMWZD")
    assert client.limits.trading["BTC/USD"].value == pytest.approx(58)


async def test_batches_edits_and_cancel_all_charge_too(kraken, client, time):
    orders = [{"type": "buy", "ordertype": "limit", "volume": 1, "price": 1}] * 4
    kraken.reply("AddOrderBatch", {"orders": [{"txid": f"O{n}"} for n in range(3)] + [{"error": "EOrder:x"}]})
    kraken.reply("EditOrder", {"txid": "O9", "originaltxid": "O0"})
    kraken.reply("CancelOrderBatch", {"count": 2})
    kraken.reply("CancelAll", {"count": 2})
    values: list[float] = []

    async def after(call):
        await call
        state = client.limits.trading.get("BTC/USD")
        values.append(0 if state is None else state.value)

    await after(client.add_order_batch("BTC/USD", orders))
    await after(client.edit_order("O0", "BTC/USD", price=2))
    await after(client.cancel_order_batch(["O9", "O0"]))
    await after(client.cancel_all())
    await after(client.cancel_all())
    assert values == [2, 2 + 7, 9 + 8, 17 + 1, 18]


def full(time) -> Limits:
    limits = Limits()
    limits.trading.fill(["BTC/USD"], time.now)
    return limits


async def test_by_default_a_full_trading_counter_only_warns(kraken, make_client, time, caplog):
    """An order is not held back in silence: Kraken's own counter decides."""
    kraken.reply("AddOrder", PLACED)
    client = make_client(limits=full(time))
    await buy(client)
    assert (time.slept, len(kraken.seen)) == ([], 1)
    assert "AddOrder: the trading rate counter has room again in 1.00 s; sending it all the same" in caplog.text


async def test_the_policy_raise_means_not_sent(kraken, make_client, time):
    client = make_client(on_trading_limit="raise", limits=full(time))
    error = await outcome(buy(client))
    assert type(error) is NotSent
    assert isinstance(error.__cause__, RateLimited)
    assert kraken.seen == []


async def test_the_policy_wait_waits_except_for_batch_cancels(kraken, make_client, time):
    """Kraken accepts those above the threshold too (ws-v2 reference section 6.10)."""
    client = make_client(on_trading_limit="wait", limits=full(time))
    kraken.reply("AddOrder", PLACED)
    kraken.reply("CancelOrderBatch", {"count": 1})
    await buy(client)
    assert time.slept == [1.0]
    await client.cancel_order_batch(["OUF4EM-FRGI2-MQMWZD"])
    assert time.slept == [1.0]


async def test_a_refusal_corrects_the_trading_counter(kraken, client):
    kraken.reply("AddOrder", ["EOrder:Rate limit exceeded"])
    assert isinstance(await outcome(buy(client)), OrderRejected)
    assert client.limits.trading["BTC/USD"].remaining == 0


async def test_closing_sends_nothing_more_though_it_waits(kraken, client):
    """The order under way is answered in time; the one behind it does not set out any more."""
    go_on = asyncio.Event()

    async def slow(_seen):
        await go_on.wait()
        return PLACED

    kraken.reply("AddOrder", slow)
    sent = asyncio.ensure_future(_result(buy(client)))
    await kraken.arrived.wait()
    queued = asyncio.ensure_future(_result(buy(client)))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(client.aclose())
    await asyncio.sleep(0)
    go_on.set()
    assert (await sent).txid == ("OUF4EM-FRGI2-MQMWZD",)
    assert type(await outcome(queued)) is NotSent
    await closing
    assert kraken.names() == ["AddOrder"]
