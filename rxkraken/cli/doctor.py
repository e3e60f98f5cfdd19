"""`rxkraken doctor`: what works between this machine and Kraken, what does not, and what to do about it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rxkraken.cli import doctor_checks as checks
from rxkraken.cli.context import SETTINGS, Options
from rxkraken.cli.doctor_hosts import Finding, hosts_of, look_at
from rxkraken.cli.examples import examples
from rxkraken.cli.exits import FAILED, Ended
from rxkraken.cli.numbers import seconds
from rxkraken.cli.records import json_line, plain
from rxkraken.cli.running import run_once
from rxkraken.cli.terminal import console
from rxkraken.client import KrakenClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rxkraken.cli.context import Place

_STYLES: Final = {"pass": "green", "warn": "yellow", "fail": "bold red"}
_NOT_TRIED: Final = "not tried: its host cannot be reached"


@examples(
    "rxkraken doctor",
    "rxkraken --json doctor --within 10",
    "rxkraken --endpoints beta doctor",
)
def doctor(
    context: typer.Context,
    *,
    within: Annotated[
        float, typer.Option(metavar="S", help="How many seconds each check may take.", **seconds())
    ] = 5.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print a line of JSON a check; so it is in a pipe.")] = False,
) -> None:
    """Check everything between this machine and Kraken, and say what to do about what does not work.

    Names and TLS of every host; the clock; the API key, its nonces and permissions; a token; the rate tier; the public,
    private and level 3 sockets. Nothing is placed or changed, and no secret is printed. Without an API key only what
    is public is checked.

    Each check passes, warns or fails. Exit code 1 if one fails.
    """
    options = Options.of(context)
    failures = run_once(_examine(options, within, as_json=as_json or options.as_json))
    if failures:
        raise Ended(FAILED, f"{failures} check{'' if failures == 1 else 's'} failed")


async def _examine(options: Options, within: float, *, as_json: bool) -> int:
    failures = 0
    async with options.place() as place:
        async for finding in findings(place, within):
            failures += finding.verdict == "fail"
            _tell(finding, as_json=as_json)
    return failures


async def findings(place: Place, within: float) -> AsyncIterator[Finding]:
    """Make every check, and emit each finding as it is made; nothing takes longer than `within` seconds."""
    hosts = hosts_of(place.endpoints)
    looks = await asyncio.gather(*(look_at(host, place.endpoints.ssl, within) for host in hosts))
    reached: set[str] = set()
    for host, seen in zip(hosts, looks, strict=True):
        for finding in seen:
            yield finding
        if all(finding.verdict != "fail" for finding in seen):
            reached.update(host.roles)
    settings = SETTINGS.but(
        max_attempts=1, connect_timeout=within, request_timeout=within, close_timeout=min(within, _GOODBYE)
    )
    async with KrakenClient(place.endpoints, place.credentials, settings) as client:
        async for finding in _over_rest(client, within, reached, has_key=place.credentials is not None):
            yield finding
        async for finding in _over_sockets(client, within, reached, has_key=place.credentials is not None):
            yield finding


_GOODBYE: Final = 1.0


async def _over_rest(
    client: KrakenClient, within: float, reached: set[str], *, has_key: bool
) -> AsyncIterator[Finding]:
    if "rest" not in reached:
        for name in ("clock", "key", "token"):
            yield _not_tried(client, name, "rest")
        return
    yield await checks.clock(client, within)
    if not has_key:
        yield checks.without_key("key")
        return
    works = True
    async for finding in checks.key(client, within):
        works = works and (finding.verdict != "fail" or finding.check not in _ESSENTIAL)
        yield finding
    if works:
        yield await checks.token(client, within)


_ESSENTIAL: Final = ("key", "nonce")


async def _over_sockets(
    client: KrakenClient, within: float, reached: set[str], *, has_key: bool
) -> AsyncIterator[Finding]:
    if "public" in reached:
        yield await checks.public_socket(client, within)
    else:
        yield _not_tried(client, "public socket", "public")
    if not has_key:
        yield checks.without_key("auth and l3 sockets")
        return
    if "auth" in reached:
        async for finding in checks.auth_socket(client, within):
            yield finding
    else:
        yield _not_tried(client, "auth socket", "auth")
    if "l3" in reached or client.endpoints.l3 is None:
        yield await checks.l3_socket(client, within)
    else:
        yield _not_tried(client, "l3 socket", "l3")


def _not_tried(client: KrakenClient, check: str, role: str) -> Finding:
    if getattr(client.endpoints, role) is None:
        return Finding(
            check, "warn", f"not tried: these endpoints have no {role} URL", f"give one: --endpoints {role}=URL"
        )
    return Finding(check, "fail", _NOT_TRIED, "see above")


def _tell(finding: Finding, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json_line({"type": "check", **plain(finding)}))
        return
    out = console()
    out.print(finding.verdict, style=_STYLES[finding.verdict], end="  ", markup=False)
    out.print(f"{finding.check}: {finding.text}", markup=False)
    if finding.remedy:
        out.print(f"      {finding.remedy}", style="dim", markup=False)
