"""How a command ends: exit codes with names, and the exception that carries one with its line of explanation."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
FAILED: Final = 1
USAGE: Final = 2
INTERRUPTED: Final = 130
CLOSED_PIPE: Final = 141


class Ended(Exception):
    """End the command with this code; the message, if any, is printed as one line on stderr."""

    def __init__(self, code: int, message: str = "") -> None:
        """Keep the code and the line."""
        self.code = code
        super().__init__(message)
