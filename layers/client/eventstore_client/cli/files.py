"""Files as they come: regular or not, packed by gzip or not, at rest or still being written."""

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

__all__ = ["READ_ERRORS", "Version", "is_regular", "kept", "reason", "standard_input", "unpacked", "unpacked_name"]

_GZIP = b"\x1f\x8b"
"""How a gzip member begins (RFC 1952, 2.3.1); no JSON does."""

_PACKED = ".gz"

READ_ERRORS = (OSError, EOFError, zlib.error)
"""What reading raises; gzip that is cut or damaged raises the latter two."""


@dataclass(frozen=True, slots=True)
class Version:
    """Which contents a file has: another version has other contents."""

    device: int
    inode: int
    size: int
    changed_ns: int

    @classmethod
    def of(cls, file: BinaryIO) -> Version:
        """The version of an open file."""
        found = os.fstat(file.fileno())
        return cls(found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns)


def is_regular(path: Path) -> bool:
    """Whether a file may be read any number of times, and its name means something.

    A pipe may not, nor what a process calls by the number of its descriptor. What is not there counts as regular: it
    is named when it is opened.
    """
    if path.absolute().parts[1:2] in {("dev",), ("proc",)}:
        return False
    try:
        return stat.S_ISREG(path.stat().st_mode) or path.is_dir()
    except OSError:
        return True


def unpacked(file: BinaryIO) -> BinaryIO:
    """The contents from the start; what gzip packed is unpacked as it is read."""
    packed = file.read(len(_GZIP)) == _GZIP
    file.seek(0)
    return cast("BinaryIO", gzip.GzipFile(fileobj=file)) if packed else file


def unpacked_name(path: Path) -> Path:
    """What a file is called without the mark of its packing."""
    return path.with_suffix("") if path.suffix == _PACKED else path


@contextmanager
def kept(stream: BinaryIO, *, name: str) -> Iterator[Path]:
    """A temporary file with what comes in on a stream, so that it can be read again.

    Raises:
        BadInput: It cannot be read, or there is no room to keep it.
    """
    with tempfile.NamedTemporaryFile(prefix="eventstore-") as file:
        try:
            copyfileobj(stream, file)
            file.flush()
        except OSError as error:
            raise BadInput([f"{name}: cannot be read into a temporary file: {error.strerror or error}"]) from error
        yield Path(file.name)


def standard_input(stream: TextIO | None) -> BinaryIO:
    """Standard input as bytes: they are UTF-8, whatever the locale says.

    Raises:
        BadInput: It is closed.
    """
    if stream is None:
        raise BadInput(["standard input is closed: there is nothing to read"])
    return stream.buffer


def reason(error: Exception) -> str:
    """Why a file cannot be read."""
    if isinstance(error, IsADirectoryError):
        return "is a directory; name the files in it"
    if isinstance(error, gzip.BadGzipFile | EOFError | zlib.error):
        return f"cannot be read: its gzip is damaged or cut short ({error})"
    return f"cannot be read: {getattr(error, 'strerror', None) or error}"
