"""Whether anybody kept a book: the question that decides between reusing it and giving it a copy of its levels.

On CPython the reference count answers, exactly and cheaply: a book with no reference but its reducer's cannot be seen
by anybody, so it may tell of the next message, and no new book is made. Elsewhere (other interpreters, builds without
the GIL, versions not tested yet) a weak reference answers; where it learns of a death late, that costs a copy and
nothing else.
"""

from __future__ import annotations

import sys
import sysconfig
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

# From 3.14 on the interpreter may leave out references it knows to be superfluous, and it is free to do more of that.
FIRST_UNTESTED = (3, 14)


class _Holder:
    __slots__ = ("item",)

    def __init__(self) -> None:
        self.item: object = object()


def _count_alone() -> int:
    """Return the count of an object that is in one slot and one local variable, as in `BookReducer.apply`."""
    holder = _Holder()
    item = holder.item
    return sys.getrefcount(item)


def _is_exact() -> bool:
    """Whether reference counts tell who holds an object, in this interpreter."""
    return (
        sys.implementation.name == "cpython"
        and sys.version_info < FIRST_UNTESTED
        and not sysconfig.get_config_var("Py_GIL_DISABLED")
        and _count_alone() == 3  # noqa: PLR2004 - the slot, the variable, the argument
    )


def _unknown(_: object) -> int:
    return -1


COUNTED = _is_exact()
ALONE = 3
references: Callable[[object], int] = sys.getrefcount if COUNTED else _unknown
