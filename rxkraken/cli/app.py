"""The one typer application: each command comes from its own module, and every failure ends in one line and a code.

To add a command, write a function in a module of its own and add it to `_COMMANDS`.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from rxkraken._version import __version__
from rxkraken.cli.demo import demo
from rxkraken.cli.exits import CLOSED_PIPE, DONE, FAILED, INTERRUPTED, USAGE, Ended
from rxkraken.cli.simulate import simulate
from rxkraken.cli.verify import verify
from rxkraken.errors import InvalidArgument, KrakenError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_COMMANDS: Final[tuple[Callable[..., None], ...]] = (demo, simulate, verify)

app: Final = typer.Typer(
    name="rxkraken",
    help="Kraken's streams in a terminal: a practice exchange, a live demo, and proof for recordings.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _command in _COMMANDS:
    app.command()(_command)

# What typer raises for a wrong command line. It has lived in click and in typer; BadParameter is public in both.
_BadCommandLine: Final = cast("type[Exception]", typer.BadParameter.__mro__[1])


def _show_version(value: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if value:
        typer.echo(f"rxkraken {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    *,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Kraken's streams in a terminal: a practice exchange, a live demo, and proof for recordings."""


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; nothing but the code and text on the terminal comes out."""
    try:
        given = list(sys.argv[1:] if arguments is None else arguments)
        code = app(args=given or ["--help"], standalone_mode=False, prog_name="rxkraken")
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit):
        # typer ends the process itself when it meets a closed pipe, with a code that has another meaning here.
        _let_go_of_stdout()
        return CLOSED_PIPE
    except (KeyboardInterrupt, typer.Abort):
        return _say(INTERRUPTED, "interrupted")
    except _BadCommandLine as error:
        return _say(USAGE, _one_line(error))
    except (Ended, KrakenError, OSError) as error:
        return _say(_code_of(error), str(error))
    return code if isinstance(code, int) else DONE


def _code_of(error: Exception) -> int:
    match error:
        case Ended(code=code):
            return code
        case InvalidArgument():
            return USAGE
        case _:
            return FAILED


def _say(code: int, message: str) -> int:
    if message:
        typer.echo(f"rxkraken: {message}", err=True)
    return code


def _one_line(error: Any) -> str:
    """Put a usage error on one line, with the place where the command is explained."""
    where = error.ctx.command_path if getattr(error, "ctx", None) is not None else "rxkraken"
    text = " ".join(error.format_message().split()).rstrip(".")
    return f"{text}; see {where} --help"


def _let_go_of_stdout() -> None:
    # The interpreter flushes stdout as it exits and would complain about the closed pipe once more.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
