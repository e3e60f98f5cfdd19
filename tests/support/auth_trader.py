"""A trader on the auth host of a simulated exchange, for every test that asks it something by hand."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rxkraken.simulator.exchange import Exchange

D = Decimal


class Trader:
    """Trades for an account, and knows what it was told."""

    def __init__(self, exchange: Exchange, key: str | None = None) -> None:
        self.exchange = exchange
        self.texts: list[str] = []
        self.token, _ = exchange.issue_token(key or exchange.credentials.key)
        self.closed: list[tuple[int, str]] = []
        self.connection = exchange.connect("auth", self.texts.append, lambda *how: self.closed.append(how))
        self.account = exchange.keys[key or exchange.credentials.key].account
        self.ask("subscribe", channel="executions")

    def ask(self, method: str, seconds: float = 0.1, **params) -> list[dict]:
        """Send a request with the token and return its replies, times and req_id left out."""
        seen = len(self.texts)
        # `dumps` would write a Decimal as text, which the exchange must refuse.
        body = json.dumps({"method": method, "params": {"token": self.token, **params}, "req_id": 7}, default=_Exact)
        self.connection.receive(body)
        self.wait(seconds)
        replies = [frame for frame in self.frames(seen) if "method" in frame]
        for reply in replies:
            assert reply.pop("time_in") <= reply.pop("time_out")
            assert (reply.pop("method"), reply.pop("req_id")) == (method, 7)
        return replies

    def wait(self, seconds: float) -> None:
        self.exchange.advance(self.exchange.now + seconds)

    def frames(self, start: int = 0) -> list[dict]:
        return [json.loads(text, parse_float=Decimal) for text in self.texts[start:]]

    def events(self, order_id: str | None = None) -> list[dict]:
        return [
            entry
            for frame in self.frames()
            if frame.get("channel") == "executions" and frame["type"] == "update"
            for entry in frame["data"]
            if order_id in (None, entry["order_id"])
        ]

    def story(self, order_id: str | None = None) -> list[str]:
        """The kinds of what happened, with the reason where there was one."""
        return [": ".join(filter(None, (entry["exec_type"], entry.get("reason")))) for entry in self.events(order_id)]

    def add(self, **params) -> str:
        """Place an order that must be accepted, and return its id."""
        (reply,) = self.ask("add_order", **params)
        assert reply["success"], reply
        return reply["result"]["order_id"]

    def refusal(self, method: str, **params) -> str:
        (reply,) = self.ask(method, **params)
        assert sorted(reply) == ["error", "success"]
        assert reply["success"] is False
        return reply["error"]

    @property
    def touch(self) -> tuple[Decimal, Decimal]:
        """The best bid and ask of BTC/USD."""
        engine = self.exchange.markets["BTC/USD"].engine
        return D(engine.bids.best.price) / 10, D(engine.asks.best.price) / 10


def _Exact(value):  # noqa: N802 -- stands for a type in `json.dumps`
    assert isinstance(value, Decimal)
    return float(value)


def order(**changes) -> dict:
    """A limit order far from the market; None takes a field away."""
    fields = {
        "order_type": "limit", "side": "buy", "symbol": "BTC/USD", "order_qty": 0.1, "limit_price": 80000.0, **changes,
    }  # fmt: skip
    return {name: value for name, value in fields.items() if value is not None}
