"""Numbers of options: what people mean by digits, and nothing else that Python would read."""

from __future__ import annotations

import contextlib
import math
import re

import pytest
import typer
from hypothesis import given
from hypothesis import strategies as st

from rxkraken.cli.numbers import is_plain, number, whole


@given(st.integers(-(10**30), 10**30))
def test_every_whole_number_is_read_as_it_is_written(value: int) -> None:
    """And a default, which is a number already, stays what it is."""
    read = whole()["parser"]
    assert (read(str(value)), read(value)) == (value, value)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_finite_number_is_read_as_python_writes_it(value: float) -> None:
    assert number()["parser"](repr(value)) == value


@given(st.text(alphabet="0123456789_ \u0661\uff11.eE+-xnaif", max_size=8))
def test_what_is_read_is_what_python_reads_in_plain_digits(text: str) -> None:
    """No digit of another script, no underscore, no space, and nothing that is not finite."""
    is_finite = set(text) <= set("0123456789.eE+-") and _reads(text)
    with contextlib.nullcontext() if is_finite else pytest.raises(typer.BadParameter, match=re.escape(repr(text))):
        assert number()["parser"](text) == float(text)
    assert is_plain(text) or not is_finite


def _reads(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


@pytest.mark.parametrize("text", ["1e999", "9" * 400])
def test_a_number_that_does_not_fit_is_none(text: str) -> None:
    with pytest.raises(typer.BadParameter, match="is no number; write plain digits"):
        number()["parser"](text)


def test_more_digits_than_python_reads_are_no_number() -> None:
    """Python stops at 4300."""
    with pytest.raises(typer.BadParameter, match="of at least 1"):
        whole(1)["parser"]("9" * 5000)
