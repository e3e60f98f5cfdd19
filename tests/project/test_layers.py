"""Who may know whom: imports point down, and the pure rooms know nothing of the world outside.

A room is a direct child of the package: `books`, `client`, `settings`. Imports for type checkers count as well: what is
named is known.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "rxkraken"

# From the ground up. A room may import its own layer and those above it in this table, that is, below it in the house.
LAYERS = (
    {"_version", "errors", "logs", "models", "settings", "symbols"},
    {"protocol", "books", "credentials", "account"},
    {"session", "streams", "operators"},
    {"trading", "rest", "tape"},
    {"client"},
    {"core_v1"},
    {"client_v1"},
    {"sync", "cli"},
    {"__main__"},
)
# Beside the house. What each may import of it is in MAY_IMPORT; the test helpers join a client to an exchange.
BESIDE = {"simulator", "testing"}
MAY_IMPORT = {
    # A mistake shared by both ends of the wire would pass every test: the exchange is written without the client. It
    # hands out `Credentials` for clients, and checks what they sign by itself.
    "simulator": {"simulator", "_version", "errors", "settings", "credentials"},
    "testing": {"testing", "simulator"} | set().union(*LAYERS[:4]),
}

# Sans I/O: these are told the time, hand out text, and can be tested with nothing but calls.
PURE = (
    "rxkraken.account",
    "rxkraken.books",
    "rxkraken.errors",
    "rxkraken.models",
    "rxkraken.protocol",
    "rxkraken.symbols",
)
PURE_MODULES = (
    "rxkraken.session.conversation",
    *(f"rxkraken.session.{name}" for name in ("answers", "deliveries", "events", "flow", "grant", "pacing", "pulse")),
    *(f"rxkraken.session.{name}" for name in ("requests", "subscriptions", "turns")),
    *(f"rxkraken.trading.{name}" for name in ("changes", "fields", "market_rules", "order", "parameters", "prices")),
    *(f"rxkraken.trading.{name}" for name in ("request", "results", "times", "values")),
)
WORLD = {"aiohttp", "asyncio", "concurrent", "random", "reactivex", "secrets", "select", "selectors", "socket"}
WORLD |= {"sched", "time", "uuid"}
ASKS_THE_CLOCK = {"now", "today", "utcnow"}

# A third-party package is known where it is needed and nowhere else.
AT_HOME = {
    "aiohttp": ("rxkraken.session", "rxkraken.rest", "rxkraken.simulator"),
    "ujson": ("rxkraken.protocol.json",),
    "typer": ("rxkraken.cli",),
    "rich": ("rxkraken.cli",),
}
STRANGERS = {"simulator": {"reactivex", "ujson"}}


@dataclass(frozen=True)
class Module:
    """One source file: its dotted name and its syntax tree."""

    name: str
    is_package: bool
    tree: ast.Module

    @property
    def room(self) -> str:
        """The child of the package it is, or is in; empty for the package's own `__init__`."""
        return self.name.split(".")[1] if "." in self.name else ""

    def is_in(self, *names: str) -> bool:
        """Whether it is one of these modules or in one of these packages."""
        return any(self.name == name or self.name.startswith(f"{name}.") for name in names)

    def imports(self) -> set[str]:
        """The dotted names it imports; `from a import b` is `a.b`, whether `b` is a module or a name."""
        found: set[str] = set()
        for node in ast.walk(self.tree):
            match node:
                case ast.Import(names=names):
                    found |= {alias.name for alias in names}
                case ast.ImportFrom(module=module, names=names, level=level):
                    base = self._absolute(module, level)
                    found |= {f"{base}.{alias.name}" for alias in names}
                case _:
                    pass
        return found

    def _absolute(self, module: str | None, level: int) -> str:
        if level == 0:
            return module or ""
        parts = self.name.split(".")
        parts = parts[: len(parts) - level + self.is_package]
        return ".".join([*parts, *([module] if module else [])])

    def rooms(self) -> set[str]:
        """The other rooms it imports from. Using the names of `rxkraken/__init__.py` is knowing them all: room `""`."""
        ours = [name for name in self.imports() if name.split(".")[0] == "rxkraken"]
        return {room_of(name) for name in ours} - {self.room}


def room_of(dotted: str) -> str:
    """`books` for `rxkraken.books.ladder`; empty for the package itself or a name that it re-exports."""
    if "." not in dotted:
        return ""
    room = dotted.split(".")[1]
    return room if (PACKAGE / room).is_dir() or (PACKAGE / f"{room}.py").is_file() else ""


def modules() -> list[Module]:
    """Every module of the package."""
    found: list[Module] = []
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = list(path.relative_to(ROOT).with_suffix("").parts)
        is_package = parts[-1] == "__init__"
        found.append(Module(".".join(parts[:-1] if is_package else parts), is_package, ast.parse(path.read_text())))
    return found


MODULES = modules()
INSIDE = [module for module in MODULES if module.room]


def each(chosen: list[Module]) -> pytest.MarkDecorator:
    """One test a module."""
    return pytest.mark.parametrize("module", chosen, ids=lambda module: module.name)


def allowed(room: str) -> set[str]:
    """The rooms that a room may import."""
    if room in MAY_IMPORT:
        return MAY_IMPORT[room]
    depth = next(depth for depth, layer in enumerate(LAYERS) if room in layer)
    below = set().union(*LAYERS[: depth + 1])
    # Both fronts offer the practice exchange as well.
    return below | BESIDE if room in {"sync", "cli"} else below


def test_every_room_has_its_layer():
    """A new room must be given its place in LAYERS before anything else is said about it."""
    known = set().union(*LAYERS) | BESIDE
    assert {module.room for module in INSIDE} - known == set()


@each(INSIDE)
def test_imports_point_down(module: Module):
    """No module imports a room above its own, nor the package's `__init__`, which imports them all."""
    above = module.rooms() - allowed(module.room)
    if module.room == "cli":
        above -= {""}  # the command line is a user like any other
    assert above == set(), f"{module.name} may import {', '.join(sorted(allowed(module.room)))}"


def test_no_two_rooms_import_each_other():
    """Rooms of one layer may lean on each other, in one direction."""
    graph: dict[str, set[str]] = {}
    for module in INSIDE:
        graph.setdefault(module.room, set()).update(module.rooms() - {""})
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(f"rooms import each other in a circle: {' -> '.join(error.args[1])}")


@each([module for module in INSIDE if module.is_in(*PURE, *PURE_MODULES)])
def test_the_pure_rooms_know_no_loop_no_socket_no_stream_and_no_clock(module: Module):
    """Protocol, books, models and the conversation are told everything, the time and the dice included."""
    assert {name.split(".")[0] for name in module.imports()} & WORLD == set()
    calls = [node.func for node in ast.walk(module.tree) if isinstance(node, ast.Call)]
    asked = {call.attr for call in calls if isinstance(call, ast.Attribute)} & ASKS_THE_CLOCK
    assert asked == set(), f"{module.name} asks what time it is; take it as an argument"


@each(INSIDE)
def test_every_package_from_outside_has_one_home(module: Module):
    """One room to change when aiohttp, ujson or the terminal toolkit changes."""
    foreign = {name.split(".")[0] for name in module.imports()}
    astray = {name for name in foreign & set(AT_HOME) if not module.is_in(*AT_HOME[name])}
    assert astray | foreign & STRANGERS.get(module.room, set()) == set()


def test_importing_the_package_starts_nothing_heavy(run_python):
    """`import rxkraken` works without the extras: nothing of what they bring is imported."""
    loaded = run_python("import sys, rxkraken; print(*sorted({name.split('.')[0] for name in sys.modules}))").split()
    assert set(loaded) & {"typer", "rich", "pandas", "matplotlib", "pytest", "trustme"} == set()


@pytest.mark.parametrize(
    ("name", "is_package", "source", "expected"),
    [
        ("rxkraken.client", False, "import rxkraken.books", {"rxkraken.books"}),
        ("rxkraken.client", False, "from rxkraken import books", {"rxkraken.books"}),
        ("rxkraken.books.ladder", False, "from . import book", {"rxkraken.books.book"}),
        ("rxkraken.books", True, "from .book import Book", {"rxkraken.books.book.Book"}),
        ("rxkraken.books.ladder", False, "from ..models import Gap", {"rxkraken.models.Gap"}),
        ("rxkraken.books.ladder", False, "def f():\n import time", {"time"}),
    ],
)
def test_the_walk_sees_every_way_to_import(name, is_package, source, expected):
    """Absolute, relative, and hidden in a function."""
    assert Module(name, is_package, ast.parse(source)).imports() == expected
