"""What a user installs: the wheel, what it depends on, what it says about itself."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import rxkraken


@pytest.fixture(scope="module")
def project(root):
    """The project table of pyproject.toml."""
    return tomllib.loads((root / "pyproject.toml").read_text())["project"]


@pytest.fixture(scope="module")
def wheel(root, tmp_path_factory):
    """The wheel, built from the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=root, check=True, capture_output=True, timeout=60)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as opened:
        yield opened


def test_there_are_exactly_three_core_dependencies(project):
    """reactivex, aiohttp, ujson, each with a lower bound that the lowest environment can install."""
    requirements = [Requirement(text) for text in project["dependencies"]]
    assert {requirement.name for requirement in requirements} == {"reactivex", "aiohttp", "ujson"}
    assert all(any(part.operator == ">=" for part in requirement.specifier) for requirement in requirements)


def test_only_reactivex_has_an_upper_bound(project):
    """A major version of reactivex may rename anything; everything else is trusted until proven otherwise."""
    extras = project["optional-dependencies"].values()
    everything = project["dependencies"] + [text for extra in extras for text in extra]
    bounded = {
        Requirement(text).name
        for text in everything
        if any(part.operator not in {">=", "!="} for part in Requirement(text).specifier)
    }
    assert bounded == {"reactivex"}


def test_the_version_is_written_in_one_place(root, project):
    """`_version.py` says it; the distribution, the package and the changelog repeat it."""
    assert "version" in project["dynamic"]
    (version,) = re.findall(r'^__version__ = "(.+)"$', (root / "rxkraken" / "_version.py").read_text(), re.MULTILINE)
    assert rxkraken.__version__ == version
    assert metadata.version("rxkraken") == version
    assert f"\n## [{version}]" in (root / "CHANGELOG.md").read_text()


def test_the_wheel_has_the_whole_package_and_nothing_else(root, wheel):
    """Every source file and `py.typed`, so that type checkers believe it; no tests, no recordings."""
    sources = {path.relative_to(root).as_posix() for path in (root / "rxkraken").rglob("*") if path.is_file()}
    sources = {name for name in sources if "__pycache__" not in name}
    inside = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert "rxkraken/py.typed" in inside
    assert inside == sources


def test_the_wheel_brings_its_licence_and_its_command(wheel):
    """MIT travels along, and `rxkraken` is on the path after an install."""
    (licence,) = [name for name in wheel.namelist() if name.endswith("licenses/LICENSE")]
    (commands,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "MIT License" in wheel.read(licence).decode()
    assert "rxkraken = rxkraken.cli:main" in wheel.read(commands).decode()


def test_tox_tests_the_wheel_and_not_the_checkout(root):
    """Under tox the package must come from the environment; a developer's own environment may point at the checkout."""
    imported = Path(rxkraken.__file__)
    homes = [Path(sys.prefix)] if "TOX_ENV_NAME" in os.environ else [Path(sys.prefix), root / "rxkraken"]
    assert any(imported.is_relative_to(home) for home in homes), f"the tests ran against {imported}"


def test_extras_add_to_the_core_and_dev_has_them_all(project):
    """One `pip install -e ".[dev]"` is enough to work on anything here."""
    extras = project["optional-dependencies"]
    core = {Requirement(text).name for text in project["dependencies"]}
    assert set(extras) == {"cli", "notebook", "test", "dev"}
    assert all(Requirement(text).name not in core for extra in extras.values() for text in extra)
    (everything,) = [Requirement(text) for text in extras["dev"] if text.startswith("rxkraken[")]
    assert everything.extras == {"cli", "notebook", "test"}
