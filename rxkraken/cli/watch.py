"""Run one stream until it has lasted: lines of JSON in a pipe, a live picture in a terminal, and an honest end."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

import reactivex as rx
from reactivex import operators as ops
from reactivex.disposable import CompositeDisposable
from rich.live import Live

from rxkraken.cli.context import PATIENT
from rxkraken.cli.deadline import REMEDY, hurried, must_have
from rxkraken.cli.exits import FAILED, INTERRUPTED, USAGE, Ended
from rxkraken.cli.patience import Patience
from rxkraken.cli.places import Api
from rxkraken.cli.records import json_line, records
from rxkraken.cli.running import run_until_stopped, wait_for
from rxkraken.cli.sheet import Sheet, View, draw_last, draw_sheet, reduce_sheet
from rxkraken.cli.terminal import console
from rxkraken.client import KrakenClient
from rxkraken.client_v1 import KrakenV1Client
from rxkraken.errors import (
    InvalidArgument,
    KrakenError,
    LinkLost,
    RetriesExhausted,
    SubscriptionRejected,
    UnknownSymbol,
)
from rxkraken.models.status import Gap, Overflow

if TYPE_CHECKING:
    from collections.abc import Generator

    from reactivex.abc import DisposableBase
    from rich.console import Console

    from rxkraken.cli.context import Options
    from rxkraken.cli.limits import Limits

AnyClient = KrakenClient | KrakenV1Client
"""What the streams are asked of: the client of either API."""

_PICTURES_A_SECOND: Final = 10


@dataclass(frozen=True, slots=True)
class Channel:
    """What a stream command watches.

    `stream` asks the client of the command's API for the items; `view` is how it looks in a terminal; `name` is the
    channel whose subscription the exchange has to confirm, None if the stream tells the statuses itself; `role` is the
    connection it comes over, of which all but the public one need an API key.
    """

    stream: Callable[[Any], rx.Observable[Any]]
    view: View
    name: str | None
    role: Literal["public", "auth", "l3"] = "public"

    @property
    def private(self) -> bool:
        """Whether it needs an API key, and REST for a token."""
        return self.role != "public"


def watch(options: Options, channel: Channel, limits: Limits, api: Api = Api.V2) -> None:
    """Show the channel over this API until its limits, Ctrl-C (exit code 130), a closed pipe, or a failure.

    What goes wrong beside the stream, such as one refused symbol of many, is told on stderr and makes exit code 1.
    """
    out = console()
    show = _lines if options.as_json or out.is_dumb_terminal else _picture
    opened = options.v1_client if api is Api.V1 else options.client

    async def body(stop: asyncio.Event) -> None:
        run = _Run(channel, limits, stop)
        async with opened(private=channel.private, settings=hurried(options, PATIENT)) as client:
            must_have(client.endpoints, channel.role, *(["rest"] if channel.private else []))
            loop, where = asyncio.get_running_loop(), client.endpoints
            run.patience = patience = Patience(
                options.patience, where, run.fail, loop, channel=channel.name, role=channel.role
            )
            with (
                contextlib.closing(patience),
                _subscribed(client.status.subscribe(patience.hear)),
                show(client, run, out),
            ):
                run.interrupted = await wait_for(stop, limits.seconds) and not run.complete
        run.conclude()

    run_until_stopped(body)


class _Run:
    """One run of a command: how many items are still wanted, and what ended it before its time."""

    def __init__(self, channel: Channel, limits: Limits, stop: asyncio.Event) -> None:
        self.channel = channel
        self.patience: Patience | None = None
        self.complete = False
        self.interrupted = False
        self._refused: list[str] = []
        self._told: set[str] = set()
        self._left = limits.count
        self._stop = stop
        self._failure: Exception | None = None

    def guarded(self, tell: Callable[[Any], None]) -> Callable[[Any], None]:
        """Make an observer's callback count, and stop the run when the terminal or pipe behind it is gone."""

        def on_next(item: Any) -> None:
            if self._left == 0:
                return
            try:
                tell(item)
            except OSError as error:
                self.fail(error)
            self._count(item)

        return on_next

    def _count(self, item: Any) -> None:
        if self.patience is not None:
            self.patience.content()
        if isinstance(item, Gap | Overflow) or self._left is None:
            return
        self._left -= 1
        if self._left == 0:
            self.end()

    def end(self) -> None:
        """Stop: everything that was asked for is there."""
        self.complete = True
        self._stop.set()

    def fail(self, error: Exception) -> None:
        """Stop, since this stream cannot go on or nobody can read what it says."""
        self._failure = self._failure or error
        self.end()

    def refuse(self, error: KrakenError) -> None:
        """Remember what went wrong beside the stream, such as one symbol of many that was refused."""
        self._refused.append(explained(error))

    def refuse_aloud(self, error: KrakenError) -> None:
        """Tell it at once as well."""
        self.refuse(error)
        self._tell(explained(error))

    def _tell(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            print(f"rxkraken: {line}", file=sys.stderr, flush=True)

    def conclude(self) -> None:
        """End the command with the reason why it ended, unless all is well."""
        match self._failure:
            case None:
                pass
            case KrakenError() as error:
                self._tell(explained(error))
                raise Ended(USAGE if isinstance(error, InvalidArgument) else FAILED) from error
            case error:
                raise error
        for line in self._refused:
            self._tell(line)
        if self.interrupted:
            raise Ended(INTERRUPTED)
        if self._refused:
            raise Ended(FAILED)


def explained(error: KrakenError) -> str:
    """Return the message of an error, with what a person at a terminal can do about it."""
    match error:
        case SubscriptionRejected(symbol=str()) | UnknownSymbol():
            return f"{error}; the markets are listed by: rxkraken instruments"
        case LinkLost() | RetriesExhausted() if REMEDY not in str(error):
            return f"{error}; {REMEDY}"
        case _:
            return str(error)


@contextlib.contextmanager
def _lines(client: AnyClient, run: _Run, out: Console) -> Generator[None]:
    """Write each item as a line of JSON, a table as one line an entry."""
    del out

    def tell(item: Any) -> None:
        for record in records(item):
            sys.stdout.write(json_line(record) + "\n")
        sys.stdout.flush()

    stream = run.channel.stream(client)
    with _subscribed(client.errors.subscribe(run.refuse_aloud), stream.subscribe(run.guarded(tell), run.fail, run.end)):
        yield


@contextlib.contextmanager
def _picture(client: AnyClient, run: _Run, out: Console) -> Generator[None]:
    """Draw the sheet ten times a second on a screen of its own, and leave the last picture behind."""
    latest = Sheet(run.channel.view)

    def keep(item: Any) -> None:
        nonlocal latest
        latest = reduce_sheet(latest, item)

    def draw(_: object) -> None:
        try:
            live.update(draw_sheet(latest, height=out.height), refresh=True)
        except OSError as error:
            run.fail(error)

    stream = run.channel.stream(client)
    ticks = rx.interval(1 / _PICTURES_A_SECOND, scheduler=client.scheduler).pipe(
        ops.map(lambda _: latest), ops.distinct_until_changed(comparer=lambda one, other: one is other)
    )
    # Drawn by us on the event loop: rich's own refresh would be a thread.
    with (
        Live(console=out, screen=True, auto_refresh=False) as live,
        _subscribed(
            client.errors.subscribe(run.refuse),
            (rx.never() if run.channel.name is None else client.status).subscribe(keep),
            ticks.subscribe(draw, run.fail),
            stream.subscribe(run.guarded(keep), run.fail, run.end),
        ),
    ):
        yield
    out.print(draw_last(latest, height=out.height))


@contextlib.contextmanager
def _subscribed(*subscriptions: DisposableBase) -> Generator[None]:
    """Leave the streams with the block: what happens while the client closes is not part of the show."""
    try:
        yield
    finally:
        CompositeDisposable(*subscriptions).dispose()
