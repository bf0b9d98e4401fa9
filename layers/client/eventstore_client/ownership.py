"""The state of a partition that a member owns, of its frames, and of an event that a handler processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventstore_client.messages import Share
    from eventstore_client.recorded import Recorded

__all__ = ["Delivery", "OpenFrame", "Ownership"]


@dataclass(slots=True, eq=False)
class Ownership:
    """A partition that a member owns, from one `owned` message until the next, or until it is released.

    The state does not survive an `owned` message. The hub sends one after a replay, a redrive or a change, and then no
    earlier event counts as failed, dropped or handled.

    Attributes:
        partition: The number of the partition.
        cursor: The cursor acknowledged last. Acknowledging it again changes nothing, and serves as a heartbeat.
        sent_at: When a message about the partition was last sent to the hub.
        dropping: Streams whose events are dropped until a frame names the stream, because the hub redelivers them.
        open_frames: The frames that are started and not finished, in order, and those that wait for one of them.
        unacknowledged: For each stream, the sequence of the last event handled in an open frame, and the number of that
            frame.
        handled_late: For each stream, the sequence of an event that was handled after its deadline, when the hub had
            been asked to redeliver it.
        cursor_to_send: A cursor that is sent once a `nack` is confirmed, because it must not overtake the `nack`.
        waiting: The number of events received and not started.
        revoked_at: When the hub revoked the partition.
        revoked_by: The number of the frame that revoked it.
        ends: Whether the partition is released once its current events are finished and its requests are confirmed.
    """

    partition: int
    cursor: str
    sent_at: float
    dropping: set[str] = field(default_factory=set)
    open_frames: list[OpenFrame] = field(default_factory=list)
    unacknowledged: dict[str, tuple[int, int]] = field(default_factory=dict)
    handled_late: dict[str, int] = field(default_factory=dict)
    cursor_to_send: str | None = None
    waiting: int = 0
    revoked_at: float | None = None
    revoked_by: int = 0
    ends: bool = False

    def close_frames(self) -> None:
        """Acknowledge the cursors of frames that are finished, or end the ownership if one revokes it.

        A cursor covers all earlier frames, so that it waits for them, except for those of held streams, which have no
        cursors. The end waits for all.
        """
        still_open: list[OpenFrame] = []
        is_covered = True
        for frame in self.open_frames:
            share = frame.share
            if frame.unfinished or (still_open if share.kind == "revoked" else not is_covered):
                still_open.append(frame)
                is_covered = is_covered and frame.is_held
            elif share.kind == "revoked":
                self.ends = True
            elif share.cursor is not None and not self.ends:
                self.unacknowledged = {s: last for s, last in self.unacknowledged.items() if last[1] > share.number}
                self.cursor_to_send = share.cursor
        self.open_frames = still_open


@dataclass(slots=True, eq=False)
class OpenFrame:
    """A frame that was received and is not finished.

    Attributes:
        share: The frame.
        ownership: The ownership of its partition when it was received.
        unfinished: How many of its events are neither handled nor dropped, once it is started.
        handled_late: The sequence up to which events of its held stream were handled after their deadline.
    """

    share: Share
    ownership: Ownership
    unfinished: int = 0
    handled_late: int = 0

    @property
    def is_held(self) -> bool:
        """Whether the frame names a held stream, so that its events are acknowledged by stream and sequence."""
        return self.share.stream is not None


@dataclass(slots=True, eq=False)
class Delivery:
    """An event that a handler processes.

    Attributes:
        event: The event.
        attempt: The number of the delivery attempt, from 1.
        frame: Its frame.
        started_at: When the handler started; None while it does not run, such as while the event's data are fetched.
        timed_out: Whether the handler exceeded the deadline, so that the hub was asked to redeliver the event.
        warn_at: When the next warning about the running handler is due.
    """

    event: Recorded
    attempt: int
    frame: OpenFrame
    started_at: float | None = None
    timed_out: bool = False
    warn_at: float = 0.0

    @property
    def ownership(self) -> Ownership:
        """The ownership of the partition when the frame was received."""
        return self.frame.ownership
