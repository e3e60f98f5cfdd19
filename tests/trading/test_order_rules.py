"""What an order's type and its market forbid is refused before it is sent, with the rule and the way out."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.errors import InvalidArgument, InvalidOrder
from rxkraken.trading.parameters import add_order

LIMIT = {"qty": 1, "price": 25000}
STOP = {"qty": 1, "trigger_price": 24000}
TRAIL = {"qty": 1, "trigger_price": 2, "trigger_price_type": "pct"}


@pytest.mark.parametrize(
    ("order_type", "given", "words"),
    [
        ("limit", {"qty": 1}, "a limit order needs a limit price: give price"),
        ("iceberg", {"qty": 1, "display_qty": 1}, "an? iceberg order needs a limit price"),
        ("market", LIMIT, "a market order has no limit price: leave price out, or make it a limit order"),
        ("settle-position", LIMIT, "a settle-position order has no limit price: leave price out$"),
        ("stop-loss", STOP | LIMIT, "give a trigger as trigger_price, or make it a stop-loss-limit order"),
        ("trailing-stop", TRAIL | LIMIT, "or make it a trailing-stop-limit order"),
        ("stop-loss-limit", STOP, "a stop-loss-limit order needs a limit price"),
        ("stop-loss", {"qty": 1}, "a stop-loss order needs a trigger: give trigger_price"),
        ("take-profit", {"qty": 1, "trigger_reference": "index"}, "a take-profit order needs a trigger"),
        (
            "limit",
            LIMIT | {"trigger_price": 1},
            "a limit order has no trigger: leave trigger_price out, or use stop-loss",
        ),
        ("market", {"qty": 1, "triggers": {"price": 1}}, "a market order has no trigger"),
        ("stop-loss", STOP | {"triggers": {"price": 1}}, "triggers=.* and trigger_price say the same"),
        ("stop-loss", {"qty": 1, "triggers": {"prise": 1}}, "member of triggers='prise' .* did you mean 'price'"),
        ("stop-loss", {"qty": 1, "triggers": 24000}, "triggers=24000 is no mapping"),
        ("stop-loss", STOP | {"trigger_price_type": "percent"}, "not one of static, pct, quote"),
        ("stop-loss", STOP | {"trigger_reference": "mark"}, "trigger_reference='mark' is not one of last, index"),
        ("stop-loss", {"qty": 1, "trigger_price": -1}, "trigger_price -1: a price is more than 0"),
        ("stop-loss", {"qty": 1, "trigger_price": "24000.05"}, "trigger_price 24000.05 is not a multiple of 0.1"),
        ("trailing-stop", {"qty": 1, "trigger_price": 1}, "trails by a distance: give trigger_price_type='pct'"),
        ("trailing-stop", TRAIL | {"trigger_price_type": "static"}, "trails by a distance"),
        ("trailing-stop", TRAIL | {"trigger_price": 0}, "by a distance of more than 0"),
        ("trailing-stop", TRAIL | {"trigger_price": -1}, "by a distance of more than 0"),
        ("limit", LIMIT | {"limit_price_type": "quote"}, "for trailing-stop-limit orders only; this is limit"),
        ("market", {"qty": 1, "limit_price_type": "quote"}, "a market order has no limit price"),
        ("trailing-stop-limit", TRAIL | {"price": 1, "limit_price_type": "abs"}, "not one of static, pct, quote"),
        ("limit", {"qty": 1, "price": 0}, "price 0: a price is more than 0"),
        ("limit", {"qty": 1, "price": -5}, "price -5: a price is more than 0"),
        ("limit", {"price": 25000}, "qty=None and cash_order_qty=None: give one of them"),
        ("market", {"qty": 1, "cash_order_qty": 1}, "qty=1 and cash_order_qty=1: give one of them"),
        (
            "limit",
            {"price": 1, "cash_order_qty": 100},
            "market buy orders without margin only, and this is a limit buy",
        ),
        ("market", {"cash_order_qty": 100, "margin": True}, "this is a market buy with margin"),
        ("market", {"cash_order_qty": 0}, "the amount to spend, more than 0"),
        ("market", {"cash_order_qty": 10, "display_qty": 1}, "display_qty=1 is for iceberg orders only"),
        ("market", {"cash_order_qty": "10.123456"}, "cash_order_qty 10.123456 is not a multiple of 0.00001"),
        ("limit", {"price": 25000, "qty": 0}, "qty 0: a quantity is more than 0"),
        ("limit", {"price": 25000, "qty": -1}, "qty -1: a quantity is more than 0; side says"),
        ("settle-position", {"qty": -1}, "qty -1: a quantity is more than 0"),
        ("iceberg", LIMIT, "an iceberg order needs display_qty"),
        ("limit", LIMIT | {"display_qty": 1}, "display_qty=1 is for iceberg orders only, and this is a limit order"),
        ("iceberg", LIMIT | {"display_qty": "0.06"}, "less than a fifteenth of qty 1; show at least 0.06666"),
        ("iceberg", LIMIT | {"display_qty": 0}, "display_qty 0: a quantity is more than 0"),
        ("market", {"qty": 1, "post_only": True}, "post_only=True is for orders with a limit price"),
        ("limit", LIMIT | {"post_only": True, "time_in_force": "ioc"}, "post_only=True waits in the book"),
        ("limit", LIMIT | {"post_only": True, "time_in_force": "fok"}, "time_in_force='fok' does not"),
        ("iceberg", LIMIT | {"display_qty": "1.1"}, "display_qty 1.1 is more than qty 1"),
        ("limit", LIMIT | {"no_mpp": True}, "no_mpp=True is for market orders only"),
        ("limit", LIMIT | {"time_in_force": "GTC"}, "time_in_force='GTC' is not one of gtc, .* did you mean 'gtc'"),
        ("market", {"qty": 1, "time_in_force": "fok"}, "time_in_force='fok' is for limit orders only"),
        ("limit", LIMIT | {"time_in_force": "gtd"}, "time_in_force='gtd' and expire_time go together"),
        ("limit", LIMIT | {"expire_time": "2026-03-02T00:00:00Z"}, "time_in_force='gtd' and expire_time go together"),
        ("limit", LIMIT | {"time_in_force": "gtd", "expire_time": "2026-04-02T00:00:00Z"}, "at most one month ahead"),
        ("limit", LIMIT | {"time_in_force": "gtd", "expire_time": "2026-03-01T11:00:00Z"}, "in the future"),
        (
            "limit",
            LIMIT | {"time_in_force": "gtd", "expire_time": 1_772_370_000, "effective_time": 1_772_380_000},
            "would expire at 2026-03-01T13:00:00Z, before its start 2026-03-01T15:46:40Z",
        ),
        ("limit", LIMIT | {"cl_ord_id": "x" * 19}, "1 to 18 printable ASCII"),
        ("limit", LIMIT | {"sender_sub_id": "x" * 19}, "sender_sub_id=.*1 to 18"),
        ("limit", LIMIT | {"cl_ord_id": "a", "order_userref": 1}, "cl_ord_id='a' and order_userref=1: .* one of them"),
        ("limit", LIMIT | {"order_userref": 2**31}, "order_userref=2147483648 is no whole number"),
        ("limit", LIMIT | {"order_userref": True}, "order_userref=True is no whole number"),
        ("limit", LIMIT | {"stp_type": "cancel-newest"}, "did you mean 'cancel_newest'"),
        ("limit", LIMIT | {"fee_preference": "fciq"}, "fee_preference='fciq' is not one of base, quote"),
        ("limit", LIMIT | {"post_only": 1}, "post_only=1 is neither True nor False"),
        ("limit", LIMIT | {"validate": "yes"}, "validate='yes' is neither"),
        ("stop_loss", STOP, "order_type='stop_loss' is not one of limit, .* did you mean 'stop-loss'"),
        (None, LIMIT, "order_type=None is not one of"),
        ("limit", LIMIT | {"deadline": 0.1}, "Kraken takes 0.5 to 60"),
        ("limit", LIMIT | {"qty": 0.29}, 'write qty="0.29"'),
        ("limit", LIMIT | {"price": 1.5}, 'write price="1.5"'),
        ("limit", LIMIT | {"extra": {"token": "t"}}, "extra holds a token"),
        ("limit", LIMIT | {"extra": {"order_qty": 1}}, "extra repeats order_qty"),
        ("limit", LIMIT | {"extra": {"symbol": "X"}}, "extra repeats symbol"),
        ("limit", LIMIT | {"extra": {"new": None}}, r"extra\['new'\]=None cannot be sent"),
        ("limit", LIMIT | {"extra": {"new": 0.5}}, r"extra\['new'\]=0.5 cannot be sent"),
    ],
)
def test_what_the_tables_forbid_is_refused_with_the_way_out(add, order_type, given, words):
    with pytest.raises(InvalidArgument, match=words):
        add("buy", order_type, **given)


@pytest.mark.parametrize("side", ["BUY", "long", None, 1])
def test_a_side_is_buy_or_sell(add, side):
    with pytest.raises(InvalidArgument, match="is not one of buy, sell"):
        add(side, "limit", **LIMIT)


def test_cash_buys_and_never_sells(add):
    with pytest.raises(InvalidOrder, match="this is a market sell"):
        add("sell", "market", cash_order_qty=100)


@pytest.mark.parametrize(
    ("conditional", "words"),
    [
        ({"order_type": "market"}, "order_type='market' is not one of limit, stop-loss"),
        ({}, "order_type=None is not one of"),
        ({"order_type": "limit"}, "a limit order needs a limit price: give limit_price"),
        ({"order_type": "limit", "limit_price": "1.05"}, "limit_price 1.05 is not a multiple of 0.1"),
        ({"order_type": "stop-loss"}, "a stop-loss order needs a trigger: give trigger_price"),
        (
            {"order_type": "stop-loss", "trigger_price": 1, "limit_price": 1},
            "has no limit price: leave limit_price out",
        ),
        ({"order_type": "limit", "limit_price": 1, "trigger_price": 1}, "a limit order has no trigger"),
        ({"order_type": "trailing-stop", "trigger_price": 1}, "trails by a distance"),
        ({"order_type": "stop-loss", "trigger_price": 1.5}, 'write trigger_price="1.5"'),
        ({"order_type": "stop-loss", "stop_price": 1}, "deprecated; name it trigger_price"),
        ({"order_type": "stop-loss", "price": 1}, "member of conditional='price' is not one of"),
        ("stop-loss", "conditional='stop-loss' is no mapping"),
    ],
)
def test_a_conditional_close_obeys_the_same_tables(add, conditional, words):
    with pytest.raises(InvalidArgument, match=words):
        add("buy", "limit", conditional=conditional, **LIMIT)


def test_a_conditional_close_may_trail_and_then_goes_without_an_id(add):
    closing = {"order_type": "trailing-stop-limit", "limit_price": 0, "trigger_price": 1, "trigger_price_type": "pct"}
    request = add("buy", "limit", conditional=closing | {"limit_price_type": None}, **LIMIT)
    assert request.params["conditional"] == closing
    with pytest.raises(InvalidOrder, match=r"cl_ord_id='a' and conditional="):
        add("buy", "limit", conditional=closing, cl_ord_id="a", **LIMIT)


@pytest.mark.parametrize(
    ("order_type", "given", "words"),
    [
        ("limit", {"qty": "0.00004", "price": 25000}, "qty 0.00004 is below the minimum of 0.00005 BTC on BTC/USD"),
        ("market", {"qty": "0.00004"}, "below the minimum of 0.00005 BTC"),
        ("limit", {"qty": "0.0001", "price": 4000}, "costs 0.4000, below the minimum of 0.5 USD .* qty 0.00012500$"),
        ("market", {"cash_order_qty": "0.4"}, "cash_order_qty 0.4 is below the minimum of 0.5 USD on BTC/USD"),
    ],
)
def test_less_than_a_minimum_is_refused_with_the_minimum(add, order_type, given, words):
    with pytest.raises(InvalidOrder, match=words):
        add("buy", order_type, **given)


@pytest.mark.parametrize(
    ("order_type", "given"),
    [
        ("limit", {"qty": "0.00005", "price": 10000}),
        ("market", {"qty": "0.00005"}),
        ("market", {"cash_order_qty": "0.5"}),
        ("settle-position", {"qty": 0}),
        ("settle-position", {"qty": "0.00001"}),
        ("limit", {"qty": "0.00001", "price": 1, "margin": True, "reduce_only": True}),
        ("trailing-stop-limit", TRAIL | {"price": 0}),
        ("trailing-stop-limit", TRAIL | {"price": "-0.25", "limit_price_type": "pct"}),
        ("stop-loss", {"qty": 1, "trigger_price": "-12.34", "trigger_price_type": "quote"}),
        ("iceberg", LIMIT | {"qty": 15, "display_qty": 1}),
        ("limit", LIMIT | {"time_in_force": "fok"}),
        ("market", {"qty": 1, "no_mpp": True}),
        ("market", {"qty": 1, "no_mpp": False, "post_only": False}),
    ],
)
def test_what_is_just_allowed_is_built(add, order_type, given):
    assert add("buy", order_type, **given).params["order_type"] == order_type


@pytest.mark.parametrize(
    ("status", "refused", "taken"),
    [
        ("online", [], [{}]),
        ("cancel_only", [{}, {"post_only": True}], []),
        ("maintenance", [{}], []),
        ("work_in_progress", [{}], []),
        ("delisted", [{}], []),
        ("post_only", [{}, {"order_type": "market", "price": None}], [{"post_only": True}]),
        ("limit_only", [{"order_type": "market", "price": None}], [{}]),
        ("reduce_only", [{"margin": True}], [{"margin": True, "reduce_only": True}, {}]),
        ("something_new", [], [{}]),
    ],
)
def test_the_status_of_a_market_says_which_orders_it_takes(add, market, status, refused, taken):
    instrument = market(status=status)
    order = LIMIT | {"order_type": "limit", "side": "buy", "instrument": instrument}
    for change in refused:
        with pytest.raises(InvalidOrder, match=f"BTC/USD is {status}: "):
            add(**order | change)
    for change in taken:
        assert add(**order | change).count == 1


def test_margin_and_an_index_are_only_where_the_market_has_them(add, market):
    plain = market(marginable=False, has_index=False)
    with pytest.raises(InvalidOrder, match="not traded on margin"):
        add("buy", "limit", margin=True, instrument=plain, **LIMIT)
    with pytest.raises(InvalidOrder, match="no index price"):
        add("buy", "stop-loss", trigger_reference="index", instrument=plain, **STOP)


def test_an_unknown_market_leaves_its_rules_to_the_exchange(add_blind):
    request = add_blind("NEW/USD", "buy", "iceberg", qty="1e-9", price="0.000001", display_qty="1e-10", margin=True)
    assert request.params["limit_price"] == Decimal("0.000001")
    assert add_blind("NEW/USD", "buy", "market", cash_order_qty="0.000001").count == 1


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, "order_id=None and cl_ord_id=None: name the order by one"),
        ({"order_id": "O1", "cl_ord_id": "a"}, "name the order by one"),
        ({"order_id": " "}, "order_id=' ' is no order id"),
        ({"order_id": "O1"}, "amend_order changes nothing; give qty"),
        ({"order_id": "O1", "limit_price_type": "pct"}, "limit_price_type='pct' without a price: give price too"),
        ({"order_id": "O1", "trigger_price_type": "pct", "qty": 1}, "trigger_price_type='pct' without a price"),
        ({"order_id": "O1", "price": "25000.05"}, "price 25000.05 is not a multiple"),
        ({"order_id": "O1", "price": -1}, "offsets have a price type, pct or quote"),
        ({"order_id": "O1", "qty": 0}, "qty 0: a quantity is more than 0"),
        ({"order_id": "O1", "qty": "0.123456789"}, "qty 0.123456789 is not a multiple"),
        ({"order_id": "O1", "qty": 1, "deadline": 100}, "deadline=100"),
        ({"order_id": "O1", "qty": 1, "symbol": "ETH/USD"}, "rules of BTC/USD"),
    ],
)
def test_an_amendment_is_checked_before_it_is_sent(amend, given, words):
    with pytest.raises(InvalidArgument, match=words):
        amend(**given)


def test_an_amendment_may_go_below_the_minimum_and_into_a_closed_market(amend, market):
    assert amend("O1", qty="0.00001", instrument=market(status="cancel_only")).params["order_qty"] == Decimal("0.00001")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"order_id": None}, "order_id=None is no order id"),
        ({"price": "25000.05"}, "price 25000.05 is not a multiple"),
        ({"qty": 15, "display_qty": "0.9"}, "less than a fifteenth"),
        ({"qty": "0.00001"}, "below the minimum of 0.00005 BTC"),
        ({"qty": "0.0001", "price": 1}, "below the minimum of 0.5 USD"),
        ({"trigger_reference": "last"}, "triggers need a price"),
        ({"order_userref": "7"}, "order_userref='7' is no whole number"),
    ],
)
def test_an_edit_is_checked_before_it_is_sent(edit, given, words):
    with pytest.raises(InvalidArgument, match=words):
        edit(**{"order_id": "O1"} | given)


def test_an_edit_places_a_new_order_and_needs_an_open_market(edit, market):
    with pytest.raises(InvalidOrder, match="BTC/USD is cancel_only"):
        edit("O1", qty=1, instrument=market(status="cancel_only"))


# One order of each type that is allowed, and things that may be changed in it, allowed or not.
SOUND = {
    "limit": LIMIT,
    "market": {"qty": 1},
    "iceberg": LIMIT | {"display_qty": "0.29"},
    "stop-loss": STOP,
    "stop-loss-limit": STOP | LIMIT,
    "take-profit": STOP,
    "take-profit-limit": STOP | LIMIT,
    "trailing-stop": TRAIL,
    "trailing-stop-limit": TRAIL | {"price": 0},
    "settle-position": {"qty": 0},
}
CHANGES = [
    (name, value)
    for name, values in {
        "side": ["sell"],
        "qty": [None, 0, -1, "0.29", 15],
        "price": [None, 0, -1, "25000.1"],
        "trigger_price": [None, 0, "-2.0", "24000.1"],
        "display_qty": [None, "0.05", 1],
        "cash_order_qty": [100],
        "limit_price_type": ["static", "pct", "quote"],
        "trigger_price_type": [None, "static", "pct", "quote"],
        "time_in_force": ["gtc", "gtd", "ioc", "fok"],
        "expire_time": ["2026-03-02T00:00:00Z"],
        "post_only": [True, False],
        "reduce_only": [True],
        "margin": [True],
        "cl_ord_id": ["mine"],
        "order_userref": [7],
        "conditional": [{"order_type": "limit", "limit_price": 26000}],
    }.items()
    for value in values
]
FIELDS = st.builds(
    lambda order_type, changes: {"order_type": order_type, "side": "buy"} | SOUND[order_type] | dict(changes),
    st.sampled_from(list(SOUND)),
    st.lists(st.sampled_from(CHANGES), max_size=3),
)


@pytest.mark.parametrize("order_type", SOUND)
def test_each_type_can_be_built(add, order_type):
    assert add("sell", order_type, **SOUND[order_type]).count == 1


@given(FIELDS)
def test_whatever_is_built_passes_a_plain_reading_of_the_tables(fields):
    try:
        order = add_order("BTC/USD", now=1_772_366_400, new_id=lambda: "made-up", **fields).params
    except InvalidArgument:
        return
    kind = order["order_type"]
    assert ("limit_price" in order) == (kind in {"limit", "iceberg"} or kind.endswith("-limit"))
    assert ("triggers" in order) == kind.startswith(("stop-loss", "take-profit", "trailing-stop"))
    assert ("order_qty" in order) != ("cash_order_qty" in order)
    assert ("display_qty" in order) == (kind == "iceberg")
    assert ("expire_time" in order) == (order.get("time_in_force") == "gtd")
    assert "limit_price_type" not in order or kind == "trailing-stop-limit"
    if "cash_order_qty" in order:
        assert (kind, order["side"], order.get("margin")) == ("market", "buy", None)
    if kind.startswith("trailing-stop"):
        assert order["triggers"]["price"] > 0
        assert order["triggers"]["price_type"] in {"pct", "quote"}
    if "display_qty" in order:
        assert order["display_qty"] * 15 >= order["order_qty"]
    if order.get("post_only"):
        assert "limit_price" in order
    assert ("cl_ord_id" in order) != ("order_userref" in order or "conditional" in order)
    assert "token" not in order
    assert None not in order.values()
