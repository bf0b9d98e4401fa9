"""How long events take from publishing to sending, where this instance does both."""

from __future__ import annotations

from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eventstore.streams import StreamName
    from eventstore_server.metrics.registry import Distribution

__all__ = ["PublishLatency"]

_REMEMBERED = 10_000
"""The number of appends that are remembered until they are sent: nobody may be subscribed to them."""

Place = tuple["StreamName", int]


class PublishLatency:
    """Matches appends with the frames of their events. Times are of one clock in seconds, such as `time.monotonic`.

    The feed may read an append, and send its events, before the thread that appended has the store's answer. So
    either side may come first.

    Args:
        seconds: Receives what was measured.
    """

    def __init__(self, seconds: Distribution) -> None:
        self._seconds = seconds
        self._lock = Lock()
        self._began: dict[Place, float] = {}
        self._sent: dict[Place, float] = {}

    def appended(self, stream: StreamName, sequence: int, *, began: float) -> None:
        """Record an append.

        Args:
            stream: The stream.
            sequence: The sequence of its last event.
            began: When it began.
        """
        place = stream, sequence
        with self._lock:
            sent = self._sent.pop(place, None)
            if sent is None:
                _remember(self._began, place, began)
        if sent is not None:
            self._seconds.observe(max(0.0, sent - began))

    def sent(self, places: Iterable[Place], *, at: float) -> None:
        """Record that events were sent to all who receive them live.

        Args:
            places: The stream and the sequence of each event.
            at: When.
        """
        measured = []
        with self._lock:
            for place in places:
                began = self._began.pop(place, None)
                if began is None:
                    _remember(self._sent, place, at)
                else:
                    measured.append(at - began)
        for seconds in measured:
            self._seconds.observe(max(0.0, seconds))


def _remember(times: dict[Place, float], place: Place, time: float) -> None:
    times[place] = time
    if len(times) > _REMEMBERED:
        # The oldest: a dictionary keeps the order in which keys were added.
        del times[next(iter(times))]
