"""The clock of deadlines, which tests move."""

from __future__ import annotations

from eventstore.adapters.clock import SystemClock

__all__ = ["MovedClock"]


class MovedClock(SystemClock):
    """See `ports.Clock`: the time of this machine, and what a test has added.

    Attributes:
        ahead_ms: What was added.
    """

    def __init__(self) -> None:
        self.ahead_ms = 0

    def now(self) -> int:
        """See `Clock.now`."""
        return super().now() + self.ahead_ms
