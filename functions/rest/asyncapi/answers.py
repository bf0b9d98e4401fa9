"""The messages that the hub sends in `eventstore.v1`: answers, frames and notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from functions.answers import frames, messages

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ANSWERS", "CURSOR_EXAMPLE", "FRAMES", "HubMessage"]

CURSOR_EXAMPLE = "MS4wLjEyMw"


class HubMessage(NamedTuple):
    """A message of the hub.

    Attributes:
        payload: Its type, whose docstring says in the document what the message says.
        example: A payload.
    """

    payload: type
    example: Mapping[str, Any]


def _frame(payload: type, kind: str, **members: object) -> HubMessage:
    return HubMessage(payload, {"type": kind, "id": "w", "partition": 7, "frame": 32, **members})


ANSWERS: Mapping[str, HubMessage] = {
    "subscribed": HubMessage(
        messages.Subscribed,
        {
            "type": "subscribed",
            "id": "s1",
            "cursor": CURSOR_EXAMPLE,
            "recovery": "complete",
            "partitions": [0, 1, 2, 3],
        },
    ),
    "joined": HubMessage(
        messages.Joined,
        {"type": "subscribed", "id": "w", "subscription": "workers", "partitions": [0, 1, 2, 3], "ack_deadline": 30},
    ),
    "unsubscribed": HubMessage(messages.Unsubscribed, {"type": "unsubscribed", "id": "s1"}),
    "published": HubMessage(
        messages.Published,
        {
            "type": "published",
            "request": "r1",
            "results": [{"stream": "order-1", "sequence": 1, "id": "1", "duplicate": False}],
        },
    ),
    "pong": HubMessage(messages.Pong, {"type": "pong"}),
    "acknowledged": HubMessage(messages.Acknowledged, {"type": "acknowledged", "id": "w"}),
    "released": HubMessage(messages.Released, {"type": "released", "id": "w", "partition": 7}),
    "error": HubMessage(
        messages.Error,
        {
            "type": "error",
            "code": "invalid-filter",
            "detail": "the string is empty",
            "pointer": "/filters/0/prefix",
            "id": "s1",
        },
    ),
}
"""What requests are answered, by the names of messages."""

FRAMES: Mapping[str, HubMessage] = {
    "events": _frame(
        frames.Events,
        "events",
        events=[
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
        cursor=CURSOR_EXAMPLE,
    ),
    "live": _frame(frames.Live, "live", cursor=CURSOR_EXAMPLE),
    "truncated": _frame(
        frames.Truncated, "truncated", missing=[{"stream": "wf-1", "first": 5, "last": 9}], cursor=CURSOR_EXAMPLE
    ),
    "owned": _frame(frames.Owned, "owned", ack_deadline=30, cursor=CURSOR_EXAMPLE),
    "revoked": _frame(frames.Revoked, "revoked"),
    "changed": HubMessage(
        frames.Changed, {"type": "changed", "id": "w", "subscription": "workers", "version": 2, "ack_deadline": 60}
    ),
}
"""What the hub sends without a request, by the names of messages."""
