"""What `--endpoints` may say: `live`, `beta`, URLs of one's own, or a simulator that runs elsewhere.

Both of Kraken's WebSocket APIs live on the same hosts, at other paths: which one is meant is for `--api` to say.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from rxkraken.errors import InvalidArgument
from rxkraken.settings import Endpoints
from rxkraken.simulator.server import PATHS, V1_PATHS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence


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

    Raises `InvalidArgument` for a word that is none of these, for a URL that no connection could use, and for a URL of
    v2 where v1 is to be spoken.
    """
    parts = [part.strip() for word in words for part in word.split(",") if part.strip()] or ["live"]
    if len(parts) == 1 and (kraken := _KRAKEN.get((parts[0], api))) is not None:
        return kraken()
    urls: dict[str, str] = {}
    for part in parts:
        urls |= _urls(part, api)
    try:
        public, auth, l3, rest = (urls.get(role) for role in ROLES)
        return Endpoints.custom(public, auth=auth, l3=l3, rest=rest)
    except ValueError as error:
        raise InvalidArgument(f"--endpoints: {error}") from error


def _urls(part: str, api: Api) -> dict[str, str]:
    role, equals, url = part.partition("=")
    if equals and role in ROLES:
        if role in _SIMULATED[api]:
            _check_speaks(part, url, api)
        return {role: url}
    parsed = urlsplit(part)
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


def _check_speaks(part: str, url: str, api: Api) -> None:
    path = urlsplit(url).path.rstrip("/")
    if api is Api.V1 and path.endswith(_V2_ENDING):
        raise InvalidArgument(
            f"--endpoints {part}: this speaks v2, and --api v1 was given; leave out {_V2_ENDING}, or give --api v2"
        )
