"""The objects of the archive that a deployment's settings name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.adapters.aws.environment import AwsEnvironment
    from eventstore.hub.archive_url import ArchiveUrl
    from eventstore.ports.objects import Objects

__all__ = ["objects_at"]

# ruff: noqa: PLC0415 - imports are local to each kind: a process imports the adapter of its own archive only


def objects_at(url: ArchiveUrl, *, aws: Callable[[], AwsEnvironment]) -> Objects:
    """Return the objects of an archive.

    Args:
        url: Where it is.
        aws: Returns where S3 is, and what calls are signed with.
    """
    if url.folder:
        from eventstore.adapters.files.objects import FileObjects

        return FileObjects(Path(url.folder))
    from eventstore.adapters.aws.calls import archive_calls
    from eventstore.adapters.aws.s3_objects import S3Objects

    return S3Objects(archive_calls(aws()), bucket=url.bucket, prefix=url.prefix)
