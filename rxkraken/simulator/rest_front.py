"""The REST side of the exchange, sans I/O: one HTTP request in, one answer out, whatever is in the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rxkraken.simulator.rest_account import MONEY
from rxkraken.simulator.rest_auth import Gate, permit
from rxkraken.simulator.rest_faults import disturbed
from rxkraken.simulator.rest_history import HISTORY
from rxkraken.simulator.rest_listing import LISTING, Venue
from rxkraken.simulator.rest_market import MARKET
from rxkraken.simulator.rest_trading import TRADING
from rxkraken.simulator.rest_wire import Refused, Response, failure, read_query, success

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rxkraken.simulator.exchange import Exchange

_PUBLIC = {**LISTING, **MARKET}
_PRIVATE = {**MONEY, **HISTORY, **TRADING}


@dataclass(frozen=True, slots=True)
class Terms:
    """What a private call takes: one of these permissions (none needed when empty), and room in the call counter."""

    permissions: tuple[str, ...]
    cost: float = 1


_FUNDS = ("query_funds",)
_OPEN = ("query_open_orders",)
_CLOSED = ("query_closed_orders",)
_LEDGER = ("query_ledger",)
_CHANGE = ("modify_orders",)
_CANCEL = ("cancel_orders",)
# Permissions: section 2.6. Costs: section 5.1; order actions do not use this counter.
TERMS: Mapping[str, Terms] = {
    **dict.fromkeys(("Balance", "BalanceEx", "TradeBalance", "TradeVolume"), Terms(_FUNDS)),
    **dict.fromkeys(("OpenOrders", "OpenPositions"), Terms(_OPEN)),
    **dict.fromkeys(("QueryOrders", "OrderAmends"), Terms(_OPEN + _CLOSED)),
    "ClosedOrders": Terms(_CLOSED),
    **dict.fromkeys(("TradesHistory", "QueryTrades"), Terms(_CLOSED, 2)),
    **dict.fromkeys(("Ledgers", "QueryLedgers"), Terms(_LEDGER, 2)),
    "GetWebSocketsToken": Terms(("websockets",)),
    "GetApiKeyInfo": Terms(()),
    **dict.fromkeys(("AddOrder", "AddOrderBatch"), Terms(_CHANGE, 0)),
    **dict.fromkeys(("AmendOrder", "EditOrder"), Terms(_CHANGE + _CANCEL, 0)),
    **dict.fromkeys(("CancelOrder", "CancelOrderBatch", "CancelAll", "CancelAllOrdersAfter"), Terms(_CANCEL, 0)),
}


class Front:
    """Answers REST requests for an exchange. Whoever asks brings the exchange's clock up to now before."""

    def __init__(self, exchange: Exchange) -> None:
        """Answer for this exchange, at its time."""
        self._venue = Venue.of(exchange)
        self._gate = Gate(exchange.keys)

    def answer(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Response:
        """The answer to one request, as armed faults leave it; it never raises.

        `path` is as it was sent, such as `/0/public/Time`, `query` what came after the question mark, `body` the raw
        bytes. API-level errors have HTTP status 200; an unknown call has 404 (section 1).
        """
        half, _, name = path.removeprefix("/0/").partition("/")

        def answer() -> Response:
            return self._answer(method, half, name, f"{path}?{query}" if query else path, headers, body)

        return disturbed(self._venue.exchange.strike_rest(name), answer)

    def counter(self, key: str) -> float:
        """What the call counter of an API key stands at now."""
        exchange = self._venue.exchange
        return self._gate.counter(exchange.keys[key], exchange.now)

    def _answer(  # noqa: PLR0917 -- the parts of a request
        self, method: str, half: str, name: str, target: str, headers: Mapping[str, str], body: bytes
    ) -> Response:
        try:
            if half == "public" and name in _PUBLIC and method == "GET":
                return success(_PUBLIC[name](self._venue, read_query(target.partition("?")[2])))
            if half == "private" and name in _PRIVATE and method == "POST":
                return success(self._private(name, target, headers, body))
        except Refused as refusal:
            return failure(refusal.errors)
        return failure(["EGeneral:Unknown method"], 404)

    def _private(self, name: str, path: str, headers: Mapping[str, str], body: bytes) -> Any:
        """Key, signature, nonce, call rate, permission, arguments: what is wrong first is told (section 10)."""
        small = {header.lower(): value for header, value in headers.items()}
        key, params = self._gate.enter(path, small, body)
        terms = TERMS[name]
        self._gate.charge(key, terms.cost, self._venue.exchange.now)
        permit(key, terms.permissions)
        return _PRIVATE[name](self._venue, key, params)
