"""The schema of the data of an event type, as it is stored."""

from __future__ import annotations

import json
from dataclasses import dataclass

__all__ = ["MOST_SCHEMAS", "EventSchema"]

MOST_SCHEMAS = 200
"""Each process that publishes reads all that are stored, so their number is limited."""


@dataclass(frozen=True, slots=True)
class EventSchema:
    """A schema that an operator stored for an event type.

    Attributes:
        key: Never reused, so that a schema that was stored again for the same type has other versions.
        name: The type.
        text: The JSON Schema (2020-12) of the data, as JSON.
        enforce: Whether the hub refuses events of the type whose data do not match.
        version: The number of its definition, from 1; every change adds 1.
        created: When it was created, in milliseconds since 1970.
        changed: When it was changed last, in milliseconds since 1970.
    """

    key: str
    name: str
    text: str
    enforce: bool
    version: int = 1
    created: int = 0
    changed: int = 0

    @property
    def tag(self) -> str:
        """A tag that no other definition has, of this or any other schema of the same type."""
        return f"{self.version}.{self.key}"

    def encoded(self) -> str:
        """Return the text that `decoded` reads."""
        members = {
            "key": self.key,
            "name": self.name,
            "schema": self.text,
            "enforce": self.enforce,
            "version": self.version,
            "created": self.created,
            "changed": self.changed,
        }
        return json.dumps(members, separators=(",", ":"))

    @classmethod
    def decoded(cls, text: str) -> EventSchema:
        """Return the schema that was encoded. Members of a later release are passed over."""
        members = json.loads(text)
        return cls(
            key=members["key"],
            name=members["name"],
            text=members["schema"],
            enforce=members["enforce"],
            version=members["version"],
            created=members["created"],
            changed=members["changed"],
        )
