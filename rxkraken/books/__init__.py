"""Order books: pure, exact, verified.

`BookReducer` is the engine of a live topic, `reduce_book` the same as a pure function for `ops.scan`, `Book` the value
both give out. `Book3Reducer`, `reduce_book3` and `OrderBook3` are the same for books of single orders, level 3.
"""

from rxkraken.books.book import Book
from rxkraken.books.faults import ChecksumMismatch, MalformedBook
from rxkraken.books.level3 import Level3, OrderBook3, QueuePosition, RestingOrder
from rxkraken.books.level3_reducer import Book3Reducer
from rxkraken.books.measures import Level
from rxkraken.books.records import Counters
from rxkraken.books.reducer import BookReducer
from rxkraken.books.state import Book3State, BookState, reduce_book, reduce_book3

__all__ = [
    "Book",
    "Book3Reducer",
    "Book3State",
    "BookReducer",
    "BookState",
    "ChecksumMismatch",
    "Counters",
    "Level",
    "Level3",
    "MalformedBook",
    "OrderBook3",
    "QueuePosition",
    "RestingOrder",
    "reduce_book",
    "reduce_book3",
]
