"""When a subscribe may leave, and how many symbols it may name: the general pace, and level 3's own.

Invariant: in no second do more level 3 symbols leave than Kraken's counter for them allows. Sources: ws-v2 reference
sections 1.3 and 2.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rxkraken.session.pacing import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rxkraken.protocol.topics import Topic
    from rxkraken.settings import Settings


class Turns:
    """The turns of one connection's subscribes."""

    def __init__(self, settings: Settings, general: TokenBucket) -> None:
        """`general` is the bucket of everything but level 3; others may draw from it as well."""
        self._general = general
        self._level3 = TokenBucket(_LEVEL3_RATE, 1)
        self._most = settings.symbols_per_request

    def take(self, topic: Topic, now: float) -> bool:
        """Take the turn of a request for topics like this one, if there is one."""
        return self._bucket(topic).take(now)

    def ready_at(self, topic: Topic, now: float) -> float:
        """When there is a turn for topics like this one."""
        return self._bucket(topic).ready_at(now)

    def split(self, topics: Sequence[Topic]) -> Iterable[Sequence[Topic]]:
        """Cut topics of one kind into as many as one subscribe may name."""
        return chunks(topics, min(self._most, _most_symbols(topics[0])))

    def _bucket(self, topic: Topic) -> TokenBucket:
        return self._level3 if topic.channel == "level3" else self._general


def chunks(topics: Sequence[Topic], size: int) -> Iterable[Sequence[Topic]]:
    """Cut topics into runs of at most `size`, in their order."""
    return (topics[start : start + size] for start in range(0, len(topics), size))


def _most_symbols(topic: Topic) -> int:
    if topic.channel != "level3":
        return _MOST_SYMBOLS
    return _LEVEL3_BUDGET // _LEVEL3_COSTS.get(dict(topic.params).get("depth", 0), _LEVEL3_BUDGET)


_MOST_SYMBOLS = 100
# Subscribing to level 3 has a counter of its own: 200 a second, by depth and symbol (section 1.3). A request may spend
# so much of it, and two requests a second leave.
_LEVEL3_COSTS = {10: 5, 100: 25, 1000: 100}
_LEVEL3_BUDGET = 100
_LEVEL3_RATE = 2.0
