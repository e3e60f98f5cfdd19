"""The auth host: takes requests that carry a token to the desk or the private channels, and puts results into answers.

The shapes of the answers are those of ws-v2 reference section 6. A request is carried out some time after it came, even
if its connection has gone by then: that is how outcomes become unknown.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

from rxkraken.simulator.connections import CUT
from rxkraken.simulator.desk import Placed
from rxkraken.simulator.rejections import INVALID_SESSION, NO_TOKEN, PERMISSION_DENIED, Rejected
from rxkraken.simulator.requests import TRADING
from rxkraken.simulator.wire import second_text

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.simulator.accounts import Account, ApiKey
    from rxkraken.simulator.backoffice import BackOffice
    from rxkraken.simulator.connections import Connection
    from rxkraken.simulator.faults import Faults
    from rxkraken.simulator.requests import Guarded, Wish
    from rxkraken.simulator.wire import Calendar

Fields = dict[str, Any]
Replies = list[Fields]
BatchCancelShape = Literal["live", "docs"]
BATCH_CANCEL_SHAPES: tuple[BatchCancelShape, ...] = ("live", "docs")

# Any one of these lets a key do it; which permission each channel takes is unconfirmed.
NEEDS: dict[str, frozenset[str]] = {
    "executions": frozenset({"query_open_orders", "query_closed_orders"}),
    "balances": frozenset({"query_funds"}),
    **dict.fromkeys(("add_order", "batch_add"), frozenset({"modify_orders"})),
    **dict.fromkeys(("amend_order", "edit_order"), frozenset({"modify_orders", "cancel_orders"})),
    **dict.fromkeys(
        ("cancel_order", "cancel_all", "cancel_all_orders_after", "batch_cancel"), frozenset({"cancel_orders"})
    ),
}


class World(Protocol):
    """What the auth host needs of its exchange."""

    now: float
    calendar: Calendar

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something later."""
        ...

    def delay(self) -> float:
        """How long things take."""
        ...

    def grant(self, connection: Connection, wish: Wish, heard_at: float) -> None:
        """Subscribe or unsubscribe what is allowed."""
        ...

    def answer(self, connection: Connection, method: str, symbol: str | None, heard_at: float, fields: Fields) -> None:
        """Answer after a while, if no fault comes between."""
        ...


class AuthHost:
    """Serves guarded requests."""

    def __init__(self, world: World, office: BackOffice, faults: Faults, batch_cancel: BatchCancelShape) -> None:
        """Answer a `batch_cancel` as the live servers do (`orders_cancelled`) or as documented (`result.count`)."""
        self._world = world
        self._office = office
        self._faults = faults
        self._batch_cancel: BatchCancelShape = batch_cancel
        self._methods: dict[str, Callable[[Account, Fields], Replies]] = {
            "add_order": self._add,
            "amend_order": self._amend,
            "edit_order": self._edit,
            "cancel_order": self._cancel,
            "cancel_all": self._cancel_all,
            "cancel_all_orders_after": self._cancel_all_after,
            "batch_add": self._add_batch,
            "batch_cancel": self._cancel_batch,
        }

    def hear(self, connection: Connection, request: Guarded) -> None:
        """Take a request; it is carried out in a moment, in the order of this connection."""
        heard_at = self._world.now
        trades = request.method in TRADING
        cut = self._faults.on_request(heard_at, connection, request.method) if trades and self._faults.armed else None
        if cut == "cut_before":
            connection.end(CUT, "")
            return

        def serve() -> None:
            replies = self._serve(connection, request, heard_at)
            if cut is not None:
                connection.end(CUT, "")
            symbol = request.params.get("symbol")
            for reply in replies:
                fields = {"method": request.method, "success": "error" not in reply, **reply}
                if request.req_id is not None:
                    fields["req_id"] = request.req_id
                named = symbol if isinstance(symbol, str) else None
                self._world.answer(connection, request.method, named, heard_at, fields)

        connection.heard_until = max(connection.heard_until, heard_at + self._world.delay() / 2)
        self._world.at(connection.heard_until, serve)

    def _serve(self, connection: Connection, request: Guarded, heard_at: float) -> Replies:
        trades = request.method in TRADING
        fields = {name: value for name, value in request.params.items() if name != "token"}
        try:
            key = self._key(connection, request)
            if not trades:
                if connection.open:
                    self._world.grant(connection, self._office.feeds.wish(request, key.account), heard_at)
                return []
        except Rejected as rejected:
            # Turned away at the door: the desk, which writes down what it receives, never sees it.
            return [_refusal(rejected)]
        try:
            return self._methods[request.method](key.account, fields)
        except Rejected as rejected:
            return [_refusal(rejected)]

    def _key(self, connection: Connection, request: Guarded) -> ApiKey:
        token = request.params.get("token")
        if not isinstance(token, str) or not token:
            raise Rejected(NO_TOKEN)
        key = self._office.keyring.use(token, connection.id, self._world.now)
        if key is None:
            raise Rejected(INVALID_SESSION)
        subject = request.method if request.method in TRADING else request.params["channel"]
        if not NEEDS[subject] & key.permissions:
            raise Rejected(PERMISSION_DENIED)
        return key

    # --- one method each ----------------------------------------------------------------------------------------------

    def _add(self, account: Account, fields: Fields) -> Replies:
        return [{"result": _placed(self._office.desk.add(account, fields), fields)}]

    def _add_batch(self, account: Account, fields: Fields) -> Replies:
        outcomes = self._office.desk.add_batch(account, fields)
        rows = [
            _placed(outcome, row) if isinstance(outcome, Placed) else {"error": outcome.text}
            for outcome, row in zip(outcomes, fields["orders"], strict=True)
        ]
        return [{"result": rows, "success": all("error" not in row for row in rows)}]

    def _amend(self, account: Account, fields: Fields) -> Replies:
        changed = self._office.desk.amend(account, fields)
        sent = {name: fields[name] for name in ("order_id", "cl_ord_id") if name in fields}
        return [{"result": {"amend_id": changed.ref_id, **sent}}]

    def _edit(self, account: Account, fields: Fields) -> Replies:
        changed = self._office.desk.edit(account, fields)
        return [{"result": {"order_id": changed.order_id, "original_order_id": changed.ref_id}}]

    def _cancel(self, account: Account, fields: Fields) -> Replies:
        replies: Replies = []
        for outcome in self._office.desk.cancel(account, fields):
            if outcome.error is not None or outcome.order is None:
                replies.append({"error": outcome.error})
            elif outcome.named == outcome.order.cl_ord_id:
                replies.append({"result": {"cl_ord_id": outcome.named}})
            else:
                replies.append({"result": {"order_id": outcome.order.order_id}})
        return replies

    def _cancel_batch(self, account: Account, fields: Fields) -> Replies:
        count = self._office.desk.cancel_batch(account, fields)
        return [{"orders_cancelled": count} if self._batch_cancel == "live" else {"result": {"count": count}}]

    def _cancel_all(self, account: Account, fields: Fields) -> Replies:
        if fields:
            raise Rejected(f"Unsupported field: '{next(iter(fields))}' for the given msg type: cancel all")
        return [{"result": {"count": self._office.desk.cancel_all(account)}}]

    def _cancel_all_after(self, account: Account, fields: Fields) -> Replies:
        fires = self._office.desk.cancel_all_after(account, fields)
        trigger = "0" if fires is None else self._whole_second(fires)
        return [{"result": {"currentTime": self._whole_second(self._world.now), "triggerTime": trigger}}]

    def _whole_second(self, now: float) -> str:
        return f"{second_text(self._world.calendar.seconds(now))}Z"


def _placed(placed: Placed, sent: Fields) -> Fields:
    result: Fields = {"order_id": placed.order_id}
    result |= {name: sent[name] for name in ("cl_ord_id", "order_userref") if name in sent}
    if placed.warnings:
        result["warnings"] = list(placed.warnings)
    return result


def _refusal(rejected: Rejected) -> Fields:
    status = {"status": "error"} if rejected.text == INVALID_SESSION else {}
    return {"error": rejected.text, **status}
