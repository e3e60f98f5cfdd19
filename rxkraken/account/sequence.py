"""Whether a private message is the next one or comes after others that were lost.

Kraken numbers the messages of each private subscription from 1 (ws-v2 reference section 5.4). One client saw a single
counter for the whole connection instead; that shows when the second subscription does not begin at 1 but where the
first one is, and from then on the connection is checked as a whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(slots=True)
class SequenceCheck:
    """The counters of one connection. Make a new one for each."""

    _last: dict[str, int] = field(default_factory=dict[str, int])
    _shared: bool = False
    _newest: int = 0

    def missing(self, channel: str, number: object, *, first: bool) -> str | None:
        """Describe what is missing before this message, None when nothing is; `first` says that it is a snapshot.

        A message without a number cannot be judged. A repeated one is let through: what it says is known by content.
        """
        if not isinstance(number, int) or isinstance(number, bool):
            return None
        if first or number == 1:
            self._begin(channel, number)
            return None
        last = self._newest if self._shared else self._last.get(channel, 0)
        if number <= last:
            return None
        self._note(channel, number)
        return None if number == last + 1 else f"message {last + 1} is missing before {number}"

    def _begin(self, channel: str, number: int) -> None:
        if number > 1 and self._last and channel not in self._last and number == self._newest + 1:
            self._shared = True
        self._note(channel, number)

    def _note(self, channel: str, number: int) -> None:
        self._last[channel] = self._newest = number
