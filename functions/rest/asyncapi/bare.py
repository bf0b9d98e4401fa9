"""The messages that the hub sends in `cloudevents.json`: each is one CloudEvent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from functions.answers import frames, messages
from functions.rest.asyncapi.answers import CURSOR_EXAMPLE, HubMessage

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HUB_EVENTS", "PUBLISHED_EVENT_EXAMPLE"]

PUBLISHED_EVENT_EXAMPLE: Mapping[str, object] = {
    "specversion": "1.0",
    "id": "1",
    "source": "/shop",
    "type": "order.placed",
}
"""What a client sends."""


def _hub_event(payload: type, kind: str, **members: object) -> HubMessage:
    head = {"specversion": "1.0", "id": "7f3a", "source": "/hub", "type": f"io.flunq.hub.{kind}"}
    return HubMessage(payload, {**head, **members})


HUB_EVENTS: Mapping[str, HubMessage] = {
    "recordedEvent": HubMessage(
        frames.BareEvent,
        {
            **PUBLISHED_EVENT_EXAMPLE,
            "hubstream": "order-1",
            "hubsequence": "1",
            "hubtime": "2018-04-05T17:31:00.000Z",
            "hubpartition": 7,
            "hubframe": 12,
            "hubcursor": CURSOR_EXAMPLE,
        },
    ),
    "hubSubscribed": _hub_event(
        messages.HubSubscribed,
        "subscribed",
        data={"recovery": "complete", "partitions": [0, 1, 2, 3]},
        hubcursor=CURSOR_EXAMPLE,
    ),
    "hubTruncated": _hub_event(
        frames.HubTruncated,
        "truncated",
        data={"missing": [{"stream": "wf-1", "first": 5, "last": 9}]},
        hubpartition=7,
        hubframe=14,
        hubcursor=CURSOR_EXAMPLE,
    ),
    "hubPublished": _hub_event(
        messages.HubPublished,
        "published",
        data={"results": [{"stream": "order-1", "sequence": 1, "id": "1", "duplicate": False}]},
        subject="1",
    ),
    "hubRefused": _hub_event(
        messages.HubRefused,
        "refused",
        data={"code": "malformed", "detail": "not JSON: a value is expected at line 1"},
    ),
    "hubClosed": _hub_event(
        messages.HubClosed,
        "closed",
        data={"code": "connection-not-found", "detail": "an operator closed this connection; connect again"},
    ),
}
"""What the hub sends, by the names of messages."""
