from __future__ import annotations

import logging
from collections import deque
from math import inf
from typing import TYPE_CHECKING

from eventstore_client.errors import ConnectFailed
from eventstore_client.ownership import EventInHand, Ownership

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore_client.events import Recorded
    from eventstore_client.messages import Share
    from eventstore_client.requests import Requests

__all__ = ["Partitions"]

_log = logging.getLogger("eventstore_client")

_DEADLINE = 30.0
"""Seconds that a durable subscription waits for acknowledgements unless it was made otherwise."""

_EVERY = 5.0
"""Seconds between two signs of life where the hub does not say its deadline, which may be shorter than that one."""

_SHORTEST = 0.05
"""Seconds between two signs of life at least."""

_SLOW = 1.0
"""Seconds without a word about a partition after which its events are acknowledged before their frame is finished."""

_FEW = 20
"""Streams of an unfinished frame up to which that is done: whoever handles more in a second finishes the frame soon."""

_MOST_WAITING = 20_000
"""Events of a partition that may wait here. The hub sends at most 1,000 that are new, and ten of each of 1,000 streams
that are held, before it hears of them."""


class Partitions:
    """What a member owns, what it has received of it, and what it owes the hub in return. The caller's lock guards it.

    Args:
        name: The durable subscription's.
        requests: Where it says what it has to say.
        alive_every: As `Membership` says.
        clock: Seconds that never go back.
    """

    def __init__(self, name: str, requests: Requests, *, alive_every: float | None, clock: Callable[[], float]) -> None:
        self._name = name
        self._requests = requests
        self._alive_every = inf if alive_every is None else alive_every
        self._clock = clock
        # As the hub says them, or not, of the durable subscription.
        self._deadline = _DEADLINE
        self._deadline_is_known = False
        self._last_frame: dict[int, int] = {}
        self._owned: dict[int, Ownership] = {}
        self._waiting: deque[tuple[Share, Ownership]] = deque()
        self._frame_in_hand = False
        self._in_hand: EventInHand | None = None
        self._busy_since: float | None = None

    def go_by(self, ack_deadline: float | None) -> None:
        """Go by the deadline that the hub says, if it says one."""
        if ack_deadline:
            self._deadline, self._deadline_is_known = ack_deadline, True

    def arrived(self, share: Share) -> None:
        """Take in a frame.

        Raises:
            ConnectFailed: One before it was lost, or more comes than a hub sends.
        """
        number, partition, now = share.number, share.partition, self._clock()
        last = self._last_frame.get(partition, 0)
        if number <= last:
            return
        if share.kind != "owned" and number > last + 1:
            raise ConnectFailed(f"a frame of partition {partition} was lost: {number} came too early")
        self._last_frame[partition] = number
        ownership = self._owned.get(partition)
        if share.kind == "owned":
            # Also one that is owned already: what was sent before comes again, and is not acknowledged any more.
            self._forget(ownership)
            self.go_by(share.ack_deadline)
            self._owned[partition] = Ownership(partition, share.cursor or "", now)
            _log.info("the worker of %r owns partition %d", self._name, partition)
        elif ownership is not None:
            self._received(share, ownership, now)

    def begin_frame(self) -> tuple[Share, Ownership] | None:
        """The next frame to handle, if there is one; the one before is finished."""
        self._frame_in_hand = bool(self._waiting)
        if not self._waiting:
            self._busy_since = None
            return None
        share, ownership = self._waiting.popleft()
        ownership.waiting -= len(share.events)
        return share, ownership

    def begin_event(
        self, share: Share, ownership: Ownership, event: Recorded, *, attempt: int, handled_late: int
    ) -> bool:
        """Whether the event is to be handled; it is in hand then."""
        if not self.owns(ownership) or ownership.ends or event.stream in ownership.dropping:
            return False
        if share.stream is not None and event.sequence <= handled_late:
            self._acknowledge(ownership, event.stream, event.sequence, share.number)
            return False
        self._in_hand = EventInHand(event, attempt, share.number, share.stream is not None, ownership)
        return True

    def begin_handler(self, *, runs: bool) -> None:
        """The handler begins on the event in hand, and has the deadline for itself; or it waits for something else."""
        if self._in_hand is not None:
            self._in_hand.started_at = self._clock() if runs else None

    def handled(self) -> None:
        """The event in hand is handled."""
        in_hand = self._put_down()
        ownership, event = in_hand.ownership, in_hand.event
        if not self.owns(ownership):
            return
        if in_hand.gave_up:
            # The hub may have sent it again by now: what waits here is acknowledged then, and not handled twice.
            ownership.handled_late[event.stream] = event.sequence
        if in_hand.gave_up or in_hand.held:
            self._acknowledge(ownership, event.stream, event.sequence, in_hand.frame)
        else:
            ownership.unacknowledged[event.stream] = (event.sequence, in_hand.frame)
            now = self._clock()
            silent_since = max(ownership.spoke_at, now if self._busy_since is None else self._busy_since)
            if now - silent_since >= min(_SLOW, self._every) and len(ownership.unacknowledged) <= _FEW:
                self._acknowledge_unfinished(ownership)
        self.settle()

    def failed(self, reason: str, **verdict: object) -> EventInHand:
        """The event in hand could not be handled."""
        in_hand = self._put_down()
        # A hub that says no deadline knows no frames here, and would take it for a failure of the attempt under way.
        if self.owns(in_hand.ownership) and (self._deadline_is_known or not in_hand.gave_up):
            self._refuse(in_hand, reason, **verdict)
        self.settle()
        return in_hand

    def finish_frame(self, share: Share, ownership: Ownership) -> None:
        """Nothing of the frame is left to handle."""
        if not self.owns(ownership):
            return
        if share.kind == "revoked":
            ownership.ends = True
        elif share.cursor is not None and not ownership.ends:
            ownership.unacknowledged.clear()
            ownership.cursor_to_send = share.cursor
        self.settle()

    def settle(self) -> None:
        """Send the cursors and releases for which nothing is left to wait."""
        for ownership in [*self._owned.values()]:
            partition = ownership.partition
            # A cursor that overtakes a nack would say that the event was handled.
            if ownership.cursor_to_send is not None and not self._requests.waits(partition, action="nack"):
                ownership.cursor, ownership.cursor_to_send = ownership.cursor_to_send, None
                ownership.spoke_at = self._clock()
                self._requests.add("ack", partition, cursor=ownership.cursor)
            in_hand = self._in_hand
            busy = in_hand is not None and in_hand.ownership is ownership and not in_hand.gave_up
            if ownership.ends and not busy:
                self._acknowledge_unfinished(ownership)
                if ownership.cursor_to_send is None and not self._requests.waits(partition):
                    del self._owned[partition]
                    self._requests.add("release", partition, partition=partition, **self._named(ownership.revoked_by))

    def acknowledge_unfinished(self) -> None:
        """Acknowledge what is handled of the frames that are not finished."""
        for ownership in self._owned.values():
            self._acknowledge_unfinished(ownership)

    def pass_time(self) -> float:
        """Do what is due; when there may be more to do. Nothing is, while nothing waits and nothing is in hand."""
        now = self._clock()
        if not (self._frame_in_hand or self._waiting):
            return inf
        busy_since = self._busy_since if self._busy_since is not None else now
        self._busy_since = busy_since
        self._hand_over(now)
        return min(self._watch_handler(now), self._keep_alive(now, busy_since))

    def owns(self, ownership: Ownership) -> bool:
        """Whether it is still so."""
        return self._owned.get(ownership.partition) is ownership

    @property
    def waiting(self) -> int:
        """How many frames have arrived and are not begun."""
        return len(self._waiting)

    @property
    def _every(self) -> float:
        """Seconds within which the hub hears of each partition."""
        return max(_SHORTEST, min(self._alive_every, self._deadline / 3 if self._deadline_is_known else _EVERY))

    def _received(self, share: Share, ownership: Ownership, now: float) -> None:
        if share.kind == "revoked":
            ownership.revoked_at, ownership.revoked_by = now, share.number
            _log.info("the worker of %r is to release partition %d", self._name, share.partition)
        if share.stream is not None and share.events:
            again = f"{share.stream} {share.events[0].sequence}"
            _log.info("%s comes again, attempt %d: %s", again, share.attempt, share.reason or "no reason given")
        ownership.waiting += len(share.events)
        if ownership.waiting > _MOST_WAITING:
            raise ConnectFailed(
                f"the hub sent more than {_MOST_WAITING:,} events of partition {share.partition}, and none of them is "
                "acknowledged"
            )
        self._waiting.append((share, ownership))

    def _forget(self, ownership: Ownership | None) -> None:
        """Drop the frames of a partition that are not begun."""
        self._waiting = deque(waiting for waiting in self._waiting if waiting[1] is not ownership)

    def _put_down(self) -> EventInHand:
        in_hand, self._in_hand = self._in_hand, None
        assert in_hand is not None  # noqa: S101 - an event ends once
        return in_hand

    def _named(self, frame: int) -> dict[str, int]:
        """The member that names a frame, for a hub that takes it: so it knows what is said of an earlier delivery."""
        return {"frame": frame} if self._deadline_is_known else {}

    def _acknowledge(self, ownership: Ownership, stream: str, sequence: int, frame: int) -> None:
        ownership.spoke_at = self._clock()
        members = {"stream": stream, "sequence": sequence, **self._named(frame)}
        self._requests.add("ack", ownership.partition, **members)

    def _acknowledge_unfinished(self, ownership: Ownership) -> None:
        # What the hub has in flight first is then what is in hand, and that is what it blames if this member dies.
        for stream, (sequence, frame) in ownership.unacknowledged.items():
            self._acknowledge(ownership, stream, sequence, frame)
        ownership.unacknowledged.clear()

    def _refuse(self, in_hand: EventInHand, reason: str, **verdict: object) -> None:
        ownership, event = in_hand.ownership, in_hand.event
        ownership.dropping.add(event.stream)
        # It speaks for the events of the stream before this one.
        ownership.unacknowledged.pop(event.stream, None)
        ownership.spoke_at = self._clock()
        members = {"stream": event.stream, "sequence": event.sequence, "reason": reason, **verdict}
        self._requests.add("nack", ownership.partition, **members, **self._named(in_hand.frame))

    def _watch_handler(self, now: float) -> float:
        """Let the event in hand come again once its deadline has passed; when there is more to do about it."""
        in_hand = self._in_hand
        if in_hand is None or in_hand.started_at is None:
            return inf
        ran = now - in_hand.started_at
        if ran < self._deadline:
            return in_hand.started_at + self._deadline
        if not in_hand.gave_up and self.owns(in_hand.ownership):
            in_hand.gave_up = True
            self._refuse(in_hand, f"the handler still runs after {self._deadline:g} s")
        if now >= in_hand.warn_at:
            in_hand.warn_at = now + ran
            _log.warning(
                "the worker of %r: the handler of %s %d has run for %.0f s, longer than the deadline; %d frames wait",
                self._name,
                in_hand.event.stream,
                in_hand.event.sequence,
                ran,
                len(self._waiting),
            )
        return in_hand.warn_at

    def _hand_over(self, now: float) -> None:
        """Drop what is not begun of a partition that was revoked and is not finished soon: another member waits."""
        for ownership in self._owned.values():
            revoked_at = ownership.revoked_at
            if revoked_at is not None and not ownership.ends and now >= revoked_at + self._every:
                self._forget(ownership)
                ownership.ends = True
        self.settle()

    def _keep_alive(self, now: float, busy_since: float) -> float:
        """Acknowledge again what was acknowledged, where the hub has heard nothing; when that is due next."""
        every = self._every
        if any(now >= max(ownership.spoke_at, busy_since) + every for ownership in self._owned.values()):
            silent = [ownership for ownership in self._owned.values() if now >= ownership.spoke_at + every / 2]
            for ownership in silent:
                self._acknowledge_unfinished(ownership)
                ownership.spoke_at = now
            if cursors := [ownership.cursor for ownership in silent if ownership.cursor]:
                self._requests.add("ack", None, cursor=cursors)
        return min((max(owned.spoke_at, busy_since) for owned in self._owned.values()), default=inf) + every
