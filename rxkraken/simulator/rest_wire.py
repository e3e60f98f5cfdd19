"""What REST carries, both ways: bodies and queries read into parameters, results and errors written as Kraken does.

Rest reference sections 1 and 4. Nothing here is shared with the client, which writes what is read here.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, NoReturn, cast
from urllib.parse import parse_qsl

from rxkraken.simulator.wire import dumps, exact_text, loads, second_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

Params = dict[str, Any]
JSON_TYPE = "application/json"
_USUAL = 15


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer. `delay` is how many seconds it takes; with `cut` the connection is dropped instead of it."""

    status: int
    content_type: str
    text: str
    delay: float = 0.0
    cut: bool = False


class Refused(Exception):
    """The call is answered with these error texts instead of a result."""

    def __init__(self, *errors: str) -> None:
        """`errors` are Kraken's `E…` texts."""
        super().__init__(*errors)
        self.errors = errors


def bad(field: str) -> NoReturn:
    """Refuse an argument by its name."""
    raise Refused(f"EGeneral:Invalid arguments:{field}")


def success(result: Any) -> Response:
    """The answer with a result."""
    return Response(200, JSON_TYPE, f'{{"error":[],"result":{dumps(result)}}}')


def failure(errors: Iterable[str], status: int = 200) -> Response:
    """The answer with errors and no result."""
    return Response(status, JSON_TYPE, f'{{"error":{json.dumps(list(errors))}}}')


# --- parameters -------------------------------------------------------------------------------------------------------


def read_query(query: str) -> Params:
    """The parameters of a query."""
    return dict(parse_qsl(query, keep_blank_values=True))


def read_body(body: bytes, content_type: str) -> Params:
    """The parameters of a form or JSON body; `close[price]` of a form becomes a member of `close`.

    Raises `Refused` when the body is not what its content type says.
    """
    try:
        text = body.decode()
        if content_type.partition(";")[0].strip().lower() == JSON_TYPE:
            members = loads(text)
            return cast("Params", members) if isinstance(members, dict) else _unreadable()
        return nested(parse_qsl(text, keep_blank_values=True, strict_parsing=bool(text)))
    except ValueError:
        return _unreadable()


def nested(pairs: Iterable[tuple[str, str]]) -> Params:
    """Form fields with `name[inner]` gathered into mappings."""
    params: Params = {}
    for name, value in pairs:
        outer, bracket, inner = name.partition("[")
        if not bracket:
            params[name] = value
        elif isinstance(params.setdefault(outer, {}), dict):
            params[outer][inner.removesuffix("]")] = value
    return params


def _unreadable() -> NoReturn:
    raise Refused("EAPI:Bad request")


def as_text(params: Mapping[str, Any], name: str) -> str | None:
    """A text, or None when it is not given or empty."""
    value = params.get(name)
    match value:
        case None | "":
            return None
        case bool():
            bad(name)
        case str() | int() | Decimal():
            return str(value)
        case _:
            bad(name)


def as_whole(params: Mapping[str, Any], name: str, *, least: int | None = None, most: int | None = None) -> int | None:
    """A whole number within bounds, from digits or a JSON number; None when it is not given."""
    text = as_text(params, name)
    if text is None:
        return None
    try:
        value = int(text)
    except ValueError:
        bad(name)
    if (least is not None and value < least) or (most is not None and value > most):
        bad(name)
    return value


def as_number(params: Mapping[str, Any], name: str, *, digits: int = _USUAL) -> Decimal | None:
    """An exact number with at most so many digits before its point; None when it is not given."""
    text = as_text(params, name)
    return None if text is None else exact(text, name, digits=digits)


def exact(text: str, name: str, *, digits: int = _USUAL) -> Decimal:
    """The number that a text is; refuses what is none, and one so large that no market has use for it."""
    try:
        value = Decimal(text)
    except InvalidOperation:
        bad(name)
    return value if value.is_finite() and value.adjusted() < digits else bad(name)


def as_truth(params: Mapping[str, Any], name: str, *, default: bool = False) -> bool:
    """A switch: JSON true and false, or `true`, `false`, `1`, `0` in a form, in any case.

    Clients written in Python send `validate=False` with every order they mean to place.
    """
    value = params.get(name)
    match value.lower() if isinstance(value, str) else value:
        case None | "":
            return default
        case bool() as truth:
            return truth
        case "true" | "1" | 1:
            return True
        case "false" | "0" | 0:
            return False
        case _:
            bad(name)


def as_list(params: Mapping[str, Any], name: str) -> list[str] | None:
    """A comma list, or a JSON array; None when it is not given."""
    value = params.get(name)
    if isinstance(value, list):
        return [str(item) for item in cast("list[Any]", value)]
    text = as_text(params, name)
    return None if text is None else [part.strip() for part in text.split(",") if part.strip()]


def needed(params: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any], str], Any] = as_text) -> Any:
    """What `read` finds under a name that must be there."""
    value = read(params, name)
    return bad(name) if value is None else value


# --- numbers and times ------------------------------------------------------------------------------------------------


def padded(units: int, precision: int, digits: int) -> str:
    """`units` of 10^-precision with `digits` decimals, never fewer than they have."""
    digits = max(digits, precision)
    return exact_text(units * 10 ** (digits - precision), digits)


def fixed(value: Decimal, digits: int) -> str:
    """A number with exactly so many decimals: `0.00000`. What does not fit is rounded half to even."""
    return format(value.quantize(Decimal(1).scaleb(-digits)) if value else Decimal(0).scaleb(-digits), "f")


def unix(micros: int) -> Decimal:
    """Microseconds since 1970 as the seconds of a JSON number: 1688665899.5699."""
    text = exact_text(micros, 6).rstrip("0")
    return Decimal(f"{text}0" if text.endswith(".") else text)


def iso(second: int) -> str:
    """A whole second as `2025-11-11T00:17:10Z`."""
    return f"{second_text(second)}Z"


def rfc1123(second: int) -> str:
    """A whole second as `Tue, 11 Nov 25 00:17:04 +0000`."""
    return datetime.fromtimestamp(second, UTC).strftime("%a, %d %b %y %H:%M:%S +0000")
