"""Order books: pure, exact, verified.

`BookReducer` is the engine of a live topic, `reduce_book` the same as a pure function for `ops.scan`, `Book` the value
both give out.
"""

from rxkraken.books.book import Book
from rxkraken.books.faults import ChecksumMismatch, MalformedBook
from rxkraken.books.measures import Level
from rxkraken.books.reducer import BookReducer, Counters
from rxkraken.books.state import BookState, reduce_book

__all__ = [
    "Book",
    "BookReducer",
    "BookState",
    "ChecksumMismatch",
    "Counters",
    "Level",
    "MalformedBook",
    "reduce_book",
]
