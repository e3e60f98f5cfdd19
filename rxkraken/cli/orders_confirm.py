"""The question before a request that changes something: what will be sent and where, answered at the terminal."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from typing import TYPE_CHECKING, Any, Final, TextIO, cast

from rxkraken.cli.exits import FAILED, INTERRUPTED, USAGE, Ended
from rxkraken.cli.rest_text import page

if TYPE_CHECKING:
    from collections.abc import Mapping

_YES: Final = frozenset({"y", "yes"})


def must_be_able_to_ask(method: str, *, yes: bool) -> None:
    """End the command with exit code 2 where a question is due and nobody is there to answer it."""
    # A closed standard stream is None.
    streams = cast("tuple[TextIO | None, ...]", (sys.stdin, sys.stderr))
    if not yes and not all(stream is not None and stream.isatty() for stream in streams):
        raise Ended(USAGE, f"{method} is confirmed at a terminal, and there is none; give --yes to send it unasked")


async def confirm(method: str, params: Mapping[str, Any], where: str, *, yes: bool) -> None:
    """Return when it may be sent; end the command with exit code 1 where the answer is no, and 130 on Ctrl-C.

    With `yes` nothing is shown or asked. The question goes to stderr: stdout belongs to the results.
    """
    must_be_able_to_ask(method, yes=yes)
    if yes:
        return
    sys.stderr.write(f"{method} to {where}\n{page(params)}\nSend it? [y/N] ")
    sys.stderr.flush()
    if (await _typed()).strip().casefold() not in _YES:
        raise Ended(FAILED, "not confirmed; nothing was sent")


async def _typed() -> str:
    """Read a line while the connections go on and Ctrl-C works."""
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    descriptor = sys.stdin.fileno()

    def readable() -> None:
        if not ready.done():
            ready.set_result(None)

    # Loops on Windows cannot watch a terminal; there the question holds everything else up.
    with contextlib.suppress(NotImplementedError):
        loop.add_reader(descriptor, readable)
        try:
            await ready
        except asyncio.CancelledError:
            raise Ended(INTERRUPTED, "interrupted; nothing was sent") from None
        finally:
            loop.remove_reader(descriptor)
    return sys.stdin.readline()
