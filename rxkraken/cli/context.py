"""What the options before the command say, and the client that a command gets from them.

A command takes `context: typer.Context`, asks `Options.of(context)`, and opens a client with `async with
options.client() as client:`. With `--simulate` that starts an exchange in this process, and its account's key is used.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rxkraken.cli.exits import USAGE, Ended
from rxkraken.cli.places import Api, endpoints_of
from rxkraken.client import KrakenClient
from rxkraken.client_v1 import KrakenV1Client
from rxkraken.credentials import KEY_VARIABLE, SECRET_VARIABLE, Credentials
from rxkraken.errors import InvalidArgument
from rxkraken.settings import Endpoints, Settings
from rxkraken.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    import typer


NO_KEY: Final = (
    f"this needs an API key; set {KEY_VARIABLE} and {SECRET_VARIABLE}, or give --credentials FILE before the command, "
    "or practise with --simulate"
)
PATIENCE: Final = 15.0
_SEED: Final = 1
_EVENTS_A_SECOND: Final = 20.0
# Somebody waits in front of the terminal: a host that does not answer is told sooner than to a program.
_CONNECT_TIMEOUT: Final = 5.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command talks to, and as whom; `credentials` is None where no key was given."""

    endpoints: Endpoints
    credentials: Credentials | None
    simulator: Simulator | None = None

    @property
    def key(self) -> Credentials:
        """The credentials; ends the command with exit code 2 where there are none."""
        if self.credentials is None:
            raise Ended(USAGE, NO_KEY)
        return self.credentials


@dataclass(frozen=True, slots=True)
class Options:
    """The options before the command.

    `json` is what was asked for; whether lines of JSON are written is for `as_json` to say, which is also true where
    the output is no terminal. `patience` is how many seconds a stream may be without its connection.
    """

    simulate: bool = False
    endpoints: tuple[str, ...] = ()
    credentials: Path | None = None
    verbose: bool = False
    json: bool = False
    patience: float = PATIENCE

    @classmethod
    def of(cls, context: typer.Context, *, json: bool = False) -> Options:
        """What was said before this command; `json` is the command's own `--json`, which says the same."""
        told = context.find_object(cls) or cls()
        return replace(told, json=True) if json else told

    @property
    def as_json(self) -> bool:
        """Whether to write JSON: asked for, or nobody looks at it."""
        return self.json or not sys.stdout.isatty()

    def key(self, *, needed: bool) -> Credentials | None:
        """Read the API key: `--credentials`, or the environment. None where there is none and none is needed.

        Ends the command with exit code 2 when the file or a variable cannot be used, or a needed key is not there.
        """
        try:
            if self.credentials is not None:
                return Credentials.from_file(self.credentials)
            if needed or any(os.environ.get(name, "").strip() for name in (KEY_VARIABLE, SECRET_VARIABLE)):
                return Credentials.from_env()
        except InvalidArgument as error:
            told = str(error) if self.credentials is not None else f"{error}; {NO_KEY}"
            raise Ended(USAGE, told) from error
        return None

    @contextlib.asynccontextmanager
    async def place(self, *, private: bool = False, api: Api = Api.V2) -> AsyncGenerator[Place]:
        """Yield where to go and as whom; with `--simulate` an exchange of this process, which ends with the block.

        The endpoints are those of `api`. `private` says that nothing can be done without a key: its absence ends the
        command with exit code 2.
        """
        if not self.simulate:
            yield Place(endpoints_of(self.endpoints, api), self.key(needed=private))
            return
        if self.endpoints:
            raise Ended(USAGE, "--simulate and --endpoints exclude each other; leave one of them out")
        async with Simulator(seed=_SEED, rate=_EVENTS_A_SECOND) as simulator:
            given = self.key(needed=False) if self.credentials is not None else None
            endpoints = simulator.v1_endpoints if api is Api.V1 else simulator.endpoints
            yield Place(endpoints, given or simulator.credentials, simulator)

    @contextlib.asynccontextmanager
    async def client(
        self,
        *,
        private: bool = False,
        settings: Settings | None = None,
        validate_only: bool = False,
    ) -> AsyncGenerator[KrakenClient]:
        """Yield a client of that place, started, and close it with the block. Nothing is connected before it is used.

        The default settings give up connecting sooner than a program would: see `SETTINGS`.
        """
        async with self.place(private=private) as place:
            settings = settings or SETTINGS
            client = KrakenClient(place.endpoints, place.credentials, settings, validate_only=validate_only)
            async with client:
                yield client

    @contextlib.asynccontextmanager
    async def v1_client(
        self, *, private: bool = False, settings: Settings | None = None
    ) -> AsyncGenerator[KrakenV1Client]:
        """Yield a client that speaks WebSocket v1 there; the rest is as with `client`."""
        async with (
            self.place(private=private, api=Api.V1) as place,
            KrakenV1Client(place.endpoints, place.credentials, settings or SETTINGS) as client,
        ):
            yield client

    def begin_log(self) -> None:
        """Say on stderr what the library logs: everything with `--verbose`, and only what went wrong without."""
        logger = logging.getLogger("rxkraken")
        for handler in [handler for handler in logger.handlers if handler.get_name() == _LOG]:
            logger.removeHandler(handler)
        if self.verbose:
            handler = logging.StreamHandler(sys.stderr)
            handler.set_name(_LOG)
            handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
            logger.addHandler(handler)
        logger.setLevel(logging.DEBUG if self.verbose else logging.NOTSET)


_LOG: Final = "rxkraken command"

SETTINGS: Final = Settings(connect_timeout=_CONNECT_TIMEOUT, max_attempts=3)
"""For a command that asks once: three connects, each within five seconds, and it fails."""

PATIENT: Final = Settings(connect_timeout=_CONNECT_TIMEOUT)
"""For a command that goes on: the client never gives up, and `--patience` says when the command does."""
