"""Changes of open orders: amended in place, or edited, which makes a new order (ws-v2 reference sections 6.3, 6.4)."""

from __future__ import annotations

from copy import copy
from decimal import Decimal
from typing import TYPE_CHECKING, Any, cast

from rxkraken.simulator import limits, rules
from rxkraken.simulator.fields import number
from rxkraken.simulator.rejections import INVALID_ORDER, Rejected, invalid
from rxkraken.simulator.tickets import ICEBERG_PARTS, PRICE_TYPES, apply, on_tick, triggers_of

if TYPE_CHECKING:
    from rxkraken.simulator.accounts import Account, AccountOrder
    from rxkraken.simulator.floor import Floor
    from rxkraken.simulator.market import Market

Fields = dict[str, Any]


def amend_order(account: Account, order: AccountOrder, fields: Fields, market: Market, floor: Floor) -> None:
    """Check the change as a whole and carry it out, or raise `Rejected` and leave everything as it is."""
    if order.conditional is not None:
        raise Rejected(INVALID_ORDER)
    wanted = _wanted(order, fields, market)
    rules.check_mode(wanted, market.spec, floor.system)
    shrunk = wanted.qty <= order.cum_qty
    if shrunk:
        # Below what is filled, the order becomes what is filled; taking the rest back costs what a cancel costs.
        limits.charge(account, order.symbol, limits.young(order, limits.CANCEL, floor.now), floor.now)
        wanted.qty = order.cum_qty
    else:
        rules.check_size(wanted, market)
        rules.check_funds(wanted, account, market, freed=order.reserved()[1])
        rules.check_post_only(wanted, market)
    _adopt(order, wanted, floor.now)
    floor.amended(account, order)
    if shrunk:
        floor.cancel(account, order, "User requested")
        return
    booked = market.engine.orders.get(order.order_id)
    if booked is None:
        floor.look(order.symbol)
        return
    spec = market.spec
    if order.display_qty is not None:
        booked.display = int(order.display_qty.scaleb(spec.qty_precision))
    price = int(order.limit_price.scaleb(spec.price_precision)) if order.limit_price is not None else None
    qty = int(order.qty.scaleb(spec.qty_precision))
    market.engine.amend(order.order_id, floor.now, qty=qty, price=price)
    floor.moved(account, order, booked)


def edited(old: AccountOrder, fields: Fields, market: Market, floor: Floor) -> AccountOrder:
    """The order that is to replace `old`, not checked against the market yet."""
    triggered = old.triggers is not None and not old.is_untriggered
    if old.conditional is not None or triggered:
        raise Rejected(INVALID_ORDER)
    order = _wanted(old, fields, market)
    given = cast("Fields | None", fields.get("triggers"))
    if given is not None:
        order.triggers = triggers_of(old.order_type, old.side, given, market)
    if order.qty <= old.cum_qty:
        raise Rejected(INVALID_ORDER)
    # The quantity counts what the old order has filled already.
    order.qty -= old.cum_qty
    order.order_id, order.cl_ord_id, order.ref_id = "", None, old.order_id
    order.order_userref = fields.get("order_userref", old.order_userref)
    order.fee_preference = fields.get("fee_preference", old.fee_preference)
    order.opened = order.touched = floor.now
    order.status, order.amended = "pending_new", False
    order.cum_qty = order.cum_cost = Decimal(0)
    order.fees, order.fills, order.amends = {}, [], []
    return order


def _wanted(order: AccountOrder, fields: Fields, market: Market) -> AccountOrder:
    wanted = copy(order)
    wanted.triggers = copy(order.triggers)
    wanted.qty = number(fields, "order_qty") or order.qty
    wanted.post_only = fields.get("post_only", order.post_only)
    display = number(fields, "display_qty")
    if display is not None:
        rest = wanted.qty - order.cum_qty
        if order.display_qty is None or not rest / ICEBERG_PARTS <= display:
            raise invalid("display_qty")
        wanted.display_qty = display
    _trigger(wanted, fields, market)
    price, kind = number(fields, "limit_price"), fields.get("limit_price_type", "static")
    if price is not None:
        if order.limit_price is None or kind not in PRICE_TYPES or (kind != "static" and wanted.triggers is None):
            raise invalid("limit_price")
        wanted.limit_price_type = kind
        wanted.limit_offset = None if kind == "static" else price
        if wanted.triggers is not None and kind != "static":
            price = on_tick(apply(wanted.triggers.actual_price, price, kind), market)
        if price <= 0:
            raise invalid("limit_price")
        wanted.limit_price = price
    return wanted


def _trigger(wanted: AccountOrder, fields: Fields, market: Market) -> None:
    price, kind = number(fields, "trigger_price"), fields.get("trigger_price_type", "static")
    if price is None:
        return
    if wanted.triggers is None or not wanted.is_untriggered or kind not in PRICE_TYPES:
        raise invalid("trigger_price")
    given = {"reference": wanted.triggers.reference, "price": price, "price_type": kind}
    wanted.triggers = triggers_of(wanted.order_type, wanted.side, given, market)


def _adopt(order: AccountOrder, wanted: AccountOrder, now: float) -> None:
    order.qty, order.display_qty, order.post_only = wanted.qty, wanted.display_qty, wanted.post_only
    order.limit_price, order.limit_price_type = wanted.limit_price, wanted.limit_price_type
    order.limit_offset, order.triggers = wanted.limit_offset, wanted.triggers
    order.amended, order.touched, order.reason = True, now, "User requested"
