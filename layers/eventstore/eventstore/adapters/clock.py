"""The time, as the machine tells it."""

from __future__ import annotations

import time

__all__ = ["SystemClock"]


class SystemClock:
    """The `Clock` of every deployed function."""

    def now(self) -> int:
        """Milliseconds since 1970 (UTC)."""
        return time.time_ns() // 1_000_000

    def pause(self, seconds: float) -> None:
        """Return when so much time has passed."""
        time.sleep(seconds)
