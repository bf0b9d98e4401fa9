"""The schemas of event types: describing, storing and deleting them."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eventstore_client.calls import Call, empty, etag_condition, listing, path_of
from eventstore_client.operations import Asynchronous, Blocking, listed, request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore_client.calls import Listing, Reply
    from eventstore_client.rest import Rest

__all__ = ["AsyncEventSchemas", "EventSchema", "EventSchemaCalls", "EventSchemas"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventSchema:
    """The schema of an event type.

    Attributes:
        type: The type of the events.
        origin: `stored`, or `catalogue` for a type of flunq.io without a stored schema.
        is_enforced: Whether the hub refuses events whose data do not match.
        schema: The JSON Schema of the data; None in a list.
        version: The number of its definitions; None for a schema of the catalogue.
        etag: The version of this definition, for `expected`; None in a list.
        raw: The schema as the hub sent it, with members that this version of the client does not know.
    """

    type: str
    origin: str
    is_enforced: bool
    schema: Mapping[str, Any] | bool | None
    version: int | None = None
    etag: str | None = None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @classmethod
    def parse(cls, members: Mapping[str, Any], *, etag: str | None = None) -> EventSchema:
        """Parse a schema that the hub sent.

        Raises:
            KeyError, ValueError, TypeError: It is not a schema.
        """
        return cls(
            type=members["type"],
            origin=members["origin"],
            is_enforced=bool(members["enforce"]),
            schema=members.get("schema"),
            version=members.get("version"),
            etag=etag,
            raw=members,
        )


class EventSchemaCalls:
    """The operations of `EventSchemas` and `AsyncEventSchemas`."""

    __slots__ = ()

    @listed
    def list(self, *, prefix: str | None = None, page: int = 100) -> Call[Listing[EventSchema]]:
        """Iterate over the types of the catalogue and those with a stored schema, by name.

        Args:
            prefix: Only types that start with it.
            page: Types per request, 1 to 1,000.
        """
        query = {"prefix": prefix, "limit": page}
        return listing(path_of("schemas"), "schemas", EventSchema.parse, query=query)

    @request
    def get(self, event_type: str) -> Call[EventSchema]:
        """Return the stored schema of a type, else that of the catalogue.

        Args:
            event_type: The type, or a short name of the catalogue.

        Raises:
            NotFound: The type has no schema.
        """
        return Call(method="GET", path=path_of("schemas", event_type), parse=_parse)

    @request
    def put(
        self,
        event_type: str,
        schema: Mapping[str, Any] | None = None,
        *,
        enforce: bool = False,
        expected: str | None = None,
        new: bool = False,
    ) -> Call[EventSchema]:
        """Store the schema of a type.

        Args:
            event_type: The type.
            schema: The JSON Schema (2020-12) of the data; None for that of the catalogue.
            enforce: Refuse events of this type whose data do not match.
            expected: Store it only if the type still has the schema of this `EventSchema.etag`.
            new: Raise an error if a schema is stored.

        Raises:
            Invalid: The schema is invalid.
            WrongVersion: `expected` does not hold, or a schema is stored and `new` is set.
        """
        headers = {**etag_condition(expected), **({"If-None-Match": "*"} if new else {})}
        body = {**({} if schema is None else {"schema": schema}), "enforce": enforce}
        path = path_of("schemas", event_type)
        return Call(method="PUT", path=path, parse=_parse, headers=headers, body=body)

    @request
    def delete(self, event_type: str, *, expected: str | None = None) -> Call[None]:
        """Delete the stored schema of a type; that of the catalogue remains, and is not enforced.

        Args:
            event_type: The type.
            expected: Delete it only if the type still has the schema of this `EventSchema.etag`.

        Raises:
            NotFound: No schema is stored for the type.
            WrongVersion: `expected` does not hold.
        """
        path, headers = path_of("schemas", event_type), etag_condition(expected)
        return Call(method="DELETE", path=path, parse=empty, headers=headers, already_done=lambda: None)


@dataclass(frozen=True, slots=True)
class EventSchemas(EventSchemaCalls, Blocking):
    """The schemas of one hub (`EventStore.schemas`)."""

    _rest: Rest


@dataclass(frozen=True, slots=True)
class AsyncEventSchemas(EventSchemaCalls, Asynchronous):
    """The schemas of one hub (`AsyncEventStore.schemas`)."""

    _rest: Rest


def _parse(reply: Reply) -> EventSchema:
    return EventSchema.parse(json.loads(reply.body), etag=reply.etag)
