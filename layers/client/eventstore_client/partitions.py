"""The partitions that a member owns: frames received, deadlines, and when acknowledgements and releases are due."""

from __future__ import annotations

import logging
from collections import deque
from math import inf
from typing import TYPE_CHECKING

from eventstore_client.acknowledgements import Acknowledgements
from eventstore_client.errors import ConnectFailed
from eventstore_client.ownership import CurrentEvent, Ownership

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_client.events import Recorded
    from eventstore_client.messages import Share
    from eventstore_client.requests import Requests

__all__ = ["Partitions"]

_log = logging.getLogger("eventstore_client")

_DEADLINE = 30.0
"""The default `ack_deadline` of a durable subscription, in seconds."""

_HEARTBEAT = 5.0
"""Seconds between heartbeats if the hub does not send its deadline, which may be shorter than the default."""

_SHORTEST_HEARTBEAT = 0.05
"""The minimum of seconds between heartbeats."""

_SLOW = 1.0
"""Seconds without a message about a partition after which events are acknowledged before their frame is finished."""

_FEW_STREAMS = 20
"""The greatest number of streams for which that is done: with more per second, the frame is finished soon."""

_MOST_WAITING = 20_000
"""The greatest number of events of a partition that may wait. Without acknowledgements, the hub sends at most 1,000 new
events, and ten of each of 1,000 held streams."""


class Partitions:
    """The partitions that a member owns, their received frames and their due requests. The caller's lock guards it.

    Args:
        name: The name of the durable subscription.
        requests: The queue of requests to the hub.
        alive_every: Seconds between heartbeats, as for `Membership`.
        clock: Returns monotonic time in seconds.
    """

    def __init__(self, name: str, requests: Requests, *, alive_every: float | None, clock: Callable[[], float]) -> None:
        self._name = name
        self._acks = Acknowledgements(requests, clock=clock)
        self._alive_every = inf if alive_every is None else alive_every
        self._clock = clock
        # The default applies until the hub sends the `ack_deadline` of the subscription.
        self._deadline = _DEADLINE
        self._deadline_is_known = False
        self._last_frame: dict[int, int] = {}
        self._owned: dict[int, Ownership] = {}
        self._waiting: deque[tuple[Share, Ownership]] = deque()
        self._has_current_frame = False
        self._current: CurrentEvent | None = None
        self._busy_since: float | None = None

    def set_deadline(self, ack_deadline: float | None) -> None:
        """Use the deadline that the hub sent, in seconds, if it sent one."""
        if ack_deadline:
            self._deadline, self._deadline_is_known = ack_deadline, True
            self._acks.with_frames = True

    def add_frame(self, share: Share) -> None:
        """Accept a frame that was received.

        Raises:
            ConnectFailed: A frame before it was lost, or the hub sent more events than it may.
        """
        number, partition, now = share.number, share.partition, self._clock()
        last = self._last_frame.get(partition, 0)
        if number <= last:
            return
        if share.kind != "owned" and number > last + 1:
            raise ConnectFailed(f"a frame of partition {partition} was lost: received {number} after {last}")
        self._last_frame[partition] = number
        ownership = self._owned.get(partition)
        if share.kind == "owned":
            # The partition may be owned already. Its earlier events are redelivered, and no longer acknowledged.
            self._drop_waiting(ownership)
            self.set_deadline(share.ack_deadline)
            self._owned[partition] = Ownership(partition, share.cursor or "", now)
            _log.info("the worker of %r owns partition %d", self._name, partition)
        elif ownership is not None:
            self._queue_frame(share, ownership, now)

    def begin_frame(self) -> tuple[Share, Ownership] | None:
        """Return the next frame to handle, and its ownership; None if none waits. The frame before it is finished."""
        self._has_current_frame = bool(self._waiting)
        if not self._waiting:
            self._busy_since = None
            return None
        share, ownership = self._waiting.popleft()
        ownership.waiting -= len(share.events)
        return share, ownership

    def begin_event(
        self, share: Share, ownership: Ownership, event: Recorded, *, attempt: int, handled_late: int
    ) -> bool:
        """Make the event the current one, unless it must not be handled.

        Args:
            share: The frame with the event.
            ownership: The ownership of its partition when the frame was received.
            event: The event.
            attempt: The number of the delivery attempt.
            handled_late: The sequence up to which events of the stream were handled after their deadline.

        Returns:
            Whether the event is to be handled. It is not if the partition is no longer owned, if the hub redelivers the
            event, or if it was handled late; then it is acknowledged.
        """
        if not self.owns(ownership) or ownership.ends or event.stream in ownership.dropping:
            return False
        if share.stream is not None and event.sequence <= handled_late:
            self._acks.acknowledge(ownership, event.stream, event.sequence, share.number)
            return False
        self._current = CurrentEvent(event, attempt, share.number, share.stream is not None, ownership)
        return True

    def begin_handler(self, *, runs: bool) -> None:
        """Start or stop the deadline of the current event.

        Args:
            runs: Whether the handler runs; False while it waits for something else than the event.
        """
        if self._current is not None:
            self._current.started_at = self._clock() if runs else None

    def handled(self) -> None:
        """Record that the current event was handled, and acknowledge it if that is due."""
        current = self._end_current()
        ownership, event = current.ownership, current.event
        if not self.owns(ownership):
            return
        if current.timed_out:
            # The hub may have redelivered the event by now: a copy that waits is acknowledged, and not handled again.
            ownership.handled_late[event.stream] = event.sequence
        if current.timed_out or current.held:
            self._acks.acknowledge(ownership, event.stream, event.sequence, current.frame)
        else:
            ownership.unacknowledged[event.stream] = (event.sequence, current.frame)
            now = self._clock()
            silent_since = max(ownership.sent_at, now if self._busy_since is None else self._busy_since)
            if now - silent_since >= min(_SLOW, self._heartbeat) and len(ownership.unacknowledged) <= _FEW_STREAMS:
                self._acks.acknowledge_unfinished(ownership)
        self.send_ready()

    def failed(self, reason: str, **verdict: object) -> CurrentEvent:
        """Record that the current event was not handled, and send its nack.

        Args:
            reason: The reason that the hub keeps with the event.
            verdict: Further members of the `nack`: `delay` or `park`.

        Returns:
            The event that failed.
        """
        current = self._end_current()
        # A hub that sends no deadline accepts no frame number: it would apply this nack to the attempt in progress.
        if self.owns(current.ownership) and (self._deadline_is_known or not current.timed_out):
            self._acks.nack(current, reason, **verdict)
        self.send_ready()
        return current

    def finish_frame(self, share: Share, ownership: Ownership) -> None:
        """Acknowledge a frame whose events are all handled, or release the partition if the frame revokes it.

        Args:
            share: The frame.
            ownership: The ownership of its partition when the frame was received.
        """
        if not self.owns(ownership):
            return
        if share.kind == "revoked":
            ownership.ends = True
        elif share.cursor is not None and not ownership.ends:
            ownership.unacknowledged.clear()
            ownership.cursor_to_send = share.cursor
        self.send_ready()

    def send_ready(self) -> None:
        """Queue the cursors and releases that wait for no confirmation any more."""
        for ownership in [*self._owned.values()]:
            self._acks.acknowledge_cursor(ownership)
            current = self._current
            is_busy = current is not None and current.ownership is ownership and not current.timed_out
            if ownership.ends and not is_busy and self._acks.release(ownership):
                del self._owned[ownership.partition]

    def acknowledge_unfinished(self) -> None:
        """Acknowledge the events that were handled in frames that are not finished."""
        for ownership in self._owned.values():
            self._acks.acknowledge_unfinished(ownership)

    def apply_timeouts(self) -> float:
        """Apply the deadlines and heartbeats that are due, and return when the next may be due.

        Nothing is due while no frame waits and none is being handled.
        """
        now = self._clock()
        if not (self._has_current_frame or self._waiting):
            return inf
        busy_since = self._busy_since if self._busy_since is not None else now
        self._busy_since = busy_since
        self._end_revoked(now)
        return min(self._watch_handler(now), self._send_heartbeats(now, busy_since))

    def owns(self, ownership: Ownership) -> bool:
        """Whether the member still owns the partition by this ownership."""
        return self._owned.get(ownership.partition) is ownership

    @property
    def waiting(self) -> int:
        """The number of frames received and not started."""
        return len(self._waiting)

    @property
    def _heartbeat(self) -> float:
        """Seconds between heartbeats of each partition."""
        longest = self._deadline / 3 if self._deadline_is_known else _HEARTBEAT
        return max(_SHORTEST_HEARTBEAT, min(self._alive_every, longest))

    def _queue_frame(self, share: Share, ownership: Ownership, now: float) -> None:
        if share.kind == "revoked":
            ownership.revoked_at, ownership.revoked_by = now, share.number
            _log.info("the worker of %r is asked to release partition %d", self._name, share.partition)
        if share.stream is not None and share.events:
            event = f"{share.stream} {share.events[0].sequence}"
            _log.info("%s is redelivered, attempt %d: %s", event, share.attempt, share.reason or "no reason given")
        ownership.waiting += len(share.events)
        if ownership.waiting > _MOST_WAITING:
            raise ConnectFailed(
                f"the hub sent more than {_MOST_WAITING:,} events of partition {share.partition} without an "
                "acknowledgement"
            )
        self._waiting.append((share, ownership))

    def _drop_waiting(self, ownership: Ownership | None) -> None:
        """Drop the frames of a partition that are not started."""
        self._waiting = deque(waiting for waiting in self._waiting if waiting[1] is not ownership)

    def _end_current(self) -> CurrentEvent:
        current, self._current = self._current, None
        assert current is not None  # noqa: S101 - each event ends once
        return current

    def _watch_handler(self, now: float) -> float:
        """Send a nack for the current event if it has exceeded its deadline; return when the next check is due."""
        current = self._current
        if current is None or current.started_at is None:
            return inf
        elapsed = now - current.started_at
        if elapsed < self._deadline:
            return current.started_at + self._deadline
        if not current.timed_out and self.owns(current.ownership):
            current.timed_out = True
            self._acks.nack(current, f"the handler still runs after {self._deadline:g} s")
        if now >= current.warn_at:
            current.warn_at = now + elapsed
            _log.warning(
                "the worker of %r: the handler of %s %d has run for %.0f s, longer than the deadline; %d frames wait",
                self._name,
                current.event.stream,
                current.event.sequence,
                elapsed,
                len(self._waiting),
            )
        return current.warn_at

    def _end_revoked(self, now: float) -> None:
        """Drop the waiting frames of a revoked partition that is not finished in time: another member waits for it."""
        for ownership in self._owned.values():
            revoked_at = ownership.revoked_at
            if revoked_at is not None and not ownership.ends and now >= revoked_at + self._heartbeat:
                self._drop_waiting(ownership)
                ownership.ends = True
        self.send_ready()

    def _send_heartbeats(self, now: float, busy_since: float) -> float:
        """Repeat the last acknowledgement of partitions without a recent message; return when that is due next."""
        every = self._heartbeat
        if any(now >= max(ownership.sent_at, busy_since) + every for ownership in self._owned.values()):
            silent = [ownership for ownership in self._owned.values() if now >= ownership.sent_at + every / 2]
            self._acks.send_heartbeat(silent)
        return min((max(owned.sent_at, busy_since) for owned in self._owned.values()), default=inf) + every
