"""The index of events by id, one per partition. Lookups bring it up to date; appends do not.

Appends are many and lookups by id are few, and a command fewer is the largest saving of an append. The log holds the
keys of all events, so a lookup can index the appends since the last lookup before it uses the index.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.redis.keys import partition_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.cloudevents.event import EventId, id_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from eventstore.adapters.redis.partitions import Partitions

__all__ = ["MORE", "Ids"]

MORE = "*"
"""The last element of an incomplete list of places."""

_STEP_EVENTS = 900
"""About how many events one script call indexes: with two arguments each, and an append more, under 3,999."""


class Ids:
    """Finds the places of events by their id."""

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions
        self._index = Script("log/index")

    def places(self, event_id: EventId, partitions: Iterable[int]) -> Sequence[Sequence[str]]:
        """Return the places of the events with an id, as `<stream>/<sequence>`, in a list per partition that has any.

        Args:
            event_id: The `id` attribute.
            partitions: The partitions to search. The last place of a list may be `MORE`.
        """
        numbers = list(partitions)
        self.catch_up(numbers)
        pipeline = self._partitions.client.pipeline(transaction=False)
        for partition in numbers:
            pipeline.hget(partition_keys(partition).ids, id_key(event_id))
        return [places.decode().split(" ") for places in pipeline.execute() if places]

    def catch_up(self, partitions: Iterable[int], *, may_go_on: Callable[[], bool] = lambda: True) -> bool:
        """Index the events that were appended since the last call.

        Args:
            partitions: The partitions to index.
            may_go_on: Whether there is time for another step.

        Returns:
            Whether all events are indexed now.
        """
        numbers = list(partitions)
        pipeline = self._partitions.client.pipeline(transaction=False)
        for partition in numbers:
            keys = partition_keys(partition)
            pipeline.hget(keys.partition, "indexed")
            pipeline.xrevrange(keys.log, count=1)
        answers = iter(pipeline.execute())
        for partition, indexed, newest in zip(numbers, answers, answers, strict=True):
            if newest and newest[0][0] != indexed:
                keys = partition_keys(partition)
                script_keys = [keys.partition, keys.log, keys.ids]
                while self._index(self._partitions.client, script_keys, [_STEP_EVENTS]):
                    if not may_go_on():
                        return False
        return True
