"""Where in the user's code a subscription was made, for error reports that point at the right line."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import reactivex

if TYPE_CHECKING:
    from types import FrameType

_OURS = (str(Path(__file__).resolve().parents[1]), str(Path(reactivex.__file__).resolve().parent))


def place_of_caller() -> str:
    """Find `file:line` of the innermost caller outside this library and reactivex."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - cheap, and documented in `sys`
    while frame is not None and frame.f_code.co_filename.startswith(_OURS):
        frame = frame.f_back
    return f"{frame.f_code.co_filename}:{frame.f_lineno}" if frame is not None else "an unknown place"
