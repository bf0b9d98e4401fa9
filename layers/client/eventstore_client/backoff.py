"""Retries of failed requests and connections: pauses, patience and log entries."""

from __future__ import annotations

import logging
import random as _random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from eventstore_client.blocking import BlockingIo, finish
from eventstore_client.errors import ConnectFailed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_client.blocking import Io
    from eventstore_client.errors import ClientError

__all__ = ["Attempts", "Backoff"]

_Result = TypeVar("_Result")

_log = logging.getLogger("eventstore_client")

_QUIET = 5.0
"""Seconds for which a request may fail without a warning: most failures end sooner."""

_FIRST_INTERVAL, _LONGEST_INTERVAL = 10.0, 600.0
"""Seconds between two warnings about the same failure; the interval doubles each time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """How requests are retried while the hub is unreachable or busy.

    The bound of the pauses doubles. Each pause is random between 0 and its bound, so that clients which failed together
    do not retry together (AWS Builders' Library, "Timeouts, retries, and backoff with jitter").

    Attributes:
        patience: Seconds after the first failure in which a retry may start; 0 disables retries. Subscriptions and
            workers have their own patience (`EventStore.subscribe`, `EventStore.work`).
        first: The bound of the first pause, in seconds.
        longest: The greatest bound of a pause, in seconds.
        sleep: Waits for a number of seconds. It may raise an exception to end the retries. `AsyncEventStore` does not
            call it.
        random: Returns a number from 0 to 1.
        clock: Returns monotonic time in seconds.
        notice: Called with each error that is retried, from any thread.
    """

    patience: float = 30.0
    first: float = 0.05
    longest: float = 2.0
    sleep: Callable[[float], object] = time.sleep
    random: Callable[[], float] = _random.random
    clock: Callable[[], float] = time.monotonic
    notice: Callable[[ClientError], object] | None = None

    def call(self, action: Callable[[], _Result]) -> _Result:
        """Call the action until it succeeds, and return its result.

        Raises:
            ConnectFailed, Unavailable: The action still failed when `patience` ended.
            ClientError: Any other error of the action; it is not retried.
        """
        return finish(self.retry(action, BlockingIo(self.sleep)))

    async def retry(self, action: Callable[[], _Result], io: Io) -> _Result:
        """Like `call`, with the waiting of a face. `sleep` is not used."""
        attempts = Attempts(self)
        while True:
            try:
                result = await io.run(action)
            except (ConnectFailed, Unavailable) as error:
                await io.sleep(attempts.pause_after(error))
            else:
                attempts.succeeded()
                return result


@dataclass(slots=True)
class Attempts:
    """The attempts of one action: the pause before the next, the end of patience, and the log entries.

    Attributes:
        backoff: The pauses and the patience.
        what: The name of the action in log entries.
        quiet: Seconds of failures before the first log entry.
    """

    backoff: Backoff
    what: str = "a request"
    quiet: float = _QUIET
    _failing_since: float | None = field(default=None, init=False)
    _bound: float = field(default=0.0, init=False)
    _warn_at: float = field(default=0.0, init=False)
    _interval: float = field(default=0.0, init=False)

    def failed(self, error: ConnectFailed | Unavailable) -> None:
        """Wait until the next attempt is due; see `pause_after`."""
        self.backoff.sleep(self.pause_after(error))

    def pause_after(self, error: ConnectFailed | Unavailable) -> float:
        """Count a failed attempt, and return the seconds until the next one is due. The caller waits.

        Raises:
            ConnectFailed, Unavailable: The error itself, if `patience` has ended.
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
        self._bound = min(self._bound * 2, backoff.longest)
        return pause

    def succeeded(self) -> None:
        """Reset: the next failure counts as the first."""
        since, self._failing_since = self._failing_since, None
        if since is not None and self._interval:
            _log.info("%s: the hub is available again after %.0f s", self.what, self.backoff.clock() - since)

    def _warn(self, error: ClientError, now: float, lasted: float) -> None:
        if now < self._warn_at:
            return
        if self._interval or self.quiet:
            _log.warning("%s: %s; still retrying after %.0f s", self.what, error, lasted)
        else:
            _log.warning("%s: %s; retrying", self.what, error)
        self._interval = min(self._interval * 2 or _FIRST_INTERVAL, _LONGEST_INTERVAL)
        self._warn_at = now + self._interval
