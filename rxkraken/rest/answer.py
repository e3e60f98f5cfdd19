"""Reads an HTTP answer: Kraken's result, or the one error that says what to do about it. Pure.

Errors are returned, not raised: an answer may hold a token, and a traceback would show the frame that holds the answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

from rxkraken.errors import RateLimited, RestError, RestUnavailable, RestUnreadable
from rxkraken.protocol.json import exact
from rxkraken.protocol.kraken_errors import is_warning, rest_error
from rxkraken.rest.build import is_list, is_mapping


@dataclass(frozen=True, slots=True)
class RestAnswer:
    """What came back, before anybody judged it. Numbers in `result` are exact (`Decimal` or `int`).

    `status` is the HTTP status, `body` the bytes as received, `result` what Kraken answered (None when there is none),
    `errors` and `warnings` the strings of its `error` array (section 1: those with `W` only warn).
    """

    status: int
    body: bytes = field(repr=False)
    content_type: str = ""
    retry_after: float | None = None
    result: Any = field(default=None, repr=False)
    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    is_kraken: bool = False


def read(status: int, body: bytes, content_type: str = "", retry_after: float | None = None) -> RestAnswer:
    """Decode a body. `is_kraken` says whether it is Kraken's envelope `{"error": [...], "result": ...}`."""
    plain = RestAnswer(status, body, content_type, retry_after)
    try:
        decoded: Any = exact(body)
    except (ValueError, RecursionError):
        return plain
    if not is_mapping(decoded) or "error" not in decoded:
        return plain
    given = decoded["error"]
    texts = [str(text) for text in (given if is_list(given) else [given]) if text]
    return RestAnswer(
        status,
        body,
        content_type,
        retry_after,
        result=decoded.get("result"),
        errors=tuple(text for text in texts if not is_warning(text)),
        warnings=tuple(text for text in texts if is_warning(text)),
        is_kraken=True,
    )


def problem(answer: RestAnswer) -> RestError | None:
    """Return the error that an answer means, or None when it is a result. Kraken's own words come before the status."""
    if answer.errors:
        return rest_error(answer.errors)
    if answer.status == _OK and answer.is_kraken:
        return None
    return _gateway_error(answer.status, _described(answer), answer.retry_after)


def _gateway_error(status: int, what: str, retry_after: float | None) -> RestError:
    match status:
        case 429:
            return RateLimited(what, wait=retry_after)
        case 401 | 403:
            return RestError(f"{what}: the gateway refuses this address or request", category="blocked")
        case 200 | 202:
            return RestUnreadable(what)
        case _ if status >= _SERVER_ERROR:
            return RestUnavailable(what, status=status)
        case _:
            return RestError(
                f"{what}: nothing is served there, check the endpoint's rest URL", category=f"http_{status}"
            )


_OK: Final = 200
_SERVER_ERROR: Final = 500
_TITLE: Final = re.compile(rb"<title[^>]*>\s*([^<]{1,120}?)\s*</title>", re.IGNORECASE)
_SEARCHED: Final = 4096


def _described(answer: RestAnswer) -> str:
    # Only an HTML title is quoted: the body of a damaged answer could be half of a token.
    title = _TITLE.search(answer.body[:_SEARCHED])
    page = f" with the page {title[1].decode(errors='replace')!r}" if title else ""
    kind = answer.content_type or "no content type"
    return f"HTTP {answer.status}{page} instead of an answer ({len(answer.body)} bytes, {kind})"
