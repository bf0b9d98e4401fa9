from __future__ import annotations

import logging
import random as _random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from eventstore_client.errors import ConnectFailed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_client.errors import ClientError

__all__ = ["Attempts", "Backoff"]

_Result = TypeVar("_Result")

_log = logging.getLogger("eventstore_client")

_QUIET = 5.0
"""Seconds in which a request may fail before it is worth a warning: most of what fails passes sooner."""

_FIRST_INTERVAL, _LONGEST_INTERVAL = 10.0, 600.0
"""Seconds between two warnings of the same failure; they double."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Tries again what may come right by itself: a hub that is away, or busy.

    Pauses grow by doubling and are drawn at random between nothing and their bound, so that clients which failed
    together do not come back together (AWS Builders' Library, "Timeouts, retries, and backoff with jitter").

    Attributes:
        patience: Seconds after the first failure in which another try of a request may start; 0 tries once. Live
            consumers have a patience of their own (`EventStore.subscribe`, `EventStore.work`).
        first: The bound of the first pause, in seconds.
        longest: The bound that pauses grow to.
        sleep: Waits that many seconds. It may raise, to end the trying.
        random: A number from 0 to 1.
        clock: Seconds that never go back.
        notice: Told of each failure that will be tried again; threads may share it.
    """

    patience: float = 30.0
    first: float = 0.05
    longest: float = 2.0
    sleep: Callable[[float], object] = time.sleep
    random: Callable[[], float] = _random.random
    clock: Callable[[], float] = time.monotonic
    notice: Callable[[ClientError], object] | None = None

    def call(self, action: Callable[[], _Result]) -> _Result:
        """What the action returns, or its last error once patience is at an end.

        Raises:
            ConnectFailed, Unavailable: It still failed when patience ended.
            ClientError: Any other failure, at once.
        """
        attempts = Attempts(self)
        while True:
            try:
                result = action()
            except (ConnectFailed, Unavailable) as error:
                attempts.failed(error)
            else:
                attempts.succeeded()
                return result


@dataclass(slots=True)
class Attempts:
    """The tries of one thing: how long to wait for the next, when patience ends, and what the log says meanwhile.

    Attributes:
        backoff: How long, and how.
        what: What is tried, as the log names it.
        quiet: Seconds of failing before the log says so.
    """

    backoff: Backoff
    what: str = "a request"
    quiet: float = _QUIET
    _failing_since: float | None = field(default=None, init=False)
    _bound: float = field(default=0.0, init=False)
    _warn_at: float = field(default=0.0, init=False)
    _interval: float = field(default=0.0, init=False)

    def failed(self, error: ConnectFailed | Unavailable) -> None:
        """Return when another try is due.

        Raises:
            ConnectFailed, Unavailable: The error itself, if patience is at an end.
        """
        backoff = self.backoff
        now = backoff.clock()
        if self._failing_since is None:
            self._failing_since = now
            self._bound = backoff.first
            self._warn_at, self._interval = now + self.quiet, 0.0
        pause = self._bound * backoff.random()
        if now + pause >= self._failing_since + backoff.patience:
            raise error
        self._warn(error, now, now - self._failing_since)
        if backoff.notice:
            backoff.notice(error)
        backoff.sleep(pause)
        self._bound = min(self._bound * 2, backoff.longest)

    def succeeded(self) -> None:
        """Begin anew: the next failure is a first one."""
        since, self._failing_since = self._failing_since, None
        if since is not None and self._interval:
            _log.info("%s: the hub is back after %.0f s", self.what, self.backoff.clock() - since)

    def _warn(self, error: ClientError, now: float, lasted: float) -> None:
        if now < self._warn_at:
            return
        if self._interval or self.quiet:
            _log.warning("%s: %s; still trying again, for %.0f s now", self.what, error, lasted)
        else:
            _log.warning("%s: %s; trying again", self.what, error)
        self._interval = min(self._interval * 2 or _FIRST_INTERVAL, _LONGEST_INTERVAL)
        self._warn_at = now + self._interval
