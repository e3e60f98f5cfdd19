"""What a market and an account allow: prices on ticks, least sizes, enough money, and the phase the market is in."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from typing import TYPE_CHECKING

from rxkraken.simulator.limits import ALLOWANCES
from rxkraken.simulator.rejections import (
    BELOW_COST,
    BELOW_MINIMUM,
    DUPLICATE_ID,
    NO_FUNDS,
    NO_POSITION,
    OFF_TICK,
    POST_ONLY,
    TOO_MANY_ORDERS,
    UNAVAILABLE,
    Rejected,
    invalid,
    market_mode,
)
from rxkraken.simulator.tickets import LIMITED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rxkraken.simulator.accounts import Account, AccountOrder
    from rxkraken.simulator.instruments import SymbolSpec
    from rxkraken.simulator.market import Market


def check_mode(order: AccountOrder, spec: SymbolSpec, system: str) -> None:
    """Refuse an order that the exchange's or the pair's phase does not take (ws-v2 reference section 1.4)."""
    for mode in (system, spec.status):
        match mode:
            case "online":
                continue
            case "post_only" if order.post_only:
                continue
            case "limit_only" if order.order_type in LIMITED:
                continue
            case "reduce_only":
                raise Rejected(NO_POSITION)
            case _:
                raise Rejected(market_mode(mode))


def check_cancel(system: str) -> None:
    """Refuse a cancel in maintenance; every other phase takes it."""
    if system == "maintenance":
        raise Rejected(UNAVAILABLE)


def check_size(order: AccountOrder, market: Market) -> None:
    """Refuse prices off the tick, quantities with too many digits, and orders that are too small."""
    spec = market.spec
    for price in (order.limit_price, order.triggers.actual_price if order.triggers else None):
        if price is not None and price % spec.increment:
            raise Rejected(OFF_TICK)
    if order.cash_qty is not None:
        if order.cash_qty < Decimal(spec.cost_min):
            raise Rejected(BELOW_COST)
        return
    for qty in (order.qty, order.display_qty):
        if qty is not None and qty % Decimal(1).scaleb(-spec.qty_precision):
            raise invalid("order_qty")
    if order.qty < Decimal(spec.qty_min):
        raise Rejected(BELOW_MINIMUM)
    price = order.limit_price or (order.triggers.actual_price if order.triggers else market.reference("last"))
    if order.qty * price < Decimal(spec.cost_min):
        raise Rejected(BELOW_COST)


def check_room(order: AccountOrder, account: Account) -> None:
    """Refuse a client order id that is in use, and one order too many on the pair."""
    same = [other for other in account.open_orders if other.symbol == order.symbol]
    if len(same) >= ALLOWANCES[account.tier].open_orders:
        raise Rejected(TOO_MANY_ORDERS)
    if order.cl_ord_id is not None and any(other.cl_ord_id == order.cl_ord_id for other in account.open_orders):
        raise Rejected(DUPLICATE_ID)


def check_funds(order: AccountOrder, account: Account, market: Market, *, freed: Decimal = Decimal(0)) -> None:
    """Refuse an order that the account cannot pay; `freed` is what an order it replaces gives back."""
    asset, needed = order.reserved()
    if order.side == "buy" and order.limit_price is None and not order.is_untriggered:
        needed = order.cash_qty if order.cash_qty is not None else sweep_cost(market, order.qty, account.name)
    if needed > account.available(asset) + freed:
        raise Rejected(NO_FUNDS)


def check_post_only(order: AccountOrder, market: Market) -> None:
    """Refuse a post-only order that would take liquidity at once."""
    if not order.post_only or order.limit_price is None or order.is_untriggered:
        return
    best = market.engine.opposite(order.side).best
    if best is None:
        return
    price = market.price(best.price)
    if price <= order.limit_price if order.side == "buy" else price >= order.limit_price:
        raise Rejected(POST_ONLY)


def sweep_cost(market: Market, qty: Decimal, owner: str) -> Decimal:
    """What it costs to buy so much at once, or all there is if there is less; one's own orders are not bought."""
    cost = Decimal(0)
    for price, there in _asks(market, owner):
        taken = min(qty, there)
        cost += taken * price
        qty -= taken
        if not qty:
            break
    return cost


def sweep_qty(market: Market, cash: Decimal, owner: str) -> Decimal:
    """How much so much quote currency buys at once, in whole increments."""
    qty = Decimal(0)
    for price, there in _asks(market, owner):
        if there * price >= cash:
            qty += cash / price
            break
        qty += there
        cash -= there * price
    return qty.quantize(Decimal(1).scaleb(-market.spec.qty_precision), ROUND_DOWN)


def _asks(market: Market, owner: str) -> Iterator[tuple[Decimal, Decimal]]:
    asks, digits = market.engine.asks, market.spec.qty_precision
    for level in asks.top(len(asks)):
        # What an iceberg hides is bought as well.
        there = sum(order.remaining for order in level.orders.values() if order.owner != owner)
        yield market.price(level.price), Decimal(there).scaleb(-digits)
