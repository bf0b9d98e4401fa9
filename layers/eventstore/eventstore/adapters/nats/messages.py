"""Messages of the protocol of NATS (NATS documentation, "Client Protocol"; ADR-4 for headers)."""

from __future__ import annotations

from typing import NamedTuple, NewType

__all__ = ["JetStreamName", "Message", "Request", "published", "sequence_of", "status_of"]

JetStreamName = NewType("JetStreamName", str)
"""The name of a stream of JetStream, which keeps the records of a partition."""


class Message(NamedTuple):
    """A message: the status of its head (0 if it has none), the head with the headers, and the content."""

    status: int
    head: bytes
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


def published(subject: str, reply: bytes, content: bytes) -> bytes:
    """Return the bytes that send a message to a subject, and its answers to another."""
    return b"PUB %b %b %d\r\n%b\r\n" % (subject.encode(), reply, len(content), content)


def status_of(head: bytes) -> int:
    """Return the status of a head (`NATS/1.0 204 EOB`, then a header a line); 0 if it has none."""
    return int(head[9:12]) if head[8:9] == b" " else 0


def sequence_of(head: bytes) -> int:
    """Return the sequence that a record of JetStream has by the headers of the message that holds it."""
    return int(head.partition(b"\r\nNats-Sequence: ")[2].partition(b"\r\n")[0])
