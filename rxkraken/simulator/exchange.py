"""The whole exchange without a socket: connections, requests and answers, markets, faults, and one timeline for all.

Time comes in as a number: `advance(now)` does everything that is due up to then, in order, and calls the connections'
`send` and `close`; `deadline()` tells when it must be called next. So the same exchange runs behind real sockets and,
in virtual time, inside a test. It follows section 8 of the ws-v2 reference; accounts and orders are behind the counter
of the back office.
"""

from __future__ import annotations

import heapq
from collections import defaultdict
from random import Random
from typing import TYPE_CHECKING, Any, Literal

from rxkraken.errors import InvalidArgument
from rxkraken.simulator.authhost import BATCH_CANCEL_SHAPES, AuthHost, BatchCancelShape
from rxkraken.simulator.backoffice import BackOffice
from rxkraken.simulator.connections import V1_ROLES, Connection, Subscription, UpgradeRefused
from rxkraken.simulator.faults import Faults
from rxkraken.simulator.feeds import Feed, Topic
from rxkraken.simulator.instruments import assets_of, choose
from rxkraken.simulator.keyring import Keyring
from rxkraken.simulator.mangling import MANGLES
from rxkraken.simulator.market import Market
from rxkraken.simulator.rejections import INVALID_SESSION
from rxkraken.simulator.requests import (
    ALREADY,
    ALREADY_OHLC,
    LEVEL3_SYMBOLS,
    NOT_SUBSCRIBED,
    PRIVATE_CHANNELS,
    TOO_MANY_SYMBOLS,
    Guarded,
    Ping,
    Refusal,
    Wish,
    read,
)
from rxkraken.simulator.striking import Striker
from rxkraken.simulator.v1_front import HEARTBEAT, V1Front
from rxkraken.simulator.v1_mangling import V1_MANGLES
from rxkraken.simulator.wire import Calendar, dumps, number_style

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from decimal import Decimal

    from rxkraken.credentials import Credentials
    from rxkraken.simulator.accounts import Account, ApiKey, Received, Tier
    from rxkraken.simulator.faults import Armed, FaultRecord
    from rxkraken.simulator.instruments import SymbolSpec
    from rxkraken.simulator.wire import Digits

Heartbeat = Literal["always", "idle"]
VERSION = "2.0.10"
ROLES = ("public", "auth", "l3", *V1_ROLES)
WALL = 1_767_225_600.0
"""The default wall time at the exchange's start: 2026-01-01, so that a seed alone decides every byte."""


class Exchange:
    """Markets, connections and faults on one timeline. Nothing happens except inside its methods."""

    def __init__(
        self,
        *,
        seed: int = 0,
        symbols: int | Sequence[str | SymbolSpec] | None = None,
        rate: float = 5.0,
        start: float = 0.0,
        epoch: float = WALL,
        idle_timeout: float = 60.0,
        heartbeat: Heartbeat = "always",
        digits: Digits = "exact",
        latency: float = 0.005,
        batch_cancel: BatchCancelShape = "live",
    ) -> None:
        """Open the markets, and an account called `demo` with money of everything.

        `rate` is market events a second and symbol (0 stands still); `start` is the clock's reading now and `epoch` the
        same moment in seconds since 1970; `latency` is how long an answer takes on average; `batch_cancel` is how
        that method is answered, as the live servers do it or as the documents say.
        """
        if not 0 <= rate <= _FASTEST:
            raise InvalidArgument(f"rate={rate!r} must be market events a second and symbol, 0 to {_FASTEST}")
        if heartbeat not in ("always", "idle"):
            raise InvalidArgument(f'heartbeat={heartbeat!r} must be "always" or "idle"')
        if batch_cancel not in BATCH_CANCEL_SHAPES:
            raise InvalidArgument(f'batch_cancel={batch_cancel!r} must be "live" or "docs"')
        self.now = start
        self.system = "online"
        self.connections: dict[int, Connection] = {}
        self.markets: dict[str, Market] = {}
        self.calendar = Calendar(start=start, epoch=epoch)
        self._feeds: dict[str, Feed] = {}
        self._faults = Faults()
        self._keyring = Keyring(seed)
        self._idle_timeout = idle_timeout
        self._heartbeat: Heartbeat = heartbeat
        self._latency = latency
        self._random = Random(f"{seed}:exchange")
        self._flow = Random(f"{seed}:flow")
        self._timeline: list[tuple[float, int, Callable[[], None]]] = []
        self._scheduled = 0
        self._connected = 0
        self._live: dict[Topic, list[Subscription]] = defaultdict(list)
        for spec in choose(symbols):
            feed = self._feeds[spec.symbol] = Feed(spec, self.calendar, number_style(digits))
            market = Market(spec, feed, seed=seed, now=start, calendar=self.calendar)
            feed.attach(market)
            for _ in feed.flush(start):
                pass  # the opening orders are no news
            self.markets[spec.symbol] = market
        self.received: list[Received] = []
        self._office = BackOffice(self, self._keyring, seed)
        self._auth = AuthHost(self, self._office, self._faults, batch_cancel)
        self.accounts = self._office.accounts
        self.desk = self._office.desk
        self._v1 = V1Front(self, self._office, self._faults)
        self._striker = Striker(self, self._faults)
        self._symbols = tuple(self.markets)
        self._rate = rate * len(self._symbols)
        if self._rate:
            self._plan_market()

    # --- accounts ---------------------------------------------------------------------------------------------------

    @property
    def credentials(self) -> Credentials:
        """The key of the demo account, with every permission."""
        return self._office.credentials

    @property
    def keys(self) -> dict[str, ApiKey]:
        """Every API key by its public part."""
        return self._keyring.keys

    def add_account(self, name: str, *, balances: Mapping[str, Decimal | int | str], tier: Tier = "pro") -> Account:
        """Open another account with balances by v2 asset name; `add_key` lets somebody use it."""
        return self._office.add_account(name, balances, tier)

    def deposit(self, account: Account | str, asset: str, amount: Decimal | int | str) -> None:
        """Pay so much of an asset into an account; `balances` tells of it."""
        self._office.deposit(account, asset, amount)

    def add_key(
        self, account: Account | str, *, permissions: Iterable[str] | None = None, otp: str | None = None
    ) -> Credentials:
        """Make another API key for an account, with all permissions unless told."""
        return self._office.add_key(account, permissions, otp)

    def issue_token(self, api_key: ApiKey | str) -> tuple[str, int]:
        """A new WebSocket token for a key, or for the one with this public part, and its seconds to be used in."""
        key = self.keys.get(api_key) if isinstance(api_key, str) else api_key
        if key is None:
            raise InvalidArgument(f"no API key begins with {str(api_key)[:4]!r}; make one with add_key")
        return self._keyring.issue(key, self.now)

    # --- time -----------------------------------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Do everything due up to `now`, in the order of time."""
        timeline = self._timeline
        while timeline and timeline[0][0] <= now:
            self.now, _, action = heapq.heappop(timeline)
            action()
        self.now = max(self.now, now)

    def deadline(self) -> float | None:
        """When `advance` must be called next; None while nothing is planned."""
        return self._timeline[0][0] if self._timeline else None

    def at(self, when: float, action: Callable[[], None]) -> None:
        """Do something at a time to come, after what is planned for the same time already."""
        self._scheduled += 1
        heapq.heappush(self._timeline, (when, self._scheduled, action))

    def _plan_market(self) -> None:
        self.at(self.now + self._flow.expovariate(self._rate), self._move_market)

    def _move_market(self) -> None:
        symbol = self._symbols[int(self._flow.random() * len(self._symbols))]
        self.markets[symbol].step(self.now, self.system)  # pyright: ignore[reportArgumentType] -- only faults change it, to one of the modes
        if self._office.floor.is_stirred(symbol):
            self._office.floor.look(symbol)
        self.publish(symbol)
        self._plan_market()

    def publish(self, symbol: str) -> None:
        """Send what has happened in a market since the last time."""
        for topic, text in self._feeds[symbol].flush(self.now):
            for subscription in tuple(self._live[topic]):
                self.tell(subscription, text)
        if symbol in self._v1.awake:
            self._v1.publish(symbol)

    # --- connections ------------------------------------------------------------------------------------------------

    def connect(self, role: str, send: Callable[[str], None], close: Callable[[int, str], None]) -> Connection:
        """Accept a client: `send` takes each frame, `close` a code and a reason (1006: cut it, -1: reset it).

        The first frame, `status`, is sent before this returns. Raises `UpgradeRefused` under that fault.
        """
        if role not in ROLES:
            raise InvalidArgument(f"role={role!r} is not served; choose one of: {', '.join(ROLES)}")
        status = self._faults.refusal(self.now)
        if status is not None:
            raise UpgradeRefused(status)
        self._connected += 1
        number = self._random.getrandbits(63) | 1 << 63
        connection = Connection(self._connected, number, role, self, send, close, self.now)
        self.connections[connection.id] = connection
        connection.say(self._status(connection))
        self._watch_idle(connection)
        return connection

    def forget(self, connection: Connection) -> None:
        """Drop everything a finished connection had."""
        self.connections.pop(connection.id, None)
        self._keyring.leave(connection.id, self.now)
        end = self._v1.forget if connection.is_v1 else self._end
        for subscription in tuple(connection.subscriptions.values()):
            end(subscription)

    def _watch_idle(self, connection: Connection) -> None:
        def look() -> None:
            if not connection.open:
                return
            if not connection.subscriptions and self.now - connection.last_heard >= self._idle_timeout:
                connection.end(1000, "no activity")
            else:
                self._watch_idle(connection)

        since = self.now if connection.subscriptions else connection.last_heard
        self.at(since + self._idle_timeout, look)

    def beat(self, connection: Connection) -> None:
        """Begin with the heartbeats of a connection; it has them as soon as it has subscribed to something."""
        if not connection.beating:
            connection.beating = True
            self.at(self.now + _BEAT, lambda: self._beat(connection))

    def _beat(self, connection: Connection) -> None:
        if not connection.open:
            return
        # A frame sent just now makes the beat unnecessary, if the exchange beats only when idle.
        if self._heartbeat == "always" or self.now - connection.last_sent >= _BEAT - _BEAT / 100:
            connection.say(HEARTBEAT if connection.is_v1 else '{"channel":"heartbeat"}')
        self.at(self.now + _BEAT, lambda: self._beat(connection))

    def _status(self, connection: Connection) -> str:
        if connection.is_v1:
            return self._v1.status(connection)
        return (
            f'{{"channel":"status","type":"update","data":[{{"version":"{VERSION}","system":"{self.system}",'
            f'"api_version":"v2","connection_id":{connection.connection_id}}}]}}'
        )

    # --- requests ---------------------------------------------------------------------------------------------------

    def hear(self, connection: Connection, text: str) -> None:
        """Take a frame from a client; its answers follow on the timeline."""
        heard_at = self.now
        if connection.is_v1:
            self._v1.hear(connection, text)
            return
        match read(text, self.markets, connection.role):
            case Ping(req_id):
                self.answer(connection, "ping", None, heard_at, {"method": "pong", **_id(req_id)})
            case Refusal(error, method, req_id):
                fields = {"error": error, **({"method": method} if method else {}), **_id(req_id), "success": False}
                self.answer(connection, method or "", None, heard_at, fields)
            case Wish(token=str(token), method=method, req_id=req_id) if not self._session(connection, token):
                fields = {"error": INVALID_SESSION, "method": method, **_id(req_id), "status": "error"}
                self.answer(connection, method, None, heard_at, {**fields, "success": False})
            case Wish() as wish:
                self.grant(connection, wish, heard_at)
            case Guarded() as guarded:
                self._auth.hear(connection, guarded)

    def grant(self, connection: Connection, wish: Wish, heard_at: float) -> None:
        """Subscribe or unsubscribe each topic of a wish that nothing speaks against any more."""
        for symbol, error in wish.refused:
            self._refuse(connection, wish, symbol, error, heard_at)
        for topic in wish.topics:
            if wish.method == "subscribe":
                self._subscribe(connection, wish, topic, heard_at)
            else:
                self._unsubscribe(connection, wish, topic, heard_at)

    def _session(self, connection: Connection, token: str) -> bool:
        return self._keyring.use(token, connection.id, self.now) is not None

    def _subscribe(self, connection: Connection, wish: Wish, topic: Topic, heard_at: float) -> None:
        slot = (topic.channel, topic.symbol)
        held = connection.subscriptions.get(slot)
        if held is not None:
            other = topic.channel == "ohlc" and held.topic != topic
            self._refuse(connection, wish, topic.symbol, ALREADY_OHLC if other else ALREADY, heard_at)
            return
        if topic.channel == "level3" and len(connection.subscriptions) >= LEVEL3_SYMBOLS:
            self._refuse(connection, wish, topic.symbol, TOO_MANY_SYMBOLS, heard_at)
            return
        subscription = connection.subscriptions[slot] = Subscription(topic, connection, wish.snapshot, wants=wish.wants)
        self.beat(connection)

        def acked() -> None:
            if subscription.stage == "asked":
                subscription.stage = "acked"
                self.at(self.now + self.delay(), lambda: self._go_live(subscription))

        def swallowed() -> None:
            connection.subscriptions.pop(slot, None)

        self.answer(connection, "subscribe", topic.symbol, heard_at, self._ack(wish, topic), acked, swallowed)

    def _go_live(self, subscription: Subscription) -> None:
        if subscription.stage != "acked" or not subscription.connection.open:
            return
        topic = subscription.topic
        if topic.channel in PRIVATE_CHANNELS:
            subscription.stage = "live"
            self._office.feeds.open(subscription)
            return
        if topic.symbol:
            self._feeds[topic.symbol].open(topic)
        self._live[topic].append(subscription)
        subscription.stage = "live"
        if subscription.snapshot:
            self.tell(subscription, self._snapshot(topic))

    def _unsubscribe(self, connection: Connection, wish: Wish, topic: Topic, heard_at: float) -> None:
        held = connection.subscriptions.get((topic.channel, topic.symbol))
        if held is None or held.topic != topic:
            # Live servers name the wrong method here (ws-v2 reference section 2.6).
            fields = {
                "error": NOT_SUBSCRIBED, "method": "subscribe", **_id(wish.req_id), "success": False,
                **({"symbol": topic.symbol} if topic.symbol else {}),
            }  # fmt: skip
            self.answer(connection, "unsubscribe", topic.symbol, heard_at, fields)
            return
        done = lambda: self._end(held)  # noqa: E731 -- the same whether or not the answer is heard
        self.answer(connection, "unsubscribe", topic.symbol, heard_at, self._ack(wish, topic), done, done)

    def _end(self, subscription: Subscription) -> None:
        if subscription.stage == "gone":
            return
        subscription.stage = "gone"
        topic, slots = subscription.topic, subscription.connection.subscriptions
        if slots.get((topic.channel, topic.symbol)) is subscription:
            del slots[topic.channel, topic.symbol]
        if topic.channel in PRIVATE_CHANNELS:
            self._office.feeds.close(subscription)
        elif subscription in self._live[topic]:
            self._live[topic].remove(subscription)
            if topic.symbol:
                self._feeds[topic.symbol].close(topic)

    def _refuse(self, connection: Connection, wish: Wish, symbol: str, error: str, heard_at: float) -> None:
        fields = {
            "error": error, "method": wish.method, **_id(wish.req_id), "success": False,
            **({"symbol": symbol} if symbol else {}),
        }  # fmt: skip
        self.answer(connection, wish.method, symbol, heard_at, fields)

    def _ack(self, wish: Wish, topic: Topic) -> dict[str, Any]:
        result = {**wish.echo, **({"symbol": topic.symbol} if topic.symbol else {})}
        if wish.warnings:
            result["warnings"] = list(wish.warnings)
        return {"method": wish.method, **_id(wish.req_id), "result": result, "success": True}

    def answer(  # noqa: PLR0917 -- who, what, when, and what then
        self,
        connection: Connection,
        method: str,
        symbol: str | None,
        heard_at: float,
        fields: dict[str, Any],
        then: Callable[[], None] = lambda: None,
        swallowed: Callable[[], None] = lambda: None,
    ) -> None:
        """Answer after a while, then do what the answer announces; faults may delay it or let it vanish."""
        armed = self._faults.on_ack(self.now, connection, method, symbol)
        vanishes = armed is not None and armed.kind.name in {"swallow_ack", "lose_ack"}
        late = armed.parameters["seconds"] if armed is not None and not vanishes else 0.0

        def speak() -> None:
            if not connection.open:
                return
            if not vanishes:
                times = {"time_in": self.calendar.text(heard_at), "time_out": self.calendar.text(self.now)}
                # V1 tells no times, and sorts its keys.
                connection.say(dumps(dict(sorted(fields.items())) if connection.is_v1 else {**fields, **times}))
            if armed is not None and vanishes and not armed.parameters.get("data", False):
                swallowed()
            else:
                then()

        # A congested exchange is late, but it answers one client in the order it was asked; only a fault overtakes.
        connection.answered_until = max(connection.answered_until, self.now + self.delay())
        self.at(connection.answered_until + late, speak)

    def delay(self) -> float:
        """How long something takes on its way: `latency` on average, drawn anew each time."""
        return self._random.uniform(0.2, 1.8) * self._latency

    # --- messages ---------------------------------------------------------------------------------------------------

    def tell(self, subscription: Subscription, text: str) -> None:
        """Send a channel message, or what a fault makes of it."""
        if subscription.muted:
            return
        if self._faults.armed:
            feed = self._feeds.get(subscription.topic.symbol)
            checked = feed.is_checked if feed is not None else _never
            mangles = V1_MANGLES if subscription.connection.is_v1 else MANGLES
            for changed in self._faults.on_message(self.now, subscription, text, checked, mangles):
                subscription.connection.say(changed)
        else:
            subscription.connection.say(text)

    def _snapshot(self, topic: Topic) -> str:
        if topic.channel == "instrument":
            specs = [market.spec for market in self.markets.values()]
            return self._instruments("snapshot", specs, [asset.record() for asset in assets_of(specs)])
        return self._feeds[topic.symbol].snapshot(topic, self.now)

    @staticmethod
    def _instruments(kind: str, specs: Iterable[SymbolSpec], assets: Iterable[str] = ()) -> str:
        pairs = ",".join(spec.record() for spec in specs)
        return f'{{"channel":"instrument","type":"{kind}","data":{{"assets":[{",".join(assets)}],"pairs":[{pairs}]}}}}'

    # --- faults -----------------------------------------------------------------------------------------------------

    @property
    def faults(self) -> tuple[FaultRecord, ...]:
        """Every fault that really happened so far."""
        return tuple(self._faults.log)

    def fault(self, name: str, **parameters: Any) -> None:
        """Inject a fault of the table `FAULTS`, now or `after` some seconds.

        Raises `InvalidArgument` for a name, parameter or value that is not in the table.
        """
        self._striker.fault(name, parameters)

    def strike_rest(self, call: str) -> list[Armed]:
        """The faults that strike a REST call of this name, which is being answered now."""
        return self._faults.on_rest(self.now, call)

    def script(self, faults: Iterable[tuple[float, str, dict[str, Any]]]) -> None:
        """Plan faults: each is seconds from now, a name and parameters, checked at once."""
        for after, name, parameters in faults:
            self.fault(name, **{**parameters, "after": after})

    def random_faults(self, seed: int, *, every: float = 20.0, count: int | None = None, private: bool = False) -> None:
        """Inject faults drawn from a seed, on average one in `every` seconds, `count` of them or without end.

        With `private`, those that strike accounts and orders are among them.
        """
        if not every > 0:
            raise InvalidArgument(f"every={every!r} must be seconds above 0")
        self._striker.at_random(seed, every, count, private=private)

    # What faults change for good, or for everyone.

    def enter(self, system: str) -> None:
        """Be in another phase from now on, and announce it."""
        self.system = system
        for connection in list(self.connections.values()):
            connection.say(self._status(connection))

    def forget_tokens(self) -> None:
        """Know no token any more; what is subscribed goes on."""
        self._keyring.invalidate()

    def resend(self, subscription: Subscription) -> None:
        """Send a subscription its snapshot again."""
        if subscription.connection.is_v1:
            self._v1.resend(subscription)
        elif subscription.topic.channel in PRIVATE_CHANNELS:
            self._office.feeds.snapshot(subscription)
        else:
            self.tell(subscription, self._snapshot(subscription.topic))

    def respecify(self, spec: SymbolSpec) -> None:
        """Go on with a new description of a market, and announce it on `instrument`."""
        symbol = spec.symbol
        market, before = self.markets[symbol], self.markets[symbol].spec.price_precision
        if spec.price_precision != before:
            market.change_precision(spec)
            self._office.floor.respecify(symbol)
        market.spec = spec
        self._feeds[symbol].respecify(spec)
        for subscription in tuple(self._live[Topic("instrument")]):
            self.tell(subscription, self._instruments("update", [spec]))
        self._v1.respecify(symbol, before)
        if spec.price_precision < before:
            # Levels have merged, which no update says: whoever has a book needs another.
            for topic in [topic for topic in self._live if topic.channel in _BOOKS and topic.symbol == symbol]:
                for subscription in tuple(self._live[topic]):
                    self.resend(subscription)


_BEAT = 1.0
_BOOKS = ("book", "level3")
_FASTEST = 100_000


def _never(side: str, price: Decimal) -> bool:
    del side, price
    return False


def _id(req_id: int | None) -> dict[str, int]:
    return {} if req_id is None else {"req_id": req_id}
