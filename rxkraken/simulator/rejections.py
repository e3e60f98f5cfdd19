"""Why a trading request is refused, in Kraken's words (ws-v2 reference sections 6.1 and 6.11)."""

from __future__ import annotations

INVALID_SESSION = "ESession:Invalid session"
NO_TOKEN = "Token(s) not found"  # noqa: S105 -- a message
PERMISSION_DENIED = "EGeneral:Permission denied"
INVALID_ARGUMENTS = "EGeneral:Invalid arguments"
UNAVAILABLE = "EService:Unavailable"
DEADLINE_ELAPSED = "EService:Deadline elapsed"
INVALID_ORDER = "EOrder:Invalid order"
# The text for a client order id that an open order has already is unconfirmed; its family is `EOrder:`.
DUPLICATE_ID = "EOrder:Invalid order:cl_ord_id is in use by an open order"
INVALID_PRICE = "EOrder:Invalid price"
UNKNOWN_ORDER = "EOrder:Unknown order"
UNKNOWN_POSITION = "EOrder:Unknown position"
NO_FUNDS = "EOrder:Insufficient funds"
NO_MARGIN = "EOrder:Margin allowance exceeded"
NO_POSITION = "EOrder:Reduce only:No position exists"
BELOW_MINIMUM = "EOrder:Order minimum not met"
BELOW_COST = "EOrder:Cost minimum not met"
OFF_TICK = "EOrder:Tick size check failed"
TOO_MANY_ORDERS = "EOrder:Orders limit exceeded"
RATE_EXCEEDED = "EOrder:Rate limit exceeded"
POST_ONLY = "EOrder:Post only order"


class Rejected(Exception):
    """A request is refused; `text` is what the client is told."""

    def __init__(self, text: str) -> None:
        """Keep Kraken's text."""
        self.text = text
        super().__init__(text)


def invalid(detail: str) -> Rejected:
    """`EGeneral:Invalid arguments`, naming what is wrong."""
    return Rejected(f"{INVALID_ARGUMENTS}:{detail}")


def market_mode(mode: str) -> str:
    """The refusal of a market that takes only some orders; a mode in which nothing goes is `EService:Unavailable`."""
    return f"EService:Market in {mode} mode" if mode in _LIMITED else UNAVAILABLE


_LIMITED = frozenset({"cancel_only", "post_only", "limit_only"})
