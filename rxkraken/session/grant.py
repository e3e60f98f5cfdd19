"""The token of one connection: whether there is one, and whether Kraken has accepted it for anything yet.

Invariant: only a reply to what was sent with the token at hand says anything about it. Source: ws-v2 reference
section 5.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rxkraken.protocol.spot_v2 import Reply


class Grant:
    """Permission to say what is private, as long as the connection and the exchange's patience last."""

    def __init__(self) -> None:
        """Start without a token."""
        self._token: str | None = None
        self._used = False

    @property
    def token(self) -> str | None:
        """What private requests carry; None while nothing private may be said."""
        return self._token

    @property
    def used(self) -> bool:
        """Whether Kraken accepted the latest token, which is then good for as long as the connection lasts."""
        return self._used

    def give(self, token: str) -> None:
        """Take a token, instead of the one before."""
        self._token = token
        self._used = False

    def withdraw(self) -> None:
        """Have none any more: tokens do not outlive their connection."""
        self._token = None

    def judge(self, token: str | None, reply: Reply) -> bool:
        """Learn from the reply to what was sent with `token`; True when it ended the token at hand."""
        if token is None or token != self._token:
            return False
        if reply.success:
            self._used = True
        elif is_refused_token(reply.error):
            self._token = None
            return True
        return False


def is_refused_token(error: str | None) -> bool:
    """Whether a refusal means that the token is not, or no longer, valid (ws-v2 reference section 5.1)."""
    return error is not None and error.startswith(("ESession:Invalid session", "EAPI:Invalid token"))
