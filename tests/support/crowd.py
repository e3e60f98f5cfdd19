"""Many commands at once as real processes, which take signals and meet closed pipes, in the time that one takes."""

from __future__ import annotations

import contextlib
import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# The imports are most of a command's time, and are made once: each command is a process of its own all the same.
_FORKS = """
import json, os, sys
import rxkraken.cli.app
pids = []
for number, words in enumerate(json.loads(sys.argv[1])):
    if not (pid := os.fork()):
        for name, descriptor in (("out", 1), ("err", 2)):
            os.dup2(os.open(f"{number}.{name}", os.O_WRONLY | os.O_CREAT, 0o600), descriptor)
        sys.exit(rxkraken.cli.main(words))
    pids.append(pid)
print(json.dumps(pids), flush=True)
ends = dict(os.wait() for _ in pids)
print(json.dumps([os.waitstatus_to_exitcode(ends[pid]) for pid in pids]), flush=True)
"""


class Crowd:
    """Many commands at once, each a real process that takes signals; what each says goes to files in a folder."""

    def __init__(self, folder: Path, commands: Sequence[str]) -> None:
        """Start them. A FIFO at `NUMBER.out` is written to as a pipe is."""
        self._folder = folder
        words = json.dumps([shlex.split(line) for line in commands])
        self._process = subprocess.Popen(
            [sys.executable, "-c", _FORKS, words], stdout=subprocess.PIPE, text=True, cwd=folder
        )
        assert self._process.stdout is not None
        self._stdout = self._process.stdout
        self.pids: list[int] = json.loads(self._stdout.readline())

    def said(self, number: int, name: str = "out") -> str:
        """What one of them has written so far."""
        file = self._folder / f"{number}.{name}"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    def signal(self, number: int) -> None:
        """Send a signal to each of them."""
        for pid in self.pids:
            os.kill(pid, number)

    def ends(self) -> list[tuple[int, str]]:
        """Wait for the end of each: its exit code, negative for a signal, and what it said on stderr."""
        codes = json.loads(self._stdout.readline())
        return [(code, self.said(number, "err")) for number, code in enumerate(codes)]

    def __enter__(self) -> Self:
        """Nothing more to do."""
        return self

    def __exit__(self, *_: object) -> None:
        """Leave none of them behind."""
        for pid in self.pids if self._process.poll() is None else ():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.communicate(timeout=30)


def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Look until it is so."""
    limit = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < limit, condition
        time.sleep(0.02)


def handles(pid: int, number: int) -> bool:
    """Whether a process handles this signal itself, as Linux tells it."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    caught = int(next(line for line in status.splitlines() if line.startswith("SigCgt:")).split()[1], 16)
    return bool(caught >> (number - 1) & 1)


def has_open(pid: int, path: Path) -> bool:
    """Whether a process has this file open."""
    return any(os.path.realpath(link) == str(path) for link in Path(f"/proc/{pid}/fd").iterdir())
