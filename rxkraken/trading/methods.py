"""The order methods of the client: arguments in, tickets out (ws-v2 reference section 6).

Calling one checks the arguments and sends nothing. Numbers are `Decimal`, int or text; floats are refused, because
what they hold is seldom what was meant.
"""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, TypeVar

from rxkraken.errors import InvalidArgument
from rxkraken.symbols import canonical
from rxkraken.trading import parameters, results
from rxkraken.trading.draft import Draft
from rxkraken.trading.ticket import OrderTicket, Ticket

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from rxkraken.errors import SubscriberFailed
    from rxkraken.models.market import Instrument
    from rxkraken.models.orders import (
        AddOrderResult,
        AmendOrderResult,
        BatchAddResult,
        BatchCancelResult,
        CancelAllAfterResult,
        CancelAllResult,
        CancelOrderResult,
        EditOrderResult,
    )
    from rxkraken.models.rounding import Rounding
    from rxkraken.trading.desk import Desk
    from rxkraken.trading.order import FeePreference, Side, StpType, TimeInForce
    from rxkraken.trading.prices import OrderType, PriceType
    from rxkraken.trading.request import OrderRequest
    from rxkraken.trading.times import Deadline, Moment
    from rxkraken.trading.values import Number

    Frames = Sequence[Mapping[str, Any]]
    Make = Callable[[Instrument | None, bool], OrderRequest]

T = TypeVar("T")


class OrderMethods(ABC):
    """The eight trading methods of Kraken's WebSocket, each returning a `Ticket`."""

    _validate_only: bool = False

    # --- what the client gives ----------------------------------------------------------------------------------------

    @abstractmethod
    def _check_may_trade(self) -> None:
        """Raise `MissingCredentials` if the client cannot send orders at all."""

    @abstractmethod
    def _desk(self) -> Desk:
        """Find the desk that sends; it exists from the first subscription on."""

    @abstractmethod
    def _wall(self) -> float:
        """Tell the Unix time."""

    @abstractmethod
    def _rules(self, symbol: str) -> Instrument | None:
        """Look the rules of a market up, if they are known."""

    @abstractmethod
    def _report(self, failure: SubscriberFailed) -> None:
        """Tell of a failing subscriber."""

    def _worded(self, request: OrderRequest) -> OrderRequest:
        """Return the request as this API can say it. Raises `InvalidOrder` where it has no words for it."""
        return request

    # --- placing --------------------------------------------------------------------------------------------------

    def add_order(
        self,
        symbol: str,
        side: Side,
        order_type: OrderType,
        *,
        qty: Number | None = None,
        price: Number | None = None,
        limit_price_type: PriceType | None = None,
        trigger_price: Number | None = None,
        trigger_reference: str | None = None,
        trigger_price_type: PriceType | None = None,
        triggers: Mapping[str, Any] | None = None,
        time_in_force: TimeInForce | None = None,
        margin: bool | None = None,
        post_only: bool | None = None,
        reduce_only: bool | None = None,
        effective_time: Moment | None = None,
        expire_time: Moment | None = None,
        deadline: Deadline | None = None,
        cl_ord_id: str | None = None,
        order_userref: int | None = None,
        conditional: Mapping[str, Any] | None = None,
        display_qty: Number | None = None,
        fee_preference: FeePreference | None = None,
        no_mpp: bool | None = None,
        stp_type: StpType | None = None,
        cash_order_qty: Number | None = None,
        validate: bool | None = None,
        sender_sub_id: str | None = None,
        rounding: Rounding | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> OrderTicket:
        """Place an order (section 6.1). The ticket emits `AddOrderResult`; `ticket.lifecycle` follows the order.

        `qty` is in base units, `cash_order_qty` (market buys only) in quote units, `price` is the limit price. Stops,
        take-profits and trailing orders have a trigger: `trigger_price`, with `trigger_price_type` "static", "pct" or
        "quote" and `trigger_reference` "last" or "index"; or one mapping `triggers`. `conditional` is a mapping that
        describes the closing order. `deadline` is how many seconds (0.5 to 60, 5 if not given) Kraken may take: later
        it refuses. Times are aware datetimes, timedeltas from now, RFC 3339 text or Unix seconds.

        Numbers beside the market's increments are refused, or moved with `rounding="nearest"`, `"down"` or `"up"`.
        Every order gets a `cl_ord_id`, made up if none is given; Kraken allows none beside `order_userref` or
        `conditional`, and such an order cannot be found for certain if its outcome is unknown. With `validate=True`
        it is checked by Kraken and not placed. `extra` holds fields that Kraken has and this method has not.

        Raises `InvalidArgument`, `InvalidOrder` or `MissingCredentials` at once. Errors of the ticket: `OrderRejected`,
        `NotSent`, `OutcomeUnknown`; `InvalidOrder` too where the market's rules were not known when this was called.
        """
        self._check_may_trade()
        own_id = cl_ord_id or str(uuid.uuid4())

        @_kept_while_fresh(self._wall, lambda: self._rules_of(symbol))
        def make(instrument: Instrument | None, early: bool) -> OrderRequest:  # noqa: FBT001 - see Draft
            return parameters.add_order(
                symbol,
                side,
                order_type,
                now=self._wall(),
                new_id=lambda: own_id,
                instrument=instrument or self._rules_of(symbol),
                qty=qty,
                price=price,
                limit_price_type=limit_price_type,
                trigger_price=trigger_price,
                trigger_reference=trigger_reference,
                trigger_price_type=trigger_price_type,
                triggers=triggers,
                time_in_force=time_in_force,
                margin=margin,
                post_only=post_only,
                reduce_only=reduce_only,
                effective_time=effective_time,
                expire_time=expire_time,
                deadline=deadline,
                cl_ord_id=cl_ord_id,
                order_userref=order_userref,
                conditional=conditional,
                display_qty=display_qty,
                fee_preference=fee_preference,
                no_mpp=no_mpp,
                stp_type=stp_type,
                cash_order_qty=cash_order_qty,
                validate=True if self._validate_only else validate,
                sender_sub_id=sender_sub_id,
                rounding=self._rounding(symbol, rounding, early=early),
                extra=extra,
            )

        draft = Draft(self._wording(make), _read_add_order, symbol=canonical(symbol))
        return OrderTicket(self, self._desk, draft, self._report)

    def batch_add(
        self,
        symbol: str,
        orders: Sequence[Mapping[str, Any]],
        *,
        deadline: Deadline | None = None,
        validate: bool | None = None,
        rounding: Rounding | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Ticket[BatchAddResult]:
        """Place 2 to 15 orders on one market (section 6.8); each is a mapping with the arguments of `add_order`.

        The ticket emits `BatchAddResult`: one row for each order, in the order given, since the exchange may take some
        and refuse others. It fails with `OrderRejected` only if all are refused as a whole.
        """
        ids = [str(uuid.uuid4()) for _ in orders]

        def make(instrument: Instrument | None, early: bool) -> OrderRequest:  # noqa: FBT001 - see Draft
            made = iter(ids)
            rules = instrument or self._rules_of(symbol)
            plain = early and rules is None
            rows = [{key: value for key, value in row.items() if key != "rounding"} for row in orders]
            return parameters.batch_add(
                symbol,
                rows if plain else orders,
                now=self._wall(),
                new_id=lambda: next(made),
                instrument=rules,
                deadline=deadline,
                validate=True if self._validate_only else validate,
                rounding=None if plain else rounding,
                extra=extra,
            )

        return self._ticket(make, lambda frames, request: results.batch_add_result(frames[0], request), symbol=symbol)

    # --- changing ---------------------------------------------------------------------------------------------------

    def amend_order(
        self,
        order_id: str | None = None,
        *,
        cl_ord_id: str | None = None,
        qty: Number | None = None,
        price: Number | None = None,
        limit_price_type: PriceType | None = None,
        trigger_price: Number | None = None,
        trigger_price_type: PriceType | None = None,
        display_qty: Number | None = None,
        post_only: bool | None = None,
        deadline: Deadline | None = None,
        symbol: str | None = None,
        rounding: Rounding | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Ticket[AmendOrderResult]:
        """Change an order in place (section 6.3), named by `order_id` or `cl_ord_id`. The ticket emits the result.

        `qty` is the new total, including what is filled; a smaller one keeps the place in the queue. `symbol` is sent
        only where Kraken needs it, for markets that are not crypto; the increments checked are those of the order's
        market, where the order or `symbol` is known.
        """
        return self._amend(
            order_id,
            cl_ord_id,
            {
                "qty": qty, "price": price, "limit_price_type": limit_price_type, "trigger_price": trigger_price,
                "trigger_price_type": trigger_price_type, "display_qty": display_qty, "post_only": post_only,
                "deadline": deadline, "symbol": symbol, "rounding": rounding, "extra": extra,
            },
        )  # fmt: skip

    def _amend(
        self,
        order_id: str | None,
        cl_ord_id: str | None,
        changes: Mapping[str, Any],
        after: OrderTicket | None = None,
    ) -> Ticket[AmendOrderResult]:
        symbol = changes.get("symbol")
        market = symbol or self._market_of(order_id, cl_ord_id, after)

        def make(instrument: Instrument | None, early: bool) -> OrderRequest:  # noqa: FBT001 - see Draft
            named = order_id
            if order_id is None and cl_ord_id is None and after is not None and after.result is not None:
                named = after.result.order_id
            rules = instrument or (self._rules_of(market) if market else None)
            blind = early and rules is None
            given: dict[str, Any] = {**changes, "rounding": None if blind else changes.get("rounding")}
            if named is None and cl_ord_id is None and after is not None:
                named = _LATER  # known once the order is acknowledged; until then only the changes are checked
            return parameters.amend_order(named, cl_ord_id=cl_ord_id, now=self._wall(), instrument=rules, **given)

        return self._ticket(make, _read_amend_order, symbol=market, after=after, changes=True)

    def edit_order(
        self,
        order_id: str,
        symbol: str,
        *,
        qty: Number | None = None,
        price: Number | None = None,
        display_qty: Number | None = None,
        trigger_price: Number | None = None,
        trigger_reference: str | None = None,
        trigger_price_type: PriceType | None = None,
        triggers: Mapping[str, Any] | None = None,
        fee_preference: FeePreference | None = None,
        order_userref: int | None = None,
        post_only: bool | None = None,
        reduce_only: bool | None = None,
        no_mpp: bool | None = None,
        deadline: Deadline | None = None,
        validate: bool | None = None,
        rounding: Rounding | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Ticket[EditOrderResult]:
        """Cancel an order and place a changed one with a new id (section 6.4). Prefer `amend_order`, which keeps it."""

        def make(instrument: Instrument | None, early: bool) -> OrderRequest:  # noqa: FBT001 - see Draft
            return parameters.edit_order(
                order_id,
                symbol,
                now=self._wall(),
                instrument=instrument or self._rules_of(symbol),
                qty=qty,
                price=price,
                display_qty=display_qty,
                trigger_price=trigger_price,
                trigger_reference=trigger_reference,
                trigger_price_type=trigger_price_type,
                triggers=triggers,
                fee_preference=fee_preference,
                order_userref=order_userref,
                post_only=post_only,
                reduce_only=reduce_only,
                no_mpp=no_mpp,
                deadline=deadline,
                validate=True if self._validate_only else validate,
                rounding=self._rounding(symbol, rounding, early=early),
                extra=extra,
            )

        return self._ticket(make, lambda frames, request: results.edit_order_result(frames[0], request), symbol=symbol)

    # --- cancelling -------------------------------------------------------------------------------------------------

    def cancel_order(
        self,
        order_ids: str | Iterable[str] = (),
        *,
        cl_ord_ids: str | Iterable[str] = (),
        userrefs: int | Iterable[int] = (),
    ) -> Ticket[CancelOrderResult]:
        """Cancel orders by Kraken's ids, your ids, tags, or a mixture (section 6.5). A tag cancels all that carry it.

        The ticket emits `CancelOrderResult` with one row for each order; it fails with `OrderRejected` if none was
        cancelled. "EOrder:Unknown order" means that there is no such open order: look at its state.
        """
        request = parameters.cancel_order(order_ids, cl_ord_ids=cl_ord_ids, userrefs=userrefs)
        return self._ticket(lambda _, __: request, results.cancel_order_result, changes=True)

    def batch_cancel(
        self,
        order_ids: str | Iterable[str] = (),
        *,
        cl_ord_ids: str | Iterable[str] = (),
        userrefs: int | Iterable[int] = (),
    ) -> Ticket[BatchCancelResult]:
        """Cancel 2 to 50 orders with one request (section 6.9). The ticket emits how many were cancelled."""
        request = parameters.batch_cancel(order_ids, cl_ord_ids=cl_ord_ids, userrefs=userrefs)
        return self._ticket(
            lambda _, __: request, lambda frames, _: results.batch_cancel_result(frames[0]), changes=True
        )

    def cancel_all(self) -> Ticket[CancelAllResult]:
        """Cancel every open order of the account (section 6.6). The ticket emits how many there were."""
        request = parameters.cancel_all()
        return self._ticket(lambda _, __: request, lambda frames, _: results.cancel_all_result(frames[0]), changes=True)

    def cancel_all_orders_after(self, timeout: int) -> Ticket[CancelAllAfterResult]:
        """Have the exchange cancel everything in `timeout` seconds, unless it is told again; 0 calls it off.

        Account-wide and independent of the connection (section 6.7). `dead_mans_switch` does this again and again.
        """
        request = parameters.cancel_all_orders_after(timeout)
        return self._ticket(
            lambda _, __: request,
            lambda frames, _: results.cancel_all_after_result(frames[0]),
            changes=True,
            last=timeout == 0,
        )

    # --- what is done to the order of a ticket --------------------------------------------------------------------

    def cancel_of(self, ticket: OrderTicket) -> Ticket[CancelOrderResult]:
        """Make the ticket that cancels another ticket's order, once that is acknowledged."""
        own_id = ticket.cl_ord_id

        def make(instrument: Instrument | None, early: bool) -> OrderRequest:  # noqa: FBT001 - see Draft
            del instrument, early
            if own_id is not None:
                return parameters.cancel_order(cl_ord_ids=own_id)
            return parameters.cancel_order(ticket.result.order_id if ticket.result else _LATER)

        return self._ticket(make, results.cancel_order_result, after=ticket, changes=True)

    def amend_of(self, ticket: OrderTicket, changes: Mapping[str, Any]) -> Ticket[AmendOrderResult]:
        """Make the ticket that amends another ticket's order, once that is acknowledged."""
        unknown = sorted(set(changes) - set(_AMENDABLE))
        if unknown:
            raise InvalidArgument(f"{', '.join(unknown)} cannot be amended; what can be: {', '.join(_AMENDABLE)}")
        return self._amend(None, ticket.cl_ord_id, changes, ticket)

    # --- inside -----------------------------------------------------------------------------------------------------

    def _ticket(
        self,
        make: Make,
        read: Callable[[Frames, OrderRequest], T],
        *,
        symbol: str | None = None,
        after: OrderTicket | None = None,
        changes: bool = False,
        last: bool = False,
    ) -> Ticket[T]:
        """Make a ticket. `changes` says that Kraken has no `validate` for this method."""
        self._check_may_trade()
        refusal = "validate_only: Kraken cannot only check this request" if changes and self._validate_only else None
        market = None if symbol is None else canonical(symbol)
        return Ticket(self._desk, Draft(self._wording(make), read, market, after, refusal, last), self._report)

    def _wording(self, make: Make) -> Make:
        return lambda instrument, early: self._worded(make(instrument, early))

    def _rules_of(self, symbol: str) -> Instrument | None:
        return self._rules(canonical(symbol))

    def _rounding(self, symbol: str, rounding: Rounding | None, *, early: bool) -> Rounding | None:
        # The increments to round to may not be known when the method is called; they are when the order is sent.
        return None if early and self._rules_of(symbol) is None else rounding

    def _market_of(self, order_id: str | None, cl_ord_id: str | None, ticket: OrderTicket | None) -> str | None:
        if ticket is not None:
            return ticket.request.symbol
        order = self._known_order(order_id, cl_ord_id)
        return order.symbol if order is not None else None

    @abstractmethod
    def _known_order(self, order_id: str | None, cl_ord_id: str | None) -> Any:
        """Find an order of the account among those that are known."""


def _kept_while_fresh(wall: Callable[[], float], rules: Callable[[], Instrument | None]) -> Callable[[Make], Make]:
    """Make a request that was made a moment ago, by the same rules, no second time: its deadline still stands."""

    def keep(make: Make) -> Make:
        kept: list[tuple[Instrument, float, OrderRequest]] = []

        def kept_or_made(instrument: Instrument | None, early: bool) -> OrderRequest:  # noqa: FBT001 - see Draft
            known, now = instrument or rules(), wall()
            if kept and kept[0][0] is known and now - kept[0][1] < _FRESH:
                return kept[0][2]
            request = make(instrument, early)
            kept[:] = [] if known is None else [(known, now, request)]
            return request

        return kept_or_made

    return keep


def _read_add_order(frames: Frames, request: OrderRequest) -> AddOrderResult:
    return results.add_order_result(frames[0], request)


def _read_amend_order(frames: Frames, request: OrderRequest) -> AmendOrderResult:
    return results.amend_order_result(frames[0], request)


_FRESH = 0.1
_LATER = "OLATER-LATER-LATERX"
_AMENDABLE = (
    "qty", "price", "limit_price_type", "trigger_price", "trigger_price_type", "display_qty", "post_only", "deadline",
    "symbol", "rounding", "extra",
)  # fmt: skip
