"""Storing the files of a segment: each with its index, before any manifest lists them."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from eventstore.archive.layout import file_key, index_key
from eventstore.archive.manifest import Manifest, Segment, SegmentFile
from eventstore.ports.objects import ObjectExists

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eventstore.archive.files import WrittenFile
    from eventstore.cloudevents.event import StreamName
    from eventstore.ports.objects import Objects
    from eventstore.positions import Epoch, Position
    from eventstore.read.gaps import Range

__all__ = ["NOTHING_MISSING", "MissingEvents", "SegmentRange", "store_segment"]


class MissingEvents(NamedTuple):
    """What was removed from a range of the log before it was archived; see `index.FileIndex`."""

    ranges: Sequence[Range] = ()
    complete: bool = True
    gone: Sequence[StreamName] = ()

    def of_streams(self, *, after: StreamName | None, until: StreamName | None) -> MissingEvents:
        """Return the part of streams after a name, up to another one. None is no limit."""

        def is_within(stream: StreamName) -> bool:
            return (after is None or after < stream) and (until is None or stream <= until)

        return MissingEvents(
            [lost for lost in self.ranges if is_within(lost[0])],
            self.complete,
            [stream for stream in self.gone if is_within(stream)],
        )


NOTHING_MISSING = MissingEvents()


class SegmentRange(NamedTuple):
    """The range of a segment in the log of a partition; see `manifest.Segment`."""

    epoch: Epoch
    after: Position
    until: Position
    time: int


def store_segment(
    objects: Objects, files: Iterable[WrittenFile], span: SegmentRange, missing: MissingEvents, *, manifest: Manifest
) -> Segment:
    """Store the files of a segment, which is valid for this manifest and those of the same generation.

    Args:
        objects: The objects of the archive.
        files: The files, in the order of their streams; at least one.
        span: The range of the log.
        missing: What is missing in the range.
        manifest: The manifest that will list the segment.
    """
    stored: list[SegmentFile] = []
    written: WrittenFile | None = None
    # One file late, for the last one has what is missing of all streams behind it.
    for following in files:
        if written is not None:
            stored.append(_store(objects, written, span, _part(missing, stored, written), manifest=manifest))
        written = following
    if written is None:
        raise ValueError("a segment without events")
    stored.append(_store(objects, written, span, _part(missing, stored, None), manifest=manifest))
    events_missing = sum(last - first + 1 for _, first, last in missing.ranges)
    return Segment(span.after, span.until, span.time, events_missing, missing.complete, tuple(stored))


def _part(missing: MissingEvents, before: Sequence[SegmentFile], written: WrittenFile | None) -> MissingEvents:
    return missing.of_streams(
        after=before[-1].last_stream if before else None, until=None if written is None else written.last_stream
    )


def _store(
    objects: Objects, written: WrittenFile, span: SegmentRange, missing: MissingEvents, *, manifest: Manifest
) -> SegmentFile:
    with_missing = replace(written.index, missing=missing.ranges, complete=missing.complete, gone=missing.gone)
    contents = written.content, with_missing.encoded()
    key = file_key(
        manifest.partition,
        span.epoch,
        after=span.after,
        until=span.until,
        generation=manifest.generation,
        contents=contents,
    )
    for object_key, content in zip((key, index_key(key)), contents, strict=True):
        # Another archiver, or an earlier try, has stored the same.
        with suppress(ObjectExists):
            objects.put_new(object_key, content)
    return SegmentFile(key, len(written.content), written.events, written.first_stream, written.last_stream)
