"""The lines of a file of events: each is a recorded event in the CloudEvents JSON format, with its position.

The position is the extension `hubposition`, behind those of `RecordedEvent.extensions`.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from eventstore.archive.layout import position_of, position_text
from eventstore.cloudevents.event import RecordedEvent, StreamName, rfc3339

if TYPE_CHECKING:
    from eventstore.positions import Position

__all__ = ["Line", "body_of", "line_of", "parse_line", "recorded_of"]

_END = re.compile(
    rb',"hubstream":"([^"]+)","hubsequence":"([0-9]+)","hubtime":"([^"]+)","hubposition":"([0-9.]+)"\}\n?$'
)
_WITHOUT_BREAKS = bytes.maketrans(b"\r\n", b"  ")


class Line(NamedTuple):
    """A line, with what it is sorted by.

    Attributes:
        stream: The name of the stream.
        sequence: The sequence of the event in the stream.
        text: The line, with the break at its end.
    """

    stream: StreamName
    sequence: int
    text: bytes


def line_of(position: Position, event: RecordedEvent) -> Line:
    """Return the line of an event."""
    stream, sequence, time, body = event
    end = (
        f',"hubstream":"{stream}","hubsequence":"{sequence}","hubtime":"{rfc3339(time)}"'
        f',"hubposition":"{position_text(position)}"}}\n'
    )
    # In JSON, a line break is white space: within a text it is escaped.
    return Line(stream, sequence, body[:-1].translate(_WITHOUT_BREAKS) + end.encode())


def parse_line(text: bytes) -> Line:
    """Return a line of a file; raise `ValueError` if it is none."""
    return Line(*_place(text), text)


def recorded_of(text: bytes) -> tuple[Position, RecordedEvent]:
    """Return the position and the event of a line; raise `ValueError` if it is none."""
    found = _found(text)
    stream, sequence, time, position = (group.decode() for group in found.groups())
    milliseconds = round(datetime.fromisoformat(time).timestamp() * 1000)
    body = text[: found.start()] + b"}"
    return position_of(position), RecordedEvent(StreamName(stream), int(sequence), milliseconds, body)


def body_of(text: bytes) -> tuple[StreamName, int, str, bytes]:
    """Return the stream, sequence, time (RFC 3339) and body of a line; raise `ValueError` if it is none."""
    found = _found(text)
    return StreamName(found[1].decode()), int(found[2]), found[3].decode(), text[: found.start()] + b"}"


def _place(text: bytes) -> tuple[StreamName, int]:
    found = _found(text)
    return StreamName(found[1].decode()), int(found[2])


def _found(text: bytes) -> re.Match[bytes]:
    # Data may have the same words, but only before the hub's own.
    found = _END.search(text, max(0, text.rfind(b',"hubstream":"')))
    if found is None:
        raise ValueError(f"a line of the archive ends with {text[-80:]!r}, and not with the extensions of the hub")
    return found
