"""What `--endpoints` may say: `live`, `beta`, URLs of one's own, or a simulator that runs elsewhere.

Both of Kraken's WebSocket APIs live on the same hosts, at other paths: which one is meant is for `--api` to say.
"""

from __future__ import annotations

from enum import StrEnum
from ipaddress import ip_address
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from rxkraken.errors import InvalidArgument
from rxkraken.settings import Endpoints
from rxkraken.simulator.server import PATHS, V1_PATHS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from urllib.parse import SplitResult


class Api(StrEnum):
    """The versions of Kraken's WebSocket API."""

    V1 = "v1"
    V2 = "v2"


ROLES: Final = ("public", "auth", "l3", "rest")
HINT: Final = (
    "live, beta, a URL of `rxkraken simulate` such as ws://127.0.0.1:8080, or ROLE=URL (public, auth, l3, rest)"
)


_KRAKEN: Final[Mapping[tuple[str, Api], Callable[[], Endpoints]]] = {
    ("live", Api.V2): Endpoints.live,
    ("live", Api.V1): Endpoints.live_v1,
    ("beta", Api.V2): Endpoints.beta,
    ("beta", Api.V1): Endpoints.beta_v1,
}
# Where `rxkraken simulate` has each role.
_SIMULATED: Final[Mapping[Api, Mapping[str, str]]] = {
    Api.V2: PATHS,
    Api.V1: {"public": V1_PATHS["v1"], "auth": V1_PATHS["v1-auth"]},
}
_V2_ENDING: Final = "/v2"


def endpoints_of(words: Sequence[str], api: Api = Api.V2) -> Endpoints:
    """Read the values of `--endpoints`, which may be repeated or separated by commas; none at all means `live`.

    `ROLE=URL` after `live` or `beta` takes the place of one of their URLs, or adds one that they have not.

    Raises `InvalidArgument` for a word that is none of these, for a URL that no connection could use, and for a URL of
    v2 where v1 is to be spoken.
    """
    parts = [part.strip() for word in words for part in word.split(",") if part.strip()] or ["live"]
    urls: dict[str, str | None] = {}
    if (kraken := _KRAKEN.get((parts[0], api))) is not None and all(map(_is_of_a_role, parts[1:])):
        told = kraken()
        urls = {role: getattr(told, role) for role in ROLES}
        parts = parts[1:]
    for part in parts:
        urls |= _urls(part, api)
    try:
        public, auth, l3, rest = (urls.get(role) for role in ROLES)
        return Endpoints.custom(public, auth=auth, l3=l3, rest=rest)
    except ValueError as error:
        raise InvalidArgument(f"--endpoints: {error}") from error


def _urls(part: str, api: Api) -> dict[str, str]:
    if _is_of_a_role(part):
        role, _, url = part.partition("=")
        _split(part, url)
        if role in _SIMULATED[api]:
            _check_speaks(part, url, api)
        return {role: url}
    parsed = _split(part, part)
    match parsed.scheme:
        case "ws" | "wss" if parsed.path in ("", "/"):
            # A server with nothing but a name is one of ours: `rxkraken simulate` has each role at its own path.
            base = part.rstrip("/")
            paths = _SIMULATED[api].items()
            return {role: base + path for role, path in paths} | {"rest": base.replace("ws", "http", 1)}
        case "ws" | "wss":
            _check_speaks(part, part, api)
            return {"public": part}
        case "http" | "https":
            return {"rest": part}
        case _:
            raise InvalidArgument(f"--endpoints {part}: no endpoint; give {HINT}")


def _is_of_a_role(part: str) -> bool:
    role, equals, _ = part.partition("=")
    return bool(equals) and role in ROLES


def _split(part: str, url: str) -> SplitResult:
    """Take a URL to pieces; neither Python nor aiohttp looks at all of them before it is used."""
    try:
        parsed = urlsplit(url)
        if parsed.netloc.startswith("["):
            ip_address(parsed.hostname or "")
        wrong = "there is no port 0" if parsed.port == 0 else "a space in it" if any(map(str.isspace, url)) else None
    except ValueError as error:
        wrong = str(error)
    else:
        if wrong is None:
            return parsed
    shape = "ws://HOST:PORT, with a port from 1 to 65535, and an IPv6 address in brackets: ws://[::1]:8080"
    raise InvalidArgument(f"--endpoints {part}: no usable URL ({wrong}); write it as {shape}")


def _check_speaks(part: str, url: str, api: Api) -> None:
    path = urlsplit(url).path.rstrip("/")
    if api is Api.V1 and path.endswith(_V2_ENDING):
        raise InvalidArgument(
            f"--endpoints {part}: this speaks v2, and --api v1 was given; leave out {_V2_ENDING}, or give --api v2"
        )
