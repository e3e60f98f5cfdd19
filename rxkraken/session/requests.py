"""The request table of one connection: what waits for its turn to leave, what waits for an answer, and until when.

Invariants: a request is open from when it is added until it is closed, by the answer, its time-out, `forget` or
`clear`, and closed once; only what is open waits to leave, so what is closed before it left never will; the time for
an answer runs from when a request left; orders never wait behind anything else. Sans I/O: the table knows ids, texts
and times, and leaves what an answer means to the conversation. Sources: ws-v2 reference sections 1.3, 2.2 and 2.6.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from rxkraken.protocol.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rxkraken.protocol.spot_v2 import Reply
    from rxkraken.session.pacing import TokenBucket

Kind = Literal["subscribe", "unsubscribe", "request", "order", "ping", "probe"]


@dataclass(slots=True, eq=False)
class Request:
    """One request and who waits for its replies.

    `patience` is how many seconds its answer may take; `give_up_at` is when it need not leave any more, because its
    caller has waited long enough. `topics`, by symbol, are those that still lack an answer; `token` is what it carries.
    """

    req_id: int
    kind: Kind
    text: str
    patience: float
    give_up_at: float = math.inf
    topics: dict[str | None, Topic] = field(default_factory=dict[str | None, Topic])
    token: str | None = None
    several: bool = False
    leave_by: float = math.inf
    sent_at: float = math.inf
    deadline: float = math.inf

    @property
    def has_left(self) -> bool:
        """Whether it was put on the wire."""
        return self.sent_at < math.inf

    def depart(self, now: float) -> str:
        """Put it on the wire: the answer is waited for from here on, however long it has waited for its turn."""
        self.sent_at = now
        self.deadline = now + self.patience
        return self.text


def by_symbol(topics: Iterable[Topic]) -> dict[str | None, Topic]:
    """The topics of a request under what its replies call them."""
    return {topic.symbol: topic for topic in topics}


class RequestTable:
    """Everything open on one connection, by `req_id`."""

    def __init__(self, general: TokenBucket, orders: TokenBucket) -> None:
        """`general` paces what is not an order; others may draw from it as well."""
        self._open: dict[int, Request] = {}
        self._waiting: deque[Request] = deque()
        self._orders: deque[Request] = deque()
        self._general = general
        self._order_pace = orders

    # --- in -------------------------------------------------------------------------------------------------------

    def send(self, request: Request, now: float) -> str:
        """Open a request that leaves at once; returns what to put on the wire."""
        self._open[request.req_id] = request
        return request.depart(now)

    def wait(self, request: Request) -> None:
        """Open a request that leaves in its turn: pings first, orders in a queue of their own."""
        self._open[request.req_id] = request
        match request.kind:
            case "order":
                self._orders.append(request)
            case "ping":
                self._waiting.appendleft(request)
            case _:
                self._waiting.append(request)
        request.deadline = request.give_up_at

    # --- onto the wire --------------------------------------------------------------------------------------------

    def departures(self, now: float) -> Iterator[str]:
        """Put on the wire what may leave now, but for orders. Pings are not paced: they measure."""
        while self._waiting and (self._waiting[0].kind == "ping" or self._general.take(now)):
            yield self._waiting.popleft().depart(now)

    def order_departures(self, now: float) -> tuple[list[str], list[int]]:
        """Put on the wire the orders that may leave now; also the ids of those that were too late to, now closed."""
        texts: list[str] = []
        late: list[int] = []
        while self._orders and self._order_pace.take(now):
            request = self._orders.popleft()
            if now > request.leave_by:
                del self._open[request.req_id]
                late.append(request.req_id)
            else:
                texts.append(request.depart(now))
        return texts, late

    # --- out ------------------------------------------------------------------------------------------------------

    def find(self, req_id: int | None) -> Request | None:
        """Find the request that waits for the reply with this id; one that has not left waits for none."""
        request = None if req_id is None else self._open.get(req_id)
        return request if request is not None and request.has_left else None

    def answered(self, request: Request, reply: Reply) -> Sequence[Topic] | None:
        """Take a reply off an open request, and close it unless more replies are to come.

        Returns the topics that the reply is about; None if it fits none of those that wait.
        """
        topics: Sequence[Topic] = ()
        if request.topics:
            if reply.symbol in request.topics:
                topics = [request.topics.pop(reply.symbol)]
            elif reply.success and len(request.topics) > 1:
                return None
            else:
                # A refusal without a symbol concerns the whole request (ws-v2 reference section 2.6).
                topics = list(request.topics.values())
                request.topics.clear()
        if not request.topics and not request.several:
            del self._open[request.req_id]
        return topics

    def expire(self, now: float) -> list[Request]:
        """Close and return what was not answered in time, and what has not left for as long as its caller waits."""
        overdue = [request for request in self._open.values() if request.deadline <= now]
        for request in overdue:
            self.forget(request.req_id)
        return overdue

    def forget(self, req_id: int) -> None:
        """Close a request: it need not leave any more, and nobody waits for its answer."""
        request = self._open.pop(req_id, None)
        if request is None or request.has_left:
            return
        (self._orders if request.kind == "order" else self._waiting).remove(request)

    def clear(self) -> list[Request]:
        """Close everything and return it, oldest first."""
        closed = list(self._open.values())
        self._open.clear()
        self._waiting.clear()
        self._orders.clear()
        return closed

    # --- time -----------------------------------------------------------------------------------------------------

    def forgive(self, until: float) -> None:
        """Let nothing expire before `until`."""
        for request in self._open.values():
            request.deadline = max(request.deadline, until)

    def expires_at(self) -> float:
        """When the next request expires."""
        return min((request.deadline for request in self._open.values()), default=math.inf)

    def departs_at(self, now: float) -> float:
        """When the next request may leave."""
        general = self._general.ready_at(now) if self._waiting else math.inf
        return min(general, self._order_pace.ready_at(now)) if self._orders else general

    @property
    def busy(self) -> bool:
        """Whether any request is unanswered, but for pings of our own."""
        return any(request.kind != "probe" for request in self._open.values())
