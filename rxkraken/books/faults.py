"""What can be wrong with a book message. The session resynchronises on these; users see them on `status`."""

from __future__ import annotations

from typing import Any

from rxkraken.errors import ProtocolViolation


class MalformedBook(ProtocolViolation):
    """A book message that cannot be applied. The book is invalid until the next snapshot; `reason` says why."""

    def __init__(self, reason: str) -> None:
        """Keep the reason."""
        self.reason = reason
        super().__init__(reason)


class NeedExact(MalformedBook):
    """A float too large to name its decimal: the message must be decoded again from its text."""


class ChecksumMismatch(ProtocolViolation):
    """The book after a message is not the book Kraken has.

    `expected` came with the message, `computed` is ours. `stale_precision` says that the message has more fraction
    digits than the precisions in use, so that these are to be refreshed (ws-v2 reference, section 4.4).
    """

    def __init__(self, symbol: str, expected: object, computed: int | None, *, stale_precision: bool = False) -> None:
        """Keep both checksums."""
        self.symbol = symbol
        self.expected = expected
        self.computed = computed
        self.stale_precision = stale_precision
        hint = "; it has more digits than the precisions in use" if stale_precision else ""
        super().__init__(f"checksum of {symbol} is {computed}, Kraken sent {expected!r}{hint}")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle by the arguments, not by the finished message."""
        return _mismatch, (self.symbol, self.expected, self.computed, self.stale_precision)


def _mismatch(symbol: str, expected: object, computed: int | None, stale: bool) -> ChecksumMismatch:  # noqa: FBT001 - unpickling passes positions
    return ChecksumMismatch(symbol, expected, computed, stale_precision=stale)
