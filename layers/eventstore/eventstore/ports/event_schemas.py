"""Schemas that operators stored for event types, by type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.ports.schema_values import EventSchema

__all__ = ["EventSchemas"]


class EventSchemas(Protocol):
    """Stores schemas. Every method is atomic, and raises `StoreUnavailable` if the store does not answer."""

    def create(self, record: EventSchema) -> bool:
        """Store a schema, and return True; return False if there is one of this type.

        Raises:
            StoreFull: The store is out of memory.
        """

    def get(self, name: str) -> EventSchema:
        """Return the schema of a type; raise `SchemaNotFound` if there is none."""

    def list(self, *, prefix: str, after: str, count: int) -> Sequence[EventSchema]:
        """Return schemas in lexicographic order of their types.

        Args:
            prefix: Only types that start with it.
            after: Only types greater than it.
            count: The maximum number of schemas.
        """

    def change(self, old: EventSchema, new: EventSchema) -> bool:
        """Replace a schema, unless it was changed or deleted meanwhile.

        Args:
            old: The schema that the caller read.
            new: Its replacement, of the same type.

        Returns:
            Whether `new` is stored now; False if the stored schema is no longer `old`.
        """

    def delete(self, old: EventSchema) -> bool:
        """Delete a schema, unless it was changed or deleted meanwhile.

        Args:
            old: The schema that the caller read.

        Returns:
            Whether it was deleted; False if the stored schema is no longer `old`.
        """
