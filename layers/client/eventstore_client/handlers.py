"""The events that handlers process, and the deadlines of the handlers."""

from __future__ import annotations

import logging
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_client.ownership import Delivery, Ownership

__all__ = ["Handlers"]

_log = logging.getLogger("eventstore_client")


class Handlers:
    """The events that are being handled, at most one of each stream. The caller's lock guards it.

    Args:
        name: The name of the durable subscription.
        clock: Returns monotonic time in seconds.
    """

    def __init__(self, name: str, *, clock: Callable[[], float]) -> None:
        self._name = name
        self._clock = clock
        self._deliveries: dict[str, Delivery] = {}

    def add(self, delivery: Delivery) -> None:
        """Add an event that is to be handled."""
        self._deliveries[delivery.event.stream] = delivery

    def remove(self, delivery: Delivery) -> None:
        """Remove an event whose handler has returned."""
        del self._deliveries[delivery.event.stream]

    def begin(self, delivery: Delivery) -> None:
        """Start the deadline of an event: its handler runs."""
        delivery.started_at = self._clock()

    def pause(self, delivery: Delivery) -> None:
        """Stop the deadline of an event while its handler waits for something else."""
        delivery.started_at = None

    def process(self, ownership: Ownership) -> bool:
        """Whether a handler processes an event of the partition within its deadline."""
        return any(one.ownership is ownership and not one.timed_out for one in self._deliveries.values())

    def late(self, now: float, *, deadline: float, waiting: int) -> tuple[list[Delivery], float]:
        """Return the events that have exceeded their deadline, and when the next check is due.

        The log reports each, with intervals that double.

        Args:
            now: The current time of the clock.
            deadline: Seconds that a handler may take.
            waiting: The number of frames that wait, for the log.
        """
        late, due = [], inf
        for delivery in self._deliveries.values():
            if delivery.started_at is None:
                continue
            elapsed = now - delivery.started_at
            if elapsed < deadline:
                due = min(due, delivery.started_at + deadline)
                continue
            late.append(delivery)
            self._warn(delivery, now, elapsed, waiting)
            due = min(due, delivery.warn_at)
        return late, due

    def _warn(self, delivery: Delivery, now: float, elapsed: float, waiting: int) -> None:
        if now < delivery.warn_at:
            return
        delivery.warn_at = now + elapsed
        _log.warning(
            "the worker of %r: the handler of %s %d has run for %.0f s, longer than the deadline; %d frames wait",
            self._name,
            delivery.event.stream,
            delivery.event.sequence,
            elapsed,
            waiting,
        )
