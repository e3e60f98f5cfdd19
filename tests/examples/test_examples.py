"""Every example runs to its end, as a user would run it, with a simulator where the live exchange would be.

Those that read an account find the key of the simulator's demo account in the environment.

`pytest tests/examples`, or `tox -e examples`. An example must end by itself: it takes a few items, or a few seconds.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
TIME_LIMIT = 30.0
RUN = """
import runpy
runpy.run_path({path!r}, run_name="__main__")
"""


def test_there_are_examples():
    """An empty folder would make the test below pass."""
    assert EXAMPLES


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_runs_to_its_end_and_shows_something(path, practice_source, practice_key, tmp_path):
    """It ends with success, prints something, complains about nothing. A warning counts as a complaint."""
    command = [sys.executable, "-W", "error", "-c", practice_source + RUN.format(path=str(path))]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=os.environ | practice_key,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip()
