"""Every request that sections 2 to 4 and 8 of the ws-v1 reference print comes out as it is printed there."""

from __future__ import annotations

import json

import pytest

from rxkraken.errors import InvalidOrder, UnknownSymbol
from rxkraken.protocol import spot_v1
from rxkraken.protocol.topics import Topic


def topics(channel: str, *symbols: str, private: bool = False, **params: object) -> list[Topic]:
    """Topics that differ in their symbols only; without symbols one of the account."""
    return [Topic(channel, symbol, tuple(params.items()), private=private) for symbol in symbols or (None,)]


ORDERS = {"channel": "executions", "private": True}
FILLS = {"channel": "own_trades", "private": True}


@pytest.mark.parametrize(
    ("asked", "token", "printed"),
    [
        (
            topics("ticker", "BTC/USD", "BTC/EUR"), None,
            {"event": "subscribe", "pair": ["XBT/USD", "XBT/EUR"], "subscription": {"name": "ticker"}},
        ),
        (
            topics("ohlc", "BTC/EUR", interval=5), None,
            {"event": "subscribe", "pair": ["XBT/EUR"], "subscription": {"interval": 5, "name": "ohlc"}},
        ),
        (
            topics("book", "BTC/USD", depth=100), None,
            {"event": "subscribe", "pair": ["XBT/USD"], "subscription": {"name": "book", "depth": 100}},
        ),
        (
            topics(**ORDERS, ratecounter=True), "TOKEN",
            {"event": "subscribe", "subscription": {"name": "openOrders", "ratecounter": True, "token": "TOKEN"}},
        ),
        (
            topics(**FILLS, consolidate_taker=True), "TOKEN",
            {
                "event": "subscribe",
                "subscription": {"name": "ownTrades", "snapshot": False, "consolidate_taker": True, "token": "TOKEN"},
            },
        ),
    ],
    ids=["ticker of two pairs", "ohlc", "book", "openOrders", "ownTrades"],
)  # fmt: skip
def test_each_printed_subscription_is_sent_as_printed(asked, token, printed):
    sent = json.loads(spot_v1.subscribe(asked, 42, snapshot=False, token=token))
    assert sent == printed | {"reqid": 42}


def test_options_that_only_v2_has_are_not_sent():
    """A ticker's trigger and what executions contain are choices that v1 would refuse as unsupported fields."""
    asked = topics("ticker", "DOGE/USD", event_trigger="trades")
    assert json.loads(spot_v1.subscribe(asked, 1, snapshot=True))["subscription"] == {"name": "ticker"}
    asked = topics(**ORDERS, snap_orders=True, snap_trades=True, order_status=True, ratecounter=True)
    assert json.loads(spot_v1.subscribe(asked, 1, snapshot=True, token="T"))["subscription"] == {
        "name": "openOrders", "ratecounter": True, "token": "T",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("left", "token", "subscription"),
    [
        (topics("ohlc", "BTC/EUR", interval=5), None, {"interval": 5, "name": "ohlc"}),
        (topics("book", "BTC/EUR", depth=25), None, {"depth": 25, "name": "book"}),
        (topics("trade", "BTC/EUR"), None, {"name": "trade"}),
        (topics(**ORDERS, ratecounter=True), "TOKEN", {"name": "openOrders", "token": "TOKEN"}),
        (topics(**FILLS, consolidate_taker=False), "TOKEN", {"name": "ownTrades", "token": "TOKEN"}),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, list) else None,
)
def test_leaving_repeats_what_tells_the_subscription_from_its_siblings(left, token, subscription):
    sent = json.loads(spot_v1.unsubscribe(left, 42, token=token))
    pair = {} if token else {"pair": ["XBT/EUR"]}
    assert sent == {"event": "unsubscribe", "reqid": 42, "subscription": subscription, **pair}


def test_only_old_spellings_reach_the_wire():
    sent = json.loads(spot_v1.subscribe(topics("trade", "BTC/USD", "DOGE/USD", "KSM/BTC"), 1, snapshot=True))
    assert sent["pair"] == ["XBT/USD", "XDG/USD", "KSM/XBT"]
    with pytest.raises(UnknownSymbol):
        spot_v1.subscribe(topics("trade", "nomarket"), 1, snapshot=True)


def test_pings_and_raw_requests_carry_our_reqid():
    assert json.loads(spot_v1.ping(42)) == {"event": "ping", "reqid": 42}
    raw = {"event": "subscribe", "subscription": {"name": "*"}, "reqid": 1}
    assert json.loads(spot_v1.request(raw, 7)) == raw | {"reqid": 7}
    assert raw["reqid"] == 1


def test_the_token_of_an_order_request_stands_beside_its_fields():
    """And there is none, rather than null, while none is known: "omit unset keys" (section 8)."""
    sent = spot_v1.private_request("cancel_all_orders_after", {"timeout": 60}, 1608543428050, "TOKEN")
    assert json.loads(sent) == {
        "event": "cancelAllOrdersAfter", "reqid": 1608543428050, "timeout": 60, "token": "TOKEN",
    }  # fmt: skip
    assert json.loads(spot_v1.private_request("cancel_all", {}, 5, "TOKEN")) == {
        "event": "cancelAll", "token": "TOKEN", "reqid": 5,
    }  # fmt: skip
    assert "token" not in json.loads(spot_v1.private_request("cancel_all", {}, 5, None))


def test_an_event_that_is_no_method_of_ours_goes_out_as_it_is_with_the_token_beside_it():
    sent = spot_v1.private_request("addOrder", {"pair": "XBT/USD", "volume": "1"}, 1, "TOKEN")
    assert json.loads(sent) == {"event": "addOrder", "pair": "XBT/USD", "volume": "1", "reqid": 1, "token": "TOKEN"}


@pytest.mark.parametrize("method", ["batch_add", "batch_cancel"])
def test_a_method_that_v1_has_not_is_refused_by_name(method):
    with pytest.raises(InvalidOrder, match=f"v1 has no {method}"):
        spot_v1.private_request(method, {"orders": []}, 1, "TOKEN")
