"""The `NamedFilters` in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.definitions import Definitions, FilterDefinitions
from eventstore.adapters.redis.partitions import Partitions, random_epoch
from eventstore.errors import FilterNotFound
from eventstore.filters.named import NamedFilter
from eventstore.streams import is_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.streams import FilterName

__all__ = ["RedisNamedFilters"]


class RedisNamedFilters:
    """See `ports.NamedFilters`.

    Args:
        client: The client of the store.
        partitions: See `RedisLog`.
        definitions: Stores the definitions; None stores them in Redis alone.
    """

    def __init__(
        self,
        client: Client,
        *,
        partitions: Partitions | int | None = None,
        definitions: Definitions | None = None,
    ) -> None:
        self._partitions = Partitions.of(client, partitions, random_epoch)
        self._definitions = definitions or FilterDefinitions(client)

    def create(self, named: NamedFilter) -> bool:
        """See `NamedFilters.create`."""
        with ANSWERING:
            # A store that this version does not support is left unchanged.
            _ = self._partitions.count
            self._partitions.require_writable()
            return self._definitions.create(named.name, named.encoded())

    def get(self, name: FilterName) -> NamedFilter:
        """See `NamedFilters.get`."""
        text = self._text(name)
        if text is None:
            raise FilterNotFound(name)
        return NamedFilter.decoded(text.decode())

    def list(self, *, prefix: str, after: str, count: int) -> Sequence[NamedFilter]:
        """See `NamedFilters.list`."""
        filters: list[NamedFilter] = []
        while len(filters) < count:
            wanted = count - len(filters)
            with ANSWERING:
                names = self._definitions.names(prefix=prefix, after=after, count=wanted)
                texts = self._definitions.texts(names)
            # A filter that was deleted between the two commands is left out, and the next ones are read in its place.
            filters += [NamedFilter.decoded(text.decode()) for text, _ in texts if text is not None]
            if len(names) < wanted:
                break
            after = names[-1]
        return filters

    def change(self, old: NamedFilter, new: NamedFilter) -> bool:
        """See `NamedFilters.change`."""
        return self._replace(old, new)

    def delete(self, old: NamedFilter) -> bool:
        """See `NamedFilters.delete`."""
        return self._replace(old, None)

    def _replace(self, old: NamedFilter, new: NamedFilter | None) -> bool:
        text = self._text(old.name)
        # Compared as values: an earlier release may have encoded the same filter differently.
        if text is None or NamedFilter.decoded(text.decode()) != old:
            return False
        with ANSWERING:
            self._partitions.require_writable()
            if new is None:
                return self._definitions.delete(old.name, text)
            return self._definitions.change(old.name, text, new.encoded())

    def _text(self, name: FilterName) -> bytes | None:
        # The name may be any text from a client, also one that cannot be encoded.
        if not is_name(name):
            return None
        with ANSWERING:
            ((text, _),) = self._definitions.texts([name])
        return text
