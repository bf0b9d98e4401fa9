"""How long a call of a server that may be away is tried, and the pauses between two tries."""

from __future__ import annotations

import time

__all__ = ["TRYING_SECONDS", "Tries"]

TRYING_SECONDS = 10.0
"""For how long a call is tried. A NATS cluster of three took seven seconds for another leader (measured)."""

_PAUSE_SECONDS = 0.02
_LONGEST_PAUSE_SECONDS = 0.5


class Tries:
    """The tries of one call, which begin when this is made.

    Args:
        seconds: For how long they go on.

    Attributes:
        started: When the first one began, by the monotonic clock.
    """

    def __init__(self, seconds: float) -> None:
        self.started = time.monotonic()
        self._seconds = seconds
        self._pause = _PAUSE_SECONDS

    def pause(self) -> bool:
        """Wait before the next try, each time longer; return False at once if there is no time for another."""
        if time.monotonic() + self._pause > self.started + self._seconds:
            return False
        time.sleep(self._pause)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE_SECONDS)
        return True
