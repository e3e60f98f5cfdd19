"""What the order methods take besides what names the order: once for both dialects, and for what reads it.

The names and meanings are those of `KrakenClient.add_order`, `edit_order` and `amend_order`. None is as good as absent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rxkraken.models.rounding import Rounding
    from rxkraken.trading.order import FeePreference, StpType, TimeInForce
    from rxkraken.trading.prices import PriceType
    from rxkraken.trading.times import Deadline, Moment
    from rxkraken.trading.values import Number


class _Prices(TypedDict, total=False):
    qty: Number | None
    price: Number | None
    trigger_price: Number | None
    trigger_price_type: PriceType | None


class _OfAnyOrder(_Prices, total=False):
    limit_price_type: PriceType | None
    time_in_force: TimeInForce | None
    margin: bool | None
    post_only: bool | None
    reduce_only: bool | None
    effective_time: Moment | None
    expire_time: Moment | None
    cl_ord_id: str | None
    order_userref: int | None
    conditional: Mapping[str, Any] | None
    fee_preference: FeePreference | None
    no_mpp: bool | None
    stp_type: StpType | None
    cash_order_qty: Number | None
    sender_sub_id: str | None


class NewOrder(_OfAnyOrder, total=False):
    """What an order is."""

    trigger_reference: str | None
    triggers: Mapping[str, Any] | None
    display_qty: Number | None


class Edition(_Prices, total=False):
    """What an edit changes."""

    display_qty: Number | None
    trigger_reference: str | None
    triggers: Mapping[str, Any] | None
    fee_preference: FeePreference | None
    order_userref: int | None
    post_only: bool | None
    reduce_only: bool | None
    no_mpp: bool | None


class Amendment(_Prices, total=False):
    """What an amend changes."""

    limit_price_type: PriceType | None
    display_qty: Number | None
    post_only: bool | None


class OrderFieldsV1(_OfAnyOrder, total=False):
    """What `KrakenV1Client.add_order` takes.

    `leverage` ("2" to "5") is v1's own. In v1's words: `qty` is `volume`, or with `viqc` `cash_order_qty`; `price` is
    the limit price and `trigger_price` what v1 calls `price` where there is a trigger; `conditional` is `close[...]`.
    """

    leverage: int | str
    deadline: Deadline | None
    validate: bool | None
    rounding: Rounding | None
    extra: Mapping[str, Any] | None


class EditFieldsV1(_Prices, total=False):
    """What `KrakenV1Client.edit_order` takes."""

    order_userref: int | None
    post_only: bool | None
    validate: bool | None
    rounding: Rounding | None
    extra: Mapping[str, Any] | None


class AmendFields(Amendment, total=False):
    """What `KrakenV1Client.amend_order` takes."""

    cl_ord_id: str | None
    deadline: Deadline | None
    symbol: str | None
    rounding: Rounding | None
    extra: Mapping[str, Any] | None
