"""How a request that changes something ends on the command line: its exit codes, and the line that explains them.

| code | meaning |
|---|---|
| 3 | rejected: Kraken refused it, wholly or in part; nothing was done of what was refused |
| 4 | unknown: it was sent, and nothing could tell what became of it, looking for it included |
| 5 | not sent, or certain never to have taken effect: it may be made again |
| 6 | `--wait fill` and the order is not filled: cancelled, expired, or still open when the time was over |
"""

from __future__ import annotations

from typing import Final

from rxkraken.cli.deadline import REMEDY
from rxkraken.cli.exits import FAILED, USAGE, Ended
from rxkraken.errors import (
    ExchangeError,
    InvalidArgument,
    KrakenError,
    LinkLost,
    MissingCredentials,
    NotPlaced,
    NotSent,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    RequestTimeout,
    RetriesExhausted,
)

REJECTED: Final = 3
UNKNOWN: Final = 4
NOT_SENT: Final = 5
UNFILLED: Final = 6


def outcome_of(error: KrakenError) -> tuple[str, int]:
    """Return the name and the exit code of the outcome that an error is."""
    match error:
        case OrderRejected():
            return "rejected", REJECTED
        case OutcomeUnknown():
            return "unknown", UNKNOWN
        case NotSent() | NotPlaced():
            return "not_sent", NOT_SENT
        case InvalidArgument():
            return "invalid", USAGE
        case _:
            return "failed", FAILED


def ending(error: KrakenError, about: str = "") -> Ended:
    """Return the end of the command that an error means: code, what happened `about` what, and the remedy, on one line.

    Kraken seldom says which value it did not like.
    """
    name, code = outcome_of(error)
    text = message(error)
    said = "; ".join([f"{text} ({about})" if about else text, *advice(error)])
    match name:
        case "rejected":
            return Ended(code, f"rejected by Kraken: {said}; nothing was placed or changed")
        case "unknown":
            return Ended(code, f"outcome unknown: {said}{_named(error)}; look at the account before you send it again")
        case "not_sent":
            return Ended(code, f"nothing took effect: {said}; it may be made again")
        case _:
            return Ended(code, said)


def message(error: KrakenError) -> str:
    """Return what happened, without what only a program could do about it: whoever types a command has no ticket."""
    return str(error).replace(_FOR_PROGRAMS, "")


_FOR_PROGRAMS: Final = "; do not send it again: `await ticket.resolve()` finds out"


def advice(error: KrakenError) -> list[str]:
    """Return what usually helps: REST says so in notes, of which the first only names the call."""
    if isinstance(error, MissingCredentials):
        return []
    if isinstance(error, _NO_ANSWER):
        return [REMEDY]
    if isinstance(error, ExchangeError) and _says_unknown_market(error):
        return ["the markets are listed by: rxkraken instruments"]
    if isinstance(error, ExchangeError) and "nknown order" in error.text:
        return ["the open orders are listed by: rxkraken rest POST OpenOrders"]
    notes = [note for note in getattr(error, "__notes__", ()) if not note.startswith("in the REST call")]
    if isinstance(error, RateLimited) and error.wait is not None and not notes:
        notes.append(f"wait {error.wait:g} s")
    return notes


def _says_unknown_market(error: ExchangeError) -> bool:
    return error.category == "symbol" or "nknown asset pair" in error.text


_NO_ANSWER: Final = (LinkLost, RetriesExhausted, RequestTimeout, NotSent)


def _named(error: KrakenError) -> str:
    ids = error.cl_ord_ids if isinstance(error, OutcomeUnknown) else ()
    return f"; its cl_ord_id is {', '.join(ids)}" if ids else ""
