"""`rxkraken order`: place, change and cancel orders; each request is shown, confirmed, sent once, and made certain."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from rxkraken.cli import orders_options as o
from rxkraken.cli.context import Options
from rxkraken.cli.examples import examples, with_examples
from rxkraken.cli.exits import USAGE, Ended
from rxkraken.cli.numbers import seconds, whole
from rxkraken.cli.orders_batch import read_orders
from rxkraken.cli.orders_sending import Sending, send

if TYPE_CHECKING:
    from rxkraken.client import KrakenClient
    from rxkraken.trading.ticket import Ticket

_HELP: Final = """Place, change and cancel orders.

Each request is shown with the place it goes to, and sent when you say y; --yes sends it unasked, and without a
terminal it is needed. A request is sent once. Where no answer comes, the outcome is looked up before the command
ends, for about a minute at most.

Exit codes: 0 Kraken took it; 1 not confirmed, or failed otherwise; 2 the command line or the order is wrong; 3
rejected, wholly or in part; 4 the outcome is unknown and could not be found out: look at the account before you
send it again; 5 nothing took effect, it may be made again; 6 --wait fill, and it is not filled; 130 interrupted.
"""

order = typer.Typer(
    name="order",
    help=with_examples(
        _HELP,
        "rxkraken order add BTC/USD buy limit --qty 0.01 --price 25000 --validate",
        "rxkraken order cancel-all",
    ),
)


class Until(StrEnum):
    """What `order add` waits for."""

    ACK = "ack"
    FILL = "fill"


_OWN = ("context", "yes", "as_json", "wait", "within", "symbol", "side", "order_type", "order_id", "file")


def _sending(context: typer.Context, *, yes: bool, as_json: bool, fill_within: float | None = None) -> Sending:
    options = Options.of(context)
    return Sending(options, yes, as_json or options.as_json, fill_within)


@order.command()
@examples(
    "rxkraken order add BTC/USD buy limit --qty 0.01 --price 25000",
    "rxkraken order add BTC/USD buy market --qty 0.01 --wait fill --yes",
    "rxkraken order add BTC/USD sell stop-loss --qty 0.01 --trigger-price 20000",
    "rxkraken order add BTC/USD buy limit --qty 0.01 --price 25000 --validate",
)
def add(
    context: typer.Context,
    symbol: o.Market,
    side: o.OrderSide,
    order_type: o.OrderKind,
    *,
    qty: o.Qty = None,
    price: o.Price = None,
    limit_price_type: o.PriceType = None,
    trigger_price: o.TriggerPrice = None,
    trigger_reference: o.TriggerReference = None,
    trigger_price_type: o.TriggerType = None,
    triggers: o.Triggers = None,
    time_in_force: o.Force = None,
    margin: o.Margin = None,
    post_only: o.PostOnly = None,
    reduce_only: o.ReduceOnly = None,
    effective_time: o.EffectiveTime = None,
    expire_time: o.ExpireTime = None,
    deadline: o.Deadline = None,
    cl_ord_id: o.OwnId = None,
    order_userref: o.UserRef = None,
    conditional: o.Conditional = None,
    display_qty: o.DisplayQty = None,
    fee_preference: o.FeePreference = None,
    no_mpp: o.NoMpp = None,
    stp_type: o.StpType = None,
    cash_order_qty: o.CashQty = None,
    validate: o.Validate = False,
    sender_sub_id: o.SubId = None,
    rounding: o.Rounding = None,
    extra: o.Extra = None,
    wait: Annotated[Until, typer.Option(help="ack: until Kraken took it; fill: until it is filled.")] = Until.ACK,
    within: Annotated[float, typer.Option(metavar="S", help="How many seconds --wait fill waits.", **seconds())] = 60.0,
    yes: o.Yes = False,
    as_json: o.Json = False,
) -> None:
    """Place an order.

    Numbers are sent with the digits you type. With --wait fill every state of the order is printed; the order stays in
    the book when the time is over. Every order gets an id of yours, made up if none is given, except beside
    --order-userref and --conditional.
    """
    given = o.arguments(locals(), *_OWN)
    filling = wait is Until.FILL
    if filling and validate:
        raise Ended(USAGE, "--validate places nothing that --wait fill could wait for; leave one of them out")

    def make(client: KrakenClient) -> Ticket[Any]:
        return client.add_order(symbol, side.value, order_type, **given)  # pyright: ignore[reportArgumentType] - the client checks the type

    send(_sending(context, yes=yes, as_json=as_json, fill_within=within if filling else None), "add_order", make)


@order.command()
@examples(
    "rxkraken order amend OLP4KD-DFLZW-AQIRZ4 --price 25100",
    "rxkraken order amend --cl-ord-id mine-1 --qty 0.02 --yes",
)
def amend(
    context: typer.Context,
    order_id: o.Named = None,
    *,
    cl_ord_id: o.OwnId = None,
    qty: o.Total = None,
    price: o.Price = None,
    limit_price_type: o.PriceType = None,
    trigger_price: o.TriggerPrice = None,
    trigger_price_type: o.TriggerType = None,
    display_qty: o.DisplayQty = None,
    post_only: o.PostOnly = None,
    deadline: o.Deadline = None,
    symbol: Annotated[str | None, typer.Option(help="The market, whose increments are checked then.")] = None,
    rounding: o.Rounding = None,
    extra: o.Extra = None,
    yes: o.Yes = False,
    as_json: o.Json = False,
) -> None:
    """Change an order in place: it keeps its ids, and its place in the queue when only the quantity goes down."""
    given = o.arguments(locals(), *(name for name in _OWN if name != "symbol"))
    if (order_id is None) == (cl_ord_id is None):
        raise Ended(USAGE, "name the order by one of them: ORDER_ID or --cl-ord-id; see rxkraken order amend --help")
    send(
        _sending(context, yes=yes, as_json=as_json),
        "amend_order",
        lambda client: client.amend_order(order_id, **given),
    )


@order.command()
@examples("rxkraken order edit OLP4KD-DFLZW-AQIRZ4 BTC/USD --qty 0.02 --price 25200")
def edit(
    context: typer.Context,
    order_id: Annotated[str, typer.Argument(metavar="ORDER_ID", help="The order, by Kraken's id.")],
    symbol: o.Market,
    *,
    qty: o.Total = None,
    price: o.Price = None,
    display_qty: o.DisplayQty = None,
    trigger_price: o.TriggerPrice = None,
    trigger_reference: o.TriggerReference = None,
    trigger_price_type: o.TriggerType = None,
    triggers: o.Triggers = None,
    fee_preference: o.FeePreference = None,
    order_userref: o.UserRef = None,
    post_only: o.PostOnly = None,
    reduce_only: o.ReduceOnly = None,
    no_mpp: o.NoMpp = None,
    deadline: o.Deadline = None,
    validate: o.Validate = False,
    rounding: o.Rounding = None,
    extra: o.Extra = None,
    yes: o.Yes = False,
    as_json: o.Json = False,
) -> None:
    """Cancel an order and place a changed one, with a new id and at the end of the queue. Prefer `amend`."""
    given = o.arguments(locals(), *_OWN)
    send(
        _sending(context, yes=yes, as_json=as_json),
        "edit_order",
        lambda client: client.edit_order(order_id, symbol, **given),
    )


@order.command()
@examples(
    "rxkraken order cancel OLP4KD-DFLZW-AQIRZ4",
    "rxkraken order cancel --cl-ord-id mine-1 --cl-ord-id mine-2 --yes",
)
def cancel(
    context: typer.Context,
    order_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ORDER_ID]...", help="The orders, by Kraken's ids.")
    ] = None,
    *,
    cl_ord_id: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="An order, by your id; may be repeated.")
    ] = None,
    order_userref: Annotated[
        list[int] | None,
        typer.Option(metavar="N", help="All orders with this tag; may be repeated.", **whole()),
    ] = None,
    batch: Annotated[
        bool, typer.Option("--batch", help="In one batch_cancel of 2 to 50, answered by a count.")
    ] = False,
    yes: o.Yes = False,
    as_json: o.Json = False,
) -> None:
    """Cancel orders. "Unknown order" means that there is no such open order: it is filled, cancelled, or never was.

    Exit code 3 if one of them was not cancelled.
    """
    ids, own, tags = order_ids or [], cl_ord_id or [], order_userref or []

    def make(client: KrakenClient) -> Ticket[Any]:
        method = client.batch_cancel if batch else client.cancel_order
        return method(ids, cl_ord_ids=own, userrefs=tags)

    send(_sending(context, yes=yes, as_json=as_json), "batch_cancel" if batch else "cancel_order", make)


@order.command()
@examples("rxkraken order cancel-all", "rxkraken order cancel-all --yes")
def cancel_all(context: typer.Context, *, yes: o.Yes = False, as_json: o.Json = False) -> None:
    """Cancel every open order of the account, those of other programs included."""
    send(_sending(context, yes=yes, as_json=as_json), "cancel_all", lambda client: client.cancel_all())


@order.command()
@examples("rxkraken order batch BTC/USD orders.ndjson", "rxkraken order batch BTC/USD - --yes < orders.ndjson")
def batch(
    context: typer.Context,
    symbol: o.Market,
    file: Annotated[str, typer.Argument(metavar="FILE", help="The orders as JSON; - reads standard input.")],
    *,
    deadline: o.Deadline = None,
    validate: o.Validate = False,
    rounding: o.Rounding = None,
    extra: o.Extra = None,
    yes: o.Yes = False,
    as_json: o.Json = False,
) -> None:
    """Place 2 to 15 orders of one market with one request.

    The file holds a JSON object a line, or one JSON array of them. The members are the options of `add` with
    underscores; side and order_type are among them. Kraken may place some orders and refuse others: there is a line for
    each, and exit code 3 if one was refused.
    """
    given = o.arguments(locals(), *_OWN)
    orders = read_orders(file)
    send(
        _sending(context, yes=yes, as_json=as_json),
        "batch_add",
        lambda client: client.batch_add(symbol, orders, **given),
    )
