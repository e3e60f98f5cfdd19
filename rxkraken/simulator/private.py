"""The private channels of the auth host: who listens to which account, and what is sent to whom in which order.

A message travels on its own: it may arrive before or after the answer to the request that caused it, but messages of
one subscription keep their order, and `sequence` counts them from 1 (ws-v2 reference section 5.4).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Protocol

from rxkraken.simulator import limits
from rxkraken.simulator.connections import Wants
from rxkraken.simulator.feeds import Topic
from rxkraken.simulator.fields import check_object
from rxkraken.simulator.rejections import Rejected
from rxkraken.simulator.reports import SNAPSHOT_FILLS, Writer
from rxkraken.simulator.requests import BAD_CHANNEL, Wish
from rxkraken.simulator.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from rxkraken.simulator.accounts import Account, AccountOrder, Fill, LedgerRecord
    from rxkraken.simulator.connections import Subscription
    from rxkraken.simulator.market import Market
    from rxkraken.simulator.requests import Guarded
    from rxkraken.simulator.wire import Calendar

EXECUTIONS_WARNINGS = (
    "cancel_reason is deprecated, use reason",
    "stop_price is deprecated, use triggers.price",
    "trigger is deprecated use triggers.reference",
    "triggered_price is deprecated use triggers.last_price",
)
PARAMS = {
    "executions": frozenset({
        "channel", "token", "snap_orders", "snap_trades", "order_status", "ratecounter", "rebased", "users",
        "snapshot", "snapshot_trades",
    }),
    "balances": frozenset({"channel", "token", "snapshot", "rebased", "users"}),
}  # fmt: skip
_TYPES: dict[str, Any] = {"channel": "string", "token": "string", "users": "string"}
# What `order_status: false` leaves; that fills are among it is unconfirmed.
_ESSENTIAL = frozenset({"new", "trade", "filled", "canceled", "expired"})


class World(Protocol):
    """What the private channels need of their exchange."""

    now: float

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something later."""
        ...

    def delay(self) -> float:
        """How long a message travels."""
        ...

    def tell(self, subscription: Subscription, text: str) -> None:
        """Send a channel message, if no fault comes between."""
        ...


class PrivateFeeds:
    """Listens to the clearing, and sends what it hears to the subscriptions of the account."""

    def __init__(
        self, world: World, accounts: Mapping[str, Account], markets: Mapping[str, Market], calendar: Calendar
    ) -> None:
        """Nobody listens yet."""
        self._world = world
        self._accounts = accounts
        self._writer = Writer(markets, calendar)
        self._open: dict[tuple[str, str], list[Subscription]] = defaultdict(list)
        # Who tells the same in other words.
        self.others: list[Callable[[Account, AccountOrder, str, Fill | None], None]] = []

    # --- subscriptions ------------------------------------------------------------------------------------------------

    def wish(self, request: Guarded, account: Account) -> Wish:
        """The subscription that a request with a good token asks for. Raises `Rejected`."""
        params, channel = request.params, request.params["channel"]
        if channel not in PARAMS:
            raise Rejected(BAD_CHANNEL)
        types: dict[str, Any] = {**dict.fromkeys(PARAMS[channel], "boolean"), **_TYPES}
        check_object(params, PARAMS[channel], request.method, types)
        topic = Topic(channel)
        if request.method == "unsubscribe":
            return Wish("unsubscribe", (topic,), (), False, {"channel": channel}, (), request.req_id)  # noqa: FBT003 -- no snapshot
        wants = Wants(
            account.name,
            orders=params.get("snap_orders", params.get("snapshot", True)),
            fills=params.get("snap_trades", params.get("snapshot_trades", False)),
            transitions=params.get("order_status", True),
            counter=params.get("ratecounter", False),
        )
        # A master account that listens to all its users gets no snapshot (ws-v2 reference section 5.2).
        snapshot = (wants.orders or wants.fills) and params.get("users") != "all"
        echo: dict[str, Any] = {"channel": channel, "snapshot": snapshot}
        if channel == "executions":
            threshold = limits.ALLOWANCES[account.tier].threshold
            echo |= {"maxratecount": threshold, "snap_orders": wants.orders, "snap_trades": wants.fills}
        warnings = EXECUTIONS_WARNINGS if channel == "executions" else ()
        return Wish("subscribe", (topic,), (), snapshot, echo, warnings, request.req_id, wants=wants)

    def open(self, subscription: Subscription) -> None:
        """Let a subscription hear from now on, after its snapshot."""
        wants = subscription.wants
        if wants is None:
            return
        if subscription.snapshot:
            self.snapshot(subscription)
        self._open[wants.account, subscription.topic.channel].append(subscription)

    def close(self, subscription: Subscription) -> None:
        """A subscription is over."""
        wants = subscription.wants
        listening = self._open[wants.account, subscription.topic.channel] if wants else []
        if subscription in listening:
            listening.remove(subscription)

    def snapshot(self, subscription: Subscription) -> None:
        """Send the state of the account; empty if there is nothing to tell, which is unconfirmed."""
        wants = subscription.wants
        if wants is None:
            return
        account = self._accounts[wants.account]
        if subscription.topic.channel == "balances":
            self._post(subscription, "snapshot", self._writer.balances(account))
            return
        orders = account.open_orders if wants.orders else []
        fills = account.fills[-SNAPSHOT_FILLS:] if wants.fills else []
        data = [self._writer.open_order(order) for order in orders]
        data += [self._writer.past_fill(account.orders[fill.order_id], fill) for fill in fills]
        self._post(subscription, "snapshot", data)

    # --- what the clearing tells --------------------------------------------------------------------------------------

    def execution(self, account: Account, order: AccountOrder, exec_type: str, fill: Fill | None = None) -> None:
        """An order changed."""
        for tell in self.others:
            tell(account, order, exec_type, fill)
        listening = self._open.get((account.name, "executions"))
        if not listening:
            return
        now = self._world.now
        entry = self._writer.execution(order, exec_type, fill, now)
        counted = {**entry, "ratecount": round(limits.count(account, order.symbol, now))}
        for subscription in listening:
            wants = subscription.wants
            if wants is not None and (wants.transitions or exec_type in _ESSENTIAL):
                self._post(subscription, "update", [counted if wants.counter else entry])

    def ledger(self, account: Account, record: LedgerRecord) -> None:
        """A balance changed: one message for each record."""
        for subscription in self._open.get((account.name, "balances"), ()):
            self._post(subscription, "update", [self._writer.ledger(record)])

    def _post(self, subscription: Subscription, kind: str, data: list[dict[str, Any]]) -> None:
        wants = subscription.wants
        if wants is None:
            return

        def deliver() -> None:
            if subscription.stage != "live":
                return
            wants.sequence += 1
            channel = subscription.topic.channel
            text = dumps({"channel": channel, "type": kind, "data": data, "sequence": wants.sequence})
            self._world.tell(subscription, text)

        wants.sent_until = max(wants.sent_until, self._world.now + self._world.delay())
        self._world.at(wants.sent_until, deliver)
