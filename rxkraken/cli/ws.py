"""`rxkraken ws`: Kraken's own WebSocket v1 command-line client, word for word, with the token kept out of sight."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from rxkraken.cli import krakenws
from rxkraken.cli.context import SETTINGS, Options
from rxkraken.cli.examples import examples
from rxkraken.cli.exits import FAILED, Ended
from rxkraken.cli.krakenws import Misused, Wish
from rxkraken.cli.running import run_until_stopped
from rxkraken.client import KrakenClient
from rxkraken.errors import KrakenError, LinkLost
from rxkraken.protocol.signing import Hidden
from rxkraken.session.link import AiohttpNetwork, Opened

if TYPE_CHECKING:
    from rxkraken.cli.context import Place

_TOKEN_FILE: Final = "WS_Token"  # noqa: S105 - the name of the file, which Kraken's client chose
_ANSWER_WITHIN: Final = 3.0


@examples(
    "rxkraken ws",
    "rxkraken ws ticker XBT/USD ETH/USD",
    "rxkraken ws book XBT/USD 10",
    "rxkraken ws ohlc XBT/EUR 60",
    "rxkraken ws openOrders ratecounter=true",
    "rxkraken ws addOrder pair=XBT/USD type=buy ordertype=limit price=5000 volume=0.1",
    "rxkraken ws cancelOrder txid=OHSAUD-ASJKG-EPAFUI,OFVXHJ-KPQ3B-VS7ELA",
)
def ws(
    context: typer.Context,
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[FEED/ENDPOINT] [PARAMETERS]...", help="Nothing at all is `ping`.")
    ] = None,
    *,
    timeout: Annotated[
        float, typer.Option(min=0.1, metavar="SECONDS", help="How long to listen for the answer to a request.")
    ] = _ANSWER_WITHIN,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Where the token is; if not given, {_TOKEN_FILE} here or the API key."),
    ] = None,
) -> None:
    """Speak WebSocket v1 as krakenws.py does: the same words, the same lines, the same exit codes.

    Feeds go on until Ctrl-C, which ends them with exit code 0; `ping` and trading endpoints end after the time-out.
    Private feeds and trading endpoints need a token: from a file, or fetched with the API key. It is shown as
    <hidden>. With --json before the command each frame is a line of JSON: {"from": "client", "frame": ...}.
    """
    try:
        wish = krakenws.read(words or ())
    except Misused as misuse:
        raise Ended(FAILED, str(misuse)) from None
    options = Options.of(context)

    async def body(stop: asyncio.Event) -> None:
        async with options.place() as place:
            token = await _token(place, token_file) if wish.is_private else None
            await _Talk(wish, token, as_json=options.json).hold(_url(place, wish), place, stop, timeout)

    run_until_stopped(body)


def _url(place: Place, wish: Wish) -> str:
    """Find the v1 host: the same as v2's without its path, or that of the simulator."""
    endpoints = place.endpoints if place.simulator is None else place.simulator.v1_endpoints
    url = endpoints.auth if wish.is_private else endpoints.public
    if url is None:
        raise Ended(FAILED, "these endpoints have no host for this feed; give --endpoints public=URL,auth=URL")
    return url.removesuffix("/v2")


async def _token(place: Place, file: Path | None) -> Hidden:
    path = file or Path(_TOKEN_FILE)
    if file is not None or path.is_file():
        return _read_token(path)
    if place.credentials is None:
        raise Ended(FAILED, f"no token: put one into {_TOKEN_FILE} here, give --token-file, or set an API key")
    async with KrakenClient(place.endpoints, place.credentials, SETTINGS) as client:
        try:
            return Hidden((await client.rest.get_websockets_token()).token)
        except KrakenError as error:
            raise Ended(FAILED, f"no token: {error}") from error


def _read_token(path: Path) -> Hidden:
    try:
        mode = path.stat().st_mode
        token = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Ended(
            FAILED, f"cannot read the token file {path}: {getattr(error, 'strerror', None) or error}"
        ) from error
    if not token or any(letter.isspace() for letter in token):
        raise Ended(FAILED, f"{path} holds no token: one line, as GetWebSocketsToken gives it")
    if os.name == "posix" and stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO):
        typer.echo(f"rxkraken: others may read the token in {path}; run: chmod 600 {path}", err=True)
    return Hidden(token)


class _Talk:
    """One connection: the greeting, the request, and what comes back."""

    def __init__(self, wish: Wish, token: Hidden | None, *, as_json: bool) -> None:
        self._wish = wish
        self._token = token
        self._as_json = as_json
        self._inbox: asyncio.Queue[str | bytes | Opened | Exception] = asyncio.Queue()

    async def hold(self, url: str, place: Place, stop: asyncio.Event, timeout: float) -> None:  # noqa: ASYNC109 - the option's name
        """Talk until Ctrl-C, until the time-out of a request, or until the exchange is gone."""
        network = AiohttpNetwork(SETTINGS)
        line = network.connect(url, place.endpoints.ssl).subscribe(self._inbox.put_nowait, self._inbox.put_nowait)
        stopped = asyncio.ensure_future(stop.wait())
        try:
            async with asyncio.timeout(None) as limit:
                await self._listen(stopped, limit, timeout)
        except TimeoutError:
            return  # a request has had its time
        finally:
            stopped.cancel()
            line.dispose()
            await network.aclose()

    async def _listen(self, stopped: asyncio.Future[Any], limit: asyncio.Timeout, timeout: float) -> None:  # noqa: ASYNC109 - as above
        send: Any = None
        greeted = False
        while (item := await self._next(stopped)) is not None:
            match item:
                case Opened():
                    send = item.send
                case Exception():
                    raise Ended(FAILED, _explained(item)) from item
                case _:
                    self._show("websocket", item if isinstance(item, str) else item.decode(errors="replace"))
                    if not greeted:
                        greeted = True
                        send(self._wish.text(self._token))
                        self._show("client", self._wish.text(self._token, shown=True))
                        if self._wish.is_one_shot:
                            limit.reschedule(asyncio.get_running_loop().time() + timeout)

    async def _next(self, stopped: asyncio.Future[Any]) -> str | bytes | Opened | Exception | None:
        """Wait for what comes next; None when it is enough."""
        coming = asyncio.ensure_future(self._inbox.get())
        try:
            await asyncio.wait((coming, stopped), return_when=asyncio.FIRST_COMPLETED)
            return coming.result() if coming.done() else None
        finally:
            coming.cancel()

    def _show(self, who: str, text: str) -> None:
        if self._as_json:
            print(f'{{"from": "{who}", "frame": {text}}}', flush=True)
        else:
            arrow = "Client -> WebSocket" if who == "client" else "WebSocket -> Client"
            print(f"{arrow}: {text}", flush=True)


def _explained(error: Exception) -> str:
    if isinstance(error, LinkLost):
        return f"the connection failed: {error}; check --endpoints and the network"
    return f"the connection failed: {error}"
