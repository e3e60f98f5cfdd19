"""What happens to items when an asynchronous consumer is slower than the stream.

The push path never waits for a consumer and never grows without bound, so every crossing needs one of these. A mailbox
is the bounded place in between; mailboxes know neither loops nor threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol

from rxkraken.errors import InvalidArgument, Overflowed
from rxkraken.models.status import Gap, Overflow


@dataclass(frozen=True, slots=True)
class Latest:
    """Keep only the newest item."""


@dataclass(frozen=True, slots=True)
class Conflate:
    """Keep only the newest item of each key, in the order in which the keys first waited. By default by symbol."""

    key: Callable[[Any], Hashable] | None = None


@dataclass(frozen=True, slots=True)
class Buffer:
    """Keep up to `size` items; beyond that the oldest go and an `Overflow(dropped)` stands in their place."""

    size: int = 10_000

    def __post_init__(self) -> None:
        """Refuse a size that could hold nothing."""
        _check_size("Buffer", self.size)


@dataclass(frozen=True, slots=True)
class Fail:
    """Keep up to `size` items; one more ends the iteration with `Overflowed`, so nothing is ever lost silently."""

    size: int = 10_000

    def __post_init__(self) -> None:
        """Refuse a size that could hold nothing."""
        _check_size("Fail", self.size)


Policy = Latest | Conflate | Buffer | Fail


def latest() -> Latest:
    """Keep only the newest item: right for the state of one thing."""
    return Latest()


def conflate(key: Callable[[Any], Hashable] | None = None) -> Conflate:
    """Keep only the newest item of each `key(item)`, by default its symbol: right for the state of many things."""
    return Conflate(key)


def buffer(size: int = 10_000) -> Buffer:
    """Keep up to `size` items and mark what had to be dropped: right for events that may be missed knowingly."""
    return Buffer(size)


def fail(size: int = 10_000) -> Fail:
    """Keep up to `size` items and fail beyond: right for events that must not be missed."""
    return Fail(size)


def as_policy(policy: Policy | str) -> Policy:
    """Accept a policy or its name: "latest", "conflate", "buffer" or "error"."""
    named = {"latest": Latest, "conflate": Conflate, "buffer": Buffer, "error": Fail}
    if isinstance(policy, str):
        if policy not in named:
            raise InvalidArgument(f"policy={policy!r} is not known; use one of {', '.join(named)}")
        return named[policy]()
    if not isinstance(policy, Latest | Conflate | Buffer | Fail):  # pyright: ignore[reportUnnecessaryIsInstance]
        allowed = "rk.latest(), rk.conflate(), rk.buffer() or rk.fail()"
        raise InvalidArgument(f"policy={policy!r} is not a policy; use {allowed}")
    return policy


class Mailbox(Protocol):
    """Where items wait. `put` may raise `Overflowed`; `get` is only called when `len()` is not 0."""

    def put(self, item: Any) -> None:
        """Add an item, giving up others as the policy says."""
        ...

    def get(self) -> Any:
        """Take the next item."""
        ...

    def __len__(self) -> int:
        """How many `get` calls can be answered."""
        ...


def mailbox(policy: Policy) -> Mailbox:
    """Make the mailbox of a policy."""
    match policy:
        case Latest():
            return _Conflating(lambda _: None)
        case Conflate(key):
            return _Conflating(key or _symbol)
        case Buffer(size):
            return _Dropping(size)
        case Fail(size):
            return _Failing(size)


class _Conflating:
    """The newest item of each key. Gaps are kept apart: they are what a conflated consumer must not miss."""

    def __init__(self, key: Callable[[Any], Hashable]) -> None:
        self._key = key
        self._items: dict[Hashable, Any] = {}

    def put(self, item: Any) -> None:
        key = (Gap, item.symbol) if isinstance(item, Gap) else self._key(item)
        self._items[key] = item

    def get(self) -> Any:
        return self._items.pop(next(iter(self._items)))

    def __len__(self) -> int:
        return len(self._items)


class _Dropping:
    """The newest items, and how many older ones made room for them."""

    def __init__(self, size: int) -> None:
        self._items: deque[Any] = deque(maxlen=size)
        self._dropped = 0

    def put(self, item: Any) -> None:
        self._dropped += len(self._items) == self._items.maxlen
        self._items.append(item)

    def get(self) -> Any:
        if self._dropped:
            dropped, self._dropped = self._dropped, 0
            return Overflow(dropped)
        return self._items.popleft()

    def __len__(self) -> int:
        return len(self._items) + bool(self._dropped)


class _Failing:
    """All items, up to a limit that must not be passed."""

    def __init__(self, size: int) -> None:
        self._items: deque[Any] = deque()
        self._size = size

    def put(self, item: Any) -> None:
        if len(self._items) >= self._size:
            raise Overflowed(self._size)
        self._items.append(item)

    def get(self) -> Any:
        return self._items.popleft()

    def __len__(self) -> int:
        return len(self._items)


def _symbol(item: Any) -> Hashable:
    return getattr(item, "symbol", None)


def _check_size(name: str, size: Any) -> None:
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise InvalidArgument(f"{name}(size={size!r}) is not allowed; the size must be a whole number of at least 1")
