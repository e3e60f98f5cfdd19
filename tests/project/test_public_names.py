"""What a user may rely on is named in `__all__`, exists, and says what it is."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import typing
from dataclasses import fields, is_dataclass

import pytest

import rxkraken
from rxkraken import errors


def packages() -> list[str]:
    """The package and its rooms: each says in `__all__` what it offers."""
    return ["rxkraken", *(f"rxkraken.{found.name}" for found in pkgutil.iter_modules(rxkraken.__path__) if found.ispkg)]


def documented(value: object) -> bool:
    """Whether it has words of its own: not inherited ones, nor the signature that `dataclass` makes up."""
    text = value.__doc__ or ""
    made_up = inspect.isclass(value) and is_dataclass(value) and text.startswith(f"{value.__name__}(")
    return bool(text.strip()) and not made_up


def ours(value: object) -> bool:
    """Whether it is defined here, and is a thing that can carry a docstring."""
    module = getattr(value, "__module__", None) or getattr(value, "__name__", "")
    carries = inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value)
    return carries and module.split(".")[0] == "rxkraken"


def members(name: str, value: type) -> list[tuple[str, object]]:
    """The public methods and properties that a class defines itself."""
    found: list[tuple[str, object]] = []
    for member, raw in vars(value).items():
        unwrapped = raw.__func__ if isinstance(raw, classmethod | staticmethod) else raw
        if not member.startswith("_") and (inspect.isroutine(unwrapped) or isinstance(unwrapped, property)):
            found.append((f"{name}.{member}", unwrapped))
    return found


PUBLIC = [(f"rxkraken.{name}", getattr(rxkraken, name)) for name in rxkraken.__all__]
CLASSES = [(name, value) for name, value in PUBLIC if inspect.isclass(value) and ours(value)]


@pytest.mark.parametrize("package", packages())
def test_every_name_in_all_exists_once(package):
    """`from room import *` works, and no name is listed twice."""
    module = importlib.import_module(package)
    listed = list(getattr(module, "__all__", []))
    assert [name for name in listed if not hasattr(module, name)] == []
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize(("name", "value"), [pair for pair in PUBLIC if ours(pair[1])])
def test_every_public_name_says_what_it_is(name, value):
    """`help(rk.anything)` helps; so does help on what its class offers."""
    silent = [] if documented(value) else [name]
    if inspect.isclass(value):
        silent += [member for member, function in members(name, value) if not documented(function)]
    assert silent == []


@pytest.mark.parametrize(("name", "value"), [pair for pair in CLASSES if is_dataclass(pair[1])])
def test_the_fields_of_public_values_have_types_that_resolve(name, value):
    """Tools that read annotations at run time, such as serialisers, work on every public value."""
    assert typing.get_type_hints(value).keys() >= {field.name for field in fields(value)}, name


def test_errors_all_descend_from_the_one_root():
    """`except rk.errors.KrakenError` is enough for a caller who does not care which."""
    raised = [value for value in vars(errors).values() if inspect.isclass(value) and issubclass(value, Exception)]
    own = [value for value in raised if value.__module__ == errors.__name__]
    assert [value.__name__ for value in own if not issubclass(value, errors.KrakenError)] == []
