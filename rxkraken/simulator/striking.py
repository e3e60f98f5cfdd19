"""Faults at work: takes them out of the table, arms those that wait, and lets the others strike at once."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

from rxkraken.errors import InvalidArgument
from rxkraken.simulator.connections import CLOUDFLARE, RESET
from rxkraken.simulator.faults import FAULTS, check
from rxkraken.simulator.mangling import SEVERAL, odd_texts
from rxkraken.simulator.plan import random_fault
from rxkraken.simulator.v1_mangling import V1_ODD

if TYPE_CHECKING:
    from rxkraken.simulator.connections import Connection, Subscription
    from rxkraken.simulator.exchange import Exchange
    from rxkraken.simulator.faults import Faults

# The phases of a maintenance, in their order.
SYSTEMS = ("maintenance", "cancel_only", "post_only", "online")


class Striker:
    """Injects faults into one exchange."""

    def __init__(self, exchange: Exchange, faults: Faults) -> None:
        """Log to `faults` what happens, and arm there what waits."""
        self._exchange = exchange
        self._faults = faults

    def fault(self, name: str, parameters: dict[str, Any]) -> None:
        """Inject a fault now, or `after` some seconds. Raises `InvalidArgument` for what is not in the table."""
        values = check(name, parameters)
        self._check_target(name, values)
        after = values.pop("after")
        if after:
            self._exchange.at(self._exchange.now + after, lambda: self._inject(name, values))
        else:
            self._inject(name, values)

    def at_random(self, seed: int, every: float, count: int | None, *, private: bool) -> None:
        """Inject faults drawn from a seed, `every` so many seconds on average."""
        chance = Random(f"{seed}:faults")
        symbols = tuple(self._exchange.markets)

        def plan(left: int | None) -> None:
            self._exchange.at(self._exchange.now + chance.expovariate(1 / every), lambda: strike(left))

        def strike(left: int | None) -> None:
            if left == 0:
                return
            name, parameters = random_fault(chance, symbols, private=private)
            self.fault(name, parameters)
            plan(None if left is None else left - 1)

        plan(count)

    def _check_target(self, name: str, values: dict[str, Any]) -> None:
        symbol = values.get("symbol")
        if symbol is not None and symbol not in self._exchange.markets:
            listed = ", ".join(self._exchange.markets)
            raise InvalidArgument(f"fault {name}: symbol={symbol!r} is not listed; there are: {listed}")
        if name in ("precision", "pair_status") and symbol is None:
            raise InvalidArgument(f"fault {name}: symbol is missing; give one of: {', '.join(self._exchange.markets)}")

    def _inject(self, name: str, values: dict[str, Any]) -> None:
        kind = FAULTS[name]
        if kind.hook != "now":
            self._faults.arm(kind, values)
            return
        match name:
            case "maintenance":
                self._maintain(values)
            case "precision" | "pair_status":
                self._faults.note(self._exchange.now, name, values, symbol=values["symbol"])
                self._strike_market(name, values)
            case "invalidate_token" | "rate_limit" | "cancel_only":
                self._faults.note(self._exchange.now, name, values)
                self._strike_trading(name, values)
            case "mute" | "duplicate_snapshot":
                for subscription in self._subscriptions(values):
                    self._faults.note(self._exchange.now, name, values, subscription=subscription)
                    self._strike_subscription(name, values, subscription)
            case _:
                wanted = values["connection"]
                for connection in [each for each in self._exchange.connections.values() if wanted in (None, each.id)]:
                    self._faults.note(self._exchange.now, name, values, connection=connection)
                    self._strike_connection(name, values, connection)

    def _strike_market(self, name: str, values: dict[str, Any]) -> None:
        spec = self._exchange.markets[values["symbol"]].spec
        if name == "pair_status":
            self._exchange.respecify(spec.but(status=values["status"]))
            return
        digits = values["price_precision"]
        self._exchange.respecify(spec.but(price_precision=spec.price_precision + 1 if digits is None else digits))

    def _strike_trading(self, name: str, values: dict[str, Any]) -> None:
        match name:
            case "invalidate_token":
                self._exchange.forget_tokens()
            case "rate_limit":
                self._exchange.desk.storm_until = self._exchange.now + values["seconds"]
            case _:
                self._exchange.enter("cancel_only")
                if values["seconds"] is not None:
                    self._exchange.at(self._exchange.now + values["seconds"], lambda: self._exchange.enter("online"))

    def _strike_connection(self, name: str, values: dict[str, Any], connection: Connection) -> None:
        match name:
            case "drop":
                connection.end(values["code"], values["reason"])
            case "reset":
                connection.end(RESET, "")
            case "silence":
                connection.silent = True
            case "stall":
                connection.hold()
                self._exchange.at(self._exchange.now + values["seconds"], connection.release)
            case "plain_text":
                connection.say(values["text"])
            case _:
                more = V1_ODD if connection.is_v1 and values["shape"] == SEVERAL else ()
                for text in (*odd_texts(values["shape"]), *more):
                    connection.say(text)

    def _strike_subscription(self, name: str, values: dict[str, Any], subscription: Subscription) -> None:
        if name == "duplicate_snapshot":
            self._exchange.resend(subscription)
            return
        subscription.muted = True
        if values["seconds"] is not None:
            self._exchange.at(self._exchange.now + values["seconds"], lambda: setattr(subscription, "muted", False))

    def _subscriptions(self, values: dict[str, Any]) -> list[Subscription]:
        return [
            subscription
            for connection in self._exchange.connections.values()
            if values["connection"] in (None, connection.id)
            for subscription in connection.subscriptions.values()
            if subscription.stage == "live"
            and values["channel"] in (None, subscription.topic.channel)
            and values["symbol"] in (None, subscription.topic.symbol)
        ]

    def _maintain(self, values: dict[str, Any]) -> None:
        self._faults.note(self._exchange.now, "maintenance", values)
        for number, system in enumerate(SYSTEMS):
            self._exchange.at(
                self._exchange.now + number * values["step"], lambda system=system: self._exchange.enter(system)
            )
        if values["drop"]:
            for connection in list(self._exchange.connections.values()):
                self._exchange.at(self._exchange.now, lambda connection=connection: connection.end(1001, CLOUDFLARE))
