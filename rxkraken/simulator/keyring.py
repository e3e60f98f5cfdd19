"""API keys and WebSocket tokens of the simulated exchange, all drawn from its seed.

A token is to be used within 900 seconds; from the first use on it lives as long as a connection that used it
(ws-v2 reference section 5.1).
"""

from __future__ import annotations

from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from rxkraken.credentials import Credentials
from rxkraken.errors import InvalidArgument
from rxkraken.simulator.accounts import PERMISSIONS, ApiKey

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rxkraken.simulator.accounts import Account

TOKEN_SECONDS = 900


@dataclass(slots=True, eq=False)
class Token:
    """One token: the key it stands for, when it expires unused, and the connections that keep it alive."""

    key: ApiKey
    expires: float
    users: set[int] = field(default_factory=set[int])


class Keyring:
    """Makes and knows keys and tokens."""

    def __init__(self, seed: int) -> None:
        """No keys yet."""
        self.keys: dict[str, ApiKey] = {}
        self._tokens: dict[str, Token] = {}
        self._random = Random(f"{seed}:keys")

    def add(self, account: Account, permissions: Iterable[str] | None, otp: str | None) -> Credentials:
        """Give an account one more key; all permissions unless told. The result signs with it."""
        allowed = frozenset(PERMISSIONS if permissions is None else permissions)
        unknown = sorted(allowed.difference(PERMISSIONS))
        if unknown:
            raise InvalidArgument(f"permissions={unknown!r} are not known; choose of: {', '.join(PERMISSIONS)}")
        public = b64encode(self._random.randbytes(42)).decode()
        secret = b64encode(self._random.randbytes(64)).decode()
        made = ApiKey(public, secret, account, allowed, otp=otp)
        self.keys[public] = made
        account.keys.append(made)
        return Credentials(public, secret, otp)

    def issue(self, key: ApiKey, now: float) -> tuple[str, int]:
        """A new token for a key, and the seconds within which to use it."""
        text = urlsafe_b64encode(self._random.randbytes(32)).decode().rstrip("=")
        self._tokens[text] = Token(key, now + TOKEN_SECONDS)
        return text, TOKEN_SECONDS

    def use(self, text: str, connection: int, now: float) -> ApiKey | None:
        """The key behind a token that is used on a connection; None when it is unknown, expired or invalidated."""
        token = self._tokens.get(text)
        if token is None or (not token.users and token.expires <= now):
            return None
        token.users.add(connection)
        return token.key

    def leave(self, connection: int, now: float) -> None:
        """A connection is over: tokens that only it kept alive past their time are gone."""
        for text, token in list(self._tokens.items()):
            token.users.discard(connection)
            if not token.users and token.expires <= now:
                del self._tokens[text]

    def invalidate(self) -> None:
        """Forget every token, as an upgrade of the servers does (ws-v2 reference section 1.8)."""
        self._tokens.clear()
