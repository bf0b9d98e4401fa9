"""The port of the archive's objects: immutable contents under keys, and a few that are replaced under a condition."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NewType, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ListedObject",
    "ObjectChanged",
    "ObjectExists",
    "ObjectKey",
    "ObjectNotFound",
    "ObjectVersion",
    "Objects",
    "StoredObject",
]

ObjectKey = NewType("ObjectKey", str)
"""The key of an object: segments of letters, digits and `. _ -`, joined by `/`. None of them starts with a dot."""

ObjectVersion = NewType("ObjectVersion", str)
"""What names the content of an object, for a condition. Two contents of one key never have the same version."""


class ObjectExists(Exception):
    """The key has an object already. Nothing was changed."""


class ObjectChanged(Exception):
    """The object does not have the expected version, or does not exist. Nothing was changed."""


class ObjectNotFound(Exception):
    """The key has no object."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object that was read: its content, and the version of this content."""

    content: bytes
    version: ObjectVersion


@dataclass(frozen=True, slots=True)
class ListedObject:
    """An object in a listing.

    Attributes:
        key: Its key.
        size: The length of its content, in bytes.
        modified: When it was written, in milliseconds since 1970, by the clock of the storage.
    """

    key: ObjectKey
    size: int
    modified: int


class Objects(Protocol):
    """Objects under keys. A call sees every call that returned before it began. Threads and processes may share it.

    An object is written as a whole or not at all. Every method raises `ArchiveUnavailable` if the storage does not
    answer or refuses the hub, after some tries. A write that raised it may have been done, or may still be done; its
    condition holds at that time.
    """

    def put_new(self, key: ObjectKey, content: bytes) -> ObjectVersion:
        """Store an object under a key that has none, and return its version.

        Raises:
            ObjectExists: The key has an object. It may be that of this call, if an answer was lost.
        """

    def replace(self, key: ObjectKey, content: bytes, *, version: ObjectVersion) -> ObjectVersion:
        """Replace an object that has a version, and return the new one.

        Raises:
            ObjectChanged: It has another version, or does not exist. It may be that of this call, if an answer was
                lost.
        """

    def get(self, key: ObjectKey) -> StoredObject:
        """Return an object; raise `ObjectNotFound` if there is none."""

    def get_range(self, key: ObjectKey, *, first: int, length: int) -> bytes:
        """Return a part of an object: `length` bytes from the offset `first` on, or those that there are.

        Raises:
            ObjectNotFound: The key has no object.
        """

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """Yield the objects whose keys start with a prefix, in the order of their keys."""

    def delete(self, key: ObjectKey) -> None:
        """Remove an object; a key without one is passed over."""

    def close(self) -> None:
        """Close all connections. A later call opens others."""
