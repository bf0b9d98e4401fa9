"""The `Follower` in Redis: one blocking read of all partitions, on a connection of its own.

A blocking read does not cross the slots of a cluster. There the logs are polled, at a pace that follows the traffic.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from eventstore.adapters.redis.connection import ANSWERING, SOCKET_SECONDS, connect
from eventstore.adapters.redis.direct import Direct
from eventstore.adapters.redis.entries import Entry, id_of_entry, sequence_and_time
from eventstore.adapters.redis.growth import Growth, log_entry
from eventstore.adapters.redis.keys import partition_keys, turn_keys
from eventstore.adapters.redis.read_ahead import Ahead, ReadAhead
from eventstore.adapters.redis.url import RedisUrl
from eventstore.positions import Epoch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.direct import Command
    from eventstore.ports.follower import LogEntry
    from eventstore.positions import Position

__all__ = ["RedisFollower"]

_MAX_BLOCK_SECONDS = SOCKET_SECONDS / 2
_MOST_ENTRIES = 1000
"""The maximum number of entries of a log that one call returns."""

_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.002, 0.05
"""Seconds between two reads of a cluster: the pause is the shortest after an entry, and doubles while there is none."""


class RedisFollower:
    """See `ports.Follower`.

    Args:
        client: The client of the store, for what does not block.
        url: The address of the store (`REDIS_URL`).
        read_ahead: Where to keep the entries that were read, for a log that reads their events.
        pause: Blocks the calling thread for this many seconds, between two reads of a cluster.
    """

    def __init__(
        self,
        client: Client,
        url: str,
        *,
        read_ahead: ReadAhead | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._read_ahead = read_ahead or ReadAhead()
        is_cluster = RedisUrl.parse(url).cluster
        self._entries = _Streams(url, is_cluster=is_cluster, pause=pause)
        self._commands = _Streams(url, is_cluster=is_cluster, pause=pause)

    def wait_for_entries(
        self, after: Mapping[int, Position], *, seconds: float, deferral: Callable[[], float] = lambda: 0
    ) -> Mapping[int, Sequence[LogEntry]]:
        """See `Follower.wait_for_entries`."""
        positions = {partition_keys(partition).log: id_of_entry(position) for partition, position in after.items()}
        read = self._entries.wait(positions, seconds=seconds, count=_MOST_ENTRIES, deferral=deferral)
        return {
            partition: self._kept(partition, after[partition], read[key])
            for partition, key in zip(after, positions, strict=True)
            if key in read
        }

    def entries_after(self, partition: int, position: Position) -> Sequence[LogEntry]:
        """See `Follower.entries_after`."""
        command = ("XRANGE", partition_keys(partition).log, f"({id_of_entry(position)}", "+", "COUNT", _MOST_ENTRIES)
        with ANSWERING:
            return self._kept(partition, position, self._client.execute_command(*command))

    def _kept(self, partition: int, after: Position, entries: Sequence[Entry]) -> Sequence[LogEntry]:
        """Keep entries for the log that reads their events."""
        if entries:
            start, end = (after.major, after.minor), sequence_and_time(entries[-1][0])
            self._read_ahead.keep(partition, Ahead(Epoch(""), start, end, entries, has_start=False))
        return [log_entry(entry) for entry in entries]

    def growth(self, partition: int, after: Position) -> Growth:
        """See `Follower.growth`."""
        return Growth(partition, after)

    def wait_for_commands(self, after: Mapping[int, str], *, seconds: float) -> Mapping[int, str]:
        """See `Follower.wait_for_commands`."""
        positions = {turn_keys(partition).inbox: known or "0-0" for partition, known in after.items()}
        read = self._commands.wait(positions, seconds=seconds, count=_MOST_ENTRIES)
        return {
            partition: read[key][-1][0].decode() for partition, key in zip(after, positions, strict=True) if key in read
        }

    def close(self) -> None:
        """See `Follower.close`."""
        self._entries.close()
        self._commands.close()


class _Streams:
    """Reads several streams of Redis on a connection of its own, and waits for entries."""

    def __init__(self, url: str, *, is_cluster: bool, pause: Callable[[float], None]) -> None:
        self._url = url
        self._is_cluster = is_cluster
        self._pause = pause
        self._next_pause = _SHORTEST_PAUSE
        self._client: Client | None = None
        self._direct: Direct | None = None

    def wait(
        self,
        positions: Mapping[str, str],
        *,
        seconds: float,
        count: int,
        deferral: Callable[[], float] = lambda: 0,
    ) -> Mapping[str, Sequence[Entry]]:
        """Return the entries after the positions, by the key of their stream; nothing once the time is over."""
        if not positions:
            self._pause(seconds)
            return {}
        with ANSWERING:
            if self._client is None:
                self._client = connect(self._url)
                self._direct = Direct.of(self._client)
            if self._direct is None:
                return self._poll(self._client, positions, seconds=seconds, count=count)
            block = max(1, int(min(seconds, _MAX_BLOCK_SECONDS) * 1000))
            command: Command = ("XREAD", "COUNT", count, "BLOCK", block, "STREAMS", *positions, *positions.values())

            def defer() -> None:
                if (pause := deferral()) > 0:
                    self._pause(pause)

            [answer] = self._direct.run(command, arrived=defer)
            if isinstance(answer, Exception):
                raise answer
            return {key.decode(): entries for key, entries in _pairs(answer)}

    def _poll(
        self, client: Client, positions: Mapping[str, str], *, seconds: float, count: int
    ) -> Mapping[str, Sequence[Entry]]:
        deadline = time.monotonic() + seconds
        while True:
            pipeline = client.pipeline(transaction=False)
            for key, position in positions.items():
                pipeline.execute_command("XRANGE", key, f"({position}", "+", "COUNT", count)
            read = {key: entries for key, entries in zip(positions, pipeline.execute(), strict=True) if entries}
            if read:
                self._next_pause = _SHORTEST_PAUSE
                return read
            if time.monotonic() + self._next_pause >= deadline:
                return {}
            self._pause(self._next_pause)
            self._next_pause = min(2 * self._next_pause, _LONGEST_PAUSE)

    def close(self) -> None:
        if self._client is not None:
            self._client.close()


def _pairs(answer: Any) -> Iterable[tuple[bytes, Sequence[Entry]]]:
    """Return the streams of an answer: a map in RESP3, nothing once the time is over."""
    return answer.items() if isinstance(answer, dict) else answer or ()
