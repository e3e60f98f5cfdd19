"""What REST tells of orders and fills, said as the executions channel would say it (rest reference section 8.2)."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from rxkraken.models.account import OrderDescription, OrderInfo, TradeInfo
from rxkraken.models.trading import Fee
from rxkraken.protocol.spot_v2_account import FillReport, Report
from rxkraken.trading.history import report_of_fill, report_of_order

D = Decimal
LIMIT = OrderDescription(pair="XBTUSD", type="buy", ordertype="limit", price="30010.0", price2="0")


def order(status="open", descr=LIMIT, **fields):
    return OrderInfo(txid="O1", status=status, descr=descr, vol=D(2), **fields)


def trade(**fields):
    story = {"txid": "T1", "ordertxid": "O1", "time": D("1688667796.8802"), "type": "buy", "ordertype": "limit"}
    amounts = {"price": D("30010"), "cost": D("600.20"), "fee": D("0.9603"), "vol": D("0.02"), "trade_id": 40}
    return TradeInfo(**({"pair": "XXBTZUSD"} | story | amounts | fields))


@pytest.mark.parametrize(
    ("told", "status", "exec_type"),
    [
        ({"status": "pending"}, "pending_new", "status"),
        ({"status": "open"}, "new", "status"),
        ({"status": "open", "vol_exec": D(1)}, "partially_filled", "status"),
        ({"status": "closed", "vol_exec": D(2)}, "filled", "filled"),
        ({"status": "canceled", "vol_exec": D(1)}, "canceled", "canceled"),
        ({"status": "expired"}, "expired", "expired"),
    ],
)
def test_the_words_of_rest_are_those_of_the_stream(told, status, exec_type):
    """REST knows no word for "partially filled", and "closed" is its word for filled."""
    report = report_of_order(order(**told))
    assert (report.status, report.exec_type) == (status, exec_type)


def test_a_closed_order_is_said_completely():
    said = report_of_order(
        order(
            "canceled", userref=7, cl_ord_id="mine", refid="O0", opentm=D(1688666559), closetm=D("1688666600.5"),
            expiretm=D(1688670000), vol_exec=D("0.5"), cost=D(15005), price=D(30010), oflags="fciq,post",
            time_in_force="GTD", misc="amended", margin=False, reason="User requested", sender_sub_id="sub",
        )
    )  # fmt: skip
    assert said == Report(
        order_id="O1",
        exec_type="canceled",
        status="canceled",
        timestamp=datetime(2023, 7, 6, 18, 3, 20, 500000, UTC),
        changes={
            "cl_ord_id": "mine", "order_userref": 7, "symbol": "BTC/USD", "side": "buy", "order_type": "limit",
            "qty": D(2), "cum_qty": D("0.5"), "cum_cost": D(15005), "avg_price": D(30010), "limit_price": D("30010.0"),
            "time_in_force": "gtd", "post_only": True, "fee_preference": "fciq", "margin": False, "amended": True,
            "expire_time": datetime(2023, 7, 6, 19, 0, tzinfo=UTC), "sender_sub_id": "sub", "parent": "O0",
        },
        reason="User requested",
    )  # fmt: skip


def test_what_rest_leaves_open_is_not_said():
    """Nothing filled, no price, a relative price: a report names only what is certain."""
    relative = OrderDescription(pair="XBTUSD", type="sell", ordertype="limit", price="+1.0000%")
    assert report_of_order(order(descr=relative)).changes == {
        "symbol": "BTC/USD", "side": "sell", "order_type": "limit", "qty": D(2), "cum_qty": D(0), "cum_cost": D(0),
    }  # fmt: skip
    market = OrderDescription(pair="??", type="sell", ordertype="market", price="30000")
    said = report_of_order(order(descr=market, userref=0, limitprice=D(0)))
    assert said.changes.keys() == {"side", "order_type", "qty", "cum_qty", "cum_cost"}
    assert (said.timestamp, said.reason) == (None, None)


@pytest.mark.parametrize("price", ["1e", "12..5", "1_000x"])
def test_a_price_that_is_none_is_left_out(price):
    descr = OrderDescription(pair="XBTUSD", type="buy", ordertype="limit", price=price)
    assert "limit_price" not in report_of_order(order(descr=descr)).changes


def test_a_stop_limit_order_has_the_limit_price_that_rest_names():
    descr = OrderDescription(pair="XBTUSD", type="buy", ordertype="stop-loss-limit", price="29000", price2="29100")
    assert report_of_order(order(descr=descr, limitprice=D(29100))).changes["limit_price"] == D(29100)


@pytest.mark.parametrize(("maker", "letter"), [(True, "m"), (False, "t"), (None, None)])
def test_a_fill_is_said_with_its_fee_in_the_quote_currency(maker, letter):
    assert report_of_fill(trade(maker=maker)) == Report(
        order_id="O1",
        exec_type="trade",
        status="partially_filled",
        timestamp=datetime(2023, 7, 6, 18, 23, 16, 880200, UTC),
        changes={"side": "buy", "order_type": "limit", "symbol": "BTC/USD"},
        fill=FillReport("T1", 40, D("0.02"), D("30010"), D("600.20"), letter, (Fee("USD", D("0.9603")),)),
    )


def test_a_fill_of_a_market_that_cannot_be_named_has_no_fee_rather_than_a_wrong_one():
    said = report_of_fill(trade(pair="??", ordertype=""))
    assert said.changes == {"side": "buy"}
    assert said.fill is not None
    assert said.fill.fees == ()
