"""Messages of the protocol of NATS (NATS documentation, "Client Protocol"; ADR-4 for headers)."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NewType

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["JetStreamName", "Message", "Request", "parsed", "published"]

JetStreamName = NewType("JetStreamName", str)
"""The name of a stream of JetStream, which keeps the records of a partition."""


class Message(NamedTuple):
    """A message: the status of its headers (0 if it has none), the headers, and the content."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class Request(NamedTuple):
    """A request.

    Attributes:
        subject: Where it goes.
        content: Its content.
        most_bytes: How long its answers can be together; about.
        batch: Whether it has several answers, of which the last one, and no other, has a status.
    """

    subject: str
    content: bytes
    most_bytes: int
    batch: bool


def published(subject: str, reply: str, content: bytes) -> bytes:
    """Return the bytes that send a message to a subject, and its answers to another."""
    return b"PUB %b %b %d\r\n%b\r\n" % (subject.encode(), reply.encode(), len(content), content)


def parsed(head: bytes) -> tuple[int, dict[str, str]]:
    """Return the status and the headers of a message (`NATS/1.0 204 EOB`, then a header a line)."""
    first, *lines = head.decode().split("\r\n")
    status = first[9:12]
    return int(status) if status else 0, dict(line.split(": ", 1) for line in lines if ": " in line)
