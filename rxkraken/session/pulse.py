"""Whether the peer is alive: when it was last heard, when to ping it, and when to give it up.

Invariants: the moment it was last heard never moves back; a silence is pinged into once, halfway, before it is held
against the peer. Sans I/O; sources: ws-v2 reference sections 1.5 and 1.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rxkraken.settings import Settings


class Pulse:
    """The watch over one connection's peer."""

    def __init__(self, settings: Settings) -> None:
        """Judge nothing before `opened`."""
        self._silence = settings.silence_timeout
        self._interval = settings.ping_interval
        self._heard_at = 0.0
        self._pinged_at = 0.0

    def opened(self, now: float) -> None:
        """Start over: a connection was opened, which is a sign of life."""
        self._heard_at = self._pinged_at = now

    def heard(self, now: float) -> None:
        """Note that the peer said anything at all."""
        # What was last heard may be told again after a forgiveness, which it must not undo.
        self._heard_at = max(self._heard_at, now)

    def pinged(self, now: float) -> None:
        """Note that the peer was asked for a sign of life."""
        self._pinged_at = now

    def forgive(self, now: float, grace: float) -> None:
        """Leave the peer `grace` seconds at least: what it said could not be heard."""
        self._heard_at = max(self._heard_at, now + grace - self._silence)

    def dead_at(self) -> float:
        """When the silence will have lasted too long."""
        return self._heard_at + self._silence

    def ping_at(self) -> float:
        """When to ping: each interval, and once halfway into a silence so that a living peer can prove itself."""
        doubt = self._heard_at + self._silence / 2
        routine = self._pinged_at + self._interval
        return routine if self._pinged_at > self._heard_at else min(routine, doubt)
