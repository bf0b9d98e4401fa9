"""Pushes to the targets of rules, made by this process: each group in order, groups side by side."""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.errors import EventstoreError
from eventstore.frames.pushes import push_group
from eventstore.live.push import NoTime

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Collection, Sequence
    from concurrent.futures import Executor

    from eventstore.frames.pushes import Push
    from eventstore.live.push import Pusher
    from eventstore.subscriptions import SubscriptionKey

__all__ = ["PushQueue"]

_LOGGER = logging.getLogger(__name__)

_REMEMBERED = 10_000
"""The number of pushes that are remembered, so that one that is sent twice is made once."""

_RESERVE_MS = 5_000
"""Milliseconds beyond the timeout of a call that a push may take."""

_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 60.0
"""Seconds until a push that failed in this process is made again: the pauses double."""


@dataclass(slots=True)
class _Group:
    """The pushes of a group, the oldest first.

    Attributes:
        waiting: The pushes, also the one that is being made.
        is_made: Whether a thread makes the first one.
        failures: How often the first one failed.
    """

    waiting: deque[Push] = field(default_factory=deque)
    is_made: bool = False
    failures: int = 0


class PushQueue:
    """See `ports.Pushes`. Like a queue, it has a push until its result is stored; only the end of the process loses it.

    Args:
        pusher: Returns what makes a push, when it is first needed.
        threads: Make the pushes.
        loop: Runs timers.
        now: Returns the current time, in milliseconds since 1970.
        pushed: Called with the kind of the target and the outcome of each push: `done`, `failed` (of some events),
            `unavailable` or `error`.
    """

    def __init__(
        self,
        pusher: Callable[[], Pusher],
        *,
        threads: Executor,
        loop: asyncio.AbstractEventLoop,
        now: Callable[[], int],
        pushed: Callable[[str, str], None] = lambda _, __: None,
    ) -> None:
        self._pusher = pusher
        self._threads = threads
        self._loop = loop
        self._now = now
        self._pushed = pushed
        self._lock = threading.Lock()
        self._groups: dict[str, _Group] = {}
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
                is_first = push.group not in self._groups
                self._groups.setdefault(push.group, _Group()).waiting.append(push)
            if is_first:
                self._threads.submit(self._make, push.group)

    def has(self, key: SubscriptionKey, partition: int) -> bool:
        """Return whether any push of a subscription in a partition has no stored result yet.

        Args:
            key: The subscription's key.
            partition: The partition's number.
        """
        return push_group(key, partition) in self._groups

    def clear(self, partitions: Collection[int]) -> None:
        """Remove the pushes of partitions, but those that are being made. Who has the partitions makes them again.

        Args:
            partitions: The numbers of the partitions.
        """
        with self._lock:
            for name, group in list(self._groups.items()):
                if group.waiting[0].partition not in partitions:
                    continue
                if group.is_made:
                    group.waiting = deque([group.waiting[0]])
                else:
                    del self._groups[name]

    def _make(self, name: str) -> None:
        """Make the pushes of a group, until there is none or one fails."""
        while True:
            with self._lock:
                group = self._groups.get(name)
                if group is None or group.is_made:
                    return
                push, group.is_made = group.waiting[0], True
            is_stored = self._try_push(push)
            with self._lock:
                group.is_made = False
                if is_stored:
                    group.failures = 0
                    group.waiting.popleft()
                    if not group.waiting:
                        del self._groups[name]
                        return
                else:
                    group.failures += 1
            if not is_stored:
                pause = min(_FIRST_PAUSE * 2 ** min(group.failures, 10), _LONGEST_PAUSE)
                # The loop is closed if the server has stopped meanwhile.
                with suppress(RuntimeError):
                    self._loop.call_soon_threadsafe(self._loop.call_later, pause, self._make_soon, name)
                return

    def _make_soon(self, name: str) -> None:
        # As above, the threads may have ended.
        with suppress(RuntimeError):
            self._threads.submit(self._make, name)

    def _try_push(self, push: Push) -> bool:
        outcome = "error"
        try:
            result = self._pusher().push(push.encoded(), until=self._now() + push.timeout_ms + _RESERVE_MS)
            outcome = "unavailable" if result.unavailable else "failed" if result.failed else "done"
        except (NoTime, EventstoreError) as error:
            _LOGGER.warning("push of %s: %s; it is made again", push.group, error)
        except Exception as error:  # noqa: BLE001 - without the error's own words, which may repeat an event
            _LOGGER.error("push of %s: %s; it is made again", push.group, type(error).__name__)  # noqa: TRY400 - as said
        self._pushed(push.target.kind, outcome)
        return outcome != "error"
