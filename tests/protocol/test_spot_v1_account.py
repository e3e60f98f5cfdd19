"""Orders and fills of WebSocket v1: every entry that section 7 of its reference prints, and any other object."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.account.orders import OrderTable, When
from rxkraken.account.sequence import SequenceCheck
from rxkraken.models.trading import Contingent, Fee, Order, Trigger
from rxkraken.protocol.spot_v1_account import entries, order, own_trade, surprise, surprise_of_trade
from rxkraken.protocol.spot_v2 import Malformed
from rxkraken.protocol.spot_v2_account import FillReport, Report

PRINTED = (
    '[[{"OGTT3Y-C6I3P-XRI6HX":{"avg_price":"34.50000","cost":"0.00000","descr":{"close":"","leverage":"0:1",'
    '"order":"sell 10.00345345 XBT/EUR @ limit 34.50000 with 0:1 leverage","ordertype":"limit","pair":"XBT/EUR",'
    '"price":"34.50000","price2":"0.00000","type":"sell"},"expiretm":"0.000000","fee":"0.00000",'
    '"limitprice":"34.50000","misc":"","oflags":"fcib","opentm":"0.000000","refid":"OKIVMP-5GVZN-Z2D2UA",'
    '"starttm":"0.000000","status":"open","stopprice":"0.000000","userref":0,"vol":"10.00345345",'
    '"vol_exec":"0.00000000"}}],"openOrders",{"sequence":234}]'
)
PRINTED_TRADE = (
    '[[{"TDLH43-DVQXD-2KHVYY":{"cost":"1000000.00000","fee":"1600.00000","margin":"0.00000",'
    '"ordertxid":"TDLH43-DVQXD-2KHVYY","ordertype":"limit","pair":"XBT/EUR","postxid":"OGTT3Y-C6I3P-XRI6HX",'
    '"price":"100000.00000","time":"1560516023.070651","type":"sell","vol":"1000000000.00000000"}}],"ownTrades",'
    '{"sequence":2948}]'
)
MARKET = "OKB55A-UEMMN-YUXM2A"
DESCR = {"close": None, "leverage": None, "order": "buy 0.00010000 XBT/USD @ market 0.00000", "ordertype": "market"}
DESCR |= {"pair": "XBT/USD", "price": "0.00000", "price2": "0.00000", "type": "buy"}
FILLED = {"vol_exec": "0.00010000", "cost": "2.64252", "fee": "0.00687", "avg_price": "26425.20000", "userref": 0}
LIFE = [
    {
        "avg_price": "0.00000", "cost": "0.00000", "descr": DESCR, "expiretm": None, "fee": "0.00000",
        "limitprice": "0.00000", "misc": "", "oflags": "fciq", "opentm": "1692851641.361371", "refid": None,
        "starttm": None, "status": "pending", "stopprice": "0.00000", "timeinforce": "GTC", "userref": 0,
        "vol": "0.00010000", "vol_exec": "0.00000000",
    },
    {"status": "open", "userref": 0},
    FILLED,
    {"lastupdated": "1692851641.361447", "status": "closed", **FILLED},
]  # fmt: skip


def read(text: str) -> Report:
    """The one report of a printed frame."""
    data, channel, _ = json.loads(text)
    ((name, fields),) = entries(data)
    return order(name, fields) if channel == "openOrders" else own_trade(name, fields)


def test_an_order_is_read_whole_and_zeros_that_mean_nothing_are_left_out():
    """Nothing is filled, so that its average price is none; it has no userref and no times."""
    assert read(PRINTED) == Report(
        order_id="OGTT3Y-C6I3P-XRI6HX",
        exec_type="new",
        status="new",
        timestamp=None,
        changes={
            "symbol": "BTC/EUR",
            "side": "sell",
            "order_type": "limit",
            "limit_price": Decimal("34.50000"),
            "parent": "OKIVMP-5GVZN-Z2D2UA",
            "qty": Decimal("10.00345345"),
            "cum_qty": Decimal(0),
            "cum_cost": Decimal(0),
            "post_only": False,
            "fee_preference": "fcib",
        },
    )


def test_an_entry_that_says_one_thing_changes_one_thing():
    closed = '[[{"OGTT3Y-C6I3P-XRI6HX":{"status":"closed"}}],"openOrders",{"sequence":59342}]'
    assert read(closed) == Report("OGTT3Y-C6I3P-XRI6HX", "filled", "filled", None)


def test_a_fill_names_its_order_and_a_fee_in_the_quote_currency():
    assert read(PRINTED_TRADE) == Report(
        order_id="TDLH43-DVQXD-2KHVYY",
        exec_type="trade",
        status="partially_filled",
        timestamp=datetime(2019, 6, 14, 12, 40, 23, 70651, tzinfo=UTC),
        changes={"symbol": "BTC/EUR", "side": "sell", "order_type": "limit"},
        fill=FillReport(
            exec_id="TDLH43-DVQXD-2KHVYY",
            trade_id=None,
            qty=Decimal("1000000000.00000000"),
            price=Decimal("100000.00000"),
            cost=Decimal("1000000.00000"),
            liquidity=None,
            fees=(Fee("EUR", Decimal("1600.00000")),),
        ),
    )


def test_the_recorded_life_of_a_market_order_merges_into_whole_orders():
    """Sparse entries, told by words of v2: accepted, open, partly and at last wholly filled."""
    table = OrderTable()
    events = [table.apply(order(MARKET, fields), When(1.0, 1)) for fields in LIFE]
    assert [(event.exec_type, event.status, event.order.cum_qty) for event in events] == [
        ("pending_new", "pending_new", Decimal(0)),
        ("new", "new", Decimal(0)),
        ("status", "partially_filled", Decimal("0.00010000")),
        ("filled", "filled", Decimal("0.00010000")),
    ]
    assert events[-1].order == Order(
        order_id=MARKET,
        symbol="BTC/USD",
        side="buy",
        order_type="market",
        status="filled",
        qty=Decimal("0.00010000"),
        time_in_force="gtc",
        post_only=False,
        fee_preference="fciq",
        cum_qty=Decimal("0.00010000"),
        cum_cost=Decimal("2.64252"),
        avg_price=Decimal("26425.20000"),
        updated=datetime(2023, 8, 24, 4, 34, 1, 361447, tzinfo=UTC),
    )


def test_an_entry_without_a_status_opens_no_pending_order():
    """A scheduled order stays scheduled while something else about it changes."""
    table = OrderTable()
    table.apply(order(MARKET, LIFE[0]), When(1.0, 1))
    table.apply(order(MARKET, {"lastupdated": "1692851642.0", "vol": "0.00020000"}), When(1.0, 1))
    assert (table.open[MARKET].status, table.open[MARKET].qty) == ("pending_new", Decimal("0.00020000"))


def described(order_type: str, price: str, price2: str = "0.00000", **fields: object) -> dict:
    """The changes that an entry about an order of this type tells."""
    descr = DESCR | {"ordertype": order_type, "price": price, "price2": price2}
    common = ("symbol", "side", "order_type")
    return {
        name: value for name, value in order("O1", {"descr": descr, **fields}).changes.items() if name not in common
    }


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (described("limit", "34.5"), {"limit_price": Decimal("34.5")}),
        (described("stop-loss", "30"), {"trigger": Trigger(Decimal(30), "static")}),
        (
            described("stop-loss-limit", "30", "29.5", limitprice="0.00000"),
            {"limit_price": Decimal("29.5"), "trigger": Trigger(Decimal(30), "static")},
        ),
        (
            described("trailing-stop", "+1.0000%", stopprice="98.76", misc=""),
            {"trigger": Trigger(Decimal("1.0000"), "pct", status="untriggered", actual_price=Decimal("98.76"))},
        ),
        (
            described("trailing-stop-limit", "+5.0", "-1.0", misc="stopped,partial", limitprice="97.5"),
            {
                "limit_price": Decimal("97.5"),
                "limit_price_type": "static",
                "trigger": Trigger(Decimal("5.0"), "quote", status="triggered"),
            },
        ),
        (
            described("take-profit-limit", "#5%", "-1.5"),
            {
                "limit_price": Decimal("-1.5"),
                "limit_price_type": "quote",
                "trigger": Trigger(Decimal(5), "pct"),
            },
        ),
    ],
    ids=["limit", "stop", "stop with limit", "trailing", "trailing that was triggered", "relative"],
)
def test_prices_go_where_the_order_type_says(told, expected):
    assert told == expected


def test_everything_else_that_an_entry_may_hold_has_its_place():
    report = order(
        "O1",
        {
            "cl_ord_id": "mine", "userref": 7, "status": "canceled", "cancel_reason": "User requested", "margin": True,
            "starttm": "1692851641.000000", "expiretm": "1692851700.500000", "oflags": "viqc,fciq,post", "vol": "100.0",
            "price": "34.5", "vol_exec": "1.0", "sender_sub_id": "desk", "ratecount": "12", "display_volume": "0.5",
            "display_volume_remain": "0.00000000", "timeinforce": "GTD", "lastupdated": "1692851650.25",
            "contingent": {"ordertype": "stop-loss-limit", "price": "-5%", "price2": "20.0", "oflags": ""},
        },
    )  # fmt: skip
    assert report == Report(
        order_id="O1",
        exec_type="canceled",
        status="canceled",
        timestamp=datetime(2023, 8, 24, 4, 34, 10, 250000, tzinfo=UTC),
        changes={
            "cl_ord_id": "mine",
            "order_userref": 7,
            "cash_order_qty": Decimal("100.0"),
            "cum_qty": Decimal("1.0"),
            "avg_price": Decimal("34.5"),
            "effective_time": datetime(2023, 8, 24, 4, 34, 1, tzinfo=UTC),
            "expire_time": datetime(2023, 8, 24, 4, 35, 0, 500000, tzinfo=UTC),
            "time_in_force": "gtd",
            "display_qty": Decimal("0.5"),
            "display_qty_remain": Decimal(0),
            "contingent": Contingent("stop-loss-limit", Decimal(-5), "pct", Decimal("20.0"), "static"),
            "margin": True,
            "sender_sub_id": "desk",
            "post_only": True,
            "fee_preference": "fciq",
        },
        reason="User requested",
        rate_count=Decimal(12),
    )


@pytest.mark.parametrize(
    ("fields", "exec_type"),
    [
        ({"amended": True, "amend_reason": "User requested"}, "amended"),
        ({"amend_reason": "Reduce only"}, "restated"),
        ({"status": "expired"}, "expired"),
        ({"status": "open", "vol_exec": "0.5"}, "status"),
        ({"status": "suspended"}, "status"),
    ],
)
def test_what_happened_is_told_in_the_words_of_executions(fields, exec_type):
    assert order("O1", fields).exec_type == exec_type


@pytest.mark.parametrize(
    ("named", "fields"),
    [
        (None, LIFE[0] | {"ratecount": 3, "ext_ord_id": "x"}),
        ("openOrders has unknown field descr.tip, venue", LIFE[0] | {"venue": 1, "descr": DESCR | {"tip": 1}}),
        ("openOrders has unknown status 'suspended'", {"status": "suspended"}),
        ("openOrders has unknown oflags 'hidden'", {"oflags": "post,hidden"}),
        ("openOrders has unknown misc 'frozen'", {"misc": "frozen"}),
        ("openOrders has unknown timeinforce 'FOK'", {"timeinforce": "FOK"}),
    ],
)
def test_what_is_new_about_an_order_is_named(named, fields):
    assert surprise(fields) == named


def test_what_is_new_about_a_fill_is_named():
    ((_, fields),) = entries(json.loads(PRINTED_TRADE)[0])
    assert surprise_of_trade(fields | {"userref": 0, "cl_ord_id": "mine", "margin_borrow": False}) is None
    assert surprise_of_trade(fields | {"maker": True}) == "ownTrades has unknown field maker"


def test_several_orders_and_fills_may_share_a_frame():
    assert entries([{"O1": {"status": "open"}, "O2": {}}, {"O3": {}}]) == [
        ("O1", {"status": "open"}),
        ("O2", {}),
        ("O3", {}),
    ]
    assert entries([]) == []


def test_each_subscription_counts_its_own_messages():
    """Each subscription has its own counter, from 1 with its first message (section 7)."""
    check = SequenceCheck()
    told = [("openOrders", 1), ("ownTrades", 1), ("openOrders", 2), ("ownTrades", 2), ("openOrders", 4)]
    missing = [check.missing(channel, number, first=number == 1) for channel, number in told]
    assert missing == [None, None, None, None, "message 3 is missing before 4"]


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=6)
    | st.sampled_from(["1.5", "+1%", "#", "XBT/USD"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["pair", "type", "ordertype", "price"]), inner)
    ),
    max_leaves=8,
)
NAMES = (
    *LIFE[0], *LIFE[3], "cl_ord_id", "contingent", "ratecount", "margin", "amended", "cancel_reason", "price", "pair",
    "display_volume", "sender_sub_id", "ordertxid", "time", "type", "ordertype", "vol", "postxid", "limit",
)  # fmt: skip


@given(st.dictionaries(st.sampled_from(NAMES), ANYTHING), ANYTHING)
def test_any_entry_is_read_or_malformed(fields, data):
    """Whatever stands where an entry should: there is a report, or `Malformed` and no other error."""
    for attempt in (lambda: order("O1", fields), lambda: own_trade("T1", fields), lambda: entries(data)):
        try:
            assert attempt() is not None
        except Malformed as error:
            assert len(str(error)) < 200  # noqa: PT017 - which of both happens is hypothesis's choice
    assert isinstance(surprise(fields), str | None)
    assert isinstance(surprise_of_trade(fields), str | None)


@given(st.dictionaries(st.sampled_from([*LIFE[0], *DESCR]), ANYTHING), st.sampled_from(NAMES), ANYTHING)
def test_one_odd_field_in_a_whole_order_is_read_or_malformed(odd, name, value):
    fields = LIFE[0] | {name: value, "descr": DESCR | odd}
    try:
        assert isinstance(order("O1", fields), Report)
    except Malformed as error:
        assert len(str(error)) < 200  # noqa: PT017 - which of both happens is hypothesis's choice
    assert isinstance(surprise(fields), str | None)
