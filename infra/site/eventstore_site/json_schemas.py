"""JSON Schemas as Markdown."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["cell", "properties", "type_text"]


def cell(text: str) -> str:
    """Return a text that fits into a cell of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def type_text(schema: Mapping[str, Any], link: Callable[[str], str]) -> str:
    """Return what a value is, in a few words.

    Args:
        schema: The schema of the value.
        link: Returns the link to a schema that has a name.
    """
    if "$ref" in schema:
        return link(schema["$ref"].rpartition("/")[2])
    for key, joined in (("anyOf", " or "), ("oneOf", " or "), ("allOf", " and ")):
        if key in schema:
            return joined.join(dict.fromkeys(type_text(part, link) for part in schema[key]))
    if "const" in schema or "enum" in schema:
        return ", ".join(_code(value) for value in schema.get("enum", [schema.get("const")]))
    return _kind(schema, link)


def _kind(schema: Mapping[str, Any], link: Callable[[str], str]) -> str:
    """What a value of a type is."""
    kind = schema.get("type", "any JSON")
    if kind == "array":
        return f"array of {type_text(schema.get('items', {}), link)}"
    if kind == "object" and isinstance(schema.get("additionalProperties"), dict) and not schema.get("properties"):
        return f"object of {type_text(schema['additionalProperties'], link)}"
    text = kind if isinstance(kind, str) else " or ".join(kind)
    return f"{text} ({schema['format']})" if "format" in schema else text


def properties(schema: Mapping[str, Any], link: Callable[[str], str]) -> Iterator[str]:
    """Yield the lines of a table of the members of an object; nothing for other values.

    Args:
        schema: The schema of the object.
        link: See `type_text`.
    """
    members = schema.get("properties", {})
    if not members:
        return
    required = set(schema.get("required", ()))
    yield "| member | type | |"
    yield "| --- | --- | --- |"
    for name, member in members.items():
        about = [member.get("description", ""), *_limits(member)]
        text = " ".join(part for part in (*(["required."] if name in required else []), *about) if part)
        yield f"| `{name}` | {cell(type_text(member, link))} | {cell(text)} |"
    yield ""


def _limits(schema: Mapping[str, Any]) -> Iterator[str]:
    if "default" in schema:
        yield f"Default: {_code(schema['default'])}."
    for key, text in (("minimum", "At least"), ("maximum", "At most")):
        if key in schema:
            yield f"{text} {schema[key]}."
    for key, text in (("maxItems", "At most {} items."), ("maxLength", "At most {} characters.")):
        if key in schema:
            yield text.format(schema[key])


def _code(value: object) -> str:
    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
