"""Frames as bytes: what all subscribers of a part share is serialized once, and each has a head of its own.

The bytes of two protobuf messages in a row are one message with the fields of both, so the head and the shared rest of
a frame are serialized apart.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING

from eventstore.cloudevents.json_text import elements
from eventstore.frames.frame import Kind
from eventstore_proto.flunq.eventstore.v1 import event_store_service_pb2 as messages
from eventstore_proto.flunq.eventstore.v1 import events_pb2
from eventstore_server.grpc.events import message_of
from eventstore_server.grpc.packing import packed_events, packed_field, varint
from eventstore_server.grpc.selections import missing_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.frames.frame import Part

__all__ = ["FrameEncoder", "head_of"]

_WITH_EVENTS = frozenset({Kind.EVENTS, Kind.RESENT, Kind.AGAIN})
_KEPT = 16
"""The parts whose bytes are kept. Sessions get a part one right after the other."""

Response = type[messages.SubscribeResponse] | type[messages.WorkResponse]


class FrameEncoder:
    """Serializes the parts that sessions get, for one kind of response.

    Args:
        response: `SubscribeResponse` or `WorkResponse`.
    """

    def __init__(self, response: Response) -> None:
        self._response = response
        self._events_field = response.DESCRIPTOR.fields_by_name["events"].number
        self._kept: OrderedDict[tuple[int, int], tuple[Part, bytes]] = OrderedDict()

    def shared(self, part: Part, form: int) -> bytes:
        """Return what all sessions with the same format get of a part, without the number of their frames.

        Args:
            part: A part that is a frame, with whole events.
            form: The `EventFormat` of the session.
        """
        # By identity: a part is compared faster than its content. It is kept, so that its id is not used again.
        key = id(part), form
        kept = self._kept.get(key)
        if kept is not None and kept[0] is part:
            return kept[1]
        encoded = self._encoded(part, form)
        self._kept[key] = part, encoded
        if len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return encoded

    def _encoded(self, part: Part, form: int) -> bytes:
        # An `AGAIN` and a `REVOKED` frame have no cursor.
        cursor = part.cursors[0] if part.cursors else ""
        response = self._response(partition=part.partition, cursor=cursor)
        match part.kind:
            case Kind.EVENTS:
                response.events.SetInParent()
            case Kind.RESENT:
                response.events.attempt = 2
            case Kind.AGAIN:
                response.events.CopyFrom(messages.Events(**json.loads(f"{{{part.texts[0]}}}")))
            case Kind.LIVE:
                response.live.SetInParent()
            case Kind.TRUNCATED:
                members = json.loads(f"{{{part.texts[0]}}}")
                ranges = [(item["stream"], item["first"], item["last"]) for item in members["missing"]]
                more, gone = members.get("missing_more", False), members.get("gone", ())
                response.truncated.CopyFrom(missing_of(ranges, more=more, gone=gone))
            case Kind.OWNED if isinstance(response, messages.WorkResponse):
                response.owned.ack_deadline = json.loads(f"{{{part.texts[0]}}}")["ack_deadline"]
            case Kind.REVOKED if isinstance(response, messages.WorkResponse):
                response.revoked.SetInParent()
            case _:
                raise ValueError(f"a part of the kind {part.kind!r} is no frame of {self._response.__name__}")
        encoded = response.SerializeToString()
        if part.kind not in _WITH_EVENTS:
            return encoded
        # The same field twice: the second one adds the events to the first.
        return encoded + packed_field(self._events_field, _events(part, form))


def head_of(frame: int) -> bytes:
    """Return the bytes of a response with nothing but the number of its frame, the first field of both kinds."""
    return b"\x08" + varint(frame)


def _events(part: Part, form: int) -> bytes:
    """Return the events of a part as a message `Events`."""
    texts = _texts(part)
    if form == events_pb2.EVENT_FORMAT_PROTOBUF:
        return messages.Events(events=[message_of(text, form) for text in texts]).SerializeToString()
    return packed_events(texts)


def _texts(part: Part) -> Sequence[str]:
    """Return the text of each event of a part. One that came from another instance has only their JSON array."""
    return part.events or elements(part.texts[-1])
