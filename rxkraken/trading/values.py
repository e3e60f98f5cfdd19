"""What a caller may write for a number, a word, a flag or an id of an order, read into the one form that is sent.

Each function takes the argument's name for its message, and raises `InvalidArgument`.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, Final, cast

from rxkraken.errors import InvalidArgument

Number = Decimal | int | str
"""A price or quantity: `Decimal`, int, or text such as "0.29". Floats are refused: they cannot say 0.29."""

# More digits than any market has; `format(Decimal("1e999999999"), "f")` would fill the memory.
_MOST_DIGITS: Final = 30
_PLAIN: Final = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,9})?")
_USERREF: Final = (-(2**31), 2**31 - 1)
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}")
_FREE_TEXT: Final = re.compile(r"[\x20-\x7e]{1,18}")


def number(name: str, value: Any) -> Decimal:
    """Return the exact number with the digits that were given."""
    match value:
        case Decimal():
            read = value
        case bool():
            raise InvalidArgument(f"{name}={value!r} is no number; give a Decimal, an int or text")
        case int() if abs(value) < 10**_MOST_DIGITS:
            read = Decimal(value)
        case float():
            raise InvalidArgument(
                f'{name}={value!r} is a float, which cannot hold most decimals; write {name}="{value}"'
            )
        case str():
            read = _decimal(name, value)
        case _:
            raise InvalidArgument(f"{name}={value!r} is no number that can be sent; give a Decimal, an int or text")
    exponent = read.as_tuple().exponent  # a letter, if it is not finite
    if not isinstance(exponent, int) or exponent < -_MOST_DIGITS or read.adjusted() >= _MOST_DIGITS:
        raise InvalidArgument(f"{name}={value!r} is no number that can be sent; give a finite one of usual size")
    return read


def _decimal(name: str, text: str) -> Decimal:
    # `Decimal` would take "1_0" for 10, and the digits of any script: a slip of the hand must not become an order.
    if not _PLAIN.fullmatch(text):
        raise InvalidArgument(f'{name}={text!r} is no number; write plain digits, such as {name}="0.29"')
    return Decimal(text)


def whole(name: str, value: Any, least: int, most: int) -> int:
    """Return an int between two bounds, both allowed."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidArgument(f"{name}={value!r} is no whole number from {least} to {most}")
    return value


def userref(name: str, value: Any) -> int:
    """Return a grouping tag: a signed 32-bit integer (ws-v2 reference section 6.1)."""
    return whole(name, value, *_USERREF)


def choice(name: str, value: Any, allowed: Iterable[str]) -> str:
    """Return one of the words that Kraken knows, spelled as on the wire."""
    words = tuple(allowed)
    if isinstance(value, str) and value in words:
        return value
    like = re.sub(r"[-_ ]", "", value).lower() if isinstance(value, str) else ""
    meant = [word for word in words if re.sub(r"[-_]", "", word) == like]
    meant = meant or difflib.get_close_matches(str(value), words, n=1)
    hint = f"; did you mean {meant[0]!r}?" if meant else ""
    raise InvalidArgument(f"{name}={value!r} is not one of {', '.join(words)}{hint}")


def flag(name: str, value: Any) -> bool:
    """Return a boolean; 1, "true" and the like are refused."""
    if not isinstance(value, bool):
        raise InvalidArgument(f"{name}={value!r} is neither True nor False")
    return value


def client_id(name: str, value: Any) -> str:
    """Return a `cl_ord_id` or sub-trader id: UUID, 32 hex digits, or up to 18 ASCII characters (section 6.1)."""
    if isinstance(value, str) and (_UUID.fullmatch(value) or _FREE_TEXT.fullmatch(value)):
        return value
    raise InvalidArgument(
        f"{name}={value!r}: give a UUID with dashes (36 characters), one without (32 hex digits), "
        f"or 1 to 18 printable ASCII characters"
    )


def kraken_id(name: str, value: Any) -> str:
    """Return Kraken's id of an order; its form is Kraken's affair, but there must be one."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidArgument(
            f"{name}={value!r} is no order id; give the text Kraken sent, such as OM5CRX-N2HAL-GFGWE9"
        )
    return value


def several(value: Any) -> tuple[Any, ...]:
    """Return what was given as a tuple, also one single id: text is not a list of letters. None is nothing."""
    if value is None:
        return ()
    if isinstance(value, str) or not isinstance(value, Iterable):
        return (value,)
    return tuple(cast("Iterable[Any]", value))


def extras(given: dict[str, Any], extra: Any) -> dict[str, Any]:
    """Return the parameters with `extra` ones added: fields that Kraken has and this library does not know yet."""
    if extra is None:
        return given
    if not isinstance(extra, Mapping):
        raise InvalidArgument(f"extra={extra!r} is no mapping; give further parameters by their names")
    added = dict(cast("Mapping[str, Any]", extra))
    if "token" in added:
        raise InvalidArgument("extra holds a token; the client adds its own to the request")
    known = sorted(given.keys() & added.keys())
    if known:
        raise InvalidArgument(f"extra repeats {', '.join(known)}; give each as the argument it has")
    for name, value in added.items():
        if value is None or isinstance(value, float):
            raise InvalidArgument(
                f"extra[{name!r}]={value!r} cannot be sent; leave None out, write a float as a Decimal"
            )
    return given | added
