"""Numbers reach the market's grid exactly, in the direction asked for, and never through a float."""

from __future__ import annotations

from decimal import Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.errors import InvalidArgument, InvalidOrder
from rxkraken.models.rounding import is_multiple, on_grid
from rxkraken.trading.parameters import add_order

VALUES = st.decimals("-1e12", "1e12", allow_nan=False, allow_infinity=False, places=12)
STEPS = st.builds(
    lambda digits, places: Decimal(digits).scaleb(-places), st.sampled_from([1, 2, 5, 25]), st.integers(0, 10)
)
MODES = st.sampled_from(["nearest", "down", "up"])


@given(VALUES, STEPS, MODES)
def test_rounding_ends_on_the_grid_less_than_a_step_away_and_the_right_way(value, step, mode):
    rounded = on_grid(value, step, mode)
    off = rounded - value
    assert is_multiple(rounded, step)
    assert on_grid(rounded, step, mode) == rounded
    assert rounded.as_tuple().exponent == step.as_tuple().exponent
    match mode:
        case "down":
            assert -step < off <= 0
        case "up":
            assert 0 <= off < step
        case "nearest":
            assert abs(off) <= step / 2


@given(st.integers(-(10**6), 10**6), STEPS, MODES)
def test_what_is_on_the_grid_stays_where_it_is(steps, step, mode):
    assert on_grid(steps * step, step, mode) == steps * step


@given(VALUES, STEPS, MODES)
def test_the_programs_own_decimal_context_changes_nothing(value, step, mode):
    with localcontext(prec=3):
        rounded = on_grid(value, step, mode)
    assert rounded == on_grid(value, step, mode)


@pytest.mark.parity("D2-4")
@pytest.mark.parametrize("text", ["0.29", "1.13", "4.35", "8.7"])
@pytest.mark.parametrize("mode", ["nearest", "down", "up"])
def test_two_places_stay_two_places(market, new_id, now, text, mode):
    """Through a float, 0.29 becomes 0.28, 1.13 1.12, 4.35 4.34 and 8.7 8.69 when it is cut to two places."""
    cents = market(price_increment=Decimal("0.01"), qty_increment=Decimal("0.01"), qty_min=Decimal("0.01"))
    request = add_order(
        "BTC/USD", "sell", "limit", qty=text, price="8.7", rounding=mode, instrument=cents, now=now, new_id=new_id
    )
    assert request.params["order_qty"] == Decimal(text)
    assert f"{request.params['limit_price']:f}" == "8.70"


@pytest.mark.parity("K2-18")
@pytest.mark.parametrize(
    ("mode", "price", "trigger", "qty"),
    [
        ("nearest", "25000.1", "24999.9", "0.12345679"),
        ("down", "25000.0", "24999.9", "0.12345678"),
        ("up", "25000.1", "25000.0", "0.12345679"),
    ],
)
def test_every_number_of_an_order_is_rounded_the_same_way(add, mode, price, trigger, qty):
    request = add(
        "sell",
        "stop-loss-limit",
        qty="0.123456789",
        price="25000.06",
        trigger_price="24999.91",
        rounding=mode,
        conditional={"order_type": "stop-loss", "trigger_price": "24999.91"},
    )
    assert [request.params[name] for name in ("limit_price", "order_qty")] == [Decimal(price), Decimal(qty)]
    assert request.params["triggers"]["price"] == request.params["conditional"]["trigger_price"] == Decimal(trigger)


def test_cash_offsets_and_the_visible_part_are_rounded_and_percentages_are_not(add, amend):
    cash = add("buy", "market", cash_order_qty="10.123456", rounding="down")
    iceberg = add("buy", "iceberg", qty=1, price=25000, display_qty="0.123456789", rounding="down")
    trailing = add(
        "sell",
        "trailing-stop-limit",
        qty=1,
        price="-0.16",
        limit_price_type="quote",
        trigger_price="1.234",
        trigger_price_type="pct",
        rounding="nearest",
    )
    amended = amend("O1", trigger_price="25000.01", qty="1.123456789", rounding="up")
    assert cash.params["cash_order_qty"] == Decimal("10.12345")
    assert iceberg.params["display_qty"] == Decimal("0.12345678")
    assert (trailing.params["limit_price"], trailing.params["triggers"]["price"]) == (Decimal("-0.2"), Decimal("1.234"))
    assert (amended.params["trigger_price"], amended.params["order_qty"]) == (Decimal("25000.1"), Decimal("1.12345679"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"price": "25000.05"},
            "price 25000.05 is not a multiple of 0.1 on BTC/USD; nearest are 25000.0 and 25000.1, or pass rounding=",
        ),
        (
            {"qty": "0.123456789"},
            "qty 0.123456789 is not a multiple of 0.00000001 on BTC/USD; nearest are 0.12345678 and 0.12345679, or",
        ),
        ({"price": "0.04", "rounding": "nearest"}, "price 0.04 (rounded to 0.0): a price is more than 0; "),
        ({"qty": "1e-9", "rounding": "down"}, "qty 0.000000001 (rounded to 0.00000000): a quantity is more than 0; "),
    ],
)
def test_a_number_beside_the_grid_is_answered_with_its_neighbours(add, fields, message):
    with pytest.raises(InvalidOrder) as caught:
        add("buy", "limit", **{"qty": 1, "price": 25000} | fields)
    assert str(caught.value).startswith(message)


def test_an_increment_need_not_be_a_power_of_ten(market, add_blind):
    quarters = market(price_increment=Decimal("0.25"))
    with pytest.raises(InvalidOrder, match=r"nearest are 10\.00 and 10\.25"):
        add_blind("BTC/USD", "buy", "limit", qty=1, price="10.1", instrument=quarters)
    rounded = add_blind("BTC/USD", "buy", "limit", qty=1, price="10.1", instrument=quarters, rounding="up")
    assert rounded.params["limit_price"] == Decimal("10.25")


def test_a_market_without_an_increment_takes_any_number(market, add_blind):
    free = market(price_increment=Decimal(0))
    assert add_blind("BTC/USD", "buy", "limit", qty=1, price="10.123", instrument=free, rounding="up").params[
        "limit_price"
    ] == Decimal("10.123")


def test_there_is_no_rounding_without_a_market_nor_in_an_unknown_direction(add, add_blind):
    with pytest.raises(InvalidArgument, match="not known yet"):
        add_blind("BTC/USD", "buy", "limit", qty=1, price=1, rounding="nearest")
    with pytest.raises(InvalidArgument, match="nearest, down, up"):
        add("buy", "limit", qty=1, price=1, rounding="half")
