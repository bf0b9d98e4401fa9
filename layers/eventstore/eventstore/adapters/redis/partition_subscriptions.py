"""The ephemeral subscriptions of partitions: each is stored in the slots of its partitions, for their turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.entries import id_of_entry
from eventstore.adapters.redis.keys import partition_keys, turn_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.ports import Start, Started
from eventstore.positions import BEGINNING, END_OF_APPEND, Epoch, Position

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.partitions import Opening, Partitions
    from eventstore.subscriptions import Subscription, SubscriptionKey

__all__ = ["PartitionSubscriptions"]


class PartitionSubscriptions:
    """See `ports.EphemeralSubscriptions`.

    Args:
        client: The client of the store.
        partitions: The partitions of the store.
    """

    stores_definitions = True

    def __init__(self, client: Client, partitions: Partitions) -> None:
        self._client = client
        self._partitions = partitions
        self._subscribe = Script("registry/subscribe", "shared/open_partition", "shared/last_entry", "shared/bell")
        self._unsubscribe = Script("registry/unsubscribe")

    def start(self, subscription: Subscription, starts: Mapping[int, Position | Start]) -> Mapping[int, Started]:
        """See `EphemeralSubscriptions.start`."""
        key, encoded = subscription.key, subscription.encoded()

        def subscribe(opening: Opening) -> list[Any]:
            calls = [
                (_subscribe_keys(partition), [*opening, key, encoded, _encode_start(start), END_OF_APPEND])
                for partition, start in starts.items()
            ]
            return self._subscribe.each(self._client, calls)

        return dict(zip(starts, map(_started, self._partitions.opened(starts, subscribe)), strict=True))

    def end(self, key: SubscriptionKey, partitions: Iterable[int], terms: Sequence[str]) -> None:
        """See `EphemeralSubscriptions.end`."""
        calls = [(_unsubscribe_keys(partition), [key, *terms]) for partition in partitions]
        self._unsubscribe.each(self._client, calls)

    def frames_of(self, key: SubscriptionKey) -> Mapping[int, int]:  # noqa: ARG002 - they are stored
        """See `EphemeralSubscriptions.frames_of`."""
        return {}


def _subscribe_keys(partition: int) -> Sequence[str]:
    log, keys = partition_keys(partition), turn_keys(partition)
    head = (log.partition, keys.turn, log.bell, log.log, keys.behind)
    return (*head, keys.places, keys.subscriptions, keys.frames)


def _unsubscribe_keys(partition: int) -> Sequence[str]:
    keys = turn_keys(partition)
    return keys.subscriptions, keys.frames, keys.behind, keys.places, keys.terms


def _started(answer: tuple[bytes, bytes, bytes]) -> Started:
    epoch, position, removals = answer
    time, order, index = map(int, position.split(b"-"))
    return Started(Epoch(epoch.decode()), Position(time, order, index), int(removals))


def _encode_start(start: Position | Start) -> str:
    if start is Start.NOW:
        return "now"
    position = BEGINNING if isinstance(start, Start) else start
    return f"{id_of_entry(position)}-{position.index}"
