"""Reading a stream from the archive alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.archive.files import decompressed
from eventstore.archive.index import FileIndex
from eventstore.archive.layout import index_key
from eventstore.archive.lines import recorded_of
from eventstore.archive.manifests import Manifests
from eventstore.errors import ArchiveUnavailable
from eventstore.ports.objects import ObjectNotFound
from eventstore.streams import partition_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventstore.archive.manifest import ArchivedEpoch, SegmentFile
    from eventstore.cloudevents.event import RecordedEvent, StreamName
    from eventstore.ports.objects import Objects
    from eventstore.positions import Epoch, Position

__all__ = ["ArchiveReader"]

_READ_WHOLE = 1024 * 1024
"""A file of at most so many bytes is read without its index: one request, in place of two."""

_ATTEMPTS = 3


class ArchiveReader:
    """Reads streams from the archive.

    A read takes one manifest, and of each file that may have the stream at most its index and one range.

    Args:
        objects: The objects of the archive.
        partitions: How many partitions the store has.
    """

    def __init__(self, objects: Objects, *, partitions: int) -> None:
        self._objects = objects
        self._partitions = partitions
        self._manifests = Manifests(objects, partitions=partitions)

    def read(
        self, stream: StreamName, *, start: int = 1, stop: int | None = None, epoch: Epoch | None = None
    ) -> Sequence[tuple[Position, RecordedEvent]]:
        """Return the archived events of a stream with their positions in the log, in order.

        Args:
            stream: The name of the stream.
            start: The lowest sequence.
            stop: The highest sequence; None for the end of what is archived.
            epoch: The epoch of the partition; None for the newest one that is archived.

        Raises:
            ArchiveMismatch: The archive is one of another store.
            ArchiveUnavailable: The storage does not answer.
        """
        for _ in range(_ATTEMPTS):
            archived = self._archived(stream, epoch)
            try:
                events = [] if archived is None else list(self._events(archived, stream))
            except ObjectNotFound:
                # The segment was merged, and the file deleted, after the manifest was read.
                continue
            return [
                (position, event)
                for position, event in events
                if event.sequence >= start and (stop is None or event.sequence <= stop)
            ]
        raise ArchiveUnavailable(f"a file that the manifest of stream {stream!r} lists does not exist")

    def _archived(self, stream: StreamName, epoch: Epoch | None) -> ArchivedEpoch | None:
        epochs = self._manifests.load(partition_of(stream, self._partitions)).manifest.epochs
        if epoch is None:
            return epochs[-1] if epochs else None
        return next((archived for archived in epochs if archived.epoch == epoch), None)

    def _events(self, archived: ArchivedEpoch, stream: StreamName) -> Iterator[tuple[Position, RecordedEvent]]:
        mark = f',"hubstream":"{stream}","hubsequence":'.encode()
        for segment in archived.segments:
            for file in segment.files:
                if file.may_have(stream):
                    for line in decompressed(self._part(file, stream)):
                        # Data may have the mark as well, so it only saves parsing.
                        if mark in line and (found := recorded_of(line))[1].stream == stream:
                            yield found

    def _part(self, file: SegmentFile, stream: StreamName) -> bytes:
        """Return the members of a file that have all of its events of a stream."""
        if file.bytes <= _READ_WHOLE:
            return self._objects.get(file.key).content
        span = FileIndex.parse(self._objects.get(index_key(file.key)).content).span(stream)
        if span is None:
            return b""
        return self._objects.get_range(file.key, first=span.offset, length=span.length)
