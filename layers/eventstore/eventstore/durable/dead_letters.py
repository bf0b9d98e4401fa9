"""The copies of parked events that go to the dead letter queue."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.cloudevents.event import rfc3339
from eventstore.ports import DeadLetter

if TYPE_CHECKING:
    from eventstore.frames.positioned import PositionedEvent
    from eventstore.groups import Parked
    from eventstore.subscriptions import Durable

__all__ = ["dead_letter"]


def dead_letter(durable: Durable, positioned: PositionedEvent, parked: Parked) -> DeadLetter:
    """Return the copy of an event of a parked stream.

    Args:
        durable: The subscription that parked the stream.
        positioned: The event that failed, or one of its stream behind it.
        parked: The parked stream.
    """
    event = positioned.event
    failed = event.sequence == parked.sequence
    return DeadLetter(
        subscription=durable.name,
        key=durable.key,
        stream=event.stream,
        sequence=event.sequence,
        event=event.encoded().decode(),
        attempts=parked.attempts if failed else 0,
        errors=tuple(parked.errors) if failed else (f"behind {parked.sequence}, which was parked",),
        since=rfc3339(parked.since),
    )
