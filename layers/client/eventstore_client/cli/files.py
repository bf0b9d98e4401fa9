"""Reading files and pipes, with or without gzip, and noticing files that change while they are read."""

from __future__ import annotations

import gzip
import os
import stat
import tempfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfileobj
from typing import TYPE_CHECKING, BinaryIO, TextIO, cast

from eventstore_client.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "READ_ERRORS",
    "Version",
    "decompressed",
    "decompressed_name",
    "is_regular",
    "read_failure",
    "standard_input",
    "temporary_copy",
]

_GZIP = b"\x1f\x8b"
"""The first bytes of a gzip member (RFC 1952, 2.3.1), with which no JSON begins."""

_SUFFIX = ".gz"

READ_ERRORS = (OSError, EOFError, zlib.error)
"""The errors of reading. Truncated or corrupt gzip raises the last two."""


@dataclass(frozen=True, slots=True)
class Version:
    """The state of a file, which changes whenever its contents change."""

    device: int
    inode: int
    size: int
    changed_ns: int

    @classmethod
    def of(cls, file: BinaryIO) -> Version:
        """Return the version of an open file."""
        status = os.fstat(file.fileno())
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


def is_regular(path: Path) -> bool:
    """Whether a file can be read several times, and has a meaningful name.

    Pipes and file descriptors in /dev and /proc are not regular. A file that does not exist is: opening it reports the
    error.
    """
    if path.absolute().parts[1:2] in {("dev",), ("proc",)}:
        return False
    try:
        return stat.S_ISREG(path.stat().st_mode) or path.is_dir()
    except OSError:
        return True


def decompressed(file: BinaryIO) -> BinaryIO:
    """Return the contents from the start; gzip is decompressed while it is read."""
    is_gzip = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    return cast("BinaryIO", gzip.GzipFile(fileobj=file)) if is_gzip else file


def decompressed_name(path: Path) -> Path:
    """Return the path without the suffix `.gz`."""
    return path.with_suffix("") if path.suffix == _SUFFIX else path


@contextmanager
def temporary_copy(stream: BinaryIO, *, name: str) -> Iterator[Path]:
    """Copy a stream to a temporary file, which can be read several times.

    Args:
        stream: The stream, which is read to its end.
        name: The name of the stream in errors.

    Raises:
        BadInput: The stream cannot be read, or the file cannot be written.
    """
    with tempfile.NamedTemporaryFile(prefix="eventstore-") as file:
        try:
            copyfileobj(stream, file)
            file.flush()
        except OSError as error:
            raise BadInput([f"{name}: cannot copy to a temporary file: {error.strerror or error}"]) from error
        yield Path(file.name)


def standard_input(stream: TextIO | None) -> BinaryIO:
    """Return standard input as bytes, which are UTF-8 independently of the locale.

    Raises:
        BadInput: Standard input is closed.
    """
    if stream is None:
        raise BadInput(["standard input is closed"])
    return stream.buffer


def read_failure(error: Exception) -> str:
    """Return the description of an error of reading."""
    if isinstance(error, IsADirectoryError):
        return "is a directory; pass the files in it"
    if isinstance(error, gzip.BadGzipFile | EOFError | zlib.error):
        return f"cannot be read: its gzip data is corrupt or truncated ({error})"
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"
