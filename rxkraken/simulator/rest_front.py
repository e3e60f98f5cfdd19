"""The REST side of the exchange, sans I/O: one HTTP request in, one answer out, whatever is in the request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rxkraken.simulator.rest_listing import LISTING, Floor
from rxkraken.simulator.rest_market import MARKET
from rxkraken.simulator.rest_wire import Refused, Response, failure, read_query, success

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rxkraken.simulator.exchange import Exchange

_PUBLIC = {**LISTING, **MARKET}
_UNKNOWN = Refused("EGeneral:Unknown method", status=404)


class Front:
    """Answers REST requests for an exchange. Whoever asks brings the exchange's clock up to now before."""

    def __init__(self, exchange: Exchange) -> None:
        """Answer for this exchange, at its time."""
        self._floor = Floor.of(exchange)

    def answer(
        self, method: str, path: str, query: str | Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Response:
        """The answer to one request; it never raises. `path` is `/0/public/Time`, `body` the raw bytes."""
        try:
            return self._call(method, path, query, headers, body)
        except Refused as refusal:
            return failure(refusal.errors, refusal.status)

    def _call(
        self, method: str, path: str, query: str | Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> Response:
        del headers, body
        _, _, rest = path.partition("/0/")
        half, _, name = rest.partition("/")
        call = _PUBLIC.get(name)
        if half != "public" or call is None or method != "GET":
            raise _UNKNOWN
        return success(call(self._floor, read_query(query)))
