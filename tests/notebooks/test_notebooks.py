"""Every notebook executes from top to bottom, with a simulator where the live exchange would be.

`pytest tests/notebooks`, or `tox -e notebooks`.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).parents[2] / "notebooks").glob("*.ipynb"))
TIME_LIMIT_PER_CELL = 60


def test_there_are_notebooks():
    """An empty folder would make the test below pass."""
    assert NOTEBOOKS


@pytest.mark.leaves("the kernel client keeps its own threads until the process ends")
@pytest.mark.filterwarnings("default")  # of the notebook's tools; what a cell complains of is looked at below
@pytest.mark.timeout(300)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_executes_from_top_to_bottom(path, practice_source, tmp_path):
    """No cell raises, and at least one shows something."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(practice_source))
    NotebookClient(
        notebook,
        timeout=TIME_LIMIT_PER_CELL,
        kernel_name="python3",
        resources={"metadata": {"path": str(tmp_path)}},
    ).execute()
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert any(cell.outputs for cell in code)
    assert [line for cell in code for line in complaints(cell)] == []


def complaints(cell) -> list[str]:
    """What a cell wrote to its standard error: a warning, or a traceback out of a callback."""
    return [output.text for output in cell.outputs if output.output_type == "stream" and output.name == "stderr"]
