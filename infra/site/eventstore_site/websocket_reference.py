"""The page of the WebSocket API, from its AsyncAPI document."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from eventstore_site.json_schemas import properties, type_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["websocket_reference"]

_DIRECTIONS = {"receive": "from the client", "send": "from the hub"}
"""An AsyncAPI document describes the hub: what it receives is what clients send."""


def websocket_reference(document: Mapping[str, Any]) -> str:
    """Return the page of an AsyncAPI document, which stands beside the page as `asyncapi.json`."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield "# WebSocket API\n"
    yield (
        "This page is generated from the AsyncAPI document that each hub serves as `/api/v1/asyncapi.json`; "
        "[asyncapi.json](asyncapi.json) is the same document. [The protocol](../protocol.md) explains in which order "
        "messages come and what they guarantee.\n"
    )
    for name, channel in document["channels"].items():
        yield f"## {channel.get('title', name)}\n"
        yield f"{channel.get('summary', '')} Address: `{channel['address']}`.\n"
        yield "| message | | |"
        yield "| --- | --- | --- |"
        for operation in document["operations"].values():
            if operation["channel"]["$ref"] == f"#/channels/{name}":
                for message in _names(operation):
                    direction = _DIRECTIONS[operation["action"]]
                    yield f"| [{message}](#{message.lower()}) | {direction} | {operation.get('summary', '')} |"
                for message in _names(operation.get("reply", {})):
                    yield f"| [{message}](#{message.lower()}) | from the hub | an answer to it |"
        yield ""
    yield "## Messages\n"
    for name, message in document["components"]["messages"].items():
        yield f"### {name}\n"
        yield f"{message.get('summary', '')}\n"
        table = list(properties(message["payload"], _link))
        yield from table or [f"A value: {type_text(message['payload'], _link)}.\n"]
        for example in message.get("examples", ())[:1]:
            yield f"```json\n{json.dumps(example['payload'])}\n```\n"
    yield "## Schemas\n"
    for name, schema in document["components"]["schemas"].items():
        yield f'<h3 id="schema-{name.lower()}">{name}</h3>\n'
        if "description" in schema:
            yield f"{schema['description']}\n"
        table = list(properties(schema, _link))
        yield from table or [f"A value: {type_text(schema, _link)}.\n"]


def _names(operation: Mapping[str, Any]) -> list[str]:
    return [message["$ref"].rpartition("/")[2] for message in operation.get("messages", ())]


def _link(name: str) -> str:
    return f"[{name}](#schema-{name.lower()})"
