"""The floor: where accepted orders live until they end, in the same book that everyone trades in.

Orders start when their time comes, wait for their trigger, meet the market, leave it when they expire. The checks are
done before; here an order can only be cancelled by events. ws-v2 reference sections 5.2 and 6.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from rxkraken.simulator import rules
from rxkraken.simulator.engine import Order
from rxkraken.simulator.rejections import Rejected
from rxkraken.simulator.tickets import draft, on_tick, secondary_fields, trail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rxkraken.simulator.accounts import Account, AccountOrder, Fill, Received
    from rxkraken.simulator.clearing import Clearing, Ids, Reports
    from rxkraken.simulator.engine import SelfTrade
    from rxkraken.simulator.market import Market
    from rxkraken.simulator.wire import Calendar

# The texts of `reason` are free (ws-v2 reference section 5.2); only the first two are confirmed.
USER = "User requested"
POST_ONLY = "Post only order"
SELF_TRADE = "Self trade prevention"
NO_LIQUIDITY = "Insufficient liquidity"
NOT_WHOLE = "Fill or kill order could not be filled"
NO_FUNDS = "Insufficient funds"
REMAINDER = "Immediate or cancel order could not be filled"
EXPIRED = "Order expired"
SWITCH = "Cancel all orders after timeout"
RESCALED = "Price precision changed"


class World(Protocol):
    """What the floor needs of its exchange."""

    now: float
    system: str
    calendar: Calendar
    received: list[Received]

    @property
    def markets(self) -> Mapping[str, Market]:
        """The listed markets by symbol."""
        ...

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something later."""
        ...

    def publish(self, symbol: str) -> None:
        """Tell the public what happened in a market."""
        ...


class Floor:
    """All open orders of all accounts, and what makes them move."""

    def __init__(self, world: World, clearing: Clearing, reports: Reports, ids: Ids) -> None:
        """Take over the fills of every market that the world lists."""
        self.ids = ids
        self.clearing = clearing
        # Orders in wait for their trigger, by symbol; those that were cancelled meanwhile are skipped when looked at.
        self.waiting: dict[str, list[tuple[Account, AccountOrder]]] = {}
        self._world = world
        self._reports = reports
        self._settling = False
        for market in world.markets.values():
            market.on_fill = lambda trade, made, market=market: clearing.trade(market, trade, made)

    @property
    def now(self) -> float:
        """The exchange's clock."""
        return self._world.now

    @property
    def system(self) -> str:
        """The phase the exchange is in."""
        return self._world.system

    @property
    def markets(self) -> Mapping[str, Market]:
        """The listed markets by symbol."""
        return self._world.markets

    @property
    def calendar(self) -> Calendar:
        """The clock as times on the wire."""
        return self._world.calendar

    @property
    def received(self) -> list[Received]:
        """Every trading request so far."""
        return self._world.received

    # --- the life of an order -----------------------------------------------------------------------------------------

    def accept(self, account: Account, order: AccountOrder, market: Market) -> None:
        """Give a checked order its id and let it begin, now or at its effective time."""
        order.order_id = self.ids("O")
        account.keep(order)
        self._reports.execution(account, order, "pending_new")
        if order.expire_time is not None:
            self._world.at(order.expire_time, lambda: self._expire(account, order))
        if order.effective_time is not None:
            self._world.at(order.effective_time, lambda: self._start(account, order, market))
        else:
            self._start(account, order, market)

    def cancel(self, account: Account, order: AccountOrder, reason: str) -> None:
        """Take an open order away."""
        self.markets[order.symbol].engine.cancel(order.order_id)
        self.clearing.end(account, order, "canceled", reason, self.now)
        self._world.publish(order.symbol)

    def watch_switch(self, account: Account) -> None:
        """Cancel everything when the account's dead man's switch fires, unless it is set anew before."""
        moment = account.cancel_at

        def fire() -> None:
            if account.cancel_at is None or account.cancel_at != moment:
                return
            account.cancel_at = None
            for order in account.open_orders:
                self.cancel(account, order, SWITCH)

        if moment is not None:
            self._world.at(moment, fire)

    def is_stirred(self, symbol: str) -> bool:
        """Whether `look` may find something to do after this market moved."""
        return bool(self.waiting.get(symbol) or self.clearing.closing)

    def look(self, symbol: str) -> None:
        """Create the close orders of what was filled, and trigger what the price has reached, until nothing stirs."""
        if self._settling:
            return
        self._settling = True
        try:
            while self._close_filled() or self._trigger(self.markets[symbol]):
                pass
        finally:
            self._settling = False

    def respecify(self, symbol: str) -> None:
        """A market has other digits now: its orders have the prices that the book gave them."""
        market = self.markets[symbol]
        for account, order in self._open_on(symbol):
            booked = market.engine.orders.get(order.order_id)
            if booked is not None and (price := market.price(booked.price)) != order.limit_price:
                order.limit_price, order.reason = price, RESCALED
                self._reports.execution(account, order, "restated")
            elif booked is None and not order.is_untriggered and order.status != "pending_new":
                self.clearing.end(account, order, "canceled", RESCALED, self.now)
            if order.triggers is not None:
                order.triggers.actual_price = on_tick(order.triggers.actual_price, market)

    def amended(self, account: Account, order: AccountOrder) -> None:
        """Say that its owner changed an order."""
        self._reports.execution(account, order, "amended")

    def moved(self, account: Account, order: AccountOrder, booked: Order) -> None:
        """An order met the book: end what is over, and let everything go on that hangs on it."""
        market = self.markets[order.symbol]
        if booked.state in ("cancelled", "refused") and order.is_open:
            status, reason = _ending(order, booked)
            self.clearing.end(account, order, status, reason, self.now)
        for gone in market.engine.prevented:
            # Prevention only concerns orders of one owner.
            self.clearing.end(account, account.orders[gone.order_id], "canceled", SELF_TRADE, self.now)
        market.engine.prevented.clear()
        self.look(order.symbol)
        self._world.publish(order.symbol)

    def _start(self, account: Account, order: AccountOrder, market: Market) -> None:
        if not order.is_open:
            return
        order.status = "new"
        self._reports.execution(account, order, "new")
        if order.is_untriggered:
            self.waiting.setdefault(order.symbol, []).append((account, order))
            self.look(order.symbol)
        else:
            self._submit(account, order, market)

    def _submit(self, account: Account, order: AccountOrder, market: Market) -> None:
        spec = market.spec
        try:
            rules.check_mode(order, spec, self.system)
            if order.limit_price is None:
                self._budget(account, order, market)
        except Rejected as rejected:
            self.clearing.end(account, order, "canceled", rejected.text.partition(":")[2], self.now)
            return
        price = int(order.limit_price.scaleb(spec.price_precision)) if order.limit_price is not None else 0
        qty = int(order.qty.scaleb(spec.qty_precision))
        display = int(order.display_qty.scaleb(spec.qty_precision)) if order.display_qty is not None else 0
        prevention: SelfTrade = order.stp_type  # pyright: ignore[reportAssignmentType] -- the ticket checked it
        if qty == 0:
            self.clearing.end(account, order, "canceled", NO_LIQUIDITY, self.now)
            return
        booked = Order(
            order.order_id, account.name, order.side, price, qty, self.now, "limit" if price else "market", display,
            prevention,
        )  # fmt: skip
        tif = "gtc" if order.time_in_force == "gtd" else order.time_in_force
        market.engine.submit(booked, tif, post_only=order.post_only)
        self.moved(account, order, booked)

    @staticmethod
    def _budget(account: Account, order: AccountOrder, market: Market) -> None:
        """Turn cash into a quantity, and set aside what a buy at any price is going to cost."""
        if order.side == "sell":
            return
        rules.check_funds(order, account, market, freed=order.reserved()[1])
        if order.cash_qty is not None:
            order.qty = rules.sweep_qty(market, order.cash_qty, account.name)
        order.budget = rules.sweep_cost(market, order.qty, account.name)

    def _expire(self, account: Account, order: AccountOrder) -> None:
        if order.is_open:
            self.markets[order.symbol].engine.cancel(order.order_id)
            self.clearing.end(account, order, "expired", EXPIRED, self.now)
            self._world.publish(order.symbol)

    # --- what stirs ---------------------------------------------------------------------------------------------------

    def _close_filled(self) -> bool:
        closing, self.clearing.closing = self.clearing.closing, []
        for account, order, fill in closing:
            self._close(account, order, fill)
        return bool(closing)

    def _close(self, account: Account, primary: AccountOrder, fill: Fill) -> None:
        market = self.markets[primary.symbol]
        try:
            order = draft(secondary_fields(primary, fill.qty), market, self.calendar, self.now)
        except Rejected:
            # The price has gone where the close order's makes no sense any more; there is no order to speak of.
            return
        order.ref_id = primary.order_id
        try:
            rules.check_funds(order, account, market)
        except Rejected:
            order.order_id = self.ids("O")
            account.keep(order)
            self._reports.execution(account, order, "pending_new")
            self.clearing.end(account, order, "canceled", NO_FUNDS, self.now)
            return
        self.accept(account, order, market)

    def _trigger(self, market: Market) -> bool:
        waiting = self.waiting.get(market.spec.symbol)
        if not waiting or self.system != "online" or market.spec.status != "online":
            return False
        for account, order in tuple(waiting):
            if not order.is_open or order.triggers is None:
                waiting.remove((account, order))
                continue
            price = market.reference(order.triggers.reference)
            trail(order, price, market)
            level = order.triggers.actual_price
            if price >= level if order.triggers.rising else price <= level:
                waiting.remove((account, order))
                order.triggers.triggered_at, order.triggers.last_price = self.now, price
                self._reports.execution(account, order, "status")
                self._submit(account, order, market)
                return True
        return False

    def _open_on(self, symbol: str) -> list[tuple[Account, AccountOrder]]:
        accounts = self.clearing.accounts.values()
        return [(account, order) for account in accounts for order in account.open_orders if order.symbol == symbol]


def _ending(order: AccountOrder, booked: Order) -> tuple[Literal["canceled", "expired"], str]:
    if booked.prevented:
        return "canceled", SELF_TRADE
    if booked.state == "refused":
        return "canceled", POST_ONLY if order.post_only else NOT_WHOLE
    # Which of the two words ends the remainder of an IOC order is unconfirmed (ws-v2 reference section 5.2).
    return ("expired", REMAINDER) if order.time_in_force == "ioc" else ("canceled", NO_LIQUIDITY)
