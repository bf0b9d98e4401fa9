"""The index of a file of events: where the events of each stream are, and what is missing between them."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.cloudevents.event import StreamName

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.read.gaps import Range

__all__ = ["FileIndex", "Member", "StreamPart"]

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Member:
    """A member of a gzip file, which can be decompressed without the others."""

    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class StreamPart:
    """The events of one stream in a file.

    Attributes:
        first_member: The number of the first member that has some.
        last_member: The number of the last one.
        first: The lowest sequence.
        last: The highest sequence.
        events: How many there are; fewer than from `first` to `last` if some were removed before.
    """

    first_member: int
    last_member: int
    first: int
    last: int
    events: int


@dataclass(frozen=True, slots=True)
class FileIndex:
    """The index of a file.

    Attributes:
        members: The members of the file, in order.
        streams: The streams of the file, in order of their names.
        missing: The events of the segment's range, of the streams of this file's part, that were removed before they
            were archived.
        complete: Whether `missing` holds all of them.
        gone: The streams that were deleted for good in the segment's range.
    """

    members: Sequence[Member]
    streams: Mapping[StreamName, StreamPart]
    missing: Sequence[Range] = ()
    complete: bool = True
    gone: Sequence[StreamName] = ()

    def encoded(self) -> bytes:
        """Return the index as it is stored."""
        content = {
            "format": _FORMAT,
            "members": [[member.offset, member.length] for member in self.members],
            "streams": {
                name: [part.first_member, part.last_member, part.first, part.last, part.events]
                for name, part in self.streams.items()
            },
            "missing": self.missing,
            "complete": self.complete,
            "gone": self.gone,
        }
        return gzip.compress(json.dumps(content, separators=(",", ":")).encode(), mtime=0)

    @classmethod
    def parse(cls, stored: bytes) -> FileIndex:
        """Return an index that was stored."""
        content = json.loads(gzip.decompress(stored))
        return cls(
            tuple(Member(*member) for member in content["members"]),
            {StreamName(name): StreamPart(*part) for name, part in content["streams"].items()},
            tuple((StreamName(name), first, last) for name, first, last in content["missing"]),
            content["complete"],
            tuple(map(StreamName, content["gone"])),
        )

    def span(self, stream: StreamName) -> Member | None:
        """Return the part of the file that has all events of a stream; None if there are none."""
        part = self.streams.get(stream)
        if part is None:
            return None
        first, last = self.members[part.first_member], self.members[part.last_member]
        return Member(first.offset, last.offset + last.length - first.offset)
