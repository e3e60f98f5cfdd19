"""What is counted, remembered and chosen about a book besides its levels."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, get_args

from rxkraken.errors import InvalidArgument

if TYPE_CHECKING:
    from rxkraken.books.faults import ChecksumMismatch, MalformedBook

Checksum = Literal["verify", "flag", "off"]

# What JSON objects decode to. `isinstance` would tell type checkers that the fields are unknown rather than anything,
# and each `cast` is a call.
OBJECT: Final[Any] = dict


@dataclass(frozen=True, slots=True)
class Counters:
    """What a reducer has seen so far.

    `snapshots` and `updates` were applied; of both, `verified` matched their checksum and `mismatched` did not.
    `malformed` could not be applied. `ignored` came while there was no book to apply them to, or for another symbol.
    """

    snapshots: int = 0
    updates: int = 0
    verified: int = 0
    mismatched: int = 0
    malformed: int = 0
    ignored: int = 0


class Memento(NamedTuple):
    """All a reducer knows apart from its ladder: with the book of that moment, enough to go on from there again."""

    precision: tuple[int | None, int | None]
    sequence: int
    hidden: int
    unverified: int
    rare: Counters
    needs_resync: bool
    last_error: MalformedBook | ChecksumMismatch | None

    @property
    def counters(self) -> Counters:
        """What had been seen."""
        applied = self.sequence + self.hidden
        return replace(self.rare, updates=applied - self.rare.snapshots, verified=self.sequence - self.unverified)


def check_options(depth: object, checksum: object) -> None:
    """Raise `InvalidArgument` unless these are a number of levels and a way to treat checksums."""
    if checksum not in get_args(Checksum):
        raise InvalidArgument(f'checksum {checksum!r} must be "verify", "flag" or "off"')
    if isinstance(depth, bool) or not isinstance(depth, int) or depth < 1:
        raise InvalidArgument(
            f"depth {depth!r} must be a positive number of levels; Kraken offers 10, 25, 100, 500 and 1000"
        )
