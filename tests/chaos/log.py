"""The expected content of the store, from the answers to publishers, independent of the hub's code."""

from __future__ import annotations

from binascii import crc_hqx
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["Event", "Log", "Stream"]


class Event(NamedTuple):
    """An event that was answered as stored.

    Attributes:
        at: Its place in the order of its partition, from 0.
        time: When it was stored, in milliseconds since 1970.
        data: Its number; `None` of one too large for a frame.
    """

    stream: str
    sequence: int
    id: str
    type: str
    at: int
    time: int
    data: int | None


@dataclass
class Stream:
    """A stream.

    Attributes:
        deleted: The last sequence that deletions removed.
        gone: Whether it was deleted for good.
        streams_with_retention: Whether a retention may remove events.
    """

    name: str
    partition: int
    events: list[Event] = field(default_factory=list)
    deleted: int = 0
    gone: bool = False
    has_retention: bool = False
    _indexes: list[int] = field(default_factory=list)

    @property
    def head(self) -> int:
        return len(self.events)

    def from_index(self, index: int) -> int:
        """The sequence of the first event at that place of the partition, or behind it."""
        return bisect_left(self._indexes, index) + 1

    def add(self, event: Event) -> None:
        self.events.append(event)
        self._indexes.append(event.at)


class Log:
    """Streams and partitions."""

    def __init__(self, partitions: int) -> None:
        self.streams: dict[str, Stream] = {}
        self.ends = [0] * partitions
        """How many events each partition has seen."""
        self.times: list[list[int]] = [[] for _ in range(partitions)]
        self.generations = [0] * partitions
        """How often the epoch of each was renewed."""

    def partition_of(self, stream: str) -> int:
        return crc_hqx(stream.encode(), 0) % len(self.ends)

    def stream(self, name: str) -> Stream:
        if name not in self.streams:
            self.streams[name] = Stream(name, self.partition_of(name))
        return self.streams[name]

    def of_partition(self, partition: int) -> list[Stream]:
        return [stream for stream in self.streams.values() if stream.partition == partition]

    def append(self, name: str, event_id: str, kind: str, data: int | None, time: int) -> Event:
        stream = self.stream(name)
        partition = stream.partition
        event = Event(name, stream.head + 1, event_id, kind, self.ends[partition], time, data)
        stream.add(event)
        self.ends[partition] += 1
        self.times[partition].append(time)
        return event

    def index_at(self, partition: int, time: int) -> int:
        """The place of the first event that was stored at that time or later."""
        return bisect_left(self.times[partition], time)

    def find(self, name: str, sequence: int) -> Event | None:
        stream = self.streams.get(name)
        return stream.events[sequence - 1] if stream and 1 <= sequence <= stream.head else None
