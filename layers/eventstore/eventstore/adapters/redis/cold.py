"""The events of a store whose bodies left memory (lua/log/cool.lua): they are cold, and are read from the archive."""

from __future__ import annotations

from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from eventstore.adapters.redis.entries import sequence_and_time
from eventstore.adapters.redis.keys import stream_keys
from eventstore.errors import ArchiveUnavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from eventstore.adapters.redis.connection import Client
    from eventstore.adapters.redis.entries import Entry
    from eventstore.ports.history import History
    from eventstore.streams import StreamName

__all__ = ["CHUNK", "ColdEvents", "EventsRemoved", "Place", "StreamPart"]

_PLACE = Struct("<IIH")
CHUNK = 32
"""How many sequences a chunk of digests, or of places, has (lua/log/append.lua)."""


class EventsRemoved(Exception):
    """Events were removed between a read of the store and one of the archive: what was read is to be read again."""


class Place(NamedTuple):
    """What memory has of a cold event.

    Attributes:
        sequence: Its sequence.
        time: When it was stored, in milliseconds since 1970.
        size: The length of its body.
    """

    sequence: int
    time: int
    size: int


class StreamPart(NamedTuple):
    """What was read from memory of a part of a stream.

    Attributes:
        stream: The stream.
        low: The first sequence of the part that the stream keeps.
        high: The last sequence of the part.
        entries: The entries that were read, in order.
    """

    stream: StreamName
    low: int
    high: int
    entries: Sequence[Entry]

    def lacking(self) -> tuple[int, int] | None:
        """Return the first and last sequence that are lacking, for cold events come first; None if there are none."""
        high = self.high
        if self.entries:
            last, _ = sequence_and_time(self.entries[0][0])
            high = min(high, last - len(self.entries[0][1][0]) // 4 - 1)
        return (self.low, high) if self.low <= high else None


class ColdEvents:
    """Reads cold events.

    Args:
        client: The client of the store.
        history: What was archived; None if there is no archive.
    """

    def __init__(self, client: Client, history: History | None) -> None:
        self._client = client
        self._history = history

    def completed(self, partition: int, parts: Sequence[StreamPart]) -> list[Sequence[Entry]]:
        """Return what was read of parts of streams of a partition, with the cold events that it lacks.

        Raises:
            ArchiveUnavailable: The archive does not answer, or lacks one of them.
            EventsRemoved: One of them was removed meanwhile.
        """
        completed = [part.entries for part in parts]
        lacking = {index: span for index, part in enumerate(parts) if (span := part.lacking())}
        if lacking:
            found = self._places(partition, [(parts[index].stream, *span) for index, span in lacking.items()])
            places: dict[StreamName, list[Place]] = {}
            for index, each in zip(lacking, found, strict=True):
                places.setdefault(parts[index].stream, []).extend(each)
            cold = self._entries(partition, places)
            for index, each in zip(lacking, found, strict=True):
                stream = cold[parts[index].stream]
                completed[index] = [*(stream[place.sequence] for place in each), *parts[index].entries]
        return completed

    def body(self, partition: int, stream: StreamName, sequence: int) -> bytes:
        """Return the body of a cold event.

        Raises:
            ArchiveUnavailable: The archive does not answer, or lacks it.
            EventsRemoved: It was removed meanwhile.
        """
        [places] = self._places(partition, [(stream, sequence, sequence)])
        if not places:
            raise EventsRemoved
        _, (_, body) = self._entries(partition, {stream: places})[stream][sequence]
        return body

    def oldest(self, partition: int, stream: StreamName, *, after: int, count: int) -> list[Place]:
        """Return what memory has of the first cold events of a stream after a sequence.

        Args:
            partition: The partition of the stream.
            stream: The name of the stream.
            after: The sequence.
            count: About how many events.
        """
        high = after + max(count, CHUNK)
        [places] = self._places(partition, [(stream, after + 1, high)])
        return places

    def _places(self, partition: int, parts: Sequence[tuple[StreamName, int, int]]) -> list[list[Place]]:
        """Return what memory has of parts of streams of a partition, each from a first to a last sequence."""
        pipeline = self._client.pipeline(transaction=False)
        for stream, low, high in parts:
            numbers = range((low - 1) // CHUNK, (high - 1) // CHUNK + 1)
            pipeline.hmget(stream_keys(partition, stream).digests, [f"c{number}" for number in numbers])
        return [
            [place for place in _places_of(chunks, (low - 1) // CHUNK) if low <= place.sequence <= high]
            for (_, low, high), chunks in zip(parts, pipeline.execute(), strict=True)
        ]

    def _entries(
        self, partition: int, places: Mapping[StreamName, Sequence[Place]]
    ) -> dict[StreamName, dict[int, Entry]]:
        """Return events of streams of a partition as if their streams still had them, one in each entry."""
        wanted = {stream: {place.sequence: place.time for place in each} for stream, each in places.items() if each}
        bodies = self._bodies(partition, wanted) if wanted else {}
        entries: dict[StreamName, dict[int, Entry]] = {}
        for stream, each in places.items():
            entries[stream] = {}
            for place in each:
                body = bodies[stream].get(place.sequence)
                if body is None:
                    raise self._lost(partition, stream, place.sequence)
                entries[stream][place.sequence] = b"%d-%d" % (place.sequence, place.time), (b"", body)
        return entries

    def _bodies(
        self, partition: int, wanted: Mapping[StreamName, Mapping[int, int]]
    ) -> Mapping[StreamName, Mapping[int, bytes]]:
        if self._history is None:
            raise ArchiveUnavailable(
                "events of this store are in its archive, and ARCHIVE_URL is unset: set it to where they are"
            )
        return self._history.bodies(partition, wanted)

    def _lost(self, partition: int, stream: StreamName, sequence: int) -> Exception:
        first, gone = self._client.hmget(stream_keys(partition, stream).state, ("first", "gone"))
        if gone or sequence < int(first or 1):
            return EventsRemoved()
        return ArchiveUnavailable(
            f"the archive does not have event {sequence} of stream {stream!r}, which left memory: "
            "ARCHIVE_URL names another archive, or files were deleted from it"
        )


def _places_of(chunks: Sequence[bytes | None], first: int) -> Iterable[Place]:
    """Yield what chunks have of cold events; `first` is the number of the first one."""
    for number, chunk in enumerate(chunks, start=first):
        for sequence, (size, low, high) in enumerate(_PLACE.iter_unpack(chunk or b""), start=number * CHUNK + 1):
            if low or high:
                yield Place(sequence, high << 32 | low, size)
