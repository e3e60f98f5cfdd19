"""The command itself: help, version, and what it says where its extra is not installed."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

import rxkraken.cli
from rxkraken._version import __version__
from rxkraken.cli import app, main

if TYPE_CHECKING:
    from importlib.machinery import ModuleSpec


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Without arguments, as with `--help`: what there is, and exit code 0."""
    for arguments in ([], ["--help"]):
        assert main(arguments) == 0
        out, err = capsys.readouterr()
        assert err == ""
        assert all(name in out for name in ("demo", "simulate", "verify"))


@pytest.mark.parametrize("command", ["demo", "simulate", "verify"])
def test_every_command_and_option_is_explained(capsys: pytest.CaptureFixture[str], command: str) -> None:
    """Help of each command ends with exit code 0 and loses nothing to markup."""
    assert main([command, "--help"]) == 0
    out, _ = capsys.readouterr()
    assert f"rxkraken {command}" in out
    assert "is  or" not in out


def test_the_version_is_the_packages(capsys: pytest.CaptureFixture[str]) -> None:
    """One line, one source."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"rxkraken {__version__}\n"


def test_without_its_extra_it_says_in_one_line_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The core package has the command but not typer and rich; the line can be copied."""
    find_spec = importlib.util.find_spec

    def without_extra(name: str) -> ModuleSpec | None:
        return None if name in ("typer", "rich") else find_spec(name)

    monkeypatch.setattr(rxkraken.cli, "find_spec", without_extra)
    assert main(["demo"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == ('rxkraken: the command line needs typer and rich; install them with: pip install "rxkraken[cli]"\n')


def test_an_interrupted_command_ends_with_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C in the middle of a command that should have run to its end: the shell's code, no traceback."""

    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "app", interrupted)
    assert main(["verify", "x"]) == 130
    assert capsys.readouterr().err == "rxkraken: interrupted\n"


@pytest.mark.parametrize("module", ["rxkraken", "rxkraken.cli"])
def test_the_module_is_the_command(module: str) -> None:
    """`python -m rxkraken` works where the script is not on the path."""
    done = subprocess.run([sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"rxkraken {__version__}\n", "")


def test_the_module_without_the_extra_says_what_to_install_too() -> None:
    """In the same words as the script; nothing that needs the extra is imported before."""
    source = (
        "import sys, runpy\n"
        "from importlib import util\n"
        "there = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name in ('typer', 'rich') else there(name, *rest)\n"
        "sys.modules['typer'] = sys.modules['rich'] = None\n"
        "sys.stderr = sys.stdout\n"
        "try:\n"
        "    runpy.run_module('rxkraken', run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    print(end.code)\n"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=False)
    needed = 'rxkraken: the command line needs typer and rich; install them with: pip install "rxkraken[cli]"'
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{needed}\n2\n", "")
