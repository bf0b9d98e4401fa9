"""Requests for records of a JetStream stream, and what their answers say.

Any replica answers `DIRECT.GET` (ADR-31), also for a batch; the leader answers `STREAM.MSG.GET`.
"""

from __future__ import annotations

import json
from base64 import b64decode
from typing import TYPE_CHECKING, Any

from eventstore.adapters.nats.client import answering, checked
from eventstore.adapters.nats.errors import NO_MESSAGE_FOUND, NatsError, NoResponders
from eventstore.adapters.nats.messages import Request, sequence_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.adapters.nats.client import NatsClient
    from eventstore.adapters.nats.connection import Connection
    from eventstore.adapters.nats.messages import JetStreamName, Message

__all__ = ["adjacent", "content_of", "first_of", "following", "leaders", "leaders_info", "records_of"]

_END_OF_BATCH, _NOT_FOUND = 204, 404

_BATCH_BYTES = 8 * 1024 * 1024
"""A batch ends after about so many bytes."""


def following(stream: JetStreamName, position: int, count: int, *, most_bytes: int) -> Request:
    """Return a request for the first records from a position on that were not erased, as any replica knows them.

    Args:
        stream: The stream.
        position: The position.
        count: How many records, at most.
        most_bytes: How long a record can be.
    """
    wanted: dict[str, object] = {"seq": position, "next_by_subj": ">"}
    if count > 1:
        wanted |= {"batch": count, "max_bytes": _BATCH_BYTES}
    return Request(
        f"$JS.API.DIRECT.GET.{stream}",
        json.dumps(wanted).encode(),
        most_bytes=min(count * most_bytes, _BATCH_BYTES + most_bytes),
        batch=count > 1,
    )


def leaders(stream: JetStreamName, position: int, *, most_bytes: int) -> Request:
    """Return a request for the record at a position, as the leader knows it; `content_of` reads the answer."""
    # The content is in base64.
    return Request(
        f"$JS.API.STREAM.MSG.GET.{stream}", json.dumps({"seq": position}).encode(), most_bytes * 4 // 3, batch=False
    )


def leaders_info(connection: Connection, stream: JetStreamName) -> dict[str, Any]:
    """Return what the leader of a stream knows of it.

    Raises:
        NoResponders: There is no leader. Then any replica answers, which may lack what was acknowledged last.
    """
    info = checked(connection.request(f"$JS.API.STREAM.INFO.{stream}", b""))
    # A server without a cluster says nothing of one.
    if "cluster" in info and not info["cluster"].get("leader"):
        raise NoResponders(f"the stream {stream} has no leader")
    return info


def content_of(answer: Message) -> bytes | None:
    """Return the content of a record that the leader knows; None if it was erased."""
    try:
        return _content(checked(answer))
    except NatsError as error:
        if error.code != NO_MESSAGE_FOUND:
            raise
        return None


def first_of(client: NatsClient, stream: JetStreamName, subject: str, position: int) -> tuple[int, bytes] | None:
    """Return sequence and content of the first record from a position on, as the leader knows it; None if none is."""
    try:
        answer = client.api(f"STREAM.MSG.GET.{stream}", seq=position, next_by_subj=subject)
    except NatsError as error:
        if error.code != NO_MESSAGE_FOUND:
            raise
        return None
    return int(answer["message"]["seq"]), _content(answer)


def _content(answer: Mapping[str, Any]) -> bytes:
    # The member is missing if the content is empty.
    return b64decode(answer["message"].get("data", ""))


def adjacent(positions: Sequence[int]) -> list[list[int]]:
    """Return ascending positions in groups without gaps, each of which is a batch.

    A gap of a single record is already worth another request: a request that does not wait costs as much as the two
    records of a batch (measured; decision 064).
    """
    groups: list[list[int]] = []
    for position in positions:
        if groups and position == groups[-1][-1] + 1:
            groups[-1].append(position)
        else:
            groups.append([position])
    return groups


def records_of(connection: Connection, requests: Sequence[Request]) -> list[list[tuple[int, bytes]]]:
    """Send requests of `following`, and return sequences and contents for each; none if the replica knows none."""
    return [_records(answers) for answers in connection.pipeline(requests)]


def _records(answers: Sequence[Message]) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    for message in answers:
        if not message.status:
            found.append((sequence_of(message.head), message.content))
            continue
        answering(message)
        if message.status not in {_END_OF_BATCH, _NOT_FOUND}:
            raise ConnectionResetError(f"NATS ended a read with the status {message.status}")
        break
    return found
