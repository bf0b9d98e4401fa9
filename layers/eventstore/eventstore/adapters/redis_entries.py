"""What an entry of a stream's events says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.events import RecordedEvent

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["recorded", "sequence_and_time"]

_BODY = 1
"""Where the value stands in an entry's fields, behind the name of the only one."""


def sequence_and_time(entry_id: bytes) -> tuple[int, int]:
    """What the id of an event's entry says; the id of a log's entry says its time and order."""
    sequence, _, time = entry_id.partition(b"-")
    return int(sequence), int(time)


def recorded(stream: str, entries: Sequence[Any], *, low: int, high: int) -> list[RecordedEvent]:
    """The events of entries whose sequences are `low` to `high`, in the order of the entries."""
    found = []
    for entry_id, fields in entries:
        sequence, _, time = entry_id.partition(b"-")
        if low <= int(sequence) <= high:
            found.append(RecordedEvent(stream, int(sequence), int(time), fields[_BODY]))
    return found
