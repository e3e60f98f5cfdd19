"""`rxkraken simulate`: the practice exchange as a server of its own, until Ctrl-C."""

from __future__ import annotations

import ssl
from pathlib import Path  # noqa: TC003 - typer reads the annotations of a command when it runs
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rxkraken.cli.examples import examples
from rxkraken.cli.exits import USAGE, Ended
from rxkraken.cli.running import run_until_stopped
from rxkraken.errors import InvalidArgument, UnknownSymbol
from rxkraken.simulator import Simulator
from rxkraken.symbols import canonical

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterator

_HIGHEST_PORT: Final = 65535
_MOST_EVENTS: Final = 10_000.0
_FASTEST: Final = 1_000_000.0


@examples(
    "rxkraken simulate",
    "rxkraken simulate --port 8765 --symbols BTC/USD,ETH/USD --rate 50",
    "rxkraken simulate --serve recording.ndjson --pace 10",
)
def simulate(
    *,
    port: Annotated[int, typer.Option(min=0, max=_HIGHEST_PORT, help="Port to serve on; 0 takes a free one.")] = 0,
    host: Annotated[str, typer.Option(help="Address to serve on.")] = "127.0.0.1",
    seed: Annotated[int, typer.Option(help="The same seed gives the same market.")] = 0,
    symbols: Annotated[
        str, typer.Option(help="Markets to simulate, separated by commas, in any spelling; all of them if not given.")
    ] = "",
    rate: Annotated[float, typer.Option(min=0.0, max=_MOST_EVENTS, help="Market events per second and market.")] = 5.0,
    serve: Annotated[Path | None, typer.Option(help="Serve this recording as the market instead.")] = None,
    pace: Annotated[
        float,
        typer.Option(min=0.0, max=_FASTEST, help="How fast to serve the recording: 2 is twice as fast, 0 at once."),
    ] = 1.0,
    tls_cert: Annotated[Path | None, typer.Option(help="Certificate chain (PEM): serve TLS as well.")] = None,
    tls_key: Annotated[Path | None, typer.Option(help="Private key of the certificate (PEM).")] = None,
) -> None:
    """Serve a practice exchange on this machine and print its URLs. Ctrl-C ends it.

    Another command reaches it with `--endpoints ws://127.0.0.1:PORT`.
    """
    context = _tls(tls_cert, tls_key)
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
            for line in _announcement(simulator, seed):
                print(line, flush=True)
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
    places = {"": simulator.endpoints, "tls ": simulator.tls_endpoints}
    for prefix, endpoints in places.items():
        if endpoints is not None:
            for role in ("public", "auth", "l3", "rest"):
                if (url := getattr(endpoints, role)) is not None:
                    yield f"{prefix + role:<12} {url}"
    yield f"{'admin':<12} {simulator.admin_url}"
