"""Run a command's coroutine on a loop of its own until it is done, or until the terminal asks it to stop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import stat
import sys
from typing import TYPE_CHECKING, Any, Final, TypeVar

from rxkraken.cli.exits import INTERRUPTED, Ended

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable

T = TypeVar("T")

_STOPPING: Final = (signal.SIGINT, signal.SIGTERM)


def run_once(work: Coroutine[Any, Any, T]) -> T:
    """Run what ends by itself; SIGTERM interrupts it as Ctrl-C does: it can close what it opened, exit code 130."""
    return asyncio.run(_run_once(work))


async def _run_once(work: Coroutine[Any, Any, T]) -> T:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    with _caught(loop, [signal.SIGTERM], lambda: task is not None and task.cancel()):
        try:
            return await work
        except asyncio.CancelledError:
            raise Ended(INTERRUPTED, "interrupted") from None


def run_until_stopped(body: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    """Run `body(stop)`; Ctrl-C and SIGTERM set `stop`, so that it can close what it opened and return.

    So does the end of whoever reads the output, `| head` for one, also while there is nothing to write: then it raises
    `BrokenPipeError` when the body has returned. A second Ctrl-C is not caught: it ends a body that does not come to
    its end.
    """
    asyncio.run(_run(body))


async def _run(body: Callable[[asyncio.Event], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    with _setting(stop), _hearing_a_hangup(stop) as hangup:
        try:
            await body(stop)
        except Ended as end:
            if not hangup.is_set() or end.code != INTERRUPTED:
                raise
    if hangup.is_set():
        raise BrokenPipeError


@contextlib.contextmanager
def _hearing_a_hangup(stop: asyncio.Event) -> Generator[asyncio.Event]:
    """Set the stop, and what is yielded, when nobody reads the pipe any more that standard output is."""
    loop, hangup = asyncio.get_running_loop(), asyncio.Event()
    pipe = _pipe()
    if pipe is None:
        yield hangup
        return

    def heard() -> None:
        loop.remove_reader(pipe)
        hangup.set()
        stop.set()

    with contextlib.ExitStack() as watching:
        # The end of a pipe that is written to is readable only when the other end is closed. Loops on Windows cannot
        # watch one; there it shows with the next line that is written.
        with contextlib.suppress(NotImplementedError):
            loop.add_reader(pipe, heard)
            watching.callback(loop.remove_reader, pipe)
        yield hangup


def _pipe() -> int | None:
    """Return the descriptor of standard output if it is a pipe."""
    try:
        number = sys.stdout.fileno()
        return number if stat.S_ISFIFO(os.fstat(number).st_mode) else None
    except (OSError, ValueError):  # closed, or a buffer in its place
        return None


@contextlib.contextmanager
def _setting(stop: asyncio.Event) -> Generator[None]:
    loop = asyncio.get_running_loop()

    def heard() -> None:
        stop.set()
        for number in _STOPPING:
            loop.remove_signal_handler(number)

    with _caught(loop, _STOPPING, heard):
        yield


@contextlib.contextmanager
def _caught(
    loop: asyncio.AbstractEventLoop, numbers: Iterable[signal.Signals], heard: Callable[[], object]
) -> Generator[None]:
    """Have `heard` called at these signals."""
    with contextlib.ExitStack() as catching:
        for number in numbers:
            # Loops on Windows have no signal handlers; there Ctrl-C cancels the body, which closes what it opened too.
            with contextlib.suppress(NotImplementedError, RuntimeError):
                loop.add_signal_handler(number, heard)
                catching.callback(loop.remove_signal_handler, number)
        yield


async def wait_for(stop: asyncio.Event, seconds: float | None) -> bool:
    """Wait for the stop, at most this many seconds; returns whether it came."""
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
