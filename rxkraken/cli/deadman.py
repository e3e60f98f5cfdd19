"""`rxkraken dead-man`: keep Kraken's dead man's switch armed for as long as this command runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rxkraken.cli import numbers
from rxkraken.cli.context import PATIENT, Options
from rxkraken.cli.deadline import hurried, must_have
from rxkraken.cli.examples import examples
from rxkraken.cli.exits import FAILED, Ended
from rxkraken.cli.orders_outcome import ending
from rxkraken.cli.records import json_line
from rxkraken.cli.running import run_until_stopped, wait_for
from rxkraken.errors import KrakenError, RequestTimeout
from rxkraken.models.trading import Armed, Tripped

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.client import KrakenClient

TRIPPED: Final = 7
_LEAST: Final = 5
_MOST: Final = 86_399


@examples("rxkraken dead-man 60", "rxkraken dead-man 60 --for 3600")
def dead_man(
    context: typer.Context,
    seconds: Annotated[
        int,
        typer.Argument(
            help="After so many seconds of silence Kraken cancels every order.", **numbers.whole(_LEAST, _MOST)
        ),
    ] = 60,
    *,
    duration: Annotated[
        float | None,
        typer.Option("--for", metavar="S", help="End after so many seconds; else on Ctrl-C.", **numbers.seconds()),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print lines of JSON; so it is in a pipe.")] = False,
) -> None:
    """Have Kraken cancel every order of the account if this machine falls silent, until Ctrl-C.

    The switch is refreshed each third of SECONDS, and every confirmation is printed with the time it would fire at. It
    is the account's: it cancels the orders of your other programs too. Ctrl-C disarms it, and so does SIGTERM; a
    process that is killed, or a machine that dies, does not, which is the point.

    If it cannot be armed at all within --patience, the command ends with exit code 1.

    When it could not be refreshed in time it has tripped: take every order as cancelled. The command says so, goes on
    trying to arm it again, and its exit code in the end is 7. Exit code 1 if it could not be disarmed, 3 if Kraken
    refuses it.
    """
    options = Options.of(context)
    write = _as_json if as_json or options.as_json else _as_text
    run = _Run(write, options.patience)

    async def body(stop: asyncio.Event) -> None:
        async with options.client(private=True, settings=hurried(options, PATIENT)) as client:
            must_have(client.endpoints, "auth", "rest")
            await run.guard(client, seconds, stop, duration)

    run_until_stopped(body)
    if run.tripped:
        raise Ended(TRIPPED, "the switch tripped while this ran: take every order of the account as cancelled")


class _Run:
    """One run: what the switch was last seen to be, and whether it ever tripped."""

    def __init__(self, write: Callable[[str, Armed | Tripped | None], None], patience: float) -> None:
        self.tripped = False
        self._patience = patience
        self._was_armed = False
        self._write = write
        self._armed: Armed | None = None
        self._failure: Exception | None = None

    async def guard(self, client: KrakenClient, seconds: int, stop: asyncio.Event, duration: float | None) -> None:
        """Keep it armed until the stop, or for so long, and disarm it."""

        def fail(error: Exception) -> None:
            self._failure = error
            stop.set()

        def give_up() -> None:
            if not self._was_armed:
                fail(RequestTimeout(f"the switch was not confirmed within {self._patience:g} s: take it as not armed"))

        subscription = client.dead_mans_switch(seconds).subscribe(self._tell(fail), fail)
        limit = asyncio.get_running_loop().call_later(self._patience, give_up)
        try:
            await wait_for(stop, duration)
        finally:
            limit.cancel()
            subscription.dispose()
            if self._was_armed and not isinstance(self._failure, KrakenError):
                await self._disarm(client)
        if isinstance(self._failure, KrakenError):
            raise ending(self._failure) from self._failure
        if self._failure is not None:
            raise self._failure

    def _tell(self, fail: Callable[[Exception], None]) -> Callable[[Armed | Tripped], None]:
        def on_next(state: Armed | Tripped) -> None:
            if isinstance(state, Tripped):
                self.tripped = True
                self._armed = None
            else:
                self._was_armed = True
                self._armed = state
            try:
                self._write("armed" if isinstance(state, Armed) else "tripped", state)
            except OSError as error:
                fail(error)  # who read the output went away

        return on_next

    async def _disarm(self, client: KrakenClient) -> None:
        """Make sure of it: the stream disarms when it is left, but tells nobody whether that worked."""
        try:
            await client.cancel_all_orders_after(0)
        except KrakenError as error:
            if self._armed is None:
                return  # it has tripped and was not armed again: there is nothing left that it could cancel
            at = self._armed.trigger_time
            when = f" at {at.isoformat(timespec='seconds')}" if at is not None else ""
            raise Ended(FAILED, f"the switch could not be disarmed, and cancels every order{when}: {error}") from error
        if not isinstance(self._failure, OSError):
            self._write("disarmed", None)


def _as_json(name: str, state: Armed | Tripped | None) -> None:
    typer.echo(json_line({"type": name, **({} if state is None else _plain(state))}))


def _plain(state: Armed | Tripped) -> dict[str, object]:
    match state:
        case Armed():
            return {"current_time": state.current_time, "trigger_time": state.trigger_time, "seconds": state.seconds}
        case Tripped():
            return {"since": state.since, "reason": state.reason}


def _as_text(name: str, state: Armed | Tripped | None) -> None:
    match state:
        case Armed(trigger_time=at) if at is not None:
            typer.echo(f"armed: cancels every order at {at.isoformat(timespec='seconds')} unless it is refreshed")
        case Tripped(reason=reason):
            typer.echo(f"TRIPPED: {reason}; take every order of the account as cancelled")
        case _:
            typer.echo(name)
