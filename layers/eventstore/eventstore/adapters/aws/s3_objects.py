"""The archive's objects in Amazon S3, with its conditional writes.

Rules: Amazon S3 User Guide, "Conditional requests"; API Reference, `PutObject`, `GetObject`, `ListObjectsV2`.
"""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import quote
from xml.etree import ElementTree as ET

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

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

    from eventstore.adapters.aws.service_calls import Answer, ServiceCalls

__all__ = ["S3Objects"]

_NO_KEY = "NoSuchKey"
_WRITES_AT_ONCE = 3
"""How often a write is tried while others write the same key: S3 answers 409, and has written nothing."""


class S3Objects:
    """See `ports.objects.Objects`. The version of an object is its ETag.

    A bucket goes by a path, which any name of a bucket allows.

    Args:
        calls: Calls S3.
        bucket: The name of the bucket.
        prefix: What keys in the bucket start with: empty, or with a slash at its end.
    """

    def __init__(self, calls: ServiceCalls, *, bucket: str, prefix: str) -> None:
        self._calls = calls
        self._bucket = bucket
        self._prefix = prefix

    def put_new(self, key: ObjectKey, content: bytes) -> ObjectVersion:
        """See `Objects.put_new`."""
        version = self._put(key, content, condition=("if-none-match", "*"))
        if version is None:
            raise ObjectExists(key)
        return version

    def replace(self, key: ObjectKey, content: bytes, *, version: ObjectVersion) -> ObjectVersion:
        """See `Objects.replace`."""
        try:
            written = self._put(key, content, condition=("if-match", version))
        except ObjectNotFound:
            raise ObjectChanged(key) from None
        if written is None:
            raise ObjectChanged(key)
        return written

    def get(self, key: ObjectKey) -> StoredObject:
        """See `Objects.get`."""
        with self._answering(key, "GetObject"):
            answer = self._calls.call("GetObject", self._path(key), method="GET")
        return StoredObject(answer.body, self._version(answer))

    def get_range(self, key: ObjectKey, *, first: int, length: int) -> bytes:
        """See `Objects.get_range`."""
        if length <= 0:
            return b""
        headers = {"range": f"bytes={first}-{first + length - 1}"}
        with self._answering(key, "GetObject"):
            try:
                return self._calls.call("GetObject", self._path(key), method="GET", headers=headers).body
            except ClientError as error:
                if _status(error) == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    return b""
                raise

    def list(self, prefix: str) -> Iterator[ListedObject]:
        """See `Objects.list`."""
        query = {"list-type": "2", "prefix": self._prefix + prefix}
        while True:
            with self._answering(prefix, "ListObjectsV2"):
                answer = self._calls.call("ListObjectsV2", f"/{quote(self._bucket)}", method="GET", query=query)
                page = _parsed(answer)
            for entry in page.iterfind("{*}Contents"):
                key = ObjectKey(entry.findtext("{*}Key", "").removeprefix(self._prefix))
                modified = datetime.fromisoformat(entry.findtext("{*}LastModified", ""))
                yield ListedObject(key, int(entry.findtext("{*}Size", "0")), int(modified.timestamp() * 1000))
            if page.findtext("{*}IsTruncated") != "true":
                return
            query["continuation-token"] = page.findtext("{*}NextContinuationToken", "")

    def delete(self, key: ObjectKey) -> None:
        """See `Objects.delete`."""
        with self._answering(key, "DeleteObject"):
            self._calls.call("DeleteObject", self._path(key), method="DELETE")

    def close(self) -> None:
        """See `Objects.close`."""
        self._calls.close()

    def _path(self, key: str) -> str:
        return f"/{quote(self._bucket)}/{quote(self._prefix + key, safe='/-._~')}"

    def _put(self, key: ObjectKey, content: bytes, *, condition: tuple[str, str]) -> ObjectVersion | None:
        """Write an object, and return its version; None if the condition is false."""
        headers = dict([condition])
        with self._answering(key, "PutObject"):
            for tries_left in reversed(range(_WRITES_AT_ONCE)):
                try:
                    answer = self._calls.call("PutObject", self._path(key), content, method="PUT", headers=headers)
                except ClientError as error:
                    if _status(error) == HTTPStatus.PRECONDITION_FAILED:
                        return None
                    if _status(error) != HTTPStatus.CONFLICT or not tries_left:
                        raise
                else:
                    return self._version(answer)
        return None

    @staticmethod
    def _version(answer: Answer) -> ObjectVersion:
        return ObjectVersion(answer.headers["etag"])

    @contextmanager
    def _answering(self, key: str, operation: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            code = error.response["Error"]["Code"]
            # A bucket that does not exist is a wrong setting, and no absent object.
            if code == _NO_KEY:
                raise ObjectNotFound(key) from None
            # Only the code: messages name roles and accounts.
            raise ArchiveUnavailable(f"s3://{self._bucket}/{self._prefix}: S3 refused {operation}: {code}") from error
        except BotoCoreError as error:
            reason = type(error).__name__
            raise ArchiveUnavailable(f"s3://{self._bucket}/{self._prefix}: {operation} failed: {reason}") from error


def _parsed(answer: Answer) -> ET.Element:
    try:
        # S3 is trusted as its objects are; the parser reads no entities of other documents.
        return ET.fromstring(answer.body)  # noqa: S314 - see above
    except ET.ParseError as error:
        raise HTTPClientError(error="the listing is not XML") from error


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]
