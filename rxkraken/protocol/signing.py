"""Signs private REST calls, and holds text that must not be shown.

The signature covers the exact bytes that are sent (rest reference section 2), so the body comes in finished.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Final

_SHOWN: Final = "<hidden>"


class Hidden(str):
    """Text that is sent but never shown: `repr`, and so every traceback, log of a mapping and dump, says `<hidden>`.

    `str()` and formatting give the text itself, because the HTTP layer writes headers that way.
    """

    __slots__ = ()

    def __repr__(self) -> str:
        """Say that there is something, not what."""
        return _SHOWN


class HiddenBytes(bytes):
    """Bytes that are sent but never shown, for the same reason as `Hidden`."""

    __slots__ = ()

    def __repr__(self) -> str:
        """Say that there is something, not what."""
        return _SHOWN

    def __str__(self) -> str:
        """Say that there is something, not what: `str()` of bytes is their `repr`."""
        return _SHOWN


def sign(secret: bytes, path: str, nonce: str, body: bytes) -> Hidden:
    """Return the `API-Sign` header of one call: base64 text, hidden from `repr`.

    `secret` is the decoded private key, `path` begins with `/0/private/`, and `body` is the exact body that will be
    sent, which contains the same `nonce` (rest reference section 2: HMAC-SHA512 over path + SHA256(nonce + body)).
    """
    digest = hashlib.sha256(nonce.encode() + body).digest()
    return Hidden(base64.b64encode(hmac.digest(secret, path.encode() + digest, "sha512")).decode())
