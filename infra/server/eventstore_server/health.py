"""Whether the instance works, and whether it is ready for requests.

A thread asks the store, so that a probe is answered at once, and costs the store nothing.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from eventstore.errors import EventstoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["Health"]

_LOGGER = logging.getLogger(__name__)

_EVERY_SECONDS = 1.0
_UNREADY_SECONDS = 5.0
"""For how long the store may not answer before the instance is not ready."""


class Health:
    """The state of an instance: starting, ready, or draining.

    Args:
        ping: Checks that the store answers; it raises `StoreUnavailable`, perhaps after some seconds.
        alive: The parts without which the instance is of no use, by name: whether each works.
        now: Returns the current time in seconds.
        every_seconds: The time between two checks of the store.
    """

    def __init__(
        self,
        ping: Callable[[], None],
        *,
        alive: Mapping[str, Callable[[], bool]],
        now: Callable[[], float] = time.monotonic,
        every_seconds: float = _EVERY_SECONDS,
    ) -> None:
        self._ping = ping
        self._alive = alive
        self._now = now
        self._every_seconds = every_seconds
        self._state = "starting"
        self._answered_at = now()
        self._ping_seconds = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="health", daemon=True)

    def start(self) -> None:
        """Be ready from now on, as long as the store answers."""
        self._answered_at = self._now()
        self._state = "ready"
        self._thread.start()

    def drain(self) -> None:
        """Not be ready any more."""
        self._state = "draining"
        self._stopped.set()

    @property
    def is_ready(self) -> bool:
        """Whether the instance is ready for requests."""
        return not self.unready_because()

    @property
    def ping_seconds(self) -> float:
        """The seconds that the last answer of the store took."""
        return self._ping_seconds

    def unready_because(self) -> str:
        """Return why the instance is not ready; empty if it is."""
        if self._state != "ready":
            return self._state
        return "store-unavailable" if self._now() - self._answered_at > _UNREADY_SECONDS else ""

    def dead_parts(self) -> Sequence[str]:
        """Return the parts that have ended, and do not start again; none while the instance starts or drains."""
        if self._state != "ready":
            return ()
        return [name for name, is_alive in self._alive.items() if not is_alive()]

    def check(self) -> None:
        """Ask the store once."""
        began = self._now()
        try:
            self._ping()
        except EventstoreError as error:
            if not self._stopped.is_set():
                _LOGGER.warning("health: %s: %s", error.code, error.detail)
            return
        except Exception:
            if not self._stopped.is_set():
                _LOGGER.exception("health: the store cannot be checked")
            return
        self._answered_at = self._now()
        self._ping_seconds = self._answered_at - began

    def _watch(self) -> None:
        while not self._stopped.wait(self._every_seconds):
            self.check()
