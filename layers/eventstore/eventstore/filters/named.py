"""Named filters: filters that are stored under a name, and the reference of a subscription to one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eventstore.errors import InvalidFilter
from eventstore.filters.parsing import parse_filters

if TYPE_CHECKING:
    from eventstore.filters.filter import Filter
    from eventstore.streams import FilterName

__all__ = ["FilterReference", "NamedFilter", "combined", "require_half"]

_MAX_BYTES = 4 * 1024
"""Half of what a filter may have: a named filter and the filter of a subscription that names it fit together."""


@dataclass(frozen=True, slots=True)
class NamedFilter:
    """A filter that is stored under a name.

    Attributes:
        key: Never reused, so that a filter that was recreated under the same name has other versions.
        name: The name that its creator chose.
        filter: The filter.
        version: The number of its definition, from 1; every change adds 1.
        created: When it was created, in milliseconds since 1970.
        changed: When it was changed last, in milliseconds since 1970.
        uses: How often a durable subscription began to name it. A deletion compares it, so that it does not overtake a
            subscription that begins to name the filter.
    """

    key: str
    name: FilterName
    filter: Filter
    version: int = 1
    created: int = 0
    changed: int = 0
    uses: int = 0

    @property
    def tag(self) -> str:
        """A tag that no other definition has, of this or any other filter of the same name."""
        return f"{self.version}.{self.key}"

    def encoded(self) -> str:
        """Return the text that `decoded` reads."""
        members = {
            "key": self.key,
            "name": self.name,
            "filters": json.loads(self.filter.text),
            "version": self.version,
            "created": self.created,
            "changed": self.changed,
            "uses": self.uses,
        }
        return json.dumps(members, separators=(",", ":"))

    @classmethod
    def decoded(cls, text: str) -> NamedFilter:
        """Return the filter that was encoded. Members of a later release are passed over."""
        members = json.loads(text)
        return cls(
            key=members["key"],
            name=members["name"],
            filter=parse_filters(members["filters"]),
            version=members["version"],
            created=members["created"],
            changed=members["changed"],
            uses=members["uses"],
        )


@dataclass(frozen=True, slots=True)
class FilterReference:
    """The reference of a subscription to a named filter.

    Attributes:
        name: The name of the filter.
        own: The filter that the subscription has itself, the restriction of its creator included. An event must match
            both.
    """

    name: FilterName
    own: Filter

    def applied(self, named: NamedFilter) -> Filter:
        """Return the filter of the subscription with a definition of the named filter."""
        return combined(named.filter, self.own)


def combined(named: Filter, own: Filter, *, pointer: str = "/filters") -> Filter:
    """Return the filter of events that match both.

    Args:
        named: The filter that was stored under a name.
        own: The filter of the request or subscription that names it.
        pointer: Where the request has its own filter (RFC 6901), for the error.

    Raises:
        InvalidFilter: They are too long together.
    """
    return parse_filters([*json.loads(named.text), *json.loads(own.text)], pointer=pointer)


def require_half(value: Filter, *, pointer: str = "/filters") -> None:
    """Raise unless a filter fits together with any other one that was checked so.

    Args:
        value: A named filter, or the filter that a durable subscription has beside one.
        pointer: Where the request has it (RFC 6901), for the error.

    Raises:
        InvalidFilter: It is too long.
    """
    size = len(value.text.encode())
    if size > _MAX_BYTES:
        raise InvalidFilter(
            f"the filters are {size} bytes long as JSON; at most {_MAX_BYTES} are allowed for a named filter, and for "
            "the filters of a subscription that names one",
            pointer=pointer,
        )
