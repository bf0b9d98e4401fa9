"""The page of the REST API, from its OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore_site.json_schemas import cell, properties, type_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["rest_reference"]

_METHODS = ("get", "post", "put", "patch", "delete")


def rest_reference(document: Mapping[str, Any]) -> str:
    """Return the page of an OpenAPI document, which stands beside the page as `openapi.json`."""
    return "\n".join(_lines(document)) + "\n"


def _lines(document: Mapping[str, Any]) -> Iterator[str]:
    yield "# REST API\n"
    yield (
        "This page is generated from the OpenAPI document that each hub serves as `/api/v1/openapi.json`; "
        "[openapi.json](openapi.json) is the same document. At `/api/v1/docs`, a hub shows it as a page that can make "
        "the calls. `HEAD` is allowed wherever `GET` is.\n"
    )
    yield document["info"]["description"]
    for tag in document["tags"]:
        yield f"## {tag['name'].capitalize()}\n"
        yield f"{tag['description']}\n"
        for path, methods in document["paths"].items():
            for method in _METHODS:
                if tag["name"] in methods.get(method, {}).get("tags", ()):
                    parameters = [*methods.get("parameters", ()), *methods[method].get("parameters", ())]
                    yield from _call(f"{method.upper()} {path}", methods[method], parameters, document)
    yield "## Bodies\n"
    for name, schema in document["components"]["schemas"].items():
        yield f"### {name}\n"
        if "description" in schema:
            yield f"{schema['description']}\n"
        table = list(properties(schema, _link))
        yield from table or [f"A value: {type_text(schema, _link)}.\n"]


def _call(
    title: str, call: Mapping[str, Any], parameters: list[Mapping[str, Any]], document: Mapping[str, Any]
) -> Iterator[str]:
    yield f"### {title}\n"
    yield f"{call['summary']}. {call.get('description', '')}\n"
    if parameters:
        yield "| parameter | in | type | |"
        yield "| --- | --- | --- | --- |"
        for parameter in parameters:
            about = ("required. " if parameter.get("required") else "") + parameter.get("description", "")
            kind = cell(type_text(parameter.get("schema", {}), _link))
            yield f"| `{parameter['name']}` | {parameter['in']} | {kind} | {cell(about)} |"
        yield ""
    if "requestBody" in call:
        yield "| body | |"
        yield "| --- | --- |"
        yield from _contents(call["requestBody"]["content"])
        yield ""
    yield "| status | | body |"
    yield "| --- | --- | --- |"
    for status, response in call["responses"].items():
        answer = _resolved(response, document)
        bodies = ", ".join(type_text(media.get("schema", {}), _link) for media in answer.get("content", {}).values())
        yield f"| {status} | {cell(answer['description'])} | {cell(bodies)} |"
    yield ""


def _contents(contents: Mapping[str, Any]) -> Iterator[str]:
    for media_type, media in contents.items():
        yield f"| `{media_type}` | {cell(type_text(media.get('schema', {}), _link))} |"


def _resolved(part: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """A part of the document, or what it refers to."""
    found: Any = part
    while "$ref" in found:
        target: Any = document
        for step in found["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        found = target
    return found  # type: ignore[no-any-return] # a part of a JSON document


def _link(name: str) -> str:
    return f"[{name}](#{name.lower()})"
