"""Merging segments, so that an old stream is in few files: the k-way merge of files that are in the same order.

A merge leaves at most two segments in an epoch beside those that are full. A segment is rewritten only with others that
are a quarter of its size together, or more: so an event is rewritten a number of times that grows with the logarithm of
the size of the archive.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import merge
from typing import TYPE_CHECKING

from eventstore.archive.files import FileLimits, decompressed, written_files
from eventstore.archive.index import FileIndex
from eventstore.archive.layout import index_key
from eventstore.archive.lines import parse_line
from eventstore.archive.manifests import ManifestChanged
from eventstore.archive.storing import MissingEvents, SegmentRange, store_segment
from eventstore.errors import ArchiveUnavailable
from eventstore.ports.objects import ObjectNotFound
from eventstore.read.gaps import merge_ranges

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventstore.archive.lines import Line
    from eventstore.archive.manifest import ArchivedEpoch, Segment
    from eventstore.archive.manifests import LoadedManifest, Manifests
    from eventstore.ports import Clock
    from eventstore.ports.objects import Objects
    from eventstore.positions import Epoch
    from eventstore.read.gaps import Range
    from eventstore.streams import StreamName

__all__ = ["MergeLimits", "Merger", "segments_to_merge"]

_WORTH_REWRITING = 4
"""A segment is merged with later ones that are together this part of its size, or more."""


@dataclass(frozen=True, slots=True)
class MergeLimits:
    """What is merged.

    Attributes:
        full: A segment of this many bytes, compressed, is not merged any more.
        most: The maximum number of ranges of missing events that a merged segment keeps.
        files: The sizes of files.
    """

    full: int = 192 * 1024 * 1024
    most: int = 10_000
    files: FileLimits = field(default=FileLimits())


def segments_to_merge(segments: Sequence[Segment], *, full: int) -> Sequence[Segment]:
    """Return the segments of an epoch that are merged next, which follow each other; none if that is not worth it."""
    first = next((number for number in range(len(segments), 0, -1) if segments[number - 1].bytes >= full), 0)
    later = segments[first:]
    if not later:
        return ()
    is_worth = sum(segment.bytes for segment in later[1:]) * _WORTH_REWRITING >= later[0].bytes
    chosen = later if is_worth else later[1:]
    bounded = _up_to(chosen, full)
    return bounded if len(bounded) > 1 else ()


def _up_to(segments: Sequence[Segment], size: int) -> Sequence[Segment]:
    """Return the first segments, up to the one that reaches a size."""
    total = 0
    for count, segment in enumerate(segments, start=1):
        total += segment.bytes
        if total >= size:
            return segments[:count]
    return segments


class Merger:
    """Merges segments of partitions. Any number may do so at once, beside those that seal segments.

    Args:
        objects: The objects of the archive.
        manifests: The manifests of the archive.
        clock: The clock.
        limits: What is merged.
    """

    def __init__(
        self, objects: Objects, manifests: Manifests, *, clock: Clock, limits: MergeLimits | None = None
    ) -> None:
        self._objects = objects
        self._manifests = manifests
        self._clock = clock
        self._limits = limits or MergeLimits()

    def merge(self, loaded: LoadedManifest, *, until: int) -> tuple[LoadedManifest, int]:
        """Merge the segments of a partition, and begin no merge once the time `until` has come.

        Returns:
            The manifest afterwards, and how many segments became parts of others.

        Raises:
            ArchiveUnavailable: The storage does not answer.
        """
        merged = 0
        number = 0
        while number < len(loaded.manifest.epochs) and self._clock.now() < until:
            archived = loaded.manifest.epochs[number]
            chosen = segments_to_merge(archived.segments, full=self._limits.full)
            if not chosen:
                number += 1
                continue
            changed = self._merge(loaded, archived, chosen)
            if changed is None:
                break
            loaded, merged = changed, merged + len(chosen)
        return loaded, merged

    def _merge(
        self, loaded: LoadedManifest, archived: ArchivedEpoch, segments: Sequence[Segment]
    ) -> LoadedManifest | None:
        """Store the merged segment, and list it; return None if others have changed these segments meanwhile."""
        try:
            merged = self._stored(loaded, archived.epoch, segments)
        except ObjectNotFound as error:
            # Others have merged the segments, and deleted their files.
            if segments[0] in self._listed(loaded.manifest.partition, archived.epoch):
                raise ArchiveUnavailable(f"the archive has lost the object {error}, which a manifest lists") from error
            return None
        return self._list(loaded, archived.epoch, merged)

    def _listed(self, partition: int, epoch: Epoch) -> Sequence[Segment]:
        epochs = self._manifests.load(partition).manifest.epochs
        return next((archived.segments for archived in epochs if archived.epoch == epoch), ())

    def _stored(self, loaded: LoadedManifest, epoch: Epoch, segments: Sequence[Segment]) -> Segment:
        span = SegmentRange(epoch, segments[0].after, segments[-1].until, segments[-1].time)
        lines = merge(*(self._lines(segment) for segment in segments))
        files = written_files(lines, limits=self._limits.files)
        missing = self._missing(segments)
        return store_segment(self._objects, files, span, missing, manifest=loaded.manifest)

    def _list(self, loaded: LoadedManifest, epoch: Epoch, merged: Segment) -> LoadedManifest | None:
        generation = loaded.manifest.generation
        while True:
            changed = loaded.manifest.with_merged(epoch, merged)
            # Of another generation, what was stored may be deleted.
            if changed is None or changed.generation != generation:
                return None
            try:
                return self._manifests.save(changed, over=loaded)
            except ManifestChanged:
                # Mostly a segment was added: what is merged need not be merged again.
                loaded = self._manifests.load(loaded.manifest.partition)

    def _lines(self, segment: Segment) -> Iterator[Line]:
        for file in segment.files:
            yield from map(parse_line, decompressed(self._objects.get(file.key).content))

    def _missing(self, segments: Sequence[Segment]) -> MissingEvents:
        missing: list[Range] = []
        gone: set[StreamName] = set()
        complete = True
        # One index in memory at a time: that of many streams is large.
        for file in (file for segment in segments for file in segment.files):
            index = FileIndex.parse(self._objects.get(index_key(file.key)).content)
            missing += index.missing
            complete &= index.complete
            gone.update(index.gone)
        ranges = merge_ranges(missing)
        most = self._limits.most
        return MissingEvents(ranges[:most], complete and len(ranges) <= most, sorted(gone))
