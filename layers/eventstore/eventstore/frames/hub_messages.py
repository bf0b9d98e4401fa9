"""Messages of the hub itself, beside frames of events: notes, what closes a connection, and what is missing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eventstore.frames.frame import CLOSING, Address, Delivery, Kind, Part, shard_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.streams import StreamName

__all__ = ["closing", "hub_event", "missing_json", "note"]


def note(text: str, to: Address, *, shards: int) -> Delivery:
    """Return a delivery of one message, which is not a frame. The connection gets it after all that was sent before.

    Args:
        text: The message, in JSON.
        to: The connection.
        shards: The number of shards of the store.
    """
    return Delivery(shard_of(to.connection, shards), (Part(Kind.TEXT, 0, (), (text,), (to,)),))


def closing(text: str, to: Address, *, shards: int) -> Delivery:
    """Return a delivery of one message after which the connection is closed. Nothing is posted to it afterwards.

    Args:
        text: The message, in JSON.
        to: The connection.
        shards: The number of shards of the store.
    """
    return Delivery(shard_of(to.connection, shards), (Part(Kind.TEXT, 0, CLOSING, (text,), (to,)),))


def missing_json(
    ranges: Sequence[tuple[StreamName, int, int]], *, complete: bool, gone: Sequence[StreamName] = ()
) -> str:
    """Return the JSON members of a message that report missing events.

    Args:
        ranges: Stream, first and last sequence of the missing events.
        complete: Whether `ranges` holds all missing events.
        gone: Streams that the subscription names and that were deleted for good.
    """
    missing = [{"stream": stream, "first": first, "last": last} for stream, first, last in ranges]
    missing_more = "" if complete else ',"missing_more":true'
    gone_member = f',"gone":{json.dumps(list(gone), separators=(",", ":"))}' if gone else ""
    return f'"missing":{json.dumps(missing, separators=(",", ":"))}{missing_more}{gone_member}'


def hub_event(kind: str, data: str, identity: str) -> str:
    """Return a CloudEvent of the hub itself, for clients whose frames are bare CloudEvents.

    Args:
        kind: The last part of its type.
        data: Its data, in JSON.
        identity: Its id.
    """
    head = {"specversion": "1.0", "id": identity, "source": "/hub", "type": f"io.flunq.hub.{kind}"}
    return f'{json.dumps(head)[:-1]},"data":{data}}}'
