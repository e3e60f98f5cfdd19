"""The arguments of the order methods as options, one alias each, so that every command names and explains them alike.

Numbers are text here: their digits reach the exchange as they were typed. A flag that is not given is not sent.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Final, cast

import typer

from rxkraken.cli.numbers import is_plain, number, whole
from rxkraken.errors import InvalidArgument
from rxkraken.protocol.json import exact
from rxkraken.trading.prices import SHAPES

if TYPE_CHECKING:
    from collections.abc import Mapping


class Side(StrEnum):
    """What the order does."""

    BUY = "buy"
    SELL = "sell"


class PriceKind(StrEnum):
    """What a price is: absolute, or an offset in percent or in quote currency."""

    STATIC = "static"
    PCT = "pct"
    QUOTE = "quote"


class Reference(StrEnum):
    """Which price sets a trigger off."""

    LAST = "last"
    INDEX = "index"


class InForce(StrEnum):
    """How long the order stands."""

    GTC = "gtc"
    GTD = "gtd"
    IOC = "ioc"
    FOK = "fok"


class FeeIn(StrEnum):
    """Which currency the fee is taken in."""

    BASE = "base"
    QUOTE = "quote"


class SelfTrade(StrEnum):
    """Which order gives way when two of the same account would trade with each other."""

    CANCEL_NEWEST = "cancel_newest"
    CANCEL_OLDEST = "cancel_oldest"
    CANCEL_BOTH = "cancel_both"


class Round(StrEnum):
    """Where a number beside the market's increment is moved to."""

    NEAREST = "nearest"
    DOWN = "down"
    UP = "up"


TYPES: Final = ", ".join(SHAPES)

Market = Annotated[str, typer.Argument(metavar="SYMBOL", help="The market, in any spelling, such as BTC/USD.")]
OrderSide = Annotated[Side, typer.Argument(metavar="SIDE", help="buy or sell.")]
OrderKind = Annotated[str, typer.Argument(metavar="TYPE", help=f"One of: {TYPES}.")]
Named = Annotated[str | None, typer.Argument(metavar="[ORDER_ID]", help="The order, by Kraken's id.")]

Qty = Annotated[str | None, typer.Option(metavar="N", help="Quantity, in base units.")]
Total = Annotated[str | None, typer.Option(metavar="N", help="The new total quantity, what is filled included.")]
CashQty = Annotated[str | None, typer.Option(metavar="N", help="Quantity in quote units; market buys only.")]
DisplayQty = Annotated[str | None, typer.Option(metavar="N", help="What an iceberg shows at a time.")]
Price = Annotated[str | None, typer.Option(metavar="P", help="Limit price.")]
PriceType = Annotated[
    PriceKind | None,
    typer.Option(
        metavar="KIND", help="Of a trailing-stop-limit: static, pct or quote; an offset in quote if not given."
    ),
]
TriggerPrice = Annotated[str | None, typer.Option(metavar="P", help="The price, or offset, that sets it off.")]
TriggerReference = Annotated[
    Reference | None, typer.Option(metavar="PRICE", help="Which price sets it off: last or index.")
]
TriggerType = Annotated[PriceKind | None, typer.Option(metavar="KIND", help="static, or an offset: pct or quote.")]
Triggers = Annotated[
    str | None, typer.Option(metavar="JSON", help="The trigger as one object: reference, price, price_type.")
]
Force = Annotated[InForce | None, typer.Option(metavar="HOW", help="gtc, gtd (with --expire-time), ioc or fok.")]
Margin = Annotated[bool | None, typer.Option("--margin", help="Trade on margin.")]
PostOnly = Annotated[bool | None, typer.Option("--post-only", help="Never take, only make.")]
ReduceOnly = Annotated[bool | None, typer.Option("--reduce-only", help="Only make a position smaller.")]
EffectiveTime = Annotated[
    str | None, typer.Option(metavar="TIME", help="When it begins: RFC 3339, such as 2026-01-31T12:00:00Z.")
]
ExpireTime = Annotated[str | None, typer.Option(metavar="TIME", help="When a gtd order ends: RFC 3339.")]
Deadline = Annotated[
    float | None,
    typer.Option(metavar="SECONDS", help="Kraken refuses it when it comes later: 0.5 to 60 s; else 5.", **number()),
]
OwnId = Annotated[str | None, typer.Option(metavar="ID", help="Your id: a UUID or up to 18 characters.")]
UserRef = Annotated[int | None, typer.Option(metavar="N", help="A tag of yours; excludes your id.", **whole())]
Conditional = Annotated[
    str | None, typer.Option(metavar="JSON", help='The closing order: {"order_type": "limit", "limit_price": 26000}.')
]
FeePreference = Annotated[FeeIn | None, typer.Option(metavar="WHICH", help="The currency of the fee: base or quote.")]
NoMpp = Annotated[bool | None, typer.Option("--no-mpp", help="Without market price protection.")]
StpType = Annotated[
    SelfTrade | None,
    typer.Option(
        metavar="HOW", help="Who gives way in a trade with yourself: cancel_newest, cancel_oldest, cancel_both."
    ),
]
SubId = Annotated[str | None, typer.Option(metavar="ID", help="The sub-account or trader it is for.")]
Validate = Annotated[bool, typer.Option("--validate", help="Have Kraken check it and place nothing.")]
Rounding = Annotated[
    Round | None,
    typer.Option(metavar="HOW", help="Move numbers beside the increments: nearest, down, up; else they are refused."),
]
Extra = Annotated[str | None, typer.Option(metavar="JSON", help="More fields to send as they are.")]

Yes = Annotated[bool, typer.Option("--yes", "-y", help="Send it without asking.")]
Json = Annotated[bool, typer.Option("--json", help="Print the result as a line of JSON; so it is in a pipe.")]

_OBJECTS: Final = ("triggers", "conditional", "extra")
_NUMBERS: Final = ("qty", "price", "trigger_price", "display_qty", "cash_order_qty")


def arguments(given: Mapping[str, Any], *without: str) -> dict[str, Any]:
    """Return a command's options as arguments of an order method: what was given, text of JSON read.

    `without` names what is the command's own. Raises `InvalidArgument` for JSON that is no object.
    """
    told = {name: value for name, value in given.items() if name not in without and value is not None}
    if told.get("validate") is False:
        del told["validate"]
    return {name: _value(name, value) for name, value in told.items()}


def _value(name: str, value: Any) -> Any:
    if isinstance(value, StrEnum):
        return value.value
    if name in _NUMBERS and not is_plain(value):
        option = name.replace("_", "-")
        raise InvalidArgument(f"--{option} {value!r} is no number; write plain digits, such as --{option} 0.29")
    return json_object(f"--{name}", value) if name in _OBJECTS else value


def json_object(name: str, text: str) -> dict[str, Any]:
    """Read a JSON object with exact numbers; `InvalidArgument` names the option it came from."""
    try:
        read = exact(text)
    except (ValueError, RecursionError) as error:
        raise InvalidArgument(f"{name} {text!r} is not JSON: {error}") from error
    if not isinstance(read, dict):
        raise InvalidArgument(f"{name} {text!r} is no JSON object; write it as {{...}}")
    return cast("dict[str, Any]", read)
