"""What is in the repository: readable anywhere, free of leftovers, and as short as promised."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
LONGEST_EXAMPLE = 30

# Someone's own machine: an absolute path into a home or a scratch directory.
LOCAL_PATH = re.compile(r"(?<![\w./~-])/(?:root|home|Users|work|workspace|tmp)/\w")
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")


def tracked() -> list[Path]:
    """The files that git knows, or would know."""
    ask = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, check=True, timeout=30)
    paths = [ROOT / line for line in done.stdout.splitlines()]
    return [path for path in paths if path.is_file() and not path.is_relative_to(ROOT / "tests" / "captures")]


def offending(pattern: re.Pattern[str]) -> list[str]:
    """Where a pattern occurs, as `file:line: text`."""
    return [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in tracked()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_path_of_one_machine():
    """What works here only is a mistake everywhere else."""
    assert offending(LOCAL_PATH) == []


def test_nothing_is_left_unfinished():
    """A reminder belongs in an issue, where someone will read it."""
    assert [hit for hit in offending(UNFINISHED) if not hit.startswith("tests/project/test_repository.py")] == []


@pytest.mark.parametrize(
    ("text", "local"),
    [
        ("|home|me|x", True),
        ("see |tmp|x", True),
        ("https:||example.com|home|page", False),
        (".|work|x", False),
        ("|0|public|Assets", False),
    ],
)
def test_a_local_path_is_told_from_a_url(text, local):
    """The pattern above finds what it is for, and only that. Bars stand for slashes, or it would find this test."""
    assert bool(LOCAL_PATH.search(text.replace("|", "/"))) is local


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_is_short_and_says_first_what_it_shows(path):
    """Thirty lines at most, the docstring included: an example is read, not studied."""
    source = path.read_text()
    assert len(source.splitlines()) <= LONGEST_EXAMPLE
    assert ast.get_docstring(ast.parse(source))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_is_kept_without_outputs(path):
    """Outputs are made by running it. Kept ones would go stale, and hide what changed."""
    cells = [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]
    assert cells
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"] is not None] == []


def test_the_checks_run_the_line_that_the_readme_shows():
    """`.ci/run --show` prints the line it takes from the README: one line, and it ends in tox."""
    shown = subprocess.run([ROOT / ".ci" / "run", "--show"], capture_output=True, text=True, check=True, timeout=30)
    (line,) = shown.stdout.splitlines()
    assert f"\n```console\n{line}\n```\n" in (ROOT / "README.md").read_text()
    assert line.endswith("/tox")


def test_the_readme_shows_the_demo_in_one_line():
    """A machine with Python and git is one line away from a moving order book."""
    blocks = re.findall(r"```console\n(.+?)\n```", (ROOT / "README.md").read_text(), re.DOTALL)
    (line,) = [block for block in blocks if "pip install" in block and block.endswith("rxkraken demo")]
    assert "\n" not in line
