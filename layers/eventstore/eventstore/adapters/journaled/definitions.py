"""Definitions of durable subscriptions, named filters and schemas, and checkpoints of groups, in the journal."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from eventstore.adapters.journaled.changes import Checkpoint, Define, EndGroup, LongText, StartGroup
from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.keys import definition_keys, turn_keys
from eventstore.adapters.redis.names import range_of_names
from eventstore.errors import EventstoreError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from eventstore.adapters.journaled.partitions import JournaledPartitions
    from eventstore.adapters.redis.connection import Client
    from eventstore.ports.journal import Journal
    from eventstore.subscriptions import SubscriptionKey

__all__ = ["JournaledDefinitions", "JournaledGroupSteps"]

_LOGGER = logging.getLogger(__name__)

_PARTITION = 0
"""The partition whose journal has the definitions: they belong to none."""


class JournaledDefinitions:
    """See `redis.definitions.Definitions`.

    Args:
        client: The client of the store.
        partitions: The partitions of the store.
        kind: What is defined: `durable`, `filter` or `schema`.
    """

    def __init__(self, client: Client, partitions: JournaledPartitions, kind: str) -> None:
        self._client = client
        self._partitions = partitions
        self._kind = kind
        self._keys = definition_keys(kind)

    def texts(self, names: Sequence[str]) -> list[tuple[bytes | None, bytes | None]]:
        """See `Definitions.texts`."""
        if not names:
            return []
        texts = self._partitions.whole([_PARTITION], lambda: self._read(names))
        if all(text is not None for text, _ in texts):
            return texts
        # The index may be behind the journal.
        self._partitions.catch_up(_PARTITION)
        return self._partitions.whole([_PARTITION], lambda: self._read(names))

    def names(self, *, prefix: str, after: str, count: int) -> list[Any]:
        """See `Definitions.names`."""
        names = self._keys.names
        return self._partitions.whole(
            [_PARTITION], lambda: range_of_names(self._client, names, prefix=prefix, after=after, count=count)
        )

    def create(self, name: str, text: str, *reference: str) -> bool:
        """See `Definitions.create`."""
        return self._defined(name, "", text, *reference)

    def ensure_listed(self, name: str) -> None:
        """See `Definitions.ensure_listed`: what is stored is listed."""

    def change(self, name: str, old: bytes, new: str, *reference: str) -> bool:
        """See `Definitions.change`."""
        return self._defined(name, old.decode(), new, *reference)

    def delete(self, name: str, old: bytes) -> bool:
        """See `Definitions.delete`."""
        return self._defined(name, old.decode(), "")

    def _read(self, names: Sequence[str]) -> list[tuple[bytes | None, bytes | None]]:
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hmget(self._keys.definitions, names)
        pipeline.hmget(self._keys.references, names)
        definitions, references = pipeline.execute()
        return list(zip(definitions, references, strict=True))

    def _defined(self, name: str, old: str, new: str, reference: str = "") -> bool:
        return bool(self._partitions.done(_PARTITION, Define(self._kind, name, old, new, reference)))


class JournaledGroupSteps:
    """See `redis.group_steps.GroupSteps`. A group is in the journal as its last turn left it.

    Turns that only pushed events are left out (`TurnResult.pushed`).

    Args:
        client: The client of the store.
        partitions: The partitions of the store.
        journal: The journal.
    """

    def __init__(self, client: Client, partitions: JournaledPartitions, journal: Journal) -> None:
        self._client = client
        self._partitions = partitions
        self._journal = journal

    def start(self, partition: int, key: SubscriptionKey, definition: str, state: str) -> None:
        """See `GroupSteps.start`."""
        self._partitions.done(partition, StartGroup(key, definition, LongText(state)))

    def end(self, partition: int, key: SubscriptionKey) -> None:
        """See `GroupSteps.end`."""
        self._erase(partition, self._partitions.done(partition, EndGroup(key)))

    def committed(self, partition: int, token: int, states: Mapping[SubscriptionKey, str]) -> None:
        """See `GroupSteps.committed`.

        The turn is done, so a journal that is away must not fail it: until the next one, the journal has an older
        state, and events may be delivered again if Redis is lost meanwhile.
        """
        try:
            self._note(partition, token, states)
        except EventstoreError as error:
            _LOGGER.warning("the journal does not have the newest state of partition %s: %s", partition, error)

    def _note(self, partition: int, token: int, states: Mapping[SubscriptionKey, str]) -> None:
        keys = list(states)
        with ANSWERING:
            texts = self._client.hmget(turn_keys(partition).durables, keys) if keys else []
            for key, text in zip(keys, texts, strict=True):
                # A subscription that was deleted meanwhile has no definition.
                if text is not None:
                    record = Checkpoint(key, token, text.decode(), LongText(states[key]))
                    self._erase(partition, self._partitions.done(partition, record))

    def _erase(self, partition: int, position: int) -> None:
        """Erase the record of a checkpoint that another one replaces, if the journal can do that."""
        if position and self._journal.erases:
            self._journal.erase(partition, position)
