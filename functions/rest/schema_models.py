"""The body of a schema of an event type: pydantic checks it and makes its schema, as in `models`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, Field

from functions.rest.models import Body, parsed, without_default

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["MODELS", "SchemaDefinition", "schema_definition"]


class SchemaDefinition(Body):
    """The schema of an event type."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, json_schema_extra={"minProperties": 1})

    # The core checks the schema. A member named `schema` would hide a method of pydantic's.
    schema_: dict[str, Any] | None = Field(
        default=None,
        alias="schema",
        description="A JSON Schema (2020-12) of the data; that of the catalogue if omitted.",
        examples=[{"type": "object", "required": ["amount"], "properties": {"amount": {"type": "number"}}}],
        json_schema_extra=without_default,
    )
    enforce: bool = Field(default=False, description="Whether to refuse events whose data do not match.")


MODELS: Sequence[type[Body]] = (SchemaDefinition,)
"""The bodies of calls that concern schemas."""


def schema_definition(body: bytes) -> SchemaDefinition:
    """Return the definition in a body.

    Raises:
        Malformed, InvalidBody: As `models.parsed`.
    """
    return parsed(SchemaDefinition, body)
