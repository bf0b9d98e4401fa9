"""The `HotWindow` in Redis: each step is a script for one stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.entries import id_of_entry
from eventstore.adapters.redis.formats import COLD
from eventstore.adapters.redis.keys import partition_keys, stream_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.ports.hot_window import Cooled
from eventstore.streams import StreamName

if TYPE_CHECKING:
    from collections.abc import Callable

    from eventstore.adapters.redis.partitions import Partitions
    from eventstore.positions import Position

__all__ = ["RedisHotWindow"]

_STEP = 250
"""How many appends one step looks at."""


class RedisHotWindow:
    """See `ports.hot_window.HotWindow`.

    The hash of a partition has `cold` once any of its events may be cold, and `cooled`: the last entry of the log whose
    events are.

    Args:
        partitions: The partitions of the store.
    """

    def __init__(self, partitions: Partitions) -> None:
        self._partitions = partitions
        self._client = partitions.client
        self._cool = Script("log/cool")
        self._note = Script("log/note")

    def cool(self, partition: int, *, until: Position, may_go_on: Callable[[], bool]) -> Cooled:
        """See `HotWindow.cool`."""
        keys = partition_keys(partition)
        events = 0
        with ANSWERING:
            cooled = (self._client.hget(keys.partition, "cooled") or b"0-0").decode()
            while may_go_on():
                entries = self._client.execute_command(
                    "XRANGE", keys.log, f"({cooled}", id_of_entry(until), "COUNT", _STEP
                )
                if not entries:
                    return Cooled(events, at_end=True)
                appends: dict[StreamName, list[bytes]] = {}
                for entry_id, (stream, *_) in entries:
                    appends.setdefault(StreamName(stream.decode()), []).append(entry_id)
                self._mark(partition)
                calls = [(self._keys(partition, stream), ids) for stream, ids in appends.items()]
                events += sum(int(count) for count, _ in self._cool.each(self._client, calls))
                cooled = entries[-1][0].decode()
                self._note(self._client, [keys.partition], ["cooled", cooled])
        return Cooled(events, at_end=False)

    def _mark(self, partition: int) -> None:
        """Have readers of the partition look for cold events, and versions that know of none refuse the store.

        Before there are any: a reader that finds no mark after its events has missed none.
        """
        self._note(self._client, [partition_keys(0).partition], ["format", COLD])
        self._note(self._client, [partition_keys(partition).partition], ["cold", 1])

    def _keys(self, partition: int, stream: StreamName) -> list[str]:
        keys = stream_keys(partition, stream)
        return [keys.events, keys.state, keys.digests, partition_keys(partition).log]
