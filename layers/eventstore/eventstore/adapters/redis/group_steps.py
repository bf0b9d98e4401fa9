"""The steps that start and end the groups of durable subscriptions in partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from eventstore.adapters.redis.keys import partition_keys, turn_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.adapters.redis.steps import CLOSED
from eventstore.errors import StoreClosed
from eventstore.positions import END_OF_APPEND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.partitions import Partitions
    from eventstore.subscriptions import SubscriptionKey

__all__ = ["GroupSteps", "RedisGroupSteps"]


class GroupSteps(Protocol):
    """Does the steps."""

    def start(self, partition: int, key: SubscriptionKey, definition: str, state: str) -> None:
        """Create a group, unless the partition has it.

        Args:
            partition: The partition.
            key: The key of the subscription.
            definition: Its definition.
            state: The state of the group, in which `"NOW"` and `"REMOVALS"` are replaced (create_group.lua).
        """

    def end(self, partition: int, key: SubscriptionKey) -> None:
        """Delete a group."""

    def committed(self, partition: int, token: int, states: Mapping[SubscriptionKey, str]) -> None:
        """Take note of what a turn has stored.

        Args:
            partition: The partition.
            token: The fencing token of the turn.
            states: The states of the groups that it has changed.
        """


class RedisGroupSteps:
    """See `GroupSteps`: each is done at once, and what is stored needs no note."""

    def __init__(self, client: Client, partitions: Partitions) -> None:
        self._client = client
        self._partitions = partitions
        self._create = Script("groups/create_group", "shared/open_partition", "shared/last_entry", "shared/bell")

    def start(self, partition: int, key: SubscriptionKey, definition: str, state: str) -> None:
        """See `GroupSteps.start`."""
        log, keys = partition_keys(partition), turn_keys(partition)
        script_keys = [log.partition, log.log, keys.groups, keys.durables, log.bell]
        answer = self._partitions.opened(
            [partition],
            lambda opening: self._create(self._client, script_keys, [*opening, key, definition, state, END_OF_APPEND]),
        )
        if answer == CLOSED:
            raise StoreClosed

    def end(self, partition: int, key: SubscriptionKey) -> None:
        """See `GroupSteps.end`."""
        keys = turn_keys(partition)
        self._client.execute_command("HDEL", keys.groups, key)
        self._client.execute_command("HDEL", keys.durables, key)

    def committed(self, partition: int, token: int, states: Mapping[SubscriptionKey, str]) -> None:
        """See `GroupSteps.committed`."""
