"""`rxkraken rest`: any call of Kraken's REST API by its name, with its answer as exact JSON."""

from __future__ import annotations

import asyncio
import os
import sys
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - typer reads the annotations of a command when it runs
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from rxkraken.cli.context import Options
from rxkraken.cli.deadline import answered, hurried, must_have
from rxkraken.cli.examples import examples
from rxkraken.cli.exits import INTERRUPTED, USAGE, Ended
from rxkraken.cli.orders_confirm import confirm
from rxkraken.cli.orders_outcome import ending
from rxkraken.cli.rest_text import line, page, parameters
from rxkraken.cli.running import run_once
from rxkraken.errors import ExchangeError, KrakenError
from rxkraken.rest.calls import CALLS, spec_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rxkraken.client import KrakenClient
    from rxkraken.rest.calls import CallSpec

# Kraken says what it does not know, and not which value that was.
_SENT_AS: Final = {"nknown asset pair": ("pair",), "nknown order": ("txid", "order_id", "cl_ord_id", "userref")}
_FOLDERS: Final = frozenset(name.partition("/")[0] for name in CALLS if "/" in name)
_HIDDEN: Final = "(hidden; `rxkraken token --show` prints one)"


class Method(StrEnum):
    """How a call is made: public ones with GET, private ones with POST."""

    GET = "GET"
    POST = "POST"


@examples(
    "rxkraken rest GET Time",
    "rxkraken rest GET Ticker pair=XBTUSD",
    "rxkraken rest GET Depth pair=XBTUSD count=2",
    "rxkraken rest POST Balance",
    "rxkraken rest POST QueryOrders txid=OLP4KD-DFLZW-AQIRZ4",
    "rxkraken rest POST CancelAllOrdersAfter timeout=0 --yes",
)
def rest(
    context: typer.Context,
    method: Annotated[
        Method, typer.Argument(help="GET for public calls, POST for private ones.", case_sensitive=False)
    ],
    name: Annotated[str, typer.Argument(help="The call as Kraken names it, such as Ticker or AddOrder.")],
    parameter: Annotated[
        list[str] | None,
        typer.Argument(help="key=value for text, key:=JSON for lists and objects; a key given twice makes a list."),
    ] = None,
    *,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask before a call that changes something.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write the answer, or a report, to this file.")
    ] = None,
) -> None:
    """Make any REST call and print its result as JSON, with every number exactly as Kraken sent it.

    Calls that change something (orders, withdrawals, transfers) are shown and confirmed first, and made once: see
    `rxkraken order --help` for the exit codes of their outcomes. A call that this version does not know is public with
    GET, and signed with POST. Parameters are not checked here, and those that a call does not have Kraken ignores.
    Private calls need an API key. Tokens are not shown.
    """
    options = Options.of(context)
    if "/" in name and name.partition("/")[0] not in _FOLDERS:
        told = f"calls with a slash begin with {' or '.join(sorted(_FOLDERS))}/; give it as Kraken writes it"
        raise Ended(USAGE, f"{name!r} is not the name of a call: {told}, such as Ticker")
    spec = spec_of(name, auth=None if name in CALLS else method is Method.POST)
    given = parameters(parameter or ())
    if output is not None:
        _must_be_writable(output)
    run_once(_made(options, method, spec, given, yes=yes, output=output))


async def _made(
    options: Options, method: Method, spec: CallSpec, given: dict[str, Any], *, yes: bool, output: Path | None
) -> None:
    async with options.client(private=spec.private, settings=hurried(options)) as client:
        must_have(client.endpoints, "rest")
        if spec.nature != "read":
            where = f"{client.endpoints.rest}{spec.path}"
            await confirm(spec.name, given, where, yes=yes)
        try:
            asked = _asked(client, method, spec, given)
            if spec.nature == "read":
                answer = await answered(asked, spec.name, client.endpoints.rest, options)
            else:
                answer = await asked
        except KrakenError as error:
            raise ending(error, _about(error, spec.name, given)) from error
        except asyncio.CancelledError:
            if spec.nature == "read":
                raise
            raise Ended(INTERRUPTED, f"interrupted; {spec.name} may have been sent: look at the account") from None
    _write(answer, output, as_json=options.as_json)


def _about(error: KrakenError, name: str, given: Mapping[str, Any]) -> str:
    """Name what was sent that Kraken says it does not know."""
    if not isinstance(error, ExchangeError):
        return ""
    if "nknown method" in error.text:
        return name
    keys = next((keys for said, keys in _SENT_AS.items() if said in error.text), ())
    return ", ".join(f"{key}={given[key]}" for key in keys if key in given)


async def _asked(client: KrakenClient, method: Method, spec: CallSpec, given: dict[str, Any]) -> Any:
    if spec.name == "RetrieveExport":
        identity = given.pop("id", None)
        if not isinstance(identity, str):
            raise Ended(USAGE, "RetrieveExport needs the id of a report: id=VSKC")
        return await client.rest.retrieve_export(identity, extra=given)
    nested = any(isinstance(value, dict | list) for value in given.values())
    auth = None if spec.name in CALLS else spec.private
    # A list of plain values travels in a form as well, but only JSON carries what lies deeper.
    deep = nested and spec.private and any(_is_deep(value) for value in given.values())
    result: Any = await client.rest.request(
        spec.name, given, auth=auth, method=method.value, json=True if deep else None
    )
    if spec.name == "GetWebSocketsToken" and isinstance(result, dict):
        return cast("dict[str, Any]", result) | {"token": _HIDDEN}
    return result


def _is_deep(value: Any) -> bool:
    match value:
        case list():
            return any(isinstance(item, dict | list) for item in value)  # pyright: ignore[reportUnknownVariableType]
        case dict():
            return any(isinstance(item, dict | list) for item in value.values())  # pyright: ignore[reportUnknownVariableType]
        case _:
            return False


def _must_be_writable(output: Path) -> None:
    """End the command with exit code 2 before anything is asked whose answer could not be kept."""
    why = None
    if output.is_dir():
        why = "it is a directory"
    elif not output.parent.is_dir():
        why = f"there is no directory {output.parent}"
    elif not os.access(output if output.exists() else output.parent, os.W_OK):
        why = "permission denied"
    if why is not None:
        raise Ended(USAGE, f"cannot write --output {output}: {why}; nothing was asked, name another file")


def _write(answer: Any, output: Path | None, *, as_json: bool) -> None:
    """Put the answer where it belongs: JSON as text, a report as the bytes it is."""
    if isinstance(answer, bytes):
        if output is None and sys.stdout.isatty():
            raise Ended(USAGE, f"the report is {len(answer)} bytes of zip archive; give --output FILE")
        if output is None:
            sys.stdout.buffer.write(answer)
        else:
            output.write_bytes(answer)
        return
    text = (line(answer) if as_json else page(answer)) + "\n"
    if output is None:
        sys.stdout.write(text)
    else:
        output.write_text(text, encoding="utf-8")
