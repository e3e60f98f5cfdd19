"""Models are built by their declared types; what does not fit is named, what is not known is kept."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.models.rest_base import RestModel
from rxkraken.models.rest_orders import CancelTimer
from rxkraken.rest.build import BadShape, build, build_map, build_rows


@dataclass(frozen=True, slots=True, kw_only=True)
class Inner(RestModel):
    price: Decimal
    count: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outer(RestModel):
    id: str = ""
    inner: Inner
    many: tuple[Inner, ...] = ()
    named: Mapping[str, Inner] = field(default_factory=dict, hash=False)
    flag: bool | None = None
    when: datetime | None = None
    spelled: Decimal | None = field(default=None, metadata={"wire": "s"})
    anything: Any = None


def test_a_whole_object_is_built_by_its_types():
    row = {
        "inner": {"price": "1.50", "count": "7"},
        "many": [["2.5", 1], {"price": 3}],
        "named": {"a": {"price": Decimal("0.1")}},
        "flag": "true",
        "when": "2023-03-24T17:41:56Z",
        "s": "",
        "anything": [1, {"x": 2}],
        "new_member": 5,
    }
    assert build(Outer, row, id="key") == Outer(
        id="key",
        inner=Inner(price=Decimal("1.50"), count=7),
        many=(Inner(price=Decimal("2.5"), count=1), Inner(price=Decimal(3))),
        named={"a": Inner(price=Decimal("0.1"))},
        flag=True,
        when=datetime(2023, 3, 24, 17, 41, 56, tzinfo=UTC),
        spelled=None,
        anything=[1, {"x": 2}],
        extra={"new_member": 5},
    )


def test_trailing_columns_of_a_row_are_ignored():
    assert build(Inner, ["1", 2, "a column of next year"]) == Inner(price=Decimal(1), count=2)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({}, "Outer without inner"),
        ({"inner": {}}, "Outer.inner: Inner without price"),
        ({"inner": {"price": "a lot"}}, "Outer.inner: Inner.price is not a number"),
        ({"inner": {"price": "NaN"}}, "Inner.price is not a number"),
        ({"inner": {"price": True}}, "Inner.price is not a number"),
        ({"inner": {"price": None}}, "Inner.price is not a number"),
        ({"inner": {"price": 1, "count": "1.5"}}, "Inner.count is not a whole number"),
        ({"inner": {"price": 1, "count": Decimal("1e999999999")}}, "Inner.count is not a whole number"),
        ({"inner": 5}, "Inner is neither an object nor an array"),
        ({"inner": {"price": 1}, "many": 5}, "Outer.many: it is not an array"),
        ({"inner": {"price": 1}, "named": []}, "Outer.named: it is not an object"),
        ({"inner": {"price": 1}, "flag": 1}, "Outer.flag is not true or false"),
        ({"inner": {"price": 1}, "when": "soon"}, "Outer.when is not a time"),
        ({"inner": {"price": 1}, "when": 5}, "Outer.when is not a time"),
        ({"inner": {"price": 1}, "id": []}, "Outer.id is not text"),
        (None, "Outer is neither an object nor an array"),
    ],
)
def test_what_does_not_fit_is_named_and_its_value_is_not_quoted(row, message):
    with pytest.raises(BadShape, match=message) as caught:
        build(Outer, row)
    assert "a lot" not in str(caught.value)


def test_lists_and_maps_of_models():
    assert build_map(Inner, {"a": {"price": 1}}) == {"a": Inner(price=Decimal(1))}
    assert build_rows(Inner, [[1], [2]]) == (Inner(price=Decimal(1)), Inner(price=Decimal(2)))
    for bad in (5, None, "x"):
        with pytest.raises(BadShape):
            build_map(Inner, bad)
        with pytest.raises(BadShape):
            build_rows(Inner, bad)


@pytest.mark.parametrize("unset", ["0", 0, "", None])
def test_an_unset_time_is_none(unset):
    """Section 8.7: `triggerTime` is "0" when the timer is off."""
    row = {"currentTime": "2023-03-24T17:41:56Z", "triggerTime": unset}
    assert build(CancelTimer, row).trigger_time is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.decimals() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["inner", "many", "price", "x"]), inner),
)


@given(json_values)
def test_any_json_is_built_or_refused(value):
    """Nothing but `BadShape` comes out."""
    try:
        built = build(Outer, value)
    except BadShape as error:
        assert str(error)  # noqa: PT017 - both outcomes are right
    else:
        assert isinstance(built.inner.price, Decimal)
