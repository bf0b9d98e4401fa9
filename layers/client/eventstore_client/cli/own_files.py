"""Files that the command line writes: those that are replaced as a whole, so that no reader sees a part of one."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from eventstore_client.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["locked_folder", "passing_on", "replace_file", "replacing"]


@contextmanager
def locked_folder(path: Path) -> Iterator[None]:
    """Wait until no other program changes a file in this folder by `locked_folder`.

    Raises:
        BadInput: The folder cannot be used.
    """
    import fcntl  # noqa: PLC0415 - Windows does not have it, and reads these files

    try:
        folder = os.open(path, os.O_RDONLY)
    except OSError as error:
        raise BadInput([f"{path}: cannot be used: {error.strerror}"]) from error
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def replace_file(path: Path, text: str, *, mode: int | None = None) -> None:
    """Replace a file by a text; see `replacing`."""
    with replacing(path, mode=mode) as write:
        write(text.encode())


@contextmanager
def replacing(path: Path, *, mode: int | None = None) -> Iterator[Callable[[bytes], object]]:
    """Replace a file, which keeps its owner, by what is written until the end. A new one can be read by its owner only.

    If an exception is raised meanwhile, the file stays as it was.

    Args:
        path: The file.
        mode: Its mode; None keeps the one that it has.

    Raises:
        BadInput: The file cannot be written, or its owner cannot be kept. What is entered with it writes, and raises
            this, too.
    """
    # A link remains, and the file that it names is replaced.
    target = path.resolve()
    with _naming(path):
        before = target.stat() if target.exists() else None
        # The mode of a temporary file is 0600.
        file = NamedTemporaryFile(dir=target.parent, prefix=f".{path.name}-", delete=False)  # noqa: SIM115 - see below
    try:
        yield _naming(path)(file.write)
        with _naming(path):
            file.flush()
            os.fsync(file.fileno())
            if before is not None:
                _keep_owner(file.fileno(), before)
                os.fchmod(file.fileno(), stat.S_IMODE(before.st_mode) if mode is None else mode)
            file.close()
            Path(file.name).replace(target)
    except BaseException:
        Path(file.name).unlink(missing_ok=True)
        # Closing writes what is buffered, which fails again on a full disk.
        with suppress(OSError):
            file.close()
        raise


@contextmanager
def passing_on(path: Path) -> Iterator[Callable[[bytes], object]]:
    """Write to what cannot be replaced, such as a pipe or a device, as it comes.

    Raises:
        BadInput: It cannot be written. What is entered with it writes, and raises this, too.
    """
    with _naming(path):
        file = path.open("wb")
    try:
        yield _naming(path)(file.write)
        with _naming(path):
            file.close()
    except BaseException:
        with suppress(OSError):
            file.close()
        raise


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Name the file in the error, if it cannot be written."""
    try:
        yield
    except OSError as error:
        raise BadInput([f"{path}: cannot be written: {error.strerror or error}"]) from error


def _keep_owner(file: int, before: os.stat_result) -> None:
    if (before.st_uid, before.st_gid) != (os.getuid(), os.getgid()):
        os.fchown(file, before.st_uid, before.st_gid)
