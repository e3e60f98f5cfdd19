"""`rxkraken ws`: Kraken's own WebSocket v1 command-line client, word for word, with the token kept out of sight."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from rxkraken.cli import krakenws
from rxkraken.cli.context import Options
from rxkraken.cli.deadline import REMEDY, answered, hurried
from rxkraken.cli.examples import examples
from rxkraken.cli.exits import FAILED, Ended
from rxkraken.cli.krakenws import HIDDEN, Misused, Replies, Wish
from rxkraken.cli.numbers import seconds
from rxkraken.cli.orders_outcome import advice
from rxkraken.cli.running import run_until_stopped
from rxkraken.client import KrakenClient
from rxkraken.errors import KrakenError
from rxkraken.protocol.signing import Hidden
from rxkraken.session.link import AiohttpNetwork, Opened

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.cli.context import Place
    from rxkraken.settings import Settings

_TOKEN_FILE: Final = "WS_Token"  # noqa: S105 - the name of the file, which Kraken's client chose
_ANSWER_WITHIN: Final = 3.0
_HOW: Final = "fill one with: rxkraken token --show"


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
        float,
        typer.Option(metavar="SECONDS", help="How long to listen for the answer to a request.", **seconds()),
    ] = _ANSWER_WITHIN,
    token_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=f"Where the token is; if not given, {_TOKEN_FILE} here or the API key."),
    ] = None,
) -> None:
    """Speak WebSocket v1 as krakenws.py does: the same words, the same lines, the same exit codes.

    Feeds go on until Ctrl-C, which ends them with exit code 0; `ping` and trading endpoints end after the time-out,
    with exit code 0 whatever Kraken answered, and 1 if it did not answer. Exit code 1 as well if the words are not
    understood, there is no token, no symbol of a feed was agreed to, or nothing comes within --patience.

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
            token = await _token(place, token_file, options) if wish.is_private else None
            talk = _Talk(wish, token, _url(place, wish), as_json=options.json)
            await talk.hold(place, stop, hurried(options), timeout)

    run_until_stopped(body)


def _url(place: Place, wish: Wish) -> str:
    """Find the v1 host: the same as v2's without its path, or that of the simulator."""
    endpoints = place.endpoints if place.simulator is None else place.simulator.v1_endpoints
    url = endpoints.auth if wish.is_private else endpoints.public
    if url is None:
        raise Ended(FAILED, "these endpoints have no host for this feed; give --endpoints public=URL,auth=URL")
    return url.removesuffix("/v2")


async def _token(place: Place, file: Path | None, options: Options) -> Hidden:
    path = file or Path(_TOKEN_FILE)
    if file is not None or path.is_file():
        return _read_token(path)
    if place.credentials is None:
        raise Ended(FAILED, f"no token: put one into {_TOKEN_FILE} here, give --token-file, or set an API key")
    where = place.endpoints.rest
    if where is None:
        raise Ended(
            FAILED, f"no token: --endpoints has no rest URL; add --endpoints rest=URL, or put one into {_TOKEN_FILE}"
        )
    async with KrakenClient(place.endpoints, place.credentials, hurried(options)) as client:
        try:
            asked = client.rest.get_websockets_token()
            return Hidden((await answered(asked, "GetWebSocketsToken", where, options)).token)
        except KrakenError as error:
            raise Ended(FAILED, "; ".join([f"no token: {error}", *advice(error)])) from error


def _read_token(path: Path) -> Hidden:
    try:
        mode = path.stat().st_mode
        token = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Ended(FAILED, f"cannot read the token file {path}: {error.strerror}; {_HOW}") from error
    except UnicodeDecodeError:
        raise Ended(FAILED, f"cannot read the token file {path}: it is not text; {_HOW}") from None
    if not token or any(letter.isspace() for letter in token):
        raise Ended(FAILED, f"{path} holds no token: one line, as GetWebSocketsToken gives it; {_HOW}")
    if os.name == "posix" and stat.S_IMODE(mode) & (stat.S_IRWXG | stat.S_IRWXO):
        typer.echo(f"rxkraken: others may read the token in {path}; run: chmod 600 {path}", err=True)
    return Hidden(token)


class _Talk:
    """One connection: the greeting, the request, and what comes back."""

    def __init__(self, wish: Wish, token: Hidden | None, url: str, *, as_json: bool) -> None:
        self._wish = wish
        self._token = token
        self._url = url
        self._as_json = as_json
        self._inbox: asyncio.Queue[str | bytes | Opened | Exception] = asyncio.Queue()
        self._replies = Replies(wish)
        self._greeted = False
        self._send: Callable[[str], object] | None = None

    async def hold(self, place: Place, stop: asyncio.Event, settings: Settings, timeout: float) -> None:  # noqa: ASYNC109 - the option's name
        """Talk until Ctrl-C, until the time-out of a request, or until the exchange is gone or does not answer."""
        network = AiohttpNetwork(settings)
        line = network.connect(self._url, place.endpoints.ssl).subscribe(self._inbox.put_nowait, self._inbox.put_nowait)
        stopped = asyncio.ensure_future(stop.wait())
        waits = timeout if self._wish.is_one_shot else settings.request_timeout
        try:
            # The first limit is the network's own connect time-out and, from then on, that of the greeting.
            async with asyncio.timeout(settings.connect_timeout + settings.request_timeout) as limit:
                await self._listen(stopped, limit, waits)
        except TimeoutError:
            if not (self._wish.is_one_shot and self._replies.came):
                missed = f"an answer to {self._wish.name} within {waits:g} s" if self._greeted else "a greeting in time"
                raise Ended(FAILED, f"{self._url} did not send {missed}; {REMEDY}") from None
        finally:
            stopped.cancel()
            line.dispose()
            await network.aclose()

    async def _listen(self, stopped: asyncio.Future[Any], limit: asyncio.Timeout, waits: float) -> None:
        while (item := await self._next(stopped)) is not None:
            match item:
                case Opened():
                    self._send = item.send
                case Exception():
                    raise Ended(FAILED, f"the connection failed: {item}; {REMEDY}") from item
                case _:
                    self._hear(item if isinstance(item, str) else item.decode(errors="replace"), limit, waits)

    def _hear(self, text: str, limit: asyncio.Timeout, waits: float) -> None:
        if self._token:
            # Kraken repeats the token where a private feed was asked of the wrong host (ws-v1 reference section 4.4).
            text = text.replace(self._token, HIDDEN)
        self._show("websocket", text)
        if not self._greeted and self._send is not None:
            self._greeted = True
            self._send(self._wish.text(self._token))
            self._show("client", self._wish.text(self._token, shown=True))
            limit.reschedule(asyncio.get_running_loop().time() + waits)
            return
        self._replies.hear(text)
        if self._wish.is_one_shot:
            return
        if self._replies.refusal is not None:
            raise Ended(FAILED, f"Kraken refused {self._wish.name}: {self._replies.refusal}; see rxkraken ws --help")
        if self._replies.came:
            limit.reschedule(None)

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
