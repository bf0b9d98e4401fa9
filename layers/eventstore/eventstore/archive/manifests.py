"""Reading and changing the manifests of partitions. A change is written only over what it was made from."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.archive.layout import manifest_key
from eventstore.archive.manifest import Manifest
from eventstore.errors import ArchiveMismatch
from eventstore.ports.objects import ObjectChanged, ObjectExists, ObjectNotFound

if TYPE_CHECKING:
    from eventstore.ports.objects import Objects, ObjectVersion

__all__ = ["LoadedManifest", "ManifestChanged", "Manifests"]


class ManifestChanged(Exception):
    """Somebody else has changed the manifest meanwhile. Nothing was written: load it again, and decide anew."""


@dataclass(frozen=True, slots=True)
class LoadedManifest:
    """A manifest, with the version of its object; None if it is not stored yet."""

    manifest: Manifest
    version: ObjectVersion | None


_GENERATION_BITS = 48
"""As many as JSON numbers hold exactly, with room to count on."""


class Manifests:
    """The manifests of one archive.

    Args:
        objects: The objects of the archive.
        partitions: How many partitions the store has.
    """

    def __init__(self, objects: Objects, *, partitions: int) -> None:
        self._objects = objects
        self._partitions = partitions

    def load(self, partition: int) -> LoadedManifest:
        """Return the manifest of a partition; an empty one if nothing is archived yet.

        Raises:
            ArchiveMismatch: It is not one of this store, or has a format that this version does not support.
        """
        try:
            stored = self._objects.get(manifest_key(partition))
        except ObjectNotFound:
            # The keys of files depend on it: none is that of a file which somebody is about to delete, where an archive
            # that was deleted begins again.
            generation = secrets.randbits(_GENERATION_BITS)
            return LoadedManifest(Manifest(partition, self._partitions, generation=generation), None)
        manifest = Manifest.parse(stored.content)
        if manifest.partitions != self._partitions:
            raise ArchiveMismatch(
                f"the archive is one of a store with {manifest.partitions} partitions, and this store has "
                f"{self._partitions}; give each store an ARCHIVE_URL of its own"
            )
        return LoadedManifest(manifest, stored.version)

    def save(self, manifest: Manifest, *, over: LoadedManifest) -> LoadedManifest:
        """Store a manifest that was made from a loaded one, and return it as loaded.

        Raises:
            ManifestChanged: The stored manifest is not the one that was loaded.
        """
        key, content = manifest_key(manifest.partition), manifest.encoded()
        try:
            if over.version is None:
                return LoadedManifest(manifest, self._objects.put_new(key, content))
            return LoadedManifest(manifest, self._objects.replace(key, content, version=over.version))
        except (ObjectExists, ObjectChanged):
            raise ManifestChanged(str(key)) from None
