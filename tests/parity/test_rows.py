"""Each behaviour of the clients that rxkraken replaces has a test that names it, or a reason why it is not here."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
TABLE = tomllib.loads((Path(__file__).parent / "rows.toml").read_text(encoding="utf-8"))
ROWS, NOT_HERE = TABLE["rows"], TABLE["not_here"]
# Others hold the rest of K0, K2 and D2.
FAMILIES = ("K1-", "K3-", "K4-", "D1-")


def named(node: ast.expr) -> set[str]:
    """The ids of `pytest.mark.parity("K1-01")`, alone or in a list."""
    match node:
        case ast.Call(func=ast.Attribute(attr="parity"), args=[ast.Constant(value=str(name))]):
            return {name}
        case ast.List(elts=marks) | ast.Tuple(elts=marks):
            return set().union(*(named(mark) for mark in marks))
        case _:
            return set()


def held_by(module: ast.Module) -> set[str]:
    """Every id that a test of this module names, by itself or for the whole module."""
    held: set[str] = set()
    tests = [node for node in module.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for node in module.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["pytestmark"]:
            held |= named(node.value)
    for test in tests:
        if test.name.startswith("test_"):
            held |= set().union(*(named(decorator) for decorator in test.decorator_list))
    return held


@pytest.fixture(scope="module")
def held() -> set[str]:
    """Every id that a test names which is run by default."""
    files = [file for file in TESTS.rglob("test_*.py") if file.relative_to(TESTS).parts[0] != "interop"]
    return set().union(*(held_by(ast.parse(file.read_text(encoding="utf-8"))) for file in files))


def test_each_row_has_a_test_that_names_it(held):
    assert sorted(ROWS.keys() - held) == []


def test_what_is_not_here_has_a_reason_and_no_test(held):
    assert all(len(reason) > 20 for reason in NOT_HERE.values())
    assert sorted(NOT_HERE.keys() & (held | ROWS.keys())) == []


def test_no_test_names_a_row_that_does_not_exist(held):
    assert sorted(name for name in held - ROWS.keys() if name.startswith(FAMILIES)) == []


def test_marks_are_found_on_functions_and_modules_and_nowhere_else():
    source = (
        'pytestmark = [pytest.mark.parity("A"), other]\n'
        '@pytest.mark.parity("B")\nasync def test_one(): ...\n'
        '@pytest.mark.parity("C")\ndef helper(): ...\n'
        '# pytest.mark.parity("D")\nX = pytest.mark.parity("E")\n'
    )
    assert held_by(ast.parse(source)) == {"A", "B"}
