"""Pushes to the targets of rules, made by this process: each group in order, groups side by side."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from eventstore.errors import EventstoreError
from eventstore.live.push import NoTime

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from eventstore.frames.pushes import Push
    from eventstore.live.push import Pusher

__all__ = ["PushQueue"]

_LOGGER = logging.getLogger(__name__)

_REMEMBERED = 10_000
"""The number of pushes that are remembered, so that one that is sent twice is made once."""

_RESERVE_MS = 5_000
"""Milliseconds beyond the timeout of a call that a push may take."""


class PushQueue:
    """See `ports.Pushes`. What was not pushed when the process ends is pushed by the next worker of its partition.

    Args:
        pusher: Returns what makes a push, when it is first needed.
        threads: Make the pushes.
        now: Returns the current time, in milliseconds since 1970.
        pushed: Called with the kind of the target and the outcome of each push: `done`, `failed` (of some events),
            `unavailable` or `error`.
    """

    def __init__(
        self,
        pusher: Callable[[], Pusher],
        *,
        threads: Executor,
        now: Callable[[], int],
        pushed: Callable[[str, str], None] = lambda _, __: None,
    ) -> None:
        self._pusher = pusher
        self._threads = threads
        self._now = now
        self._pushed = pushed
        self._lock = threading.Lock()
        self._groups: dict[str, deque[Push]] = {}
        self._recent: OrderedDict[str, None] = OrderedDict()

    def send(self, pushes: Sequence[Push]) -> None:
        """See `Pushes.send`."""
        for push in pushes:
            with self._lock:
                if push.identity in self._recent:
                    continue
                self._recent[push.identity] = None
                while len(self._recent) > _REMEMBERED:
                    self._recent.popitem(last=False)
                waiting = self._groups.get(push.group)
                if waiting is not None:
                    waiting.append(push)
                    continue
                self._groups[push.group] = deque([push])
            self._threads.submit(self._make, push.group)

    def _make(self, group: str) -> None:
        while True:
            with self._lock:
                waiting = self._groups[group]
                if not waiting:
                    del self._groups[group]
                    return
                push = waiting.popleft()
            try:
                result = self._pusher().push(push.encoded(), until=self._now() + push.timeout_ms + _RESERVE_MS)
                outcome = "unavailable" if result.unavailable else "failed" if result.failed else "done"
            except (NoTime, EventstoreError) as error:
                # The hub makes it again when its deadline has passed.
                outcome = "error"
                _LOGGER.warning("push of %s: %s", group, error)
            except Exception as error:  # noqa: BLE001 - without the error's own words, which may repeat an event
                outcome = "error"
                _LOGGER.error("push of %s: %s", group, type(error).__name__)  # noqa: TRY400 - as said
            self._pushed(push.target.kind, outcome)
