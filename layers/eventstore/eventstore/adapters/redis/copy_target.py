"""The `CopyTarget` in Redis: what is copied is stored at once, or by a journal (`adapters.journaled.copy_steps`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.copy_steps import (
    batches_of,
    copy_appends_step,
    copy_partition_steps,
    copy_stream_step,
    take_over_step,
)
from eventstore.adapters.redis.definitions import listed
from eventstore.adapters.redis.keys import turn_keys
from eventstore.adapters.redis.scripts import Script

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.definitions import Definitions
    from eventstore.adapters.redis.group_steps import GroupSteps
    from eventstore.adapters.redis.partitions import Partitions
    from eventstore.ports.copied_values import (
        CopiedAppend,
        CopiedDefinition,
        CopiedGroup,
        CopiedPartition,
        CopiedStream,
    )
    from eventstore.positions import Epoch

__all__ = ["CopySteps", "RedisCopySteps", "RedisCopyTarget"]

_BATCH_BYTES = 1024 * 1024


class CopySteps(Protocol):
    """Stores what is copied, in steps that can be repeated."""

    def appends(self, partition: int, appends: Sequence[CopiedAppend]) -> None:
        """Store appends."""

    def streams(self, partition: int, streams: Sequence[CopiedStream]) -> None:
        """Store what streams have besides their events."""

    def partition(self, partition: int, copied: CopiedPartition) -> None:
        """Store what a partition has besides its streams, without its checkpoint."""


class RedisCopySteps:
    """See `CopySteps`: each is done at once."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._appends = Script("copy/append", "shared/last_entry")
        self._stream = Script("copy/stream")
        self._partition = Script("copy/partition", "shared/last_entry")

    def appends(self, partition: int, appends: Sequence[CopiedAppend]) -> None:
        """See `CopySteps.appends`."""
        for batch in batches_of(appends, most_bytes=_BATCH_BYTES):
            step = copy_appends_step(partition, batch, [append.bodies for append in batch])
            self._appends(self._client, *step)

    def streams(self, partition: int, streams: Sequence[CopiedStream]) -> None:
        """See `CopySteps.streams`."""
        self._stream.each(self._client, [copy_stream_step(partition, stream) for stream in streams])

    def partition(self, partition: int, copied: CopiedPartition) -> None:
        """See `CopySteps.partition`."""
        for step in copy_partition_steps(partition, copied):
            self._partition(self._client, *step)


class RedisCopyTarget:
    """See `ports.copies.CopyTarget`.

    Args:
        partitions: The partitions of the store.
        steps: Stores what is copied.
        groups: Starts and ends groups of durable subscriptions.
        definitions: The definitions of each kind.
    """

    def __init__(
        self,
        partitions: Partitions,
        *,
        steps: CopySteps,
        groups: GroupSteps,
        definitions: Mapping[str, Definitions],
    ) -> None:
        self._client: Client = partitions.client
        self._partitions = partitions
        self._steps = steps
        self._groups = groups
        self._definitions = definitions
        self._take_over = Script("copy/take_over", "shared/leap")

    def open(self, epochs: Mapping[int, Epoch]) -> None:
        """See `CopyTarget.open`."""
        with ANSWERING:
            self._partitions.adopt(epochs)

    def append(self, partition: int, appends: Sequence[CopiedAppend]) -> None:
        """See `CopyTarget.append`."""
        with ANSWERING:
            self._steps.appends(partition, appends)

    def put_streams(self, partition: int, streams: Sequence[CopiedStream]) -> None:
        """See `CopyTarget.put_streams`."""
        with ANSWERING:
            self._steps.streams(partition, streams)

    def put_partition(self, partition: int, copied: CopiedPartition) -> None:
        """See `CopyTarget.put_partition`."""
        with ANSWERING:
            self._steps.partition(partition, copied)
            self._take_over(self._client, *take_over_step(partition, copied))

    def put_groups(self, partition: int, groups: Sequence[CopiedGroup]) -> None:
        """See `CopyTarget.put_groups`."""
        with ANSWERING:
            stored = {key.decode() for key in self._client.execute_command("HKEYS", turn_keys(partition).groups)}
            for key in stored | {group.key for group in groups}:
                self._groups.end(partition, key)
            for group in groups:
                self._groups.start(partition, group.key, group.definition, group.state)

    def put_definitions(self, kind: str, definitions: Sequence[CopiedDefinition]) -> None:
        """See `CopyTarget.put_definitions`."""
        store = self._definitions[kind]
        wanted = {definition.name: definition for definition in definitions}
        with ANSWERING:
            surplus = [(name, text) for name, text, _ in listed(store) if name not in wanted]
            for name, text in surplus:
                store.delete(name, text)
            for name, (stored, _) in zip(wanted, store.texts(list(wanted)), strict=True):
                definition = wanted[name]
                reference = (definition.reference,) if definition.reference else ()
                if stored is None:
                    store.create(name, definition.text, *reference)
                    store.ensure_listed(name)
                else:
                    store.change(name, stored, definition.text, *reference)
