"""The exchange as clients of WebSocket v1 see it: two hosts over the same markets, accounts and desk as everybody's.

It takes the frames of v1 connections and writes what they are sent; time, delays, faults and connections themselves are
the exchange's (ws-v1 reference sections 1 to 4).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from rxkraken.simulator.accounts import Account
from rxkraken.simulator.connections import CUT, V1_AUTH, Connection, Subscription
from rxkraken.simulator.rejections import INVALID_SESSION, PERMISSION_DENIED, Rejected
from rxkraken.simulator.rest_names import wsname
from rxkraken.simulator.v1_market import V1Feed, channel_name
from rxkraken.simulator.v1_private import V1Private
from rxkraken.simulator.v1_requests import (
    ALREADY,
    MALFORMED,
    NOT_SUBSCRIBED,
    TRADING,
    Ping,
    Refusal,
    Trade,
    Wanted,
    Wish,
    echo,
    read,
    repeated,
    without_token,
)
from rxkraken.simulator.v1_trading import V1Trading, refusal, token_of
from rxkraken.simulator.v1_trading import World as TradingWorld

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.simulator.accounts import ApiKey
    from rxkraken.simulator.backoffice import BackOffice
    from rxkraken.simulator.faults import Faults
    from rxkraken.simulator.feeds import Topic

Fields = dict[str, Any]
VERSION = "1.9.1"
HEARTBEAT = '{"event":"heartbeat"}'
_CHANGES = frozenset({"modify_orders", "cancel_orders"})
# Any one of these lets a key do it; which permission each channel takes is unconfirmed.
NEEDS: dict[str, frozenset[str]] = {
    "openOrders": frozenset({"query_open_orders"}),
    "ownTrades": frozenset({"query_closed_orders", "query_open_orders"}),
    "addOrder": frozenset({"modify_orders"}),
    **dict.fromkeys(("amendOrder", "editOrder"), _CHANGES),
    **dict.fromkeys(("cancelOrder", "cancelAll", "cancelAllOrdersAfter"), frozenset({"cancel_orders"})),
}


class World(TradingWorld, Protocol):
    """What the front needs of its exchange."""

    system: str

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something later."""
        ...

    def delay(self) -> float:
        """How long things take."""
        ...

    def beat(self, connection: Connection) -> None:
        """Begin with the heartbeats of a connection."""
        ...

    def answer(  # noqa: PLR0917 -- who, what, when, and what then
        self,
        connection: Connection,
        method: str,
        symbol: str | None,
        heard_at: float,
        fields: Fields,
        then: Callable[[], None] = ...,
        swallowed: Callable[[], None] = ...,
    ) -> None:
        """Answer after a while, if no fault comes between."""
        ...

    def tell(self, subscription: Subscription, text: str) -> None:
        """Send a channel message, if no fault comes between."""
        ...


@dataclass(slots=True)
class _Asked:
    """A subscribe or unsubscribe on its way: from whom and when, whose data; `last` is when its last answer is out."""

    connection: Connection
    wish: Wish
    heard_at: float
    account: Account | None = None
    last: float = 0.0


class V1Front:
    """Serves the connections of both v1 hosts."""

    def __init__(self, world: World, office: BackOffice, faults: Faults) -> None:
        """Serve this exchange."""
        self._world = world
        self._office = office
        self._faults = faults
        self._listed = {wsname(symbol): symbol for symbol in world.markets}
        self._feeds = {
            symbol: V1Feed(world, market, number) for number, (symbol, market) in enumerate(world.markets.items())
        }
        self._private = V1Private(world, world.markets, world.calendar)
        office.feeds.others.append(self._private.execution)
        self._trading = V1Trading(world)
        self._live: dict[Topic, list[Subscription]] = defaultdict(list)
        # The symbols that somebody on v1 listens to; nothing is done for the others.
        self.awake: set[str] = set()

    def status(self, connection: Connection) -> str:
        """The `systemStatus` event, which is the first frame of a connection."""
        return (
            f'{{"connectionID":{connection.connection_id},"event":"systemStatus","status":"{self._world.system}",'
            f'"version":"{VERSION}"}}'
        )

    # --- markets ------------------------------------------------------------------------------------------------------

    def publish(self, symbol: str) -> None:
        """Send what has happened in a market since the last time."""
        for topic, text in self._feeds[symbol].flush():
            for subscription in tuple(self._live[topic]):
                self._world.tell(subscription, text)

    def respecify(self, symbol: str, before: int) -> None:
        """A market may have other digits than `before`.

        Prices are padded, so that finer ones change nothing that was sent; books begin anew when levels have merged,
        or when there is no room for padding any more.
        """
        feed = self._feeds[symbol]
        if not feed.respecify(before):
            return
        for topic in [topic for topic in self._live if topic.channel == "book" and topic.symbol == symbol]:
            for subscription in tuple(self._live[topic]):
                self.resend(subscription)

    def resend(self, subscription: Subscription) -> None:
        """Send a subscription its first frame again."""
        topic = subscription.topic
        if topic.channel == "executions":
            self._private.snapshot(subscription)
        elif (text := self._feeds[topic.symbol].opening(topic)) is not None:
            self._world.tell(subscription, text)

    # --- requests -----------------------------------------------------------------------------------------------------

    def hear(self, connection: Connection, text: str) -> None:
        """Take a frame from a client; its answers follow on the timeline."""
        heard_at, private = self._world.now, connection.role == V1_AUTH
        match read(text, self._listed, private=private):
            case Ping(reqid):
                self._world.answer(connection, "ping", None, heard_at, {"event": "pong", **echo(reqid)})
            case Refusal(answer):
                self._world.answer(connection, "", None, heard_at, answer)
            case Trade() as trade:
                self._trade(connection, trade, heard_at)
            case Wish() as wish if private:
                self._soon(connection, lambda: self._grant_private(_Asked(connection, wish, heard_at)))
            case Wish() as wish:
                self._grant(_Asked(connection, wish, heard_at))

    def _soon(self, connection: Connection, action: Callable[[], None]) -> None:
        """Carry something out in a moment, in the order of this connection."""
        connection.heard_until = max(connection.heard_until, self._world.now + self._world.delay() / 2)
        self._world.at(connection.heard_until, action)

    def _trade(self, connection: Connection, trade: Trade, heard_at: float) -> None:
        method = TRADING[trade.event]
        cut = self._faults.on_request(heard_at, connection, method) if self._faults.armed else None
        if cut == "cut_before":
            connection.end(CUT, "")
            return

        def serve() -> None:
            replies = self._serve(connection, trade)
            if cut is not None:
                connection.end(CUT, "")
            symbol = self._listed.get(str(trade.fields.get("pair")))
            for reply in replies:
                fields = {"status": "ok", **reply, "event": f"{trade.event}Status", **echo(trade.reqid)}
                self._world.answer(connection, method, symbol, heard_at, fields)

        self._soon(connection, serve)

    def _serve(self, connection: Connection, trade: Trade) -> list[Fields]:
        try:
            key = self._key(connection, token_of(trade.fields), trade.event)
        except Rejected as rejected:
            return [refusal(rejected.text)]
        return self._trading.serve(key.account, trade.event, trade.fields)

    def _key(self, connection: Connection, token: str, subject: str) -> ApiKey:
        key = self._office.keyring.use(token, connection.id, self._world.now)
        if key is None:
            raise Rejected(INVALID_SESSION)
        if not NEEDS[subject] & key.permissions:
            raise Rejected(PERMISSION_DENIED)
        return key

    # --- subscriptions ------------------------------------------------------------------------------------------------

    def _grant_private(self, asked: _Asked) -> None:
        if not asked.connection.open:
            return
        token, wanted = asked.wish.token, asked.wish.wanted
        try:
            # Leaving by number needs no token: there is no field for it.
            if token is not None:
                subject = channel_name(wanted[0].topic) if wanted and wanted[0].topic else "openOrders"
                asked.account = self._key(asked.connection, token, subject).account
        except Rejected as rejected:
            self._refuse(asked, None, rejected.text)
            return
        self._grant(asked)

    def _grant(self, asked: _Asked) -> None:
        if asked.wish.method == "unsubscribe" and (asked.wish.everything or asked.wish.by_number is not None):
            self._leave_several(asked)
            return
        for wanted in asked.wish.wanted:
            if wanted.topic is None:
                self._refuse(asked, wanted, wanted.error or MALFORMED)
                continue
            held = asked.connection.subscriptions.get(_slot(wanted.topic))
            if asked.wish.method == "unsubscribe":
                self._leave(asked, wanted, held)
            elif held is not None:
                self._refuse(asked, wanted, ALREADY)
            else:
                self._subscribe(asked, Subscription(wanted.topic, asked.connection, snapshot=True))
        asked.last = asked.connection.answered_until

    def _subscribe(self, asked: _Asked, subscription: Subscription) -> None:
        topic, connection = subscription.topic, asked.connection
        connection.subscriptions[_slot(topic)] = subscription
        self._world.beat(connection)
        extra: Fields = {}
        if asked.account is not None:
            self._private.ask(subscription, asked.account, asked.wish.sent)
            threshold = self._private.threshold(subscription)
            extra = {} if threshold is None else {"maxratecount": threshold}

        def acked() -> None:
            if subscription.stage == "asked":
                subscription.stage = "acked"
                # "All acks of a request arrive before the first data frame" (ws-v1 reference section 4.3).
                at = max(self._world.now, asked.last) + self._world.delay()
                self._world.at(at, lambda: self._go_live(subscription))

        fields = self._ack(topic, asked.wish, "subscribed", extra)
        swallowed = lambda: self.forget(subscription)  # noqa: E731 -- it never was
        self._world.answer(connection, "subscribe", topic.symbol, asked.heard_at, fields, acked, swallowed)

    def _go_live(self, subscription: Subscription) -> None:
        if subscription.stage != "acked" or not subscription.connection.open:
            return
        topic = subscription.topic
        subscription.stage = "live"
        if topic.channel == "executions":
            self._private.open(subscription)
            return
        self._feeds[topic.symbol].open(topic)
        self.awake.add(topic.symbol)
        self._live[topic].append(subscription)
        self.resend(subscription)

    def _leave(self, asked: _Asked, wanted: Wanted, held: Subscription | None) -> None:
        if held is None:
            self._refuse(asked, wanted, NOT_SUBSCRIBED)
            return
        fields = self._ack(held.topic, asked.wish, "unsubscribed", {})
        done = lambda: self.forget(held)  # noqa: E731 -- the same whether or not the answer is heard
        self._world.answer(asked.connection, "unsubscribe", held.topic.symbol, asked.heard_at, fields, done, done)

    def _leave_several(self, asked: _Asked) -> None:
        """Leave all that there is, or all that has one number."""
        number = asked.wish.by_number
        held = [
            each
            for each in asked.connection.subscriptions.values()
            if number is None or self._number(each.topic) == number
        ]
        if not held:
            self._refuse(asked, None, NOT_SUBSCRIBED)
        for subscription in held:
            self._leave(asked, Wanted(None, subscription.topic), subscription)

    def _number(self, topic: Topic) -> int | None:
        return None if topic.channel == "executions" else self._feeds[topic.symbol].id_of(topic)

    def forget(self, subscription: Subscription) -> None:
        """Drop a subscription, whether its client left it or went away."""
        if subscription.stage == "gone":
            return
        subscription.stage = "gone"
        topic, slots = subscription.topic, subscription.connection.subscriptions
        if slots.get(_slot(topic)) is subscription:
            del slots[_slot(topic)]
        if topic.channel == "executions":
            self._private.close(subscription)
        elif subscription in self._live[topic]:
            self._live[topic].remove(subscription)
            feed = self._feeds[topic.symbol]
            feed.close(topic)
            if not feed.is_awake:
                self.awake.discard(topic.symbol)

    def _ack(self, topic: Topic, wish: Wish, status: str, extra: Fields) -> Fields:
        public: Fields = {}
        if topic.channel != "executions":
            feed = self._feeds[topic.symbol]
            public = {"channelID": feed.id_of(topic), "pair": feed.pair}
        return {
            **public, "channelName": channel_name(topic), "event": "subscriptionStatus", "status": status,
            "subscription": {**repeated(topic), **extra}, **echo(wish.reqid),
        }  # fmt: skip

    def _refuse(self, asked: _Asked, wanted: Wanted | None, error: str) -> None:
        wish = asked.wish
        pair = {"pair": wanted.pair} if wanted is not None and wanted.pair is not None else {}
        shown = {"subscription": without_token(wish.sent)} if wish.sent else {}
        fields: Fields = {
            "errorMessage": error, "event": "subscriptionStatus", **pair, "status": "error", **shown,
            **echo(wish.reqid),
        }  # fmt: skip
        symbol = wanted.topic.symbol if wanted is not None and wanted.topic is not None else None
        self._world.answer(asked.connection, wish.method, symbol, asked.heard_at, fields)


def _slot(topic: Topic) -> tuple[str, str]:
    """Where a connection keeps a subscription: several depths of one pair are several of them."""
    return channel_name(topic), topic.symbol
