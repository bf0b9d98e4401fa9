"""What schemas of parameters, requests and events are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.streams import NAME_PATTERN

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["NAME", "TIME", "body", "many", "ref"]

NAME: dict[str, Any] = {"type": "string", "pattern": f"^{NAME_PATTERN}$", "examples": ["acme:wf-1"]}
TIME: dict[str, Any] = {"type": "string", "format": "date-time", "examples": ["2018-04-05T17:31:00Z"]}


def ref(name: str) -> Mapping[str, str]:
    """A reference to one of the schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def body(schema: str, *others: str) -> dict[str, Any]:
    """The body of a request, in JSON.

    Args:
        schema: The name of its schema.
        others: The media types that are accepted beside application/json.
    """
    content = {kind: {"schema": ref(schema)} for kind in (*others, "application/json")}
    return {"required": True, "content": content}


def many(items: Mapping[str, Any]) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "items": dict(items)}
