"""What `--endpoints` may say: `live`, `beta`, URLs of one's own, or a simulator that runs elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from rxkraken.errors import InvalidArgument
from rxkraken.settings import Endpoints
from rxkraken.simulator.server import PATHS

if TYPE_CHECKING:
    from collections.abc import Sequence

ROLES: Final = ("public", "auth", "l3", "rest")
HINT: Final = (
    "live, beta, a URL of `rxkraken simulate` such as ws://127.0.0.1:8080, or ROLE=URL (public, auth, l3, rest)"
)


def endpoints_of(words: Sequence[str]) -> Endpoints:
    """Read the values of `--endpoints`, which may be repeated or separated by commas; none at all means `live`.

    Raises `InvalidArgument` for a word that is none of these, and for a URL that no connection could use.
    """
    parts = [part.strip() for word in words for part in word.split(",") if part.strip()]
    match parts:
        case [] | ["live"]:
            return Endpoints.live()
        case ["beta"]:
            return Endpoints.beta()
        case _:
            pass
    urls: dict[str, str] = {}
    for part in parts:
        urls |= _urls(part)
    try:
        public, auth, l3, rest = (urls.get(role) for role in ROLES)
        return Endpoints.custom(public, auth=auth, l3=l3, rest=rest)
    except ValueError as error:
        raise InvalidArgument(f"--endpoints: {error}") from error


def _urls(part: str) -> dict[str, str]:
    role, equals, url = part.partition("=")
    if equals and role in ROLES:
        return {role: url}
    parsed = urlsplit(part)
    match parsed.scheme:
        case "ws" | "wss" if parsed.path in ("", "/"):
            # A server with nothing but a name is one of ours: `rxkraken simulate` has each role at its own path.
            base = part.rstrip("/")
            return {role: base + path for role, path in PATHS.items()} | {"rest": base.replace("ws", "http", 1)}
        case "ws" | "wss":
            return {"public": part}
        case "http" | "https":
            return {"rest": part}
        case _:
            raise InvalidArgument(f"--endpoints {part}: no endpoint; give {HINT}")
