from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eventstore_client.events import Recorded

__all__ = ["EventInHand", "Ownership"]


@dataclass(slots=True, eq=False)
class Ownership:
    """A partition that a member owns, from one `owned` until the next, or until it is released.

    What is known here ends with it: after a replay, a redrive or a change the hub says `owned` again, and then no event
    of before counts as failed, dropped or handled.

    Attributes:
        partition: Which one.
        cursor: What was acknowledged last; to acknowledge it again changes nothing, and keeps the partition alive.
        spoke_at: When the hub was last sent anything about the partition.
        dropping: Streams whose events are dropped until a frame names the stream: the hub sends them again.
        unacknowledged: Of each stream, the last event handled of the unfinished frame, and its number.
        handled_late: Of each stream, an event that was handled after the hub was asked to send it again.
        cursor_to_send: A cursor that waits for the answer to a `nack`, which it must not overtake.
        waiting: How many events have arrived and are not begun.
        revoked_at: When the hub asked for the partition.
        revoked_by: The number of the frame that did.
        ends: It is released as soon as nothing of it is in hand or unanswered.
    """

    partition: int
    cursor: str
    spoke_at: float
    dropping: set[str] = field(default_factory=set)
    unacknowledged: dict[str, tuple[int, int]] = field(default_factory=dict)
    handled_late: dict[str, int] = field(default_factory=dict)
    cursor_to_send: str | None = None
    waiting: int = 0
    revoked_at: float | None = None
    revoked_by: int = 0
    ends: bool = False


@dataclass(slots=True, eq=False)
class EventInHand:
    """The event that is being handled.

    Attributes:
        event: Itself.
        attempt: Which one this is.
        frame: The number of the frame that it came in.
        held: Whether its frame names the stream, so that it is acknowledged by stream and sequence.
        ownership: Of its partition, when it was begun.
        started_at: When the handler began; None while it does not run, as while the event's data are fetched.
        gave_up: The handler took longer than the deadline, and the hub was asked to send the event again.
        warn_at: When the log says again that the handler still runs.
    """

    event: Recorded
    attempt: int
    frame: int
    held: bool
    ownership: Ownership
    started_at: float | None = None
    gave_up: bool = False
    warn_at: float = 0.0
