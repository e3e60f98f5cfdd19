"""The private channels of WebSocket v1: who listens to which account, and what is sent to whom in which order.

Each subscription has its own `sequence`, which begins at 1 with the snapshot (ws-v1 reference section 7). A message
travels on its own: it may arrive before or after the answer to the request that caused it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rxkraken.simulator import limits
from rxkraken.simulator.accounts import Account, Fill
from rxkraken.simulator.connections import Subscription
from rxkraken.simulator.v1_reports import SNAPSHOT_TRADES, V1Writer, same_taking
from rxkraken.simulator.wire import dumps

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rxkraken.simulator.accounts import AccountOrder
    from rxkraken.simulator.market import Market
    from rxkraken.simulator.private import World
    from rxkraken.simulator.wire import Calendar

# A taker order of this many fills may be one trade, so so many times more fills are looked through for the last fifty.
_FILLS_PER_TRADE = 20


@dataclass(slots=True, eq=False)
class Ear:
    """One private subscription: what it asked for, and how many messages it has had."""

    subscription: Subscription
    account: Account
    channel: str
    snapshot: bool
    together: bool
    counter: bool
    sequence: int = 0
    sent_until: float = 0.0
    # Fills of one taker order, kept until the moment in which they happen is over.
    taking: list[Fill] = field(default_factory=list[Fill])


class V1Private:
    """Listens to the clearing, and sends what it hears to the subscriptions of the account."""

    def __init__(self, world: World, markets: Mapping[str, Market], calendar: Calendar) -> None:
        """Nobody listens yet."""
        self._world = world
        self._writer = V1Writer(markets, calendar)
        self._ears: dict[Subscription, Ear] = {}
        self._open: dict[tuple[str, str], list[Ear]] = defaultdict(list)

    # --- subscriptions ------------------------------------------------------------------------------------------------

    def ask(self, subscription: Subscription, account: Account, sent: Mapping[str, Any]) -> None:
        """Remember what a subscription asked for; nothing is sent before `open`."""
        channel = str(subscription.topic.option)
        self._ears[subscription] = Ear(
            subscription,
            account,
            channel,
            snapshot=channel == "openOrders" or sent.get("snapshot", True),
            together=sent.get("consolidate_taker", True),
            counter=sent.get("ratecounter", False),
        )

    def threshold(self, subscription: Subscription) -> int | None:
        """The `maxratecount` of an ack: only of one that asked for the counter."""
        ear = self._ears[subscription]
        return limits.ALLOWANCES[ear.account.tier].threshold if ear.counter and ear.channel == "openOrders" else None

    def open(self, subscription: Subscription) -> None:
        """Let a subscription hear from now on, after its snapshot."""
        ear = self._ears[subscription]
        self._open[ear.account.name, ear.channel].append(ear)
        if ear.snapshot:
            self.snapshot(subscription)

    def close(self, subscription: Subscription) -> None:
        """A subscription is over."""
        ear = self._ears.pop(subscription, None)
        if ear is not None and ear in self._open[ear.account.name, ear.channel]:
            self._open[ear.account.name, ear.channel].remove(ear)

    def snapshot(self, subscription: Subscription) -> None:
        """Send the open orders or the last trades; an empty list if there are none, which is unconfirmed."""
        ear = self._ears[subscription]
        if ear.channel == "openOrders":
            self._post(ear, [{order.order_id: self._writer.whole(order)} for order in ear.account.open_orders])
            return
        fills = ear.account.fills[-SNAPSHOT_TRADES * _FILLS_PER_TRADE :]
        self._post(ear, self._writer.past(fills, ear.account.orders, together=ear.together))

    # --- what the clearing tells --------------------------------------------------------------------------------------

    def execution(self, account: Account, order: AccountOrder, exec_type: str, fill: Fill | None = None) -> None:
        """An order changed."""
        for ear in self._open.get((account.name, "openOrders"), ()):
            entry = self._writer.change(order, exec_type, self._world.now)
            if ear.counter:
                entry["ratecount"] = round(limits.count(account, order.symbol, self._world.now))
            self._post(ear, [{order.order_id: entry}])
        if fill is not None:
            for ear in self._open.get((account.name, "ownTrades"), ()):
                self._filled(ear, fill)

    def _filled(self, ear: Ear, fill: Fill) -> None:
        if not ear.together or fill.liquidity == "m":
            self._tell_trade(ear, [fill])
            return
        if ear.taking and not same_taking(ear.taking[-1], fill):
            self._settle(ear)
        if not ear.taking:
            # After everything that happens in this moment: then all fills of the order are there.
            self._world.at(self._world.now, lambda: self._settle(ear))
        ear.taking.append(fill)

    def _settle(self, ear: Ear) -> None:
        fills, ear.taking = ear.taking, []
        if fills:
            self._tell_trade(ear, fills)

    def _tell_trade(self, ear: Ear, fills: list[Fill]) -> None:
        trade_id, entry = self._writer.trade(ear.account.orders[fills[0].order_id], fills, news=True)
        self._post(ear, [{trade_id: entry}])

    def _post(self, ear: Ear, data: list[dict[str, Any]]) -> None:
        def deliver() -> None:
            if ear.subscription.stage != "live":
                return
            ear.sequence += 1
            text = f'[{dumps(data)},"{ear.channel}",{{"sequence":{ear.sequence}}}]'
            self._world.tell(ear.subscription, text)

        ear.sent_until = max(ear.sent_until, self._world.now + self._world.delay())
        self._world.at(ear.sent_until, deliver)
