"""Time, as connections live by it: a test brings one that runs faster."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable


class Timer(Protocol):
    """A call to come."""

    def cancel(self) -> None:
        """It does not come. Nothing happens if it came."""


class Clock(Protocol):
    """What connections know of time."""

    def now(self) -> float:
        """Seconds since 1970."""

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Calls when so many seconds have passed, from the loop that runs."""


class LoopClock:
    """The machine's clock, and the timers of the loop that runs."""

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def call_later(self, seconds: float, callback: Callable[[], object]) -> Timer:
        """Calls when so many seconds have passed."""
        return asyncio.get_running_loop().call_later(seconds, callback)
