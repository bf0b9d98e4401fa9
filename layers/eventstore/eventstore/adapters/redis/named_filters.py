"""The `NamedFilters` in Redis: a hash of definitions and a sorted set of names, which are in one slot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.keys import FILTER_NAMES, FILTERS
from eventstore.adapters.redis.names import range_of_names
from eventstore.adapters.redis.partitions import Partitions, random_epoch
from eventstore.adapters.redis.scripts import Script
from eventstore.errors import FilterNotFound
from eventstore.filters.named import NamedFilter
from eventstore.streams import is_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.streams import FilterName

__all__ = ["RedisNamedFilters"]

_KEYS = (FILTERS, FILTER_NAMES)


class RedisNamedFilters:
    """See `ports.NamedFilters`.

    Args:
        client: The client of the store.
        partitions: See `RedisLog`.
    """

    def __init__(self, client: Client, *, partitions: Partitions | int | None = None) -> None:
        self._client = client
        self._partitions = Partitions.of(client, partitions, random_epoch)
        self._create = Script("filters/create_filter")
        self._change = Script("filters/change_filter")

    def create(self, named: NamedFilter) -> bool:
        """See `NamedFilters.create`."""
        with ANSWERING:
            # A store that this version does not support is left unchanged.
            _ = self._partitions.count
            return bool(self._create(self._client, _KEYS, [named.name, named.encoded()]))

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
                names = range_of_names(self._client, FILTER_NAMES, prefix=prefix, after=after, count=wanted)
                texts = self._client.hmget(FILTERS, names) if names else []
            # A filter that was deleted between the two commands is left out, and the next ones are read in its place.
            filters += [NamedFilter.decoded(text.decode()) for text in texts if text is not None]
            if len(names) < wanted:
                break
            after = names[-1]
        return filters

    def change(self, old: NamedFilter, new: NamedFilter) -> bool:
        """See `NamedFilters.change`."""
        return self._replace(old, [new.encoded()])

    def delete(self, old: NamedFilter) -> bool:
        """See `NamedFilters.delete`."""
        return self._replace(old, [])

    def _replace(self, old: NamedFilter, replacement: Sequence[str]) -> bool:
        text = self._text(old.name)
        # Compared as values: an earlier release may have encoded the same filter differently.
        if text is None or NamedFilter.decoded(text.decode()) != old:
            return False
        with ANSWERING:
            return bool(self._change(self._client, _KEYS, [old.name, text, *replacement]))

    def _text(self, name: FilterName) -> bytes | None:
        # The name may be any text from a client, also one that cannot be encoded.
        if not is_name(name):
            return None
        with ANSWERING:
            text: bytes | None = self._client.hget(FILTERS, name)
        return text
