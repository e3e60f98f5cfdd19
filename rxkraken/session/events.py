"""What a conversation tells its owner: how topics fare, what became of requests, and that the connection is no good.

Plain values, in the order in which things happened. A topic's events are about its one place in the subscription table;
a request ends with exactly one of `Answered`, `TimedOut` and `Unsent`, unless the connection is lost with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rxkraken.protocol.spot_v2 import Reply
from rxkraken.protocol.topics import Topic


@dataclass(frozen=True, slots=True)
class Live:
    """Kraken acknowledged this topic; its data follows or already flows."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class Refused:
    """Kraken refused this topic for good; it is not asked again."""

    topic: Topic
    text: str


@dataclass(frozen=True, slots=True)
class Unanswered:
    """No ack, or no first data, in time; the topic is being asked again."""

    topic: Topic
    what: str


@dataclass(frozen=True, slots=True)
class Left:
    """The topic is off the wire and nobody wants it."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class Renewing:
    """The topic is being unsubscribed and subscribed again; what still arrives for it is old."""

    topic: Topic
    why: Literal["stale", "resync", "unanswered"]


@dataclass(frozen=True, slots=True)
class Leaving:
    """Nobody wants the topic any more and it is being unsubscribed; what still arrives for it is old."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class Degraded:
    """The topic was renewed as often as allowed without success and stays silent until the next connection."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class Answered:
    """A reply to a request made with `request`, `order` or `ping`, and how long it took."""

    req_id: int
    reply: Reply
    seconds: float


@dataclass(frozen=True, slots=True)
class TimedOut:
    """A request made with `request`, `order` or `ping` got no reply in time, or not all."""

    req_id: int


@dataclass(frozen=True, slots=True)
class Unsent:
    """The connection, or the time for it, ended before a request made with `order` left: it never will."""

    req_id: int
    why: str = "the connection ended before the request left"


@dataclass(frozen=True, slots=True)
class TokenRefused:
    """Kraken does not take the token any more; nothing private is asked before there is another one."""


@dataclass(frozen=True, slots=True)
class Quiet:
    """The topic was acknowledged and nothing followed: there is nothing to show (ws-v2 reference section 5.2)."""

    topic: Topic


@dataclass(frozen=True, slots=True)
class Stray:
    """A reply that nobody waits for."""

    reply: Reply


@dataclass(frozen=True, slots=True)
class Dead:
    """The connection must be given up: it is silent, or its ping was not answered."""

    reason: str


TopicEvent = Live | Refused | Unanswered | Left | Renewing | Leaving | Degraded | Quiet
Event = TopicEvent | Answered | TimedOut | Unsent | TokenRefused | Stray | Dead
