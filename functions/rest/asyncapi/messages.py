"""Every message of both subprotocols, by name."""

from __future__ import annotations

from inspect import getdoc
from typing import TYPE_CHECKING, Any

from functions.protocol import REQUESTS
from functions.rest.asyncapi.answers import ANSWERS, FRAMES, HubMessage
from functions.rest.asyncapi.bare import HUB_EVENTS, PUBLISHED_EVENT_EXAMPLE
from functions.rest.asyncapi.requests import EXAMPLES, payload_of
from functions.rest.asyncapi.schemas import PAYLOADS
from functions.rest.openapi.shapes import ref

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["MESSAGES", "PUBLISHED_EVENT_NAME"]

PUBLISHED_EVENT_NAME = "event"
_CORRELATION: Mapping[str, Any] = {
    "correlationId": {
        "location": "$message.payload#/request",
        "description": "Answers to different requests may overtake each other.",
    }
}
_CLOUDEVENT: Mapping[str, Any] = {"contentType": "application/cloudevents+json"}


def _described(
    name: str, summary: str | None, payload: Mapping[str, Any], example: Mapping[str, Any], **more: object
) -> dict[str, Any]:
    # A name is that of the message's type, for people; the key is what references have.
    return {"name": name, "summary": summary, "payload": payload, "examples": [{"payload": example}], **more}


def _sent(name: str, message: HubMessage, **more: object) -> dict[str, Any]:
    payload = {keyword: value for keyword, value in PAYLOADS[name].items() if keyword != "description"}
    return _described(name, getdoc(message.payload), payload, message.example, **more)


MESSAGES: dict[str, Any] = {
    **{
        request.name: _described(
            request.name,
            request.summary,
            payload_of(request),
            {"action": request.action, **EXAMPLES[request.name]},
            **_CORRELATION,
        )
        for request in REQUESTS
    },
    **{name: _sent(name, message, **_CORRELATION) for name, message in ANSWERS.items()},
    **{name: _sent(name, message) for name, message in FRAMES.items()},
    PUBLISHED_EVENT_NAME: _described(
        PUBLISHED_EVENT_NAME, "An event to publish.", ref("CloudEvent"), PUBLISHED_EVENT_EXAMPLE, **_CLOUDEVENT
    ),
    **{name: _sent(name, message, **_CLOUDEVENT) for name, message in HUB_EVENTS.items()},
}
