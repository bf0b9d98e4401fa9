"""Writing the files of a segment: lines in the order of streams, compressed in members."""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.archive.index import FileIndex, Member, StreamPart

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from eventstore.archive.lines import Line
    from eventstore.cloudevents.event import StreamName

__all__ = ["FileLimits", "WrittenFile", "decompressed", "written_files"]

_LEVEL = 6
_GZIP = 31
"""What zlib calls the format of gzip."""

_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class FileLimits:
    """The sizes of files, in bytes before compression.

    Attributes:
        member: A member ends at the line that reaches it.
        file: A file ends before the stream that follows a line that reaches it.
        longest: A file ends within a stream at the line that reaches it.
    """

    member: int = 256 * 1024
    file: int = 16 * 1024 * 1024
    longest: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class WrittenFile:
    """A file with its index, in memory."""

    content: bytes
    index: FileIndex
    events: int
    first_stream: StreamName
    last_stream: StreamName


def written_files(lines: Iterable[Line], *, limits: FileLimits) -> Iterator[WrittenFile]:
    """Yield the files of lines, which are in order of streams, then of sequences. No lines make no file."""
    writer = _Writer(limits)
    for line in lines:
        if writer.ends_before(line):
            yield writer.finish()
            writer = _Writer(limits)
        writer.add(line)
    if writer.size:
        yield writer.finish()


def decompressed(content: bytes) -> Iterator[bytes]:
    """Yield the lines of members that follow each other, with one member in memory at a time.

    Raises:
        ValueError: The content is cut off, or is none of gzip.
    """
    parts: list[bytes] = []
    decompressor = zlib.decompressobj(wbits=_GZIP)
    for start in range(0, len(content), _CHUNK):
        chunk = content[start : start + _CHUNK]
        while chunk:
            try:
                parts.append(decompressor.decompress(chunk))
            except zlib.error as error:
                raise ValueError(f"a file of the archive cannot be decompressed: {error}") from None
            chunk = decompressor.unused_data
            if decompressor.eof:
                lines = b"".join(parts).splitlines(keepends=True)
                parts, decompressor = [], zlib.decompressobj(wbits=_GZIP)
                yield from lines
    if parts:
        raise ValueError("a file of the archive ends within a member")


class _Writer:
    """Writes one file."""

    def __init__(self, limits: FileLimits) -> None:
        self._limits = limits
        self._content = bytearray()
        self._members: list[Member] = []
        self._lines: list[bytes] = []
        self._lines_size = 0
        self._streams: dict[StreamName, StreamPart] = {}
        self._stream: StreamName | None = None
        self._events = 0
        self.size = 0

    def ends_before(self, line: Line) -> bool:
        if self.size >= self._limits.file and line.stream != self._stream:
            return True
        return self.size >= self._limits.longest

    def add(self, line: Line) -> None:
        member = len(self._members)
        known = self._streams.get(line.stream)
        self._streams[line.stream] = (
            StreamPart(member, member, line.sequence, line.sequence, 1)
            if known is None
            else StreamPart(known.first_member, member, known.first, line.sequence, known.events + 1)
        )
        self._stream = line.stream
        self._lines.append(line.text)
        self._lines_size += len(line.text)
        self.size += len(line.text)
        self._events += 1
        if self._lines_size >= self._limits.member:
            self._end_member()

    def finish(self) -> WrittenFile:
        self._end_member()
        names = list(self._streams)
        index = FileIndex(self._members, self._streams)
        return WrittenFile(bytes(self._content), index, self._events, names[0], names[-1])

    def _end_member(self) -> None:
        if self._lines:
            compressed = gzip.compress(b"".join(self._lines), _LEVEL, mtime=0)
            self._members.append(Member(len(self._content), len(compressed)))
            self._content += compressed
            self._lines, self._lines_size = [], 0
