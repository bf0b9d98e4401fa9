"""The time."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Clock"]


class Clock(Protocol):
    """Tells the time, and lets it pass."""

    def now(self) -> int:
        """Milliseconds since 1970 (UTC)."""

    def pause(self, seconds: float) -> None:
        """Return when so much time has passed."""
