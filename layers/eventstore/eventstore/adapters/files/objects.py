"""The archive's objects in a folder of this machine."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager, suppress
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING

from eventstore.errors import ArchiveUnavailable
from eventstore.ports.objects import (
    ListedObject,
    ObjectChanged,
    ObjectExists,
    ObjectKey,
    ObjectNotFound,
    ObjectVersion,
    StoredObject,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FileObjects"]

_WRITING = ".writing"
"""The folder of files that are being written. Those of a process that has died stay there; nothing reads them."""

_LOCK = ".lock"


class FileObjects:
    """See `ports.objects.Objects`. Objects are on the disk, and the folder of each as well, before a write returns.

    A lock of the folder makes a replacement one step among processes. It needs a file system with hard links.

    Args:
        folder: The folder; it is made at the first write.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_new(self, key: ObjectKey, content: bytes) -> ObjectVersion:
        """See `Objects.put_new`."""
        with self._answering(), self._written(key, content) as (written, path):
            try:
                # Unlike a renaming, a link never replaces a file.
                path.hardlink_to(written)
            except FileExistsError:
                raise ObjectExists(key) from None
            _sync(path.parent)
        return _version(content)

    def replace(self, key: ObjectKey, content: bytes, *, version: ObjectVersion) -> ObjectVersion:
        """See `Objects.replace`."""
        with self._answering(), self._written(key, content) as (written, path), self._locked():
            try:
                current = _version(path.read_bytes())
            except FileNotFoundError:
                raise ObjectChanged(key) from None
            if current != version:
                raise ObjectChanged(key)
            written.replace(path)
            _sync(path.parent)
        return _version(content)

    def get(self, key: ObjectKey) -> StoredObject:
        """See `Objects.get`."""
        with self._answering():
            try:
                content = self._path(key).read_bytes()
            except FileNotFoundError:
                raise ObjectNotFound(key) from None
        return StoredObject(content, _version(content))

    def get_range(self, key: ObjectKey, *, first: int, length: int) -> bytes:
        """See `Objects.get_range`."""
        with self._answering():
            try:
                with self._path(key).open("rb") as file:
                    file.seek(first)
                    return file.read(length)
            except FileNotFoundError:
                raise ObjectNotFound(key) from None

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """See `Objects.list`."""
        with self._answering():
            yield from sorted(self._found(prefix), key=lambda listed: listed.key)

    def delete(self, key: ObjectKey) -> None:
        """See `Objects.delete`."""
        with self._answering():
            self._path(key).unlink(missing_ok=True)

    def close(self) -> None:
        """See `Objects.close`."""

    def _found(self, prefix: str) -> Iterator[ListedObject]:
        # Only folders that can hold such keys are looked through.
        for folder, folders, names in os.walk(self._path(prefix.rpartition("/")[0]), onerror=_refuse):
            folders[:] = [name for name in folders if not name.startswith(".")]
            for name in names:
                path = Path(folder, name)
                key = ObjectKey(path.relative_to(self._folder).as_posix())
                if key.startswith(prefix) and not name.startswith("."):
                    # A file that was deleted meanwhile is not listed.
                    with suppress(FileNotFoundError):
                        stat = path.stat()
                        yield ListedObject(key, stat.st_size, stat.st_mtime_ns // 1_000_000)

    def _path(self, key: str) -> Path:
        return self._folder / key

    @contextmanager
    def _written(self, key: ObjectKey, content: bytes) -> Iterator[tuple[Path, Path]]:
        """Write a file that is not under its key yet; yield its path, and that of the key."""
        path = self._path(key)
        for folder in (path.parent, self._folder / _WRITING):
            _make(folder)
        written = self._folder / _WRITING / token_hex(16)
        try:
            with written.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            yield written, path
        finally:
            written.unlink(missing_ok=True)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with (self._folder / _LOCK).open("ab") as lock:
            # Closing the file unlocks it.
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _answering(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise ArchiveUnavailable(f"the archive in {self._folder} cannot be used: {error.strerror}") from error


def _version(content: bytes) -> ObjectVersion:
    return ObjectVersion(blake2b(content, digest_size=16).hexdigest())


def _make(folder: Path) -> None:
    """Make a folder, and those above it, and return once their names are on the disk."""
    if not folder.exists():
        _make(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync(folder.parent)


def _refuse(error: OSError) -> None:
    # A folder that was deleted meanwhile is not listed. One that cannot be read may have anything.
    if not isinstance(error, FileNotFoundError):
        raise error


def _sync(folder: Path) -> None:
    """Have the names of a folder's files on the disk."""
    opened = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
