"""What kraky did about orders, REST and its command line, and the calls of rxkraken that do it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, datetime, timedelta

import pytest

import rxkraken as rk
from rxkraken.cli import main as command
from rxkraken.rest.calls import CALLS
from rxkraken.testing import run
from rxkraken.testing.network import EPOCH

CURRENT_TYPES = {
    "market": {},
    "limit": {"price": "20000"},
    "stop-loss": {"trigger_price": "19000"},
    "take-profit": {"trigger_price": "90000"},
    "stop-loss-limit": {"trigger_price": "19000", "price": "18900"},
    "take-profit-limit": {"trigger_price": "90000", "price": "90100"},
    "trailing-stop": {"trigger_price": "1.5", "trigger_price_type": "pct"},
    "trailing-stop-limit": {"trigger_price": "50", "trigger_price_type": "quote", "price": "-10"},
    "settle-position": {},
}


def asked(here, event="addOrder"):
    """The latest request of a kind, without what every request has."""
    frame = here.sent(event)[-1].frame
    return {name: value for name, value in frame.items() if name not in ("event", "token", "reqid", "deadline")}


def wish(order_type="limit", **fields):
    """Send one order over v1 and return what was asked: whatever the exchange says of it."""

    async def main(old_place):
        async with old_place() as here:
            with contextlib.suppress(rk.OrderRejected):
                await here.client.add_order("BTC/USD", "buy", order_type, **fields)
            return asked(here)

    return main


@pytest.mark.parity("K1-12")
def test_an_order_has_every_field_that_kraky_gave_it(old_place):
    """The names are v2's; what leaves has v1's. Kraky's `reqid`, `token` and `event` are the client's business."""
    frame = run(
        lambda: wish(
            "stop-loss-limit",
            qty="0.01", trigger_price="19000", price="18900", leverage=2, reduce_only=True, fee_preference="quote",
            effective_time=EPOCH + 60, expire_time=EPOCH + 3600, time_in_force="gtd", order_userref=7, validate=True,
            conditional={"order_type": "take-profit-limit", "trigger_price": "21000", "limit_price": "21100"},
        )(old_place)
    )  # fmt: skip
    assert frame == {
        "pair": "XBT/USD", "type": "buy", "ordertype": "stop-loss-limit", "volume": "0.01", "price": "19000",
        "price2": "18900", "leverage": "2", "reduce_only": True, "oflags": "fciq",
        "starttm": str(int(EPOCH) + 60), "expiretm": str(int(EPOCH) + 3600), "timeinforce": "GTD", "userref": "7",
        "validate": "true", "close[ordertype]": "take-profit-limit", "close[price]": "21000",
        "close[price2]": "21100",
    }  # fmt: skip


@pytest.mark.parity("K1-13")
@pytest.mark.parametrize("order_type", CURRENT_TYPES)
def test_each_order_type_that_is_still_current_can_be_placed(old_place, order_type):
    """All of kraky's list that Kraken still takes."""
    frame = run(lambda: wish(order_type, qty="0.01", **CURRENT_TYPES[order_type])(old_place))
    assert (frame["ordertype"], frame["volume"]) == (order_type, "0.01")


@pytest.mark.parity("K1-13")
@pytest.mark.parametrize("order_type", ["stop-loss-profit", "stop-loss-profit-limit", "stop-loss-and-limit"])
def test_an_order_type_that_is_gone_is_refused_with_the_current_ones(old_place, order_type):
    async def main():
        async with old_place() as here:
            with pytest.raises(rk.InvalidArgument, match="is not one of limit, market"):
                here.client.add_order("BTC/USD", "buy", order_type, qty="0.01")
            return here.wire.sent

    assert run(main) == []


@pytest.mark.parity("K1-14")
@pytest.mark.parametrize(
    ("order_type", "fields", "flags"),
    [
        ("market", {"cash_order_qty": "500"}, "viqc"),
        ("limit", {"qty": "0.01", "price": "20000", "fee_preference": "base"}, "fcib"),
        ("limit", {"qty": "0.01", "price": "20000", "fee_preference": "quote"}, "fciq"),
        ("market", {"qty": "0.01", "no_mpp": True}, "nompp"),
        ("limit", {"qty": "0.01", "price": "20000", "post_only": True}, "post"),
        ("limit", {"qty": "0.01", "price": "20000", "post_only": True, "fee_preference": "quote"}, "post,fciq"),
    ],
)
def test_each_order_flag_has_an_argument(old_place, order_type, fields, flags):
    assert run(lambda: wish(order_type, **fields)(old_place))["oflags"] == flags


@pytest.mark.parity("K1-15")
@pytest.mark.parametrize(("given", "sent"), [(None, None), ("gtc", "GTC"), ("ioc", "IOC")])
def test_an_order_lives_as_long_as_it_is_told(old_place, given, sent):
    fields = {} if given is None else {"time_in_force": given}
    assert run(lambda: wish(qty="0.01", price="20000", **fields)(old_place)).get("timeinforce") == sent


@pytest.mark.parity("K1-15")
def test_fill_or_kill_is_for_v2_and_refused_where_it_is_not_documented(old_place, new_place):
    """An exchange that ignored it would leave the order in the book (ws-v1 reference section 8.1 has no FOK)."""

    async def main():
        async with old_place() as old, new_place() as new:
            order = {"qty": "0.01", "price": "20000", "time_in_force": "fok"}
            with pytest.raises(rk.InvalidOrder, match="fok"):
                old.client.add_order("BTC/USD", "buy", "limit", **order)
            await new.client.add_order("BTC/USD", "buy", "limit", **order)
            return new.sent("add_order")[0].frame["params"]["time_in_force"], old.wire.sent, new.account.open_orders

    told, sent_over_v1, left = run(main)
    assert (told, left) == ("fok", [])
    assert "addOrder" not in [each.request for each in sent_over_v1]


FROM_NOW = timedelta(seconds=90.5)


@pytest.mark.parity("K1-16")
@pytest.mark.parametrize(
    "given",
    [EPOCH + 90, int(EPOCH) + 90, datetime.fromtimestamp(EPOCH + 90, UTC), "2025-06-15T15:08:10Z", FROM_NOW],
)
def test_an_order_begins_and_ends_when_it_is_told(old_place, given):
    """Unix seconds, a datetime or text; no value is kraky's `0`, and a timedelta its `+n`."""
    later = run(lambda: wish(qty="0.01", price="20000", effective_time=given)(old_place))
    brief = run(lambda: wish(qty="0.01", price="20000", expire_time=given, time_in_force="gtd")(old_place))
    assert (later["starttm"], brief["expiretm"]) == (str(int(EPOCH) + 90),) * 2


@pytest.mark.parity("K1-17")
def test_an_edit_has_every_field_that_kraky_gave_it(old_place):
    async def main():
        async with old_place() as here:
            stop = {"trigger_price": "90000", "price": "90100"}
            placed = await here.client.add_order("BTC/USD", "buy", "stop-loss-limit", qty="0.01", **stop)
            edited = await here.client.edit_order(
                placed.order_id, "BTC/USD", qty="0.02", trigger_price="90010", price="90110", order_userref=8
            )
            (order,) = here.account.open_orders
            first = asked(here, "editOrder") | {"orderid": None}, order.order_id == edited.order_id, str(order.qty)
            await here.client.edit_order(edited.order_id, "BTC/USD", qty="0.03", validate=True)
            return first, asked(here, "editOrder")["validate"], [str(each.qty) for each in here.account.open_orders]

    assert run(main) == (
        (
            {
                "orderid": None, "pair": "XBT/USD", "volume": "0.02", "price": "90010", "price2": "90110",
                "newuserref": "8",
            },
            True,
            "0.02",
        ),
        "true",
        ["0.02"],
    )  # fmt: skip


@pytest.mark.parity("K1-18")
@pytest.mark.parity("K1-19")
@pytest.mark.parity("K1-20")
def test_orders_are_cancelled_by_id_all_at_once_or_after_a_time(place):
    async def main():
        async with place() as here:
            client = here.client
            tickets = [client.add_order("BTC/USD", "buy", "limit", qty="0.01", price=20000 + n) for n in range(5)]
            ids = [(await ticket).order_id for ticket in tickets]
            some = await client.cancel_order(ids[:2])
            left = [order.order_id for order in here.account.open_orders]
            armed = await client.cancel_all_orders_after(60)
            waits = (armed.trigger_time - armed.current_time).total_seconds()
            off = await client.cancel_all_orders_after(0)
            every = await client.cancel_all()
            await asyncio.sleep(1)
            return (
                [row.cancelled for row in some.orders],
                left == ids[2:],
                waits,
                off.trigger_time,
                every.count,
                len(here.account.open_orders),
            )

    assert run(main) == ([True, True], True, 60, None, 3, 0)


# --- REST and the command line ----------------------------------------------------------------------------------------

# Kraky's 27 methods by the methods of `RestClient`. The last price is a field of the ticker.
REST = {
    "server_time": "time", "system_status": "system_status", "asset_info": "assets",
    "tradable_asset_pairs": "asset_pairs", "ticker_information": "ticker", "ohlc_data": "ohlc",
    "order_book": "depth", "recent_trades": "trades", "recent_spread_data": "spread",
    "account_balance": "balance", "trade_balance": "trade_balance", "open_orders": "open_orders",
    "closed_orders": "closed_orders", "query_orders_info": "query_orders", "trades_history": "trades_history",
    "query_trades_info": "query_trades", "open_positions": "open_positions", "ledgers_info": "ledgers",
    "query_ledgers": "query_ledgers", "trade_volume": "trade_volume", "request_export_report": "add_export",
    "get_export_statuses": "export_status", "get_export_report": "retrieve_export",
    "remove_export_report": "remove_export", "add_standard_order": "add_order", "cancel_open_order": "cancel_order",
    "cancel_all_open_orders": "cancel_all", "get_last_price": "ticker",
    "get_web_sockets_token": "get_websockets_token",
}  # fmt: skip


@pytest.mark.parity("K1-25")
def test_each_rest_method_of_kraky_has_one_here_for_both_worlds():
    """Asynchronous and blocking; the names are those of Kraken's calls."""
    with rk.sync.KrakenClient() as blocking:
        missing = [name for name in set(REST.values()) if not callable(getattr(blocking.rest, name, None))]
    assert missing == []
    assert [name for name in set(REST.values()) if not callable(getattr(rk.RestClient, name, None))] == []


@pytest.mark.parity("K1-25")
def test_the_last_price_is_one_call_away(new_place):
    async def main():
        async with new_place(rate=0) as here:
            (told,) = (await here.client.rest.ticker("BTC/USD")).values()
            return told.last.price, (await here.client.ticker("BTC/USD").first()).last

    last, streamed = run(main)
    assert last == streamed


@pytest.fixture
def exchange(monkeypatch):
    """A simulator, whose demo account's key is in the environment."""
    with rk.sync.Simulator(seed=3, symbols=["BTC/USD"]) as simulator:
        key = simulator.accounts["demo"].keys[0]
        monkeypatch.setenv("KRAKEN_API_KEY", key.key)
        monkeypatch.setenv("KRAKEN_API_SECRET", key.secret)
        yield simulator


@pytest.mark.parity("K1-29")
def test_any_rest_call_is_a_command_with_key_value_pairs(exchange, capsys, monkeypatch, tmp_path):
    """Kraky's `kraky <method> key=value...`: any call by name, the key from the environment or from an `.env` file."""
    base = ["--endpoints", exchange.url.removesuffix("/v2")]

    def said(*words):
        code = command([*base, *words])
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return json.loads(out)

    assert said("rest", "GET", "SystemStatus")["status"] == "online"
    assert list(said("rest", "GET", "Ticker", "pair=XBTUSD")) == ["XXBTZUSD"]
    assert "ZUSD" in said("rest", "POST", "Balance")
    file = tmp_path / ".env"
    file.write_text("".join(f"{name}={exchange_key(exchange)[name]}\n" for name in exchange_key(exchange)))
    file.chmod(0o600)
    monkeypatch.delenv("KRAKEN_API_KEY")
    monkeypatch.delenv("KRAKEN_API_SECRET")
    base += ["--credentials", str(file)]
    assert "ZUSD" in said("rest", "POST", "Balance")
    assert {"SystemStatus", "Balance", "AddOrder"} <= CALLS.keys()


def exchange_key(exchange):
    """The key of the demo account under the names of environment variables."""
    key = exchange.accounts["demo"].keys[0]
    return {"KRAKEN_API_KEY": key.key, "KRAKEN_API_SECRET": key.secret}
