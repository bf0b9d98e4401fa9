"""Sealing segments: the next events of a partition's log, stored in the archive and listed by its manifest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.archive.files import FileLimits, written_files
from eventstore.archive.lines import Line, line_of
from eventstore.archive.manifests import ManifestChanged
from eventstore.archive.storing import NOTHING_MISSING, MissingEvents, SegmentRange, store_segment
from eventstore.read.gaps import received_apart

if TYPE_CHECKING:
    from eventstore.archive.manifest import ArchivedEpoch
    from eventstore.archive.manifests import LoadedManifest, Manifests
    from eventstore.ports import Clock, Log
    from eventstore.ports.objects import Objects
    from eventstore.positions import Epoch, Position

__all__ = ["SealLimits", "Sealed", "Sealer"]


@dataclass(frozen=True, slots=True)
class SealLimits:
    """When a segment is sealed.

    Attributes:
        age_ms: A segment is sealed once its oldest event is this old, in milliseconds.
        events: Or once this many events wait for it. It has at most as many.
        bytes: It ends at the event that reaches this many bytes, before compression.
        read_at_once: How many events are read at once.
        files: The sizes of files.
    """

    age_ms: int = 15 * 60 * 1000
    events: int = 10_000
    bytes: int = 4 * 1024 * 1024
    read_at_once: int = 1000
    files: FileLimits = field(default=FileLimits())


@dataclass(frozen=True, slots=True)
class Sealed:
    """What was archived of a partition.

    Attributes:
        segments: How many segments were sealed.
        events: How many events they have.
        loaded: The manifest afterwards.
    """

    segments: int
    events: int
    loaded: LoadedManifest


@dataclass(frozen=True, slots=True)
class _Batch:
    """Events that follow each other in a partition's log.

    Attributes:
        lines: Their lines, in the order of the log.
        until: The position up to which the log was read.
        time: When the last of them was stored.
        is_full: Whether they make a segment, however young they are.
        oldest: When the first of them was stored.
        removed_until: As of `Tail`.
    """

    lines: list[Line]
    until: Position
    time: int
    is_full: bool
    oldest: int
    removed_until: Position


class Sealer:
    """Seals segments of partitions. Any number may do so at once: each segment is listed once.

    Args:
        log: The log.
        objects: The objects of the archive.
        manifests: The manifests of the archive.
        clock: The clock.
        limits: When a segment is sealed.
    """

    def __init__(
        self, log: Log, objects: Objects, manifests: Manifests, *, clock: Clock, limits: SealLimits | None = None
    ) -> None:
        self._log = log
        self._objects = objects
        self._manifests = manifests
        self._clock = clock
        self._limits = limits or SealLimits()

    def seal(self, partition: int, *, until: int) -> Sealed:
        """Seal the segments that are due, and stop once the time `until` has come (in milliseconds since 1970).

        Raises:
            ArchiveMismatch: The archive is one of another store.
            ArchiveUnavailable: The storage does not answer. What is listed stays; the next call continues.
            StoreUnavailable: The store does not answer.
        """
        loaded = self._manifests.load(partition)
        segments = events = 0
        while self._clock.now() < until:
            try:
                sealed = self._seal_next(loaded)
            except ManifestChanged:
                # Another archiver was faster. What it has listed is not stored again.
                loaded = self._manifests.load(partition)
                continue
            if sealed is None:
                break
            segments, events = segments + 1, events + sealed[1]
            loaded = sealed[0]
        return Sealed(segments, events, loaded)

    def _seal_next(self, loaded: LoadedManifest) -> tuple[LoadedManifest, int] | None:
        """Seal one segment; return the manifest and the number of events, or None if no segment is due."""
        manifest = loaded.manifest
        partition = manifest.partition
        archived = manifest.current(self._log.ends([partition])[partition].epoch)
        if not self._has_due_events(partition, archived.until):
            return None
        batch = self._read(partition, archived)
        if batch is None or not (batch.is_full or self._is_due(batch.oldest)):
            return None
        missing = self._missing(partition, archived.epoch, archived.until, batch)
        span = SegmentRange(archived.epoch, archived.until, batch.until, batch.time)
        files = written_files(sorted(batch.lines), limits=self._limits.files)
        segment = store_segment(self._objects, files, span, missing, manifest=manifest)
        changed = manifest.with_segment(archived.epoch, segment)
        if loaded.version is None:
            changed = changed.changed(maintained=self._clock.now())
        return self._manifests.save(changed, over=loaded), segment.events

    def _has_due_events(self, partition: int, after: Position) -> bool:
        lag = self._log.lag({partition: after}, most=self._limits.events)[partition]
        return lag.oldest is not None and (lag.events >= self._limits.events or self._is_due(lag.oldest))

    def _is_due(self, oldest: int) -> bool:
        return self._clock.now() - oldest >= self._limits.age_ms

    def _read(self, partition: int, archived: ArchivedEpoch) -> _Batch | None:
        """Return the events of the next segment; None if there are none, or if the partition was reset meanwhile."""
        lines: list[Line] = []
        size = oldest = time = 0
        position = archived.until
        while True:
            tail = self._log.tail({partition: position}, count=self._limits.read_at_once)[partition]
            if tail.epoch != archived.epoch:
                return None
            for place, event in tail.events:
                lines.append(line_of(place, event))
                oldest, time = oldest or event.time, event.time
                size += len(lines[-1].text)
                if size >= self._limits.bytes or len(lines) == self._limits.events:
                    return _Batch(lines, place, time, is_full=True, oldest=oldest, removed_until=tail.removed_until)
            position = tail.position
            if tail.at_end:
                break
        if not lines:
            return None
        return _Batch(lines, tail.position, time, is_full=False, oldest=oldest, removed_until=tail.removed_until)

    def _missing(self, partition: int, epoch: Epoch, after: Position, batch: _Batch) -> MissingEvents:
        """Return what was removed from the range of a batch before it was read."""
        if batch.removed_until <= after:
            return NOTHING_MISSING
        missing = self._log.missing({partition: after}, until={partition: batch.until})[partition]
        if missing.epoch != epoch:
            # The partition was reset meanwhile, and has forgotten what was removed before.
            return MissingEvents(complete=False)
        archived = [(line.stream, line.sequence) for line in batch.lines]
        return MissingEvents(received_apart(missing.ranges, archived), missing.complete, missing.gone)
