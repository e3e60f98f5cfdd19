"""The terminal as commands see it: one console, which lets a closed pipe be a closed pipe."""

from __future__ import annotations

from rich.console import Console


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """Say so to the caller; rich would end the process with the code for a mismatch."""
        raise BrokenPipeError


def console() -> Console:
    """Return a console on standard output: colours and cursor on a terminal, plain text in a pipe."""
    return _Console(highlight=False, soft_wrap=True)
