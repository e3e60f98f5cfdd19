"""The manual, made from the help of every command: `python -m rxkraken.cli.manual` prints `docs/cli.md`."""

from __future__ import annotations

import inspect
import sys
import textwrap
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args, get_origin, get_type_hints

from typer.models import ArgumentInfo, OptionInfo

import rxkraken.cli
from rxkraken.cli.app import app
from rxkraken.cli.examples import lines_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import typer

_HEAD: Final = """\
# The command line

<!-- Made from the help of the commands by `python -m rxkraken.cli.manual > docs/cli.md`; a test compares them. -->

```console
pip install "rxkraken[cli]"
rxkraken --install-completion
```

The options here stand before the command, those of a command after it: `rxkraken --simulate book BTC/USD --depth 25`.
`rxkraken COMMAND --help` shows what is written here.
"""
_LINES: Final = """\
## Lines of JSON

In a pipe, or with `--json`, streams are written as NDJSON: one object a line, whose `type` says what it is. Numbers are
JSON numbers with every digit that Kraken sent, trailing zeros included: `json.loads(line, parse_float=Decimal)` reads
them exactly. Times of the exchange are ISO 8601 text in UTC; `received`, `at`, `since` and `until` are seconds since
the Unix epoch. What is not known is left out. `{"type":"gap"}` stands where a stream was interrupted, `missed` says how
many items are lost: 0 if the hole was filled.

```console
rxkraken --simulate trades BTC/USD --count 5 | jq -c '[.side, .price, .qty]'
```
"""
_WIDTH: Final = 120
_EXAMPLES: Final = ("examples:", "example:", "for example:")
_METAVARS: Final[dict[type[object], str]] = {int: "N", float: "NUMBER", Path: "FILE"}


@dataclass(frozen=True, slots=True)
class _Parameter:
    """One argument or option of a command function: its annotation's two halves, and its default."""

    name: str
    kind: Any
    many: bool
    info: Any
    default: Any

    @property
    def is_argument(self) -> bool:
        return isinstance(self.info, ArgumentInfo)

    @property
    def spelled(self) -> str:
        """How it is written on a command line."""
        if self.is_argument:
            name = self.info.metavar or self.name.upper()
            name = name if self.default is inspect.Parameter.empty or name.startswith("[") else f"[{name}]"
            return f"{name}..." if self.many and not name.endswith("...") else name
        # Inside Annotated typer takes the first of the names for a default.
        given = [name for name in (self.info.default, *(self.info.param_decls or ())) if isinstance(name, str)]
        names = ", ".join(given or [f"--{self.name.replace('_', '-')}"]).replace("/", ", ")
        return names if self.kind is bool else f"{names} {self.info.metavar or _metavar(self.kind)}"

    @property
    def meaning(self) -> str:
        text = " ".join((self.info.help or "").split()).replace("|", r"\|")
        if self.default in (None, "", ()) or self.kind is bool or self.default is inspect.Parameter.empty:
            return text
        return f"{text} Default: {getattr(self.default, 'value', self.default)}."


def _metavar(kind: type[object]) -> str:
    if issubclass(kind, Enum):
        return "/".join(str(choice.value) for choice in kind)
    return _METAVARS.get(kind, "TEXT")


def manual() -> str:
    """Return the whole page: exit codes, the options before the command, and every command."""
    before = app.registered_callback
    parts = [
        _HEAD,
        "## Exit codes\n\n" + _exit_codes(),
        "## Options before the command\n\n" + _table(_parameters(before.callback if before else None)),
        _LINES,
        *_sections(app, "rxkraken"),
    ]
    return "\n".join(part.rstrip() + "\n" for part in parts)


def commands(group: typer.Typer, path: str = "rxkraken") -> Iterator[tuple[str, Callable[..., Any]]]:
    """Return every command that is not hidden, with the words that call it."""
    for info in group.registered_commands:
        if info.callback is not None and not info.hidden:
            # Every command is a plain function, and functions have names.
            yield f"{path} {info.name or getattr(info.callback, '__name__', '').replace('_', '-')}", info.callback
    for info in group.registered_groups:
        inner = info.typer_instance
        if inner is not None and not info.hidden:
            yield from commands(inner, f"{path} {info.name or inner.info.name}")


def _exit_codes() -> str:
    lines = (rxkraken.cli.__doc__ or "").splitlines()
    return "\n".join(line for line in lines if line.startswith("|"))


def _sections(group: typer.Typer, path: str) -> Iterator[str]:
    """Tell of the commands of a group, then of the groups in it: first what it says of itself."""
    own = {id(info.callback) for info in group.registered_commands}
    yield from (_section(words, command) for words, command in commands(group, path) if id(command) in own)
    for info in group.registered_groups:
        inner = info.typer_instance
        if inner is not None and not info.hidden:
            name = f"{path} {info.name or inner.info.name}"
            said = inner.info.help if isinstance(inner.info.help, str) else inspect.getdoc(_callback_of(inner)) or ""
            yield _told(name, [f"{name} COMMAND ..."], said, [])
            yield from _sections(inner, name)


def _callback_of(group: typer.Typer) -> Callable[..., Any] | None:
    return group.registered_callback.callback if group.registered_callback else None


def _section(path: str, command: Callable[..., Any]) -> str:
    parameters = _parameters(command)
    words = [path, *(one.spelled for one in parameters if one.is_argument)]
    words += ["[OPTIONS]"] if any(not one.is_argument for one in parameters) else []
    return _told(path, words, inspect.getdoc(command) or "", parameters)


def _told(title: str, usage: list[str], text: str, parameters: list[_Parameter]) -> str:
    shown = [_paragraph(part) for part in text.replace("\b", "").split("\n\n") if not _is_example(part)]
    parts = [f"## {title}", f"```text\n{' '.join(usage)}\n```", *shown, _table(parameters)]
    if lines := lines_of(text):
        parts.append("```console\n" + "\n".join(lines) + "\n```")
    return "\n\n".join(part for part in parts if part)


def _parameters(command: Callable[..., Any] | None) -> list[_Parameter]:
    if command is None:
        return []
    hints = get_type_hints(command, include_extras=True)
    found: list[_Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        hint = hints[name]
        infos = [extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, ArgumentInfo | OptionInfo)]
        if infos and not infos[0].hidden:
            found.append(_parameter(name, get_args(hint)[0], infos[0], parameter.default))
    return found


def _parameter(name: str, hint: Any, info: Any, default: Any) -> _Parameter:
    """Take the list and the None from around the kind of one value."""
    many = False
    while inner := [arg for arg in get_args(hint) if arg is not type(None)]:
        many = many or get_origin(hint) is list
        hint = inner[0]
    return _Parameter(name, hint, many, info, default)


def _paragraph(text: str) -> str:
    """Keep lists and tables as they are; prose is wrapped."""
    lines = text.strip().splitlines()
    if any(line.lstrip().startswith(("- ", "|")) for line in lines):
        return "\n".join(lines)
    return textwrap.fill(" ".join(text.split()), _WIDTH, break_long_words=False, break_on_hyphens=False)


def _is_example(paragraph: str) -> bool:
    lines = [line for line in paragraph.splitlines() if line.strip() and line.strip().casefold() not in _EXAMPLES]
    return all(line.strip().startswith("rxkraken ") and line != line.lstrip() for line in lines)


def _table(parameters: list[_Parameter]) -> str:
    rows = [f"| `{one.spelled}` | {one.meaning} |" for one in parameters]
    return "\n".join(["| argument or option | meaning |", "|---|---|", *rows]) if rows else ""


if __name__ == "__main__":
    sys.stdout.write(manual())
