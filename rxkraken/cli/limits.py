"""How long a stream command goes on: `--count`, `--for`, `--until`, and what else every stream command takes."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Final

import typer

from rxkraken.cli.exits import USAGE, Ended
from rxkraken.cli.numbers import seconds, whole
from rxkraken.cli.places import Api
from rxkraken.simulator.instruments import MARKETS

if TYPE_CHECKING:
    from collections.abc import Callable


def _known_symbols(incomplete: str) -> list[str]:
    # No network while somebody types: the markets of the simulator are the ones people type most.
    return [name for name in MARKETS if name.startswith(incomplete)]


Markets = Annotated[
    list[str],
    typer.Argument(metavar="SYMBOL", help="Markets in any spelling: BTC/USD, xbt-eur.", autocompletion=_known_symbols),
]
SomeMarkets = Annotated[
    list[str] | None,
    typer.Argument(metavar="SYMBOL", help="Only these markets; all if not given.", autocompletion=_known_symbols),
]
Count = Annotated[int | None, typer.Option("--count", "-n", metavar="N", help="End after N items.", **whole(1))]
For = Annotated[float | None, typer.Option("--for", metavar="SECONDS", help="End after so many seconds.", **seconds())]
Until = Annotated[
    str | None,
    typer.Option("--until", metavar="TIME", help="End at this time: 14:30, 14:30:15 (UTC), or 2026-08-02T14:30:00Z."),
]
Json = Annotated[bool, typer.Option("--json", help="Write lines of JSON, on a terminal too.")]
ApiOption = Annotated[Api, typer.Option("--api", help="Which of Kraken's WebSocket APIs to speak.")]


def need_v2(api: Api, what: str, instead: str) -> None:
    """End the command with exit code 2 where `what` is asked for over v1, which does not have it.

    `instead` is what else can be done: it follows "or" in the line.
    """
    if api is Api.V1:
        raise Ended(USAGE, f"--api v1: WebSocket v1 has no {what}; give --api v2, or {instead}")


@dataclass(frozen=True, slots=True)
class Limits:
    """When to end: after `count` items, after `seconds`; None is no limit."""

    count: int | None = None
    seconds: float | None = None

    @classmethod
    def of(
        cls, count: int | None, seconds: float | None, until: str | None, wall: Callable[[], float] = time.time
    ) -> Limits:
        """Combine the options; the earlier of `--for` and `--until` holds. A time that has passed is exit code 2."""
        if until is not None:
            left = _seconds_until(until, datetime.fromtimestamp(wall(), UTC))
            seconds = left if seconds is None else min(left, seconds)
        return cls(count, seconds)


_CLOCK: Final = ("%H:%M", "%H:%M:%S")


def _seconds_until(text: str, now: datetime) -> float:
    moment = _moment(text, now)
    if moment <= now:
        raise Ended(USAGE, f"--until {text}: that has passed; it is {now:%Y-%m-%dT%H:%M:%SZ}")
    return (moment - now).total_seconds()


def _moment(text: str, now: datetime) -> datetime:
    """Read a time of day, the next one that comes, or a whole date; without a zone it is UTC."""
    for form in _CLOCK:
        try:
            time_of_day = datetime.strptime(text, form).replace(tzinfo=UTC).timetz()
        except ValueError:
            continue
        moment = datetime.combine(now.date(), time_of_day)
        return moment if moment > now else moment + timedelta(days=1)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise Ended(USAGE, f"--until {text}: no time; write it as 14:30, 14:30:15 or 2026-08-02T14:30:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
