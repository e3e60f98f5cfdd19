"""The library's loggers. What an exchange says is written as one printable line, so that it can forge no other line."""

from __future__ import annotations

import logging
from typing import Final


class _OneLine(logging.Filter):
    """Escapes whatever a terminal or an encoding could stumble over: line ends, control characters, lone surrogates."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Rewrite a message where it has to be; every message passes."""
        text = record.getMessage()
        if not text.isprintable():
            record.msg = "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)
            record.args = ()
        return True


_ONE_LINE: Final = _OneLine()


def logger(name: str) -> logging.Logger:
    """Find a logger of the library by its name; where its records go is the program's business."""
    found = logging.getLogger(name)
    found.addFilter(_ONE_LINE)
    return found
