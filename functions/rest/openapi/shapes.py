"""What schemas are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.streams import NAME_PATTERN

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["COUNT", "MISSING_RANGE", "NAME", "RESULT", "SEQUENCE", "TIME", "TOKEN", "closed", "many", "opened", "ref"]

NAME: dict[str, Any] = {"type": "string", "pattern": f"^{NAME_PATTERN}$", "examples": ["acme:wf-1"]}
TIME: dict[str, Any] = {"type": "string", "format": "date-time", "examples": ["2018-04-05T17:31:00Z"]}
COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
SEQUENCE: dict[str, Any] = {"type": "integer", "minimum": 1}
TOKEN: dict[str, Any] = {"type": "string", "description": "Opaque; use it as it was given."}
MISSING_RANGE: dict[str, Any] = {"stream": NAME, "first": SEQUENCE, "last": SEQUENCE}
"""The members of a range of removed events."""

RESULT: dict[str, Any] = {
    "stream": NAME,
    "sequence": SEQUENCE,
    "id": {"type": "string"},
    "duplicate": {"type": "boolean"},
}
"""The members of what a publish returns for an event."""


def ref(name: str) -> Mapping[str, str]:
    """A reference to one of the schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def opened(properties: Mapping[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object of these members, which may get further ones.

    Args:
        properties: The schemas of its members.
        optional: Those that may be missing.
    """
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required}


def closed(properties: Mapping[str, Any], *, optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object of these members and no others; the arguments are those of `opened`."""
    return opened(properties, optional=optional) | {"additionalProperties": False}


def many(items: Mapping[str, Any]) -> dict[str, Any]:
    """A list."""
    return {"type": "array", "items": dict(items)}
