"""The operators' use cases of schemas of event types: store and delete."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eventstore.access import Scope
from eventstore.cloudevents import catalogue
from eventstore.errors import InvalidQuery, InvalidSchema, SchemaNotFound, WrongSchemaVersion
from eventstore.ports import MOST_SCHEMAS, EventSchema
from eventstore.streams import is_name

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from eventstore.access import Access
    from eventstore.ports import Clock, EventSchemas

__all__ = ["SchemaAdmin"]


class SchemaAdmin:
    """Manages schemas. A caller needs the scope `admin` for all streams: a schema concerns the events of all tenants.

    Args:
        schemas: Holds the schemas.
        clock: Tells the time.
        new_id: Draws the key of a new schema.
        changed: Called after a change: this process enforces it at once.
    """

    def __init__(
        self, schemas: EventSchemas, *, clock: Clock, new_id: Callable[[], str], changed: Callable[[], None]
    ) -> None:
        self._schemas = schemas
        self._clock = clock
        self._new_id = new_id
        self._changed = changed

    def put(
        self,
        name: str,
        schema: object | None,
        *,
        enforce: bool,
        access: Access,
        versions: Collection[str] | None = None,
        exists: bool | None = None,
    ) -> tuple[EventSchema, bool]:
        """Store the schema of a type. One that stays as it is keeps its version.

        Args:
            name: The type.
            schema: The schema; None for that of the catalogue.
            enforce: Whether to refuse events of the type whose data do not match.
            access: The caller's access.
            versions: The versions (`EventSchema.tag`) that the stored schema may have; None for any.
            exists: Whether a stored schema must exist, or must not; None for either.

        Returns:
            The stored schema, and whether this call created it.

        Raises:
            Forbidden: The access does not allow it.
            InvalidQuery: The type has characters that a schema's type cannot have.
            InvalidSchema: The schema violates a rule, or there are too many.
            WrongSchemaVersion: The schema has another version, or exists against the condition; nothing is changed.
        """
        _require_admin(access)
        if not is_name(name):
            raise InvalidQuery("a type with a schema must be 1 to 200 letters, digits or . _ : ~ -", pointer="type")
        # Imported here: only who stores or enforces a schema needs the validator.
        from eventstore.write.schema_validation import schema_text  # noqa: PLC0415 - see above

        if schema is None:
            schema = catalogue.schema(name)
            if schema is None:
                raise InvalidSchema(f"the catalogue has no schema of {name!r}: send one", pointer="/schema")
            schema = dict(schema)
        text = schema_text(schema)
        try:
            return self._store(name, text, versions, enforce=enforce, exists=exists)
        finally:
            # Also after an error: it may have been stored.
            self._changed()

    def delete(self, name: str, *, access: Access, versions: Collection[str] | None = None) -> None:
        """Delete the stored schema of a type. That of the catalogue stays, and is not enforced.

        Args:
            name: The type.
            access: The caller's access.
            versions: As in `put`.

        Raises:
            Forbidden: The access does not allow it.
            SchemaNotFound: None is stored for this type.
            WrongSchemaVersion: It has another version.
        """
        _require_admin(access)
        try:
            self._delete(name, versions)
        finally:
            self._changed()

    def _delete(self, name: str, versions: Collection[str] | None) -> None:
        stored = self._schemas.get(name)
        while True:
            if versions is not None and stored.tag not in versions:
                raise WrongSchemaVersion(name, actual=stored.tag)
            if self._schemas.delete(stored):
                return
            try:
                stored = self._schemas.get(name)
            except SchemaNotFound:
                # Deleted meanwhile, or by this call: a command whose answer was lost is repeated.
                return

    def _store(
        self, name: str, text: str, versions: Collection[str] | None, *, enforce: bool, exists: bool | None
    ) -> tuple[EventSchema, bool]:
        now = self._clock.now()
        created = EventSchema(self._new_id(), name, text, enforce, created=now, changed=now)
        replacement = created
        while True:
            try:
                stored = self._schemas.get(name)
            except SchemaNotFound:
                if versions is not None or exists:
                    raise WrongSchemaVersion(name, actual=None) from None
                self._require_room()
                if self._schemas.create(created):
                    return created, True
                continue
            is_same = (stored.text, stored.enforce) == (text, enforce)
            # A command whose answer was lost is repeated, and then finds what it has stored itself.
            if stored.tag in {created.tag, replacement.tag} and is_same:
                return stored, stored.tag == created.tag
            if exists is False or (versions is not None and stored.tag not in versions):
                raise WrongSchemaVersion(name, actual=stored.tag)
            if is_same:
                return stored, False
            replacement = replace(stored, text=text, enforce=enforce, version=stored.version + 1, changed=now)
            if self._schemas.change(stored, replacement):
                return replacement, False

    def _require_room(self) -> None:
        if len(self._schemas.list(prefix="", after="", count=MOST_SCHEMAS)) >= MOST_SCHEMAS:
            raise InvalidSchema(f"{MOST_SCHEMAS} schemas are stored, which is the maximum; delete one first")


def _require_admin(access: Access) -> None:
    access.require(Scope.ADMIN)
    access.require_all_streams()
