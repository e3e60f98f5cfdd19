"""The trading desk: every way to place, change and cancel orders, the same for WebSocket and REST.

Fields have their v2 names and are decoded JSON with exact numbers; whoever speaks another dialect translates first. A
refusal is a `Rejected` with Kraken's text. What happens to an order is told through the clearing's reports. ws-v2
reference section 6.
"""

from __future__ import annotations

from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from rxkraken.simulator import limits, rules
from rxkraken.simulator.accounts import AccountOrder, Received
from rxkraken.simulator.amending import amend_order, edited
from rxkraken.simulator.fields import ORDER, check_fields, check_object
from rxkraken.simulator.rejections import (
    DEADLINE_ELAPSED,
    INVALID_ARGUMENTS,
    RATE_EXCEEDED,
    UNKNOWN_ORDER,
    Rejected,
    invalid,
)
from rxkraken.simulator.tickets import draft, warnings_of

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    from rxkraken.simulator.accounts import Account, Via
    from rxkraken.simulator.floor import Floor
    from rxkraken.simulator.market import Market

Fields = dict[str, Any]

DEADLINE_MOST = 60.0
MOST_TIMEOUT = 86_400
BATCH_ADD = (2, 15)
BATCH_CANCEL = (2, 50)


@dataclass(frozen=True, slots=True)
class Placed:
    """An order was accepted. `order` is the order itself, which goes on changing; `order_id` is empty for a check."""

    order: AccountOrder
    order_id: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Changed:
    """An order was amended (`ref_id` is the amend's id) or edited (`ref_id` is the id of the order it replaced)."""

    order: AccountOrder
    ref_id: str
    order_id: str


@dataclass(frozen=True, slots=True)
class Cancelled:
    """One order that a cancel names: `named` is the id or tag that named it, `error` why it could not be cancelled."""

    named: str | int
    order: AccountOrder | None
    error: str | None = None


class Desk:
    """Takes requests for accounts, checks them, and carries them out on the floor."""

    def __init__(self, floor: Floor) -> None:
        """Trade on this floor."""
        self._floor = floor
        # Until when a storm refuses every order, whatever the counters say.
        self.storm_until = float("-inf")

    # --- placing ----------------------------------------------------------------------------------------------------

    def add(self, account: Account, fields: Fields, *, via: Via = "ws") -> Placed:
        """Place one order. With `validate` nothing is placed and the id is empty."""
        with self._received(account, via, "add_order", fields):
            check_fields("add_order", fields)
            market = self._market(fields)
            self._charge(account, market.spec.symbol, 1)
            self._in_time(fields)
            order = self._checked(account, fields, market)
            if fields.get("validate", False):
                return Placed(order, "", tuple(warnings_of(fields)))
            self._floor.accept(account, order, market)
            return Placed(order, order.order_id, tuple(warnings_of(fields)))

    def add_batch(self, account: Account, fields: Fields, *, via: Via = "ws") -> list[Placed | Rejected]:
        """Place 2 to 15 orders on one symbol. Bad fields of one refuse all; funds and limits refuse only their own."""
        with self._received(account, via, "batch_add", fields):
            check_fields("batch_add", fields)
            rows = cast("list[Any]", fields.get("orders") or [])
            if not BATCH_ADD[0] <= len(rows) <= BATCH_ADD[1] or not all(isinstance(row, dict) for row in rows):
                raise Rejected(INVALID_ARGUMENTS)
            for row in rows:
                check_object(row, ORDER, "add order")
            market = self._market(fields)
            self._charge(account, market.spec.symbol, len(rows) / 2)
            self._in_time(fields)
            for row in rows:
                order = draft(row, market, self._floor.calendar, self._floor.now)
                rules.check_mode(order, market.spec, self._floor.system)
                rules.check_size(order, market)
            validate = fields.get("validate", False)
            return [self._add_row(account, row, market, validate=validate) for row in rows]

    def _add_row(self, account: Account, row: Fields, market: Market, *, validate: bool) -> Placed | Rejected:
        try:
            order = self._checked(account, row, market)
        except Rejected as rejected:
            return rejected
        if not validate:
            self._floor.accept(account, order, market)
        return Placed(order, order.order_id, tuple(warnings_of(row)))

    def _checked(self, account: Account, fields: Fields, market: Market) -> AccountOrder:
        order = draft(fields, market, self._floor.calendar, self._floor.now)
        rules.check_mode(order, market.spec, self._floor.system)
        rules.check_size(order, market)
        rules.check_room(order, account)
        rules.check_funds(order, account, market)
        rules.check_post_only(order, market)
        return order

    # --- changing ---------------------------------------------------------------------------------------------------

    def amend(self, account: Account, fields: Fields, *, via: Via = "ws") -> Changed:
        """Change an order in place; its id, its fills and, where the rules allow it, its place in the queue stay."""
        with self._received(account, via, "amend_order", fields):
            check_fields("amend_order", fields)
            if ("order_id" in fields) == ("cl_ord_id" in fields):
                raise Rejected(INVALID_ARGUMENTS)
            name = "order_id" if "order_id" in fields else "cl_ord_id"
            order = self._one(account, name, fields[name])
            market = self._floor.markets[order.symbol]
            self._charge(account, order.symbol, 1 + limits.young(order, limits.AMEND, self._floor.now))
            self._in_time(fields)
            before = copy(order)
            amend_order(account, order, fields, market, self._floor)
            if not order.amends:
                before.note(self._floor.ids("T"), "original", order.opened)
            amend_id = self._floor.ids("T")
            order.note(amend_id, "user", self._floor.now)
            return Changed(order, amend_id, order.order_id)

    def edit(self, account: Account, fields: Fields, *, via: Via = "ws") -> Changed:
        """Replace an order by a new one with a new id, which goes to the back of the queue."""
        with self._received(account, via, "edit_order", fields):
            check_fields("edit_order", fields)
            if "order_id" not in fields:
                raise Rejected(INVALID_ARGUMENTS)
            market = self._market(fields)
            old = self._one(account, "order_id", fields["order_id"])
            self._charge(account, old.symbol, 1 + limits.young(old, limits.EDIT, self._floor.now))
            self._in_time(fields)
            if old.symbol != market.spec.symbol:
                raise invalid("symbol")
            order = edited(old, fields, market, self._floor)
            rules.check_mode(order, market.spec, self._floor.system)
            rules.check_size(order, market)
            rules.check_funds(order, account, market, freed=old.reserved()[1])
            rules.check_post_only(order, market)
            if fields.get("validate", False):
                return Changed(order, old.order_id, "")
            self._floor.cancel(account, old, "User requested")
            self._floor.accept(account, order, market)
            return Changed(order, old.order_id, order.order_id)

    # --- cancelling -------------------------------------------------------------------------------------------------

    def cancel(self, account: Account, fields: Fields, *, via: Via = "ws") -> list[Cancelled]:
        """Cancel orders by `order_id`, `cl_ord_id` and `order_userref`, each a list; one outcome for each order."""
        with self._received(account, via, "cancel_order", fields):
            check_fields("cancel_order", fields)
            rules.check_cancel(self._floor.system)
            if not fields:
                raise Rejected(INVALID_ARGUMENTS)
            outcomes: list[Cancelled] = []
            for name in ("order_id", "cl_ord_id", "order_userref"):
                for named in cast("list[Any]", fields.get(name, [])):
                    outcomes += self._cancel_named(account, name, named)
            return outcomes

    def cancel_batch(self, account: Account, fields: Fields, *, via: Via = "ws") -> int:
        """Cancel 2 to 50 orders at once; how many there were. It counts, but the rate counter never refuses it."""
        with self._received(account, via, "batch_cancel", fields):
            check_fields("batch_cancel", fields)
            rules.check_cancel(self._floor.system)
            orders, client_ids = (
                cast("list[Any]", fields.get("orders", [])),
                cast("list[Any]", fields.get("cl_ord_id", [])),
            )
            if not BATCH_CANCEL[0] <= len(orders) + len(client_ids) <= BATCH_CANCEL[1]:
                raise Rejected(INVALID_ARGUMENTS)
            found: dict[str, AccountOrder] = {}
            for name, named in [("any", each) for each in orders] + [("cl_ord_id", each) for each in client_ids]:
                found |= {order.order_id: order for order in self._named(account, name, named)}
            if not found:
                raise Rejected(UNKNOWN_ORDER)
            for order in found.values():
                limits.charge(account, order.symbol, self._age_cost(order), self._floor.now, forced=True)
                self._floor.cancel(account, order, "User requested")
            return len(found)

    def cancel_all(self, account: Account, *, via: Via = "ws") -> int:
        """Cancel every open order of the account; how many there were."""
        with self._received(account, via, "cancel_all", {}):
            rules.check_cancel(self._floor.system)
            orders = account.open_orders
            for symbol in {order.symbol: None for order in orders}:
                limits.charge(account, symbol, 1, self._floor.now, forced=True)
            for order in orders:
                self._floor.cancel(account, order, "User requested")
            return len(orders)

    def cancel_all_after(self, account: Account, fields: Fields, *, via: Via = "ws") -> float | None:
        """Arm the dead man's switch, or disarm it with `timeout` 0; the moment it fires, on the exchange's clock."""
        with self._received(account, via, "cancel_all_orders_after", fields):
            check_fields("cancel_all_orders_after", fields)
            timeout = fields.get("timeout")
            if not isinstance(timeout, int) or not 0 <= timeout < MOST_TIMEOUT:
                raise Rejected(INVALID_ARGUMENTS)
            account.cancel_at = self._floor.now + timeout if timeout else None
            if timeout:
                self._floor.watch_switch(account)
            return account.cancel_at

    def _cancel_named(self, account: Account, name: str, named: Any) -> list[Cancelled]:
        orders = self._named(account, name, named)
        if not orders:
            return [Cancelled(named, None, UNKNOWN_ORDER)]
        outcomes: list[Cancelled] = []
        for order in orders:
            try:
                limits.charge(account, order.symbol, self._age_cost(order), self._floor.now)
            except Rejected as rejected:
                outcomes.append(Cancelled(named, order, rejected.text))
                continue
            self._floor.cancel(account, order, "User requested")
            outcomes.append(Cancelled(named, order))
        return outcomes

    def _age_cost(self, order: AccountOrder) -> int:
        return limits.young(order, limits.CANCEL, self._floor.now)

    # --- what all share ---------------------------------------------------------------------------------------------

    def note(self, account: str, via: Via, method: str, params: Fields) -> Received:
        """Write down that a request came; whoever decides it sets `outcome`."""
        received = Received(self._floor.now, account, via, method, params, _client_ids(params))
        self._floor.received.append(received)
        return received

    @contextmanager
    def _received(self, account: Account, via: Via, method: str, params: Fields) -> Generator[None]:
        received = self.note(account.name, via, method, dict(params))
        try:
            yield
        except Rejected as rejected:
            received.outcome = rejected.text
            raise
        received.outcome = "accepted"

    def _market(self, fields: Fields) -> Market:
        symbol = fields.get("symbol")
        if symbol is None:
            raise Rejected("Symbol(s) not found")
        market = self._floor.markets.get(symbol)
        if market is None:
            raise Rejected(f"Currency pair not supported {symbol}")
        return market

    def _charge(self, account: Account, symbol: str, cost: float) -> None:
        if self._floor.now < self.storm_until:
            raise Rejected(RATE_EXCEEDED)
        limits.charge(account, symbol, cost, self._floor.now)

    def _in_time(self, fields: Fields) -> None:
        text = fields.get("deadline")
        if text is None:
            return
        deadline = self._floor.calendar.reading(text)
        if deadline is None or deadline > self._floor.now + DEADLINE_MOST:
            raise invalid("deadline")
        if deadline <= self._floor.now:
            raise Rejected(DEADLINE_ELAPSED)

    def _one(self, account: Account, name: str, named: Any) -> AccountOrder:
        orders = self._named(account, name, named)
        if not orders:
            raise Rejected(UNKNOWN_ORDER)
        return orders[0]

    @staticmethod
    def _named(account: Account, name: str, named: Any) -> Sequence[AccountOrder]:
        """The open orders that an id or a tag names."""
        if name in ("order_id", "any") and isinstance(named, str):
            order = account.orders.get(named)
            if order is not None and order.is_open:
                return (order,)
        if name == "cl_ord_id":
            return [order for order in account.open_orders if order.cl_ord_id == named]
        tag = named if name == "order_userref" else _integer(named) if name == "any" else None
        return [order for order in account.open_orders if tag and order.order_userref == tag]


def _client_ids(params: Fields) -> tuple[str, ...]:
    """Every client order id that a request names, wherever it stands."""
    found: list[Any] = []
    given = params.get("cl_ord_id")
    found += cast("list[Any]", given) if isinstance(given, list) else [given]
    rows = params.get("orders")
    if isinstance(rows, list):
        found += [cast("Fields", row).get("cl_ord_id") for row in cast("list[Any]", rows) if isinstance(row, dict)]
    return tuple(each for each in found if isinstance(each, str))


def _integer(text: Any) -> int | None:
    try:
        return int(text)
    except (TypeError, ValueError):
        return None
