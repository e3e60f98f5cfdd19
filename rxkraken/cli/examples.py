"""Examples in the help of a command: each is a whole command line, and a test runs every one of them."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

C = TypeVar("C", bound="Callable[..., None]")

# typer keeps the lines of a paragraph that begins with this character; it joins those of all others.
_AS_IT_STANDS: Final = "\b"
_LINE: Final = re.compile(r"^\s+(rxkraken .*\S)$", re.MULTILINE)


def examples(*lines: str) -> Callable[[C], C]:
    """Put these command lines at the end of a command's help, where `lines_of` finds them again."""

    def add(command: C) -> C:
        command.__doc__ = with_examples(inspect.getdoc(command) or "", *lines)
        return command

    return add


def with_examples(text: str, *lines: str) -> str:
    """Return a help text with these command lines at its end, for a group of commands, which is no function."""
    shown = "\n".join(f"  {line}" for line in lines)
    # typer would break the lines of prose where they are broken in the source.
    prose = "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))
    return f"{prose}\n\n{_AS_IT_STANDS}\nExamples:\n{shown}"


def lines_of(text: str) -> list[str]:
    """Return the command lines of a help text: those that are indented and begin with `rxkraken`."""
    return _LINE.findall(text)
