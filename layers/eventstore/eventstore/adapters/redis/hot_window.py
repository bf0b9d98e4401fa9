"""The `HotWindow` in Redis: each step is a script for one stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eventstore.adapters.redis.connection import ANSWERING
from eventstore.adapters.redis.entries import id_of_entry, sequence_and_time
from eventstore.adapters.redis.formats import COLD
from eventstore.adapters.redis.keys import partition_keys, stream_keys
from eventstore.adapters.redis.scripts import Script
from eventstore.positions import Position
from eventstore.streams import StreamName

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eventstore.adapters.redis.partitions import Partitions

__all__ = ["RedisHotWindow"]

_STEP = 250
"""How many entries of the log are read at once."""


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

    def cool(self, partition: int, *, until: Position, may_go_on: Callable[[], bool]) -> int:
        """See `HotWindow.cool`."""
        keys = partition_keys(partition)
        events = 0
        with ANSWERING:
            cooled = (self._client.hget(keys.partition, "cooled") or b"0-0").decode()
            while may_go_on():
                found = self._client.execute_command(
                    "XRANGE", keys.log, f"({cooled}", id_of_entry(until), "COUNT", _STEP
                )
                entries = [entry for entry in found if _end_of(entry) <= until]
                if not entries:
                    break
                appends: dict[StreamName, list[bytes]] = {}
                for entry_id, (stream, *_) in entries:
                    appends.setdefault(StreamName(stream.decode()), []).append(entry_id)
                self._mark(partition)
                for stream, ids in appends.items():
                    events += self._cool_stream(partition, stream, ids)
                cooled = entries[-1][0].decode()
                self._note(self._client, [keys.partition], ["cooled", cooled])
        return events

    def _cool_stream(self, partition: int, stream: StreamName, ids: Sequence[bytes]) -> int:
        """Let appends of a stream leave memory, a bounded part of them by each script; return how many events did."""
        keys = stream_keys(partition, stream)
        script_keys = [keys.events, keys.state, keys.digests, partition_keys(partition).log]
        events = 0
        while ids:
            count, done = self._cool(self._client, script_keys, ids)
            events += int(count)
            ids = ids[int(done) :]
        return events

    def _mark(self, partition: int) -> None:
        """Have readers of the partition look for cold events, and versions that know of none refuse the store.

        Before there are any: a reader that finds no mark after its events has missed none.
        """
        self._note(self._client, [partition_keys(0).partition], ["format", COLD])
        self._note(self._client, [partition_keys(partition).partition], ["cold", 1])


def _end_of(entry: tuple[bytes, Sequence[bytes]]) -> Position:
    """Return the position of the last event of an append, by its entry of the log."""
    entry_id, (_, reference, *_) = entry
    first, _, last = reference.partition(b"-")
    time, order = sequence_and_time(entry_id)
    return Position(time, order, int(last or first) - int(first))
