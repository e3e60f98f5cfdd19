"""What every test may use, and what every test must leave behind: nothing.

- `captures` is the folder of recorded traffic, `recording(name)` one file of it (tests/captures/README.md).
- `practice_exchange` is a simulator for code that names none: examples, documents and notebooks say
  `rk.KrakenClient()`, and where they are tested `Endpoints.live()` gives the simulator's endpoints. `practice_key` is
  the key of its demo account, for those that say `rk.Credentials.from_env()`.
- `leaves_nothing` watches every test: a task or a thread that is still there at the end fails it. Where it is someone
  else's code that leaves them, `@pytest.mark.leaves(reason)` says so.
- Hypothesis profiles: `ci`, the default, always tries the same examples; `explore` tries many new ones
  (`pytest --hypothesis-profile=explore`).
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from rxkraken import Endpoints
    from rxkraken.simulator import Simulator

CAPTURES = Path(__file__).parent / "captures"
# Recordings whose licence does not let them travel with the source may lie beside the checkout.
MORE_CAPTURES = CAPTURES.parents[2] / "shared" / "captures"

# A shared machine may stall any example for a second: time is judged by pytest-timeout, not example by example.
settings.register_profile("ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", settings.get_profile("ci"), derandomize=False, max_examples=2000)
settings.load_profile("ci")


@pytest.fixture(scope="session")
def captures() -> Path:
    """The folder of recorded traffic: `spot-v2/`, `spot-v1/`, `futures-v1/`, `reference/`."""
    return CAPTURES


@pytest.fixture(scope="session")
def recording() -> Callable[[str], Path]:
    """Finds a recording by its name, such as `spot-v2/ethusd-book25.ndjson`; skips where it is not available."""

    def find(name: str) -> Path:
        for folder in (CAPTURES, MORE_CAPTURES):
            if (folder / name).is_file():
                return folder / name
        pytest.skip(f"the recording {name} does not come with the source; put it at {MORE_CAPTURES / name}")

    return find


@pytest.fixture(scope="session")
def practice_simulator() -> Iterator[Simulator]:
    """A busy simulator that lives in a thread, for code that blocks, or is a process of its own."""
    # Here and not above: a mistake in the package must not keep pytest from reporting it test by test.
    from rxkraken.simulator import Simulator  # noqa: PLC0415

    async def start() -> Simulator:
        return await Simulator(seed=7, rate=20).__aenter__()

    with running_loop() as loop:
        exchange = asyncio.run_coroutine_threadsafe(start(), loop).result(timeout=60)
        try:
            yield exchange
        finally:
            asyncio.run_coroutine_threadsafe(exchange.aclose(), loop).result(timeout=60)


@pytest.fixture(scope="session")
def practice_exchange(practice_simulator: Simulator) -> Endpoints:
    """The endpoints of that simulator."""
    return practice_simulator.endpoints


@pytest.fixture(scope="session")
def practice_key(practice_simulator: Simulator) -> dict[str, str]:
    """The key of its demo account, as the environment variables that `Credentials.from_env` reads."""
    key = practice_simulator.accounts["demo"].keys[0]
    return {"KRAKEN_API_KEY": key.key, "KRAKEN_API_SECRET": key.secret}


@contextlib.contextmanager
def running_loop() -> Iterator[asyncio.AbstractEventLoop]:
    """An event loop that runs in a thread of its own, and ends with it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="practice exchange")
    thread.start()
    try:
        yield loop
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@pytest.fixture(scope="session")
def practice_source(practice_exchange: Endpoints) -> str:
    """Source that makes `Endpoints.live()` mean the practice exchange, to run first in another interpreter."""
    urls = {role: getattr(practice_exchange, role) for role in ("public", "auth", "l3", "rest")}
    return f"import rxkraken\nrxkraken.Endpoints.live = classmethod(lambda cls: cls(**{urls!r}))\n"


@pytest.fixture(autouse=True)
def leaves_nothing(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail the test that leaves a task on its loop, or a thread in the process."""
    if request.node.get_closest_marker("leaves"):
        yield
        return
    before = set(threading.enumerate())
    if inspect.iscoroutinefunction(getattr(request.node, "obj", None)):
        request.getfixturevalue("leaves_no_task")
    yield
    left = [thread.name for thread in threading.enumerate() if thread not in before]
    # The loop joins the threads of its own executor when it is closed, which comes after this.
    left = [name for name in left if not name.startswith("asyncio_")]
    assert not left, f"the test left threads running: {', '.join(left)}"


@pytest_asyncio.fixture
async def leaves_no_task() -> AsyncIterator[None]:
    """Fail when a task made during the test is still pending after it and after its other fixtures."""
    before = asyncio.all_tasks()
    yield
    for _ in range(_TURNS_TO_END):
        await asyncio.sleep(0)
    left = [task for task in asyncio.all_tasks() - before - {asyncio.current_task()} if not task.done()]
    assert not left, "the test left tasks pending:\n" + "\n".join(f"  {task!r}" for task in left)


# `dispose()` cannot wait: a task it has just cancelled gets these turns of the loop to come to its end.
_TURNS_TO_END = 5
