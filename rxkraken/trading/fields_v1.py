"""What the order methods of `KrakenV1Client` take, under the names of `KrakenClient`'s."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypedDict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rxkraken.models.rounding import Rounding
    from rxkraken.trading.order import FeePreference, StpType, TimeInForce
    from rxkraken.trading.prices import PriceType
    from rxkraken.trading.times import Deadline, Moment
    from rxkraken.trading.values import Number


class OrderFields(TypedDict, total=False):
    """What an order of v1 may have besides market, side and type; the names and meanings of `KrakenClient.add_order`.

    `leverage` ("2" to "5") is v1's own. In v1's words: `qty` is `volume`, or with `viqc` `cash_order_qty`; `price` is
    the limit price and `trigger_price` what v1 calls `price` where there is a trigger; `conditional` is `close[...]`.
    """

    qty: Number
    price: Number
    limit_price_type: PriceType
    trigger_price: Number
    trigger_price_type: PriceType
    time_in_force: TimeInForce
    margin: bool
    leverage: int | str
    post_only: bool
    reduce_only: bool
    effective_time: Moment
    expire_time: Moment
    deadline: Deadline
    cl_ord_id: str
    order_userref: int
    conditional: Mapping[str, Any]
    fee_preference: FeePreference
    no_mpp: bool
    stp_type: StpType
    cash_order_qty: Number
    validate: bool
    sender_sub_id: str
    rounding: Rounding
    extra: Mapping[str, Any]


class EditFields(TypedDict, total=False):
    """What `edit_order` can change over v1; the names and meanings of `KrakenClient.edit_order`."""

    qty: Number
    price: Number
    trigger_price: Number
    trigger_price_type: PriceType
    order_userref: int
    post_only: bool
    validate: bool
    rounding: Rounding
    extra: Mapping[str, Any]


class AmendFields(TypedDict, total=False):
    """What `amend_order` can change; the names and meanings of `KrakenClient.amend_order`."""

    cl_ord_id: str
    qty: Number
    price: Number
    limit_price_type: PriceType
    trigger_price: Number
    trigger_price_type: PriceType
    display_qty: Number
    post_only: bool
    deadline: Deadline
    symbol: str
    rounding: Rounding
    extra: Mapping[str, Any]
