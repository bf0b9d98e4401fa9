"""Deleting files that no manifest lists: of archivers that died, and of segments that were merged.

An archiver that is still running may be about to list a file that it has stored. So, before any file is deleted, the
manifest gets a new generation. Whoever made a change from the manifest before cannot store it any more, and files that
are stored from then on have other keys. So the keys that were listed in the storage before, and not by the manifest
that was changed, are never listed by any later one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.archive.layout import index_key, manifest_key, partition_prefix
from eventstore.archive.manifests import ManifestChanged

if TYPE_CHECKING:
    from eventstore.archive.manifests import LoadedManifest, Manifests
    from eventstore.ports import Clock
    from eventstore.ports.objects import Objects

__all__ = ["Collector"]

_KEPT_MS = 60 * 60 * 1000
"""How long a file without a manifest is kept, so that a collection mostly disturbs no archiver, and no reader."""


class Collector:
    """Deletes files that no manifest lists. Any number may do so at once, beside those that seal and merge segments.

    Args:
        objects: The objects of the archive.
        manifests: The manifests of the archive.
        clock: The clock.
    """

    def __init__(self, objects: Objects, manifests: Manifests, *, clock: Clock) -> None:
        self._objects = objects
        self._manifests = manifests
        self._clock = clock

    def collect(self, partition: int) -> tuple[LoadedManifest, int]:
        """Delete the files of a partition that its manifest does not list.

        Returns:
            The manifest afterwards, and how many objects were deleted.

        Raises:
            ArchiveUnavailable: The storage does not answer. The next call continues.
        """
        # Listed before the manifest is loaded: a file that is listed there meanwhile is found in it.
        before = self._clock.now() - _KEPT_MS
        found = [listed.key for listed in self._objects.list(partition_prefix(partition)) if listed.modified <= before]
        loaded = self._manifests.load(partition)
        kept = {manifest_key(partition)}
        for key in loaded.manifest.file_keys():
            kept |= {key, index_key(key)}
        orphans = [key for key in found if key not in kept]
        if not orphans or loaded.version is None:
            return loaded, 0
        try:
            changed = loaded.manifest.changed(generation=loaded.manifest.generation + 1)
            loaded = self._manifests.save(changed, over=loaded)
        except ManifestChanged:
            # An archiver is at work; the next collection tries again.
            return self._manifests.load(partition), 0
        for key in orphans:
            self._objects.delete(key)
        return loaded, len(orphans)
