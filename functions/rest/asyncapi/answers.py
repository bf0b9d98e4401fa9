"""The messages that the hub sends in `eventstore.v1`: answers, frames and notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from functions.protocol import ID_PATTERN, REQUEST
from functions.rest.asyncapi.schemas import CURSOR_EXAMPLE, LOST, PROBLEM, RECOVERY
from functions.rest.openapi.shapes import COUNT, NAME, SEQUENCE, TOKEN, many, opened, ref

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["ANSWERS", "FRAMES", "HubMessage"]

_ID: dict[str, Any] = {"type": "string", "pattern": f"^{ID_PATTERN}$", "description": "The subscription."}
_REQUEST: dict[str, Any] = {
    "type": "string",
    "maxLength": REQUEST.maximum,
    "description": "As the request had it, if it had one.",
}
_ACK_DEADLINE: dict[str, Any] = {
    "type": "number",
    "exclusiveMinimum": 0,
    "description": "Seconds within which the member must acknowledge.",
}
_CURSOR = TOKEN | {"description": "The position after this frame, in its partition."}
_RESULTS = many(ref("Result"))


class HubMessage(NamedTuple):
    """A message of the hub.

    Attributes:
        summary: What it says.
        payload: Its JSON Schema.
        example: A payload.
    """

    summary: str
    payload: Mapping[str, Any]
    example: Mapping[str, Any]


def _answer(
    kind: str, summary: str, members: dict[str, Any], example: dict[str, Any], *, optional: Sequence[str] = ()
) -> HubMessage:
    properties = {"type": {"type": "string", "const": kind}, **members, "request": _REQUEST}
    payload = opened(properties, optional=(*optional, "request"))
    return HubMessage(summary, payload, {"type": kind, **example})


def _frame(
    kind: str, summary: str, members: dict[str, Any], example: dict[str, Any], *, optional: Sequence[str] = ()
) -> HubMessage:
    frame = SEQUENCE | {"description": "Numbered per subscription and partition, with no gap."}
    head = {"type": {"type": "string", "const": kind}, "id": _ID, "partition": COUNT, "frame": frame}
    payload = opened({**head, **members}, optional=tuple(optional))
    return HubMessage(summary, payload, {"type": kind, "id": "w", "partition": 7, "frame": 32, **example})


ANSWERS: Mapping[str, HubMessage] = {
    "subscribed": _answer(
        "subscribed",
        "The subscription has begun.",
        {"id": _ID, "cursor": TOKEN | {"description": "Where it starts, in every partition."}, **RECOVERY},
        {"id": "s1", "cursor": CURSOR_EXAMPLE, "recovery": "complete", "partitions": [0, 1, 2, 3]},
        optional=(*LOST, "renewed"),
    ),
    "joined": _answer(
        "subscribed",
        "The connection is a member of the durable subscription.",
        {"id": _ID, "subscription": NAME, "partitions": RECOVERY["partitions"], "ack_deadline": _ACK_DEADLINE},
        {"id": "w", "subscription": "workers", "partitions": [0, 1, 2, 3], "ack_deadline": 30},
    ),
    "unsubscribed": _answer("unsubscribed", "The subscription has ended.", {"id": _ID}, {"id": "s1"}),
    "published": _answer(
        "published",
        "Where the events are stored.",
        {"results": _RESULTS},
        {"request": "r1", "results": [{"stream": "order-1", "sequence": 1, "id": "1", "duplicate": False}]},
    ),
    "pong": _answer("pong", "The answer to a ping.", {}, {}),
    "acknowledged": _answer("acknowledged", "The hub has the acknowledgement, or the nack.", {"id": _ID}, {"id": "w"}),
    "released": _answer(
        "released", "The partition is given back.", {"id": _ID, "partition": COUNT}, {"id": "w", "partition": 7}
    ),
    "error": _answer(
        "error",
        "The request was refused; or a durable subscription was deleted; or an operator closes the connection.",
        {**PROBLEM, "id": _ID},
        {"code": "invalid-filter", "detail": "the string is empty", "pointer": "/filters/0/prefix", "id": "s1"},
        optional=(*(name for name in PROBLEM if name not in {"code", "detail"}), "id"),
    ),
}
"""What requests are answered, by the names of messages."""

FRAMES: Mapping[str, HubMessage] = {
    "events": _frame(
        "events",
        "Events of one partition, in the order of its log; or, with `stream`, of one stream that are tried again.",
        {
            "events": many(ref("RecordedEvent")) | {"maxItems": 100},
            "cursor": _CURSOR,
            "attempt": SEQUENCE | {"description": "How often the events were sent, with this one; without it, once."},
            "stream": NAME | {"description": "The stream that was held; without events, it has caught up."},
            "reason": {"type": "string", "description": "Why the first event comes again."},
        },
        {
            "events": [
                {
                    "specversion": "1.0",
                    "id": "1",
                    "source": "/shop",
                    "type": "order.placed",
                    "hubstream": "order-1",
                    "hubsequence": "1",
                    "hubtime": "2018-04-05T17:31:00.000Z",
                }
            ],
            "cursor": CURSOR_EXAMPLE,
        },
        optional=("cursor", "attempt", "stream", "reason"),
    ),
    "live": _frame(
        "live",
        "The partition has caught up: what comes now is live.",
        {"cursor": _CURSOR},
        {"cursor": CURSOR_EXAMPLE},
    ),
    "truncated": _frame(
        "truncated",
        "Events were removed that the subscription had not come to.",
        {**LOST, "gone": many(NAME) | {"description": "Streams that were deleted for good."}, "cursor": _CURSOR},
        {"missing": [{"stream": "wf-1", "first": 5, "last": 9}], "cursor": CURSOR_EXAMPLE},
        optional=("missing_more", "gone"),
    ),
    "owned": _frame(
        "owned",
        "The partition is this member's from here on.",
        {"ack_deadline": _ACK_DEADLINE, "cursor": _CURSOR},
        {"ack_deadline": 30, "cursor": CURSOR_EXAMPLE},
    ),
    "revoked": _frame("revoked", "The partition is to go to another member: release it.", {}, {}),
    "changed": HubMessage(
        "The durable subscription was changed.",
        opened(
            {
                "type": {"type": "string", "const": "changed"},
                "id": _ID,
                "subscription": NAME,
                "version": SEQUENCE,
                "ack_deadline": _ACK_DEADLINE,
            }
        ),
        {"type": "changed", "id": "w", "subscription": "workers", "version": 2, "ack_deadline": 60},
    ),
}
"""What the hub sends without a request, by the names of messages."""
