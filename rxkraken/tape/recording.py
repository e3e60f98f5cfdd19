"""Read a recording: one frame a line, as `[seconds, "raw frame"]` or as the raw frame itself, plain or gzip.

Recordings are written by many tools and cut off by many crashes, so a line that is neither is handed on with its
problem instead of stopping the rest, and so is the damaged end of a gzip file.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rxkraken.protocol.json import loads

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import BufferedReader

_GZIP_MAGIC: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a recording: `raw` is the frame's text and `at` its time, or `problem` says what is wrong.

    `number` counts from 1. `at` is in seconds, on whatever clock the recorder used; `None` where it is not recorded.
    """

    number: int
    at: float | None = None
    raw: str = ""
    problem: str | None = None


def read_recording(path: Path | str) -> Iterator[Line]:
    """Yield every line of a recording that is not blank, in order; the file is read as it is consumed.

    Whether it is gzip is seen from its first bytes, not from its name. Raises `OSError` when the file cannot be opened
    or read, or when it is a damaged gzip file that holds no line at all.
    """
    with Path(path).open("rb") as file:
        yield from read_lines(file)


def read_lines(file: BufferedReader) -> Iterator[Line]:
    """Yield every line of an open recording that is not blank, in order, as `read_recording` does."""
    lines: Iterable[bytes] = gzip.GzipFile(fileobj=file) if file.peek(2)[:2] == _GZIP_MAGIC else file
    number = 0
    try:
        for number, text in enumerate(lines, start=1):
            if text.strip():
                yield parse_line(number, text)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        if number == 0:
            raise OSError(f"damaged gzip file: {error}") from error
        yield Line(number + 1, problem=f"the gzip file is damaged from here on: {error}")


def parse_line(number: int, text: bytes) -> Line:
    """Tell a recorded `[seconds, "raw frame"]` from a raw frame, which may itself be an array (as in v1).

    A recorded frame may hold any text, since an exchange may send any; a line that is no JSON at all is a problem.
    """
    try:
        raw = text.decode().strip()
        parsed: Any = loads(raw)
    except (ValueError, RecursionError) as error:
        return Line(number, problem=f"neither a recorded frame nor a raw one: {error}")
    match parsed:
        case [None, str(frame)]:
            return Line(number, raw=frame)
        case [int(at) | float(at), str(frame)] if abs(at) < _END_OF_TIME and not isinstance(at, bool):
            return Line(number, at=float(at), raw=frame)
        case [_, str()] | str() | int() | float() | None:
            return Line(number, problem=f"neither a recorded frame nor a raw one: {raw[:_SHOWN]}")
        case _:
            return Line(number, raw=raw)


_SHOWN: Final = 80
_END_OF_TIME: Final = 1e12
