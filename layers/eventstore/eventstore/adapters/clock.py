"""The system's clock."""

from __future__ import annotations

import time

__all__ = ["SystemClock"]


class SystemClock:
    """See `ports.Clock`. Every deployed function uses it."""

    def now(self) -> int:
        """See `Clock.now`."""
        return time.time_ns() // 1_000_000

    def pause(self, seconds: float) -> None:
        """See `Clock.pause`."""
        time.sleep(seconds)
