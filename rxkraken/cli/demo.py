"""`rxkraken demo`: a whole exchange in this process and its order book in the terminal, fed by rxkraken streams."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import reactivex as rx
import typer
from reactivex import operators as ops
from reactivex.disposable import CompositeDisposable
from rich.live import Live

from rxkraken.cli import numbers
from rxkraken.cli.board import Board, reduce_board
from rxkraken.cli.examples import examples
from rxkraken.cli.exits import FAILED, USAGE, Ended
from rxkraken.cli.ladder import draw
from rxkraken.cli.plain import plain_line, summary
from rxkraken.cli.running import run_until_stopped, wait_for
from rxkraken.cli.terminal import console
from rxkraken.client import KrakenClient
from rxkraken.errors import InvalidArgument, KrakenError
from rxkraken.simulator import Simulator
from rxkraken.symbols import canonical

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Generator

    from reactivex.abc import DisposableBase
    from rich.console import Console

    from rxkraken.models.market import Trade

_PICTURES_A_SECOND: Final = 10
_BOOK_LINES_A_SECOND: Final = 2
_EVENTS_A_SECOND: Final = 20.0
# The disconnect comes late enough to see what it interrupts, and early enough to see the recovery.
_DISCONNECT_AFTER: Final = 5.0
_DISCONNECT_SHARE: Final = 0.4


@examples("rxkraken demo", "rxkraken demo --symbol BTC/EUR --seconds 20", "rxkraken demo --plain")
def demo(
    *,
    seconds: Annotated[
        float | None,
        typer.Option(metavar="NUMBER", help="End after so many seconds; without it, on Ctrl-C.", **numbers.seconds()),
    ] = None,
    symbol: Annotated[str, typer.Option(help="The market to show, in any spelling.")] = "BTC/USD",
    plain: Annotated[bool, typer.Option("--plain", help="One line an event; so it is too when piped.")] = False,
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same market.", **numbers.whole())] = 1,
) -> None:
    """Show a live order book with trades and connection status, from an exchange simulated in this process.

    No account and no network: real WebSockets on this machine. After a few seconds the exchange cuts the connection,
    so that you see the recovery.
    """
    # What goes wrong is shown on the board; the log would tell it once more, across the picture.
    logging.getLogger("rxkraken").addHandler(logging.NullHandler())
    out = console()
    name, simulator = _market(symbol, seed)
    show = _lines if plain or not out.is_terminal or out.is_dumb_terminal else _picture

    async def body(stop: asyncio.Event) -> None:
        run = _Run(name, stop)
        async with simulator as exchange, KrakenClient(exchange.endpoints) as client:
            exchange.fault("drop", after=_disconnect_after(seconds))
            with show(client, run, out):
                await wait_for(stop, seconds)
            run.ended()
        run.conclude(out)

    run_until_stopped(body)


def _market(symbol: str, seed: int) -> tuple[str, Simulator]:
    """Find the market and make its exchange; a name that is no market, or is not simulated, is a usage error."""
    try:
        name = canonical(symbol)
        return name, Simulator(seed=seed, symbols=[name], rate=_EVENTS_A_SECOND)
    except InvalidArgument as error:
        raise Ended(USAGE, f"--symbol: {error}") from error


def _disconnect_after(seconds: float | None) -> float:
    return _DISCONNECT_AFTER if seconds is None else min(_DISCONNECT_AFTER, seconds * _DISCONNECT_SHARE)


class _Run:
    """One run of the demo: the latest board, since when, and what made it stop before its time."""

    def __init__(self, symbol: str, stop: asyncio.Event) -> None:
        self.board = Board(symbol)
        self._stop = stop
        self._since = time.monotonic()
        self._seconds = 0.0
        self._failure: Exception | None = None

    def keep(self, board: Board) -> None:
        """Remember the latest board."""
        self.board = board

    def fail(self, error: Exception) -> None:
        """Stop, since this stream cannot go on or nobody can read what it says."""
        self._failure = error
        self._stop.set()

    def ended(self) -> None:
        """Note how long the show was; closing everything takes a moment more."""
        self._seconds = time.monotonic() - self._since

    def guarded(self, tell: Callable[[Any], None]) -> Callable[[Any], None]:
        """Make an observer's callback stop the run when the terminal or pipe behind it is gone."""

        def on_next(item: Any) -> None:
            try:
                tell(item)
            except OSError as error:
                self.fail(error)

        return on_next

    def conclude(self, out: Console) -> None:
        """Tell how it went, or why it could not."""
        if isinstance(self._failure, KrakenError):
            raise Ended(FAILED, str(self._failure)) from self._failure
        if self._failure is not None:
            raise self._failure
        out.print(summary(self.board, self._seconds), markup=False)


def _boards(client: KrakenClient, run: _Run, trades: rx.Observable[Trade]) -> rx.Observable[Board]:
    """Fold four streams into one board. The seed is a value, so it may be shared."""
    symbol = run.board.symbol
    items: rx.Observable[Any] = rx.merge(client.status, client.book(symbol), trades, client.ticker(symbol))
    return items.pipe(ops.scan(reduce_board, run.board), ops.do_action(run.keep))


@contextlib.contextmanager
def _picture(client: KrakenClient, run: _Run, out: Console) -> Generator[None]:
    """Draw the board ten times a second on a screen of its own, and leave the last picture behind."""
    # Drawn by us on the event loop: rich's own refresh would be a thread.
    with Live(console=out, screen=True, auto_refresh=False) as live:
        draw_it = run.guarded(lambda board: live.update(draw(board, height=out.height), refresh=True))
        trades = client.trades(run.board.symbol, snapshot=True)
        pictures = _boards(client, run, trades).pipe(ops.sample(1 / _PICTURES_A_SECOND, scheduler=client.scheduler))
        with _subscribed(pictures.subscribe(draw_it, run.fail)):
            yield
    out.print(draw(run.board, height=out.height))


@contextlib.contextmanager
def _lines(client: KrakenClient, run: _Run, out: Console) -> Generator[None]:
    """Tell each trade and status, and the book twice a second, on a line of its own."""
    del out
    symbol = run.board.symbol
    book = client.book(symbol).pipe(ops.sample(1 / _BOOK_LINES_A_SECOND, scheduler=client.scheduler))
    trades = client.trades(symbol)
    items: rx.Observable[Any] = rx.merge(client.status, book, trades)
    tell = run.guarded(lambda item: print(plain_line(item), flush=True))
    with _subscribed(_boards(client, run, trades).subscribe(on_error=run.fail), items.subscribe(tell, run.fail)):
        yield


@contextlib.contextmanager
def _subscribed(*subscriptions: DisposableBase) -> Generator[None]:
    """Leave the streams with the block: what happens while the client closes is not part of the show."""
    try:
        yield
    finally:
        CompositeDisposable(*subscriptions).dispose()
