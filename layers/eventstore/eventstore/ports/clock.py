"""The current time, and waiting."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Clock"]


class Clock(Protocol):
    """Reads the current time, and waits."""

    def now(self) -> int:
        """Return the current time, in milliseconds since 1970 (UTC)."""

    def pause(self, seconds: float) -> None:
        """Block the calling thread for this many seconds."""
