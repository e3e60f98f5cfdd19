"""`rxkraken token`: a WebSocket token for other programs, shown only when asked for."""

from __future__ import annotations

from typing import Annotated

import typer

from rxkraken.cli.context import Options
from rxkraken.cli.deadline import answered, hurried, must_have
from rxkraken.cli.examples import examples
from rxkraken.cli.orders_outcome import ending
from rxkraken.cli.rest_text import line
from rxkraken.cli.running import run_once
from rxkraken.errors import KrakenError


@examples(
    "rxkraken token",
    "rxkraken token --show",
    "rxkraken --json token --show",
)
def token(
    context: typer.Context,
    *,
    show: Annotated[
        bool, typer.Option("--show", help="Print the token. Whoever has it can trade on the account.")
    ] = False,
) -> None:
    """Ask for a WebSocket token, to see that the key may have one, or to hand it to another program with --show.

    Kraken gives it for as many seconds as `expires` says; once used on a connection it lives as long as that. Without
    --show it is not printed anywhere. rxkraken itself gets its tokens by itself.
    """
    run_once(_issue(Options.of(context), show=show))


async def _issue(options: Options, *, show: bool) -> None:
    async with options.client(private=True, settings=hurried(options)) as client:
        must_have(client.endpoints, "rest")
        try:
            asked = client.rest.get_websockets_token()
            issued = await answered(asked, "GetWebSocketsToken", client.endpoints.rest, options)
        except KrakenError as error:
            raise ending(error) from error
    secret = {"token": issued.token} if show else {}
    if options.as_json:
        print(line({"expires": issued.expires, **secret}))
    elif show:
        print(issued.token)
    else:
        print(f"the key may have a token: it was issued, to be used within {issued.expires} s; --show prints it")
