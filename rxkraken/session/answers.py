"""Who waits for the answers to requests: callbacks by `req_id`.

Invariant: a callback is called once, or, where several answers may come, until the last of them or until it is
forgotten; it is gone before it is called for the last time, so that it may ask again.
"""

from __future__ import annotations

from collections.abc import Callable

from rxkraken.protocol.spot_v2 import Reply

# Gets the reply, or the error in its stead, and how many seconds it took.
Answer = Callable[[Reply | Exception, float], None]


class Answers:
    """The callbacks of one connection."""

    def __init__(self) -> None:
        """Nobody waits yet."""
        self._waiting: dict[int, Answer] = {}
        self._several: set[int] = set()

    def expect(self, req_id: int, answer: Answer, *, several: bool = False) -> None:
        """Have answers to a request go there."""
        self._waiting[req_id] = answer
        if several:
            self._several.add(req_id)

    def give(self, req_id: int, answer: Reply | Exception, seconds: float = 0.0) -> None:
        """Hand an answer over; an error is the last one."""
        callback = self._waiting.get(req_id)
        if req_id not in self._several or isinstance(answer, Exception):
            self.forget(req_id)
        if callback is not None:
            callback(answer, seconds)

    def forget(self, req_id: int) -> None:
        """Hand nothing more over."""
        self._waiting.pop(req_id, None)
        self._several.discard(req_id)
