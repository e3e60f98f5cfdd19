"""How long a command that asks once waits for its answer, and what it says when none comes: nothing here hangs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from rxkraken.cli.context import SETTINGS
from rxkraken.cli.exits import FAILED, USAGE, Ended

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from rxkraken.cli.context import Options
    from rxkraken.settings import Endpoints, Settings

REMEDY: Final = (
    "check the network and --endpoints, ask `rxkraken doctor`, or give --patience SECONDS before the command"
)
"""What to do about an exchange that does not answer, whoever waited for it."""


def hurried(options: Options, settings: Settings = SETTINGS) -> Settings:
    """Return the settings with connects and requests that take no longer than `--patience`."""
    return settings.but(
        connect_timeout=min(settings.connect_timeout, options.patience),
        request_timeout=min(settings.request_timeout, options.patience),
        close_timeout=min(settings.close_timeout, options.patience),
    )


async def answered(asked: Awaitable[Any], what: str, where: str | None, options: Options) -> Any:
    """Return the answer to a question that changes nothing; exit code 1 if none came within `--patience`.

    What failed is asked again by the client, which would go on for most of a minute.
    """
    try:
        async with asyncio.timeout(options.patience):
            return await asked
    except TimeoutError:
        raise Ended(FAILED, f"{where} did not answer {what} within {options.patience:g} s; {REMEDY}") from None


def must_have(endpoints: Endpoints, *roles: str) -> None:
    """End the command with exit code 2 if the endpoints lack the URL of one of these roles."""
    for role in roles:
        if getattr(endpoints, role) is None:
            raise Ended(
                USAGE, f"this needs a URL for {role}, and --endpoints has none; add one: --endpoints {role}=URL"
            )
