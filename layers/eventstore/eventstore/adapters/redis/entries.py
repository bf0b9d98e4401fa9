"""The entries in which a stream stores its events: each holds one event, or several adjacent ones of one append.

An entry is `<lengths of all bodies but the last, 4 bytes each> -> <the bodies, concatenated>`, and its id is
`<sequence>-<time>` of its last event. So a range of ids that starts at a sequence starts with the entry that holds it;
to include the entry that holds the last sequence, the range must extend up to `REACH` further.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from struct import Struct
from typing import TYPE_CHECKING, Any

from eventstore.cloudevents.event import RecordedEvent
from eventstore.positions import END_OF_APPEND, Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eventstore.streams import StreamName

__all__ = [
    "LAST",
    "REACH",
    "Entry",
    "end_of_entry",
    "entries_of",
    "id_of_entry",
    "recorded",
    "sequence_and_time",
]

Entry = tuple[bytes, "Sequence[bytes]"]
"""The id of an entry, and its field and value, or more of them."""

REACH = 3
"""The maximum difference between the sequence in the id of an entry and that of an event in it."""

LAST = (1 << 64) - 1
"""The greatest number that an id can have."""

_SHARED_BYTES = 16 * 1024
"""The maximum length of bodies that share an entry: a reader of one of the events reads all of them."""

_LENGTHS = [Struct(f"<{number}I") for number in range(REACH + 1)]


def entries_of(bodies: Sequence[bytes]) -> list[bytes]:
    """Return events as append.lua accepts them: field and value of each entry, or the body alone of a single event."""
    if len(bodies) == 1:
        return [bodies[0]]
    arguments: list[bytes] = []
    lengths = [len(body) for body in bodies]
    for start in range(0, len(bodies), REACH + 1):
        group = bodies[start : start + REACH + 1]
        value = b"".join(group)
        if len(value) > _SHARED_BYTES:
            arguments += [part for body in group for part in (b"", body)]
        else:
            others = len(group) - 1
            arguments += (_LENGTHS[others].pack(*lengths[start : start + others]), value)
    return arguments


def sequence_and_time(entry_id: bytes) -> tuple[int, int]:
    """Return both numbers of an id: sequence and time of an event's entry, or time and order of a log's entry."""
    sequence, _, time = entry_id.partition(b"-")
    return int(sequence), int(time)


def end_of_entry(stored: bytes) -> Position:
    """Return the position after all events of an entry of the log, by the id of the entry."""
    return Position(*sequence_and_time(stored), END_OF_APPEND)


def id_of_entry(position: Position) -> str:
    """Return the id of the entry of the log that holds the event at a position."""
    return f"{position.major}-{position.minor}"


def recorded(
    stream: StreamName, entries: Iterable[Any], *, low: int, high: int, backwards: bool = False
) -> list[RecordedEvent]:
    """Return the events of a range of sequences.

    Args:
        stream: The stream of the events.
        entries: Its entries, as XRANGE returns them; as XREVRANGE does, if `backwards`.
        low: The first sequence.
        high: The last sequence.
        backwards: Return the newest event first.
    """
    # By column, and ascending: the events are made of the columns at once.
    sequences: list[int] = []
    times: list[int] = []
    bodies: list[bytes] = []
    for entry_id, (lengths, value) in reversed(list(entries)) if backwards else entries:
        number, _, stored = entry_id.partition(b"-")
        last, time = int(number), int(stored)
        if lengths:
            offset = 0
            others = len(lengths) // 4
            for length in _LENGTHS[others].unpack(lengths):
                end = offset + length
                bodies.append(value[offset:end])
                offset = end
            bodies.append(value[offset:])
            sequences += range(last - others, last + 1)
            times += [time] * (others + 1)
        else:
            bodies.append(value)
            sequences.append(last)
            times.append(time)
    events = list(RecordedEvent.of_stream(stream, sequences, times, bodies))
    events = events[bisect_left(sequences, low) : bisect_right(sequences, high)]
    return events[::-1] if backwards else events
