"""Who may make a private REST call: key, signature, nonce, password, call rate, permission, in this order.

Rest reference sections 2 (signing), 5.1 (call counter) and 10. Written from the description alone, with hashlib and
hmac: the client's signing is not shared, so a mistake in it is noticed here.
"""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode, b64encode
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rxkraken.simulator.rest_wire import Params, Refused, as_text, read_body

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from rxkraken.simulator.accounts import ApiKey, Tier

# The most that the call counter of a key may hold, and what it loses in a second (section 5.1).
CALL_LIMITS: Mapping[Tier, tuple[float, float]] = {
    "starter": (15, 0.33),
    "intermediate": (20, 0.5),
    "pro": (20, 1),
}
_NONCE_END = 1 << 64


def signature(secret: str, path: str, nonce: str, body: bytes) -> str:
    """The `API-Sign` of a request: HMAC-SHA512 over the path and SHA256(nonce + body), in base64 (section 2)."""
    digest = hashlib.sha256(nonce.encode() + body).digest()
    return b64encode(hmac.new(b64decode(secret), path.encode() + digest, hashlib.sha512).digest()).decode()


@dataclass(slots=True)
class _Seen:
    """What is remembered of a key: its call counter at a time, and the nonces that its window still lets in."""

    value: float = 0.0
    time: float = 0.0
    nonces: set[int] = field(default_factory=set[int])


class Gate:
    """Lets signed calls in."""

    def __init__(self, keys: Mapping[str, ApiKey]) -> None:
        """Know these keys, by their public part; the mapping may grow."""
        self._keys = keys
        self._seen: dict[str, _Seen] = {}

    def enter(self, path: str, headers: Mapping[str, str], body: bytes) -> tuple[ApiKey, Params]:
        """The key that signed a request and what it asks; `Refused` when anything about the signature is wrong.

        `path` is what was signed: with the query when there is one. Names of headers are in small letters.
        """
        key = self._keys.get(headers.get("api-key", ""))
        if key is None:
            raise Refused("EAPI:Invalid key")
        params = read_body(body, headers.get("content-type", ""))
        nonce = as_text(params, "nonce") or ""
        expected = signature(key.secret, path, nonce, body)
        if not hmac.compare_digest(expected.encode(), headers.get("api-sign", "").encode()):
            raise Refused("EAPI:Invalid signature")
        self._take_nonce(key, nonce)
        # The exact text for a missing or wrong password is unconfirmed (section 2.5).
        if key.otp is not None and as_text(params, "otp") != key.otp:
            raise Refused("EGeneral:Permission denied")
        del params["nonce"]
        params.pop("otp", None)
        return key, params

    def charge(self, key: ApiKey, cost: float, now: float) -> None:
        """Count a call of this cost; `Refused`, and not counted, when the counter has no room for it."""
        most, _ = CALL_LIMITS[key.account.tier]
        value = self.counter(key, now)
        if value + cost > most:
            raise Refused("EAPI:Rate limit exceeded")
        seen = self._memory(key)
        seen.value, seen.time = value + cost, now

    def counter(self, key: ApiKey, now: float) -> float:
        """What the call counter of a key stands at."""
        seen = self._memory(key)
        _, decay = CALL_LIMITS[key.account.tier]
        return max(0.0, seen.value - (now - seen.time) * decay)

    def _take_nonce(self, key: ApiKey, text: str) -> None:
        """Each nonce once, above the largest so far, or at most `nonce_window` below it (the unit is unconfirmed)."""
        nonce = int(text) if text.isascii() and text.isdecimal() else -1
        seen = self._memory(key)
        in_window = key.last_nonce - key.nonce_window < nonce and nonce not in seen.nonces
        if not 0 <= nonce < _NONCE_END or not (nonce > key.last_nonce or in_window):
            raise Refused("EAPI:Invalid nonce")
        key.last_nonce = max(key.last_nonce, nonce)
        if key.nonce_window:
            least = key.last_nonce - key.nonce_window
            seen.nonces = {used for used in seen.nonces if used > least} | {nonce}

    def _memory(self, key: ApiKey) -> _Seen:
        return self._seen.setdefault(key.key, _Seen())


def permit(key: ApiKey, permissions: Iterable[str]) -> None:
    """Refuse a call that needs one of these permissions when the key has none of them."""
    wanted = set(permissions)
    if wanted and not wanted & key.permissions:
        raise Refused("EGeneral:Permission denied")
