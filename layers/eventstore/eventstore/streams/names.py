"""The names of streams, the stream that an event belongs to, and the partition that holds a stream."""

from __future__ import annotations

import re
from binascii import crc_hqx
from hashlib import blake2b
from typing import TYPE_CHECKING, NewType

from eventstore.cloudevents.event import StreamName, canonical
from eventstore.errors import InvalidStream

if TYPE_CHECKING:
    from collections.abc import Collection

    from eventstore.cloudevents.event import Event

__all__ = [
    "DEFAULT_PARTITIONS",
    "FORK_MARK",
    "FORK_PATTERN",
    "NAME_PATTERN",
    "DurableName",
    "FilterName",
    "is_fork",
    "is_name",
    "is_selected",
    "named_for",
    "partition_of",
    "stream_name",
    "stream_of",
    "workflow_stream",
]

_CHARACTER = "[A-Za-z0-9._:~-]"

NAME_PATTERN = f"{_CHARACTER}{{1,200}}"
"""A whole name of a stream, a durable subscription or a filter, as a regular expression."""

FORK_MARK = "~fork"
"""What is in the name of every fork, and in no name that is derived from an event. No escape of `named_for` has it."""

FORK_PATTERN = f"{_CHARACTER}*{FORK_MARK}{_CHARACTER}*"
"""A whole name of a fork, as a regular expression; it may be too long."""

DurableName = NewType("DurableName", str)
"""The name of a durable subscription, which its creator chose. After a deletion, another one may have it."""

FilterName = NewType("FilterName", str)
"""The name of a named filter, which its creator chose. After a deletion, another one may have it."""

_NAME = re.compile(NAME_PATTERN)
_DOT_SEGMENTS = (".", "..")
_ESCAPED = re.compile(r"[^A-Za-z0-9._:-]")
_NAME_LENGTH = 200
_DEFAULT = StreamName("default")
_NAMING = ("workflowid", "tenantid", "partitionkey")


def is_name(text: str) -> bool:
    """Whether a text can be the name of a stream, a durable subscription or a filter: all have the same characters."""
    return _NAME.fullmatch(text) is not None


def is_fork(name: str) -> bool:
    """Whether a name is that of a fork, whose events are for those only who name it."""
    return FORK_MARK in name


def is_selected(stream: StreamName, streams: Collection[StreamName]) -> bool:
    """Whether a reader receives events of a stream, as far as the stream decides.

    Args:
        stream: The stream of the events.
        streams: The streams that the reader names; without any, it reads all streams but forks.
    """
    return stream in streams if streams else not is_fork(stream)


def stream_name(text: str, *, pointer: str = "") -> StreamName:
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
            f"stream name {text!r} is a path segment that clients remove from URLs; add a letter or a digit",
            pointer=pointer,
        )
    if is_name(text):
        return StreamName(text)
    forbidden = re.search(r"[^A-Za-z0-9._:~-]", text)
    reason = f"contains {forbidden.group()!r}" if forbidden else f"is {len(text)} characters long"
    raise InvalidStream(
        f"stream name {text[:80]!r} {reason}; it must be 1 to 200 letters, digits or . _ : ~ -", pointer=pointer
    )


def named_for(identifier: str, *, prefix: str = "", pointer: str = "") -> StreamName:
    """Return the name of the stream for an identifier, which may have characters that names cannot have.

    An identifier that can be a name, and not that of a fork, is the name. In any other, `~` and each character that
    names cannot have become `~` and two hexadecimal digits per byte of UTF-8; a name that would be too long ends in a
    digest of the identifier. So two identifiers have different names, unless a publisher chose an identifier with such
    an escape or digest.

    Args:
        identifier: The id of a workflow, or a partition key.
        prefix: The start of the name, of characters that names can have.
        pointer: Where the request has the identifier (RFC 6901), for the error.

    Raises:
        InvalidStream: The identifier is empty, or the prefix leaves no room for a name.
    """
    if not identifier or (is_name(prefix + identifier) and not is_fork(prefix + identifier)):
        return stream_name(prefix + identifier, pointer=pointer)
    escaped = identifier if is_name(identifier) and not is_fork(identifier) else _ESCAPED.sub(_escape, identifier)
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


def stream_of(event: Event) -> StreamName:
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


def workflow_stream(tenant: str, workflow: str) -> StreamName:
    """Return the stream of a workflow of a tenant. No other tenant has it, because a tenant ends at the first colon.

    The tenant is never escaped: otherwise a tenant whose name holds an escape could use the streams of another.

    Args:
        tenant: The value of `tenantid`.
        workflow: The value of `workflowid`.

    Raises:
        InvalidStream: The tenant has a colon, a character that names cannot have, or the mark of forks; or the name is
            invalid.
    """
    if ":" in tenant:
        raise InvalidStream(
            f"tenantid {tenant[:80]!r} contains ':', which separates tenant and workflow in a stream name; set "
            "another tenantid, or name the stream with ?stream=",
            pointer="/tenantid",
        )
    if is_fork(tenant):
        raise InvalidStream(
            f"tenantid {tenant[:80]!r} contains {FORK_MARK!r}, by which subscriptions leave out the events of "
            "forks; set another tenantid, or name the stream with ?stream=",
            pointer="/tenantid",
        )
    if tenant:
        stream_name(tenant, pointer="/tenantid")
    return named_for(workflow, prefix=f"{tenant}:", pointer="/workflowid")


DEFAULT_PARTITIONS = 16
"""The number of partitions of a new store, unless its settings name one."""


def partition_of(stream: StreamName, partitions: int) -> int:
    """Return the partition of a stream, by the CRC that Redis Cluster uses (CRC-16/XMODEM).

    Args:
        stream: The name of the stream.
        partitions: The number of partitions of the store.
    """
    return crc_hqx(stream.encode(), 0) % partitions
