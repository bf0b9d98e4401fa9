from __future__ import annotations

import random as _random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from eventstore_client.errors import ConnectFailed, Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_client.errors import ClientError

__all__ = ["Backoff"]

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
        deadline: float | None = None
        bound = self.first
        while True:
            try:
                return action()
            except (ConnectFailed, Unavailable) as error:
                now = self.clock()
                deadline = now + self.patience if deadline is None else deadline
                pause = bound * self.random()
                if now + pause >= deadline:
                    raise
                if self.notice:
                    self.notice(error)
            self.sleep(pause)
            bound = min(bound * 2, self.longest)
