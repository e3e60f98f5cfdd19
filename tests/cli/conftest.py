"""An exchange in a thread, with a command line that is pointed at it."""

from __future__ import annotations

import asyncio
import shlex
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from rxkraken.cli import main
from rxkraken.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@dataclass
class Venue:
    """A simulator with a thread of its own, and what commands say when they are run against it."""

    simulator: Simulator
    loop: asyncio.AbstractEventLoop
    capsys: pytest.CaptureFixture[str]

    @property
    def base(self) -> str:
        """What `--endpoints` takes."""
        return self.simulator.url.removesuffix("/v2")

    def do(self, call: Callable[[], Any]) -> Any:
        """Call something of the simulator on its loop."""

        async def done() -> Any:
            return call()

        return asyncio.run_coroutine_threadsafe(done(), self.loop).result(timeout=30)

    def fault(self, name: str, **parameters: Any) -> None:
        """Disturb it."""
        self.do(lambda: self.simulator.fault(name, **parameters))

    def run(self, line: str) -> tuple[int, str, str]:
        """Run `rxkraken LINE` in this process; the exit code, stdout and stderr."""
        self.capsys.readouterr()
        code = main(["--endpoints", self.base, *shlex.split(line)])
        return code, *self.capsys.readouterr()


@pytest.fixture
def venue(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Venue]:
    """A fresh exchange with two markets; its demo account's key is in the environment."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="venue")
    thread.start()

    def wait(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=60)

    simulator = wait(Simulator(seed=3, symbols=["BTC/USD", "ETH/USD"], rate=20).__aenter__())
    try:
        key = simulator.accounts["demo"].keys[0]
        monkeypatch.setenv("KRAKEN_API_KEY", key.key)
        monkeypatch.setenv("KRAKEN_API_SECRET", key.secret)
        yield Venue(simulator, loop, capsys)
    finally:
        wait(simulator.aclose())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
