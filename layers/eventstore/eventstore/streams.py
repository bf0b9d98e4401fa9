"""Streams: their names, their settings, and where an event belongs."""

from __future__ import annotations

import re
from binascii import crc_hqx
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from eventstore.cloudevents.event import canonical
from eventstore.errors import InvalidStream

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.cloudevents.event import Event

__all__ = [
    "ANY",
    "NAME_PATTERN",
    "NEW",
    "Condition",
    "Expected",
    "Retention",
    "StreamConfig",
    "StreamState",
    "is_name",
    "named_for",
    "partition_of",
    "stream_name",
    "stream_of",
    "version_of",
    "workflow_stream",
]

NAME_PATTERN = "[A-Za-z0-9._:~-]{1,200}"
"""What names of streams and durable subscriptions look like, whole."""

_NAME = re.compile(NAME_PATTERN)
_STEPS = (".", "..")
_ESCAPED = re.compile(r"[^A-Za-z0-9._:-]")
_NAME_LENGTH = 200
_DEFAULT = "default"
_NAMING = ("workflowid", "tenantid", "partitionkey")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a stream keeps its events; None keeps them for ever.

    Attributes:
        max_age: In seconds, counted from when an event was stored.
        max_events: The newest that many are kept.
    """

    max_age: int | None = None
    max_events: int | None = None


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """A stream's settings."""

    retention: Retention = Retention()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamState:
    """A stream at one moment.

    Attributes:
        name: Its name.
        head: The sequence of the newest event ever stored; 0 if there was none. It never goes back.
        first: The sequence of the oldest event kept; `head + 1` if none is.
        size: Bytes of the events kept, as stored.
        created: When the stream was made, in milliseconds since 1970 (UTC).
        updated: When its newest event was stored, or, without one, when it was made.
        config: What its creator asked for, or who changed it last.
        changes: How often that was changed.
    """

    name: str
    head: int
    first: int
    size: int
    created: int
    updated: int
    config: StreamConfig = StreamConfig()
    changes: int = 0

    @property
    def count(self) -> int:
        """How many events are kept; sequences have no gap."""
        return self.head - self.first + 1


@dataclass(frozen=True, slots=True)
class Expected:
    """Where a publisher believes the stream ends: at `version`, or, with None, anywhere.

    With `tag` (`version_of`) it is to be that version in every part; `version` is its head.
    """

    version: int | None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be true of a stream's version for a call to be done (RFC 9110, 13.1.1 and 13.1.2).

    Attributes:
        versions: Each is a head, a whole version (`version_of`), or `*`, for a stream of whatever version.
        negated: None of these may be the stream's version; else one of them must be.
    """

    versions: tuple[str, ...]
    negated: bool = False

    @property
    def head(self) -> int | None:
        """Where the stream must end; None if that is not one place."""
        if self.negated or len(self.versions) != 1 or self.versions[0] == "*":
            return None
        return int(self.versions[0].partition(".")[0])


ANY = Expected(None)
NEW = Expected(0)


def version_of(state: StreamState, epoch: str) -> str:
    """The stream's version: it changes with every append, every removal, and when the store is made anew."""
    return f"{state.head}.{state.first}.{epoch}"


def is_name(text: str) -> bool:
    """Whether this can name a stream, or a durable subscription: names are made of the same characters."""
    return _NAME.fullmatch(text) is not None


def stream_name(text: str, *, pointer: str = "") -> str:
    """The name, if it is one.

    Raises:
        InvalidStream: It is not 1 to 200 of the characters that names are made of, or it is `.` or `..`, which clients
            take out of URLs (RFC 3986, 5.2.4).
    """
    if text in _STEPS:
        raise InvalidStream(
            f"stream name {text!r} is a path segment that clients remove from URLs; add a letter or a digit",
            pointer=pointer,
        )
    if is_name(text):
        return text
    wrong = re.search(r"[^A-Za-z0-9._:~-]", text)
    reason = f"contains {wrong.group()!r}" if wrong else f"is {len(text)} characters long"
    raise InvalidStream(
        f"stream name {text[:80]!r} {reason}; it must be 1 to 200 letters, digits or . _ : ~ -", pointer=pointer
    )


def named_for(identifier: str, *, prefix: str = "", pointer: str = "") -> str:
    """The name of a stream for an identifier of the publisher's, which may have characters that names have not.

    An identifier that makes a name is the name. In any other, `~` and each character that no name has become `~` and
    two hexadecimal digits for each byte of its UTF-8; a name that would be too long ends in a digest of the identifier.
    So two identifiers never get one name, unless a publisher wrote such an escape, or such a digest, into its own.

    Args:
        identifier: A workflow's id, or a partition key.
        prefix: What the name begins with; it is made of the characters of names.
        pointer: Where the identifier stands in the request (RFC 6901), for errors.

    Raises:
        InvalidStream: The identifier is empty, or the prefix leaves no room for a name.
    """
    if not identifier or is_name(prefix + identifier):
        return stream_name(prefix + identifier, pointer=pointer)
    escaped = identifier if is_name(identifier) else _ESCAPED.sub(_hexadecimal, identifier)
    if not prefix and escaped in {".", ".."}:
        escaped = escaped.replace(".", "~2E")
    name = prefix + escaped
    if len(name) > _NAME_LENGTH:
        digest = "~" + blake2b(identifier.encode(), digest_size=8).hexdigest()
        room = _NAME_LENGTH - len(digest)
        name = name[:room] + digest if len(prefix) < room else name
    return stream_name(name, pointer=pointer)


def _hexadecimal(found: re.Match[str]) -> str:
    return "".join(f"~{byte:02X}" for byte in found[0].encode())


def stream_of(event: Event) -> str:
    """Where an event belongs whose publisher named no stream.

    `{tenantid}:{workflowid}`, else `{workflowid}`, else the `partitionkey` extension, else `default`. Integers and
    booleans count as the strings that they are in headers. Workflow ids and partition keys are escaped (`named_for`).

    Raises:
        InvalidStream: The attributes do not make a stream's name.
    """
    found = {name: canonical(event.attributes[name]) for name in _NAMING if name in event.attributes}
    if "workflowid" in found:
        if "tenantid" in found:
            return workflow_stream(found["tenantid"], found["workflowid"])
        return named_for(found["workflowid"], pointer="/workflowid")
    if "partitionkey" in found:
        return named_for(found["partitionkey"], pointer="/partitionkey")
    return _DEFAULT


def workflow_stream(tenant: str, workflow: str) -> str:
    """The stream of a tenant's workflow, which no other tenant's workflow has: a tenant ends at the first colon.

    A tenant is never escaped: an escape that a tenant wrote into its own name would lead into another's streams.

    Raises:
        InvalidStream: The tenant has a colon, or a character that no name has, or both together make no name.
    """
    if ":" in tenant:
        raise InvalidStream(
            f"tenantid {tenant[:80]!r} contains ':', which separates tenant and workflow in a stream name; set "
            "another tenantid, or name the stream with ?stream=",
            pointer="/tenantid",
        )
    if tenant:
        stream_name(tenant, pointer="/tenantid")
    return named_for(workflow, prefix=f"{tenant}:", pointer="/workflowid")


def partition_of(stream: str, partitions: int) -> int:
    """The partition that keeps a stream, by the CRC that Redis Cluster uses (CRC-16/XMODEM)."""
    return crc_hqx(stream.encode(), 0) % partitions
