from __future__ import annotations

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Backoff:
    """Tries again what may come right by itself: a hub that is away, or busy.

    Pauses grow by doubling and are drawn at random between nothing and their bound, so that clients which failed
    together do not come back together (AWS Builders' Library, "Timeouts, retries, and backoff with jitter").

    Attributes:
        patience: Seconds after the first failure in which another try may start; 0 tries once.
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
                return action()
            except (ConnectFailed, Unavailable) as error:
                attempts.failed(error)


@dataclass(slots=True)
class Attempts:
    """The tries of one thing: how long to wait for the next, and when patience ends.

    Attributes:
        backoff: How long, and how.
    """

    backoff: Backoff
    _deadline: float | None = field(default=None, init=False)
    _bound: float = field(default=0.0, init=False)

    def failed(self, error: ConnectFailed | Unavailable) -> None:
        """Return when another try is due.

        Raises:
            ConnectFailed, Unavailable: The error itself, if patience is at an end.
        """
        backoff = self.backoff
        now = backoff.clock()
        if self._deadline is None:
            self._deadline = now + backoff.patience
            self._bound = backoff.first
        pause = self._bound * backoff.random()
        if now + pause >= self._deadline:
            raise error
        if backoff.notice:
            backoff.notice(error)
        backoff.sleep(pause)
        self._bound = min(self._bound * 2, backoff.longest)

    def succeeded(self) -> None:
        """Begin anew: the next failure is a first one."""
        self._deadline = None
