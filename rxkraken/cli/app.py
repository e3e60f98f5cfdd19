"""The one typer application: each command comes from its own module, and every failure ends in one line and a code.

To add a command, write a function in a module of its own and add it to `_COMMANDS`; a group of commands is a
`typer.Typer` in `_GROUPS`. A command that takes `context: typer.Context` gets what was said before it from
`Options.of(context)`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path  # noqa: TC003 - typer reads the annotations of a command when it runs
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from rxkraken._version import __version__
from rxkraken.cli import places
from rxkraken.cli.account import balances, executions, level3
from rxkraken.cli.context import PATIENCE, Options
from rxkraken.cli.deadman import dead_man
from rxkraken.cli.demo import demo
from rxkraken.cli.doctor import doctor
from rxkraken.cli.exits import CLOSED_PIPE, DONE, FAILED, INTERRUPTED, USAGE, Ended
from rxkraken.cli.numbers import seconds
from rxkraken.cli.orders import order
from rxkraken.cli.rest import rest
from rxkraken.cli.simulate import simulate
from rxkraken.cli.streams import book, instruments, ohlc, spread, status, ticker, trades
from rxkraken.cli.token import token
from rxkraken.cli.verify import verify
from rxkraken.cli.ws import ws
from rxkraken.errors import InvalidArgument, KrakenError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TextIO

_COMMANDS: Final[tuple[Callable[..., None], ...]] = (
    *(ticker, spread, book, trades, ohlc, instruments, status),
    *(level3, executions, balances, dead_man, rest, token, doctor, ws),
    *(demo, simulate, verify),
)
_GROUPS: Final[tuple[typer.Typer, ...]] = (order,)

app: Final = typer.Typer(name="rxkraken", pretty_exceptions_enable=False)
for _command in _COMMANDS:
    app.command()(_command)
for _group in _GROUPS:
    app.add_typer(_group)

# The shell asks for completions by running the command with this set; typer answers and ends the process.
_COMPLETING: Final = "_RXKRAKEN_COMPLETE"

# What typer raises for a wrong command line. It has lived in click and in typer; BadParameter is public in both.
_BadCommandLine: Final = cast("type[Exception]", typer.BadParameter.__mro__[1])


def _show_version(value: bool) -> None:  # noqa: FBT001 - typer calls it with the option's value
    if value:
        typer.echo(f"rxkraken {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    context: typer.Context,
    *,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="Talk to an exchange simulated in this process: no account, no network.")
    ] = False,
    endpoints: Annotated[
        list[str] | None, typer.Option(metavar="WHERE", help=f"Talk to {places.HINT}; live if not given.")
    ] = None,
    credentials: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Read the API key from this file; from the environment if not given."),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", help="Tell on stderr what happens underneath.")] = False,
    json: Annotated[
        bool, typer.Option("--json", help="Write lines of JSON on a terminal too; in a pipe it is so anyway.")
    ] = False,
    patience: Annotated[
        float,
        typer.Option(metavar="SECONDS", help="End a stream that has no connection for so long.", **seconds()),
    ] = PATIENCE,
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """Kraken in a terminal: market data, your account, orders, and an exchange to practise on.

    The options here stand before the command: rxkraken --simulate book BTC/USD
    """
    context.obj = Options(simulate, tuple(endpoints or ()), credentials, verbose, json, patience)
    context.obj.begin_log()


def run(arguments: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; nothing but the code and text on the terminal comes out."""
    try:
        _must_have_stdout()
        given = list(sys.argv[1:] if arguments is None else arguments)
        code = app(args=given or ["--help"], standalone_mode=False, prog_name="rxkraken")
        sys.stdout.flush()
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and (not error.code or _COMPLETING in os.environ):
            return error.code if isinstance(error.code, int) else DONE  # completion, installed or asked for
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
    """Put a usage error on one line: the value that was given, and the place where the command is explained."""
    where = error.ctx.command_path if getattr(error, "ctx", None) is not None else "rxkraken"
    text = " ".join(error.format_message().split()).rstrip(".").replace("Value error, ", "")
    value = _given(error.__cause__)
    if value is not None and repr(value) not in text:
        text = text.replace("Invalid value", f"Invalid value {value!r}", 1)
    return f"{text}; see {where} --help"


def _given(cause: Any) -> object:
    """Return the value that typer found wrong; it names none itself where pydantic did the looking."""
    told = getattr(cause, "errors", None)
    rows: Any = told() if callable(told) else ()
    return next((row.get("input") for row in rows), None)


def _must_have_stdout() -> None:
    # A closed standard stream is None.
    if cast("TextIO | None", sys.stdout) is None:
        raise Ended(USAGE, "standard output is closed; send it to a file, or to /dev/null if nobody wants it")


def _let_go_of_stdout() -> None:
    # The interpreter flushes stdout as it exits and would complain about the closed pipe once more.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
