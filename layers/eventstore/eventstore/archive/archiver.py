"""The use case that archives the store: it seals segments, and once a day merges them and deletes what is left over."""

from __future__ import annotations

import logging
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from eventstore.archive.collecting import Collector
from eventstore.archive.manifests import ManifestChanged, Manifests
from eventstore.archive.merging import MergeLimits, Merger
from eventstore.archive.sealing import Sealer, SealLimits
from eventstore.errors import IndexDiverged
from eventstore.positions import end_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.archive.manifests import LoadedManifest
    from eventstore.ports import Clock, Log
    from eventstore.ports.hot_window import HotWindow
    from eventstore.ports.objects import Objects

__all__ = ["Archived", "Archiver", "ArchiverLimits"]

_LOGGER = logging.getLogger(__name__)
_DAY_MS = 24 * 60 * 60 * 1000


@dataclass(frozen=True, slots=True)
class ArchiverLimits:
    """How the store is archived.

    Attributes:
        seal: When a segment is sealed.
        merge: What is merged.
        maintained_ms: How often segments are merged and files deleted, in milliseconds.
        hot_ms: How long events stay in memory at least, in milliseconds.
    """

    seal: SealLimits = field(default=SealLimits())
    merge: MergeLimits = field(default=MergeLimits())
    maintained_ms: int = _DAY_MS
    hot_ms: int = _DAY_MS


@dataclass(frozen=True, slots=True)
class Archived:
    """The result of a run.

    Attributes:
        segments: How many segments were sealed.
        events: How many events they have.
        merged: How many segments became parts of others.
        deleted: How many objects were deleted that no manifest lists.
        cooled: The bodies of how many events left memory.
        diverged: Partitions whose indexes do not follow their journals, of which nothing was archived.
        until: Per partition that the run came to, the time of the newest archived event, in milliseconds since 1970;
            None if nothing is archived yet.
    """

    segments: int
    events: int
    merged: int
    deleted: int
    cooled: int
    diverged: int
    until: Mapping[int, int | None]


class Archiver:
    """Archives all partitions. Any number may run at once, and each may die anywhere: every manifest stays true.

    Args:
        log: The log.
        objects: The objects of the archive.
        clock: The clock.
        window: Lets events leave memory; None if all stay.
        limits: How the store is archived.
    """

    def __init__(
        self,
        log: Log,
        objects: Objects,
        *,
        clock: Clock,
        window: HotWindow | None = None,
        limits: ArchiverLimits | None = None,
    ) -> None:
        self._window = window
        self._log = log
        self._objects = objects
        self._clock = clock
        self._limits = limits or ArchiverLimits()

    def run(self, *, until: int) -> Archived:
        """Archive what is due, and stop once the time `until` has come (in milliseconds since 1970).

        A segment that is begun then is still completed. The next run continues.

        Raises:
            ArchiveMismatch: The archive is one of another store.
            ArchiveUnavailable: The storage does not answer.
            StoreUnavailable: The store does not answer.
        """
        manifests = Manifests(self._objects, partitions=self._log.partitions)
        sealer = Sealer(self._log, self._objects, manifests, clock=self._clock, limits=self._limits.seal)
        segments = events = merged = deleted = cooled = diverged = 0
        reached: dict[int, LoadedManifest] = {}
        # In another order each time, so that no partition is always the one for which the time does not suffice.
        partitions = random.sample(range(self._log.partitions), self._log.partitions)
        for partition in partitions:
            if self._clock.now() >= until:
                break
            try:
                sealed = sealer.seal(partition, until=until)
            except IndexDiverged as error:
                _LOGGER.error("%s: %s", error.code, error.detail)  # noqa: TRY400 - the detail says it all
                diverged += 1
                continue
            segments, events = segments + sealed.segments, events + sealed.events
            reached[partition] = sealed.loaded
            cooled += self._cool(sealed.loaded, until)
        for loaded in reached.values():
            if self._clock.now() >= until:
                break
            parts, objects = self._maintain(manifests, loaded, until)
            merged, deleted = merged + parts, deleted + objects
        times = {partition: _time(loaded) for partition, loaded in sorted(reached.items())}
        return Archived(segments, events, merged, deleted, cooled, diverged, times)

    def _cool(self, loaded: LoadedManifest, until: int) -> int:
        """Let events leave memory that are archived and old enough; return how many did."""
        manifest = loaded.manifest
        if self._window is None or loaded.version is None or not manifest.epochs:
            return 0
        archived = manifest.epochs[-1]
        if self._log.ends([manifest.partition])[manifest.partition].epoch != archived.epoch:
            # Of an epoch that has begun since, nothing is archived yet.
            return 0
        place = min(archived.until, end_of(self._clock.now() - self._limits.hot_ms))
        return self._window.cool(manifest.partition, until=place, may_go_on=lambda: self._clock.now() < until)

    def _maintain(self, manifests: Manifests, loaded: LoadedManifest, until: int) -> tuple[int, int]:
        """Merge and delete once in a while; return how many segments were merged, and how many objects deleted."""
        now, manifest = self._clock.now(), loaded.manifest
        if loaded.version is None or now - manifest.maintained < self._limits.maintained_ms:
            return 0, 0
        loaded, deleted = Collector(self._objects, manifests, clock=self._clock).collect(manifest.partition)
        # Before the merge, whatever becomes of it: what it replaces is collected a day later, so that queries and
        # readers that began before have time to end.
        try:
            loaded = manifests.save(loaded.manifest.changed(maintained=now), over=loaded)
        except ManifestChanged:
            _LOGGER.debug("partition %d: another archiver has changed the manifest", manifest.partition)
            return 0, deleted
        merger = Merger(self._objects, manifests, clock=self._clock, limits=self._limits.merge)
        _, merged = merger.merge(loaded, until=until)
        return merged, deleted


def _time(loaded: LoadedManifest) -> int | None:
    return loaded.manifest.epochs[-1].time if loaded.manifest.epochs else None
