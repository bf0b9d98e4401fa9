"""The event types of flunq.io: JSON Schemas (2020-12) of their data, and their short names.

`events.json` is the only source. The client's constructors are generated from it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["SCHEMAS", "aliases", "document", "event_types", "resolve", "schema", "schema_url"]

SCHEMAS = "https://flunq.io/schemas/v1/"
"""What the `dataschema` of each type begins with. It is an identifier: nothing needs to be served there."""

_PREFIX = "io.flunq."


@cache
def document() -> Mapping[str, Any]:
    """Return the whole catalogue: a JSON Schema whose `$defs` are the members of data, and the types."""
    content: Mapping[str, Any] = json.loads(Path(__file__).with_name("events.json").read_text(encoding="utf-8"))
    return content


@cache
def event_types() -> Sequence[str]:
    """Return the types of the catalogue, in lexicographic order."""
    return sorted(name for name in document()["$defs"] if name.startswith(_PREFIX))


@cache
def aliases() -> Mapping[str, str]:
    """Return the type for each short name, such as `task.completed`."""
    defined = document()["$defs"]
    return {defined[name]["x-alias"]: name for name in event_types() if "x-alias" in defined[name]}


def resolve(name: str) -> str:
    """Return the type that a short name stands for; any other text is returned as it is."""
    return aliases().get(name, name)


def schema_url(name: str) -> str:
    """Return the `dataschema` of events of a type of the catalogue."""
    return SCHEMAS + name


@cache
def schema(name: str) -> Mapping[str, Any] | None:
    """Return the JSON Schema of the data of a type, which refers to no other schema; None for an unknown type.

    Args:
        name: The type, or its short name.
    """
    defined = document()["$defs"]
    full = resolve(name)
    if full not in event_types():
        return None
    definition = dict(defined[full])
    properties = {member: defined[member] for member in definition["properties"]}
    return {
        "$schema": document()["$schema"],
        **definition,
        "$id": schema_url(full),
        "properties": properties,
    }
