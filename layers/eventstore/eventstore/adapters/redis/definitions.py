"""Definitions by name, which belong to no partition: of durable subscriptions, of named filters, and of schemas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from eventstore.adapters.redis.keys import (
    DURABLES,
    FILTER_NAMES,
    FILTERS,
    SCHEMA_NAMES,
    SCHEMAS,
    durable_key,
    filter_reference_key,
)
from eventstore.adapters.redis.names import range_of_names
from eventstore.adapters.redis.scripts import Script
from eventstore.streams import DurableName

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eventstore.adapters.redis.connection import Client

__all__ = ["Definitions", "DurableDefinitions", "FilterDefinitions", "SchemaDefinitions", "listed"]

_NAMES = 500


class Definitions(Protocol):
    """Definitions, each a text, and beside it perhaps another one, its reference."""

    def texts(self, names: Sequence[str]) -> list[tuple[bytes | None, bytes | None]]:
        """Return the definition and the reference of each name.

        If they are changed meanwhile, the reference may not fit the definition.
        """

    def names(self, *, prefix: str, after: str, count: int) -> list[Any]:
        """Return names in lexicographic order; see `range_of_names`."""

    def create(self, name: str, text: str, *reference: str) -> bool:
        """Store a definition, and perhaps a reference, unless there is one; return whether it was stored."""

    def ensure_listed(self, name: str) -> None:
        """Have `names` return the name of a definition that is stored."""

    def change(self, name: str, old: bytes, new: str, *reference: str) -> bool:
        """Replace a definition and its reference, unless it is not `old` any more; return whether it was replaced."""

    def delete(self, name: str, old: bytes) -> bool:
        """Delete a definition, unless it is not `old` any more; return whether it was deleted."""


class DurableDefinitions:
    """The `Definitions` of durable subscriptions: each is a key."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._list = Script("shared/list_names")
        self._create = Script("groups/create_definition")
        self._change = Script("groups/change_definition")

    def texts(self, names: Sequence[str]) -> list[tuple[bytes | None, bytes | None]]:
        """See `Definitions.texts`."""
        pipeline = self._client.pipeline(transaction=False)
        for name in names:
            for key in _keys_of(name):
                pipeline.get(key)
        answers = pipeline.execute()
        return list(zip(answers[::2], answers[1::2], strict=True))

    def names(self, *, prefix: str, after: str, count: int) -> list[Any]:
        """See `Definitions.names`."""
        return range_of_names(self._client, DURABLES, prefix=prefix, after=after, count=count)

    def create(self, name: str, text: str, *reference: str) -> bool:
        """See `Definitions.create`."""
        return bool(self._create(self._client, _keys_of(name), [text, *reference]))

    def ensure_listed(self, name: str) -> None:
        """See `Definitions.ensure_listed`."""
        self._list(self._client, [DURABLES], [name, 0])

    def change(self, name: str, old: bytes, new: str, *reference: str) -> bool:
        """See `Definitions.change`."""
        return bool(self._change(self._client, _keys_of(name), [old, new, *reference]))

    def delete(self, name: str, old: bytes) -> bool:  # noqa: ARG002 - whatever it was changed to
        """See `Definitions.delete`. It is deleted in any case."""
        self._client.execute_command("ZREM", DURABLES, name)
        self._client.execute_command("DEL", *_keys_of(name))
        return True


class _HashDefinitions:
    """`Definitions` that have no references: a hash, and a sorted set of their names, in one slot.

    Args:
        client: The client of the store.
        definitions: The key of the hash.
        names: The key of the sorted set.
    """

    def __init__(self, client: Client, definitions: str, names: str) -> None:
        self._client = client
        self._definitions = definitions
        self._names = names
        self._keys = (definitions, names)
        self._create = Script("filters/create_filter")
        self._change = Script("filters/change_filter")

    def texts(self, names: Sequence[str]) -> list[tuple[bytes | None, bytes | None]]:
        """See `Definitions.texts`."""
        return [(text, None) for text in self._client.hmget(self._definitions, names)] if names else []

    def names(self, *, prefix: str, after: str, count: int) -> list[Any]:
        """See `Definitions.names`."""
        return range_of_names(self._client, self._names, prefix=prefix, after=after, count=count)

    def create(self, name: str, text: str, *reference: str) -> bool:  # noqa: ARG002 - there is none
        """See `Definitions.create`."""
        return bool(self._create(self._client, self._keys, [name, text]))

    def ensure_listed(self, name: str) -> None:
        """See `Definitions.ensure_listed`: the script that stores a definition lists it."""

    def change(self, name: str, old: bytes, new: str, *reference: str) -> bool:  # noqa: ARG002 - there is none
        """See `Definitions.change`."""
        return bool(self._change(self._client, self._keys, [name, old, new]))

    def delete(self, name: str, old: bytes) -> bool:
        """See `Definitions.delete`."""
        return bool(self._change(self._client, self._keys, [name, old]))


class FilterDefinitions(_HashDefinitions):
    """The `Definitions` of named filters."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, FILTERS, FILTER_NAMES)


class SchemaDefinitions(_HashDefinitions):
    """The `Definitions` of schemas of event types."""

    def __init__(self, client: Client) -> None:
        super().__init__(client, SCHEMAS, SCHEMA_NAMES)


def _keys_of(text: str) -> tuple[str, str]:
    """Return the keys of a definition and of its reference, which are in one slot."""
    name = DurableName(text)
    return durable_key(name), filter_reference_key(name)


def listed(definitions: Definitions) -> Iterator[tuple[str, bytes, bytes | None]]:
    """Yield all definitions of a kind that are listed: name, text and reference, by name."""
    after = ""
    while names := definitions.names(prefix="", after=after, count=_NAMES):
        for name, (text, reference) in zip(names, definitions.texts(names), strict=True):
            if text is not None:
                yield name, text, reference
        after = names[-1]
