"""What Kraken's error texts mean: one table from text to kind, and the error class each kind becomes.

The same texts come over REST and WebSocket (rest reference section 4, ws-v2 reference section 6.11). They are matched
by prefix, since details are appended, and without regard to case and spacing, since both vary.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from rxkraken.errors import (
    AuthRefused,
    NonceRejected,
    PermissionRefused,
    RateLimited,
    RestError,
    RestOrderRejected,
    RestUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


class Kind(NamedTuple):
    """What a text means: its category, and whether the same request may succeed later without a change."""

    category: str
    retryable: bool


# (beginning, category, retryable). The longest matching beginning wins, so the order of the rows does not matter.
TABLE: Final[tuple[tuple[str, str, bool], ...]] = (
    ("EGeneral:", "general", False),
    ("EGeneral:Invalid arguments", "arguments", False),
    ("EGeneral:Unknown method", "arguments", False),
    ("EGeneral:Permission denied", "permission", False),
    ("EGeneral:Temporary lockout", "lockout", True),
    ("EGeneral:Too many requests", "rate_limit", True),
    ("EGeneral:Internal error", "unavailable", True),
    ("EAPI:", "api", False),
    ("EAPI:Bad request", "arguments", False),
    ("EAPI:Invalid key", "auth", False),
    ("EAPI:Invalid signature", "auth", False),
    ("EAPI:Invalid nonce", "nonce", True),
    ("EAPI:Invalid token", "session", True),
    ("EAPI:Feature disabled", "permission", False),
    ("EAPI:Rate limit exceeded", "rate_limit", True),
    ("EQuery:", "arguments", False),
    ("EQuery:Unknown asset", "symbol", False),
    ("EQuery:Unknown asset pair", "symbol", False),
    ("EAccount:", "account", False),
    ("EAccount:Invalid permissions", "permission", False),
    ("EAuth:", "account", False),
    ("EAuth:Rate limit exceeded", "rate_limit", True),
    ("EAuth:Too many requests", "rate_limit", True),
    ("ESession:", "session", False),
    ("ESession:Invalid session", "session", True),
    ("EService:", "service", False),
    ("EService:Unavailable", "unavailable", True),
    ("EService:Busy", "unavailable", True),
    ("EService:Throttled", "throttled", True),
    ("EService:Deadline elapsed", "deadline", False),
    ("EService:Market in ", "market_state", True),
    ("EOrder:", "order", False),
    ("EOrder:Rate limit exceeded", "trading_rate_limit", True),
    ("EOrder:Domain rate limit exceeded", "trading_rate_limit", True),
    ("EOrder:Orders limit exceeded", "order_limit", False),
    ("EOrder:Scheduled orders limit exceeded", "order_limit", False),
    ("EOrder:Positions limit exceeded", "order_limit", False),
    ("EOrder:Insufficient funds", "funds", False),
    ("EOrder:Insufficient margin", "margin", False),
    ("EOrder:Margin ", "margin", False),
    ("EOrder:Cannot open position", "margin", False),
    ("EOrder:Cannot open opposing position", "margin", False),
    ("EOrder:Order minimum not met", "minimum", False),
    ("EOrder:Cost minimum not met", "minimum", False),
    ("EOrder:Tick size check failed", "tick_size", False),
    ("EOrder:Invalid price", "price", False),
    ("EOrder:Invalid order", "order", False),
    ("EOrder:Unknown order", "unknown_order", False),
    ("EOrder:Unknown position", "unknown_position", False),
    ("EOrder:Post only order", "post_only", False),
    ("EOrder:Reduce only", "reduce_only", False),
    ("ETrade:", "trade", False),
    ("EFunding:", "funding", False),
    ("EEarnings:", "earn", False),
    ("EBM:", "regulatory", False),
    # Plain sentences are the WebSocket front end's own checks (ws-v2 reference section 6.11).
    ("Already subscribed", "subscription", False),
    ("Subscription ", "subscription", False),
    ("Currency pair not ", "symbol", False),
    ("Symbol(s) not found", "symbol", False),
    ("Pair(s) not found", "symbol", False),
    ("Symbol field must be ", "arguments", False),
    ("Token(s) not found", "auth", False),
    ("Unsupported ", "arguments", False),
    ("Event(s) not found", "arguments", False),
    ("Method(s) not found", "arguments", False),
    ("Malformed request", "arguments", False),
    ("Exceeded msg rate", "rate_limit", True),
)
_FIELD_TYPE: Final = re.compile(r"\w+ field must be \w+", re.IGNORECASE)
_UNKNOWN: Final = Kind("unknown", retryable=False)


def _folded(text: str) -> str:
    return re.sub(r"\s*:\s*", ":", re.sub(r"\s+", " ", text)).strip().casefold()


# A trailing blank of a beginning is part of it: `EOrder:Margin ` must not swallow a future `EOrder:Marginal`.
_BEGINNINGS: Final = sorted(
    ((re.sub(r"\s+", " ", start).casefold(), Kind(category, retryable)) for start, category, retryable in TABLE),
    key=lambda row: -len(row[0]),
)


def classify(text: str) -> Kind:
    """Return `(category, retryable)` of an error text; `("unknown", False)` for one that no rule knows.

    Never raises. `retryable` is about the text alone: whether an *order* may be sent again is another question, which
    `outcome_unknown` helps to answer.
    """
    folded = _folded(text)
    for start, kind in _BEGINNINGS:
        if folded.startswith(start):
            return kind
    return Kind("arguments", retryable=False) if _FIELD_TYPE.match(folded) else _UNKNOWN


def outcome_unknown(text: str) -> bool:
    """Whether an order request answered with this text may have been carried out all the same.

    "Outcome unknown: reconcile by `cl_ord_id` first" (ws-v2 reference section 6.11, "Retry?").
    """
    return classify(text).category in ("unavailable", "deadline")


def is_warning(text: str) -> bool:
    """Whether a string of the `error` array is only a warning, such as `WDatabase:No change` (section 1)."""
    return text.lstrip()[:1] == "W"


def rest_error(texts: Sequence[str], *, order: bool = False) -> RestError:
    """Return the error for the strings of one answer's `error` array; the first one decides its kind.

    `text` holds all of them, as Kraken wrote them. With `order=True` it is a `RestOrderRejected` of the same category.
    """
    first = texts[0] if texts else ""
    text = "; ".join(texts) or "an empty error"
    category, retryable = classify(first)
    if order:
        return RestOrderRejected(text, category=category, retryable=retryable)
    return _rest_error(text, first, category, retryable=retryable)


# "EGeneral:Temporary lockout: wait >= 15 min" (rest reference section 4).
_LOCKOUT_SECONDS: Final = 900.0
# "EAPI:Rate limit exceeded: back off 5-15 s" (rest reference section 4).
_RATE_LIMIT_SECONDS: Final = 5.0


_PLAIN: Final[dict[str, type[RestError]]] = {
    "auth": AuthRefused,
    "nonce": NonceRejected,
    "permission": PermissionRefused,
    "unavailable": RestUnavailable,
}


def _rest_error(text: str, first: str, category: str, *, retryable: bool) -> RestError:
    match category:
        case "rate_limit" | "trading_rate_limit":
            return RateLimited(text, category=category, wait=_RATE_LIMIT_SECONDS)
        case "lockout":
            return RateLimited(text, category=category, wait=_LOCKOUT_SECONDS)
        case "throttled":
            return RateLimited(text, category=category, until=throttled_until(first))
        case _:
            return _PLAIN.get(category, RestError)(text, category=category, retryable=retryable)


_THROTTLED: Final = re.compile(r"throttled:(\d{9,11}(?:\.\d+)?)")


def throttled_until(text: str) -> float | None:
    """Return the Unix time that `EService: Throttled: <unix ts>` names, or None where it names none."""
    found = _THROTTLED.search(_folded(text))
    return float(found[1]) if found else None
