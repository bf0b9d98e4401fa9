"""The `EventSchemas` in Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.redis.definitions import Definitions, SchemaDefinitions
from eventstore.adapters.redis.named_records import NamedRecords
from eventstore.errors import SchemaNotFound
from eventstore.ports import EventSchema

if TYPE_CHECKING:
    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.partitions import Partitions

__all__ = ["RedisEventSchemas"]


class RedisEventSchemas(NamedRecords[EventSchema]):
    """See `ports.EventSchemas`.

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
        super().__init__(
            client,
            definitions or SchemaDefinitions(client),
            partitions=partitions,
            record=EventSchema,
            not_found=SchemaNotFound,
        )
