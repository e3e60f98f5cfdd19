"""Sends one order request for the command line: checked, shown, confirmed, sent once, and its outcome made certain."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import typer

from rxkraken.cli.context import Options
from rxkraken.cli.deadline import hurried, must_have
from rxkraken.cli.exits import FAILED, INTERRUPTED, Ended
from rxkraken.cli.orders_confirm import confirm, must_be_able_to_ask
from rxkraken.cli.orders_outcome import UNFILLED, advice, ending, message, outcome_of
from rxkraken.cli.orders_text import judge, say_order, say_result
from rxkraken.cli.records import json_line, plain
from rxkraken.cli.running import run_once
from rxkraken.errors import ExchangeError, KrakenError, OutcomeUnknown
from rxkraken.streams.stream import aiter  # noqa: A004 - it is the builtin's idea, used as rk.aiter
from rxkraken.trading.ticket import OrderTicket

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.client import KrakenClient
    from rxkraken.models.trading import Order
    from rxkraken.trading.ticket import Ticket

    Make = Callable[[KrakenClient], Ticket[Any]]

_RULES_WITHIN: Final = 5.0
_ORDERS_WITHIN: Final = 10.0
LOOKING_WITHIN = 75.0
"""How many seconds an outcome is looked for: what Kraken's REST tells may lag by a minute."""


@dataclass(frozen=True, slots=True)
class Sending:
    """How to send: unasked or not, as JSON or for people, and for how many seconds to wait for the fill, if at all."""

    options: Options
    yes: bool
    as_json: bool
    fill_within: float | None = None


def send(sending: Sending, method: str, make: Make) -> None:
    """Make the ticket, confirm it, send it, and print what came of it; failures end the command with their code."""
    must_be_able_to_ask(method, yes=sending.yes)
    run_once(_send(sending, make))


async def _send(sending: Sending, make: Make) -> None:
    options = sending.options
    async with options.client(private=True, settings=hurried(options)) as client:
        must_have(client.endpoints, "auth", "rest")
        ticket = make(client)
        if not sending.yes:
            # Who is asked should see the numbers as they will be sent, so the market's rules come first. Without them
            # the numbers are shown as they were typed; the order itself fails below if it cannot be sent.
            with contextlib.suppress(KrakenError, TimeoutError):
                await client.instruments().first(timeout=_RULES_WITHIN)
            ticket = make(client)
        await confirm(ticket.request.method, ticket.request.params, str(client.endpoints.auth), yes=sending.yes)
        try:
            if sending.fill_within is None or not isinstance(ticket, OrderTicket):
                await _settle(ticket, sending)
            else:
                # Fills before the executions are followed would be told by their sums only, without the fees. A key
                # that may not see its orders may place them all the same; the lifecycle tells what fails then.
                with contextlib.suppress(KrakenError, TimeoutError, LookupError):
                    await client.open_orders().first(timeout=_ORDERS_WITHIN)
                await _fill(ticket, sending, sending.fill_within)
        except KrakenError as error:
            _say_failure(ticket, error, sending)
            raise ending(error) from error
        except asyncio.CancelledError:
            raise Ended(INTERRUPTED, _left_behind(ticket)) from None


async def _settle(ticket: Ticket[Any], sending: Sending) -> None:
    """Wait for the outcome, find out where it is unknown, print it, and end the command if part of it was refused."""
    result = await _outcome(ticket)
    request = ticket.request
    if sending.as_json:
        outcome = "valid" if request.params.get("validate") is True else "accepted"
        typer.echo(json_line({"type": request.method, "outcome": outcome, **plain(result)}))
    else:
        typer.echo(say_result(result))
    judge(result)


async def _outcome(ticket: Ticket[Any]) -> Any:
    try:
        return await ticket
    except OutcomeUnknown as error:
        typer.echo(f"rxkraken: {message(error)}; looking for it, for about a minute at most", err=True)
        # The library looks until it knows, for as long as its user waits; who waits here has been told how long.
        try:
            async with asyncio.timeout(LOOKING_WITHIN):
                return await ticket.resolve()
        except TimeoutError:
            raise error from None


async def _fill(ticket: OrderTicket, sending: Sending, seconds: float) -> None:
    """Follow the order until it is final, `seconds` from its ack at most."""
    # Subscribed to before it is sent, so that every state is told.
    async with aiter(ticket.lifecycle, policy="error") as states:
        await _settle(ticket, sending)
        last: Order | None = None
        try:
            async with asyncio.timeout(seconds):
                async for order in states:
                    last = order
                    typer.echo(_state(order, as_json=sending.as_json))
        except TimeoutError:
            raise Ended(UNFILLED, f"not filled within {seconds:g} s; it is still open: {_name(ticket)}") from None
        except KrakenError as error:
            said = f"cannot tell whether it is filled: {'; '.join([str(error), *advice(error)])}"
            raise Ended(UNFILLED, f"{said}; it was accepted and may be open: {_name(ticket)}") from error
    match last:
        case None:
            raise Ended(FAILED, f"nothing was told of the order; look for it: {_name(ticket)}")
        case _ if last.status == "filled":
            return
        case _:
            why = f": {last.reason}" if last.reason else ""
            raise Ended(UNFILLED, f"the order is {last.status} and not filled{why}; filled was {last.cum_qty:f}")


def _state(order: Order, *, as_json: bool) -> str:
    return json_line({"type": "order", **plain(order)}) if as_json else say_order(order)


def _say_failure(ticket: Ticket[Any], error: KrakenError, sending: Sending) -> None:
    if not sending.as_json:
        return
    kind = {"category": error.category} if isinstance(error, ExchangeError) else {}
    request = ticket.request
    told = {"type": request.method, "outcome": outcome_of(error)[0], "error": str(error), **kind}
    typer.echo(json_line({**told, "cl_ord_ids": request.cl_ord_ids, "order_ids": request.order_ids}))


def _name(ticket: Ticket[Any]) -> str:
    result = ticket.result if isinstance(ticket, OrderTicket) else None
    if result is not None and result.order_id:
        return f"order {result.order_id}"
    ids = (*ticket.request.order_ids, *ticket.request.cl_ord_ids)
    return f"{'cl_ord_id' if ticket.request.cl_ord_ids else 'order'} {', '.join(ids)}" if ids else "no id of its own"


def _left_behind(ticket: Ticket[Any]) -> str:
    method = ticket.request.method
    if not ticket.begun:
        return f"interrupted; {method} was not sent"
    return f"interrupted; {method} may have been sent, and stands if Kraken took it: {_name(ticket)}"
