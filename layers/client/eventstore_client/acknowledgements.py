"""What a member sends to the hub about its partitions: acknowledgements, nacks, heartbeats and releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from eventstore_client.ownership import Delivery, Ownership
    from eventstore_client.requests import Requests

__all__ = ["Acknowledgements"]


class Acknowledgements:
    """Queues the requests of a member about its partitions. The caller's lock guards it.

    Args:
        requests: The queue of requests to the hub.
        clock: Returns monotonic time in seconds.

    Attributes:
        with_frames: Whether the hub accepts a frame number in a request, which tells a delivery from an earlier one.
    """

    def __init__(self, requests: Requests, *, clock: Callable[[], float]) -> None:
        self._requests = requests
        self._clock = clock
        self.with_frames = False

    def acknowledge(self, ownership: Ownership, stream: str, sequence: int, frame: int) -> None:
        """Acknowledge the events of a stream.

        Args:
            ownership: The ownership of the partition.
            stream: The name of the stream.
            sequence: The sequence of the last event handled.
            frame: The number of the frame with that event.
        """
        ownership.sent_at = self._clock()
        members = {"stream": stream, "sequence": sequence, **self._frame_member(frame)}
        self._requests.add("ack", ownership.partition, **members)

    def acknowledge_unfinished(self, ownership: Ownership) -> None:
        """Acknowledge the events that were handled in frames that are not finished.

        Afterwards the first event that the hub has in flight is one that is being handled. If this member crashes, that
        one counts as failed.
        """
        for stream, (sequence, frame) in ownership.unacknowledged.items():
            self.acknowledge(ownership, stream, sequence, frame)
        ownership.unacknowledged.clear()

    def nack(self, failed: Delivery, reason: str, **verdict: object) -> None:
        """Report that an event failed, and drop the rest of its stream until the hub redelivers it.

        Args:
            failed: The event.
            reason: The reason that the hub keeps with the event.
            verdict: Further members of the request: `delay` or `park`.
        """
        ownership, event = failed.ownership, failed.event
        ownership.dropping.add(event.stream)
        # A nack acknowledges the earlier events of the stream.
        ownership.unacknowledged.pop(event.stream, None)
        ownership.sent_at = self._clock()
        members = {"stream": event.stream, "sequence": event.sequence, "reason": reason, **verdict}
        self._requests.add("nack", ownership.partition, **members, **self._frame_member(failed.frame.share.number))

    def acknowledge_cursor(self, ownership: Ownership) -> None:
        """Acknowledge the finished frames, unless a nack of the partition is not confirmed yet."""
        # A cursor that overtakes a nack would acknowledge the failed event.
        if ownership.cursor_to_send is not None and not self._requests.waits(ownership.partition, action="nack"):
            ownership.cursor, ownership.cursor_to_send = ownership.cursor_to_send, None
            ownership.sent_at = self._clock()
            self._requests.add("ack", ownership.partition, cursor=ownership.cursor)

    def release(self, ownership: Ownership) -> bool:
        """Release the partition, unless requests about it are not sent or not confirmed yet.

        Returns:
            Whether it is released.
        """
        self.acknowledge_unfinished(ownership)
        partition = ownership.partition
        if ownership.cursor_to_send is not None or self._requests.waits(partition):
            return False
        self._requests.add("release", partition, partition=partition, **self._frame_member(ownership.revoked_by))
        return True

    def send_heartbeat(self, ownerships: Iterable[Ownership]) -> None:
        """Repeat the last acknowledgement of each partition in one request."""
        now = self._clock()
        cursors = []
        for ownership in ownerships:
            self.acknowledge_unfinished(ownership)
            ownership.sent_at = now
            if ownership.cursor:
                cursors.append(ownership.cursor)
        if cursors:
            self._requests.add("ack", None, cursor=cursors)

    def _frame_member(self, frame: int) -> dict[str, int]:
        return {"frame": frame} if self.with_frames else {}
