"""The place of the archive: `ARCHIVE_URL`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from urllib.parse import unquote

from eventstore.errors import SettingsError

__all__ = ["ArchiveUrl"]

_S3 = re.compile(r"s3://(?P<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?P<prefix>(/[A-Za-z0-9._-]+)*)/?")
_FILE = re.compile(r"file:///(?P<path>[^?#\0]+)")
_RIGHT = "it is s3://bucket, s3://bucket/prefix, or file:///folder"


@dataclass(frozen=True, slots=True)
class ArchiveUrl:
    """Where the archive is kept: in a bucket of S3, or in a folder.

    Attributes:
        bucket: The bucket; empty for a folder.
        prefix: What keys in the bucket start with: empty, or with a slash at its end.
        folder: The folder, as an absolute path; empty for a bucket.
    """

    bucket: str = ""
    prefix: str = ""
    folder: str = ""

    @classmethod
    def parse(cls, url: str) -> ArchiveUrl:
        """Return the place that a URL names.

        Raises:
            SettingsError: It names none.
        """
        if url.startswith("s3://"):
            found = _S3.fullmatch(url)
            prefix = found["prefix"].strip("/") if found else ""
            if found is None or {".", ".."} & set(prefix.split("/")):
                raise SettingsError(
                    f"ARCHIVE_URL is {url[:200]!r}; {_RIGHT}. The name of a bucket has 3 to 63 lower-case letters, "
                    "digits, dots and hyphens; a prefix has letters, digits and . - _ between slashes"
                )
            return cls(found["bucket"], f"{prefix}/" if prefix else "")
        found = _FILE.fullmatch(url)
        folder = PurePosixPath("/", unquote(found["path"])) if found else PurePosixPath("/")
        if ".." in folder.parts or folder == PurePosixPath("/"):
            raise SettingsError(f"ARCHIVE_URL is {url[:200]!r}; {_RIGHT}, where the folder is an absolute path")
        return cls(folder=str(folder))
