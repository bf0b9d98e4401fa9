"""The API documents for tests: with resolved references, and schemas as validators."""

from __future__ import annotations

import gzip
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from functions.rest.asyncapi import document

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["asyncapi", "asyncapi_schema", "failures", "references", "resolved", "undescribed"]

_SCHEMAS = Path(__file__).parent / "schemas"
_URI = "urn:asyncapi"


@cache
def asyncapi() -> Mapping[str, Any]:
    """The AsyncAPI document, as the hub serves it."""
    content: dict[str, Any] = json.loads(json.dumps(document()))
    return content


@cache
def asyncapi_schema() -> Draft7Validator:
    """The schema of AsyncAPI documents."""
    return Draft7Validator(json.loads(gzip.decompress((_SCHEMAS / "asyncapi-3.0.0.json.gz").read_bytes())))


def references(part: object) -> Iterator[str]:
    """Every reference within a part of a document."""
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            else:
                yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def resolved(whole: Mapping[str, Any], reference: str) -> Any:  # noqa: ANN401 - whatever stands there
    """The target of a reference within a document; raises `KeyError` without a target."""
    target: Any = whole
    for step in reference.removeprefix("#/").split("/"):
        target = target[step.replace("~1", "/").replace("~0", "~")]
    return target


@cache
def _validator(name: str) -> Draft7Validator:
    registry = Registry().with_resource(_URI, DRAFT7.create_resource(asyncapi()))
    return Draft7Validator({"$ref": f"{_URI}#/components/messages/{name}/payload"}, registry=registry)


def failures(name: str, message: object) -> list[str]:
    """The deviations of a message from the document.

    Args:
        name: The message's key in the components of the AsyncAPI document.
        message: Its payload.
    """
    return [f"{error.json_path}: {error.message}" for error in _validator(name).iter_errors(message)]


@cache
def _sent_by_the_hub() -> Mapping[str, list[str]]:
    """The names of the hub's messages, by type."""
    names: dict[str, list[str]] = {}
    for name, message in asyncapi()["components"]["messages"].items():
        kind = message["payload"].get("properties", {}).get("type", {}).get("const")
        if kind:
            names.setdefault(kind, []).append(name)
    return names


def undescribed(message: Mapping[str, Any]) -> list[str]:
    """The parts of a hub message that the document does not describe; empty if it conforms."""
    names = _sent_by_the_hub().get(message["type"], ["recordedEvent"] if "hubstream" in message else [])
    complaints = [f"no message has the type {message['type']}"]
    for name in names:
        complaints = failures(name, message)
        if name != "recordedEvent":
            properties = asyncapi()["components"]["messages"][name]["payload"]["properties"]
            complaints += [f"{name} has no member {member}" for member in message.keys() - properties.keys()]
        if not complaints:
            break
    return complaints
