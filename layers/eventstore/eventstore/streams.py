"""Streams: names, settings, states, and the stream that an event belongs to."""

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

_NAME = re.compile(r"[A-Za-z0-9._:~-]{1,200}")
_DOT_SEGMENTS = (".", "..")
_ESCAPED = re.compile(r"[^A-Za-z0-9._:-]")
_NAME_LENGTH = 200
_DEFAULT = "default"
_NAMING = ("workflowid", "tenantid", "partitionkey")


@dataclass(frozen=True, slots=True)
class Retention:
    """How long a stream keeps its events; None is no limit.

    Attributes:
        max_age: The maximum age of an event, in seconds since it was stored.
        max_events: The maximum number of events; the newest are kept.
    """

    max_age: int | None = None
    max_events: int | None = None


@dataclass(frozen=True, slots=True)
class StreamConfig:
    """The settings of a stream.

    Attributes:
        retention: How long it keeps its events.
        labels: Key-value pairs of its owner; the hub does not interpret them.
    """

    retention: Retention = Retention()
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StreamState:
    """The state of a stream at one moment.

    Attributes:
        name: The name of the stream.
        head: The sequence of the newest event ever stored; 0 if there was none. It never goes back.
        first: The sequence of the oldest event kept; `head + 1` if none is.
        size: The bytes of the events kept, as stored.
        created: When the stream was created, in milliseconds since 1970 (UTC).
        updated: When its newest event was stored, or the stream was created; in milliseconds since 1970 (UTC).
        config: Its current settings.
        changes: How often the settings were changed.
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
        """The number of events kept; sequences have no gap."""
        return self.head - self.first + 1


@dataclass(frozen=True, slots=True)
class Expected:
    """Where a publisher believes that a stream ends.

    Attributes:
        version: The sequence of the newest event, 0 if there is none; None accepts any.
        tag: The whole version that the stream must have (`version_of`), whose head is `version`; empty accepts any.
    """

    version: int | None
    tag: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """A precondition on the version of a stream (RFC 9110, 13.1.1 and 13.1.2).

    Attributes:
        versions: Each is a head, a whole version (`version_of`), or `*`, which every stream has.
        negated: The stream must have none of these versions; otherwise it must have one of them.
    """

    versions: tuple[str, ...]
    negated: bool = False

    @property
    def head(self) -> int | None:
        """The sequence at which the stream must end; None if the condition does not name exactly one."""
        if self.negated or len(self.versions) != 1 or self.versions[0] == "*":
            return None
        return int(self.versions[0].partition(".")[0])


ANY = Expected(None)
NEW = Expected(0)


def version_of(state: StreamState, epoch: str) -> str:
    """Return the version of a stream. It changes with every append, every removal, and when the store is reset.

    Args:
        state: The state of the stream.
        epoch: The epoch of its partition.
    """
    return f"{state.head}.{state.first}.{epoch}"


def is_name(text: str) -> bool:
    """Whether a text can be the name of a stream or of a durable subscription, which have the same characters."""
    return _NAME.fullmatch(text) is not None


def stream_name(text: str, *, pointer: str = "") -> str:
    """Return a text if it can be the name of a stream.

    Args:
        text: The text.
        pointer: Where the request has it (RFC 6901), for the error.

    Raises:
        InvalidStream: It does not consist of 1 to 200 of the allowed characters, or it is `.` or `..`, which clients
            remove from URLs (RFC 3986, 5.2.4).
    """
    if text in _DOT_SEGMENTS:
        raise InvalidStream(
            f"stream name {text!r} is a step in a path, so that no URL can name the stream; add a letter or a digit",
            pointer=pointer,
        )
    if is_name(text):
        return text
    forbidden = re.search(r"[^A-Za-z0-9._:~-]", text)
    reason = f"has {forbidden.group()!r}" if forbidden else f"is {len(text)} characters long"
    raise InvalidStream(
        f"stream name {text[:80]!r} {reason}; a name is 1 to 200 of: letters, digits and . _ : ~ -", pointer=pointer
    )


def named_for(identifier: str, *, prefix: str = "", pointer: str = "") -> str:
    """Return the name of the stream for an identifier, which may have characters that names cannot have.

    An identifier that can be a name is the name. In any other, `~` and each character that names cannot have become
    `~` and two hexadecimal digits per byte of UTF-8; a name that would be too long ends in a digest of the identifier.
    So two identifiers have different names, unless a publisher chose an identifier with such an escape or digest.

    Args:
        identifier: The id of a workflow, or a partition key.
        prefix: The start of the name, of characters that names can have.
        pointer: Where the request has the identifier (RFC 6901), for the error.

    Raises:
        InvalidStream: The identifier is empty, or the prefix leaves no room for a name.
    """
    if not identifier or is_name(prefix + identifier):
        return stream_name(prefix + identifier, pointer=pointer)
    escaped = identifier if is_name(identifier) else _ESCAPED.sub(_escape, identifier)
    if not prefix and escaped in _DOT_SEGMENTS:
        escaped = escaped.replace(".", "~2E")
    name = prefix + escaped
    if len(name) > _NAME_LENGTH:
        digest = "~" + blake2b(identifier.encode(), digest_size=8).hexdigest()
        room = _NAME_LENGTH - len(digest)
        name = name[:room] + digest if len(prefix) < room else name
    return stream_name(name, pointer=pointer)


def _escape(match: re.Match[str]) -> str:
    return "".join(f"~{byte:02X}" for byte in match[0].encode())


def stream_of(event: Event) -> str:
    """Return the stream of an event whose publisher named none.

    It is `{tenantid}:{workflowid}`, else `{workflowid}`, else the `partitionkey` extension, else `default`. Integers
    and booleans count as their canonical strings. Workflow ids and partition keys are escaped (`named_for`).

    Raises:
        InvalidStream: The attributes do not result in a name.
    """
    attributes = {name: canonical(event.attributes[name]) for name in _NAMING if name in event.attributes}
    if "workflowid" in attributes:
        if "tenantid" in attributes:
            return workflow_stream(attributes["tenantid"], attributes["workflowid"])
        return named_for(attributes["workflowid"], pointer="/workflowid")
    if "partitionkey" in attributes:
        return named_for(attributes["partitionkey"], pointer="/partitionkey")
    return _DEFAULT


def workflow_stream(tenant: str, workflow: str) -> str:
    """Return the stream of a workflow of a tenant. No other tenant has it, because a tenant ends at the first colon.

    The tenant is never escaped: otherwise a tenant whose name holds an escape could use the streams of another.

    Args:
        tenant: The value of `tenantid`.
        workflow: The value of `workflowid`.

    Raises:
        InvalidStream: The tenant has a colon or a character that names cannot have, or the name is invalid.
    """
    if ":" in tenant:
        raise InvalidStream(
            f"tenantid {tenant[:80]!r} has ':', at which a tenant's name ends in the names of its streams; give the "
            "event another tenantid, or name its stream by ?stream=",
            pointer="/tenantid",
        )
    if tenant:
        stream_name(tenant, pointer="/tenantid")
    return named_for(workflow, prefix=f"{tenant}:", pointer="/workflowid")


def partition_of(stream: str, partitions: int) -> int:
    """Return the partition of a stream, by the CRC that Redis Cluster uses (CRC-16/XMODEM).

    Args:
        stream: The name of the stream.
        partitions: The number of partitions of the store.
    """
    return crc_hqx(stream.encode(), 0) % partitions
