"""What the proof of a recording says: counts for each book, and in words what was wrong at which line."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class BookTally:
    """What became of the messages of one book.

    `snapshots` and `updates` were seen, of both `verified` matched their checksum and `mismatched` did not. `resyncs`
    counts how often a live client would have had to subscribe again; updates from there to the next snapshot are
    neither verified nor mismatched.

    A snapshot of WebSocket v1 carries no checksum (ws-v1 reference section 5.5), so there `checked_snapshots` is false
    and only updates can be verified; the first one proves the snapshot too.
    """

    snapshots: int = 0
    updates: int = 0
    verified: int = 0
    mismatched: int = 0
    resyncs: int = 0
    checked_snapshots: bool = True

    @property
    def checkable(self) -> int:
        """How many messages have a checksum to be judged by."""
        return self.updates + (self.snapshots if self.checked_snapshots else 0)


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong at one line of the recording (counted from 1)."""

    line: int
    text: str


@dataclass(slots=True)
class Report:
    """What a recording holds and what of it could be proven.

    `frames` were read. `unknown` of them hold something this version does not know; `errors` are lines that are no
    frame, frames that break their channel's promise, and errors that answer no request. `problems` tells the first
    hundred of all that in words, mismatches and refused subscriptions too.

    `books` are named by their symbol in WebSocket v2, and in v1 by symbol and channel, `BTC/USD book-10`: a connection
    may hold a market at several depths there, and every frame says which it is.
    """

    frames: int = 0
    unknown: int = 0
    errors: int = 0
    books: dict[str, BookTally] = field(default_factory=dict[str, BookTally])
    problems: list[Problem] = field(default_factory=list[Problem])

    @property
    def proven(self) -> bool:
        """Whether no book message failed: none mismatched, none needed a new snapshot."""
        return not any(tally.mismatched or tally.resyncs for tally in self.books.values())

    @property
    def unjudged(self) -> int:
        """How many book messages could not be judged: they waited for a snapshot, or came without a checksum."""
        return sum(tally.checkable - tally.verified - tally.mismatched for tally in self.books.values())

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain values, books by name in the order they appeared."""
        names = ("snapshots", "updates", "verified", "mismatched", "resyncs")
        books = {name: {each: getattr(tally, each) for each in names} for name, tally in self.books.items()}
        return {"frames": self.frames, "unknown": self.unknown, "errors": self.errors, "books": books}
