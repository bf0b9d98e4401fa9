"""Every message of both subprotocols, by name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.protocol import REQUESTS
from functions.rest.asyncapi.answers import ANSWERS, FRAMES, HubMessage
from functions.rest.asyncapi.bare import HUB_EVENTS, PUBLISHED_EVENT
from functions.rest.asyncapi.requests import EXAMPLES, payload_of

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


def _described(name: str, message: HubMessage, **more: object) -> dict[str, Any]:
    # A name is that of the message's type, for people; the key is what references have.
    return {
        "name": name,
        "summary": message.summary,
        "payload": message.payload,
        "examples": [{"payload": message.example}],
        **more,
    }


MESSAGES: dict[str, Any] = {
    **{
        request.name: _described(
            request.name,
            HubMessage(request.summary, payload_of(request), {"action": request.action, **EXAMPLES[request.name]}),
            **_CORRELATION,
        )
        for request in REQUESTS
    },
    **{name: _described(name, message, **_CORRELATION) for name, message in ANSWERS.items()},
    **{name: _described(name, message) for name, message in FRAMES.items()},
    PUBLISHED_EVENT_NAME: _described(PUBLISHED_EVENT_NAME, PUBLISHED_EVENT, **_CLOUDEVENT),
    **{name: _described(name, message, **_CLOUDEVENT) for name, message in HUB_EVENTS.items()},
}
