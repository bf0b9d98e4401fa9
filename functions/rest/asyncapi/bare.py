"""The messages of `cloudevents.json`: each is one CloudEvent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.rest.asyncapi.answers import HubMessage
from functions.rest.asyncapi.schemas import CURSOR_EXAMPLE, LOST, PROBLEM, RECOVERY
from functions.rest.openapi.shapes import COUNT, NAME, SEQUENCE, TOKEN, many, opened, ref

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["HUB_EVENTS", "PUBLISHED_EVENT"]

_CURSOR = TOKEN | {"description": "The cursor behind this event, in its partition."}
_PLACE: dict[str, Any] = {
    "hubpartition": COUNT,
    "hubframe": SEQUENCE | {"description": "Numbered per partition, with no gap."},
    "hubcursor": _CURSOR,
}
_SUBJECT: dict[str, Any] = {"type": "string", "description": "The id of the event that was sent."}
_EVENT: dict[str, Any] = {"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed"}
_RECORDED = {"hubstream": "order-1", "hubsequence": "1", "hubtime": "2018-04-05T17:31:00.000Z"}


def _hub_event(
    kind: str,
    summary: str,
    data: dict[str, Any],
    members: dict[str, Any],
    example: dict[str, Any],
    *,
    optional: tuple[str, ...] = (),
) -> HubMessage:
    head = {
        "specversion": {"type": "string", "const": "1.0"},
        "id": {"type": "string", "minLength": 1},
        "source": {"type": "string", "const": "/hub"},
        "type": {"type": "string", "const": f"io.flunq.hub.{kind}"},
    }
    payload = opened({**head, "data": data, **members}, optional=optional)
    head_example = {"specversion": "1.0", "id": "7f3a", "source": "/hub", "type": f"io.flunq.hub.{kind}"}
    return HubMessage(summary, payload, {**head_example, **example})


PUBLISHED_EVENT = HubMessage("An event to publish.", ref("CloudEvent"), _EVENT)
"""What a client sends."""

HUB_EVENTS: Mapping[str, HubMessage] = {
    "recordedEvent": HubMessage(
        "An event of a stream.",
        {"allOf": [ref("RecordedEvent"), opened(_PLACE)]},
        {**_EVENT, **_RECORDED, "hubpartition": 7, "hubframe": 12, "hubcursor": CURSOR_EXAMPLE},
    ),
    "hubSubscribed": _hub_event(
        "subscribed",
        "The subscription of the URL has begun.",
        opened(RECOVERY, optional=(*LOST, "renewed")),
        {"hubcursor": TOKEN | {"description": "Where it starts, in every partition."}},
        {"data": {"recovery": "complete", "partitions": [0, 1, 2, 3]}, "hubcursor": CURSOR_EXAMPLE},
    ),
    "hubTruncated": _hub_event(
        "truncated",
        "Events were removed that the subscription had not come to.",
        opened({**LOST, "gone": many(NAME)}, optional=("missing_more", "gone")),
        _PLACE,
        {
            "data": {"missing": [{"stream": "wf-1", "first": 5, "last": 9}]},
            "hubpartition": 7,
            "hubframe": 14,
            "hubcursor": CURSOR_EXAMPLE,
        },
    ),
    "hubPublished": _hub_event(
        "published",
        "Where the event that was sent is stored.",
        opened({"results": many(ref("Result"))}),
        {"subject": _SUBJECT},
        {
            "data": {"results": [{"stream": "order-1", "sequence": 1, "id": "1", "duplicate": False}]},
            "subject": "1",
        },
    ),
    "hubRefused": _hub_event(
        "refused",
        "The event that was sent was refused.",
        opened(PROBLEM, optional=tuple(name for name in PROBLEM if name not in {"code", "detail"})),
        {"subject": _SUBJECT},
        {"data": {"code": "malformed", "detail": "not JSON: a value is expected at line 1"}},
        optional=("subject",),
    ),
    "hubClosed": _hub_event(
        "closed",
        "An operator closes the connection.",
        opened({name: PROBLEM[name] for name in ("code", "detail")}),
        {},
        {"data": {"code": "connection-not-found", "detail": "an operator closed this connection; connect again"}},
    ),
}
"""What the hub sends, by the names of messages."""
