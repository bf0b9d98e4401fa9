"""The partitions that a member owns: events to handle, deadlines, and when acknowledgements and releases are due."""

from __future__ import annotations

import logging
from math import inf
from typing import TYPE_CHECKING

from eventstore_client.acknowledgements import Acknowledgements
from eventstore_client.backlog import Backlog
from eventstore_client.errors import ConnectFailed
from eventstore_client.handlers import Handlers
from eventstore_client.ownership import Delivery, OpenFrame, Ownership

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_client.backlog import Queued
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
    """The partitions that a member owns, their events and their due requests. The caller's lock guards it.

    The cursor of a frame is acknowledged when its events, and those of all earlier frames of the partition, are
    handled or dropped. Until then, handled events are acknowledged by stream and sequence if that takes long.

    Args:
        name: The name of the durable subscription.
        requests: The queue of requests to the hub.
        alive_every: Seconds between heartbeats, as for `Membership`.
        clock: Returns monotonic time in seconds.

    Attributes:
        handlers: The events that are being handled.
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
        self._backlog = Backlog()
        self.handlers = Handlers(name, clock=clock)
        # A frame that reports a loss. No other is started before the loss is accepted.
        self._lossy: OpenFrame | None = None
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
            self._backlog.drop(ownership)
            self.set_deadline(share.ack_deadline)
            self._owned[partition] = Ownership(partition, share.cursor or "", now)
            _log.info("the worker of %r owns partition %d", self._name, partition)
        elif ownership is not None:
            self._queue_frame(share, ownership, now)

    def next(self) -> Delivery | OpenFrame | None:
        """Return the next event to handle, or a frame that reports a loss; None if there is none for now.

        No two events of a stream are returned before the first is `handled` or `failed`. A frame that reports a loss is
        returned before its events, and before all later frames; `accept_loss` continues.
        """
        while self._lossy is None:
            while queued := self._backlog.take():
                if delivery := self._begin(queued):
                    return delivery
                self._backlog.finish(queued.stream)
                self._count_finished(queued.frame)
            frame = self._backlog.next_frame()
            if frame is None:
                break
            if frame.share.loss is not None:
                self._lossy = frame
                return frame
            self._start(frame)
        if self._is_idle:
            self._busy_since = None
        return None

    def accept_loss(self) -> None:
        """Continue after the loss that `next` returned."""
        frame, self._lossy = self._lossy, None
        if frame is not None:
            self._start(frame)

    def handled(self, delivery: Delivery) -> None:
        """Record that an event was handled, and acknowledge it if that is due."""
        ownership, event, frame = delivery.ownership, delivery.event, delivery.frame
        self.handlers.remove(delivery)
        if self.owns(ownership):
            if delivery.timed_out:
                # The hub may have redelivered the event by now: a copy that waits is acknowledged, and not handled.
                ownership.handled_late[event.stream] = event.sequence
            if delivery.timed_out or frame.is_held:
                self._acks.acknowledge(ownership, event.stream, event.sequence, frame.share.number)
            else:
                ownership.unacknowledged[event.stream] = (event.sequence, frame.share.number)
                now = self._clock()
                silent_since = max(ownership.sent_at, now if self._busy_since is None else self._busy_since)
                if now - silent_since >= min(_SLOW, self._heartbeat) and len(ownership.unacknowledged) <= _FEW_STREAMS:
                    self._acks.acknowledge_unfinished(ownership)
        self._finish(delivery)

    def left(self, delivery: Delivery) -> None:
        """Record that an event is not handled, because the member leaves. No later event of its stream is begun."""
        self.handlers.remove(delivery)

    def failed(self, delivery: Delivery, reason: str, **verdict: object) -> None:
        """Record that an event was not handled, and send its nack.

        Args:
            delivery: The event.
            reason: The reason that the hub keeps with the event.
            verdict: Further members of the `nack`: `delay` or `park`.
        """
        self.handlers.remove(delivery)
        # A hub that sends no deadline accepts no frame number: it would apply this nack to the attempt in progress.
        if self.owns(delivery.ownership) and (self._deadline_is_known or not delivery.timed_out):
            self._acks.nack(delivery, reason, **verdict)
        self._finish(delivery)

    def send_ready(self) -> None:
        """Queue the cursors and releases that wait for no confirmation any more."""
        for ownership in [*self._owned.values()]:
            self._acks.acknowledge_cursor(ownership)
            if ownership.ends and not self.handlers.process(ownership) and self._acks.release(ownership):
                del self._owned[ownership.partition]

    def acknowledge_unfinished(self) -> None:
        """Acknowledge the events that were handled in frames that are not finished."""
        for ownership in self._owned.values():
            self._acks.acknowledge_unfinished(ownership)

    def apply_timeouts(self) -> float:
        """Apply the deadlines and heartbeats that are due, and return when the next may be due.

        Nothing is due while no event waits and none is being handled.
        """
        now = self._clock()
        if self._is_idle:
            return inf
        busy_since = self._busy_since if self._busy_since is not None else now
        self._busy_since = busy_since
        self._end_revoked(now)
        return min(self._end_late(now), self._send_heartbeats(now, busy_since))

    def owns(self, ownership: Ownership) -> bool:
        """Whether the member still owns the partition by this ownership."""
        return self._owned.get(ownership.partition) is ownership

    @property
    def _is_idle(self) -> bool:
        return self._lossy is None and self._backlog.is_empty

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
        self._backlog.add(share, ownership)
        if self._busy_since is None and not self._is_idle:
            self._busy_since = now
        if ownership.waiting > _MOST_WAITING:
            raise ConnectFailed(
                f"the hub sent more than {_MOST_WAITING:,} events of partition {share.partition} without an "
                "acknowledgement"
            )

    def _start(self, frame: OpenFrame) -> None:
        frame.ownership.open_frames.append(frame)
        self._backlog.start(frame)
        if not frame.unfinished:
            self._close_frames(frame.ownership)

    def _begin(self, queued: Queued) -> Delivery | None:
        """Return the event to handle; None if it must not be handled.

        It is not if the partition is no longer owned, if the hub redelivers the event, or if it was handled late; then
        it is acknowledged.
        """
        frame, event, stream = queued.frame, queued.event, queued.stream
        ownership = frame.ownership
        if frame.is_held and queued.is_first:
            ownership.dropping.discard(stream)
            frame.handled_late = ownership.handled_late.pop(stream, 0)
        if event is None or not self.owns(ownership) or ownership.ends or stream in ownership.dropping:
            return None
        if frame.is_held and event.sequence <= frame.handled_late:
            self._acks.acknowledge(ownership, stream, event.sequence, frame.share.number)
            return None
        delivery = Delivery(event, queued.attempt, frame)
        self.handlers.add(delivery)
        return delivery

    def _finish(self, delivery: Delivery) -> None:
        self._backlog.finish(delivery.event.stream)
        # One that timed out was counted then: its stream is held, and later frames do not wait for it.
        if not delivery.timed_out:
            self._count_finished(delivery.frame)
        self.send_ready()

    def _count_finished(self, frame: OpenFrame) -> None:
        frame.unfinished -= 1
        if not frame.unfinished:
            self._close_frames(frame.ownership)

    def _close_frames(self, ownership: Ownership) -> None:
        if self.owns(ownership):
            ownership.close_frames()
            self.send_ready()

    def _end_late(self, now: float) -> float:
        """Send a nack for each event that has exceeded its deadline; return when the next check is due."""
        late, due = self.handlers.late(now, deadline=self._deadline, waiting=len(self._backlog))
        for delivery in late:
            if not delivery.timed_out and self.owns(delivery.ownership):
                delivery.timed_out = True
                self._acks.nack(delivery, f"the handler still runs after {self._deadline:g} s")
                for frame in (delivery.frame, *self._backlog.drop_behind(delivery)):
                    self._count_finished(frame)
        return due

    def _end_revoked(self, now: float) -> None:
        """Drop the waiting frames of a revoked partition that is not finished in time: another member waits for it."""
        for ownership in self._owned.values():
            revoked_at = ownership.revoked_at
            if revoked_at is not None and not ownership.ends and now >= revoked_at + self._heartbeat:
                self._backlog.drop(ownership)
                ownership.ends = True
        self.send_ready()

    def _send_heartbeats(self, now: float, busy_since: float) -> float:
        """Repeat the last acknowledgement of partitions without a recent message; return when that is due next."""
        every = self._heartbeat
        if any(now >= max(ownership.sent_at, busy_since) + every for ownership in self._owned.values()):
            silent = [ownership for ownership in self._owned.values() if now >= ownership.sent_at + every / 2]
            self._acks.send_heartbeat(silent)
        return min((max(owned.sent_at, busy_since) for owned in self._owned.values()), default=inf) + every
