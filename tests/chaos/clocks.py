"""The clocks of the simulated world. Time passes only when the world says so."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Clocks"]

_START = 1_700_000_000_000


@dataclass
class Clocks:
    """Milliseconds since 1970.

    Attributes:
        true: The time as it passes; the functions' clock, and what queues delay messages by.
        skew: By how much the cache's clock is ahead; a step of that clock changes it.
    """

    true: int = _START
    skew: int = 0
    _newest: int = 0

    def now(self) -> int:
        """The functions' clock."""
        return self.true

    def pause(self, _: float) -> None:
        """Return at once: nothing else happens while a function waits."""

    @property
    def cache(self) -> CacheClock:
        """The cache's clock, which may be set back."""
        return CacheClock(self)

    @property
    def log(self) -> LogClock:
        """What events are stored under."""
        return LogClock(self)

    def stored_at(self) -> int:
        """The cache's clock as the ids of a stream have it: `*` never goes back."""
        self._newest = max(self._newest, self.true + self.skew)
        return self._newest


@dataclass(frozen=True)
class CacheClock:
    """See `Clocks.cache`."""

    clocks: Clocks

    def now(self) -> int:
        return self.clocks.true + self.clocks.skew

    def pause(self, _: float) -> None:
        """Return at once."""


@dataclass(frozen=True)
class LogClock:
    """See `Clocks.log`."""

    clocks: Clocks

    def now(self) -> int:
        return self.clocks.stored_at()

    def pause(self, _: float) -> None:
        """Return at once."""
