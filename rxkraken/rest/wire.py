"""Parameters as the bytes that are sent: query, form body, JSON body. Numbers go out with exactly the digits given."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast
from urllib.parse import quote_plus, urlencode

from rxkraken.errors import InvalidArgument
from rxkraken.protocol.json import dumps
from rxkraken.protocol.signing import HiddenBytes

Params = Mapping[str, Any]
Number = Decimal | str | float
"""A price or quantity to send; an int is fine too. Text and `Decimal` carry their digits best."""


def query(params: Params) -> str:
    """Return `a=1&b=x%2Cy`; lists are joined with commas, None is left out, booleans are `true` and `false`."""
    return urlencode(list(_pairs(params)), quote_via=quote_plus)


def form_body(params: Params, nonce: str) -> HiddenBytes:
    """Return a form body that begins with the nonce. Nested objects are written `close[ordertype]=limit`."""
    return HiddenBytes(urlencode([("nonce", nonce), *_pairs(params)], quote_via=quote_plus).encode())


def json_body(params: Params, nonce: str) -> HiddenBytes:
    """Return a compact JSON body that begins with the nonce; numbers with a fraction travel as text, like all money."""
    members = {name: _for_json(name, value) for name, value in params.items() if value is not None}
    return HiddenBytes(dumps({"nonce": nonce, **members}).encode())


def number_text(name: str, value: Decimal | float) -> str:
    """Return the plain digits of a number: 1e-05 is written 0.00001, 0.29 stays 0.29, 37500.0 stays 37500.0.

    A float means the digits that Python shows for it. Raises `InvalidArgument` for infinities and NaN.
    """
    number = value if isinstance(value, Decimal) else Decimal(repr(value))
    if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
        raise InvalidArgument(f"{name}={value!r} is not a number that can be sent; give a finite one of usual size")
    return format(number, "f")


# `format(Decimal("1e999999999"), "f")` would fill the memory.
_MOST_DIGITS: Final = 40


def _pairs(params: Params) -> Iterator[tuple[str, str]]:
    for name, value in params.items():
        match value:
            case None:
                continue
            case Mapping():
                for inner, item in cast("Params", value).items():
                    if item is not None:
                        yield f"{name}[{inner}]", _text(name, item)
            case list() | tuple():
                yield name, ",".join(_text(name, item) for item in cast("Sequence[Any]", value))
            case _:
                yield name, _text(name, value)


def _text(name: str, value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return str(value)
        case int():
            return str(value)
        case Decimal() | float():
            return number_text(name, value)
        case _:
            raise _unsendable(name, value, "nested values need a JSON body (json=True)")


def _for_json(name: str, value: Any) -> Any:
    match value:
        case bool() | str() | int() | None:
            return value
        case Decimal() | float():
            return number_text(name, value)
        case Mapping():
            members = cast("Params", value)
            return {inner: _for_json(name, item) for inner, item in members.items() if item is not None}
        case list() | tuple():
            return [_for_json(name, item) for item in cast("Sequence[Any]", value)]
        case _:
            raise _unsendable(name, value, "give text, a number, a list or a mapping")


def _unsendable(name: str, value: Any, fix: str) -> InvalidArgument:
    return InvalidArgument(f"parameter {name} is a {type(value).__name__}, which cannot be sent; {fix}")
