"""Text to parameters, and answers to text: what `rxkraken rest` reads and writes. Numbers keep every digit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from rxkraken.errors import InvalidArgument
from rxkraken.protocol.json import dumps, exact

_STEP: Final = "  "


def parameters(words: Sequence[str]) -> dict[str, Any]:
    """Read `key=value` (text) and `key:=JSON`; a key that is given again makes a list of its values.

    Raises `InvalidArgument` for a word that is neither, and for JSON that cannot be read.
    """
    given: dict[str, list[Any]] = {}
    for word in words:
        name, value = _pair(word)
        given.setdefault(name, []).append(value)
    return {name: values[0] if len(values) == 1 else values for name, values in given.items()}


def _pair(word: str) -> tuple[str, Any]:
    name, equals, text = word.partition("=")
    plain = name.removesuffix(":")
    if not equals or not plain:
        raise InvalidArgument(f"{word!r} is no parameter; write key=value, or key:=JSON")
    if plain == name:
        return name, text
    try:
        return plain, exact(text)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{plain}:={text} is not JSON: {error}; for plain text write {plain}={text}") from error


def line(value: Any) -> str:
    """Return the value as JSON on one line."""
    return dumps(value)


def page(value: Any, indent: str = "") -> str:
    """Return the value as JSON for people: one member a line, lists of plain values on one line."""
    inner = indent + _STEP
    match value:
        case Mapping() if value:
            members = cast("Mapping[str, Any]", value).items()
            rows = [f"{inner}{dumps(str(name))}: {page(item, inner)}" for name, item in members]
            return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
        case list() if any(isinstance(item, dict | list) for item in cast("list[Any]", value)):
            rows = [inner + page(item, inner) for item in cast("list[Any]", value)]
            return "[\n" + ",\n".join(rows) + f"\n{indent}]"
        case _:
            return dumps(value)
