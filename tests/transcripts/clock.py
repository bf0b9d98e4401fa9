"""The clock of a recording, and pauses between attempts."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

__all__ = ["Backoff", "Clock"]


@dataclass(frozen=True, slots=True)
class Clock:
    """Seconds since its creation; all recorders of a run share it."""

    began: float = field(default_factory=time.monotonic)

    def now(self) -> float:
        """The current time in seconds."""
        return time.monotonic() - self.began


class Backoff:
    """Random pauses up to a bound, which doubles until a success."""

    def __init__(self, random: Random, *, first: float = 0.05, longest: float = 2.0) -> None:
        self._random = random
        self._first = first
        self._longest = longest
        self._bound = first

    def pause(self) -> float:
        """Seconds to wait before the next attempt."""
        pause = self._bound * self._random.random()
        self._bound = min(self._bound * 2, self._longest)
        return pause

    def worked(self) -> None:
        """Reset the bound."""
        self._bound = self._first
