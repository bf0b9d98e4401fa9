"""Checking schemas, and data by them. Only who stores or enforces a schema imports this module and `jsonschema`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from eventstore.errors import InvalidSchema

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["MAX_BYTES", "Validator", "Violation", "schema_text"]

MAX_BYTES = 16 * 1024
"""The size of a schema as JSON. Each process that publishes holds all that are enforced."""

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_REFERENCES = ("$ref", "$dynamicRef")
_BY_NAME = frozenset({"$defs", "definitions", "dependentSchemas", "patternProperties", "properties"})
"""Keywords whose values are schemas by name."""
_APPLICATORS = frozenset(
    {
        *("additionalProperties", "allOf", "anyOf", "contains", "contentSchema", "else", "if", "items", "not", "oneOf"),
        *("prefixItems", "propertyNames", "then", "unevaluatedItems", "unevaluatedProperties"),
    }
)
"""Keywords whose values are a schema, or a list of schemas."""
_MAX_MESSAGE = 300
_NO_SCHEMAS: Registry[Any] = Registry()
"""A registry that fetches nothing: a reference to another document is an error."""


class Violation(NamedTuple):
    """How data violate a schema: the JSON pointer into the data (RFC 6901), and a sentence."""

    pointer: str
    detail: str


class Validator:
    """Checks data by a schema that `schema_text` accepted."""

    def __init__(self, text: str) -> None:
        self._validator = Draft202012Validator(json.loads(text), registry=_NO_SCHEMAS)

    def violation(self, text: str) -> Violation | None:
        """Return the violation that says most about data; None if the data match.

        Args:
            text: The data, as JSON.
        """
        try:
            error = best_match(self._validator.iter_errors(json.loads(text)))
        except RecursionError:
            return Violation("", "they are nested too deeply to be checked")
        except Unresolvable:
            # A reference leads to a part that is no schema by its place, and that refers to something else.
            return Violation("", "their schema refers to what it does not contain")
        except (ArithmeticError, ValueError):
            # Python reads no integer of more than 4,300 digits, and divides none that exceeds a float.
            return Violation("", "they contain a number that is too long to be checked")
        if error is None:
            return None
        message = error.message if len(error.message) <= _MAX_MESSAGE else f"{error.message[:_MAX_MESSAGE]}…"
        return Violation("".join(f"/{_escaped(str(step))}" for step in error.absolute_path), message)


def schema_text(value: object, *, pointer: str = "/schema") -> str:
    """Return the JSON text of a schema, whose members keep their order.

    Args:
        value: The schema.
        pointer: Where the request has it (RFC 6901), for errors.

    Raises:
        InvalidSchema: It is not a valid JSON Schema of 2020-12, is too long, or refers to another document.
    """
    if not isinstance(value, dict):
        raise InvalidSchema("the schema must be a JSON object", pointer=pointer)
    if value.get("$schema", _DIALECT) != _DIALECT:
        raise InvalidSchema(f"$schema must be {_DIALECT!r} or omitted", pointer=f"{pointer}/$schema")
    try:
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
        _require_valid(value, pointer)
        _require_own_references(value, pointer)
    except RecursionError:
        raise InvalidSchema("the schema is nested too deeply", pointer=pointer) from None
    except ValueError as error:
        raise InvalidSchema(
            f"the schema contains a number that JSON cannot represent: {error}", pointer=pointer
        ) from None
    if len(text) > MAX_BYTES:
        raise InvalidSchema(f"the schema is {len(text)} bytes long; at most {MAX_BYTES} are allowed", pointer=pointer)
    return text


def _require_valid(schema: Mapping[str, Any], pointer: str) -> None:
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = "".join(f"/{_escaped(str(step))}" for step in error.absolute_path)
        raise InvalidSchema(
            f"not a valid JSON Schema: {error.message[:_MAX_MESSAGE]}", pointer=f"{pointer}{place}"
        ) from None


def _require_own_references(schema: Mapping[str, Any], pointer: str) -> None:
    """Raise `InvalidSchema` unless every reference is to the schema itself."""
    resolver = _NO_SCHEMAS.with_resource("", DRAFT202012.create_resource(schema)).resolver("")
    for place, part in _parts(schema, pointer):
        if place != pointer and "$id" in part:
            raise InvalidSchema("only the whole schema may have an $id", pointer=f"{place}/$id")
        for keyword in _REFERENCES:
            reference = part.get(keyword)
            if not isinstance(reference, str):
                continue
            try:
                if not reference.startswith("#"):
                    raise InvalidSchema(
                        f"{keyword} must refer to this schema, as in '#/$defs/name', not to {reference[:80]!r}",
                        pointer=f"{place}/{keyword}",
                    )
                resolver.lookup(reference)
            except Unresolvable:
                raise InvalidSchema(
                    f"the schema does not contain {reference[:80]!r}", pointer=f"{place}/{keyword}"
                ) from None


def _parts(schema: object, place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield a schema and those within it, with their places."""
    if not isinstance(schema, dict):
        return
    yield place, schema
    for keyword, value in schema.items():
        at = f"{place}/{_escaped(keyword)}"
        if keyword in _BY_NAME and isinstance(value, dict):
            for name, part in value.items():
                yield from _parts(part, f"{at}/{_escaped(name)}")
        elif keyword in _APPLICATORS:
            for index, part in enumerate(value) if isinstance(value, list) else ():
                yield from _parts(part, f"{at}/{index}")
            yield from _parts(value, at)


def _escaped(step: str) -> str:
    return step.replace("~", "~0").replace("/", "~1")
