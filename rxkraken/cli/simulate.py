"""`rxkraken simulate`: the practice exchange as a server of its own, until Ctrl-C."""

from __future__ import annotations

import os
import shlex
import ssl
from dataclasses import replace
from pathlib import Path  # noqa: TC003 - typer reads the annotations of a command when it runs
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rxkraken.cli.examples import examples
from rxkraken.cli.exits import USAGE, Ended
from rxkraken.cli.numbers import number, whole
from rxkraken.cli.places import ROLES, Api, endpoints_of
from rxkraken.cli.running import run_until_stopped
from rxkraken.credentials import KEY_VARIABLE, SECRET_VARIABLE
from rxkraken.errors import InvalidArgument, UnknownSymbol
from rxkraken.simulator import Simulator
from rxkraken.symbols import canonical

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

    from rxkraken.settings import Endpoints
    from rxkraken.simulator.accounts import ApiKey

_HIGHEST_PORT: Final = 65535
_MOST_EVENTS: Final = 10_000.0
_FASTEST: Final = 1_000_000.0
_ACCOUNT: Final = "demo"
# Only a file that begins so is ever replaced: anything else may be a key that is worth something.
_MARK: Final = "# The practice key of `rxkraken simulate`; it opens nothing else.\n"


@examples(
    "rxkraken simulate",
    "rxkraken simulate --port 8765 --symbols BTC/USD,ETH/USD --rate 50",
    "rxkraken simulate --write-credentials practice.key",
    "rxkraken simulate --serve recording.ndjson --pace 10",
)
def simulate(
    *,
    port: Annotated[
        int, typer.Option(metavar="N", help="Port to serve on; 0 takes a free one.", **whole(0, _HIGHEST_PORT))
    ] = 0,
    host: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(metavar="N", help="The same seed gives the same market.", **whole())] = 0,
    symbols: Annotated[
        str, typer.Option(help="Markets to simulate, separated by commas, in any spelling; all of them if not given.")
    ] = "",
    rate: Annotated[
        float,
        typer.Option(metavar="NUMBER", help="Market events per second and market.", **number(0, _MOST_EVENTS)),
    ] = 5.0,
    serve: Annotated[Path | None, typer.Option(help="Serve this recording as the market instead.")] = None,
    pace: Annotated[
        float,
        typer.Option(
            metavar="NUMBER",
            help="How fast to serve the recording: 2 is twice as fast, 0 at once.",
            **number(0, _FASTEST),
        ),
    ] = 1.0,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain (PEM): serve TLS as well.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key of the certificate (PEM).")] = None,
    write_credentials: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="Write the practice key to this file, for --credentials; else it is printed."
        ),
    ] = None,
) -> None:
    """Serve a practice exchange on this machine and print its URLs. Ctrl-C ends it.

    Another command reaches it with `--endpoints ws://127.0.0.1:PORT`, over WebSocket v2, v1 (`--api v1`) and REST. What
    needs an API key works with that of its demo account: a practice key, without any value, the same for the same seed.
    Its variables are printed, or with --write-credentials it is in a file that only you can read. That is written anew
    each time, and no other file is ever replaced.

    In a pipe it ends with who reads it: `rxkraken simulate | head -1` prints one line, with exit code 141. To serve
    without being read, send its output to a file.
    """
    context = _tls(tls_cert, tls_key)
    if serve is not None and write_credentials is not None:
        raise Ended(USAGE, "--write-credentials: a recording has no accounts; leave out --serve or --write-credentials")
    if serve is not None and not serve.is_file():
        raise Ended(USAGE, f"--serve {serve}: there is no such file")
    names = _names(symbols)
    try:
        simulator = Simulator(
            seed=seed, symbols=names, rate=rate, host=host, port=port, tls=context, serve=serve, pace=pace
        )
    except InvalidArgument as error:
        raise Ended(USAGE, f"--symbols: {error}" if isinstance(error, UnknownSymbol) else str(error)) from error

    async def body(stop: asyncio.Event) -> None:
        async with simulator:
            if write_credentials is not None:
                _keep(simulator.accounts[_ACCOUNT].keys[0], write_credentials)
            for line in _announcement(simulator, seed):
                print(line, flush=True)
            if serve is None:
                print(_advice(simulator, write_credentials), flush=True)
            await stop.wait()

    run_until_stopped(body)


def _names(symbols: str) -> list[str] | None:
    """Split `--symbols`; `None` means every market."""
    try:
        return [canonical(name) for name in symbols.split(",") if name.strip()] or None
    except UnknownSymbol as error:
        raise Ended(USAGE, f"--symbols: {error}") from error


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    """Load what `--tls-cert` and `--tls-key` name; the key may be in the certificate's file."""
    if certificate is None:
        if key is not None:
            raise Ended(USAGE, "--tls-key needs --tls-cert beside it")
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise Ended(USAGE, f"--tls-cert {certificate}: no certificate with its key could be read ({error})") from error
    return context


def _announcement(simulator: Simulator, seed: int) -> Iterator[str]:
    """Say where everything is, one URL a line."""
    yield f"rxkraken simulator, seed {seed}; Ctrl-C ends it"
    for prefix, endpoints in _places(simulator):
        for role in ROLES:
            if (url := getattr(endpoints, role)) is not None:
                yield f"{prefix + role:<12} {url}"
    yield f"{'admin':<12} {simulator.admin_url}"


def _places(simulator: Simulator) -> Iterator[tuple[str, Endpoints]]:
    """Return where it is, plain and over TLS; a recording is served over v2 only."""
    for prefix, endpoints in (("", simulator.endpoints), ("tls ", simulator.tls_endpoints)):
        if endpoints is None:
            continue
        yield prefix, endpoints
        if endpoints.auth is not None and endpoints.public is not None:
            v1 = endpoints_of([_base(endpoints.public)], Api.V1)
            yield f"{prefix}v1 ", replace(v1, rest=None)


def _base(url: str) -> str:
    return url.removesuffix("/v2")


def _advice(simulator: Simulator, file: Path | None) -> str:
    """Say what to type in another terminal, to watch and to trade."""
    spec = next(iter(simulator.exchange.markets.values())).spec
    there = f"rxkraken --endpoints {_base(simulator.url)}"
    key = simulator.accounts[_ACCOUNT].keys[0]
    if file is None:
        told = [f"export {KEY_VARIABLE}={key.key}", f"export {SECRET_VARIABLE}={key.secret}"]
        known = there
    else:
        told, known = [], f"{there} --credentials {shlex.quote(str(file.absolute()))}"
    orders = [f"{known} executions", f"{known} order add {spec.symbol} buy market --qty {spec.lot}"]
    parts = [
        "In another terminal (the streams speak WebSocket v1 with --api v1 at the end):",
        f"  {there} book {spec.symbol}",
        f"And with the key of the {_ACCOUNT} account, a practice key that has no value and opens nothing else:",
        *(f"  {line}" for line in (*told, *orders)),
    ]
    return "\n".join(parts)


def _keep(key: ApiKey, file: Path) -> None:
    """Write the key to a file that only its owner can read; replace nothing but what this command has written."""
    try:
        _make_room(file)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as opened:
            opened.write(f"{_MARK}{KEY_VARIABLE}={key.key}\n{SECRET_VARIABLE}={key.secret}\n")
    except FileExistsError as error:
        told = "there is such a file, and it was not written by this command; give another name, or remove it"
        raise Ended(USAGE, f"--write-credentials {file}: {told}") from error
    except OSError as error:
        raise Ended(USAGE, f"--write-credentials {file}: it cannot be written: {error.strerror}") from error


def _make_room(file: Path) -> None:
    """Remove what an earlier run has left there."""
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            is_ours = opened.read(len(_MARK)) == _MARK
    except FileNotFoundError:
        return
    if is_ours and not file.is_symlink():
        file.unlink()
