"""The entries of a stream's events: each holds one event, or several that stand together and came in one append.

An entry is `<lengths of all bodies but the last, 4 bytes each> -> <the bodies, one after the other>`, and its id is
`<sequence>-<time>` of its last event. So a range of ids from a sequence on starts with the entry that holds it; to end
with the entry that holds the last one, it must go on up to `REACH` further.
"""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, Any

from eventstore.cloudevents.event import RecordedEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["LAST", "REACH", "entries_of", "recorded", "sequence_and_time"]

REACH = 3
"""By how much the id of an entry may be ahead of an event in it."""

LAST = (1 << 64) - 1
"""The greatest number that stands in an id."""

_BYTES = 16 * 1024
"""What shares an entry is together no longer: who wants one of the events reads them all."""

_LENGTHS = [Struct(f"<{number}I") for number in range(REACH + 1)]


def entries_of(bodies: Sequence[bytes]) -> list[bytes]:
    """The events as append.lua wants them: field and value of each entry, or, of a single event, the body alone."""
    if len(bodies) == 1:
        return [bodies[0]]
    found: list[bytes] = []
    for start in range(0, len(bodies), REACH + 1):
        together = bodies[start : start + REACH + 1]
        value = b"".join(together)
        if len(value) > _BYTES:
            found += [part for body in together for part in (b"", body)]
        else:
            found += (_LENGTHS[len(together) - 1].pack(*map(len, together[:-1])), value)
    return found


def sequence_and_time(entry_id: bytes) -> tuple[int, int]:
    """What the id of an event's entry says; the id of a log's entry says its time and order."""
    sequence, _, time = entry_id.partition(b"-")
    return int(sequence), int(time)


def recorded(
    stream: str, entries: Iterable[Any], *, low: int, high: int, backwards: bool = False
) -> list[RecordedEvent]:
    """The events of entries whose sequences are `low` to `high`; if the entries stand `backwards`, so do the events."""
    found: list[RecordedEvent] = []
    for entry_id, (lengths, value) in entries:
        number, _, stored = entry_id.partition(b"-")
        last, time = int(number), int(stored)
        if lengths:
            together = _together(stream, last, time, lengths, value)
            if last > high or together[0].sequence < low:
                together = [event for event in together if low <= event.sequence <= high]
            found += reversed(together) if backwards else together
        elif low <= last <= high:
            found.append(RecordedEvent(stream, last, time, value))
    return found


def _together(stream: str, last: int, time: int, lengths: bytes, value: bytes) -> list[RecordedEvent]:
    number = len(lengths) // 4
    found = []
    at = 0
    for sequence, length in enumerate(_LENGTHS[number].unpack(lengths), last - number):
        found.append(RecordedEvent(stream, sequence, time, value[at : at + length]))
        at += length
    found.append(RecordedEvent(stream, last, time, value[at:]))
    return found
