"""The events that a member has received and not handled: in the order of arrival, one of each stream at a time."""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from eventstore_client.ownership import OpenFrame

if TYPE_CHECKING:
    from eventstore_client.messages import Share
    from eventstore_client.ownership import Delivery, Ownership
    from eventstore_client.recorded import Recorded

__all__ = ["Backlog", "Queued"]


class Queued(NamedTuple):
    """An event that waits.

    Attributes:
        order: Its place among all events received.
        frame: Its frame.
        stream: Its stream.
        event: The event; None for a frame without events, which ends the hold of its stream.
        attempt: The number of the delivery attempt.
        is_first: Whether it is the first of its frame.
    """

    order: int
    frame: OpenFrame
    stream: str
    event: Recorded | None
    attempt: int
    is_first: bool


class Backlog:
    """Frames that wait, and the events of the frames that are started. The caller's lock guards it.

    A frame is started when no event of an earlier one may be taken. So one consumer takes the events in the order of
    arrival, and several take those of other streams meanwhile.
    """

    def __init__(self) -> None:
        self._frames: deque[OpenFrame] = deque()
        # The streams with events that wait or are taken. Those of which none is taken are in `_ready`, each once, with
        # the place of their first event.
        self._queues: dict[str, deque[Queued]] = {}
        self._ready: list[tuple[int, str]] = []
        self._count = 0
        # The streams whose handlers are late, and the ownerships of their events. What comes under these before the
        # redelivery is dropped.
        self._late: dict[str, Ownership] = {}

    def add(self, share: Share, ownership: Ownership) -> None:
        """Add a frame."""
        ownership.waiting += len(share.events)
        self._frames.append(OpenFrame(share, ownership))

    def drop(self, ownership: Ownership | None) -> None:
        """Drop the frames of an ownership that are not started."""
        self._frames = deque(frame for frame in self._frames if frame.ownership is not ownership)

    def next_frame(self) -> OpenFrame | None:
        """Remove and return the next frame to start; None if none waits."""
        return self._frames.popleft() if self._frames else None

    def start(self, frame: OpenFrame) -> None:
        """Queue the events of a frame, except for those that wait behind a late handler and will not be handled."""
        share = frame.share
        if frame.is_held:
            events: tuple[Recorded | None, ...] = share.events or (None,)
        else:
            events = share.events
        frame.unfinished = len(events)
        for number, event in enumerate(events):
            attempt = 1 if number and frame.is_held else share.attempt
            stream = event.stream if event is not None else str(share.stream)
            if self._late.get(stream) is frame.ownership and not (frame.is_held or self._redelivers(stream, frame)):
                frame.unfinished -= 1
                frame.ownership.waiting -= 1
                continue
            self._queue(Queued(self._count, frame, stream, event, attempt, number == 0))

    def drop_behind(self, delivery: Delivery) -> list[OpenFrame]:
        """Drop the events that wait behind a late handler, because the hub redelivers them after its event.

        Those that come until it does are dropped by `start`, up to `finish`.

        Returns:
            The frame of each of them.
        """
        stream, ownership = delivery.event.stream, delivery.ownership
        self._late[stream] = ownership
        queue = self._queues[stream]
        dropped: list[OpenFrame] = []
        while queue and queue[0].frame.ownership is ownership and not queue[0].frame.is_held:
            dropped.append(queue.popleft().frame)
        ownership.waiting -= len(dropped)
        return dropped

    def take(self) -> Queued | None:
        """Return the next event of which no other of its stream is taken; None if there is none."""
        if not self._ready:
            return None
        _, stream = heappop(self._ready)
        queued = self._queues[stream].popleft()
        if queued.event is not None:
            queued.frame.ownership.waiting -= 1
        return queued

    def finish(self, stream: str) -> None:
        """Let the next event of a stream be taken."""
        self._late.pop(stream, None)
        if queue := self._queues[stream]:
            heappush(self._ready, (queue[0].order, stream))
        else:
            del self._queues[stream]

    def __len__(self) -> int:
        """The number of frames that are not started."""
        return len(self._frames)

    @property
    def is_empty(self) -> bool:
        """Whether no event waits, and none is taken."""
        return not (self._frames or self._queues)

    def _redelivers(self, stream: str, later: OpenFrame) -> bool:
        """Whether a frame that redelivers the stream waits, so that a later one is to be handled."""
        return any(
            queued.frame.is_held and queued.frame.ownership is later.ownership
            for queued in self._queues.get(stream, ())
        )

    def _queue(self, queued: Queued) -> None:
        self._count += 1
        queue = self._queues.get(queued.stream)
        if queue is None:
            queue = self._queues[queued.stream] = deque()
            heappush(self._ready, (queued.order, queued.stream))
        queue.append(queued)
