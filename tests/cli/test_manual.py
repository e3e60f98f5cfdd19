"""The help, the manual made from it, its examples, and completion in a shell: what is told is what there is."""

from __future__ import annotations

import contextlib
import gzip
import inspect
import os
import selectors
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from crowd import handles
from typer.main import get_command

from rxkraken.cli import main
from rxkraken.cli.app import app
from rxkraken.cli.examples import lines_of
from rxkraken.cli.manual import commands, manual

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken import Endpoints

PAGE = Path(__file__).parents[2] / "docs" / "cli.md"
COMMAND = [sys.executable, "-m", "rxkraken.cli"]
HELP = {path: inspect.getdoc(command) or "" for path, command in commands(app)}
WATCHING = ("ticker", "spread", "book", "trades", "ohlc", "instruments", "status", "level3", "executions", "balances")
RUN_HERE = (*WATCHING, "demo", "simulate", "verify")


def test_the_manual_is_what_the_help_says() -> None:
    """Made anew by: python -m rxkraken.cli.manual > docs/cli.md."""
    assert PAGE.read_text(encoding="utf-8") == manual()


def test_the_manual_names_every_command_and_exit_code() -> None:
    """The spellings are those that can be typed."""
    told = manual()
    assert all(f"\n## {path}\n" in told for path in HELP)
    assert all(f"| {code} |" in told for code in (0, 1, 2, 130, 141))
    assert all(f"| `{option}` |" in told for option in ("--simulate", "--count, -n N", "--for SECONDS", "--version"))
    assert "---" not in told.replace("|---|---|", "")


@pytest.mark.parametrize("path", HELP)
def test_every_command_explains_itself_with_examples(capsys: pytest.CaptureFixture[str], path: str) -> None:
    """They are in the help that people see, and nothing is lost to markup."""
    assert main([*path.split()[1:], "--help"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    examples = lines_of(HELP[path])
    assert examples
    assert all(" ".join(example.split()) in out for example in examples if len(example) < 70)


def test_each_example_of_every_command_is_a_command_line_that_parses() -> None:
    """Its words, options and values; nothing of it is run."""
    parsed: list[str] = []
    for path, command in commands(app):
        lines = lines_of(inspect.getdoc(command) or "")
        assert lines, path
        parsed += lines
    for line in parsed:
        words = shlex.split(line.partition(" > ")[0].partition(" < ")[0])[1:]
        group: Any = get_command(app)
        while hasattr(group, "commands"):
            context = group.make_context("rxkraken", list(words), resilient_parsing=False)
            words = [*context._protected_args, *context.args]
            group = group.commands[words.pop(0)]
        group.make_context("rxkraken", list(words))


@pytest.fixture
def example_place(
    tmp_path: Path,
    practice_exchange: Endpoints,
    practice_key: dict[str, str],
    recording: Callable[[str], Path],
) -> tuple[Path, dict[str, str], list[str]]:
    """A folder with the files that examples name, an environment with a key, and the way to the exchange."""
    source = recording("spot-v2/ethusd-book25.ndjson")
    shutil.copy(source, tmp_path / "recording.ndjson")
    (tmp_path / "recording.ndjson.gz").write_bytes(gzip.compress(source.read_bytes()))
    key_file = tmp_path / ".kraken"
    key_file.write_text("\n".join(practice_key.values()))
    key_file.chmod(0o600)
    there = ["--endpoints", str(practice_exchange.public).removesuffix("/v2")]
    return tmp_path, {**os.environ, **practice_key, "HOME": str(tmp_path)}, there


@pytest.mark.parametrize("name", RUN_HERE)
def test_every_example_runs(name: str, example_place: tuple[Path, dict[str, str], list[str]]) -> None:
    """As it stands, with the practice exchange in the place of the live one, until it ends or is told to."""
    folder, environment, there = example_place
    lines = lines_of(HELP[f"rxkraken {name}"])
    assert lines
    with contextlib.ExitStack() as stack:
        running = [stack.enter_context(start(line, folder, environment, there)) for line in lines]
        for process in running:
            stack.callback(process.kill)
        for line, process in zip(lines, running, strict=True):
            wait_until_it_tells(process, quiet=name == "executions")
            if name != "verify" and "--count" not in line and (name != "instruments" or "--follow" in line):
                process.send_signal(signal.SIGINT)
        ends = [(process.communicate(timeout=60)[1], process.returncode) for process in running]
    assert [(line, err) for line, (err, _) in zip(lines, ends, strict=True) if err] == []
    assert {code for _, code in ends} <= {0, 130}


def wait_until_it_tells(process: subprocess.Popen[str], *, quiet: bool) -> None:
    """Wait for the first line or the end; of a quiet one only until it listens to signals."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while not selector.select(0.05):
            if quiet and handles(process.pid, signal.SIGTERM):
                return


def start(line: str, folder: Path, environment: dict[str, str], there: list[str]) -> subprocess.Popen[str]:
    """Start an example without its redirection; the shell would replace the `~`."""
    words = shlex.split(line.partition(" > ")[0].replace("~", str(folder)))[1:]
    if words[:2] == ["--endpoints", "beta"]:
        words = words[2:]
    if words[0] != "--simulate" and not set(words) & {"demo", "simulate", "verify"}:
        words = [*there, *words]
    return subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=folder
    )


@pytest.mark.parametrize(
    ("typed", "completions"),
    [
        (["rxkraken", "bo"], {"book"}),
        (["rxkraken", "book", "BTC/E"], {"BTC/EUR"}),
        (["rxkraken", "book", "--de"], {"--depth"}),
        (["rxkraken", "--sim"], {"--simulate"}),
    ],
)
def test_a_shell_completes_commands_options_and_markets(typed: list[str], completions: set[str]) -> None:
    """Without the network."""
    asked = {
        **os.environ, "_RXKRAKEN_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(typed),
        "COMP_CWORD": str(len(typed) - 1),
    }  # fmt: skip
    done = subprocess.run(COMMAND, capture_output=True, text=True, check=False, env=asked)
    assert (done.returncode, done.stderr, set(done.stdout.split())) == (0, "", completions)


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_completion_installs_itself(tmp_path: Path) -> None:
    """In the shell that runs the command."""
    line = f"{shlex.join(COMMAND)} --install-completion; exit $?"
    environment = {**os.environ, "HOME": str(tmp_path)}
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    script = next(tmp_path.rglob("rxkraken.sh")).read_text(encoding="utf-8")
    assert "_RXKRAKEN_COMPLETE=complete_bash" in script
