"""The messages that clients of `eventstore.v1` send, from the table that the WebSocket function checks them with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from functions.protocol import ID_PATTERN, REQUEST, Kind
from functions.rest.asyncapi.answers import CURSOR_EXAMPLE
from functions.rest.openapi.shapes import NAME, many, ref

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from functions.protocol import Member, Request

__all__ = ["EXAMPLES", "payload_of"]

_TEXT: dict[str, Any] = {"type": "string"}

EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "subscribe": {
        "id": "s1",
        "filters": [{"prefix": {"type": "io.flunq.task."}}],
        "filter_name": "failures",
        "from": "start",
    },
    "join": {"id": "w", "subscription": "workers"},
    "unsubscribe": {"id": "s1"},
    "publish": {
        "request": "r1",
        "events": [{"specversion": "1.0", "id": "1", "source": "/shop", "type": "order.placed"}],
        "stream": "order-1",
        "expected": 0,
    },
    "ping": {},
    "ackCursors": {"id": "w", "cursor": CURSOR_EXAMPLE},
    "ackStream": {"id": "w", "stream": "wf-1", "sequence": 8, "frame": 32},
    "nack": {"id": "w", "stream": "wf-1", "sequence": 9, "frame": 32, "reason": "card declined", "delay": 5},
    "release": {"id": "w", "partition": 7, "frame": 39},
}
"""By the name of the message; its `action` is left out."""


def payload_of(request: Request) -> dict[str, Any]:
    """The JSON Schema of a message that asks for something."""
    members = {member.name: _schema(member) for member in (*request.members, REQUEST)}
    payload: dict[str, Any] = {
        "type": "object",
        "properties": {"action": {"type": "string", "const": request.action}, **members},
        "required": ["action", *(member.name for member in request.required)],
        # The hub refuses members that it does not know.
        "additionalProperties": False,
    }
    if request.exclusive:
        payload["not"] = {"required": [member.name for member in request.exclusive]}
    return payload


def _schema(member: Member) -> dict[str, Any]:
    schema = _OF_KINDS[member.kind](member)
    return {**schema, "description": member.description}


_OF_KINDS: Mapping[Kind, Callable[[Member], Mapping[str, Any]]] = {
    Kind.ID: lambda _: {"type": "string", "pattern": f"^{ID_PATTERN}$"},
    Kind.TEXT: lambda member: _TEXT | ({"maxLength": member.maximum} if member.maximum else {}),
    Kind.TEXTS: lambda _: {"anyOf": [_TEXT, many(_TEXT) | {"minItems": 1}]},
    Kind.NAME: lambda _: NAME,
    Kind.NAMES: lambda member: {"anyOf": [NAME, many(NAME) | {"minItems": 1, "maxItems": member.maximum}]},
    Kind.INTEGER: lambda member: {"type": "integer", "minimum": 0, "maximum": member.maximum},
    Kind.BOOLEAN: lambda _: {"type": "boolean", "default": False},
    Kind.CHOICE: lambda member: {"type": "string", "enum": list(member.choices), "default": member.choices[0]},
    Kind.FILTERS: lambda _: many(ref("Filter")),
    Kind.EVENTS: lambda _: many(ref("CloudEvent")),
}
