"""The channels, one for each subprotocol, and what happens on them, as the hub sees it: it receives requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.subscriptions import BARE, EVENTSTORE
from functions.parameters import HANDSHAKE
from functions.protocol import REQUESTS
from functions.rest.asyncapi.answers import ANSWERS, FRAMES
from functions.rest.asyncapi.bare import HUB_EVENTS
from functions.rest.asyncapi.messages import PUBLISHED_EVENT_NAME
from functions.rest.openapi.parameters import described, query_schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["CHANNELS", "OPERATIONS"]

_ADDRESS = "/ws"
_PROGRAMS, _BROWSERS = "eventstore", "cloudevents"
_BARE_ANSWERS = ("hubPublished", "hubRefused")

_TOKEN: dict[str, Any] = {
    "type": "string",
    "description": "A credential, where the hub asks for one and the client cannot send a header.",
}


def _channel(protocol: str, summary: str, messages: Sequence[str], query: Mapping[str, Any]) -> dict[str, Any]:
    header = {
        "type": "object",
        "properties": {
            "Sec-WebSocket-Protocol": {
                "type": "string",
                "description": f"`{protocol}`; a browser adds `bearer.` and its token in base64url.",
                "examples": [protocol],
            }
        },
    }
    parameters = {**query, "access_token": _TOKEN}
    binding = {
        "method": "GET",
        "query": {"type": "object", "properties": parameters, "additionalProperties": False},
        "headers": header,
        "bindingVersion": "0.1.0",
    }
    return {
        "address": _ADDRESS,
        "title": protocol,
        "summary": summary,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
        "bindings": {"ws": binding},
    }


def _messages(channel: str, names: Sequence[str]) -> list[dict[str, str]]:
    return [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in names]


def _receive(channel: str, summary: str, message: str, answers: Sequence[str]) -> dict[str, Any]:
    reference = {"$ref": f"#/channels/{channel}"}
    return {
        "action": "receive",
        "channel": reference,
        "summary": summary,
        "messages": _messages(channel, [message]),
        "reply": {"channel": reference, "messages": _messages(channel, answers)},
    }


def _send(channel: str, summary: str, messages: Sequence[str]) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": summary,
        "messages": _messages(channel, messages),
    }


CHANNELS: dict[str, Any] = {
    _PROGRAMS: _channel(
        EVENTSTORE,
        "For programs: several subscriptions on one connection, batches, acknowledged publishing.",
        [*(request.name for request in REQUESTS), *ANSWERS, *FRAMES],
        {},
    ),
    _BROWSERS: _channel(
        BARE,
        "For browsers and plain CloudEvents clients: one subscription, named in the URL.",
        [PUBLISHED_EVENT_NAME, *HUB_EVENTS],
        {parameter.name: query_schema(parameter) | {"description": described(parameter)} for parameter in HANDSHAKE},
    ),
}

OPERATIONS: dict[str, Any] = {
    **{
        request.name: _receive(_PROGRAMS, request.summary, request.name, [request.answer, "error"])
        for request in REQUESTS
    },
    "sendFrames": _send(_PROGRAMS, "What a subscription is sent, without a request.", list(FRAMES)),
    "sendDeletion": _send(_PROGRAMS, "A durable subscription was deleted.", ["error"]),
    "publishEvent": _receive(_BROWSERS, "Publish an event.", PUBLISHED_EVENT_NAME, _BARE_ANSWERS),
    "sendEvents": _send(
        _BROWSERS,
        "What the subscription of the URL is sent.",
        [name for name in HUB_EVENTS if name not in _BARE_ANSWERS],
    ),
}
