"""The `rxkraken` command: market data, the account, orders, and an exchange to practise on.

Exit codes, the same for every command:

| code | meaning |
|---|---|
| 0 | it did what was asked; `demo` and `simulate` also end so on Ctrl-C |
| 1 | it found what it looks for (a checksum mismatch), or something failed while it ran |
| 2 | the command line is wrong, or a file or an API key cannot be read |
| 3 to 7 | what became of an order or of the dead man's switch: `rxkraken order --help`, `rxkraken dead-man --help` |
| 130 | it was interrupted (Ctrl-C), as streams usually are |
| 141 | who read the output went away (`| head`), as the shell reports a closed pipe |

Needs the extra `rxkraken[cli]`; without it `main` says so in one line.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_NEEDED = ("typer", "rich")
_USAGE = 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments, or those of the process, and return its exit code."""
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        print(
            f'rxkraken: the command line needs {" and ".join(missing)}; install them with: pip install "rxkraken[cli]"',
            file=sys.stderr,
        )
        return _USAGE
    from rxkraken.cli.app import run  # noqa: PLC0415 - cannot be imported before typer is known to be there

    return run(arguments)
