"""Builds models from decoded JSON, by the types that the models declare; keeps every member it does not know.

A plan per model class is made once: for each field its name on the wire, and the function that converts its type.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, NoReturn, TypeGuard, TypeVar

from rxkraken.models.rest_base import RestModel

Convert = Callable[[Any], Any]
Model = TypeVar("Model", bound=RestModel)


class BadShape(ValueError):
    """An answer does not have the shape its call promises. The message names the member, never its value."""


def build(model: type[Model], row: Any, **known: Any) -> Model:
    """Return the model for a JSON object, or for an array in the order of the model's fields.

    `known` gives fields that do not come from the row, such as the key it stood under. Members without a field go to
    `extra`. Raises `BadShape` for a missing or unusable member.
    """
    plan = _plan(model)
    members = _members(model, plan, row, known)
    values = dict(known)
    for step in plan:
        if step.name in values:
            continue
        if step.wire in members:
            values[step.name] = _converted(model, step, members.pop(step.wire))
        elif step.required:
            raise BadShape(f"{model.__name__} without {step.wire}")
    return model(**values, extra=members)


def build_map(model: type[Model], rows: Any, key: str | None = None) -> dict[str, Model]:
    """Return a model for each member of a JSON object; its key also becomes the model's field `key` when given."""
    members = as_mapping(rows, f"the list of {model.__name__}")
    return {name: build(model, row, **({} if key is None else {key: name})) for name, row in members.items()}


def build_rows(model: type[Model], rows: Any) -> tuple[Model, ...]:
    """Return a model for each element of a JSON array."""
    return tuple(build(model, row) for row in as_list(rows, model.__name__))


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a decoded value is a JSON array."""
    return isinstance(value, list)


def is_mapping(value: Any) -> TypeGuard[dict[str, Any]]:
    """Whether a decoded value is a JSON object."""
    return isinstance(value, dict)


def as_list(value: Any, what: str) -> list[Any]:
    """Return the value when it is a JSON array; `BadShape` naming `what` otherwise."""
    if not is_list(value):
        raise BadShape(f"{what} is not an array")
    return value


def as_mapping(value: Any, what: str) -> dict[str, Any]:
    """Return the value when it is a JSON object; `BadShape` naming `what` otherwise."""
    if not is_mapping(value):
        raise BadShape(f"{what} is not an object")
    return value


def as_decimal(value: Any) -> Decimal:
    """Return an exact number from text or a JSON number; `ValueError` for anything else, infinities included."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return _refuse("a number")
    try:
        number = Decimal(value)
    except InvalidOperation:
        return _refuse("a number")
    return number if number.is_finite() else _refuse("a number")


def as_int(value: Any) -> int:
    """Return a whole number from text or a JSON number; `ValueError` for anything else."""
    number = as_decimal(value)
    is_whole = number.adjusted() < _MOST_DIGITS and number == number.to_integral_value()
    return int(number) if is_whole else _refuse("a whole number")


# `int(Decimal("1e999999999"))` would fill the memory; no id or time of Kraken's has half as many digits.
_MOST_DIGITS: Final = 40


def as_text(value: Any) -> str:
    """Return text; numbers become their digits. `ValueError` for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        return _refuse("text")
    return value if isinstance(value, str) else str(value)


def _as_bool(value: Any) -> bool:
    match value:
        case bool():
            return value
        case "true" | "false":
            return bool(value == "true")
        case _:
            return _refuse("true or false")


def _as_time(value: Any) -> datetime:
    try:
        return datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return _refuse("a time")


def _refuse(expected: str) -> NoReturn:
    raise ValueError(f"is not {expected}")


@dataclasses.dataclass(frozen=True, slots=True)
class _Step:
    name: str
    wire: str
    required: bool
    convert: Convert


_SIMPLE: Final[Mapping[Any, Convert]] = {
    Decimal: as_decimal,
    int: as_int,
    str: as_text,
    bool: _as_bool,
    datetime: _as_time,
    Any: lambda value: value,
}


_plans: Final[dict[type[RestModel], tuple[_Step, ...]]] = {}


def _plan(model: type[RestModel]) -> tuple[_Step, ...]:
    if model not in _plans:
        _plans[model] = _planned(model)
    return _plans[model]


def _planned(model: type[RestModel]) -> tuple[_Step, ...]:
    hints = typing.get_type_hints(model)
    return tuple(
        _Step(field.name, field.metadata.get("wire", field.name), _is_required(field), _converter(hints[field.name]))
        for field in dataclasses.fields(model)
        if field.name != "extra"
    )


def _is_required(field: dataclasses.Field[Any]) -> bool:
    return field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING


def _converter(hint: Any) -> Convert:
    if hint in _SIMPLE:
        return _SIMPLE[hint]
    arguments = typing.get_args(hint)
    match typing.get_origin(hint):
        case types.UnionType:
            return _optional(_converter(next(part for part in arguments if part is not type(None))))
        case origin if origin is tuple:
            return _sequence(_converter(arguments[0]))
        case origin if origin is Mapping:
            return _mapping(_converter(arguments[1]))
        case _:
            return lambda value: build(hint, value)


# Kraken says "nothing" in several ways: null, an empty text, and for times also 0.
_NOTHING: Final = (None, "")


def _optional(convert: Convert) -> Convert:
    unset = (*_NOTHING, "0", 0) if convert is _as_time else _NOTHING
    return lambda value: None if value in unset else convert(value)


def _sequence(convert: Convert) -> Convert:
    return lambda value: tuple(convert(item) for item in as_list(value, "it"))


def _mapping(convert: Convert) -> Convert:
    return lambda value: {name: convert(item) for name, item in as_mapping(value, "it").items()}


def _members(model: type[RestModel], plan: tuple[_Step, ...], row: Any, known: Mapping[str, Any]) -> dict[str, Any]:
    match row:
        case dict():
            return dict(as_mapping(row, model.__name__))
        case list():
            wanted = [step.wire for step in plan if step.name not in known]
            return dict(zip(wanted, as_list(row, model.__name__), strict=False))
        case _:
            raise BadShape(f"{model.__name__} is neither an object nor an array")


def _converted(model: type[RestModel], step: _Step, value: Any) -> Any:
    try:
        return step.convert(value)
    except BadShape as error:
        raise BadShape(f"{model.__name__}.{step.wire}: {error}") from None
    except ValueError as error:
        raise BadShape(f"{model.__name__}.{step.wire} {error}") from None
