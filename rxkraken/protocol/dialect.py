"""What a conversation needs of the language it is held in. A module that has these functions is a dialect.

`rxkraken.protocol.spot_v2` and `rxkraken.protocol.spot_v1` are dialects; reading frames is the business of the routers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rxkraken.protocol.topics import Topic


class Dialect(Protocol):
    """The requests of one WebSocket API. Topics and parameters come under the names of this library."""

    @property
    def VERB(self) -> str:  # noqa: N802 - a constant of a module
        """The member of a request that says what is asked."""
        ...

    @property
    def NUMBER(self) -> str:  # noqa: N802 - a constant of a module
        """The member by which the answer to a request is found."""
        ...

    def subscribe(self, topics: Sequence[Topic], req_id: int, *, snapshot: bool, token: str | None = None) -> str:
        """Ask for topics that differ in their symbols only."""
        ...

    def unsubscribe(self, topics: Sequence[Topic], req_id: int, *, token: str | None = None) -> str:
        """Leave topics that differ in their symbols only."""
        ...

    def request(self, raw: Mapping[str, Any], req_id: int) -> str:
        """Encode any request with our own id; the caller's mapping is left as it was."""
        ...

    def split(self, raw: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
        """Return the method of any request and the rest of it, as `private_request` takes them."""
        ...

    def private_request(self, method: str, params: Mapping[str, Any], req_id: int, token: str | None) -> str:
        """Encode an account or order request, with the token in it."""
        ...

    def ping(self, req_id: int) -> str:
        """Ask for a pong."""
        ...
