"""The files of the console, read once: their media types, digests and compressed forms."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["INDEX", "File", "Site", "site"]

INDEX = "index.html"
"""The page, which names all other files by the digest of the site."""

_FOLDER = Path(__file__).parent / "static"
_MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_DIGEST = b"{digest}"
_DIGEST_LENGTH = 16


@dataclass(frozen=True, slots=True)
class File:
    """A file as it is sent.

    Attributes:
        content: The bytes.
        compressed: The same, compressed by gzip.
        media_type: The value of Content-Type.
        tag: A digest of the bytes, without quotes.
    """

    content: bytes
    compressed: bytes
    media_type: str
    tag: str


@dataclass(frozen=True, slots=True)
class Site:
    """All files.

    Attributes:
        digest: Changes with each file. It is a part of the URLs of files, which are cached for ever, so a cache never
            combines files of two versions. `eventstore.js`, which the files import, is none of them: it is cached for
            minutes, and may be that of the version before.
        files: The files by their paths.
    """

    digest: str
    files: Mapping[str, File]


@cache
def site() -> Site:
    """Return the files of the console."""
    contents = {
        path.relative_to(_FOLDER).as_posix(): path.read_bytes()
        for path in sorted(_FOLDER.rglob("*"))
        if path.suffix in _MEDIA_TYPES
    }
    whole = sha256()
    for name, content in contents.items():
        whole.update(name.encode() + b"\0" + sha256(content).digest())
    digest = whole.hexdigest()[:_DIGEST_LENGTH]
    contents[INDEX] = contents[INDEX].replace(_DIGEST, digest.encode())
    return Site(digest, {name: _file(name, content) for name, content in contents.items()})


def _file(name: str, content: bytes) -> File:
    # Without a time of modification, the compressed form is the same wherever it is made.
    return File(
        content, gzip.compress(content, mtime=0), _MEDIA_TYPES[Path(name).suffix], sha256(content).hexdigest()[:32]
    )
