"""Finding events by their id: an index of each partition, brought up to date by who asks it, not by who appends.

Appends are many and lookups by id are few, and one call fewer is what an append can save most. The log holds the keys
of all events, so nothing is lost by being late: a lookup first indexes what was appended since the last one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.redis.keys import partition_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.cloudevents.event import id_key

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from eventstore.adapters.redis.partitions import Partitions

__all__ = ["MORE", "Ids"]

MORE = "*"
"""Stands at the end of a list of places that is not complete."""

_AT_ONCE = 900
"""Events that one step indexes, or up to an append more; with two arguments each, that stays under 3,999."""


class Ids:
    """Where events stand, by their id."""

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions
        self._index = Script("log/index")

    def places(self, event_id: str, partitions: Iterable[int]) -> Sequence[Sequence[str]]:
        """Per partition that has the id, `<stream>/<sequence>` of each event; the last may be `MORE`."""
        asked = list(partitions)
        self.catch_up(asked)
        pipeline = self._partitions.client.pipeline(transaction=False)
        for partition in asked:
            pipeline.hget(partition_keys(partition).ids, id_key(event_id))
        return [places.decode().split(" ") for places in pipeline.execute() if places]

    def catch_up(self, partitions: Iterable[int], *, may_go_on: Callable[[], bool] = lambda: True) -> bool:
        """Index what was appended since the index was last asked; whether all of it is indexed now."""
        asked = list(partitions)
        pipeline = self._partitions.client.pipeline(transaction=False)
        for partition in asked:
            keys = partition_keys(partition)
            pipeline.hget(keys.partition, "indexed")
            pipeline.xrevrange(keys.log, count=1)
        answers = iter(pipeline.execute())
        for partition, indexed, newest in zip(asked, answers, answers, strict=True):
            if newest and newest[0][0] != indexed:
                keys = partition_keys(partition)
                at = [keys.partition, keys.log, keys.ids]
                while self._index(self._partitions.client, at, [_AT_ONCE]):
                    if not may_go_on():
                        return False
        return True
