"""Trading requests of WebSocket v1: from its parameters to the desk, and from the outcome to a status event.

V1's parameters are REST's with a few other names; the desk, its ids, counters and executions are everybody's (ws-v1
reference section 8).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, cast

from rxkraken.simulator.rejections import NO_TOKEN, UNKNOWN_ORDER, Rejected
from rxkraken.simulator.rest_fields import amend_fields, edit_fields, in_rest_words, order_fields
from rxkraken.simulator.rest_names import wsname
from rxkraken.simulator.rest_orders import in_words
from rxkraken.simulator.rest_wire import Refused, as_number, as_text, as_truth, as_whole, bad, fixed, iso, needed

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.simulator.accounts import Account, AccountOrder
    from rxkraken.simulator.desk import Desk
    from rxkraken.simulator.market import Market
    from rxkraken.simulator.wire import Calendar

Fields = dict[str, Any]

_KNOWN: dict[str, frozenset[str]] = {
    "addOrder": frozenset({
        "ordertype", "type", "pair", "volume", "price", "price2", "leverage", "margin", "reduce_only", "oflags",
        "starttm", "expiretm", "deadline", "timeinforce", "userref", "cl_ord_id", "sender_sub_id", "stp_type",
        "validate", "close[ordertype]", "close[price]", "close[price2]",
    }),
    "amendOrder": frozenset({
        "txid", "cl_ord_id", "volume", "display_volume", "limit_price", "trigger_price", "post_only", "pair",
        "deadline",
    }),
    "editOrder": frozenset({
        "orderid", "pair", "volume", "price", "price2", "oflags", "newuserref", "validate",
    }),
    "cancelOrder": frozenset({"txid", "cl_ord_id"}),
    "cancelAll": frozenset(),
    "cancelAllOrdersAfter": frozenset({"timeout"}),
}  # fmt: skip
_CLOSE = ("ordertype", "price", "price2")
_EDITED_DIGITS = 8


class World(Protocol):
    """What trading needs of the exchange."""

    now: float
    calendar: Calendar
    desk: Desk
    markets: dict[str, Market]


class V1Trading:
    """Carries trading requests out."""

    def __init__(self, world: World) -> None:
        """Trade at this exchange's desk."""
        self._world = world
        self._symbols = {wsname(symbol): symbol for symbol in world.markets}
        self._events: dict[str, Callable[[Account, Fields], list[Fields]]] = {
            "addOrder": self._add,
            "amendOrder": self._amend,
            "editOrder": self._edit,
            "cancelOrder": self._cancel,
            "cancelAll": self._cancel_all,
            "cancelAllOrdersAfter": self._cancel_all_after,
        }

    @property
    def second(self) -> int:
        """The whole second since 1970 that it is now."""
        return self._world.calendar.seconds(self._world.now)

    def serve(self, account: Account, event: str, fields: Fields) -> list[Fields]:
        """The answers to a request, each without what all have: its event, its status and the `reqid`."""
        given = {name: value for name, value in fields.items() if name != "token" and value is not None}
        try:
            unknown = given.keys() - _KNOWN[event]
            if unknown:
                bad(min(unknown))
            return self._events[event](account, given)
        except Refused as refused:
            return [refusal(refused.errors[0])]
        except Rejected as rejected:
            return [refusal(in_rest_words(rejected.text))]

    # --- one event each -----------------------------------------------------------------------------------------------

    def _add(self, account: Account, fields: Fields) -> list[Fields]:
        market = self._market(fields)
        close = {name: fields[f"close[{name}]"] for name in _CLOSE if f"close[{name}]" in fields}
        params = {**fields, "stptype": as_text(fields, "stp_type"), **({"close": close} if close else {})}
        wanted = {"symbol": market.spec.symbol, **order_fields(self, params, market)}
        wanted |= {"margin": True} if as_truth(fields, "margin") else {}
        if deadline := as_text(fields, "deadline"):
            wanted["deadline"] = deadline
        if as_truth(fields, "validate"):
            wanted["validate"] = True
        placed = self._world.desk.add(account, wanted)
        own = {"cl_ord_id": placed.order.cl_ord_id} if placed.order.cl_ord_id else {}
        txid = {"txid": placed.order_id} if placed.order_id else {}
        return [{"descr": in_words(placed.order, market.spec), **own, **txid}]

    def _amend(self, account: Account, fields: Fields) -> list[Fields]:
        params = {**fields, "order_qty": fields.get("volume"), "display_qty": fields.get("display_volume")}
        changed = self._world.desk.amend(account, amend_fields(params))
        own = {"cl_ord_id": changed.order.cl_ord_id} if changed.order.cl_ord_id else {}
        return [{"amend_id": changed.ref_id, **own, "txid": changed.order_id}]

    def _edit(self, account: Account, fields: Fields) -> list[Fields]:
        market = self._market(fields)
        old = _named(account, needed(fields, "orderid"))
        params = {**fields, "userref": fields.get("newuserref")}
        wanted, words = edit_fields(params, old.order_type, old.side, market), _edited(fields)
        changed = self._world.desk.edit(account, {"order_id": old.order_id, "symbol": market.spec.symbol, **wanted})
        txid = {"txid": changed.order_id} if changed.order_id else {}
        return [{"descr": words, "originaltxid": old.order_id, **txid}]

    def _cancel(self, account: Account, fields: Fields) -> list[Fields]:
        orders, own = _list(fields, "txid"), _list(fields, "cl_ord_id")
        if not orders and not own:
            bad("txid")
        wanted: Fields = {
            "order_id": [each for each in orders if not _is_userref(each)],
            "cl_ord_id": own,
            "order_userref": [int(each) for each in orders if _is_userref(each)],
        }
        outcomes = self._world.desk.cancel(account, {name: each for name, each in wanted.items() if each})
        replies: list[Fields] = []
        before: int | str | None = None
        for outcome in outcomes:
            # One answer for each id that was sent; a userref may name several orders.
            if not (isinstance(outcome.named, int) and outcome.named == before and outcome.error is None):
                replies.append({} if outcome.error is None else refusal(outcome.error))
            before = outcome.named
        return replies

    def _cancel_all(self, account: Account, fields: Fields) -> list[Fields]:
        del fields
        return [{"count": self._world.desk.cancel_all(account)}]

    def _cancel_all_after(self, account: Account, fields: Fields) -> list[Fields]:
        fires = self._world.desk.cancel_all_after(account, {"timeout": needed(fields, "timeout", as_whole)})
        trigger = "0" if fires is None else self._second_after(fires)
        return [{"currentTime": self._second_after(self._world.now), "triggerTime": trigger}]

    def _market(self, fields: Fields) -> Market:
        symbol = self._symbols.get(needed(fields, "pair"))
        if symbol is None:
            raise Refused("EQuery:Unknown asset pair")
        return self._world.markets[symbol]

    def _second_after(self, now: float) -> str:
        """The second, rounded up (ws-v1 reference section 8.6)."""
        return iso(-(-self._world.calendar.micros(now) // 1_000_000))


def refusal(text: str) -> Fields:
    """The answer that says why not."""
    return {"errorMessage": text, "status": "error"}


def token_of(fields: Fields) -> str:
    """The token of a trading request; whether it is good is not checked here."""
    token = fields.get("token")
    if not isinstance(token, str) or not token:
        raise Rejected(NO_TOKEN)
    return token


def _named(account: Account, name: str) -> AccountOrder:
    """The open order with this id, or the first one with this userref."""
    order = account.orders.get(name)
    if order is None and _is_userref(name):
        order = next((each for each in account.open_orders if each.order_userref == int(name)), None)
    if order is None:
        raise Rejected(UNKNOWN_ORDER)
    return order


def _is_userref(name: str) -> bool:
    return name.removeprefix("-").isdecimal() and name.isascii() and len(name) <= _USERREF_DIGITS


_USERREF_DIGITS = 11


def _list(fields: Fields, name: str) -> list[str]:
    """An array of ids; userrefs may be numbers."""
    value = fields.get(name, [])
    if not isinstance(value, list):
        bad(name)
    given = cast("list[Any]", value)
    if not all(isinstance(each, str) or (isinstance(each, int) and not isinstance(each, bool)) for each in given):
        bad(name)
    return [str(each) for each in given]


def _edited(fields: Fields) -> str:
    """`order edited price = 9000.00000000`, with whatever was edited."""
    named = [name for name in ("volume", "price", "price2") if name in fields]
    parts = [f"{name} = {_shown(fields, name)}" for name in named]
    return f"order edited {', '.join(parts)}".rstrip()


def _shown(fields: Fields, name: str) -> str:
    """A number with eight decimals; an offset as it was sent."""
    text = as_text(fields, name) or "0"
    if text[0] in "+-#" or text.endswith("%"):
        return text
    return fixed(as_number(fields, name) or bad(name), _EDITED_DIGITS)
