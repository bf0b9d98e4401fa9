"""The folder where the stack keeps its data: nobody else on the machine is to read it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

__all__ = ["FolderError", "private"]

_NAME = ".eventstore"
_OURS = frozenset({"kafka", "nats", "valkey"})
_OWNER_ALONE = 0o700


class FolderError(Exception):
    """The folder cannot be used; the message says what would be right."""

    @classmethod
    def unusable(cls, folder: Path, error: OSError) -> Self:
        """It cannot be made, or is somebody else's."""
        return cls(f"The data cannot be kept in {folder}: {error.strerror or error}. Choose another folder: FOLDER=…")


def private(folder: Path, *, servers: Collection[str]) -> None:
    """Makes the folder and what is in it the owner's alone, also where they are there already.

    A folder of another name that holds other things than the stack's is left as it is, and only the stack's own in it
    is closed.

    Args:
        folder: The folder.
        servers: The folders in it of the servers that are to be started: `kafka`, `nats`, `valkey`.

    Raises:
        FolderError: It cannot be made, or is somebody else's.
    """
    try:
        folder.mkdir(mode=_OWNER_ALONE, parents=True, exist_ok=True)
        found = {entry.name for entry in folder.iterdir()}
        if found <= _OURS or folder.name == _NAME:
            folder.chmod(_OWNER_ALONE)
        for name in servers:
            own = folder / name
            own.mkdir(mode=_OWNER_ALONE, exist_ok=True)
            own.chmod(_OWNER_ALONE)
    except OSError as error:
        raise FolderError.unusable(folder, error) from error
