"""The state of a partition that a member owns, and of the event that its handler processes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventstore_client.events import Recorded

__all__ = ["CurrentEvent", "Ownership"]


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
        unacknowledged: For each stream, the sequence of the last event handled in the unfinished frame, and the number
            of that frame.
        handled_late: For each stream, the sequence of an event that was handled after its deadline, when the hub had
            been asked to redeliver it.
        cursor_to_send: A cursor that is sent once a `nack` is confirmed, because it must not overtake the `nack`.
        waiting: The number of events received and not started.
        revoked_at: When the hub revoked the partition.
        revoked_by: The number of the frame that revoked it.
        ends: Whether the partition is released once its current event is finished and its requests are confirmed.
    """

    partition: int
    cursor: str
    sent_at: float
    dropping: set[str] = field(default_factory=set)
    unacknowledged: dict[str, tuple[int, int]] = field(default_factory=dict)
    handled_late: dict[str, int] = field(default_factory=dict)
    cursor_to_send: str | None = None
    waiting: int = 0
    revoked_at: float | None = None
    revoked_by: int = 0
    ends: bool = False


@dataclass(slots=True, eq=False)
class CurrentEvent:
    """The event that the handler processes.

    Attributes:
        event: The event.
        attempt: The number of the delivery attempt, from 1.
        frame: The number of the frame with the event.
        held: Whether the frame names the stream, so that the event is acknowledged by stream and sequence.
        ownership: The ownership of the partition when the event was started.
        started_at: When the handler started; None while it does not run, such as while the event's data are fetched.
        timed_out: Whether the handler exceeded the deadline, so that the hub was asked to redeliver the event.
        warn_at: When the next warning about the running handler is due.
    """

    event: Recorded
    attempt: int
    frame: int
    held: bool
    ownership: Ownership
    started_at: float | None = None
    timed_out: bool = False
    warn_at: float = 0.0
