"""The keys of the archive's objects, and positions as text."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from eventstore.ports.objects import ObjectKey
from eventstore.positions import Position

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eventstore.positions import Epoch

__all__ = ["file_key", "index_key", "manifest_key", "partition_prefix", "position_of", "position_text"]

_EVENTS = ".ndjson.gz"
_INDEX = ".index.json.gz"


def partition_prefix(partition: int) -> str:
    """Return what the keys of all objects of a partition start with."""
    return f"events/p{partition:02}/"


def manifest_key(partition: int) -> ObjectKey:
    """Return the key of the manifest of a partition."""
    return ObjectKey(f"{partition_prefix(partition)}manifest.json")


def file_key(
    partition: int, epoch: Epoch, *, after: Position, until: Position, generation: int, contents: Iterable[bytes]
) -> ObjectKey:
    """Return the key of a file of events. It names the content of the file and of its index, so neither is replaced.

    It depends on the generation as well: a file that was put under an older one and is in no manifest can be deleted,
    because nobody puts or lists its key any more (`collecting`).

    Args:
        partition: The partition.
        epoch: Its epoch.
        after: The position after which the range of its segment starts.
        until: The position up to which the range extends.
        generation: The generation of the manifest that will list the file.
        contents: The content of the file, and of its index.
    """
    digest = blake2b(digest_size=12, salt=generation.to_bytes(16, "big"))
    for content in contents:
        digest.update(content)
    span = f"{position_text(after)}-{position_text(until)}"
    return ObjectKey(f"{partition_prefix(partition)}{epoch}/{span}-{digest.hexdigest()}{_EVENTS}")


def index_key(key: ObjectKey) -> ObjectKey:
    """Return the key of the index of a file of events."""
    return ObjectKey(key.removesuffix(_EVENTS) + _INDEX)


def position_text(position: Position) -> str:
    """Return a position as text: its numbers, joined by dots."""
    return ".".join(map(str, position.numbers()))


def position_of(text: str) -> Position:
    """Return the position of a text; raise `ValueError` if it is none."""
    major, minor, index = map(int, text.split("."))
    return Position(major, minor, index)
