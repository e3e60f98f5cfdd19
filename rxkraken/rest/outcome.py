"""What a failed attempt means for the caller, by the nature of the call. Pure.

Promise of every order and every change: it is made once, and a failure says whether it *did not* happen
(`OrderRejected`, `RestError`, `NotSent`) or whether that is not known (`OutcomeUnknown`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rxkraken.errors import (
    KrakenError,
    NotSent,
    OutcomeUnknown,
    RateLimited,
    RestError,
    RestOrderRejected,
    RestUnavailable,
    RestUnreadable,
)

if TYPE_CHECKING:
    from rxkraken.rest.calls import CallSpec


def verdict(spec: CallSpec, error: KrakenError, *, sent: bool, identity: str = "") -> KrakenError:
    """Return the error that the caller gets. `sent` is False only when nothing can have left the process.

    `identity` names the order in the message of an `OutcomeUnknown`, so that it can be looked up.
    """
    if spec.nature == "read":
        return error
    if not sent:
        return _caused(NotSent(f"{spec.name} was not sent: {error}"), error)
    if isinstance(error, RestError) and not _may_have_happened(error):
        return _rejected(error) if spec.nature == "order" else error
    how = f"look for {identity} with QueryOrders or OpenOrders" if identity else "look at the account"
    text = f"{spec.name} was sent and its outcome is not known ({error}); do not send it again, {how} first"
    return _caused(OutcomeUnknown(text), error)


def _may_have_happened(error: RestError) -> bool:
    # The same texts as `outcome_unknown` of kraken_errors (ws-v2 reference section 6.11, "Retry?"); and a gateway's
    # 5xx page says nothing about the exchange behind it either.
    return isinstance(error, RestUnavailable | RestUnreadable) or error.category == "deadline"


def _rejected(error: RestError) -> RestOrderRejected:
    rejected = RestOrderRejected(error.text, category=error.category, retryable=error.retryable)
    rejected.__cause__ = error
    return rejected


def _caused(error: KrakenError, cause: BaseException) -> KrakenError:
    error.__cause__ = cause
    return error


def without_frames(error: BaseException) -> BaseException:
    """Return a foreign error, and all that led to it, without tracebacks.

    Their frames belong to the HTTP layer, whose local variables hold the signed headers and the body.
    """
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        link = waiting.pop()
        if link is not None and id(link) not in seen:
            seen.add(id(link))
            link.__traceback__ = None
            waiting += (link.__cause__, link.__context__)
    return error


HINTS: Final = {
    "nonce": "this key is used by another program, or was used with larger nonces: make one key for each program",
    "auth": "check that key and secret belong together, and that the one-time password is given if the key needs one",
    "permission": "give the API key this permission in the account settings, or use another key",
}


def explained(error: KrakenError, name: str) -> KrakenError:
    """Add to an error, as notes that tracebacks print, which call it was and what usually helps."""
    error.add_note(f"in the REST call {name}")
    if isinstance(error, RestError) and error.category in HINTS:
        error.add_note(HINTS[error.category])
    if isinstance(error, RateLimited) and error.wait is not None:
        error.add_note(f"wait {error.wait:g} s")
    return error
