"""Schemas of event types, listed and described: those of the catalogue, and those that operators stored."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.cloudevents import catalogue
from eventstore.errors import SchemaNotFound

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.access import Access
    from eventstore.ports import EventSchema, EventSchemas

__all__ = ["DescribedSchema", "SchemaDirectory"]


@dataclass(frozen=True, slots=True)
class DescribedSchema:
    """The schema of a type.

    Attributes:
        name: The type.
        text: The schema, as JSON.
        stored: What an operator stored; None if the schema is the catalogue's.
    """

    name: str
    text: str
    stored: EventSchema | None

    @property
    def tag(self) -> str:
        """A tag of its version: that of the stored schema, or of the catalogue."""
        return self.stored.tag if self.stored else "catalogue"


class SchemaDirectory:
    """Finds schemas. What operators stored for a type takes the place of the catalogue's.

    Every caller with a scope sees all schemas: event types belong to no tenant.
    """

    def __init__(self, schemas: EventSchemas) -> None:
        self._schemas = schemas

    def list(self, *, access: Access, prefix: str = "", after: str = "", count: int) -> Sequence[DescribedSchema]:
        """Return schemas in the order of their types.

        Args:
            access: The caller's access.
            prefix: Only types that start with it.
            after: Only types greater than it.
            count: The maximum number of schemas.

        Raises:
            Forbidden: The access has no scope.
        """
        access.require(*Scope)
        stored = {schema.name: schema for schema in self._schemas.list(prefix=prefix, after=after, count=count)}
        own = {name for name in catalogue.event_types() if name.startswith(prefix) and name > after}
        names = sorted({*stored, *own})[:count]
        return [_described(name, stored.get(name)) for name in names]

    def describe(self, name: str, *, access: Access) -> DescribedSchema:
        """Return the schema of a type, which may be given by its short name in the catalogue.

        Args:
            name: The type.
            access: The caller's access.

        Raises:
            Forbidden: The access has no scope.
            SchemaNotFound: There is none.
        """
        access.require(*Scope)
        try:
            return _described(name, self._schemas.get(name))
        except SchemaNotFound:
            full = catalogue.resolve(name)
            if full != name:
                return self.describe(full, access=access)
            if catalogue.schema(name) is None:
                raise
            return _described(name, None)


def _described(name: str, stored: EventSchema | None) -> DescribedSchema:
    text = stored.text if stored else json.dumps(catalogue.schema(name), separators=(",", ":"))
    return DescribedSchema(name, text, stored)
