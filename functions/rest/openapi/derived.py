"""Derives the schemas of answers from their types, when a document is asked for."""

from __future__ import annotations

from types import GenericAlias
from typing import TYPE_CHECKING, Any

from pydantic import ConfigDict, TypeAdapter
from pydantic.json_schema import GenerateJsonSchema

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic.json_schema import JsonSchemaValue
    from pydantic_core.core_schema import TypedDictSchema

__all__ = ["derived"]


class _Untitled(GenerateJsonSchema):
    """Leaves out titles, which would repeat the names of members and components."""

    def field_title_should_be_set(self, schema: object) -> bool:  # noqa: ARG002 - pydantic passes it
        return False

    def typed_dict_schema(self, schema: TypedDictSchema) -> JsonSchemaValue:
        titled = super().typed_dict_schema(schema)
        return {keyword: value for keyword, value in titled.items() if keyword != "title"}


def derived(types: Sequence[object], *, closed: bool) -> dict[str, Any]:
    """Return the schemas of types, and of all that these refer to, by name.

    Args:
        types: Subclasses of `TypedDict`, and named aliases.
        closed: Whether objects have the members of their types only; else clients ignore those that they do not know.
    """
    # A TypedDict takes over the configuration of what contains it.
    config = ConfigDict(extra="forbid" if closed else "ignore", defer_build=True)
    together: Any = GenericAlias(tuple, tuple(types))
    adapter: TypeAdapter[Any] = TypeAdapter(together, config=config)
    schema = adapter.json_schema(
        ref_template="#/components/schemas/{model}",
        union_format="primitive_type_array",
        schema_generator=_Untitled,
        mode="serialization",
    )
    definitions: dict[str, Any] = schema["$defs"]
    return definitions
