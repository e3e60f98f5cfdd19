"""What goes wrong with REST answers on purpose: error pages of the gateway, slowness, cut lines, damaged JSON."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rxkraken.simulator.rest_wire import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rxkraken.simulator.faults import Armed

# What the gateway in front of the exchange says (section 1: "Cloudflare 5xx/520-530, body may be HTML").
_TITLES = {
    429: "429 Too Many Requests",
    500: "500 Internal Server Error",
    502: "502 Bad Gateway",
    503: "503 Service Temporarily Unavailable",
    504: "504 Gateway Time-out",
    520: "api.kraken.com | 520: Web server is returning an unknown error",
    522: "api.kraken.com | 522: Connection timed out",
}


def page(status: int) -> Response:
    """The HTML page that the gateway answers with."""
    title = _TITLES.get(status, f"{status} Error")
    body = f"<h1>{title}</h1><hr><center>cloudflare</center>"
    return Response(status, "text/html", f"<html><head><title>{title}</title></head><body>{body}</body></html>")


def disturbed(faults: Iterable[Armed], answer: Callable[[], Response]) -> Response:
    """The answer as these faults leave it. The call is carried out unless one of them says `effect=False`."""
    struck = list(faults)
    carried_out = all(fault.parameters.get("effect", True) for fault in struck)
    response = answer() if carried_out else page(_NOT_REACHED)
    for fault in struck:
        response = _after(fault, response)
    return response


def _after(fault: Armed, response: Response) -> Response:
    match fault.kind.name:
        case "rest_error":
            return replace(page(fault.parameters["status"]), delay=response.delay, cut=response.cut)
        case "rest_slow":
            return replace(response, delay=response.delay + fault.parameters["seconds"])
        case "rest_cut":
            return replace(response, cut=True)
        case _:
            # Half of it came through.
            return replace(response, text=response.text[: len(response.text) // 2])


_NOT_REACHED = 502
