"""A report while it is being written: the line at hand, the verdict on it, and the books that count for themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rxkraken.tape.report import BookTally, Problem, Report

if TYPE_CHECKING:
    from rxkraken.books import Book3Reducer, BookReducer

_MOST_PROBLEMS: Final = 100


class Findings:
    """Takes what is found line by line; `report()` tells it all."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._report = Report()
        self._line = 0
        self._wrong = self._strange = False
        self._reducers: dict[str, list[BookReducer | Book3Reducer]] = {}

    # --- lines --------------------------------------------------------------------------------------------------------

    @property
    def is_wrong(self) -> bool:
        """Whether the line at hand has been called an error."""
        return self._wrong

    def begin(self, line: int, *, is_frame: bool) -> None:
        """Come to a line, counted from 1."""
        self._line = line
        self._wrong = self._strange = False
        self._report.frames += is_frame

    def end(self) -> None:
        """Leave the line: whatever was said of it, it counts once, as an error before all."""
        self._report.errors += self._wrong
        self._report.unknown += self._strange and not self._wrong

    def wrong(self, text: str) -> None:
        """Call the line an error."""
        self._wrong = True
        self.note(text)

    def strange(self, text: str) -> None:
        """Call the line one that this version does not know."""
        self._strange = True
        self.note(text)

    def note(self, text: str) -> None:
        """Say something about the line that counts nowhere."""
        if len(self._report.problems) < _MOST_PROBLEMS:
            self._report.problems.append(Problem(self._line, text))

    # --- books --------------------------------------------------------------------------------------------------------

    def see(self, book: str, *, is_snapshot: bool, is_update: bool, checked_snapshots: bool = True) -> None:
        """Count a message of a book, whatever will become of it."""
        tally = self._report.books.get(book)
        if tally is None:
            tally = self._report.books[book] = BookTally(checked_snapshots=checked_snapshots)
        tally.snapshots += is_snapshot
        tally.updates += is_update

    def follow(self, book: str, reducer: BookReducer | Book3Reducer) -> None:
        """Count what this reducer says of a book, besides what its predecessors said."""
        self._reducers.setdefault(book, []).append(reducer)

    def report(self) -> Report:
        """Tell what has been found up to now."""
        for book, tally in self._report.books.items():
            counters = [reducer.counters for reducer in self._reducers.get(book, ())]
            tally.verified = sum(counter.verified for counter in counters)
            tally.mismatched = sum(counter.mismatched for counter in counters)
            tally.resyncs = sum(counter.mismatched + counter.malformed for counter in counters)
        return self._report
